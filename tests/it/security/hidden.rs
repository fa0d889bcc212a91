//! What is hidden is answered like what does not exist: the same bytes, for every method, whatever a request says
//! beside.

use mocopr::prelude::*;
use serde_json::{Value, json};

use super::guarded::{Guarded, policy, with_fields};
use crate::support::{http::Answer, request};

/// One of each kind that only its owner may see. The other names of these tests have as many characters.
struct Secrets;

#[handlers]
impl Secrets {
    #[tool(requires(role = "owner"))]
    async fn secret_tool(&self, word: String) -> String {
        word
    }

    #[prompt(requires(role = "owner"))]
    async fn secret_word(&self, word: String) -> String {
        word
    }

    #[completion(prompt = "secret_word", argument = "word")]
    async fn words(&self, typed: &str) -> Vec<String> {
        vec![typed.to_owned()]
    }

    #[resource("vault://secret", requires(role = "owner"))]
    async fn vault(&self) -> &'static str {
        "gold"
    }

    #[resource("safe://secret/{id}", requires(role = "owner"))]
    async fn safe(&self, id: String) -> String {
        id
    }

    #[completion(resource = "safe://secret/{id}", argument = "id")]
    async fn ids(&self, typed: &str) -> Vec<String> {
        vec![typed.to_owned()]
    }

    #[tool]
    async fn open_tool(&self) -> &'static str {
        "open"
    }

    #[prompt]
    async fn open_word(&self) -> &'static str {
        "open"
    }

    #[resource("vault://public")]
    async fn public(&self) -> &'static str {
        "open"
    }
}

/// Pairs of a hidden and an unknown thing.
fn pairs() -> Vec<(&'static str, Value, Value)> {
    let pair =
        |method, make: &dyn Fn(&str) -> Value, hidden: &str, unknown: &str| (method, make(hidden), make(unknown));
    let tool = |name: &str| json!({"name": name, "arguments": {"word": "x"}});
    let wrong = |name: &str| json!({"name": name, "arguments": {"word": 7, "more": [1]}});
    let prompt = |name: &str| json!({"name": name, "arguments": {"word": "x"}});
    let read = |uri: &str| json!({"uri": uri});
    let of_prompt =
        |name: &str| json!({"ref": {"type": "ref/prompt", "name": name}, "argument": {"name": "word", "value": "x"}});
    let of_template =
        |uri: &str| json!({"ref": {"type": "ref/resource", "uri": uri}, "argument": {"name": "id", "value": "x"}});
    vec![
        pair("tools/call", &tool, "secret_tool", "absent_tool"),
        pair("tools/call", &wrong, "secret_tool", "absent_tool"),
        pair("prompts/get", &prompt, "secret_word", "absent_word"),
        pair("resources/read", &read, "vault://secret", "vault://absent"),
        pair("resources/read", &read, "safe://secret/1", "safe://absent/1"),
        pair("completion/complete", &of_prompt, "secret_word", "absent_word"),
        pair("completion/complete", &of_template, "safe://secret/{id}", "safe://absent/{id}"),
    ]
}

/// The answer without its date, in which the name that was asked for stands as `…`.
fn normal(answer: &Answer, asked: &str) -> (u16, Vec<(String, String)>, String) {
    let headers = answer.head.headers.iter().filter(|(name, _)| name != "date").cloned().collect();
    (answer.head.status, headers, answer.text().replace(asked, "…"))
}

fn name(params: &Value) -> String {
    let of = |value: &Value| value.as_str().map(str::to_owned);
    of(&params["name"])
        .or(of(&params["uri"]))
        .or(of(&params["ref"]["name"]))
        .or(of(&params["ref"]["uri"]))
        .unwrap_or_default()
}

/// S-42, P-84, T-26
#[tokio::test]
async fn hidden_and_unknown_are_the_same_bytes_in_every_variation() {
    let guarded = Guarded::start(policy(), |builder| builder.with_handlers(Secrets)).await;
    let fields: [&[(&str, &str)]; 4] =
        [&[], &[("X-More", "1")], &[("Mcp-Param-Word", "x")], &[("Last-Event-ID", "x"), ("Mcp-Session-Id", "x")]];
    let metas = [
        json!({}),
        json!({"progressToken": 7}),
        json!({"io.modelcontextprotocol/logLevel": "debug"}),
        json!({"io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}, "sampling": {}, "roots": {}}}),
    ];
    for (method, hidden, unknown) in pairs() {
        for more in fields {
            for meta in &metas {
                let ask = async |params: &Value| {
                    let mut params = params.clone();
                    params["_meta"] = meta.clone();
                    let message = request::stateless(1, method, params);
                    let fields = [more, &[("Authorization", "Bearer alice")]].concat();
                    normal(&guarded.ask(&fields, &message).await, &name(&message["params"]))
                };
                assert_eq!(ask(&hidden).await, ask(&unknown).await, "{method} {hidden} {more:?} {meta}");
            }
        }
        // To its owner it is there.
        let message = request::stateless(1, method, hidden.clone());
        let owner = guarded.ask(&[("Authorization", "Bearer alice.owner")], &message).await;
        let stranger = guarded.ask(&[("Authorization", "Bearer alice")], &message).await;
        assert_ne!(owner.body, stranger.body, "{method}");
    }
}

/// S-42, P-84, T-26
#[tokio::test]
async fn hidden_and_unknown_are_the_same_bytes_in_sessions_and_subscriptions() {
    let guarded = Guarded::start(policy(), |builder| builder.with_handlers(Secrets)).await;
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let hello = request::initialize(1, revision, json!({"elicitation": {}}));
        let session = guarded.open_session("alice", &hello).await;
        let ask = async |method: &str, params: &Value| {
            let message = request::stateful(2, method, params.clone());
            let fields = [("Authorization", "Bearer alice"), ("Mcp-Session-Id", &session)];
            let answer = guarded.ask_stateful(&fields, &message).await;
            normal(&answer, &name(params))
        };
        for (method, hidden, unknown) in pairs() {
            assert_eq!(ask(method, &hidden).await, ask(method, &unknown).await, "{revision} {method}");
        }
        for method in ["resources/subscribe", "resources/unsubscribe"] {
            let (hidden, unknown) = (json!({"uri": "vault://secret"}), json!({"uri": "vault://absent"}));
            assert_eq!(ask(method, &hidden).await, ask(method, &unknown).await, "{revision} {method}");
        }
    }
    let listen = async |uri: &str| {
        let notifications = json!({"resourceSubscriptions": [uri, "vault://public"]});
        let message = request::stateless(1, "subscriptions/listen", json!({"notifications": notifications}));
        let mut stream = guarded.connect().await;
        stream.send(with_fields(&[("Authorization", "Bearer alice")], &message)).await;
        assert!(stream.head().await.is_event_stream());
        stream.event().await.expect("the acknowledgement").data
    };
    assert_eq!(listen("vault://secret").await, listen("vault://absent").await);
}
