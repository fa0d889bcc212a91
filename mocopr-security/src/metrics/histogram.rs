//! How numbers are spread: fixed buckets, counted without a lock.

use std::{
    fmt::{self, Display},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::text::Text;

/// What a histogram is of, and where its buckets end.
#[derive(Debug)]
pub(super) struct Scale {
    /// The greatest number of each bucket, and how it is written; the last bucket takes the rest.
    ends: &'static [(u64, &'static str)],
    /// How many of what is counted make one of the unit that is told.
    per_unit: u64,
}

/// Counts of numbers, by bucket.
#[derive(Debug)]
pub(super) struct Histogram {
    scale: &'static Scale,
    /// One more than the scale has ends.
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    /// Nothing counted.
    pub(super) fn new(scale: &'static Scale) -> Self {
        let buckets = (0..=scale.ends.len()).map(|_| AtomicU64::new(0)).collect();
        Self { scale, buckets, sum: AtomicU64::new(0) }
    }

    /// Counts a number of bytes.
    pub(super) fn add_bytes(&self, bytes: usize) {
        self.add(bytes as u64);
    }

    /// Counts a time.
    pub(super) fn add_time(&self, time: Duration) {
        self.add(time.as_nanos().try_into().unwrap_or(u64::MAX));
    }

    fn add(&self, number: u64) {
        let bucket = self.scale.ends.partition_point(|(end, _)| *end < number);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Ordering::Relaxed);
            self.sum.fetch_add(number, Ordering::Relaxed);
        }
    }

    /// Writes the samples; `labels` must have room for `le` at their end.
    pub(super) fn write(&self, text: &mut Text, name: &str, labels: &[(&str, &str)]) {
        let (bucket_name, mut count) = (format!("{name}_bucket"), 0);
        let mut named = labels.to_vec();
        let ends = self.scale.ends.iter().map(|(_, written)| *written).chain(["+Inf"]);
        for (bucket, end) in self.buckets.iter().zip(ends) {
            count += bucket.load(Ordering::Relaxed);
            named.push(("le", end));
            text.sample(&bucket_name, &named, count);
            named.truncate(labels.len());
        }
        let sum = Units { count: self.sum.load(Ordering::Relaxed), per_unit: self.scale.per_unit };
        text.sample(&format!("{name}_sum"), labels, sum);
        // The count is that of the last bucket by construction, also while others go on counting.
        text.sample(&format!("{name}_count"), labels, count);
    }
}

/// A count of parts, in whole units and a decimal fraction.
struct Units {
    count: u64,
    per_unit: u64,
}

impl Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.count / self.per_unit, self.count % self.per_unit);
        match self.per_unit.ilog10() as usize {
            0 => write!(f, "{whole}"),
            digits => write!(f, "{whole}.{part:0digits$}"),
        }
    }
}

/// Bytes of messages, from a ping to the largest that any limit allows.
pub(super) static BYTES: Scale = Scale {
    ends: &[
        (64, "64"),
        (256, "256"),
        (1_024, "1024"),
        (4_096, "4096"),
        (16_384, "16384"),
        (65_536, "65536"),
        (262_144, "262144"),
        (1_048_576, "1048576"),
        (4_194_304, "4194304"),
        (16_777_216, "16777216"),
    ],
    per_unit: 1,
};

/// Seconds of calls, from what a lookup takes to the longest that any limit allows; counted in nanoseconds.
pub(super) static SECONDS: Scale = Scale {
    ends: &[
        (100_000, "0.0001"),
        (500_000, "0.0005"),
        (1_000_000, "0.001"),
        (5_000_000, "0.005"),
        (10_000_000, "0.01"),
        (50_000_000, "0.05"),
        (100_000_000, "0.1"),
        (500_000_000, "0.5"),
        (1_000_000_000, "1"),
        (5_000_000_000, "5"),
        (10_000_000_000, "10"),
        (30_000_000_000, "30"),
        (300_000_000_000, "300"),
    ],
    per_unit: 1_000_000_000,
};

#[cfg(test)]
mod tests {
    use super::*;

    fn written(histogram: &Histogram) -> String {
        let mut text = Text::default();
        histogram.write(&mut text, "a", &[("of", "x")]);
        text.into_string()
    }

    #[test]
    fn a_number_at_the_end_of_a_bucket_is_in_it() {
        let histogram = Histogram::new(&BYTES);
        for bytes in [0, 64, 65, 16_777_216, 16_777_217] {
            histogram.add_bytes(bytes);
        }
        let text = written(&histogram);
        for line in [
            "a_bucket{of=\"x\",le=\"64\"} 2",
            "a_bucket{of=\"x\",le=\"256\"} 3",
            "a_bucket{of=\"x\",le=\"16777216\"} 4",
            "a_bucket{of=\"x\",le=\"+Inf\"} 5",
            "a_sum{of=\"x\"} 33554562",
            "a_count{of=\"x\"} 5",
        ] {
            assert!(text.lines().any(|written| written == line), "{line}\n{text}");
        }
    }

    #[test]
    fn times_are_told_in_seconds() {
        let histogram = Histogram::new(&SECONDS);
        histogram.add_time(Duration::from_micros(100));
        histogram.add_time(Duration::from_millis(1_500));
        let text = written(&histogram);
        assert!(text.contains("a_sum{of=\"x\"} 1.500100000\n"), "{text}");
        assert!(text.contains("le=\"0.0001\"} 1\n") && text.contains("le=\"5\"} 2\n"), "{text}");
    }
}
