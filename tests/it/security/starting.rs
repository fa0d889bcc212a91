//! What keeps a server from being built or started, and what an owner reads of what is in force.

use std::time::Duration;

use mocopr::{
    HttpConfig, McpServer,
    audit::AuditLogger,
    auth::LocalUsers,
    prelude::*,
    security::{KillSwitch, Limits, RateLimit, RateLimitPolicy, Report, Revocations, RoleBasedAccessControl, Slowing},
};

use super::guarded::{Names, policy};

fn problems(policy: SecurityPolicy) -> Vec<String> {
    match McpServer::builder().with_info("x", "1").with_security_policy(policy).build() {
        Ok(server) => server.check(&HttpConfig::loopback(0)).iter().map(|problem| problem.what().to_owned()).collect(),
        Err(error) => error.problems().iter().map(|problem| problem.what().to_owned()).collect(),
    }
}

/// S-02, S-03
#[test]
fn each_relaxation_is_for_the_development_profile_alone() {
    type Relax = fn(SecurityPolicy) -> SecurityPolicy;
    let relaxations: [(Relax, &str); 4] = [
        (|policy| policy.with_authentication_required(false), "authentication is not required"),
        (|policy| policy.with_input_validation(false), "arguments are not checked"),
        (|policy| policy.with_detailed_errors(true), "errors are detailed"),
        (|policy| policy.with_cors_allow_all(true), "every web page may read answers"),
    ];
    for (relax, what) in relaxations {
        assert_eq!(problems(relax(policy())), [format!("{what} outside of the development profile")]);
        assert_eq!(problems(relax(SecurityPolicy::development())), [""; 0], "{what}");
    }
    let all = relaxations.iter().fold(policy(), |policy, (relax, _)| relax(policy));
    assert_eq!(problems(all).len(), 4, "all of them at once");
}

/// S-03, S-14
#[test]
fn a_listener_says_everything_that_it_lacks_before_it_listens() {
    let strict = SecurityPolicy::strict().with_authorization_enabled(false);
    let server = McpServer::builder().with_info("x", "1").with_security_policy(strict).build().unwrap();
    let found: Vec<String> =
        server.check(&HttpConfig::new(([0, 0, 0, 0], 0))).iter().map(|problem| problem.what().to_owned()).collect();
    assert_eq!(found.len(), 4, "{found:#?}");
    for word in ["can be reached from other machines", "no public URL", "TLS is required", "who they are"] {
        assert!(found.iter().any(|what| what.contains(word)), "{word}: {found:#?}");
    }
    let sound = McpServer::builder().with_info("x", "1").with_security_policy(policy()).build().unwrap();
    assert_eq!(sound.check(&HttpConfig::loopback(0)).len(), 1, "TLS alone");
    assert_eq!(sound.check(&HttpConfig::loopback(0).with_tls_required(false)), []);
    assert_eq!(sound.check(&HttpConfig::new(([192, 0, 2, 1], 0)).with_tls_required(false)).len(), 1);
}

/// S-03, S-18
#[test]
fn a_listener_takes_no_larger_bodies_than_its_policy_and_takes_some() {
    let server = McpServer::builder().with_info("x", "1").with_security_policy(policy()).build().unwrap();
    let most = server.policy().limits().message_bytes;
    let found = |bytes| server.check(&HttpConfig::loopback(0).with_tls_required(false).with_max_request_size(bytes));
    for bytes in [1, most] {
        assert_eq!(found(bytes), [], "{bytes}");
    }
    for bytes in [0, most + 1] {
        assert_eq!(found(bytes).len(), 1, "{bytes}");
    }
}

/// S-03
#[test]
fn roles_that_decide_must_be_there() {
    let found =
        problems(SecurityPolicy::strict().with_public_url("https://mcp.example.com/mcp").with_authenticator(Names));
    assert_eq!(found, ["roles decide what a caller may do, and there are none"]);
}

/// S-03, S-43
#[test]
fn a_role_that_a_handler_requires_must_be_defined() {
    let rules = |role| RoleBasedAccessControl::builder().with_role(role, &["tools:call"]).build().unwrap();
    let build = |role| {
        let tool = Tool::new("reset").requires_role("admin").handler(|_: serde_json::Value| async { "done" });
        McpServer::builder().with_info("x", "1").with_tool(tool).with_authorization(rules(role)).build()
    };
    assert!(build("admin").is_ok());
    let error = build("user").unwrap_err();
    assert_eq!(error.problems()[0].what(), "a handler requires the role `admin`, which is not defined");
}

/// S-03, P-21
#[test]
fn a_role_of_a_user_of_this_machine_must_be_defined() {
    let build = |role| {
        let policy = SecurityPolicy::strict().with_local_users(LocalUsers::only_me([role]));
        let rules = RoleBasedAccessControl::builder().with_role("owner", &["tools:call"]).build().unwrap();
        McpServer::builder().with_info("x", "1").with_security_policy(policy).with_authorization(rules).build()
    };
    assert!(build("owner").is_ok());
    let error = build("ownr").unwrap_err();
    assert_eq!(error.problems()[0].what(), "a user of this machine has the role `ownr`, which is not defined");
}

/// S-43
#[test]
fn the_report_names_what_no_role_is_granted() {
    let rules = RoleBasedAccessControl::builder().with_role("user", &["tools:call:look"]).build().unwrap();
    let tool = |name: &str| Tool::new(name).handler(|_: serde_json::Value| async { "done" });
    let builder = McpServer::builder().with_info("x", "1").with_tool(tool("look")).with_tool(tool("reset"));
    let report = builder.with_authorization(rules).build().unwrap().security_report();
    let row = report.rows().iter().find(|row| row.about == "granted to no role");
    assert_eq!(row.map(|row| &*row.holds), Some("reset"));
}

/// S-03
#[test]
fn everything_that_is_wrong_is_told_at_once_also_what_is_opened_last() {
    let tool = || Tool::new("look").handler(|_: serde_json::Value| async { "done" });
    let error = McpServer::builder()
        .with_info("", "1")
        .with_tool(tool())
        .with_tool(tool())
        .with_revisions([])
        .with_kill_switch(KillSwitch::builder().with_file("/absent/stopped").build())
        .with_audit(AuditLogger::builder().with_file("/absent/audit").build())
        .build()
        .unwrap_err();
    let found: Vec<_> = error.problems().iter().map(|problem| problem.what()).collect();
    for part in ["no name", "no revision", "look", "/absent cannot", "audit"] {
        assert!(found.iter().any(|what| what.contains(part)), "{part}: {found:#?}");
    }
    assert_eq!(found.len(), 5, "{found:#?}");
}

/// S-03
#[test]
fn what_cannot_be_read_is_a_problem_of_the_build() {
    let found = problems(policy().with_allowed_origin("app.example.com").with_public_url("https://b.example.com/mcp"));
    assert_eq!(found.len(), 2, "{found:#?}");
    let found = problems(
        SecurityPolicy::strict()
            .with_authorization_enabled(false)
            .with_authenticator(Names)
            .with_public_url("http://mcp.example.com/mcp"),
    );
    assert!(found[0].contains("is not https"), "{found:#?}");
    assert!(problems(policy().with_initial_scopes(["offline_access"]))[0].contains("offline_access"));
}

/// S-02, S-03
#[test]
fn parts_slot_into_their_places_in_any_order_and_once() {
    use mocopr::security::{CorsMiddleware, RateLimitMiddleware, SecurityHeadersMiddleware};
    let builder = || McpServer::builder().with_info("x", "1").with_security_policy(policy());
    let one =
        builder().with_middleware(RateLimitMiddleware::per_client(7)).with_middleware(CorsMiddleware::restrictive());
    let other =
        builder().with_middleware(CorsMiddleware::restrictive()).with_middleware(RateLimitMiddleware::per_client(7));
    let (one, other) = (one.build().unwrap(), other.build().unwrap());
    assert_eq!(one.security_report(), other.security_report());
    assert_eq!(one.policy().rates().principal.unwrap().per_minute.get(), 7);
    let twice = builder()
        .with_middleware(SecurityHeadersMiddleware::default())
        .with_middleware(SecurityHeadersMiddleware::legacy());
    assert_eq!(twice.build().unwrap_err().problems()[0].what(), "SecurityHeadersMiddleware is given twice");
}

/// S-04, S-79, S-80
#[test]
fn the_report_names_what_was_added_for_defence() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("revoked");
    std::fs::write(&file, "principal https://id.example.com mallory\n").unwrap();
    let policy = SecurityPolicy::strict()
        .with_authorization_enabled(false)
        .with_public_url("https://mcp.example.com/mcp")
        .with_authenticator(Names)
        .with_slowing(Slowing::after(RateLimit::per_minute(20).with_burst(5)));
    let server = McpServer::builder().with_info("x", "1").with_security_policy(policy);
    let report = server.with_revocations(Revocations::from_file(&file).unwrap()).build().unwrap().security_report();
    let row = |about| report.rows().iter().find(|row| row.about == about).map(|row| row.holds.clone());
    let waits = "20 a minute, 5 at once; the answer to each further one waits 2s";
    assert_eq!(row("failures of an address").as_deref(), Some(waits));
    assert!(row("revocations").is_some_and(|holds| holds.ends_with(&*file.to_string_lossy())), "{report}");
}

/// S-03, S-04
#[test]
fn the_report_marks_what_is_looser_than_the_strict_profile() {
    let report = |policy| {
        let server = McpServer::builder().with_info("x", "1").with_security_policy(policy).build().unwrap();
        server.security_report()
    };
    let strict_policy = || {
        SecurityPolicy::strict()
            .with_authorization_enabled(false)
            .with_public_url("https://mcp.example.com/mcp")
            .with_authenticator(Names)
    };
    let relaxed = |report: &Report| -> Vec<&str> {
        report.rows().iter().filter(|row| row.relaxed).map(|row| row.about).collect()
    };
    assert_eq!(relaxed(&report(strict_policy())), ["authorization"]);
    let limits = Limits { request: Duration::from_secs(31), sessions_per_principal: None, ..Limits::strict() };
    let own = report(strict_policy().with_limits(limits).with_rate_limiting(RateLimitPolicy::authenticated()));
    assert_eq!(
        relaxed(&own),
        [
            "authorization",
            "rate of an address",
            "rate of a principal",
            "limits.request",
            "limits.sessions_per_principal"
        ]
    );
    let development = report(SecurityPolicy::development());
    assert!(development.to_string().starts_with("! profile"), "{development}");
}
