//! Internationalized labels in their ASCII form: Punycode (RFC 3492), and what may stand in a label (RFC 5892).

use std::sync::LazyLock;

use regex::Regex;

/// Whether what stands behind `xn--` encodes a label.
pub(super) fn is_encoded(encoded: &str) -> bool {
    decode(encoded).is_some_and(|label| is_label(&label))
}

/// Decodes Punycode (RFC 3492, 6.2). A label has at most 63 characters, so the work is small.
fn decode(encoded: &str) -> Option<Vec<char>> {
    let (basic, extended) = match encoded.rsplit_once('-') {
        Some((basic, extended)) if !basic.is_empty() => (basic, extended),
        _ => ("", encoded),
    };
    let mut label: Vec<char> = basic.chars().collect();
    let (mut code, mut index, mut bias) = (128_u32, 0_u32, 72_u32);
    let mut digits = extended.chars();
    while !digits.as_str().is_empty() {
        let (before, mut weight, mut position) = (index, 1_u32, BASE);
        loop {
            let digit = digit(digits.next()?)?;
            index = index.checked_add(digit.checked_mul(weight)?)?;
            let threshold = position.saturating_sub(bias).clamp(LEAST_THRESHOLD, MOST_THRESHOLD);
            if digit < threshold {
                break;
            }
            weight = weight.checked_mul(BASE - threshold)?;
            position += BASE;
        }
        let length = u32::try_from(label.len()).ok()? + 1;
        bias = adapt(index - before, length, if before == 0 { 700 } else { 2 });
        code = code.checked_add(index / length)?;
        index %= length;
        label.insert(usize::try_from(index).ok()?, char::from_u32(code)?);
        index += 1;
    }
    Some(label)
}

fn digit(character: char) -> Option<u32> {
    match character {
        'a'..='z' | 'A'..='Z' => character.to_digit(36).map(|digit| digit - 10),
        '0'..='9' => character.to_digit(10).map(|digit| digit + 26),
        _ => None,
    }
}

/// RFC 3492, 6.1.
fn adapt(delta: u32, length: u32, damping: u32) -> u32 {
    let mut delta = delta / damping;
    delta += delta / length;
    let mut bias = 0;
    while delta > (BASE - LEAST_THRESHOLD) * MOST_THRESHOLD / 2 {
        delta /= BASE - LEAST_THRESHOLD;
        bias += BASE;
    }
    bias + (BASE - LEAST_THRESHOLD + 1) * delta / (delta + 38)
}

const BASE: u32 = 36;
const LEAST_THRESHOLD: u32 = 1;
const MOST_THRESHOLD: u32 = 26;

/// Whether each character may stand where it stands.
fn is_label(label: &[char]) -> bool {
    // RFC 5891, 4.2.3.1.
    let misuses_hyphens =
        label.first() == Some(&'-') || label.last() == Some(&'-') || label.get(2..4) == Some(&['-', '-']);
    if misuses_hyphens {
        return false;
    }
    let text: String = label.iter().collect();
    let categories = |tables: &Tables| tables.letters.is_match(&text) && !tables.mark_first.is_match(&text);
    if !TABLES.as_ref().is_some_and(categories) {
        return false;
    }
    let has = |range: &dyn Fn(char) -> bool| label.iter().any(|&character| range(character));
    let is_japanese =
        |character| matches!(character, '\u{3040}'..='\u{30FA}' | '\u{30FC}'..='\u{30FF}' | '\u{4E00}'..='\u{9FFF}');
    let mixes_digits =
        has(&|digit| matches!(digit, '\u{660}'..='\u{669}')) && has(&|digit| matches!(digit, '\u{6F0}'..='\u{6F9}'));
    let dots_alone = has(&|dot| dot == '\u{30FB}') && !has(&is_japanese);
    !mixes_digits && !dots_alone && (0..label.len()).all(|index| fits_context(label, index))
}

/// The rules for characters that are allowed beside some others alone (RFC 5892, appendix A).
fn fits_context(label: &[char], index: usize) -> bool {
    let before = index.checked_sub(1).and_then(|index| label.get(index)).copied();
    let after = label.get(index + 1).copied();
    match label.get(index) {
        Some('\u{200D}') => before.is_some_and(is_virama),
        Some('\u{B7}') => before == Some('l') && after == Some('l'),
        Some('\u{375}') => after.is_some_and(|after| matches!(after, '\u{370}'..='\u{3FF}')),
        Some('\u{5F3}' | '\u{5F4}') => before.is_some_and(|before| matches!(before, '\u{590}'..='\u{5FF}')),
        Some(_) | None => true,
    }
}

/// Signs that take the vowel from the letter before them (Unicode, combining class 9).
fn is_virama(character: char) -> bool {
    VIRAMAS.contains(&u32::from(character))
}

struct Tables {
    letters: Regex,
    mark_first: Regex,
}

/// The categories of RFC 5892, 2.1, with its exceptions; they are the same for every schema.
static TABLES: LazyLock<Option<Tables>> = LazyLock::new(|| {
    let letters = r"^[a-zA-Z0-9\-[\p{L}\p{Mn}\p{Mc}\p{Nd}--\x{640}\x{7FA}\x{302E}\x{302F}\x{3031}-\x{3035}\x{303B}]\x{200C}\x{200D}\x{B7}\x{375}\x{5F3}\x{5F4}\x{6FD}\x{6FE}\x{F0B}\x{3007}\x{30FB}]*$";
    Some(Tables { letters: Regex::new(letters).ok()?, mark_first: Regex::new(r"^\p{M}").ok()? })
});

#[rustfmt::skip]
const VIRAMAS: [u32; 50] = [
    0x94D, 0x9CD, 0xA4D, 0xACD, 0xB4D, 0xBCD, 0xC4D, 0xCCD, 0xD4D, 0xDCA, 0xE3A, 0xF84, 0x1039, 0x1714, 0x1734,
    0x17D2, 0x1A60, 0x1B44, 0x1BAA, 0x1BF2, 0x1BF3, 0x2D7F, 0xA806, 0xA8C4, 0xA953, 0xABED, 0x10A3F, 0x11046, 0x1107F,
    0x110B9, 0x11133, 0x111C0, 0x11235, 0x112EA, 0x1134D, 0x11442, 0x114C2, 0x115BF, 0x1163F, 0x116B6, 0x1172B,
    0x11839, 0x119E0, 0x11A34, 0x11A47, 0x11A99, 0x11C3F, 0x11D44, 0x11D45, 0x11D97,
];
