//! Builds the servers, compares them, and prints the table as Markdown.
//!
//! `run [--quick] [--only NAME,NAME] [--parts http,wires,stdio,footprint,counts,memory] [--threads one|default] [--out FILE]`

use std::{path::PathBuf, process::Command, time::Duration, time::SystemTime};

use anyhow::{Context, Result, bail, ensure};
use load::{
    contestant::{self, Contestant, bench_folder},
    process::{CLIENT_CORE, pin},
    results::Results,
    rows::{Plan, Random, counts, footprint, http, memory, stdio, wires},
    table,
};

fn main() -> Result<()> {
    let asked = Asked::from_args()?;
    if let Some(file) = &asked.out {
        // Said now, and not after half an hour.
        let opened = std::fs::OpenOptions::new().append(true).create(true).open(file);
        opened.with_context(|| format!("{} cannot be written", file.display()))?;
    }
    let versions = asked.contestants.iter().map(|who| Ok((who.name.to_owned(), version(who)?)));
    let versions = versions.collect::<Result<_>>()?;
    if asked.parts.iter().any(|part| part != "wires") {
        for who in &asked.contestants {
            build(who.package)?;
        }
    }
    if asked.parts.iter().any(|part| part == "wires") {
        let asked_for = |name: &str| asked.contestants.iter().any(|who| who.name == name);
        for (_, package, _) in wires::SPEAKERS.into_iter().filter(|(name, ..)| asked_for(name)) {
            build(package)?;
        }
    }
    pin(CLIENT_CORE)?;
    let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    let mut plan = Plan {
        contestants: asked.contestants,
        rounds: if asked.quick { 2 } else { 5 },
        window: Duration::from_millis(if asked.quick { 200 } else { 1_000 }),
        flags: vec!["--threads", asked.threads],
        random: Random::new(seed),
        failures: Vec::new(),
    };
    let mut rows = Vec::new();
    for part in &asked.parts {
        rows.extend(match part.as_str() {
            "http" => http::measure(&mut plan),
            "wires" => wires::measure(&mut plan),
            "stdio" => stdio::measure(&mut plan),
            "footprint" => footprint::measure(&mut plan),
            "counts" => counts::measure(&mut plan),
            "memory" => memory::measure(&mut plan, if asked.quick { 1_000 } else { 100_000 }),
            other => bail!("--parts {other}: http, wires, stdio, footprint, counts or memory"),
        });
    }
    let results =
        Results { date: today()?, machine: machine()?, rounds: plan.rounds, versions, rows, failures: plan.failures };
    if let Some(file) = asked.out {
        std::fs::write(&file, serde_json::to_string_pretty(&results)? + "\n")?;
    }
    print(&table::markdown(&results));
    for failure in &results.failures {
        print(&format!("* {failure}\n"));
    }
    Ok(())
}

/// What the flags say.
struct Asked {
    contestants: Vec<Contestant>,
    parts: Vec<String>,
    quick: bool,
    threads: &'static str,
    out: Option<PathBuf>,
}

impl Asked {
    fn from_args() -> Result<Self> {
        let parts = ["http", "wires", "stdio", "footprint", "counts", "memory"].map(str::to_owned).to_vec();
        let mut asked = Self { contestants: contestant::ALL.to_vec(), parts, quick: false, threads: "one", out: None };
        let mut args = std::env::args().skip(1);
        while let Some(flag) = args.next() {
            let mut value = || args.next().with_context(|| format!("{flag} needs a value"));
            match flag.as_str() {
                "--quick" => asked.quick = true,
                "--out" => asked.out = Some(value()?.into()),
                "--parts" => asked.parts = value()?.split(',').map(str::to_owned).collect(),
                "--only" => {
                    let names = value()?;
                    let names: Vec<_> = names.split(',').map(str::trim).collect();
                    // `rmcp` names both of its settings.
                    asked.contestants.retain(|who| names.iter().any(|name| who.name.starts_with(name)));
                    ensure!(!asked.contestants.is_empty(), "--only names nobody");
                }
                "--threads" => {
                    asked.threads = match value()?.as_str() {
                        "one" => "one",
                        "default" => "default",
                        other => bail!("--threads {other}: `one` or `default`"),
                    }
                }
                other => bail!("unknown flag {other}"),
            }
        }
        Ok(asked)
    }
}

/// Builds one package by itself, so that it has the features that it asks for and no others.
fn build(package: &str) -> Result<()> {
    let built = Command::new("cargo")
        .args(["build", "--release", "--locked", "--quiet", "--package", package])
        .current_dir(bench_folder())
        .status()?;
    ensure!(built.success(), "{package} does not build");
    Ok(())
}

/// The version of the library that a contestant stands for.
fn version(who: &Contestant) -> Result<String> {
    said(Command::new("cargo").args(["pkgid", who.library]).current_dir(bench_folder())).map(|id| {
        let version = id.rsplit(['#', '@']).next().unwrap_or_default();
        version.to_owned()
    })
}

fn today() -> Result<String> {
    said(Command::new("date").args(["+%Y-%m-%d"]))
}

fn machine() -> Result<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let cores = info.lines().filter(|line| line.starts_with("processor")).count();
    Ok(format!("{} ({cores} processors), {}", model.unwrap_or("unknown"), said(Command::new("uname").arg("-sr"))?))
}

fn said(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
fn print(text: &str) {
    print!("{text}");
}
