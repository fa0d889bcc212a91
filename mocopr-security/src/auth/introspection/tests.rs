//! Tokens that are asked about, against issuers that say yes, no, nothing and nonsense, and strangers who make tokens
//! up.
//!
//! The runtime's time is paused; the server's own stands still until it is moved.

use std::collections::HashMap;

use bytes::Bytes;
use futures_util::{
    FutureExt,
    future::{BoxFuture, join_all},
};
use mocopr_core::clock::ManualClock;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{endpoint::AskError, *};
use crate::{
    auth::{ApiKey, ApiKeys, AuthMiddleware, TokenIssuer},
    gate::{Admission, Gate},
    policy::SecurityPolicy,
};

const ISSUER: &str = "https://id.example.com";
const AUDIENCE: &str = "https://mcp.example.com/mcp";

/// An issuer inside of the test.
#[derive(Clone, Debug)]
struct Issuer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: ManualClock,
    answers: Mutex<HashMap<String, String>>,
    asked: Mutex<Vec<String>>,
    state: Mutex<State>,
    recovers: Notify,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Up,
    Down,
    Hangs,
}

impl Issuer {
    fn new(clock: &ManualClock) -> Self {
        Self(Arc::new(Inner {
            clock: clock.clone(),
            answers: Mutex::default(),
            asked: Mutex::default(),
            state: Mutex::new(State::Up),
            recovers: Notify::new(),
        }))
    }

    fn says(&self, token: &str, answer: impl ToString) {
        self.0.answers.lock().unwrap().insert(token.into(), answer.to_string());
    }

    fn revokes(&self, token: &str) {
        self.0.answers.lock().unwrap().remove(token);
    }

    fn is(&self, state: State) {
        *self.0.state.lock().unwrap() = state;
        self.0.recovers.notify_waiters();
    }

    fn asked(&self) -> usize {
        self.0.asked.lock().unwrap().len()
    }

    /// An answer about a good token of alice, which ends in so many seconds.
    fn good(&self, seconds: u64) -> Value {
        let now = self.0.clock.unix().as_secs();
        json!({"active": true, "sub": "alice", "aud": AUDIENCE, "iat": now, "exp": now + seconds, "scope": "notes:read"})
    }
}

impl Ask for Issuer {
    fn ask<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Bytes, AskError>> {
        self.0.asked.lock().unwrap().push(token.into());
        Box::pin(async move {
            while *self.0.state.lock().unwrap() == State::Hangs {
                self.0.recovers.notified().await;
            }
            if *self.0.state.lock().unwrap() == State::Down {
                return Err("the issuer is down".into());
            }
            let answer = self.0.answers.lock().unwrap().get(token).cloned();
            Ok(answer.unwrap_or_else(|| r#"{"active":false}"#.into()).into())
        })
    }
}

fn validator(issuer: &Issuer) -> TokenValidator {
    let issuer = issuer.clone();
    let open = move |_, clock: Arc<dyn Clock>| {
        let issuer = issuer.clone();
        let make = move |rules| Arc::new(Introspection::new(rules, issuer, clock)) as Arc<dyn Authenticator>;
        Ok(Box::new(make) as Box<dyn FnOnce(Rules) -> Arc<dyn Authenticator>>)
    };
    TokenValidator::by_asking(ISSUER, Arc::new(open))
}

fn start() -> (ManualClock, Issuer, Arc<dyn Authenticator>) {
    let clock = ManualClock::new();
    let issuer = Issuer::new(&clock);
    let middleware = AuthMiddleware::builder().with_token_validation(validator(&issuer)).build().unwrap();
    let clocked: Arc<dyn Clock> = Arc::new(clock.clone());
    let server = middleware.into_authenticators(AUDIENCE, &clocked).unwrap().remove(0);
    (clock, issuer, server)
}

async fn verdict(server: &Arc<dyn Authenticator>, token: &str) -> Verdict {
    match server.authenticate(Credential::Bearer(token)) {
        Verdict::Later(pending) => pending.wait().await,
        verdict => verdict,
    }
}

/// Who a token proves, or the first letter of why nobody.
async fn who(server: &Arc<dyn Authenticator>, token: &str) -> String {
    match verdict(server, token).await {
        Verdict::Verified(verified) => verified.principal().subject().into(),
        Verdict::Rejected(_) => "rejected".into(),
        Verdict::Unavailable { .. } => "unavailable".into(),
        other => format!("{other:?}"),
    }
}

async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

/// S-30, S-32, P-08
#[tokio::test]
async fn a_token_proves_whom_its_issuer_says_and_is_asked_about_every_half_minute() {
    let (clock, issuer, server) = start();
    issuer.says("opaque", issuer.good(3_600));
    let Verdict::Verified(verified) = verdict(&server, "opaque").await else { panic!() };
    let principal = verified.principal();
    assert_eq!((principal.issuer(), principal.subject()), (ISSUER, "alice"));
    assert!(principal.has_scope("notes:read") && !principal.has_scope("notes:write"));
    for _ in 0..100 {
        let verdict = server.authenticate(Credential::Bearer("opaque"));
        assert!(matches!(verdict, Verdict::Verified(_)), "at once: {verdict:?}");
    }
    assert_eq!(issuer.asked(), 1);
    clock.advance(Duration::from_millis(29_999));
    assert_eq!((who(&server, "opaque").await.as_str(), issuer.asked()), ("alice", 1));
    issuer.revokes("opaque");
    clock.advance(Duration::from_millis(1));
    assert_eq!((who(&server, "opaque").await.as_str(), issuer.asked()), ("rejected", 2));
}

/// S-32, P-08
#[tokio::test]
async fn a_token_is_not_remembered_past_its_end() {
    let (clock, issuer, server) = start();
    issuer.says("brief", issuer.good(10));
    assert_eq!(who(&server, "brief").await, "alice");
    issuer.revokes("brief");
    clock.advance(Duration::from_secs(9));
    assert_eq!((who(&server, "brief").await.as_str(), issuer.asked()), ("alice", 1));
    clock.advance(Duration::from_secs(1));
    assert_eq!((who(&server, "brief").await.as_str(), issuer.asked()), ("rejected", 2));
}

/// S-30, S-31, S-32, T-22
#[tokio::test]
async fn an_answer_must_say_all_that_a_token_must() {
    let (_, issuer, server) = start();
    let with = |name: &str, value: Value| {
        let mut answer = issuer.good(600);
        answer.as_object_mut().unwrap().insert(name.into(), value);
        answer
    };
    let without = |name: &str| {
        let mut answer = issuer.good(600);
        answer.as_object_mut().unwrap().remove(name);
        answer
    };
    let now = issuer.0.clock.unix().as_secs();
    let thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    for good in [
        with("iss", json!(ISSUER)),
        with("aud", json!([AUDIENCE])),
        with("token_type", json!("Bearer")),
        with("client_id", json!("app")),
        with("username", json!("Alice")),
        with("nbf", json!(now)),
        without("scope"),
        without("iat"),
    ] {
        issuer.says(&format!("good {good}"), &good);
        assert_eq!(who(&server, &format!("good {good}")).await, "alice", "{good}");
    }
    for bad in [
        json!({}),
        json!({"active": false}),
        without("active"),
        with("active", json!("true")),
        with("active", json!(1)),
        with("active", json!(null)),
        with("active", json!([true])),
        with("iss", json!("https://other.example.com")),
        with("iss", json!(null)),
        without("aud"),
        with("aud", json!("https://other.example.com")),
        with("aud", json!([AUDIENCE, "https://other.example.com"])),
        with("aud", json!([])),
        without("exp"),
        with("exp", json!(now - 31)),
        with("exp", json!("soon")),
        with("exp", json!(now + 7_200)),
        with("nbf", json!(now + 31)),
        with("iat", json!(now + 31)),
        without("sub"),
        with("sub", json!("")),
        with("sub", json!(1)),
        with("scope", json!(["notes:read"])),
        with("client_id", json!(1)),
        with("token_type", json!("refresh_token")),
        with("token_type", json!("N_A")),
        with("token_type", json!(null)),
        with("token_type", json!("DPoP")),
        with("cnf", json!({"jkt": thumbprint, "x": 1})),
        with("cnf", json!("x")),
    ] {
        issuer.says(&format!("bad {bad}"), &bad);
        assert_eq!(who(&server, &format!("bad {bad}")).await, "rejected", "{bad}");
    }
    for bound in [with("cnf", json!({"jkt": thumbprint})), {
        let mut bound = with("cnf", json!({"jkt": thumbprint}));
        bound["token_type"] = json!("DPoP");
        bound
    }] {
        issuer.says(&bound.to_string(), &bound);
        let Verdict::Verified(verified) = verdict(&server, &bound.to_string()).await else { panic!("{bound}") };
        assert!(verified.key().is_some());
    }
}

/// S-30
#[tokio::test]
async fn what_is_no_answer_is_not_held_against_the_token() {
    let (clock, issuer, server) = start();
    let good = issuer.good(600).to_string();
    let deep = format!(r#"{{"active":true,"x":{}1{}}}"#, "[".repeat(20), "]".repeat(20));
    let repeated = good.replacen('{', r#"{"active":true,"#, 1);
    for (nth, answer) in
        ["", "null", "true", "[]", "not json", "{", &deep, &repeated, &format!("{good}{good}")].into_iter().enumerate()
    {
        issuer.says(&format!("token{nth}"), answer);
        assert_eq!(who(&server, &format!("token{nth}")).await, "unavailable", "{answer}");
    }
    issuer.says("good", good);
    issuer.is(State::Down);
    let Verdict::Unavailable { retry_after, .. } = verdict(&server, "good").await else { panic!() };
    assert_eq!(retry_after, Duration::from_secs(5));
    let asked = issuer.asked();
    assert_eq!((who(&server, "good").await.as_str(), issuer.asked()), ("unavailable", asked), "not again at once");
    issuer.is(State::Up);
    clock.advance(Duration::from_secs(2));
    assert_eq!(who(&server, "good").await, "alice");
}

/// S-33, T-23
#[tokio::test]
async fn what_is_not_a_token_of_this_issuer_is_never_shown_to_it() {
    let (clock, issuer, server) = start();
    let (key, _) = ApiKey::create("robot", clock.unix()).unwrap();
    let ask = |credential| server.authenticate(credential);
    assert!(matches!(ask(Credential::Bearer(key.expose())), Verdict::Foreign));
    assert!(matches!(ask(Credential::ApiKey(key.expose())), Verdict::Foreign));
    assert!(matches!(ask(Credential::ApiKey("opaque")), Verdict::Foreign));
    assert!(matches!(ask(Credential::Bearer("mocopr_mistyped")), Verdict::Foreign));
    let (long, other) = ("x".repeat((8 << 10) + 1), TokenIssuer::new().unwrap());
    assert!(matches!(ask(Credential::Bearer(&long)), Verdict::Rejected(_)));
    let other = other.token_for("alice").sign().unwrap();
    assert!(matches!(ask(Credential::Bearer(&other)), Verdict::Rejected(_)));
    assert_eq!(issuer.asked(), 0);
    let own = TokenIssuer::new().unwrap().with_issuer(ISSUER).token_for("alice").sign().unwrap();
    issuer.says(&own, issuer.good(60));
    assert_eq!(who(&server, &own).await, "alice", "a token may be of any form");
}

/// S-30, S-33
#[tokio::test]
async fn it_is_asked_after_all_others_and_only_about_tokens_that_none_of_them_knows() {
    let clock = ManualClock::new();
    let issuer = Issuer::new(&clock);
    let keyed = || TokenIssuer::new().unwrap().with_audience(AUDIENCE).with_clock(Arc::new(clock.clone()));
    let (other, same) = (keyed(), keyed().with_issuer(ISSUER));
    let (key, record) = ApiKey::create("robot", clock.unix()).unwrap();
    let gate = |validators: Vec<TokenValidator>| {
        let builder = validators.into_iter().fold(AuthMiddleware::builder(), |all, one| all.with_token_validation(one));
        let policy = SecurityPolicy::strict()
            .with_public_url(AUDIENCE)
            .with_authentication(builder.build().unwrap())
            .with_authenticator(ApiKeys::of(vec![record.clone()]).unwrap());
        let clock: Arc<dyn Clock> = Arc::new(clock.clone());
        let authenticators = policy.open_authenticators(Arc::clone(&clock)).unwrap();
        Gate::new(policy, authenticators, None, clock)
    };
    let admit = async |gate: &Gate, token: &str| {
        let admitted = gate.admit_stdio(Some(&Secret::new(token.into()))).await;
        admitted.map(|admission| admission.principal().subject().to_owned()).map_err(|reason| reason.reason())
    };
    issuer.says("opaque", issuer.good(60));
    let signed = same.token_for("bob").sign().unwrap();

    // An issuer that is asked, beside one whose keys are known.
    let apart = gate(vec![validator(&issuer), other.validator()]);
    assert_eq!(admit(&apart, key.expose()).await.unwrap(), "robot");
    assert_eq!(admit(&apart, &other.token_for("ann").sign().unwrap()).await.unwrap(), "ann");
    admit(&apart, &other.token_for("ann").with_audience("x").sign().unwrap()).await.unwrap_err();
    assert_eq!(issuer.asked(), 0);
    assert_eq!(admit(&apart, "opaque").await.unwrap(), "alice");
    admit(&apart, &signed).await.unwrap_err();
    assert_eq!(issuer.asked(), 2, "a signed token of its own is shown to it");

    // One issuer whose signed tokens are verified, and that is asked about the others.
    let both = gate(vec![same.validator(), validator(&issuer)]);
    assert_eq!(admit(&both, &signed).await.unwrap(), "bob");
    assert_eq!(admit(&both, "opaque").await.unwrap(), "alice");
    admit(&both, &signed.replacen('.', ".A", 1)).await.unwrap_err();
    assert_eq!(issuer.asked(), 3);
}

/// T-23
#[tokio::test]
async fn one_token_is_asked_about_once_at_a_time_and_a_refused_one_not_again_at_once() {
    let (clock, issuer, server) = start();
    issuer.is(State::Hangs);
    issuer.says("opaque", issuer.good(600));
    let mut waiting: Vec<_> = (0..50).map(|_| Box::pin(verdict(&server, "opaque"))).collect();
    for one in &mut waiting {
        assert!(one.now_or_never().is_none());
    }
    assert_eq!(issuer.asked(), 1);
    // Who asked goes away; another one asks in its place.
    drop(waiting.remove(0));
    issuer.is(State::Up);
    let verdicts = join_all(waiting).await;
    assert!(verdicts.iter().all(|verdict| matches!(verdict, Verdict::Verified(_))));
    assert_eq!(issuer.asked(), 2);

    for _ in 0..1_000 {
        assert_eq!(who(&server, "made up").await, "rejected");
    }
    assert_eq!(issuer.asked(), 3);
    issuer.says("made up", issuer.good(600));
    clock.advance(Duration::from_secs(10));
    assert_eq!(who(&server, "made up").await, "alice");
}

/// T-23
#[tokio::test]
async fn strangers_bring_about_few_questions_at_a_time_and_push_out_nobody() {
    let (clock, issuer, server) = start();
    issuer.says("opaque", issuer.good(3_600));
    assert_eq!(who(&server, "opaque").await, "alice");
    issuer.is(State::Hangs);
    let (mut waiting, server) = (Vec::new(), &server);
    for made_up in 0..1_000 {
        // A task may do so much at a time and no more, which is not what this is about.
        tokio::task::yield_now().await;
        let mut one = Box::pin(async move { who(server, &format!("made up {made_up}")).await });
        match (&mut one).now_or_never() {
            None => waiting.push(one),
            Some(said) => assert_eq!(said, "unavailable"),
        }
    }
    assert_eq!((waiting.len(), issuer.asked()), (256, 257));
    assert_eq!(who(server, "opaque").await, "alice", "who is known does not suffer");
    // Who goes away makes room.
    drop(waiting.split_off(200));
    assert!(Box::pin(who(server, "another")).now_or_never().is_none());
    issuer.is(State::Up);
    assert!(join_all(waiting).await.iter().all(|said| said == "rejected"));
    for made_up in 0..20_000 {
        assert_eq!(who(server, &format!("made up as well {made_up}")).await, "rejected");
    }
    let asked = issuer.asked();
    assert_eq!((who(server, "opaque").await.as_str(), issuer.asked()), ("alice", asked));
    clock.advance(Duration::from_secs(30));
    assert_eq!(who(server, "opaque").await, "alice");
}

/// A gate that asks this issuer.
fn gate(clock: &ManualClock, server: Arc<dyn Authenticator>) -> Gate {
    let policy = SecurityPolicy::strict().with_public_url(AUDIENCE);
    Gate::new(policy, vec![server], None, Arc::new(clock.clone()))
}

async fn admit(gate: &Gate, token: &str) -> Admission {
    gate.admit_stdio(Some(&Secret::new(token.into()))).await.unwrap()
}

/// S-32, P-08
#[tokio::test]
async fn what_is_open_ends_soon_after_its_token_was_revoked_and_goes_on_while_it_is_good() {
    let (clock, issuer, server) = start();
    issuer.says("opaque", issuer.good(3_600));
    let gate = gate(&clock, server);
    let admission = admit(&gate, "opaque").await;
    for _ in 0..20 {
        clock.advance(Duration::from_secs(31));
        assert!(gate.holds(&admission));
        settle().await;
    }
    assert_eq!(issuer.asked(), 21, "once each time");
    issuer.revokes("opaque");
    assert!(gate.holds(&admission), "an answer counts for half a minute");
    clock.advance(Duration::from_secs(31));
    assert!(gate.holds(&admission), "it asks beside");
    settle().await;
    assert!(!gate.holds(&admission));
    assert!(gate.admit_stdio(Some(&Secret::new("opaque".into()))).await.is_err(), "and for others as well");
    issuer.says("opaque", issuer.good(3_600));
    clock.advance(Duration::from_secs(31));
    settle().await;
    assert!(!gate.holds(&admission), "what has ended does not begin again");
}

/// S-32, S-44, P-08
#[tokio::test]
async fn what_is_open_ends_with_the_rights_that_it_was_opened_with() {
    let (clock, issuer, server) = start();
    issuer.says("opaque", issuer.good(3_600));
    let gate = gate(&clock, server);
    let admission = admit(&gate, "opaque").await;
    let mut less = issuer.good(3_600);
    less["scope"] = json!("");
    issuer.says("opaque", less);
    clock.advance(Duration::from_secs(31));
    assert!(gate.holds(&admission));
    settle().await;
    assert!(!gate.holds(&admission));
    assert!(gate.holds(&admit(&gate, "opaque").await));
}

/// P-08
#[tokio::test]
async fn what_is_open_outlives_an_issuer_that_is_down_by_a_minute() {
    let (clock, issuer, server) = start();
    issuer.says("opaque", issuer.good(3_600));
    let gate = gate(&clock, server);
    let admission = admit(&gate, "opaque").await;
    issuer.is(State::Down);
    let pass = async |seconds| {
        clock.advance(Duration::from_secs(seconds));
        let holds = gate.holds(&admission);
        settle().await;
        holds
    };
    assert!(pass(31).await && pass(50).await);
    issuer.is(State::Up);
    assert!(pass(2).await);
    assert!(pass(31).await && pass(31).await, "it has come back");
    issuer.is(State::Down);
    assert!(pass(31).await && pass(59).await && !pass(1).await);
}

#[tokio::test]
async fn asking_ends_with_its_owner() {
    let (clock, issuer, server) = start();
    issuer.says("opaque", issuer.good(3_600));
    let gate = gate(&clock, server);
    let admission = admit(&gate, "opaque").await;
    issuer.is(State::Hangs);
    clock.advance(Duration::from_secs(31));
    assert!(gate.holds(&admission));
    settle().await;
    assert_eq!(issuer.asked(), 2);
    drop((gate, admission));
    settle().await;
    assert_eq!(Arc::strong_count(&issuer.0), 1, "nothing of it is left");
}

/// S-03
#[test]
fn two_issuers_to_ask_and_words_about_signatures_are_problems() {
    let clock = ManualClock::new();
    let issuer = Issuer::new(&clock);
    let other = TokenValidator::introspection("https://b.example", "https://b.example/i", "x", Secret::new("y".into()));
    let two = AuthMiddleware::builder().with_token_validation(validator(&issuer)).with_token_validation(other).build();
    assert_eq!(two.unwrap_err().problems().len(), 1);
    let problems = |validator: TokenValidator| {
        let clock: Arc<dyn Clock> = Arc::new(clock.clone());
        let middleware = AuthMiddleware::builder().with_token_validation(validator).build().unwrap();
        middleware.into_authenticators(AUDIENCE, &clock).err().map_or(0, |problems| problems.len())
    };
    assert_eq!(problems(validator(&issuer)), 0);
    assert_eq!(problems(validator(&issuer).with_algorithms([crate::auth::JwtAlgorithm::ES256])), 1);
    assert_eq!(problems(validator(&issuer).with_token_types(["at+jwt"])), 1);
    let at = |url: &str| TokenValidator::introspection(ISSUER, url, "x", Secret::new("y".into()));
    assert_eq!(problems(at("http://id.example.com/i")), 1);
    assert_eq!(problems(at("http://127.0.0.1:1/i")), 1);
    assert_eq!(problems(at("http://127.0.0.1:1/i").allowing_insecure_loopback()), 0);
}
