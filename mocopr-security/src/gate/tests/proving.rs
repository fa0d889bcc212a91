//! Credentials that are bound: to a key whose possession each request proves, or to the certificate of a connection.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mocopr_core::peer::{ClientCertificate, TlsFacts};

use super::*;
use crate::{
    auth::{AuthMiddleware, DpopKey, DpopPolicy, TokenValidator, Verified},
    evidence::NO_NONCE,
    seal::KeyRing,
};

const URL: &str = "https://mcp.example.com/mcp";

/// Knows a token that is bound to a key, one that is bound to a certificate, one that is bound to nothing, and a key.
#[derive(Debug)]
struct Bound {
    key: [u8; 32],
}

impl Authenticator for Bound {
    fn authenticate(&self, credential: Credential<'_>) -> Verdict {
        let who = |method| {
            let identity = Identity { method, issuer: "https://id.example.com", subject: "alice", tenant: None };
            Verified::new(identity, [].into(), [].into())
        };
        match credential {
            Credential::ApiKey("plain") => Verdict::Verified(who(Verification::ApiKey)),
            Credential::Bearer("plain") => Verdict::Verified(who(Verification::Token)),
            Credential::Bearer("keyed") => Verdict::Verified(who(Verification::Token).bound_to(self.key)),
            Credential::Bearer("certified") => {
                Verdict::Verified(who(Verification::Token).bound_to_certificate(CERTIFICATE))
            }
            Credential::Bearer(_) | Credential::ApiKey(_) => Verdict::Foreign,
        }
    }
}

const CERTIFICATE: [u8; 32] = [7; 32];

/// A server that says this of proofs, and a client with a key.
struct World {
    gate: Gate,
    key: DpopKey,
}

impl World {
    fn new(dpop: DpopPolicy) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new());
        let key = DpopKey::new().unwrap().with_clock(clock.clone());
        let validator = TokenValidator::hs256("https://id.example.com", Secret::new(vec![7; 32]));
        let middleware = AuthMiddleware::builder().with_token_validation(validator).with_dpop(dpop).build().unwrap();
        let policy = SecurityPolicy::strict()
            .with_public_url(URL)
            .with_rate_limiting(RateLimitPolicy::unlimited())
            .with_authentication(middleware);
        let proofs = policy.open_proofs(&KeyRing::generate().unwrap(), clock.clone()).unwrap();
        let bound = Bound { key: URL_SAFE_NO_PAD.decode(key.thumbprint()).unwrap().try_into().unwrap() };
        Self { gate: Gate::new(policy, vec![Arc::new(bound)], None, clock).with_proofs(proofs), key }
    }

    /// A request with these headers, on a connection whose client proved to hold a certificate of this thumbprint.
    fn admit_holder(&self, lines: &[(&str, &str)], thumbprint: Option<[u8; 32]>) -> Result<Admission, Refusal> {
        let host = (http::header::HOST, HeaderValue::from_static("mcp.example.com"));
        let mut headers = HeaderMap::from_iter([host]);
        for (name, value) in lines {
            headers.append(http::HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        let client = thumbprint.map(|thumbprint| ClientCertificate {
            issuer: "CN=ca".into(),
            subject: "worker".into(),
            thumbprint: URL_SAFE_NO_PAD.encode(thumbprint).into(),
            until: Duration::MAX,
        });
        let tls = TlsFacts { asks_clients: true, client, ..TlsFacts::default() };
        let uri = Uri::from_static("/mcp");
        let http = HttpFacts { method: &Method::GET, version: Version::HTTP_11, uri: &uri, headers: &headers };
        let place = SocketAddr::from(([192, 0, 2, 1], 1)).into();
        let peer = Peer { place: Some(&place), tls: Some(&tls), http };
        let head = self.gate.check_head(&peer, &TrustedProxies::default(), None)?;
        self.gate.admit(head, &peer).now_or_never().unwrap()
    }

    fn admit(&self, lines: &[(&str, &str)]) -> Result<Admission, Refusal> {
        self.admit_holder(lines, None)
    }

    fn admit_with(&self, token: &str, proof: &str) -> Result<Admission, Refusal> {
        self.admit(&[("authorization", &format!("DPoP {token}")), ("dpop", proof)])
    }

    fn reason(&self, lines: &[(&str, &str)]) -> &'static str {
        let refusal = self.admit(lines).unwrap_err();
        assert_eq!((refusal.status, refusal.challenge), (401, Some(Challenge::Invalid)), "{}", refusal.reason);
        refusal.reason
    }

    fn proof(&self) -> String {
        self.key.proof("GET", URL, "keyed").sign().unwrap()
    }
}

/// P-08
#[test]
fn a_token_of_a_key_proves_somebody_with_its_proof_alone() {
    let world = World::new(DpopPolicy::accepted());
    let proof = world.proof();
    assert_eq!(world.admit_with("keyed", &proof).unwrap().principal().subject(), "alice");
    let keyed = ("authorization", "DPoP keyed");
    assert_eq!(world.reason(&[keyed, ("dpop", &proof)]), "the proof was sent before");
    assert_eq!(world.reason(&[("authorization", "Bearer keyed")]), "the token is bound to what is not proven");
    let unbound = world.key.proof("GET", URL, "plain").sign().unwrap();
    let plain = ("authorization", "DPoP plain");
    assert_eq!(world.reason(&[plain, ("dpop", &unbound)]), "the token is not bound to a key");
    let World { gate, .. } = &world;
    let stranger = DpopKey::new().unwrap().with_clock(gate.clock.clone()).proof("GET", URL, "keyed").sign().unwrap();
    assert!(world.admit_with("keyed", &stranger).is_err());

    let unheard = World { gate: world.gate.with_proofs(None), key: world.key };
    let proof = unheard.proof();
    assert_eq!(unheard.reason(&[keyed, ("dpop", &proof)]), "proofs of possession are not accepted");
}

/// P-08
#[test]
fn where_proofs_are_demanded_a_token_without_one_proves_nobody_and_a_key_is_no_token() {
    let plain = ("authorization", "Bearer plain");
    let demanded = World::new(DpopPolicy::required());
    assert_eq!(demanded.reason(&[plain]), "the token is not bound to a key");
    assert!(demanded.admit(&[("x-api-key", "plain")]).is_ok());
    assert!(demanded.admit_with("keyed", &demanded.proof()).is_ok());
    assert!(World::new(DpopPolicy::accepted()).admit(&[plain]).is_ok());
}

/// P-08
#[test]
fn whoever_lacks_a_nonce_is_given_one_and_no_word_of_a_wrong_credential() {
    let world = World::new(DpopPolicy::required().with_nonces());
    let refusal = world.admit_with("keyed", &world.proof()).unwrap_err();
    assert_eq!((refusal.status, refusal.fault, refusal.reason), (401, Fault::Unauthenticated, NO_NONCE));
    let Some(Challenge::Nonce(nonce)) = refusal.challenge else { panic!("{:?}", refusal.challenge) };
    let fresh = world.key.proof("GET", URL, "keyed").with_claim("nonce", &*nonce).sign().unwrap();
    assert!(world.admit_with("keyed", &fresh).is_ok());
}

/// S-13, P-08
#[test]
fn a_token_of_a_certificate_proves_somebody_on_a_connection_of_that_certificate_alone() {
    let world = World::new(DpopPolicy::accepted());
    let token = [("authorization", "Bearer certified")];
    assert_eq!(world.admit_holder(&token, Some(CERTIFICATE)).unwrap().principal().method(), Verification::Token);
    for (thumbprint, reason) in [
        (None, "the token is bound to a certificate, and the client proved none"),
        (Some([8; 32]), "the token is bound to another certificate"),
    ] {
        let refusal = world.admit_holder(&token, thumbprint).unwrap_err();
        assert_eq!((refusal.status, refusal.reason), (401, reason));
    }
}

/// S-16
#[test]
fn a_socket_is_opened_for_those_alone_who_prove_themselves_as_its_owner_says() {
    let guarded = Guarded::new(RateLimitPolicy::unlimited());
    let headers = HeaderMap::from_iter([
        (http::header::HOST, HeaderValue::from_static("mcp.example.com")),
        (http::header::AUTHORIZATION, HeaderValue::from_static("Bearer alice")),
    ]);
    let uri = Uri::from_static("/mcp");
    let http = HttpFacts { method: &Method::GET, version: Version::HTTP_11, uri: &uri, headers: &headers };
    let place = SocketAddr::from(([192, 0, 2, 1], 1)).into();
    let peer = Peer { place: Some(&place), tls: None, http };
    let admit_by = |proofs: &[Verification]| {
        let head = guarded.gate.check_head(&peer, &TrustedProxies::default(), None).unwrap();
        guarded.gate.admit_by(head, &peer, proofs).now_or_never().unwrap()
    };
    assert!(admit_by(&[]).is_ok());
    assert!(admit_by(&[Verification::ApiKey, Verification::Token]).is_ok());
    let refusal = admit_by(&[Verification::ApiKey, Verification::Certificate]).unwrap_err();
    assert_eq!((refusal.status, refusal.challenge), (401, Some(Challenge::Absent)));
    assert_eq!((refusal.fault, refusal.reason), (Fault::Unauthenticated, "a credential of another kind"));
}
