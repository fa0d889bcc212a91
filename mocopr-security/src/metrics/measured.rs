//! Numbers that are looked up when metrics are read: sessions, queues, the age of secrets.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use super::text::{Kind, Number, Text, is_name};
use crate::evidence::Measure;

/// Says what can be measured somewhere.
type Source = Box<dyn Fn(&mut dyn FnMut(Measure<'_>)) + Send + Sync>;

/// Where to look.
#[derive(Default)]
pub(super) struct Sources(Mutex<Vec<Source>>);

/// The numbers of one name: by label and its value.
#[derive(Debug, Default)]
struct Family {
    help: &'static str,
    values: BTreeMap<Option<(&'static str, Box<str>)>, f64>,
}

impl Sources {
    /// Looks there too.
    pub(super) fn add(&self, source: impl Fn(&mut dyn FnMut(Measure<'_>)) + Send + Sync + 'static) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(source));
    }

    /// Looks everywhere and writes what was found. What several places say of the same is added up.
    pub(super) fn write(&self, text: &mut Text) {
        let mut families: BTreeMap<&'static str, Family> = BTreeMap::new();
        for source in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            source(&mut |Measure { name, help, label, value }| {
                // A second family of one name would make all of the text unreadable.
                let is_taken = super::FAMILIES.iter().any(|taken| name.starts_with(taken));
                if is_taken || !is_name(name) || label.is_some_and(|(label, _)| !is_name(label)) {
                    return;
                }
                let family = families.entry(name).or_insert_with(|| Family { help, ..Family::default() });
                if family.values.len() < MOST_VALUES {
                    *family.values.entry(label.map(|(label, of)| (label, of.into()))).or_default() += value;
                }
            });
        }
        for (name, Family { help, values }) in families {
            text.family(name, if name.ends_with(TOTAL) { Kind::Counter } else { Kind::Gauge }, help);
            for (label, value) in values {
                match label {
                    Some((label, of)) => text.sample(name, &[(label, &of)], Number(value)),
                    None => text.sample(name, &[], Number(value)),
                }
            }
        }
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sources(..)")
    }
}

/// How the name of a number ends that only grows, by the conventions of Prometheus.
const TOTAL: &str = "_total";

/// Labels of one name: secrets, queues, and whatever else an owner gives names to.
const MOST_VALUES: usize = 100;
