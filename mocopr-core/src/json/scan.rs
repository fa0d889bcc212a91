//! The scanner: one pass over untrusted text that checks grammar, limits and repeated names.
//!
//! Never recurses, so depth costs no stack, and builds no tree: it remembers the names of the objects that are open,
//! and hands out the members of the outermost object and of its `params`.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    ops::Range,
};

use super::{
    cursor::{Broken, Cursor, Quoted},
    limits::{JsonLimits, MessageLimits, NUMBER_CHARS},
    text::Unescaped,
};
use crate::fault::Fault;

/// The scanner's memory, to be used for one message after another.
///
/// Preallocated, and cut back when a message made it grow. Keep one for each connection or thread.
#[derive(Debug)]
pub struct Scanner {
    /// The containers around the place that is read, outermost first.
    open: Vec<Open>,
    /// The members so far of all objects in `open`.
    members: Vec<Member>,
    /// The members of the outermost object's `params`, counted from the start of `params`.
    params: Vec<Member>,
    /// Digests of the names of one large object.
    digests: Vec<(u64, u32)>,
    /// Keyed at random, so that nobody can prepare names that collide.
    hasher: RandomState,
}

/// What one scan is held to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'a> {
    outer: &'a JsonLimits,
    /// For the payload of a message; a value that is not a message has none.
    payload: Option<&'a JsonLimits>,
    number_chars: usize,
}

/// A stretch of the text in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

/// One member of an object.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Member {
    /// The inside of the name, without its quotes.
    key: Span,
    /// UTF-8 bytes of the name after unescaping; less than the span exactly where something is escaped.
    key_bytes: u32,
    value: Span,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    kind: Kind,
    /// Members or elements so far.
    count: usize,
    /// Where this object's members start in `members`.
    first: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Object,
    Array,
}

/// The limits that hold at the place that is read.
#[derive(Debug)]
struct Zone<'a> {
    rules: &'a Rules<'a>,
    limits: &'a JsonLimits,
    /// Containers that may be open at once here.
    ceiling: usize,
    within: Within,
    /// Where the message's `params` start, while they are open.
    params: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    /// In a value that is no message.
    Alone,
    /// In a message, outside its payload.
    Message,
    /// In a payload that this many containers surround.
    Payload(usize),
}

impl Scanner {
    /// A scanner with room for an ordinary message.
    #[must_use]
    pub fn new() -> Self {
        Self {
            open: Vec::with_capacity(KEPT_OPEN),
            members: Vec::with_capacity(KEPT_MEMBERS),
            params: Vec::new(),
            digests: Vec::new(),
            hasher: RandomState::new(),
        }
    }

    /// Checks `text` from end to end and says where its value stands.
    pub(crate) fn scan(&mut self, text: &str, rules: &Rules<'_>) -> Result<Span, Fault> {
        if u32::try_from(text.len()).is_err() {
            return Err(Fault::TooLarge);
        }
        self.open.clear();
        self.members.clear();
        self.params.clear();
        let scanned = self.walk(text, rules);
        self.open.shrink_to(KEPT_OPEN);
        self.members.shrink_to(KEPT_MEMBERS);
        self.digests.clear();
        self.digests.shrink_to(KEPT_MEMBERS);
        Ok(scanned?)
    }

    /// The members of the object that was scanned last; none for other values.
    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    /// The members of the message's `params`, counted from the start of `params`.
    pub(crate) fn take_params(&mut self) -> Vec<Member> {
        std::mem::take(&mut self.params)
    }

    /// Room for containers, members and digests.
    #[cfg(test)]
    pub(super) fn capacities(&self) -> [usize; 3] {
        [self.open.capacity(), self.members.capacity(), self.digests.capacity()]
    }

    fn walk(&mut self, text: &str, rules: &Rules<'_>) -> Result<Span, Broken> {
        let mut cursor = Cursor::new(text);
        let mut zone = Zone::outer(rules);
        cursor.peek_token();
        let start = cursor.at();
        loop {
            // A value starts at the next byte.
            match cursor.peek() {
                b'{' => {
                    self.enter(Kind::Object, text, cursor.at(), &mut zone)?;
                    cursor.skip(1);
                    if cursor.peek_token() != b'}' {
                        self.key(text, &mut cursor, &zone)?;
                        continue;
                    }
                }
                b'[' => {
                    self.enter(Kind::Array, text, cursor.at(), &mut zone)?;
                    cursor.skip(1);
                    if cursor.peek_token() != b']' {
                        self.element(&zone)?;
                        continue;
                    }
                }
                b'"' => {
                    if cursor.string()?.text_bytes > zone.limits.string_bytes {
                        return Err(LONG_STRING);
                    }
                    self.end_value(&cursor);
                }
                b'-' | b'0'..=b'9' => {
                    cursor.number(rules.number_chars)?;
                    self.end_value(&cursor);
                }
                _ => {
                    cursor.word()?;
                    self.end_value(&cursor);
                }
            }
            // A value has ended, or an empty container is about to.
            loop {
                let Some(open) = self.open.last() else {
                    let value = Span::new(start, cursor.at());
                    cursor.peek_token();
                    return if cursor.is_at_end() { Ok(value) } else { Err(Broken::Grammar) };
                };
                match (cursor.peek_token(), open.kind) {
                    (b',', Kind::Object) => {
                        cursor.skip(1);
                        cursor.peek_token();
                        self.key(text, &mut cursor, &zone)?;
                        break;
                    }
                    (b',', Kind::Array) => {
                        cursor.skip(1);
                        cursor.peek_token();
                        self.element(&zone)?;
                        break;
                    }
                    (b'}', Kind::Object) | (b']', Kind::Array) => {
                        cursor.skip(1);
                        self.leave(text, &mut zone)?;
                        self.end_value(&cursor);
                    }
                    _ => return Err(Broken::Grammar),
                }
            }
        }
    }

    #[inline]
    fn enter(&mut self, kind: Kind, text: &str, at: usize, zone: &mut Zone<'_>) -> Result<(), Broken> {
        let depth = self.open.len();
        if (depth == 1 || depth == 2) && zone.within == Within::Message {
            self.choose_zone(kind, text, at, zone);
        }
        if depth >= zone.ceiling {
            return Err(Broken::Rule("a value is nested too deeply"));
        }
        self.open.push(Open { kind, count: 0, first: self.members.len() });
        Ok(())
    }

    /// Looks whether the container that starts at `at` is `params`, or a payload with limits of its own.
    fn choose_zone(&mut self, kind: Kind, text: &str, at: usize, zone: &mut Zone<'_>) {
        let Some(Kind::Object) = self.open.last().map(|open| open.kind) else { return };
        let Some(member) = self.members.last() else { return };
        let depth = self.open.len();
        if depth == 1 && kind == Kind::Object && member.is_named(text.as_bytes(), "params") {
            zone.params = Some(offset(at));
        } else if depth == 1 && member.is_named(text.as_bytes(), "result")
            || depth == 2 && zone.params.is_some() && PAYLOADS.iter().any(|name| member.is_named(text.as_bytes(), name))
        {
            zone.enter_payload(depth);
        }
    }

    #[inline]
    fn leave(&mut self, text: &str, zone: &mut Zone<'_>) -> Result<(), Broken> {
        let Some(Open { kind, count, first }) = self.open.pop() else { return Err(Broken::Grammar) };
        if kind == Kind::Object && count > PAIRWISE {
            self.check_distinct(text, first)?;
        }
        let depth = self.open.len();
        if zone.within == Within::Payload(depth) {
            zone.leave_payload();
        }
        if depth == 1
            && let Some(start) = zone.params.take()
        {
            self.params.extend(self.members.iter().skip(first).map(|member| member.counted_from(start)));
        }
        if depth > 0 {
            self.members.truncate(first);
        }
        Ok(())
    }

    /// Reads a member's name and its colon, up to its value.
    #[inline]
    fn key(&mut self, text: &str, cursor: &mut Cursor<'_>, zone: &Zone<'_>) -> Result<(), Broken> {
        if cursor.peek() != b'"' {
            return Err(Broken::Grammar);
        }
        let quoted = cursor.string()?;
        if cursor.peek_token() != b':' {
            return Err(Broken::Grammar);
        }
        cursor.skip(1);
        cursor.peek_token();
        if quoted.text_bytes > zone.limits.string_bytes {
            return Err(LONG_STRING);
        }
        let member = Member::new(quoted, cursor.at());
        let Some(open) = self.open.last_mut() else { return Err(Broken::Grammar) };
        open.count += 1;
        if open.count > zone.limits.members {
            return Err(Broken::Rule("an object has too many members"));
        }
        if open.count <= PAIRWISE {
            let earlier = self.members.get(open.first..).unwrap_or_default();
            if earlier.iter().any(|other| other.has_name_of(&member, text)) {
                return Err(REPEATED);
            }
        }
        self.members.push(member);
        Ok(())
    }

    #[inline]
    fn element(&mut self, zone: &Zone<'_>) -> Result<(), Broken> {
        let Some(open) = self.open.last_mut() else { return Err(Broken::Grammar) };
        open.count += 1;
        if open.count > zone.limits.elements { Err(Broken::Rule("an array has too many elements")) } else { Ok(()) }
    }

    /// Remembers where the value of the innermost member ended.
    #[inline]
    fn end_value(&mut self, cursor: &Cursor<'_>) {
        // Inside an array this writes to the member that holds the array, whose own end is written later.
        if let Some(member) = self.members.last_mut()
            && !self.open.is_empty()
        {
            member.value.end = offset(cursor.at());
        }
    }

    /// Compares the names of an object with many members in linear time but for the sorting of their digests.
    fn check_distinct(&mut self, text: &str, first: usize) -> Result<(), Broken> {
        let Self { members, digests, hasher, .. } = self;
        let members = members.get(first..).unwrap_or_default();
        let mut unescaped = String::new();
        digests.clear();
        for (index, member) in (0..).zip(members) {
            let mut hash = hasher.build_hasher();
            hash.write(member.name(text, &mut unescaped).as_bytes());
            digests.push((hash.finish(), index));
        }
        digests.sort_unstable();
        let member = |index: u32| members.get(index as usize).copied().unwrap_or_default();
        let mut runs = digests.chunk_by(|left, right| left.0 == right.0).filter(|run| run.len() > 1);
        // Different names may share a digest, if hardly ever, so the names of a run are compared themselves.
        let repeated = runs.any(|run| {
            run.iter().enumerate().any(|(nth, (_, left))| {
                run.iter().skip(nth + 1).any(|(_, right)| member(*left).has_name_of(&member(*right), text))
            })
        });
        if repeated { Err(REPEATED) } else { Ok(()) }
    }
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Rules<'a> {
    /// For a value that stands alone.
    pub(crate) fn of_value(limits: &'a JsonLimits) -> Self {
        Self { outer: limits, payload: None, number_chars: NUMBER_CHARS }
    }

    /// For a JSON-RPC message.
    pub(crate) fn of_message(limits: &'a MessageLimits) -> Self {
        Self { outer: &limits.elsewhere, payload: Some(&limits.arguments), number_chars: limits.number_chars }
    }
}

impl Span {
    /// A stretch of a text that is shorter than 4 GiB.
    pub(super) fn new(start: usize, end: usize) -> Self {
        Self { start: offset(start), end: offset(end) }
    }

    /// All of a text that is shorter than 4 GiB.
    pub(crate) fn whole(text: &[u8]) -> Option<Self> {
        Some(Self { start: 0, end: u32::try_from(text.len()).ok()? })
    }

    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Without the first and the last byte: the inside of a string token.
    pub(crate) fn inside(self) -> Option<Self> {
        let (start, end) = (self.start.checked_add(1)?, self.end.checked_sub(1)?);
        (start <= end).then_some(Self { start, end })
    }

    pub(crate) fn of(self, text: &str) -> &str {
        text.get(self.range()).unwrap_or_default()
    }
}

impl Member {
    fn new(name: Quoted, value: usize) -> Self {
        let value = Span::new(value, value);
        Self { key: Span::new(name.start, name.end), key_bytes: offset(name.text_bytes), value }
    }

    pub(crate) fn value(&self) -> Span {
        self.value
    }

    /// Whether the name, unescaped, is exactly `name`; `text` is the text that was scanned.
    #[inline]
    pub(crate) fn is_named(&self, text: &[u8], name: &str) -> bool {
        if self.key_bytes as usize != name.len() {
            return false;
        }
        let key = text.get(self.key.range()).unwrap_or_default();
        if self.is_plain() {
            return key == name.as_bytes();
        }
        std::str::from_utf8(key).is_ok_and(|key| Unescaped::new(key).eq(name.chars().map(Some)))
    }

    /// The name, unescaped into `buffer` where that is needed.
    #[inline]
    pub(crate) fn name<'t>(&self, text: &'t str, buffer: &'t mut String) -> &'t str {
        let key = self.key.of(text);
        if self.is_plain() {
            return key;
        }
        buffer.clear();
        buffer.extend(Unescaped::new(key).flatten());
        buffer
    }

    #[inline]
    fn has_name_of(&self, other: &Self, text: &str) -> bool {
        if self.key_bytes != other.key_bytes {
            return false;
        }
        let bytes = text.as_bytes();
        if self.is_plain() && other.is_plain() {
            return bytes.get(self.key.range()) == bytes.get(other.key.range());
        }
        Unescaped::new(self.key.of(text)).eq(Unescaped::new(other.key.of(text)))
    }

    #[inline]
    fn is_plain(&self) -> bool {
        self.key_bytes == self.key.end - self.key.start
    }

    /// The same member where the text is cut before `start`.
    fn counted_from(self, start: u32) -> Self {
        let shift = |span: Span| Span { start: span.start.saturating_sub(start), end: span.end.saturating_sub(start) };
        Self { key: shift(self.key), key_bytes: self.key_bytes, value: shift(self.value) }
    }
}

impl<'a> Zone<'a> {
    fn outer(rules: &'a Rules<'a>) -> Self {
        let within = if rules.payload.is_some() { Within::Message } else { Within::Alone };
        Self { rules, limits: rules.outer, ceiling: rules.outer.depth, within, params: None }
    }

    fn enter_payload(&mut self, depth: usize) {
        if let Some(limits) = self.rules.payload {
            self.limits = limits;
            self.ceiling = limits.depth.saturating_add(depth);
            self.within = Within::Payload(depth);
        }
    }

    fn leave_payload(&mut self) {
        self.limits = self.rules.outer;
        self.ceiling = self.rules.outer.depth;
        self.within = Within::Message;
    }
}

/// A text of 4 GiB or more is refused before anything is counted, so no place in it is cut.
#[inline]
fn offset(at: usize) -> u32 {
    at as u32
}

const REPEATED: Broken = Broken::Rule("an object repeats a member name");
const LONG_STRING: Broken = Broken::Rule("a string is too long");

/// Members of `params` that hold what a handler reads.
const PAYLOADS: [&str; 4] = ["arguments", "inputResponses", "argument", "context"];

/// Up to this many names are compared each with each: mostly a comparison of lengths, and no digest is needed.
const PAIRWISE: usize = 8;

/// Containers and members that there is room for between messages; some 24 bytes each.
const KEPT_OPEN: usize = 64;
const KEPT_MEMBERS: usize = 256;
