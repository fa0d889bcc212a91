//! The text in which metrics are told: the exposition format of Prometheus, version 0.0.4.
//!
//! Owns every rule of the format: the order of lines, escapes, how numbers are written. It knows no metric.

use std::fmt::{Display, Write};

/// What the format is called in `Content-Type`.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What kind of numbers a family has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// The text so far.
///
/// # Source
/// Prometheus, "Exposition formats", "Text-based format".
#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Text {
    /// Begins a family; its samples follow.
    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.push("# HELP ");
        self.push(name);
        self.push(" ");
        self.escaped(help, None);
        self.push("\n# TYPE ");
        self.push(name);
        self.push(" ");
        self.push(kind);
        self.push("\n");
    }

    /// One number; a label without a value is left out, which means the same.
    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.push(name);
        let mut before = "{";
        for (label, of) in labels.iter().filter(|(_, of)| !of.is_empty()) {
            self.push(before);
            self.push(label);
            self.push("=\"");
            self.escaped(of, Some('"'));
            self.push("\"");
            before = ",";
        }
        if before == "," {
            self.push("}");
        }
        self.push(" ");
        // Writing to a text never fails.
        let _ = writeln!(self.0, "{value}");
    }

    /// All of it.
    pub(super) fn into_string(self) -> String {
        self.0
    }

    fn push(&mut self, text: &str) {
        self.0.push_str(text);
    }

    fn escaped(&mut self, text: &str, quote: Option<char>) {
        for letter in text.chars() {
            match letter {
                '\\' => self.push("\\\\"),
                '\n' => self.push("\\n"),
                letter if Some(letter) == quote => {
                    self.push("\\");
                    self.0.push(letter);
                }
                letter => self.0.push(letter),
            }
        }
    }
}

/// A number as the format writes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number(pub(super) f64);

impl Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            f64::INFINITY => f.write_str("+Inf"),
            f64::NEG_INFINITY => f.write_str("-Inf"),
            number => write!(f, "{number}"),
        }
    }
}

/// A name that the format takes, in the manner of this project: lower-case letters, digits and underscores.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_written_as_the_format_says() {
        let mut text = Text::default();
        text.family("a_total", Kind::Counter, "Lines\nand \\ and \"quotes\".");
        text.sample("a_total", &[], 7);
        text.sample("a_total", &[("of", "x\"y\\z\nü"), ("none", ""), ("and", "1")], Number(0.25));
        text.sample("a_total", &[("none", "")], Number(f64::INFINITY));
        assert_eq!(
            text.into_string(),
            "# HELP a_total Lines\\nand \\\\ and \"quotes\".\n# TYPE a_total counter\na_total 7\n\
             a_total{of=\"x\\\"y\\\\z\\nü\",and=\"1\"} 0.25\na_total +Inf\n"
        );
    }

    #[test]
    fn names_are_plain() {
        assert!(is_name("mocopr_audit_queue_records"));
        for name in ["", "9a", "a-b", "A", "a b", "a{", "ä"] {
            assert!(!is_name(name), "{name}");
        }
    }
}
