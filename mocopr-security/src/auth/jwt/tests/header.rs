//! Headers: which are taken, and which are refused although the signature is right.

use super::*;

/// T-22, S-31
#[test]
fn headers_that_are_good_are_taken() {
    let world = World::new();
    for header in [
        r#"{"alg":"ES256"}"#,
        r#"{"alg":"ES256","kid":"p256"}"#,
        " {\t\"alg\" :\r\n\"ES256\" } ",
        r#"{"\u0061lg":"ES\u0032\u0035\u0036","kid":"p256"}"#,
        r#"{"alg":"ES256","typ":"JWT"}"#,
        r#"{"alg":"ES256","typ":"jwt"}"#,
        r#"{"alg":"ES256","typ":"at+jwt"}"#,
        r#"{"alg":"ES256","typ":"AT+JWT"}"#,
        r#"{"alg":"ES256","typ":"application/at+jwt"}"#,
        r#"{"alg":"ES256","typ":"Application/JWT"}"#,
        r#"{"alg":"ES256","cty":"json","x":null,"y":[1,{"z":[]}]}"#,
        // Whatever they name is never looked at.
        r#"{"alg":"ES256","kid":"p256","jku":"https://evil.example/keys","x5u":"file:///etc/passwd"}"#,
        r#"{"alg":"ES256","kid":"p256","x5c":["MIIB"],"x5t":"AAAA","jwk":{"kty":"oct","k":"AAAA"}}"#,
    ] {
        assert!(world.accepts(&world.with_header(header)), "{header}");
    }
    let token =
        world.signed(JwtAlgorithm::EdDSA, r#"{"alg":"Ed25519"}"#, &Value::Object(world.good_claims()).to_string());
    assert!(world.accepts(&token), "the name of RFC 9864");
}

/// S-31, T-23
#[test]
fn headers_that_are_not_are_refused_although_the_signature_is_right() {
    let world = World::new();
    let long = format!(r#"{{"alg":"ES256","kid":"{}"}}"#, "p".repeat(257));
    let deep = format!(r#"{{"alg":"ES256","x":{}1{}}}"#, "[".repeat(40), "]".repeat(40));
    let many = (0..300).fold(String::from(r#"{"alg":"ES256""#), |all, nth| format!(r#"{all},"m{nth}":0"#)) + "}";
    let rows = [
        // No algorithm, or one that does not exist.
        r#"{}"#,
        r#"{"kid":"p256"}"#,
        r#"{"alg":null}"#,
        r#"{"alg":256}"#,
        r#"{"alg":true}"#,
        r#"{"alg":["ES256"]}"#,
        r#"{"alg":{"ES256":1}}"#,
        r#"{"alg":""}"#,
        r#"{"alg":"none"}"#,
        r#"{"alg":"None"}"#,
        r#"{"alg":"NONE"}"#,
        r#"{"alg":"nOnE"}"#,
        r#"{"alg":"none\u0000ES256"}"#,
        r#"{"alg":"es256"}"#,
        r#"{"alg":"Es256"}"#,
        r#"{"alg":"ES256 "}"#,
        r#"{"alg":" ES256"}"#,
        r#"{"alg":"ES256\u0000"}"#,
        r#"{"alg":"ES256\n"}"#,
        r#"{"alg":"ES256K"}"#,
        r#"{"alg":"ES512"}"#,
        r#"{"alg":"SHA256withECDSA"}"#,
        r#"{"alg":"1.2.840.10045.4.3.2"}"#,
        r#"{"ALG":"ES256"}"#,
        r#"{"Alg":"ES256"}"#,
        r#"{"alg ":"ES256"}"#,
        // Another one than that of the signature, or not configured for a public key.
        r#"{"alg":"ES384","kid":"p256"}"#,
        r#"{"alg":"ES384","kid":"p384"}"#,
        r#"{"alg":"EdDSA","kid":"p256"}"#,
        r#"{"alg":"RS256","kid":"rsa"}"#,
        r#"{"alg":"RS256","kid":"p256"}"#,
        r#"{"alg":"PS256"}"#,
        r#"{"alg":"HS256","kid":"p256"}"#,
        r#"{"alg":"HS256"}"#,
        r#"{"alg":"HS384"}"#,
        r#"{"alg":"HS512"}"#,
        r#"{"alg":"RSA-OAEP-256"}"#,
        r#"{"alg":"dir"}"#,
        // Repeated members.
        r#"{"alg":"ES256","alg":"ES256"}"#,
        r#"{"alg":"none","alg":"ES256"}"#,
        r#"{"alg":"ES256","alg":"none"}"#,
        r#"{"alg":"ES256","\u0061lg":"none"}"#,
        r#"{"alg":"ES256","kid":"p256","kid":"rsa"}"#,
        r#"{"alg":"ES256","x":{"a":1,"a":2}}"#,
        // Names of keys.
        r#"{"alg":"ES256","kid":"unknown"}"#,
        r#"{"alg":"ES256","kid":""}"#,
        r#"{"alg":"ES256","kid":"P256"}"#,
        r#"{"alg":"ES256","kid":"p256 "}"#,
        r#"{"alg":"ES256","kid":"rsa"}"#,
        r#"{"alg":"ES256","kid":null}"#,
        r#"{"alg":"ES256","kid":0}"#,
        r#"{"alg":"ES256","kid":["p256"]}"#,
        r#"{"alg":"ES256","kid":{"p256":1}}"#,
        r#"{"alg":"ES256","kid":"../../../../dev/null"}"#,
        r#"{"alg":"ES256","kid":"/dev/null"}"#,
        r#"{"alg":"ES256","kid":"file:///proc/sys/kernel/randomize_va_space"}"#,
        r#"{"alg":"ES256","kid":"https://evil.example/key.pem"}"#,
        r#"{"alg":"ES256","kid":"p256' UNION SELECT 'key' -- "}"#,
        r#"{"alg":"ES256","kid":"p256\u0000"}"#,
        r#"{"alg":"ES256","kid":"*"}"#,
        r#"{"alg":"ES256","kid":"| id"}"#,
        r#"{"alg":"ES256","kid":"\uff50256"}"#,
        &long,
        // Types.
        r#"{"alg":"ES256","typ":""}"#,
        r#"{"alg":"ES256","typ":null}"#,
        r#"{"alg":"ES256","typ":1}"#,
        r#"{"alg":"ES256","typ":["JWT"]}"#,
        r#"{"alg":"ES256","typ":"JWE"}"#,
        r#"{"alg":"ES256","typ":"JOSE"}"#,
        r#"{"alg":"ES256","typ":"logout+jwt"}"#,
        r#"{"alg":"ES256","typ":"dpop+jwt"}"#,
        r#"{"alg":"ES256","typ":"oauth-authz-req+jwt"}"#,
        r#"{"alg":"ES256","typ":"secevent+jwt"}"#,
        r#"{"alg":"ES256","typ":"JWT "}"#,
        r#"{"alg":"ES256","typ":"application/application/jwt"}"#,
        r#"{"alg":"ES256","typ":"text/jwt"}"#,
        // What changes the meaning of the rest.
        r#"{"alg":"ES256","crit":[]}"#,
        r#"{"alg":"ES256","crit":["exp"]}"#,
        r#"{"alg":"ES256","crit":["b64"],"b64":true}"#,
        r#"{"alg":"ES256","crit":["alg"]}"#,
        r#"{"alg":"ES256","crit":null}"#,
        r#"{"alg":"ES256","b64":false}"#,
        r#"{"alg":"ES256","b64":true}"#,
        r#"{"alg":"ES256","enc":"A128GCM"}"#,
        r#"{"alg":"ES256","zip":"DEF"}"#,
        r#"{"alg":"ES256","cty":"JWT"}"#,
        r#"{"alg":"ES256","cty":"jwt"}"#,
        r#"{"alg":"ES256","cty":"application/jwt"}"#,
        r#"{"alg":"ES256","cty":1}"#,
        // No object, or no JSON.
        r#""#,
        r#" "#,
        r#"null"#,
        r#""ES256""#,
        r#"["alg","ES256"]"#,
        r#"[{"alg":"ES256"}]"#,
        r#"{"alg":"ES256"}{}"#,
        r#"{"alg":"ES256"} x"#,
        r#"{"alg":"ES256",}"#,
        r#"{"alg":"ES256""#,
        r#"{'alg':'ES256'}"#,
        r#"{alg:"ES256"}"#,
        r#"{"alg":"ES256"/**/}"#,
        r#"{"alg":"ES256","x":NaN}"#,
        r#"{"alg":"ES256","x":01}"#,
        r#"{"alg":"ES256","x":1e999}"#,
        r#"{"alg":"ES256","x":"\ud800"}"#,
        "\u{feff}{\"alg\":\"ES256\"}",
        "{\"alg\":\"ES256\",\"x\":\"\n\"}",
        &deep,
        &many,
    ];
    let count = world.refuses_all(rows.iter().map(|header| (*header, world.with_header(header))));
    assert!(count >= 100, "{count}");
}
