//! A family of counters whose labels are words of ours: bounded however many words there turn out to be.

use std::sync::{
    PoisonError, RwLock,
    atomic::{AtomicU64, Ordering},
};

use super::text::{Kind, Text};

/// A counter for each combination of `L` words.
#[derive(Debug)]
pub(super) struct Counter<const L: usize> {
    /// Few, so they are looked for one by one; a lock for writing is taken once for each.
    series: RwLock<Vec<([&'static str; L], AtomicU64)>>,
    /// What came when there was no room for more words.
    others: AtomicU64,
}

impl<const L: usize> Counter<L> {
    /// Nothing counted, and these words named all the same, so that the first time is a rise and not a beginning.
    pub(super) fn new(known: &[[&'static str; L]]) -> Self {
        let series = known.iter().map(|words| (*words, AtomicU64::new(0))).collect();
        Self { series: RwLock::new(series), others: AtomicU64::new(0) }
    }

    /// Counts one more.
    pub(super) fn add(&self, words: [&'static str; L]) {
        let is_added = {
            let series = self.series.read().unwrap_or_else(PoisonError::into_inner);
            add_to(&series, words)
        };
        if is_added {
            return;
        }
        let mut series = self.series.write().unwrap_or_else(PoisonError::into_inner);
        // Somebody may have been faster.
        if add_to(&series, words) {
            return;
        }
        if series.len() < MOST_SERIES {
            series.push((words, AtomicU64::new(1)));
        } else {
            self.others.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes the family.
    pub(super) fn write(&self, text: &mut Text, name: &str, help: &str, labels: [&str; L]) {
        text.family(name, Kind::Counter, help);
        let mut sample = |words: [&str; L], count: &AtomicU64| {
            let mut named = [("", ""); L];
            for ((pair, label), word) in named.iter_mut().zip(labels).zip(words) {
                *pair = (label, word);
            }
            text.sample(name, &named, count.load(Ordering::Relaxed));
        };
        for (words, count) in self.series.read().unwrap_or_else(PoisonError::into_inner).iter() {
            sample(*words, count);
        }
        if self.others.load(Ordering::Relaxed) > 0 {
            sample([super::OTHER; L], &self.others);
        }
    }
}

fn add_to<const L: usize>(series: &[([&'static str; L], AtomicU64)], words: [&'static str; L]) -> bool {
    let Some((_, count)) = series.iter().find(|(known, _)| *known == words) else { return false };
    count.fetch_add(1, Ordering::Relaxed);
    true
}

/// Combinations of words that are counted apart. Authenticators of owners bring words of their own.
const MOST_SERIES: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_words_than_there_is_room_for_are_counted_together() {
        let counter = Counter::<1>::new(&[["known"]]);
        for number in 0..1_000 {
            counter.add([Box::leak(format!("word {number}").into_boxed_str())]);
        }
        counter.add(["word 3"]);
        let mut text = Text::default();
        counter.write(&mut text, "a_total", "A.", ["of"]);
        let text = text.into_string();
        assert_eq!(text.lines().count(), 2 + MOST_SERIES + 1);
        assert!(text.contains("a_total{of=\"known\"} 0\n"), "{text}");
        assert!(text.contains("a_total{of=\"word 3\"} 2\n"), "{text}");
        assert!(text.contains("a_total{of=\"other\"} 901\n"), "{text}");
    }
}
