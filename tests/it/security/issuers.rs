//! Issuers that are found by name, that are asked, that are down, and callers whom something of the owner's own knows.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mocopr::{
    auth::{ApiKey, ApiKeys, AuthMiddleware, DpopKey, DpopPolicy, TokenIssuer, TokenValidator},
    prelude::*,
    security::{RateLimitPolicy, Secret},
    testing::ManualClock,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    process::Command,
    task::JoinHandle,
};

use super::guarded::{Guarded, bearer, with_fields};
use crate::support::{
    http::{Answer, Connection},
    process::{Listening, example},
    request,
};

const URL: &str = "https://mcp.example.com/mcp";
/// When a manual clock begins, in seconds since 1970.
const BEGIN: u64 = 1_767_225_600;

#[tool]
async fn whoami(caller: Caller) -> String {
    caller.subject().to_owned()
}

fn call() -> Value {
    request::stateless(1, "tools/call", json!({"name": "whoami", "arguments": {}}))
}

/// An authorization server on this machine, as far as a resource server sees one.
struct Authority {
    url: String,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    /// What is answered at each path.
    pages: Mutex<Vec<(&'static str, String)>>,
    asked: Mutex<Vec<String>>,
    is_down: AtomicBool,
}

impl Authority {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Whoever asks may go away.
                let _ = answer(stream, &shared).await;
            }
        });
        Self { url, state, serving }
    }

    fn publishes(&self, path: &'static str, page: impl ToString) {
        let mut pages = self.state.pages.lock().unwrap();
        pages.retain(|(known, _)| *known != path);
        pages.push((path, page.to_string()));
    }

    fn is_down(&self, is_down: bool) {
        self.state.is_down.store(is_down, Ordering::SeqCst);
    }

    /// The first lines and the bodies of what it was asked.
    fn asked(&self) -> Vec<String> {
        self.state.asked.lock().unwrap().clone()
    }

    /// An answer about a good token of this subject.
    fn says_good(&self, subject: &str, more: Value) {
        let mut answer = json!({"active": true, "sub": subject, "aud": URL, "iat": BEGIN, "exp": BEGIN + 600});
        answer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.publishes("/introspect", answer);
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(mut stream: TcpStream, state: &State) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await?;
    let line = head.lines().next().unwrap();
    state.asked.lock().unwrap().push(format!("{line} {}", String::from_utf8(body).unwrap()));
    let path = line.split(' ').nth(1).unwrap();
    let page = state.pages.lock().unwrap().iter().find(|(known, _)| *known == path).map(|(_, page)| page.clone());
    let (status, page) = match page {
        _ if state.is_down.load(Ordering::SeqCst) => (500, String::new()),
        Some(page) => (200, page),
        None => (404, String::new()),
    };
    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{page}", page.len());
    stream.write_all(answer.as_bytes()).await
}

async fn start(validator: TokenValidator, clock: &ManualClock) -> Guarded {
    let (_, record) = ApiKey::create("robot", Duration::from_secs(BEGIN)).unwrap();
    let tokens = AuthMiddleware::builder()
        .with_token_validation(validator.allowing_insecure_loopback())
        .with_authenticator(ApiKeys::of(vec![record]).unwrap())
        .with_dpop(DpopPolicy::accepted())
        .build()
        .unwrap();
    let policy = SecurityPolicy::strict()
        .with_public_url(URL)
        .with_rate_limiting(RateLimitPolicy::unlimited())
        .with_authorization_enabled(false)
        .with_authentication(tokens);
    Guarded::start(policy, |builder| builder.with_tool(whoami).with_clock(clock.clone())).await
}

async fn ask(guarded: &Guarded, token: &str) -> Answer {
    guarded.ask(&[("Authorization", &bearer(token))], &call()).await
}

/// S-30, S-33, S-38
#[tokio::test]
async fn keys_are_discovered_and_while_there_are_none_a_good_token_is_told_to_come_again() {
    let clock = ManualClock::new();
    let authority = Authority::start().await;
    authority.is_down(true);
    let issuer = TokenIssuer::new().unwrap();
    let issuer = issuer.with_issuer(&*authority.url).with_audience(URL).with_clock(Arc::new(clock.clone()));
    let metadata = json!({"issuer": authority.url, "jwks_uri": format!("{}/keys", authority.url)});
    authority.publishes("/.well-known/openid-configuration", metadata);
    authority.publishes("/keys", issuer.key_set().unwrap());
    let guarded = start(TokenValidator::oidc(&*authority.url), &clock).await;
    let token = issuer.token_for("alice").sign().unwrap();
    let answer = ask(&guarded, &token).await;
    assert_eq!((answer.head.status, answer.head.header("retry-after")), (503, Some("5")));
    assert_eq!(answer.head.header("www-authenticate"), None, "another token would not help");
    let said = format!("{:?} {}", answer.head, answer.text());
    assert!(!said.contains("issuer") && !said.contains("key") && !said.contains(&authority.url), "{said}");
    let expired = issuer.token_for("alice").with_claim("iat", 1).with_claim("exp", 2).sign().unwrap();
    for wrong in [&*expired, "a.b.c"] {
        assert_eq!(ask(&guarded, wrong).await.head.status, 401);
    }
    authority.is_down(false);
    // The next fetch is due by the server's clock, and brought about by a token.
    clock.advance(Duration::from_secs(61));
    let token = issuer.token_for("alice").sign().unwrap();
    assert_eq!(ask(&guarded, &token).await.json()["result"]["content"][0]["text"], "alice");
}

/// S-30, S-32, P-08, P-11
#[tokio::test]
async fn an_opaque_token_lets_in_whom_its_issuer_names_until_it_is_revoked() {
    let clock = ManualClock::new();
    let authority = Authority::start().await;
    let secret = Secret::new(String::from("correct horse"));
    let url = format!("{}/introspect", authority.url);
    let guarded = start(TokenValidator::introspection(&*authority.url, url, "weather", secret), &clock).await;
    authority.says_good("alice", json!({"token_type": "Bearer"}));
    for _ in 0..5 {
        assert_eq!(ask(&guarded, "opaque").await.json()["result"]["content"][0]["text"], "alice");
    }
    assert_eq!(authority.asked(), ["POST /introspect HTTP/1.1 token=opaque&token_type_hint=access_token"]);
    assert_eq!(ask(&guarded, &format!("mocopr_{}", "x".repeat(40))).await.head.status, 401);
    assert_eq!(guarded.ask(&[("X-API-Key", "opaque")], &call()).await.head.status, 401);
    assert_eq!(authority.asked().len(), 1);

    let listen = request::stateless(1, "subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}));
    let mut stream = guarded.connect().await;
    stream.send(with_fields(&[("Authorization", &bearer("opaque"))], &listen)).await;
    assert!(stream.head().await.is_event_stream());
    assert!(stream.event().await.is_some());
    authority.publishes("/introspect", json!({"active": false}));
    clock.advance(Duration::from_secs(31));
    while stream.event().await.is_some() {}
    assert_eq!(ask(&guarded, "opaque").await.head.status, 401);

    authority.is_down(true);
    let answer = ask(&guarded, "another").await;
    assert_eq!((answer.head.status, answer.head.header("retry-after")), (503, Some("5")));
}

/// S-30, P-08
#[tokio::test]
async fn an_opaque_token_that_is_bound_to_a_key_needs_its_proof() {
    let clock = ManualClock::new();
    let authority = Authority::start().await;
    let secret = Secret::new(String::from("correct horse"));
    let url = format!("{}/introspect", authority.url);
    let guarded = start(TokenValidator::introspection(&*authority.url, url, "weather", secret), &clock).await;
    let key = DpopKey::new().unwrap().with_clock(Arc::new(clock.clone()));
    authority.says_good("alice", json!({"token_type": "DPoP", "cnf": {"jkt": key.thumbprint()}}));
    assert_eq!(ask(&guarded, "opaque").await.head.status, 401);
    let with = async |proof: &str| {
        let fields = [("Authorization", "DPoP opaque"), ("DPoP", proof)];
        guarded.ask(&fields, &call()).await.head.status
    };
    assert_eq!(with(&key.proof("POST", URL, "opaque").sign().unwrap()).await, 200);
    let thief = DpopKey::new().unwrap().with_clock(Arc::new(clock.clone()));
    assert_eq!(with(&thief.proof("POST", URL, "opaque").sign().unwrap()).await, 401);
}

/// S-30, S-37
#[tokio::test]
async fn the_example_of_an_authenticator_lets_in_whoever_has_a_session() {
    let id = "6a1f".repeat(16);
    let mut command = Command::new(example("custom_authenticator"));
    command.env("SESSION", &id);
    let listening = Listening::spawn(command).await;
    let ask = async |token: &str| {
        let fields = [("Authorization", &*bearer(token))];
        Connection::open(listening.authority()).await.ask(with_fields(&fields, &call())).await
    };
    let answer = ask(&format!("session_{id}")).await;
    assert_eq!(answer.json()["result"]["content"][0]["text"], "alice");
    for other in ["session_6a1f", &*id, "session_"] {
        assert_eq!(ask(other).await.head.status, 401, "{other}");
    }
    assert!(!listening.log().contains(&id));
}
