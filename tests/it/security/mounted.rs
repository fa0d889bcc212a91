//! The endpoint inside of an application of the owner's own.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Router, routing::get};
use mocopr::{
    Guarded, McpServer, Mounted, MountedServer, ServerBuilder,
    audit::{AuditEvent, Happening, Witness},
    prelude::*,
    security::{RateLimit, RateLimitPolicy},
    testing::ManualClock,
};
use serde_json::json;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use super::guarded::{HOST, policy, with_fields};
use crate::support::{
    http::{Answer, Connection},
    process::Listening,
    request, within,
};

#[tool]
async fn look() -> &'static str {
    "looked"
}

fn server(policy: SecurityPolicy, with: impl FnOnce(ServerBuilder) -> ServerBuilder) -> McpServer<Guarded> {
    let builder = with(McpServer::builder().with_info("mounted", "1.0.0").with_tool(look));
    builder.with_security_policy(policy).build().expect("the server is sound")
}

/// An application with a route of its own, which listens.
struct Application {
    authority: String,
    server: MountedServer,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Application {
    async fn start(server: McpServer<Guarded>, mounted: Mounted) -> Self {
        let (router, server) = within("the router", server.into_router(mounted)).await.expect("nothing is lacking");
        let router = Router::new().route("/own", get(async || "own")).merge(router);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let authority = listener.local_addr().expect("it is bound").to_string();
        let (stop, stopped) = oneshot::channel::<()>();
        let draining = server.drain();
        let stopped = async move {
            stopped.await.unwrap_or_default();
            draining.await;
        };
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let serving = axum::serve(listener, service).with_graceful_shutdown(stopped);
        Self { authority, server, stop, serving: tokio::spawn(serving.into_future()) }
    }

    async fn ask(&self, fields: &[(&str, &str)]) -> Answer {
        ask(&self.authority, fields).await
    }

    async fn get(&self, path: &str) -> Answer {
        let bytes = request::request(&format!("GET {path} HTTP/1.1"), &[("Host", HOST)], b"");
        Connection::open(&self.authority).await.watched().ask(bytes).await
    }

    async fn stop(self) {
        drop(self.stop);
        within("the application to end", self.serving).await.expect("it does not panic").expect("it ends well");
        within("the server to end", self.server.end()).await;
    }
}

async fn ask(authority: &str, fields: &[(&str, &str)]) -> Answer {
    let message = request::stateless(1, "tools/call", json!({"name": "look", "arguments": {}}));
    Connection::open(authority).await.watched().ask(with_fields(fields, &message)).await
}

const ALICE: (&str, &str) = ("Authorization", "Bearer alice");

/// S-01, S-22
#[tokio::test]
async fn all_checks_stand_behind_the_router() {
    let mounted = Mounted::listener_protects_itself().with_health();
    let application = Application::start(server(policy(), |builder| builder), mounted).await;
    let looked = application.ask(&[ALICE]).await;
    assert_eq!((looked.head.status, &looked.json()["result"]["content"][0]["text"]), (200, &json!("looked")));
    assert_eq!(looked.head.header("x-content-type-options"), Some("nosniff"));
    for (fields, status) in [
        (&[][..], 401),
        (&[("Authorization", "Bearer xavier")], 401),
        (&[ALICE, ("Origin", "https://evil.example")], 403),
        (&[ALICE, ("X-Forwarded-For", "192.0.2.1")], 400),
        (&[ALICE, ("Content-Encoding", "gzip")], 415),
    ] {
        assert_eq!(application.ask(fields).await.head.status, status, "{fields:?}");
    }
    let message = request::stateless(1, "tools/call", json!({"name": "look", "arguments": {}}));
    let elsewhere = String::from_utf8(with_fields(&[ALICE], &message)).unwrap().replace(HOST, "evil.example");
    assert_eq!(Connection::open(&application.authority).await.ask(elsewhere).await.head.status, 403);
    assert_eq!(application.get("/.well-known/oauth-protected-resource/mcp").await.head.status, 200);
    assert_eq!(application.get("/.well-known/oauth-protected-resource").await.head.status, 200);
    assert_eq!(application.get("/readyz").await.text(), "ok\n");
    assert_eq!(application.get("/own").await.text(), "own");
    assert_eq!(application.get("/other").await.head.status, 404);
    application.stop().await;
}

/// S-70
#[tokio::test]
async fn a_request_without_the_address_of_its_peer_is_answered_500_and_not_taken_for_loopback() {
    for policy in [policy(), SecurityPolicy::development()] {
        let (router, server) =
            server(policy, |builder| builder).into_router(Mounted::listener_protects_itself()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let serving = tokio::spawn(axum::serve(listener, router).into_future());
        let answer = ask(&authority, &[ALICE]).await;
        assert_eq!(answer.head.status, 500);
        assert!(!answer.text().contains("address"), "{}", answer.text());
        serving.abort();
        within("the end", server.end()).await;
    }
}

/// S-24
#[tokio::test]
async fn behind_a_proxy_the_caller_is_whom_the_proxy_names() {
    let address = Some(RateLimit::per_minute(1).with_burst(1));
    let policy = policy().with_rate_limiting(RateLimitPolicy { address, ..RateLimitPolicy::unlimited() });
    let server = server(policy, |builder| builder.with_clock(ManualClock::new()));
    let application = Application::start(server, Mounted::behind_proxy(["127.0.0.1"])).await;
    for (from, status) in [("192.0.2.1", 200), ("192.0.2.1", 429), ("192.0.2.2", 200)] {
        assert_eq!(application.ask(&[ALICE, ("X-Forwarded-For", from)]).await.head.status, status, "{from}");
    }
    application.stop().await;
}

/// Counts that a server begins, and that it ends.
#[derive(Debug, Default)]
struct Lives(AtomicUsize);

impl Witness for Lives {
    fn saw(&self, happening: &Happening<'_>) {
        if happening.event == AuditEvent::Administration && happening.action.starts_with("server/") {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// S-80
#[tokio::test]
async fn an_open_stream_does_not_keep_the_application_from_ending_and_the_end_is_told() {
    let lives = Arc::new(Lives::default());
    let server = server(policy(), |builder| builder.with_witness(lives.clone()));
    let application = Application::start(server, Mounted::listener_protects_itself()).await;
    assert_eq!(lives.0.load(Ordering::Relaxed), 1);
    let listen = request::stateless(1, "subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}));
    let mut stream = Connection::open(&application.authority).await;
    stream.send(with_fields(&[ALICE], &listen)).await;
    assert!(stream.head().await.is_event_stream());
    application.stop().await;
    while stream.event().await.is_some() {}
    assert_eq!(lives.0.load(Ordering::Relaxed), 2);
}

/// S-03
#[tokio::test]
async fn everything_that_a_mounted_server_lacks_is_told_at_once_and_what_its_listener_cannot_give_in_the_report() {
    let lacking = SecurityPolicy::strict().with_authorization_enabled(false);
    let lacking = server(lacking, |builder| builder);
    let nobody: [&str; 0] = [];
    let mounted = Mounted::behind_proxy(nobody).with_path("mcp");
    assert_eq!(lacking.check(&mounted).len(), 4);
    let error = lacking.into_router(mounted).await.unwrap_err();
    assert_eq!(error.problems().len(), 4);
    let sound = server(policy(), |builder| builder);
    let mounted = Mounted::behind_proxy(["10.0.0.0/8"]);
    assert_eq!(sound.check(&mounted), []);
    let report = sound.security_report_with(&mounted);
    let row = report.rows().iter().find(|row| row.about == "mounted").expect("it is said");
    assert!(row.relaxed && row.holds.contains("number of connections"), "{}", row.holds);
    assert!(report.to_string().contains("10.0.0.0/8"));
}

/// P-80
#[tokio::test]
async fn the_example_answers_beside_the_application_and_ends_well() {
    let example = Listening::start("inside_axum", &[]).await;
    let call = request::stateless(1, "tools/call", json!({"name": "add", "arguments": {"a": 1, "b": 2}}));
    let mut connection = Connection::open(example.authority()).await;
    let sum = connection.ask(request::stateless_post(example.authority(), &call)).await;
    assert_eq!(sum.json()["result"]["content"][0]["text"], "3");
    let own = request::request("GET / HTTP/1.1", &[("Host", example.authority())], b"");
    assert_eq!(connection.ask(own).await.text(), "This is the application.");
    drop(connection);
    assert!(example.stop().await.success());
}
