//! URI templates as resource templates need them: what they may say, and how they are written out.
//!
//! Of RFC 6570 stands what can be read backwards without guessing; all else is refused when the template is read,
//! never when a URI is matched.

use std::{fmt, sync::Arc};

use thiserror::Error;

use crate::uri::{
    Captures, MAX_URI_BYTES, ResourceUri, UriError, capture,
    normal::{self, Part},
    percent, reader,
};

/// The most variables of one template.
pub const MAX_VARIABLES: usize = 32;

/// A family of resource URIs: literal text with variables between.
///
/// | expression | stands for |
/// |---|---|
/// | `{id}` | one non-empty text without `/`, `\` and NUL, nor `.` or `..` |
/// | `{+path}` | the same with `/` (and `?` where the template ends with it), once a template |
/// | `{/a,b}`, `{/path*}` | path segments, in order; all of them, joined by `/` |
/// | `{.ext}` | a dot and one text |
/// | `{?a,b}`, `{&a}` | query parameters in this order, each may be absent, the values may hold `/` |
///
/// `{/…}`, `{.…}`, `{?…}` and `{&…}` stand at the end, in the order of this table, and may be absent. `:n`, `{;a}`,
/// `{#a}` and two variables in one `{a,b}` are refused, since what they were written from cannot be told from the URI.
///
/// Case counts everywhere but in the scheme and in a host that DNS names, as [`ResourceUri`] says: `{city}` of
/// `weather://{city}/today` arrives as it was written, and `{host}` of `https://{host}/` in lower case. The values and
/// the URI that access rules look at come from one canonical form, so a rule about `weather://Bonn/*` speaks of the
/// value `Bonn` and not of `bonn`.
///
/// ```
/// use mocopr_core::uri::{ResourceUri, UriTemplate};
///
/// let template = UriTemplate::parse("notes://{user}/{id}{?lang}")?;
/// let uri = ResourceUri::parse("notes://Alice/to%20do?lang=en")?;
/// let captures = template.matches(&uri).ok_or("no match")?;
/// assert_eq!(captures.text("user"), Some("Alice"));
/// assert_eq!(captures.text("id"), Some("to do"));
/// assert_eq!(template.matches(&ResourceUri::parse("notes://Alice/..%20%2Fbob")?), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Source
/// RFC 6570, levels 1 to 4; MCP 2026-07-28, server/resources, "Resource Templates".
#[derive(Clone)]
pub struct UriTemplate {
    written: Box<str>,
    pub(super) pieces: Box<[Piece]>,
    literal_bytes: usize,
}

/// Why a text is not a resource template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// It has more than [`MAX_URI_BYTES`] bytes.
    #[error("the template is too long")]
    TooLong,
    /// More than [`MAX_VARIABLES`] variables.
    #[error("the template has too many variables")]
    TooManyVariables,
    /// It does not begin with a literal scheme.
    #[error("a template begins with a scheme and a colon, without variables in them")]
    Scheme,
    /// A brace without its partner.
    #[error("a brace of the template has no partner")]
    Brace,
    /// The literal text would not make a URI.
    #[error("the literal text of the template is no URI: {0}")]
    Literal(UriError),
    /// The literal text of the host holds a user or an address in brackets.
    #[error("the host of a template is a name, without user and brackets")]
    Host,
    /// A variable's name is empty or holds more than letters, digits, `_` and inner dots.
    #[error("`{0}` is not a variable's name: use letters, digits and _")]
    Name(Box<str>),
    /// A name comes twice.
    #[error("the variable `{0}` comes twice")]
    Duplicate(Box<str>),
    /// An operator that no resource template needs.
    #[error("`{{{0}` is not an expression of resource templates: use {{a}}, {{+a}}, {{/a}}, {{.a}}, {{?a}} or {{&a}}")]
    Operator(char),
    /// A prefix (`:3`), of which the value cannot be told.
    #[error("`{0}` asks for a prefix, from which the value cannot be told")]
    Prefix(Box<str>),
    /// A `*` elsewhere than in `{/path*}`.
    #[error("`{0}`: a list can only be written as one variable with a slash, {{/path*}}")]
    Explode(Box<str>),
    /// Several variables in an expression that parts them ambiguously.
    #[error("`{{{0}}}` holds several variables that cannot be told apart: write one expression for each")]
    Several(Box<str>),
    /// An expression follows another and nothing parts them.
    #[error("nothing parts `{{{0}}}` from the variable before it: put literal text between them")]
    Adjacent(Box<str>),
    /// A second `{+…}`, or one in a query that does not end the template.
    #[error("`{{{0}}}` must be the only one of its kind, and the last part of a query")]
    Reserved(Box<str>),
    /// An optional expression (`{/a}`, `{.a}`, `{?a}`, `{&a}`) in a place where it cannot be told whether it is there.
    #[error("`{{{0}}}` may be absent, so it must stand at the end: path, extension, query")]
    Optional(Box<str>),
    /// `{/a}` behind the slash of `scheme:/`, where its own slash would begin an authority.
    #[error("`{{{0}}}` would write a host behind `:/`: begin the template with `scheme:` or `scheme://`")]
    Authority(Box<str>),
    /// `{?a}` behind a question mark, `{&a}` without one, or any expression in a fragment.
    #[error("`{{{0}}}` does not fit here: {{?a}} begins the query, {{&a}} goes on with it, a fragment has none")]
    Place(Box<str>),
}

/// A stretch of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Canonical literal text.
    Literal(Box<str>),
    /// `{a}`.
    Value { name: Arc<str>, component: Component, ends: Ends },
    /// `{+a}`.
    Reserved { name: Arc<str>, span: Span, ends: Ends, start: Start },
    /// `{/a,b}`.
    Segments(Box<[Arc<str>]>),
    /// `{/a*}`.
    Path(Arc<str>),
    /// `{.a}`.
    Label(Arc<str>, Component),
    /// `{?a,b}` and `{&a,b}` by their first character.
    Query(char, Box<[Arc<str>]>),
}

/// The part of the URI that a variable stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Component {
    Host,
    Path,
    Query,
}

/// Where the text of a variable ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// Where its alphabet ends, less so many bytes that belong to the literal behind it.
    WithRun { overlap: usize },
    /// Where the literal behind it first occurs.
    First,
    /// Where the literal behind it last occurs.
    Last,
}

/// How far `{+a}` can reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// To the end of the path.
    Path,
    /// Into the query as well: it is the last piece.
    PathAndQuery,
}

/// Whether the value of `{+a}` may begin with a slash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// It may: the text before it does not end with one.
    Free,
    /// It may not: behind a slash it would turn a relative path into an absolute one.
    NoSlash,
}

impl UriTemplate {
    /// Reads a template of at most [`MAX_URI_BYTES`] bytes and [`MAX_VARIABLES`] variables.
    ///
    /// # Errors
    /// A [`TemplateError`] that names the first expression or text at fault; all are mistakes of whoever wrote the
    /// template.
    pub fn parse(raw: &str) -> Result<Self, TemplateError> {
        if raw.len() > MAX_URI_BYTES {
            return Err(TemplateError::TooLong);
        }
        let pieces = reader::read(raw)?;
        let sample = write(&pieces, |_| Some("1"));
        ResourceUri::parse(&sample).map_err(TemplateError::Literal)?;
        let literal_bytes = pieces
            .iter()
            .map(|piece| match piece {
                Piece::Literal(text) => text.len(),
                Piece::Value { .. }
                | Piece::Reserved { .. }
                | Piece::Segments(_)
                | Piece::Path(_)
                | Piece::Label(..)
                | Piece::Query(..) => 0,
            })
            .sum();
        Ok(Self { written: raw.into(), pieces: pieces.into(), literal_bytes })
    }

    /// The template as it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The names of its variables in the order in which they stand.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().flat_map(Piece::names).map(|name| &**name)
    }

    /// How many bytes of a URI it fixes; of several templates that match, the one with the most fits best.
    pub fn specificity(&self) -> usize {
        self.literal_bytes
    }

    /// What is fixed of its URIs, in canonical form, with `{}` for each expression: what access rules about the whole
    /// family look at, because the template as it was written may spell it otherwise.
    ///
    /// ```
    /// use mocopr_core::uri::UriTemplate;
    ///
    /// assert_eq!(UriTemplate::parse("Notes://{user}/%7eall/{id}{?lang}")?.outline(), "notes://{}/~all/{}{}");
    /// # Ok::<(), mocopr_core::uri::TemplateError>(())
    /// ```
    pub fn outline(&self) -> String {
        let fixed = |piece: &'_ Piece| match piece {
            Piece::Literal(text) => text.to_string(),
            Piece::Value { .. }
            | Piece::Reserved { .. }
            | Piece::Segments(_)
            | Piece::Path(_)
            | Piece::Label(..)
            | Piece::Query(..) => "{}".to_owned(),
        };
        self.pieces.iter().map(fixed).collect()
    }

    /// The values with which this template makes `uri`, or `None` where it does not make it.
    ///
    /// Reads the canonical form once, without going back: the time is linear in its length. Each value is decoded
    /// once and is UTF-8 without NUL; no two URIs give the same values. What holds a separator or a dot segment in
    /// an encoding does not match.
    pub fn matches(&self, uri: &ResourceUri) -> Option<Captures> {
        capture::walk(&self.pieces, uri.canonical()).0
    }

    /// Writes the URI for these values, each percent-encoded; names that the template lacks are passed over.
    ///
    /// A `%` in a value of `{+a}` is escaped as well, other than in RFC 6570, so that every value that
    /// [`matches`](Self::matches) gives is written back as it was. A variable without a value is left out.
    pub fn expand(&self, values: &[(&str, &str)]) -> String {
        write(&self.pieces, |name| values.iter().find(|(key, _)| *key == name).map(|(_, value)| *value))
    }
}

impl fmt::Display for UriTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl fmt::Debug for UriTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UriTemplate").field(&self.written).finish()
    }
}

impl Piece {
    pub(super) fn names(&self) -> &[Arc<str>] {
        match self {
            Self::Literal(_) => &[],
            Self::Value { name, .. } | Self::Reserved { name, .. } | Self::Path(name) | Self::Label(name, _) => {
                std::slice::from_ref(name)
            }
            Self::Segments(names) | Self::Query(_, names) => names,
        }
    }
}

impl Component {
    /// The part whose characters mean themselves here.
    pub(super) fn part(self) -> Part {
        match self {
            // Both kinds of host have one alphabet.
            Self::Host => Part::OwnHost,
            Self::Path => Part::Path,
            Self::Query => Part::Query,
        }
    }

    /// Whether a byte of a canonical URI can belong to `{a}` in this place.
    pub(super) fn holds(self, byte: u8) -> bool {
        byte == b'%' || (byte != b'/' && normal::means_itself(self.part(), byte))
    }
}

impl Span {
    /// The reserved characters that `{+a}` writes plain, and of which it takes no escape back.
    pub(super) fn plain(self) -> &'static str {
        match self {
            Self::Path => "/:@!$&'()*+,;=",
            Self::PathAndQuery => "/:@!$&'()*+,;=?",
        }
    }

    /// Whether a byte of a canonical URI can belong to `{+a}`.
    pub(super) fn holds(self, byte: u8) -> bool {
        match self {
            Self::Path => !matches!(byte, b'?' | b'#'),
            Self::PathAndQuery => byte != b'#',
        }
    }
}

/// Writes a URI with the value that `find` gives for each name.
fn write<'v>(pieces: &[Piece], find: impl Fn(&str) -> Option<&'v str>) -> String {
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Piece::Literal(text) => out.push_str(text),
            Piece::Value { name, .. } => push_value(find(name).unwrap_or_default(), "", &mut out),
            Piece::Reserved { name, span, .. } => {
                push_value(find(name).unwrap_or_default(), span.plain(), &mut out);
            }
            Piece::Segments(names) => {
                for value in names.iter().filter_map(|name| find(name)) {
                    out.push('/');
                    push_value(value, "", &mut out);
                }
            }
            Piece::Path(name) => {
                for segment in find(name).into_iter().flat_map(|value| value.split('/')) {
                    out.push('/');
                    push_value(segment, "", &mut out);
                }
            }
            Piece::Label(name, _) => {
                if let Some(value) = find(name) {
                    out.push('.');
                    push_value(value, "", &mut out);
                }
            }
            Piece::Query(first, names) => {
                let mut mark = *first;
                for (name, value) in names.iter().filter_map(|name| Some((name, find(name)?))) {
                    out.push(mark);
                    out.push_str(name);
                    out.push('=');
                    push_value(value, "", &mut out);
                    mark = '&';
                }
            }
        }
    }
    out
}

/// Appends a value with everything escaped but unreserved characters and those in `plain`.
fn push_value(value: &str, plain: &str, out: &mut String) {
    for byte in value.bytes() {
        let unreserved = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        if unreserved || plain.as_bytes().contains(&byte) {
            out.push(char::from(byte));
        } else {
            percent::push(byte, out);
        }
    }
}
