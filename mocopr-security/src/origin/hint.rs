//! What an owner is told who reads no log: which call would allow requests of a kind that was refused. Once for each
//! kind, so that no stranger fills a terminal, and without a word that a stranger chose.

use std::{
    io::Write,
    sync::atomic::{AtomicBool, Ordering},
};

use tracing::dispatcher;

use super::Rejection;

/// Tells of the first request of its kind on standard error, where nobody listens to the log.
pub(crate) fn tell_once(rejection: Rejection) {
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
    let Some(by) = rejection.allowed_by().filter(|_| !dispatcher::has_been_set()) else { return };
    if told.swap(true, Ordering::Relaxed) {
        return;
    }
    let line = format!(
        "mocopr: a request was refused: {rejection} ({}); {by} would allow it. Further ones are in the log alone.\n",
        rejection.header()
    );
    // Where standard error is closed there is nobody to tell.
    let _ = std::io::stderr().write_all(line.as_bytes());
}
