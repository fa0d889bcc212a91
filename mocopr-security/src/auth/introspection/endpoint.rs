//! One question to an issuer about one token, with the guarded client.
//!
//! The token goes into the body and to that URL alone; what comes back is not looked at here.

use std::{error::Error, fmt, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::StatusCode;
use mocopr_core::json::RawJson;
use serde_json::{Map, Value};

use super::answer::LIMITS;
use crate::{
    auth::jwt::{claims::is_name, keys::PlainHttp},
    outbound::{OutboundClient, OutboundRequest},
    policy::Problem,
    redact::Secret,
};

/// What asks an issuer about a token.
pub(super) trait Ask: Send + Sync + fmt::Debug + 'static {
    /// The body of its answer. The future ends by itself, whatever the issuer does.
    fn ask<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Bytes, AskError>>;
}

/// For the log alone.
pub(super) type AskError = Box<dyn Error + Send + Sync>;

/// The introspection endpoint of an issuer, and how this server proves itself there.
#[derive(Debug)]
pub(super) struct Endpoint {
    client: OutboundClient,
    url: Box<str>,
    authorization: Secret<String>,
}

impl Endpoint {
    /// The endpoint at this URL, for the client of this name and secret.
    ///
    /// # Errors
    /// A problem with the URL, or with what this server proves itself by.
    pub(super) fn open(
        url: &str,
        client_id: &str,
        secret: &Secret<String>,
        plain_http: PlainHttp,
    ) -> Result<Self, Problem> {
        if !plain_http.permits(url) {
            let mend = "name the `https` URL of its introspection endpoint, or call `allowing_insecure_loopback()`";
            return Err(Problem::new("it would be asked about tokens without TLS", mend));
        }
        if !is_name(client_id) || secret.expose().is_empty() {
            let mend = "give the name and the secret that the issuer knows this server by";
            return Err(Problem::new("this server has no name there, or no secret", mend));
        }
        let client = OutboundClient::builder().with_timeout(MOST_TIME).with_max_response_bytes(MOST_BYTES);
        let client = match plain_http {
            PlainHttp::Refused => client.build()?,
            PlainHttp::Loopback => client.allowing_insecure_loopback().build()?,
        };
        client.check(url).map_err(|error| {
            let mend = "name the `https` URL of its introspection endpoint, at a public address";
            Problem::new(format!("it cannot be asked about tokens: {error}"), mend)
        })?;
        Ok(Self { client, url: url.into(), authorization: basic(client_id, secret) })
    }

    async fn send(&self, token: &str) -> Result<Bytes, AskError> {
        let body = format!("token={}&token_type_hint=access_token", Encoded(token));
        let request = OutboundRequest::post(self.url.clone(), "application/x-www-form-urlencoded", body)
            .with_accept("application/json")
            .with_authorization(Secret::new(self.authorization.expose().clone()));
        let answer = self.client.send(request).await?;
        match answer.status() {
            StatusCode::OK => Ok(answer.into_body()),
            StatusCode::BAD_REQUEST if says_unsupported(answer.body()) => Ok(Bytes::from_static(INACTIVE)),
            StatusCode::UNAUTHORIZED => Err("the issuer does not take this server's name and secret".into()),
            other => Err(format!("the status is {}", other.as_u16()).into()),
        }
    }
}

impl Ask for Endpoint {
    fn ask<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Bytes, AskError>> {
        Box::pin(self.send(token))
    }
}

/// The issuer has no tokens of this form. It says that in the words of an error, and means the token.
///
/// # Source
/// RFC 7009, section 2.2.1, whose error some issuers give here as well.
fn says_unsupported(body: &Bytes) -> bool {
    let error = RawJson::parse(body.clone(), &LIMITS);
    let error = error.ok().and_then(|error| error.decode::<Map<String, Value>>().ok());
    error.is_some_and(|error| error.get("error").and_then(Value::as_str) == Some("unsupported_token_type"))
}

/// What a client proves itself with.
///
/// # Source
/// RFC 6749, section 2.3.1: both halves are encoded as values of a form first.
fn basic(client_id: &str, secret: &Secret<String>) -> Secret<String> {
    let pair = Secret::new(format!("{}:{}", Encoded(client_id), Encoded(secret.expose())));
    Secret::new(format!("Basic {}", STANDARD.encode(pair.expose())))
}

/// A text as a value of a form.
struct Encoded<'a>(&'a str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => write!(f, "{}", char::from(byte))?,
                b' ' => f.write_str("+")?,
                other => write!(f, "%{other:02X}")?,
            }
        }
        Ok(())
    }
}

/// How long one question may take.
const MOST_TIME: Duration = Duration::from_secs(5);
/// What an issuer says of a token that is not good.
const INACTIVE: &[u8] = br#"{"active":false}"#;
/// The largest answer, in bytes.
const MOST_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::tests::server::{Answer, Server, answer};

    fn open(url: &str, id: &str, secret: &str, plain_http: PlainHttp) -> Result<Endpoint, Problem> {
        Endpoint::open(url, id, &Secret::new(secret.into()), plain_http)
    }

    async fn asked(answer: Answer) -> (Server, Result<Bytes, AskError>) {
        let server = Server::plain(move |_| answer.clone()).await;
        let endpoint = open(&server.url("/introspect"), "we ather", "p:w/ü", PlainHttp::Loopback).unwrap();
        let answered = endpoint.ask("a+b/c=&x").await;
        (server, answered)
    }

    /// S-30, P-11
    #[tokio::test]
    async fn the_token_goes_into_the_body_and_the_client_proves_itself() {
        let (server, answered) = asked(answer(200, "content-type: application/json\r\n", "{}")).await;
        assert_eq!(answered.unwrap(), "{}");
        let (heads, bodies) = (server.heads(), server.bodies());
        assert!(heads[0].starts_with("POST /introspect HTTP/1.1\r\n"), "{heads:?}");
        assert!(heads[0].contains("content-type: application/x-www-form-urlencoded\r\n"), "{heads:?}");
        assert!(heads[0].contains("accept: application/json\r\n"), "{heads:?}");
        let basic = STANDARD.encode("we+ather:p%3Aw%2F%C3%BC");
        assert!(heads[0].contains(&format!("authorization: Basic {basic}\r\n")), "{heads:?}");
        assert_eq!(bodies, ["token=a%2Bb%2Fc%3D%26x&token_type_hint=access_token"]);
    }

    /// S-23
    #[tokio::test]
    async fn what_is_not_an_answer_is_an_error() {
        let large = |bytes: usize| answer(200, "", &"x".repeat(bytes));
        assert_eq!(asked(large(64 << 10)).await.1.unwrap().len(), 64 << 10);
        let unsupported = r#"{"error":"unsupported_token_type","error_description":"x"}"#;
        assert_eq!(asked(answer(400, "", unsupported)).await.1.unwrap(), INACTIVE);
        for not in [
            answer(401, "", r#"{"active":true}"#),
            answer(500, "", r#"{"active":true}"#),
            answer(400, "", r#"{"error":"invalid_request"}"#),
            answer(400, "", ""),
            answer(401, "", unsupported),
            answer(201, "", r#"{"active":true}"#),
            answer(302, "location: /other\r\n", ""),
            large((64 << 10) + 1),
            Answer::Text("nonsense".into()),
        ] {
            let (server, answered) = asked(not.clone()).await;
            assert!(answered.is_err(), "{not:?}");
            assert_eq!(server.heads().len(), 1, "{not:?}");
        }
    }

    /// S-03, P-17
    #[test]
    fn tokens_are_sent_by_https_to_public_addresses_unless_loopback_is_permitted() {
        for (url, plain_http) in [
            ("http://id.example.com/introspect", PlainHttp::Loopback),
            ("http://127.0.0.1:1/introspect", PlainHttp::Refused),
            ("https://10.0.0.1/introspect", PlainHttp::Loopback),
            ("https://[::1]/introspect", PlainHttp::Refused),
            ("introspect", PlainHttp::Loopback),
            ("", PlainHttp::Loopback),
        ] {
            assert!(open(url, "id", "secret", plain_http).is_err(), "{url}");
        }
        for (url, plain_http) in
            [("http://127.0.0.1:1/introspect", PlainHttp::Loopback), ("https://id.example.com/i", PlainHttp::Loopback)]
        {
            assert!(open(url, "id", "secret", plain_http).is_ok(), "{url}");
            assert!(open(url, "", "secret", plain_http).is_err() && open(url, "id", "", plain_http).is_err());
        }
        let endpoint = open("http://127.0.0.1:1/", "id", "canary", PlainHttp::Loopback).unwrap();
        assert!(!format!("{endpoint:?}").contains("canary"));
    }
}
