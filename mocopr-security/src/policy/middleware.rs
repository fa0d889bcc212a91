//! Parts of a policy under the names of middleware. They slot into fixed places of the gate: in which order they are
//! given changes nothing, because the order is the security.

use crate::{
    headers::SecurityHeaders,
    policy::{CrossOrigin, Problem, SecurityPolicy},
    rate::RateLimit,
};

/// A part of a policy that a server's builder takes by `with_middleware`; each kind comes once.
///
/// ```
/// use mocopr_security::policy::{CorsMiddleware, Middleware, RateLimitMiddleware, SecurityPolicy};
///
/// // What `with_middleware` of a server's builder does with each, in whatever order they are given:
/// let pages = CorsMiddleware::restrictive().with_origin("https://app.example.com");
/// let policy = pages.slot_into(SecurityPolicy::strict());
/// let policy = RateLimitMiddleware::per_client(60).slot_into(policy);
/// assert_eq!(policy.rates().principal.map(|rate| rate.per_minute.get()), Some(60));
/// ```
pub trait Middleware {
    /// The name under which a second one is reported.
    fn name(&self) -> &'static str;

    /// The policy with this part in its place.
    fn slot_into(self, policy: SecurityPolicy) -> SecurityPolicy;
}

/// How often one client may ask: [`SecurityPolicy::with_principal_rate`] under another name.
///
/// An example is at [`Middleware`].
#[derive(Clone, Copy, Debug)]
pub struct RateLimitMiddleware(RateLimit);

impl RateLimitMiddleware {
    /// So many requests a minute for each principal; the other rates stay as they are.
    pub const fn per_client(requests_per_minute: u32) -> Self {
        Self(RateLimit::per_minute(requests_per_minute))
    }
}

impl Middleware for RateLimitMiddleware {
    fn name(&self) -> &'static str {
        "RateLimitMiddleware"
    }

    fn slot_into(self, policy: SecurityPolicy) -> SecurityPolicy {
        policy.with_principal_rate(self.0)
    }
}

/// Which web pages may call and read. It says so alone: beside [`SecurityPolicy::with_allowed_origin`] or
/// [`SecurityPolicy::with_cors_allow_all`] it is a problem that the server's `build()` reports.
///
/// An example is at [`Middleware`].
#[derive(Clone, Debug)]
pub struct CorsMiddleware {
    origins: Vec<Box<str>>,
}

impl CorsMiddleware {
    /// Pages of the server's own origin alone.
    pub const fn restrictive() -> Self {
        Self { origins: Vec::new() }
    }

    /// Pages of this origin too: `https://app.example.com`.
    #[must_use]
    pub fn with_origin(mut self, origin: impl Into<Box<str>>) -> Self {
        self.origins.push(origin.into());
        self
    }
}

impl Middleware for CorsMiddleware {
    fn name(&self) -> &'static str {
        "CorsMiddleware"
    }

    fn slot_into(self, policy: SecurityPolicy) -> SecurityPolicy {
        let mut policy = policy;
        if policy.cross_origin == CrossOrigin::Any || !policy.allowed_origins.is_empty() {
            let what = "which web pages may call is said by the policy and by CorsMiddleware";
            policy.problems.push(Problem::new(what, "say it in one of the two"));
        }
        self.origins.into_iter().fold(policy, SecurityPolicy::with_allowed_origin)
    }
}

/// Which security headers answers carry: [`SecurityPolicy::with_security_headers`] under another name.
///
/// ```
/// use mocopr_security::{
///     headers::SecurityHeaders,
///     policy::{Middleware, SecurityHeadersMiddleware, SecurityPolicy},
/// };
///
/// let policy = SecurityHeadersMiddleware::legacy().slot_into(SecurityPolicy::strict());
/// assert_eq!(policy.security_headers(), SecurityHeaders::Legacy);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SecurityHeadersMiddleware(SecurityHeaders);

impl SecurityHeadersMiddleware {
    /// The headers as older guides ask for them.
    pub const fn legacy() -> Self {
        Self(SecurityHeaders::Legacy)
    }
}

impl Middleware for SecurityHeadersMiddleware {
    fn name(&self) -> &'static str {
        "SecurityHeadersMiddleware"
    }

    fn slot_into(self, policy: SecurityPolicy) -> SecurityPolicy {
        policy.with_security_headers(self.0)
    }
}
