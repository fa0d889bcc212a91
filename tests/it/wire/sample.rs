//! The server that the wire tests talk to: a tool for each thing that a handler can do, and narrow limits.

use std::{num::NonZeroUsize, sync::Arc};

use mocopr::{Guarded, ServerBuilder, prelude::*, security::Limits};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::support::within;

/// What no byte of an answer may hold: the text of an inner error.
pub(super) const CANARY: &str = "canary-7f3a";

/// A builder with all of it.
pub(super) fn builder(gauge: &Gauge) -> ServerBuilder<Guarded> {
    with_limits(gauge, limits())
}

/// A builder with all of it, and other limits.
pub(super) fn with_limits(gauge: &Gauge, limits: Limits) -> ServerBuilder<Guarded> {
    McpServer::builder()
        .with_info("sample", "1")
        .with_security_policy(SecurityPolicy::development().with_limits(limits))
        .with_state(gauge.clone())
        .with_handlers(Plain)
        .with_handlers(Saying)
        .with_handlers(Failing)
        .with_handlers(Asking)
        .with_handlers(Reading)
        .with_tool(liar())
}

/// The server.
pub(super) fn server(gauge: &Gauge) -> McpServer<Guarded> {
    builder(gauge).build().expect("the sample is well made")
}

/// Limits that a test reaches with little.
pub(super) fn limits() -> Limits {
    let mut limits = Limits { message_bytes: 64 << 10, result_bytes: 32 << 10, ..Limits::development() };
    limits.message.arguments.depth = 8;
    limits.message.arguments.members = 100;
    limits.message.arguments.string_bytes = 10_000;
    limits.message.arguments.elements = 200;
    limits.message.elsewhere.depth = 10;
    limits.message.elsewhere.members = 20;
    limits
}

/// Counts how many handlers have begun, and how many of them are gone, by an answer or by being dropped.
#[derive(Clone, Debug)]
pub(super) struct Gauge(Arc<[watch::Sender<usize>; 2]>);

/// A handler at work.
#[derive(Debug)]
pub(super) struct AtWork(Gauge);

impl Default for Gauge {
    fn default() -> Self {
        Self(Arc::new([watch::Sender::new(0), watch::Sender::new(0)]))
    }
}

impl Gauge {
    /// A handler begins.
    fn begin(&self) -> AtWork {
        self.0[0].send_modify(|begun| *begun += 1);
        AtWork(self.clone())
    }

    /// How many have begun.
    pub(super) fn begun(&self) -> usize {
        *self.0[0].borrow()
    }

    /// How many are gone.
    pub(super) fn gone(&self) -> usize {
        *self.0[1].borrow()
    }

    /// Waits until so many have begun.
    pub(super) async fn begins(&self, count: usize) {
        within("a handler's start", self.begins_some_day(count)).await;
    }

    /// Waits until so many are gone.
    pub(super) async fn ends(&self, count: usize) {
        within("a handler's end", self.ends_some_day(count)).await;
    }

    /// As [`Self::begins`], without an end to the wait.
    pub(super) async fn begins_some_day(&self, count: usize) {
        self.0[0].subscribe().wait_for(|begun| *begun >= count).await.expect("the gauge lives");
    }

    /// As [`Self::ends`], without an end to the wait.
    pub(super) async fn ends_some_day(&self, count: usize) {
        self.0[1].subscribe().wait_for(|gone| *gone >= count).await.expect("the gauge lives");
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.0[1].send_modify(|gone| *gone += 1);
    }
}

/// Tools that answer, or never do.
struct Plain;

#[handlers]
impl Plain {
    /// Comes back.
    #[tool]
    async fn echo(&self, text: String) -> String {
        text
    }

    /// Comes back, and a header says it too.
    #[tool(header(region = "Region", count = "Count"))]
    async fn mirrored(&self, region: String, count: Option<i64>) -> String {
        format!("{region} {count:?}")
    }

    /// Never answers.
    #[tool]
    async fn wait(&self, gauge: State<Gauge>) -> String {
        let _at_work = gauge.begin();
        std::future::pending().await
    }

    /// Answers when another call has begun.
    #[tool]
    async fn wait_for_another(&self, gauge: State<Gauge>) -> &'static str {
        let _at_work = gauge.begin();
        let seen = gauge.begun();
        gauge.begins(seen + 1).await;
        "another"
    }

    /// Lets those go on that wait for another.
    #[tool]
    async fn another(&self, gauge: State<Gauge>) -> &'static str {
        let _at_work = gauge.begin();
        "one"
    }

    /// Answers after a little while.
    #[tool]
    async fn soon(&self, gauge: State<Gauge>) -> &'static str {
        let _at_work = gauge.begin();
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        "here"
    }

    /// Writes to where the protocol must not be touched.
    #[tool]
    async fn print(&self) -> &'static str {
        print_lines();
        "printed"
    }
}

#[expect(clippy::print_stdout, reason = "a handler that prints is what is tested")]
fn print_lines() {
    println!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"printed by a handler\"}}");
    print!("half a line");
}

/// Tools that say something before they answer.
struct Saying;

#[handlers]
impl Saying {
    /// Says how far it is, also backwards and twice.
    #[tool]
    async fn progress(&self, ctx: &Context) -> &'static str {
        for done in [1.0, 2.0, 2.0, 1.5, f64::NAN, f64::INFINITY, 3.0, -1.0] {
            ctx.progress(done, 4.0, "on the way");
            tokio::task::yield_now().await;
        }
        "done"
    }

    /// Logs once on every level.
    #[tool]
    async fn logs(&self, ctx: &Context) -> &'static str {
        use Level::{Alert, Critical, Debug, Emergency, Error, Info, Notice, Warning};
        for (number, level) in [Debug, Info, Notice, Warning, Error, Critical, Alert, Emergency].into_iter().enumerate()
        {
            ctx.log(level, number);
        }
        "logged"
    }

    /// Says one thing, then never answers.
    #[tool]
    async fn say_and_wait(&self, ctx: &Context, gauge: State<Gauge>) -> &'static str {
        let _at_work = gauge.begin();
        ctx.log(Level::Error, "I wait.");
        std::future::pending().await
    }

    /// Says numbers, one each time that another call begins, and answers after the last.
    #[tool]
    async fn count(&self, ctx: &Context, gauge: State<Gauge>, to: usize) -> &'static str {
        let _at_work = gauge.begin();
        let first = gauge.begun();
        for number in 0..to {
            ctx.log(Level::Error, number);
            gauge.begins(first + number + 1).await;
        }
        "counted"
    }

    /// Says more than anybody can read, and never answers.
    #[tool]
    async fn flood(&self, ctx: &Context, gauge: State<Gauge>) -> &'static str {
        let _at_work = gauge.begin();
        let block = "x".repeat(8 << 10);
        loop {
            ctx.log(Level::Error, &block);
            tokio::task::yield_now().await;
        }
    }

    /// Closes its stream and answers when another call has begun.
    #[tool]
    async fn leave(&self, ctx: &Context, gauge: State<Gauge>) -> &'static str {
        let _at_work = gauge.begin();
        let seen = gauge.begun();
        ctx.close_stream();
        gauge.begins(seen + 1).await;
        "came back"
    }
}

/// Tools that fail.
struct Failing;

#[handlers]
impl Failing {
    /// Fails with the text of an inner error.
    #[tool]
    async fn fail(&self) -> Result<String, Failure> {
        let text = std::fs::read_to_string(format!("/no/such/{CANARY}/file"));
        Ok(text.map_err(|error| std::io::Error::other(format!("{CANARY}: {error}")))?)
    }

    /// Panics.
    #[tool]
    async fn panics(&self) -> String {
        panic!("{CANARY}: {}", std::env::current_dir().unwrap_or_default().display());
    }

    /// Panics on a thread of its own.
    #[tool]
    fn panics_alone(&self) -> String {
        panic!("{CANARY}: {}", std::env::current_dir().unwrap_or_default().display());
    }

    /// Panics after it said something.
    #[tool]
    async fn panics_late(&self, ctx: &Context) -> String {
        ctx.log(Level::Error, "soon");
        tokio::task::yield_now().await;
        panic!("{CANARY}: {}", std::env::current_dir().unwrap_or_default().display());
    }

    /// Answers too much.
    #[tool]
    async fn huge(&self, bytes: usize) -> String {
        "x".repeat(bytes)
    }

    /// Takes longer than it may.
    #[tool(timeout = "50ms")]
    async fn late(&self, gauge: State<Gauge>) -> String {
        let _at_work = gauge.begin();
        std::future::pending().await
    }
}

/// Promises an object with a number, and answers something else.
fn liar() -> Tool {
    let promise = json!({"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]});
    Tool::new("lie").input_schema(r#"{"type":"object"}"#).output_schema(promise.to_string()).handler(|_: Value| async {
        let lie = json!({"number": CANARY});
        Json(lie)
    })
}

/// An answer to a form.
#[data]
pub(super) struct Named {
    name: String,
}

/// Tools that ask.
struct Asking;

#[handlers]
impl Asking {
    /// Asks once, and may run once with one answer.
    #[tool]
    async fn book(&self, ctx: &Context, gauge: State<Gauge>, what: String) -> Result<String, Failure> {
        let named: Named = ctx.elicit("Who are you?").named("who").await?;
        let _at_work = gauge.begin();
        Ok(format!("{what} for {}", named.name))
    }

    /// As `book`, under another name.
    #[tool]
    async fn book_too(&self, ctx: &Context, what: String) -> Result<String, Failure> {
        let named: Named = ctx.elicit("Who are you?").named("who").await?;
        Ok(format!("{what} for {}", named.name))
    }

    /// Asks once, and may run twice with one answer.
    #[tool(read_only)]
    async fn look(&self, ctx: &Context, what: String) -> Result<String, Failure> {
        let named: Named = ctx.elicit("Who are you?").named("who").await?;
        Ok(format!("{what} for {}", named.name))
    }

    /// Asks two things at once.
    #[tool]
    async fn both(&self, ctx: &Context) -> Result<String, Failure> {
        let (one, two) =
            tokio::join!(ctx.elicit::<Named>("One?").named("one"), ctx.elicit::<Named>("Two?").named("two"),);
        Ok(format!("{} and {}", one?.name, two?.name))
    }
}

/// Prompts and resources.
struct Reading;

#[handlers]
impl Reading {
    /// Greets somebody.
    #[prompt]
    async fn greet(&self, name: String) -> String {
        format!("Greet {name}.")
    }

    /// Fails with the text of an inner error.
    #[prompt]
    async fn fails(&self) -> Result<String, Failure> {
        Err(Failure::internal(CANARY).caused_by(std::io::Error::other(CANARY)))
    }

    /// A text.
    #[resource("test://a")]
    async fn a(&self) -> &'static str {
        "a"
    }

    /// Another text.
    #[resource("test://b")]
    async fn b(&self) -> &'static str {
        "b"
    }

    /// Fails with the text of an inner error.
    #[resource("test://broken")]
    async fn broken(&self) -> Result<String, Failure> {
        Err(std::io::Error::other(CANARY).into())
    }

    /// A family.
    #[resource("family://{id}")]
    async fn family(&self, id: String) -> String {
        id
    }
}

/// The text of a tool's result.
pub(super) fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text: {result}"))
}

/// A page size.
pub(super) fn items(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).expect("pages have items")
}
