//! Rows that valgrind counts.

use std::collections::BTreeMap;

use super::{Measured, Plan, medians, tell};
use crate::{
    contestant::Ability,
    counted::{Count, Counted},
    results::{Bound::AtMost, Row, Unit},
    wire::{Accept, Question, Revision},
};

/// Counts them all.
pub fn measure(plan: &mut Plan) -> Vec<Row> {
    let modern = Asked { question: Question::echo(64), tools: "0", revision: Revision::Modern, needs: Ability::Modern };
    let stateful = Asked { revision: Revision::Stateful, needs: Ability::Stateful, ..modern.clone() };
    let list = Asked { question: Question::list(), tools: "100", ..modern.clone() };
    let rows = vec![
        modern
            .row(plan, "instructions-2026", "instructions of a call, 2026-07-28", Count::Instructions)
            .must(AtMost(60_000.0))
            .stretch(AtMost(45_000.0)),
        modern
            .row(plan, "allocations-2026", "allocations of a call, 2026-07-28", Count::Allocations)
            .must(AtMost(50.0))
            .stretch(AtMost(30.0)),
        stateful.row(plan, "instructions-2025", "instructions of a call, 2025-11-25", Count::Instructions),
        stateful.row(plan, "allocations-2025", "allocations of a call, 2025-11-25", Count::Allocations),
        list.row(plan, "instructions-list", "instructions of a list of 100 tools", Count::Instructions),
    ];
    rows.into_iter().filter(|row| !row.cells.is_empty()).collect()
}

/// What is asked of everyone who can be asked it.
#[derive(Clone)]
struct Asked {
    question: Question,
    tools: &'static str,
    revision: Revision,
    needs: Ability,
}

impl Asked {
    fn row(&self, plan: &mut Plan, key: &str, title: &str, count: Count) -> Row {
        tell(title);
        let mut counted: Measured = BTreeMap::new();
        for who in plan.contestants.clone().into_iter().filter(|who| who.can(&[self.needs])) {
            let args = [who.args, &["--tools", self.tools]].concat();
            let asked = Counted {
                program: &who.program(),
                args: &args,
                question: &self.question,
                revision: self.revision,
                accept: Accept::Json,
                profile: None,
            };
            if let Some(each) = plan.note(who.name, key, asked.each(count)) {
                counted.insert(who.name, vec![each]);
            }
        }
        medians(key, title, Unit::Count, &counted)
    }
}
