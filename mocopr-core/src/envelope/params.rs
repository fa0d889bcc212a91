//! `params` of a message and its direct members, as the scanner met them.
//!
//! Values are looked up by exact name and handed out as slices; nothing here decodes more than a string.

use crate::{
    envelope::{Rule, Str, text::quoted},
    json::{Member, MessageLimits, RawJson, Span, unescape},
};

/// The parameters of a request or notification: nothing, or an object.
#[derive(Clone, Debug, Default)]
pub struct Params {
    raw: Option<RawJson>,
    /// Counted from the start of `raw`.
    members: Vec<Member>,
}

/// The member is there and is not a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotString;

impl Params {
    pub(super) fn new(raw: RawJson, members: Vec<Member>) -> Self {
        Self { raw: Some(raw), members }
    }

    /// The whole object; `None` where the message has no `params`.
    #[must_use]
    pub fn raw(&self) -> Option<&RawJson> {
        self.raw.as_ref()
    }

    /// The value of the member whose name, unescaped, is exactly `name`; `null` counts as a value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<RawJson> {
        let raw = self.raw.as_ref()?;
        Some(raw.part(self.span(name)?))
    }

    /// The member of that name as a string; `None` where it is absent.
    ///
    /// # Errors
    /// [`NotString`] for every other value, `null` among them.
    pub fn string(&self, name: &str) -> Result<Option<Str>, NotString> {
        let (Some(raw), Some(span)) = (&self.raw, self.span(name)) else { return Ok(None) };
        Str::cut(raw.text(), span).map(Some).ok_or(NotString)
    }

    /// Checks the members that have a length of their own; `text` is the text of the object.
    pub(super) fn check_sizes(&self, text: &str, limits: &MessageLimits) -> Result<(), Rule> {
        let mut unescaped = String::new();
        for member in &self.members {
            let (bytes, rule) = match member.name(text, &mut unescaped) {
                "_meta" if member.value().of(text).len() > limits.meta_bytes => return Err("_meta is too long"),
                "cursor" => (limits.cursor_bytes, "cursor is too long"),
                "uri" => (limits.uri_bytes, "uri is too long"),
                "requestState" => (limits.request_state_bytes, "requestState is too long"),
                _ => continue,
            };
            if text_bytes(member.value().of(text)) > bytes {
                return Err(rule);
            }
        }
        Ok(())
    }

    fn span(&self, name: &str) -> Option<Span> {
        let text = self.raw.as_ref()?.as_bytes();
        self.members.iter().find(|member| member.is_named(text, name)).map(Member::value)
    }
}

/// Bytes of a string after unescaping; what is not a string is refused later for its type.
fn text_bytes(value: &str) -> usize {
    quoted(value).and_then(unescape).map_or(0, |text| text.len())
}
