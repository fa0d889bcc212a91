//! Thousands of tokens that are nearly good.

use super::*;

/// Numbers that look random and are the same in every run (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

const TEXTS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0\"{}%";

/// S-31
#[test]
fn no_text_near_a_good_token_is_a_good_token() {
    let world = World::new();
    let good: Vec<String> = JwtAlgorithm::PUBLIC_KEY.iter().map(|algorithm| world.good(*algorithm)).collect();
    assert!(good.iter().all(|token| world.accepts(token)));
    let mut numbers = Numbers(1);
    for _ in 0..6_000 {
        let mut token = numbers.pick(&good).clone().into_bytes();
        for _ in 0..=numbers.below(3) {
            if token.is_empty() {
                break;
            }
            let at = numbers.below(token.len());
            match numbers.below(8) {
                0 | 1 => token[at] = *numbers.pick(TEXTS),
                2 => token.insert(at, *numbers.pick(TEXTS)),
                3 => drop(token.remove(at)),
                4 => token.truncate(at.max(1)),
                5 => token.swap(at, 0),
                6 => {
                    let (from, length) = (numbers.below(token.len()), numbers.below(9));
                    let copied: Vec<u8> = token[from..(from + length).min(token.len())].to_vec();
                    token.splice(at..at, copied);
                }
                _ => {
                    // Parts of several tokens.
                    let other = numbers.pick(&good).clone();
                    let parts: Vec<&str> = other.split('.').collect();
                    let text = String::from_utf8(token.clone()).unwrap();
                    let mut mixed: Vec<&str> = text.split('.').collect();
                    let nth = numbers.below(mixed.len());
                    mixed[nth] = parts[numbers.below(3)];
                    token = mixed.join(".").into_bytes();
                }
            }
        }
        let token = String::from_utf8(token).unwrap();
        assert!(good.contains(&token) || !world.accepts(&token), "accepted: {token}");
    }
    assert!(good.iter().all(|token| world.accepts(token)));
}

/// S-31, S-32
#[test]
fn no_signed_token_with_one_wrong_member_is_a_good_token() {
    let world = World::new();
    let now = world.now();
    let header = json!({"alg": "EdDSA", "kid": "ed25519", "typ": "at+jwt"}).as_object().unwrap().clone();
    let values = [
        json!(null),
        json!(true),
        json!(false),
        json!(-1),
        json!(1e300),
        json!(-1e300),
        json!([]),
        json!({}),
        json!(""),
        json!([[]]),
        json!({"a": {"b": []}}),
        json!("\u{0}"),
        json!(["a", 1]),
        json!([null]),
        json!([{}]),
        json!("a".repeat(300)),
        json!(-1.5),
        json!("\u{1f600}\u{0}"),
    ];
    // None of the values is right for any of these.
    let of_header = ["alg", "kid", "typ", "crit", "b64", "enc", "zip"];
    let of_claims = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf", "client_id"];
    let mut numbers = Numbers(2);
    for _ in 0..3_000 {
        let (mut header, mut claims) = (header.clone(), world.good_claims());
        let value = numbers.pick(&values).clone();
        // Numbers above are times that are none, and text is a client's name.
        if numbers.below(2) == 0 {
            header.insert((*numbers.pick(&of_header)).into(), value.clone());
        } else {
            let name = *numbers.pick(&of_claims);
            if name == "client_id" && value.is_string() {
                continue;
            }
            claims.insert(name.into(), value.clone());
        }
        claims.insert("n".into(), numbers.below(1_000_000).into());
        let token = world.signed(
            JwtAlgorithm::EdDSA,
            &Value::Object(header.clone()).to_string(),
            &Value::Object(claims.clone()).to_string(),
        );
        assert!(!world.accepts(&token), "accepted: {header:?} {claims:?}");
    }
    // And with harmless members beside the right ones it is one.
    for _ in 0..500 {
        let (mut header, mut claims) = (header.clone(), world.good_claims());
        header.insert(format!("x{}", numbers.below(1_000)), numbers.pick(&values).clone());
        claims.insert(format!("x{}", numbers.below(1_000)), numbers.pick(&values).clone());
        claims.insert("exp".into(), (now + 1 + numbers.below(3_600) as u64).into());
        let token = world.signed(
            JwtAlgorithm::EdDSA,
            &Value::Object(header).to_string(),
            &Value::Object(claims.clone()).to_string(),
        );
        assert!(world.accepts(&token), "refused: {claims:?}");
    }
}
