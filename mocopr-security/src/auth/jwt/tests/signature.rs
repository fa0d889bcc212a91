//! Signatures that are none, and texts that are no token.

use super::*;

/// S-31, T-22
#[test]
fn keys_and_algorithms_are_never_confused() {
    let world = World::new();
    let claims = Value::Object(world.good_claims()).to_string();
    let mut rows: Vec<(String, String)> = Vec::new();
    // What anybody knows, as the secret of an HMAC.
    let set = world.rsa.jwk("rsa").unwrap();
    let modulus = URL_SAFE_NO_PAD.decode(set["n"].as_str().unwrap()).unwrap();
    let ed25519 = URL_SAFE_NO_PAD.decode(world.ed25519.jwk("x").unwrap()["x"].as_str().unwrap()).unwrap();
    let secrets: Vec<Vec<u8>> = vec![
        modulus.clone(),
        set["n"].as_str().unwrap().into(),
        set.to_string().into(),
        ed25519,
        b"rsa".to_vec(),
        Vec::new(),
        vec![0; 32],
        b"secret".to_vec(),
        b"null".to_vec(),
        ISSUER.into(),
        SECRET.to_vec(),
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", part(&modulus)).into(),
    ];
    for (nth, secret) in secrets.iter().enumerate() {
        for name in ["HS256", "RS256", "PS256", "ES256", "EdDSA", "none"] {
            for key in ["rsa", "p256", "ed25519"] {
                let header = json!({"alg": name, "kid": key}).to_string();
                rows.push((format!("secret {nth} as {header}"), mac_with(secret, &header, &claims)));
            }
        }
    }
    // The right key with another algorithm of the same kind than the header says.
    let rsa = [
        JwtAlgorithm::RS256,
        JwtAlgorithm::RS384,
        JwtAlgorithm::RS512,
        JwtAlgorithm::PS256,
        JwtAlgorithm::PS384,
        JwtAlgorithm::PS512,
    ];
    for said in rsa {
        for used in rsa.into_iter().filter(|used| *used != said) {
            let header = json!({"alg": said.as_str(), "kid": "rsa"}).to_string();
            rows.push((format!("{used:?} as {said:?}"), world.signed(used, &header, &claims)));
        }
    }
    // A key that came with the token, or that is somebody else's.
    for algorithm in [JwtAlgorithm::RS256, JwtAlgorithm::ES256, JwtAlgorithm::EdDSA] {
        let stranger = Signer::generate(algorithm).unwrap();
        let id = world.signer(algorithm).0;
        for header in [
            json!({"alg": algorithm.as_str(), "kid": id}),
            json!({"alg": algorithm.as_str()}),
            json!({"alg": algorithm.as_str(), "kid": id, "jwk": stranger.jwk(id).unwrap()}),
            json!({"alg": algorithm.as_str(), "jwk": stranger.jwk("own").unwrap(), "kid": "own"}),
            json!({"alg": algorithm.as_str(), "kid": id, "jku": "https://evil.example/keys"}),
            json!({"alg": algorithm.as_str(), "kid": id, "x5u": "https://evil.example/chain"}),
        ] {
            let header = header.to_string();
            rows.push((format!("a stranger's {header}"), sign_with(&stranger, algorithm, &header, &claims)));
        }
    }
    let header = r#"{"alg":"EdDSA","kid":"ed25519"}"#;
    rows.push(("a sibling's key".into(), sign_with(&world.sibling, JwtAlgorithm::EdDSA, header, &claims)));
    let count = world.refuses_all(rows.iter().map(|(name, token)| (name.as_str(), token.clone())));
    assert!(count >= 200, "{count}");
    // The sibling's own token is good.
    let own = claims.replace(&format!("\"{ISSUER}\""), &format!("\"{SIBLING}\""));
    assert!(world.accepts(&sign_with(&world.sibling, JwtAlgorithm::EdDSA, header, &own)));
}

/// S-31
#[test]
fn bytes_that_are_no_signature_are_refused() {
    let world = World::new();
    let mut rows: Vec<(String, String)> = Vec::new();
    for algorithm in JwtAlgorithm::PUBLIC_KEY {
        let token = world.good(algorithm);
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let half = bytes.len() / 2;
        let mut flipped = bytes.clone();
        flipped[half] ^= 1;
        let mut reversed = bytes.clone();
        reversed.reverse();
        let swapped = [&bytes[half..], &bytes[..half]].concat();
        let order_of_p256 = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
        let order: Vec<u8> =
            (0..32).map(|at| u8::from_str_radix(&order_of_p256[at * 2..at * 2 + 2], 16).unwrap()).collect();
        for (name, other) in [
            ("none", Vec::new()),
            ("one byte", vec![0]),
            ("zeros", vec![0; bytes.len()]),
            ("ones", vec![0xff; bytes.len()]),
            ("r = s = 1", [vec![0; half - 1], vec![1], vec![0; half - 1], vec![1]].concat()),
            ("r = 0", [vec![0; half], bytes[half..].to_vec()].concat()),
            ("s = 0", [bytes[..half].to_vec(), vec![0; half]].concat()),
            ("r = s = the order", [order.clone(), order.clone()].concat()),
            ("a byte less", bytes[..bytes.len() - 1].to_vec()),
            ("a byte more", [bytes.clone(), vec![0]].concat()),
            ("a zero in front", [vec![0], bytes.clone()].concat()),
            ("twice", [bytes.clone(), bytes.clone()].concat()),
            ("a bit flipped", flipped),
            ("reversed", reversed),
            ("halves swapped", swapped),
            (
                "as DER",
                [vec![0x30, 0x44, 0x02, 0x20], bytes[..half].to_vec(), vec![0x02, 0x20], bytes[half..].to_vec()]
                    .concat(),
            ),
        ] {
            rows.push((format!("{algorithm:?}: {name}"), format!("{signed}.{}", part(other))));
        }
    }
    let count = world.refuses_all(rows.iter().map(|(name, token)| (name.as_str(), token.clone())));
    assert_eq!(count, 16 * 9);
}

/// S-31
#[test]
fn one_token_has_one_text() {
    let world = World::new();
    // The lengths leave two bits, or four, that no byte takes.
    for padding in 0..6 {
        let mut claims = world.good_claims();
        claims.insert("x".into(), json!("y".repeat(padding)));
        let header = format!(r#"{{"alg":"EdDSA"{}}}"#, " ".repeat(padding));
        let token = world.signed(JwtAlgorithm::EdDSA, &header, &Value::Object(claims).to_string());
        assert!(world.accepts(&token));
        let parts: Vec<&str> = token.split('.').collect();
        let mut rows: Vec<(String, String)> = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            let (most, last) = part.split_at(part.len() - 1);
            let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let others = alphabet.chars().filter(|other| !last.contains(*other)).map(|other| format!("{most}{other}"));
            let spelled = [
                format!("{part}="),
                format!("{part}=="),
                format!("{part} "),
                format!(" {part}"),
                format!("{part}\n"),
                format!("\t{part}"),
                format!("{part}\u{0}"),
                format!("{part}A"),
                most.to_owned(),
                format!("{part}%3D"),
                format!("{most}é"),
                part.replace('-', "+").replace('_', "/") + "+",
                String::new(),
            ];
            for other in others.chain(spelled) {
                let mut all: Vec<&str> = parts.clone();
                all[at] = &other;
                rows.push((format!("part {at}: {other:?}"), all.join(".")));
            }
        }
        for (name, text) in [
            ("a part more", format!("{token}.")),
            ("a part in front", format!(".{token}")),
            ("a part between", token.replacen('.', "..", 1)),
            ("two parts", parts[..2].join(".")),
            ("five parts", format!("{token}.{}.{}", parts[0], parts[1])),
            ("quotes", format!("\"{token}\"")),
            ("a list", format!("{token},{token}")),
            ("its scheme", format!("Bearer {token}")),
            ("JSON", json!({"payload": parts[1], "protected": parts[0], "signature": parts[2]}).to_string()),
            ("swapped", [parts[1], parts[0], parts[2]].join(".")),
            ("signature first", [parts[2], parts[0], parts[1]].join(".")),
            ("small letters", token.to_lowercase()),
            ("large letters", token.to_uppercase()),
        ] {
            rows.push((name.into(), text));
        }
        world.refuses_all(rows.iter().map(|(name, token)| (name.as_str(), token.clone())));
    }
}
