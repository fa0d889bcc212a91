//! The variables of an RFC 6570 template, as far as a macro needs them: their names.
//!
//! Whether the template can be matched is decided once, by the parser of `mocopr-core`, when the server is built.

/// The names of the variables, in order.
///
/// # Errors
/// A sentence that says what is wrong with the braces.
pub(crate) fn variables(template: &str) -> Result<Vec<&str>, &'static str> {
    let mut names = Vec::new();
    let mut rest = template;
    while let Some((literal, tail)) = rest.split_once('{') {
        if literal.contains('}') {
            return Err(LONELY);
        }
        let (expression, after) = tail.split_once('}').ok_or("a `{` is never closed")?;
        for variable in expression.trim_start_matches(['+', '#', '.', '/', ';', '?', '&']).split(',') {
            names.push(name(variable)?);
        }
        rest = after;
    }
    if rest.contains('}') { Err(LONELY) } else { Ok(names) }
}

/// A variable without its modifiers `*` and `:n`.
fn name(variable: &str) -> Result<&str, &'static str> {
    let name = variable.split_once(':').map_or(variable, |(name, _)| name).trim_end_matches('*');
    let mut letters = name.chars();
    let begins = letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    if begins && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_') {
        return Ok(name);
    }
    Err("a variable must be a name that a parameter can have")
}

const LONELY: &str = "a `}` was never opened";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_without_operators_and_modifiers() {
        assert_eq!(variables("a://{b}/{+path*}{?q,limit:3}").unwrap(), ["b", "path", "q", "limit"]);
        assert_eq!(variables("a://b").unwrap(), [""; 0]);
    }

    #[test]
    fn braces_that_do_not_match_are_refused() {
        for template in ["a://{b", "a://b}", "a://{}", "a://{a-b}", "a://}{a}", "a://{{a}}"] {
            assert!(variables(template).is_err(), "{template}");
        }
    }
}
