//! Rows under load over HTTP: in each round all servers are started anew and are alive together, and each of them is
//! measured once, in another order. What is published are medians of ratios to the yardstick of the same round, so that
//! what slows the machine slows both. Where a program lies in memory is luck that lasts as long as it runs, and can be
//! worth a tenth: hence the new start.

use std::collections::BTreeMap;

use anyhow::Result;

use super::{Measured, Plan, medians, own_ratio, ratios, tell};
use crate::{
    client::{Client, Window},
    contestant::{Ability, Contestant, EVIDENCE, MOCOPR, RIVAL, STRICT, YARDSTICK},
    door::Door,
    process::Process,
    results::{Bound::AtLeast, Bound::AtMost, Row, Unit, percentile},
    wire::{Accept, Question, Revision},
};

/// Measures them all.
pub fn measure(plan: &mut Plan) -> Vec<Row> {
    let mut loads: Vec<Load> = loads();
    let mut turns: Vec<Turns> = turns();
    for round in 1..=plan.rounds {
        let (few, many) = (start(plan, "0"), start(plan, "100"));
        tell(&format!("http, round {round} of {}", plan.rounds));
        for load in &mut loads {
            let servers = if load.key == LIST { &many } else { &few };
            for who in plan.shuffled().into_iter().filter(|who| who.can(load.needs)) {
                let Some((server, door)) = servers.get(who.name) else { continue };
                let window = load.window(server, door, plan);
                let Some(window) = plan.note(who.name, load.key, window) else { continue };
                load.throughput.entry(who.name).or_default().push(window.per_second());
                load.cpu.entry(who.name).or_default().push(window.cpu_each());
            }
        }
        for turn in &mut turns {
            for who in plan.shuffled().into_iter().filter(|who| who.can(turn.needs)) {
                let Some((_, door)) = few.get(who.name) else { continue };
                let took = turn.took(door);
                let Some(took) = plan.note(who.name, turn.key, took) else { continue };
                turn.middle.entry(who.name).or_default().extend(percentile(took.clone(), 50));
                turn.slowest.entry(who.name).or_default().extend(percentile(took, 99));
            }
        }
    }
    rows(&loads, &turns)
}

type Servers = BTreeMap<&'static str, (Process, Door)>;

fn start(plan: &mut Plan, tools: &'static str) -> Servers {
    let mut servers = Servers::new();
    for who in plan.contestants.clone().into_iter().filter(Contestant::serves_http) {
        let args = [who.args, &plan.flags, &["--tools", tools]].concat();
        let started = Process::start(&who.program(), &args).and_then(|mut server| {
            let door = server.door()?;
            Ok((server, door))
        });
        if let Some(started) = plan.note(who.name, "start", started) {
            servers.insert(who.name, started);
        }
    }
    servers
}

/// Something asked on many connections at once.
struct Load {
    key: &'static str,
    question: Question,
    revision: Revision,
    accept: Accept,
    connections: usize,
    needs: &'static [Ability],
    throughput: Measured,
    cpu: Measured,
}

impl Load {
    fn new(key: &'static str, question: Question, needs: &'static [Ability]) -> Self {
        let (throughput, cpu) = (Measured::new(), Measured::new());
        let (revision, accept) = (Revision::Modern, Accept::Json);
        Self { key, question, revision, accept, connections: CONNECTIONS, needs, throughput, cpu }
    }

    fn window(&self, server: &Process, door: &Door, plan: &Plan) -> Result<Window> {
        let mut client = Client::open(door, self.connections, &self.question, self.revision, self.accept)?;
        client.all_at_once(server, plan.window / 5)?;
        client.all_at_once(server, plan.window)
    }
}

fn loads() -> Vec<Load> {
    vec![
        Load::new(MODERN, Question::echo(64), &[Ability::Modern]),
        Load { revision: Revision::Stateful, ..Load::new(STATEFUL, Question::echo(64), &[Ability::Stateful]) },
        Load::new(ADD, Question::add(), &[Ability::Modern, Ability::Structured]),
        Load { connections: 8, ..Load::new(MEDIUM, Question::echo(16 << 10), &[Ability::Modern]) },
        Load { connections: 8, ..Load::new(LARGE, Question::echo(1 << 20), &[Ability::Modern]) },
        Load::new(LIST, Question::list(), &[Ability::Modern]),
        Load { accept: Accept::Events, ..Load::new(EVENTS, Question::echo(64), &[Ability::Modern, Ability::Events]) },
    ]
}

/// Something asked on one connection, one time after the other.
struct Turns {
    key: &'static str,
    accept: Accept,
    needs: &'static [Ability],
    middle: Measured,
    slowest: Measured,
}

impl Turns {
    fn took(&self, door: &Door) -> Result<Vec<f64>> {
        let mut client = Client::open(door, 1, &Question::echo(64), Revision::Modern, self.accept)?;
        client.one_by_one(20)?;
        Ok(client.one_by_one(200)?.iter().map(std::time::Duration::as_secs_f64).collect())
    }
}

fn turns() -> Vec<Turns> {
    let (middle, slowest) = (Measured::new(), Measured::new());
    let json = Turns { key: "turns-json", accept: Accept::Json, needs: &[Ability::Modern], middle, slowest };
    let (middle, slowest) = (Measured::new(), Measured::new());
    let needs = &[Ability::Modern, Ability::Events];
    vec![json, Turns { key: "turns-events", accept: Accept::Events, needs, middle, slowest }]
}

fn rows(loads: &[Load], turns: &[Turns]) -> Vec<Row> {
    let load = |key: &str| loads.iter().find(|load| load.key == key);
    let cpu = |key: &str, title: &str| load(key).map(|load| ratios(&format!("{key}-cpu"), title, &load.cpu, YARDSTICK));
    let throughput = |key: &str, title: &str| {
        load(key).map(|load| ratios(&format!("{key}-throughput"), title, &load.throughput, YARDSTICK))
    };
    let over_rival = |key: &str, title: &str| {
        let measured = &load(key)?.throughput;
        own_ratio(&format!("{key}-rival"), title, MOCOPR, measured.get(MOCOPR), measured.get(RIVAL))
    };
    let strict = |key: &str, title: &str, over: &str| {
        let measured = &load(MODERN)?.throughput;
        own_ratio(key, title, STRICT, measured.get(STRICT), measured.get(over))
    };
    let mut rows: Vec<Option<Row>> = vec![
        load(MODERN).map(|load| {
            let per_second = load.throughput.clone();
            medians("per-second", "calls a second, `echo` of 64 bytes, 2026-07-28", Unit::Count, &per_second)
        }),
        throughput(MODERN, "… ÷ axum").map(|row| row.must(AtLeast(0.70)).stretch(AtLeast(0.85))),
        over_rival(MODERN, "… ÷ rmcp at its best").map(|row| row.must(AtLeast(2.5)).stretch(AtLeast(3.5))),
        cpu(MODERN, "processor time of a call, 2026-07-28, ÷ axum"),
        strict("strict", "calls a second under the strict policy ÷ without", MOCOPR)
            .map(|row| row.must(AtLeast(0.85)).stretch(AtLeast(0.93))),
        strict("strict-rival", "… ÷ rmcp at its best, which checks none of it", RIVAL)
            .map(|row| row.must(AtLeast(2.0))),
        load(MODERN).and_then(|load| {
            let title = "processor time of a call under the strict policy ÷ without";
            own_ratio("strict-cpu", title, STRICT, load.cpu.get(STRICT), load.cpu.get(MOCOPR))
        }),
        load(MODERN).and_then(|load| {
            let (measured, title) = (&load.throughput, "calls a second with an audit log and metrics ÷ without");
            own_ratio("evidence", title, EVIDENCE, measured.get(EVIDENCE), measured.get(STRICT))
                .map(|row| row.must(AtLeast(0.95)))
        }),
        throughput(STATEFUL, "the same in a session, 2025-11-25, ÷ axum")
            .map(|row| row.must(AtLeast(0.65)).stretch(AtLeast(0.80))),
        over_rival(STATEFUL, "… ÷ rmcp at its best").map(|row| row.must(AtLeast(2.0))),
        cpu(STATEFUL, "processor time of a call in a session, 2025-11-25, ÷ axum"),
        cpu(ADD, "structured `add`, processor time ÷ axum").map(|row| row.must(AtMost(1.7)).stretch(AtMost(1.4))),
        cpu(MEDIUM, "`echo` of 16 KiB, processor time ÷ axum").map(|row| row.must(AtMost(1.3)).stretch(AtMost(1.0))),
        cpu(LARGE, "`echo` of 1 MiB, processor time ÷ axum").map(|row| row.must(AtMost(1.15)).stretch(AtMost(1.0))),
        cpu(LIST, "list of 100 tools, processor time ÷ axum").map(|row| row.must(AtMost(0.4)).stretch(AtMost(0.3))),
        load(EVENTS).zip(load(MODERN)).and_then(|(events, json)| {
            let title = "call as an event stream, processor time ÷ as JSON";
            own_ratio("events-cpu", title, MOCOPR, events.cpu.get(MOCOPR), json.cpu.get(MOCOPR))
                .map(|row| row.must(AtMost(1.5)).stretch(AtMost(1.25)))
        }),
    ];
    if let [json, events] = turns {
        let p50 = ratios("p50", "one connection, half of 200 calls are faster than, ÷ axum", &json.middle, YARDSTICK);
        rows.push(Some(p50.must(AtMost(1.25)).stretch(AtMost(1.1))));
        let p99 = medians("p99", "… 99 % of them", Unit::Seconds, &json.slowest);
        rows.push(Some(p99.must(AtMost(0.020))));
        let p99 = medians("p99-events", "… 99 % of them as event streams", Unit::Seconds, &events.slowest);
        rows.push(Some(p99.must(AtMost(0.020))));
    }
    // A row that nobody measured says nothing.
    rows.into_iter().flatten().filter(|row| !row.cells.is_empty()).collect()
}

const CONNECTIONS: usize = 32;
const MODERN: &str = "call-2026";
const STATEFUL: &str = "call-2025";
const ADD: &str = "add";
const MEDIUM: &str = "echo-16k";
const LARGE: &str = "echo-1m";
const LIST: &str = "list";
const EVENTS: &str = "events";
