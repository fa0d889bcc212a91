//! Several messages in one array, as 2025-03-26 has them.
//!
//! Each element is read exactly as if it had come alone, and what is wrong with one is said of that one. Decides
//! nothing about which revision has batches.

use std::collections::HashSet;

use bytes::Bytes;
use bytestring::ByteString;

use crate::{
    envelope::{Malformed, Message, Wants, read},
    fault::Fault,
    id::RequestId,
    json::{MessageLimits, Scanner, elements, slice},
};

/// Whether the bytes begin as an array does.
#[must_use]
pub fn is_batch(frame: &[u8]) -> bool {
    frame.iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) == Some(&b'[')
}

/// Reads the messages of a batch, in their order.
///
/// All elements are counted before the first of them is read.
///
/// # Errors
/// Refuses the batch as a whole: [`Fault::Parse`] for what is not UTF-8 or not JSON anywhere in it; [`Fault::Envelope`]
/// where it is empty, has more than `batch_messages` elements, or has two requests of one id, whose answers nobody
/// could tell apart; [`Fault::TooLarge`] from 4 GiB on.
///
/// # Source
/// JSON-RPC 2.0, section 6; MCP 2025-03-26, base protocol, "Batching".
pub fn read_batch(
    frame: &Bytes,
    limits: &MessageLimits,
    scanner: &mut Scanner,
) -> Result<Vec<Result<Message, Malformed>>, Fault> {
    let text = ByteString::try_from(frame.clone()).map_err(|_| Fault::Parse)?;
    let spans = elements(&text, limits.batch_messages)?;
    if spans.is_empty() {
        return Err(Fault::Envelope("a batch has at least one message"));
    }
    let read: Vec<_> = spans
        .into_iter()
        .map(|span| match slice(&text, span).into_bytes() {
            inner if is_batch(&inner) => Err(NESTED),
            message => read(message, limits, scanner),
        })
        .collect();
    let mut ids = HashSet::new();
    if read.iter().filter_map(answered_id).all(|id| ids.insert(id)) {
        return Ok(read);
    }
    Err(Fault::Envelope("a batch has two requests of one id"))
}

/// The id that what was read is answered under.
#[must_use]
pub fn answered_id(read: &Result<Message, Malformed>) -> Option<&RequestId> {
    match read {
        Ok(message) => message.id(),
        Err(Malformed { id, .. }) => id.as_ref(),
    }
}

const NESTED: Malformed =
    Malformed { id: None, fault: Fault::Envelope("a batch holds no batch"), wants: Wants::Answer };

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_text(text: &str) -> Result<Vec<Result<Message, Malformed>>, Fault> {
        let frame = Bytes::copy_from_slice(text.as_bytes());
        read_batch(&frame, &MessageLimits::development(), &mut Scanner::new())
    }

    fn faults(text: &str) -> Vec<Option<(Option<RequestId>, Fault)>> {
        let read = read_text(text).unwrap();
        read.into_iter().map(|one| one.err().map(|malformed| (malformed.id, malformed.fault))).collect()
    }

    fn request(id: &str, params: &str) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"m","params":{{{params}}}}}"#)
    }

    #[test]
    fn an_array_is_told_from_everything_else_by_its_first_byte() {
        for (text, is) in [("[]", true), (" \t\r\n[", true), ("{}", false), ("", false), ("\u{feff}[]", false)] {
            assert_eq!(is_batch(text.as_bytes()), is, "{text:?}");
        }
    }

    #[test]
    fn each_message_is_read_as_if_it_were_alone() {
        let deep = |levels: usize| format!("{}0{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
        let good = request("1", &format!(r#""arguments":{}"#, deep(64)));
        let payload = request("2", &format!(r#""arguments":{}"#, deep(65)));
        let elsewhere = request("3", &format!(r#""x":{}"#, deep(31)));
        let twice = request("4", r#""a":1,"a":2"#);
        let wide = request("5", &(0..65).map(|n| format!(r#""k{n}":0"#)).collect::<Vec<_>>().join(","));
        let long = request("6", &format!(r#""cursor":"{}""#, "x".repeat(1_025)));
        let text = format!(r#"[{good} , {payload},{elsewhere},{twice},{wide},{long},7,[{{}}],{{"jsonrpc":"2.0"}}]"#);
        let rule = |id: Option<i64>, rule| Some((id.map(RequestId::Integer), Fault::Envelope(rule)));
        let nested = "a value is nested too deeply";
        let expected = [
            None,
            rule(Some(2), nested),
            rule(Some(3), nested),
            rule(Some(4), "an object repeats a member name"),
            rule(Some(5), "an object has too many members"),
            rule(Some(6), "cursor is too long"),
            rule(None, "a message is an object"),
            rule(None, "a batch holds no batch"),
            rule(None, "a message has a method, a result or an error"),
        ];
        assert_eq!(faults(&text), expected);
    }

    #[test]
    fn an_error_without_an_id_is_not_answered_in_a_batch_either() {
        let read = read_text(r#"[{"jsonrpc":"2.0","error":{"code":-32700,"message":"x"}}]"#).unwrap();
        assert!(matches!(read.as_slice(), [Err(Malformed { wants: Wants::Nothing, .. })]));
    }

    #[test]
    fn what_is_wrong_with_the_whole_is_said_before_anything_is_read() {
        let good = request("1", "");
        let many = |count: i32| {
            format!("[{}]", (0..count).map(|id| request(&id.to_string(), "")).collect::<Vec<_>>().join(","))
        };
        assert!(read_text(&many(50)).is_ok());
        for (text, fault) in [
            ("[]".to_owned(), Fault::Envelope("a batch has at least one message")),
            (many(51), Fault::Envelope("a batch has too many messages")),
            (format!("[{good},"), Fault::Parse),
            (format!("[{good}] {good}"), Fault::Parse),
            (format!("[{good},{{\"a\":nul}}]"), Fault::Parse),
            (format!("[{good},{good}]"), Fault::Envelope(TWICE)),
            (format!("[{},{}]", request(r#""a""#, ""), request(r#""\u0061""#, "")), Fault::Envelope(TWICE)),
            // One of the two breaks a limit, and would be answered under the same id all the same.
            (format!("[{good},{}]", request("1", r#""a":1,"a":2"#)), Fault::Envelope(TWICE)),
        ] {
            assert_eq!(read_text(&text).unwrap_err(), fault, "{text}");
        }
        let mut invalid = format!("[{good}]").into_bytes();
        invalid.insert(1, 0xff);
        let read = read_batch(&invalid.into(), &MessageLimits::development(), &mut Scanner::new());
        assert_eq!(read.unwrap_err(), Fault::Parse);
    }

    #[test]
    fn ids_that_differ_in_type_are_two() {
        let text = format!("[{},{}]", request("1", ""), request(r#""1""#, ""));
        assert_eq!(faults(&text), [None, None]);
        let text = format!("[{},{}]", request("1", ""), request("1.0", ""));
        let no_id = Some((None, Fault::Envelope("id is a string or an integer")));
        assert_eq!(faults(&text), [None, no_id]);
    }

    #[test]
    fn the_configured_count_is_the_one_that_holds() {
        let limits = MessageLimits { batch_messages: 1, ..MessageLimits::development() };
        let read = |text: String| read_batch(&text.into(), &limits, &mut Scanner::new()).map(|read| read.len());
        assert_eq!(read(format!("[{}]", request("1", ""))), Ok(1));
        let two = format!("[{},{}]", request("1", ""), request("2", ""));
        assert_eq!(read(two), Err(Fault::Envelope("a batch has too many messages")));
    }

    proptest! {
        #[test]
        fn a_message_is_judged_in_a_batch_as_it_is_alone(
            at in 0..90_usize,
            with in prop::sample::select(vec!["", " ", "1", "{}", "\"a\"", "null", ",\"id\":1", "\\u0061", "[0]"]),
            cut in 0..4_usize,
        ) {
            let mut text = r#"{"jsonrpc":"2.0","id":"a1","method":"tools/call","params":{"name":"x","arguments":{"b":[1]}}}"#.to_owned();
            let end = (at + cut).min(text.len());
            text.replace_range(at.min(end)..end, with);
            let alone = read(Bytes::from(text.clone()), &MessageLimits::development(), &mut Scanner::new());
            match (read_text(&format!("[{text}]")), alone) {
                (Err(Fault::Parse), Err(alone)) => prop_assert!(alone.fault == Fault::Parse || !is_json(&text)),
                (Ok(batch), alone) => prop_assert_eq!(format!("{batch:?}"), format!("[{alone:?}]")),
                (Err(fault), alone) => prop_assert!(false, "{fault:?} {alone:?}"),
            }
        }
    }

    fn is_json(text: &str) -> bool {
        serde_json::from_str::<serde_json::Value>(text).is_ok()
    }

    const TWICE: &str = "a batch has two requests of one id";
}
