//! Patterns of names and URIs, matched in linear time.
//!
//! A pattern never holds a brace, so the `{}` that stands for a variable in the outline of a template is met by a `*`
//! or by nothing.

/// Which names a permission is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    /// All.
    All,
    /// The one of that name.
    Exact(Box<str>),
    /// Those that fit.
    Glob(Glob),
}

/// A pattern with at least one `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob {
    /// What stands before the first `*`.
    head: Box<str>,
    /// What stands between two of them, none of it empty.
    middle: Box<[Box<str>]>,
    /// What stands behind the last `*`.
    tail: Box<str>,
}

impl Pattern {
    /// A pattern of a text in canonical form.
    pub(super) fn new(text: &str) -> Self {
        let Some((head, rest)) = text.split_once('*') else { return Self::Exact(text.into()) };
        let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
        let middle: Box<[Box<str>]> = middle.split('*').filter(|piece| !piece.is_empty()).map(Box::from).collect();
        if head.is_empty() && middle.is_empty() && tail.is_empty() {
            return Self::All;
        }
        Self::Glob(Glob { head: head.into(), middle, tail: tail.into() })
    }
}

impl Glob {
    /// The whole name fits.
    ///
    /// The earliest place of each piece leaves the most room for those behind it, so nothing is tried twice.
    pub(super) fn matches(&self, name: &str) -> bool {
        let Some(rest) = name.strip_prefix(&*self.head) else { return false };
        let Some(rest) = rest.strip_suffix(&*self.tail) else { return false };
        in_order(rest, self.middle.iter().map(|piece| &**piece))
    }

    /// Some member of the family fits, where a variable of the template may be any text.
    ///
    /// Both have a gap that takes any text. So a common text exists as soon as the two beginnings and the two ends go
    /// together: behind the longer beginning stand the middle pieces of one and then those of the other.
    pub(super) fn overlaps(&self, outline: &str) -> bool {
        let (head, tail) = ends(outline);
        let heads_agree = head.starts_with(&*self.head) || self.head.starts_with(head);
        heads_agree && (tail.ends_with(&*self.tail) || self.tail.ends_with(tail))
    }
}

/// A text is a member of the family that an outline stands for, where a variable may be any text.
pub(super) fn is_member(text: &str, outline: &str) -> bool {
    let (head, tail) = ends(outline);
    let Some(rest) = text.strip_prefix(head).and_then(|rest| rest.strip_suffix(tail)) else { return false };
    let middle = outline.len().checked_sub(tail.len()).and_then(|end| outline.get(head.len()..end));
    in_order(rest, middle.unwrap_or_default().split(VARIABLE))
}

/// A name that stands for the members of a template.
pub(super) fn is_outline(name: &str) -> bool {
    name.contains(VARIABLE)
}

/// What stands before the first variable and behind the last.
fn ends(outline: &str) -> (&str, &str) {
    let head = outline.split_once(VARIABLE).map_or(outline, |(head, _)| head);
    let tail = outline.rsplit_once(VARIABLE).map_or("", |(_, tail)| tail);
    (head, tail)
}

/// The pieces stand in the text one behind the other.
fn in_order<'a>(text: &str, pieces: impl Iterator<Item = &'a str>) -> bool {
    let mut rest = text;
    for piece in pieces {
        let Some((_, behind)) = rest.split_once(piece) else { return false };
        rest = behind;
    }
    true
}

/// How [`UriTemplate::outline`](mocopr_core::uri::UriTemplate::outline) writes a variable.
const VARIABLE: &str = "{}";
