//! What fuzzers are let loose on: one function for each target, which panics where an input shows a mistake.
//!
//! Each function holds what the project's code says of an input against something else: another reader, a model, a
//! naive reading of the rules, or what must be true of every output. The programs in `fuzz_targets` hand them to
//! libFuzzer, which needs the compiler of the night; [`Target::replay`] runs them on any compiler.
#![forbid(unsafe_code)]

mod answers;
mod credentials;
mod draw;
mod forwarding;
mod framing;
mod json;
mod logs;
mod messages;
mod names;
mod replay;
mod rules;
mod server;
mod stores;
mod web_socket;

pub use self::{
    answers::{encode_notice, encode_reply, event_stream},
    credentials::{admission, keys, sealed, token_claims},
    forwarding::forwarded_for,
    framing::{authority, headers, line_framing, outbound_url, public_address},
    json::{json_limits, json_scan, json_text},
    logs::{audit_edits, audit_records, secrets, stack_traces},
    messages::{batch, message_decode, protocol_parser},
    names::{percent_escapes, relative_path, resource_uri, trace_parent, uri_template},
    replay::{Target, replay_all},
    rules::{access, schema_check, schema_text},
    server::{principals, server_lines},
    stores::{rate_limit, store},
    web_socket::web_socket_frames,
};

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "protocol_parser", run: protocol_parser, rounds: 3_000 },
    Target { name: "batch", run: batch, rounds: 2_000 },
    Target { name: "message_decode", run: message_decode, rounds: 2_000 },
    Target { name: "json_scan", run: json_scan, rounds: 3_000 },
    Target { name: "json_limits", run: json_limits, rounds: 3_000 },
    Target { name: "json_text", run: json_text, rounds: 2_000 },
    Target { name: "encode_reply", run: encode_reply, rounds: 1_500 },
    Target { name: "encode_notice", run: encode_notice, rounds: 1_000 },
    Target { name: "event_stream", run: event_stream, rounds: 2_000 },
    Target { name: "resource_uri", run: resource_uri, rounds: 3_000 },
    Target { name: "uri_template", run: uri_template, rounds: 3_000 },
    Target { name: "percent_escapes", run: percent_escapes, rounds: 3_000 },
    Target { name: "relative_path", run: relative_path, rounds: 3_000 },
    Target { name: "trace_parent", run: trace_parent, rounds: 3_000 },
    Target { name: "line_framing", run: line_framing, rounds: 2_000 },
    Target { name: "web_socket_frames", run: web_socket_frames, rounds: 3_000 },
    Target { name: "forwarded_for", run: forwarded_for, rounds: 3_000 },
    Target { name: "authority", run: authority, rounds: 3_000 },
    Target { name: "headers", run: headers, rounds: 3_000 },
    Target { name: "outbound_url", run: outbound_url, rounds: 3_000 },
    Target { name: "public_address", run: public_address, rounds: 2_000 },
    Target { name: "store", run: store, rounds: 2_000 },
    Target { name: "rate_limit", run: rate_limit, rounds: 2_000 },
    Target { name: "token_claims", run: token_claims, rounds: 2_000 },
    Target { name: "admission", run: admission, rounds: 1_000 },
    Target { name: "keys", run: keys, rounds: 1_000 },
    Target { name: "sealed", run: sealed, rounds: 1_000 },
    Target { name: "access", run: access, rounds: 2_000 },
    Target { name: "schema_check", run: schema_check, rounds: 800 },
    Target { name: "schema_text", run: schema_text, rounds: 1_500 },
    Target { name: "secrets", run: secrets, rounds: 1_500 },
    Target { name: "stack_traces", run: stack_traces, rounds: 2_000 },
    Target { name: "audit_edits", run: audit_edits, rounds: 800 },
    Target { name: "audit_records", run: audit_records, rounds: 2_000 },
    Target { name: "server_lines", run: server_lines, rounds: 300 },
    Target { name: "principals", run: principals, rounds: 100 },
];
