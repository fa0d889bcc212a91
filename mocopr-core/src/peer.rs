//! Facts that a transport saw about the other side. Nothing here decides anything.

use std::net::SocketAddr;

use http::{HeaderMap, Method};

/// Who sent an HTTP request, as the transport saw it.
#[derive(Debug)]
pub struct Peer<'a> {
    /// Its socket address; `None` where a listener did not say.
    pub addr: Option<SocketAddr>,
    /// The request.
    pub http: HttpFacts<'a>,
}

/// The head of an HTTP request.
#[derive(Debug)]
pub struct HttpFacts<'a> {
    /// The request method.
    pub method: &'a Method,
    /// The version of HTTP.
    pub version: http::Version,
    /// The request target as it was received.
    pub uri: &'a http::Uri,
    /// All header fields.
    pub headers: &'a HeaderMap,
}
