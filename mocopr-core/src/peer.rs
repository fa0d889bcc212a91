//! Facts that a transport saw about the other side. Nothing here decides anything.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use http::{HeaderMap, Method};

/// Who sent an HTTP request, as the transport saw it.
#[derive(Debug)]
pub struct Peer<'a> {
    /// Its socket address; `None` where a listener did not say.
    pub addr: Option<SocketAddr>,
    /// What its TLS handshake showed; `None` where it speaks without TLS.
    pub tls: Option<&'a TlsFacts>,
    /// The request.
    pub http: HttpFacts<'a>,
}

/// What a TLS handshake showed.
#[derive(Clone, Debug, Default)]
pub struct TlsFacts {
    /// The listener asks clients for certificates.
    pub asks_clients: bool,
    /// The certificate that the client proved to hold, where it gave one.
    pub client: Option<ClientCertificate>,
    /// Somebody was told that the certificate holds: once for each handshake, not with each request.
    pub told: Arc<AtomicBool>,
}

/// A client's certificate, which a handshake has verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The distinguished name of whoever issued it.
    pub issuer: Box<str>,
    /// Who holds it: the first URI of its alternative names, else the first DNS name, else the common name.
    pub subject: Box<str>,
    /// The SHA-256 of the whole certificate in base64url, as the claim `x5t#S256` of a token names it (RFC 8705, 3.1).
    pub thumbprint: Box<str>,
    /// When its time is over, in time since 1970-01-01T00:00:00Z.
    pub until: Duration,
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
