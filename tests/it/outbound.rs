//! Tools that fetch what a caller names: what travels on, and where they cannot be led.

use std::sync::{Arc, Mutex};

use mocopr::{
    NoArguments,
    outbound::{OutboundClient, OutboundErrorKind},
    prelude::*,
    testing::TestClient,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

use crate::support::{
    hosted::Hosted,
    http::Connection,
    request::{stateless, stateless_post},
};

/// Somebody else's server: it answers every request with a line, and remembers whatever it is sent.
struct Upstream {
    authority: String,
    seen: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Upstream {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let remembered = Arc::clone(&seen);
        let serving = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => request.push(byte),
                        Err(_) => break,
                    }
                }
                remembered.lock().unwrap().push(String::from_utf8(request).unwrap());
                let answer = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\nanswer";
                stream.write_all(answer.as_bytes()).await.unwrap_or_default();
            }
        });
        Self { authority, seen, serving }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Where to fetch from.
#[data]
struct Place {
    /// The URL.
    url: String,
}

fn server(client: OutboundClient) -> McpServer<mocopr::Guarded> {
    let upstream = Tool::new("upstream").input::<Place>().handler(move |place: Place| {
        let client = client.clone();
        async move {
            let answer = client.get(&place.url).await?;
            Ok::<_, Failure>(String::from_utf8_lossy(answer.body()).into_owned())
        }
    });
    let builder = McpServer::builder().with_info("test", "1.0.0").with_tool(upstream);
    builder.with_security_policy(SecurityPolicy::development()).build().unwrap()
}

/// P-11
#[tokio::test]
async fn the_credential_of_a_caller_does_not_travel_on() {
    let upstream = Upstream::start().await;
    let client = OutboundClient::builder().allowing_insecure_loopback().build().unwrap();
    let hosted = Hosted::start(server(client)).await;
    let url = format!("http://{}/path", upstream.authority);
    let call = stateless(1, "tools/call", json!({"name": "upstream", "arguments": {"url": url}}));
    let request = String::from_utf8(stateless_post(hosted.authority(), &call)).unwrap();
    let secrets = "\r\nAuthorization: Bearer canary-token\r\nX-API-Key: canary-key\r\nCookie: canary=1\r\nHost:";
    let request = request.replacen("\r\nHost:", secrets, 1);
    let answer = Connection::open(hosted.authority()).await.ask(request).await;
    assert_eq!(answer.json()["result"]["content"][0]["text"], "answer", "{}", answer.text());
    let seen = upstream.seen();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].starts_with("GET /path HTTP/1.1\r\n") && !seen[0].contains("canary"), "{seen:?}");
    hosted.stop().await;
}

/// S-23, T-45
#[tokio::test]
async fn a_tool_cannot_be_led_to_this_machine_and_its_caller_learns_nothing() {
    let upstream = Upstream::start().await;
    // A root of the test's own, because a machine may have none.
    let root = rcgen::generate_simple_self_signed([]).unwrap().cert.pem();
    let client = OutboundClient::builder().with_root_certificate(root).build().unwrap();
    let port = upstream.authority.rsplit(':').next().unwrap().to_owned();
    let server = server(client.clone());
    let mut caller = TestClient::connect(&server).await.unwrap();
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "x@127.0.0.1"] {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}:{port}/");
            let kind = client.get(&url).await.unwrap_err().kind();
            assert!(matches!(kind, OutboundErrorKind::Url | OutboundErrorKind::Address), "{url}: {kind:?}");
            let answer = caller.call_tool("upstream", json!({"url": url})).await.unwrap();
            assert!(answer.is_error(), "{url}");
            let said = answer.value().to_string();
            assert!(!said.contains(host) && !said.contains("address") && !said.contains("url"), "{said}");
        }
    }
    assert_eq!(upstream.seen(), [""; 0]);
}

/// P-66
#[tokio::test]
async fn a_reference_of_a_schema_to_another_place_is_refused_and_never_fetched() {
    let upstream = Upstream::start().await;
    for keyword in ["$ref", "$dynamicRef", "$schema"] {
        let url = format!("http://{}/schema.json", upstream.authority);
        let schema = json!({"type": "object", "properties": {"a": {keyword: url}}});
        let tool = Tool::new("t").input_schema(schema.to_string()).handler(|_: NoArguments| async { "x" });
        let built = McpServer::builder().with_info("test", "1.0.0").with_tool(tool).build();
        assert!(built.is_err(), "{keyword}");
    }
    assert_eq!(upstream.seen(), [""; 0]);
}
