//! Transports, routing, handlers and sessions of mocopr.
//!
//! Users reach all of it through the `mocopr` crate.
//!
//! | module | owns |
//! |---|---|
//! | [`builder`], [`server`] | from what the owner says to a server that runs |
//! | `engine`, `dispatch`, `running` | one message: read, found, permitted, checked, carried out |
//! | `arrival` | how a message came, and who hears how it ended |
//! | `batch`, `calls` | several messages in one array, as one source of what is said |
//! | [`handler`], [`extract`], [`context`], [`ask`] | what handlers are, and what they can see and say |
//! | [`registry`], `listing` | what is registered, and its lists as bytes |
//! | [`resources`] | places that resources come from, mounted below a base |
//! | `session`, `replay`, `subscribe`, `listening` | what lasts longer than a call |
//! | [`stopping`], `beside` | the kill switch; what is looked at while a server runs |
//! | `evidence`, `metrics`, `alerts` | who keeps account of what happens, what is counted, who is told |
//! | `spans`, `otel` | what a tracing system hears of a request (feature `otel`) |
//! | `posture`, `privileges` | what is in force; with whose privileges a server runs |
//! | `http`, `websocket` | where and how a server listens (feature `http`) |
//! | `transport` | standard streams, the pipe, HTTP, WebSocket |

#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, reason = "tests read the clock and start tasks that end with them")
)]
#![cfg_attr(not(feature = "http"), allow(dead_code, reason = "statuses, sessions and replay are for HTTP"))]

mod alerts;
mod answer;
mod arrival;
pub mod ask;
mod assemble;
mod batch;
mod beside;
pub mod builder;
mod call_clock;
mod calls;
pub mod context;
mod dispatch;
mod engine;
pub mod error;
mod evidence;
#[doc(hidden)]
pub mod expand;
pub mod extract;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod handler;
mod handles;
#[cfg(feature = "http")]
pub mod http;
mod inflight;
mod lapse;
mod listening;
mod listing;
mod metrics;
#[cfg(feature = "otel")]
pub mod otel;
mod outlet;
mod posture;
#[cfg(target_os = "linux")]
mod privileges;
pub mod registry;
mod replay;
pub mod resources;
mod running;
pub mod server;
mod session;
mod shutdown;
mod signals;
mod sourced;
#[cfg_attr(not(feature = "otel"), allow(dead_code, reason = "tracing systems alone read what it says"))]
mod spans;
pub mod state;
pub mod stopping;
mod subject;
mod subscribe;
#[cfg(feature = "testing")]
pub mod testing;
mod transport;
#[cfg(feature = "http")]
pub mod websocket;
