//! OpenTelemetry: a span of each request, by the semantic conventions for MCP, given to a tracer of the owner's.
//!
//! Knows no exporter, and opens no connection. What a peer says of a trace makes spans its children, and by itself
//! neither has a request recorded nor keeps it from being so.

use std::{borrow::Cow, fmt, num::NonZeroI32, str::FromStr, sync::Arc};

use mocopr_core::{
    id::RequestId,
    trace::TraceParent,
    wire::{method::Method, revision::Revision},
};
use mocopr_security::{
    evidence::{Ending, Outcome},
    policy::{Problem, Row},
    random,
};
use opentelemetry::{
    Context, InstrumentationScope, KeyValue,
    trace::{
        SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
        TracerProvider,
    },
};

use crate::{
    builder::ServerBuilder,
    dispatch::Completed,
    session::Session,
    spans::{Asked, Ended, Span, Spans, Way},
    subject::Subject,
};

/// Which spans are made of requests, and who takes them.
///
/// Each request that could be read has one span, also where it is refused: on every transport, and each of a batch by
/// itself. It is current while the handler is polled, so spans that the handler makes are its children. What cannot be
/// read, or is turned away before it is, is in metrics and in the audit log alone.
///
/// A span says what was asked for, by names that are registered, and what came of it. It never has arguments, results,
/// credentials, who called, or a URI of a caller's; the id of a session is replaced by a digest. The parent is what
/// `_meta` of the message names, else the header `traceparent`; what cannot be read as one counts as none. Baggage is
/// not read.
///
/// ```
/// use mocopr_server::{otel::Tracing, server::McpServer};
/// use opentelemetry::trace::noop::NoopTracerProvider;
///
/// # fn main() -> Result<(), mocopr_server::error::Error> {
/// // In a program that is an SdkTracerProvider of opentelemetry_sdk, with an exporter.
/// let provider = NoopTracerProvider::new();
/// let tracing = Tracing::new(&provider).with_sample_ratio(0.1);
/// let server = McpServer::builder().with_info("calculator", "1.0.0").with_tracing(tracing).build()?;
/// # drop(server);
/// # Ok(())
/// # }
/// ```
///
/// # Source
/// OpenTelemetry, semantic conventions for MCP, "Server"; W3C Trace Context; MCP 2026-07-28, basic, `_meta`.
#[derive(Clone)]
#[must_use = "it is given to `.with_tracing(..)`"]
pub struct Tracing {
    start: Arc<Start>,
    ratio: f64,
    sampling: Sampling,
}

/// Starts a span below a context, and gives the context with it.
type Start = dyn Fn(SpanBuilder, &Context) -> Context + Send + Sync;

/// Whose word decides whether a request is recorded that names a parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sampling {
    Ours,
    Theirs,
}

impl Tracing {
    /// Gives every span to a tracer of this provider, and records each.
    ///
    /// Leave the sampler of the provider as it is by default: it follows what is decided here. One that decides by
    /// itself may record less.
    pub fn new<P>(provider: &P) -> Self
    where
        P: TracerProvider,
        P::Tracer: Send + Sync + 'static,
        <P::Tracer as Tracer>::Span: Send + Sync + 'static,
    {
        let scope = InstrumentationScope::builder("mocopr").with_version(env!("CARGO_PKG_VERSION")).build();
        let tracer = provider.tracer_with_scope(scope);
        let start =
            move |builder: SpanBuilder, below: &Context| below.with_span(tracer.build_with_context(builder, below));
        Self { start: Arc::new(start), ratio: 1.0, sampling: Sampling::Ours }
    }

    /// Records so many of the requests, from 0 for none to 1 for each; 1 unless said.
    ///
    /// Which ones is chance: neither a flag nor an id of the caller's has a part in it.
    pub fn with_sample_ratio(mut self, ratio: f64) -> Self {
        self.ratio = ratio;
        self
    }

    /// Records a request that names a parent where its caller says that it does too, and not otherwise. For servers
    /// whose callers are all known: whoever can call decides what recording costs, and what is not recorded.
    pub fn with_trusted_sampling(mut self) -> Self {
        self.sampling = Sampling::Theirs;
        self
    }

    fn problem(&self) -> Option<Problem> {
        (!(0.0..=1.0).contains(&self.ratio)).then(|| {
            Problem::new(
                format!("{} is no share of the requests to record", self.ratio),
                "give .with_sample_ratio(..) a number from 0 to 1",
            )
        })
    }

    /// Where the span of a request is to begin: below this, to be recorded or not.
    fn parent(&self, asked: &Asked<'_>) -> Parent {
        let parent = asked.parent.map(|parent| (parent, self.state(asked)));
        let is_recorded = match (&parent, self.sampling) {
            (Some((parent, _)), Sampling::Theirs) => parent.is_sampled(),
            (Some(_), Sampling::Ours) | (None, _) => self.is_drawn(),
        };
        match (parent, is_recorded) {
            (Some((parent, state)), true) => Parent::Recorded(below(&parent, TraceFlags::SAMPLED, state)),
            (None, true) => Parent::Recorded(Context::new()),
            (Some((parent, state)), false) => Parent::Unrecorded(below(&parent, TraceFlags::NOT_SAMPLED, state)),
            // A trace of its own, so that what its handler begins is a part of something that is not recorded.
            (None, false) => Parent::Unrecorded(match made_up() {
                Some(made_up) => below(&made_up, TraceFlags::NOT_SAMPLED, TraceState::NONE),
                None => Context::new(),
            }),
        }
    }

    /// What other systems wrote, without what would choose for samplers that look for it.
    fn state(&self, asked: &Asked<'_>) -> TraceState {
        let state = asked.state.and_then(|state| TraceState::from_str(state.as_str()).ok()).unwrap_or_default();
        match self.sampling {
            Sampling::Theirs => state,
            // A member may stand there twice, and deleting takes one away.
            Sampling::Ours if state.get(OPENTELEMETRY).is_some() => {
                let header = state.header();
                let others: Vec<&str> = header.split(',').filter(|member| key(member) != OPENTELEMETRY).collect();
                TraceState::from_str(&others.join(",")).unwrap_or_default()
            }
            Sampling::Ours => state,
        }
    }

    fn is_drawn(&self) -> bool {
        // Without randomness less is recorded, never more than was said.
        self.ratio >= 1.0 || random::bytes().is_ok_and(|drawn| share(u64::from_be_bytes(drawn)) < self.ratio)
    }
}

impl fmt::Debug for Tracing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracing").field("ratio", &self.ratio).field("sampling", &self.sampling).finish_non_exhaustive()
    }
}

impl<P> ServerBuilder<P> {
    /// Gives a span of each request to a tracer of OpenTelemetry. Without, there is none.
    pub fn with_tracing(mut self, tracing: Tracing) -> Self {
        self.trace_with(tracing.problem(), Arc::new(tracing));
        self
    }
}

impl Spans for Tracing {
    fn begin(&self, asked: &Asked<'_>) -> Box<dyn Span> {
        let context = match self.parent(asked) {
            Parent::Recorded(below) => (self.start)(built(asked), &below),
            Parent::Unrecorded(context) => context,
        };
        Box::new(Request { context, is_over: false })
    }

    fn row(&self) -> Row {
        let whose = match self.sampling {
            Sampling::Ours => "",
            Sampling::Theirs => ", but what a caller traces as the caller says",
        };
        let holds = format!("{} in 100 requests{whose}", self.ratio * 100.0);
        Row { about: "traces", holds, relaxed: self.sampling == Sampling::Theirs }
    }
}

/// Below what a span begins, and whether it does.
enum Parent {
    Recorded(Context),
    Unrecorded(Context),
}

/// The span of one request, in a context of its own.
#[derive(Debug)]
struct Request {
    context: Context,
    is_over: bool,
}

impl Span for Request {
    fn place(&self) -> Option<TraceParent> {
        let span = self.context.span();
        let place = span.span_context();
        TraceParent::of_span(place.trace_id().to_bytes(), place.span_id().to_bytes())
    }

    fn within(&self, work: &mut dyn FnMut()) {
        let _attached = self.context.clone().attach();
        work();
    }

    fn end(mut self: Box<Self>, ended: &Ended<'_>) {
        self.say(ended);
    }
}

impl Request {
    fn say(&mut self, ended: &Ended<'_>) {
        self.is_over = true;
        let span = self.context.span();
        if !span.is_recording() {
            return;
        }
        let Ended { ending: Ending { decision: _, result, reason, incident }, code, opened } = ended;
        span.set_attribute(KeyValue::new("mocopr.outcome", result.as_str()));
        if !reason.is_empty() {
            span.set_attribute(KeyValue::new("mocopr.reason", *reason));
        }
        if let Some(incident) = incident {
            span.set_attribute(KeyValue::new("mocopr.incident", incident.to_string()));
        }
        if let Some(session) = opened {
            span.set_attribute(session_id(session));
            span.set_attribute(version(session.revision()));
        }
        if let Some(error) = error(*result, *code) {
            if code.is_some() {
                span.set_attribute(KeyValue::new("rpc.response.status_code", error.clone()));
            }
            span.set_attribute(KeyValue::new("error.type", error));
            span.set_status(Status::error(*reason));
        }
        span.end();
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if !self.is_over {
            self.say(&Ended { ending: Ending::CANCELLED, code: None, opened: None });
        }
    }
}

/// What is known of a request from the beginning.
fn built(asked: &Asked<'_>) -> SpanBuilder {
    let Asked { method, id, revision, session, subject, parent: _, state: _, way } = asked;
    let method_name = method.map_or(OTHER, Method::as_str);
    let mut attributes = Vec::with_capacity(ATTRIBUTES);
    attributes.push(KeyValue::new("mcp.method.name", method_name));
    attributes.extend(id.map(|id| KeyValue::new("jsonrpc.request.id", written(id))));
    attributes.extend(revision.map(version));
    attributes.extend(session.map(session_id));
    let (transport, protocol) = match way {
        Way::Pipe => ("pipe", None),
        Way::Http => ("tcp", Some("http")),
        Way::LocalHttp => ("unix", Some("http")),
        Way::WebSocket => ("tcp", Some("websocket")),
    };
    attributes.push(KeyValue::new("network.transport", transport));
    attributes.extend(protocol.map(|protocol| KeyValue::new("network.protocol.name", protocol)));
    if *method == Some(Method::CallTool) {
        attributes.push(KeyValue::new("gen_ai.operation.name", "execute_tool"));
    }
    let mut name = Cow::Borrowed(method_name);
    if let Some((key, value, part)) = subject.and_then(about) {
        if part == Part::OfName {
            name = format!("{method_name} {value}").into();
        }
        attributes.push(KeyValue::new(key, value.to_owned()));
    }
    SpanBuilder::from_name(name).with_kind(SpanKind::Server).with_attributes(attributes)
}

/// Whether what a request is about is a part of the name of its span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    OfName,
    OfAttributes,
}

/// What a request is about: the name of an attribute, and its value as it was registered. Of a family of resources that
/// is the template, because the URI is the caller's.
fn about(subject: &Subject) -> Option<(&'static str, &str, Part)> {
    Some(match subject {
        Subject::Tool(entry) => ("gen_ai.tool.name", &entry.info.name, Part::OfName),
        Subject::Prompt(entry) | Subject::Completion(Completed::Prompt(entry)) => {
            ("gen_ai.prompt.name", &entry.info.name, Part::OfName)
        }
        Subject::Resource(entry) | Subject::Completion(Completed::Resource(entry)) => {
            ("mcp.resource.uri", &entry.info.uri, Part::OfAttributes)
        }
        Subject::Member(entry, _) | Subject::Completion(Completed::Template(entry)) => {
            ("mocopr.resource.template", &entry.info.uri_template, Part::OfAttributes)
        }
        Subject::List => return None,
    })
}

/// What kind of error a request ended with, where it is one: the code of the answer, or that a tool says so.
fn error(result: Outcome, code: Option<NonZeroI32>) -> Option<Cow<'static, str>> {
    match (code, result) {
        (Some(code), _) => Some(code.to_string().into()),
        (None, Outcome::Failed | Outcome::Refused | Outcome::Timeout) => Some(Cow::Borrowed("tool_error")),
        (None, Outcome::Succeeded | Outcome::Cancelled | Outcome::InputRequired) => None,
    }
}

/// Tells the spans of one session from others. The id itself could be used to take part in it.
fn session_id(session: &Session) -> KeyValue {
    let digest = random::digest(&[session.id().as_bytes()]);
    let shown =
        digest.iter().take(SHOWN).fold(String::with_capacity(2 * SHOWN), |shown, byte| format!("{shown}{byte:02x}"));
    KeyValue::new("mcp.session.id", shown)
}

fn version(revision: Revision) -> KeyValue {
    KeyValue::new("mcp.protocol.version", revision.as_str())
}

fn written(id: &RequestId) -> String {
    match id {
        RequestId::Integer(integer) => integer.to_string(),
        RequestId::Large(digits) => digits.to_string(),
        RequestId::Text(text) => text.to_string(),
    }
}

/// The context of somebody else's span.
fn below(parent: &TraceParent, flags: TraceFlags, state: TraceState) -> Context {
    let (trace, span) = (TraceId::from_bytes(parent.trace().to_bytes()), SpanId::from_bytes(parent.span()));
    Context::new().with_remote_span_context(SpanContext::new(trace, span, flags, true, state))
}

/// The key of a member of `tracestate`.
fn key(member: &str) -> &str {
    member.split_once('=').map_or(member, |(key, _)| key.trim())
}

/// A span of a trace that nobody knows.
fn made_up() -> Option<TraceParent> {
    TraceParent::of_span(random::bytes().ok()?, random::bytes().ok()?)
}

/// Where in `0.0..1.0` a number stands among all of its kind.
fn share(drawn: u64) -> f64 {
    // The 53 bits that such a number has.
    (drawn >> 11) as f64 / (1_u64 << 53) as f64
}

/// What the conventions say where a name is none that is known.
const OTHER: &str = "_OTHER";

/// The member of `tracestate` that samplers of OpenTelemetry read.
const OPENTELEMETRY: &str = "ot";

/// As many as a span begins with at most.
const ATTRIBUTES: usize = 8;

/// Bytes of the digest of a session's id.
const SHOWN: usize = 8;
