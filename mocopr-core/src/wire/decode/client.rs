//! Who a client says it is, and what it says it can do.
//!
//! Sessions keep what is read here, so each text has a bound of its own; of settings only the presence is kept.

use serde::de::{IgnoredAny, MapAccess};

use crate::{
    model::capability::{ClientCapabilities, ElicitationModes, Implementation, SamplingModes},
    wire::decode::member::{Expected, Member, Name, Present, Short},
};

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

impl<'de> Expected<'de> for Implementation {
    /// Pictures of a client are not kept: nothing of this server shows them.
    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Option<Self>, A::Error> {
        let mut name = Member::<Label>::Absent;
        let mut title = Member::<Label>::Absent;
        let mut version = Member::<Label>::Absent;
        let mut description = Member::<Label>::Absent;
        let mut website_url = Member::<Label>::Absent;
        while let Some(member) = object.next_key::<Name<'de>>()? {
            match member.as_str() {
                "name" => name = object.next_value()?,
                "title" => title = object.next_value()?,
                "version" => version = object.next_value()?,
                "description" => description = object.next_value()?,
                "websiteUrl" => website_url = object.next_value()?,
                _ => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        let read = || -> Result<Self, ()> {
            Ok(Self {
                name: name.required(())?.0,
                title: title.optional(())?.map(|text| text.0),
                version: version.required(())?.0,
                description: description.optional(())?.map(|text| text.0),
                website_url: website_url.optional(())?.map(|text| text.0),
                icons: Vec::new(),
            })
        };
        Ok(read().ok())
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

type Label = Short<LABEL_BYTES>;

/// Names, versions and descriptions of a client: enough for any that is shown to people, small in a session.
const LABEL_BYTES: usize = 1024;
/// Extensions of a client; the protocol knows a handful.
const MAX_EXTENSIONS: usize = 64;
