//! A server as a process: started on its own processor, looked at through `/proc`, and ended.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::mpsc::{RecvTimeoutError, sync_channel},
    time::Duration,
};

use anyhow::{Context, Result};
use rustix::{
    io::Errno,
    process::{Pid, Signal, kill_process},
    thread::{CpuSet, sched_setaffinity},
};

use crate::door::Door;

/// A server that runs. Dropped, it is ended.
#[derive(Debug)]
pub struct Process {
    child: Child,
    out: BufReader<ChildStdout>,
    pid: Pid,
}

impl Process {
    /// Starts a program on the server's processor, with both standard streams open.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn start(program: &Path, args: &[&str]) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        Self::spawn(command)
    }

    /// Starts a command whose standard streams are set up but for standard output.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn spawn(mut command: Command) -> Result<Self> {
        // A child inherits the processors of the thread that starts it.
        pin(SERVER_CORE)?;
        let child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("starting {command:?}"));
        pin(CLIENT_CORE)?;
        let mut child = child?;
        let pid = Pid::from_child(&child);
        let out = BufReader::with_capacity(1 << 20, child.stdout.take().context("standard output is piped")?);
        Ok(Self { child, out, pid })
    }

    /// Waits for the line that says how it is reached.
    ///
    /// # Errors
    /// The server ends, or says something else.
    pub fn door(&mut self) -> Result<Door> {
        let mut line = String::new();
        self.out.read_line(&mut line)?;
        Door::read(&line)
    }

    /// Both ends of the standard streams.
    pub fn streams(&mut self) -> (&mut Option<ChildStdin>, &mut BufReader<ChildStdout>) {
        (&mut self.child.stdin, &mut self.out)
    }

    /// Does something with it, and ends it if that takes too long: a server that stops answering on a pipe would
    /// otherwise hold a run for ever.
    ///
    /// # Errors
    /// What `work` fails with.
    pub fn within<T>(&mut self, patience: Duration, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let end = self.ender();
        std::thread::scope(|scope| {
            let (done, wait) = sync_channel::<()>(1);
            scope.spawn(move || {
                if wait.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                    end();
                }
            });
            let worked = work(self);
            drop(done);
            worked
        })
    }

    /// What ends it at once, also while its streams are in use.
    pub fn ender(&self) -> impl FnOnce() + Send + 'static {
        let pid = self.pid;
        move || {
            // It may have ended by itself.
            let _ = kill_process(pid, Signal::KILL);
        }
    }

    /// Processor time of all its threads so far. Unlike wall time it does not grow while others use the processor.
    ///
    /// # Errors
    /// The process has ended.
    pub fn cpu(&self) -> Result<Duration> {
        let mut total = 0;
        for task in fs::read_dir(self.proc("task"))? {
            // A thread may end between being listed and being read.
            let Ok(stat) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
            total += stat.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
        Ok(Duration::from_nanos(total))
    }

    /// Resident memory, in bytes.
    ///
    /// # Errors
    /// The process has ended.
    pub fn resident(&self) -> Result<u64> {
        // `status` may lag behind by the pages that each processor counts for itself; this file is summed when read.
        let rollup = fs::read_to_string(self.proc("smaps_rollup"))?;
        let line = rollup.lines().find(|line| line.starts_with("Rss:")).context("no Rss")?;
        let kib: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
        Ok(kib * 1024)
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    /// It ended already and cannot be asked.
    pub fn stop(mut self) -> Result<()> {
        kill_process(self.pid, Signal::TERM)?;
        self.child.wait()?;
        Ok(())
    }

    fn proc(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.pid)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended cannot be ended again, and that is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Keeps this thread, and what it starts, on one processor. Where that processor is not to be had nothing is pinned.
///
/// # Errors
/// The system refuses for another reason.
pub fn pin(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    match sched_setaffinity(None, &set) {
        Ok(()) | Err(Errno::INVAL) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("pinning to processor {core}")),
    }
}

/// Where the client runs.
pub const CLIENT_CORE: usize = 0;
/// Where all servers run.
pub const SERVER_CORE: usize = 1;
