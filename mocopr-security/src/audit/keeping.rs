//! How large and how old a file may become, and how long it is kept.

use std::time::Duration;

/// How long rotated files of an audit log are kept.
///
/// ```
/// use mocopr_security::audit::RetentionPolicy;
///
/// assert_eq!(RetentionPolicy::days(90).as_days(), 90);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionPolicy {
    days: u32,
}

impl RetentionPolicy {
    /// So many days, counted from when a file was closed: then it is deleted, which is recorded.
    pub const fn days(days: u32) -> Self {
        Self { days }
    }

    /// The number of days.
    pub const fn as_days(self) -> u32 {
        self.days
    }
}

/// When an audit log goes on in a new file.
///
/// It is looked at after records were written, so a file may become larger by what is written at a time, at most 16
/// MiB.
///
/// ```
/// use std::time::Duration;
/// use mocopr_security::audit::RotationPolicy;
///
/// let rotation = RotationPolicy::daily().with_size(256 * 1024 * 1024);
/// assert_ne!(rotation, RotationPolicy::daily());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationPolicy {
    bytes: Option<u64>,
    age: Option<Duration>,
}

impl RotationPolicy {
    /// Never.
    pub(super) const NEVER: Self = Self { bytes: None, age: None };

    /// Once its first record is a day old.
    pub const fn daily() -> Self {
        Self { bytes: None, age: Some(DAY) }
    }

    /// Once it has so many bytes.
    pub const fn at_size(bytes: u64) -> Self {
        Self { bytes: Some(bytes), age: None }
    }

    /// Also once it has so many bytes.
    #[must_use]
    pub const fn with_size(self, bytes: u64) -> Self {
        Self { bytes: Some(bytes), ..self }
    }

    /// Also once its first record is so old, in whole seconds.
    #[must_use]
    pub const fn with_age(self, age: Duration) -> Self {
        Self { age: Some(age), ..self }
    }

    /// Files would be no larger than a few records, or no older than a few seconds.
    pub(super) fn is_too_tight(self) -> bool {
        self.bytes.is_some_and(|bytes| bytes < FEWEST_BYTES) || self.age.is_some_and(|age| age < SHORTEST)
    }
}

/// When files are closed and deleted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keeping {
    pub(super) rotation: RotationPolicy,
    pub(super) retention: Option<RetentionPolicy>,
}

impl Keeping {
    /// Everything stays in one file.
    pub(super) const NONE: Self = Self { rotation: RotationPolicy::NEVER, retention: None };

    /// A file of so many bytes, begun then, is to be closed.
    pub(super) fn is_full(self, bytes: u64, began: u64, now: u64) -> bool {
        self.rotation.bytes.is_some_and(|most| bytes >= most)
            || self.rotation.age.is_some_and(|age| now.saturating_sub(began) >= age.as_secs())
    }

    /// Something is deleted some day.
    pub(super) fn deletes(self) -> bool {
        self.retention.is_some()
    }

    /// What was closed before is deleted.
    pub(super) fn oldest(self, unix: Duration) -> Option<Duration> {
        Some(unix.saturating_sub(DAY.saturating_mul(self.retention?.days)))
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const FEWEST_BYTES: u64 = 64 * 1024;
const SHORTEST: Duration = Duration::from_secs(60);
