//! Prints tokens that mocopr accepts and tokens that it refuses, one a line, for libraries of other makers to judge.
//!
//! A line is a JSON object with `name`, `token`, `keys` (a key set), `issuer`, `audience`, `algorithm` and `verdict`.

use std::{
    error::Error,
    io::{Write, stdout},
    sync::Arc,
    time::Duration,
};

use mocopr_core::clock::{Clock, SystemClock};
use mocopr_security::auth::{AuthMiddleware, Authenticator, Credential, JwtAlgorithm, TokenIssuer, Verdict};
use serde_json::json;

const AUDIENCE: &str = "https://mcp.example.com/mcp";

fn main() -> Result<(), Box<dyn Error>> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    for algorithm in JwtAlgorithm::PUBLIC_KEY {
        let issuer = TokenIssuer::signing_with(algorithm)?.with_audience(AUDIENCE);
        let middleware = AuthMiddleware::builder().with_token_validation(issuer.validator()).build()?;
        let servers = middleware.into_authenticators(AUDIENCE, &clock).map_err(|problems| format!("{problems:?}"))?;
        let server = servers.first().ok_or("there is no authenticator")?;
        let token = || issuer.token_for("alice").with_role("editor").with_scope("notes:read").with_scope("notes:write");
        let now = clock.unix().as_secs();
        let rows = [
            ("plain", token()),
            ("one audience in an array", token().with_claim("aud", json!([AUDIENCE]))),
            ("a minute", token().with_expiry(Duration::from_secs(60))),
            ("decimals", token().with_claim("exp", json!(now as f64 + 100.5))),
            ("typ JWT", token().with_header("typ", "JWT")),
            ("foreign members", token().with_header("jku", "https://id.example.com/keys").with_claim("x", json!([{}]))),
            ("expired", token().with_claim("iat", now - 900).with_claim("exp", now - 300)),
            ("not yet", token().with_claim("nbf", now + 300)),
            ("no subject", token().without_claim("sub")),
            ("no expiry", token().without_claim("exp")),
            ("another audience", token().with_audience("https://other.example.com/mcp")),
            ("another issuer", token().with_claim("iss", "https://evil.example.com")),
            ("an extension", token().with_header("crit", json!(["x"])).with_header("x", 1)),
            ("an unknown key", token().with_header("kid", "unknown")),
            ("no algorithm", token().with_header("alg", "none")),
            ("expiry as text", token().with_claim("exp", (now + 60).to_string())),
        ];
        for (name, row) in rows {
            print(server.as_ref(), &issuer, algorithm, name, &row.sign()?)?;
        }
        let good = token().sign()?;
        let (signed, signature) = good.rsplit_once('.').ok_or("the token has no parts")?;
        let (first, rest) = signature.split_at(1);
        let other = if first == "A" { "B" } else { "A" };
        print(server.as_ref(), &issuer, algorithm, "another signature", &format!("{signed}.{other}{rest}"))?;
        print(server.as_ref(), &issuer, algorithm, "no signature", &format!("{signed}."))?;
    }
    Ok(())
}

fn print(
    server: &dyn Authenticator,
    issuer: &TokenIssuer,
    algorithm: JwtAlgorithm,
    name: &str,
    token: &str,
) -> Result<(), Box<dyn Error>> {
    let verdict = match server.authenticate(Credential::Bearer(token)) {
        Verdict::Verified(_) => "accepted",
        Verdict::Rejected(_) => "refused",
        Verdict::Foreign | Verdict::Later(_) | Verdict::Unavailable { .. } => {
            return Err(format!("{name} was not judged").into());
        }
    };
    let keys: serde_json::Value = serde_json::from_str(&issuer.key_set()?)?;
    let line = json!({
        "name": name, "token": token, "keys": keys, "issuer": issuer.issuer(), "audience": AUDIENCE,
        "algorithm": algorithm.as_str(), "verdict": verdict,
    });
    writeln!(stdout(), "{line}")?;
    Ok(())
}
