//! What is said on standard error, where whoever starts a server is, because a log that nobody reads warns nobody.
//!
//! Standard output is never written to: it belongs to the protocol.

use std::{fmt, io::Write};

/// Says it on a line of its own, behind the name of the library. Nothing of it may be a stranger's text.
pub fn say(what: fmt::Arguments<'_>) {
    say_as_it_is(&format!("mocopr: {what}\n"));
}

/// Says a text of several lines.
pub fn say_as_it_is(text: &str) {
    // Where standard error is closed there is nobody to tell.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
