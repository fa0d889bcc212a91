//! Draws the kept results: the picture beside them, the short table into the project's README, and the whole table
//! into the comparison's own.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use load::{contestant::bench_folder, picture, results::Results, table};

fn main() -> Result<()> {
    let folder = bench_folder();
    let kept = fs::read_to_string(folder.join("results.json")).context("no results are kept: run `bench/run` first")?;
    let results: Results = serde_json::from_str(&kept)?;
    let picture = picture::svg(&results).context("no row of the picture was measured")?;
    fs::write(folder.join("table.svg"), picture)?;
    let short = format!(
        "![Bars that compare mocopr with other servers](bench/table.svg)\n\n{}\nHow it is measured, and the whole \
         table: [`bench/README.md`](bench/README.md).\n",
        table::short(&results)
    );
    between_markers(&folder.join("../README.md"), &short)?;
    between_markers(&folder.join("README.md"), &table::markdown(&results))
}

/// Replaces what stands between the two markers of a file.
fn between_markers(file: &Path, text: &str) -> Result<()> {
    let old = fs::read_to_string(file)?;
    let missing = || format!("{}: no {BEGIN} and {END}", file.display());
    let (before, rest) = old.split_once(BEGIN).with_context(missing)?;
    let (_, after) = rest.split_once(END).with_context(missing)?;
    fs::write(file, format!("{before}{BEGIN}\n\n{text}\n{END}{after}"))?;
    Ok(())
}

const BEGIN: &str = "<!-- bench: begin -->";
const END: &str = "<!-- bench: end -->";
