//! An honest client quietly, and then among attackers: how often it succeeds, how slow it gets, how large the server
//! gets.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use crate::{
    attack::{Attack, ENOUGH},
    door::Wire,
    honest::{Honest, Seen},
    server::Server,
};

/// Measures both for so long each, at most three times: what else runs on this machine may spoil a round, but nothing
/// lets a server seem faster under attack than it is. A round whose attackers did not get to attack shows nothing.
/// Success and memory count in every round.
pub(crate) fn run(wire: Wire, time: Duration) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Server::start(wire).await;
        // What is made once is made.
        Honest::watch(&server.door, &server.key, Duration::from_millis(500)).await;
        let descriptors = server.descriptors();
        let start = server.resident();
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let quiet = Honest::watch(&server.door, &server.key, time / 2).await;
            let attack = Attack::start(&server.door, &server.other_key);
            attack.is_complete().await;
            let attacked = Attacked::watch(&server, &attack, time).await;
            attack.stop();
            let slower = attacked.seen.quantile(0.99).as_secs_f64() / quiet.quantile(0.99).as_secs_f64();
            let more = attacked.resident.saturating_sub(start);
            tell(&quiet, &attacked, more, slower);
            judge(&attacked.seen, more);
            server.settles(descriptors).await;
            if slower <= SLOWER && attacked.is_strong() {
                assert!(server.listening.stop().await.success());
                return;
            }
            rounds.push(slower);
        }
        panic!(
            "under a whole attack the slowest of a hundred calls may be slower by {SLOWER}, and were by {rounds:.1?}"
        );
    });
}

/// What there was to see under attack.
struct Attacked {
    seen: Seen,
    time: Duration,
    /// The most memory that the server had, in bytes.
    resident: u64,
    /// Connections that were half open, on average.
    half_open: usize,
    refused: usize,
    too_large: usize,
}

impl Attacked {
    async fn watch(server: &Server, attack: &Attack, time: Duration) -> Self {
        let counts = attack.counts();
        let now = || (counts.refused.load(Ordering::Relaxed), counts.too_large.load(Ordering::Relaxed));
        let before = now();
        let honest = Honest::start(&server.door, &server.key);
        let begun = Instant::now();
        let (mut resident, mut half_open, mut looks) = (0, 0, 0);
        while begun.elapsed() < time {
            resident = resident.max(server.resident());
            half_open += counts.half_open.load(Ordering::Relaxed);
            looks += 1;
            sleep(Duration::from_millis(50)).await;
        }
        let after = now();
        let strange = (counts.otherwise.load(Ordering::Relaxed), counts.swallowed.load(Ordering::Relaxed));
        assert_eq!(strange, (0, 0), "attackers were answered as they should not be: {counts:?}");
        Self {
            seen: honest.stop(),
            time: begun.elapsed(),
            resident,
            half_open: half_open / looks,
            refused: after.0 - before.0,
            too_large: after.1 - before.1,
        }
    }

    /// All of the attack took place, or nearly: on a machine that is busy with other things attackers do not get on.
    fn is_strong(&self) -> bool {
        let seconds = self.time.as_secs() as usize;
        self.half_open > ENOUGH && self.refused > 50 * seconds && self.too_large * 2 > seconds
    }
}

fn tell(quiet: &Seen, attacked: &Attacked, more: u64, slower: f64) {
    let millis = |time: Duration| time.as_secs_f64() * 1_000.0;
    for (name, seen) in [("quiet", quiet), ("attacked", &attacked.seen)] {
        println!(
            "  {name}: {} calls, {:.3} % answered, half of them within {:.1} ms, 99 % within {:.1} ms",
            seen.calls(),
            seen.success() * 100.0,
            millis(seen.quantile(0.5)),
            millis(seen.quantile(0.99)),
        );
    }
    let Attacked { half_open, refused, too_large, time, .. } = attacked;
    println!(
        "  slower by {slower:.1}; {half_open} half open, {:.0} a second without a credential, {too_large} bodies too large in {:.0} s; \
         memory + {:.1} MiB",
        *refused as f64 / time.as_secs_f64(),
        time.as_secs_f64(),
        more as f64 / MIB as f64,
    );
}

fn judge(seen: &Seen, more: u64) {
    let failures = &seen.failures;
    assert!(seen.success() >= SUCCESS, "{} of {} calls failed: {failures:?}", failures.len(), seen.calls());
    assert!(more <= 64 * MIB, "the server has grown by {more} bytes");
}

/// How often it is tried.
const ROUNDS: usize = 3;

/// The part of the calls that must be answered.
const SUCCESS: f64 = 0.999;

/// How many times as long the slowest of a hundred calls may take.
const SLOWER: f64 = 10.0;

const MIB: u64 = 1 << 20;
