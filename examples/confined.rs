//! A server that gives up what it may do before it reads anything, and tells from inside what is left.
//!
//! `cargo run --example confined -- USER [--read PATH]… [--write PATH]… [--listen ADDRESS]`, as root, becomes that user
//! for good, and serves standard streams or that address, which is bound before. With a path named nothing else can be
//! opened. Linux alone.
#![allow(clippy::print_stderr, reason = "a program for the command line")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it tries what it may still open")]

use std::{fs, net::TcpListener, process::ExitCode};

use mocopr::{
    prelude::*,
    process::{Confined, Confinement, confine},
};
use rustix::{process::Uid, thread::set_thread_res_uid};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (user, options) = arguments.split_first().ok_or(USAGE)?;
    let (options, rest) = options.as_chunks();
    if !rest.is_empty() {
        return Err(USAGE.into());
    }
    let mut confinement = Confinement::to_user(user.as_str());
    let mut socket = None;
    for [name, value] in options {
        confinement = match name.as_str() {
            "--read" => confinement.reading(value),
            "--write" => confinement.writing(value),
            "--listen" => {
                socket = Some(TcpListener::bind(value)?);
                confinement
            }
            _ => return Err(USAGE.into()),
        };
    }
    let confined = confine(confinement)?;
    // The threads begin here.
    tokio::runtime::Runtime::new()?.block_on(serve(confined, socket))?;
    Ok(())
}

async fn serve(confined: Confined, socket: Option<TcpListener>) -> Result<()> {
    let server = McpServer::builder()
        .with_info("confined", "1.0.0")
        .with_security_policy(SecurityPolicy::development())
        .with_privilege_dropping(confined)
        .with_tool(privileges)
        .with_tool(become_root)
        .with_tool(open)
        .build()?;
    for row in
        server.security_report().rows().iter().filter(|row| row.about.ends_with("process") || row.about == "privileges")
    {
        eprintln!("{}: {}", row.about, row.holds);
    }
    match socket {
        None => server.run_stdio().await,
        Some(socket) => {
            let config = HttpConfig::from_listener(socket)?;
            let path = config.path().to_owned();
            let ready = move |address| eprintln!("listening on http://{address}{path}");
            server.run_http(config.on_ready(ready)).await
        }
    }
}

/// Tells what the kernel says of every thread of this process, with an empty line between them.
#[tool]
async fn privileges() -> Result<String, Failure> {
    let mut threads = String::new();
    for thread in fs::read_dir("/proc/self/task")? {
        threads.push_str(&fs::read_to_string(thread?.path().join("status"))?);
        threads.push('\n');
    }
    Ok(threads)
}

/// Tries to become root again.
#[tool]
fn become_root() -> Result<&'static str, Failure> {
    let root = Uid::ROOT;
    match set_thread_res_uid(root, root, root) {
        Ok(()) => Ok("root"),
        Err(_) => Err(Failure::caller("not permitted")),
    }
}

/// Tries to open a file.
#[tool]
fn open(
    /// Which one.
    path: String,
    /// To write to its end, and not to read it.
    write: bool,
) -> Result<&'static str, Failure> {
    let opened = if write { fs::OpenOptions::new().append(true).open(path) } else { fs::File::open(path) };
    match opened {
        Ok(_) => Ok("opened"),
        Err(_) => Err(Failure::caller("not permitted")),
    }
}

const USAGE: &str = "confined USER [--read PATH]... [--write PATH]... [--listen ADDRESS]";
