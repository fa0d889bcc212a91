//! Tests of what is taken out and what stays.

use mocopr_core::{
    json::RawJson,
    model::{
        content::{Level, LogMessage},
        notice::Notice,
        prompt::{PromptMessage, PromptResult},
    },
};
use serde_json::json;

use super::*;

fn secrets() -> Vec<String> {
    vec![
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEabc\n-----END RSA PRIVATE KEY-----".to_owned(),
        "-----BEGIN PRIVATE KEY-----\nMIIEcutoff".to_owned(),
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\nx\n-----END PGP PRIVATE KEY BLOCK-----".to_owned(),
        "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl".to_owned(),
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.".to_owned(),
        format!("mocopr_abcdefgh_{}", "k9".repeat(21)),
        "AKIAIOSFODNN7EXAMPLE".to_owned(),
        "ASIAIOSFODNN7EXAMPLE".to_owned(),
        format!("ghp_{}", "a1B2".repeat(9)),
        format!("github_pat_{}", "a1B2".repeat(9)),
    ]
}

#[test]
fn known_secrets_are_redacted_wherever_they_stand() {
    let sanitizer = OutputSanitizer::new();
    for secret in secrets() {
        assert_eq!(sanitizer.text(&secret), "[redacted]", "{secret}");
        let text = format!("é {secret}");
        assert_eq!(sanitizer.text(&text), "é [redacted]", "{secret}");
    }
    assert_eq!(sanitizer.text("Authorization: Bearer abcdefgh12345678, ok"), "Authorization: Bearer [redacted], ok");
    assert_eq!(sanitizer.text("mysql://u:p@ss@h:1/d and x://u@h"), "mysql://u:[redacted]@h:1/d and x://u@h");
}

#[test]
fn two_secrets_in_one_text_are_both_redacted() {
    let all = secrets();
    let text = format!("{} and {}.", all[3], all[6]);
    assert_eq!(OutputSanitizer::new().text(&text), "[redacted] and [redacted].");
}

#[test]
fn ordinary_text_is_not_even_copied() {
    for text in [
        "",
        "It is 21 °C in Zürich.\n\tSee https://example.com/a_b?x=eyJ and mail a@b.c",
        "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
        "mocopr_security::sanitize, AKIA, ghp_x, the bearer of bad-tidings-and-of-worse",
        "eyJhbGciOiJub25lIn0 has no dot",
    ] {
        assert!(matches!(OutputSanitizer::new().text(text), Cow::Borrowed(_)), "{text}");
    }
}

#[test]
fn control_characters_and_escape_sequences_are_removed() {
    let sanitizer = OutputSanitizer::new();
    for (text, clean) in [
        ("a\u{1b}[31;1mred\u{1b}[0m\r\n\tb", "ared\r\n\tb"),
        ("a\0b\u{8}c\u{7f}d\u{85}e", "abcde"),
        ("\u{1b}]8;;https://evil.example\u{7}link\u{1b}]8;;\u{1b}\\", "link"),
        ("\u{9b}2Jx", "x"),
        ("\u{1b}cx\u{1b}(0y\u{1b}", "xy"),
        ("a\u{1b}]never ends", "anever ends"),
        ("\u{1b}]0;mine\ntheirs\u{7}", "0;mine\ntheirs"),
        ("\u{1b}Pmine\r\ntheirs\u{1b}\\", "mine\r\ntheirs"),
        ("\u{9d}mine\ntheirs\u{9c}", "mine\ntheirs"),
        ("\u{a0}é", "\u{a0}é"),
    ] {
        assert_eq!(sanitizer.text(text), clean, "{text:?}");
    }
}

#[test]
fn a_secret_cannot_hide_behind_control_characters() {
    assert_eq!(OutputSanitizer::new().text("AKIA\0IOSFODNN7\u{1b}[0mEXAMPLE"), "[redacted]");
}

#[test]
fn an_escape_sequence_does_not_take_the_first_letter_of_a_secret() {
    let sanitizer = OutputSanitizer::new();
    for introducer in ["\u{1b}", "\u{1b}[", "\u{1b}(", "\u{1b}[3;", "\u{9b}"] {
        for secret in secrets() {
            let cleaned = sanitizer.text(&format!("{introducer}{secret}")).into_owned();
            let tail: String = secret.chars().rev().take(12).collect();
            assert!(!cleaned.chars().rev().collect::<String>().contains(&tail), "{introducer:?}: {cleaned}");
        }
    }
}

#[test]
fn structured_content_stays_the_same_json_but_for_its_secrets() {
    let sanitizer = OutputSanitizer::new();
    let text = r#"{ "b": 1.10, "a": ["AKIAIOSFODNN7EXAMPLE", "x\"y"], "n": 123456789012345678901234567890 }"#;
    let clean = r#"{ "b": 1.10, "a": ["[redacted]", "x\"y"], "n": 123456789012345678901234567890 }"#;
    let raw = |text: &str| RawJson::parse(text.to_owned().into(), &json::ANY).unwrap();
    assert_eq!(sanitizer.json(raw(text)), raw(clean));
    assert_eq!(sanitizer.json(raw(clean)), raw(clean));
}

#[test]
fn a_secret_cannot_hide_behind_escapes_of_json() {
    let raw = RawJson::parse(r#"{"k":"\u0041KIAIOSFODNN7EXAMPLE\u001b[0m"}"#.into(), &json::ANY).unwrap();
    assert_eq!(OutputSanitizer::new().json(raw).as_str(), r#"{"k":"[redacted]"}"#);
}

#[test]
fn a_secret_cannot_hide_behind_escapes_of_json_in_a_text() {
    let inner = r#"{"k":"\u0041KIAIOSFODNN7EXAMPLE\u001b[0m","n":1.10}"#;
    let clean = r#"{"k":"[redacted]","n":1.10}"#;
    assert_eq!(OutputSanitizer::new().text(inner), clean);
    let outer = serde_json::to_string(&json!([inner])).unwrap();
    assert_eq!(OutputSanitizer::new().text(&outer), serde_json::to_string(&json!([clean])).unwrap());
    assert!(matches!(OutputSanitizer::new().text(r#"{"path":"C:\\a"}"#), Cow::Borrowed(_)));
}

#[test]
fn names_that_are_secrets_do_not_become_one_member() {
    let raw = RawJson::from_value(&json!({"AKIAIOSFODNN7EXAMPL1": 1, "AKIAIOSFODNN7EXAMPL2": 2}));
    let clean = OutputSanitizer::new().json(raw).decode::<serde_json::Value>().unwrap();
    assert_eq!(clean, json!({"[redacted]": 1, "[redacted] 2": 2}));
}

#[test]
fn every_text_of_answers_and_notifications_is_cleaned() {
    let sanitizer = OutputSanitizer::new();
    let key = "AKIAIOSFODNN7EXAMPLE";
    let contents = || Contents::text("a://b", key);
    let structured = Some(RawJson::from_value(&json!({ "k": key })));
    let tool = ToolResult { structured: structured.clone(), meta: structured, ..ToolResult::text(key) };
    let message = PromptMessage { role: mocopr_core::model::content::Role::User, content: Content::text(key) };
    let read = ReadResult { contents: vec![contents()], cache: Default::default(), meta: None };
    let embedded = mocopr_core::model::content::EmbeddedResource::new(contents());
    let link = mocopr_core::model::content::ResourceLink::new("a://b", key);
    let blocks = ToolResult { content: vec![embedded.into(), link.into()], ..ToolResult::default() };
    for reply in [
        Reply::Tool(tool),
        Reply::Tool(blocks),
        Reply::Prompt(PromptResult { description: Some(key.into()), messages: vec![message], meta: None }),
        Reply::Read(read),
        Reply::Completion(Completion { values: vec![key.into()], ..Completion::default() }),
    ] {
        let said = format!("{:?}", sanitizer.reply(reply));
        assert!(!said.contains(key) && said.contains("[redacted]"), "{said}");
    }
    let log = LogMessage { level: Level::Info, logger: None, data: RawJson::from_value(&json!(key)) };
    let said = format!("{:?}", sanitizer.notice(Notice::Log(log)));
    assert!(!said.contains(key) && said.contains("[redacted]"), "{said}");
}

#[test]
fn patterns_of_the_owner_are_bounded() {
    let sanitizer = OutputSanitizer::builder().with_pattern("EMP-[0-9]{6}").build().unwrap();
    let raw = RawJson::from_value(&json!(["EMP-123456", "EMP-12345"]));
    assert_eq!(sanitizer.json(raw).as_str(), r#"["[redacted]","EMP-12345"]"#);
    for bad in ["(", "a*", "(\\pL{500}){500}", &"a".repeat(1_025)] {
        assert_eq!(OutputSanitizer::builder().with_pattern(bad).build().unwrap_err().problems().len(), 1);
    }
    let many = |count| (0..count).fold(OutputSanitizer::builder(), |builder, _| builder.with_pattern("x")).build();
    assert!(many(16).is_ok());
    assert_eq!(many(17).unwrap_err().problems().len(), 1);
}

/// A level of JSON inside of a string costs its author five bytes; without a bound the work grows with the third power.
#[test]
fn json_inside_of_strings_is_looked_into_a_few_levels_deep() {
    let sanitizer = OutputSanitizer::new();
    let mut text = String::from("\"\"");
    while text.len() < 200_000 {
        text = format!("[\"{}\"]", text.replace('\\', "\\u005c").replace('"', "\\u0022"));
        if text.len() > 100_000 {
            break;
        }
    }
    assert!(sanitizer.text(&text).len() <= text.len());
    let token = format!("eyJ{}.eyJ{}.{}", "a".repeat(20), "b".repeat(20), "c".repeat(20));
    let once = serde_json::to_string(&json!({"a": token})).unwrap();
    let twice = serde_json::to_string(&json!({"b": once})).unwrap();
    assert!(!sanitizer.text(&twice).contains("eyJaaa"), "{twice}");
}

/// S-64
#[test]
fn the_beginning_of_a_key_takes_no_other_words_with_it() {
    let sanitizer = OutputSanitizer::new();
    let text = "-----BEGIN PRIVATE KEY-----\nMIIEabcd\nefgh==\nalice: see you at noon\nbob: yes";
    assert_eq!(sanitizer.text(text), "[redacted]\nalice: see you at noon\nbob: yes");
}

/// Each of these took time in the square of its length if every anchor were followed to the end of its run.
#[test]
fn texts_that_nearly_hold_secrets_cost_one_look() {
    let sanitizer = OutputSanitizer::new();
    for unit in ["eyJ", "eyJ-aaaaaaa.", "AKIA", "mocopr_ ", "gh_", "://", "Bearer ", "-----BEGIN ", "\u{1b}]", "\u{9d}"]
    {
        let text = unit.repeat((1 << 20) / unit.len());
        assert!(sanitizer.text(&text).len() <= text.len(), "{unit:?}");
    }
}
