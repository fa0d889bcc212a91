//! A client of the in-process pipe that sends exactly the bytes it is given, a line a message.

use mocopr::{McpServer, testing};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf};

use super::within;

/// One pipe to a server.
#[derive(Debug)]
pub(crate) struct Piped {
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    output: WriteHalf<DuplexStream>,
}

impl Piped {
    /// Opens a pipe.
    pub(crate) fn open<P>(server: &McpServer<P>) -> Self {
        let (input, output) = tokio::io::split(testing::pipe(server));
        Self { lines: BufReader::new(input).lines(), output }
    }

    /// Sends these bytes as they are.
    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        within("the server to read", self.output.write_all(bytes)).await.expect("the server reads");
    }

    /// Sends one message and its line break.
    pub(crate) async fn send(&mut self, message: &Value) {
        self.send_bytes(format!("{message}\n").as_bytes()).await;
    }

    /// The next message; `None` after the last one.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        let line = within("a line of the server", self.lines.next_line()).await.expect("the pipe is whole")?;
        Some(serde_json::from_str(&line).unwrap_or_else(|error| panic!("not JSON ({error}): {line}")))
    }

    /// The next message.
    pub(crate) async fn message(&mut self) -> Value {
        self.next().await.expect("the server keeps the pipe open")
    }

    /// Closes the sending side; what the server still says is read on.
    pub(crate) async fn finish(&mut self) {
        within("the end of sending", self.output.shutdown()).await.expect("the pipe is whole");
    }
}
