//! What load balancers ask: whether the process lives, and whether it should be given requests.
//!
//! The answers are fixed words. They say nothing of the server, cause nothing and cost less than a refusal, so they are
//! for everybody: load balancers send an address as `Host`, and their probes must not use up anybody's rate.

use http::{HeaderValue, Method, Response, StatusCode, header::ALLOW, header::CACHE_CONTROL, header::CONTENT_TYPE};

use super::{
    answer::AnswerBody,
    app::{closing, empty},
};

/// Whether new requests should come here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    Ready,
    /// The server is about to stop, or stops.
    Leaving,
}

/// One of the paths that are asked.
pub(crate) fn is_path(path: &str) -> bool {
    path == LIVE || path == READY
}

/// The answer to a request there.
pub(super) fn answer(method: &Method, path: &str, readiness: Readiness) -> Response<AnswerBody> {
    if method != Method::GET && method != Method::HEAD {
        let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return closing(response);
    }
    let (status, word): (_, &'static str) = match readiness {
        Readiness::Leaving if path == READY => (StatusCode::SERVICE_UNAVAILABLE, "leaving\n"),
        Readiness::Ready | Readiness::Leaving => (StatusCode::OK, "ok\n"),
    };
    let body = if method == Method::HEAD { AnswerBody::empty() } else { AnswerBody::full(word) };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The process lives.
pub(crate) const LIVE: &str = "/livez";

/// The server takes requests.
pub(crate) const READY: &str = "/readyz";
