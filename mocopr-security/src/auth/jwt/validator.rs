//! `TokenValidator`: what the owner says of one issuer, and the check of it before a server starts.

use std::{fmt, sync::Arc, time::Duration};

use mocopr_core::clock::Clock;

use crate::{
    auth::Authenticator,
    auth::jwt::{
        algorithm::{Family, JwtAlgorithm},
        config::JwtConfig,
        header::media_type,
        jwk,
        key::VerifyingKey,
        keys::{KeyLocation, KeySource, OneKey, OpenKeys, PlainHttp},
        pem,
        rules::{ClaimPath, Rules, TokenKinds, folded},
    },
    policy::Problem,
    redact::Secret,
};

/// What makes an access token of one issuer acceptable: whose keys, which audience, how long.
///
/// There is one constructor for each kind of key, so that a public key can never be taken for a shared secret. Every
/// token must have `iss`, `aud`, `exp` and `sub`; `nbf`, `iat`, `jti`, `scope` and roles are checked where they are.
///
/// | | unless said |
/// |---|---|
/// | algorithms | every one with a public key; for [`hs256`](Self::hs256) `HS256` alone |
/// | audience | the server's public URL; exactly one, compared exactly but for the case of scheme and host |
/// | roles | the claim `roles`: a string, or an array of strings |
/// | scopes | the claim `scope`: words between spaces; where it is absent `scp`: such words, or an array of scopes |
/// | tenant | none |
/// | `typ` | absent, `JWT` or `at+jwt` |
/// | life | at most 1 hour from `iat` to `exp`; without `iat`, at most 1 hour left |
/// | leeway | 30 seconds |
///
/// A token is refused, whatever it says, above 8 KiB; with `crit`, `b64`, `enc` or `zip` in its header; with a `cnf`
/// that names anything else than a key in `jkt` and a certificate in `x5t#S256`; with the first unless
/// [proofs are accepted](crate::auth::DpopPolicy), and with the second on every connection whose client did not prove
/// itself by that certificate; with `scope` and `scp` that name different scopes; with more audiences than one. Keys
/// and addresses of keys in its header (`jwk`, `jku`, `x5c`, `x5u`) are never looked at.
///
/// ```
/// use mocopr_security::auth::{AuthMiddleware, TokenValidator};
///
/// let pem = "-----BEGIN PUBLIC KEY-----
/// MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
/// -----END PUBLIC KEY-----";
/// let validator = TokenValidator::public_key("https://id.example.com", pem).with_roles_claim("realm_access.roles");
/// let middleware = AuthMiddleware::builder().with_token_validation(validator).build()?;
/// # Ok::<(), mocopr_security::policy::Problems>(())
/// ```
///
/// # Source
/// RFC 7519, RFC 8725, RFC 9068; the revision 2025-11-25 and later, basic/authorization, "Token Handling".
#[derive(Clone)]
pub struct TokenValidator {
    issuer: Box<str>,
    keys: Keys,
    algorithms: Option<Vec<JwtAlgorithm>>,
    audience: Option<Box<str>>,
    roles: Box<str>,
    tenant: Option<Box<str>>,
    kinds: TokenKinds,
    lifetime: Option<Duration>,
    leeway: Duration,
    plain_http: PlainHttp,
}

/// Where keys come from.
#[derive(Clone)]
enum Keys {
    /// The owner has not said.
    Unsaid,
    Pem(Box<str>),
    Set(Box<str>),
    Secret(Arc<Secret<Vec<u8>>>),
    #[allow(dead_code, reason = "made by what fetches keys, which is a feature")]
    Url(Box<str>, OpenKeys),
    /// The issuer is asked about each token instead.
    #[allow(dead_code, reason = "made by what asks issuers about tokens, which is a feature")]
    Asked(OpenAnswers),
}

/// Opens what asks an issuer about its tokens, when a server is built: from what it is reached by to what waits for the
/// rules.
pub(crate) type OpenAnswers = Arc<dyn Fn(PlainHttp, Arc<dyn Clock>) -> Result<Answers, Problem> + Send + Sync>;

/// What looks at tokens by these rules, by asking their issuer.
type Answers = Box<dyn FnOnce(Rules) -> Arc<dyn Authenticator>>;

/// What checks the tokens of an issuer.
#[derive(Debug)]
pub(crate) enum Ready {
    /// Its keys do.
    Keys(Validator),
    /// It does itself.
    Asked(Arc<dyn Authenticator>),
}

/// What tells good tokens from others.
enum Opened {
    Keys(Arc<dyn KeySource>),
    Asked(Answers),
}

/// A validator that is ready: its keys, and the rules for tokens signed with them.
#[derive(Debug)]
pub(crate) struct Validator {
    pub(super) rules: Rules,
    pub(super) keys: Arc<dyn KeySource>,
}

impl TokenValidator {
    /// Tokens of `issuer`, signed with the one key of a PEM text, `-----BEGIN PUBLIC KEY-----`: RSA from 2,048 bits to
    /// 8,192, P-256, P-384 or Ed25519. What a token gives as `kid` does not matter.
    pub fn public_key(issuer: impl Into<Box<str>>, pem: impl Into<Box<str>>) -> Self {
        Self::new(issuer.into(), Keys::Pem(pem.into()))
    }

    /// Tokens of `issuer`, signed with a key of this JSON Web Key Set (RFC 7517): an object with an array `keys`, of at
    /// most 64 keys in 256 KiB. Keys that cannot verify signatures are left out. A token chooses by `kid`; without one,
    /// at most four keys may fit its algorithm.
    pub fn key_set(issuer: impl Into<Box<str>>, json: impl Into<Box<str>>) -> Self {
        Self::new(issuer.into(), Keys::Set(json.into()))
    }

    /// Tokens of `issuer`, authenticated with a secret of at least 32 random bytes that both sides know. Whoever has
    /// the secret makes tokens, this server among them: prefer an issuer with a public key.
    pub fn hs256(issuer: impl Into<Box<str>>, secret: Secret<Vec<u8>>) -> Self {
        Self::new(issuer.into(), Keys::Secret(Arc::new(secret)))
    }

    /// Tokens of `issuer`, signed with keys that `open` finds when a server is built.
    #[allow(dead_code, reason = "called by what fetches keys, which is a feature")]
    pub(crate) fn by_url(issuer: impl Into<Box<str>>, url: impl Into<Box<str>>, open: OpenKeys) -> Self {
        Self::new(issuer.into(), Keys::Url(url.into(), open))
    }

    /// Tokens of `issuer`, about which what `open` makes asks it.
    #[allow(dead_code, reason = "called by what asks issuers about tokens, which is a feature")]
    pub(crate) fn by_asking(issuer: impl Into<Box<str>>, open: OpenAnswers) -> Self {
        Self::new(issuer.into(), Keys::Asked(open))
    }

    fn new(issuer: Box<str>, keys: Keys) -> Self {
        Self {
            issuer,
            keys,
            algorithms: None,
            audience: None,
            roles: "roles".into(),
            tenant: None,
            kinds: TokenKinds::Usual,
            lifetime: None,
            leeway: LEEWAY,
            plain_http: PlainHttp::Refused,
        }
    }

    /// Accepts these signature algorithms and no others. They must be of the kind of key that the constructor names.
    #[must_use]
    pub fn with_algorithms(mut self, algorithms: impl IntoIterator<Item = JwtAlgorithm>) -> Self {
        self.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// Accepts tokens for this audience instead of the server's public URL.
    #[must_use]
    pub fn with_audience(mut self, audience: impl Into<Box<str>>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// Takes roles from this claim: a name, or names from the outside in with dots between, as `realm_access.roles`. A
    /// name with `://` in it is one name, dots and all.
    #[must_use]
    pub fn with_roles_claim(mut self, path: impl Into<Box<str>>) -> Self {
        self.roles = path.into();
        self
    }

    /// Takes the tenant from this claim, which is a string; then a token without it is refused. The path is as for
    /// [`with_roles_claim`](Self::with_roles_claim).
    #[must_use]
    pub fn with_tenant_claim(mut self, path: impl Into<Box<str>>) -> Self {
        self.tenant = Some(path.into());
        self
    }

    /// Accepts tokens whose `typ` is one of these media types alone, and none without: `["at+jwt"]` is RFC 9068. Case
    /// does not count, and `application/` may be left out.
    #[must_use]
    pub fn with_token_types<'a>(mut self, types: impl IntoIterator<Item = &'a str>) -> Self {
        self.kinds = TokenKinds::Only(types.into_iter().map(media_type).collect());
        self
    }

    /// The longest time from `iat` to `exp` that is accepted; one hour unless said. A token that is stolen is good for
    /// as long.
    #[must_use]
    pub fn with_token_expiry(mut self, longest: Duration) -> Self {
        self.lifetime = Some(longest);
        self
    }

    /// How far the clocks of issuer and server may be apart: at most 60 seconds, 30 unless said.
    #[must_use]
    pub fn with_leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Lets the issuer and its keys be plain HTTP on a loopback host, for an issuer on a machine of your own.
    #[must_use]
    pub fn allowing_insecure_loopback(mut self) -> Self {
        self.plain_http = PlainHttp::Loopback;
        self
    }

    /// Who issues the tokens.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Its issuer is asked about each token.
    pub(crate) fn asks(&self) -> bool {
        matches!(self.keys, Keys::Asked(_))
    }

    /// The validator at work, for a server whose tokens are for `audience`, with `lifetime` where it has said none.
    pub(crate) fn ready(
        self,
        audience: &str,
        lifetime: Option<Duration>,
        clock: Arc<dyn Clock>,
    ) -> Result<Ready, Vec<Problem>> {
        let mut problems = Vec::new();
        let issuer = self.issuer.clone();
        let mut wrong =
            |what: &str, mend: &str| problems.push(Problem::new(format!("issuer `{issuer}`: {what}"), mend));
        let Self {
            issuer,
            keys,
            algorithms,
            audience: own,
            roles,
            tenant,
            kinds,
            lifetime: longest,
            leeway,
            plain_http,
        } = self;
        if let Some(what) = unsuitable_issuer(&issuer, plain_http) {
            wrong(what, "name the issuer exactly as its tokens do in `iss`");
        }
        let audience = own.as_deref().unwrap_or(audience);
        if audience.is_empty() {
            wrong("no audience is known", "call `with_public_url(..)` on the policy, or `with_audience(..)`");
        }
        if matches!(keys, Keys::Asked(_)) && (algorithms.is_some() || kinds != TokenKinds::Usual) {
            let mend = "leave `with_algorithms(..)` and `with_token_types(..)` out: its answers name neither";
            wrong("a token about which its issuer is asked has no algorithm and no type", mend);
        }
        let is_secret = matches!(keys, Keys::Secret(_));
        let algorithms = algorithms
            .unwrap_or_else(|| if is_secret { vec![JwtAlgorithm::HS256] } else { JwtAlgorithm::PUBLIC_KEY.to_vec() });
        let is_of_kind = |algorithm: &JwtAlgorithm| (algorithm.family() == Family::Secret) == is_secret;
        if algorithms.is_empty() || !algorithms.iter().all(is_of_kind) {
            let mend = "`HS256` belongs to `TokenValidator::hs256(..)`, every other one to public keys";
            wrong("an algorithm is not of the kind of the key, or none is named", mend);
        }
        if leeway > MOST_LEEWAY {
            wrong("the leeway is above 60 seconds", "keep the clocks in step and call `with_leeway(..)` with less");
        }
        let lifetime = longest.or(lifetime).unwrap_or(LIFETIME);
        if lifetime.is_zero() {
            wrong("no token lives long enough", "call `with_token_expiry(..)` with more than zero");
        }
        if matches!(&kinds, TokenKinds::Only(kinds) if kinds.is_empty() || kinds.iter().any(|kind| kind.is_empty())) {
            wrong("no token is of a type that is accepted", "name a type in `with_token_types(..)`, as `at+jwt`");
        }
        let roles = ClaimPath::read(&roles);
        let path_of_tenant = tenant.as_deref().map(ClaimPath::read);
        if roles.is_none() || path_of_tenant == Some(None) {
            wrong("a path of claims has an empty name, or more than eight", "write it as `realm_access.roles`");
        }
        let keys = match opened(keys, &issuer, plain_http, clock) {
            Ok(keys) => Some(keys),
            Err(problem) => {
                wrong(problem.what(), problem.mend());
                None
            }
        };
        match (roles, keys) {
            (Some(roles), Some(keys)) if problems.is_empty() => {
                let audience = folded(audience).into();
                let (algorithms, tenant) = (algorithms.into(), path_of_tenant.flatten());
                let rules = Rules { issuer, audience, algorithms, kinds, roles, tenant, lifetime, leeway };
                Ok(match keys {
                    Opened::Keys(keys) => Ready::Keys(Validator { rules, keys }),
                    Opened::Asked(make) => Ready::Asked(make(rules)),
                })
            }
            (Some(_) | None, Some(_) | None) => Err(problems),
        }
    }
}

impl From<JwtConfig> for TokenValidator {
    fn from(config: JwtConfig) -> Self {
        let JwtConfig { issuer, audience, algorithms, pem, secret } = config;
        let keys = match (pem, secret) {
            (Some(pem), None) => Keys::Pem(pem),
            (None, Some(secret)) => Keys::Secret(secret),
            // Two kinds of key at once is the confusion that the constructors rule out.
            (None, None) | (Some(_), Some(_)) => Keys::Unsaid,
        };
        Self { algorithms, audience, ..Self::new(issuer, keys) }
    }
}

impl fmt::Debug for TokenValidator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenValidator").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// The keys at work.
fn opened(keys: Keys, issuer: &str, plain_http: PlainHttp, clock: Arc<dyn Clock>) -> Result<Opened, Problem> {
    let one = |key: Result<VerifyingKey, &'static str>, mend| match key {
        Ok(key) => Ok(Opened::Keys(Arc::new(OneKey::new(key)))),
        Err(what) => Err(Problem::new(what, mend)),
    };
    match keys {
        Keys::Unsaid => {
            Err(Problem::new("not exactly one kind of key is given", "call `with_public_key(..)` or `with_secret(..)`"))
        }
        Keys::Pem(pem) => one(pem::public_key(&pem), "give the issuer's public key in PEM"),
        Keys::Secret(secret) => one(VerifyingKey::secret(&secret), "give at least 32 random bytes"),
        Keys::Set(json) => {
            let set = jwk::parse_set(json.as_bytes())
                .and_then(|set| if set.is_empty() { Err("the key set has no key that can be used") } else { Ok(set) });
            match set {
                Ok(set) => Ok(Opened::Keys(Arc::new(set))),
                Err(what) => Err(Problem::new(what, "give the issuer's key set as it publishes it")),
            }
        }
        Keys::Url(url, open) => open(KeyLocation { issuer: issuer.into(), url, plain_http }, clock).map(Opened::Keys),
        Keys::Asked(open) => open(plain_http, clock).map(Opened::Asked),
    }
}

/// Why this cannot be an issuer. One with keys of its own may have any name; a URL is held to what URLs of issuers are
/// (RFC 8414, section 2).
fn unsuitable_issuer(issuer: &str, plain_http: PlainHttp) -> Option<&'static str> {
    if issuer.is_empty() || issuer.len() > MOST_ISSUER || issuer.chars().any(char::is_control) {
        return Some("its name is empty, longer than 255 bytes, or has control characters");
    }
    if issuer.starts_with("http://") && !plain_http.permits(issuer) {
        return Some("it is reached without TLS, and `allowing_insecure_loopback()` is only for loopback hosts");
    }
    None
}

const LEEWAY: Duration = Duration::from_secs(30);
const MOST_LEEWAY: Duration = Duration::from_secs(60);
const LIFETIME: Duration = Duration::from_secs(60 * 60);
const MOST_ISSUER: usize = 255;
