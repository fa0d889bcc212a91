//! What the gate lets through, and what not.

mod parts;
mod proving;
mod told;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroUsize,
    time::Duration,
};

use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Method, Uri, Version, header::ORIGIN};
use mocopr_core::{
    call::{Call, CallTool, Request},
    clock::ManualClock,
    fault::{self, Fault},
    id::RequestId,
    json::RawJson,
    meta::Meta,
    peer::{HttpFacts, LocalUser, Peer, Place, Source},
    wire::revision::Revision,
};

use super::{refusal::refuse, *};
use crate::{
    auth::{Credential, Identity, LocalUsers, Pending, Rejected, Verdict},
    evidence::{Decided, Ending, Happening},
    origin::Rejection,
    policy::RateLimitPolicy,
    principal::{Holdings, Method as Verification},
    proxies::TrustedProxies,
    rate::RateLimit,
    redact::Secret,
    slow::Slowing,
};

/// Grants what its name says, to everybody.
#[derive(Debug)]
struct Granted(Grant);

impl Rules for Granted {
    fn grant(&self, _: &Principal, _: Kind, _: &str) -> Grant {
        self.0
    }

    fn depend_on_caller(&self) -> bool {
        true
    }
}

fn gate(grant: Grant) -> Gate {
    let rules: Arc<dyn Rules> = Arc::new(Granted(grant));
    Gate::new(SecurityPolicy::development(), Vec::new(), Some(rules), Arc::new(ManualClock::new()))
}

fn gate_of(policy: SecurityPolicy) -> Gate {
    Gate::new(policy, Vec::new(), None, Arc::new(ManualClock::new()))
}

fn holding(roles: &[&str], scopes: &[&str]) -> Principal {
    let boxed = |names: &[&str]| names.iter().map(|name| Box::from(*name)).collect();
    let holdings = Holdings::These { roles: boxed(roles), scopes: boxed(scopes) };
    Principal::new(Verification::Local, "https://id.example.com", "alice", None, holdings)
}

fn call(name: &str) -> Call {
    let tool = CallTool { name: name.into(), arguments: RawJson::empty_object(), input: Default::default() };
    Call {
        id: RequestId::Integer(1),
        revision: Revision::NEWEST_STATELESS,
        meta: Meta::default(),
        request: Request::CallTool(tool),
    }
}

fn found(need: &Requirement) -> Target<'_> {
    Target::Found { kind: Kind::Tool, name: "reset", need }
}

#[test]
fn each_of_the_four_answers_is_given_for_its_reason() {
    let need =
        Requirement { roles: vec!["admin".into()], scopes: vec!["a".into(), "b".into()], ..Requirement::default() };
    let admin = holding(&["admin"], &["a", "b"]);
    assert_eq!(gate(Grant::Use).decide(&admin, found(&need)), Decision::Permit);
    assert_eq!(gate(Grant::See).decide(&admin, found(&need)), Decision::Refused);
    assert_eq!(gate(Grant::Nothing).decide(&admin, found(&need)), Decision::Hidden);
    assert_eq!(gate(Grant::Use).decide(&holding(&["user"], &["a", "b"]), found(&need)), Decision::Hidden);
    let all = Box::from(["a".into(), "b".into()]);
    assert_eq!(gate(Grant::Use).decide(&holding(&["admin"], &["a"]), found(&need)), Decision::StepUp(all));
    assert_eq!(gate(Grant::Use).decide(&admin, Target::Missing), Decision::Hidden);
}

#[test]
fn hidden_and_unknown_are_denied_alike() {
    let need = Requirement { roles: vec!["admin".into()], ..Requirement::default() };
    let admission = Admission::of(holding(&["user"], &[]));
    let hidden = gate(Grant::Use).permit(&admission, call("reset"), found(&need)).unwrap_err();
    let unknown = gate(Grant::Use).permit(&admission, call("reset"), Target::Missing).unwrap_err();
    assert_eq!(hidden.fault, Fault::UnknownName(fault::Target::Tool));
    assert_eq!(hidden.fault, unknown.fault);
}

#[test]
fn an_unknown_name_costs_as_much_of_the_rate_as_a_known_one() {
    let policy = SecurityPolicy::development().with_principal_rate(RateLimit::per_minute(60).with_burst(2));
    let gate = gate_of(policy);
    let admission = Admission::of(Principal::local());
    let need = Requirement::default();
    assert!(gate.permit(&admission, call("nothing"), Target::Missing).is_err());
    assert!(gate.permit(&admission, call("reset"), found(&need)).is_ok());
    let denied = gate.permit(&admission, call("reset"), found(&need)).unwrap_err();
    assert_eq!(denied.fault, Fault::Rate { retry_after: Duration::from_secs(1) });
}

#[test]
fn a_permit_holds_a_place_among_the_concurrent_calls() {
    let mut limits = SecurityPolicy::development().limits().clone();
    limits.calls_per_principal = NonZeroUsize::MIN;
    let gate = gate_of(SecurityPolicy::development().with_limits(limits));
    let admission = Admission::of(Principal::local());
    let need = Requirement::default();
    let permit = gate.permit(&admission, call("reset"), found(&need)).unwrap();
    let denied = gate.permit(&admission, call("reset"), found(&need)).unwrap_err();
    assert!(matches!(denied.fault, Fault::Busy { .. }));
    drop(permit);
    assert!(gate.permit(&admission, call("reset"), found(&need)).is_ok());
}

#[test]
fn http_is_admitted_from_loopback_alone_and_only_with_its_address() {
    let gate = gate_of(SecurityPolicy::development());
    let headers = HeaderMap::from_iter([(http::header::HOST, HeaderValue::from_static("localhost:8080"))]);
    let uri = Uri::from_static("/mcp");
    let status = |addr: Option<IpAddr>| {
        let place = addr.map(|ip| Place::from(SocketAddr::new(ip, 1)));
        let http = HttpFacts { method: &Method::GET, version: Version::HTTP_11, uri: &uri, headers: &headers };
        gate.check_head(&Peer { place: place.as_ref(), tls: None, http }, &TrustedProxies::default(), None)
            .map_err(|refusal| refusal.status)
    };
    assert!(status(Some(Ipv4Addr::LOCALHOST.into())).is_ok());
    assert!(status(Some(Ipv4Addr::LOCALHOST.to_ipv6_mapped().into())).is_ok());
    assert_eq!(status(Some(Ipv4Addr::new(192, 0, 2, 1).into())).err(), Some(403));
    assert_eq!(status(None).err(), Some(500));
}

/// Knows one token and one key of alice, a token of bob, and one that has to be fetched first.
#[derive(Debug)]
struct Known;

impl Authenticator for Known {
    fn authenticate(&self, credential: Credential<'_>) -> Verdict {
        let who = |subject| {
            let identity =
                Identity { method: Verification::Token, issuer: "https://id.example.com", subject, tenant: None };
            crate::auth::Verified::new(identity, [].into(), [].into())
        };
        match credential {
            Credential::Bearer("alice") | Credential::ApiKey("alice") => Verdict::Verified(who("alice").by("key-1")),
            Credential::Bearer("short") => Verdict::Verified(who("alice").until(UNTIL)),
            Credential::Bearer("bob") => Verdict::Verified(who("bob")),
            Credential::Bearer("later") => {
                let verdict = Verdict::Verified(who("late"));
                Verdict::Later(Pending::new(async { verdict }))
            }
            Credential::Bearer("never") => {
                Verdict::Later(Pending::new(async { Verdict::Later(Pending::new(async { Verdict::Foreign })) }))
            }
            Credential::Bearer("slow") => Verdict::Later(Pending::new(std::future::pending())),
            Credential::Bearer("other") => Verdict::Foreign,
            Credential::Bearer("unknowable") => {
                Verdict::Unavailable { reason: Rejected::new("no keys"), retry_after: Duration::from_secs(5) }
            }
            Credential::Bearer(_) | Credential::ApiKey(_) => Verdict::Rejected(Rejected::new("unknown")),
        }
    }

    fn issuers(&self) -> Vec<Box<str>> {
        vec!["https://id.example.com".into()]
    }
}

/// Ten seconds after a manual clock begins.
const UNTIL: Duration = Duration::from_secs(1_767_225_610);

struct Guarded {
    gate: Gate,
    clock: ManualClock,
}

impl Guarded {
    fn new(rates: RateLimitPolicy) -> Self {
        let clock = ManualClock::new();
        let policy = SecurityPolicy::strict().with_public_url("https://mcp.example.com/mcp").with_rate_limiting(rates);
        let gate = Gate::new(policy, vec![Arc::new(Known)], None, Arc::new(clock.clone()));
        Self { gate, clock }
    }

    fn admit(&self, lines: &[(&'static str, &'static str)]) -> Result<Admission, Refusal> {
        let mut headers = HeaderMap::from_iter([(http::header::HOST, HeaderValue::from_static("mcp.example.com"))]);
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let uri = Uri::from_static("/mcp");
        let http = HttpFacts { method: &Method::GET, version: Version::HTTP_11, uri: &uri, headers: &headers };
        let place = SocketAddr::from(([192, 0, 2, 1], 1)).into();
        let peer = Peer { place: Some(&place), tls: None, http };
        let head = self.gate.check_head(&peer, &TrustedProxies::default(), None)?;
        self.gate.admit(head, &peer).now_or_never().unwrap()
    }

    fn status(&self, lines: &[(&'static str, &'static str)]) -> u16 {
        self.admit(lines).map_or_else(|refusal| refusal.status, |_| 200)
    }
}

/// S-30, S-37, P-08, P-10
#[test]
fn whoever_proves_nothing_is_not_admitted_and_hears_nothing_of_why() {
    let guarded = Guarded::new(RateLimitPolicy::unlimited());
    assert_eq!(guarded.admit(&[("authorization", "Bearer alice")]).unwrap().principal().subject(), "alice");
    assert_eq!(guarded.admit(&[("x-api-key", "alice")]).unwrap().principal().subject(), "alice");
    assert_eq!(guarded.admit(&[("authorization", "Bearer later")]).unwrap().principal().subject(), "late");
    let absent = guarded.admit(&[]).unwrap_err();
    assert_eq!((absent.status, absent.challenge), (401, Some(Challenge::Absent)));
    for credential in ["Bearer mallory", "Bearer other", "Bearer never", "Bearer", "Basic YTpi", "alice"] {
        let refusal = guarded.admit(&[("authorization", credential)]).unwrap_err();
        assert_eq!((refusal.status, refusal.challenge), (401, Some(Challenge::Invalid)), "{credential}");
        assert_eq!(refusal.fault, absent.fault, "{credential}");
    }
}

/// S-30
#[test]
fn what_cannot_be_known_now_is_not_called_wrong_and_costs_no_more_than_a_request() {
    let rates =
        RateLimitPolicy { address: Some(RateLimit::per_minute(60).with_burst(12)), ..RateLimitPolicy::unlimited() };
    let guarded = Guarded::new(rates);
    for _ in 0..11 {
        let refusal = guarded.admit(&[("authorization", "Bearer unknowable")]).unwrap_err();
        assert_eq!((refusal.status, refusal.challenge), (503, None));
        assert_eq!(refusal.fault, Fault::Busy { retry_after: Duration::from_secs(5) });
    }
    assert_eq!(guarded.status(&[("authorization", "Bearer alice")]), 200);
}

/// S-37, P-10
#[test]
fn two_credentials_must_prove_the_same_principal() {
    let guarded = Guarded::new(RateLimitPolicy::unlimited());
    assert_eq!(guarded.status(&[("authorization", "Bearer alice"), ("x-api-key", "alice")]), 200);
    assert_eq!(guarded.status(&[("authorization", "Bearer bob"), ("x-api-key", "alice")]), 400);
    assert_eq!(guarded.status(&[("authorization", "Bearer alice"), ("x-api-key", "mallory")]), 401);
    assert_eq!(guarded.status(&[("authorization", "Bearer alice"), ("authorization", "Bearer alice")]), 400);
}

/// S-32, S-80, P-08
#[test]
fn an_admission_ends_with_its_time_and_with_what_it_rests_on() {
    let guarded = Guarded::new(RateLimitPolicy::unlimited());
    let Guarded { gate, clock } = &guarded;
    let short = guarded.admit(&[("authorization", "Bearer short")]).unwrap();
    let keyed = guarded.admit(&[("authorization", "Bearer alice")]).unwrap();
    let bob = guarded.admit(&[("authorization", "Bearer bob")]).unwrap();
    clock.advance(Duration::from_millis(9_999));
    assert!(gate.holds(&short));
    clock.advance(Duration::from_millis(1));
    assert!(!gate.holds(&short) && gate.holds(&keyed));
    assert_eq!(guarded.status(&[("authorization", "Bearer short")]), 401);
    let denied = gate.permit(&short, call("reset"), Target::Protocol).unwrap_err();
    assert_eq!(denied.fault, Fault::Unauthenticated);

    gate.revocations().revoke_credential("https://id.example.com", "key-1");
    assert!(!gate.holds(&keyed) && gate.holds(&bob));
    assert_eq!(guarded.status(&[("authorization", "Bearer alice")]), 401);
    assert_eq!(guarded.status(&[("authorization", "Bearer bob")]), 200);
    gate.revocations().revoke_principal("https://id.example.com", "bob");
    assert!(!gate.holds(&bob));
    assert_eq!(guarded.status(&[("authorization", "Bearer bob")]), 401);
    gate.revocations().restore_principal("https://id.example.com", "bob");
    assert_eq!(guarded.status(&[("authorization", "Bearer bob")]), 200);
}

/// S-70
#[test]
fn a_failed_authentication_costs_an_address_ten_requests() {
    let rates =
        RateLimitPolicy { address: Some(RateLimit::per_minute(60).with_burst(30)), ..RateLimitPolicy::unlimited() };
    let guarded = Guarded::new(rates);
    let statuses = [(); 4].map(|()| guarded.status(&[("authorization", "Bearer mallory")]));
    assert_eq!(statuses, [401, 401, 401, 429]);
    let guarded = Guarded::new(rates);
    let statuses: Vec<u16> = (0..31).map(|_| guarded.status(&[("authorization", "Bearer bob")])).collect();
    assert!(statuses[..30].iter().all(|status| *status == 200) && statuses[30] == 429, "{statuses:?}");
}

/// S-70
#[test]
fn a_heavy_tool_has_a_rate_of_its_own_for_each_caller() {
    let rates = RateLimitPolicy { heavy: Some(RateLimit::per_minute(2)), ..RateLimitPolicy::unlimited() };
    let guarded = Guarded::new(rates);
    let need = Requirement { weight: Weight::Heavy, ..Requirement::default() };
    let call = |who: &Admission, need, name| {
        guarded.gate.permit(who, call(name), Target::Found { kind: Kind::Tool, name, need }).is_ok()
    };
    let alice = guarded.admit(&[("authorization", "Bearer alice")]).unwrap();
    let bob = guarded.admit(&[("authorization", "Bearer bob")]).unwrap();
    assert!(call(&alice, &need, "heavy") && call(&alice, &need, "heavy") && !call(&alice, &need, "heavy"));
    assert!(call(&alice, &need, "other") && call(&bob, &need, "heavy"));
    assert!(call(&alice, &Requirement::default(), "heavy"), "what is not heavy has no such rate");
}

/// S-33, S-71
#[test]
fn of_one_address_and_of_one_network_a_few_credentials_wait_for_a_key() {
    let guarded = Guarded::new(RateLimitPolicy::unlimited());
    let headers = HeaderMap::from_iter([
        (http::header::HOST, HeaderValue::from_static("mcp.example.com")),
        (http::header::AUTHORIZATION, HeaderValue::from_static("Bearer slow")),
    ]);
    let uri = Uri::from_static("/mcp");
    let wait = |address: [u8; 4]| {
        let http = HttpFacts { method: &Method::GET, version: Version::HTTP_11, uri: &uri, headers: &headers };
        let place = SocketAddr::from((address, 1)).into();
        let peer = Peer { place: Some(&place), http, tls: None };
        let head = guarded.gate.check_head(&peer, &TrustedProxies::default(), None).unwrap();
        let (gate, headers) = (&guarded.gate, &headers);
        let mut admitted = Box::pin(async move {
            let uri = Uri::from_static("/mcp");
            let http = HttpFacts { method: &Method::GET, version: Version::HTTP_11, uri: &uri, headers };
            let place = SocketAddr::from((address, 1)).into();
            gate.admit(head, &Peer { place: Some(&place), http, tls: None }).await
        });
        match (&mut admitted).now_or_never() {
            None => Ok(admitted),
            Some(refused) => Err(refused.unwrap_err().status),
        }
    };
    let mut held: Vec<_> = (0..32).map(|_| wait([192, 0, 2, 1]).ok().unwrap()).collect();
    assert_eq!(wait([192, 0, 2, 1]).err(), Some(503));
    held.extend((0..32).map(|n| wait([192, 0, 3, n]).ok().unwrap()));
    assert_eq!(wait([192, 0, 4, 1]).err(), Some(503), "its network has all of its places");
    let elsewhere = wait([198, 51, 100, 1]).ok();
    assert!(elsewhere.is_some());
    drop(held.remove(0));
    assert!(wait([192, 0, 2, 1]).is_ok(), "who no longer waits makes room");
    drop((held, elsewhere));
    assert_eq!((guarded.gate.waits.in_use(), guarded.gate.waits.keys()), (0, 0));
}

/// S-71
#[test]
fn tables_of_rates_keep_nothing_of_what_a_caller_holds() {
    let limit = Some(RateLimit::per_minute(10));
    let guarded = Guarded::new(RateLimitPolicy { principal: limit, heavy: limit, ..RateLimitPolicy::unlimited() });
    let need = Requirement { weight: Weight::Heavy, ..Requirement::default() };
    let alice = guarded.admit(&[("authorization", "Bearer alice")]).unwrap();
    let before = alice.principal().holders();
    let target = Target::Found { kind: Kind::Tool, name: "heavy", need: &need };
    drop(guarded.gate.permit(&alice, call("heavy"), target).unwrap());
    assert_eq!(alice.principal().holders(), before);
}

/// S-03, P-30
#[test]
fn the_public_url_gives_the_only_host_and_the_only_origin() {
    let guarded = Guarded::new(RateLimitPolicy::unlimited());
    let uri = Uri::from_static("/mcp");
    let status = |lines: &[(&'static str, &'static str)]| {
        let headers: HeaderMap = lines
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let http = HttpFacts { method: &Method::GET, version: Version::HTTP_11, uri: &uri, headers: &headers };
        let place = SocketAddr::from(([127, 0, 0, 1], 1)).into();
        let head =
            guarded.gate.check_head(&Peer { place: Some(&place), tls: None, http }, &TrustedProxies::default(), None);
        head.map_or_else(|refusal| refusal.status, |_| 200)
    };
    assert_eq!(status(&[("host", "mcp.example.com")]), 200);
    assert_eq!(status(&[("host", "mcp.example.com:443"), ("origin", "https://mcp.example.com")]), 200);
    assert_eq!(status(&[("host", "localhost")]), 403);
    assert_eq!(status(&[("host", "mcp.example.com"), ("origin", "http://localhost")]), 403);
    assert_eq!(status(&[("host", "mcp.example.com"), ("origin", "https://evil.example.com")]), 403);
}

/// P-01
#[test]
fn without_a_token_the_user_of_this_machine_holds_nothing_under_the_strict_profile() {
    let guarded = Guarded::new(RateLimitPolicy::unlimited());
    let local = guarded.gate.admit_pipe();
    assert!(!local.principal().has_role("admin") && !local.principal().has_scope("a"));
    let development = gate_of(SecurityPolicy::development()).admit_pipe();
    assert!(development.principal().has_role("admin"));
    let token = Secret::new(String::from("alice"));
    let admitted = guarded.gate.admit_stdio(Some(&token)).now_or_never().unwrap().unwrap();
    assert_eq!(admitted.principal().subject(), "alice");
    let token = Secret::new(String::from("mallory"));
    assert!(guarded.gate.admit_stdio(Some(&token)).now_or_never().unwrap().is_err());
}

/// Proves somebody by a credential that is bound to a certificate.
#[derive(Debug)]
struct Holder;

impl Authenticator for Holder {
    fn authenticate(&self, _: Credential<'_>) -> Verdict {
        let identity =
            Identity { method: Verification::Token, issuer: "https://id.example.com", subject: "alice", tenant: None };
        Verdict::Verified(crate::auth::Verified::new(identity, [].into(), [].into()).bound_to_certificate([7; 32]))
    }
}

/// S-13
#[test]
fn a_token_of_a_certificate_proves_nobody_on_standard_streams() {
    let gate = Gate::new(SecurityPolicy::strict(), vec![Arc::new(Holder)], None, Arc::new(ManualClock::new()));
    let token = Secret::new(String::from("bound"));
    let rejected = gate.admit_stdio(Some(&token)).now_or_never().unwrap().unwrap_err();
    assert_eq!(rejected.reason(), "the token is bound to what is not proven");
}

/// S-97
#[test]
fn whoever_lacks_a_nonce_alone_is_not_slowed() {
    let slowing = Slowing::after(RateLimit::per_minute(1));
    let gate = gate_of(SecurityPolicy::strict().with_slowing(slowing));
    let address = Source::Address(Ipv4Addr::LOCALHOST.into());
    let because = |challenge| Refusal { challenge: Some(challenge), ..refusal(Fault::Unauthenticated) };
    for _ in 0..3 {
        assert!(gate.slow(address, &because(Challenge::Nonce("nonce".into()))).is_none());
    }
    assert!(gate.slow(address, &because(Challenge::Invalid)).is_none(), "the first one is free");
    assert!(gate.slow(address, &because(Challenge::Invalid)).is_some());
}

/// A server without a public URL, on a Unix socket whose other end is a process of this user.
fn over_unix(policy: SecurityPolicy, uid: u32, lines: &[(&'static str, &'static str)]) -> Result<Principal, u16> {
    let authenticators: Vec<Arc<dyn Authenticator>> = match policy.requires_authentication() {
        true => vec![Arc::new(Known)],
        false => Vec::new(),
    };
    let gate = Gate::new(policy, authenticators, None, Arc::new(ManualClock::new()));
    let headers: HeaderMap = lines
        .iter()
        .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect();
    let uri = Uri::from_static("/mcp");
    let http = HttpFacts { method: &Method::GET, version: Version::HTTP_11, uri: &uri, headers: &headers };
    let place = Place::User(Arc::new(LocalUser { uid, gid: 7, pid: None, told: false.into() }));
    let peer = Peer { place: Some(&place), tls: None, http };
    let head = gate.check_head(&peer, &TrustedProxies::default(), None).map_err(|refusal| refusal.status)?;
    assert_eq!(head.from(), Source::User(uid));
    let admitted = gate.admit(head, &peer).now_or_never().unwrap().map_err(|refusal| refusal.status)?;
    assert_eq!(admitted.from(), Some(Source::User(uid)));
    Ok(admitted.principal().clone())
}

/// P-21, S-30
#[test]
fn over_a_unix_socket_a_user_is_who_the_system_says_or_whom_a_credential_proves() {
    let strict = || SecurityPolicy::strict().with_local_users(LocalUsers::new().with_user(1000, ["editor"]));
    let host = ("host", "localhost");
    let named = over_unix(strict(), 1000, &[host]).unwrap();
    assert_eq!((named.issuer(), named.subject(), named.method()), ("unix", "uid:1000", Verification::Unix));
    assert!(named.has_role("editor") && !named.has_role("admin"));
    for uid in [1001, 0] {
        assert_eq!(over_unix(strict(), uid, &[host]), Err(401), "{uid}");
        let alice = over_unix(strict(), uid, &[host, ("authorization", "Bearer alice")]).unwrap();
        assert_eq!(alice.subject(), "alice");
    }
    // A credential that does not hold is not made good by who presents it.
    assert_eq!(over_unix(strict(), 1000, &[host, ("authorization", "Bearer mallory")]), Err(401));
    assert_eq!(over_unix(SecurityPolicy::strict(), 1000, &[host]), Err(401));
}

/// P-21, S-02
#[test]
fn over_a_unix_socket_a_developer_is_the_user_of_the_process_or_whoever_is_named() {
    let me = rustix::process::geteuid().as_raw();
    let (other, host) = (me + 1, ("host", "localhost"));
    let development = SecurityPolicy::development;
    assert_eq!(over_unix(development(), me, &[host]).unwrap(), Principal::local());
    assert_eq!(over_unix(development(), 0, &[host]).unwrap(), Principal::local());
    assert_eq!(over_unix(development(), other, &[host]), Err(403));
    let named = || development().with_local_users(LocalUsers::new().with_user(other, ["reader"]));
    assert!(!over_unix(named(), other, &[host]).unwrap().holds_everything());
    for lines in [&[host][..], &[host, ("authorization", "Bearer alice")]] {
        assert_eq!(over_unix(named(), me, lines), Err(401));
    }
}

/// P-21, S-24, P-30
#[test]
fn a_unix_socket_has_the_names_of_this_machine_and_no_pages_and_no_proxies() {
    let strict = || SecurityPolicy::strict().with_local_users(LocalUsers::new().with_user(1000, [""; 0]));
    let public = || strict().with_public_url("https://mcp.example.com/mcp");
    let status = |policy, lines: &[_]| over_unix(policy, 1000, lines).map_or_else(|status| status, |_| 200);
    for host in ["localhost", "127.0.0.1:80", "[::1]"] {
        assert_eq!((status(strict(), &[("host", host)]), status(public(), &[("host", host)])), (200, 200), "{host}");
    }
    assert_eq!(status(public(), &[("host", "mcp.example.com")]), 200);
    for host in ["mcp.example.com", "evil.example.com", "localhost.evil.example.com"] {
        assert_eq!(status(strict(), &[("host", host)]), 403, "{host}");
    }
    assert_eq!(status(strict(), &[]), 400);
    let page = |origin| [("host", "localhost"), ("origin", origin)];
    assert_eq!(status(strict(), &page("http://localhost")), 403);
    assert_eq!(status(public(), &page("https://evil.example.com")), 403);
    assert_eq!(status(strict().with_allowed_origin("https://app.example.com"), &page("https://app.example.com")), 200);
    for name in ["x-forwarded-for", "forwarded"] {
        assert_eq!(status(strict(), &[("host", "localhost"), (name, "127.0.0.1")]), 400, "{name}");
    }
}
