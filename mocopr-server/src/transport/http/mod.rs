//! Streamable HTTP: routes, sessions and event streams on top of the accept loop.
//!
//! Each request is admitted before its body is read. A JSON answer needs no task: the handler runs inside of the
//! response's own future, and only when it says something first does it move to a task and an event stream.

pub(crate) mod answer;
pub(crate) mod app;
mod connections;
pub(crate) mod health;
pub(crate) mod listener;

mod deadlines;
#[cfg(feature = "tls")]
mod http2;
pub(crate) mod read_body;
pub(crate) mod scrape;
#[cfg(feature = "tls")]
mod secure;
pub(crate) mod socket;
pub(crate) mod sse;
mod stream;
pub(crate) mod takeover;
#[cfg(target_os = "linux")]
pub(crate) mod unix;

pub(crate) use self::app::HttpApp;

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test owns its tasks, and measures real sockets by the real clock")]
mod tests;
