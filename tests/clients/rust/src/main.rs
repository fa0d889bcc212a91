//! rmcp's client against the `everything` example, in each revision and over both transports.
//!
//! `mocopr-clients EVERYTHING REVISION...` prints one line a check: client, revision, transport, what, `ok`, `skip` or
//! `FAIL`, and why, with tabs between. It ends with 1 where a check failed.
#![allow(deprecated, reason = "what a later revision advises against is still spoken, and so is tried")]
#![allow(clippy::disallowed_methods, reason = "a test measures real time, and its tasks end with its process")]

mod answers;
mod cell;
mod checks;
mod report;
mod server;

use std::{path::PathBuf, process::ExitCode};

use crate::{
    cell::{Cell, Transport},
    report::Report,
};

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(everything) = arguments.next().map(PathBuf::from) else {
        eprintln!("usage: mocopr-clients EVERYTHING REVISION...");
        return ExitCode::from(2);
    };
    let mut failed = false;
    for revision in arguments.map(|revision| revision.to_string_lossy().into_owned()) {
        for transport in [Transport::Stdio, Transport::Http] {
            let mut report = Report::new(&revision, transport.name());
            match Cell::open(&everything, &revision, transport).await {
                Ok(cell) => checks::run(cell, &mut report).await,
                Err(why) => report.failed("connection", &why),
            }
            failed |= report.has_failed();
        }
    }
    ExitCode::from(u8::from(failed))
}
