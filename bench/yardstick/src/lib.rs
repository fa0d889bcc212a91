//! The messages of the yardsticks, as the structs that one would write by hand: typed, and without any check of the
//! protocol.

use anyhow::Result;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::{Value, value::RawValue};

/// The revision of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revision {
    /// 2026-07-28.
    Modern,
    /// 2025-11-25.
    Stateful,
}

impl Revision {
    fn modern<T>(self, value: T) -> Option<T> {
        (self == Self::Modern).then_some(value)
    }
}

/// A request, or a notification where it has no id.
#[derive(Deserialize)]
pub struct Request {
    /// The id; a notification has none.
    pub id: Option<Value>,
    /// The method.
    pub method: String,
    /// The parameters.
    pub params: Option<Params>,
}

/// The parameters of all methods.
#[derive(Deserialize)]
pub struct Params {
    /// The name of a tool.
    pub name: Option<String>,
    /// Its arguments.
    pub arguments: Option<Arguments>,
    /// What a client of 2026-07-28 says of itself; only whether it is there is looked at.
    #[serde(rename = "_meta")]
    pub meta: Option<IgnoredAny>,
}

/// The arguments of all three tools.
#[derive(Deserialize)]
pub struct Arguments {
    text: Option<String>,
    a: Option<i64>,
    b: Option<i64>,
    bytes: Option<usize>,
}

impl Request {
    /// Its revision: only the later one has `_meta` on every request.
    pub fn revision(&self) -> Revision {
        match &self.params {
            Some(Params { meta: Some(_), .. }) => Revision::Modern,
            Some(_) | None => Revision::Stateful,
        }
    }
}

/// An answer.
#[derive(Serialize)]
pub struct Answer<R> {
    jsonrpc: &'static str,
    id: Value,
    result: R,
}

impl<R> Answer<R> {
    /// The answer to the request of that id.
    pub fn new(id: Value, result: R) -> Self {
        Self { jsonrpc: "2.0", id, result }
    }
}

/// What a call answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Called {
    #[serde(skip_serializing_if = "Option::is_none")]
    result_type: Option<&'static str>,
    content: Vec<Content>,
    #[serde(skip_serializing_if = "Option::is_none")]
    structured_content: Option<Sum>,
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    meta: Option<ServerMeta>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Content {
    Text { text: String },
}

#[derive(Clone, Copy, Serialize)]
struct Sum {
    sum: i64,
}

#[derive(Serialize)]
struct ServerMeta {
    #[serde(rename = "io.modelcontextprotocol/serverInfo")]
    server: ServerInfo,
}

#[derive(Serialize)]
struct ServerInfo {
    name: &'static str,
    version: &'static str,
}

/// Carries out a call; nothing where the tool or an argument is missing.
pub fn call(name: &str, arguments: Arguments, revision: Revision) -> Option<Called> {
    let (text, sum) = match name {
        "echo" => (arguments.text?, None),
        "add" => {
            let sum = Sum { sum: arguments.a? + arguments.b? };
            (serde_json::to_string(&sum).ok()?, Some(sum))
        }
        "blob" => (contract::blob(arguments.bytes?), None),
        _ => return None,
    };
    Some(Called {
        result_type: revision.modern("complete"),
        content: vec![Content::Text { text }],
        structured_content: sum,
        meta: revision.modern(ServerMeta { server: SERVER }),
    })
}

/// What the handshake answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Initialized {
    protocol_version: &'static str,
    capabilities: Capabilities,
    server_info: ServerInfo,
}

#[derive(Serialize)]
struct Capabilities {
    tools: Empty,
}

#[derive(Serialize)]
struct Empty {}

impl Default for Initialized {
    fn default() -> Self {
        Self { protocol_version: "2025-11-25", capabilities: Capabilities { tools: Empty {} }, server_info: SERVER }
    }
}

/// A tool, as it is listed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tool {
    name: String,
    description: String,
    input_schema: Box<RawValue>,
}

/// What the list answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tools<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    result_type: Option<&'static str>,
    tools: &'a [Tool],
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_scope: Option<&'static str>,
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    meta: Option<ServerMeta>,
}

impl<'a> Tools<'a> {
    /// The list of these tools, for one of the two revisions.
    pub fn new(tools: &'a [Tool], revision: Revision) -> Self {
        Self {
            result_type: revision.modern("complete"),
            tools,
            ttl_ms: revision.modern(0),
            cache_scope: revision.modern("private"),
            meta: revision.modern(ServerMeta { server: SERVER }),
        }
    }
}

/// Everything that is listed.
///
/// # Errors
/// A schema is not JSON.
pub fn tools(more: usize) -> Result<Vec<Tool>> {
    let tool = |name: &str, description: &str, schema: &str| -> Result<Tool> {
        let input_schema = RawValue::from_string(schema.to_owned())?;
        Ok(Tool { name: name.to_owned(), description: description.to_owned(), input_schema })
    };
    let mut tools = vec![
        tool("echo", contract::ECHO, ECHO_SCHEMA)?,
        tool("add", contract::ADD, ADD_SCHEMA)?,
        tool("blob", contract::BLOB, BLOB_SCHEMA)?,
    ];
    for name in contract::more_tools(more) {
        tools.push(tool(&name, contract::MORE, contract::MORE_SCHEMA)?);
    }
    Ok(tools)
}

const SERVER: ServerInfo = ServerInfo { name: contract::NAME, version: contract::VERSION };
const ECHO_SCHEMA: &str = r#"{"type":"object","properties":{"text":{"type":"string"}},"required":["text"]}"#;
const ADD_SCHEMA: &str =
    r#"{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}},"required":["a","b"]}"#;
const BLOB_SCHEMA: &str = r#"{"type":"object","properties":{"bytes":{"type":"integer"}},"required":["bytes"]}"#;
