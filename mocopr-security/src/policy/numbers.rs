//! Each number of the limits by its name, beside that of the strict profile.
//!
//! Every struct of numbers is taken apart without `..`, so that a number that is added must be compared as well.

use std::{fmt, num::NonZeroUsize, time::Duration};

use mocopr_core::json::{JsonLimits, MessageLimits};

use crate::{limits::Limits, schema::SchemaLimits};

/// One number of the limits, and what the strict profile has in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number {
    /// Its path among the fields: `limits.message.arguments.depth`.
    pub(super) name: &'static str,
    pub(super) value: Amount,
    pub(super) strict: Amount,
}

/// How much. Of two of one kind the larger lets through more, and no bound more than every bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Amount {
    Count(u64),
    Time(Duration),
    Unbounded,
}

impl Number {
    /// It lets through more than that of the strict profile.
    pub(super) fn is_looser(&self) -> bool {
        self.value > self.strict
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Time(time) => write!(f, "{time:?}"),
            Self::Unbounded => f.write_str("not bounded"),
        }
    }
}

/// Every number, in the order of the fields.
pub(super) fn compared(limits: &Limits) -> Vec<Number> {
    let strict = of(&Limits::strict());
    of(limits).into_iter().zip(strict).map(|((name, value), (_, strict))| Number { name, value, strict }).collect()
}

fn of(limits: &Limits) -> Vec<(&'static str, Amount)> {
    let Limits {
        message_bytes,
        bodies_bytes,
        message,
        schema,
        header_bytes,
        headers,
        header_read,
        body_read,
        request,
        client_wait,
        idle,
        write_stall,
        result_bytes,
        sessions,
        sessions_per_principal,
        session_idle,
        connections,
        connections_per_address,
        calls_per_principal,
        streams_per_principal,
        queued_messages,
        replay_events,
        replay_bytes,
        request_state,
        stream,
        keep_alive,
    } = limits;
    let mut numbers =
        vec![("limits.message_bytes", count(*message_bytes)), ("limits.bodies_bytes", count(*bodies_bytes))];
    numbers.extend(of_messages(message));
    numbers.extend(of_schemas(schema));
    numbers.extend([
        ("limits.header_bytes", count(*header_bytes)),
        ("limits.headers", count(*headers)),
        ("limits.header_read", Amount::Time(*header_read)),
        ("limits.body_read", Amount::Time(*body_read)),
        ("limits.request", Amount::Time(*request)),
        ("limits.client_wait", Amount::Time(*client_wait)),
        ("limits.idle", Amount::Time(*idle)),
        ("limits.write_stall", Amount::Time(*write_stall)),
        ("limits.result_bytes", count(*result_bytes)),
        ("limits.sessions", count(sessions.get())),
        ("limits.sessions_per_principal", bound(*sessions_per_principal)),
        ("limits.session_idle", Amount::Time(*session_idle)),
        ("limits.connections", count(connections.get())),
        ("limits.connections_per_address", bound(*connections_per_address)),
        ("limits.calls_per_principal", count(calls_per_principal.get())),
        ("limits.streams_per_principal", count(streams_per_principal.get())),
        ("limits.queued_messages", count(queued_messages.get())),
        ("limits.replay_events", count(replay_events.get())),
        ("limits.replay_bytes", count(*replay_bytes)),
        ("limits.request_state", Amount::Time(*request_state)),
        ("limits.stream", Amount::Time(*stream)),
        ("limits.keep_alive", Amount::Time(*keep_alive)),
    ]);
    numbers
}

fn of_messages(limits: &MessageLimits) -> [(&'static str, Amount); 16] {
    let MessageLimits {
        arguments,
        elsewhere,
        id_bytes,
        method_bytes,
        number_chars,
        meta_bytes,
        request_state_bytes,
        cursor_bytes,
        uri_bytes,
        batch_messages,
    } = limits;
    let JsonLimits { depth, members, string_bytes, elements } = arguments;
    let JsonLimits {
        depth: depth_elsewhere,
        members: members_elsewhere,
        string_bytes: string_bytes_elsewhere,
        elements: elements_elsewhere,
    } = elsewhere;
    [
        ("limits.message.arguments.depth", count(*depth)),
        ("limits.message.arguments.members", count(*members)),
        ("limits.message.arguments.string_bytes", count(*string_bytes)),
        ("limits.message.arguments.elements", count(*elements)),
        ("limits.message.elsewhere.depth", count(*depth_elsewhere)),
        ("limits.message.elsewhere.members", count(*members_elsewhere)),
        ("limits.message.elsewhere.string_bytes", count(*string_bytes_elsewhere)),
        ("limits.message.elsewhere.elements", count(*elements_elsewhere)),
        ("limits.message.id_bytes", count(*id_bytes)),
        ("limits.message.method_bytes", count(*method_bytes)),
        ("limits.message.number_chars", count(*number_chars)),
        ("limits.message.meta_bytes", count(*meta_bytes)),
        ("limits.message.request_state_bytes", count(*request_state_bytes)),
        ("limits.message.cursor_bytes", count(*cursor_bytes)),
        ("limits.message.uri_bytes", count(*uri_bytes)),
        ("limits.message.batch_messages", count(*batch_messages)),
    ]
}

fn of_schemas(limits: &SchemaLimits) -> [(&'static str, Amount); 7] {
    let SchemaLimits { bytes, depth, subschemas, pattern_bytes, visits, nesting, value_depth } = limits;
    [
        ("limits.schema.bytes", count(*bytes)),
        ("limits.schema.depth", count(*depth)),
        ("limits.schema.subschemas", count(*subschemas)),
        ("limits.schema.pattern_bytes", count(*pattern_bytes)),
        ("limits.schema.visits", Amount::Count(*visits)),
        ("limits.schema.nesting", count(*nesting)),
        ("limits.schema.value_depth", count(*value_depth)),
    ]
}

fn count(number: usize) -> Amount {
    Amount::Count(u64::try_from(number).unwrap_or(u64::MAX))
}

fn bound(number: Option<NonZeroUsize>) -> Amount {
    number.map_or(Amount::Unbounded, |number| count(number.get()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looser(limits: &Limits) -> Vec<&'static str> {
        compared(limits).iter().filter(|number| number.is_looser()).map(|number| number.name).collect()
    }

    #[test]
    fn no_number_of_the_strict_profile_is_looser_than_itself() {
        assert_eq!(looser(&Limits::strict()), [""; 0]);
    }

    #[test]
    fn a_count_a_time_and_a_missing_bound_are_found_by_their_names() {
        let mut limits = Limits {
            request: Limits::strict().request + Duration::from_nanos(1),
            sessions_per_principal: None,
            ..Limits::strict()
        };
        limits.message.uri_bytes += 1;
        assert_eq!(looser(&limits), ["limits.message.uri_bytes", "limits.request", "limits.sessions_per_principal"]);
    }

    #[test]
    fn a_tighter_number_is_not_looser() {
        let limits = Limits { message_bytes: 1, request: Duration::ZERO, ..Limits::strict() };
        assert_eq!(looser(&limits), [""; 0]);
    }

    #[test]
    fn each_name_comes_once() {
        let mut names: Vec<&str> = compared(&Limits::strict()).iter().map(|number| number.name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!((names.len(), all), (47, 47));
    }
}
