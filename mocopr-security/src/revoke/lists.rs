//! What is revoked, as lists, and the file that an owner writes them in.

use std::{collections::HashSet, path::Path};

use mocopr_core::peer::Source;

use super::network::{Network, Networks};
use crate::{
    policy::Problem,
    principal::{Method, Principal},
};

/// Everything that is revoked from one side: by the program, or by the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lists {
    pub(super) principals: HashSet<Named>,
    pub(super) credentials: HashSet<Named>,
    /// API keys, tokens and certificates of whatever issuer.
    keys: HashSet<Box<str>>,
    tokens: HashSet<Box<str>>,
    certificates: HashSet<Box<str>>,
    sessions: HashSet<Box<str>>,
    pub(super) networks: Networks,
}

/// Something of an issuer.
pub(super) type Named = (Box<str>, Box<str>);

impl Lists {
    /// Reads a file, as [`Revocations::from_file`](super::Revocations::from_file) describes it.
    ///
    /// # Errors
    /// A problem with the path and the number of the first line that says nothing.
    pub(super) fn parse(path: &Path, content: &[u8]) -> Result<Self, Problem> {
        let wrong = |line: usize, what: &str| {
            Problem::new(format!("{}, line {}: {what}", path.display(), line + 1), "mend or remove the line")
        };
        let mut lists = Self::default();
        for (number, line) in content.split(|byte| *byte == b'\n').enumerate() {
            let line = str::from_utf8(line).map_err(|_| wrong(number, "not UTF-8"))?.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if lists.len() >= MOST {
                return Err(wrong(number, "more than 100,000 revocations"));
            }
            lists.add(line).map_err(|what| wrong(number, what))?;
        }
        Ok(lists)
    }

    fn add(&mut self, line: &str) -> Result<(), &'static str> {
        let (kind, name) = line.split_once(char::is_whitespace).ok_or("it names nothing")?;
        let name = name.trim_start();
        match kind {
            "principal" => {
                let (issuer, subject) = name.split_once(char::is_whitespace).ok_or("an issuer without a subject")?;
                self.principals.insert((issuer.into(), subject.trim_start().into()));
            }
            "key" => drop(self.keys.insert(name.into())),
            "token" => drop(self.tokens.insert(name.into())),
            "certificate" => drop(self.certificates.insert(name.into())),
            "session" => drop(self.sessions.insert(name.into())),
            "address" => drop(self.networks.insert(Network::parse(name).ok_or("not an address or a network")?)),
            _ => return Err("it begins with none of principal, key, token, certificate, session and address"),
        }
        Ok(())
    }

    /// How many things are named.
    pub(super) fn len(&self) -> usize {
        let Self { principals, credentials, keys, tokens, certificates, sessions, networks } = self;
        let by_name = keys.len() + tokens.len() + certificates.len() + sessions.len();
        principals.len() + credentials.len() + by_name + networks.len()
    }

    /// Adds all of another.
    pub(super) fn extend(&mut self, other: &Self) {
        let Self { principals, credentials, keys, tokens, certificates, sessions, networks } = other;
        self.principals.extend(principals.iter().cloned());
        self.credentials.extend(credentials.iter().cloned());
        self.keys.extend(keys.iter().cloned());
        self.tokens.extend(tokens.iter().cloned());
        self.certificates.extend(certificates.iter().cloned());
        self.sessions.extend(sessions.iter().cloned());
        self.networks.extend(networks);
    }

    /// The sessions that these name and `earlier` do not.
    pub(super) fn sessions_beside(&self, earlier: &Self) -> Vec<Box<str>> {
        self.sessions.difference(&earlier.sessions).cloned().collect()
    }

    /// This principal, or the credential of that name by which it is here, or the address that it is at.
    pub(super) fn cover(&self, who: &Principal, credential: Option<&str>, from: Option<Source>) -> bool {
        let named = |list: &HashSet<Named>, name: &str| {
            !list.is_empty() && list.contains(&(Box::from(who.issuer()), Box::from(name)))
        };
        let by_name = credential.is_some_and(|id| {
            named(&self.credentials, id)
                || match who.method() {
                    Method::ApiKey => self.keys.contains(id),
                    Method::Token => self.tokens.contains(id),
                    Method::Certificate => self.certificates.contains(id),
                    Method::Local | Method::Unix => false,
                }
        });
        by_name
            || named(&self.principals, who.subject())
            || from.and_then(Source::address).is_some_and(|from| self.networks.hold(from))
    }
}

/// What one file may name; more are a mistake, or need a list that is not held in memory.
const MOST: usize = 100_000;
