//! What is in force: as a table for whoever asks, and on standard error at start, because a log that nobody reads tells
//! nobody.

use mocopr_security::{
    console,
    policy::{Report, Row},
};

use crate::{engine::Engine, stopping};

/// What is in force.
pub(crate) fn report(engine: &Engine) -> Report {
    let mut report = Report::of(engine.gate.policy());
    for Row { about, holds, relaxed } in &engine.process {
        report.say(about, holds.as_str(), *relaxed);
    }
    for row in engine.gate.evidence().rows() {
        report.say(row.about, row.holds, row.relaxed);
    }
    if let Some(spans) = &engine.spans {
        let Row { about, holds, relaxed } = spans.row();
        report.say(about, holds, relaxed);
    }
    let snapshot = engine.registry.snapshot();
    let forgotten: Vec<&str> =
        snapshot.names().filter(|(kind, name)| !engine.gate.reaches(*kind, name)).map(|(_, name)| name).collect();
    if !forgotten.is_empty() {
        // Nobody can reach them, so nothing is open; but somebody meant them to be reached.
        let named = forgotten.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", ");
        let more = forgotten.len().saturating_sub(MOST_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        report.say("granted to no role", format!("{named}{more}"), false);
    }
    if let Some(file) = engine.gate.revocations().file() {
        report.say("revocations", format!("those of the program, and of the file {}", file.display()), false);
    }
    if let Some(stopper) = engine.gate.stopper() {
        stopping::say(stopper, &mut report);
    }
    report
}

/// Prints the report of a server that is not under the development profile, which has a warning of its own.
pub(crate) fn tell(report: &Report) {
    if report.is_of_development() {
        return;
    }
    console::say_as_it_is(&report.to_string());
}

const MOST_NAMED: usize = 20;
