//! The guarded client against hostile URLs, name servers, certificates and servers.

mod hostile;
pub(crate) mod server;

use std::{collections::HashMap, error::Error as _, future::pending, io, net::SocketAddr, sync::Mutex};

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::*;
use crate::redact::Secret;
use server::{Answer, Proof, Server, answer};

/// A network of names and addresses that a test made up: every connection goes to one server, or nowhere.
#[derive(Debug, Default)]
struct FakeNetwork {
    names: HashMap<&'static str, Vec<IpAddr>>,
    server: Option<SocketAddr>,
    /// No connection comes about, and none fails.
    is_silent: bool,
    resolved: Mutex<Vec<String>>,
    connected: Mutex<Vec<SocketAddr>>,
}

impl FakeNetwork {
    fn new(names: &[(&'static str, &[&str])]) -> Self {
        let names = names.iter().map(|(name, addresses)| (*name, addresses.iter().map(|text| text.parse().unwrap())));
        let names = names.map(|(name, addresses)| (name, addresses.collect())).collect();
        Self { names, ..Self::default() }
    }

    fn leading_to(self, server: &Server) -> Arc<Self> {
        Arc::new(Self { server: Some(server.address), ..self })
    }

    fn connected(&self) -> Vec<String> {
        self.connected.lock().unwrap().iter().map(ToString::to_string).collect()
    }
}

impl Network for FakeNetwork {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        self.resolved.lock().unwrap().push(name.to_owned());
        if name == "slow.example" {
            return Box::pin(pending());
        }
        let found = self.names.get(name).cloned().ok_or_else(|| io::Error::other("secret.internal has no address"));
        Box::pin(async { found })
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<TcpStream>> {
        self.connected.lock().unwrap().push(address);
        let server = self.server;
        if self.is_silent {
            return Box::pin(pending());
        }
        Box::pin(async move {
            let server = server.ok_or_else(|| io::Error::other(format!("{address} refused")))?;
            TcpStream::connect(server).await
        })
    }
}

fn hostile_network() -> Arc<FakeNetwork> {
    Arc::new(FakeNetwork::new(&[
        ("public.example", &["9.9.9.9"]),
        ("private.example", &["10.1.2.3", "192.168.0.9"]),
        ("metadata.example", &["169.254.169.254"]),
        ("unique-local.example", &["fd12::1"]),
        ("mapped.example", &["::ffff:9.9.9.9", "::ffff:127.0.0.1"]),
        ("here.example", &["127.0.0.1", "::1"]),
        ("nowhere.example", &[]),
        ("localhost", &["127.0.0.1", "::1"]),
        ("api.localhost", &["127.0.0.1"]),
    ]))
}

fn strict() -> OutboundClientBuilder {
    OutboundClient::builder()
}

/// A client on a network of the test's own, which trusts nobody but whom the test says.
fn on(builder: OutboundClientBuilder, network: &Arc<FakeNetwork>) -> OutboundClient {
    let trusted = builder.with_root_certificate(Proof::of("nobody.example").root);
    let network: Arc<dyn Network> = Arc::<FakeNetwork>::clone(network);
    trusted.build_on(Roots::none(), network).unwrap()
}

/// A client of servers on this machine.
fn local(builder: OutboundClientBuilder) -> OutboundClient {
    builder.allowing_insecure_loopback().build_on(Roots::none(), Arc::new(SystemNetwork::new())).unwrap()
}

async fn kind(client: &OutboundClient, url: &str) -> OutboundErrorKind {
    client.get(url).await.unwrap_err().kind()
}

/// S-23, T-45, P-17
#[tokio::test]
async fn hostile_urls_are_refused_and_nothing_is_connected_to() {
    let network = hostile_network();
    let client = on(strict(), &network);
    let table: Vec<_> = hostile::NEVER.iter().chain(hostile::LOOPBACK).collect();
    assert!(table.len() >= 150, "{}", table.len());
    for (url, expected) in table {
        assert_eq!(kind(&client, url).await, *expected, "{url:?}");
    }
    assert_eq!(network.connected(), [""; 0]);
    // The refusals are not for want of a network: a good neighbour gets as far as a connection.
    assert_eq!(kind(&client, "https://public.example/").await, OutboundErrorKind::Connect);
    assert_eq!(kind(&client, "https://9.9.9.9:8443/").await, OutboundErrorKind::Connect);
    assert_eq!(kind(&client, "https://[2606:4700::1111]/").await, OutboundErrorKind::Connect);
    assert_eq!(network.connected(), ["9.9.9.9:443", "9.9.9.9:8443", "[2606:4700::1111]:443"]);
}

/// S-23, P-17
#[tokio::test]
async fn permitting_loopback_permits_no_other_private_address() {
    let network = hostile_network();
    let client = on(strict().allowing_insecure_loopback(), &network);
    for (url, expected) in hostile::NEVER {
        assert_eq!(kind(&client, url).await, *expected, "{url:?}");
    }
    assert_eq!(network.connected(), [""; 0]);
    for (url, _) in hostile::LOOPBACK {
        assert_eq!(kind(&client, url).await, OutboundErrorKind::Connect, "{url:?}");
    }
    assert!(network.connected.lock().unwrap().iter().all(|address| address.ip().is_loopback()));
}

/// S-23, P-17
#[test]
fn what_is_refused_without_a_resolver_is_refused_at_the_start() {
    let network = hostile_network();
    let client = on(strict(), &network);
    for (url, expected) in hostile::NEVER.iter().chain(hostile::LOOPBACK) {
        let refused = client.check(url).map_err(|error| error.kind());
        let names_a_host = Target::parse(url).is_ok_and(|target| matches!(target.host, Host::Name(_)));
        let is_left_to_the_resolver = names_a_host && *expected == OutboundErrorKind::Address;
        assert_eq!(refused, if is_left_to_the_resolver { Ok(()) } else { Err(*expected) }, "{url:?}");
    }
    assert!(client.check("https://public.example/a").is_ok() && client.check("https://9.9.9.9/").is_ok());
    assert!(network.resolved.lock().unwrap().is_empty());
}

#[tokio::test]
async fn localhost_is_nothing_but_loopback_even_where_a_name_server_says_otherwise() {
    let network = Arc::new(FakeNetwork::new(&[("localhost", &["9.9.9.9", "10.0.0.1", "::ffff:127.0.0.1"])]));
    let client = on(strict().allowing_insecure_loopback(), &network);
    assert_eq!(kind(&client, "http://localhost/").await, OutboundErrorKind::Address);
    assert_eq!(network.connected(), [""; 0]);
}

/// S-23, T-45
#[tokio::test]
async fn of_mixed_addresses_only_public_ones_are_connected_to_and_the_name_is_resolved_once() {
    let addresses = ["127.0.0.1", "10.0.0.1", "9.9.9.9", "::1", "169.254.169.254", "2606:4700::1111", "192.168.1.1"];
    let network = Arc::new(FakeNetwork::new(&[("mixed.example", &addresses)]));
    let client = on(strict(), &network);
    assert_eq!(kind(&client, "https://mixed.example/").await, OutboundErrorKind::Connect);
    assert_eq!(network.connected(), ["9.9.9.9:443", "[2606:4700::1111]:443"]);
    assert_eq!(*network.resolved.lock().unwrap(), ["mixed.example"]);
}

#[tokio::test]
async fn four_addresses_of_one_host_are_tried_and_no_more() {
    let addresses = ["9.9.9.1", "9.9.9.2", "9.9.9.3", "9.9.9.4", "9.9.9.5"];
    let network = Arc::new(FakeNetwork::new(&[("many.example", &addresses)]));
    let client = on(strict(), &network);
    assert_eq!(kind(&client, "https://many.example/").await, OutboundErrorKind::Connect);
    assert_eq!(network.connected(), ["9.9.9.1:443", "9.9.9.2:443", "9.9.9.3:443", "9.9.9.4:443"]);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_does_not_answer_gets_three_seconds_and_the_next_one_its_turn() {
    let network = FakeNetwork::new(&[("silent.example", &["9.9.9.1", "9.9.9.2"])]);
    let network = Arc::new(FakeNetwork { is_silent: true, ..network });
    let began = Instant::now();
    assert_eq!(kind(&on(strict(), &network), "https://silent.example/").await, OutboundErrorKind::Connect);
    assert_eq!((began.elapsed().as_secs(), network.connected().len()), (6, 2));
    let impatient = on(strict().with_connect_timeout(Duration::from_secs(1)), &network);
    assert_eq!(kind(&impatient, "https://silent.example/").await, OutboundErrorKind::Connect);
    assert_eq!(began.elapsed().as_secs(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_name_server_that_does_not_answer_gets_ten_seconds() {
    let began = Instant::now();
    let client = on(strict(), &hostile_network());
    assert_eq!(kind(&client, "https://slow.example/").await, OutboundErrorKind::Timeout);
    assert_eq!(began.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn hosts_that_are_not_allowed_are_not_even_resolved() {
    let network = hostile_network();
    let client = on(strict().allowing_hosts(&["Public.example", "10.0.0.1"]), &network);
    for url in ["https://private.example/", "https://a.public.example/", "https://public.example.evil/"] {
        assert_eq!(kind(&client, url).await, OutboundErrorKind::Host, "{url}");
    }
    assert!(network.resolved.lock().unwrap().is_empty());
    // An allowed host still has to have a public address.
    assert_eq!(kind(&client, "https://10.0.0.1/").await, OutboundErrorKind::Address);
    assert_eq!(kind(&client, "https://PUBLIC.example/").await, OutboundErrorKind::Connect);
    let none = on(strict().allowing_hosts(&[]), &network);
    assert_eq!(kind(&none, "https://public.example/").await, OutboundErrorKind::Host);
}

#[test]
fn what_an_owner_says_wrong_is_a_problem() {
    let build = |builder: OutboundClientBuilder| {
        let built = builder.build_on(Roots::none(), Arc::new(SystemNetwork::new()));
        built.map(|_| ()).map_err(|problem| problem.to_string())
    };
    let root = Proof::of("a.example").root;
    assert!(build(strict().with_root_certificate(root.clone())).is_ok());
    assert!(build(strict().allowing_insecure_loopback()).is_ok());
    assert!(build(strict()).unwrap_err().contains("no root certificate was found"));
    for bad in ["https://a.example", "a.example:443", "*.example", "127.1", ""] {
        let builder = strict().with_root_certificate(root.clone()).allowing_hosts(&[bad]);
        assert!(build(builder).unwrap_err().contains("is not a host"), "{bad}");
    }
    for bad in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert!(build(strict().with_root_certificate(bad)).unwrap_err().contains("root certificate"), "{bad}");
    }
}

/// S-23
#[tokio::test]
async fn a_host_proves_itself_by_a_root_that_is_trusted_and_by_nothing_else() {
    let proof = Proof::of("public.example");
    let server = Server::tls(&proof, |_| answer(200, "", "hello")).await;
    let network = FakeNetwork::new(&[("public.example", &["9.9.9.9"]), ("other.example", &["9.9.9.9"])]);
    let network = network.leading_to(&server);

    let stranger = on(strict(), &network);
    assert_eq!(kind(&stranger, "https://public.example/").await, OutboundErrorKind::Certificate);
    let trusting = on(strict().with_root_certificate(proof.root.clone()), &network);
    assert_eq!(kind(&trusting, "https://other.example/").await, OutboundErrorKind::Certificate);
    assert_eq!(kind(&trusting, "https://9.9.9.9/").await, OutboundErrorKind::Certificate);
    assert_eq!(server.heads(), [""; 0], "nothing is sent before the host has proved itself");

    let response = trusting.get("https://public.example/").await.unwrap();
    assert_eq!((response.status().as_u16(), response.body().as_ref()), (200, &b"hello"[..]));
}

#[tokio::test]
async fn a_certificate_whose_time_is_over_proves_nothing() {
    let proof = Proof::expired("public.example");
    let server = Server::tls(&proof, |_| answer(200, "", "hello")).await;
    let network = FakeNetwork::new(&[("public.example", &["9.9.9.9"])]).leading_to(&server);
    let client = on(strict().with_root_certificate(proof.root.clone()), &network);
    assert_eq!(kind(&client, "https://public.example/").await, OutboundErrorKind::Certificate);
    assert_eq!(server.heads(), [""; 0]);
}

/// Loopback over TLS needs a certificate like any other host.
#[tokio::test]
async fn permitting_insecure_loopback_does_not_trust_its_certificates() {
    let proof = Proof::of("localhost");
    let server = Server::tls(&proof, |_| answer(200, "", "")).await;
    let url = format!("https://localhost:{}/", server.address.port());
    assert_eq!(kind(&local(strict()), &url).await, OutboundErrorKind::Certificate);
    let trusting = local(strict().with_root_certificate(proof.root.clone()));
    assert_eq!(trusting.get(&url).await.unwrap().status(), 200);
}

/// P-11
#[tokio::test]
async fn a_request_carries_what_was_said_and_no_more() {
    let server = Server::plain(|_| answer(204, "set-cookie: a=b\r\n", "")).await;
    let client = local(strict());
    client.get(&server.url("/a?b#c")).await.unwrap();
    client.get(&server.url("/again")).await.unwrap();
    let own = Secret::new("Bearer issued-to-this-server".to_owned());
    let request = OutboundRequest::post(server.url("/x"), "text/plain", "hello").with_accept("text/html");
    let request = request.with_authorization(own);
    assert!(!format!("{request:?}").contains("issued"), "{request:?}");
    client.send(request).await.unwrap();

    let host = server.address;
    let agent = concat!("mocopr/", env!("CARGO_PKG_VERSION"));
    let rest = |accept| format!("host: {host}\r\nconnection: close\r\nuser-agent: {agent}\r\naccept: {accept}\r\n");
    let heads = server.heads();
    assert_eq!(heads[0], format!("GET /a?b HTTP/1.1\r\n{}\r\n", rest("*/*")));
    assert_eq!(heads[1], format!("GET /again HTTP/1.1\r\n{}\r\n", rest("*/*")));
    let said = "content-type: text/plain\r\nauthorization: Bearer issued-to-this-server\r\ncontent-length: 5\r\n";
    assert_eq!(heads[2], format!("POST /x HTTP/1.1\r\n{}{said}\r\n", rest("text/html")));
}

#[tokio::test]
async fn a_header_that_would_become_two_is_refused() {
    let client = local(strict());
    let injected = "text/plain\r\nx: y";
    let request = OutboundRequest::post("http://127.0.0.1:9/", injected, "");
    assert_eq!(client.send(request).await.unwrap_err().kind(), OutboundErrorKind::Request);
    let request = OutboundRequest::get("http://127.0.0.1:9/").with_authorization(Secret::new(injected.to_owned()));
    assert_eq!(client.send(request).await.unwrap_err().kind(), OutboundErrorKind::Request);
}

/// S-23
#[tokio::test]
async fn a_redirect_is_an_answer_unless_it_is_to_be_followed() {
    let server = Server::plain(|head| match head {
        head if head.starts_with("GET /from ") => answer(302, "location: /to\r\n", ""),
        _ => answer(200, "", "arrived"),
    });
    let server = server.await;
    let response = local(strict()).get(&server.url("/from")).await.unwrap();
    assert_eq!(response.status(), 302);
    assert_eq!(server.heads().len(), 1);
    let response = local(strict().following_redirects(1)).get(&server.url("/from")).await.unwrap();
    assert_eq!(response.body().as_ref(), b"arrived");
    assert_eq!(server.heads().len(), 3);
}

/// S-23, T-45
#[tokio::test]
async fn a_redirect_to_another_place_is_refused_before_anything_is_sent() {
    let elsewhere = Server::plain(|_| answer(200, "", "secret")).await;
    let other_port = elsewhere.url("/");
    let targets = [
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://10.0.0.1/".to_owned(),
        "https://public.example/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "gopher://127.0.0.1:6379/_INFO".to_owned(),
        "//10.0.0.1/".to_owned(),
        "http://user@127.0.0.1/".to_owned(),
        other_port,
    ];
    for target in targets {
        let location = format!("location: {target}\r\n");
        let server = Server::plain(move |_| answer(307, &location, "")).await;
        let client = local(strict().following_redirects(5));
        assert_eq!(kind(&client, &server.url("/")).await, OutboundErrorKind::Redirect, "{target}");
        assert_eq!(server.heads().len(), 1, "{target}");
    }
    assert_eq!(elsewhere.heads(), [""; 0]);
}

#[tokio::test]
async fn as_many_redirects_are_followed_as_were_allowed() {
    let server = Server::plain(|head| {
        let left: usize = head["GET /".len()..].split(' ').next().unwrap().parse().unwrap();
        if left == 0 { answer(200, "", "") } else { answer(301, &format!("location: /{}\r\n", left - 1), "") }
    });
    let server = server.await;
    let client = local(strict().following_redirects(3));
    assert_eq!(client.get(&server.url("/3")).await.unwrap().status(), 200);
    assert_eq!(kind(&client, &server.url("/4")).await, OutboundErrorKind::Redirect);
}

#[tokio::test]
async fn a_redirect_of_a_post_is_not_followed() {
    let server = Server::plain(|_| answer(307, "location: /to\r\n", "")).await;
    let client = local(strict().following_redirects(3));
    let response = client.send(OutboundRequest::post(server.url("/"), "text/plain", "x")).await.unwrap();
    assert_eq!((response.status().as_u16(), server.heads().len()), (307, 1));
}

/// S-23
#[tokio::test]
async fn an_answer_may_have_as_many_bytes_as_allowed_and_not_one_more() {
    let server = Server::plain(|head| {
        let length: usize = head["GET /".len()..].split(' ').next().unwrap().parse().unwrap();
        answer(200, "", &"x".repeat(length))
    });
    let server = server.await;
    let client = local(strict().with_max_response_bytes(1_000));
    assert_eq!(client.get(&server.url("/1000")).await.unwrap().into_body().len(), 1_000);
    assert_eq!(kind(&client, &server.url("/1001")).await, OutboundErrorKind::TooLarge);
}

#[tokio::test]
async fn endless_answers_end() {
    let chunk = format!("400\r\n{}\r\n", "x".repeat(1_024));
    for (head, again) in [
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", chunk),
        ("HTTP/1.1 200 OK\r\n\r\n", "x".repeat(1_024)),
        ("HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551615\r\n\r\n", "x".repeat(1_024)),
        ("HTTP/1.1 200 OK\r\n", "a: b\r\n".to_owned()),
        ("HTTP/1.1 200 OK\r\na: ", "x".repeat(1_024)),
    ] {
        let text = again.clone();
        let server = Server::plain(move |_| Answer::Endless(head, text.clone())).await;
        let kind = kind(&local(strict()), &server.url("/")).await;
        assert!(matches!(kind, OutboundErrorKind::TooLarge | OutboundErrorKind::Protocol), "{kind:?}: {head}");
    }
}

#[tokio::test]
async fn silence_and_endless_beginnings_end_when_the_time_is_over() {
    let silent = Server::plain(|_| Answer::Silence).await;
    let interim = "HTTP/1.1 103 Early Hints\r\n\r\n".to_owned();
    let hinting = Server::plain(move |_| Answer::Endless("", interim.clone())).await;
    let client = local(strict().with_timeout(Duration::from_millis(100)));
    assert_eq!(kind(&client, &silent.url("/")).await, OutboundErrorKind::Timeout);
    assert_eq!(kind(&client, &hinting.url("/")).await, OutboundErrorKind::Timeout);
}

#[tokio::test]
async fn the_time_is_that_of_all_redirects_together() {
    let server = Server::plain(|head| match head {
        head if head.starts_with("GET /from ") => answer(302, "location: /silence\r\n", ""),
        _ => Answer::Silence,
    });
    let server = server.await;
    let client = local(strict().following_redirects(3).with_timeout(Duration::from_millis(100)));
    assert_eq!(kind(&client, &server.url("/from")).await, OutboundErrorKind::Timeout);
}

#[tokio::test]
async fn an_answer_that_is_cut_off_or_not_http_is_an_error() {
    for text in [
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\n",
        "SSH-2.0-OpenSSH_9.9\r\n\r\n",
        "",
    ] {
        let server = Server::plain(move |_| Answer::Text(text.to_owned())).await;
        assert_eq!(kind(&local(strict()), &server.url("/")).await, OutboundErrorKind::Protocol, "{text:?}");
    }
}

#[tokio::test]
async fn a_compressed_answer_is_left_as_it_is() {
    let server = Server::plain(|_| answer(200, "content-encoding: gzip\r\n", "not really")).await;
    let response = local(strict()).get(&server.url("/")).await.unwrap();
    assert_eq!(response.body().as_ref(), b"not really");
    assert!(!server.heads()[0].contains("accept-encoding"));
}

#[tokio::test]
async fn errors_say_nothing_of_hosts_and_addresses_but_to_the_log() {
    let network = hostile_network();
    let client = on(strict(), &network);
    for url in ["https://public.example/", "https://missing.example/", "https://10.0.0.1/", "https://user@x.example/"] {
        let text = client.get(url).await.unwrap_err().to_string();
        assert!(!text.contains(['.', ':', '/']) && !text.contains("example"), "{text}");
    }
    let error = client.get("https://missing.example/").await.unwrap_err();
    assert_eq!(error.kind(), OutboundErrorKind::Resolve);
    assert_eq!(error.source().unwrap().to_string(), "secret.internal has no address");
}
