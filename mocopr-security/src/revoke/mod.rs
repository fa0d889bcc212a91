//! Who and what is not believed any longer, whatever a credential says.
//!
//! A revocation acts on the next message and ends open streams. What the program revokes lives in this process; what
//! must outlive it stands in a file, which is looked at while the server runs.

mod lists;
mod network;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    net::IpAddr,
    path::Path,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use mocopr_core::peer::Source;
use tracing::warn;

use self::{lists::Lists, network::Network};
use crate::{
    evidence::{Evidence, Outcome, Told},
    file::Privacy,
    policy::Problem,
    principal::Principal,
    watched::{Look, WatchedFile},
};

/// Revokes principals, single credentials and addresses; a handle, cheap to clone.
///
/// ```
/// use mocopr_security::revoke::Revocations;
///
/// let revocations = Revocations::default();
/// revocations.revoke_principal("https://id.example.com", "mallory");
/// revocations.revoke_credential("https://id.example.com", "token-17");
/// revocations.revoke_address("192.0.2.0/24")?;
/// assert_eq!(revocations.restore_principal("https://id.example.com", "mallory"), true);
/// # Ok::<(), mocopr_security::policy::Problem>(())
/// ```
#[derive(Clone, Default)]
pub struct Revocations(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Counts changes, so that whoever looked before knows whether to look again.
    changes: AtomicU64,
    lists: RwLock<Both>,
    file: Option<WatchedFile>,
    /// Those who keep account of changes.
    told: Told,
}

#[derive(Default)]
struct Both {
    said: Lists,
    /// What the file names.
    filed: Lists,
}

impl Revocations {
    /// The revocations of a file, and those that the program adds. Blocks.
    ///
    /// A server that was given them looks at the file four times a second while it runs: what is added to it ends open
    /// streams within a second, and what is taken out of it is believed again a moment later. A file that cannot be
    /// read is logged, and what it said before holds on. The file is text, one of these on a line:
    ///
    /// ```text
    /// # a comment
    /// principal https://id.example.com mallory
    /// key 5dQ1ZkXg
    /// token token-17
    /// certificate tPNrDWIEhQoSkUi-gU04_AcZ1h22l8YJe3hi4X69dVU
    /// session 0c9f2c1e
    /// address 192.0.2.0/24
    /// ```
    ///
    /// A subject may hold spaces, an issuer may not. `key` is the id of an API key and `token` the `jti` of a token,
    /// both of whatever issuer; `certificate` is the SHA-256 of a client's certificate in base64url, as the audit log
    /// names it, because issuers of certificates have names with spaces. A session that was ended stays so. At most
    /// 100,000 lines in 16 MiB.
    ///
    /// # Errors
    /// A problem that names the file where it is not there, belongs to somebody else than root or this process's user,
    /// can be changed by anybody else, is too large, or has a line that is none of these; then with the line's number.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Problem> {
        let (file, content) = WatchedFile::open(path.as_ref(), Privacy::Public, MOST_BYTES)?;
        let filed = Lists::parse(path.as_ref(), content.expose())?;
        let changes = AtomicU64::new(u64::from(filed.len() > 0));
        let lists = RwLock::new(Both { said: Lists::default(), filed });
        Ok(Self(Arc::new(Inner { changes, lists, file: Some(file), told: Told::default() })))
    }

    /// Believes nobody of this issuer and subject any longer, however verified.
    pub fn revoke_principal(&self, issuer: &str, subject: &str) {
        self.change(|lists| lists.principals.insert((issuer.into(), subject.into())));
        self.tell("revoke_principal", &named(issuer, subject));
    }

    /// Believes one credential of this issuer no longer: a token by its `jti`, an API key by its id, a certificate by
    /// its SHA-256 in base64url.
    pub fn revoke_credential(&self, issuer: &str, id: &str) {
        self.change(|lists| lists.credentials.insert((issuer.into(), id.into())));
        self.tell("revoke_credential", &named(issuer, id));
    }

    /// Refuses an address, or a network such as `192.0.2.0/24` or `2001:db8::/32`: requests from there with 403, before
    /// anybody is authenticated. The address is that of the connection.
    ///
    /// # Errors
    /// A problem where the text is neither, or names an address inside of a network.
    pub fn revoke_address(&self, network: &str) -> Result<(), Problem> {
        let network = parsed(network)?;
        self.change(|lists| lists.networks.insert(network));
        self.tell("revoke_address", &network.to_string());
        Ok(())
    }

    /// Takes back [`revoke_principal`](Self::revoke_principal); tells whether there was anything to take back.
    pub fn restore_principal(&self, issuer: &str, subject: &str) -> bool {
        let restored = self.change(|lists| lists.principals.remove(&(issuer.into(), subject.into())));
        self.tell("restore_principal", &named(issuer, subject));
        restored
    }

    /// Takes back [`revoke_credential`](Self::revoke_credential); tells whether there was anything to take back.
    pub fn restore_credential(&self, issuer: &str, id: &str) -> bool {
        let restored = self.change(|lists| lists.credentials.remove(&(issuer.into(), id.into())));
        self.tell("restore_credential", &named(issuer, id));
        restored
    }

    /// Takes back [`revoke_address`](Self::revoke_address) with the same network; tells whether there was anything to
    /// take back.
    ///
    /// # Errors
    /// As [`revoke_address`](Self::revoke_address).
    pub fn restore_address(&self, network: &str) -> Result<bool, Problem> {
        let network = parsed(network)?;
        let restored = self.change(|lists| lists.networks.remove(network));
        self.tell("restore_address", &network.to_string());
        Ok(restored)
    }

    /// The file to look at, where there is one.
    pub fn file(&self) -> Option<&Path> {
        self.0.file.as_ref().map(WatchedFile::path)
    }

    /// Takes up what changed in the file, and answers with the sessions that it names since. Blocks.
    pub fn look(&self) -> Vec<Box<str>> {
        let Some(file) = &self.0.file else { return Vec::new() };
        match file.look().and_then(|look| self.take_up(file.path(), look)) {
            Ok(sessions) => sessions,
            Err(problem) => {
                warn!(%problem, rule = "revocations", "what the file said before holds on");
                self.administered("revocations", &file.path().display().to_string(), Outcome::Failed);
                Vec::new()
            }
        }
    }

    fn take_up(&self, path: &Path, look: Look) -> Result<Vec<Box<str>>, Problem> {
        let parse = |content: &crate::redact::Secret<Vec<u8>>| Lists::parse(path, content.expose());
        let filed = match &look {
            Look::Same => return Ok(Vec::new()),
            // It may be half written: what it names counts at once, and what it does not name yet still counts. A line
            // that is cut means nothing yet.
            Look::Fresh(content) => {
                let Ok(mut filed) = parse(content) else { return Ok(Vec::new()) };
                filed.extend(&self.0.lists.read().unwrap_or_else(PoisonError::into_inner).filed);
                filed
            }
            Look::Settled(content) => parse(content)?,
        };
        let mut lists = self.0.lists.write().unwrap_or_else(PoisonError::into_inner);
        if lists.filed == filed {
            return Ok(Vec::new());
        }
        let sessions = filed.sessions_beside(&lists.filed);
        lists.filed = filed;
        self.0.changes.fetch_add(1, Ordering::AcqRel);
        drop(lists);
        self.tell("revocations", &path.display().to_string());
        Ok(sessions)
    }

    /// Tells these of every change from now on.
    pub(crate) fn tell_changes(&self, evidence: &Evidence) {
        self.0.told.add(evidence);
    }

    /// How often anything changed; zero while nothing was ever revoked.
    pub(crate) fn changes(&self) -> u64 {
        self.0.changes.load(Ordering::Acquire)
    }

    /// This principal, the credential of that name by which it is here, or the address that it is at is revoked.
    pub(crate) fn covers(&self, who: &Principal, credential: Option<&str>, from: Option<Source>) -> bool {
        let lists = self.0.lists.read().unwrap_or_else(PoisonError::into_inner);
        [&lists.said, &lists.filed].into_iter().any(|lists| lists.cover(who, credential, from))
    }

    /// This address is revoked. One read where nothing is.
    pub(crate) fn covers_address(&self, address: IpAddr) -> bool {
        if self.changes() == 0 {
            return false;
        }
        let lists = self.0.lists.read().unwrap_or_else(PoisonError::into_inner);
        lists.said.networks.hold(address) || lists.filed.networks.hold(address)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Lists) -> T) -> T {
        let mut lists = self.0.lists.write().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut lists.said);
        // While the lists are held: whoever reads the new count reads the new lists.
        self.0.changes.fetch_add(1, Ordering::AcqRel);
        result
    }

    fn tell(&self, action: &str, target: &str) {
        self.administered(action, target, Outcome::Succeeded);
    }

    fn administered(&self, action: &str, target: &str, result: Outcome) {
        self.0.told.administer(action, target, result);
    }
}

fn parsed(network: &str) -> Result<Network, Problem> {
    Network::parse(network).ok_or_else(|| {
        Problem::new(
            format!("{network:?} is neither an address nor a network"),
            "give an address, or the first one of a network: 192.0.2.0/24",
        )
    })
}

fn named(issuer: &str, name: &str) -> String {
    format!("{issuer} {name}")
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocations").field("changes", &self.changes()).finish_non_exhaustive()
    }
}

/// Room for as many lines with long names.
const MOST_BYTES: usize = 16 * 1024 * 1024;
