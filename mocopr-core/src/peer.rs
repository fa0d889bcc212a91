//! Facts that a transport saw about the other side. Nothing here decides anything.

use std::net::SocketAddr;

use http::{HeaderMap, Method};

/// Who is on the other side of a connection, as the transport saw it.
#[derive(Debug)]
pub struct Peer<'a> {
    /// How it is connected.
    pub kind: PeerKind,
    /// Its socket address; `None` for standard streams and in-process pipes.
    pub addr: Option<SocketAddr>,
    /// The HTTP request, where there is one.
    pub http: Option<HttpFacts<'a>>,
}

/// How a peer is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerKind {
    /// Standard input and output of this process.
    Stdio,
    /// A pipe inside this process.
    Pipe,
    /// HTTP over TCP without TLS.
    Http,
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
