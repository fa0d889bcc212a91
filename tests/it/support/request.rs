//! Requests of the two eras as the bytes of HTTP/1.1 and as JSON, so that a test only says what is special about one.

use serde_json::{Value, json};

/// A POST to `/mcp` with these header fields and this body; nothing is added but the body's length.
pub(crate) fn post(headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    request("POST /mcp HTTP/1.1", headers, body)
}

/// Any request; nothing is added but the body's length.
pub(crate) fn request(line: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{line}\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// A message of 2026-07-28 with everything that the revision asks for.
pub(crate) fn stateless(id: impl Into<Value>, method: &str, params: Value) -> Value {
    let mut params = params;
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
    params["_meta"]["io.modelcontextprotocol/clientInfo"] = json!({"name": "it", "version": "0"});
    if params["_meta"].get("io.modelcontextprotocol/clientCapabilities").is_none() {
        params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
    }
    json!({"jsonrpc": "2.0", "id": id.into(), "method": method, "params": params})
}

/// The POST that carries a message of 2026-07-28, with the headers that mirror it.
pub(crate) fn stateless_post(authority: &str, message: &Value) -> Vec<u8> {
    let method = message["method"].as_str().unwrap_or_default();
    let name = match method {
        "tools/call" | "prompts/get" => message["params"]["name"].as_str(),
        "resources/read" => message["params"]["uri"].as_str(),
        _ => None,
    };
    let mut headers = base(authority);
    headers.extend([("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", method)]);
    headers.extend(name.map(|name| ("Mcp-Name", name)));
    post(&headers, message.to_string().as_bytes())
}

/// A message of a revision with sessions.
pub(crate) fn stateful(id: impl Into<Value>, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id.into(), "method": method, "params": params})
}

/// The first message of a session.
pub(crate) fn initialize(id: impl Into<Value>, revision: &str, capabilities: Value) -> Value {
    let client = json!({"name": "it", "version": "0"});
    let params = json!({"protocolVersion": revision, "capabilities": capabilities, "clientInfo": client});
    stateful(id, "initialize", params)
}

/// The POST that carries a message of a session; the first one has neither an id of it nor a version.
pub(crate) fn stateful_post(authority: &str, session: Option<(&str, &str)>, message: &Value) -> Vec<u8> {
    let mut headers = base(authority);
    if let Some((id, revision)) = session {
        headers.extend([("Mcp-Session-Id", id), ("MCP-Protocol-Version", revision)]);
    }
    post(&headers, message.to_string().as_bytes())
}

fn base(authority: &str) -> Vec<(&str, &str)> {
    let accept = "application/json, text/event-stream";
    vec![("Host", authority), ("Content-Type", "application/json"), ("Accept", accept)]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{stateless, stateless_post};

    #[test]
    fn headers_mirror_the_message() {
        let message = stateless(1, "tools/call", json!({"name": "a", "arguments": {}}));
        let text = String::from_utf8(stateless_post("h:1", &message)).expect("it is text");
        let (head, body) = text.split_once("\r\n\r\n").expect("it has a head");
        assert!(head.starts_with("POST /mcp HTTP/1.1\r\nHost: h:1\r\n"), "{head}");
        assert!(head.contains("\r\nMcp-Method: tools/call\r\nMcp-Name: a\r\n"), "{head}");
        assert!(head.ends_with(&format!("\r\nContent-Length: {}", body.len())), "{head}");
        assert_eq!(message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
    }
}
