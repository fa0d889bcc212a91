//! Rust source taken apart just far enough to check rules on it: code, literals and comments, line by line.
//!
//! It owns the lexer of the tidy test. It does not parse: it knows comments, literals, lifetimes and braces, no more.

use std::ops::Range;

/// One file, taken apart. All three texts have the lines of the original, so that a finding has its line number.
#[derive(Debug)]
pub(crate) struct Source {
    /// What is left without comments and without the contents of literals.
    pub(crate) code: String,
    /// The contents of string, byte string and C string literals, and nothing else.
    pub(crate) literals: String,
    /// The text of comments, doc comments among them, and nothing else.
    pub(crate) comments: String,
}

impl Source {
    /// Takes a file apart.
    pub(crate) fn of(text: &str) -> Self {
        let mut lexer = Lexer { text: text.as_bytes(), at: 0, kinds: vec![Kind::Code; text.len()] };
        lexer.run();
        let keep = |kind| mask(text, &lexer.kinds, kind);
        Self { code: keep(Kind::Code), literals: keep(Kind::Literal), comments: keep(Kind::Comment) }
    }

    /// Takes a file apart without what only tests compile: items under `#[cfg(test)]`.
    pub(crate) fn shipped(text: &str) -> Self {
        let whole = Self::of(text);
        let tests = test_items(&whole.code);
        let without = |text: &str| {
            let mut bytes = text.as_bytes().to_vec();
            for byte in tests.iter().cloned().flat_map(|range| bytes_of(range, text.len())) {
                if bytes[byte] != b'\n' {
                    bytes[byte] = b' ';
                }
            }
            String::from_utf8(bytes).expect("only spaces were put in")
        };
        Self { code: without(&whole.code), literals: without(&whole.literals), comments: without(&whole.comments) }
    }
}

fn bytes_of(range: Range<usize>, length: usize) -> Range<usize> {
    range.start.min(length)..range.end.min(length)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Code,
    Literal,
    Comment,
}

/// Keeps the bytes of one kind and line breaks; all others become spaces, byte for byte.
fn mask(text: &str, kinds: &[Kind], kind: Kind) -> String {
    let bytes = text.bytes().zip(kinds).map(|(byte, is)| if byte == b'\n' || *is == kind { byte } else { b' ' });
    String::from_utf8_lossy(&bytes.collect::<Vec<_>>()).into_owned()
}

struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    kinds: Vec<Kind>,
}

impl Lexer<'_> {
    fn run(&mut self) {
        while self.at < self.text.len() {
            let rest = &self.text[self.at..];
            if rest.starts_with(b"//") {
                let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                self.mark(end, Kind::Comment);
            } else if rest.starts_with(b"/*") {
                self.mark(block_comment(rest), Kind::Comment);
            } else if self.in_word() {
                self.at += 1;
            } else if let Some(raw) = raw_string(rest) {
                self.at += raw.open;
                self.mark(raw.body, Kind::Literal);
                self.at += raw.close;
            } else if rest[0] == b'"' {
                self.at += 1;
                self.mark(quoted(&rest[1..], b'"'), Kind::Literal);
                self.at += 1;
            } else if rest[0] == b'\'' && is_char(rest) {
                self.at += 1;
                self.mark(quoted(&rest[1..], b'\''), Kind::Literal);
                self.at += 1;
            } else {
                self.at += 1;
            }
        }
    }

    /// Whether the last byte belongs to a word, so that an `r` here does not begin a raw string.
    fn in_word(&self) -> bool {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        self.at > 0 && word(self.text[self.at - 1]) && word(self.text[self.at])
    }

    fn mark(&mut self, length: usize, kind: Kind) {
        let end = (self.at + length).min(self.text.len());
        self.kinds[self.at..end].fill(kind);
        self.at = end;
    }
}

/// The length of a block comment, which may hold others.
fn block_comment(text: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    at
}

/// The lengths of the parts of a raw string.
struct RawString {
    open: usize,
    body: usize,
    close: usize,
}

fn raw_string(text: &[u8]) -> Option<RawString> {
    let prefix = ["r", "br", "cr"].into_iter().find(|prefix| text.starts_with(prefix.as_bytes()))?.len();
    let hashes = text[prefix..].iter().take_while(|byte| **byte == b'#').count();
    let open = prefix + hashes + 1;
    if text.get(open - 1) != Some(&b'"') {
        return None;
    }
    let end = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
    let body = text[open..].windows(end.len()).position(|window| window == end).unwrap_or(text.len() - open);
    Some(RawString { open, body, close: end.len() })
}

/// The length of a literal up to its closing quote.
fn quoted(text: &[u8], quote: u8) -> usize {
    let mut at = 0;
    while at < text.len() && text[at] != quote {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    at.min(text.len())
}

/// Whether a quote begins a character and not a lifetime or a label.
fn is_char(text: &[u8]) -> bool {
    match text.get(1) {
        Some(b'\\') => true,
        Some(first) if first.is_ascii() => text.get(2) == Some(&b'\''),
        Some(_) => true,
        None => false,
    }
}

/// The ranges of the items under `#[cfg(test)]`, in text that has neither comments nor literals.
fn test_items(code: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = code[from..].find("#[cfg(test)]").map(|at| from + at) {
        let end = item_end(code.as_bytes(), start + "#[cfg(test)]".len());
        found.push(start..end);
        from = end;
    }
    found
}

/// Where an item ends: at its semicolon, or at the brace that closes its first one.
fn item_end(code: &[u8], from: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.iter().enumerate().skip(from) {
        match byte {
            b';' if depth == 0 => return at + 1,
            b'{' | b'(' | b'[' => depth += 1,
            b'}' if depth <= 1 => return at + 1,
            b'}' | b')' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::Source;

    #[test]
    fn code_literals_and_comments_are_told_apart() {
        let source = Source::of("let a = \"x // y\"; // z \"w\"\n/* b /* c */ d */ let e = 'f';");
        assert_eq!(source.code.split_whitespace().collect::<String>(), "leta=\"\";lete='';");
        assert_eq!(source.literals.split_whitespace().collect::<String>(), "x//yf");
        assert_eq!(source.comments.split_whitespace().collect::<String>(), "//z\"w\"/*b/*c*/d*/");
    }

    #[test]
    fn raw_strings_end_where_their_hashes_do() {
        let source = Source::of("let a = r#\"one \" two\"#; let b = br\"three\"; for x in y {}");
        assert_eq!(source.literals.split_whitespace().collect::<Vec<_>>(), ["one", "\"", "two", "three"]);
        assert!(source.code.contains("for x in y {}"), "{}", source.code);
    }

    #[test]
    fn lifetimes_are_code_and_escaped_quotes_do_not_end_a_literal() {
        let source = Source::of("fn f<'a>(x: &'a str) { g('\\'', \"a\\\"b\", b'\"'); }");
        assert_eq!(source.literals.split_whitespace().collect::<Vec<_>>(), ["\\'", "a\\\"b", "\""]);
        assert!(source.code.contains("<'a>(x: &'a str)"), "{}", source.code);
    }

    #[test]
    fn shipped_code_has_no_test_items() {
        let source =
            Source::shipped("fn a() {}\n#[cfg(test)]\nmod tests { fn b() { \"}\"; } }\nfn c() {}\n#[cfg(test)] use d;");
        assert_eq!(source.code.split_whitespace().collect::<Vec<_>>(), ["fn", "a()", "{}", "fn", "c()", "{}"]);
    }
}
