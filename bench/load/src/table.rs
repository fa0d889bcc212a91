//! Results as a table in Markdown.

use std::fmt::Write;

use crate::{
    contestant,
    results::{Bound, Results, Row, Unit},
};

/// The whole table: a column for each contestant that has a number, and one for the goal of mocopr.
pub fn markdown(results: &Results) -> String {
    rows(&results.rows.iter().collect::<Vec<_>>())
}

/// The rows that a reader looks for first, with when, where and of what they were measured.
pub fn short(results: &Results) -> String {
    let found: Vec<_> = SHORT.iter().filter_map(|key| results.row(key)).collect();
    let Results { date, machine, rounds, versions, .. } = results;
    // Two settings of one library are one version; the bare loop is nobody's.
    let mut versions: Vec<_> = versions
        .iter()
        .filter(|(name, _)| *name != "bare loop")
        .map(|(name, version)| format!("{} {version}", name.split(',').next().unwrap_or(name)))
        .collect();
    versions.dedup();
    format!(
        "{}\nMeasured on {date}, {machine}: servers on one processor and the client on another, medians of {rounds} \
         rounds.\nVersions: {}.\n",
        rows(&found),
        versions.join(", ")
    )
}

fn rows(rows: &[&Row]) -> String {
    let names: Vec<_> = contestant::ALL
        .iter()
        .map(|contestant| contestant.name)
        .filter(|name| rows.iter().any(|row| row.cells.contains_key(*name)))
        .collect();
    let mut table = format!("| | goal | {} |\n|---|---|", names.join(" | "));
    table.push_str(&"---:|".repeat(names.len()));
    table.push('\n');
    for row in rows {
        let cells: Vec<_> = names
            .iter()
            .map(|name| row.cells.get(*name).map(|number| text(row.unit, *number)).unwrap_or_default())
            .collect();
        // Writing to a string does not fail.
        let _ = writeln!(table, "| {} | {} | {} |", row.title, goal(row), cells.join(" | "));
    }
    table
}

/// The rows of the short table.
const SHORT: [&str; 9] = [
    "per-second",
    "call-2026-cpu",
    "call-2025-cpu",
    "list-cpu",
    "instructions-2026",
    "allocations-2026",
    "session",
    "resident",
    "size",
];

/// What mocopr must reach in a row and whether it does, and what would be better still and whether that is reached.
pub fn goal(row: &Row) -> String {
    let Some(must) = row.must else { return String::new() };
    let said = |bound: Bound| match bound {
        Bound::AtMost(number) => format!("≤ {}", text(row.unit, number)),
        Bound::AtLeast(number) => format!("≥ {}", text(row.unit, number)),
    };
    let reached = |bound: Bound| row.own().map(|number| bound.holds(number));
    let mark = match reached(must) {
        Some(true) => ", **met**",
        Some(false) => ", **missed**",
        None => "",
    };
    match row.stretch.filter(|stretch| reached(*stretch) == Some(true)) {
        Some(stretch) => format!("{}{mark} (also {})", said(must), said(stretch)),
        None => format!("{}{mark}", said(must)),
    }
}

/// A number with its unit.
pub fn text(unit: Unit, number: f64) -> String {
    match unit {
        Unit::Ratio => format!("{number:.2}"),
        Unit::Seconds if number < 0.001 => format!("{:.0} µs", number * 1e6),
        Unit::Seconds => format!("{:.1} ms", number * 1e3),
        Unit::Bytes if number >= 1e6 => format!("{:.1} MB", number / 1e6),
        Unit::Bytes if number >= 1e4 => format!("{:.1} kB", number / 1e3),
        Unit::Bytes => format!("{number:.0} B"),
        Unit::Count => grouped(number),
    }
}

/// Whole, with a comma between thousands.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_by_thousands() {
        assert_eq!(text(Unit::Count, 7.0), "7");
        assert_eq!(text(Unit::Count, 50_595.2), "50,595");
        assert_eq!(text(Unit::Count, 1_234_567.0), "1,234,567");
    }
}
