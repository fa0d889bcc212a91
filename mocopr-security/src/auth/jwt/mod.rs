//! Access tokens as JSON Web Tokens.
//!
//! [`TokenAuthenticator`] holds the steps in their order: what a token is, whose it claims to be, who signed it, and only
//! then what it says. Nothing of a token is believed before its signature holds, but for the choice of the issuer whose
//! keys are tried.

pub(crate) mod algorithm;
pub(crate) mod claims;
pub(crate) mod compact;
mod config;
pub(crate) mod header;
pub(crate) mod jwk;
pub(crate) mod key;
pub(crate) mod keys;
pub(crate) mod pem;
pub(crate) mod remember;
pub(crate) mod rules;
mod validator;

use std::{fmt, sync::Arc, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use futures_util::future::BoxFuture;
use mocopr_core::clock::Clock;

pub(crate) use self::validator::Ready;
pub use self::{
    algorithm::JwtAlgorithm,
    config::{JwtConfig, JwtConfigBuilder},
    validator::TokenValidator,
};
use self::{
    claims::Claims,
    compact::{Compact, MOST_BYTES},
    header::Header,
    keys::{Found, MOST_CANDIDATES, Signed},
    remember::Remembered,
    validator::Validator,
};
use crate::{
    auth::{
        Authenticator, Credential,
        verdict::{Pending, Rejected, Verdict, Verified},
    },
    redact::Secret,
};

/// Says whom an access token proves.
pub(crate) struct TokenAuthenticator(Arc<Shared>);

struct Shared {
    validators: Box<[Validator]>,
    /// Whose tokens are left to somebody else.
    elsewhere: Option<Box<str>>,
    remembered: Remembered,
    clock: Arc<dyn Clock>,
}

/// How far a token was checked.
enum Checked {
    Verified(Verified),
    /// A key has to be fetched first.
    Wait(BoxFuture<'static, ()>),
    /// There are no keys to check it with.
    Unavailable,
}

impl TokenAuthenticator {
    /// One that accepts tokens of these issuers, each named once. Those of `elsewhere` are not its business, unless
    /// that is one of these.
    pub(crate) fn new(validators: Vec<Validator>, elsewhere: Option<Box<str>>, clock: Arc<dyn Clock>) -> Self {
        let own = |issuer: &str| validators.iter().any(|validator| &*validator.rules.issuer == issuer);
        let elsewhere = elsewhere.filter(|issuer| !own(issuer));
        let remembered = Remembered::for_time(FRESH);
        Self(Arc::new(Shared { validators: validators.into(), elsewhere, remembered, clock }))
    }
}

impl Authenticator for TokenAuthenticator {
    fn authenticate(&self, credential: Credential<'_>) -> Verdict {
        let Credential::Bearer(token) = credential else { return Verdict::Foreign };
        if Compact::split(token).is_none() {
            return Verdict::Foreign;
        }
        if token.len() > MOST_BYTES {
            return Verdict::Rejected(Rejected::new("the token has more than 8 KiB"));
        }
        let shared = &self.0;
        let Some(name) = name_of(token) else { return Verdict::Rejected(Rejected::new("the token has no digest")) };
        if let Some(verified) = shared.recall(&name) {
            return Verdict::Verified(verified);
        }
        if shared.is_elsewhere(token) {
            return Verdict::Foreign;
        }
        match shared.check(token, name) {
            Ok(Checked::Verified(verified)) => Verdict::Verified(verified),
            Ok(Checked::Wait(fetched)) => Verdict::Later(shared.again(token, name, fetched)),
            Ok(Checked::Unavailable) => unavailable(),
            Err(rejected) => Verdict::Rejected(rejected),
        }
    }

    fn issuers(&self) -> Vec<Box<str>> {
        self.0.validators.iter().filter_map(|validator| validator.rules.issuer_url()).collect()
    }
}

impl Shared {
    /// The token names an issuer whose tokens somebody else looks at.
    fn is_elsewhere(&self, token: &str) -> bool {
        let Some(elsewhere) = &self.elsewhere else { return false };
        let claims = Compact::split(token).and_then(|parts| Claims::read(parts.claims).ok());
        claims.is_some_and(|claims| claims.issuer().is_ok_and(|issuer| issuer == &**elsewhere))
    }

    /// Every step that a token has to pass, in this order.
    fn check(&self, token: &str, name: [u8; 32]) -> Result<Checked, Rejected> {
        let parts = Compact::split(token).ok_or(Rejected::new("the token has not three parts"))?;
        let header = Header::read(parts.header)?;
        let claims = Claims::read(parts.claims)?;

        // Whose keys are tried; that the issuer is this one is known only after the signature.
        let named = claims.issuer()?;
        let (nth, validator) = self
            .validators
            .iter()
            .enumerate()
            .find(|(_, validator)| &*validator.rules.issuer == named)
            .ok_or(Rejected::new("the issuer is not one of ours"))?;
        validator.rules.judge_header(&header)?;

        // Before the key is looked for: a token is not remembered under a generation that came after its key.
        let generation = validator.keys.generation();
        let unix = self.clock.unix();
        let keys = match validator.keys.find(header.key.as_deref(), header.algorithm) {
            Found::Keys(keys) => keys,
            Found::Absent => return Err(Rejected::new("no key of the issuer is meant")),
            // What no key could make good neither waits for one nor is told to come again.
            Found::Wait(fetched) => return claims.judge(&validator.rules, unix).map(|_| Checked::Wait(fetched)),
            Found::Unavailable => return claims.judge(&validator.rules, unix).map(|_| Checked::Unavailable),
        };
        let (message, signature) = (parts.signed.as_bytes(), compact::bytes(parts.signature)?);
        let signed = |key: &&Arc<key::VerifyingKey>| key.has_signed(header.algorithm, message, &signature);
        let key = keys.iter().take(MOST_CANDIDATES).find(signed);
        let key = key.ok_or(Rejected::new("the signature is not one of the issuer's"))?;

        let signed = Signed::new(Arc::clone(&validator.keys), Arc::clone(key), generation);
        let verified = claims.judge(&validator.rules, unix)?.while_it_stands(Arc::new(signed));
        self.remembered.keep(name, nth, generation, &verified, self.clock.now());
        Ok(Checked::Verified(verified))
    }

    /// Whom this very token proved before, where that still holds.
    fn recall(&self, name: &[u8; 32]) -> Option<Verified> {
        let generation = |nth: usize| self.validators.get(nth).map(|validator| validator.keys.generation());
        self.remembered.find(name, generation, self.clock.now(), self.clock.unix())
    }

    /// The verdict after what was missing has been fetched. What is still missing then cannot be had
    /// now.
    fn again(self: &Arc<Self>, token: &str, name: [u8; 32], fetched: BoxFuture<'static, ()>) -> Pending {
        let (shared, token) = (Arc::clone(self), Secret::new(String::from(token)));
        Pending::new(async move {
            fetched.await;
            match shared.check(token.expose(), name) {
                Ok(Checked::Verified(verified)) => Verdict::Verified(verified),
                Ok(Checked::Wait(_) | Checked::Unavailable) => unavailable(),
                Err(rejected) => Verdict::Rejected(rejected),
            }
        })
    }
}

impl fmt::Debug for TokenAuthenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenAuthenticator").field("validators", &self.0.validators).finish_non_exhaustive()
    }
}

/// Whether the token is good is known when there are keys again.
fn unavailable() -> Verdict {
    let reason = Rejected::new("there are no keys of the issuer to check the token with");
    Verdict::Unavailable { reason, retry_after: RETRY_AFTER }
}

/// SHA-256 of the whole token: what it is remembered under, so that the token itself is kept nowhere.
fn name_of(token: &str) -> Option<[u8; 32]> {
    digest(&SHA256, token.as_bytes()).as_ref().try_into().ok()
}

/// How long a verified token is believed without looking at its signature again.
const FRESH: Duration = Duration::from_secs(5 * 60);
/// How long clients wait before they come again with a token that could not be checked: as long as it takes at first
/// until keys are fetched again. How long it really takes says how the issuer fares, which is for the log.
const RETRY_AFTER: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
