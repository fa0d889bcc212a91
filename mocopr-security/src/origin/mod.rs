//! Which names a request may call this server by, and which web pages may call it.
//!
//! A page that a browser shows can send requests to any address, and its own name can be made to resolve to this
//! machine (DNS rebinding). `Host` and `Origin` are therefore checked each on its own, against lists that are never
//! empty by default, and compared as parsed values: no suffix, prefix or pattern ever matches. Nothing here reads
//! a body, and no refusal repeats what a header said.

mod authority;
pub mod cors;
pub mod media;
pub mod upgrade;

use std::fmt;

use http::{
    HeaderMap, HeaderValue, StatusCode, Uri, Version,
    header::{HOST, ORIGIN},
};

pub(crate) use crate::origin::authority::{Authority, Host};
use crate::{origin::authority::OwnedAuthority, policy::Problem};

/// The names by which this server may be called.
#[derive(Clone, Debug)]
pub(crate) struct HostPolicy {
    loopback: Loopback,
    exact: Box<[OwnedAuthority]>,
}

impl HostPolicy {
    /// `localhost`, `127.0.0.1` and `[::1]`, with any port or none.
    pub(crate) fn loopback() -> Self {
        Self { loopback: Loopback::Allowed, exact: Box::new([]) }
    }

    /// Exactly these, each a host with or without a port: `mcp.example.com`, `mcp.example.com:8443`.
    ///
    /// Without a port, the default ports of HTTP and HTTPS are meant, written out or not.
    ///
    /// # Errors
    /// [`AllowListError`] for the first entry that is not of that form.
    pub(crate) fn exact<'a>(hosts: impl IntoIterator<Item = &'a str>) -> Result<Self, AllowListError> {
        let exact = hosts
            .into_iter()
            .map(|entry| match Authority::parse(entry) {
                Some(authority) => Ok(authority.to_owned()),
                None => Err(AllowListError { entry: entry.into(), form: "a host such as mcp.example.com" }),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { loopback: Loopback::Refused, exact })
    }

    /// These names, and those of [`loopback`](Self::loopback) as well.
    pub(crate) fn or_loopback(self) -> Self {
        Self { loopback: Loopback::Allowed, ..self }
    }

    /// No name at all: every request is refused.
    pub(crate) fn nobody() -> Self {
        Self { loopback: Loopback::Refused, exact: Box::new([]) }
    }

    /// Checks the `Host` of a request, and the authority of its target where it has one.
    ///
    /// HTTP/1 requests must carry exactly one `Host`; from HTTP/2 on the target's authority takes its place. Where
    /// both are present they must say the same, because a server behind this one may believe either.
    ///
    /// # Errors
    /// A [`Rejection`] that says which of these does not hold.
    ///
    /// # Source
    /// RFC 9112 §3.2 and §3.3, RFC 9113 §8.3.1; MCP 2025-11-25, basic/transports, "Security Warning".
    pub(crate) fn check_host(&self, headers: &HeaderMap, target: &Uri, version: Version) -> Result<(), Rejection> {
        let mut hosts = headers.get_all(HOST).iter();
        let host = match (hosts.next(), hosts.next()) {
            (None, _) => None,
            (Some(host), None) => Some(host.to_str().ok().and_then(Authority::parse).ok_or(Rejection::HostMalformed)?),
            (Some(_), Some(_)) => return Err(Rejection::HostRepeated),
        };
        let asked = match (target.authority(), target.scheme_str()) {
            (None, _) => None,
            (Some(authority), None | Some("http" | "https")) => {
                Some(Authority::parse(authority.as_str()).ok_or(Rejection::TargetMalformed)?)
            }
            (Some(_), Some(_)) => return Err(Rejection::TargetMalformed),
        };
        let name = match (host, asked) {
            (Some(host), None) => host,
            (Some(host), Some(asked)) if host == asked => host,
            (Some(_), Some(_)) => return Err(Rejection::TargetMismatch),
            (None, Some(asked)) if version >= Version::HTTP_2 => asked,
            (None, _) => return Err(Rejection::HostAbsent),
        };
        if self.allows(&name) { Ok(()) } else { Err(Rejection::HostForeign) }
    }

    fn allows(&self, asked: &Authority<'_>) -> bool {
        self.loopback.allows(&asked.host)
            || self.exact.iter().any(|allowed| {
                allowed.host_is(&asked.host)
                    && match (allowed.port, asked.port) {
                        (None, None | Some(HTTP_PORT | HTTPS_PORT)) | (Some(HTTP_PORT | HTTPS_PORT), None) => true,
                        (allowed, asked) => allowed == asked,
                    }
            })
    }
}

/// The web pages that may call this server, by their origin.
#[derive(Clone, Debug)]
pub(crate) struct OriginPolicy {
    loopback: Loopback,
    exact: Box<[(Scheme, OwnedAuthority)]>,
}

impl OriginPolicy {
    /// Pages that this machine itself serves: `http` or `https`, a loopback name, any port.
    pub(crate) fn loopback() -> Self {
        Self { loopback: Loopback::Allowed, exact: Box::new([]) }
    }

    /// Exactly these origins: `https://app.example.com`, `http://localhost:5173`. No origins at all is a list too:
    /// it refuses every page.
    ///
    /// # Errors
    /// [`AllowListError`] for the first entry that is not scheme, host and optional port.
    pub(crate) fn exact<'a>(origins: impl IntoIterator<Item = &'a str>) -> Result<Self, AllowListError> {
        let exact = origins
            .into_iter()
            .map(|entry| match split_origin(entry) {
                Some((scheme, authority)) => Ok((scheme, authority.to_owned())),
                None => Err(AllowListError { entry: entry.into(), form: "an origin such as https://app.example.com" }),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { loopback: Loopback::Refused, exact })
    }

    /// No page at all.
    pub(crate) fn nobody() -> Self {
        Self { loopback: Loopback::Refused, exact: Box::new([]) }
    }

    /// What either policy allows.
    pub(crate) fn or(self, other: Self) -> Self {
        Self { loopback: self.loopback.or(other.loopback), exact: [self.exact, other.exact].concat().into() }
    }

    /// The origin of the page that made a request, where it is one that the owner named: it may be told that it may
    /// read the answer. A page that is let in for being served by this machine alone may not: any program here serves
    /// some.
    ///
    /// # Source
    /// Fetch standard, "CORS protocol".
    pub(crate) fn reader(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        let (scheme, page) = split_origin(origin.to_str().ok()?)?;
        (headers.get_all(ORIGIN).iter().nth(1).is_none() && self.names(scheme, &page)).then(|| origin.clone())
    }

    /// Checks the `Origin` of a request; programs that are not browsers send none, and that is allowed.
    ///
    /// `null` is what sandboxed frames and `data:` pages send. It names nobody, so it is refused.
    ///
    /// # Errors
    /// A [`Rejection`] that says what does not hold.
    ///
    /// # Source
    /// RFC 6454 §7; MCP 2026-07-28, basic/transports: a present and invalid `Origin` is answered 403.
    pub(crate) fn check_origin(&self, headers: &HeaderMap) -> Result<(), Rejection> {
        let mut origins = headers.get_all(ORIGIN).iter();
        let origin = match (origins.next(), origins.next()) {
            (None, _) => return Ok(()),
            (Some(origin), None) => origin,
            (Some(_), Some(_)) => return Err(Rejection::OriginRepeated),
        };
        let Some((scheme, page)) = origin.to_str().ok().and_then(split_origin) else {
            return Err(Rejection::OriginForeign);
        };
        if self.names(scheme, &page) || self.loopback.allows(&page.host) {
            Ok(())
        } else {
            Err(Rejection::OriginForeign)
        }
    }

    fn names(&self, scheme: Scheme, page: &Authority<'_>) -> bool {
        self.exact.iter().any(|(allowed_scheme, allowed)| {
            *allowed_scheme == scheme
                && allowed.host_is(&page.host)
                && scheme.port_or_default(allowed.port) == scheme.port_or_default(page.port)
        })
    }
}

/// Pages that may send a request, by their origin, whatever the policy says of others.
#[derive(Clone, Debug)]
pub struct Pages(pub(crate) OriginPolicy);

impl Pages {
    /// Pages of exactly these origins: scheme, host and port where it is not the scheme's own. None at all is a list
    /// too.
    ///
    /// # Errors
    /// A [`Problem`] for the first that is no origin such as `https://app.example.com`.
    pub fn of<'a>(origins: impl IntoIterator<Item = &'a str>) -> Result<Self, Problem> {
        OriginPolicy::exact(origins).map(Self).map_err(|error| {
            Problem::new(error.to_string(), "give each origin as scheme, host and port, without a path")
        })
    }
}

/// Refuses headers in which a proxy says who the client is, where no proxy is expected.
///
/// Somebody who may write them would choose their own address; somebody who sends them through a proxy that the
/// owner did not declare would be taken for the proxy. Both are better refused than guessed.
///
/// # Errors
/// [`Rejection::Forwarded`].
///
/// # Source
/// RFC 7239 §8.1.
pub(crate) fn check_forwarded(headers: &HeaderMap) -> Result<(), Rejection> {
    let forwarded = headers.keys().map(http::HeaderName::as_str).any(|name| {
        name.starts_with("x-forwarded-") || name == "forwarded" || name == "x-forwarded" || name == "x-real-ip"
    });
    if forwarded { Err(Rejection::Forwarded) } else { Ok(()) }
}

/// Why a request was turned away at its head, before anything of it was believed.
///
/// `Display` is a fixed sentence that the peer may read. [`header`](Self::header) is for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// No `Host`.
    HostAbsent,
    /// Several `Host` headers.
    HostRepeated,
    /// A `Host` that is not a host with an optional port.
    HostMalformed,
    /// A `Host` by which this server may not be called.
    HostForeign,
    /// A request target with an authority that is none, or of a foreign scheme.
    TargetMalformed,
    /// A request target that names another host than `Host`.
    TargetMismatch,
    /// Several `Origin` headers.
    OriginRepeated,
    /// An `Origin` that is not allowed.
    OriginForeign,
    /// Headers of a proxy, where none is expected.
    Forwarded,
    /// No `Content-Type`, several, or another than JSON in UTF-8.
    ContentType,
    /// An `Accept` that takes neither JSON nor an event stream.
    NotAcceptable,
}

impl Rejection {
    /// The status of the answer.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::HostAbsent
            | Self::HostRepeated
            | Self::HostMalformed
            | Self::TargetMalformed
            | Self::TargetMismatch
            | Self::Forwarded => StatusCode::BAD_REQUEST,
            Self::HostForeign | Self::OriginRepeated | Self::OriginForeign => StatusCode::FORBIDDEN,
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
        }
    }

    /// The rule that was broken, as a short name for logs.
    pub(crate) fn rule(self) -> &'static str {
        match self {
            Self::HostAbsent | Self::HostRepeated | Self::HostMalformed | Self::HostForeign => "host",
            Self::TargetMalformed | Self::TargetMismatch => "target",
            Self::OriginRepeated | Self::OriginForeign => "origin",
            Self::Forwarded => "forwarded",
            Self::ContentType => "content-type",
            Self::NotAcceptable => "accept",
        }
    }

    /// The header that broke it.
    pub(crate) fn header(self) -> &'static str {
        match self {
            Self::HostAbsent
            | Self::HostRepeated
            | Self::HostMalformed
            | Self::HostForeign
            | Self::TargetMalformed
            | Self::TargetMismatch => "Host",
            Self::OriginRepeated | Self::OriginForeign => "Origin",
            Self::Forwarded => "Forwarded, X-Forwarded-*, X-Real-IP",
            Self::ContentType => "Content-Type",
            Self::NotAcceptable => "Accept",
        }
    }

    /// The call that would allow such a request, where there is one, for the log.
    pub(crate) fn allowed_by(self) -> Option<&'static str> {
        match self {
            Self::HostForeign => Some("SecurityPolicy::with_public_url"),
            Self::OriginForeign => Some("SecurityPolicy::with_allowed_origin"),
            Self::Forwarded => Some("HttpConfig::with_trusted_proxies, on a listener with an address,"),
            Self::HostAbsent
            | Self::HostRepeated
            | Self::HostMalformed
            | Self::TargetMalformed
            | Self::TargetMismatch
            | Self::OriginRepeated
            | Self::ContentType
            | Self::NotAcceptable => None,
        }
    }

    /// What the peer may read.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::HostAbsent => "the request names no host",
            Self::HostRepeated => "the request names its host more than once",
            Self::HostMalformed => "the host is not well formed",
            Self::HostForeign => "the host is not allowed",
            Self::TargetMalformed => "the request target is not well formed",
            Self::TargetMismatch => "the request target and the host differ",
            Self::OriginRepeated => "the request has more than one origin",
            Self::OriginForeign => "the origin is not allowed",
            Self::Forwarded => "the request was forwarded by a proxy that is not expected",
            Self::ContentType => "the content type must be application/json",
            Self::NotAcceptable => "the client must accept application/json or text/event-stream",
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

impl std::error::Error for Rejection {}

/// An entry of an allow-list that is not of the form that the list takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{entry}` is not {form}")]
pub(crate) struct AllowListError {
    entry: Box<str>,
    form: &'static str,
}

/// Whether the names of this machine itself are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loopback {
    Allowed,
    Refused,
}

impl Loopback {
    fn allows(self, host: &Host<'_>) -> bool {
        match self {
            Self::Refused => false,
            Self::Allowed => host.is_loopback(),
        }
    }

    fn or(self, other: Self) -> Self {
        match self {
            Self::Allowed => Self::Allowed,
            Self::Refused => other,
        }
    }
}

/// The schemes that a page can have which may call this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn port_or_default(self, port: Option<u16>) -> u16 {
        port.unwrap_or(match self {
            Self::Http => HTTP_PORT,
            Self::Https => HTTPS_PORT,
        })
    }
}

/// Whether an authority (`localhost:8080`) names this machine: `localhost`, `127.0.0.1` or `[::1]`, with or without a
/// port, and no other spelling.
pub fn names_this_machine(authority: &str) -> bool {
    Authority::parse(authority).is_some_and(|authority| authority.host.is_loopback())
}

/// An authority has no slash, so an origin with a path or a trailing slash does not parse.
fn split_origin(origin: &str) -> Option<(Scheme, Authority<'_>)> {
    let (scheme, authority) = origin.split_once("://")?;
    let scheme = if scheme.eq_ignore_ascii_case("https") {
        Scheme::Https
    } else if scheme.eq_ignore_ascii_case("http") {
        Scheme::Http
    } else {
        return None;
    };
    Some((scheme, Authority::parse(authority)?))
}

const HTTP_PORT: u16 = 80;
const HTTPS_PORT: u16 = 443;

#[cfg(test)]
mod tests;
