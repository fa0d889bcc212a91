//! The sample as a process of its own: this very test binary, started once more.

use mocopr::{HttpConfig, security::Limits};
use std::time::Duration;
use tokio::process::Command;

use super::sample::{Gauge, limits, server, with_limits};
use crate::support::process::{Lined, Listening};

/// Tells the process how it is to serve.
const SERVE: &str = "MOCOPR_TEST_SERVES";
/// Over its standard streams.
const LINES: &str = "lines";
/// Over HTTP.
const HTTP: &str = "http";
/// The last line that is not of the protocol.
const BEGIN: &str = "the protocol begins";

/// How long the process lets a client that listens over HTTP stand still.
pub(super) const STALL: Duration = Duration::from_secs(1);

/// Starts the sample over standard streams.
pub(super) async fn start() -> Lined {
    let mut child = Lined::spawn(command(LINES));
    // The test harness announces itself first.
    loop {
        let line = child.line().await.expect("the process goes on");
        if line == BEGIN {
            return child;
        }
    }
}

/// Starts the sample over HTTP.
pub(super) async fn listen() -> Listening {
    Listening::spawn(command(HTTP)).await
}

fn command(how: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("the test has a path"));
    command.env(SERVE, how);
    command.args(["wire::child::a_process_that_is_told_to_serve_serves", "--exact", "--nocapture", "--test-threads=2"]);
    command
}

#[test]
fn a_process_that_is_told_to_serve_serves() {
    let Ok(how) = std::env::var(SERVE) else { return };
    let log = tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG);
    log.with_writer(std::io::stderr).with_ansi(false).init();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    let served = runtime.block_on(serve(&how));
    drop(runtime);
    // The harness would go on and print.
    std::process::exit(i32::from(served.is_err()));
}

#[expect(clippy::print_stdout, reason = "it shows where the protocol begins, before the streams are taken")]
async fn serve(how: &str) -> mocopr::Result<()> {
    let gauge = Gauge::default();
    tokio::spawn(report(gauge.clone()));
    if how == LINES {
        println!("{BEGIN}");
        return server(&gauge).run_stdio().await;
    }
    let server = with_limits(&gauge, Limits { write_stall: STALL, ..limits() }).build()?;
    server.run_http(HttpConfig::loopback(0).on_ready(|address| eprintln!("listening on http://{address}/mcp"))).await
}

/// Logs when handlers begin and end, for the test that watches from outside.
async fn report(gauge: Gauge) {
    let begun = async {
        for count in 1.. {
            gauge.begins_some_day(count).await;
            eprintln!("begun: {count}");
        }
    };
    let gone = async {
        for count in 1.. {
            gauge.ends_some_day(count).await;
            eprintln!("gone: {count}");
        }
    };
    tokio::join!(begun, gone);
}
