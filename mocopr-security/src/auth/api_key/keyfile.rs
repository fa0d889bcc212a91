//! A file of API keys: one record a line, as JSON. It holds no key, but what its lines say decides who may do what, so
//! it belongs to its owner alone.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    time::Duration,
};

use super::record::ApiKey;
use crate::{
    file::{self, Privacy},
    policy::Problem,
};

/// A file of API keys, for whoever makes and revokes them.
///
/// Each change replaces the file in one step, and several at a time are all kept. A server that reads the file sees the
/// change when it [reloads](super::ApiKeys::reload).
///
/// The file has one JSON object a line, with `id`, `hash`, `subject` and `created`, and where they apply `tenant`,
/// `roles`, `scopes`, `expires`, `revoked` and `name`; times are seconds since 1970-01-01T00:00:00Z. At most 10,000
/// keys in 8 MiB.
///
/// ```
/// use std::time::{SystemTime, UNIX_EPOCH};
///
/// use mocopr_security::auth::{ApiKey, ApiKeyFile};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("keys");
/// let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
/// let (key, record) = ApiKey::create("alice", now)?;
/// let id = record.id().to_owned();
/// let file = ApiKeyFile::at(path);
/// file.add(record.with_role("user"))?;
/// println!("{}", key.expose()); // once: the file has a digest of it
/// file.revoke(&id, now)?;
/// assert_eq!(file.keys()?.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ApiKeyFile(PathBuf);

impl ApiKeyFile {
    /// The file at this path, which need not be there yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// What is kept of every key, in the order of the file.
    ///
    /// # Errors
    /// A problem that names the file where it is not there, belongs to somebody else than root or this process's user,
    /// is open to anybody beside its owner, is too large, or has a line that is no record; then with the line's number.
    pub fn keys(&self) -> Result<Vec<ApiKey>, Problem> {
        let content = file::read(&self.0, Privacy::Owner, MOST_BYTES)?;
        parse(&self.0, content.expose())
    }

    /// Adds a key; makes the file, readable by its owner alone, where there is none.
    ///
    /// # Errors
    /// As [`keys`](Self::keys), but for a file that is not there; where the record breaks a rule or its id is taken;
    /// where the file cannot be written.
    pub fn add(&self, key: ApiKey) -> Result<(), Problem> {
        self.change(|keys| {
            keys.push(key);
            Ok(())
        })
    }

    /// Revokes the key of this id at the time `now`; its record stays, so that its id can be looked up.
    ///
    /// # Errors
    /// As [`keys`](Self::keys); where there is no key of this id.
    pub fn revoke(&self, id: &str, now: Duration) -> Result<(), Problem> {
        self.change(|keys| {
            let absent = || Problem::new(format!("{} has no key {id:?}", self.0.display()), "name the id of one");
            let key = keys.iter_mut().find(|key| key.id() == id).ok_or_else(absent)?;
            *key = key.clone().revoked_at(now);
            Ok(())
        })
    }

    fn change(&self, change: impl FnOnce(&mut Vec<ApiKey>) -> Result<(), Problem>) -> Result<(), Problem> {
        file::update(&self.0, MOST_BYTES, |earlier| {
            let mut keys = parse(&self.0, earlier)?;
            change(&mut keys)?;
            let content = write(&keys)?;
            // What is written must read back, or the server would not start again.
            parse(&self.0, &content).map(|_| content)
        })
    }
}

fn parse(path: &Path, content: &[u8]) -> Result<Vec<ApiKey>, Problem> {
    let wrong = |line: usize, what: &str| {
        Problem::new(format!("{}, line {}: {what}", path.display(), line + 1), "mend or remove the line")
    };
    let mut keys = Vec::new();
    let mut ids: HashSet<Box<str>> = HashSet::new();
    for (number, line) in content.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        // The parser's own words could repeat what stands in the line.
        let key: ApiKey = serde_json::from_slice(line).map_err(|_| wrong(number, "not the record of a key"))?;
        if let Some(rule) = key.broken_rule() {
            return Err(wrong(number, rule));
        }
        if keys.len() >= MOST_KEYS {
            return Err(wrong(number, "more than 10,000 keys"));
        }
        if !ids.insert(key.id().into()) {
            return Err(wrong(number, "an id that an earlier line has"));
        }
        keys.push(key);
    }
    Ok(keys)
}

fn write(keys: &[ApiKey]) -> Result<Vec<u8>, Problem> {
    let mut content = Vec::new();
    for key in keys {
        serde_json::to_writer(&mut content, key)
            .map_err(|_| Problem::new("the record of a key cannot be written", "make it again"))?;
        content.push(b'\n');
    }
    Ok(content)
}

/// The most keys of one server.
pub(super) const MOST_KEYS: usize = 10_000;
/// Room for as many with long names.
pub(super) const MOST_BYTES: usize = 8 * 1024 * 1024;
