//! Seeds, and small changes of them that are the same in every run: what a build without a fuzzer tries.

use std::{
    fs,
    panic::catch_unwind,
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::TARGETS;

/// Replays every target, and tells the names of those that panicked.
pub fn replay_all() -> Vec<&'static str> {
    // Two threads take one target after the other; each goes on past one that fails, so that a run tells of all.
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(target) = TARGETS.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if catch_unwind(|| target.replay()).is_err() {
                        failed.lock().unwrap_or_else(PoisonError::into_inner).push(target.name);
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// A function that a fuzzer calls, and what a replay needs to know of it.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of the function, of its program, of its seeds and of its dictionary.
    pub name: &'static str,
    /// Panics where the input shows a mistake.
    pub run: fn(&[u8]),
    /// How many changed inputs a replay tries.
    pub rounds: usize,
}

impl Target {
    /// Its seeds, in the order of their names; the first is always the empty input.
    ///
    /// # Panics
    /// Where there is no seed.
    pub fn seeds(&self) -> Vec<Vec<u8>> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("seeds").join(self.name);
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("the folder can be read").path()).collect();
        paths.sort();
        assert!(!paths.is_empty(), "{} has no seed", self.name);
        let read = paths.iter().map(|path| fs::read(path).expect("a seed can be read"));
        std::iter::once(Vec::new()).chain(read).collect()
    }

    /// The words of its dictionary; none where it has none.
    pub fn words(&self) -> Vec<Vec<u8>> {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("dictionaries").join(format!("{}.dict", self.name));
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines().filter_map(word).collect()
    }

    /// Runs each seed, each beginning of one, and as many changed inputs as it says.
    pub fn replay(&self) {
        let (seeds, words) = (self.seeds(), self.words());
        for seed in &seeds {
            (self.run)(seed);
            for end in (0..seed.len()).step_by(1 + seed.len() / 64) {
                (self.run)(&seed[..end]);
            }
        }
        let mut chance = Chance(0x5eed ^ self.name.len() as u64);
        for round in 0..self.rounds {
            let mut input = seeds[round % seeds.len()].clone();
            for _ in 0..=chance.below(4) {
                change(&mut input, &seeds, &words, &mut chance);
            }
            (self.run)(&input);
        }
    }
}

/// A word of a dictionary as libFuzzer writes it: in quotes, with `\xNN`, `\\` and `\"`.
fn word(line: &str) -> Option<Vec<u8>> {
    let inner = line.split_once('"')?.1.strip_suffix('"')?;
    let mut word = Vec::new();
    let mut bytes = inner.bytes();
    while let Some(byte) = bytes.next() {
        match (byte, byte == b'\\') {
            (_, true) => match bytes.next()? {
                b'x' => {
                    let digits = [bytes.next()?, bytes.next()?];
                    word.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
                }
                plain => word.push(plain),
            },
            (byte, false) => word.push(byte),
        }
    }
    Some(word)
}

fn change(input: &mut Vec<u8>, seeds: &[Vec<u8>], words: &[Vec<u8>], chance: &mut Chance) {
    let at = chance.below(input.len() + 1);
    let to = (at + chance.below(8)).min(input.len());
    match chance.below(7) {
        0 => drop(input.drain(at..to)),
        1 if at < input.len() => input[at] = chance.below(256) as u8,
        2 if at < input.len() => input[at] ^= 1 << chance.below(8),
        3 if !words.is_empty() => {
            let word = &words[chance.below(words.len())];
            input.splice(at..if chance.below(2) == 0 { at } else { to }, word.iter().copied());
        }
        4 => {
            let copied = input[at..to].to_vec();
            let place = chance.below(input.len() + 1);
            input.splice(place..place, copied);
        }
        5 => {
            let other = &seeds[chance.below(seeds.len())];
            let from = chance.below(other.len() + 1);
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        _ => input.insert(at, chance.below(256) as u8),
    }
    input.truncate(MOST_BYTES);
}

/// What a changed input may grow to.
const MOST_BYTES: usize = 4_096;

/// Numbers that look random and are the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}
