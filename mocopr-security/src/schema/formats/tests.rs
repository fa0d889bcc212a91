//! Good and bad texts of each format.

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::json;

use super::*;

const BOTH: [Dialect; 2] = [Dialect::V2020_12, Dialect::Draft07];

/// Texts that are of the format, and texts that are not.
#[rustfmt::skip]
const TABLE: &[(&str, &[&str], &[&str])] = &[
    (
        "date",
        &["2026-11-25", "2000-02-29", "2024-02-29", "0000-01-01", "9999-12-31"],
        &["", "2026-11-31", "1900-02-29", "2023-02-29", "2026-13-01", "2026-00-10", "2026-1-1", "26-11-25", "2026-11-25T",
          "2026/11/25", "２026-11-25", "2026-11-00", " 2026-11-25"],
    ),
    (
        "time",
        &["00:00:00Z", "23:59:60Z", "23:20:50.52Z", "08:30:06-08:00", "15:59:60-08:00", "01:29:60+01:30", "08:30:06z",
          "23:29:60+23:30", "00:00:00.000000000000000001+00:00"],
        &["", "24:00:00Z", "23:60:00Z", "23:59:61Z", "22:59:60Z", "08:30:06", "08:30Z", "08:30:06.Z", "08:30:06+24:00",
          "08:30:06+01:60", "08:30:06+0100", "08:30:06 PST", "8:30:06Z", "08:30:06ZZ", "23:59:60+01:00"],
    ),
    (
        "date-time",
        &["2026-11-25T23:20:50.52Z", "1990-12-31T23:59:60Z", "1990-12-31t15:59:60-08:00", "1937-01-01T12:00:27.87+00:20"],
        &["", "2026-11-25 23:20:50Z", "2026-11-25T23:20:50", "1990-02-31T15:59:59Z", "2026-11-25", "06/19/1963 08:30:06 PST",
          "2026-11-25TT23:20:50Z"],
    ),
    (
        "email",
        &["joe.bloggs@example.com", "te~st@example.com", "\"joe bloggs\"@example.com", "\"joe..bloggs\"@example.com",
          "\"joe@bloggs\"@example.com", "joe@[127.0.0.1]", "joe@[IPv6:::1]", "joe@localhost", "\"\"@example.com",
          "\"a\\\"b\"@example.com"],
        &["", "2962", "@example.com", "joe@", ".test@example.com", "test.@example.com", "te..st@example.com",
          "joe bloggs@example.com", "joe@[127.0.0.300]", "joe@[IPv6:1]", "joe@-a", "joe@a.", "äé@example.com", "a@b@c",
          "\"a\"b\"@example.com", "\"a@example.com",
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.com"],
    ),
    (
        "hostname",
        &["www.example.com", "localhost", "a", "1host", "a-b.c--d", "xn--4gbwdl.xn--wgbh1c",
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.com", "xn--ihqwcrb4cv8a8dqg056pqjye"],
        &["", ".", "a..b", "-a", "a-", "a_b", "example.", ".example", "ab--cd", "xn--X", "ä.de", "a b",
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.com"],
    ),
    ("ipv4", &["127.0.0.1", "0.0.0.0", "255.255.255.255"], &["", "256.0.0.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "0x7f.0.0.1", "1.2.3.4/24", " 1.2.3.4"]),
    ("ipv6", &["::", "::1", "2001:db8::1", "::ffff:1.2.3.4", "1:2:3:4:5:6:7:8"], &["", ":", "12345::", "1::2::3", "1:2:3:4:5:6:7:8:9", "::1%eth0", "[::1]", "::1/64"]),
    (
        "uri",
        &["http://foo.bar/?baz=qux#quux", "http://user:pass@example.com:8080/a/../b", "mailto:a@b.c", "urn:isbn:1", "a:",
          "http://[2001:db8::1]:80/", "http://[v1.a:b]/", "file:///etc/passwd", "tel:+1-816-555-1212", "a://b:", "x:?#",
          "http://foo/%E2%82%AC"],
        &["", "foo", "/a", "//foo.bar", "http:// a", "1a:b", "http://[1]/", "http://a:b/", "http://a@b@c/", "a:[", "a:%zz",
          "a:%2", "http://foo.bar/ä", "a:b#c#d", "bar,/a", "http://[::1", "a:\\b", "http://[v.a]/"],
    ),
    (
        "uri-reference",
        &["", "#", "?", "a", "/a/b", "//host/a", "a/b:c", "./a:b", "?a:b", "http://x/", "#frag/?"],
        &["a b", ":a", "1:b", "\\\\share", "//a:b", "%", "a#b#c", "ä", "//[x]"],
    ),
    (
        "iri",
        &["http://ƒøø.ßår/?∂éœ=πîx#πîüx", "http://a/b", "urn:ä", "a:?\u{E000}", "a:\u{10000}"],
        &["", "ä", "http://a b/", "a:\u{E000}", "a:\u{FFFF}", "a:\u{1FFFF}", "a:#\u{E000}", "a:\u{80}", "a:?\u{E0000}",
          "http://2001:0db8:85a3:0000:0000:8a2e:0370:7334"],
    ),
    ("iri-reference", &["", "/â/ä", "#ƒräg", "//ä/b", "âππ"], &["\\\\ä", "#ƒräg\\mênt", "ä b", "ä:b"]),
    (
        "uri-template",
        &["", "http://example.com/{term:1}/{term}", "{+a,b*}", "{?x.y,z:9999}", "{%41}", "{|a}", "ä{a_b}", "a%20b"],
        &["{", "}", "{}", "{a", "{a:0}", "{a:10000}", "{a**}", "{.}", "{a..b}", "{a b}", "a b", "a%2", "{%4}", "{a,}", "{{a}}",
          "{a:1*}", "{a*:1}", "\"", "a<b"],
    ),
    ("json-pointer", &["", "/", "/a/b", "/~0~1", "//", "/ä b"], &["a", "~", "/~", "/~2", "/a~", "#/a"]),
    ("relative-json-pointer", &["0", "1", "0#", "10/a/b", "120#", "0/~0"], &["", "/a", "01", "-1", "+1", "0##", "1a", "0/~", "#"]),
    (
        "regex",
        &["", "([abc])+\\s+$", "(?=a)", "(a)\\1", "(?<n>a)\\k<n>", "[^]", "\\uD83D", "(?i:a)", "\\p{Alphabetic}", "\\p{Age=6_0}"],
        &["^(abc]", "\\a", "a**", "(?<n>a)\\k<m>", "(a)\\2", "{", "(?i)a", "[b-a]", "\\p{}", "\\p{a=}", "\\p{a=b=c}"],
    ),
];

const LATEST: &[(&str, &[&str], &[&str])] = &[
    (
        "uuid",
        &[
            "2eb8aa08-aa98-11ea-b4aa-73b441d16380",
            "00000000-0000-0000-0000-000000000000",
            "2EB8AA08-AA98-11EA-B4AA-73B441D16380",
        ],
        &[
            "",
            "2eb8aa08-aa98-11ea-b4aa-73b441d1638",
            "2eb8aa08aa98-11ea-b4aa73b441d16380",
            "2eb8aa08-aa98-11ea-b4aa-73b441d1638g",
            "2eb8aa08aa9811eab4aa73b441d16380",
        ],
    ),
    (
        "duration",
        &["P4DT12H30M5S", "P1Y", "P1Y2M3D", "P1M", "P4W", "PT0S", "PT1H2M3S", "P0D", "PT36H", "P1DT12H"],
        &[
            "", "P", "PT", "P1", "1Y", "P1D1Y", "P1YT", "PT1D", "P1Y1D", "PT1H1S", "P4W1D", "P1WT1H", "P-1D", "P1.5D",
            "p1D", "P٤Y",
        ],
    ),
];

#[test]
fn good_texts_are_accepted_and_bad_ones_refused() {
    let check = |dialect, table: &[(&str, &[&str], &[&str])]| {
        for (name, good, bad) in table {
            let format = Format::of(name, dialect).unwrap_or_else(|| panic!("{name}"));
            good.iter().for_each(|text| assert!(format.fits(text), "{name} {text:?}"));
            bad.iter().for_each(|text| assert!(!format.fits(text), "{name} {text:?}"));
        }
    };
    BOTH.iter().for_each(|&dialect| check(dialect, TABLE));
    check(Dialect::V2020_12, LATEST);
}

#[test]
fn formats_that_are_not_known_assert_nothing() {
    for name in ["", "Date", "int32", "idn-email", "idn-hostname", "color"] {
        assert_eq!(Format::of(name, Dialect::V2020_12), None);
    }
    for name in ["uuid", "duration"] {
        assert_eq!(Format::of(name, Dialect::Draft07), None);
    }
}

/// Where another implementation says otherwise: a text that is good here or there alone, and why.
#[rustfmt::skip]
const OTHERWISE: &[(&str, &str, bool, &str)] = &[
    ("email", "Bob <bob@example.com>", false, "a name for display is no part of RFC 5321's Mailbox"),
    ("email", "\"a\tb\"@example.com", false, "qtextSMTP has no tabs"),
    ("email", r#""a\ b"@example.com"#, true, "quoted-pairSMTP may be a space"),
    ("hostname", "xn--aa---o47jg78q", false, "RFC 5891, 4.2.3.1, on hyphens in the label that is decoded"),
    ("hostname", "XN--4gbwdl", true, "RFC 5890, 2.3.2.1: the prefix may have any case"),
];

#[test]
fn another_implementation_says_the_same() {
    for (name, good, bad) in TABLE.iter().chain(LATEST) {
        let schema = json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "format": name});
        let oracle = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        let agrees = |text: &str, fits: bool| oracle.is_valid(&json!(text)) == fits;
        good.iter().for_each(|text| assert!(agrees(text, true), "{name} {text:?}"));
        bad.iter().for_each(|text| assert!(agrees(text, false), "{name} {text:?}"));
    }
}

#[test]
fn another_implementation_says_otherwise_where_it_is_known_to() {
    for (name, text, fits, why) in OTHERWISE {
        let format = Format::of(name, Dialect::V2020_12).unwrap();
        assert_eq!(format.fits(text), *fits, "{text:?}: {why}");
        let oracle = jsonschema::options().should_validate_formats(true).build(&json!({"format": name})).unwrap();
        assert_ne!(oracle.is_valid(&json!(text)), *fits, "{text:?} is no difference any more");
    }
}

/// Pieces that mean something in one format or another.
#[rustfmt::skip]
const PIECES: &[&str] = &[
    "0", "1", "2026", "11", "29", "60", "-", ":", ".", "T", "t", "Z", "+", "P", "Y", "M", "D", "H", "S", "W", "a", "@", "\"", "\\",
    "[", "]", "IPv6:", "::1", "1.2.3.4", "xn--", "--", "ä", "\u{E000}", "%", "%41", "/", "//", "?", "#", "~", "~1", "{", "}", "*", ",",
    "http:", "v1.", "_", "<", "|", "^", "`", " ", "\t", "\u{7f}", "",
];

/// A text of the table with pieces put into it, each in the place of some characters.
fn any_text() -> impl Strategy<Value = (&'static str, String)> {
    let texts = TABLE.iter().chain(LATEST).filter(|(name, _, _)| *name != "regex");
    let texts: Vec<_> =
        texts.flat_map(|(name, good, bad)| good.iter().chain(*bad).map(move |text| (*name, *text))).collect();
    let edits = vec((any::<prop::sample::Index>(), 0_usize..3, select(PIECES)), 0..3);
    (select(texts), edits).prop_map(|((name, text), edits)| {
        let mut text: Vec<char> = text.chars().collect();
        for (at, replaced, piece) in edits {
            let from = at.index(text.len() + 1);
            let to = (from + replaced).min(text.len());
            text.splice(from..to, piece.chars());
        }
        (name, text.into_iter().collect())
    })
}

proptest! {
    #[test]
    fn another_implementation_reads_random_texts_alike((name, text) in any_text()) {
        // These it is known to read otherwise.
        let is_known = name == "email" && text.contains(['<', '\t', '\\']) || name == "hostname" && text.contains("--");
        if is_known {
            return Ok(());
        }
        let oracle = jsonschema::options().should_validate_formats(true).build(&json!({"format": name})).unwrap();
        let format = Format::of(name, Dialect::V2020_12).unwrap();
        prop_assert_eq!(format.fits(&text), oracle.is_valid(&json!(text)), "{} {:?}", name, text);
    }
}

/// Compared each with each, these names would take minutes.
#[test]
fn a_pattern_with_many_names_is_read_once() {
    let text = format!("{}(?<b>){}", "(?<a>)".repeat(100_000), r"\k<b>".repeat(100_000));
    assert!(crate::schema::ecma::is_pattern(&text));
    assert!(!crate::schema::ecma::is_pattern(&(text + r"\k<c>")));
}
