//! What an owner is told who reads no log: which call would allow requests of a kind that was refused, and why a
//! credential was not taken, which its caller never hears. Once for each kind, so that no stranger fills a terminal,
//! and without a word that a stranger chose.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
};

use tracing::dispatcher;

use crate::{auth::Rejected, console, origin::Rejection};

/// Tells of the first request of its kind on standard error, where nobody listens to the log.
pub(super) fn tell_once(rejection: Rejection) {
    static HOST: AtomicBool = AtomicBool::new(false);
    static ORIGIN: AtomicBool = AtomicBool::new(false);
    static FORWARDED: AtomicBool = AtomicBool::new(false);
    let told = match rejection {
        Rejection::HostForeign => &HOST,
        Rejection::OriginForeign => &ORIGIN,
        Rejection::Forwarded => &FORWARDED,
        Rejection::HostAbsent
        | Rejection::HostRepeated
        | Rejection::HostMalformed
        | Rejection::TargetMalformed
        | Rejection::TargetMismatch
        | Rejection::OriginRepeated
        | Rejection::ContentType
        | Rejection::NotAcceptable => return,
    };
    let Some(by) = rejection.allowed_by() else { return };
    say_once(told, format_args!("a request was refused: {rejection} ({}); {by} would allow it", rejection.header()));
}

/// Tells why the first credential proved nobody on standard error, where nobody listens to the log.
pub(super) fn tell_rejected_once(reason: Rejected) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    say_once(&TOLD, format_args!("a credential was not taken: {}", reason.reason()));
}

/// Tells why it could not be known of the first credential whether it proves anybody, as
/// [`tell_rejected_once`] does.
pub(super) fn tell_unavailable_once(reason: Rejected) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    say_once(&TOLD, format_args!("a credential was not taken for now: {}", reason.reason()));
}

fn say_once(told: &AtomicBool, what: fmt::Arguments<'_>) {
    if dispatcher::has_been_set() || told.swap(true, Ordering::Relaxed) {
        return;
    }
    console::say(format_args!("{what}. Further ones are in the log alone."));
}
