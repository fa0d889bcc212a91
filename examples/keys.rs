//! Makes, lists and revokes API keys in a file that `ApiKeys::from_file` reads: `cargo run --example keys -- ..`.
//!
//! `keys add FILE --subject S [--role R]… [--scope SC]… [--tenant T] [--expires DAYS] [--name N]` prints the key once,
//! on standard output, and keeps what is needed to know it again; the file is made where there is none, for its owner
//! alone.
//! `keys list FILE` prints one line a key; `keys revoke FILE ID` revokes one.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the command line")]
#![allow(clippy::disallowed_methods, reason = "a key is made now, by the clock of the system")]

use std::{
    process::ExitCode,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use mocopr::auth::{ApiKey, ApiKeyFile};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[&str]) -> Result<(), String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?;
    match arguments {
        ["add", file, options @ ..] => add(&ApiKeyFile::at(file), options, now),
        ["list", file] => list(&ApiKeyFile::at(file), now),
        ["revoke", file, id] => ApiKeyFile::at(file).revoke(id, now).map_err(|problem| problem.to_string()),
        _ => Err(USAGE.into()),
    }
}

fn add(file: &ApiKeyFile, options: &[&str], now: Duration) -> Result<(), String> {
    let (pairs, rest) = options.as_chunks();
    if !rest.is_empty() {
        return Err(USAGE.into());
    }
    let subjects: Vec<&str> = pairs.iter().filter(|[name, _]| *name == "--subject").map(|[_, value]| *value).collect();
    let [subject] = subjects.as_slice() else { return Err("--subject: say it once".into()) };
    let (key, mut record) = ApiKey::create(subject, now).map_err(|problem| problem.to_string())?;
    for [name, value] in pairs {
        record = match *name {
            "--subject" => record,
            "--role" => record.with_role(*value),
            "--scope" => record.with_scope(*value),
            "--tenant" => record.with_tenant(*value),
            "--name" => record.with_name(*value),
            "--expires" => {
                let days: u32 = value.parse().map_err(|_| "--expires: not a number of days")?;
                record.until(now + DAY * days)
            }
            _ => return Err(USAGE.into()),
        };
    }
    file.add(record).map_err(|problem| problem.to_string())?;
    println!("{}", key.expose());
    Ok(())
}

fn list(file: &ApiKeyFile, now: Duration) -> Result<(), String> {
    for key in file.keys().map_err(|problem| problem.to_string())? {
        let state = match (key.revoked(), key.expires()) {
            (Some(_), _) => "revoked".to_owned(),
            (None, Some(expires)) if expires <= now => "expired".to_owned(),
            (None, Some(expires)) => format!("{} days left", (expires - now).as_secs() / DAY.as_secs()),
            (None, None) => "does not expire".to_owned(),
        };
        let (roles, scopes) = (key.roles().join(","), key.scopes().join(","));
        let (tenant, name) = (key.tenant().unwrap_or("-"), key.name().unwrap_or("-"));
        println!("{}  {}  {state}  roles={roles} scopes={scopes} tenant={tenant} name={name}", key.id(), key.subject());
    }
    Ok(())
}

const DAY: Duration = Duration::from_secs(86_400);
const USAGE: &str = "keys add FILE --subject S [--role R].. [--scope SC].. [--tenant T] [--expires DAYS] [--name N]
keys list FILE
keys revoke FILE ID";
