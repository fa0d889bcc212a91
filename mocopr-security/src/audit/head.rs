//! The head: how far the log had come a moment ago, in a small file beside it. What was cut off below it is missed.

use serde::Deserialize;

use super::chain::{Keys, Mac, Tip, cut_hex};

/// How far the log had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The end of the chain.
    pub(super) tip: Tip,
    /// The number of the first record of the file that is written to.
    pub(super) file: u64,
    /// The bytes of that file.
    pub(super) size: u64,
    /// When its first record was written, in seconds since 1970.
    pub(super) began: u64,
    /// The number of the first record that is still kept.
    pub(super) first: u64,
}

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    records: u64,
    last: String,
    file: u64,
    size: u64,
    began: u64,
    first: u64,
}

impl Head {
    /// Of a log without a record.
    pub(super) const EMPTY: Self = Self { tip: Tip::START, file: 0, size: 0, began: 0, first: 0 };

    /// Its text.
    pub(super) fn write(&self, keys: &Keys) -> String {
        let Self { tip, file, size, began, first } = self;
        let records = tip.next;
        let last = hex(&tip.mac);
        let text = format!(
            "{{\"records\":{records},\"last\":\"{last}\",\"file\":{file},\"size\":{size},\"began\":{began},\"first\":{first}"
        );
        let mac = hex(keys.head(text.as_bytes()).as_ref());
        format!("{text}{MAC}{mac}{END}")
    }

    /// What a text says, and by which key it is authentic; `None` where it is not.
    pub(super) fn read(text: &[u8], keys: &Keys) -> Option<(Self, usize)> {
        let (rest, mac) = cut_hex(text.strip_suffix(END.as_bytes())?)?;
        let said = rest.strip_suffix(MAC.as_bytes())?;
        let key = keys.who_made_head(said, &mac)?;
        let Written { records, last, file, size, began, first } =
            serde_json::from_slice(&[said, b"}".as_slice()].concat()).ok()?;
        let (_, last): (_, Mac) = cut_hex(last.as_bytes())?;
        Some((Self { tip: Tip { next: records, mac: last }, file, size, began, first }, key))
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    super::text::push_hex(&mut out, bytes);
    String::from_utf8_lossy(&out).into_owned()
}

const MAC: &str = ",\"mac\":\"";
const END: &str = "\"}\n";

/// More than any head has.
pub(super) const MAX_HEAD_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::chain::tests::keys;

    /// S-91
    #[test]
    fn a_head_reads_back_and_with_any_bit_changed_it_does_not() {
        let (ours, later) = (keys(&[1]), keys(&[2, 1]));
        let head = Head { tip: Tip { next: 7, mac: [9; 32] }, file: 3, size: 99, began: 5, first: 2 };
        let text = head.write(&ours).into_bytes();
        assert!(text.len() < MAX_HEAD_BYTES);
        assert_eq!(Head::read(&text, &ours), Some((head, 0)));
        assert_eq!(Head::read(&text, &later), Some((head, 1)));
        assert_eq!(Head::read(&text, &keys(&[2])), None);
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut changed = text.clone();
                changed[at] ^= 1 << bit;
                assert_eq!(Head::read(&changed, &ours), None);
            }
        }
    }
}
