//! What the URI, the template and the matcher promise.

use proptest::{prelude::*, sample::select};

use super::{template::Piece, *};

fn uri(raw: &str) -> ResourceUri {
    ResourceUri::parse(raw).unwrap_or_else(|error| panic!("{raw}: {error}"))
}

fn template(raw: &str) -> UriTemplate {
    UriTemplate::parse(raw).unwrap_or_else(|error| panic!("{raw}: {error}"))
}

/// The captures as `name=value` in order, or `None`.
fn captured(pattern: &str, raw: &str) -> Option<Vec<String>> {
    let captures = template(pattern).matches(&uri(raw))?;
    Some(captures.iter().map(|(name, value)| format!("{name}={value}")).collect())
}

fn some(pairs: &[&str]) -> Option<Vec<String>> {
    Some(pairs.iter().map(|pair| (*pair).to_owned()).collect())
}

#[test]
fn canonical_form_has_one_spelling() {
    for (raw, canonical) in [
        ("Https://ALICE/A", "https://alice/A"),
        ("https://%41lice/%7euser", "https://alice/~user"),
        ("Notes://ALICE/A", "notes://ALICE/A"),
        ("notes://%41lice/%7euser", "notes://Alice/~user"),
        ("weather://São%20P%61ulo/today", "weather://S%C3%A3o%20Paulo/today"),
        ("x://User:Pw@Host:80/", "x://User:Pw@Host:80/"),
        ("x://h/a%2fb%5cc%00", "x://h/a%2Fb%5Cc%00"),
        ("x://h/a%3ab%40", "x://h/a:b@"),
        ("x://h/?a%26b%3dc%2b+d%2f", "x://h/?a%26b%3Dc%2B+d/"),
        ("x://h/ü", "x://h/%C3%BC"),
        ("x://bücher/", "x://b%C3%BCcher/"),
        ("ftp://User:Pw@Host:80/", "ftp://User:Pw@host:80/"),
        ("x://[2001:DB8:0::1]:1/", "x://[2001:db8::1]:1/"),
        ("urn:ISBN:0", "urn:ISBN:0"),
        ("file:///a#Frag", "file:///a#Frag"),
        ("fetch://https://e.com/a//b", "fetch://https://e.com/a//b"),
    ] {
        assert_eq!(uri(raw).canonical(), canonical);
        assert_eq!(uri(raw).as_str(), raw);
    }
}

#[test]
fn case_of_a_host_counts_unless_dns_names_it() {
    for scheme in ["http", "https", "ws", "wss", "ftp", "file", "FILE"] {
        assert_eq!(uri(&format!("{scheme}://Ho%53t/A")), uri(&format!("{scheme}://host/A")));
        assert_ne!(uri(&format!("{scheme}://host/A")), uri(&format!("{scheme}://host/a")));
        let it = template(&format!("{scheme}://Ho%53t/{{a}}"));
        assert!(it.matches(&uri(&format!("{scheme}://hOST/A"))).is_some());
    }
    for scheme in ["notes", "NOTES", "x", "httpx", "http+x", "sftp"] {
        assert_ne!(uri(&format!("{scheme}://Host/A")), uri(&format!("{scheme}://host/A")));
        assert_eq!(uri(&format!("{scheme}://Ho%53t/A")), uri(&format!("{scheme}://HoSt/A")));
        let it = template(&format!("{scheme}://Ho%53t/{{a}}"));
        assert!(it.matches(&uri(&format!("{scheme}://HoSt/A"))).is_some());
        assert!(it.matches(&uri(&format!("{scheme}://host/A"))).is_none());
    }
}

#[test]
fn parts_are_those_of_the_canonical_form() {
    let whole = uri("Http://u@H:1/p/q?r=s#t");
    assert_eq!(whole.scheme(), "http");
    assert_eq!(whole.authority(), Some("u@h:1"));
    assert_eq!((whole.path(), whole.query(), whole.fragment()), ("/p/q", Some("r=s"), Some("t")));
    let small = uri("urn:a");
    assert_eq!((small.scheme(), small.authority(), small.path()), ("urn", None, "a"));
    assert_eq!((small.query(), small.fragment()), (None, None));
    assert_eq!(uri("file:///a").authority(), Some(""));
    assert_eq!(uri("x:////a").path(), "//a");
}

#[test]
fn malformed_uris_are_refused() {
    for (raw, error) in [
        ("", UriError::Scheme),
        ("notes", UriError::Scheme),
        ("/etc/passwd", UriError::Scheme),
        ("1x://a", UriError::Scheme),
        ("x y://a", UriError::Scheme),
        ("x:", UriError::Scheme),
        ("x://a b", UriError::Character),
        ("x://a/\n", UriError::Character),
        ("x://a/\u{7f}", UriError::Character),
        ("x://a/\\b", UriError::Character),
        ("x://a/{b}", UriError::Character),
        ("x://a/<b>|^`\"", UriError::Character),
        ("x://a/[b]", UriError::Character),
        ("x://a/b#c#d", UriError::Character),
        ("x://a/\u{202e}b", UriError::Character),
        ("x://a/\u{2028}b", UriError::Character),
        ("x://a/\u{e000}", UriError::Character),
        ("x://a/%", UriError::Escape),
        ("x://a/%2", UriError::Escape),
        ("x://a/%zz", UriError::Escape),
        ("x://a/%+1", UriError::Escape),
        ("x://a/%２２", UriError::Escape),
        ("x://a:b/", UriError::Authority),
        ("x://a:65536/", UriError::Authority),
        ("x://a:+1/", UriError::Authority),
        ("x://[::1/", UriError::Authority),
        ("x://[::1]b/", UriError::Authority),
        ("x://[::1%25lo]/", UriError::Authority),
        ("file://root@host/a", UriError::UserInfo),
        ("FILE://root@host/a", UriError::UserInfo),
    ] {
        assert_eq!(ResourceUri::parse(raw), Err(error), "{raw}");
    }
}

#[test]
fn dot_segments_are_refused_however_written() {
    for raw in [
        "x://h/../a",
        "x://h/a/..",
        "x://h/.",
        "x://h/a/./b",
        "x://h/%2e%2E/a",
        "x://h/.%2e",
        "x://h/a%2f..%2Fb",
        "x://h/..%2fetc",
        "x://h/..%5cetc",
        "x://../a",
        "x://%2e%2e%2fh/a",
        "x:../a",
        "x:..",
        "file:///%2E./a",
    ] {
        assert_eq!(ResourceUri::parse(raw), Err(UriError::DotSegment), "{raw}");
    }
    for raw in ["x://h/...", "x://h/..a", "x://h/a..", "x://h/.a", "x://h/a.b", "x://h/?a=../b", "x://h/#.."] {
        assert!(ResourceUri::parse(raw).is_ok(), "{raw}");
    }
}

#[test]
fn uri_of_2048_bytes_is_read_and_of_2049_is_not() {
    let raw = format!("x://h/{}", "a".repeat(MAX_URI_BYTES - 6));
    assert!(ResourceUri::parse(&raw).is_ok());
    assert_eq!(ResourceUri::parse(&format!("{raw}a")), Err(UriError::TooLong));
}

#[test]
fn values_are_captured_and_decoded_once() {
    for (pattern, raw, pairs) in [
        ("test://template/{id}/data", "test://template/123/data", &["id=123"][..]),
        ("notes://{user}/{id}", "notes://alice/to%20do", &["user=alice", "id=to do"]),
        ("https://{user}/{id}", "HTTPS://Alice/A", &["user=alice", "id=A"]),
        ("notes://{user}/{id}", "NOTES://Alice/A", &["user=Alice", "id=A"]),
        ("weather://{city}/today", "weather://S%C3%A3o%20Paulo/today", &["city=São Paulo"]),
        ("weather://{city}/today", "weather://São%20P%61ulo/today", &["city=São Paulo"]),
        ("Notes://Team-{team}:{n}/", "notes://Team-A:1/", &["team=A", "n=1"]),
        ("https://API.{zone}.com/{+a}", "https://Api.EU.Com/B", &["zone=eu", "a=B"]),
        ("x://h/{a}", "x://h/%2541", &["a=%41"]),
        ("x://h/{a}", "x://h/%C3%BC", &["a=ü"]),
        ("x://h/{a}", "x://h/ü", &["a=ü"]),
        ("x://h/{a}", "x://h/bob@e.com", &["a=bob@e.com"]),
        ("x://h/{a}", "x://h/bob%40e.com", &["a=bob@e.com"]),
        ("x://{a}.e.com:{port}/p", "x://w.e.com:80/p", &["a=w", "port=80"]),
        ("x://h/{a}-{b}", "x://h/1-2-3", &["a=1", "b=2-3"]),
        ("x://h/{a}.txt", "x://h/1.txt.txt", &["a=1.txt"]),
        ("x://h/{a}.txt/raw", "x://h/1.txt.txt/raw", &["a=1.txt"]),
        ("x:{a}", "x:b", &["a=b"]),
        ("file:///{+path}", "file:///a/b%20c", &["path=a/b c"]),
        ("file:///{+path}", "file:///a%23b", &["path=a#b"]),
        ("file://{+path}", "file:///etc/motd", &["path=/etc/motd"]),
        ("x://h{+path}", "x://h/a/b", &["path=/a/b"]),
        ("fetch://{+url}", "fetch://https://e.com/a?b=c", &["url=https://e.com/a?b=c"]),
        ("x://h/{+path}/rev/{id}", "x://h/a/rev/b/rev/1", &["path=a/rev/b", "id=1"]),
        ("x://h/{+path}.md{?v}", "x://h/a/b.md?v=1", &["path=a/b", "v=1"]),
        ("x://h/{+path}?v={v}", "x://h/a/b?v=1", &["path=a/b", "v=1"]),
        ("x://h/{id}{?a,b}", "x://h/1?a=x&b=y", &["id=1", "a=x", "b=y"]),
        ("x://h/{id}{?a,b}", "x://h/1?b=y", &["id=1", "b=y"]),
        ("x://h/{id}{?a,b}", "x://h/1", &["id=1"]),
        ("x://h/{id}{?a}", "x://h/1?a=", &["id=1", "a="]),
        ("x://h/s{?q}", "x://h/s?q=a/b%2Fc%26d%2Be", &["q=a/b/c&d+e"]),
        ("x://h/s?k=1{&q}", "x://h/s?k=1&q=2", &["q=2"]),
        ("x://h/s?q={q}&p={p}", "x://h/s?q=1&p=2", &["q=1", "p=2"]),
        ("repo://{owner}/{name}{/path*}", "repo://o/n/a/b%20c", &["owner=o", "name=n", "path=a/b c"]),
        ("repo://{owner}/{name}{/path*}", "repo://o/n", &["owner=o", "name=n"]),
        ("x://h{/a,b}", "x://h/1", &["a=1"]),
        ("x://h{/a,b}{?q}", "x://h/1/2?q=3", &["a=1", "b=2", "q=3"]),
        ("x://h/f{.ext}", "x://h/f.tar.gz", &["ext=tar.gz"]),
        ("x://h/f{.ext}", "x://h/f", &[]),
        ("x://h/{a}/f{.ext}{?v}", "x://h/1/f.md?v=2", &["a=1", "ext=md", "v=2"]),
    ] {
        assert_eq!(captured(pattern, raw), some(pairs), "{pattern} {raw}");
    }
}

#[test]
fn values_with_separators_or_dots_do_not_match() {
    for (pattern, raw) in [
        ("x://h/{a}", "x://h/"),
        ("x://h/{a}", "x://h/a/b"),
        ("x://h/{a}", "x://h/a%2Fb"),
        ("x://h/{a}", "x://h/a%5Cb"),
        ("x://h/{a}", "x://h/a%00"),
        ("x://h/{a}", "x://h/%252e%252E"),
        ("x://h/{a}", "x://h/..%252Fb"),
        ("x://h/{a}", "x://h/%252E.%255cb"),
        ("x://h/{a}", "x://h/%C0%AE%C0%AE"),
        ("x://h/{a}", "x://h/%FF"),
        ("x://h/{a}", "x://h/a?b=c"),
        ("x://h/{a}", "x://h/a#b"),
        ("x://h/{a}", "x://i/a"),
        ("x://h/{a}", "y://h/a"),
        ("x://h/A{a}", "x://h/ab"),
        ("x://h/.{a}", "x://h/a"),
        ("x://h/{a}.txt", "x://h/...txt"),
        ("x://{a}/", "x://h:1/"),
        ("x://{a}/", "x://u@h/"),
        ("x://h/{+a}", "x://h/"),
        ("x://h/{+a}", "x://h//etc/passwd"),
        ("x://h/{+a}", "x://h/a%2Fb"),
        ("x://h/{+a}", "x://h/a%5Cb"),
        ("x://h/{+a}", "x://h/a%00"),
        ("x://h/{+a}", "x://h/a%3Fb"),
        ("x://h/{+a}", "x://h/a?b=/../c"),
        ("x://h/{+a}", "x://h/a%252F..%252Fb"),
        ("x://h/{+a}", "x://h/a#b"),
        ("x://h/{+a}/b", "x://h/a?c/b"),
        ("x://h{/p*}", "x://h/a//b"),
        ("x://h{/p*}", "x://h/a/"),
        ("x://h{/p*}", "x://h/a%2Fb"),
        ("x://h{/a,b}", "x://h/1/2/3"),
        ("x://h/s{?a,b}", "x://h/s?"),
        ("x://h/s{?a,b}", "x://h/s?a"),
        ("x://h/s{?a,b}", "x://h/s?a=1&"),
        ("x://h/s{?a,b}", "x://h/s?b=1&a=2"),
        ("x://h/s{?a,b}", "x://h/s?a=1&a=2"),
        ("x://h/s{?a,b}", "x://h/s?c=1"),
        ("x://h/s{?a,b}", "x://h/s?a=1+1"),
        ("x://h/s{?a}", "x://h/s?a=../b"),
        ("x://h/s{?a}", "x://h/s?a=b%2F..%5Cc"),
        ("x://h/s{?a}", "x://h/s?a=%00"),
        ("x://h/s?q={q}", "x://h/s?q=a/b"),
        ("x://h/f{.ext}", "x://h/f."),
    ] {
        assert_eq!(captured(pattern, raw), None, "{pattern} {raw}");
    }
}

#[test]
fn templates_that_cannot_be_read_back_are_refused() {
    use TemplateError as E;
    for (raw, error) in [
        ("{a}", E::Scheme),
        ("{a}://b", E::Scheme),
        ("notes/{a}", E::Scheme),
        ("x://h/{a", E::Brace),
        ("x://h/a}", E::Brace),
        ("x://h/{{a}}", E::Name("{a".into())),
        ("x://h/{}", E::Name("".into())),
        ("x://h/{a b}", E::Name("a b".into())),
        ("x://h/{a,}", E::Name("".into())),
        ("x://h/{.}", E::Name("".into())),
        ("x://h/{a}/{a}", E::Duplicate("a".into())),
        ("x://h/{#a}", E::Operator('#')),
        ("x://h/{;a}", E::Operator(';')),
        ("x://h/{a:3}", E::Prefix("a:3".into())),
        ("x://h/{a*}", E::Explode("a*".into())),
        ("x://h{?a*}", E::Explode("?a*".into())),
        ("x://h{/a*,b}", E::Explode("/a*,b".into())),
        ("x://h/{a,b}", E::Several("a,b".into())),
        ("x://h/{+a,b}", E::Several("+a,b".into())),
        ("x://h/{a}{b}", E::Adjacent("b".into())),
        ("x://h/{a}{+b}", E::Adjacent("+b".into())),
        ("x://h/{a}{.b}", E::Adjacent(".b".into())),
        ("x://h/{+a}/{+b}", E::Reserved("+b".into())),
        ("x://h?a={+a}&b={b}", E::Reserved("+a".into())),
        ("x://h{/a}/b", E::Optional("a".into())),
        ("x://h{?a}&b", E::Optional("a".into())),
        ("x://h{?a}{?b}", E::Optional("?b".into())),
        ("x://h/{+a}{/b}", E::Optional("/b".into())),
        ("x:/{/a}", E::Authority("/a".into())),
        ("x:/{/p*}", E::Authority("/p*".into())),
        ("x://h/{&a}", E::Place("&a".into())),
        ("x://h?b=c{?a}", E::Place("?a".into())),
        ("x://h/#{a}", E::Place("#".into())),
        ("x://u@{h}/", E::Host),
        ("x://[::1]/{a}", E::Host),
        ("x://h/ {a}", E::Literal(UriError::Character)),
        ("x://h/%2/{a}", E::Literal(UriError::Escape)),
        ("x://h/%{a}", E::Literal(UriError::Escape)),
        ("x://h/../{a}", E::Literal(UriError::DotSegment)),
        ("x://h:a/{a}", E::Literal(UriError::Authority)),
    ] {
        assert_eq!(UriTemplate::parse(raw).err(), Some(error), "{raw}");
    }
}

#[test]
fn template_of_32_variables_is_read_and_of_33_is_not() {
    let of = |n: usize| (0..n).map(|n| format!("/{{v{n}}}")).fold("x://h".to_owned(), |all, one| all + &one);
    assert!(UriTemplate::parse(&of(MAX_VARIABLES)).is_ok());
    assert_eq!(UriTemplate::parse(&of(MAX_VARIABLES + 1)).err(), Some(TemplateError::TooManyVariables));
}

#[test]
fn template_of_2048_bytes_is_read_and_of_2049_is_not() {
    let raw = format!("x://h/{{a}}/{}", "a".repeat(MAX_URI_BYTES - 10));
    assert!(UriTemplate::parse(&raw).is_ok());
    assert_eq!(UriTemplate::parse(&format!("{raw}a")).err(), Some(TemplateError::TooLong));
}

#[test]
fn template_tells_its_names_and_what_it_fixes() {
    let it = template("Repo://{owner}/n%61me{/path*}{?a,b}");
    assert_eq!(it.variables().collect::<Vec<_>>(), ["owner", "path", "a", "b"]);
    assert_eq!(it.specificity(), "repo:///name".len());
    assert_eq!(it.as_str(), "Repo://{owner}/n%61me{/path*}{?a,b}");
    assert!(template("x://h/a/{b}").specificity() > template("x://h/{+b}").specificity());
}

#[test]
fn captures_become_a_json_object_in_order() {
    let it = template("x://h/{b}/{a}").matches(&uri("x://h/%22%0A/2")).unwrap();
    assert_eq!(it.to_json_object(), r#"{"b":"\"\n","a":"2"}"#);
    assert_eq!(it.text("a"), Some("2"));
    assert_eq!(it.text("c"), None);
    assert_eq!(template("x://h/a").matches(&uri("x://h/a")).unwrap().to_json_object(), "{}");
}

#[test]
fn expansion_escapes_what_is_not_the_variables_own() {
    assert_eq!(template("x://h/{a}").expand(&[("a", "b/c d%ü"), ("z", "")]), "x://h/b%2Fc%20d%25%C3%BC");
    assert_eq!(template("x://h/{+a}").expand(&[("a", "b/c d%2F?e")]), "x://h/b/c%20d%252F?e");
    assert_eq!(template("x://h{/p*}{?q}").expand(&[("p", "a/b"), ("q", "&=")]), "x://h/a/b?q=%26%3D");
    assert_eq!(template("x://h{/p*}{?q}").expand(&[]), "x://h");
}

#[test]
fn adversarial_uris_cost_linear_work() {
    let patterns = [
        "x://h/{a}-{b}-{c}-{d}-{e}-{f}-{g}-{i}",
        "x://h/{a}aab{b}aab{c}aab{d}",
        "x://h/{+a}/x/{b}",
        "x://h/{+a}aaaab{b}-{c}",
        "x://h{/p*}",
        "x://h{/a,b,c}{?d,e,f}",
        "x://h/s{?a,b,c,d,e}",
        "x://{a}.{b}.{c}/",
        "x://{+u}",
    ];
    let fills = ["a", "-", "/a", "aa-", "%2F", "%41", "/x/", "&a=", "?a=", "a=&", ".", "aab", "aaaa", "a.", "%"];
    for pattern in patterns {
        let it = template(pattern);
        let pieces: &[Piece] = &it.pieces;
        for fill in fills {
            for start in ["x://h/", "x://h", "x://", "x://h/s?a=", ""] {
                let raw = format!("{start}{}", fill.repeat((MAX_URI_BYTES - 16) / fill.len()));
                for raw in [raw.clone(), format!("{raw}!"), format!("{raw}/x/1"), format!("{raw}-b")] {
                    let work = capture::walk(pieces, &raw).1;
                    assert!(work <= 4 * raw.len() + pattern.len(), "{pattern} {fill} {start}: {work}");
                }
            }
        }
    }
}

/// A value that `{a}` gives back: not empty, no separator, no NUL, no dot segment, not even as `.%5C`; lower case for a
/// host of DNS.
fn name() -> impl Strategy<Value = String> {
    "[ -.0-\\[\\]-~ü€\u{1F600}\n]{1,8}".prop_filter("dots", |value| !normal::holds_dot_segment(value))
}

fn path() -> impl Strategy<Value = String> {
    proptest::collection::vec(name().prop_map(|name| name.replace('?', "q")), 1..4).prop_map(|names| names.join("/"))
}

/// A few tokens that matter somewhere, most of them harmless.
fn tokens(most: usize) -> impl Strategy<Value = String> {
    let harmless = ["a", "B", "1", "rev", "~", "%20", "%41", "%25", "%C3%BC", "ü", ",", "%2C", "-", "."].to_vec();
    let others = [
        "/", "..", "%2F", "%2e", "%3A", ":", "%40", "@", "?", "a=", "&", "=", "%26", "%3D", "%2B", "+", "%3F", "#",
        "%23", "%00", "%5C", "%5B", "%FF", "[", "]", "://",
    ]
    .to_vec();
    proptest::collection::vec(prop_oneof![6 => select(harmless), 1 => select(others)], 1..most)
        .prop_map(|tokens| tokens.concat())
}

/// One whose hosts keep their case, and one whose hosts do not.
fn scheme() -> impl Strategy<Value = &'static str> {
    select(["x://", "ws://"].to_vec())
}

fn any_uri() -> impl Strategy<Value = String> {
    (scheme(), tokens(14)).prop_map(|(scheme, tokens)| format!("{scheme}{tokens}"))
}

/// A template, and a URI that it often makes.
fn template_and_uri() -> impl Strategy<Value = (UriTemplate, String)> {
    let fills = proptest::collection::vec(tokens(5), 3);
    (scheme(), select(PATTERNS.to_vec()), fills).prop_map(|(scheme, (pattern, like), fills)| {
        let mut fills = fills.into_iter();
        let filled = like.split('_').map(str::to_owned).reduce(|all, piece| all + &fills.next().unwrap() + &piece);
        (template(&format!("{scheme}{pattern}")), format!("{scheme}{}", filled.unwrap()))
    })
}

#[derive(Clone, Copy, Debug)]
enum Respelling {
    AsItIs,
    Escaped,
    OtherCase,
}

fn respellings() -> impl Strategy<Value = Vec<Respelling>> {
    let one = prop_oneof![
        8 => Just(Respelling::AsItIs),
        2 => Just(Respelling::Escaped),
        1 => Just(Respelling::OtherCase),
    ];
    proptest::collection::vec(one, 80)
}

/// The same with some of the characters behind the scheme escaped or in the other case.
fn respelled(raw: &str, respellings: &[Respelling]) -> String {
    let (scheme, rest) = raw.split_once("://").unwrap();
    let mut out = format!("{scheme}://");
    let mut respellings = respellings.iter().copied().chain(std::iter::repeat(Respelling::AsItIs));
    for char in rest.chars() {
        match respellings.next().unwrap() {
            Respelling::Escaped if char != '%' => {
                char.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| percent::push(byte, &mut out));
            }
            Respelling::OtherCase if char.is_ascii_lowercase() => out.push(char.to_ascii_uppercase()),
            Respelling::OtherCase => out.push(char.to_ascii_lowercase()),
            Respelling::Escaped | Respelling::AsItIs => out.push(char),
        }
    }
    out
}

/// Templates without their scheme, and URIs that they make once each `_` is replaced.
const PATTERNS: [(&str, &str); 16] = [
    ("h/{a}", "h/_"),
    ("h/{a}/{b}", "h/_/_"),
    ("{a}/{b}", "_/_"),
    ("{a}:{b}/{+c}", "_:_/_"),
    ("h/{a}-{b}", "h/_-_"),
    ("h/{+a}", "h/_"),
    ("{+a}", "_"),
    ("{+a}-{b}", "_-_"),
    ("h{+a}", "h_"),
    ("h/{+a}/rev/{b}", "h/_/rev/_"),
    ("h/{a}.{b}{?c}", "h/_._?c=_"),
    ("h{/a,b}{?c}", "h/_/_?c=_"),
    ("h{/a*}", "h/_/_"),
    ("h/a{.b}{?a}", "h/a._?a=_"),
    ("h/?a={a}&b={b}", "h/?a=_&b=_"),
    ("h/a{?a,b}", "h/a?a=_&b=_"),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn canonical_form_is_its_own(raw in any_uri()) {
        if let Ok(read) = ResourceUri::parse(&raw) {
            let again = ResourceUri::parse(read.canonical()).unwrap();
            prop_assert_eq!(again.canonical(), read.canonical());
            prop_assert_eq!(again, read);
        }
    }

    #[test]
    fn parsing_never_panics(raw in "\\PC{0,40}") {
        drop(ResourceUri::parse(&raw));
        drop(UriTemplate::parse(&raw));
        drop(UriTemplate::parse(&format!("x://{raw}")));
    }

    #[test]
    fn no_two_uris_give_the_same_values(
        (it, raw) in template_and_uri(),
        respellings in respellings(),
    ) {
        let other = respelled(&raw, &respellings);
        if let (Ok(one), Ok(other)) = (ResourceUri::parse(&raw), ResourceUri::parse(&other))
            && let (Some(ones), Some(others)) = (it.matches(&one), it.matches(&other))
        {
            prop_assert_eq!(ones == others, one == other, "{} {}", one, other);
        }
    }

    #[test]
    fn what_was_captured_expands_to_the_same_resource((it, raw) in template_and_uri()) {
        if let Ok(read) = ResourceUri::parse(&raw) && let Some(captures) = it.matches(&read) {
            let expanded = it.expand(&captures.iter().collect::<Vec<_>>());
            prop_assert_eq!(uri(&expanded), read);
            prop_assert!(captures.iter().all(|(_, value)| !value.contains('\0') && !normal::holds_dot_segment(value)));
        }
    }

    #[test]
    fn expanded_values_are_captured_again(a in name(), b in name(), p in path()) {
        let host = a.to_ascii_lowercase();
        for (pattern, values) in [
            ("x://h/{a}/{b}", vec![("a", &a), ("b", &b)]),
            ("x://{a}/f/{b}", vec![("a", &a), ("b", &b)]),
            ("http://{a}/f/{b}", vec![("a", &host), ("b", &b)]),
            ("x://h/{a}/{+p}", vec![("a", &a), ("p", &p)]),
            ("x://h/{+p}/rev/{b}", vec![("p", &p), ("b", &b)]),
            ("x://h/{a}{?b,p}", vec![("a", &a), ("b", &b), ("p", &p)]),
            ("x://h{/a,b}", vec![("a", &a), ("b", &b)]),
            ("x://h{/p*}", vec![("p", &p)]),
            ("x://h/f{.b}", vec![("b", &b)]),
            ("x://h/f?k=1{&b}", vec![("b", &b)]),
        ] {
            let values: Vec<(&str, &str)> = values.into_iter().map(|(name, value)| (name, value.as_str())).collect();
            let raw = template(pattern).expand(&values);
            let captures = template(pattern).matches(&uri(&raw));
            prop_assert_eq!(captures.as_ref().map(|it| it.iter().collect::<Vec<_>>()), Some(values), "{}", raw);
        }
    }
}
