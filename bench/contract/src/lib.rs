//! What every server of the comparison does alike: its flags, its runtime, the line that names its address, and the
//! texts of its tools. It must do nothing on the way of a call, or it would be measured with it.

use std::{future::Future, io::Write, net::SocketAddr};

use anyhow::{Context, Result, bail};

/// What the flags of a server say.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Where it serves.
    pub transport: Transport,
    /// How its runtime is built.
    pub threads: Threads,
    /// How its framework is set.
    pub settings: Settings,
    /// What it keeps of what happens.
    pub evidence: Evidence,
    /// How many tools it lists beyond `echo`, `add` and `blob`.
    pub tools: usize,
    /// How many sessions it must be able to hold, where its framework has a limit.
    pub sessions: usize,
    /// How many event streams it must be able to hold, where its framework has a limit.
    pub streams: usize,
}

/// Where a server serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// `POST /mcp` at a free port of 127.0.0.1.
    Http,
    /// Standard input and output.
    Stdio,
}

/// How the runtime of a server is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// One thread does everything, so that counts repeat.
    One,
    /// What `#[tokio::main]` gives: a worker for each processor.
    Default,
}

/// How a framework is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settings {
    /// As its own examples set it.
    Default,
    /// The fastest way that it documents.
    Best,
}

/// What a server keeps of what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Nothing.
    None,
    /// A record of each call in a file, and numbers for Prometheus.
    Kept,
}

impl Options {
    /// Reads the flags of this process: `--stdio`, `--threads one|default`, `--best`, `--evidence`, `--tools N`, `--sessions N` and
    /// `--streams N`.
    ///
    /// # Errors
    /// A flag is unknown, or lacks its value.
    pub fn from_args() -> Result<Self> {
        let mut options = Self {
            transport: Transport::Http,
            threads: Threads::One,
            settings: Settings::Default,
            evidence: Evidence::None,
            tools: 0,
            sessions: 1_000,
            streams: 32,
        };
        let mut args = std::env::args().skip(1);
        while let Some(flag) = args.next() {
            let mut value = || args.next().with_context(|| format!("{flag} needs a value"));
            match flag.as_str() {
                "--stdio" => options.transport = Transport::Stdio,
                "--evidence" => options.evidence = Evidence::Kept,
                "--best" => options.settings = Settings::Best,
                "--tools" => options.tools = value()?.parse()?,
                "--sessions" => options.sessions = value()?.parse()?,
                "--streams" => options.streams = value()?.parse()?,
                "--threads" => {
                    options.threads = match value()?.as_str() {
                        "one" => Threads::One,
                        "default" => Threads::Default,
                        other => bail!("--threads {other}: `one` or `default`"),
                    }
                }
                other => bail!("unknown flag {other}"),
            }
        }
        Ok(options)
    }
}

impl Threads {
    /// Runs a server on a runtime of this kind.
    ///
    /// # Errors
    /// The runtime cannot be built, or the server fails.
    pub fn run(self, server: impl Future<Output = Result<()>>) -> Result<()> {
        let mut builder = match self {
            Self::One => tokio::runtime::Builder::new_current_thread(),
            Self::Default => tokio::runtime::Builder::new_multi_thread(),
        };
        builder.enable_all().build()?.block_on(server)
    }
}

/// Tells who started the server where it listens, in one line on standard output.
pub fn listening(address: SocketAddr) {
    say(&format!("listening {address}"));
}

/// As [`listening`], of a server that is called by a name of its own and that asks for an access token; `token` is one.
pub fn listening_as(address: SocketAddr, host: &str, token: &str) {
    say(&format!("listening {address} as {host} with {token}"));
}

fn say(line: &str) {
    // Where nobody reads standard output nobody needs the address.
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// What `blob` answers: so many letters `x`.
pub fn blob(bytes: usize) -> String {
    "x".repeat(bytes)
}

/// The names of the tools beyond `echo`, `add` and `blob`.
pub fn more_tools(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("tool_{number:03}"))
}

/// The name that every server gives itself.
pub const NAME: &str = "bench";
/// The version that every server gives itself.
pub const VERSION: &str = "1.0.0";
/// What is listed of `echo`.
pub const ECHO: &str = "Answers the text it is given.";
/// What is listed of `add`.
pub const ADD: &str = "Adds two integers.";
/// What is listed of `blob`.
pub const BLOB: &str = "Answers a text of that many bytes.";
/// What is listed of each further tool.
pub const MORE: &str = "Searches the files of a project for a pattern and answers the lines that match.";
/// The input schema of each further tool.
pub const MORE_SCHEMA: &str = r#"{"type":"object","properties":{"pattern":{"type":"string","description":"What to look for."},"folder":{"type":"string","description":"Where to look, relative to the project."},"limit":{"type":"integer","description":"How many lines to answer at most."}},"required":["pattern"],"additionalProperties":false}"#;
