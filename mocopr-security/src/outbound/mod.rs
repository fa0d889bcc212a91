//! The guarded HTTP client: for what the framework fetches, and for tools that fetch what a caller names.
//!
//! HTTPS with verified certificates to public addresses, and nothing else unless the owner says so by name. A name is
//! resolved once, its addresses are judged, and the connection goes to one that passed. It asks no proxy, keeps no
//! cookie, follows no redirect of its own accord, and knows nothing of whoever called.

mod address;
mod error;
mod exchange;
mod network;
mod request;
mod target;
#[cfg(test)]
pub(crate) mod tests;
mod tls;

use std::{
    collections::BTreeSet,
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use http::{StatusCode, header::LOCATION};
use tokio::{net::TcpStream, time::timeout};

#[cfg(feature = "testing")]
pub(crate) use self::address::is_public;
pub(crate) use self::target::{Host, Target};
pub use self::{
    error::{OutboundError, OutboundErrorKind},
    exchange::OutboundResponse,
    request::OutboundRequest,
};
use self::{
    network::{Network, SystemNetwork},
    target::Scheme,
    tls::{Roots, Tls},
};
use crate::policy::Problem;

/// A client for HTTP that cannot be led to private places.
///
/// It is cheap to clone, and made once: making it reads the system's root certificates. Each request has a connection
/// of its own.
///
/// ```no_run
/// # async fn fetch() -> Result<(), Box<dyn std::error::Error>> {
/// use mocopr_security::outbound::OutboundClient;
///
/// let client = OutboundClient::builder().build().map_err(|problem| problem.to_string())?;
/// let answer = client.get("https://example.com/").await?;
/// assert!(answer.status().is_success());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct OutboundClient {
    rules: Arc<Rules>,
    network: Arc<dyn Network>,
    tls: Tls,
}

impl OutboundClient {
    /// Begins a client: HTTPS to public addresses, no redirects, 10 s and 1 MiB for each request.
    pub fn builder() -> OutboundClientBuilder {
        OutboundClientBuilder { rules: Rules::default(), hosts: Vec::new(), root_certificates: Vec::new() }
    }

    /// Asks for what is at a URL.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn get(&self, url: &str) -> Result<OutboundResponse, OutboundError> {
        self.send(OutboundRequest::get(url)).await
    }

    /// Sends a request and reads the whole answer, whatever its status.
    ///
    /// A fragment of the URL is dropped.
    ///
    /// # Errors
    /// By [`kind`](OutboundError::kind): a URL, a host or an address that is refused (nothing was sent then), a host
    /// that could not be found or reached or did not prove itself, a redirect that led elsewhere, an answer that is not
    /// HTTP, too large or too slow.
    ///
    /// # Cancel safety
    /// Dropping the future closes the connection; the other side may have acted on the request already.
    pub async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, OutboundError> {
        let answer = timeout(self.rules.time, Box::pin(self.follow(&request)));
        answer.await.map_err(|elapsed| OutboundError::caused_by(OutboundErrorKind::Timeout, elapsed))?
    }

    /// Says of a URL whether it could be asked, as far as that is known without resolving its host: for URLs that an
    /// owner gives, when the program starts.
    ///
    /// # Errors
    /// A URL, a host or an address that [`send`](Self::send) would refuse.
    pub fn check(&self, url: &str) -> Result<(), OutboundError> {
        self.rules.check(&Target::parse(url)?)
    }

    async fn follow(&self, request: &OutboundRequest) -> Result<OutboundResponse, OutboundError> {
        let mut target = Target::parse(request.url())?;
        let hops = if request.may_be_redirected() { self.rules.redirects } else { 0 };
        for _ in 0..hops {
            let answer = self.once(request, &target).await?;
            let Some(location) = location(&answer)? else { return Ok(answer) };
            target = target.redirected(location)?;
        }
        let answer = self.once(request, &target).await?;
        if hops > 0 && location(&answer)?.is_some() {
            return Err(OutboundErrorKind::Redirect.into());
        }
        Ok(answer)
    }

    /// One request to one target, with every check: each hop of a redirect comes by here.
    async fn once(&self, request: &OutboundRequest, target: &Target) -> Result<OutboundResponse, OutboundError> {
        self.rules.check(target)?;
        let message = request.to(target)?;
        let stream = self.connect(target).await?;
        let max_bytes = self.rules.response_bytes;
        match target.scheme {
            Scheme::Http => exchange::exchange(stream, message, max_bytes).await,
            Scheme::Https => exchange::exchange(self.tls.open(&target.host, stream).await?, message, max_bytes).await,
        }
    }

    /// Connects to the first address that is permitted and answers. What is connected to is what was judged: a name
    /// is not resolved again in between.
    async fn connect(&self, target: &Target) -> Result<TcpStream, OutboundError> {
        let found = match &target.host {
            Host::Address(address) => vec![*address],
            Host::Name(name) => {
                let found = self.network.resolve(name).await;
                found.map_err(|error| OutboundError::caused_by(OutboundErrorKind::Resolve, error))?
            }
        };
        let mut failure = OutboundError::from(OutboundErrorKind::Address);
        let permitted = found.into_iter().filter(|address| self.rules.permits(&target.host, *address));
        for address in permitted.take(MOST_ADDRESSES) {
            let attempt = self.network.connect(SocketAddr::new(address, target.port));
            failure = match timeout(self.rules.connect_time, attempt).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => OutboundError::caused_by(OutboundErrorKind::Connect, error),
                Err(elapsed) => OutboundError::caused_by(OutboundErrorKind::Connect, elapsed),
            };
        }
        Err(failure)
    }
}

impl fmt::Debug for OutboundClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundClient").field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// What an owner says of an [`OutboundClient`].
///
/// ```
/// use std::time::Duration;
///
/// use mocopr_security::outbound::{OutboundClient, OutboundErrorKind};
///
/// let client = OutboundClient::builder()
///     .allowing_hosts(&["api.example.com"])
///     .following_redirects(2)
///     .with_timeout(Duration::from_secs(5))
///     .with_max_response_bytes(64 * 1024)
///     .build()?;
/// let elsewhere = client.check("https://example.org/");
/// assert!(elsewhere.is_err_and(|refused| refused.kind() == OutboundErrorKind::Host));
/// # Ok::<(), mocopr_security::policy::Problem>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct OutboundClientBuilder {
    rules: Rules,
    hosts: Vec<String>,
    root_certificates: Vec<Vec<u8>>,
}

impl OutboundClientBuilder {
    /// Permits this machine itself, by plain HTTP as well: hosts that say so (`localhost`, `127.0.0.1`, `[::1]`), for
    /// development and tests.
    ///
    /// Other private addresses stay refused, and so does another name that leads here.
    pub fn allowing_insecure_loopback(mut self) -> Self {
        self.rules.loopback = Loopback::Permitted;
        self
    }

    /// Permits these hosts alone, each a DNS name or an address, compared as a whole. It adds to every other check,
    /// and stands in for none. Calls add up.
    pub fn allowing_hosts(mut self, hosts: &[&str]) -> Self {
        self.hosts.extend(hosts.iter().map(|host| (*host).to_owned()));
        self.rules.hosts.get_or_insert_default();
        self
    }

    /// Follows up to this many redirects of a `GET`, each to the same scheme, host and port and checked again.
    ///
    /// A redirect elsewhere, or one more, is then an error. Unless this is called, a redirect is an answer like others.
    pub fn following_redirects(mut self, most: u8) -> Self {
        self.rules.redirects = most;
        self
    }

    /// Trusts the certificates of this PEM text, beside those of the system.
    pub fn with_root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificates.push(pem.into());
        self
    }

    /// How long a request may take in all, redirects included; 10 s unless said.
    pub fn with_timeout(mut self, time: Duration) -> Self {
        self.rules.time = time;
        self
    }

    /// How long one address may take to accept a connection; 3 s unless said.
    pub fn with_connect_timeout(mut self, time: Duration) -> Self {
        self.rules.connect_time = time;
        self
    }

    /// How many bytes the body of an answer may have; 1 MiB unless said.
    pub fn with_max_response_bytes(mut self, bytes: usize) -> Self {
        self.rules.response_bytes = bytes;
        self
    }

    /// Makes the client. Reads the system's root certificates, which takes a few milliseconds.
    ///
    /// # Errors
    /// A host or a root certificate that cannot be read, or no root certificate at all where hosts on other machines
    /// are to be reached.
    pub fn build(self) -> Result<OutboundClient, Problem> {
        self.build_on(Roots::of_the_system(), Arc::new(SystemNetwork::new()))
    }

    fn build_on(self, mut roots: Roots, network: Arc<dyn Network>) -> Result<OutboundClient, Problem> {
        let Self { mut rules, hosts, root_certificates } = self;
        for text in &hosts {
            let Some(host) = Host::parse(text) else {
                let what = format!("`{text}` is not a host that can be allowed");
                return Err(Problem::new(what, "give `allowing_hosts` names like `api.example.com`"));
            };
            rules.hosts.get_or_insert_default().insert(host);
        }
        for pem in &root_certificates {
            roots.add(pem)?;
        }
        if roots.is_empty() && rules.loopback == Loopback::Refused {
            let mend = "install the system's (`ca-certificates`), or call `with_root_certificate(pem)`";
            return Err(Problem::new("no root certificate was found, so no host could prove itself", mend));
        }
        Ok(OutboundClient { rules: Arc::new(rules), network, tls: Tls::new(roots)? })
    }
}

/// What a client may do, and how much.
#[derive(Debug)]
struct Rules {
    loopback: Loopback,
    /// The only hosts, where the owner named any.
    hosts: Option<BTreeSet<Host>>,
    redirects: u8,
    time: Duration,
    connect_time: Duration,
    response_bytes: usize,
}

/// Whether this machine itself may be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loopback {
    Refused,
    Permitted,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            loopback: Loopback::Refused,
            hosts: None,
            redirects: 0,
            time: DEFAULT_TIME,
            connect_time: DEFAULT_CONNECT_TIME,
            response_bytes: DEFAULT_RESPONSE_BYTES,
        }
    }
}

impl Rules {
    /// What can be said of a target before its name is resolved.
    fn check(&self, target: &Target) -> Result<(), OutboundError> {
        if target.scheme == Scheme::Http && !self.is_permitted_loopback(&target.host) {
            return Err(OutboundErrorKind::Url.into());
        }
        if self.hosts.as_ref().is_some_and(|hosts| !hosts.contains(&target.host)) {
            return Err(OutboundErrorKind::Host.into());
        }
        match &target.host {
            Host::Address(address) if !self.permits(&target.host, *address) => Err(OutboundErrorKind::Address.into()),
            Host::Address(_) | Host::Name(_) => Ok(()),
        }
    }

    /// Whether a connection to this address may be made for this host. A host that says that it is this machine may be
    /// nothing else, and no other host may be this machine.
    fn permits(&self, host: &Host, address: IpAddr) -> bool {
        if self.is_permitted_loopback(host) { address.is_loopback() } else { address::is_public(address) }
    }

    fn is_permitted_loopback(&self, host: &Host) -> bool {
        match self.loopback {
            Loopback::Permitted => host.is_loopback(),
            Loopback::Refused => false,
        }
    }
}

/// Where a redirect leads; `None` for every other answer.
fn location(answer: &OutboundResponse) -> Result<Option<&str>, OutboundError> {
    match answer.status() {
        StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::SEE_OTHER
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => {
            let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            location.map(Some).ok_or_else(|| OutboundErrorKind::Redirect.into())
        }
        _ => Ok(None),
    }
}

const DEFAULT_TIME: Duration = Duration::from_secs(10);
const DEFAULT_CONNECT_TIME: Duration = Duration::from_secs(3);
const DEFAULT_RESPONSE_BYTES: usize = 1 << 20;
/// How many addresses of one host are tried: what a hostile name server may make us connect to.
const MOST_ADDRESSES: usize = 4;
