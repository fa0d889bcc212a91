//! Rows over standard streams, in revision 2025-11-25, which all of them speak.

use std::time::Duration;

use anyhow::Result;

use super::{Measured, Plan, medians, ratios, tell};
use crate::{
    contestant::{Ability, Contestant, STDIO_YARDSTICK},
    process::Process,
    results::{Bound::AtLeast, Bound::AtMost, Row, Unit, percentile},
    stdio::{all_at_once, one_by_one},
};

/// Measures them all.
pub fn measure(plan: &mut Plan) -> Vec<Row> {
    let (mut pipelined, mut cpu, mut middle) = (Measured::new(), Measured::new(), Measured::new());
    for round in 1..=plan.rounds {
        tell(&format!("standard streams, round {round} of {}", plan.rounds));
        for who in plan.shuffled().into_iter().filter(|who| who.can(&[Ability::Stdio])) {
            let many = pipeline(&who, &plan.flags);
            if let Some((took, used)) = plan.note(who.name, "stdio, pipelined", many) {
                pipelined.entry(who.name).or_default().push(f64::from(CALLS) / took.as_secs_f64());
                cpu.entry(who.name).or_default().push(used.as_secs_f64());
            }
            let turns = start(&who, &plan.flags)
                .and_then(|mut server| server.within(PATIENCE, |server| one_by_one(server, TURNS)));
            if let Some(took) = plan.note(who.name, "stdio, one by one", turns) {
                let took = took.iter().map(Duration::as_secs_f64).collect();
                middle.entry(who.name).or_default().extend(percentile(took, 50));
            }
        }
    }
    let title = "standard streams, 10,000 calls without waiting, a second";
    let rows = vec![
        medians("stdio-per-second", title, Unit::Count, &pipelined),
        ratios("stdio-throughput", "… ÷ bare loop", &pipelined, STDIO_YARDSTICK)
            .must(AtLeast(0.8))
            .stretch(AtLeast(1.2)),
        ratios("stdio-cpu", "… processor time ÷ bare loop", &cpu, STDIO_YARDSTICK),
        ratios("stdio-p50", "… one by one, half are faster than, ÷ bare loop", &middle, STDIO_YARDSTICK)
            .must(AtMost(1.2)),
    ];
    rows.into_iter().filter(|row| !row.cells.is_empty()).collect()
}

fn pipeline(who: &Contestant, flags: &[&str]) -> Result<(Duration, Duration)> {
    let mut server = start(who, flags)?;
    let took = server.within(PATIENCE, |server| all_at_once(server, CALLS))?;
    Ok((took, server.cpu()?))
}

fn start(who: &Contestant, flags: &[&str]) -> Result<Process> {
    Process::start(&who.program(), &[who.args, flags, &["--stdio"]].concat())
}

/// After this long a server has stopped answering.
const PATIENCE: Duration = Duration::from_secs(30);
const CALLS: u32 = 10_000;
const TURNS: u32 = 1_000;
