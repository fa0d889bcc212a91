//! Tokens that were refused, or could not be asked about, a moment ago.
//!
//! Apart from those that were accepted: strangers can fill this table with what they make up, and must not push out
//! what others proved.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::Answer;
use crate::auth::lately::Lately;

/// Answers that let nobody in, at most 8,192.
#[derive(Default)]
pub(super) struct Refused(Mutex<Lately<Entry, HALF>>);

struct Entry {
    answer: Answer,
    /// By the monotonic clock.
    until: Duration,
}

impl Refused {
    /// The answer about that token, for as long as it counts.
    pub(super) fn find(&self, name: &[u8; 32], now: Duration) -> Option<Answer> {
        let answers = self.lock();
        let entry = answers.find(name)?;
        (now < entry.until).then(|| entry.answer.clone())
    }

    /// Keeps an answer about that token.
    pub(super) fn keep(&self, name: [u8; 32], answer: Answer, now: Duration) {
        let time = match &answer {
            // Who is let in is kept elsewhere.
            Answer::Verified(_) => return,
            Answer::Rejected(_) => REFUSED,
            Answer::Unavailable => UNAVAILABLE,
        };
        self.lock().keep(name, Entry { answer, until: now + time });
    }

    /// Keeps nothing about that token: it has been accepted since.
    pub(super) fn forget(&self, name: &[u8; 32]) {
        self.lock().forget(name);
    }

    fn lock(&self) -> MutexGuard<'_, Lately<Entry, HALF>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Refused(..)")
    }
}

/// How long a refused token is refused without asking: a token that becomes good waits so long at most.
const REFUSED: Duration = Duration::from_secs(10);
/// How long nobody asks about a token for which the issuer had no answer, so that one token is not asked about without
/// end.
const UNAVAILABLE: Duration = Duration::from_secs(2);
const HALF: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::verdict::Rejected;

    #[test]
    fn ten_times_as_many_tokens_as_there_is_room_for_leave_the_newest_within_the_bound() {
        let refused = Refused::default();
        let name = |number: u32| crate::random::digest(&[&number.to_be_bytes()]);
        for number in 0..80_000 {
            refused.keep(name(number), Answer::Rejected(Rejected::new("made up")), Duration::ZERO);
        }
        let kept = (0..80_000).filter(|number| refused.find(&name(*number), Duration::ZERO).is_some()).count();
        assert!((HALF..=2 * HALF).contains(&kept), "{kept}");
        assert!(refused.find(&name(79_999), Duration::ZERO).is_some());
    }
}
