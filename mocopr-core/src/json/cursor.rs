//! The tokens of RFC 8259, read one after another from valid UTF-8.
//!
//! Knows grammar and nothing of nesting or names. The end of the text reads as NUL, which no token may contain.

use super::{limits::NUMBER_CHARS, text::run_end};
use crate::fault::Fault;

/// Why a scan stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The text is not JSON.
    Grammar,
    /// It is, or may be, and breaks this rule.
    Rule(&'static str),
}

impl From<Broken> for Fault {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Grammar => Self::Parse,
            Broken::Rule(sentence) => Self::Envelope(sentence),
        }
    }
}

/// The inside of a string token.
#[derive(Clone, Copy, Debug)]
pub struct Quoted {
    /// Where it starts, after the quote.
    pub start: usize,
    /// Where it ends, before the quote.
    pub end: usize,
    /// UTF-8 bytes of what it stands for; less than `end - start` exactly where something is escaped.
    pub text_bytes: usize,
}

impl Quoted {
    /// Whether nothing is escaped, so that the inside is what the string stands for.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.text_bytes == self.end - self.start
    }
}

/// A place in a text.
#[derive(Debug)]
pub struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// At the start of a text.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Bytes before the place.
    #[inline]
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// Whether nothing follows.
    #[inline]
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// The next byte; NUL at the end.
    #[inline]
    #[must_use]
    pub fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    /// Goes on by that many bytes, which must be characters of one byte.
    #[inline]
    pub fn skip(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// Skips spaces, tabs and line breaks, then shows the next byte.
    #[inline]
    pub fn peek_token(&mut self) -> u8 {
        loop {
            let byte = self.peek();
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return byte;
            }
            self.at += 1;
        }
    }

    /// Reads a string; the next byte is its opening quote.
    ///
    /// # Errors
    /// [`Broken::Grammar`] for what is no string.
    #[inline]
    pub fn string(&mut self) -> Result<Quoted, Broken> {
        let start = self.at + 1;
        let end = run_end(self.text.as_bytes(), start);
        self.at = end;
        if self.peek() != b'"' {
            return self.escaped_string(start);
        }
        self.at += 1;
        Ok(Quoted { start, end, text_bytes: end - start })
    }

    /// Reads a number of at most `max_chars` characters that a double can hold.
    ///
    /// # Errors
    /// [`Broken::Grammar`] for what is no number, [`Broken::Rule`] for one beyond the bounds.
    #[inline]
    pub fn number(&mut self, max_chars: usize) -> Result<(), Broken> {
        let start = self.at;
        if self.peek() == b'-' {
            self.at += 1;
        }
        if self.peek() == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == b'.' {
            self.at += 1;
            self.digits()?;
        }
        let mut exponent_digits = 0;
        if matches!(self.peek(), b'e' | b'E') {
            self.at += 1;
            if matches!(self.peek(), b'+' | b'-') {
                self.at += 1;
            }
            exponent_digits = self.digits()?;
        }
        let chars = self.at - start;
        if chars > max_chars {
            return Err(Broken::Rule("a number has too many characters"));
        }
        // Up to 64 digits with an exponent of two digits are far below the largest double.
        if exponent_digits > 2 || chars > NUMBER_CHARS {
            return self.check_range(start);
        }
        Ok(())
    }

    /// Reads `true`, `false` or `null`.
    ///
    /// # Errors
    /// [`Broken::Grammar`] for every other word.
    #[inline]
    pub fn word(&mut self) -> Result<(), Broken> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let length = match rest.first_chunk::<4>() {
            Some(b"true" | b"null") => 4,
            Some(b"fals") if rest.get(4) == Some(&b'e') => 5,
            Some(_) | None => return Err(Broken::Grammar),
        };
        self.at += length;
        Ok(())
    }

    /// Reads on where a string that starts at `start` has its first escape, or something worse.
    #[inline(never)]
    fn escaped_string(&mut self, start: usize) -> Result<Quoted, Broken> {
        let mut saved = 0;
        loop {
            match self.peek() {
                b'"' => {
                    let end = self.at;
                    self.at += 1;
                    return Ok(Quoted { start, end, text_bytes: end - start - saved });
                }
                b'\\' => saved += self.escape()?,
                _ => return Err(Broken::Grammar),
            }
            self.at = run_end(self.text.as_bytes(), self.at);
        }
    }

    #[inline]
    fn digits(&mut self) -> Result<usize, Broken> {
        let start = self.at;
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        if self.at == start { Err(Broken::Grammar) } else { Ok(self.at - start) }
    }

    /// `serde_json` is the judge because it reads the number next: at the very edge its rounding is its own.
    #[cold]
    fn check_range(&self, start: usize) -> Result<(), Broken> {
        let number = self.text.get(start..self.at).unwrap_or_default();
        match serde_json::from_str::<f64>(number) {
            Ok(_) => Ok(()),
            Err(_) => Err(Broken::Rule("a number is larger than a double can be")),
        }
    }

    /// Skips one escape and says how many bytes shorter its character is.
    fn escape(&mut self) -> Result<usize, Broken> {
        self.at += 1;
        match self.peek() {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {
                self.at += 1;
                Ok(1)
            }
            b'u' => match self.unit()? {
                0..0x80 => Ok(5),
                0x80..0x800 => Ok(4),
                0xd800..0xdc00 => self.low_surrogate(),
                0xdc00..0xe000 => Err(Broken::Grammar),
                _ => Ok(3),
            },
            _ => Err(Broken::Grammar),
        }
    }

    fn low_surrogate(&mut self) -> Result<usize, Broken> {
        if self.peek() != b'\\' {
            return Err(Broken::Grammar);
        }
        self.at += 1;
        if self.peek() != b'u' {
            return Err(Broken::Grammar);
        }
        match self.unit()? {
            0xdc00..0xe000 => Ok(8),
            _ => Err(Broken::Grammar),
        }
    }

    /// Reads `u` and four hexadecimal digits.
    fn unit(&mut self) -> Result<u32, Broken> {
        let mut unit = 0;
        for _ in 0..4 {
            self.at += 1;
            let digit = char::from(self.peek()).to_digit(16).ok_or(Broken::Grammar)?;
            unit = unit << 4 | digit;
        }
        self.at += 1;
        Ok(unit)
    }
}
