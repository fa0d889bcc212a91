//! Watches one conversation and refuses every message of the server that its revision does not define.
//!
//! It owns the pairing of answers with requests. It never judges what a message says beyond its shape.

use std::{collections::HashMap, rc::Rc};

use serde_json::{Value, json};

use super::schema::Schema;

/// A conversation in one revision.
pub(crate) struct Recorder {
    revision: String,
    schema: Rc<Schema>,
    /// Method of each request that is not answered yet, by the text of its id.
    open: HashMap<String, String>,
    /// How many messages of the server were checked.
    checked: usize,
}

impl Recorder {
    /// A conversation in the revision of that date.
    pub(crate) fn new(revision: &str) -> Self {
        Self { revision: revision.to_owned(), schema: Rc::new(Schema::of(revision)), open: HashMap::new(), checked: 0 }
    }

    /// Another conversation in the same revision; what was compiled for one counts for both.
    pub(crate) fn beside(&self) -> Self {
        let Self { revision, schema, open: _, checked: _ } = self;
        Self { revision: revision.clone(), schema: schema.clone(), open: HashMap::new(), checked: 0 }
    }

    /// Forgets a request that gets no answer: it was cancelled.
    pub(crate) fn cancelled(&mut self, id: &Value) {
        assert!(self.open.remove(&id.to_string()).is_some(), "{id} is not open");
    }

    /// Notes what the client sent; a batch message by message.
    pub(crate) fn sent(&mut self, message: &Value) {
        if let Value::Array(batch) = message {
            return batch.iter().for_each(|message| self.sent(message));
        }
        let (id, method) = (message.get("id"), message["method"].as_str());
        if let (Some(id), Some(method)) = (id, method) {
            let before = self.open.insert(id.to_string(), method.to_owned());
            assert_eq!(before, None, "the test used the id {id} twice at once");
        }
    }

    /// Checks what the server sent; a batch is checked message by message.
    pub(crate) fn received(&mut self, message: &Value) {
        if let Value::Array(batch) = message {
            assert!(!batch.is_empty(), "the server sent an empty batch");
            return batch.iter().for_each(|message| self.received(message));
        }
        let problems = self.problems(message);
        assert!(problems.is_empty(), "not of {}: {message}\n{}", self.revision, problems.join("\n"));
        self.checked += 1;
    }

    /// How many messages of the server were checked.
    pub(crate) fn checked(&self) -> usize {
        self.checked
    }

    /// Requests that have no answer, by method.
    pub(crate) fn unanswered(&self) -> Vec<&str> {
        self.open.values().map(String::as_str).collect()
    }

    /// What is wrong with a message of the server; an answer closes its request.
    fn problems(&mut self, message: &Value) -> Vec<String> {
        if message["jsonrpc"] != "2.0" {
            return vec!["`jsonrpc` is not \"2.0\"".to_owned()];
        }
        match (message["method"].as_str(), message.get("id")) {
            (Some(method), Some(_)) => self.spoken("ServerRequest", method, message),
            (Some(method), None) => self.spoken("ServerNotification", method, message),
            (None, id) if message.get("error").is_some() => {
                let asked = id.is_none_or(|id| self.open.remove(&id.to_string()).is_some());
                let mut problems = self.error_problems(message);
                problems.extend((!asked).then(|| "it answers nothing that is open".to_owned()));
                problems
            }
            (None, Some(id)) => match self.open.remove(&id.to_string()) {
                Some(method) => self.result_problems(&method, message),
                None => vec!["it answers nothing that is open".to_owned()],
            },
            (None, None) => vec!["it is neither a request, nor a notification, nor an answer".to_owned()],
        }
    }

    /// A request or notification of the server.
    fn spoken(&self, union: &str, method: &str, message: &Value) -> Vec<String> {
        let Some(definition) = self.schema.definition_of(union, method) else {
            return vec![format!("a server sends no `{method}` as a {union}")];
        };
        self.schema.problems(&definition, &self.without_frame(&definition, message))
    }

    fn result_problems(&self, method: &str, message: &Value) -> Vec<String> {
        let stem = self.schema.definition_of("ClientRequest", method);
        let stem = stem.as_deref().and_then(|name| name.strip_suffix("Request")).unwrap_or_default();
        let whole = format!("{stem}ResultResponse");
        let input = "InputRequiredResult";
        if message["result"]["resultType"] == "input_required" && self.schema.defines(input) {
            let mut problems = self.schema.problems(input, &message["result"]);
            // Which requests may be answered so is said only by the schema of the whole answer.
            problems.extend(self.schema.problems(&whole, message));
            return problems;
        }
        let typed = format!("{stem}Result");
        let typed = if !stem.is_empty() && self.schema.defines(&typed) { typed.as_str() } else { "EmptyResult" };
        let mut problems = self.schema.problems(typed, &message["result"]);
        let frame = ["JSONRPCResultResponse", "JSONRPCResponse"].into_iter().find(|name| self.schema.defines(name));
        let frame = frame.expect("each revision has answers");
        problems.extend(self.schema.problems(frame, message));
        if self.schema.defines(&whole) {
            problems.extend(self.schema.problems(&whole, message));
        }
        problems
    }

    fn error_problems(&self, message: &Value) -> Vec<String> {
        let frame = ["JSONRPCErrorResponse", "JSONRPCError"].into_iter().find(|name| self.schema.defines(name));
        let frame = frame.expect("each revision has errors");
        let mut whole = message.clone();
        // Schemas before 2025-11-25 want an id in every error, also where the request's own could not be read.
        // JSON-RPC has no id to give there, and later schemas agree.
        if whole.get("id").is_none() && self.revision.as_str() < "2025-11-25" {
            whole["id"] = json!(0);
        }
        let mut problems = self.schema.problems(frame, &whole);
        let typed = match message["error"]["code"].as_i64() {
            Some(-32020) => Some("HeaderMismatchError"),
            // Earlier revisions leave the number to servers, and say nothing of what stands beside it.
            Some(-32021) if self.revision.as_str() < "2026-07-28" => None,
            Some(-32021) => Some("MissingRequiredClientCapabilityError"),
            Some(-32022) => Some("UnsupportedProtocolVersionError"),
            _ => None,
        };
        if let Some(typed) = typed {
            assert!(self.schema.defines(typed), "{} has no {typed}: {message}", self.revision);
            problems.extend(self.schema.problems(typed, message));
        }
        problems
    }

    /// The message without the members of its frame that the definition leaves to JSON-RPC.
    fn without_frame(&self, definition: &str, message: &Value) -> Value {
        let mut message = message.clone();
        if let Some(members) = message.as_object_mut() {
            members.retain(|name, _| {
                !["jsonrpc", "id"].contains(&name.as_str()) || self.schema.names_member(definition, name)
            });
        }
        message
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Recorder;

    fn problems(revision: &str, method: &str, message: Value) -> Vec<String> {
        let mut recorder = Recorder::new(revision);
        recorder.sent(&json!({"jsonrpc": "2.0", "id": 1, "method": method}));
        recorder.problems(&message)
    }

    #[test]
    fn answers_are_checked_as_what_their_request_asked_for() {
        let answer = |result: Value| json!({"jsonrpc": "2.0", "id": 1, "result": result});
        let text = json!({"content": [{"type": "text", "text": "a"}]});
        assert_eq!(problems("2025-11-25", "tools/call", answer(text.clone())), [""; 0]);
        assert_ne!(problems("2025-11-25", "tools/list", answer(text.clone())), [""; 0]);
        assert_ne!(problems("2026-07-28", "tools/call", answer(text)), [""; 0]);
        assert_eq!(problems("2025-11-25", "ping", answer(json!({}))), [""; 0]);
        assert_ne!(problems("2025-11-25", "ping", answer(json!({"resultType": "complete"}))), [""; 0]);
        let asked = json!({"resultType": "input_required", "inputRequests": {"a": {"method": "roots/list"}}});
        assert_eq!(problems("2026-07-28", "tools/call", answer(asked.clone())), [""; 0]);
        assert_ne!(problems("2026-07-28", "tools/list", answer(asked)), [""; 0]);
    }

    #[test]
    fn an_answer_to_nothing_is_a_problem() {
        assert_ne!(problems("2025-11-25", "ping", json!({"jsonrpc": "2.0", "id": 2, "result": {}})), [""; 0]);
        assert_ne!(problems("2025-11-25", "ping", json!({"jsonrpc": "2.0", "id": "1", "result": {}})), [""; 0]);
        assert_ne!(problems("2025-11-25", "ping", json!({"id": 1, "result": {}})), [""; 0]);
    }

    #[test]
    fn errors_are_checked_by_their_number() {
        let error = |error: Value| json!({"jsonrpc": "2.0", "id": 1, "error": error});
        for revision in ["2024-11-05", "2025-11-25", "2026-07-28"] {
            let plain = error(json!({"code": -32601, "message": "a", "data": {"b": 1}}));
            assert_eq!(problems(revision, "a", plain), [""; 0], "{revision}");
            assert_ne!(problems(revision, "a", error(json!({"code": -32601}))), [""; 0], "{revision}");
            let no_id = json!({"jsonrpc": "2.0", "error": {"code": -32700, "message": "a"}});
            assert_eq!(problems(revision, "a", no_id), [""; 0], "{revision}");
        }
        let version = error(json!({"code": -32022, "message": "a", "data": {"requested": "b"}}));
        assert_ne!(problems("2026-07-28", "a", version), [""; 0]);
    }

    #[test]
    fn what_a_server_says_of_itself_must_exist_in_the_revision() {
        let progress = |extra: Value| json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": extra});
        let plain = json!({"progressToken": 1, "progress": 0.5, "total": 1});
        let texted = json!({"progressToken": 1, "progress": 0.5, "message": "half"});
        for revision in ["2024-11-05", "2025-03-26", "2026-07-28"] {
            assert_eq!(problems(revision, "a", progress(plain.clone())), [""; 0], "{revision}");
            assert_eq!(problems(revision, "a", progress(texted.clone())).is_empty(), revision != "2024-11-05");
        }
        let roots = json!({"jsonrpc": "2.0", "id": 9, "method": "roots/list"});
        assert_eq!(problems("2024-11-05", "a", roots.clone()), [""; 0]);
        assert_ne!(problems("2026-07-28", "a", roots), [""; 0]);
    }
}
