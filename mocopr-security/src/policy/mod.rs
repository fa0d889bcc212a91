//! What a server's owner decides, and the list of problems that a start can report.

use std::fmt;

use crate::{limits::Limits, rate::RateLimit};

/// The security policy of a server.
///
/// A server that listens on a network needs one. [`SecurityPolicy::development`] is the profile for a machine of
/// your own: it listens on loopback only, takes whoever reaches it there for the local user, is as strict as any
/// profile about `Host`, `Origin` and `Content-Type`, refuses `X-Forwarded-*`, and prints one warning at start.
///
/// ```
/// use mocopr_security::{policy::SecurityPolicy, rate::RateLimit};
///
/// let policy = SecurityPolicy::development().with_principal_rate(RateLimit::per_minute(600));
/// # let _ = policy;
/// ```
#[derive(Clone, Debug)]
pub struct SecurityPolicy {
    profile: Profile,
    limits: Limits,
    principal_rate: Option<RateLimit>,
}

/// The set of defaults that a policy began with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Profile {
    /// Loopback only, local principal.
    Development,
}

impl SecurityPolicy {
    /// The profile for a machine of your own: loopback only, and everybody there is the local user.
    pub fn development() -> Self {
        Self { profile: Profile::Development, limits: Limits::development(), principal_rate: None }
    }

    /// Replaces the limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Bounds how many requests one principal may send; by default the development profile has no such bound.
    #[must_use]
    pub fn with_principal_rate(mut self, rate: RateLimit) -> Self {
        self.principal_rate = Some(rate);
        self
    }

    /// The set of defaults that this policy began with.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How many requests one principal may send, if that is bounded.
    pub fn principal_rate(&self) -> Option<RateLimit> {
        self.principal_rate
    }
}

/// Something that keeps a server from being built or started, and the call that mends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    what: String,
    mend: String,
}

impl Problem {
    /// `what` is wrong; `mend` says how to put it right.
    pub fn new(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { what: what.into(), mend: mend.into() }
    }

    /// What is wrong.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// How to put it right.
    pub fn mend(&self) -> &str {
        &self.mend
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.mend)
    }
}
