//! Examples of this package as processes: started on a free port or on standard streams, stopped when dropped.

use std::{
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::Arc,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::{oneshot, watch},
    task::JoinHandle,
};

use super::within;

/// An example that listens.
#[derive(Debug)]
pub(crate) struct Listening {
    child: Child,
    url: String,
    log: Log,
}

impl Listening {
    /// Starts an example on a free port and waits for the line that names its address.
    pub(crate) async fn start(example: &str, arguments: &[&str]) -> Self {
        Self::spawn(command(example, arguments)).await
    }

    /// Starts a command that takes its port from `PORT`, and waits for the line that names its address.
    pub(crate) async fn spawn(mut command: Command) -> Self {
        command.env("PORT", "0").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the example starts");
        let (log, _, ready) = Log::of(child.stderr.take().expect("stderr is piped"));
        let url = within("the example's address", ready).await;
        let url = url.unwrap_or_else(|_| panic!("the example ended before it listened:\n{}", log.text()));
        Self { child, url, log }
    }

    /// Where it listens, such as `http://127.0.0.1:41234/mcp`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Host and port of [`Self::url`].
    pub(crate) fn authority(&self) -> &str {
        self.url.split('/').nth(2).expect("the address is a URL")
    }

    /// What it has written to its log so far.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    /// Waits until its log holds this.
    pub(crate) async fn logs(&self, what: &str) {
        self.log.holds(what).await;
    }

    /// How much of its memory is in use, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let id = self.child.id().expect("the example still runs");
        let text = std::fs::read_to_string(format!("/proc/{id}/status")).expect("the system tells of its processes");
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it tells of their memory");
        line.trim().trim_end_matches(" kB").parse().expect("it is a number of KiB")
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn stop(mut self) -> ExitStatus {
        terminate(&self.child);
        within("the example's end", self.child.wait()).await.expect("the example can be waited for")
    }

    /// Waits until it has ended.
    pub(crate) async fn wait(mut self) -> ExitStatus {
        within("the example's end", self.child.wait()).await.expect("the example can be waited for")
    }

    /// Ends it where it stands, and waits until it is gone.
    pub(crate) async fn kill(mut self) {
        within("the example's end", self.child.kill()).await.expect("the example can be killed");
    }

    /// Its number among the processes of the system.
    pub(crate) fn pid(&self) -> Pid {
        pid(&self.child)
    }
}

/// An example that speaks over its standard streams, a line a message.
#[derive(Debug)]
pub(crate) struct Lined {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
    log: Log,
    log_ended: JoinHandle<()>,
}

/// What is left of an example that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// The lines that nobody had read.
    pub(crate) rest: Vec<String>,
    /// All of its log.
    pub(crate) log: String,
}

impl Lined {
    /// Starts an example.
    pub(crate) fn start(example: &str, arguments: &[&str]) -> Self {
        Self::spawn(command(example, arguments))
    }

    /// Starts a command.
    pub(crate) fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the example starts");
        let (log, log_ended, _) = Log::of(child.stderr.take().expect("stderr is piped"));
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        Self { child, input, output, log, log_ended }
    }

    /// Sends these bytes as they are.
    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().expect("the input is open");
        within("the example to read", input.write_all(bytes)).await.expect("the example reads");
    }

    /// Sends one message and its line break.
    pub(crate) async fn send(&mut self, message: &Value) {
        self.send_bytes(format!("{message}\n").as_bytes()).await;
    }

    /// The next line of the example; `None` after its last one.
    pub(crate) async fn line(&mut self) -> Option<String> {
        within("a line of the example", self.output.next_line()).await.expect("the example writes UTF-8")
    }

    /// The next message of the example.
    pub(crate) async fn message(&mut self) -> Value {
        let line = self.line().await.unwrap_or_else(|| panic!("the example ended:\n{}", self.log.text()));
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("not JSON ({error}): {line}"))
    }

    /// Sends a request and returns the message with its id; what comes before it goes to `others`.
    pub(crate) async fn ask(&mut self, request: &Value, others: &mut Vec<Value>) -> Value {
        self.send(request).await;
        loop {
            let message = self.message().await;
            if message.get("id") == request.get("id") && message.get("method").is_none() {
                return message;
            }
            others.push(message);
        }
    }

    /// What it has written to its log so far.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    /// Closes its input and waits for its end.
    pub(crate) async fn end(mut self) -> Ended {
        drop(self.input.take());
        let mut rest = Vec::new();
        while let Some(line) = self.line().await {
            rest.push(line);
        }
        let status = within("the example's end", self.child.wait()).await.expect("the example can be waited for");
        within("the end of its log", self.log_ended).await.expect("reading the log does not panic");
        Ended { status, rest, log: self.log.text() }
    }

    /// Asks it to end while its input stays open, and waits until it has.
    pub(crate) async fn stop(mut self) -> ExitStatus {
        terminate(&self.child);
        within("the example's end", self.child.wait()).await.expect("the example can be waited for")
    }

    /// Asks it to end while its input stays open.
    pub(crate) fn terminate(&self) {
        terminate(&self.child);
    }

    /// Waits until its log holds this.
    pub(crate) async fn logs(&self, what: &str) {
        self.log.holds(what).await;
    }
}

/// The path of an example's binary, which `cargo test` puts beside the tests' folder.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test has a path");
    let profile = test.ancestors().nth(2).expect("tests lie two folders deep");
    let path = profile.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.is_file(), "there is no {}: run `cargo build --examples` first", path.display());
    path
}

pub(crate) fn command(example: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(self::example(example));
    command.args(arguments);
    command
}

fn terminate(child: &Child) {
    kill_process(pid(child), Signal::TERM).expect("the example can be told to end");
}

fn pid(child: &Child) -> Pid {
    child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw).expect("the example still runs")
}

/// What a process writes to its standard error, read all the time so that it never waits for a reader.
#[derive(Clone, Debug)]
struct Log(Arc<watch::Sender<String>>);

impl Log {
    /// Begins to read, in a task that ends with the log; the receiver gets the address of the first `listening on
    /// <url>`.
    fn of(stderr: impl AsyncRead + Send + Unpin + 'static) -> (Self, JoinHandle<()>, oneshot::Receiver<String>) {
        let log = Self(Arc::new(watch::Sender::default()));
        let (tell, ready) = oneshot::channel();
        let (mut tell, kept) = (Some(tell), log.clone());
        let reading = tokio::spawn(async move {
            let mut lines = BufReader::new(stderr).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                kept.push(&line);
                if let Some(url) = line.strip_prefix("listening on ")
                    && let Some(tell) = tell.take()
                {
                    // A test that does not wait for the address has dropped the receiver.
                    let _ = tell.send(url.trim().to_owned());
                }
            }
        });
        (log, reading, ready)
    }

    fn push(&self, line: &str) {
        self.0.send_modify(|text| {
            text.push_str(line);
            text.push('\n');
        });
    }

    fn text(&self) -> String {
        self.0.borrow().clone()
    }

    async fn holds(&self, what: &str) {
        let mut text = self.0.subscribe();
        within(what, text.wait_for(|text| text.contains(what))).await.expect("the log is kept");
    }
}
