//! What a gate was given takes part in what it decides: a switch, revocations, rules, authenticators, a policy.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::{
    auth::{Proof, Verified},
    rbac::{AccessRules, RoleBasedAccessControl},
    stop::KillSwitch,
};

/// S-79
#[test]
fn a_switch_that_is_turned_hides_tools_from_everybody() {
    let stopper = KillSwitch::builder().keeping(&["status"]).build().open().unwrap();
    let gate = gate_of(SecurityPolicy::development()).with_kill_switch(Some(stopper));
    let (local, need) = (Principal::local(), Requirement::default());
    let decide = |kind, name| gate.decide(&local, Target::Found { kind, name, need: &need });
    assert_eq!(decide(Kind::Tool, "reset"), Decision::Permit);
    assert!(!gate.stops(Kind::Tool, "reset") && gate.is_unrestricted(&local));
    assert!(gate.stopper().unwrap().stop().0.is_some());
    assert_eq!(decide(Kind::Tool, "reset"), Decision::Hidden);
    assert!(gate.stops(Kind::Tool, "reset") && !gate.is_unrestricted(&local));
    for (kind, name) in [(Kind::Tool, "status"), (Kind::Prompt, "reset"), (Kind::Resource, "a:b")] {
        assert_eq!((decide(kind, name), gate.stops(kind, name)), (Decision::Permit, false), "{kind:?}");
    }
}

/// S-80
#[test]
fn whom_revocations_of_its_owner_name_is_not_believed() {
    let (Guarded { gate, clock }, revocations) = (Guarded::new(RateLimitPolicy::unlimited()), Revocations::default());
    let guarded = Guarded { gate: gate.with_revocations(revocations.clone()), clock };
    revocations.revoke_principal("https://id.example.com", "alice");
    assert_eq!(guarded.status(&[("authorization", "Bearer alice")]), 401);
    assert_eq!(guarded.status(&[("authorization", "Bearer bob")]), 200);
    let stdio = |token: &str| {
        let token = Secret::new(token.to_owned());
        guarded.gate.admit_stdio(Some(&token)).now_or_never().unwrap().map_err(Rejected::reason)
    };
    assert_eq!(stdio("alice").unwrap_err(), "revoked or expired");
    assert_eq!(stdio("bob").unwrap().principal().subject(), "bob");
    revocations.restore_principal("https://id.example.com", "alice");
    assert!(stdio("short").is_ok());
    guarded.clock.advance(Duration::from_secs(10));
    assert_eq!(stdio("short").unwrap_err(), "revoked or expired");
}

/// Proves alice until it is told otherwise, and says whether it was asked to look at its files.
#[derive(Clone, Debug, Default)]
struct Revisable(Arc<Answers>);

#[derive(Debug, Default)]
struct Answers {
    is_withdrawn: AtomicBool,
    is_proof_gone: AtomicBool,
    has_files: AtomicBool,
    was_looked_at: AtomicBool,
}

impl Authenticator for Revisable {
    fn authenticate(&self, _: Credential<'_>) -> Verdict {
        let identity =
            Identity { method: Verification::Token, issuer: "https://id.example.com", subject: "alice", tenant: None };
        Verdict::Verified(Verified::new(identity, [].into(), [].into()).while_it_stands(self.0.clone()))
    }

    fn still_proves(&self, _: &Principal, _: Option<&str>) -> bool {
        !self.0.is_withdrawn.load(Ordering::Relaxed)
    }

    fn watches(&self) -> bool {
        self.0.has_files.load(Ordering::Relaxed)
    }

    fn look(&self) {
        self.0.was_looked_at.store(true, Ordering::Relaxed);
    }
}

impl Proof for Answers {
    fn stands(&self) -> bool {
        !self.is_proof_gone.load(Ordering::Relaxed)
    }
}

/// S-80, P-08
#[test]
fn an_admission_ends_when_what_proved_it_says_so_no_longer() {
    let (revisable, clock) = (Revisable::default(), ManualClock::new());
    let policy = SecurityPolicy::strict().with_public_url("https://mcp.example.com/mcp");
    let gate = Gate::new(policy, vec![Arc::new(revisable.clone())], None, Arc::new(clock.clone()));
    let guarded = Guarded { gate, clock };
    let alice = guarded.admit(&[("authorization", "Bearer alice")]).unwrap();
    let answers = &revisable.0;
    for answer in [&answers.is_withdrawn, &answers.is_proof_gone] {
        assert!(guarded.gate.holds(&alice));
        answer.store(true, Ordering::Relaxed);
        assert!(!guarded.gate.holds(&alice), "one of the two is enough");
        answer.store(false, Ordering::Relaxed);
    }
}

/// S-80
#[test]
fn what_a_credential_proves_can_lapse_and_who_is_simply_there_cannot() {
    let guarded = Guarded::new(RateLimitPolicy::unlimited());
    let alice = guarded.admit(&[("authorization", "Bearer alice")]).unwrap();
    assert!(guarded.gate.can_lapse(&alice));
    let local = guarded.gate.admit_pipe();
    assert!(!guarded.gate.can_lapse(&local));
    assert!(!guarded.gate.can_lapse(&local.at(Source::User(1000))), "no file can come to name it");
}

/// S-35
#[test]
fn authenticators_with_files_are_looked_at() {
    let revisable = Revisable::default();
    let authenticators: Vec<Arc<dyn Authenticator>> = vec![Arc::new(Known), Arc::new(revisable.clone())];
    let gate = Gate::new(SecurityPolicy::strict(), authenticators, None, Arc::new(ManualClock::new()));
    assert!(!gate.authenticators_watch());
    revisable.0.has_files.store(true, Ordering::Relaxed);
    assert!(gate.authenticators_watch());
    gate.look_at_authenticators();
    assert!(revisable.0.was_looked_at.load(Ordering::Relaxed));
}

/// A request with that token, from this machine, by its name.
fn local_with_token(gate: &Gate) -> Result<Principal, u16> {
    let headers = HeaderMap::from_iter([
        (http::header::HOST, HeaderValue::from_static("localhost")),
        (http::header::AUTHORIZATION, HeaderValue::from_static("Bearer mallory")),
    ]);
    let uri = Uri::from_static("/mcp");
    let http = HttpFacts { method: &Method::GET, version: Version::HTTP_11, uri: &uri, headers: &headers };
    let place = SocketAddr::from((Ipv4Addr::LOCALHOST, 1)).into();
    let peer = Peer { place: Some(&place), tls: None, http };
    let head = gate.check_head(&peer, &TrustedProxies::default(), None).map_err(|refusal| refusal.status)?;
    let admitted = gate.admit(head, &peer).now_or_never().unwrap();
    admitted.map(|admission| admission.principal().clone()).map_err(|refusal| refusal.status)
}

/// S-02, S-30
#[test]
fn a_credential_is_passed_over_only_where_nobody_looks_at_any_and_none_is_required() {
    let gate = |policy, authenticators| Gate::new(policy, authenticators, None, Arc::new(ManualClock::new()));
    let (development, strict) = (SecurityPolicy::development, SecurityPolicy::strict);
    assert_eq!(local_with_token(&gate(development(), Vec::new())), Ok(Principal::local()));
    assert_eq!(local_with_token(&gate(strict(), Vec::new())), Err(401));
    assert_eq!(local_with_token(&gate(development(), vec![Arc::new(Known)])), Err(401));
    assert_eq!(local_with_token(&gate(strict(), vec![Arc::new(Known)])), Err(401));
}

/// S-40, S-42, S-43
#[test]
fn rules_decide_also_of_scopes_of_what_is_reached_and_of_whose_lists_are_shared() {
    let rules = RoleBasedAccessControl::builder()
        .with_role("user", &["tools:call:echo"])
        .with_scope_implies("notes", &["notes:read"])
        .build()
        .unwrap();
    let clock = || Arc::new(ManualClock::new());
    let ruled = Gate::new(SecurityPolicy::development(), Vec::new(), Some(Arc::new(rules)), clock());
    assert!(ruled.holds_scope(&holding(&[], &["notes"]), "notes:read"));
    assert!(!ruled.holds_scope(&holding(&["user"], &["notes:write"]), "notes:read"));
    assert!(ruled.reaches(Kind::Tool, "echo") && !ruled.reaches(Kind::Tool, "reset"));
    assert!(ruled.depends_on_caller() && !ruled.is_unrestricted(&Principal::local()));

    let open = gate_of(SecurityPolicy::development());
    assert!(open.reaches(Kind::Tool, "reset") && !open.depends_on_caller());
    assert!(open.is_unrestricted(&Principal::local()) && !open.is_unrestricted(&holding(&["admin"], &[])));
    let granted = Granted(Grant::Use);
    assert!(granted.defines_role("admin") && granted.reaches(Kind::Prompt, "say"), "unless rules know better");
}

/// S-72
#[test]
fn calls_and_streams_of_everybody_are_counted_and_those_of_one_are_bounded() {
    let mut limits = SecurityPolicy::development().limits().clone();
    limits.streams_per_principal = NonZeroUsize::MIN.saturating_add(1);
    let gate = gate_of(SecurityPolicy::development().with_limits(limits));
    let (alice, local) = (Admission::of(holding(&[], &[])), gate.admit_pipe());
    let need = Requirement::default();
    let permit = |who, target| gate.permit(who, call("reset"), target).unwrap();
    let calls = [&alice, &alice, &local].map(|who| permit(who, found(&need)));
    let _protocol = permit(&alice, Target::Protocol);
    assert_eq!(gate.calls_under_way(), 3, "what the protocol itself answers takes no place");
    drop(calls.map(Permit::into_call));
    assert_eq!(gate.calls_under_way(), 0);

    let streams = [&alice, &alice, &local].map(|who| gate.open_stream(who).unwrap());
    assert_eq!(gate.open_streams(), 3);
    assert_eq!(gate.open_stream(&alice).unwrap_err(), Fault::Busy { retry_after: Duration::from_secs(1) });
    drop(streams);
    assert_eq!(gate.open_streams(), 0);
    assert!(gate.open_stream(&alice).is_ok());
}

/// S-17
#[test]
fn answers_may_be_read_by_pages_that_the_owner_named() {
    let page = |origin| HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static(origin))]);
    let app = "https://app.example.com";
    let listed = gate_of(SecurityPolicy::strict().with_allowed_origin(app));
    assert_eq!(listed.reader(&page(app)), Some(HeaderValue::from_static(app)));
    assert_eq!(listed.reader(&page("https://evil.example.com")), None);
    let every = gate_of(SecurityPolicy::development().with_cors_allow_all(true));
    assert_eq!(every.reader(&page(app)), Some(HeaderValue::from_static("*")));
    assert_eq!(every.reader(&HeaderMap::new()), None);
}

/// P-10, P-30
#[test]
fn a_head_that_is_not_allowed_reads_like_any_refusal_and_a_malformed_one_says_what_it_lacks() {
    for (rejection, status, fault) in [
        (Rejection::HostForeign, 403, Fault::Refused),
        (Rejection::OriginForeign, 403, Fault::Refused),
        (Rejection::HostAbsent, 400, Fault::Envelope("the request names no host")),
        (Rejection::Forwarded, 400, Fault::Envelope(Rejection::Forwarded.sentence())),
        (Rejection::ContentType, 415, Fault::Envelope(Rejection::ContentType.sentence())),
    ] {
        let refusal = refuse(rejection);
        assert_eq!((refusal.status, refusal.fault, refusal.challenge), (status, fault, None), "{rejection:?}");
    }
}

/// P-03, P-05
#[test]
fn where_tokens_come_from_is_said_by_a_server_with_issuers_and_at_its_paths_alone() {
    let guarded = Guarded::new(RateLimitPolicy::unlimited());
    let gate = &guarded.gate;
    let paths = ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"];
    assert_eq!(gate.metadata_paths(), paths);
    let scopes = ["notes:read".into()];
    for path in paths {
        let document = String::from_utf8(gate.resource_metadata(path, &scopes, None).unwrap()).unwrap();
        assert!(document.starts_with(r#"{"resource":"https://mcp.example.com/mcp""#), "{document}");
        assert!(document.contains("notes:read"), "{document}");
    }
    assert_eq!(gate.resource_metadata("/mcp", &scopes, None), None);
    let challenge = gate.challenge(&Challenge::Absent, &scopes);
    let expected = "Bearer scope=\"notes:read\", \
                    resource_metadata=\"https://mcp.example.com/.well-known/oauth-protected-resource/mcp\"";
    assert_eq!(challenge, expected);
    let without = gate_of(SecurityPolicy::development());
    assert_eq!((without.metadata_paths(), without.resource_metadata(paths[0], &scopes, None)), (Vec::new(), None));
}

/// S-42
#[test]
fn what_decides_what_is_seen_is_one_for_all_of_the_same_roles_and_another_after_every_change() {
    let rules = || RoleBasedAccessControl::builder().with_role("user", &["tools:call"]).build().unwrap();
    let live = AccessRules::new(rules());
    let stopper = KillSwitch::builder().build().open().unwrap();
    let (policy, clock) = (SecurityPolicy::development(), Arc::new(ManualClock::new()));
    let gate = Gate::new(policy, Vec::new(), Some(Arc::new(live.clone())), clock).with_kill_switch(Some(stopper));
    let user = holding(&["user"], &[]);
    let mut seen = Vec::new();
    let mut is_new = |who: &Principal| {
        let sight = gate.sight(who).unwrap();
        let is_new = !seen.contains(&sight);
        seen.push(sight);
        is_new
    };
    for roles in [&[][..], &["user"], &["us", "er"], &["use", "r"], &["user", "r"]] {
        assert!(is_new(&holding(roles, &[])), "{roles:?}");
    }
    assert!(is_new(&Principal::local()), "who holds everything has no roles");
    assert!(!is_new(&holding(&["user"], &["notes:read"])), "scopes hide nothing");
    assert!(gate.stopper().unwrap().stop().0.is_some());
    assert!(is_new(&user) && !is_new(&user));
    assert!(gate.stopper().unwrap().resume().unwrap().is_some());
    assert!(is_new(&user), "not as before it was turned twice");
    live.replace(rules());
    assert!(is_new(&user));

    assert_eq!((rules().edition(), Everything.edition()), (Some(0), Some(0)), "they never change");
    assert!(gate_of(SecurityPolicy::development()).sight(&user).is_some());
    assert_eq!(self::gate(Grant::Use).sight(&user), None, "more may decide");
}
