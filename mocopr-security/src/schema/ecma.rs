//! Patterns of ECMAScript, translated piece by piece into the language of the matcher.
//!
//! What is not understood is refused, so that no pattern means to the matcher what it does not mean to its author.

use std::{collections::HashSet, fmt::Write};

/// Whether a text is a pattern of ECMAScript at all, also one that no automaton can match.
pub(super) fn is_pattern(text: &str) -> bool {
    let mut translator = Translator::new(text, Purpose::Read);
    translator.pattern().is_some() && translator.references.are_known()
}

/// Translates a pattern (ECMA-262, 22.2.1, with the `u` flag, and with a backslash before any punctuation).
pub(super) fn translate(source: &str) -> Option<String> {
    let mut translator = Translator::new(source, Purpose::Match);
    translator.pattern()?;
    Some(translator.out)
}

struct Translator<'a> {
    rest: &'a str,
    out: String,
    purpose: Purpose,
    /// The groups that are open, by what each is when it is closed.
    groups: Vec<Piece>,
    references: References<'a>,
}

/// What a pattern is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// To be matched; what takes backtracking is refused.
    Match,
    /// To know whether it is one.
    Read,
}

/// Groups, and what refers back to them.
#[derive(Debug, Default)]
struct References<'a> {
    groups: usize,
    highest: usize,
    names: HashSet<&'a str>,
    named: Vec<&'a str>,
}

impl References<'_> {
    fn are_known(&self) -> bool {
        self.highest <= self.groups && self.named.iter().all(|name| self.names.contains(name))
    }
}

/// What was read last, which decides whether it can be repeated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    Repeatable,
    Fixed,
}

/// An element of a class in brackets.
enum Atom {
    Character(char),
    Set(String),
}

impl<'a> Translator<'a> {
    fn new(source: &'a str, purpose: Purpose) -> Self {
        let out = String::with_capacity(source.len());
        Self { rest: source, out, purpose, groups: Vec::new(), references: References::default() }
    }

    fn pattern(&mut self) -> Option<()> {
        let mut last = Piece::Fixed;
        while let Some(character) = self.next() {
            if self.purpose == Purpose::Read {
                // Nobody asks for the translation, which can be fifty times as long as what a peer has sent.
                self.out.clear();
            }
            last = match character {
                '|' => self.fixed("|"),
                '^' => self.fixed("^"),
                '$' => self.fixed("$"),
                '(' => self.open()?,
                ')' => {
                    self.out.push(')');
                    self.groups.pop()?
                }
                '*' | '+' | '?' | '{' if last == Piece::Repeatable => self.repetition(character)?,
                // Without the `u` flag these mean themselves where they close nothing.
                ']' | '}' if self.purpose == Purpose::Match => self.literal(character),
                '*' | '+' | '?' | '{' | '}' | ']' => return None,
                '.' => {
                    self.out.push_str(NO_LINE_END);
                    Piece::Repeatable
                }
                '[' => self.class()?,
                '\\' => self.escape()?,
                other => self.literal(other),
            };
        }
        self.groups.is_empty().then_some(())
    }

    fn fixed(&mut self, text: &str) -> Piece {
        self.out.push_str(text);
        Piece::Fixed
    }

    fn literal(&mut self, character: char) -> Piece {
        push_character(character, &mut self.out);
        Piece::Repeatable
    }

    /// The beginning of a group. Nothing is captured, since nothing can refer to it.
    fn open(&mut self) -> Option<Piece> {
        let reads = self.purpose == Purpose::Read;
        let mut closed = Piece::Repeatable;
        if !self.eat("?") {
            self.references.groups += 1;
        } else if reads && ["=", "!", "<=", "<!"].iter().any(|sign| self.eat(sign)) {
            closed = Piece::Fixed;
        } else if self.eat("<") {
            let name = self.name()?;
            self.references.groups += 1;
            self.references.names.insert(name);
        } else if !self.eat(":") {
            self.modifiers().filter(|()| reads)?;
        }
        self.groups.push(closed);
        Some(self.fixed("(?:"))
    }

    /// A group's name; the bracket that opens it has been read.
    fn name(&mut self) -> Option<&'a str> {
        let (name, rest) = self.rest.split_once('>')?;
        self.rest = rest;
        let first = |character: char| character.is_alphabetic() || matches!(character, '_' | '$');
        let is_name = name.starts_with(first) && name.chars().all(|next| first(next) || next.is_numeric());
        is_name.then_some(name)
    }

    /// `i-s:` and its like: letters that are distinct.
    fn modifiers(&mut self) -> Option<()> {
        let (modifiers, rest) = self.rest.split_once(':')?;
        self.rest = rest;
        let (on, off) = modifiers.split_once('-').unwrap_or((modifiers, ""));
        let mut letters: Vec<char> = on.chars().chain(off.chars()).collect();
        letters.sort_unstable();
        let count = letters.len();
        letters.dedup();
        let are_known = letters.iter().all(|letter| matches!(letter, 'i' | 'm' | 's'));
        (are_known && !letters.is_empty() && letters.len() == count).then_some(())
    }

    fn repetition(&mut self, sign: char) -> Option<Piece> {
        self.out.push(sign);
        if sign == '{' {
            let least = self.digits()?;
            if self.eat(",") {
                self.out.push(',');
                if !self.rest.starts_with('}') {
                    let most = self.digits()?;
                    if (least.len(), least) > (most.len(), most) {
                        return None;
                    }
                }
            }
            self.eat("}").then(|| self.out.push('}'))?;
        }
        if self.eat("?") {
            self.out.push('?');
        }
        Some(Piece::Fixed)
    }

    /// A number, without the zeros that it begins with.
    fn digits(&mut self) -> Option<&'a str> {
        let end = self.rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at_checked(end)?;
        self.out.push_str(digits);
        self.rest = rest;
        (!digits.is_empty()).then(|| digits.trim_start_matches('0'))
    }

    /// What stands behind a backslash outside a class.
    fn escape(&mut self) -> Option<Piece> {
        match self.next()? {
            'b' => Some(self.fixed(r"(?-u:\b)")),
            'B' => Some(self.fixed(r"(?-u:\B)")),
            digit @ '1'..='9' if self.purpose == Purpose::Read => {
                let mut number = digit.to_string();
                while let Some(next) = self.rest.chars().next().filter(char::is_ascii_digit) {
                    number.extend(self.next().map(|_| next));
                }
                self.references.highest = self.references.highest.max(number.parse().unwrap_or(usize::MAX));
                Some(Piece::Repeatable)
            }
            'k' if self.purpose == Purpose::Read && self.eat("<") => {
                let name = self.name()?;
                self.references.named.push(name);
                Some(Piece::Repeatable)
            }
            other => {
                match self.atom(other)? {
                    Atom::Character(character) => push_character(character, &mut self.out),
                    Atom::Set(set) => self.out.push_str(&set),
                }
                Some(Piece::Repeatable)
            }
        }
    }

    /// What stands behind a backslash, in a class or outside.
    fn atom(&mut self, escaped: char) -> Option<Atom> {
        let character = match escaped {
            'd' | 'D' => return Some(set(escaped == 'D', DIGITS)),
            'w' | 'W' => return Some(set(escaped == 'W', WORD)),
            's' | 'S' => return Some(set(escaped == 'S', SPACE)),
            'p' | 'P' => return self.property(escaped),
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'c' => {
                let letter = self.next().filter(char::is_ascii_alphabetic)?;
                char::from_u32(u32::from(letter) % 32)?
            }
            '0' if !self.rest.starts_with(|next: char| next.is_ascii_digit()) => '\0',
            'x' => char::from_u32(self.hexadecimal(2)?)?,
            'u' => self.unicode()?,
            other if !other.is_alphanumeric() => other,
            _ => return None,
        };
        Some(Atom::Character(character))
    }

    /// `\p{L}`, `\p{Script=Greek}` and their negations: categories and scripts. The tables of all other properties are
    /// large, so these are refused, whatever tables another crate of the build asks the matcher for.
    fn property(&mut self, sign: char) -> Option<Atom> {
        let (name, rest) = self.rest.strip_prefix('{')?.split_once('}')?;
        let in_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if !name.splitn(2, '=').all(|part| !part.is_empty() && part.bytes().all(in_name)) {
            return None;
        }
        self.rest = rest;
        match name.split_once('=') {
            None => Some(Atom::Set(format!("\\{sign}{{gc={name}}}"))),
            Some(("gc" | "General_Category" | "sc" | "Script" | "scx" | "Script_Extensions", _)) => {
                Some(Atom::Set(format!("\\{sign}{{{name}}}")))
            }
            Some(_) => (self.purpose == Purpose::Read).then(|| Atom::Set(String::new())),
        }
    }

    /// `\u0041`, `\u{1F600}` and pairs of surrogates; a lone surrogate is in no text.
    fn unicode(&mut self) -> Option<char> {
        let code = self.code_point()?;
        let lone = self.purpose == Purpose::Read && (0xD800..0xE000).contains(&code);
        if lone { Some(char::REPLACEMENT_CHARACTER) } else { char::from_u32(code) }
    }

    fn code_point(&mut self) -> Option<u32> {
        if let Some(rest) = self.rest.strip_prefix('{') {
            let (digits, rest) = rest.split_once('}')?;
            self.rest = rest;
            let legal = !digits.is_empty() && digits.chars().all(|digit| digit.is_ascii_hexdigit());
            return legal.then(|| u32::from_str_radix(digits, 16).ok())?;
        }
        let first = self.hexadecimal(4)?;
        let behind = self.rest;
        if (0xD800..0xDC00).contains(&first) && self.eat("\\u") {
            if let Some(second) = self.hexadecimal(4).filter(|second| (0xDC00..0xE000).contains(second)) {
                return Some(0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00));
            }
            self.rest = behind;
        }
        Some(first)
    }

    fn hexadecimal(&mut self, digits: usize) -> Option<u32> {
        let (text, rest) = self.rest.split_at_checked(digits)?;
        self.rest = rest;
        text.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(text, 16).ok())?
    }

    /// A class; the bracket that opens it has been read.
    fn class(&mut self) -> Option<Piece> {
        let negated = self.eat("^");
        let mut items = String::new();
        while !self.eat("]") {
            let first = self.class_atom()?;
            let is_range = self.rest.starts_with('-') && !self.rest.starts_with("-]");
            match first {
                Atom::Character(first) if is_range => {
                    self.eat("-");
                    let Atom::Character(last) = self.class_atom()? else { return None };
                    if first > last {
                        return None;
                    }
                    push_character(first, &mut items);
                    items.push('-');
                    push_character(last, &mut items);
                }
                Atom::Set(_) if is_range => return None,
                Atom::Character(character) => push_character(character, &mut items),
                // As above: that there is one is all that counts.
                Atom::Set(_) if self.purpose == Purpose::Read && !items.is_empty() => {}
                Atom::Set(set) => items.push_str(&set),
            }
        }
        // Empty brackets match nothing, and their negation everything.
        let class = match (items.is_empty(), negated) {
            (true, negated) => format!("[{}\\x{{0}}-\\x{{10FFFF}}]", if negated { "" } else { "^" }),
            (false, negated) => format!("[{}{items}]", if negated { "^" } else { "" }),
        };
        self.out.push_str(&class);
        Some(Piece::Repeatable)
    }

    fn class_atom(&mut self) -> Option<Atom> {
        match self.next()? {
            '\\' => match self.next()? {
                'b' => Some(Atom::Character('\u{8}')),
                other => self.atom(other),
            },
            other => Some(Atom::Character(other)),
        }
    }

    fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let next = characters.next();
        self.rest = characters.as_str();
        next
    }

    fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}

fn set(is_negated: bool, of: &str) -> Atom {
    Atom::Set(format!("[{}{of}]", if is_negated { "^" } else { "" }))
}

/// Writes a character so that it means itself anywhere.
fn push_character(character: char, out: &mut String) {
    if character.is_alphanumeric() {
        out.push(character);
    } else {
        // Writing to a string cannot fail.
        let _ = write!(out, "\\x{{{:X}}}", u32::from(character));
    }
}

/// The classes of ECMA-262, 22.2.2.9, in the language of the matcher.
const DIGITS: &str = "0-9";
const WORD: &str = "A-Za-z0-9_";
const SPACE: &str = r"\x{9}-\x{D}\x{20}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF}";
const NO_LINE_END: &str = r"[^\n\r\x{2028}\x{2029}]";
