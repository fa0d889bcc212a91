//! What the owner says of the tokens of one issuer.

use std::{sync::Arc, time::Duration};

use mocopr_core::clock::Clock;

#[cfg(feature = "outbound")]
use super::keys::{KeyLocation, PlainHttp};
use super::{
    Issuer, Issuers, JwtAuthenticator,
    algorithm::{Family, JwtAlgorithm},
    claims::{Path, Terms, folded},
    header::media_type,
    jwk,
    key::VerifyingKey,
    keys::{KeySource, OneKey},
    pem,
    remember::Remembered,
};
use crate::{policy::Problem, redact::Secret};

/// Which tokens of one issuer are accepted.
///
/// ```
/// use mocopr_security::auth::TokenValidator;
///
/// # const PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
/// # MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
/// # -----END PUBLIC KEY-----\n";
/// let validator = TokenValidator::public_key("https://id.example.com", PEM).with_roles_claim("realm_access.roles");
/// # let _ = validator;
/// ```
///
/// # Source
/// RFC 9068; RFC 8725.
#[derive(Clone, Debug)]
#[must_use = "a validator is given to AuthMiddleware::builder()"]
pub struct TokenValidator {
    issuer: Box<str>,
    keys: Keys,
    algorithms: Option<Box<[JwtAlgorithm]>>,
    audience: Option<Box<str>>,
    kinds: Box<[Box<str>]>,
    lifetime: Option<Duration>,
    leeway: Duration,
    roles: Path,
    tenant: Option<Path>,
}

/// Where the keys of an issuer come from.
#[derive(Clone, Debug)]
enum Keys {
    #[cfg(feature = "outbound")]
    Url(Box<str>, PlainHttp),
    Pem(Box<str>),
    Set(Box<str>),
    Secret(Arc<Secret<Vec<u8>>>),
    #[cfg(any(test, feature = "testing"))]
    Source(Arc<dyn KeySource>),
}

impl TokenValidator {
    /// Tokens of this issuer, whose public keys are published at `url` as a key set (RFC 7517).
    ///
    /// The keys are fetched beside requests and kept; a new key is found without a restart, and one that is gone stops
    /// counting at the next fetch. The URL is `https`.
    #[cfg(feature = "outbound")]
    pub fn jwks(issuer: impl Into<Box<str>>, url: impl Into<Box<str>>) -> Self {
        Self::of(issuer.into(), Keys::Url(url.into(), PlainHttp::Refused))
    }

    /// Tokens of this issuer, which are signed with the private half of this key, in PEM: RSA from 2,048 bits, P-256,
    /// P-384 or Ed25519.
    pub fn public_key(issuer: impl Into<Box<str>>, pem: impl Into<Box<str>>) -> Self {
        Self::of(issuer.into(), Keys::Pem(pem.into()))
    }

    /// Tokens of this issuer, whose public keys are these: a key set (RFC 7517) as the issuer publishes it, of at most 64
    /// keys in 256 KiB. Keys that cannot be used are left out.
    pub fn key_set(issuer: impl Into<Box<str>>, json: impl Into<Box<str>>) -> Self {
        Self::of(issuer.into(), Keys::Set(json.into()))
    }

    /// Tokens of this issuer, which shares a secret of at least 32 bytes with this server.
    ///
    /// Whoever has the secret can issue tokens: a public key is better wherever the issuer has one.
    pub fn hs256(issuer: impl Into<Box<str>>, secret: Secret<Vec<u8>>) -> Self {
        Self::of(issuer.into(), Keys::Secret(Arc::new(secret)))
    }

    /// Tokens of this issuer, whose keys come from here.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn with_keys(issuer: &str, keys: Arc<dyn KeySource>) -> Self {
        Self::of(issuer.into(), Keys::Source(keys))
    }

    fn of(issuer: Box<str>, keys: Keys) -> Self {
        Self {
            issuer,
            keys,
            algorithms: None,
            audience: None,
            kinds: ["jwt".into(), "at+jwt".into()].into(),
            lifetime: None,
            leeway: LEEWAY,
            roles: ["roles".into()].into(),
            tenant: None,
        }
    }

    /// Accepts these signature algorithms alone. Unless said, every one with a public key; with a shared secret, HS256.
    pub fn with_algorithms(mut self, algorithms: impl IntoIterator<Item = JwtAlgorithm>) -> Self {
        self.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// Accepts tokens for this audience. Unless said, for the policy's public URL.
    pub fn with_audience(mut self, audience: impl Into<Box<str>>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// Takes roles from this claim, a string or a list of strings; dots lead into objects: `realm_access.roles`.
    /// `roles` unless said.
    pub fn with_roles_claim(mut self, path: &str) -> Self {
        self.roles = split(path);
        self
    }

    /// Takes the tenant from this claim, a string; dots lead into objects. Nobody has a tenant unless said.
    pub fn with_tenant_claim(mut self, path: &str) -> Self {
        self.tenant = Some(split(path));
        self
    }

    /// Accepts these media types in `typ` alone: `at+jwt` for access tokens as RFC 9068 has them. Unless said, `at+jwt`,
    /// `JWT`, and tokens that name none.
    pub fn with_token_types<S: AsRef<str>>(mut self, types: impl IntoIterator<Item = S>) -> Self {
        self.kinds = types.into_iter().map(|kind| media_type(kind.as_ref())).collect();
        self
    }

    /// Accepts tokens that live at most so long, from `iat` to `exp`; an hour unless said.
    pub fn with_token_expiry(mut self, longest: Duration) -> Self {
        self.lifetime = Some(longest);
        self
    }

    /// Lets the clocks differ by so much, at most a minute; half a minute unless said.
    pub fn with_leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Lets the key set be fetched without TLS where its URL names this machine, for development and tests.
    #[cfg(feature = "outbound")]
    pub fn allowing_insecure_loopback(mut self) -> Self {
        if let Keys::Url(_, plain_http) = &mut self.keys {
            *plain_http = PlainHttp::Loopback;
        }
        self
    }

    pub(crate) fn default_lifetime(&mut self, longest: Duration) {
        self.lifetime.get_or_insert(longest);
    }

    fn open(self, audience: Option<&str>, clock: &Arc<dyn Clock>) -> Result<Issuer, Vec<Problem>> {
        let Self { issuer, keys, algorithms, audience: own, kinds, lifetime, leeway, roles, tenant } = self;
        let mut problems = Vec::new();
        let mut problem = |what: String, mend: &str| problems.push(Problem::new(what, mend));
        if issuer.is_empty() {
            problem("the issuer of tokens has no name".to_owned(), "give its URL, as its tokens name it in `iss`");
        }
        let audience = own.as_deref().or(audience).map(folded);
        if audience.is_none() {
            problem(
                format!("tokens of `{issuer}` may be for anybody"),
                "call .with_public_url(..) on the policy, or .with_audience(..) on the validator",
            );
        }
        if leeway > MOST_LEEWAY {
            problem("the clocks of issuer and server may differ by more than a minute".to_owned(), "give less");
        }
        if roles.iter().chain(tenant.iter().flatten()).any(|name| name.is_empty()) {
            problem("the path of a claim has an empty part".to_owned(), "write it like `realm_access.roles`");
        }
        let shared = matches!(keys, Keys::Secret(_));
        let algorithms = algorithms.unwrap_or_else(|| match shared {
            true => [JwtAlgorithm::HS256].into(),
            false => JwtAlgorithm::PUBLIC_KEY.into(),
        });
        let misfit = algorithms.iter().any(|algorithm| (algorithm.family() == Family::Secret) != shared);
        if algorithms.is_empty() || misfit {
            problem(
                format!("the algorithms for `{issuer}` do not fit its keys"),
                "HS256 is for a shared secret and for nothing else; all others are for public keys",
            );
        }
        let keys = opened(&issuer, keys, clock).map_err(|found| problems.push(found)).ok();
        match (keys, audience) {
            (Some(keys), Some(audience)) if problems.is_empty() => {
                let lifetime = lifetime.unwrap_or(LIFETIME);
                let terms = Terms { audience, kinds, lifetime, leeway, roles, tenant };
                Ok(Issuer { name: issuer, keys, algorithms, terms })
            }
            (Some(_) | None, _) => Err(problems),
        }
    }
}

impl JwtAuthenticator {
    /// Accepts what these validators accept; `audience` is for those that name none.
    ///
    /// # Errors
    /// Every problem of every validator.
    pub(crate) fn open(
        validators: Vec<TokenValidator>,
        audience: Option<&str>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Vec<Problem>> {
        let (mut issuers, mut problems) = (Vec::<Issuer>::new(), Vec::new());
        for validator in validators {
            match validator.open(audience, &clock) {
                Ok(issuer) if issuers.iter().any(|known| known.name == issuer.name) => {
                    let what = format!("the issuer `{}` is named twice", issuer.name);
                    problems.push(Problem::new(what, "give it one validator"));
                }
                Ok(issuer) => issuers.push(issuer),
                Err(found) => problems.extend(found),
            }
        }
        if problems.is_empty() {
            Ok(Self(Arc::new(Issuers { issuers, remembered: Remembered::default(), clock })))
        } else {
            Err(problems)
        }
    }
}

#[cfg_attr(not(feature = "outbound"), expect(unused_variables, reason = "only what is fetched has a time"))]
fn opened(issuer: &str, keys: Keys, clock: &Arc<dyn Clock>) -> Result<Arc<dyn KeySource>, Problem> {
    let one = |key: Result<VerifyingKey, &'static str>| -> Result<Arc<dyn KeySource>, Problem> {
        let key =
            key.map_err(|what| Problem::new(format!("{what} (issuer `{issuer}`)"), "give the key of the issuer"))?;
        Ok(Arc::new(OneKey::new(key)))
    };
    match keys {
        #[cfg(feature = "outbound")]
        Keys::Url(url, plain_http) => {
            let location = KeyLocation { issuer: issuer.into(), url, plain_http };
            crate::auth::key_set::open(location, Arc::clone(clock))
        }
        Keys::Pem(pem) => one(pem::public_key(&pem)),
        Keys::Set(json) => {
            let unusable = |what: &str| {
                let what = format!("{what} (issuer `{issuer}`)");
                Problem::new(what, "give the key set of the issuer, with keys of RSA, P-256, P-384 or Ed25519")
            };
            let set = jwk::parse_set(json.as_bytes()).map_err(unusable)?;
            if set.is_empty() { Err(unusable("no key of the set can be used")) } else { Ok(Arc::new(set)) }
        }
        Keys::Secret(secret) => one(VerifyingKey::secret(&secret)),
        #[cfg(any(test, feature = "testing"))]
        Keys::Source(keys) => Ok(keys),
    }
}

fn split(path: &str) -> Path {
    path.split('.').map(Box::from).collect()
}

/// The longest life of a token unless the owner says otherwise.
const LIFETIME: Duration = Duration::from_secs(60 * 60);
const LEEWAY: Duration = Duration::from_secs(30);
const MOST_LEEWAY: Duration = Duration::from_secs(60);
