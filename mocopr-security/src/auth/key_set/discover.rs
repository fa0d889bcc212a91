//! Finds where an issuer publishes its keys by the issuer's name alone, and fetches them.
//!
//! One document says where the keys are, another has them. Both are asked for at each fetch, so that keys which move
//! are found. A document counts only if it names the very issuer that it was asked of: else whoever can put a file on
//! the host of one issuer could speak for another.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use mocopr_core::{
    clock::Clock,
    json::{JsonLimits, RawJson},
};
use serde::Deserialize;

use super::{
    IssuerKeys, client,
    fetch::{Fetch, FetchError, Fetched, fetch, keys_at},
};
use crate::{
    auth::{
        TokenValidator,
        jwt::keys::{KeyLocation, KeySource},
    },
    outbound::OutboundClient,
    policy::Problem,
};

impl TokenValidator {
    /// Tokens of this issuer, whose keys are found by its name: OpenID Connect Discovery, or the metadata of an
    /// authorization server.
    ///
    /// `issuer` is an `https` URL without query and fragment, exactly as tokens have it in `iss`. The document at
    /// `<issuer>/.well-known/openid-configuration` is asked for, and where there is none with these words that of RFC
    /// 8414; it must name the same issuer, and says where the keys are. Both are fetched beside requests and kept as
    /// [`jwks`](Self::jwks) says, and so found again when they move.
    ///
    /// ```
    /// use mocopr_security::auth::TokenValidator;
    ///
    /// let validator = TokenValidator::oidc("https://id.example.com/realms/staff");
    /// # let _ = validator;
    /// ```
    ///
    /// # Source
    /// OpenID Connect Discovery 1.0, section 4; RFC 8414, section 3; MCP 2026-07-28, basic/authorization.
    pub fn oidc(issuer: impl Into<Box<str>>) -> Self {
        let issuer = issuer.into();
        Self::by_url(issuer.clone(), issuer, Arc::new(open))
    }
}

/// Opens the keys of an issuer that is known by name.
///
/// # Errors
/// A name that is no URL from which a document could be found.
fn open(location: KeyLocation, clock: Arc<dyn Clock>) -> Result<Arc<dyn KeySource>, Problem> {
    let KeyLocation { issuer, url: _, plain_http } = location;
    let wrong = |what: &str| {
        Problem::new(
            format!("its keys cannot be discovered: {what}"),
            "name the issuer by its `https` URL, or give its keys with `TokenValidator::jwks(..)`",
        )
    };
    if !plain_http.permits(&issuer) {
        return Err(wrong("its name is no `https` URL"));
    }
    let client = client(plain_http)?;
    client.check(&issuer).map_err(|error| wrong(&error.to_string()))?;
    let discovered = Discovered::new(client, &issuer).ok_or_else(|| wrong("its name has a query or a fragment"))?;
    let keys = IssuerKeys::new(issuer, discovered, clock);
    keys.start();
    Ok(Arc::new(keys))
}

/// The key set that an issuer's own document names.
#[derive(Debug)]
struct Discovered {
    client: OutboundClient,
    issuer: Box<str>,
    /// Where the document may be, the likeliest first.
    places: [Box<str>; 2],
}

impl Discovered {
    /// What is found from this name; `None` where it has a query or a fragment.
    fn new(client: OutboundClient, issuer: &str) -> Option<Self> {
        Some(Self { client, issuer: issuer.into(), places: places(issuer)? })
    }

    async fn find(&self) -> Result<Fetched, FetchError> {
        let [openid, oauth] = &self.places;
        let url = match self.key_set_of(openid).await {
            Ok(url) => url,
            // Of two failures the first is told: it is that of the place where most issuers have it.
            Err(error) => self.key_set_of(oauth).await.map_err(|_| error)?,
        };
        keys_at(&self.client, &url).await
    }

    /// Where the document at this place says that the keys are.
    async fn key_set_of(&self, place: &str) -> Result<Box<str>, FetchError> {
        let answer = fetch(&self.client, place, "application/json").await?;
        let metadata = RawJson::parse(answer.into_body(), &LIMITS);
        let metadata: Metadata =
            metadata.map_err(|_| "the metadata is not JSON, or breaks a limit, or repeats a member")?.decode()?;
        if metadata.issuer != *self.issuer {
            return Err("the metadata is that of another issuer".into());
        }
        self.client.check(&metadata.jwks_uri)?;
        Ok(metadata.jwks_uri.into())
    }
}

impl Fetch for Discovered {
    fn fetch(&self) -> BoxFuture<'_, Result<Fetched, FetchError>> {
        Box::pin(self.find())
    }
}

/// What an issuer says of itself, as far as it is used.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

/// Where the document of an issuer may be: behind its path as OpenID Connect has it, and before its path as RFC 8414
/// has it. `None` where it has a query or a fragment, which no issuer has.
fn places(issuer: &str) -> Option<[Box<str>; 2]> {
    if issuer.contains(['?', '#']) {
        return None;
    }
    let bare = issuer.strip_suffix('/').unwrap_or(issuer);
    let (scheme, rest) = bare.split_once("://")?;
    let (host, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len()))?;
    Some([
        format!("{bare}/.well-known/openid-configuration").into(),
        format!("{scheme}://{host}/.well-known/oauth-authorization-server{path}").into(),
    ])
}

/// Room for all that real issuers list; the bytes are bounded by the client.
const LIMITS: JsonLimits = JsonLimits { depth: 16, members: 512, string_bytes: 8 << 10, elements: 4_096 };

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        auth::jwt::keys::PlainHttp,
        outbound::tests::server::{Answer, Server, answer},
    };

    const OPENID: &str = "/.well-known/openid-configuration";

    /// What is answered, made of the URL of the server.
    type Page = fn(&str) -> String;

    /// Answers `GET` of each of these paths with what is made of the URL of the server.
    async fn served(pages: Vec<(&'static str, Page)>) -> Server {
        Server::plain(move |head| respond(&pages, head)).await
    }

    fn respond(pages: &[(&'static str, Page)], head: &str) -> Answer {
        let path = head.strip_prefix("GET ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
        let host = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
        match pages.iter().find(|(page, _)| *page == path) {
            Some((_, page)) => answer(200, "", &page(&format!("http://{host}"))),
            None => answer(404, "", "{}"),
        }
    }

    fn metadata(issuer: &str, keys: &str) -> String {
        json!({"issuer": issuer, "jwks_uri": keys, "response_types_supported": ["code"]}).to_string()
    }

    /// What is found from the name of an issuer on this machine.
    async fn find(issuer: &str) -> Result<String, String> {
        let discovered = Discovered::new(client(PlainHttp::Loopback).unwrap(), issuer).unwrap();
        let found = discovered.fetch().await.map_err(|error| error.to_string())?;
        Ok(String::from_utf8(found.document.to_vec()).unwrap())
    }

    fn keys(_: &str) -> String {
        "the keys".into()
    }

    /// S-38
    #[tokio::test]
    async fn keys_are_where_the_document_of_the_issuer_says() {
        let at_root: Page = |url| metadata(url, &format!("{url}/keys"));
        let server = served(vec![(OPENID, at_root), ("/keys", keys)]).await;
        assert_eq!(find(&server.url("")).await.unwrap(), "the keys");
        assert_eq!(server.heads().len(), 2);
        assert!(server.heads()[0].contains("accept: application/json\r\n"), "{:?}", server.heads());

        let slashed: Page = |url| metadata(&format!("{url}/"), &format!("{url}/keys"));
        let server = served(vec![(OPENID, slashed), ("/keys", keys)]).await;
        assert_eq!(find(&server.url("/")).await.unwrap(), "the keys");
        assert!(find(&server.url("")).await.is_err(), "`https://a` and `https://a/` are two issuers");

        let below: Page = |url| metadata(&format!("{url}/realms/a"), &format!("{url}/keys"));
        let server = served(vec![("/realms/a/.well-known/openid-configuration", below), ("/keys", keys)]).await;
        assert_eq!(find(&server.url("/realms/a")).await.unwrap(), "the keys");
    }

    /// S-38
    #[tokio::test]
    async fn where_openid_says_nothing_the_metadata_of_an_authorization_server_does() {
        let below: Page = |url| metadata(&format!("{url}/realms/a"), &format!("{url}/keys"));
        let oauth = "/.well-known/oauth-authorization-server/realms/a";
        for other in [keys, |url: &str| metadata(url, "")] {
            let pages = vec![("/realms/a/.well-known/openid-configuration", other), (oauth, below), ("/keys", keys)];
            assert_eq!(find(&served(pages).await.url("/realms/a")).await.unwrap(), "the keys");
        }
        let server = served(vec![(oauth, below), ("/keys", keys)]).await;
        assert_eq!(find(&server.url("/realms/a")).await.unwrap(), "the keys");
        assert_eq!(find(&served(vec![]).await.url("")).await.unwrap_err(), "the status is 404");
    }

    /// S-38, T-23
    #[tokio::test]
    async fn a_document_of_another_issuer_says_nothing() {
        let claims: [Page; 5] = [
            |url| metadata("https://evil.example", &format!("{url}/keys")),
            |url| metadata(&format!("{url}/"), &format!("{url}/keys")),
            |url| metadata(&url.to_uppercase(), &format!("{url}/keys")),
            |url| json!({"jwks_uri": format!("{url}/keys")}).to_string(),
            |url| json!({"issuer": [url], "jwks_uri": format!("{url}/keys")}).to_string(),
        ];
        for claim in claims {
            let server = served(vec![(OPENID, claim), ("/keys", keys)]).await;
            find(&server.url("")).await.unwrap_err();
            assert!(server.heads().iter().all(|head| !head.starts_with("GET /keys")), "{}", claim("URL"));
        }
    }

    /// S-23, S-38
    #[tokio::test]
    async fn an_issuer_cannot_lead_to_private_places_nor_to_plain_http_elsewhere() {
        let led: [Page; 7] = [
            |url| metadata(url, "http://id.example.com/keys"),
            |url| metadata(url, "https://10.0.0.1/keys"),
            |url| metadata(url, "http://169.254.169.254/latest/meta-data"),
            |url| metadata(url, "file:///etc/passwd"),
            |url| metadata(url, "/keys"),
            |url| metadata(url, ""),
            |url| json!({"issuer": url}).to_string(),
        ];
        for page in led {
            let server = served(vec![(OPENID, page)]).await;
            find(&server.url("")).await.unwrap_err();
        }
    }

    /// S-38
    #[tokio::test]
    async fn a_document_that_is_read_in_two_ways_is_not_read() {
        let broken: [Page; 5] = [
            |url| format!(r#"{{"issuer":"{url}","issuer":"{url}","jwks_uri":"{url}/keys"}}"#),
            |url| format!(r#"{{"issuer":"{url}","jwks_uri":"{url}/keys"}}{{}}"#),
            |url| json!([{"issuer": url, "jwks_uri": format!("{url}/keys")}]).to_string(),
            |url| {
                let mut deep = json!({"issuer": url, "jwks_uri": format!("{url}/keys")});
                deep["x"] = (0..20).fold(Value::Null, |inside, _| json!([inside]));
                deep.to_string()
            },
            |url| metadata(url, &format!("{url}/keys")) + &" ".repeat(256 << 10),
        ];
        for page in broken {
            let server = served(vec![(OPENID, page), ("/keys", keys)]).await;
            find(&server.url("")).await.unwrap_err();
        }
    }

    /// S-33, S-38
    #[tokio::test]
    async fn keys_that_have_moved_are_found_at_the_next_fetch() {
        let asked = std::sync::atomic::AtomicUsize::new(0);
        let server = Server::plain(move |head| {
            let nth = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let first: Page = |url| metadata(url, &format!("{url}/old"));
            let second: Page = |url| metadata(url, &format!("{url}/new"));
            let page = if nth < 2 { first } else { second };
            respond(&[(OPENID, page), ("/old", |_| "old keys".into()), ("/new", |_| "new keys".into())], head)
        })
        .await;
        let discovered = Discovered::new(client(PlainHttp::Loopback).unwrap(), &server.url("")).unwrap();
        let mut found = Vec::new();
        for _ in 0..2 {
            found.push(discovered.fetch().await.unwrap().document);
        }
        assert_eq!(found, ["old keys", "new keys"]);
    }

    /// S-38, P-17
    #[test]
    fn only_an_issuer_that_is_a_url_can_be_discovered() {
        let opened = |issuer: &str, plain_http| {
            let location = KeyLocation { issuer: issuer.into(), url: issuer.into(), plain_http };
            open(location, Arc::new(mocopr_core::clock::SystemClock::new()))
        };
        for issuer in [
            "x",
            "",
            "id.example.com",
            "urn:example:issuer",
            "http://id.example.com",
            "http://127.0.0.1:1",
            "https://10.0.0.1",
            "https://id.example.com/?tenant=a",
            "https://id.example.com/#a",
            "https://ann@id.example.com",
            "https://",
        ] {
            let problem = opened(issuer, PlainHttp::Refused).unwrap_err();
            assert!(problem.what().starts_with("its keys cannot be discovered: "), "{issuer}: {problem}");
        }
        for (issuer, plain_http) in
            [("https://id.example.com/a", PlainHttp::Loopback), ("http://127.0.0.1:1", PlainHttp::Loopback)]
        {
            assert!(opened(issuer, plain_http).is_ok(), "{issuer}");
        }
    }
}
