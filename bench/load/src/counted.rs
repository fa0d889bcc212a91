//! What a call costs, counted instead of timed: instructions and allocations, which repeat on any machine.
//!
//! A server runs under valgrind for [`FEW`] calls and for [`MANY`]; the difference is the calls' own, without start-up.

use std::{fs, path::Path, process::Command, process::Stdio};

use anyhow::{Context, Result};

use crate::{
    client::{Client, shake_hands},
    http::Connection,
    process::Process,
    wire::{Accept, Question, Revision},
};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Instructions, by callgrind.
    Instructions,
    /// Calls of the allocator that give memory, by memcheck.
    Allocations,
}

/// What is asked of the server that is counted.
#[derive(Clone, Copy, Debug)]
pub struct Counted<'a> {
    /// The server's program.
    pub program: &'a Path,
    /// Its flags.
    pub args: &'a [&'a str],
    /// What it is asked.
    pub question: &'a Question,
    /// In which revision.
    pub revision: Revision,
    /// For which kind of answer.
    pub accept: Accept,
    /// Where callgrind's file of the longer run goes, if it is wanted.
    pub profile: Option<&'a Path>,
}

impl Counted<'_> {
    /// How many of them one call takes.
    ///
    /// # Errors
    /// valgrind is missing, or an answer is not the expected one.
    pub fn each(&self, count: Count) -> Result<f64> {
        let few = self.total(count, FEW)?;
        let many = self.total(count, MANY)?;
        Ok((many - few) / f64::from(MANY - FEW))
    }

    fn total(&self, count: Count, calls: u32) -> Result<f64> {
        let log = std::env::temp_dir().join(format!("mocopr-bench-{}-{calls}.log", std::process::id()));
        let mut command = Command::new("valgrind");
        command.arg(format!("--log-file={}", log.display()));
        match (count, self.profile) {
            (Count::Instructions, Some(file)) if calls == MANY => {
                command.args(["--tool=callgrind", &format!("--callgrind-out-file={}", file.display())])
            }
            (Count::Instructions, _) => command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]),
            (Count::Allocations, _) => command.args(["--tool=memcheck", "--undef-value-errors=no", "--leak-check=no"]),
        };
        command.arg(self.program).args(self.args).stdin(Stdio::null()).stderr(Stdio::null());
        let mut server = Process::spawn(command).context("valgrind counts; on Debian: apt-get install valgrind")?;
        let door = server.door()?;
        let mut client = Client::open(&door, 1, self.question, self.revision, self.accept)?;
        client.one_by_one(usize::try_from(calls)?)?;
        drop(client);
        server.stop()?;
        let said = fs::read_to_string(&log)?;
        fs::remove_file(&log)?;
        let marker = match count {
            Count::Instructions => "Collected : ",
            Count::Allocations => "total heap usage: ",
        };
        let number = said.split(marker).nth(1).and_then(|rest| rest.split_whitespace().next());
        let number = number.with_context(|| format!("no {marker:?} in what valgrind said: {said}"))?;
        Ok(number.replace(',', "").parse()?)
    }
}

/// The resident bytes of one idle session: the handshake, and nothing after it.
///
/// # Errors
/// The server refuses a session.
pub fn idle_session(program: &Path, args: &[&str]) -> Result<f64> {
    let mut server = Process::start(program, args)?;
    let mut connection = Connection::open(&server.door()?)?;
    let mut open = |sessions: u32| -> Result<u64> {
        for _ in 0..sessions {
            shake_hands(&mut connection)?;
        }
        server.resident()
    };
    // The first ones pay for what grows once.
    let before = open(WARM_SESSIONS)?;
    let after = open(SESSIONS)?;
    Ok(after.saturating_sub(before) as f64 / f64::from(SESSIONS))
}

const FEW: u32 = 200;
const MANY: u32 = 1_200;
const WARM_SESSIONS: u32 = 1_000;
/// How many idle sessions are opened in all, which a server must be told where it has a limit.
pub const ALL_SESSIONS: u32 = WARM_SESSIONS + SESSIONS;
const SESSIONS: u32 = 5_000;
