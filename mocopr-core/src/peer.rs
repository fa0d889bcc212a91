//! Facts that a transport saw about the other side. Nothing here decides anything.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use http::{HeaderMap, Method};

/// Who sent an HTTP request, as the transport saw it.
#[derive(Debug)]
pub struct Peer<'a> {
    /// Where it is; `None` where a listener did not say.
    pub place: Option<&'a Place>,
    /// What its TLS handshake showed; `None` where it speaks without TLS.
    pub tls: Option<&'a TlsFacts>,
    /// The request.
    pub http: HttpFacts<'a>,
}

/// Where the other end of a connection is.
#[derive(Clone, Debug)]
pub enum Place {
    /// In a network, at this address and port.
    Address(SocketAddr),
    /// On this machine, at the other end of a Unix socket.
    User(Arc<LocalUser>),
}

/// A process at the other end of a Unix socket, as it was when it connected: by what the system says of it, of which it
/// can choose nothing.
#[derive(Debug)]
pub struct LocalUser {
    /// The effective user id of the process.
    pub uid: u32,
    /// Its effective group id; of its further groups nothing is known.
    pub gid: u32,
    /// Its number, where the system says it. Another process may have it by now: it is for logs alone.
    pub pid: Option<i32>,
    /// Somebody was told that the user may call: once for each connection, not with each request.
    pub told: AtomicBool,
}

/// What requests come from, as far as rates, revocations and records tell it from others.
///
/// ```
/// use mocopr_core::peer::Source;
///
/// assert_eq!(Source::User(1000).to_string(), "uid:1000");
/// assert_eq!(Source::Address([127, 0, 0, 1].into()).to_string(), "127.0.0.1");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// An address in a network.
    Address(IpAddr),
    /// A user of this machine, by its user id, who came by a Unix socket.
    User(u32),
}

impl Place {
    /// Without what tells two connections of one peer from each other.
    pub fn source(&self) -> Source {
        match self {
            Self::Address(address) => Source::Address(address.ip()),
            Self::User(user) => Source::User(user.uid),
        }
    }
}

impl Source {
    /// The address, where it is in a network.
    pub fn address(self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(address),
            Self::User(_) => None,
        }
    }
}

impl From<SocketAddr> for Place {
    fn from(address: SocketAddr) -> Self {
        Self::Address(address)
    }
}

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        Self::Address(address)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::User(user) => match user.pid {
                Some(pid) => write!(f, "uid:{} pid:{pid}", user.uid),
                None => write!(f, "uid:{}", user.uid),
            },
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::User(uid) => write!(f, "uid:{uid}"),
        }
    }
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
