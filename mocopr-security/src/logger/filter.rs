//! What is taken out of a log: secrets whose shape is known, and values of fields whose name says that they are one.

use std::borrow::Cow;

use crate::leak::KnownSecrets;

/// Takes secrets out.
#[derive(Debug)]
pub(crate) struct Filter {
    secrets: KnownSecrets,
    /// Names that the owner gave, without capital letters.
    fields: Box<[Box<str>]>,
}

impl Filter {
    pub(crate) fn new() -> Self {
        Self { secrets: KnownSecrets::new(), fields: [].into() }
    }

    /// The values of fields of these names are taken out too.
    pub(super) fn with_fields(self, fields: Vec<Box<str>>) -> Self {
        let fields = fields.into_iter().map(|name| name.to_ascii_lowercase().into()).collect();
        Self { fields, ..self }
    }

    /// What of a value is written.
    pub(crate) fn value<'a>(&self, field: &str, value: &'a str) -> Cow<'a, str> {
        if self.is_secret(field) { Cow::Borrowed(REDACTED) } else { self.secrets.without(value) }
    }

    /// The whole value of the field is a secret.
    pub(super) fn is_secret(&self, field: &str) -> bool {
        let field = field.to_ascii_lowercase();
        SECRET.iter().any(|name| field.contains(name)) || self.fields.iter().any(|name| **name == *field)
    }
}

/// What stands where a secret stood.
pub(super) const REDACTED: &str = "[redacted]";
/// A field whose name holds one of these is a secret.
const SECRET: [&str; 10] = [
    "authorization",
    "cookie",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "secret",
    "token",
    "api_key",
    "apikey",
];
