//! Texts of others as JSON strings that no terminal, no reader of lines and no person can be misled by.
//!
//! Of what is not ASCII letters and digits of any script stay; everything else is written as an escape. That is a list
//! of what is harmless, so a character that some later version of Unicode makes invisible, or lets turn the direction
//! of a line, is escaped already.

/// Appends a text as a JSON string of at most `most` bytes before escaping; what is cut off is marked by an ellipsis.
pub(crate) fn push_string(out: &mut Vec<u8>, text: &str, most: usize) {
    let kept = cut(text, most);
    out.push(b'"');
    push_escaped(out, kept);
    if kept.len() < text.len() {
        out.extend_from_slice(CUT);
    }
    out.push(b'"');
}

/// The beginning of a text, of at most so many bytes.
pub(crate) fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default()
}

/// Appends a text with every character escaped that is not harmless in a line.
pub(crate) fn push_escaped(out: &mut Vec<u8>, text: &str) {
    let mut rest = text;
    loop {
        let plain = plain_length(rest.as_bytes());
        let (harmless, more) = rest.split_at_checked(plain).unwrap_or((rest, ""));
        out.extend_from_slice(harmless.as_bytes());
        let mut chars = more.chars();
        let Some(char) = chars.next() else { return };
        if char.is_alphanumeric() {
            out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        } else if char == '"' || char == '\\' {
            out.extend_from_slice(&[b'\\', u8::try_from(char).unwrap_or(b'?')]);
        } else {
            for unit in char.encode_utf16(&mut [0; 2]) {
                out.extend_from_slice(b"\\u");
                push_hex(out, &unit.to_be_bytes());
            }
        }
        rest = chars.as_str();
    }
}

/// Appends bytes in hexadecimal digits.
pub(crate) fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    let digit = |half: u8| if half < 10 { b'0' + half } else { b'a' + half - 10 };
    // An iterator of known length is written without a check for room at each byte.
    out.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
}

/// Appends a number in decimal digits.
pub(crate) fn push_number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut used = 0;
    for place in digits.iter_mut().rev() {
        *place = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        used += 1;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len() - used..).unwrap_or_default());
}

/// How many bytes at the beginning are plain.
fn plain_length(bytes: &[u8]) -> usize {
    // Eight at a time without a branch between them, which the compiler makes a few instructions of.
    let eights = bytes.chunks_exact(8).take_while(|eight| eight.iter().fold(true, |all, byte| all & is_plain(*byte)));
    let known = 8 * eights.count();
    known + bytes.iter().skip(known).take_while(|byte| is_plain(**byte)).count()
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') & (byte != b'"') & (byte != b'\\')
}

/// An ellipsis, escaped.
const CUT: &[u8] = b"\\u2026";

#[cfg(test)]
mod tests {
    use super::*;

    fn string(text: &str, most: usize) -> String {
        let mut out = Vec::new();
        push_string(&mut out, text, most);
        String::from_utf8(out).unwrap()
    }

    /// S-94, T-63
    #[test]
    fn every_character_is_one_of_a_harmless_line_and_reads_back() {
        for char in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let text = format!("a{char}b");
            let written = string(&text, 512);
            assert!(
                written.chars().all(|written| written.is_alphanumeric() || (' '..='~').contains(&written)),
                "{char:?}"
            );
            assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text, "{char:?}");
        }
        for harmful in ["\r\n", "\u{1b}[31m", "\u{9b}", "\u{2028}", "\u{2029}", "\u{202e}", "\u{200b}", "\u{feff}"] {
            assert!(string(harmful, 512).is_ascii(), "{harmful:?}");
        }
        for before in 0..20 {
            let text = format!("{}\"{}", "a".repeat(before), "b".repeat(20));
            assert_eq!(serde_json::from_str::<String>(&string(&text, 512)).unwrap(), text);
        }
        assert_eq!(string("Zoë 東京 \u{1F600}", 512), "\"Zoë 東京 \\ud83d\\ude00\"");
    }

    #[test]
    fn a_text_is_cut_at_its_bound_on_a_character_and_marked() {
        assert_eq!(string("abcd", 4), "\"abcd\"");
        assert_eq!(string("abcde", 4), "\"abcd\\u2026\"");
        assert_eq!(string("abcë", 4), "\"abc\\u2026\"");
        assert_eq!(string("", 0), "\"\"");
    }

    #[test]
    fn numbers_are_written_as_they_are() {
        for number in [0, 1, 9, 10, 99, 100, 12_345, u64::MAX] {
            let mut out = Vec::new();
            push_number(&mut out, number);
            assert_eq!(out, number.to_string().as_bytes());
        }
    }
}
