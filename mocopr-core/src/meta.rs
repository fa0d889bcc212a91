//! `_meta` of a message: reserved names, and what a client says in it of itself and of its request.

use crate::{
    id::ProgressToken,
    model::{capability::ClientCapabilities, content::Level},
    trace::{TraceParent, TraceState},
};

/// `_meta`'s name for the protocol version (2026-07-28).
pub const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// `_meta`'s name for who the client says it is (2026-07-28).
pub const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
/// `_meta`'s name for what the client can do (2026-07-28).
pub const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// `_meta`'s name for the log level of one request (2026-07-28).
pub const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
/// `_meta`'s name for who the server is (2026-07-28).
pub const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
/// `_meta`'s name for the listen stream that a notification belongs to (2026-07-28).
pub const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";
/// `_meta`'s name for the trace that the request belongs to (2026-07-28).
pub const TRACE_PARENT: &str = "traceparent";
/// `_meta`'s name for what tracing systems wrote beside it (2026-07-28).
pub const TRACE_STATE: &str = "tracestate";

/// `_meta` of a request, read once.
#[derive(Clone, Debug, Default)]
pub struct Meta {
    /// Where progress is to be reported, if the client wants it.
    pub progress_token: Option<ProgressToken>,
    /// The lowest level of log messages that the client wants for this request (2026-07-28).
    pub log_level: Option<Level>,
    /// What the client can do, as this request says (2026-07-28); `None` in stateful revisions.
    pub capabilities: Option<ClientCapabilities>,
    /// The trace that it belongs to, where it names one; what cannot be read as one counts as none.
    pub trace: Option<TraceParent>,
    /// What tracing systems wrote beside it; `None` also where it cannot be read.
    pub trace_state: Option<TraceState>,
}
