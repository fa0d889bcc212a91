//! What looks like a secret in a definition or a form, and must not be where it stands.
//!
//! Names are judged, never values: a parameter is taken for a secret where its name or its format says so.

use mocopr_security::policy::Problem;
use serde_json::{Map, Value};

/// Secrets that a tool has clients repeat in headers, where proxies and logs see them.
///
/// MCP 2026-07-28, server/tools, "x-mcp-header".
pub(super) fn mirrored_secrets(tool: &str, schema: &Value) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), schema)];
    while let Some((place, schema)) = open.pop() {
        for (name, schema) in properties(schema) {
            let place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
            if schema.get("x-mcp-header").is_some() && is_secret(name, schema) {
                found.push(Problem::new(
                    format!(
                        "tool `{tool}`, parameter `{place}`: a secret is repeated in a header, which logs may keep"
                    ),
                    "remove its x-mcp-header",
                ));
            }
            open.push((place, schema));
        }
    }
    found
}

/// The form asks for a secret, which is what a page of one's own is for.
///
/// MCP 2025-11-25 and later, client/elicitation, "Security Considerations".
pub(crate) fn asks_for_secret(form: &Value) -> bool {
    properties(form).any(|(name, schema)| is_secret(name, schema))
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

/// Whether the name or the schema of a parameter says that its values are secrets.
fn is_secret(name: &str, schema: &Value) -> bool {
    // Whether there is a token, or which of two, is no secret.
    if schema.get("type").and_then(Value::as_str) == Some("boolean") {
        return false;
    }
    if schema.get("format").and_then(Value::as_str) == Some("password") {
        return true;
    }
    names_secret(name)
}

/// Whether a name says that what bears it is a secret.
pub(crate) fn names_secret(name: &str) -> bool {
    // `apiKey`, `api_key` and `API-KEY` are one name.
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).map(|char| char.to_ascii_lowercase()).collect();
    SECRET_ENDS.iter().any(|end| name.ends_with(end)) && !PLACES.iter().any(|end| name.ends_with(end))
}

/// A name is judged by its end: `client_secret` is a secret and `secretary` is none, `access_token` is one and
/// `max_tokens` is none.
const SECRET_ENDS: [&str; 15] = [
    "password",
    "passwords",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "secrets",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
    "credentials",
    "securitycode",
    "cvv",
];

/// Names of tokens that say where to go on, which whoever asked may know.
const PLACES: [&str; 5] = ["pagetoken", "nexttoken", "continuationtoken", "progresstoken", "synctoken"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_in_a_header_is_a_problem_wherever_it_stands() {
        for name in ["password", "userPassword", "api_key", "API-KEY", "access_token", "client_secret"] {
            let secret = json!({"type": "string", "x-mcp-header": "X"});
            let schema = json!({"type": "object", "properties": {name: secret}});
            assert_eq!(mirrored_secrets("t", &schema).len(), 1, "{name}");
            let nested = json!({"type": "object", "properties": {"a": schema}});
            assert_eq!(mirrored_secrets("t", &nested).len(), 1, "{name}");
        }
    }

    #[test]
    fn what_is_no_secret_or_in_no_header_is_no_problem() {
        for name in
            ["region", "page_token", "nextPageToken", "next_token", "max_tokens", "secretary", "keyboard", "tokenizer"]
        {
            let schema = json!({"properties": {name: {"type": "string", "x-mcp-header": "X"}}});
            assert_eq!(mirrored_secrets("t", &schema), [], "{name}");
        }
        assert_eq!(mirrored_secrets("t", &json!({"properties": {"password": {"type": "string"}}})), []);
        assert_eq!(
            mirrored_secrets("t", &json!({"properties": {"token": {"type": "boolean", "x-mcp-header": "X"}}})),
            []
        );
    }

    #[test]
    fn a_form_with_a_secret_is_known_by_name_or_format() {
        assert!(asks_for_secret(&json!({"properties": {"a": {}, "apiKey": {"type": "string"}}})));
        assert!(asks_for_secret(&json!({"properties": {"a": {"type": "string", "format": "password"}}})));
        assert!(!asks_for_secret(&json!({"properties": {"name": {"type": "string"}}})));
        assert!(!asks_for_secret(&json!({"type": "object"})));
    }
}
