//! What no byte of a server may tell a peer: paths, names of types and libraries, places in sources, secrets.

use std::thread::panicking;

/// Keeps all that a server sends and judges it at the end, because a telltale may come in two pieces.
#[derive(Debug, Default)]
pub(crate) struct Watch(Vec<u8>);

impl Watch {
    /// The server has sent this too.
    pub(crate) fn hear(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !panicking() {
            assert_tells_nothing(&self.0);
        }
    }
}

/// Fails where what a server sent tells of its insides.
pub(crate) fn assert_tells_nothing(said: &[u8]) {
    let text = String::from_utf8_lossy(said);
    for telltale in TELLTALES {
        if let Some(at) = text.find(telltale) {
            let around: String = text[..at].chars().rev().take(200).collect::<Vec<_>>().into_iter().rev().collect();
            panic!("the server tells of `{telltale}`: {around}{telltale}…");
        }
    }
}

/// None of these is part of what the servers of these tests say by themselves.
const TELLTALES: [&str; 34] = [
    "CANARY",
    "/srv/",
    "/root",
    "/home",
    "/usr/",
    "/proc/",
    "/tmp/",
    ".rs:",
    "src/",
    "panicked",
    "RUST_BACKTRACE",
    "stack backtrace",
    "core::",
    "std::",
    "alloc::",
    "serde",
    "tokio",
    "hyper",
    "rustls",
    "aws_lc",
    "aws-lc",
    "jsonschema",
    "schemars",
    "dashmap",
    "base64::",
    "EOF while parsing",
    "at line ",
    " column ",
    "expected value",
    "invalid type",
    "missing field",
    "unknown field",
    "os error",
    "SELECT ",
];

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::assert_tells_nothing;

    #[test]
    fn a_telltale_is_found_and_nothing_else() {
        assert_tells_nothing(br#"{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}"#);
        assert!(catch_unwind(|| assert_tells_nothing(b"error at line 1")).is_err());
    }
}
