//! The scanner against `serde_json` as an oracle, and every limit at n and n + 1.

use std::{collections::HashSet, fmt};

use bytes::Bytes;
use proptest::prelude::*;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Value, json};

use super::*;
use crate::fault::Fault;

const WIDE: JsonLimits = JsonLimits { depth: 100, members: 1_000, string_bytes: 10_000, elements: 1_000 };
const REPEATED: Fault = Fault::Envelope("an object repeats a member name");

fn parse(text: &[u8]) -> Result<RawJson, Fault> {
    RawJson::parse(Bytes::copy_from_slice(text), &WIDE)
}

fn parse_within(limits: JsonLimits, text: &str) -> Result<RawJson, Fault> {
    RawJson::parse(Bytes::copy_from_slice(text.as_bytes()), &limits)
}

/// Accepts what `serde_json` accepts, but for repeated names.
struct Distinct;

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Distinct {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut names = HashSet::new();
        while let Some((name, _)) = map.next_entry::<String, Self>()? {
            if !names.insert(name) {
                return Err(A::Error::custom("repeated"));
            }
        }
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self, A::Error> {
        while array.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Judged {
    Accepted,
    Refused,
    Repeated,
    LongNumber,
}

fn assert_agrees(text: &[u8]) -> Judged {
    let shown = String::from_utf8_lossy(text);
    match (serde_json::from_slice::<Value>(text), parse(text)) {
        (Err(_), Err(_)) => Judged::Refused,
        (Ok(_), Err(Fault::Envelope("a number has too many characters"))) => {
            let mut numbers = text.split(|byte| !matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
            assert!(numbers.any(|number| number.len() > 64), "{shown}");
            Judged::LongNumber
        }
        (Ok(_), outcome) if serde_json::from_slice::<Distinct>(text).is_err() => {
            assert_eq!(outcome, Err(REPEATED), "{shown}");
            Judged::Repeated
        }
        (Ok(value), Ok(raw)) => {
            assert_eq!(raw.decode::<Value>().unwrap(), value, "{shown}");
            let compact = raw.compact();
            assert_eq!(compact.decode::<Value>().unwrap(), value, "{shown}");
            assert!(!compact.as_bytes().contains(&b'\n'), "{shown}");
            Judged::Accepted
        }
        (Ok(_), Err(fault)) => panic!("refused ({fault:?}) what serde_json accepts: {shown}"),
        (Err(error), Ok(_)) => panic!("accepted what serde_json refuses ({error}): {shown}"),
    }
}

/// A generator that repeats itself from run to run.
struct Lcg(u64);

impl Lcg {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

const SEEDS: [&str; 7] = [
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","arguments":{"a":1,"b":[2,3.5e-7]}}}"#,
    r#" {"a" : "\u00e9\n\"\\ é😀\ud83d\ude00", "b": [ ] , "c":{ }, "d":[null,true,false,-0,0.5,1E+9]} "#,
    r#"[{"k":1,"l":2},{"k":{"k":{"k":[[[]]]}}},"0123456789abcdef0123456789abcdef",-1.5e300,1e308,0e999]"#,
    r#"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10,"\u006b":11}"#,
    r#"{"\ud83d\ude00":1,"😁":2,"\u0000":3,"":4,"\/":5,"x\u0000":6,"x":7}"#,
    r#""a string that is longer than one block of sixty-four bytes, so that the vector loop runs too\t""#,
    r"-12345678901234567890.0123456789e-05",
];

const FRAGMENTS: [&str; 32] = [
    "\"",
    "\\",
    "\\u",
    "\\u0061",
    "\\ud800",
    "\\udc00",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "0",
    "1e400",
    "-",
    ".5",
    "e",
    "\"a\":1,",
    "true",
    "nul",
    " ",
    "\n",
    "\t",
    "\u{b}",
    "\u{feff}",
    "é",
    "😀",
    "\0",
    "\u{1f}",
    "\u{7f}",
    "{\"a\":{\"a\":1}}",
    "9007199254740993",
];

const MEMBERS: [&str; 8] = [
    "\"a\":1,",
    "\"\\u0061\":[],",
    "\"k\":{},",
    "\"id\":\"x\",",
    "\"😀\":0,",
    "\"\\ud83d\\ude01\":0,",
    "\"\":1,",
    "\"x\\u0000\":1,",
];

#[test]
fn mutated_messages_are_judged_like_serde_json_judges_them() {
    let mut random = Lcg(7);
    let mut judged = Vec::new();
    for round in 0..150_000 {
        let mut text = SEEDS[round % SEEDS.len()].as_bytes().to_vec();
        for _ in 0..=random.below(3) {
            let at = random.below(text.len() + 1);
            let to = (at + random.below(6)).min(text.len());
            match random.below(6) {
                0 => drop(text.drain(at..to)),
                1 => drop(text.splice(at..at, FRAGMENTS[random.below(FRAGMENTS.len())].bytes())),
                2 => text.splice(at..to, FRAGMENTS[random.below(FRAGMENTS.len())].bytes()).for_each(drop),
                3 => {
                    let copied = text[at..to].to_vec();
                    let place = random.below(text.len() + 1);
                    text.splice(place..place, copied).for_each(drop);
                }
                4 => {
                    let place = (0..text.len()).cycle().skip(at).take(text.len()).find(|place| text[*place] == b'{');
                    let place = place.map_or(0, |place| place + 1);
                    text.splice(place..place, MEMBERS[random.below(MEMBERS.len())].bytes()).for_each(drop);
                }
                _ => {
                    if let Some(byte) = text.get_mut(at) {
                        *byte = random.below(256) as u8;
                    }
                }
            }
        }
        judged.push(assert_agrees(&text));
    }
    // The mutations are worth something only where they reach every verdict.
    for (verdict, least) in [(Judged::Accepted, 20_000), (Judged::Refused, 20_000), (Judged::Repeated, 2_000)] {
        let reached = judged.iter().filter(|one| **one == verdict).count();
        assert!(reached >= least, "{verdict:?}: {reached}");
    }
}

#[test]
fn every_prefix_of_a_message_is_judged_like_serde_json_judges_it() {
    for seed in SEEDS {
        for end in 0..seed.len() {
            assert_agrees(&seed.as_bytes()[..end]);
        }
        assert_agrees(seed.as_bytes());
    }
}

#[test]
fn what_is_not_json_is_a_parse_fault() {
    let texts: [&[u8]; 24] = [
        b"",
        b" ",
        b"\xef\xbb\xbf{}",
        b"{}{}",
        b"{} x",
        b"{}\0",
        b"\"\xff\"",
        b"\"\xed\xa0\x80\"",
        b"\"\xc0\xaf\"",
        b"01",
        b"1.",
        b".5",
        b"+1",
        b"1e",
        b"-",
        b"{'a':1}",
        b"{\"a\":1,}",
        b"[1,]",
        b"[1 2]",
        b"{\"a\" 1}",
        b"\"\\ud800\"",
        b"\"\\udc00\\ud800\"",
        b"\"a\nb\"",
        b"NaN",
    ];
    for text in texts {
        assert_eq!(parse(text), Err(Fault::Parse), "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn repeated_names_are_refused_at_every_depth_and_in_every_spelling() {
    for text in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"\u0061":1,"\u0061":2}"#,
        r#"[{"b":[{"x":{"a":1,"b":{},"a":2}}]}]"#,
        r#"{"😀":1,"\ud83d\uDE00":2}"#,
        r#"{"/":1,"\/":2}"#,
        r#"{"":1,"":2}"#,
    ] {
        assert_eq!(parse(text.as_bytes()), Err(REPEATED), "{text}");
    }
    for text in [r#"{"a":1,"A":1,"a\u0000":1,"ａ":1,"a ":1}"#, r#"[{"a":1},{"a":1}]"#, r#"{"a":{"a":{"a":1}}}"#] {
        assert!(parse(text.as_bytes()).is_ok(), "{text}");
    }
}

#[test]
fn one_repeated_name_among_many_is_found_wherever_it_stands() {
    for members in [7, 8, 9, 10, 64, 500] {
        for (first, second) in [(0, members - 1), (0, 1), (members / 2, members - 1), (members - 2, members - 1)] {
            let names: Vec<_> = (0..members).map(|nth| if nth == second { first } else { nth }).collect();
            let escaped = |nth: usize| format!("\"\\u006b{nth}\":{nth}");
            let plain: Vec<_> = names.iter().map(|nth| format!("\"k{nth}\":{nth}")).collect();
            let mixed: Vec<_> = names.iter().map(|nth| escaped(*nth)).collect();
            let one: Vec<_> =
                (0..members).map(|at| if at == second { &mixed[at] } else { &plain[at] }.as_str()).collect();
            for body in [plain.join(","), mixed.join(","), one.join(",")] {
                assert_eq!(parse(format!("{{{body}}}").as_bytes()), Err(REPEATED), "{body}");
            }
            let distinct: Vec<_> = (0..members).map(escaped).collect();
            assert!(parse(format!("{{{}}}", distinct.join(",")).as_bytes()).is_ok());
        }
    }
}

#[test]
fn depth_holds_at_n_and_breaks_at_n_plus_1() {
    let limits = JsonLimits { depth: 10, ..WIDE };
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let objects = |depth: usize| format!("{}{{}}{}", "{\"a\":".repeat(depth - 1), "}".repeat(depth - 1));
    assert!(parse_within(limits, &nested(10)).is_ok());
    assert!(parse_within(limits, &objects(10)).is_ok());
    for text in [nested(11), objects(11), "[".repeat(2_000_000)] {
        assert_eq!(parse_within(limits, &text), Err(Fault::Envelope("a value is nested too deeply")));
    }
    assert!(parse_within(JsonLimits { depth: 0, ..WIDE }, "7").is_ok());
}

#[test]
fn depth_costs_no_stack() {
    let depth = 1_000_000;
    let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse_within(JsonLimits { depth, ..WIDE }, &text).is_ok());
}

#[test]
fn members_elements_and_strings_hold_at_n_and_break_at_n_plus_1() {
    let limits = JsonLimits { depth: 5, members: 12, string_bytes: 6, elements: 9 };
    let object = |n: usize| format!("[{{{}}}]", (0..n).map(|nth| format!("\"{nth}\":0")).collect::<Vec<_>>().join(","));
    assert!(parse_within(limits, &object(12)).is_ok());
    assert_eq!(parse_within(limits, &object(13)), Err(Fault::Envelope("an object has too many members")));
    let array = |n: usize| format!("{{\"a\":[{}]}}", vec!["[]"; n].join(", "));
    assert!(parse_within(limits, &array(9)).is_ok());
    assert_eq!(parse_within(limits, &array(10)), Err(Fault::Envelope("an array has too many elements")));
    for text in ["abcdef", "ééé", "\\u00e9é\\n\\t", "\\ud83d\\ude00\\u0061b", "\\u0800\\u0800"] {
        assert!(parse_within(limits, &format!("\"{text}\"")).is_ok(), "{text}");
        assert!(parse_within(limits, &format!("{{\"{text}\":1}}")).is_ok(), "{text}");
        for long in [format!("\"{text}x\""), format!("{{\"{text}x\":1}}"), format!("[1,\"{text}\\n\"]")] {
            assert_eq!(parse_within(limits, &long), Err(Fault::Envelope("a string is too long")), "{long}");
        }
    }
}

#[test]
fn numbers_hold_at_64_characters_and_within_a_double() {
    assert!(parse("9".repeat(64).as_bytes()).is_ok());
    assert_eq!(parse("9".repeat(65).as_bytes()), Err(Fault::Envelope("a number has too many characters")));
    assert!(parse(b"[1e308,-1e308,1e-400,0e400,1e0000000000000000000000001]").is_ok());
    for number in ["1e309", "-1e309", "1e400", "10e308", "1e99999999999999999999"] {
        assert_eq!(
            parse(number.as_bytes()),
            Err(Fault::Envelope("a number is larger than a double can be")),
            "{number}"
        );
    }
}

#[test]
fn a_scanner_forgets_a_message_and_the_memory_it_took() {
    let mut scanner = Scanner::new();
    let rules = Rules::of_value(&WIDE);
    let large = format!("{{{}}}", (0..1_000).map(|nth| format!("\"{nth}\":[]")).collect::<Vec<_>>().join(","));
    let rooms = |scanner: &Scanner| scanner.capacities();
    let fresh = rooms(&scanner);
    assert!(scanner.scan(&large, &rules).is_ok());
    assert!(scanner.scan("[{\"a\":", &rules).is_err());
    assert!(scanner.scan("{\"b\":1}", &rules).is_ok());
    assert_eq!(scanner.members().len(), 1);
    let kept = rooms(&scanner);
    assert!(kept.iter().zip(fresh).all(|(kept, fresh)| *kept <= fresh.max(256)), "{kept:?}");
}

#[test]
fn a_special_byte_is_found_at_every_place_of_a_long_run() {
    for place in 0..220 {
        let (before, after) = ("x".repeat(place), "é".repeat(110));
        for special in ['"', '\\', '\n', '\0', '\u{1f}'] {
            let text = format!("{before}{special}{after}");
            let mut token = Vec::new();
            write_string(&mut token, &text);
            assert_eq!(parse(&token).unwrap().decode::<String>().unwrap(), text);
            assert_eq!(parse(format!("\"{text}\"").as_bytes()), Err(Fault::Parse), "{place} {special:?}");
        }
        for plain in ['\u{7f}', ' ', '!', '#', '[', ']', '\u{80}', '¢', 'Ü'] {
            let text = format!("\"{before}{plain}{after}\"");
            assert_eq!(parse(text.as_bytes()).unwrap().as_str(), text);
        }
    }
}

#[test]
fn raw_json_says_little_of_itself() {
    let long = RawJson::from_value(&json!("é".repeat(200)));
    assert_eq!(format!("{long:?}"), format!("RawJson(\"{}… 402 bytes)", "é".repeat(63)));
    assert_eq!(format!("{:?}", RawJson::empty_object()), "RawJson({})");
}

#[test]
fn raw_json_has_no_white_space_around_it_and_knows_objects() {
    let raw = parse(b" \n {\"a\": 1}\t").unwrap();
    assert_eq!(raw.as_str(), "{\"a\": 1}");
    assert!(raw.is_object() && RawJson::empty_object().is_object());
    assert!(!parse(b" [{}]").unwrap().is_object());
}

#[test]
fn compact_keeps_strings_and_drops_the_rest_of_the_white_space() {
    let raw = parse(b"{ \"a b\\\" \\\\\" :\r\n[ \" \\n\" ,\t1 ] }").unwrap();
    assert_eq!(raw.compact().as_str(), "{\"a b\\\" \\\\\":[\" \\n\",1]}");
    let tight = RawJson::encode(&json!({"a b": [1, " "]})).unwrap();
    assert_eq!(tight.compact().as_bytes().as_ptr(), tight.as_bytes().as_ptr());
}

#[test]
fn raw_json_stands_inside_serde_structures_as_it_is() {
    let parts = vec![parse(b"{\"a\":1.50}").unwrap(), parse(b"123456789012345678901234567890").unwrap()];
    assert_eq!(RawJson::encode(&parts).unwrap().as_str(), "[{\"a\":1.50},123456789012345678901234567890]");
    assert_eq!(parse(b"\"x\"").unwrap().decode_borrowed::<&str>().unwrap(), "x");
    assert!(parse(b"1").unwrap().decode::<String>().is_err());
}

fn any_json() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| if number.is_finite() { json!(number) } else { json!(0) }),
        "\\PC{0,12}|[\\x00-\\x7f]{0,80}".prop_map(Value::from),
    ];
    scalar.prop_recursive(5, 60, 12, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..12).prop_map(Value::from),
            prop::collection::hash_map("\\PC{0,4}", inner, 0..12)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Parts of strings, whole and broken.
const PIECES: &str = "([a-z\"\\\\/é]|\\\\[\"\\\\/bfnrtux]|\\\\u[0-9a-fd][0-9a-f8]{3}|[\\x00-\\x20]){0,12}";

proptest! {
    #[test]
    fn every_tree_is_accepted_in_every_layout(value in any_json()) {
        let raw = RawJson::from_value(&value);
        prop_assert_eq!(&RawJson::encode(&value).unwrap(), &raw);
        let pretty = parse(&serde_json::to_vec_pretty(&value).unwrap()).unwrap();
        prop_assert_eq!(&pretty.compact(), &raw);
        prop_assert_eq!(&raw.compact(), &raw);
    }

    #[test]
    fn arbitrary_bytes_are_judged_like_serde_json_judges_them(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        assert_agrees(&bytes);
    }

    #[test]
    fn token_soup_is_judged_like_serde_json_judges_it(picks in prop::collection::vec(0..FRAGMENTS.len(), 0..12)) {
        assert_agrees(picks.into_iter().map(|pick| FRAGMENTS[pick]).collect::<String>().as_bytes());
    }

    #[test]
    fn unescape_reads_strings_like_serde_json(inner in PIECES) {
        let oracle = serde_json::from_str::<String>(&format!("\"{inner}\"")).ok();
        prop_assert_eq!(unescape(&inner).map(|text| text.into_owned()), oracle);
    }
}
