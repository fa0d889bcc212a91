//! Bytes to messages, and messages to calls.

use bytes::Bytes;
use mocopr_core::{
    call::Incoming,
    envelope::{self, Malformed, Message, Params, Wants},
    fault::Fault,
    id::RequestId,
    json::{MessageLimits, RawJson, Scanner},
    wire::{
        code, decode,
        decode::DecodeContext,
        encode,
        method::Method,
        revision::{Era, Revision},
    },
};
use mocopr_security::sanitize;
use serde_json::{Map, Value, value::RawValue};

use crate::json::{Judged, Measured, judge};

/// What is read as a message is the message that a tree of it says; what is refused is none, or says why.
pub fn protocol_parser(data: &[u8]) {
    let limits = MessageLimits::strict();
    let judged = judge(data);
    match envelope::read(Bytes::copy_from_slice(data), &limits, &mut Scanner::new()) {
        Ok(message) => {
            let Judged::Json(Value::Object(members)) = judged else { panic!("{judged:?} was read as {message:?}") };
            assert_eq!(members.get("jsonrpc"), Some(&Value::from("2.0")));
            is_said_by(&message, &members);
        }
        Err(malformed) => is_refused_rightly(&malformed, &judged, data),
    }
}

fn is_said_by(message: &Message, members: &Map<String, Value>) {
    let kinds = ["method", "result", "error"].iter().filter(|name| members.contains_key(**name)).count();
    assert_eq!(kinds, 1);
    match message {
        Message::Request { id, method, params } => {
            is_id(id, members.get("id"));
            assert_eq!(members.get("method").and_then(Value::as_str), Some(method.as_str()));
            are_params(params, members.get("params"));
        }
        Message::Notification { method, params } => {
            assert_eq!(members.get("id"), None);
            assert_eq!(members.get("method").and_then(Value::as_str), Some(method.as_str()));
            are_params(params, members.get("params"));
        }
        Message::Response { id, result } => {
            is_id(id, members.get("id"));
            let read = result.as_ref().map(value);
            assert_eq!(read.as_ref(), members.get("result"));
            assert_eq!(read.is_none(), members.get("error").is_some_and(Value::is_object));
        }
    }
}

/// The id is the member, and is written as it was read.
fn is_id(id: &RequestId, member: Option<&Value>) {
    let member = member.expect("an id that was read is there");
    match id {
        RequestId::Integer(integer) => assert_eq!(member, &Value::from(*integer)),
        RequestId::Large(digits) => assert!(member.is_number() && digits.len() <= RequestId::MAX_DIGITS),
        RequestId::Text(text) => assert_eq!(member.as_str(), Some(&**text)),
    }
    let mut written = Vec::new();
    id.write(&mut written);
    let written = String::from_utf8(written).expect("an id is text");
    assert_eq!(RequestId::from_raw(&written).as_ref(), Some(id));
}

fn are_params(params: &Params, member: Option<&Value>) {
    assert_eq!(params.raw().map(value).as_ref(), member);
    let members = member.and_then(Value::as_object);
    for (name, member) in members.into_iter().flatten() {
        assert_eq!(params.get(name).as_ref().map(value).as_ref(), Some(member), "{name}");
        match params.string(name) {
            Ok(text) => assert_eq!(text.as_ref().map(|text| text.as_str()), member.as_str()),
            Err(_) => assert!(!member.is_string()),
        }
    }
    assert!(params.get("no member has this name").is_none());
}

fn value(raw: &RawJson) -> Value {
    raw.decode().expect("what was scanned is JSON")
}

fn is_refused_rightly(malformed: &Malformed, judged: &Judged, data: &[u8]) {
    let Malformed { id, fault, wants } = malformed;
    match fault {
        Fault::Parse => assert!(matches!(judged, Judged::NotJson), "{judged:?}"),
        Fault::Envelope(rule) => {
            assert!(!rule.is_empty());
            assert!(!is_plain_message(judged, data), "refused ({rule}): {}", String::from_utf8_lossy(data));
        }
        fault => panic!("{fault:?}"),
    }
    if let (Some(id), Judged::Json(Value::Object(members))) = (id, judged) {
        is_id(id, members.get("id"));
        assert!(members.contains_key("method") || !members.contains_key("result"));
    }
    if *wants == Wants::Nothing
        && let Judged::Json(value) = judged
    {
        assert!(value.get("error").is_some() && value.get("method").is_none());
    }
}

/// A small message with nothing unusual about it, which nobody may refuse.
fn is_plain_message(judged: &Judged, data: &[u8]) -> bool {
    let Judged::Json(Value::Object(members)) = judged else { return false };
    let measured = Measured::of(&Value::Object(members.clone()));
    let is_small = data.len() <= 1_000 && measured.depth <= 20 && measured.members <= 64;
    let has_plain_id = members
        .get("id")
        .is_none_or(|id| id.as_str().is_some_and(|text| text.len() <= 64) || (id.is_i64() && id.as_i64() != Some(0)));
    let has_plain_method =
        members.get("method").and_then(Value::as_str).is_some_and(|method| (1..=64).contains(&method.len()));
    is_small
        && has_plain_id
        && has_plain_method
        && members.get("jsonrpc") == Some(&Value::from("2.0"))
        && !members.contains_key("result")
        && !members.contains_key("error")
        && members.get("params").is_none_or(Value::is_object)
}

/// Each message of a batch is read exactly as if it had come alone, and the batch as a whole is an array for others too.
pub fn batch(data: &[u8]) {
    let limits = MessageLimits::strict();
    let mut scanner = Scanner::new();
    let read = envelope::read_batch(&Bytes::copy_from_slice(data), &limits, &mut scanner);
    let elements = std::str::from_utf8(data).ok().and_then(|text| serde_json::from_str::<Vec<&RawValue>>(text).ok());
    let messages = match (read, elements) {
        (Ok(messages), Some(elements)) => {
            assert!(envelope::is_batch(data));
            assert_eq!(messages.len(), elements.len());
            messages.into_iter().zip(elements)
        }
        // The other reader does not look inside of what it passes over, such as lone surrogates.
        (Err(Fault::Parse), _) | (Err(Fault::Envelope(_)), _) => return,
        (read, elements) => panic!("{read:?} but {elements:?}: {}", String::from_utf8_lossy(data)),
    };
    let mut ids = Vec::new();
    for (message, element) in messages {
        let bytes = Bytes::copy_from_slice(element.get().as_bytes());
        if envelope::is_batch(&bytes) {
            assert!(message.is_err());
            continue;
        }
        let alone = envelope::read(bytes, &limits, &mut scanner);
        assert_eq!(format!("{message:?}"), format!("{alone:?}"));
        ids.extend(envelope::answered_id(&message).cloned());
    }
    let count = ids.len();
    ids.sort_by_key(|id| format!("{id:?}"));
    ids.dedup();
    assert_eq!(ids.len(), count, "two requests of one id");
}

/// Every message is decoded in every revision without a panic, to the call that its method names; what is wrong with
/// one is answered with JSON that holds nothing of the message but its id.
pub fn message_decode(data: &[u8]) {
    let limits = MessageLimits::development();
    let Ok(message) = envelope::read(Bytes::copy_from_slice(data), &limits, &mut Scanner::new()) else { return };
    let stateful = Revision::ALL.into_iter().filter(|revision| revision.era() == Era::Stateful);
    for context in stateful.map(DecodeContext::Stateful).chain([DecodeContext::Stateless]) {
        match decode::decode(message.clone(), &context) {
            Ok(Incoming::Call(call)) => {
                let Message::Request { id, method, .. } = &message else { panic!("{message:?} became a call") };
                assert_eq!(&call.id, id);
                assert_eq!(Method::of(&call.request).as_str(), method.as_str());
                assert_eq!(matches!(context, DecodeContext::Stateless), call.revision.era() == Era::Stateless);
            }
            Ok(Incoming::Note(_)) => assert!(matches!(message, Message::Notification { .. })),
            Ok(Incoming::Answer(answer)) => {
                let Message::Response { id, .. } = &message else { panic!("{message:?} became an answer") };
                assert_eq!(&answer.id, id);
            }
            Err(undecoded) => {
                assert!(matches!(message, Message::Request { .. }));
                assert_eq!(undecoded.id.as_ref(), message.id());
                let number = code::code(&undecoded.fault, undecoded.revision);
                let said = sanitize::fault(undecoded.fault);
                let line = encode::error(undecoded.id.as_ref(), &said, undecoded.revision, &Revision::ALL);
                let Judged::Json(answer) = judge(&line) else { panic!("{}", String::from_utf8_lossy(&line)) };
                assert!(!line.contains(&b'\n'));
                assert_eq!(answer.pointer("/error/code"), Some(&Value::from(number)));
            }
        }
    }
}
