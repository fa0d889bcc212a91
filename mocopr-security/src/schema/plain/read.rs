//! Walks a value's text along a [`Node`]; the first thing that does not certainly fit ends it.
//!
//! The text is one JSON value already, so its grammar is not looked at again.

use mocopr_core::json::{Cursor, Quoted};

use super::{Length, List, Node, NumberKind, Object, Range, Rest, Text, Types, bit};

pub(super) fn fits(node: &Node, text: &str) -> bool {
    let mut walk = Walk { text, cursor: Cursor::new(text) };
    walk.cursor.peek_token();
    let fits = walk.value(node).is_some();
    walk.cursor.peek_token();
    fits && walk.cursor.is_at_end()
}

/// One way through a text; `None` ends it.
struct Walk<'a> {
    text: &'a str,
    /// Before a value, at its first byte; after it, at the byte behind.
    cursor: Cursor<'a>,
}

impl<'a> Walk<'a> {
    fn value(&mut self, node: &Node) -> Option<()> {
        match node {
            Node::Anything => self.pass_over(),
            Node::Typed(types) => self.typed(types),
        }
    }

    fn typed(&mut self, types: &Types) -> Option<()> {
        match self.cursor.peek() {
            b'"' => {
                let rule = types.text.as_ref()?;
                let quoted = self.cursor.string().ok()?;
                sure(rule.has(&quoted, self.inside(&quoted)?))
            }
            b'{' => self.object(types.object.as_ref()?),
            b'[' => self.list(types.list.as_ref()?),
            b't' | b'f' => {
                sure(types.boolean)?;
                self.cursor.word().ok()
            }
            b'n' => {
                sure(types.null)?;
                self.cursor.word().ok()
            }
            _ => {
                let range = types.number.as_ref()?;
                let start = self.cursor.at();
                self.cursor.number(usize::MAX).ok()?;
                sure(range.has(self.text.get(start..self.cursor.at())?))
            }
        }
    }

    fn object(&mut self, object: &Object) -> Option<()> {
        let mut seen = 0;
        let mut more = self.opens(b'}');
        while more {
            let quoted = self.cursor.string().ok()?;
            let name = self.inside(&quoted)?;
            // A name with escapes may be any of the others.
            sure(quoted.is_plain())?;
            self.cursor.peek_token();
            self.cursor.skip(1);
            self.cursor.peek_token();
            match (object.place(name), &object.rest) {
                (Some(place), _) => {
                    // The evaluator would see one of the two.
                    sure(seen & bit(place) == 0)?;
                    seen |= bit(place);
                    self.value(&object.members.get(place)?.node)?;
                }
                (None, Rest::Refused) => return None,
                (None, Rest::Each(node)) => self.value(node)?,
            }
            more = self.goes_on();
        }
        sure(seen & object.required == object.required)
    }

    fn list(&mut self, list: &List) -> Option<()> {
        let mut count = 0;
        let mut more = self.opens(b']');
        while more {
            self.value(&list.element)?;
            count += 1;
            more = self.goes_on();
        }
        sure(list.length.has(count))
    }

    /// Steps into a container; whether there is anything in it.
    fn opens(&mut self, end: u8) -> bool {
        self.cursor.skip(1);
        let filled = self.cursor.peek_token() != end;
        if !filled {
            self.cursor.skip(1);
        }
        filled
    }

    /// Steps over the comma or the end of a container; whether something follows in it.
    fn goes_on(&mut self) -> bool {
        let comma = self.cursor.peek_token() == b',';
        self.cursor.skip(1);
        if comma {
            self.cursor.peek_token();
        }
        comma
    }

    /// Goes to the end of a value, whatever it is.
    fn pass_over(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.cursor.peek_token() {
                0 => return None,
                b'"' => {
                    self.cursor.string().ok()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.cursor.skip(1);
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.cursor.skip(1);
                }
                b',' | b':' => self.cursor.skip(1),
                b't' | b'f' | b'n' => self.cursor.word().ok()?,
                _ => self.cursor.number(usize::MAX).ok()?,
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn inside(&self, quoted: &Quoted) -> Option<&'a str> {
        self.text.get(quoted.start..quoted.end)
    }
}

fn sure(holds: bool) -> Option<()> {
    holds.then_some(())
}

impl Object {
    fn place(&self, name: &str) -> Option<usize> {
        self.members.binary_search_by(|member| (*member.name).cmp(name)).ok()
    }
}

impl Range {
    fn has(&self, number: &str) -> bool {
        if number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
            // What a 32-bit number holds a float holds exactly; larger ones are compared by the evaluator.
            return self.is_open() || number.parse::<i32>().is_ok_and(|number| self.holds(f64::from(number)));
        }
        match self.kind {
            // A float may be a whole number; whether it is, the evaluator says.
            NumberKind::Integer => false,
            NumberKind::Any => self.is_open(),
        }
    }

    fn is_open(&self) -> bool {
        self.least == f64::NEG_INFINITY && self.most == f64::INFINITY
    }

    fn holds(&self, number: f64) -> bool {
        self.least <= number && number <= self.most
    }
}

impl Text {
    fn has(&self, quoted: &Quoted, inside: &str) -> bool {
        let listed = match &self.one_of {
            None => true,
            Some(texts) => quoted.is_plain() && texts.iter().any(|text| **text == *inside),
        };
        listed && self.length.has_text(quoted, inside)
    }
}

impl Length {
    fn has(&self, count: usize) -> bool {
        self.least <= count && count <= self.most
    }

    /// A text has at most as many characters as bytes, and at least a quarter.
    fn has_text(&self, quoted: &Quoted, inside: &str) -> bool {
        self.least <= quoted.text_bytes / 4 && quoted.text_bytes <= self.most
            || quoted.is_plain() && self.has(inside.chars().count())
    }
}
