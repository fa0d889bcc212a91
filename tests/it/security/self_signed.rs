//! A certificate that a process makes for itself: good on this machine, under the development profile, and told.

use mocopr::{HttpConfig, McpServer, TlsConfig, prelude::*};
use serde_json::json;
use tokio::process::Command;
use tokio_rustls::rustls::pki_types::CertificateDer;

use super::guarded::policy;
use crate::support::{
    hosted::Hosted,
    http::Connection,
    process::Listening,
    request,
    tls::{self, Hello},
};

fn made() -> TlsConfig {
    TlsConfig::self_signed_for_development().expect("the system gives randomness")
}

fn certificate(tls: &TlsConfig) -> CertificateDer<'static> {
    CertificateDer::from(tls.self_signed_certificate().expect("it was made").to_vec())
}

fn server(policy: SecurityPolicy) -> McpServer<mocopr::Guarded> {
    let builder = McpServer::builder().with_info("made", "1.0.0").with_security_policy(policy);
    builder.build().expect("the server is sound")
}

/// S-11
#[tokio::test]
async fn whoever_knows_the_certificate_calls_by_every_name_of_this_machine() {
    let tls = made();
    let root = certificate(&tls);
    let hosted = Hosted::start_with(server(SecurityPolicy::development()), HttpConfig::loopback(0).with_tls(tls)).await;
    let ask = request::stateless(1, "server/discover", json!({}));
    for name in ["localhost", "127.0.0.1", "::1"] {
        let stream = tls::connect(&root, hosted.authority(), name, &Hello::default()).await;
        let mut connection = Connection::over(stream.unwrap_or_else(|error| panic!("{name}: {error}")));
        let answer = connection.ask(request::stateless_post("localhost", &ask)).await;
        assert_eq!(answer.head.status, 200, "{name}");
    }
    let other = certificate(&made());
    for (root, name) in [(&root, "example.com"), (&other, "localhost")] {
        assert!(tls::connect(root, hosted.authority(), name, &Hello::default()).await.is_err(), "{name}");
    }
    hosted.stop().await;
}

/// S-11, S-14
#[test]
fn no_profile_but_that_of_development_takes_it() {
    let config = || HttpConfig::loopback(0).with_tls(made());
    let found = server(policy()).check(&config());
    let [problem] = &found[..] else { panic!("{found:?}") };
    assert!(problem.what().contains("made by this process"), "{problem}");
    assert!(problem.mend().contains("TlsConfig::from_pem_files(..)"), "{problem}");
    assert_eq!(server(SecurityPolicy::development()).check(&config()), []);
}

/// S-11
#[tokio::test]
async fn a_listener_says_by_which_fingerprint_its_certificate_is_known() {
    if std::env::var_os(SERVES).is_some() {
        // This test, started once more by itself.
        let tls = made();
        let known = tls.self_signed_fingerprint().expect("it was made").to_owned();
        let config = HttpConfig::loopback(0).with_tls(tls);
        let config = config.on_ready(move |address| eprintln!("known by {known}\nlistening on https://{address}/mcp"));
        return server(SecurityPolicy::development()).run_http(config).await.expect("it ends well");
    }
    let mut command = Command::new(std::env::current_exe().expect("the test has a path"));
    let name = "security::self_signed::a_listener_says_by_which_fingerprint_its_certificate_is_known";
    command.args(["--exact", name, "--nocapture"]).env(SERVES, "1");
    let listening = Listening::spawn(command).await;
    let log = listening.log();
    let known = log.lines().find_map(|line| line.strip_prefix("known by ")).expect("it was told");
    let told = format!("mocopr: {} shows a self-signed certificate with the SHA-256", listening.authority());
    assert!(log.lines().any(|line| line.starts_with(&told) && line.ends_with(known)), "{log}");
    assert!(listening.stop().await.success());
}

/// Tells the process that it is to serve.
const SERVES: &str = "MOCOPR_TEST_SERVES_SELF_SIGNED";
