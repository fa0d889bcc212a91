//! Access tokens as JSON Web Tokens: whom one proves.
//!
//! What a token is checked against is what the owner configured; the token itself only chooses among that. The order of
//! the checks stands in one function, and nothing of a token is believed before its signature is verified but the name
//! of its issuer, which only chooses whose keys are asked.

pub(crate) mod algorithm;
mod claims;
mod compact;
mod header;
pub(crate) mod jwk;
pub(crate) mod key;
pub(crate) mod keys;
mod pem;
mod remember;
#[cfg(test)]
mod tests;
mod validator;

use std::{fmt, sync::Arc};

use mocopr_core::clock::Clock;
use serde_json::Value;

pub use self::{algorithm::JwtAlgorithm, validator::TokenValidator};
use self::{
    claims::Terms,
    compact::{Compact, MOST_BYTES},
    header::Header,
    keys::{Candidates, Found, KeySource},
    remember::Remembered,
};
use crate::auth::{Authenticator, Credential, Pending, Rejected, Verdict, Verified};

/// Says whom tokens prove, of all issuers that the owner named.
pub(crate) struct JwtAuthenticator(Arc<Issuers>);

/// The issuers, and what was verified lately.
struct Issuers {
    issuers: Vec<Issuer>,
    remembered: Remembered,
    clock: Arc<dyn Clock>,
}

/// One issuer: its keys, and what its tokens must say.
struct Issuer {
    name: Box<str>,
    keys: Arc<dyn KeySource>,
    algorithms: Box<[JwtAlgorithm]>,
    terms: Terms,
}

/// How often the keys of an issuer have been asked for one token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Once,
    AfterWaiting,
}

impl Authenticator for JwtAuthenticator {
    fn authenticate(&self, credential: Credential<'_>) -> Verdict {
        match credential {
            Credential::Bearer(token) => self.0.verify(token, Asked::Once),
            Credential::ApiKey(_) => Verdict::Foreign,
        }
    }

    fn issuers(&self) -> Vec<Box<str>> {
        self.0.issuers.iter().map(|issuer| issuer.name.clone()).collect()
    }
}

impl Issuers {
    /// Whom a token proves.
    ///
    /// # Source
    /// RFC 8725, RFC 9068, section 4; MCP 2026-07-28, basic/authorization, "Token Handling".
    fn verify(self: &Arc<Self>, token: &str, asked: Asked) -> Verdict {
        // 1. Three parts, or another authenticator's business; of a bounded length.
        let Some(compact) = Compact::split(token) else { return Verdict::Foreign };
        if token.len() > MOST_BYTES {
            return Verdict::Rejected(Rejected::new("the token is longer than 8 KiB"));
        }
        // 2. Verified lately, under keys that still count.
        let digest = Remembered::digest(token);
        if let Some(verified) = self.remembered.find(&digest, &self.issuers, &*self.clock) {
            return Verdict::Verified(verified);
        }
        match self.check(token, compact, asked) {
            Ok(Checked::Verified { verified, issuer, generation }) => {
                self.remembered.keep(digest, &verified, issuer, generation, &*self.clock);
                Verdict::Verified(verified)
            }
            Ok(Checked::Later(pending)) => Verdict::Later(pending),
            Err(rejected) => Verdict::Rejected(rejected),
        }
    }

    fn check(self: &Arc<Self>, token: &str, compact: Compact<'_>, asked: Asked) -> Result<Checked, Rejected> {
        // 3. The header: an algorithm that exists, the name of a key, a type, nothing that changes the rest.
        let header = Header::read(compact.header)?;
        let claims = compact::object(compact.claims)?;
        // 4. Whose token it says it is chooses whose keys are asked, and nothing else.
        let named = claims.get("iss").and_then(Value::as_str);
        let place = self.issuers.iter().position(|issuer| named == Some(&*issuer.name));
        let Some((place, issuer)) = place.and_then(|place| Some((place, self.issuers.get(place)?))) else {
            return Err(Rejected::new("no issuer of that name is known"));
        };
        if !issuer.algorithms.contains(&header.algorithm) {
            return Err(Rejected::new("the algorithm is not one that this issuer signs with"));
        }
        // 5. The signature. What is remembered is remembered under the keys as they were before it was checked.
        let generation = issuer.keys.generation();
        let candidates = match issuer.keys.find(header.key.as_deref(), header.algorithm) {
            Found::Keys(candidates) => candidates,
            Found::Wait(ready) if asked == Asked::Once => {
                let (issuers, token) = (Arc::clone(self), token.to_owned());
                return Ok(Checked::Later(Pending::new(async move {
                    ready.await;
                    issuers.verify(&token, Asked::AfterWaiting)
                })));
            }
            Found::Absent | Found::Wait(_) => return Err(Rejected::new("no key of the issuer has that name")),
        };
        let signature = compact::bytes(compact.signature)?;
        if !has_signed(&candidates, header.algorithm, compact.signed.as_bytes(), &signature) {
            return Err(Rejected::new("the signature is not that of a key of the issuer"));
        }
        // 6. From here on the claims are the issuer's: for whom, for whom not any longer, and what they give.
        let verified = issuer.terms.read(&header, &claims, &issuer.name, self.clock.unix())?;
        Ok(Checked::Verified { verified, issuer: place, generation })
    }
}

/// What comes of a check that found nothing wrong so far.
enum Checked {
    Verified { verified: Verified, issuer: usize, generation: u64 },
    Later(Pending),
}

fn has_signed(candidates: &Candidates, algorithm: JwtAlgorithm, message: &[u8], signature: &[u8]) -> bool {
    candidates.iter().any(|key| key.has_signed(algorithm, message, signature))
}

impl fmt::Debug for JwtAuthenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAuthenticator").field("issuers", &self.issuers()).finish_non_exhaustive()
    }
}
