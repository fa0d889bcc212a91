//! What is encoded is read back as it was, and never as more.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Default, PartialEq)]
struct Event {
    id: Option<String>,
    retry: Option<u64>,
    kind: Option<String>,
    data: String,
}

/// A decoder written from the standard's own steps, for well-formed UTF-8.
fn decode(stream: &str) -> Vec<Event> {
    let stream = stream.strip_prefix('\u{feff}').unwrap_or(stream);
    let mut events = Vec::new();
    let mut event = Event::default();
    let mut data: Option<String> = None;
    for line in stream.replace("\r\n", "\n").replace('\r', "\n").split('\n') {
        if line.is_empty() {
            if let Some(mut data) = data.take() {
                data.pop();
                events.push(Event { data, ..std::mem::take(&mut event) });
            }
            event = Event::default();
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => data.get_or_insert_default().push_str(&format!("{value}\n")),
            "id" if !value.contains('\0') => event.id = Some(value.to_owned()),
            "retry" => event.retry = value.parse().ok(),
            "event" => event.kind = Some(value.to_owned()),
            _ => {}
        }
    }
    events
}

#[test]
fn event_has_its_fields_and_one_empty_line() {
    let sent = event(Some("7"), Some(Duration::from_millis(1_500)), b"{\"a\":1}");
    assert_eq!(sent, "id: 7\nretry: 1500\ndata: {\"a\":1}\n\n");
}

#[test]
fn priming_event_has_an_id_and_empty_data() {
    let sent = priming("7", None);
    let events = decode(std::str::from_utf8(&sent).unwrap());
    assert_eq!(events, [Event { id: Some("7".to_owned()), ..Event::default() }]);
}

#[test]
fn comment_is_no_event() {
    assert_eq!(decode(std::str::from_utf8(&comment()).unwrap()), []);
    assert!(!comment().ends_with(b"\n\n"), "nothing in it ends an event");
}

#[test]
fn id_with_a_line_break_is_left_out() {
    for id in ["a\nb", "a\rdata: x", "a\0"] {
        assert_eq!(event(Some(id), None, b"1"), "data: 1\n\n", "{id:?}");
    }
}

fn hostile_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\n".to_owned()),
        Just("\r".to_owned()),
        Just("\r\n".to_owned()),
        Just("data:".to_owned()),
        Just("id: 9".to_owned()),
        Just("event: x".to_owned()),
        Just(":".to_owned()),
        Just(" ".to_owned()),
        Just("\u{feff}".to_owned()),
        ".{0,4}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_data_becomes_more_than_one_event(
        first in hostile_text(),
        second in hostile_text(),
        id in prop::option::of(hostile_text()),
    ) {
        let stream = [event(id.as_deref(), None, first.as_bytes()), comment(), event(None, None, second.as_bytes())].concat();
        let lines = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
        let id = id.filter(|id| !id.contains(['\n', '\r', '\0']));
        let expected = [
            Event { id, data: lines(&first), ..Event::default() },
            Event { data: lines(&second), ..Event::default() },
        ];
        prop_assert_eq!(decode(std::str::from_utf8(&stream).unwrap()), expected);
    }
}
