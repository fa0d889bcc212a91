//! Proofs that hold, and proofs that do not.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::FutureExt;
use mocopr_core::clock::ManualClock;
use serde_json::{Value, json};

use super::*;
use crate::{
    auth::{DpopKey, ProofBuilder},
    principal::{Holdings, Method},
};

const URL: &str = "https://mcp.example.com/mcp";
const TOKEN: &str = "a.good.token";

struct World {
    clock: ManualClock,
    key: DpopKey,
    proofs: Proofs,
}

impl World {
    fn new(policy: &DpopPolicy) -> Self {
        let clock = ManualClock::new();
        let clocked: Arc<dyn Clock> = Arc::new(clock.clone());
        let url = PublicUrl::parse(URL).unwrap();
        let proofs = policy.proofs(Some(&url), &KeyRing::generate().unwrap(), Arc::clone(&clocked)).unwrap();
        Self { clock, key: DpopKey::new().unwrap().with_clock(clocked), proofs }
    }

    fn check(&self, proof: &str) -> Result<(), NotProven> {
        self.check_for(&self.key, "alice", proof)
    }

    fn check_for(&self, key: &DpopKey, subject: &str, proof: &str) -> Result<(), NotProven> {
        let holdings = Holdings::These { roles: [].into(), scopes: [].into() };
        let who = Principal::new(Method::Token, "https://id.example.com", subject, None, holdings);
        let key = URL_SAFE_NO_PAD.decode(key.thumbprint()).unwrap().try_into().unwrap();
        let shown = Shown { token: TOKEN, key, who: &who, proof, method: "POST" };
        self.proofs.check(shown).now_or_never().unwrap()
    }

    fn good(&self) -> ProofBuilder<'_> {
        self.key.proof("POST", URL, TOKEN)
    }

    fn accepts(&self, proof: ProofBuilder<'_>) -> bool {
        self.check(&proof.sign().unwrap()) == Ok(())
    }

    fn now(&self) -> u64 {
        self.clock.unix().as_secs()
    }
}

fn part(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn bytes(text: &str) -> [u8; 32] {
    URL_SAFE_NO_PAD.decode(text).unwrap().try_into().unwrap()
}

/// The examples of RFC 9449, sections 4.1, 6.1 and 7.1: one key, a proof for the token endpoint, and one for a
/// resource.
const EXAMPLE_KEY: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
const EXAMPLE_TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
const EXAMPLE_HEADER: &str = concat!(
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6Ik",
    "VDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCR",
    "nMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JE",
    "QSIsImNydiI6IlAtMjU2In19",
);
const EXAMPLE_FOR_TOKENS: &str = concat!(
    ".eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIj",
    "oiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwia",
    "WF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg",
    "4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg",
);
const EXAMPLE_FOR_RESOURCE: &str = concat!(
    ".eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIj",
    "oiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0Z",
    "WRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNF",
    "c05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71E",
    "OptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA",
);

fn example_demands<'a>(method: &'a str, target: &'a TargetUrl, now: u64) -> Demands<'a> {
    Demands {
        algorithms: &ALGORITHMS,
        key: bytes(EXAMPLE_KEY),
        method,
        target,
        token: EXAMPLE_TOKEN,
        age: AGE,
        now: Duration::from_secs(now),
    }
}

/// RFC 9449, sections 4.3 and 7.1
#[test]
fn the_example_of_the_specification_is_accepted_and_its_neighbours_are_not() {
    let target = TargetUrl::read("https://resource.example.org/protectedresource").unwrap();
    let proof = format!("{EXAMPLE_HEADER}{EXAMPLE_FOR_RESOURCE}");
    let read = Proof::read(&proof, &example_demands("GET", &target, 1_562_262_618)).unwrap();
    assert_eq!((&*read.id, read.issued.as_secs(), read.nonce), ("e1j3V_bKic8-LAEB", 1_562_262_618, None));
    for now in [1_562_262_558, 1_562_262_678] {
        assert!(Proof::read(&proof, &example_demands("GET", &target, now)).is_ok(), "{now}");
    }
    for now in [1_562_262_557, 1_562_262_679] {
        assert!(Proof::read(&proof, &example_demands("GET", &target, now)).is_err(), "{now}");
    }
    assert!(Proof::read(&proof, &example_demands("POST", &target, 1_562_262_618)).is_err());
    let token_endpoint = TargetUrl::read("https://server.example.com/token").unwrap();
    assert!(Proof::read(&proof, &example_demands("GET", &token_endpoint, 1_562_262_618)).is_err());
}

/// RFC 9449, sections 4.3 and 7.1
#[test]
fn the_example_for_the_token_endpoint_lacks_the_token_and_nothing_else() {
    let target = TargetUrl::read("https://server.example.com/token").unwrap();
    let proof = format!("{EXAMPLE_HEADER}{EXAMPLE_FOR_TOKENS}");
    let refused = Proof::read(&proof, &example_demands("POST", &target, 1_562_262_616)).unwrap_err();
    assert_eq!(refused, Rejected::new("the proof is for another token"));
}

/// RFC 7638, section 3.1, and RFC 8037, appendix A.3
#[test]
fn thumbprints_are_those_of_the_specifications() {
    let rsa = json!({
        "kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
        "n": concat!(
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCi",
            "FV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnY",
            "b9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0",
            "Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        ),
    });
    let ed25519 = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    for (jwk, expected) in
        [(rsa, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"), (ed25519, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")]
    {
        assert_eq!(thumbprint(jwk.as_object().unwrap()), Some(bytes(expected)));
    }
    for odd in
        [json!({"kty": "oct", "k": "AA"}), json!({"kty": "EC", "crv": "P-256", "x": "a\"b", "y": "c"}), json!({})]
    {
        assert_eq!(thumbprint(odd.as_object().unwrap()), None, "{odd}");
    }
}

/// RFC 9449, sections 4.3 and 7.1
#[test]
fn a_good_proof_of_every_algorithm_is_accepted_once() {
    let world = World::new(&DpopPolicy::required());
    for algorithm in ALGORITHMS {
        let key = DpopKey::signing_with(algorithm).unwrap().with_clock(Arc::new(world.clock.clone()));
        let proof = key.proof("POST", URL, TOKEN).sign().unwrap();
        assert_eq!(world.check_for(&key, "alice", &proof), Ok(()), "{algorithm:?}");
        let again = world.check_for(&key, "alice", &proof);
        assert_eq!(again, Err(NotProven::Rejected(Rejected::new("the proof was sent before"))), "{algorithm:?}");
    }
    // The name of a proof is its key's: another client may happen to use it.
    assert!(world.accepts(world.good().with_claim("jti", "1")) && !world.accepts(world.good().with_claim("jti", "1")));
    let other = DpopKey::new().unwrap().with_clock(Arc::new(world.clock.clone()));
    let proof = other.proof("POST", URL, TOKEN).with_claim("jti", "1").sign().unwrap();
    assert_eq!(world.check_for(&other, "bob", &proof), Ok(()));
}

/// RFC 9449, sections 4.3 and 7.1
#[test]
fn neighbours_of_what_is_refused_are_accepted() {
    let world = World::new(&DpopPolicy::accepted());
    let now = world.now();
    let good = |name: &str, value: Value| world.good().with_claim(name, value);
    for (name, proof) in [
        ("a minute old", good("iat", json!(now - 60))),
        ("a minute early", good("iat", json!(now + 60))),
        ("a fraction of a second", good("iat", json!(now as f64 + 0.25))),
        ("a URL in capitals", good("htu", json!("HTTPS://MCP.EXAMPLE.COM:443/mcp"))),
        ("a URL with a query", good("htu", json!(format!("{URL}?a=b#c")))),
        ("a claim more", good("exp", json!(1))),
        ("a nonce that nobody asked for", good("nonce", json!("n"))),
        ("a long name", good("jti", json!("j".repeat(255)))),
        ("the type in capitals", world.good().with_header("typ", "DPoP+JWT")),
        ("the type in full", world.good().with_header("typ", "application/dpop+jwt")),
        ("a name of the key", world.good().with_header("kid", "k")),
    ] {
        assert!(world.accepts(proof), "{name}");
    }
}

/// S-30
#[test]
fn hostile_proofs_are_refused() {
    let world = World::new(&DpopPolicy::accepted());
    let now = world.now();
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, proof: String| rows.push((name.into(), proof));
    let claim = |name: &str, value: Value| world.good().with_claim(name, value).sign().unwrap();
    let header = |name: &str, value: Value| world.good().with_header(name, value).sign().unwrap();

    for name in ["typ", "alg", "jwk", "htm", "htu", "iat", "ath", "jti"] {
        add(&format!("without {name}"), world.good().without(name).sign().unwrap());
    }
    for method in ["GET", "DELETE", "post", "POST ", "", "PO\u{0}ST"] {
        add(&format!("method {method:?}"), claim("htm", json!(method)));
    }
    for url in [
        "http://mcp.example.com/mcp",
        "https://mcp.example.com",
        "https://mcp.example.com/",
        "https://mcp.example.com/mcp/",
        "https://mcp.example.com/MCP",
        "https://mcp.example.com:8443/mcp",
        "https://mcp.example.com.evil.example/mcp",
        "https://mcp.example.com@evil.example/mcp",
        "https://evil.example/mcp?https://mcp.example.com/mcp",
        "https://evil.example/mcp#https://mcp.example.com/mcp",
        "//mcp.example.com/mcp",
        "/mcp",
        "",
    ] {
        add(&format!("url {url:?}"), claim("htu", json!(url)));
    }
    for issued in [
        json!(now - 61),
        json!(now + 61),
        json!(now as f64 + 60.5),
        json!(now * 1_000),
        json!(0),
        json!(-1),
        json!(1e300),
        json!(now.to_string()),
        json!(null),
        json!(true),
    ] {
        add(&format!("iat {issued}"), claim("iat", issued));
    }
    let of_another = digest_of("another.good.token");
    for hash in [json!(of_another), json!(TOKEN), json!(""), json!(null), json!(1), json!([of_another])] {
        add(&format!("ath {hash}"), claim("ath", hash));
    }
    add("ath with padding", claim("ath", json!(format!("{}=", digest_of(TOKEN)))));
    for id in [json!(""), json!("j".repeat(256)), json!("a\u{0}"), json!(1), json!(null), json!(["a"])] {
        add(&format!("jti {id}"), claim("jti", id));
    }
    add("a nonce of another type", claim("nonce", json!(1)));
    for kind in ["JWT", "at+jwt", "dpop", "dpop+jwt2", "", "application/application/dpop+jwt"] {
        add(&format!("typ {kind:?}"), header("typ", json!(kind)));
    }
    for algorithm in ["none", "HS256", "ES384", "EdDSA", "RS256", "RS512", "es256", "ES256K", ""] {
        add(&format!("alg {algorithm:?}"), header("alg", json!(algorithm)));
    }
    for member in ["crit", "b64", "enc", "zip"] {
        add(member, header(member, json!(["exp"])));
    }

    let other = DpopKey::new().unwrap().with_clock(Arc::new(world.clock.clone()));
    add("by another key that it carries", other.proof("POST", URL, TOKEN).sign().unwrap());
    let own = header_of(&world.good().sign().unwrap())["jwk"].clone();
    add(
        "by another key than it carries",
        other.proof("POST", URL, TOKEN).with_header("jwk", own.clone()).sign().unwrap(),
    );
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        let mut jwk = own.clone();
        jwk[member] = json!("AAAA");
        add(&format!("a private key: {member}"), header("jwk", jwk));
    }
    for (name, jwk) in [
        ("null", json!(null)),
        ("text", json!(own.to_string())),
        ("array", json!([own])),
        ("empty", json!({})),
        ("symmetric", json!({"kty": "oct", "k": "AAAA"})),
        ("of no curve", json!({"kty": "EC", "crv": "P-256", "x": own["x"], "y": own["x"]})),
        ("of another curve", json!({"kty": "EC", "crv": "P-384", "x": own["x"], "y": own["y"]})),
        ("of an unknown curve", json!({"kty": "EC", "crv": "secp256k1", "x": own["x"], "y": own["y"]})),
        ("in another alphabet", json!({"kty": "EC", "crv": "P-256", "x": "+/==", "y": own["y"]})),
        ("for encryption", {
            let mut jwk = own.clone();
            jwk["use"] = json!("enc");
            jwk
        }),
    ] {
        add(&format!("a key {name}"), header("jwk", jwk));
    }

    let good = world.good().sign().unwrap();
    let [head, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };
    add("without a signature", format!("{head}.{claims}."));
    add("without the last byte", good[..good.len() - 1].into());
    add("with the signature of another", {
        let other = world.good().sign().unwrap();
        format!("{head}.{claims}.{}", other.rsplit('.').next().unwrap())
    });
    add("with a signature of zeros", format!("{head}.{claims}.{}", part([0; 64])));
    add("two parts", format!("{head}.{claims}"));
    add("four parts", format!("{good}.{signature}"));
    add("two proofs", format!("{good},{good}"));
    add("padded", format!("{head}.{claims}.{signature}=="));
    add("nothing", String::new());
    add("dots", "..".into());
    add("no base64", "a b.c.d".into());
    add("claims that are no object", signed_over(&world, head, "[]"));
    add("claims with a member twice", {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        signed_over(&world, head, &text.replacen('{', "{\"htm\":\"POST\",", 1))
    });
    add("too long", world.good().with_claim("x", "x".repeat(8_192)).sign().unwrap());

    assert!(rows.len() >= 80, "{}", rows.len());
    for (name, proof) in &rows {
        for _ in 0..2 {
            assert!(matches!(world.check(proof), Err(NotProven::Rejected(_))), "accepted: {name}");
        }
    }
    assert_eq!(world.check(&good), Ok(()), "what was changed was good before");
}

/// RFC 9449, sections 4.3 and 7.1
#[test]
fn weak_keys_and_algorithms_that_the_owner_does_not_name_are_refused() {
    let world = World::new(&DpopPolicy::accepted().with_algorithms([JwtAlgorithm::PS256]));
    assert!(!world.accepts(world.good()));
    let rsa = DpopKey::signing_with(JwtAlgorithm::PS256).unwrap().with_clock(Arc::new(world.clock.clone()));
    let good = || rsa.proof("POST", URL, TOKEN);
    assert_eq!(world.check_for(&rsa, "alice", &good().sign().unwrap()), Ok(()));
    let as_pkcs1 = good().with_header("alg", "RS256").signed_with(JwtAlgorithm::RS256).sign().unwrap();
    assert!(world.check_for(&rsa, "alice", &as_pkcs1).is_err());
    let lying = good().signed_with(JwtAlgorithm::RS256).sign().unwrap();
    assert!(world.check_for(&rsa, "alice", &lying).is_err());
    let short = json!({"kty": "RSA", "e": "AQAB", "n": part([0xff; 128])});
    assert!(world.check_for(&rsa, "alice", &good().with_header("jwk", short).sign().unwrap()).is_err());
}

/// RFC 9449, sections 4.3 and 7.1
#[test]
fn a_proof_is_remembered_for_as_long_as_it_holds() {
    let world = World::new(&DpopPolicy::accepted());
    let early = world.good().with_claim("iat", world.now() + 60).sign().unwrap();
    assert_eq!(world.check(&early), Ok(()));
    for _ in 0..12 {
        assert!(world.check(&early).is_err());
        world.clock.advance(Duration::from_secs(10));
    }
    let why = |proof| match world.check(proof) {
        Err(NotProven::Rejected(why)) => why.reason(),
        other => panic!("{other:?}"),
    };
    assert_eq!(why(&early), "the proof was sent before");
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(why(&early), "the proof is too old, or from the future");
}

/// RFC 9449, sections 4.3 and 7.1
#[test]
fn a_principal_has_a_share_of_the_memory_and_others_have_theirs() {
    let world = World::new(&DpopPolicy::accepted());
    let one_more = |subject| world.check_for(&world.key, subject, &world.good().sign().unwrap());
    for nth in 0..6_000 {
        assert_eq!(one_more("alice"), Ok(()), "{nth}");
    }
    assert!(matches!(one_more("alice"), Err(NotProven::Rate(_))));
    assert_eq!(one_more("bob"), Ok(()));
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(one_more("alice"), Ok(()));
}

/// RFC 9449, sections 4.3 and 7.1
#[test]
fn a_proof_without_a_fresh_nonce_gets_one() {
    let world = World::new(&DpopPolicy::required().with_nonces());
    let nonce = |proof: ProofBuilder<'_>| match world.check(&proof.sign().unwrap()) {
        Err(NotProven::Nonce(nonce)) => nonce,
        other => panic!("{other:?}"),
    };
    let fresh = nonce(world.good());
    assert!(world.accepts(world.good().with_claim("nonce", &*fresh)));
    assert!(world.accepts(world.good().with_claim("nonce", &*fresh)), "a nonce is for five minutes");
    for stale in ["", "x", &format!("{fresh}A"), &fresh[1..], &part([0; 40])] {
        nonce(world.good().with_claim("nonce", stale));
    }
    world.clock.advance(Duration::from_secs(300));
    let newer = nonce(world.good().with_claim("nonce", &*fresh));
    assert!(newer != fresh && world.accepts(world.good().with_claim("nonce", &*newer)));
    // Whoever has not the key hears nothing of nonces.
    let other = DpopKey::new().unwrap().with_clock(Arc::new(world.clock.clone()));
    let forged = world.check(&other.proof("POST", URL, TOKEN).sign().unwrap());
    assert!(matches!(forged, Err(NotProven::Rejected(_))), "{forged:?}");
}

#[test]
fn what_cannot_be_checked_is_a_problem_of_the_configuration() {
    let (ring, clock) = (KeyRing::generate().unwrap(), || Arc::new(ManualClock::new()) as Arc<dyn Clock>);
    let url = PublicUrl::parse(URL).unwrap();
    assert!(DpopPolicy::accepted().proofs(None, &ring, clock()).is_err());
    for algorithms in [vec![], vec![JwtAlgorithm::HS256], vec![JwtAlgorithm::ES256, JwtAlgorithm::HS256]] {
        let policy = DpopPolicy::accepted().with_algorithms(algorithms);
        assert!(policy.proofs(Some(&url), &ring, clock()).is_err(), "{policy:?}");
    }
    assert!(DpopPolicy::accepted().proofs(Some(&url), &ring, clock()).is_ok());
}

fn digest_of(token: &str) -> String {
    part(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes()))
}

fn header_of(proof: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(proof.split('.').next().unwrap()).unwrap()).unwrap()
}

/// These claims, as text, signed with the right key: what is refused is refused for its claims.
fn signed_over(world: &World, head: &str, claims: &str) -> String {
    let signed = format!("{head}.{}", part(claims));
    let signature = world.key.signer().sign(JwtAlgorithm::ES256, signed.as_bytes()).unwrap();
    format!("{signed}.{}", part(signature))
}
