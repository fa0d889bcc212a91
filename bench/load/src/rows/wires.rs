//! Rows about what lies under a call: HTTPS by both versions of HTTP, and WebSocket, each beside plain HTTP of the same
//! process in the same round.

use std::{collections::BTreeMap, process::Command, process::Stdio};

use anyhow::Result;

use super::{Measured, Plan, medians, ratios, tell};
use crate::{
    client::Window,
    contestant::{HYPER, MOCOPR, bench_folder},
    link::{self, Certificate, Doors, NAME, Wire},
    process::Process,
    results::{Bound::AtMost, Row, Unit, percentile},
    wire::Question,
};

/// Who has a program with all listeners: the name of the contestant, its package, and what it speaks.
pub const SPEAKERS: [(&str, &str, &[Wire]); 2] = [
    (MOCOPR, "server-mocopr-wires", &[Wire::Plain, Wire::Https, Wire::Http2, Wire::WebSocket]),
    (HYPER, "server-hyper-wires", &[Wire::Plain, Wire::Https, Wire::Http2]),
];

/// Measures them all.
pub fn measure(plan: &mut Plan) -> Vec<Row> {
    let Some(certificate) = plan.note("certificate", "make", Certificate::make()) else { return Vec::new() };
    let mut seen = Seen::default();
    for round in 1..=plan.rounds {
        let servers = start_all(plan, &certificate);
        tell(&format!("wires, round {round} of {}", plan.rounds));
        for who in plan.shuffled() {
            let Some((server, doors)) = servers.get(who.name) else { continue };
            let wires = SPEAKERS.into_iter().find(|(name, ..)| *name == who.name).map_or(&[][..], |(.., wires)| wires);
            for wire in plan.in_any_order(wires) {
                let measured = window(server, doors, wire, plan).and_then(|window| Ok((window, turns(doors, wire)?)));
                let Some((window, middle)) = plan.note(who.name, &format!("{wire:?}"), measured) else { continue };
                seen.throughput.entry(wire).or_default().entry(who.name).or_default().push(window.per_second());
                seen.cpu.entry(wire).or_default().entry(who.name).or_default().push(window.cpu_each());
                seen.middle.entry(wire).or_default().entry(who.name).or_default().extend(middle);
            }
        }
    }
    seen.rows()
}

/// All of them, anew for each round as in the rows over HTTP.
fn start_all<'a>(plan: &mut Plan, certificate: &'a Certificate) -> BTreeMap<&'static str, (Process, Doors<'a>)> {
    let mut servers = BTreeMap::new();
    for (who, package, _) in SPEAKERS {
        if !plan.contestants.iter().any(|one| one.name == who) {
            continue;
        }
        let started = start(package, &plan.flags, certificate);
        if let Some(started) = plan.note(who, "start", started) {
            servers.insert(who, started);
        }
    }
    servers
}

fn start<'a>(package: &str, flags: &[&str], certificate: &'a Certificate) -> Result<(Process, Doors<'a>)> {
    let mut command = Command::new(bench_folder().join("target/release").join(package));
    command.args(flags).env("TLS_CERT", certificate.chain()).env("TLS_KEY", certificate.key());
    command.stdin(Stdio::null()).stderr(Stdio::null());
    let mut server = Process::spawn(command)?;
    let (plain, secure) = (server.door()?, server.door()?.called(NAME));
    Ok((server, Doors { plain, secure, certificate }))
}

fn window(server: &Process, doors: &Doors<'_>, wire: Wire, plan: &Plan) -> Result<Window> {
    let question = Question::echo(64);
    let mut links = (0..CONNECTIONS).map(|_| doors.open(wire, &question)).collect::<Result<Vec<_>>>()?;
    link::all_at_once(&mut links, server, plan.window / 5)?;
    link::all_at_once(&mut links, server, plan.window)
}

/// How long half of 200 calls took at most, on one connection.
fn turns(doors: &Doors<'_>, wire: Wire) -> Result<Option<f64>> {
    let mut link = doors.open(wire, &Question::echo(64))?;
    link::one_by_one(&mut *link, 20)?;
    Ok(percentile(link::one_by_one(&mut *link, 200)?, 50))
}

/// What was measured over each wire.
#[derive(Default)]
struct Seen {
    throughput: BTreeMap<Wire, Measured>,
    cpu: BTreeMap<Wire, Measured>,
    middle: BTreeMap<Wire, Measured>,
}

impl Seen {
    fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for (wire, key, name) in [
            (Wire::Https, "https", "HTTPS by HTTP/1.1"),
            (Wire::Http2, "http2", "HTTPS by HTTP/2"),
            (Wire::WebSocket, "websocket", "WebSocket"),
        ] {
            let title = format!("calls a second over {name} ÷ over plain HTTP");
            rows.push(over_plain(&format!("{key}-throughput"), &title, &self.throughput, wire));
            rows.push(over_plain(&format!("{key}-cpu"), "… processor time of a call", &self.cpu, wire));
            let turns = over_plain(
                &format!("{key}-p50"),
                "… one connection, half of 200 calls are faster than",
                &self.middle,
                wire,
            );
            rows.push(match wire {
                Wire::WebSocket => turns.must(AtMost(1.0)),
                Wire::Plain | Wire::Https | Wire::Http2 => turns,
            });
            if let (Wire::Https | Wire::Http2, Some(cpu)) = (wire, self.cpu.get(&wire)) {
                let title = "… processor time of a call ÷ hyper with the same TLS";
                rows.push(ratios(&format!("{key}-hyper"), title, cpu, HYPER));
            }
        }
        // A row that nobody measured says nothing.
        rows.into_iter().filter(|row| !row.cells.is_empty()).collect()
    }
}

/// A row of medians of ratios: what each measured over a wire, to what the same process did over plain HTTP in that round.
fn over_plain(key: &str, title: &str, measured: &BTreeMap<Wire, Measured>, wire: Wire) -> Row {
    let (Some(above), Some(below)) = (measured.get(&wire), measured.get(&Wire::Plain)) else {
        return medians(key, title, Unit::Ratio, &Measured::new());
    };
    let over = above.iter().filter_map(|(who, numbers)| {
        let below = below.get(who)?;
        Some((*who, numbers.iter().zip(below).map(|(above, below)| above / below).collect()))
    });
    medians(key, title, Unit::Ratio, &over.collect())
}

const CONNECTIONS: usize = 32;
