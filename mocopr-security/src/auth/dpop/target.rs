//! The URL that a proof is for, in the form in which two are compared.
//!
//! Only spellings that RFC 3986 calls equal become equal; what it does not read is refused.

use crate::origin::{Authority, Host};

/// An HTTP URL in normal form, without query and fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TargetUrl(Box<str>);

impl TargetUrl {
    /// Reads a URL. `None` where it is none of HTTP, names a user, or has more than 2 KiB.
    ///
    /// # Source
    /// RFC 9449, section 4.3 (query and fragment do not count; normalization); RFC 3986, sections 6.2.2 and 6.2.3.
    pub(super) fn read(text: &str) -> Option<Self> {
        if text.len() > MOST_BYTES {
            return None;
        }
        let text = text.split(['?', '#']).next()?;
        let (scheme, rest) = text.split_once("://")?;
        let (scheme, usual) = match scheme.to_ascii_lowercase().as_str() {
            "https" => ("https", 443),
            "http" => ("http", 80),
            _ => return None,
        };
        let (authority, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len()))?;
        // An empty port is the usual one.
        let Authority { host, port } = Authority::parse(authority.strip_suffix(':').unwrap_or(authority))?;
        let host = match host {
            Host::Name(name) => name.to_ascii_lowercase(),
            Host::V6(address) => format!("[{address}]"),
        };
        let port = port.filter(|port| *port != usual).map(|port| format!(":{port}")).unwrap_or_default();
        let path = without_dots(&unescaped(path)?);
        Some(Self(format!("{scheme}://{host}{port}{path}").into()))
    }
}

/// The path with escapes of what needs none undone, and all others in capital letters.
fn unescaped(path: &str) -> Option<String> {
    let mut plain = String::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            if !is_path_byte(byte) {
                return None;
            }
            plain.push(char::from(byte));
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let byte = u8::try_from(digit()? * 16 + digit()?).ok()?;
        if is_unreserved(byte) {
            plain.push(char::from(byte));
        } else {
            plain.push_str(&format!("%{byte:02X}"));
        }
    }
    Some(plain)
}

/// The path without segments of one or two dots (RFC 3986, section 5.2.4); a path is never empty.
fn without_dots(path: &str) -> String {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let mut kept: Vec<&str> = Vec::new();
    for (nth, segment) in segments.iter().enumerate() {
        match *segment {
            "." | ".." => {
                if *segment == ".." {
                    kept.pop();
                }
                // At the end a dot stands for what is in the directory.
                if nth + 1 == segments.len() {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

fn is_path_byte(byte: u8) -> bool {
    is_unreserved(byte) || b"/!$&'()*+,;=:@".contains(&byte)
}

const MOST_BYTES: usize = 2 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_that_mean_the_same_are_the_same() {
        let url = TargetUrl::read("https://mcp.example.com/a/mcp").unwrap();
        for same in [
            "HTTPS://MCP.Example.com/a/mcp",
            "https://mcp.example.com:443/a/mcp",
            "https://mcp.example.com:/a/mcp",
            "https://mcp.example.com/a/mcp?query",
            "https://mcp.example.com/a/mcp#fragment",
            "https://mcp.example.com/a/mcp?query#fragment",
            "https://mcp.example.com/a/./mcp",
            "https://mcp.example.com/b/../a/mcp",
            "https://mcp.example.com/../a/mcp",
            "https://mcp.example.com/a/%6dcp",
            "https://mcp.example.com/a/b/%2e%2E/mcp",
        ] {
            assert_eq!(TargetUrl::read(same).as_ref(), Some(&url), "{same}");
        }
        assert_eq!(TargetUrl::read("https://a.example"), TargetUrl::read("https://a.example/"));
        assert_eq!(TargetUrl::read("http://[::1]:80/x"), TargetUrl::read("http://[0:0::1]/x"));
        assert_eq!(TargetUrl::read("https://a.example/%3a%2f"), TargetUrl::read("https://a.example/%3A%2F"));
    }

    #[test]
    fn spellings_that_mean_something_else_are_something_else() {
        let url = TargetUrl::read("https://mcp.example.com/mcp").unwrap();
        for other in [
            "http://mcp.example.com/mcp",
            "https://mcp.example.com:8443/mcp",
            "https://mcp.example.com/mcp/",
            "https://mcp.example.com//mcp",
            "https://mcp.example.com/MCP",
            "https://mcp.example.com/mcp/..",
            "https://mcp.example.com/mcp%2F",
            "https://mcp.example.com/x%2F..%2Fmcp",
            "https://mcp.example.com",
            "https://evil.mcp.example.com/mcp",
            "https://mcp.example.com.evil.example/mcp",
        ] {
            let read = TargetUrl::read(other);
            assert!(read.is_some() && read != Some(url.clone()), "{other}");
        }
    }

    #[test]
    fn what_is_no_url_of_http_is_not_read() {
        for text in [
            "",
            "/mcp",
            "mcp.example.com/mcp",
            "ftp://mcp.example.com/mcp",
            "https:///mcp",
            "https://user@mcp.example.com/mcp",
            "https://mcp.example.com@evil.example/mcp",
            "https://mcp.example.com./mcp",
            "https://mcp.example.com/%",
            "https://mcp.example.com/%6",
            "https://mcp.example.com/%zz",
            "https://mcp.example.com/a b",
            "https://mcp.example.com/\u{e9}",
            "https://mcp.example.com\\mcp",
            " https://mcp.example.com/mcp",
            &format!("https://mcp.example.com/{}", "a".repeat(2_048)),
        ] {
            assert_eq!(TargetUrl::read(text), None, "{text}");
        }
    }
}
