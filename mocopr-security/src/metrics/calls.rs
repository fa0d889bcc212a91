//! Calls by method, by what they are for, and by how they ended; and how long they took.
//!
//! A name becomes a label only when the gate has found it among what is registered, and only so many of them: what a
//! peer writes never does.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use arc_swap::ArcSwap;
use mocopr_core::wire::method::Method;

use super::{
    OTHER,
    histogram::{Histogram, SECONDS},
    text::{Kind, Text},
};
use crate::evidence::{Decided, Happening, Outcome};

/// The calls of every method.
#[derive(Debug)]
pub(super) struct Calls {
    /// One for each method of [`Method::ALL`].
    methods: Box<[OfMethod]>,
    /// Names that are counted apart, of all methods together.
    names: AtomicUsize,
}

/// The calls of one method.
#[derive(Debug)]
struct OfMethod {
    method: Method,
    /// By the name of what is called, where the method has such names. Read without a lock by every call.
    named: ArcSwap<BTreeMap<Box<str>, Arc<Series>>>,
    /// Held while a name is added.
    growing: Mutex<()>,
    /// Every other call.
    others: Series,
}

/// Calls that are counted together.
#[derive(Debug)]
struct Series {
    outcomes: [AtomicU64; OUTCOMES.len()],
    seconds: Histogram,
}

/// The method and what is called, each after its name.
type Labels<'a> = [(&'static str, &'a str); 2];

impl Calls {
    /// No call so far.
    pub(super) fn new() -> Self {
        let of =
            |method| OfMethod { method, named: ArcSwap::default(), growing: Mutex::default(), others: Series::new() };
        Self { methods: Method::ALL.into_iter().map(of).collect(), names: AtomicUsize::new(0) }
    }

    /// Counts a call that has ended; what is no call is passed over.
    pub(super) fn add(&self, happening: &Happening<'_>) {
        let Some(method) = Method::named(happening.action) else { return };
        let Some(of) = self.methods.iter().find(|of| of.method == method) else { return };
        let is_registered = match happening.ending.decision {
            Decided::Permitted | Decided::StepUp => of.has_names(),
            Decided::Refused | Decided::Hidden | Decided::Unknown => false,
        };
        if is_registered {
            if let Some(series) = of.named.load().get(happening.target) {
                return series.add(happening);
            }
            if let Some(series) = self.add_name(of, happening.target) {
                return series.add(happening);
            }
        }
        of.others.add(happening);
    }

    /// The series of a name that was called for the first time; none where there are too many.
    fn add_name(&self, of: &OfMethod, name: &str) -> Option<Arc<Series>> {
        let _growing = of.growing.lock().unwrap_or_else(PoisonError::into_inner);
        let known = of.named.load_full();
        if let Some(series) = known.get(name) {
            return Some(series.clone());
        }
        let within = |names: usize| (names < MOST_NAMES).then_some(names + 1);
        self.names.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within).ok()?;
        let (series, mut named) = (Arc::new(Series::new()), BTreeMap::clone(&known));
        named.insert(name.into(), series.clone());
        of.named.store(Arc::new(named));
        Some(series)
    }

    /// Writes both families.
    pub(super) fn write(&self, text: &mut Text) {
        text.family(CALLS, Kind::Counter, "Calls, by what they were for and how they ended.");
        self.each(&mut |labels, series| {
            for (outcome, count) in OUTCOMES.into_iter().zip(&series.outcomes) {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    let [method, target] = labels;
                    text.sample(CALLS, &[method, target, ("outcome", outcome.as_str())], count);
                }
            }
        });
        text.family(SECONDS_NAME, Kind::Histogram, "How long permitted calls took.");
        self.each(&mut |labels, series| {
            if series.has_permitted() {
                series.seconds.write(text, SECONDS_NAME, &labels);
            }
        });
    }

    fn each(&self, write: &mut dyn FnMut(Labels<'_>, &Series)) {
        for of in &self.methods {
            let method = ("method", of.method.as_str());
            for (name, series) in of.named.load().iter() {
                write([method, ("target", name)], series);
            }
            if of.others.is_used() {
                write([method, ("target", if of.has_names() { OTHER } else { "" })], &of.others);
            }
        }
    }
}

impl OfMethod {
    /// Its calls are for something that is registered under a name. URIs are not such names: one template has any
    /// number of them.
    fn has_names(&self) -> bool {
        match self.method {
            Method::CallTool | Method::GetPrompt => true,
            Method::Initialize
            | Method::Discover
            | Method::Ping
            | Method::SetLevel
            | Method::ListTools
            | Method::ListPrompts
            | Method::ListResources
            | Method::ListTemplates
            | Method::ReadResource
            | Method::Complete
            | Method::Subscribe
            | Method::Unsubscribe
            | Method::Listen => false,
        }
    }
}

impl Series {
    fn new() -> Self {
        Self { outcomes: Default::default(), seconds: Histogram::new(&SECONDS) }
    }

    fn add(&self, happening: &Happening<'_>) {
        let result = happening.ending.result;
        if let Some((_, count)) = OUTCOMES.into_iter().zip(&self.outcomes).find(|(outcome, _)| *outcome == result) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        // A refusal takes no time, and many of them would hide how long the rest takes.
        if happening.ending.decision == Decided::Permitted {
            self.seconds.add_time(happening.took);
        }
    }

    fn is_used(&self) -> bool {
        self.outcomes.iter().any(|count| count.load(Ordering::Relaxed) > 0)
    }

    fn has_permitted(&self) -> bool {
        let counts = OUTCOMES.into_iter().zip(&self.outcomes);
        counts.filter(|(outcome, _)| *outcome != Outcome::Refused).any(|(_, count)| count.load(Ordering::Relaxed) > 0)
    }
}

/// How calls can end.
const OUTCOMES: [Outcome; 6] = [
    Outcome::Succeeded,
    Outcome::Failed,
    Outcome::Refused,
    Outcome::Cancelled,
    Outcome::Timeout,
    Outcome::InputRequired,
];

const CALLS: &str = "mocopr_calls_total";
const SECONDS_NAME: &str = "mocopr_call_seconds";

/// Names of tools and prompts that are counted apart. A server that registers more, or keeps registering others, has
/// the rest counted together.
pub(super) const MOST_NAMES: usize = 1_000;
