//! Where a peer may be, and what follows of that: of which names it may make use, and which users of this machine are
//! known.

use mocopr_core::{
    fault::Fault,
    peer::{LocalUser, Place},
};
use tracing::warn;

use super::{Gate, Refusal};
use crate::{
    auth::LocalUsers,
    origin::{HostPolicy, OriginPolicy},
    policy::Profile,
};

/// The pages of a server without a public URL: those that this machine serves, where it is one of a developer.
///
/// In any other profile such a server has a Unix socket alone, which no browser opens, so a page that comes through it
/// comes through something that its owner has to name.
pub(super) fn own_pages(profile: Profile) -> OriginPolicy {
    match profile {
        Profile::Development => OriginPolicy::loopback(),
        Profile::Strict => OriginPolicy::nobody(),
    }
}

impl Gate {
    /// Lets a peer be where it is: under the development profile, whose callers are all the local user, on this machine
    /// and, at a Unix socket, one of those who could become that user anyway.
    pub(super) fn admit_place(&self, place: &Place) -> Result<(), Refusal> {
        let is_near = match (self.policy.profile(), place) {
            (Profile::Strict, _) => true,
            (Profile::Development, Place::Address(address)) => address.ip().to_canonical().is_loopback(),
            (Profile::Development, Place::User(user)) => {
                self.policy.local_users().is_some() || user.uid == ROOT || LocalUsers::is_me(user)
            }
        };
        if is_near {
            return Ok(());
        }
        // The listener is bound to loopback, or its socket to a file of its owner; a peer from elsewhere means that it
        // was bound by somebody else.
        warn!(peer = %place, rule = "address", "refused");
        Err(Refusal { status: 403, fault: Fault::Refused, challenge: None, reason: "address" })
    }

    /// The names by which a request may call there. To a Unix socket no name leads, so none can be made to, and clients
    /// that must give one say `localhost`.
    pub(super) fn hosts_at(&self, place: &Place) -> &HostPolicy {
        match place {
            Place::Address(_) => &self.hosts,
            Place::User(_) => &self.local_hosts,
        }
    }

    /// The user at the other end of a Unix socket, and those who may call there without a credential.
    pub(super) fn user_at<'a>(&'a self, place: Option<&'a Place>) -> Option<(&'a LocalUser, &'a LocalUsers)> {
        match place? {
            Place::Address(_) => None,
            Place::User(user) => Some((user, self.policy.local_users()?)),
        }
    }
}

const ROOT: u32 = 0;
