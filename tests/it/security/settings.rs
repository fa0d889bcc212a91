//! A server that is described wrongly does not start, and says which setting is wrong.

use tokio::process::Command;

use crate::support::process::{Lined, example};

/// How the secure example ends that is given these settings beside what it needs, and what it says.
async fn start(settings: &[(&str, &str)]) -> (Option<i32>, Vec<String>) {
    let mut command = Command::new(example("fixture"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MOCOPR_")) {
        command.env_remove(name);
    }
    let url = "https://mcp.example.com/mcp";
    command.envs([("MOCOPR_TRANSPORT", "http"), ("MOCOPR_BIND", "127.0.0.1:0"), ("MOCOPR_PUBLIC_URL", url)]);
    command.envs([("MOCOPR_ISSUER", "https://id.example.com"), ("MOCOPR_JWKS_URL", "https://id.example.com/keys")]);
    command.envs(settings.iter().copied());
    let ended = Lined::spawn(command).end().await;
    assert_eq!(ended.rest, [""; 0], "standard output is not for problems");
    (ended.status.code(), ended.log.lines().map(str::to_owned).collect())
}

/// S-03, S-05
#[tokio::test]
async fn each_wrong_setting_stops_the_start_with_one_line_that_names_it() {
    for (setting, value) in [
        ("MOCOPR_TRANSPORT", ""),
        ("MOCOPR_TRANSPORT", "tcp"),
        ("MOCOPR_BIND", ""),
        ("MOCOPR_BIND", "localhost"),
        ("MOCOPR_BIND", "0.0.0.0:0"),
        ("MOCOPR_BIND", "[::]:0"),
        ("MOCOPR_PUBLIC_URL", ""),
        ("MOCOPR_PUBLIC_URL", "http://mcp.example.com/mcp"),
        ("MOCOPR_ALLOWED_ORIGINS", "*"),
        ("MOCOPR_ALLOWED_ORIGINS", "https://app.example.com, null"),
        ("MOCOPR_ISSUER", ""),
        ("MOCOPR_ISSUER", "x"),
        ("MOCOPR_ISSUER", "http://id.example.com"),
        ("MOCOPR_JWKS_URL", ""),
        ("MOCOPR_JWKS_URL", "http://id.example.com/keys"),
        ("MOCOPR_API_KEYS", "/nowhere/keys"),
        ("MOCOPR_STATE_KEY", "c2hvcnQ="),
        ("MOCOPR_STATE_KEY", "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="),
        ("MOCOPR_RATE", "sometimes"),
        ("MOCOPR_TRUSTED_PROXIES", "everybody"),
        ("MOCOPR_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/7"),
        ("MOCOPR_TRUSTED_PROXIES", "2001:db8::/31"),
        ("MOCOPR_METRICS_BIND", "somewhere"),
        ("MOCOPR_METRICS_BIND", "0.0.0.0:0"),
    ] {
        let (status, log) = start(&[(setting, value)]).await;
        assert_eq!((status, log.len()), (Some(2), 1), "{setting}={value}: {log:?}");
        assert!(log[0].contains(setting), "{setting}={value}: {log:?}");
    }
}

/// S-03, S-30
#[tokio::test]
async fn a_listener_without_anything_that_proves_callers_does_not_start() {
    let (status, log) = start(&[("MOCOPR_ISSUER", ""), ("MOCOPR_JWKS_URL", "")]).await;
    assert_eq!((status, log.len()), (Some(2), 1), "{log:?}");
    assert!(log[0].starts_with("MOCOPR_API_KEYS"), "{log:?}");
}

/// S-05, S-58
#[tokio::test]
async fn no_problem_tells_the_value_of_a_secret() {
    let secret = "c2VjcmV0LXNlY3JldA==";
    let stdio = ("MOCOPR_TRANSPORT", "stdio");
    for settings in [[stdio, ("MOCOPR_STDIO_TOKEN", secret)], [stdio, ("MOCOPR_STATE_KEY", secret)]] {
        let (status, log) = start(&settings).await;
        assert_eq!(status, Some(2), "{log:?}");
        assert!(log.iter().any(|line| line.starts_with(settings[1].0)), "{log:?}");
        assert!(!log.iter().any(|line| line.contains(secret)), "{log:?}");
    }
}
