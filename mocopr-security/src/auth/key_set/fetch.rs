//! Fetches a key set by its URL, with the guarded client.
//!
//! Of the answer only the status, the body and how long it holds are looked at; what its headers say of its type is
//! not believed.

use std::{error::Error, fmt, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, StatusCode, header::CACHE_CONTROL};

use crate::outbound::{OutboundClient, OutboundRequest, OutboundResponse};

/// What brings the document of a key set.
pub(super) trait Fetch: Send + Sync + fmt::Debug + 'static {
    /// Fetches it once.
    fn fetch(&self) -> BoxFuture<'_, Result<Fetched, FetchError>>;
}

/// For the log alone.
pub(super) type FetchError = Box<dyn Error + Send + Sync>;

/// A document, and how long its server says that it holds.
#[derive(Clone, Debug)]
pub(super) struct Fetched {
    pub(super) document: Bytes,
    pub(super) max_age: Option<Duration>,
}

/// The key set at a URL.
#[derive(Debug)]
pub(super) struct FromUrl {
    pub(super) client: OutboundClient,
    pub(super) url: Box<str>,
}

impl Fetch for FromUrl {
    fn fetch(&self) -> BoxFuture<'_, Result<Fetched, FetchError>> {
        Box::pin(keys_at(&self.client, &self.url))
    }
}

/// The key set at this URL.
pub(super) async fn keys_at(client: &OutboundClient, url: &str) -> Result<Fetched, FetchError> {
    let answer = fetch(client, url, "application/jwk-set+json, application/json").await?;
    let max_age = max_age(answer.headers());
    Ok(Fetched { document: answer.into_body(), max_age })
}

/// What a server answers that has what is asked for.
pub(super) async fn fetch(client: &OutboundClient, url: &str, accept: &str) -> Result<OutboundResponse, FetchError> {
    let answer = client.send(OutboundRequest::get(url).with_accept(accept)).await?;
    if answer.status() != StatusCode::OK {
        return Err(format!("the status is {}", answer.status().as_u16()).into());
    }
    Ok(answer)
}

/// `max-age` of `Cache-Control` (RFC 9111, section 5.2.2.1), where there is one that means anything: zero is what
/// frameworks send who know nothing of what they serve.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(CACHE_CONTROL).into_iter().filter_map(|value| value.to_str().ok());
    let seconds = |directive: &str| {
        let (name, value) = directive.trim().split_once('=')?;
        let digits = value.trim_matches('"');
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        (name.eq_ignore_ascii_case("max-age") && is_number).then(|| digits.parse().unwrap_or(u64::MAX))
    };
    let shortest = values.flat_map(|value| value.split(',')).filter_map(seconds).min()?;
    (shortest > 0).then(|| Duration::from_secs(shortest))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_age_that_keys_may_reach_is_read_from_cache_control() {
        for (values, expected) in [
            (&["max-age=300"][..], Some(300)),
            (&["public, Max-Age=\"300\", must-revalidate"], Some(300)),
            (&["max-age=300", "max-age=60"], Some(60)),
            (&["max-age=99999999999999999999999"], Some(u64::MAX)),
            (&["no-store"], None),
            (&["max-age=0"], None),
            (&["max-age=-1"], None),
            (&["max-age=1e3"], None),
            (&["max-age="], None),
            (&["max-age"], None),
            (&["s-maxage=300"], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CACHE_CONTROL, HeaderValue::from_static(value));
            }
            assert_eq!(max_age(&headers), expected.map(Duration::from_secs), "{values:?}");
        }
    }
}
