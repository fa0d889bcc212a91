//! DPoP: access tokens that are good only together with a proof that the sender has the key they are bound to.
//!
//! The gate asks here at every request, also for a token that is remembered. What is here looks at proofs alone: whom a
//! token proves is said by authenticators, and which key it is bound to by its issuer.

mod key;
mod nonce;
mod proof;
mod target;
#[cfg(test)]
mod tests;

use std::{fmt, num::NonZeroUsize, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use mocopr_core::{
    clock::Clock,
    store::{Key, KeyParts, Keyspace, MemoryStore, Store, StoreCapacity},
};

#[cfg(any(test, feature = "testing"))]
pub(crate) use self::key::thumbprint;
use self::{
    nonce::Nonces,
    proof::{Demands, Proof},
    target::TargetUrl,
};
use crate::{
    auth::{jwt::JwtAlgorithm, verdict::Rejected},
    policy::{Problem, PublicUrl},
    principal::Principal,
    random::digest,
    rate::{RateLimit, RateLimiter},
    seal::KeyRing,
};

/// Whether access tokens may, or must, be bound to a key of the client that each request proves anew (DPoP).
///
/// A token is bound where its `cnf` has `jkt`, the thumbprint of a key. It is then refused as a bearer token, and
/// without a header `DPoP` with a proof that was signed with that key for this method, this server's public URL and
/// this token, at most 60 seconds ago, and that was not sent before. Whoever steals such a token, from a log or on the
/// way, has nothing. A bound token is refused by every server; with this policy it can also be accepted.
///
/// ```
/// use mocopr_security::auth::{AuthMiddleware, DpopPolicy, TokenValidator};
/// # use mocopr_security::redact::Secret;
///
/// # let validator = TokenValidator::hs256("https://id.example.com", Secret::new(vec![7; 32]));
/// let middleware =
///     AuthMiddleware::builder().with_token_validation(validator).with_dpop(DpopPolicy::required()).build()?;
/// # let _ = middleware;
/// # Ok::<(), mocopr_security::policy::Problems>(())
/// ```
///
/// # Source
/// RFC 9449; RFC 7800, section 3.1; RFC 7638.
#[derive(Clone)]
pub struct DpopPolicy {
    demand: Demand,
    freshness: Freshness,
    algorithms: Vec<JwtAlgorithm>,
    /// Makes what checks proofs; here, so that a server without this policy does not hold it.
    open: Open,
}

/// Makes what checks proofs for one URL.
type Open = fn(&DpopPolicy, &PublicUrl, &KeyRing, Arc<dyn Clock>) -> Result<Proofs, Problem>;

/// Which tokens need a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Demand {
    /// Those that are bound.
    Bound,
    /// All access tokens, so those that are not bound are refused.
    Every,
}

/// How it is known that a proof was made lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Freshness {
    /// By its own word.
    Dated,
    /// By a nonce of this server as well.
    Nonces,
}

impl DpopPolicy {
    /// Accepts bound tokens with their proofs, beside bearer tokens that are not bound.
    pub fn accepted() -> Self {
        Self::new(Demand::Bound)
    }

    /// Accepts no access token without a proof: one that is not bound to a key is refused. API keys are no access
    /// tokens.
    pub fn required() -> Self {
        Self::new(Demand::Every)
    }

    fn new(demand: Demand) -> Self {
        Self { demand, freshness: Freshness::Dated, algorithms: ALGORITHMS.to_vec(), open: Checker::open }
    }

    /// Demands a nonce of this server in each proof, so that no proof can be made in advance or by a client with a
    /// wrong clock. A client that has none, or one older than five minutes, gets one with its refusal and asks again.
    #[must_use]
    pub fn with_nonces(mut self) -> Self {
        self.freshness = Freshness::Nonces;
        self
    }

    /// Accepts proofs with these signature algorithms and no others, each with a public key. Unless said `ES256`,
    /// `ES384`, `EdDSA`, `RS256` and `PS256`.
    #[must_use]
    pub fn with_algorithms(mut self, algorithms: impl IntoIterator<Item = JwtAlgorithm>) -> Self {
        self.algorithms = algorithms.into_iter().collect();
        self
    }

    /// Tokens that are not bound are refused.
    pub(crate) fn is_required(&self) -> bool {
        self.demand == Demand::Every
    }

    /// The names of the algorithms, for clients.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.algorithms.iter().map(|algorithm| algorithm.as_str()).collect()
    }

    /// What checks proofs for a server that is called at `url`.
    pub(crate) fn proofs(
        &self,
        url: Option<&PublicUrl>,
        ring: &KeyRing,
        clock: Arc<dyn Clock>,
    ) -> Result<Proofs, Problem> {
        let Some(url) = url else {
            return Err(Problem::new(
                "proofs of possession are for a URL, and this server has none",
                "call .with_public_url(\"https://mcp.example.com/mcp\") on the policy",
            ));
        };
        (self.open)(self, url, ring, clock)
    }
}

impl fmt::Debug for DpopPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { demand, freshness, algorithms, open: _ } = self;
        f.debug_struct("DpopPolicy")
            .field("demand", demand)
            .field("freshness", freshness)
            .field("algorithms", algorithms)
            .finish()
    }
}

/// What checks proofs of possession at the gate; made by [`SecurityPolicy::open_proofs`].
///
/// [`SecurityPolicy::open_proofs`]: crate::policy::SecurityPolicy::open_proofs
#[derive(Clone, Debug)]
pub struct Proofs(Arc<dyn Possession>);

impl Proofs {
    /// Whether the sender has the key that its token is bound to. A proof that holds is spent by this.
    pub(crate) async fn check(&self, shown: Shown<'_>) -> Result<(), NotProven> {
        self.0.check(shown).await
    }
}

/// What a request shows of possession.
#[derive(Clone, Copy)]
pub(crate) struct Shown<'a> {
    /// The access token; it was verified.
    pub(crate) token: &'a str,
    /// The thumbprint of the key that the token is bound to.
    pub(crate) key: [u8; 32],
    /// Whom the token proves.
    pub(crate) who: &'a Principal,
    /// What stood in the header `DPoP`.
    pub(crate) proof: &'a str,
    /// The method of the request.
    pub(crate) method: &'a str,
}

/// Why possession is not proven.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotProven {
    /// The proof is none.
    Rejected(Rejected),
    /// It is one, but without a fresh nonce: this is one.
    Nonce(Box<str>),
    /// This principal sends more proofs than there is room for.
    Rate(Duration),
    /// It cannot be known whether the proof was sent before.
    Busy,
}

/// Checks proofs.
trait Possession: Send + Sync + fmt::Debug {
    fn check<'a>(&'a self, shown: Shown<'a>) -> BoxFuture<'a, Result<(), NotProven>>;
}

/// Checks proofs for one URL, and remembers those that were sent until they are too old.
struct Checker {
    target: TargetUrl,
    algorithms: Box<[JwtAlgorithm]>,
    nonces: Option<Nonces>,
    share: RateLimiter<Principal>,
    sent: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

impl Checker {
    fn open(policy: &DpopPolicy, url: &PublicUrl, ring: &KeyRing, clock: Arc<dyn Clock>) -> Result<Proofs, Problem> {
        let is_public = |algorithm: &JwtAlgorithm| JwtAlgorithm::PUBLIC_KEY.contains(algorithm);
        if policy.algorithms.is_empty() || !policy.algorithms.iter().all(is_public) {
            let what = "an algorithm for proofs of possession has no public key, or none is named";
            return Err(Problem::new(what, "name some of `JwtAlgorithm::PUBLIC_KEY` in `with_algorithms(..)`"));
        }
        let nonces = match policy.freshness {
            Freshness::Dated => None,
            Freshness::Nonces => match Nonces::new(ring) {
                Ok(nonces) => Some(nonces),
                Err(error) => return Err(Problem::new(error.to_string(), "give the server a state key")),
            },
        };
        let target = TargetUrl::read(url.as_str())
            .ok_or_else(|| Problem::new("proofs cannot be for the public URL", "give a shorter, plainer one"))?;
        Ok(Proofs(Arc::new(Self {
            target,
            algorithms: policy.algorithms.clone().into(),
            nonces,
            share: RateLimiter::new(SHARE, MOST_PRINCIPALS, Arc::clone(&clock)),
            sent: Arc::new(MemoryStore::new(SENT, Arc::clone(&clock))),
            clock,
        })))
    }

    /// Every step that a proof has to pass, in this order.
    async fn judge(&self, shown: Shown<'_>) -> Result<(), NotProven> {
        let Shown { token, key, who, proof, method } = shown;
        let now = self.clock.unix();
        let demands = Demands { algorithms: &self.algorithms, key, method, target: &self.target, token, age: AGE, now };
        let proof = Proof::read(proof, &demands).map_err(NotProven::Rejected)?;
        if let Some(nonces) = &self.nonces
            && !proof.nonce.as_deref().is_some_and(|nonce| nonces.is_fresh(nonce, now))
        {
            return Err(NotProven::Nonce(nonces.new_at(now)));
        }
        // Only who has the key of a good token comes here, and of each one only so many proofs are remembered: nobody
        // fills the memory that others need.
        self.share.check(who).map_err(NotProven::Rate)?;
        let id = digest(&[b"dpop proof", &key, proof.id.as_bytes()]);
        let name = Key::new(KeyParts { keyspace: Keyspace::UsedOnce, tenant: "", principal: "", id: &id });
        let life = (proof.issued + AGE).saturating_sub(now) + MARGIN;
        match self.sent.put_new(&name, Bytes::new(), life).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(NotProven::Rejected(Rejected::new("the proof was sent before"))),
            Err(error) => {
                tracing::warn!(%error, "it is not known whether a proof of possession was sent before");
                Err(NotProven::Busy)
            }
        }
    }
}

impl Possession for Checker {
    fn check<'a>(&'a self, shown: Shown<'a>) -> BoxFuture<'a, Result<(), NotProven>> {
        Box::pin(self.judge(shown))
    }
}

impl fmt::Debug for Checker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checker").field("target", &self.target).finish_non_exhaustive()
    }
}

/// What clients sign with, and what no key is too large to verify often.
const ALGORITHMS: [JwtAlgorithm; 5] =
    [JwtAlgorithm::ES256, JwtAlgorithm::ES384, JwtAlgorithm::EdDSA, JwtAlgorithm::RS256, JwtAlgorithm::PS256];
/// How old a proof may be, and how far in the future: clocks differ, and requests wait on their way.
const AGE: Duration = Duration::from_secs(60);
/// A proof is remembered a little longer than it holds, since its life is counted by another clock than its age.
const MARGIN: Duration = Duration::from_secs(5);
/// Proofs of one principal: at most 18,500 are remembered at a time, less than a fifth of all.
const SHARE: RateLimit = RateLimit::per_minute(6_000);
const MOST_PRINCIPALS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(99_999);
/// Proofs that are remembered at a time, each in about 350 bytes.
const SENT: StoreCapacity = StoreCapacity { entries: 100_000, bytes: 40 << 20 };
