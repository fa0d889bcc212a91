//! What the server writes: values of the model as JSON, errors, and events of a stream.

use std::time::Duration;

use mocopr_core::{
    id::RequestId,
    json::RawJson,
    model::{
        capability::Implementation,
        content::{
            Annotations, Audio, Content, EmbeddedResource, Icon, Image, Level, LogMessage, ResourceLink, Role, Text,
        },
        notice::Notice,
        prompt::{PromptMessage, PromptResult},
        resource::{Contents, ReadResult, Resource},
        tool::{Completion, ToolResult},
    },
    outcome::Reply,
    page::{CacheHint, CacheScope, Page},
    wire::{encode, encode::Stamp, revision::Revision},
};
use serde_json::{Value, json};

use crate::{
    draw::Draw,
    json::{Judged, judge},
};

/// Whatever handlers answer goes out as one line of JSON without repeated names, under its id, with its texts unchanged.
pub fn encode_reply(data: &[u8]) {
    let mut draw = Draw::new(data);
    let id = match draw.byte() % 2 {
        0 => RequestId::Integer(draw.number() as i64),
        _ => RequestId::Text(draw.text(40).into()),
    };
    let server =
        Implementation { name: draw.text(20).into(), version: draw.text(8).into(), ..Implementation::default() };
    let stamp = Stamp::new(&server);
    let (reply, texts) = reply(&mut draw);
    for revision in Revision::ALL {
        let line = encode::reply_response(&id, &reply, revision, &stamp);
        let answer = one_line(&line);
        assert_eq!(answer["jsonrpc"], "2.0");
        match &id {
            RequestId::Integer(integer) => assert_eq!(answer["id"], json!(integer)),
            RequestId::Text(text) => assert_eq!(answer["id"], json!(text)),
            RequestId::Large(digits) => panic!("{digits}"),
        }
        for (pointer, text) in &texts {
            assert_eq!(answer.pointer(pointer).and_then(Value::as_str), Some(&**text), "{pointer} in {revision}");
        }
        one_line(&encode::reply(&reply, revision));
    }
}

/// A reply, and where which of its texts must be found.
fn reply(draw: &mut Draw<'_>) -> (Reply, Vec<(&'static str, String)>) {
    match draw.byte() % 5 {
        0 => {
            let first = draw.text(60).into_owned();
            let mut content = vec![Content::text(first.clone())];
            for _ in 0..draw.byte() % 4 {
                content.push(some_content(draw));
            }
            let structured = (draw.one_in(2)).then(|| some_json(draw));
            let result = ToolResult { content, structured, is_error: draw.one_in(2), meta: some_meta(draw) };
            (Reply::Tool(result), vec![("/result/content/0/text", first)])
        }
        1 => {
            let description = draw.text(40).into_owned();
            let messages = (0..draw.byte() % 4)
                .map(|_| PromptMessage {
                    role: *draw.pick(&[Role::User, Role::Assistant]),
                    content: some_content(draw),
                })
                .collect();
            let meta = some_meta(draw);
            let result = PromptResult { description: Some(description.clone().into()), messages, meta };
            (Reply::Prompt(result), vec![("/result/description", description)])
        }
        2 => {
            let (uri, text) = (draw.text(40).into_owned(), draw.text(60).into_owned());
            let contents =
                vec![Contents::text(uri.clone(), text.clone()), Contents::blob(draw.text(9), draw.bytes(30))];
            let result = ReadResult { contents, cache: some_cache(draw), meta: some_meta(draw) };
            (Reply::Read(result), vec![("/result/contents/0/uri", uri), ("/result/contents/0/text", text)])
        }
        3 => {
            let value = draw.text(40).into_owned();
            let total = (draw.one_in(2)).then(|| draw.number());
            let values = vec![value.clone(), draw.text(5).into_owned()];
            let completion = Completion { values, total, has_more: draw.one_in(2) };
            (Reply::Completion(completion), vec![("/result/completion/values/0", value)])
        }
        _ => {
            let (uri, name) = (draw.text(40).into_owned(), draw.text(20).into_owned());
            let resource = Resource {
                uri: uri.clone().into(),
                name: name.clone().into(),
                title: Some(draw.text(9).into()),
                description: None,
                icons: some_icons(draw),
                mime_type: Some(draw.text(9).into()),
                size: Some(draw.number()),
                annotations: some_annotations(draw),
                meta: some_meta(draw),
            };
            let next_cursor = (draw.one_in(2)).then(|| draw.text(20).into());
            let page = Page { items: vec![resource], next_cursor, cache: some_cache(draw) };
            (Reply::Resources(page), vec![("/result/resources/0/uri", uri), ("/result/resources/0/name", name)])
        }
    }
}

fn some_content(draw: &mut Draw<'_>) -> Content {
    match draw.byte() % 5 {
        0 => Content::Text(Text { text: draw.text(30).into_owned(), annotations: some_annotations(draw) }),
        1 => Content::Image(Image::new(draw.bytes(20), draw.text(9))),
        2 => Content::Audio(Audio::new(draw.bytes(20), draw.text(9))),
        3 => {
            let mut link = ResourceLink::new(draw.text(20), draw.text(9));
            link.icons = some_icons(draw);
            link.size = Some(draw.number());
            Content::Link(Box::new(link))
        }
        _ => Content::Resource(Box::new(EmbeddedResource::new(Contents::text(draw.text(20), draw.text(30))))),
    }
}

fn some_json(draw: &mut Draw<'_>) -> RawJson {
    let (name, text) = (draw.text(9), draw.text(20));
    RawJson::from_value(&json!({(name.into_owned()): [text, draw.number(), null, {"a": -1.5}]}))
}

/// `_meta` with members of the owner's; some of them have names that the protocol writes itself.
fn some_meta(draw: &mut Draw<'_>) -> Option<RawJson> {
    let name = match draw.byte() % 4 {
        0 => return None,
        1 => "io.modelcontextprotocol/serverInfo".into(),
        _ => draw.text(20),
    };
    Some(RawJson::from_value(&json!({(name.into_owned()): draw.text(9)})))
}

fn some_annotations(draw: &mut Draw<'_>) -> Option<Annotations> {
    let priority = f64::from(draw.byte()) / 255.0;
    let last_modified = (draw.one_in(2)).then(|| draw.text(9).into());
    (draw.one_in(2)).then(|| Annotations { audience: vec![Role::User], priority: Some(priority), last_modified })
}

fn some_icons(draw: &mut Draw<'_>) -> Vec<Icon> {
    let sizes = vec![draw.text(5).into()];
    vec![Icon { src: draw.text(20).into(), mime_type: Some(draw.text(9).into()), sizes, theme: None }]
}

fn some_cache(draw: &mut Draw<'_>) -> CacheHint {
    let scope = *draw.pick(&[CacheScope::Public, CacheScope::Private]);
    CacheHint { ttl: Duration::from_millis(draw.number() >> 16), scope }
}

/// Notifications are one line of JSON without repeated names, in every revision that has them.
pub fn encode_notice(data: &[u8]) {
    let mut draw = Draw::new(data);
    let level = *draw.pick(&[Level::Debug, Level::Info, Level::Warning, Level::Error, Level::Emergency]);
    let logger = (draw.one_in(2)).then(|| draw.text(20).into());
    let log = LogMessage { level, logger, data: some_json(&mut draw) };
    let subscription = RequestId::Text(draw.text(20).into());
    for revision in Revision::ALL {
        for notice in [Notice::Log(log.clone()), Notice::ToolsChanged, Notice::PromptsChanged, Notice::ResourcesChanged]
        {
            if let Some(line) = encode::notice(&notice, revision, Some(&subscription)) {
                let said = one_line(&line);
                assert!(said.get("id").is_none() && said["method"].is_string());
            }
        }
    }
}

fn one_line(line: &[u8]) -> Value {
    assert!(!line.iter().any(|byte| matches!(byte, b'\n' | b'\r')));
    match judge(line) {
        Judged::Json(value) => value,
        judged => panic!("{judged:?}: {}", String::from_utf8_lossy(line)),
    }
}

/// Whatever an event carries, a client reads one event of it: the same lines, and an id that is the one that was given
/// or none.
pub fn event_stream(data: &[u8]) {
    let mut draw = Draw::new(data);
    let id = (draw.one_in(2)).then(|| draw.text(20).into_owned());
    let retry = (draw.one_in(2)).then(|| Duration::from_millis(draw.number() >> 20));
    let carried = String::from_utf8_lossy(draw.rest()).into_owned();
    let written = mocopr_server::fuzzing::event(id.as_deref(), retry, carried.as_bytes());
    let text = std::str::from_utf8(&written).expect("what was text is text");
    let events = read_events(text);
    let [event] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(event.data, carried.replace("\r\n", "\n").replace('\r', "\n"));
    let is_plain = id.as_ref().is_some_and(|id| !id.contains(['\n', '\r', '\0']));
    // A first character that is a space belongs to the field's syntax, so one more is written.
    assert_eq!(event.id, if is_plain { id } else { None });
    assert_eq!(event.retry, retry.map(|retry| retry.as_millis().to_string()));
}

/// An event as a client of the standard reads it.
#[derive(Debug, Default, PartialEq)]
struct Event {
    data: String,
    id: Option<String>,
    retry: Option<String>,
}

/// WHATWG HTML, section 9.2.6.
fn read_events(text: &str) -> Vec<Event> {
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    let (mut events, mut event, mut has_data) = (Vec::new(), Event::default(), false);
    for line in lines.split('\n') {
        if line.is_empty() {
            let mut done = std::mem::take(&mut event);
            if std::mem::take(&mut has_data) {
                done.data.pop();
                events.push(done);
            }
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                event.data.push_str(value);
                event.data.push('\n');
                has_data = true;
            }
            "id" if !value.contains('\0') => event.id = Some(value.to_owned()),
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => event.retry = Some(value.to_owned()),
            "" => {}
            field => panic!("a field `{field}` was begun"),
        }
    }
    events
}
