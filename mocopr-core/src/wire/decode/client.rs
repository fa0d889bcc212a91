//! Who a client says it is, and what it says it can do.
//!
//! Sessions keep what is read here, so of settings only the presence is kept, and names have a bound of their own.

use serde::de::{IgnoredAny, MapAccess};

use crate::{
    model::capability::{ClientCapabilities, ElicitationModes, SamplingModes},
    wire::{
        decode::member::{Expected, Member, Name, Present},
        revision::Revision,
    },
};

impl ClientCapabilities {
    /// What of it exists in a revision: a client that claims more is not believed, because its revision has no words
    /// for the question.
    #[must_use]
    pub fn known_in(self, revision: Revision) -> Self {
        let Self { elicitation, sampling, roots, extensions } = self;
        Self {
            elicitation: match revision {
                Revision::V2024_11_05 | Revision::V2025_03_26 => None,
                // Before there were modes the declaration itself meant forms, whatever stood inside.
                Revision::V2025_06_18 => elicitation.map(|_| ElicitationModes { form: true, url: false }),
                Revision::V2025_11_25 | Revision::V2026_07_28 => elicitation,
            },
            sampling: match revision {
                Revision::V2024_11_05 | Revision::V2025_03_26 | Revision::V2025_06_18 => {
                    sampling.map(|_| SamplingModes::default())
                }
                Revision::V2025_11_25 | Revision::V2026_07_28 => sampling,
            },
            roots,
            extensions: if revision < Revision::V2026_07_28 { Vec::new() } else { extensions },
        }
    }
}

impl<'de> Expected<'de> for ClientCapabilities {
    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Option<Self>, A::Error> {
        let mut elicitation = Member::<ElicitationModes>::Absent;
        let mut sampling = Member::<SamplingModes>::Absent;
        let mut roots = Member::<Present>::Absent;
        let mut extensions = Member::<Extensions>::Absent;
        while let Some(name) = object.next_key::<Name<'de>>()? {
            match name.as_str() {
                "elicitation" => elicitation = object.next_value()?,
                "sampling" => sampling = object.next_value()?,
                "roots" => roots = object.next_value()?,
                "extensions" => extensions = object.next_value()?,
                _ => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        let read = || -> Result<Self, ()> {
            Ok(Self {
                elicitation: elicitation.optional(())?,
                sampling: sampling.optional(())?,
                roots: roots.optional(())?.is_some(),
                extensions: extensions.optional(())?.map(|Extensions(names)| names).unwrap_or_default(),
            })
        };
        Ok(read().ok())
    }
}

impl<'de> Expected<'de> for ElicitationModes {
    /// Without a mode of its own the declaration means a form: 2025-06-18 had nothing else.
    fn object<A: MapAccess<'de>>(object: A) -> Result<Option<Self>, A::Error> {
        let modes = two_settings(object, "form", "url")?;
        Ok(modes.map(|(form, url)| Self { form: form || !url, url }))
    }
}

impl<'de> Expected<'de> for SamplingModes {
    fn object<A: MapAccess<'de>>(object: A) -> Result<Option<Self>, A::Error> {
        let modes = two_settings(object, "tools", "context")?;
        Ok(modes.map(|(tools, context)| Self { tools, context }))
    }
}

/// Who a client says it is. Nothing of it is kept: it is never a basis for a decision, and nothing here shows it.
#[derive(Clone, Debug)]
pub(super) struct ClientInfo;

impl<'de> Expected<'de> for ClientInfo {
    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Option<Self>, A::Error> {
        let (mut name, mut version) = (Member::<Label>::Absent, Member::<Label>::Absent);
        let mut others_fit = true;
        while let Some(member) = object.next_key::<Name<'de>>()? {
            match member.as_str() {
                "name" => name = object.next_value()?,
                "version" => version = object.next_value()?,
                "title" | "description" | "websiteUrl" => {
                    others_fit &= object.next_value::<Member<Text>>()?.is_present();
                }
                _ => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok((name.is_present() && version.is_present() && others_fit).then_some(Self))
    }
}

/// Names of extensions whose settings are objects.
struct Extensions(Vec<Box<str>>);

impl<'de> Expected<'de> for Extensions {
    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Option<Self>, A::Error> {
        let mut names = Vec::new();
        let mut all = true;
        while let Some((name, settings)) = object.next_entry::<Name<'de>, Member<Present>>()? {
            all &= settings.is_present() && name.as_str().len() <= LABEL_BYTES && names.len() < MAX_EXTENSIONS;
            if all {
                names.push(name.as_str().into());
            }
        }
        Ok(all.then_some(Self(names)))
    }
}

/// Reads an object of two settings: which of them are there, or nothing if one is not an object.
fn two_settings<'de, A: MapAccess<'de>>(
    mut object: A,
    first: &str,
    second: &str,
) -> Result<Option<(bool, bool)>, A::Error> {
    let (mut one, mut two) = (Member::<Present>::Absent, Member::<Present>::Absent);
    while let Some(name) = object.next_key::<Name<'de>>()? {
        match name.as_str() {
            name if name == first => one = object.next_value()?,
            name if name == second => two = object.next_value()?,
            _ => {
                object.next_value::<IgnoredAny>()?;
            }
        }
    }
    Ok((one.is_acceptable() && two.is_acceptable()).then(|| (one.is_present(), two.is_present())))
}

/// A text about the client, of which only the length counts.
#[derive(Clone, Debug)]
struct Label;

impl Expected<'_> for Label {
    fn text(text: &str) -> Option<Self> {
        (text.len() <= LABEL_BYTES).then_some(Self)
    }
}

/// A text about the client, of any length: nothing of it is kept.
#[derive(Clone, Debug)]
struct Text;

impl Expected<'_> for Text {
    fn text(_: &str) -> Option<Self> {
        Some(Self)
    }
}

/// Names and versions of a client: enough for any that is shown to people.
const LABEL_BYTES: usize = 1024;
/// Extensions of a client; the protocol knows a handful.
const MAX_EXTENSIONS: usize = 64;
