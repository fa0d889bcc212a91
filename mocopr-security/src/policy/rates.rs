//! How often callers may ask: the three rates of a policy, and their presets.

use crate::rate::RateLimit;

/// How often callers may ask. What is `None` is not bounded.
///
/// ```
/// use mocopr_security::{policy::RateLimitPolicy, rate::RateLimit};
///
/// let rates = RateLimitPolicy {
///     principal: Some(RateLimit::per_minute(300).with_burst(50)),
///     ..RateLimitPolicy::production()
/// };
/// assert_eq!(rates.heavy, Some(RateLimit::per_minute(10)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimitPolicy {
    /// Requests of one address before anybody is authenticated (IPv6: of one /64). A failed authentication counts as
    /// ten.
    pub address: Option<RateLimit>,
    /// Messages of one principal that ask for something.
    pub principal: Option<RateLimit>,
    /// Calls of one heavy tool by one principal.
    pub heavy: Option<RateLimit>,
}

impl RateLimitPolicy {
    /// For a server on a network: 600 a minute for each address and each principal, 100 of them at once, and 10 a
    /// minute of each heavy tool.
    pub const fn production() -> Self {
        let usual = RateLimit::per_minute(600).with_burst(100);
        Self { address: Some(usual), principal: Some(usual), heavy: Some(RateLimit::per_minute(10)) }
    }

    /// For a server that anybody may use: 100 a minute for each address and each principal, 10 of them at once, and one
    /// a minute of each heavy tool.
    pub const fn public() -> Self {
        let usual = RateLimit::per_minute(100).with_burst(10);
        Self { address: Some(usual), principal: Some(usual), heavy: Some(RateLimit::per_minute(1)) }
    }

    /// For callers who are known well: 1,000 a minute, 200 of them at once, and 10 a minute of each heavy tool.
    pub const fn authenticated() -> Self {
        let usual = RateLimit::per_minute(1_000).with_burst(200);
        Self { address: Some(usual), principal: Some(usual), heavy: Some(RateLimit::per_minute(10)) }
    }

    /// As often as they like, for load tests.
    pub const fn unlimited() -> Self {
        Self { address: None, principal: None, heavy: None }
    }
}
