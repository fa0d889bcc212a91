//! Where a text holds a secret, and the text without control characters.
//!
//! Each shape has an anchor that is rare in ordinary text and found by vector instructions, so a text without
//! secrets costs three quick passes. Every shape is matched in linear time, and never by a backtracking pattern.

use std::{borrow::Cow, ops::Range};

use memchr::{memchr3_iter, memmem};

/// Finds the secrets whose shape is known.
#[derive(Clone, Debug)]
pub(super) struct Finder {
    scheme: memmem::Finder<'static>,
    bearer: memmem::Finder<'static>,
}

impl Finder {
    pub(super) fn new() -> Self {
        Self { scheme: memmem::Finder::new("://"), bearer: memmem::Finder::new("earer ") }
    }

    /// Ranges of the text's bytes, on boundaries of characters; they may overlap.
    pub(super) fn secrets(&self, text: &str) -> Vec<Range<usize>> {
        let bytes = text.as_bytes();
        let mut found = Vec::new();
        // Behind the end of the last secret, so that many anchors in one secret are not many passes over it.
        let mut free = 0;
        // No token begins before this place: one that did would have ended there.
        let mut tokens_from = 0;
        for at in memchr3_iter(b'_', b'J', b'I', bytes) {
            if at < free {
                continue;
            }
            let secret = match bytes.get(at) {
                Some(b'_') => own_key(bytes, at).or_else(|| github(bytes, at)),
                Some(b'J') if at < tokens_from => None,
                Some(b'J') => match web_token(bytes, at) {
                    Ok(secret) => secret,
                    Err(end) => {
                        tokens_from = end;
                        None
                    }
                },
                _ => aws(bytes, at).or_else(|| private_key(bytes, at)),
            };
            if let Some(secret) = secret {
                free = secret.end;
                found.push(secret);
            }
        }
        found.extend(self.bearer.find_iter(bytes).filter_map(|at| bearer(bytes, at)));
        found.extend(self.scheme.find_iter(bytes).filter_map(|at| password(bytes, at)));
        found
    }
}

/// The text without control characters but tab, line feed and carriage return, and without ANSI escapes.
pub(super) fn without_control(text: &str) -> Cow<'_, str> {
    let suspicious =
        |byte: &u8| (*byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')) || matches!(byte, 0x7f | 0xc2);
    // Without an early end inside of a chunk, so that the compiler may look at many bytes at once.
    let clean = text.as_bytes().chunks(64).all(|chunk| !chunk.iter().fold(false, |any, byte| any | suspicious(byte)));
    if clean || !text.chars().any(is_control) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '\u{1b}' | '\u{9b}' | '\u{9d}' | '\u{90}' => skip_escape(char, &mut chars),
            char if is_control(char) => {}
            char => out.push(char),
        }
    }
    Cow::Owned(out)
}

fn is_control(char: char) -> bool {
    char.is_control() && !matches!(char, '\t' | '\n' | '\r')
}

/// Goes past one escape sequence (ECMA-48, sections 5.4 and 5.6) whose first character was `first`.
fn skip_escape(first: char, chars: &mut std::str::Chars<'_>) {
    let mut ahead = chars.clone();
    let kind = if first == '\u{1b}' { ahead.next() } else { Some(first) };
    match kind {
        Some('[' | '\u{9b}') => {
            // Parameters and intermediates, then one final character; anything else ends a broken sequence.
            for _ in 0..SEQUENCE_CHARS {
                match ahead.clone().next() {
                    Some(' '..='?') => drop(ahead.next()),
                    Some('@'..='~') => {
                        ahead.next();
                        break;
                    }
                    _ => break,
                }
            }
            *chars = ahead;
        }
        Some(']' | 'P' | '\u{9d}' | '\u{90}') => {
            // A string for the terminal, up to BEL or ST. Where neither comes soon, and in the same line, only the
            // introducer goes: whoever begins a string must not take away what others say below it.
            let introduced = ahead.clone();
            for _ in 0..STRING_CHARS {
                match ahead.next() {
                    Some('\u{7}' | '\u{9c}') => {
                        *chars = ahead;
                        return;
                    }
                    Some('\u{1b}') if ahead.clone().next() == Some('\\') => {
                        ahead.next();
                        *chars = ahead;
                        return;
                    }
                    Some('\n' | '\r') => break,
                    // Another control character breaks the string off, and is looked at by itself.
                    Some(char) if is_control(char) => break,
                    Some(_) => {}
                    None => break,
                }
            }
            *chars = introduced;
        }
        // Two characters, such as a change of the character set or a reset.
        Some('(' | ')') => {
            ahead.next();
            *chars = ahead;
        }
        Some('0'..='~') => *chars = ahead,
        _ => {}
    }
}

/// `mocopr_` and what follows, as the keys of this framework are written.
fn own_key(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let start = before(bytes, at, b"mocopr")?;
    let end = run(bytes, at + 1, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    (end - at > KEY_BYTES).then_some(start..end)
}

/// `ghp_`, `gho_`, `ghu_`, `ghs_`, `ghr_` and `github_pat_`.
fn github(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if let Some(start) = before(bytes, at, b"github") {
        let rest = bytes.get(at + 1..)?.strip_prefix(b"pat_")?;
        let end = run(bytes, bytes.len() - rest.len(), word);
        return (end - at >= 27).then_some(start..end);
    }
    let start = [b"ghp", b"gho", b"ghu", b"ghs", b"ghr"].into_iter().find_map(|kind| before(bytes, at, kind))?;
    let end = run(bytes, at + 1, word);
    (end - at > 36).then_some(start..end)
}

/// A JSON Web Signature or Encryption in its compact form: `eyJ….….…` (RFC 7515, section 7.1).
///
/// Where the parts are too few it says up to where: no token begins in between, and nobody need look again.
fn web_token(bytes: &[u8], at: usize) -> Result<Option<Range<usize>>, usize> {
    let Some(start) = before(bytes, at, b"ey") else { return Ok(None) };
    let header = run(bytes, at + 1, is_base64url);
    if header - start < 10 || bytes.get(header) != Some(&b'.') {
        return Err(header);
    }
    let claims = run(bytes, header + 1, is_base64url);
    if bytes.get(claims) != Some(&b'.') {
        return Err(claims);
    }
    // The last part of an unsigned token is empty; an encrypted one has five.
    let end = run(bytes, claims + 1, |byte| is_base64url(byte) || byte == b'.');
    Ok(Some(start..end))
}

/// The id of an AWS access key.
fn aws(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let start = before(bytes, at, b"AK").or_else(|| before(bytes, at, b"AS"))?;
    let left = start.checked_sub(1).and_then(|left| bytes.get(left));
    if left.is_some_and(u8::is_ascii_alphanumeric) || bytes.get(at + 1) != Some(&b'A') {
        return None;
    }
    let end = run(bytes, start, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    (end - start == 20).then_some(start..end)
}

/// A private key in PEM (RFC 7468), up to its end or, where that is missing, as far as its lines go on: whoever writes
/// only a beginning must not take away what others say below it.
fn private_key(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let start = before(bytes, at, b"-----BEG")?;
    let label = bytes.get(at + 1..)?.strip_prefix(b"N ")?;
    let label = label.get(..label.len().min(LABEL_BYTES))?;
    let label = label.get(..memmem::find(label, b"-----")?)?;
    memmem::find(label, b"PRIVATE KEY")?;
    let body = bytes.get(at..)?;
    let end = memmem::find(body, b"-----END ").and_then(|end| {
        let label = body.get(end + 9..)?;
        Some(at + end + 9 + memmem::find(label.get(..label.len().min(LABEL_BYTES))?, b"-----")? + 5)
    });
    Some(start..end.unwrap_or_else(|| at + lines_of_key(body)))
}

/// Where the lines of base64 end that stand below the first line of a key.
fn lines_of_key(body: &[u8]) -> usize {
    let is_key = |line: &[u8]| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        line.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
    };
    let mut lines = body.split(|byte| *byte == b'\n');
    let first = lines.next().map_or(0, <[u8]>::len);
    let rest: usize = lines.take_while(|line| is_key(line)).map(|line| line.len() + 1).sum();
    (first + rest).min(body.len())
}

/// What follows `Bearer` (RFC 6750, section 2.1), if it is long and has a digit, as a word has not.
fn bearer(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    matches!(bytes.get(at.checked_sub(1)?), Some(b'B' | b'b')).then_some(())?;
    let start = at + 6;
    let end = run(bytes, start, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
    });
    let token = bytes.get(start..end)?;
    (token.len() >= 16 && token.iter().any(u8::is_ascii_digit)).then_some(start..end)
}

/// The password of a URL that has one (RFC 3986, section 3.2.1).
fn password(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let start = at + 3;
    let rest = bytes.get(start..)?;
    let rest = rest.get(..rest.len().min(AUTHORITY_BYTES))?;
    let ends =
        |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'?' | b'#' | b'"' | b'<' | b'>' | b'\\');
    let authority = rest.get(..rest.iter().position(ends).unwrap_or(rest.len()))?;
    let user = authority.get(..memchr::memrchr(b'@', authority)?)?;
    let colon = memchr::memchr(b':', user)?;
    (colon + 1 < user.len()).then_some(start + colon + 1..start + user.len())
}

/// Where `word` starts, if it ends right before `at`.
fn before(bytes: &[u8], at: usize, word: &[u8]) -> Option<usize> {
    bytes.get(..at)?.ends_with(word).then(|| at - word.len())
}

/// Where the run of such bytes that begins at `from` ends.
fn run(bytes: &[u8], from: usize, of: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().position(|byte| !of(*byte)).unwrap_or(rest.len())
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Bytes behind `mocopr_` from which on it is a key and not a name in Rust, such as that of a module.
const KEY_BYTES: usize = 32;

/// Longer than every label of RFC 7468 and its kin.
const LABEL_BYTES: usize = 64;

/// A user, a password and a host that are longer are not in use.
const AUTHORITY_BYTES: usize = 1_024;

/// Parameters of one escape sequence that are followed to its end.
const SEQUENCE_CHARS: usize = 64;

/// Characters of one string for the terminal that are followed to its end; of a longer one the text stays, which no
/// terminal obeys without what introduced it.
const STRING_CHARS: usize = 256;
