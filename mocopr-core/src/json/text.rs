//! Text of JSON strings: from the escaped form and back.
//!
//! Works on the inside of a string, without its quotes. Runs without anything to escape are found eight bytes at a
//! time and copied whole.

use std::borrow::Cow;

/// Appends `text` as a JSON string with its quotes.
///
/// Only what RFC 8259, section 7, demands is escaped: quote, backslash, U+0000 to U+001F. So there is no line break in
/// the output.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    let mut rest = bytes;
    while let Some((run, tail)) = rest.split_at_checked(run_end(rest, 0)) {
        out.extend_from_slice(run);
        let Some((&special, tail)) = tail.split_first() else { break };
        write_escape(out, special);
        rest = tail;
    }
    out.push(b'"');
}

/// What the inside of a JSON string stands for.
///
/// `None` where it is not the inside of one string: broken escapes, lone surrogates, bare quotes, control characters.
pub(crate) fn unescape(inner: &str) -> Option<Cow<'_, str>> {
    if run_end(inner.as_bytes(), 0) == inner.len() {
        return Some(Cow::Borrowed(inner));
    }
    Unescaped::new(inner).collect::<Option<String>>().map(Cow::Owned)
}

/// The characters that the inside of a JSON string stands for; an item is `None` where the text is broken.
#[derive(Clone, Debug)]
pub(super) struct Unescaped<'a> {
    rest: std::str::Chars<'a>,
}

impl<'a> Unescaped<'a> {
    pub(super) fn new(inner: &'a str) -> Self {
        Self { rest: inner.chars() }
    }

    fn escaped(&mut self) -> Option<char> {
        match self.rest.next()? {
            plain @ ('"' | '\\' | '/') => Some(plain),
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'u' => self.unicode(),
            _ => None,
        }
    }

    fn unicode(&mut self) -> Option<char> {
        let first = self.unit()?;
        if !(0xd800..0xdc00).contains(&first) {
            // A low surrogate that nothing precedes is no character either.
            return char::from_u32(first);
        }
        if self.rest.next()? != '\\' || self.rest.next()? != 'u' {
            return None;
        }
        let low = self.unit()?.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + low)
    }

    fn unit(&mut self) -> Option<u32> {
        (0..4).try_fold(0, |unit, _| Some(unit << 4 | self.rest.next()?.to_digit(16)?))
    }
}

impl Iterator for Unescaped<'_> {
    type Item = Option<char>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self.rest.next()? {
            '\\' => self.escaped(),
            '"' | '\0'..='\u{1f}' => None,
            plain => Some(plain),
        })
    }
}

/// Where the first quote, backslash or control character at or after `from` stands, or the end.
#[inline]
pub(super) fn run_end(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let (words, _) = rest.as_chunks::<8>();
    for (nth, word) in words.iter().take(SHORT / 8).enumerate() {
        let hits = specials(u64::from_le_bytes(*word));
        if hits != 0 {
            return from + nth * 8 + hits.trailing_zeros() as usize / 8;
        }
    }
    long_run_end(bytes, from + rest.len().min(SHORT) / 8 * 8)
}

/// The same for what is likely a long run, or the end of the text.
///
/// The compiler turns the comparisons of a block into vector instructions.
#[inline(never)]
fn long_run_end(bytes: &[u8], from: usize) -> usize {
    let (blocks, _) = bytes.get(from..).unwrap_or_default().as_chunks::<BLOCK>();
    let clean = blocks.iter().take_while(|block| !block.iter().fold(false, |hit, byte| hit | is_special(*byte)));
    let mut at = from + clean.count() * BLOCK;
    let (words, tail) = bytes.get(at..).unwrap_or_default().as_chunks::<8>();
    for word in words {
        let hits = specials(u64::from_le_bytes(*word));
        if hits != 0 {
            return at + hits.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + tail.iter().position(|byte| is_special(*byte)).unwrap_or(tail.len())
}

#[inline]
fn is_special(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\') | (byte < 0x20)
}

/// Marks the top bit of each byte that is a quote, a backslash or below 0x20.
///
/// A subtraction that borrows may also mark bytes above a true hit, so only the lowest mark is exact; no other is used.
#[inline]
fn specials(word: u64) -> u64 {
    let quote = (word ^ (ONES * b'"' as u64)).wrapping_sub(ONES);
    let backslash = (word ^ (ONES * b'\\' as u64)).wrapping_sub(ONES);
    let control = word.wrapping_sub(ONES * 0x20);
    // Bytes from 0x80 on keep their top bit in each of the three and are never special.
    (quote | backslash | control) & !word & (ONES << 7)
}

fn write_escape(out: &mut Vec<u8>, special: u8) {
    let short = match special {
        b'"' => b'"',
        b'\\' => b'\\',
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        other => {
            let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' + value - 10 };
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[digit(other >> 4), digit(other & 0xf)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Runs longer than this many bytes are worth the start of the vector loop.
const SHORT: usize = 48;
const BLOCK: usize = 64;
const ONES: u64 = u64::from_le_bytes([1; 8]);
