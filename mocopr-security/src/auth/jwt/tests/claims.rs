//! Claims: which are taken, and which are refused although the signature is right.

use std::time::Duration;

use super::*;

/// S-32, P-15
#[test]
fn claims_that_are_good_are_taken() {
    let world = World::new();
    let now = world.now();
    let rows: &[(&str, Option<Value>)] = &[
        ("aud", Some(json!([AUDIENCE]))),
        ("aud", Some(json!("HTTPS://MCP.EXAMPLE.COM/mcp"))),
        ("aud", Some(json!(["https://Mcp.example.com/mcp"]))),
        ("nbf", None),
        ("iat", None),
        ("jti", None),
        ("scope", None),
        ("scope", Some(json!(""))),
        ("scp", Some(json!("notes:write notes:read"))),
        ("scp", Some(json!(["notes:read", "notes:write", "notes:read"]))),
        ("roles", None),
        ("roles", Some(json!([]))),
        ("roles", Some(json!("user"))),
        ("exp", Some(json!(now as f64 + 0.5))),
        ("exp", Some(json!((now + 600) as f64))),
        ("exp", Some(json!(now + 3_600))),
        ("exp", Some(json!(now + 1))),
        ("iat", Some(json!(now - 3_000))),
        ("iat", Some(json!(now + 30))),
        ("nbf", Some(json!(now + 30))),
        ("nbf", Some(json!(0))),
        ("nbf", Some(json!(-0.0))),
        ("sub", Some(json!("ü".repeat(127)))),
        ("client_id", Some(json!("app"))),
        ("other", Some(json!({"deep": [[[[{"a": null}]]]]}))),
    ];
    for (name, value) in rows {
        let token = world.with_claim(name, value.clone());
        assert!(world.accepts(&token), "{name}: {value:?}");
    }
}

/// S-32, P-09, P-15, T-22, T-60
#[test]
fn claims_that_are_not_are_refused_although_the_signature_is_right() {
    let world = World::new();
    let now = world.now();
    let wrong_for_text = [json!(null), json!(1), json!(true), json!(["alice"]), json!({"a": 1})];
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: Option<Value>| {
        rows.push((format!("{name}: {value:?}"), world.with_claim(name, value)));
    };
    for name in ["iss", "sub", "jti", "scope", "client_id"] {
        wrong_for_text.iter().for_each(|value| add(name, Some(value.clone())));
    }
    for name in ["iss", "sub", "aud", "exp"] {
        add(name, None);
    }
    for issuer in [
        "",
        "https://id.example.com//",
        "https://ID.example.com",
        "HTTPS://id.example.com",
        "https://id.example.com:443",
        "https://id.example.com ",
        " https://id.example.com",
        "https://id.example.com.evil.example",
        "id.example.com",
        "http://id.example.com",
        "https://id.example.com#",
        "https://id.example.com?",
        "https://id.example.com\u{0}",
    ] {
        add("iss", Some(json!(issuer)));
    }
    // Signed by one issuer's key in another's name.
    add("iss", Some(json!(SIBLING)));
    add("iss", Some(json!(SHARED)));
    for subject in ["", "a\u{0}b", "alice\n", "\u{7f}", "a\u{85}", &"a".repeat(256), &"ü".repeat(128)] {
        add("sub", Some(json!(subject)));
        add("jti", Some(json!(subject)));
    }
    for audience in [
        json!(""),
        json!("https://mcp.example.com/mcp/"),
        json!("https://mcp.example.com/MCP"),
        json!("https://mcp.example.com"),
        json!("https://mcp.example.com/"),
        json!("https://mcp.example.com:443/mcp"),
        json!("http://mcp.example.com/mcp"),
        json!("https://mcp.example.com/mcp?"),
        json!("https://mcp.example.com/mcp#"),
        json!("https://mcp.example.com/mcp/x"),
        json!("https://mcp.example.com/mc"),
        json!("mcp.example.com/mcp"),
        json!("https://mcp.example.com.evil.example/mcp"),
        json!("https://evil.example/https://mcp.example.com/mcp"),
        json!("https://a@mcp.example.com/mcp"),
        json!("https://mcp.example.com/./mcp"),
        json!("*"),
        json!("https://mcp.example.com/mcp "),
        json!(" https://mcp.example.com/mcp"),
        json!("https://mcp.example.com/m%63p"),
        json!(null),
        json!(1),
        json!(true),
        json!({"a": AUDIENCE}),
        json!([]),
        json!([""]),
        json!([null]),
        json!([1]),
        json!([[AUDIENCE]]),
        json!([AUDIENCE, AUDIENCE]),
        json!([AUDIENCE, "https://other.example"]),
        json!(["https://other.example", AUDIENCE]),
        json!([AUDIENCE, null]),
        json!([AUDIENCE, 1]),
        json!(["https://other.example"]),
        json!(format!("{AUDIENCE} https://other.example")),
    ] {
        add("aud", Some(audience));
    }
    for time in [
        json!(null),
        json!(true),
        json!("0"),
        json!((now + 600).to_string()),
        json!("never"),
        json!([now + 600]),
        json!({"exp": now + 600}),
        json!(-1),
        json!(-0.5),
        json!(253_402_300_800_u64),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1e300),
        json!(f64::MAX),
    ] {
        for name in ["exp", "nbf", "iat"] {
            add(name, Some(time.clone()));
        }
    }
    for expires in
        [json!(0), json!(now - 30), json!(now - 600), json!(now + 3_601), json!(now * 1_000), json!(now + 86_400)]
    {
        add("exp", Some(expires));
    }
    for from in [json!(now + 31), json!(now as f64 + 30.5), json!(now + 600), json!(now * 1_000)] {
        add("nbf", Some(from));
    }
    for issued in [json!(now + 31), json!(now + 601), json!(now - 3_001), json!(0), json!(now * 1_000)] {
        add("iat", Some(issued));
    }
    for scope in ["a\tb", "a\nb", "a\"b", "a\\b", "é", "a\u{0}", &"a ".repeat(257)] {
        add("scope", Some(json!(scope)));
    }
    for roles in [
        json!(null),
        json!(1),
        json!(true),
        json!({"user": true}),
        json!([1]),
        json!(["user", null]),
        json!([["user"]]),
        json!([""]),
        json!(""),
        json!(["a\u{0}"]),
        json!(["user", "a".repeat(256)]),
        json!(vec!["r"; 257]),
    ] {
        add("roles", Some(roles));
    }
    for proof in [json!({"jkt": "x"}), json!({"x5t#S256": "x"}), json!({"x5t#S256": null}), json!({}), json!(null)] {
        add("cnf", Some(proof));
    }
    let count = world.refuses_all(rows.iter().map(|(name, token)| (name.as_str(), token.clone())));
    assert!(count >= 150, "{count}");
}

/// S-32
#[test]
fn claims_that_are_no_single_object_are_refused_although_the_signature_is_right() {
    let world = World::new();
    let good = Value::Object(world.good_claims()).to_string();
    let inside = good.trim_start_matches('{').trim_end_matches('}').to_owned();
    assert!(world.accepts(&world.with_claims(&format!(" {{ {inside} }}\n"))), "white space is no sin");
    let nested = world.good(JwtAlgorithm::EdDSA);
    let rows = [
        String::new(),
        "null".into(),
        "{}".into(),
        "[]".into(),
        format!("[{good}]"),
        format!("{good}{good}"),
        format!("{good}\u{0}"),
        format!("\u{feff}{good}"),
        format!("{{{inside},}}"),
        format!("{{{inside},\"sub\":\"admin\"}}"),
        format!("{{\"sub\":\"admin\",{inside}}}"),
        format!("{{{inside},\"s\\u0075b\":\"admin\"}}"),
        format!("{{{inside},\"exp\":9999999999}}"),
        format!("{{{inside},\"aud\":\"{AUDIENCE}\"}}"),
        format!("{{{inside},\"x\":{{\"y\":1,\"y\":1}}}}"),
        format!("{{{inside},\"x\":[{{\"y\":1,\"\\u0079\":1}}]}}"),
        format!("{{{inside},\"x\":1e999}}"),
        format!("{{{inside},\"x\":\"\\udc00\"}}"),
        format!("{{{inside},\"x\":{}{}}}", "[".repeat(64), "]".repeat(64)),
        format!("{{{inside},\"x\":\"{}\"}}", "y".repeat(8 << 10)),
        good.to_uppercase(),
        good.replace("\"exp\"", "\"EXP\""),
        good.replace("\"exp\"", "\"exp\\u0000\""),
        format!("\"{nested}\""),
        nested,
    ];
    world.refuses_all(rows.iter().map(|claims| (claims.as_str(), world.with_claims(claims))));
}

/// S-32
#[test]
fn a_token_of_8_kib_is_taken_and_one_above_is_not() {
    let world = World::new();
    let sized = |padding: usize| world.with_claim("x", Some(json!("y".repeat(padding))));
    let most = (1..8_192).rev().map(sized).find(|token| token.len() <= 8_192).unwrap();
    assert!(most.len() > 8_189 && world.accepts(&most));
    let more = (1..8_192).map(sized).find(|token| token.len() > 8_192).unwrap();
    assert!(more.len() < 8_196 && !world.accepts(&more));
}

fn server(validator: TokenValidator, clock: &ManualClock) -> Arc<dyn Authenticator> {
    let clock: Arc<dyn Clock> = Arc::new(clock.clone());
    let middleware = AuthMiddleware::builder().with_token_validation(validator).build().unwrap();
    middleware.into_authenticators(AUDIENCE, &clock).unwrap().remove(0)
}

/// S-44, S-81
#[test]
fn roles_and_tenant_come_from_the_claims_that_the_owner_names() {
    let clock = ManualClock::new();
    let validator = TokenValidator::hs256(SHARED, Secret::new(SECRET.to_vec()))
        .with_roles_claim("realm_access.roles")
        .with_tenant_claim("org");
    let server = server(validator, &clock);
    let now = clock.unix().as_secs();
    let ask = |more: Value| {
        let mut claims = json!({"iss": SHARED, "sub": "a", "aud": AUDIENCE, "exp": now + 60, "roles": ["admin"]});
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        server.authenticate(Credential::Bearer(&mac_with(SECRET, r#"{"alg":"HS256"}"#, &claims.to_string())))
    };
    let Verdict::Verified(verified) = ask(json!({"realm_access": {"roles": ["user"]}, "org": "acme"})) else {
        panic!()
    };
    let principal = verified.principal();
    assert!(principal.has_role("user") && !principal.has_role("admin") && principal.tenant() == Some("acme"));
    assert_eq!(verified.credential(), None);
    for refused in [json!({}), json!({"org": ""}), json!({"org": 1}), json!({"org": null}), json!({"org": ["acme"]})] {
        assert!(matches!(ask(refused.clone()), Verdict::Rejected(_)), "{refused}");
    }
    for refused in [json!({"realm_access": ["user"], "org": "a"}), json!({"realm_access": null, "org": "a"})] {
        assert!(matches!(ask(refused.clone()), Verdict::Rejected(_)), "{refused}");
    }
}

/// S-32
#[test]
fn scopes_come_from_scp_where_there_is_no_scope_and_two_that_differ_are_refused() {
    let clock = ManualClock::new();
    let server = server(TokenValidator::hs256(SHARED, Secret::new(SECRET.to_vec())), &clock);
    let now = clock.unix().as_secs();
    let ask = |more: &Value| {
        let mut claims = json!({"iss": SHARED, "sub": "a", "aud": AUDIENCE, "exp": now + 60});
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        server.authenticate(Credential::Bearer(&mac_with(SECRET, r#"{"alg":"HS256"}"#, &claims.to_string())))
    };
    for held in [
        json!({"scp": "a b"}),
        json!({"scp": ["a", "b"]}),
        json!({"scope": "a b"}),
        json!({"scope": "a b", "scp": ["b", "a", "a"]}),
        json!({"scope": "b a", "scp": "a b"}),
    ] {
        let Verdict::Verified(verified) = ask(&held) else { panic!("{held}") };
        let who = verified.principal();
        assert!(who.has_scope("a") && who.has_scope("b") && !who.has_scope("a b") && !who.has_scope("c"), "{held}");
    }
    for none in [json!({}), json!({"scp": ""}), json!({"scp": []}), json!({"scope": "", "scp": []})] {
        let Verdict::Verified(verified) = ask(&none) else { panic!("{none}") };
        assert!(!verified.principal().has_scope("a") && !verified.principal().has_scope(""), "{none}");
    }
    for refused in [
        json!({"scope": "a", "scp": "a b"}),
        json!({"scope": "a b", "scp": ["a"]}),
        json!({"scope": "", "scp": "a"}),
        json!({"scope": "a", "scp": ""}),
        json!({"scope": "a", "scp": null}),
        json!({"scp": null}),
        json!({"scp": 1}),
        json!({"scp": {"a": "b"}}),
        json!({"scp": [1]}),
        json!({"scp": ["a b"]}),
        json!({"scp": [""]}),
        json!({"scp": "a\\"}),
        json!({"scp": (0..257).map(|at| format!("s{at}")).collect::<Vec<_>>()}),
    ] {
        assert!(matches!(ask(&refused), Verdict::Rejected(_)), "{refused}");
    }
    let most: Vec<String> = (0..256).map(|at| format!("s{at}")).collect();
    assert!(matches!(ask(&json!({ "scp": most })), Verdict::Verified(_)));
}

/// S-32
#[test]
fn life_leeway_audience_and_types_are_those_that_the_owner_names() {
    let clock = ManualClock::new();
    let now = clock.unix().as_secs();
    let hs256 = || TokenValidator::hs256(SHARED, Secret::new(SECRET.to_vec()));
    let token = |header: &str, aud: &str, iat: u64, exp: u64| {
        let claims = json!({"iss": SHARED, "sub": "a", "aud": aud, "iat": iat, "exp": exp});
        mac_with(SECRET, header, &claims.to_string())
    };
    let plain = r#"{"alg":"HS256"}"#;
    let is_taken = |validator: TokenValidator, token: &str| {
        matches!(server(validator, &clock).authenticate(Credential::Bearer(token)), Verdict::Verified(_))
    };
    let day = Duration::from_secs(24 * 60 * 60);
    let long = token(plain, AUDIENCE, now, now + 86_400);
    assert!(is_taken(hs256().with_token_expiry(day), &long) && !is_taken(hs256(), &long));
    assert!(!is_taken(hs256().with_token_expiry(day), &token(plain, AUDIENCE, now, now + 86_401)));

    let late = token(plain, AUDIENCE, now - 600, now - 59);
    assert!(is_taken(hs256().with_leeway(Duration::from_secs(60)), &late));
    assert!(!is_taken(hs256().with_leeway(Duration::from_secs(59)), &late));

    let other = token(plain, "mcp-clients", now, now + 60);
    assert!(is_taken(hs256().with_audience("mcp-clients"), &other) && !is_taken(hs256(), &other));
    assert!(!is_taken(hs256().with_audience("mcp-clients"), &token(plain, AUDIENCE, now, now + 60)));

    let typed = token(r#"{"alg":"HS256","typ":"application/AT+JWT"}"#, AUDIENCE, now, now + 60);
    let only = || hs256().with_token_types(["at+jwt"]);
    assert!(is_taken(only(), &typed) && !is_taken(only(), &token(plain, AUDIENCE, now, now + 60)));
    assert!(!is_taken(only(), &token(r#"{"alg":"HS256","typ":"JWT"}"#, AUDIENCE, now, now + 60)));
}
