//! Members whose type is looked at, not assumed: absent, of the wrong type, or right.
//!
//! A parser that fails says in its own words what is wrong; these never fail on a type, so that the caller can name
//! the member in a sentence of ours. Nothing that was not asked for is kept.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// What stands where a value of a certain type may stand.
#[derive(Clone, Debug, Default)]
pub(super) enum Member<T> {
    /// Nothing.
    #[default]
    Absent,
    /// Something else.
    Wrong,
    /// A value of the type.
    Is(T),
}

impl<T> Member<T> {
    /// The value, if there is one; `Err` with `fault` where something else stands.
    pub(super) fn optional<F>(self, fault: F) -> Result<Option<T>, F> {
        match self {
            Self::Absent => Ok(None),
            Self::Wrong => Err(fault),
            Self::Is(value) => Ok(Some(value)),
        }
    }

    /// The value; `Err` with `fault` where there is none.
    pub(super) fn required<F>(self, fault: F) -> Result<T, F> {
        match self {
            Self::Absent | Self::Wrong => Err(fault),
            Self::Is(value) => Ok(value),
        }
    }

    /// The value, if there is one; what else stands there counts as nothing.
    pub(super) fn or_none(self) -> Option<T> {
        match self {
            Self::Absent | Self::Wrong => None,
            Self::Is(value) => Some(value),
        }
    }

    /// Nothing, or a value of the type.
    pub(super) fn is_acceptable(&self) -> bool {
        match self {
            Self::Absent | Self::Is(_) => true,
            Self::Wrong => false,
        }
    }

    /// A value of the type stands here.
    pub(super) fn is_present(&self) -> bool {
        match self {
            Self::Is(_) => true,
            Self::Absent | Self::Wrong => false,
        }
    }
}

/// A type that a member may have; every kind of JSON that it does not take is the wrong one.
pub(super) trait Expected<'de>: Sized {
    /// From a string.
    fn text(_: &str) -> Option<Self> {
        None
    }

    /// From `true` or `false`.
    fn boolean(_: bool) -> Option<Self> {
        None
    }

    /// From an array; takes all of its elements.
    fn array<A: SeqAccess<'de>>(mut array: A) -> Result<Option<Self>, A::Error> {
        while array.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    /// From an object; takes all of its members.
    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Option<Self>, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

impl<'de, T: Expected<'de>> Deserialize<'de> for Member<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MemberVisitor(PhantomData))
    }
}

struct MemberVisitor<T>(PhantomData<T>);

impl<'de, T: Expected<'de>> Visitor<'de> for MemberVisitor<T> {
    type Value = Member<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(T::boolean(value).map_or(Member::Wrong, Member::Is))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Member::Wrong)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Member::Wrong)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Member::Wrong)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Member::Wrong)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(T::text(text).map_or(Member::Wrong, Member::Is))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, array: A) -> Result<Self::Value, A::Error> {
        Ok(T::array(array)?.map_or(Member::Wrong, Member::Is))
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
        Ok(T::object(object)?.map_or(Member::Wrong, Member::Is))
    }
}

/// A member's name; borrowed from the message where it has no escapes.
pub(super) struct Name<'de>(Cow<'de, str>);

impl Name<'_> {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Name(Cow::Borrowed(name)))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Name(Cow::Owned(name.to_owned())))
    }
}

impl Expected<'_> for bool {
    fn boolean(value: bool) -> Option<Self> {
        Some(value)
    }
}

/// Text that is as long as the limits of a message allow.
impl Expected<'_> for Box<str> {
    fn text(text: &str) -> Option<Self> {
        Some(text.into())
    }
}

/// Text of at most `MAX` bytes; longer text is the wrong type.
#[derive(Debug)]
pub(super) struct Short<const MAX: usize>(pub(super) Box<str>);

impl<const MAX: usize> Expected<'_> for Short<MAX> {
    fn text(text: &str) -> Option<Self> {
        (text.len() <= MAX).then(|| Self(text.into()))
    }
}

/// An object of which only the presence counts.
pub(super) struct Present;

impl<'de> Expected<'de> for Present {
    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Option<Self>, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Some(Self))
    }
}

/// A string of which only the type counts.
struct AnyText;

impl Expected<'_> for AnyText {
    fn text(_: &str) -> Option<Self> {
        Some(Self)
    }
}

/// An object whose values are strings, of which only the shape counts.
pub(super) struct TextObject;

impl<'de> Expected<'de> for TextObject {
    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Option<Self>, A::Error> {
        let mut all = true;
        while let Some((_, value)) = object.next_entry::<IgnoredAny, Member<AnyText>>()? {
            all &= value.is_present();
        }
        Ok(all.then_some(Self))
    }
}
