//! Says whether an audit log is what was written.
//!
//! `cargo run --example audit_verify -- FILE`, with the server's key in `MOCOPR_STATE_KEY`.
//! Ends with 0 where it is intact, or torn by a crash; with 1 where something was changed, moved or taken out; with 2
//! where it cannot be read.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the answer goes to whoever asked")]

use std::process::ExitCode;

use mocopr::{
    audit::{Verification, verify},
    security::Secret,
};

fn main() -> ExitCode {
    let (Some(file), None) = (std::env::args_os().nth(1), std::env::args_os().nth(2)) else {
        eprintln!("usage: audit_verify FILE, with the key in MOCOPR_STATE_KEY");
        return ExitCode::from(2);
    };
    let Ok(key) = std::env::var("MOCOPR_STATE_KEY") else {
        eprintln!("MOCOPR_STATE_KEY: missing");
        return ExitCode::from(2);
    };
    match verify(&file, &Secret::new(key)) {
        Ok(found) => {
            println!("{found}");
            match found {
                Verification::Intact { .. } | Verification::Torn { .. } => ExitCode::SUCCESS,
                Verification::Tampered { .. } => ExitCode::from(1),
            }
        }
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::from(2)
        }
    }
}
