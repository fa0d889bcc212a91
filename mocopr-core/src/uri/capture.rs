//! Reading the values of a template out of a URI, once from left to right.
//!
//! Each step takes what it looked at off the front, so that the work is linear whatever the URI; the walk counts
//! the bytes it looked at, which is how the tests know. Every value is decoded here, once, and never again.

use std::sync::Arc;

use memchr::memmem;

use crate::uri::{
    normal, percent,
    template::{Component, Ends, Piece, Span, Start},
};

/// The values with which a template makes a URI, decoded, in the order of the template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captures {
    values: Vec<(Arc<str>, String)>,
}

impl Captures {
    /// The value of that variable; `None` where the template lacks it or the URI leaves it out.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.iter().find_map(|(key, value)| (key == name).then_some(value))
    }

    /// Names and values in the order of the template.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (&**name, value.as_str()))
    }

    /// A JSON object of strings in the order of the template, without white space: the arguments of a handler.
    pub fn to_json_object(&self) -> String {
        let mut out = String::from("{");
        for (n, (name, value)) in self.iter().enumerate() {
            if n > 0 {
                out.push(',');
            }
            // A `Value` writes itself without a way to fail, other than the serializer.
            out.push_str(&serde_json::Value::from(name).to_string());
            out.push(':');
            out.push_str(&serde_json::Value::from(value).to_string());
        }
        out.push('}');
        out
    }
}

/// Matches a canonical URI, and counts the bytes that were looked at.
pub(super) fn walk(pieces: &[Piece], canonical: &str) -> (Option<Captures>, usize) {
    let mut walk = Walk { rest: canonical, looked_at: 0, captures: Captures::default() };
    let matched = walk.all(pieces);
    (matched.map(|()| walk.captures), walk.looked_at)
}

struct Walk<'u> {
    rest: &'u str,
    looked_at: usize,
    captures: Captures,
}

impl<'u> Walk<'u> {
    fn all(&mut self, pieces: &[Piece]) -> Option<()> {
        let mut pieces = pieces;
        while let [piece, behind @ ..] = pieces {
            let next = match behind {
                [Piece::Literal(text), ..] => text,
                _ => "",
            };
            self.one(piece, next)?;
            pieces = behind;
        }
        self.rest.is_empty().then_some(())
    }

    /// Takes one piece off the front; `next` is the literal behind it.
    fn one(&mut self, piece: &Piece, next: &str) -> Option<()> {
        match piece {
            Piece::Literal(text) => {
                self.looked_at += text.len();
                self.rest = self.rest.strip_prefix(&**text)?;
            }
            Piece::Value { name, component, ends } => {
                let raw = self.take(*ends, next, |byte| component.holds(byte))?;
                self.keep(name, name_value(raw)?);
            }
            Piece::Reserved { name, span, ends, start } => {
                let raw = self.take(*ends, next, |byte| span.holds(byte))?;
                self.keep(name, reserved_value(raw, *span, *start)?);
            }
            Piece::Segments(names) => {
                for name in names {
                    let Some(raw) = self.segment() else { break };
                    self.keep(name, name_value(raw)?);
                }
            }
            Piece::Path(name) => {
                let mut value = String::new();
                while let Some(raw) = self.segment() {
                    if !value.is_empty() {
                        value.push('/');
                    }
                    value.push_str(&name_value(raw)?);
                }
                if !value.is_empty() {
                    self.keep(name, value);
                }
            }
            Piece::Label(name, component) => {
                if let Some(behind) = self.rest.strip_prefix('.') {
                    self.rest = behind;
                    let raw = self.run(|byte| component.holds(byte));
                    self.keep(name, name_value(raw)?);
                }
            }
            Piece::Query(first, names) => self.query(*first, names)?,
        }
        Some(())
    }

    /// Takes the text of a variable whose bytes `holds` allows.
    fn take(&mut self, ends: Ends, next: &str, holds: impl Fn(u8) -> bool) -> Option<&'u str> {
        let length = match ends {
            Ends::WithRun { overlap } => self.run_length(holds).checked_sub(overlap)?,
            Ends::First => {
                let found = memmem::find(self.rest.as_bytes(), next.as_bytes());
                self.looked_at += found.map_or(self.rest.len(), |length| length + next.len());
                let length = found?;
                (self.run_length_within(length, holds) == length).then_some(length)?
            }
            Ends::Last => {
                let run = self.run_length(holds);
                self.looked_at += run;
                memmem::rfind(self.rest.as_bytes().get(..run)?, next.as_bytes())?
            }
        };
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(text)
    }

    /// Takes a slash and the segment behind it.
    fn segment(&mut self) -> Option<&'u str> {
        self.rest = self.rest.strip_prefix('/')?;
        Some(self.run(|byte| Component::Path.holds(byte)))
    }

    /// Takes the parameters that are there, in the order of `names`; the first begins with `mark`.
    fn query(&mut self, mark: char, names: &[Arc<str>]) -> Option<()> {
        let mut mark = mark;
        let mut names = names.iter();
        while let Some(behind) = self.rest.strip_prefix(mark) {
            let (key, behind) = behind.split_once('=')?;
            self.looked_at += key.len() + 2;
            self.rest = behind;
            // Each name that the URI leaves out is passed over once, so that the names are walked once in all.
            let name = names.find(|name| {
                self.looked_at += 1;
                ***name == *key
            })?;
            let raw = self.run(|byte| byte == b'/' || Component::Query.holds(byte));
            self.keep(name, text_value(raw)?);
            mark = '&';
        }
        Some(())
    }

    fn run(&mut self, holds: impl Fn(u8) -> bool) -> &'u str {
        let length = self.run_length(holds);
        let (run, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        run
    }

    fn run_length(&mut self, holds: impl Fn(u8) -> bool) -> usize {
        self.run_length_within(self.rest.len(), holds)
    }

    fn run_length_within(&mut self, most: usize, holds: impl Fn(u8) -> bool) -> usize {
        let length = self.rest.bytes().take(most).take_while(|byte| holds(*byte)).count();
        self.looked_at += length;
        length
    }

    fn keep(&mut self, name: &Arc<str>, value: String) {
        self.captures.values.push((Arc::clone(name), value));
    }
}

/// A value that names one thing: no separator of any platform, and not `.` or `..`, even to who decodes it again.
fn name_value(raw: &str) -> Option<String> {
    let value = percent::decode(raw, |byte| !matches!(byte, b'/' | b'\\' | 0))?;
    (!value.is_empty() && !normal::holds_dot_segment(&value)).then_some(value)
}

/// A value that may hold slashes, written plain.
///
/// An escape of what stands plain here would be a second spelling, which a rule about the plain one does not see.
fn reserved_value(raw: &str, span: Span, start: Start) -> Option<String> {
    let value = percent::decode(raw, |byte| !matches!(byte, b'\\' | 0) && !span.plain().as_bytes().contains(&byte))?;
    let escapes = match start {
        Start::Free => false,
        Start::NoSlash => value.starts_with('/'),
    };
    (!value.is_empty() && !escapes && !normal::holds_dot_segment(&value)).then_some(value)
}

/// A value of a query parameter: any text, but no path that leads upwards.
fn text_value(raw: &str) -> Option<String> {
    let value = percent::decode(raw, |byte| byte != 0)?;
    (!normal::holds_dot_segment(&value)).then_some(value)
}
