//! What is a message, what is not, and how large each part may be.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const NESTED: &str = "a value is nested too deeply";

fn read_text(text: &str) -> Result<Message, Malformed> {
    read_within(&MessageLimits::development(), text)
}

fn read_within(limits: &MessageLimits, text: &str) -> Result<Message, Malformed> {
    read(Bytes::copy_from_slice(text.as_bytes()), limits, &mut Scanner::new())
}

fn request(members: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{{{members}}}}}"#)
}

fn params_of(text: &str) -> Params {
    match read_text(text) {
        Ok(Message::Request { params, .. } | Message::Notification { params, .. }) => params,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_refused(text: &str, id: Option<i64>, rule: &'static str) {
    let malformed = read_text(text).unwrap_err();
    assert_eq!((malformed.id, malformed.fault), (id.map(RequestId::Integer), Fault::Envelope(rule)), "{text}");
}

#[test]
fn the_three_kinds_of_message_are_told_apart() {
    let call = read_text(r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"echo"}}"#).unwrap();
    let Message::Request { id, method, params } = call else { panic!("{call:?}") };
    assert_eq!(id, RequestId::Text("a".into()));
    assert_eq!(method.as_str(), "tools/call");
    assert_eq!(params.raw().unwrap().as_str(), r#"{"name":"echo"}"#);

    let note = read_text(r#"{"method":"notifications/initialized","jsonrpc":"2.0"}"#).unwrap();
    let Message::Notification { method, params } = note else { panic!("{note:?}") };
    assert_eq!(method.as_str(), "notifications/initialized");
    assert!(params.raw().is_none());

    let answer = read_text(r#" { "jsonrpc" : "2.0" , "id" : 7 , "result" : { "a" : 1 } } "#).unwrap();
    let Message::Response { id, result } = answer else { panic!("{answer:?}") };
    assert_eq!((id, result.unwrap().as_str()), (RequestId::Integer(7), r#"{ "a" : 1 }"#));

    let error = read_text(r#"{"jsonrpc":"2.0","id":7,"error":{"code":-1,"message":"no"}}"#).unwrap();
    assert!(matches!(error, Message::Response { result: None, .. }));
}

#[test]
fn unknown_members_are_ignored_and_still_scanned() {
    assert!(read_text(r#"{"jsonrpc":"2.0","id":1,"method":"m","trace":[1,{"x":null}]}"#).is_ok());
    assert_refused(
        r#"{"jsonrpc":"2.0","id":1,"method":"m","trace":[1,{"x":1,"x":2}]}"#,
        Some(1),
        "an object repeats a member name",
    );
}

#[test]
fn an_escaped_name_is_the_name_it_stands_for() {
    let params =
        params_of(r#"{"jsonrpc":"2\u002e0","\u0069d":1,"m\u0065thod":"m","params":{"\u006eame":"e\u0063ho"}}"#);
    assert_eq!(params.string("name").unwrap().unwrap().as_str(), "echo");
}

#[test]
fn names_that_differ_in_case_are_other_names() {
    let missing = "a message has a method, a result or an error";
    for twin in ["Method", "METHOD", "mEthod", "method\\u0000", "method ", "ｍethod"] {
        assert_refused(&format!(r#"{{"jsonrpc":"2.0","id":1,"{twin}":"tools/list"}}"#), Some(1), missing);
        assert!(read_text(&format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","{twin}":"x"}}"#)).is_ok());
    }
    assert_refused(r#"{"Jsonrpc":"2.0","id":1,"method":"m"}"#, Some(1), "jsonrpc must be \"2.0\"");
    let note = read_text(r#"{"jsonrpc":"2.0","ID":1,"Id":2,"method":"m","PARAMS":{"name":"x"}}"#).unwrap();
    assert!(matches!(note, Message::Notification { params, .. } if params.raw().is_none()));
    let params = params_of(&request(r#""NAME":"a","Name":"b","param\u017f":1,"naме":"c""#));
    assert!(params.get("name").is_none());
    assert_eq!(params.string("name"), Ok(None));
}

#[test]
fn what_is_no_message_is_refused_with_its_id() {
    assert_refused("[]", None, "batches are not part of this revision");
    assert_refused(r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, None, "batches are not part of this revision");
    for scalar in ["1", "null", "\"x\"", "true"] {
        assert_refused(scalar, None, "a message is an object");
    }
    for version in [r#""1.0""#, r#""2.00""#, "2.0", "2", "null", r#"["2.0"]"#] {
        assert_refused(&format!(r#"{{"jsonrpc":{version},"id":1,"method":"m"}}"#), Some(1), "jsonrpc must be \"2.0\"");
    }
    assert_refused(r#"{"id":1,"method":"m"}"#, Some(1), "jsonrpc must be \"2.0\"");
    for method in ["1", "null", "{}", "[\"m\"]"] {
        assert_refused(&format!(r#"{{"jsonrpc":"2.0","id":1,"method":{method}}}"#), Some(1), "method is a string");
    }
    assert_refused(r#"{"jsonrpc":"2.0","id":1,"method":""}"#, Some(1), "method is not empty");
    for params in ["[]", "[1,2]", "null", "1", "\"x\"", "false"] {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{params}}}"#);
        assert_refused(&text, Some(1), "params is an object");
    }
    for id in ["null", "1.0", "1e3", "1.5", "true", "{}", "[1]"] {
        let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"m"}}"#);
        assert_refused(&text, None, "id is a string or an integer");
    }
    assert_refused("{}", None, "jsonrpc must be \"2.0\"");
}

#[test]
fn a_message_is_only_one_of_call_and_answer() {
    let only = "a message has only one of method, result and error";
    for (extra, id) in [
        (r#""method":"m","result":{}"#, Some(1)),
        (r#""method":"m","error":{}"#, Some(1)),
        (r#""result":{},"error":{}"#, None),
        (r#""result":{},"error":{},"method":"m""#, Some(1)),
    ] {
        assert_refused(&format!(r#"{{"jsonrpc":"2.0","id":1,{extra}}}"#), id, only);
    }
    assert_refused(r#"{"jsonrpc":"2.0","id":1}"#, Some(1), "a message has a method, a result or an error");
}

#[test]
fn the_id_of_a_broken_response_is_never_taken_for_a_request() {
    assert_refused(r#"{"jsonrpc":"2.0","result":{}}"#, None, "a response has an id");
    assert_refused(r#"{"jsonrpc":"2.0","id":null,"error":{}}"#, None, "id is a string or an integer");
    for error in ["null", "[]", "\"no\"", "1"] {
        assert_refused(&format!(r#"{{"jsonrpc":"2.0","id":1,"error":{error}}}"#), None, "error is an object");
    }
    assert_refused(r#"{"jsonrpc":"1.0","id":1,"result":{}}"#, None, "jsonrpc must be \"2.0\"");
    assert_refused(r#"{"jsonrpc":"2.0","id":1,"result":{"a":1,"a":1}}"#, None, "an object repeats a member name");
}

#[test]
fn bytes_that_are_not_json_have_no_id() {
    for text in
        ["", "{", r#"{"jsonrpc":"2.0","id":1,"method":"m"} {}"#, r#"{"jsonrpc":"2.0","id":1,"method":"\ud800"}"#, "[{"]
    {
        assert_eq!(
            read_text(text).unwrap_err(),
            Malformed { id: None, fault: Fault::Parse, wants: Wants::Answer },
            "{text}"
        );
    }
    let invalid = Bytes::from_static(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}");
    let malformed = read(invalid, &MessageLimits::development(), &mut Scanner::new()).unwrap_err();
    assert_eq!(malformed, Malformed { id: None, fault: Fault::Parse, wants: Wants::Answer });
}

#[test]
fn a_broken_limit_leaves_the_id_readable_wherever_it_stands() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for params in [deep.as_str(), r#"{"a":1,"a":2}"#, r#"{"a":1e400}"#, r#"{"a":"x","b":{"id":9,"id":8}}"#] {
        let params = format!(r#"{{"p":{params}}}"#);
        for text in [
            format!(r#"{{"jsonrpc":"2.0","id":5,"method":"m","params":{params}}}"#),
            format!(r#"{{"method":"m","params":{params},"jsonrpc":"2.0","id" : 5}}"#),
            format!(r#"{{"method":"m","params":{params},"jsonrpc":"2.0","\u0069d":5 }}"#),
        ] {
            let malformed = read_text(&text).unwrap_err();
            assert_eq!(malformed.id, Some(RequestId::Integer(5)), "{text}");
            assert!(matches!(malformed.fault, Fault::Envelope(_)), "{text}");
        }
    }
}

#[test]
fn an_id_that_is_not_certain_is_not_read() {
    for (text, rule) in [
        (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"m"}"#, "an object repeats a member name"),
        (r#"{"jsonrpc":"2.0","id":1,"\u0069d":1,"method":"m"}"#, "an object repeats a member name"),
        (r#"{"a":1,"a":2,"id":null,"method":"m"}"#, "an object repeats a member name"),
        (r#"{"a":1,"a":2,"id":1.0,"method":"m"}"#, "an object repeats a member name"),
        (r#"{"a":1,"a":{"id":7},"x":"id","method":"m"}"#, "an object repeats a member name"),
        (r#"{"a":1,"a":2,"id":1,"method":"m""#, "an object repeats a member name"),
        (r#"{"a":1,"a":2,"id":1,"result":{}}"#, "an object repeats a member name"),
        (r#"[{"a":1,"a":2,"id":1}]"#, "an object repeats a member name"),
    ] {
        assert_refused(text, None, rule);
    }
}

#[test]
fn an_error_without_an_id_is_not_answered_with_another() {
    for text in [
        r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"x"}}"#,
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}}"#,
    ] {
        assert_eq!(read_text(text).unwrap_err().wants, Wants::Nothing, "{text}");
    }
    for text in [
        "nonsense",
        "[]",
        "{}",
        r#"{"jsonrpc":"2.0","id":1}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"m"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"m","params":[]}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"m","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1.5,"result":{}}"#,
        r#"{"jsonrpc":"2.0","result":{},"error":{}}"#,
        r#"{"jsonrpc":"2.0","method":"n","params":[]}"#,
        r#"{"jsonrpc":"1.0","method":"n"}"#,
        r#"{"jsonrpc":"2.0","method":"m","params":{"a":1,"a":2},"id":1}"#,
        r#"{"a":1,"a":2,"id":3,"id":4,"method":"m"}"#,
    ] {
        assert_eq!(read_text(text).unwrap_err().wants, Wants::Answer, "{text}");
    }
}

#[test]
fn an_id_of_any_allowed_form_is_read_behind_a_broken_limit() {
    for (raw, id) in [
        (r#""x\u0079""#, RequestId::Text("xy".into())),
        ("-3", RequestId::Integer(-3)),
        ("99999999999999999999", RequestId::Large("99999999999999999999".into())),
    ] {
        let text = format!(r#"{{"a":1,"a":2,"é":[{{"id":1}}],"id":{raw},"method":"m"}}"#);
        assert_eq!(read_text(&text).unwrap_err().id, Some(id));
    }
}

#[test]
fn members_of_params_are_slices_of_the_frame() {
    let frame = Bytes::from(request(r#" "name" : "echo", "arguments":{"a":[1, 2]}, "n":null, "t":"a\nb" "#));
    let message = read(frame.clone(), &MessageLimits::development(), &mut Scanner::new()).unwrap();
    let Message::Request { params, .. } = message else { panic!("{message:?}") };
    let arguments = params.get("arguments").unwrap();
    assert_eq!(arguments.as_str(), r#"{"a":[1, 2]}"#);
    assert!(frame.as_ptr_range().contains(&arguments.as_bytes().as_ptr()));
    assert_eq!(params.get("n").unwrap().as_str(), "null");
    assert_eq!(params.string("name").unwrap().unwrap().as_str(), "echo");
    assert_eq!(Box::<str>::from(params.string("t").unwrap().unwrap()), "a\nb".into());
    for wrong in ["n", "arguments"] {
        assert_eq!(params.string(wrong), Err(NotString));
    }
    assert_eq!(params.string("absent"), Ok(None));
    assert!(params.get("a").is_none());
    assert_eq!(Str::of(&params.get("name").unwrap()).unwrap().as_str(), "echo");
    assert!(Str::of(&arguments).is_none());
}

#[test]
fn a_scanner_carries_nothing_from_one_message_to_the_next() {
    let mut scanner = Scanner::new();
    let limits = MessageLimits::development();
    let mut read_next = |text: &'static str| read(Bytes::from_static(text.as_bytes()), &limits, &mut scanner);
    assert!(read_next(r#"{"jsonrpc":"2.0","id":1,"result":{},"params":{"name":"stale"}}"#).is_ok());
    assert!(read_next(r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{"name":"stale"},"#).is_err());
    let Ok(Message::Request { params, .. }) = read_next(r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{}}"#) else {
        panic!("refused")
    };
    assert!(params.get("name").is_none());
}

#[test]
fn texts_with_a_length_of_their_own_hold_at_n_and_break_at_n_plus_1() {
    for (name, bytes, rule) in [
        ("cursor", 1 << 10, "cursor is too long"),
        ("uri", 2_048, "uri is too long"),
        ("requestState", 16 << 10, "requestState is too long"),
    ] {
        for letter in ["x", "\\u0078", "\\n"] {
            let of = |n: usize| request(&format!(r#""{name}":"{}""#, letter.repeat(n)));
            assert!(read_text(&of(bytes)).is_ok(), "{name}");
            assert_refused(&of(bytes + 1), Some(1), rule);
        }
    }
    let escaped = request(&format!(r#""c\u0075rsor":"{}""#, "x".repeat(1_025)));
    assert_refused(&escaped, Some(1), "cursor is too long");
    let meta = |n: usize| request(&format!(r#""_meta":{{"a":"{}"}}"#, "x".repeat(n - 8)));
    assert!(read_text(&meta(16 << 10)).is_ok());
    assert_refused(&meta((16 << 10) + 1), Some(1), "_meta is too long");
    let method = |n: usize| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{}"}}"#, "m".repeat(n));
    assert!(read_text(&method(128)).is_ok());
    assert_refused(&method(129), Some(1), "method is too long");
    let id = |n: usize| format!(r#"{{"jsonrpc":"2.0","id":"{}","method":"m"}}"#, "i".repeat(n));
    assert!(read_text(&id(256)).is_ok());
    assert_refused(&id(257), None, "id is too long");
    let number = |n: usize| request(&format!(r#""a":{}"#, "1".repeat(n)));
    assert!(read_text(&number(64)).is_ok());
    assert_refused(&number(65), Some(1), "a number has too many characters");
}

#[test]
fn configured_lengths_are_the_ones_that_hold() {
    let limits = MessageLimits { id_bytes: 3, number_chars: 2, method_bytes: 1, ..MessageLimits::development() };
    assert!(read_within(&limits, r#"{"jsonrpc":"2.0","id":"abc","method":"m","params":{"a":12}}"#).is_ok());
    for text in [
        r#"{"jsonrpc":"2.0","id":"abcd","method":"m"}"#,
        r#"{"jsonrpc":"2.0","id":"abc","method":"mm"}"#,
        r#"{"jsonrpc":"2.0","id":"abc","method":"m","params":{"a":123}}"#,
    ] {
        assert!(read_within(&limits, text).is_err(), "{text}");
    }
}

fn nested(depth: usize) -> String {
    format!("{}0{}", r#"{"a":"#.repeat(depth), "}".repeat(depth))
}

#[test]
fn a_payload_has_limits_of_its_own_and_depth_counts_from_it() {
    for name in ["arguments", "inputResponses", "argument", "context", "\\u0061rguments"] {
        assert!(read_text(&request(&format!(r#""{name}":{}"#, nested(64)))).is_ok(), "{name}");
        assert_refused(&request(&format!(r#""{name}":{}"#, nested(65))), Some(1), NESTED);
    }
    let result = |depth: usize| format!(r#"{{"jsonrpc":"2.0","id":1,"result":{}}}"#, nested(depth));
    assert!(read_text(&result(64)).is_ok());
    assert_refused(&result(65), None, NESTED);
    let many = |n: usize| (0..n).map(|nth| format!(r#""k{nth}":0"#)).collect::<Vec<_>>().join(",");
    assert!(read_text(&request(&format!(r#""arguments":{{{}}}"#, many(10_000)))).is_ok());
    let text = request(&format!(r#""arguments":{{{}}}"#, many(10_001)));
    assert_refused(&text, Some(1), "an object has too many members");
}

#[test]
fn elsewhere_the_narrow_limits_hold_and_depth_counts_from_the_message() {
    // The message and its params are the two outermost levels.
    for name in ["_meta", "other", "Arguments"] {
        assert!(read_text(&request(&format!(r#""{name}":{}"#, nested(30)))).is_ok(), "{name}");
        assert_refused(&request(&format!(r#""{name}":{}"#, nested(31))), Some(1), NESTED);
    }
    // The names mean something only where they belong.
    let outside = |depth: usize| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","arguments":{},"x":{{"result":[]}}}}"#, nested(depth))
    };
    assert!(read_text(&outside(31)).is_ok());
    assert_refused(&outside(32), Some(1), NESTED);
    assert_refused(&request(&format!(r#""x":{{"arguments":{}}}"#, nested(30))), Some(1), NESTED);
    // A payload's limits end with it.
    let after = format!(r#""arguments":{},"x":{}"#, nested(64), nested(31));
    assert_refused(&request(&after), Some(1), NESTED);
    let many = |n: usize| (0..n).map(|nth| format!(r#""k{nth}":0"#)).collect::<Vec<_>>().join(",");
    assert!(read_text(&request(&many(64))).is_ok());
    assert_refused(&request(&many(65)), Some(1), "an object has too many members");
}

#[test]
fn a_fault_never_repeats_what_the_peer_wrote() {
    for text in [
        r#"{"jsonrpc":"secret","id":1,"method":"m"}"#,
        r#"{"secret":1,"secret":2}"#,
        r#"{"jsonrpc":"2.0","id":[1],"method":"secret"}"#,
    ] {
        assert!(!format!("{:?}", read_text(text).unwrap_err()).contains("secret"));
    }
}

fn any_message() -> impl Strategy<Value = (Value, Value)> {
    let id = prop_oneof![any::<i64>().prop_map(Value::from), "\\PC{0,20}".prop_map(Value::from)];
    let value =
        prop_oneof![any::<i32>().prop_map(Value::from), "\\PC{0,9}".prop_map(Value::from), Just(json!([1, {"a": {}}]))];
    let params = prop::collection::hash_map("[a-z_\"\\\\é]{0,6}", value, 0..20);
    (id, "[ -~é]{1,40}", params).prop_map(|(id, method, params)| {
        let params = Value::Object(params.into_iter().collect());
        (json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}), params)
    })
}

proptest! {
    #[test]
    fn every_well_formed_request_is_read_as_it_was_written((message, params) in any_message()) {
        for text in [message.to_string(), serde_json::to_string_pretty(&message).unwrap()] {
            let Ok(Message::Request { id, method, params: read }) = read_text(&text) else {
                return Err(TestCaseError::fail("refused"));
            };
            let mut token = Vec::new();
            id.write(&mut token);
            prop_assert_eq!(&serde_json::from_slice::<Value>(&token).unwrap(), &message["id"]);
            prop_assert_eq!(method.as_str(), message["method"].as_str().unwrap());
            for (name, value) in params.as_object().unwrap() {
                prop_assert_eq!(&read.get(name).unwrap().decode::<Value>().unwrap(), value);
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic_or_invent_an_id(bytes in prop::collection::vec(any::<u8>(), 0..64), at in 0..80_usize) {
        let mut text = br#"{"a":1,"a":2,"jsonrpc":"2.0","method":"m","params":{"b":"c"},"id":41}"#.to_vec();
        let at = at.min(text.len());
        text.splice(at..at, bytes).for_each(drop);
        let outcome = read(text.clone().into(), &MessageLimits::development(), &mut Scanner::new());
        if let Err(Malformed { id: Some(id), .. }) = outcome {
            let mut token = Vec::new();
            id.write(&mut token);
            if let RequestId::Integer(_) = id {
                prop_assert!(text.windows(token.len()).any(|window| window == token));
            }
        }
    }
}
