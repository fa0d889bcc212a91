//! The numbers that bound what a peer can make this server do and that an owner may want to change, with their units
//! and reasons. Rates are the policy's; numbers that follow from the code around them are constants there.
//!
//! A number here bounds one thing at one place; nothing is unlimited by being left out. Limits of the shape of a
//! message are `mocopr_core`'s [`MessageLimits`], carried here so that a server has one value to hand around.

use std::{num::NonZeroUsize, time::Duration};

use mocopr_core::json::MessageLimits;

use crate::{policy::Problem, schema::SchemaLimits};

/// Every bound on what a peer may send, hold or wait for.
///
/// The fields are plain: take a profile and change what differs.
///
/// ```
/// use std::time::Duration;
/// use mocopr_security::limits::Limits;
///
/// let limits = Limits { request: Duration::from_secs(30), ..Limits::development() };
/// assert_eq!(limits.header_bytes, 16 * 1024);
/// ```
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of one message: an HTTP body or a line of standard input. Enforced while reading, so that memory is
    /// bounded however much is sent.
    pub message_bytes: usize,
    /// Bytes of all HTTP bodies that are being read at the same time, beyond the first 64 KiB of each: what many slow
    /// senders of large bodies can hold together.
    pub bodies_bytes: usize,
    /// Shape of one message: depth, members, lengths.
    pub message: MessageLimits,
    /// Shape and work of JSON Schemas.
    pub schema: SchemaLimits,
    /// Bytes of the head of one HTTP request: request line and all header fields.
    pub header_bytes: usize,
    /// Header fields of one HTTP request.
    pub headers: usize,
    /// Until the head of a request has arrived in full; a slow head holds a connection and nothing else.
    pub header_read: Duration,
    /// Until the body of a request has arrived in full, counted from its head.
    pub body_read: Duration,
    /// For one call, from its body to its answer, without the time spent waiting for the client.
    pub request: Duration,
    /// For the client's answer to one question of a handler; a person may have to read it.
    pub client_wait: Duration,
    /// For a kept-alive connection on which nothing is asked.
    pub idle: Duration,
    /// Without progress in writing an answer to a peer that does not read.
    pub write_stall: Duration,
    /// Bytes of one encoded result; a larger one becomes an internal failure.
    pub result_bytes: usize,
    /// Stateful sessions in all.
    pub sessions: NonZeroUsize,
    /// Stateful sessions of one principal; `None` where all callers are one principal.
    pub sessions_per_principal: Option<NonZeroUsize>,
    /// How long a session lives without a request.
    pub session_idle: Duration,
    /// Open connections of one listener in all; further ones wait in its backlog.
    pub connections: NonZeroUsize,
    /// Open connections of one address (IPv6: of one /64); `None` where all callers are on one machine, or come through
    /// one proxy. A /56 or /24 may have twice as many, a /48 or /16 four times, each at most a quarter of all, and a
    /// /32 or /8 half of all. At a Unix socket a user counts as an address, and all users together have half.
    pub connections_per_address: Option<NonZeroUsize>,
    /// Calls of one principal that run at the same time.
    pub calls_per_principal: NonZeroUsize,
    /// Open event streams of one principal.
    pub streams_per_principal: NonZeroUsize,
    /// Messages that wait on one stream for a peer that reads too slowly.
    pub queued_messages: NonZeroUsize,
    /// Events kept of one session for a client that comes back; whichever of this and
    /// [`replay_bytes`](Self::replay_bytes) is reached first drops the oldest.
    pub replay_events: NonZeroUsize,
    /// Bytes kept of one session for a client that comes back.
    pub replay_bytes: usize,
    /// How long a client may take to come back with a request state; a person may answer in between.
    pub request_state: Duration,
    /// How long one event stream may stay open, so that no client holds one for ever.
    pub stream: Duration,
    /// Silence on an open event stream after which a comment is sent, so that middle boxes keep it open.
    pub keep_alive: Duration,
}

impl Limits {
    /// The numbers of the development profile: one user on one machine.
    pub const fn development() -> Self {
        Self {
            message_bytes: 4 * MIB,
            bodies_bytes: 256 * MIB,
            message: MessageLimits::development(),
            schema: SchemaLimits::development(),
            header_bytes: 16 * KIB,
            headers: 64,
            header_read: Duration::from_secs(10),
            body_read: Duration::from_secs(30),
            request: Duration::from_secs(300),
            client_wait: Duration::from_secs(300),
            idle: Duration::from_secs(60),
            write_stall: Duration::from_secs(30),
            result_bytes: 16 * MIB,
            sessions: count(1_000),
            sessions_per_principal: None,
            session_idle: Duration::from_secs(60 * 60),
            connections: count(4_096),
            connections_per_address: None,
            calls_per_principal: count(64),
            streams_per_principal: count(32),
            queued_messages: count(256),
            replay_events: count(256),
            replay_bytes: MIB,
            request_state: Duration::from_secs(10 * 60),
            stream: Duration::from_secs(24 * 60 * 60),
            keep_alive: Duration::from_secs(15),
        }
    }

    /// The numbers of the strict profile: many strangers on a network.
    ///
    /// ```
    /// use mocopr_security::limits::Limits;
    ///
    /// let limits = Limits::strict();
    /// assert_eq!((limits.message.arguments.depth, limits.schema.value_depth), (32, 32));
    /// assert!(limits.problems().is_empty());
    /// ```
    pub const fn strict() -> Self {
        Self {
            message: MessageLimits::strict(),
            schema: SchemaLimits {
                value_depth: MessageLimits::strict().arguments.depth,
                ..SchemaLimits::development()
            },
            header_read: Duration::from_secs(5),
            body_read: Duration::from_secs(15),
            request: Duration::from_secs(30),
            write_stall: Duration::from_secs(10),
            result_bytes: 8 * MIB,
            sessions: count(10_000),
            sessions_per_principal: Some(count(100)),
            session_idle: Duration::from_secs(30 * 60),
            connections: count(10_000),
            connections_per_address: Some(count(256)),
            calls_per_principal: count(32),
            streams_per_principal: count(16),
            ..Self::development()
        }
    }

    /// What these numbers promise each other and do not keep; empty where they agree.
    ///
    /// The work of a schema is bounded for values of [`SchemaLimits::value_depth`] levels at most, so no deeper ones
    /// may be let in.
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        let (read, checked) = (self.message.arguments.depth, self.schema.value_depth);
        if read > checked {
            found.push(Problem::new(
                format!("arguments may be {read} levels deep, and schemas are bounded for {checked}"),
                "set `schema.value_depth` of the limits to `message.arguments.depth`",
            ));
        }
        if self.message.elsewhere.depth == 0 || read == 0 {
            found.push(Problem::new(
                "a depth of 0 refuses every message",
                "set `message.arguments.depth` and `message.elsewhere.depth` of the limits to 1 at least",
            ));
        }
        found
    }
}

/// A literal above zero; zero would become one, the tightest bound there is.
const fn count(number: usize) -> NonZeroUsize {
    match NonZeroUsize::new(number) {
        Some(number) => number,
        None => NonZeroUsize::MIN,
    }
}

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profiles_agree_with_themselves() {
        assert_eq!(Limits::development().problems(), []);
        assert_eq!(Limits::strict().problems(), []);
    }

    #[test]
    fn values_deeper_than_schemas_are_bounded_for_are_a_problem() {
        let mut limits = Limits::strict();
        limits.message.arguments.depth = limits.schema.value_depth + 1;
        assert_eq!(limits.problems().len(), 1);
        limits.schema.value_depth += 1;
        assert_eq!(limits.problems(), []);
    }

    #[test]
    fn a_depth_of_nothing_is_a_problem() {
        let mut limits = Limits::strict();
        limits.message.elsewhere.depth = 0;
        assert_eq!(limits.problems().len(), 1);
    }
}
