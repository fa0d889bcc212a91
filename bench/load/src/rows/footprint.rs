//! Rows about what a server is, before it does much: how fast it starts, how large it is, what it holds.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
    time::Instant,
};

use anyhow::{Result, ensure};

use super::{Measured, Plan, medians, tell};
use crate::{
    client::Client,
    contestant::{Ability, Contestant, bench_folder},
    counted::{ALL_SESSIONS, idle_session},
    process::Process,
    results::{Bound::AtMost, Row, Unit, median},
    wire::{Accept, Question, Revision},
};

/// Measures them all.
pub fn measure(plan: &mut Plan) -> Vec<Row> {
    let columns: [Column; 5] = [
        ("start", "from start to the first answer", Unit::Seconds, start_up),
        ("resident", "resident memory after the first answer", Unit::Bytes, resident),
        ("session", "resident memory of an idle session", Unit::Bytes, session),
        ("size", "program, stripped", Unit::Bytes, stripped),
        ("crates", "crates in its tree", Unit::Count, crates),
    ];
    let mut rows = Vec::new();
    for (key, title, unit, column) in columns {
        tell(title);
        let mut measured: Measured = BTreeMap::new();
        for who in plan.contestants.clone().into_iter().filter(Contestant::serves_http) {
            if key == "session" && !who.can(&[Ability::Sessions]) {
                continue;
            }
            if let Some(number) = plan.note(who.name, key, column(&who)) {
                measured.insert(who.name, vec![number]);
            }
        }
        rows.push(medians(key, title, unit, &measured));
    }
    let mut rows: Vec<_> = rows.into_iter().filter(|row| !row.cells.is_empty()).collect();
    for row in &mut rows {
        (row.must, row.stretch) = match row.key.as_str() {
            "resident" | "size" => (Some(AtMost(6e6)), Some(AtMost(4.5e6))),
            "session" => (Some(AtMost(1_500.0)), Some(AtMost(1_000.0))),
            _ => (None, None),
        };
    }
    rows
}

type Column = (&'static str, &'static str, Unit, fn(&Contestant) -> Result<f64>);

/// Starts a server and has its first answer.
fn first_answer(who: &Contestant) -> Result<Process> {
    let mut server = Process::start(&who.program(), who.args)?;
    let revision = if who.can(&[Ability::Modern]) { Revision::Modern } else { Revision::Stateful };
    Client::open(&server.door()?, 1, &Question::echo(64), revision, Accept::Json)?.one_by_one(1)?;
    Ok(server)
}

fn start_up(who: &Contestant) -> Result<f64> {
    let mut took = Vec::new();
    for _ in 0..20 {
        let begin = Instant::now();
        let server = first_answer(who)?;
        took.push(begin.elapsed().as_secs_f64());
        drop(server);
    }
    Ok(median(took).unwrap_or_default())
}

fn resident(who: &Contestant) -> Result<f64> {
    Ok(first_answer(who)?.resident()? as f64)
}

fn session(who: &Contestant) -> Result<f64> {
    let sessions = (ALL_SESSIONS + 1).to_string();
    idle_session(&who.program(), &[who.args, &["--sessions", &sessions]].concat())
}

fn stripped(who: &Contestant) -> Result<f64> {
    let copy = std::env::temp_dir().join(format!("mocopr-bench-{}-stripped", std::process::id()));
    let status = Command::new("strip").arg("-o").arg(&copy).arg(who.program()).status()?;
    ensure!(status.success(), "strip failed");
    let size = fs::metadata(&copy)?.len();
    fs::remove_file(&copy)?;
    Ok(size as f64)
}

/// Crates that are linked into the program or expand its macros, without the program's own and without what is needed
/// to build crates only.
fn crates(who: &Contestant) -> Result<f64> {
    let tree = Command::new("cargo")
        .args(["tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--package"])
        .arg(who.package)
        .current_dir(bench_folder())
        .output()?;
    ensure!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8_lossy(&tree.stdout).into_owned();
    let own = ["server-", "contract ", "yardstick "];
    let names: BTreeSet<_> = tree
        .lines()
        .filter_map(|line| line.get(..line.find(" (").unwrap_or(line.len())))
        .filter(|line| !own.iter().any(|own| line.starts_with(own)))
        .collect();
    Ok(names.len() as f64)
}
