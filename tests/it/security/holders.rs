//! Access tokens that are bound to a client's certificate, over real TLS: good on a connection whose client proved to
//! hold it, and nowhere else.

use mocopr::{
    HttpConfig, TlsConfig,
    auth::{AuthMiddleware, TokenIssuer},
    prelude::*,
    security::RateLimitPolicy,
};
use serde_json::{Value, json};

use super::guarded::{Guarded, HOST, ISSUER, with_fields};
use crate::support::{
    http::{Answer, Connection},
    request,
    tls::{Authority, Files, Hello},
};

const URL: &str = "https://mcp.example.com/mcp";

#[tool]
async fn whoami(caller: Caller) -> String {
    format!("{} by {:?}", caller.subject(), caller.method())
}

/// What a server shows a client of its listener.
struct World {
    authority: Authority,
    issuer: TokenIssuer,
    own: Files,
    other: Files,
}

impl World {
    fn new() -> Self {
        let authority = Authority::new();
        let issuer = TokenIssuer::new().expect("keys can be made").with_issuer(ISSUER).with_audience(URL);
        let (own, other) = (authority.client("own", "robot", None, 7), authority.client("other", "robot", None, 8));
        Self { authority, issuer, own, other }
    }

    /// A token that is bound to the client's own certificate.
    fn bound(&self) -> String {
        self.issuer.token_for("alice").bound_to_certificate(&self.own.der()).sign().expect("it can be signed")
    }

    /// The same policy on any listener.
    async fn serve(&self, config: HttpConfig) -> Guarded {
        let tokens = AuthMiddleware::builder().with_token_validation(self.issuer.validator());
        let policy = SecurityPolicy::strict()
            .with_public_url(URL)
            .with_rate_limiting(RateLimitPolicy::unlimited())
            .with_authorization_enabled(false)
            .with_authentication(tokens.build().expect("it is sound"));
        Guarded::listen(config, policy, |builder| builder.with_tool(whoami)).await
    }

    /// Over TLS that asks clients for certificates.
    async fn asking(&self) -> Guarded {
        let tls = self.tls().with_client_ca_file(self.authority.roots()).build().expect("they are sound");
        self.serve(HttpConfig::loopback(0).with_tls(tls)).await
    }

    /// Over TLS that asks nobody.
    async fn silent(&self) -> Guarded {
        self.serve(HttpConfig::loopback(0).with_tls(self.tls().build().expect("they are sound"))).await
    }

    fn tls(&self) -> mocopr::security::TlsConfigBuilder {
        let files = self.authority.server("server", &[HOST]);
        TlsConfig::builder().with_cert_chain_file(files.chain).with_private_key_file(files.key)
    }

    async fn connect(&self, server: &Guarded, certificate: Option<&Files>) -> Connection {
        let hello = Hello { certificate, ..Hello::default() };
        let stream = self.authority.connect(server.authority(), HOST, &hello).await.expect("a handshake");
        Connection::over(stream).watched()
    }

    async fn ask(&self, server: &Guarded, certificate: Option<&Files>, token: &str) -> Answer {
        self.connect(server, certificate).await.ask(with_token(token)).await
    }
}

fn with_token(token: &str) -> Vec<u8> {
    let call = request::stateless(1, "tools/call", json!({"name": "whoami", "arguments": {}}));
    with_fields(&[("Authorization", &format!("Bearer {token}"))], &call)
}

fn text(answer: &Answer) -> Value {
    answer.json()["result"]["content"][0]["text"].clone()
}

/// S-13, P-16
#[tokio::test]
async fn a_token_of_a_certificate_is_good_where_its_holder_sends_it_and_nowhere_else() {
    let world = World::new();
    let server = world.asking().await;
    let token = world.bound();
    // Before and after it is remembered.
    for _ in 0..2 {
        assert_eq!(text(&world.ask(&server, Some(&world.own), &token).await), "alice by Token");
        for certificate in [None, Some(&world.other)] {
            let refused = world.ask(&server, certificate, &token).await;
            assert_eq!(refused.head.status, 401);
            let challenge = refused.head.header("www-authenticate").expect("it says what to bring");
            assert!(challenge.contains("invalid_token") && !challenge.contains("certificate"), "{challenge}");
            assert!(!refused.text().contains("certificate"), "{}", refused.text());
        }
    }
    let mut connection = world.connect(&server, Some(&world.own)).await;
    for _ in 0..2 {
        assert_eq!(text(&connection.ask(with_token(&token)).await), "alice by Token", "with each request");
    }
}

/// S-13
#[tokio::test]
async fn a_token_of_a_certificate_is_refused_where_nobody_is_asked_for_one() {
    let world = World::new();
    let silent = world.silent().await;
    assert_eq!(world.ask(&silent, Some(&world.own), &world.bound()).await.head.status, 401);
    let plain = world.serve(HttpConfig::loopback(0)).await;
    let mut connection = plain.connect().await;
    assert_eq!(connection.ask(with_token(&world.bound())).await.head.status, 401);
    let free = world.issuer.token_for("alice").sign().expect("it can be signed");
    assert_eq!(
        text(&world.ask(&silent, None, &free).await),
        "alice by Token",
        "what is bound to nothing is good there"
    );
}

/// S-32
#[tokio::test]
async fn a_token_that_is_bound_to_more_than_is_checked_is_refused() {
    let world = World::new();
    let server = world.asking().await;
    let thumbprint = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
    for bound in [
        json!({"x5t#S256": thumbprint}),
        json!({"x5t#S256": "47DE"}),
        json!({"x5t#S256": null}),
        json!({"x5t#S256": thumbprint, "kid": "a"}),
        json!({"x5t": thumbprint}),
    ] {
        let token = world.issuer.token_for("alice").with_claim("cnf", bound.clone()).sign().expect("it can be signed");
        assert_eq!(world.ask(&server, Some(&world.own), &token).await.head.status, 401, "{bound}");
    }
}

/// P-05
#[tokio::test]
async fn a_listener_that_asks_for_certificates_says_that_tokens_may_be_bound_to_them() {
    let world = World::new();
    let document = async |server: &Guarded| {
        let line = "GET /.well-known/oauth-protected-resource/mcp HTTP/1.1";
        let request = request::request(line, &[("Host", HOST)], b"");
        world.connect(server, None).await.ask(request).await.json()
    };
    let name = "tls_client_certificate_bound_access_tokens";
    assert_eq!(document(&world.asking().await).await[name], true);
    assert_eq!(document(&world.silent().await).await.get(name), None);
}
