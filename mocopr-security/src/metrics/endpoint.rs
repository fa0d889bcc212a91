//! Who may read metrics: what a request for them is answered with.
//!
//! It reads the head of a request alone, and no refusal repeats what that said.

use std::net::SocketAddr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode,
    header::{ALLOW, AUTHORIZATION, CONNECTION, CONTENT_TYPE, ORIGIN, WWW_AUTHENTICATE},
};
use mocopr_core::peer::HttpFacts;
use tracing::info;

use super::{SecurityMetrics, builder::Listener, text};
use crate::{
    headers::{self, SecurityHeaders, Transport},
    origin::{self, Authority, HostPolicy},
    random,
};

/// The metrics of a server at one address.
#[derive(Debug)]
pub struct MetricsEndpoint {
    metrics: SecurityMetrics,
    /// The names of this machine, on loopback.
    local: HostPolicy,
    /// The address, and names that the owner gave.
    named: HostPolicy,
    /// The digest of what must be presented.
    bearer: Option<[u8; 32]>,
}

/// Why metrics are not told.
struct Refused {
    status: StatusCode,
    rule: &'static str,
}

impl MetricsEndpoint {
    pub(super) fn new(metrics: SecurityMetrics, listener: Option<&Listener>, bound: SocketAddr) -> Self {
        let hosts = listener.map_or(&[][..], |listener| &listener.hosts);
        let with_port = |host: &str| match Authority::parse(host) {
            Some(Authority { port: None, .. }) => format!("{host}:{}", bound.port()),
            Some(_) | None => host.to_owned(),
        };
        let named: Vec<String> =
            hosts.iter().flat_map(|host| [String::from(&**host), with_port(host)]).chain([bound.to_string()]).collect();
        if let Some(ready) = listener.and_then(|listener| listener.ready.as_ref()) {
            (ready.0)(bound);
        }
        Self {
            local: if bound.ip().is_loopback() { HostPolicy::loopback() } else { HostPolicy::nobody() },
            named: HostPolicy::exact(named.iter().map(String::as_str)).unwrap_or_else(|_| HostPolicy::nobody()),
            bearer: listener.and_then(|listener| Some(digest(listener.bearer.as_ref()?.expose()))),
            metrics,
        }
    }

    /// The whole answer to a request with this head; a body that it has is not looked at.
    ///
    /// 200 with the text; 400 or 403 for a request that calls by another name, comes through a proxy or from a web
    /// page; 401 without the token, where there is one; 404 elsewhere than at `/metrics`; 405 for other methods than
    /// `GET` and `HEAD`.
    pub fn answer(&self, http: &HttpFacts<'_>) -> Response<Bytes> {
        let mut response = match self.look(http) {
            Ok(()) => {
                let mut response = Response::new(Bytes::from(self.metrics.text()));
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(text::CONTENT_TYPE));
                response
            }
            Err(Refused { status, rule }) => {
                info!(rule, "a request for metrics was refused");
                refusal(status)
            }
        };
        headers::apply(response.headers_mut(), Transport::Plain, SecurityHeaders::Current);
        response
    }

    /// The headers of answers that are given before a request could be read.
    pub fn refusal_headers(&self) -> HeaderMap {
        let mut fields = HeaderMap::new();
        headers::apply(&mut fields, Transport::Plain, SecurityHeaders::Current);
        fields
    }

    fn look(&self, http: &HttpFacts<'_>) -> Result<(), Refused> {
        let refused = |status, rule| Err(Refused { status, rule });
        if let Err(rejection) = origin::check_forwarded(http.headers) {
            return refused(rejection.status(), rejection.rule());
        }
        let by = |hosts: &HostPolicy| hosts.check_host(http.headers, http.uri, http.version);
        if let Err(rejection) = by(&self.local).or_else(|_| by(&self.named)) {
            return refused(rejection.status(), rejection.rule());
        }
        // Only a browser sends it, and no page has any business here.
        if http.headers.contains_key(ORIGIN) {
            return refused(StatusCode::FORBIDDEN, "origin");
        }
        if let Some(wanted) = &self.bearer
            && presented(http.headers).is_none_or(|token| verify_slices_are_equal(&digest(token), wanted).is_err())
        {
            return refused(StatusCode::UNAUTHORIZED, "authentication");
        }
        if http.uri.path() != PATH {
            return refused(StatusCode::NOT_FOUND, "path");
        }
        match *http.method {
            Method::GET | Method::HEAD => Ok(()),
            _ => refused(StatusCode::METHOD_NOT_ALLOWED, "method"),
        }
    }
}

/// An answer that refuses, after which the connection ends: the body of the request was not read.
fn refusal(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(CONNECTION, HeaderValue::from_static("close"));
    match status {
        StatusCode::UNAUTHORIZED => {
            fields.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            fields.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        _ => {}
    }
    response
}

/// The token of a request that carries exactly one.
fn presented(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// Tokens are compared by their digests, so that how long it takes says nothing about them.
fn digest(token: &str) -> [u8; 32] {
    random::digest(&[b"metrics", token.as_bytes()])
}

/// Where metrics are.
const PATH: &str = "/metrics";
