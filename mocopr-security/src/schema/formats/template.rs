//! URI templates (RFC 6570), all four levels, and the operators that are kept for extensions.

use mocopr_core::uri::percent;

/// Literals and expressions in braces.
pub(super) fn is_template(text: &str) -> bool {
    let mut rest = text;
    while let Some((literal, behind)) = rest.split_once('{') {
        let Some((expression, behind)) = behind.split_once('}') else { return false };
        if !is_literal(literal) || !is_expression(expression) {
            return false;
        }
        rest = behind;
    }
    is_literal(rest)
}

fn is_literal(text: &str) -> bool {
    let is_plain = |byte: u8| byte > b' ' && byte != 0x7F && !b"\"<>\\^`{|}".contains(&byte);
    text.bytes().all(is_plain) && percent::is_whole(text)
}

fn is_expression(text: &str) -> bool {
    let variables = text.strip_prefix(|first| "+#./;?&=,!@|".contains(first)).unwrap_or(text);
    variables.split(',').all(is_variable)
}

/// A name, and after it `*`, or a length of at most 9999 characters.
fn is_variable(text: &str) -> bool {
    let name = match text.split_once(':') {
        None => text.strip_suffix('*').unwrap_or(text),
        Some((name, length)) => {
            let is_length = (1..=4).contains(&length.len())
                && length.bytes().all(|byte| byte.is_ascii_digit())
                && !length.starts_with('0');
            if !is_length {
                return false;
            }
            name
        }
    };
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'%');
    name.split('.').all(|part| !part.is_empty() && part.bytes().all(in_name) && percent::is_whole(part))
}
