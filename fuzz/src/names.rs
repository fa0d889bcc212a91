//! URIs, templates, paths and escapes: what a peer names things with.

use mocopr_core::{
    trace::TraceParent,
    uri::{
        MAX_URI_BYTES, ResourceUri, UriTemplate,
        percent::{self, Unit},
    },
};
use mocopr_security::sandbox::path::{MAX_COMPONENT_BYTES, MAX_PATH_BYTES, RelPath};
use mocopr_server::resources::path;

/// A URI has one canonical form, which is its own, is plain ASCII, and leads nowhere upwards however often it is decoded
/// once.
pub fn resource_uri(data: &[u8]) {
    let Ok(raw) = std::str::from_utf8(data) else { return };
    let Ok(uri) = ResourceUri::parse(raw) else { return };
    let canonical = uri.canonical();
    assert!(raw.len() <= MAX_URI_BYTES && canonical.len() <= 3 * raw.len());
    assert!(canonical.bytes().all(|byte| byte.is_ascii_graphic()), "{canonical}");
    assert!(percent::is_whole(canonical));
    let again = ResourceUri::parse(canonical);
    // The canonical form of a URI near the bound may be beyond it.
    if canonical.len() <= MAX_URI_BYTES {
        let again = again.expect("a canonical form is a URI");
        assert_eq!(again.canonical(), canonical);
        assert_eq!(again, uri);
    }
    let joined = [
        format!("{}:", uri.scheme()),
        uri.authority().map(|authority| format!("//{authority}")).unwrap_or_default(),
        uri.path().to_owned(),
        uri.query().map(|query| format!("?{query}")).unwrap_or_default(),
        uri.fragment().map(|fragment| format!("#{fragment}")).unwrap_or_default(),
    ];
    assert_eq!(joined.concat(), canonical);
    let decoded = decoded(uri.path());
    let climbs = decoded.split(|byte| matches!(byte, b'/' | b'\\')).any(|segment| matches!(segment, b"." | b".."));
    assert!(!climbs, "{canonical}");
}

fn decoded(text: &str) -> Vec<u8> {
    percent::units(text)
        .map(|unit| match unit {
            Unit::Plain(byte) | Unit::Escaped(byte) => byte,
            Unit::Broken => b'%',
        })
        .collect()
}

/// What a template reads out of a URI makes the same resource again, and no value of a name holds a separator.
///
/// The first line is the template; each further line is a URI.
pub fn uri_template(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let Some(Ok(template)) = lines.next().map(UriTemplate::parse) else { return };
    let names: Vec<&str> = template.variables().collect();
    let outline = template.outline();
    assert!(template.specificity() <= outline.len());
    for uri in lines.filter_map(|line| ResourceUri::parse(line).ok()) {
        let Some(captures) = template.matches(&uri) else { continue };
        let values: Vec<(&str, &str)> = captures.iter().collect();
        assert!(values.iter().all(|(name, _)| names.contains(name)));
        for (name, value) in &values {
            assert!(!value.contains('\0'), "{name}");
            assert!(!value.split(['/', '\\']).any(|segment| matches!(segment, "." | "..")), "{name}: {value}");
            assert_eq!(captures.text(name), Some(*value));
        }
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&captures.to_json_object()).expect("it is an object");
        assert_eq!(object.len(), values.len());
        let expanded = template.expand(&values);
        if expanded.len() <= MAX_URI_BYTES {
            let again = ResourceUri::parse(&expanded).unwrap_or_else(|error| panic!("{expanded}: {error}"));
            assert_eq!(again, uri, "{} of {}", template.as_str(), uri.as_str());
            assert_eq!(template.matches(&again), Some(captures.clone()));
        }
    }
}

/// Escapes are undone once, exactly as a plain reading of RFC 3986 undoes them.
pub fn percent_escapes(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut plain = Vec::new();
    let mut is_whole = true;
    let mut at = 0;
    while let Some(byte) = data.get(at) {
        let digits = data.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (byte, escaped) {
            (b'%', Some(escaped)) => {
                plain.push(escaped);
                at += 3;
            }
            (byte, _) => {
                is_whole &= *byte != b'%';
                plain.push(*byte);
                at += 1;
            }
        }
    }
    assert_eq!(percent::is_whole(text), is_whole);
    assert_eq!(percent::decode(text, |_| true), is_whole.then(|| String::from_utf8(plain).ok()).flatten());
    let mut escaped = String::new();
    data.iter().for_each(|byte| percent::push(*byte, &mut escaped));
    assert_eq!(percent::decode(&escaped, |_| true).as_deref(), Some(text));
}

/// A path below a directory stays below it, whoever decodes or splits it once more.
pub fn relative_path(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(path) = RelPath::parse(text) {
        stays_below(path.as_str());
        assert_eq!(path.as_str(), text);
        assert_eq!(path.components().collect::<Vec<_>>().join("/"), text);
        assert_eq!(RelPath::below(path.parent().as_ref(), path.name()).as_ref(), Some(&path));
        assert_eq!(path.is_hidden(), text.split('/').any(|component| component.starts_with('.')));
    }
    if let Some(path) = path::decode(text) {
        stays_below(&path);
        assert!(path.matches('/').count() == text.matches('/').count(), "a slash was written as an escape: {text}");
    }
}

fn stays_below(path: &str) {
    assert!(!path.starts_with('/') && !path.contains(['\\', '\0']), "{path}");
    assert!(!percent::holds_escape(path), "{path}");
    let mut depth = 0_usize;
    for component in std::path::Path::new(path).components() {
        assert!(matches!(component, std::path::Component::Normal(_)), "{path}");
        depth += 1;
    }
    assert_eq!(depth, path.split('/').count(), "{path}");
    if let Some(kept) = RelPath::parse(path) {
        assert!(kept.as_str().len() <= MAX_PATH_BYTES);
        assert!(kept.components().all(|component| (1..=MAX_COMPONENT_BYTES).contains(&component.len())));
    }
}

/// A trace is read exactly where the grammar of W3C Trace Context, looked at place by place, says that there is one.
pub fn trace_parent(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let hex = |from: usize, to: usize| {
        data.get(from..to).filter(|part| part.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
    };
    let dash = |at: usize| data.get(at) == Some(&b'-');
    let is_zero = |part: &[u8]| part.iter().all(|byte| *byte == b'0');
    let parts = (hex(0, 2), hex(3, 35), hex(36, 52), hex(53, 55));
    let expected = match parts {
        (Some(version), Some(trace), Some(span), Some(flags))
            if dash(2) && dash(35) && dash(52) && !is_zero(trace) && !is_zero(span) =>
        {
            let ends = data.len() == 55 || (version != b"00" && dash(55));
            (ends && version != b"ff").then(|| (trace.to_vec(), flags.to_vec()))
        }
        _ => None,
    };
    let read = TraceParent::parse(text);
    assert_eq!(read.is_some(), expected.is_some(), "{text}");
    if let (Some(read), Some((trace, flags))) = (read, expected) {
        assert_eq!(read.trace().to_string().as_bytes(), trace);
        assert_eq!(
            read.is_sampled(),
            matches!(flags.last(), Some(b'1' | b'3' | b'5' | b'7' | b'9' | b'b' | b'd' | b'f'))
        );
    }
}
