//! What those who keep account hear of the gate, and what the owner may know of a refusal.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use super::*;
use crate::{
    auth::Verified,
    evidence::{Bytes, Witness},
};

/// Writes down what it hears, a line each.
#[derive(Debug, Default)]
struct Ledger {
    lines: Mutex<Vec<String>>,
    is_full: AtomicBool,
}

impl Witness for Ledger {
    fn saw(&self, happening: &Happening<'_>) {
        let who = happening.who.map_or("nobody", Principal::subject);
        let from = happening.from.map_or("nowhere".to_owned(), |from| from.to_string());
        let ending = happening.ending;
        self.lines.lock().unwrap().push(format!(
            "{}: {who} from {from}, {} {:?}: {} {:?}, {} bytes and {}",
            happening.event.as_str(),
            happening.action,
            happening.target,
            ending.decision.as_str(),
            ending.reason,
            happening.bytes.read,
            happening.bytes.answered,
        ));
    }

    fn is_able(&self) -> bool {
        !self.is_full.load(Ordering::Relaxed)
    }
}

impl Ledger {
    /// What was written down since this was asked before.
    fn lines(&self) -> Vec<String> {
        std::mem::take(&mut self.lines.lock().unwrap())
    }
}

/// What [`Known`] knows, and a ledger of it.
fn kept() -> (Guarded, Arc<Ledger>) {
    let (Guarded { gate, clock }, ledger) = (Guarded::new(RateLimitPolicy::unlimited()), Arc::new(Ledger::default()));
    let gate = gate.with_evidence(Evidence::new([ledger.clone() as Arc<dyn Witness>]));
    (Guarded { gate, clock }, ledger)
}

/// S-90
#[test]
fn a_refused_head_is_told_once_with_where_it_came_from_and_why() {
    let (guarded, ledger) = kept();
    let line =
        |reason| format!("security_violation: nobody from 192.0.2.1, head \"\": refused {reason:?}, 0 bytes and 0");
    for (header, status, reason) in [
        (("origin", "https://evil.example.com"), 403, "origin"),
        (("host", "mcp.example.com"), 400, "host"),
        (("forwarded", "for=192.0.2.7"), 400, "forwarded"),
    ] {
        assert_eq!((guarded.status(&[header]), ledger.lines()), (status, vec![line(reason)]), "{header:?}");
    }
    guarded.gate.revocations().revoke_address("192.0.2.0/24").unwrap();
    let revoked = "administration: nobody from nowhere, revoke_address \"192.0.2.0/24\": permitted \"\", 0 bytes and 0";
    assert_eq!(ledger.lines(), [revoked]);
    let refusal = guarded.admit(&[("authorization", "Bearer alice")]).unwrap_err();
    assert_eq!((refusal.status, refusal.fault, refusal.reason), (403, Fault::Refused, "revoked address"));
    assert_eq!(ledger.lines(), [line("revoked address")]);
}

/// S-90
#[test]
fn each_credential_that_proves_nobody_is_told_with_the_reason_that_its_sender_never_hears() {
    let (guarded, ledger) = kept();
    for (lines, reason) in [
        (&[][..], "no credential"),
        (&[("authorization", "Bearer mallory")], "unknown"),
        (&[("authorization", "Basic YTpi")], "not a credential of a known kind"),
        (&[("authorization", "Bearer other")], "no authenticator knows this kind of credential"),
        (&[("authorization", "Bearer unknowable")], "no keys"),
        (&[("authorization", "Bearer bob"), ("x-api-key", "alice")], "more than one credential"),
    ] {
        let refusal = guarded.admit(lines).unwrap_err();
        assert_eq!(refusal.reason, reason);
        let line =
            format!("authentication: nobody from 192.0.2.1, authenticate \"\": refused {reason:?}, 0 bytes and 0");
        assert_eq!(ledger.lines(), [line], "{lines:?}");
    }
    let token = Secret::new(String::from("mallory"));
    assert!(guarded.gate.admit_stdio(Some(&token)).now_or_never().unwrap().is_err());
    let line = "authentication: nobody from nowhere, authenticate \"\": refused \"unknown\", 0 bytes and 0";
    assert_eq!(ledger.lines(), [line]);
}

/// Remembers whom its only credential proves.
#[derive(Debug)]
struct Remembers(Verified);

impl Authenticator for Remembers {
    fn authenticate(&self, _: Credential<'_>) -> Verdict {
        Verdict::Verified(self.0.clone())
    }
}

/// S-90
#[test]
fn a_credential_that_holds_is_told_by_its_name_when_it_is_first_seen() {
    let identity =
        Identity { method: Verification::Token, issuer: "https://id.example.com", subject: "alice", tenant: None };
    let remembers = Remembers(Verified::new(identity, [].into(), [].into()).by("key-1"));
    let ledger = Arc::new(Ledger::default());
    let policy = SecurityPolicy::strict().with_public_url("https://mcp.example.com/mcp");
    let clock = ManualClock::new();
    let gate = Gate::new(policy, vec![Arc::new(remembers)], None, Arc::new(clock.clone()))
        .with_evidence(Evidence::new([ledger.clone() as Arc<dyn Witness>]));
    let guarded = Guarded { gate, clock };
    assert_eq!(guarded.status(&[("authorization", "Bearer alice")]), 200);
    let line = "authentication: alice from 192.0.2.1, authenticate \"key-1\": permitted \"\", 0 bytes and 0";
    assert_eq!(ledger.lines(), [line]);
    assert_eq!(guarded.status(&[("authorization", "Bearer alice")]), 200);
    assert_eq!(ledger.lines(), [""; 0], "it was seen before");
}

/// S-90
#[test]
fn messages_sessions_and_calls_are_told_with_who_and_from_where() {
    let (guarded, ledger) = kept();
    let gate = &guarded.gate;
    assert!(gate.evidence().is_kept());
    let alice = guarded.admit(&[("authorization", "Bearer alice")]).unwrap();
    ledger.lines();
    gate.tell_malformed(&alice, "parse", Bytes { read: 7, answered: 3 });
    gate.tell_session(&alice, "session/end");
    gate.account(&alice, &call("reset"), 5).expect("somebody keeps it").end(Ending::SUCCESS, 9);
    drop(gate.account(&alice, &call("reset"), 5));
    assert_eq!(
        ledger.lines(),
        [
            "security_violation: alice from 192.0.2.1, message \"\": refused \"parse\", 7 bytes and 3",
            "protocol: alice from 192.0.2.1, session/end \"\": permitted \"\", 0 bytes and 0",
            "tool_execution: alice from 192.0.2.1, tools/call \"reset\": permitted \"\", 5 bytes and 9",
            "tool_execution: alice from 192.0.2.1, tools/call \"reset\": permitted \"\", 5 bytes and 0",
        ]
    );
    let nobody_listens = gate_of(SecurityPolicy::development());
    assert!(nobody_listens.account(&alice, &call("reset"), 5).is_none());
}

/// S-93
#[test]
fn nothing_is_permitted_that_cannot_be_written_down() {
    let (guarded, ledger) = kept();
    let alice = guarded.admit(&[("authorization", "Bearer alice")]).unwrap();
    let need = Requirement::default();
    ledger.is_full.store(true, Ordering::Relaxed);
    for target in [Target::Protocol, Target::Missing, found(&need)] {
        let denied = guarded.gate.permit(&alice, call("reset"), target).unwrap_err();
        assert_eq!(denied.fault, Fault::Busy { retry_after: Duration::from_secs(1) });
        assert_eq!(denied.ending, Ending::refused(Decided::Refused, "unrecorded"));
    }
    ledger.is_full.store(false, Ordering::Relaxed);
    assert!(guarded.gate.permit(&alice, call("reset"), found(&need)).is_ok());
}

/// S-70, S-90
#[test]
fn each_denial_says_to_its_owner_what_it_was() {
    let named = |roles: &[&str], scopes: &[&str], weight| {
        let boxed = |names: &[&str]| names.iter().map(|name| Box::from(*name)).collect();
        Requirement { roles: boxed(roles), scopes: boxed(scopes), weight }
    };
    let plain = Requirement::default();
    let (role, scope) = (named(&["admin"], &[], Weight::Ordinary), named(&[], &["a"], Weight::Ordinary));
    let heavy = named(&[], &[], Weight::Heavy);
    let admission = Admission::of(holding(&["user"], &[]));
    for (grant, target, decision, reason) in [
        (Grant::Use, found(&role), Decided::Hidden, "unknown_name"),
        (Grant::Nothing, found(&plain), Decided::Hidden, "unknown_name"),
        (Grant::Use, Target::Missing, Decided::Unknown, "unknown_name"),
        (Grant::See, found(&plain), Decided::Refused, "refused"),
        (Grant::Use, found(&scope), Decided::StepUp, "scope"),
    ] {
        let denied = gate(grant).permit(&admission, call("reset"), target).unwrap_err();
        assert_eq!(denied.ending, Ending::refused(decision, reason), "{grant:?} {target:?}");
    }
    let rates = RateLimitPolicy {
        principal: Some(RateLimit::per_minute(2)),
        heavy: Some(RateLimit::per_minute(1)),
        ..RateLimitPolicy::unlimited()
    };
    let gate = gate_of(SecurityPolicy::development().with_rate_limiting(rates));
    let permit = |need| gate.permit(&admission, call("reset"), found(need)).map_err(|denied| denied.ending);
    assert!(permit(&heavy).is_ok());
    assert_eq!(permit(&heavy).unwrap_err(), Ending::refused(Decided::Refused, "heavy_rate"));
    assert_eq!(permit(&plain).unwrap_err(), Ending::refused(Decided::Refused, "rate"));
}
