//! Keys by URL against issuers that rotate, fail, hang and lie, and against strangers who ask for any key.
//!
//! Time is the runtime's own, which is paused: it passes when nothing else is left to do.

use std::future::pending;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::*;
use crate::outbound::tests::server::{Answer, Server, answer};

const ALGORITHM: JwtAlgorithm = JwtAlgorithm::EdDSA;
const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;

/// The clock of the runtime.
#[derive(Debug)]
struct RuntimeClock(Instant);

impl RuntimeClock {
    fn start() -> Arc<dyn Clock> {
        Arc::new(Self(Instant::now()))
    }
}

impl Clock for RuntimeClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn unix(&self) -> Duration {
        self.now()
    }
}

/// An issuer inside of the test.
#[derive(Clone, Debug, Default)]
struct Issuer(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    document: Option<String>,
    max_age: Option<u64>,
    hangs: bool,
    fetches: Vec<Instant>,
}

impl Issuer {
    fn with(document: impl Into<String>) -> Self {
        let issuer = Self::default();
        issuer.publishes(document);
        issuer
    }

    fn publishes(&self, document: impl Into<String>) {
        self.0.lock().unwrap().document = Some(document.into());
    }

    fn is_down(&self) {
        self.0.lock().unwrap().document = None;
    }

    fn hangs(&self) {
        self.0.lock().unwrap().hangs = true;
    }

    fn recovers(&self) {
        self.0.lock().unwrap().hangs = false;
    }

    fn fetches(&self) -> usize {
        self.0.lock().unwrap().fetches.len()
    }

    /// Keys of this issuer, which are being fetched.
    fn keys(&self) -> IssuerKeys {
        let keys = IssuerKeys::new("https://issuer.example".into(), self.clone(), RuntimeClock::start());
        keys.start();
        keys
    }
}

impl Fetch for Issuer {
    fn fetch(&self) -> BoxFuture<'_, Result<Fetched, FetchError>> {
        let mut state = self.0.lock().unwrap();
        state.fetches.push(Instant::now());
        if state.hangs {
            return Box::pin(pending());
        }
        let max_age = state.max_age.map(Duration::from_secs);
        let document = state.document.clone().ok_or_else(|| FetchError::from("the issuer is down"));
        Box::pin(async move { Ok(Fetched { document: document?.into(), max_age }) })
    }
}

/// A document with a key of Ed25519 under each name; the number makes the key.
fn document(keys: &[(&str, u8)]) -> String {
    let key = |(name, seed): &(&str, u8)| {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[*seed; 32]).unwrap();
        let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        format!(r#"{{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"{name}","x":"{x}"}}"#)
    };
    format!(r#"{{"keys":[{}]}}"#, keys.iter().map(key).collect::<Vec<_>>().join(","))
}

/// Lets time pass, and everything happen that is due meanwhile.
async fn pass(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
    settle().await;
}

async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

fn count(found: &Found) -> usize {
    match found {
        Found::Keys(keys) => keys.len(),
        Found::Absent | Found::Unavailable | Found::Wait(_) => 0,
    }
}

/// How many keys there are of a name, for one who waits where that is said and then asks once more.
async fn find(keys: &dyn KeySource, name: &str) -> usize {
    match keys.find(Some(name), ALGORITHM) {
        Found::Wait(end) => {
            end.await;
            count(&keys.find(Some(name), ALGORITHM))
        }
        found => count(&found),
    }
}

/// S-33
#[tokio::test(start_paused = true)]
async fn keys_are_fetched_at_the_start_and_not_for_each_request() {
    let issuer = Issuer::with(document(&[("a", 1)]));
    let keys = issuer.keys();
    settle().await;
    assert_eq!(issuer.fetches(), 1, "before any request");
    for _ in 0..10_000 {
        assert_eq!(count(&keys.find(Some("a"), ALGORITHM)), 1);
        assert_eq!(count(&keys.find(None, ALGORITHM)), 1);
    }
    settle().await;
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_comes_before_the_first_keys_waits_for_them() {
    let issuer = Issuer::with(document(&[("a", 1)]));
    let keys = issuer.keys();
    assert_eq!(find(&keys, "a").await, 1);
    assert_eq!(issuer.fetches(), 1);
}

#[test]
fn keys_that_were_opened_outside_of_a_runtime_are_fetched_with_the_first_token() {
    let issuer = Issuer::with(document(&[("a", 1)]));
    let keys = IssuerKeys::new("i".into(), issuer.clone(), Arc::new(mocopr_core::clock::ManualClock::new()));
    keys.start();
    assert_eq!(issuer.fetches(), 0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    assert_eq!(runtime.block_on(find(&keys, "a")), 1);
    assert_eq!(issuer.fetches(), 1);
}

/// S-33, T-23
#[tokio::test(start_paused = true)]
async fn ten_thousand_unknown_names_a_second_bring_two_fetches_a_minute_at_most() {
    for down in [false, true] {
        let issuer = Issuer::with(document(&[("a", 1)]));
        let keys = issuer.keys();
        settle().await;
        if down {
            issuer.is_down();
        }
        let mut asked = 0;
        // For the first second in full, and then at a rate that keeps the test short.
        for (times, every) in [(100, 10), (3_000, 100)] {
            for _ in 0..times {
                for _ in 0..100 {
                    asked += 1;
                    let found = keys.find(Some(&format!("unknown-{asked}")), ALGORITHM);
                    assert_eq!(count(&found), 0);
                }
                sleep(Duration::from_millis(every)).await;
            }
        }
        let fetches = issuer.0.lock().unwrap().fetches.clone();
        assert!((6..=11).contains(&fetches.len()), "{} in five minutes", fetches.len());
        for three in fetches.windows(3) {
            assert!(three[2] - three[0] >= Duration::from_secs(60), "{three:?}");
        }
        assert_eq!(count(&keys.find(Some("a"), ALGORITHM)), 1, "known keys do not suffer");
    }
}

/// T-23
#[tokio::test(start_paused = true)]
async fn the_same_holds_while_there_were_never_any_keys() {
    for document in [None, Some(r#"{"keys":[]}"#)] {
        let issuer = document.map_or_else(Issuer::default, Issuer::with);
        let keys = issuer.keys();
        for asked in 0..60_000 {
            assert_eq!(count(&keys.find(Some(&asked.to_string()), ALGORITHM)), 0);
            if asked % 100 == 0 {
                sleep(Duration::from_secs(1)).await;
            }
        }
        let fetches = issuer.0.lock().unwrap().fetches.clone();
        assert!(fetches.len() <= 20, "{} in ten minutes", fetches.len());
        assert!(fetches.windows(3).all(|three| three[2] - three[0] >= Duration::from_secs(60)), "{fetches:?}");
    }
}

/// S-33, T-23
#[tokio::test(start_paused = true)]
async fn a_flood_of_unknown_names_does_not_keep_a_new_key_away() {
    let issuer = Issuer::with(document(&[("old", 1)]));
    let keys = issuer.keys();
    let mut rotated = None;
    for second in 0..600 {
        for asked in 0..50 {
            drop(keys.find(Some(&format!("{second}-{asked}")), ALGORITHM));
        }
        if second == 301 {
            issuer.publishes(document(&[("old", 1), ("new", 2)]));
            rotated = Some(Instant::now());
        }
        if rotated.is_some() && count(&keys.find(Some("new"), ALGORITHM)) == 1 {
            break;
        }
        pass(1).await;
    }
    let waited = rotated.unwrap().elapsed();
    assert!(waited <= Duration::from_secs(31), "{waited:?}");
}

/// S-33
#[tokio::test(start_paused = true)]
async fn the_first_token_of_a_new_key_is_accepted() {
    let issuer = Issuer::with(document(&[("old", 1)]));
    let keys = issuer.keys();
    pass(5 * MINUTE).await;
    issuer.publishes(document(&[("old", 1), ("new", 2)]));
    assert_eq!(find(&keys, "new").await, 1);
    assert_eq!(issuer.fetches(), 2);
}

/// S-33
#[tokio::test(start_paused = true)]
async fn a_removed_key_stops_working_at_the_next_refresh_without_any_request() {
    let issuer = Issuer::with(document(&[("old", 1), ("new", 2)]));
    let keys = issuer.keys();
    pass(1).await;
    let before = keys.generation();
    issuer.publishes(document(&[("new", 2)]));
    pass(12 * MINUTE).await;
    assert_ne!(keys.generation(), before, "what was remembered is forgotten");
    assert_eq!((find(&keys, "old").await, find(&keys, "new").await), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn another_key_under_the_same_name_changes_the_generation() {
    let issuer = Issuer::with(document(&[("a", 1)]));
    let keys = issuer.keys();
    pass(1).await;
    let before = keys.generation();
    issuer.publishes(document(&[("a", 2)]));
    pass(12 * MINUTE).await;
    assert_ne!(keys.generation(), before);
}

#[tokio::test(start_paused = true)]
async fn the_same_keys_keep_their_generation() {
    let issuer = Issuer::with(document(&[("a", 1)]));
    let keys = issuer.keys();
    pass(1).await;
    let before = keys.generation();
    issuer.publishes(document(&[("a", 1)]) + "  ");
    pass(HOUR).await;
    assert!(issuer.fetches() >= 5, "{}", issuer.fetches());
    assert_eq!(keys.generation(), before);
}

/// S-33
#[tokio::test(start_paused = true)]
async fn keys_count_for_a_day_while_the_issuer_is_down_and_then_no_more() {
    let issuer = Issuer::with(document(&[("a", 1)]));
    let keys = issuer.keys();
    pass(1).await;
    let before = keys.generation();
    issuer.is_down();
    pass(24 * HOUR - 10).await;
    assert_eq!((find(&keys, "a").await, keys.generation()), (1, before));
    assert!(issuer.fetches() < 24 * 15, "{} fetches in a day", issuer.fetches());
    pass(20).await;
    assert_ne!(keys.generation(), before, "also without any request");
    assert_eq!(find(&keys, "a").await, 0);
    assert!(matches!(keys.find(Some("a"), ALGORITHM), Found::Unavailable), "nothing is known of it then");
    issuer.publishes(document(&[("a", 1)]));
    pass(7 * MINUTE).await;
    assert_eq!(find(&keys, "a").await, 1);
}

/// T-23
#[tokio::test(start_paused = true)]
async fn a_document_without_usable_keys_replaces_none_and_is_a_failure() {
    let weak = r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"},{"kty":"EC","crv":"P-192"}]}"#;
    let huge = format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(300_000));
    for bad in [r#"{"keys":[]}"#, "{}", "[]", "", "null", "not json", r#"{"keys":{}}"#, "{\"keys\":[", weak, &huge] {
        let issuer = Issuer::with(document(&[("a", 1)]));
        let keys = issuer.keys();
        pass(1).await;
        let before = keys.generation();
        issuer.publishes(bad);
        pass(HOUR).await;
        assert_eq!((find(&keys, "a").await, keys.generation()), (1, before), "{bad:.40}");
        assert!(issuer.fetches() > 10, "it is tried again sooner: {}", issuer.fetches());
    }
}

#[tokio::test(start_paused = true)]
async fn keys_of_the_same_name_are_all_candidates() {
    let issuer = Issuer::with(document(&[("a", 1), ("a", 2), ("b", 3)]));
    let keys = issuer.keys();
    assert_eq!(find(&keys, "a").await, 2);
}

/// S-33
#[tokio::test(start_paused = true)]
async fn an_issuer_that_was_down_at_the_start_is_asked_again_soon_and_until_then_no_key_is_called_unknown() {
    let issuer = Issuer::default();
    let keys = issuer.keys();
    pass(2).await;
    assert!(matches!(keys.find(Some("a"), ALGORITHM), Found::Unavailable));
    issuer.publishes(document(&[("a", 1)]));
    pass(6).await;
    assert_eq!(count(&keys.find(Some("a"), ALGORITHM)), 1);
    assert!(!matches!(keys.find(Some("b"), ALGORITHM), Found::Unavailable));
}

#[tokio::test(start_paused = true)]
async fn an_issuer_may_have_its_keys_fetched_every_minute() {
    let issuer = Issuer::with(document(&[("a", 1)]));
    issuer.0.lock().unwrap().max_age = Some(1);
    let _keys = issuer.keys();
    pass(HOUR).await;
    assert!((50..=61).contains(&issuer.fetches()), "{}", issuer.fetches());
}

/// S-33
#[tokio::test(start_paused = true)]
async fn a_fetch_that_hangs_is_one_fetch_and_ends_and_so_does_waiting_for_it() {
    let issuer = Issuer::default();
    issuer.hangs();
    let keys = issuer.keys();
    let began = Instant::now();
    let waits: Vec<_> = (0..300).map(|asked| keys.find(Some(&asked.to_string()), ALGORITHM)).collect();
    settle().await;
    assert_eq!(issuer.fetches(), 1, "nobody starts a second one beside it");
    let (mut waited, mut unavailable) = (0, 0);
    for found in waits {
        match found {
            Found::Wait(end) => {
                end.await;
                waited += 1;
            }
            Found::Unavailable => unavailable += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((waited, unavailable), (256, 44), "who waits is counted");
    assert!(began.elapsed() <= Duration::from_secs(6), "{:?}", began.elapsed());
    issuer.publishes(document(&[("a", 1)]));
    issuer.recovers();
    pass(2 * MINUTE).await;
    assert_eq!(count(&keys.find(Some("a"), ALGORITHM)), 1, "what hung does not hang for ever");
}

#[tokio::test(start_paused = true)]
async fn who_no_longer_waits_makes_room_for_others() {
    let issuer = Issuer::default();
    issuer.hangs();
    let keys = issuer.keys();
    settle().await;
    for asked in 0..1_000 {
        let found = keys.find(Some(&asked.to_string()), ALGORITHM);
        assert!(matches!(found, Found::Wait(_)), "{found:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn fetching_ends_with_its_owner() {
    let issuer = Issuer::with(document(&[("a", 1)]));
    let keys = issuer.keys();
    pass(1).await;
    drop(keys);
    pass(24 * HOUR).await;
    assert_eq!(issuer.fetches(), 1);
    assert_eq!(Arc::strong_count(&issuer.0), 1, "nothing of it is left");
}

fn location(url: &str, plain_http: PlainHttp) -> KeyLocation {
    KeyLocation { issuer: "https://issuer.example".into(), url: url.into(), plain_http }
}

fn system_clock() -> Arc<dyn Clock> {
    Arc::new(mocopr_core::clock::SystemClock::new())
}

/// P-17
#[test]
fn keys_come_by_https_from_public_addresses_unless_loopback_is_permitted() {
    for (url, plain_http) in [
        ("http://issuer.example/keys", PlainHttp::Refused),
        ("http://127.0.0.1:1/keys", PlainHttp::Refused),
        ("http://issuer.example/keys", PlainHttp::Loopback),
        ("http://10.0.0.1/keys", PlainHttp::Loopback),
        ("https://10.0.0.1/keys", PlainHttp::Refused),
        ("https://[::1]/keys", PlainHttp::Refused),
        ("https://user@issuer.example/keys", PlainHttp::Refused),
        ("file:///etc/passwd", PlainHttp::Loopback),
        ("../keys", PlainHttp::Refused),
        ("", PlainHttp::Refused),
    ] {
        let problem = open(location(url, plain_http), system_clock()).unwrap_err();
        assert!(problem.what().starts_with("the keys of `https://issuer.example` cannot be fetched"), "{problem}");
    }
    for (url, plain_http) in [
        ("http://127.0.0.1:1/keys", PlainHttp::Loopback),
        ("http://localhost:1/keys", PlainHttp::Loopback),
        ("https://issuer.example/keys", PlainHttp::Loopback),
    ] {
        assert!(open(location(url, plain_http), system_clock()).is_ok(), "{url}");
    }
}

async fn served(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> (Server, Arc<dyn KeySource>) {
    let server = Server::plain(answer).await;
    let keys = open(location(&server.url("/keys"), PlainHttp::Loopback), system_clock()).unwrap();
    (server, keys)
}

/// S-33, T-23
#[tokio::test]
async fn ten_thousand_unknown_names_at_once_bring_two_requests_at_a_server_at_most() {
    let keys_text = document(&[("a", 1)]);
    let (server, keys) = served(move |_| answer(200, "content-type: text/html\r\n", &keys_text)).await;
    assert_eq!(find(&*keys, "a").await, 1, "whatever the server says of the type");
    for asked in 0..10_000 {
        assert_eq!(find(&*keys, &format!("unknown-{asked}")).await, 0);
    }
    assert!((1..=2).contains(&server.heads().len()), "{}", server.heads().len());
    assert!(server.heads()[0].contains("accept: application/jwk-set+json, application/json\r\n"));
}

/// S-23
#[tokio::test]
async fn answers_that_are_no_key_set_bring_no_keys() {
    let elsewhere = document(&[("a", 1)]);
    let padded = format!("{}{}", document(&[("a", 1)]), " ".repeat(256 << 10));
    for status_and_body in [(404, elsewhere.clone()), (500, elsewhere.clone()), (200, padded), (204, String::new())] {
        let (status, body) = status_and_body;
        let (server, keys) = served(move |_| answer(status, "", &body)).await;
        assert_eq!(find(&*keys, "a").await, 0, "{status}");
        assert_eq!(server.heads().len(), 1);
    }
    // A redirect is not followed, not even on the same server.
    let (server, keys) = served(move |head| match head {
        head if head.starts_with("GET /keys ") => answer(302, "location: /other\r\n", ""),
        _ => answer(200, "", &elsewhere),
    })
    .await;
    assert_eq!(find(&*keys, "a").await, 0);
    assert_eq!(server.heads().len(), 1);
}
