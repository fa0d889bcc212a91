//! A client inside of the test: handlers are called through the whole pipeline, without a process or a socket.

use std::fmt;

use mocopr_core::{
    meta,
    wire::revision::{Era, Revision},
};
use mocopr_security::principal::Principal;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf};

pub use mocopr_core::clock::{Clock, ManualClock};

use crate::server::McpServer;

/// The client's end of a pipe to the server, for tests of exact bytes: a line is a message, as on standard streams.
///
/// The server's end lives until this one is dropped or the server stops. Must be called inside of a tokio runtime.
pub fn pipe<P>(server: &McpServer<P>) -> DuplexStream {
    server.open_pipe()
}

/// A client over the in-process pipe.
///
/// ```
/// # use mocopr_server::{registry::tool::Tool, server::McpServer};
/// use mocopr_server::testing::TestClient;
/// use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let tool = Tool::new("hello").handler(|_: serde_json::Value| async { "hello" });
/// # let server = McpServer::builder().with_info("test", "1.0.0").with_tool(tool).build()?;
/// let mut client = TestClient::connect(&server).await?;
/// let answer = client.call_tool("hello", json!({})).await?;
/// assert_eq!(answer.text(), "hello");
/// # Ok(())
/// # }
/// ```
pub struct TestClient {
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    output: WriteHalf<DuplexStream>,
    revision: Revision,
    capabilities: Value,
    answers: Box<Answers>,
    heard: Vec<Value>,
    next_id: u64,
}

/// Answers the questions of a server, by method and parameters.
type Answers = dyn FnMut(&str, &Value) -> Option<Value> + Send;

/// What a call answered.
///
/// An example is at [`TestClient`].
#[derive(Clone, Debug, PartialEq)]
pub struct TestAnswer(Value);

/// Why a call has no answer.
///
/// An example is at [`TestClient::as_principal`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TestError {
    /// The server answered with an error.
    Refused {
        /// Its code.
        code: i64,
        /// Its sentence.
        message: String,
        /// What stands beside it; null where nothing does.
        data: Value,
    },
    /// The server asked a question that no answer was given for with [`TestClient::answering`].
    Unanswered {
        /// The question's method.
        method: String,
        /// Its parameters.
        params: Value,
    },
    /// The server closed the pipe, said something that is not JSON-RPC, or agreed on another revision.
    Broken,
}

impl TestClient {
    /// A client of the newest revision, 2026-07-28, which can answer every kind of question.
    ///
    /// # Errors
    /// Where the server does not serve the revision, or does not answer.
    pub async fn connect<P>(server: &McpServer<P>) -> Result<Self, TestError> {
        Self::connect_in(server, Revision::NEWEST_STATELESS).await
    }

    /// A client of the newest revision with a handshake, 2025-11-25.
    ///
    /// # Errors
    /// As [`TestClient::connect`].
    pub async fn connect_stateful<P>(server: &McpServer<P>) -> Result<Self, TestError> {
        Self::connect_in(server, Revision::NEWEST_STATEFUL).await
    }

    /// A client of any revision: what an older one lacks, handlers and answers do without.
    ///
    /// # Errors
    /// [`TestError::Refused`] or [`TestError::Broken`] where the server does not serve the revision, or does not answer.
    pub async fn connect_in<P>(server: &McpServer<P>, revision: Revision) -> Result<Self, TestError> {
        Self::open(pipe(server), revision).greet().await
    }

    /// A client of the newest revision, 2026-07-28, whose caller is `who`. The caller of every other client is the user
    /// of this machine, who holds every role and scope in the development profile, and none elsewhere.
    ///
    /// ```
    /// # use mocopr_server::{registry::tool::Tool, server::McpServer};
    /// use mocopr_security::principal::Principal;
    /// use mocopr_server::testing::{TestClient, TestError};
    /// use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let tool = Tool::new("write").requires_scope("notes:write").handler(|_: serde_json::Value| async { "done" });
    /// # let server = McpServer::builder().with_info("test", "1.0.0").with_tool(tool).build()?;
    /// let mut reader = TestClient::as_principal(&server, Principal::named("bob").with_scope("notes:read")).await?;
    /// let refused = reader.call_tool("write", json!({})).await;
    /// assert!(matches!(refused, Err(TestError::Refused { code: 1403, .. })));
    ///
    /// let mut writer = TestClient::as_principal(&server, Principal::named("ann").with_scope("notes:write")).await?;
    /// assert_eq!(writer.call_tool("write", json!({})).await?.text(), "done");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`TestClient::connect`].
    pub async fn as_principal<P>(server: &McpServer<P>, who: Principal) -> Result<Self, TestError> {
        Self::as_principal_in(server, who, Revision::NEWEST_STATELESS).await
    }

    /// A client of any revision whose caller is `who`.
    ///
    /// # Errors
    /// As [`TestClient::connect_in`].
    pub async fn as_principal_in<P>(
        server: &McpServer<P>,
        who: Principal,
        revision: Revision,
    ) -> Result<Self, TestError> {
        Self::open(server.open_pipe_as(who), revision).greet().await
    }

    /// Learns of the server what the revision wants a client to know first.
    async fn greet(mut self) -> Result<Self, TestError> {
        let revision = self.revision;
        if revision.era() == Era::Stateless {
            self.request("server/discover", json!({})).await?;
            return Ok(self);
        }
        let hello = json!({
            "protocolVersion": revision.as_str(),
            "capabilities": self.capabilities,
            "clientInfo": {"name": "test", "version": "1"},
        });
        let TestAnswer(agreed) = self.request("initialize", hello).await?;
        if agreed.get("protocolVersion").and_then(Value::as_str) != Some(revision.as_str()) {
            return Err(TestError::Broken);
        }
        self.notify("notifications/initialized", json!({})).await?;
        Ok(self)
    }

    /// Declares other capabilities than elicitation, sampling and roots; before the first question is asked.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: Value) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// Answers the server's questions: `answer` gets a question's method and parameters, and returns its result.
    #[must_use]
    pub fn answering(mut self, answer: impl FnMut(&str, &Value) -> Option<Value> + Send + 'static) -> Self {
        self.answers = Box::new(answer);
        self
    }

    /// Calls a tool.
    ///
    /// # Errors
    /// [`TestError`]; a tool that fails answers, see [`TestAnswer::is_error`].
    pub async fn call_tool(&mut self, name: &str, arguments: Value) -> Result<TestAnswer, TestError> {
        self.request("tools/call", json!({"name": name, "arguments": arguments})).await
    }

    /// Reads a resource.
    ///
    /// # Errors
    /// [`TestError`].
    pub async fn read_resource(&mut self, uri: &str) -> Result<TestAnswer, TestError> {
        self.request("resources/read", json!({"uri": uri})).await
    }

    /// Gets a prompt.
    ///
    /// # Errors
    /// [`TestError`].
    pub async fn get_prompt(&mut self, name: &str, arguments: Value) -> Result<TestAnswer, TestError> {
        self.request("prompts/get", json!({"name": name, "arguments": arguments})).await
    }

    /// The names of all tools, page by page.
    ///
    /// # Errors
    /// [`TestError`].
    pub async fn tool_names(&mut self) -> Result<Vec<String>, TestError> {
        let mut names = Vec::new();
        let mut cursor = None;
        loop {
            let params = cursor.map_or(json!({}), |cursor| json!({"cursor": cursor}));
            let TestAnswer(page) = self.request("tools/list", params).await?;
            let tools = page.get("tools").and_then(Value::as_array).ok_or(TestError::Broken)?;
            names.extend(tools.iter().filter_map(|tool| tool.get("name")?.as_str()).map(str::to_owned));
            cursor = page.get("nextCursor").and_then(Value::as_str).map(str::to_owned);
            if cursor.is_none() {
                return Ok(names);
            }
        }
    }

    /// Sends any request, answers the questions it leads to, and returns its result.
    ///
    /// # Errors
    /// [`TestError`].
    pub async fn request(&mut self, method: &str, params: Value) -> Result<TestAnswer, TestError> {
        let mut round = params.clone();
        for _ in 0..MAX_ROUNDS {
            let result = self.exchange(method, round).await?;
            if result.get("resultType").and_then(Value::as_str) != Some("input_required") {
                return Ok(TestAnswer(result));
            }
            round = params.clone();
            let mut responses = serde_json::Map::new();
            for (key, question) in result.get("inputRequests").and_then(Value::as_object).into_iter().flatten() {
                responses.insert(key.clone(), self.answer(question)?);
            }
            if let Some(round) = round.as_object_mut() {
                round.insert("inputResponses".to_owned(), Value::Object(responses));
                if let Some(state) = result.get("requestState") {
                    round.insert("requestState".to_owned(), state.clone());
                }
            }
        }
        Err(TestError::Broken)
    }

    /// Sends a notification.
    ///
    /// # Errors
    /// [`TestError::Broken`] where the pipe is closed.
    pub async fn notify(&mut self, method: &str, params: Value) -> Result<(), TestError> {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params})).await
    }

    /// The notifications heard so far, oldest first; they are forgotten.
    pub fn notifications(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.heard)
    }

    fn open(pipe: DuplexStream, revision: Revision) -> Self {
        let (input, output) = tokio::io::split(pipe);
        Self {
            lines: BufReader::new(input).lines(),
            output,
            revision,
            capabilities: json!({"elicitation": {"form": {}, "url": {}}, "sampling": {}, "roots": {}}),
            answers: Box::new(|_, _| None),
            heard: Vec::new(),
            next_id: 0,
        }
    }

    async fn exchange(&mut self, method: &str, mut params: Value) -> Result<Value, TestError> {
        self.next_id += 1;
        let id = self.next_id;
        if self.revision.era() == Era::Stateless
            && let Some(params) = params.as_object_mut()
        {
            let meta = params.entry("_meta").or_insert_with(|| json!({}));
            if let Some(meta) = meta.as_object_mut() {
                meta.entry(meta::PROTOCOL_VERSION).or_insert_with(|| self.revision.as_str().into());
                meta.entry(meta::CLIENT_CAPABILITIES).or_insert_with(|| self.capabilities.clone());
                meta.entry(meta::CLIENT_INFO).or_insert_with(|| json!({"name": "test", "version": "1"}));
            }
        }
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await?;
        loop {
            let message = self.receive().await?;
            if message.get("method").is_some() {
                self.hear(message).await?;
            } else if message.get("id") == Some(&id.into()) {
                return outcome(message);
            }
        }
    }

    /// A notification is kept; a question is answered.
    async fn hear(&mut self, message: Value) -> Result<(), TestError> {
        let Some(id) = message.get("id").cloned() else {
            self.heard.push(message);
            return Ok(());
        };
        let result = self.answer(&message)?;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "result": result})).await
    }

    fn answer(&mut self, question: &Value) -> Result<Value, TestError> {
        let method = question.get("method").and_then(Value::as_str).unwrap_or_default();
        let params = question.get("params").cloned().unwrap_or_default();
        (self.answers)(method, &params).ok_or(TestError::Unanswered { method: method.to_owned(), params })
    }

    async fn send(&mut self, message: &Value) -> Result<(), TestError> {
        let mut line = message.to_string();
        line.push('\n');
        self.output.write_all(line.as_bytes()).await.map_err(|_| TestError::Broken)
    }

    async fn receive(&mut self) -> Result<Value, TestError> {
        let line = self.lines.next_line().await.ok().flatten().ok_or(TestError::Broken)?;
        serde_json::from_str(&line).map_err(|_| TestError::Broken)
    }
}

impl TestAnswer {
    /// All blocks of text of a tool's content, of a prompt's messages, or of a resource's contents, joined by line
    /// breaks.
    pub fn text(&self) -> String {
        let direct = ["content", "contents"].into_iter().filter_map(|member| self.0.get(member)?.as_array()).flatten();
        let messages = self.0.get("messages").and_then(Value::as_array).into_iter().flatten();
        let blocks = direct.chain(messages.filter_map(|message| message.get("content")));
        let texts: Vec<&str> = blocks.filter_map(|block| block.get("text")?.as_str()).collect();
        texts.join("\n")
    }

    /// The structured content of a tool's result; null where there is none.
    pub fn structured(&self) -> &Value {
        self.0.get("structuredContent").unwrap_or(&Value::Null)
    }

    /// The tool says that it failed.
    pub fn is_error(&self) -> bool {
        self.0.get("isError") == Some(&Value::Bool(true))
    }

    /// The whole result.
    pub fn value(&self) -> &Value {
        &self.0
    }
}

impl fmt::Debug for TestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestClient").field("revision", &self.revision).finish_non_exhaustive()
    }
}

impl fmt::Display for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { code, message, .. } => write!(f, "the server refused: {message} ({code})"),
            Self::Unanswered { method, .. } => write!(f, "the server asked {method} and no answer was given"),
            Self::Broken => f.write_str("the talk with the server broke off"),
        }
    }
}

impl std::error::Error for TestError {}

fn outcome(message: Value) -> Result<Value, TestError> {
    if let Some(error) = message.get("error") {
        return Err(TestError::Refused {
            code: error.get("code").and_then(Value::as_i64).unwrap_or_default(),
            message: error.get("message").and_then(Value::as_str).unwrap_or_default().to_owned(),
            data: error.get("data").cloned().unwrap_or_default(),
        });
    }
    message.get("result").cloned().ok_or(TestError::Broken)
}

/// Rounds of questions that one call may take.
const MAX_ROUNDS: usize = 8;
