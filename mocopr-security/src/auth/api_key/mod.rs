//! API keys: long random texts, of which a digest is kept.
//!
//! What is looked up by is the id, which is no secret. The secret is digested and compared in constant time whether or
//! not there is such an id, so that neither the time nor the answer tells one wrong key from another.

mod key;
mod keyfile;
mod record;

use std::{
    collections::HashMap,
    fmt, mem,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use mocopr_core::clock::{Clock, SystemClock};
use tracing::warn;

#[allow(unused_imports, reason = "read by what asks issuers about tokens, which is a feature")]
pub(crate) use self::key::PREFIX;
use self::key::Presented;
pub use self::{keyfile::ApiKeyFile, record::ApiKey};
use crate::{
    auth::{Authenticator, Credential, Identity, Rejected, Verdict, Verified},
    evidence::{Evidence, Outcome, Told},
    file::Privacy,
    policy::Problem,
    principal::{Method, Principal},
    watched::{Look, WatchedFile},
};

/// Authenticates by API keys, presented as `X-API-Key` or as a bearer.
///
/// A bearer that does not begin with `mocopr_` is left to the next authenticator. A key that is unknown, revoked or
/// expired proves nobody.
///
/// ```
/// use std::time::Duration;
/// use mocopr_security::auth::{ApiKey, ApiKeys, Authenticator, Credential, Verdict};
///
/// let (key, record) = ApiKey::create("alice", Duration::from_secs(1_767_225_600))?;
/// let keys = ApiKeys::of(vec![record.with_role("editor")])?;
/// let Verdict::Verified(verified) = keys.authenticate(Credential::ApiKey(key.expose())) else { panic!() };
/// assert_eq!(verified.principal().subject(), "alice");
/// assert!(verified.principal().has_role("editor"));
/// # Ok::<(), mocopr_security::policy::Problem>(())
/// ```
///
/// A clone is the same keys: whoever gives one to the policy keeps another, to [reload](Self::reload) it.
#[derive(Clone)]
pub struct ApiKeys {
    file: Option<ApiKeyFile>,
    watched: Option<Arc<WatchedFile>>,
    issuer: Box<str>,
    /// The system's, until a server brings its own.
    clock: Arc<dyn Clock>,
    table: Arc<RwLock<Arc<Table>>>,
    reloading: Arc<Mutex<()>>,
    /// Of the servers that take these keys.
    told: Arc<Told>,
}

impl ApiKeys {
    /// The keys of a file, as [`ApiKeyFile`] describes it, which a server looks at while it runs: a key that is added,
    /// revoked or removed there counts within a second. What cannot be read changes nothing. Blocks.
    ///
    /// # Errors
    /// As [`ApiKeyFile::keys`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Problem> {
        let file = ApiKeyFile::at(path.as_ref());
        let (watched, _) = WatchedFile::open(path.as_ref(), Privacy::Owner, keyfile::MOST_BYTES)?;
        let mut keys = Self::of(file.keys()?)?;
        keys.file = Some(file);
        keys.watched = Some(Arc::new(watched));
        Ok(keys)
    }

    /// These keys, at most 10,000, from wherever they are kept.
    ///
    /// # Errors
    /// A problem that names the key where a record breaks a rule, or two have the same id.
    pub fn of(keys: Vec<ApiKey>) -> Result<Self, Problem> {
        let table = Arc::new(RwLock::new(Arc::new(Table::of(keys, None)?)));
        Ok(Self {
            file: None,
            watched: None,
            issuer: ISSUER.into(),
            clock: Arc::new(SystemClock::new()),
            table,
            reloading: Arc::default(),
            told: Arc::default(),
        })
    }

    /// Who vouches for the subjects of these keys, as principals name it; `api-keys` unless said. Two sets of keys
    /// whose subjects are not the same people need two names.
    #[must_use]
    pub fn with_issuer(mut self, issuer: impl Into<Box<str>>) -> Self {
        self.issuer = issuer.into();
        self
    }

    /// Reads the file again; from then on what it says holds, for every clone. Blocks while it reads, and stops nobody
    /// meanwhile. Keys that are new, revoked or gone since are told to the witnesses of each server that takes them.
    ///
    /// # Errors
    /// As [`from_file`](Self::from_file), and then the keys stay as they are; where the keys come from no file.
    pub fn reload(&self) -> Result<(), Problem> {
        let Some(file) = &self.file else {
            return Err(Problem::new("these api keys come from no file", "make them with `ApiKeys::from_file`"));
        };
        // One at a time: whoever read an older file must not put it in the place of a newer one.
        let _reading = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = file.keys()?;
        // Under the lock, so that a key that is used meanwhile keeps the time of it.
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let now = Arc::new(Table::of(keys, Some(&table))?);
        let earlier = mem::replace(&mut *table, now.clone());
        drop(table);
        self.tell(&earlier, &now);
        Ok(())
    }

    /// Tells what is different of two tables.
    fn tell(&self, earlier: &Table, now: &Table) {
        if self.told.is_empty() {
            return;
        }
        let mut changes: Vec<(&str, &str)> = now
            .entries
            .iter()
            .filter_map(|(id, entry)| match (earlier.entries.get(id), entry.key.revoked()) {
                (None, _) => Some(("add_credential", &**id)),
                (Some(before), Some(_)) if before.key.revoked().is_none() => Some(("revoke_credential", &**id)),
                (Some(_), _) => None,
            })
            .chain(
                earlier
                    .entries
                    .keys()
                    .filter(|id| !now.entries.contains_key(*id))
                    .map(|id| ("remove_credential", &**id)),
            )
            .collect();
        changes.sort_unstable();
        for (action, id) in changes {
            let target = format!("{} {id}", self.issuer);
            self.told.administer(action, &target, Outcome::Succeeded);
        }
    }

    /// When the key of this id was last used, in time since 1970-01-01T00:00:00Z; `None` where it was not since this
    /// process started. In whole seconds.
    pub fn last_used(&self, id: &str) -> Option<Duration> {
        let seconds = self.table().entries.get(id)?.last_used.load(Ordering::Relaxed);
        (seconds > 0).then(|| Duration::from_secs(seconds))
    }

    fn table(&self) -> Arc<Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Authenticator for ApiKeys {
    fn authenticate(&self, credential: Credential<'_>) -> Verdict {
        let text = match credential {
            Credential::Bearer(text) if !text.starts_with(PREFIX) => return Verdict::Foreign,
            Credential::Bearer(text) | Credential::ApiKey(text) => text,
        };
        let Some(presented) = Presented::parse(text) else {
            return Verdict::Rejected(Rejected::new("an api key of the wrong form"));
        };
        let table = self.table();
        let entry = table.entries.get(presented.id);
        let kept = entry.map_or(&NOBODYS, |entry| entry.key.digest());
        let same = verify_slices_are_equal(&presented.digest(), kept);
        let (Some(entry), Ok(())) = (entry, same) else {
            return Verdict::Rejected(Rejected::new("an unknown api key"));
        };
        let now = self.clock.unix();
        if entry.key.revoked().is_some() {
            return Verdict::Rejected(Rejected::new("a revoked api key"));
        }
        if entry.key.expires().is_some_and(|expires| now >= expires) {
            return Verdict::Rejected(Rejected::new("an expired api key"));
        }
        let verified = entry.verified(&self.issuer);
        match entry.last_used.fetch_max(now.as_secs(), Ordering::Relaxed) {
            0 => Verdict::Verified(verified),
            _ => Verdict::Verified(verified.seen_before()),
        }
    }

    fn watches(&self) -> bool {
        self.watched.is_some()
    }

    fn look(&self) {
        let Some(watched) = &self.watched else { return };
        let looked = match watched.look() {
            Ok(Look::Same) => return,
            // It may be half written, and then the next look finds it settled.
            Ok(Look::Fresh(_)) => return drop(self.reload()),
            Ok(Look::Settled(_)) => self.reload(),
            Err(problem) => Err(problem),
        };
        if let Err(problem) = looked {
            warn!(%problem, rule = "api keys", "the keys stay as they were");
            self.told.administer("credentials", &watched.path().display().to_string(), Outcome::Failed);
        }
    }

    fn by_clock(&self, clock: &Arc<dyn Clock>) -> Option<Arc<dyn Authenticator>> {
        Some(Arc::new(Self { clock: Arc::clone(clock), ..self.clone() }))
    }

    fn tell_changes(&self, evidence: &Evidence) {
        self.told.add(evidence);
    }

    /// The key is still there, not revoked, and gives what it gave.
    fn still_proves(&self, who: &Principal, credential: Option<&str>) -> bool {
        let table = self.table();
        credential.and_then(|id| table.entries.get(id)).is_some_and(|entry| {
            entry.key.revoked().is_none() && entry.verified(&self.issuer).principal().has_the_rights_of(who)
        })
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.table().entries.len();
        f.debug_struct("ApiKeys").field("file", &self.file).field("keys", &keys).finish_non_exhaustive()
    }
}

/// The keys that hold, by id.
#[derive(Debug)]
struct Table {
    entries: HashMap<Box<str>, Entry>,
}

#[derive(Debug)]
struct Entry {
    key: ApiKey,
    /// In seconds since 1970; 0 where it was never used.
    last_used: AtomicU64,
}

impl Table {
    /// The table of these keys, with the times of use that an earlier one has.
    fn of(keys: Vec<ApiKey>, earlier: Option<&Self>) -> Result<Self, Problem> {
        if keys.len() > keyfile::MOST_KEYS {
            return Err(Problem::new("there are more than 10,000 api keys", "remove those that nobody uses"));
        }
        let mut entries = HashMap::with_capacity(keys.len());
        for key in keys {
            let wrong =
                |what: &str| Problem::new(format!("the api key {:?} has {what}", key.id()), "mend or remove it");
            if let Some(rule) = key.broken_rule() {
                return Err(wrong(rule));
            }
            if entries.contains_key(key.id()) {
                return Err(wrong("an id that another one has"));
            }
            let used = earlier.and_then(|earlier| earlier.entries.get(key.id()));
            let last_used = AtomicU64::new(used.map_or(0, |entry| entry.last_used.load(Ordering::Relaxed)));
            entries.insert(key.id().into(), Entry { key, last_used });
        }
        Ok(Self { entries })
    }
}

impl Entry {
    fn verified(&self, issuer: &str) -> Verified {
        let key = &self.key;
        let identity = Identity { method: Method::ApiKey, issuer, subject: key.subject(), tenant: key.tenant() };
        let verified = Verified::new(identity, key.roles().into(), key.scopes().into()).by(key.id());
        match key.expires() {
            Some(expires) => verified.until(expires),
            None => verified,
        }
    }
}

const ISSUER: &str = "api-keys";
/// What an unknown id is compared with; no key has this digest.
const NOBODYS: [u8; 32] = [0; 32];

#[cfg(test)]
mod tests;
