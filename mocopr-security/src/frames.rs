//! Stack traces in the texts of errors: which lines are frames, and the text without them.
//!
//! Texts come from libraries and from other services, in whatever language those are written. A line that only
//! resembles a frame may go; what stays is never changed but for places in Rust sources.

use std::borrow::Cow;

/// The text with each run of frames as one line that counts them, and without places in Rust sources.
pub(crate) fn without_frames(text: &str) -> Cow<'_, str> {
    if !text.lines().any(|line| is_frame(line.trim()) || holds_place(line)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut run = 0_usize;
    let mut is_quoted = false;
    for line in text.lines() {
        let trimmed = line.trim();
        // Below a frame of Python stands the line of its source, further in.
        let is_source = is_quoted && line.starts_with("    ");
        let is_frame = is_frame(trimmed);
        is_quoted = is_frame && trimmed.starts_with("File \"");
        if is_frame || is_source {
            run += usize::from(!is_source);
            continue;
        }
        end_run(&mut out, &mut run);
        begin_line(&mut out);
        push_without_places(&mut out, line);
    }
    end_run(&mut out, &mut run);
    Cow::Owned(out)
}

fn end_run(out: &mut String, run: &mut usize) {
    if *run > 0 {
        begin_line(out);
        out.push_str(&format!("[frames: {run}]"));
        *run = 0;
    }
}

fn begin_line(out: &mut String) {
    if !out.is_empty() {
        out.push('\n');
    }
}

/// A frame of Rust, Java, JavaScript, C#, Python or Go, or the line above the first one.
fn is_frame(line: &str) -> bool {
    let lower = line.get(..line.len().min(LONGEST_HEAD)).unwrap_or(line).to_ascii_lowercase();
    if HEADS.iter().any(|head| lower.starts_with(head)) || (lower.starts_with("goroutine ") && line.ends_with("]:")) {
        return true;
    }
    if let Some(rest) = line.strip_prefix("at ") {
        return rest.ends_with(')') || ends_with_number(rest) || rest.contains("::");
    }
    if line.starts_with("File \"") && line.contains("\", line ") {
        return true;
    }
    if let Some((place, offset)) = line.rsplit_once(" +0x")
        && place.contains(':')
        && offset.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        return true;
    }
    let Some((number, rest)) = line.split_once(": ") else { return false };
    let is_numbered = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_numbered && (rest.contains("::") || rest.trim_start().starts_with("0x") || rest.contains("<unknown>"))
}

/// It ends like a place in a source: `a.js:12`, `a.js:12:5` or `a.cs:line 12`.
fn ends_with_number(text: &str) -> bool {
    let Some((_, end)) = text.rsplit_once(':') else { return false };
    let end = end.strip_prefix("line ").unwrap_or(end);
    !end.is_empty() && end.bytes().all(|byte| byte.is_ascii_digit())
}

fn holds_place(line: &str) -> bool {
    line.contains(SOURCE) && line.split(' ').any(is_place)
}

fn push_without_places(out: &mut String, line: &str) {
    for (at, word) in line.split(' ').enumerate() {
        if at > 0 {
            out.push(' ');
        }
        out.push_str(if is_place(word) { "[place]" } else { word });
    }
}

/// A word such as `src/db.rs:31:5`, perhaps in brackets or before a comma.
fn is_place(word: &str) -> bool {
    word.split_once(SOURCE).is_some_and(|(_, rest)| rest.starts_with(|char: char| char.is_ascii_digit()))
}

const SOURCE: &str = ".rs:";

/// Lines above the first frame, in lower case.
const HEADS: [&str; 2] = ["stack backtrace:", "traceback (most recent call last):"];

/// No head is longer.
const LONGEST_HEAD: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    /// S-63
    #[test]
    fn frames_of_every_language_become_a_number() {
        for (text, frames) in [
            ("boom\nstack backtrace:\n   0: std::panicking::begin\n             at /rustc/a/library/std.rs:12:5", 3),
            ("boom\n\tat com.example.Db.find(Db.java:31)\n\tat com.example.Main.main(Main.java:7)", 2),
            ("boom\n    at find (/srv/app/db.js:31:5)\n    at /srv/app/main.js:7:1", 2),
            ("boom\n   at App.Db.Find(String id) in /srv/Db.cs:line 31\n   at App.Main() ", 2),
            ("boom\nTraceback (most recent call last):\n  File \"/srv/a.py\", line 3, in f\n    open(x)", 2),
            ("boom\ngoroutine 1 [running]:\n\t/srv/main.go:12 +0x1d", 2),
            ("boom\n   0: app::find +0x1dg:db.rs:100:5", 1),
            ("boom\n  File \"a.py.rs:1.go:3 +0x1d", 1),
        ] {
            let clean = without_frames(text);
            assert!(clean.starts_with("boom\n"), "{clean}");
            assert!(clean.contains(&format!("[frames: {frames}]")), "{clean}");
        }
    }

    #[test]
    fn what_stands_below_a_line_that_is_no_frame_stays() {
        for text in ["File \"a\n    b\n    c", "boom\nFile \"a.rs:1\n    b"] {
            let clean = without_frames(text);
            assert_eq!(clean.lines().count(), text.lines().count(), "{clean}");
            assert_eq!(without_frames(&clean), clean);
        }
    }

    /// S-63
    #[test]
    fn places_in_sources_go_and_the_rest_of_the_line_stays() {
        assert_eq!(without_frames("sqlx::Error at src/db.rs:31, twice"), "sqlx::Error at [place] twice");
    }

    #[test]
    fn ordinary_text_is_not_even_copied() {
        for text in [
            "",
            "no such table",
            "1: first\n2: second",
            "look at it",
            "a file.rs that is long",
            "at noon",
            "connection refused: 10.0.0.1:5432\nagain",
        ] {
            assert!(matches!(without_frames(text), Cow::Borrowed(_)), "{text}");
        }
    }
}
