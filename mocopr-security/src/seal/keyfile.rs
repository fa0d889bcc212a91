//! The state key in a file that is looked at while a server runs, so that it can be changed without a restart.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tracing::{info, warn};

use super::KeyRing;
use crate::{
    evidence::{Evidence, Outcome},
    file::{Privacy, Stamp},
    policy::Problem,
    redact::Secret,
    watched::{Look, WatchedFile},
};

/// A file with the keys that seal and open, as [`KeyRing::from_secret`] describes its text; only its owner may read it.
#[derive(Debug)]
pub struct KeyFile {
    file: WatchedFile,
    /// Somebody was told that the key is old.
    is_told: AtomicBool,
}

impl KeyFile {
    /// Reads the file for the first time. Blocks.
    ///
    /// # Errors
    /// A problem that names the file where it is not there, belongs to somebody else than root or this process's user,
    /// is open to anybody beside its owner, or is larger than 64 KiB; as [`KeyRing::from_secret`] of what it holds.
    pub fn open(path: &Path) -> Result<(Self, KeyRing), Problem> {
        let (file, content) = WatchedFile::open(path, Privacy::Owner, MOST_BYTES)?;
        let ring = read(path, content)?;
        Ok((Self { file, is_told: AtomicBool::new(false) }, ring))
    }

    /// Looks at the file, and lets the ring take its keys where it changed; what earlier ones sealed opens until it
    /// expires. A file that cannot be used changes nothing. Blocks.
    ///
    /// Tells of a change, of a file that cannot be used, and once of a key that is [old](Self::is_old).
    pub fn look(&self, ring: &KeyRing, now: Duration, evidence: &Evidence) {
        let path = self.file.path();
        let shown = path.display().to_string();
        let read = match self.file.look() {
            Ok(Look::Same) => Ok(None),
            // It may be half written, and then the next look finds it settled.
            Ok(Look::Fresh(content)) => Ok(read(path, content).ok()),
            Ok(Look::Settled(content)) => read(path, content).map(Some),
            Err(problem) => Err(problem),
        };
        match read {
            Ok(None) => {}
            Ok(Some(next)) => {
                if ring.renew(next, now) {
                    self.is_told.store(false, Ordering::Relaxed);
                    info!(
                        rule = "state key",
                        "the keys of its file were taken; an audit log that is open is sealed as it began"
                    );
                    evidence.administer("renew_state_key", &shown, Outcome::Succeeded);
                }
            }
            Err(problem) => {
                warn!(%problem, rule = "state key", "the keys stay as they were");
                evidence.administer("renew_state_key", &shown, Outcome::Failed);
            }
        }
        ring.forget(now);
        if self.is_old(now) && !self.is_told.swap(true, Ordering::Relaxed) {
            warn!(file = shown, rule = "state key", "the key is older than 90 days");
            evidence.administer("remind_of_state_key", &shown, Outcome::Succeeded);
        }
    }

    /// How long ago the file was written; nothing where that lies in the future, or there is no file.
    pub fn age(&self, now: Duration) -> Duration {
        Stamp::of(self.file.path()).map_or(Duration::ZERO, |stamp| now.saturating_sub(stamp.modified()))
    }

    /// The file was written 90 days ago or earlier, and its key should be changed.
    pub fn is_old(&self, now: Duration) -> bool {
        self.age(now) >= OLD
    }
}

fn read(path: &Path, content: Secret<Vec<u8>>) -> Result<KeyRing, Problem> {
    let what = path.display().to_string();
    let keys = Secret::<String>::from_bytes(&what, content)?;
    KeyRing::from_secret(&keys).map_err(|problem| Problem::new(format!("{what}: {}", problem.what()), problem.mend()))
}

/// Eight keys have a few hundred.
const MOST_BYTES: usize = 64 * 1024;

/// When a key should be changed.
const OLD: Duration = Duration::from_secs(90 * 24 * 60 * 60);

#[cfg(test)]
#[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "these tests write the file that is looked at")]
mod tests {
    use std::{
        cell::Cell,
        fs::{self, File, Permissions},
        os::unix::fs::PermissionsExt,
        path::PathBuf,
        sync::{Arc, Mutex},
        time::{SystemTime, UNIX_EPOCH},
    };

    use base64::{Engine, engine::general_purpose::STANDARD};
    use tempfile::TempDir;

    use super::*;
    use crate::{
        evidence::{Happening, Witness},
        seal::Purpose,
    };

    const BIND: &[&[u8]] = &[b"alice"];
    const HOUR: Duration = Duration::from_secs(60 * 60);

    #[derive(Debug, Default)]
    struct Told(Mutex<Vec<(String, Outcome)>>);

    impl Witness for Told {
        fn saw(&self, happening: &Happening<'_>) {
            self.0.lock().unwrap().push((happening.action.to_owned(), happening.ending.result));
        }
    }

    struct World {
        _folder: TempDir,
        path: PathBuf,
        file: KeyFile,
        ring: KeyRing,
        told: Arc<Told>,
        evidence: Evidence,
        now: Duration,
        writes: Cell<u64>,
    }

    /// A key whose bytes begin with this one.
    fn key(first: u8) -> String {
        let bytes: Vec<u8> = (0..32).map(|place: u8| first.wrapping_add(place)).collect();
        STANDARD.encode(bytes)
    }

    impl World {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("key");
            fs::write(&path, key(1)).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            let (file, ring) = KeyFile::open(&path).unwrap();
            let told = Arc::new(Told::default());
            let evidence = Evidence::new(vec![told.clone() as Arc<dyn Witness>]);
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            Self { _folder: folder, path, file, ring, told, evidence, now, writes: Cell::new(0) }
        }

        fn look(&self) {
            // Once as fresh, once as settled.
            self.file.look(&self.ring, self.now, &self.evidence);
            self.file.look(&self.ring, self.now, &self.evidence);
        }

        fn write(&self, text: &str) {
            fs::write(&self.path, text).unwrap();
            // Two changes within one tick of the file system's clock could not be told apart.
            self.writes.set(self.writes.get() + 1);
            let written = SystemTime::now() + Duration::from_secs(self.writes.get());
            File::options().write(true).open(&self.path).unwrap().set_modified(written).unwrap();
            self.look();
        }

        fn told(&self) -> Vec<(String, Outcome)> {
            std::mem::take(&mut self.told.0.lock().unwrap())
        }

        fn opens(&self, lasting: &str, expiring: &str) -> (bool, bool) {
            let (ring, now) = (&self.ring, self.now);
            let lasting = ring.open(Purpose::Cursor, BIND, lasting).is_ok();
            (lasting, ring.open_at(Purpose::Handle, BIND, expiring, now).is_ok())
        }
    }

    /// S-59
    #[test]
    fn a_new_key_seals_at_once_and_the_old_one_opens_until_what_it_sealed_has_expired() {
        let mut world = World::new();
        let lasting = world.ring.seal(Purpose::Cursor, BIND, b"1").unwrap();
        let expiring = world.ring.seal_until(Purpose::Handle, BIND, b"2", world.now + 30 * HOUR).unwrap();
        world.look();
        assert!(world.told().is_empty(), "nothing changed");
        world.write(&key(2));
        assert_eq!(world.told(), [("renew_state_key".to_owned(), Outcome::Succeeded)], "once");
        let sealed = world.ring.seal(Purpose::Cursor, BIND, b"3").unwrap();
        let replica = KeyRing::from_secret(&Secret::new(key(2))).unwrap();
        assert!(replica.open(Purpose::Cursor, BIND, &sealed).is_ok());
        assert_eq!(world.opens(&lasting, &expiring), (true, true));
        world.now += 29 * HOUR;
        world.look();
        assert_eq!(world.opens(&lasting, &expiring), (true, true), "a key goes as a whole");
        world.now += 2 * HOUR;
        world.look();
        assert_eq!(world.opens(&lasting, &expiring), (false, false));
        assert!(world.ring.open(Purpose::Cursor, BIND, &sealed).is_ok());
    }

    /// S-59
    #[test]
    fn a_key_that_comes_back_is_what_it_was_and_of_many_that_went_the_latest_are_kept() {
        let world = World::new();
        let first = world.ring.seal(Purpose::Cursor, BIND, b"1").unwrap();
        world.write(&key(2));
        world.write(&key(1));
        assert!(world.ring.open(Purpose::Cursor, BIND, &first).is_ok());
        for other in 3..=11 {
            world.write(&key(other));
        }
        assert!(world.ring.open(Purpose::Cursor, BIND, &first).is_err(), "nine were taken since");
        let eleventh = world.ring.seal(Purpose::Cursor, BIND, b"8").unwrap();
        world.write(&key(12));
        assert!(world.ring.open(Purpose::Cursor, BIND, &eleventh).is_ok());
    }

    /// S-59
    #[test]
    fn a_file_that_cannot_be_used_changes_nothing_and_is_told_once() {
        let world = World::new();
        let sealed = world.ring.seal(Purpose::Cursor, BIND, b"1").unwrap();
        let failed = [("renew_state_key".to_owned(), Outcome::Failed)];
        for text in ["", "canary", &format!("{},", key(2))] {
            world.write(text);
            world.look();
            assert_eq!(world.told(), failed, "{text}");
        }
        fs::set_permissions(&world.path, Permissions::from_mode(0o644)).unwrap();
        world.write(&key(2));
        assert_eq!(world.told(), failed, "others can read it");
        fs::remove_file(&world.path).unwrap();
        world.look();
        assert_eq!(world.told(), failed);
        assert!(world.ring.open(Purpose::Cursor, BIND, &sealed).is_ok());
        let again = world.ring.seal(Purpose::Cursor, BIND, b"1").unwrap();
        let replica = KeyRing::from_secret(&Secret::new(key(1))).unwrap();
        assert!(replica.open(Purpose::Cursor, BIND, &again).is_ok());
    }

    /// S-59
    #[test]
    fn a_file_of_64_kib_is_read_and_one_byte_more_is_not() {
        let world = World::new();
        let taken = |outcome| [("renew_state_key".to_owned(), outcome)];
        let text = |first, bytes| format!("{}{}", key(first), " ".repeat(bytes - key(first).len()));
        world.write(&text(2, 64 * 1024));
        assert_eq!(world.told(), taken(Outcome::Succeeded));
        world.write(&text(3, 64 * 1024 + 1));
        assert_eq!(world.told(), taken(Outcome::Failed));
    }

    /// S-59
    #[test]
    fn a_key_of_ninety_days_is_told_of_once_until_it_is_changed() {
        let mut world = World::new();
        let written = SystemTime::now() - Duration::from_secs(90 * 24 * 60 * 60 - 60);
        File::options().write(true).open(&world.path).unwrap().set_modified(written).unwrap();
        world.look();
        assert!(world.told().is_empty());
        assert!(!world.file.is_old(world.now));
        world.now += Duration::from_secs(60);
        world.look();
        world.look();
        assert_eq!(world.told(), [("remind_of_state_key".to_owned(), Outcome::Succeeded)]);
        world.write(&key(2));
        assert!(!world.file.is_old(world.now));
        assert_eq!(world.told(), [("renew_state_key".to_owned(), Outcome::Succeeded)]);
    }
}
