//! The chain: each record is authenticated together with the one before it, so that nothing below the last can be
//! changed, moved or left out unseen.
//!
//! Owns the keys, which are derived from the state key for this purpose alone, and the form of a line's end.

use aws_lc_rs::hmac;

use super::text::{push_hex, push_number};
use crate::{
    policy::Problem,
    seal::{KeyRing, SealError},
};

/// What authenticates one record and all before it.
pub(crate) type Mac = [u8; 32];

/// The keys of a log: those of the ring in its order, of which the first seals.
pub(crate) struct Keys {
    chain: Vec<hmac::Key>,
    head: Vec<hmac::Key>,
    names: hmac::Key,
    arguments: hmac::Key,
}

/// How far a chain has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tip {
    /// The number of the next record; the first one is 0.
    pub(crate) next: u64,
    /// The MAC of the record before it; zeros before the first.
    pub(crate) mac: Mac,
}

/// Where in its file a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stands {
    /// First: it repeats the MAC of the record before it, because that may be deleted with its file.
    First,
    /// Behind another one.
    Behind,
}

/// A line, taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    /// What is authenticated: everything before the MAC.
    text: &'a [u8],
    pub(crate) seq: u64,
    /// The MAC of the record before it, where it is the first of a later file.
    pub(crate) previous: Option<Mac>,
    pub(crate) mac: Mac,
}

impl Keys {
    /// Those of a ring.
    ///
    /// # Errors
    /// A problem where the cryptographic library fails.
    pub(crate) fn of(ring: &KeyRing) -> Result<Self, Problem> {
        Self::derive(ring).map_err(|_| {
            Problem::new("the keys of the audit log cannot be derived", "look why the cryptographic library fails")
        })
    }

    fn derive(ring: &KeyRing) -> Result<Self, SealError> {
        let first = |purpose| ring.authenticating(purpose)?.into_iter().next().ok_or(SealError::Unavailable);
        Ok(Self {
            chain: ring.authenticating(b"audit record")?,
            head: ring.authenticating(b"audit head")?,
            names: first(b"audit pseudonym")?,
            arguments: first(b"audit arguments")?,
        })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.chain.len()
    }

    /// The name under which a subject stands in records; only who has the key can say which subject it is.
    pub(crate) fn pseudonym(&self, issuer: &str, subject: &str) -> Box<str> {
        let mut mac = hmac::Context::with_key(&self.names);
        mac.update(&u64::try_from(issuer.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(issuer.as_bytes());
        mac.update(subject.as_bytes());
        let mac = mac.sign();
        let mut name = b"p-".to_vec();
        push_hex(&mut name, mac.as_ref().get(..16).unwrap_or_default());
        String::from_utf8_lossy(&name).into()
    }

    /// The digest of arguments: the same for the same text, and without the key it cannot be tried which text it is of.
    pub(crate) fn digest(&self, arguments: &[u8]) -> hmac::Tag {
        hmac::sign(&self.arguments, arguments)
    }

    /// What authenticates a head.
    pub(crate) fn head(&self, text: &[u8]) -> hmac::Tag {
        // There is always a first key; without one nothing would hold.
        self.head.first().map_or_else(|| hmac::sign(&self.arguments, b""), |key| hmac::sign(key, text))
    }

    /// By which key a head is authentic.
    pub(crate) fn who_made_head(&self, text: &[u8], mac: &Mac) -> Option<usize> {
        self.head.iter().position(|key| hmac::verify(key, text, mac).is_ok())
    }

    fn chained(&self, key: usize, previous: &Mac, text: &[u8]) -> Option<Mac> {
        let mut mac = hmac::Context::with_key(self.chain.get(key)?);
        mac.update(previous);
        mac.update(text);
        mac.sign().as_ref().try_into().ok()
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(..)")
    }
}

impl Tip {
    /// Before the first record.
    pub(crate) const START: Self = Self { next: 0, mac: [0; 32] };

    /// Makes a line of the chain of what `out` holds from `start` on, which is an object without its end.
    pub(crate) fn seal(&mut self, keys: &Keys, out: &mut Vec<u8>, start: usize, stands: Stands) {
        if stands == Stands::First && self.next > 0 {
            out.extend_from_slice(PREVIOUS);
            push_hex(out, &self.mac);
            out.push(b'"');
        }
        out.extend_from_slice(SEQ);
        push_number(out, self.next);
        let mac = keys.chained(0, &self.mac, out.get(start..).unwrap_or_default());
        let mac = mac.unwrap_or_default();
        out.extend_from_slice(MAC);
        push_hex(out, &mac);
        out.extend_from_slice(END);
        out.push(b'\n');
        *self = Self { next: self.next.saturating_add(1), mac };
    }

    /// Takes the next line where it is that by one of the keys, which is tried first.
    pub(crate) fn take(&mut self, keys: &Keys, key: &mut usize, line: &Line<'_>) -> Result<(), &'static str> {
        if line.seq != self.next {
            return Err("a record is missing, moved or repeated");
        }
        let others = (0..keys.count()).filter(|other| other != key);
        let made = std::iter::once(*key)
            .chain(others)
            .find(|key| keys.chained(*key, &self.mac, line.text).is_some_and(|mac| mac == line.mac));
        *key = made.ok_or("a record was changed, or is of another log")?;
        *self = Self { next: self.next.saturating_add(1), mac: line.mac };
        Ok(())
    }
}

impl<'a> Line<'a> {
    /// Takes a line apart, which has lost its line break.
    pub(crate) fn read(line: &'a [u8]) -> Option<Self> {
        let (rest, mac) = cut_hex(line.strip_suffix(END)?)?;
        let text = rest.strip_suffix(MAC)?;
        let digits = text.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let (rest, digits) = text.split_at_checked(text.len().checked_sub(digits)?)?;
        let seq = std::str::from_utf8(digits).ok()?.parse().ok()?;
        let rest = rest.strip_suffix(SEQ)?;
        // No text can end like this member, because quotation marks in texts are escaped.
        let previous = rest
            .strip_suffix(b"\"")
            .and_then(cut_hex)
            .and_then(|(rest, previous)| rest.ends_with(PREVIOUS).then_some(previous));
        Some(Self { text, seq, previous, mac })
    }
}

/// A text and the MAC at its end, in the one spelling that we write.
pub(crate) fn cut_hex(text: &[u8]) -> Option<(&[u8], Mac)> {
    let (rest, digits) = text.split_last_chunk::<64>()?;
    let mut mac = [0; 32];
    for (byte, pair) in mac.iter_mut().zip(digits.chunks_exact(2)) {
        let &[high, low] = pair else { return None };
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some((rest, mac))
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

const PREVIOUS: &[u8] = b",\"previous\":\"";
const SEQ: &[u8] = b",\"seq\":";
const MAC: &[u8] = b",\"mac\":\"";
const END: &[u8] = b"\"}";

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::seal::SealKey;

    /// Keys of rings whose first bytes are these.
    pub(crate) fn keys(first: &[u8]) -> Keys {
        let key = |first: &u8| {
            let bytes: Vec<u8> = (0..32).map(|place: u8| first.wrapping_add(place)).collect();
            SealKey::new(&crate::redact::Secret::new(bytes.try_into().unwrap())).unwrap()
        };
        let mut ring = first.iter().map(key);
        Keys::of(&KeyRing::new(ring.next().unwrap(), ring.collect())).unwrap()
    }

    fn line(sealed: &[u8]) -> Line<'_> {
        Line::read(sealed.strip_suffix(b"\n").unwrap()).unwrap()
    }

    /// S-91
    #[test]
    fn a_sealed_line_is_json_and_is_taken_back_once_in_its_place() {
        let keys = keys(&[1]);
        let (mut tip, mut out) = (Tip::START, Vec::new());
        let mut starts = Vec::new();
        for (record, stands) in
            [(b"{\"a\":1", Stands::First), (b"{\"a\":2", Stands::Behind), (b"{\"a\":3", Stands::First)]
        {
            starts.push(out.len());
            out.extend_from_slice(record);
            tip.seal(&keys, &mut out, starts[starts.len() - 1], stands);
        }
        let (second, third) = (starts[1], starts[2]);
        let lines = [&out[..second], &out[second..third], &out[third..]];
        let json: serde_json::Value = serde_json::from_slice(lines[2]).unwrap();
        assert_eq!((&json["seq"], &json["a"]), (&2.into(), &3.into()));
        assert_eq!(line(lines[2]).previous, Some(line(lines[1]).mac));
        assert_eq!((line(lines[0]).previous, line(lines[1]).previous), (None, None));
        let (mut back, mut key) = (Tip::START, 0);
        for sealed in lines {
            assert_eq!(back.take(&keys, &mut key, &line(sealed)), Ok(()));
            assert!(back.take(&keys, &mut key, &line(sealed)).is_err());
        }
        assert_eq!(back, tip);
    }

    /// S-91
    #[test]
    fn a_line_of_another_key_is_not_taken_and_one_of_an_earlier_key_is() {
        let (mut tip, mut out) = (Tip::START, b"{\"a\":1".to_vec());
        tip.seal(&keys(&[1]), &mut out, 0, Stands::First);
        assert!({ Tip::START }.take(&keys(&[2]), &mut 0, &line(&out)).is_err());
        let mut key = 0;
        assert_eq!({ Tip::START }.take(&keys(&[2, 1]), &mut key, &line(&out)), Ok(()));
        assert_eq!(key, 1);
    }

    #[test]
    fn pseudonyms_keep_issuers_apart_and_depend_on_the_key() {
        let (one, other) = (keys(&[1]), keys(&[2]));
        assert_eq!(one.pseudonym("a", "bc"), one.pseudonym("a", "bc"));
        assert_ne!(one.pseudonym("a", "bc"), one.pseudonym("ab", "c"));
        assert_ne!(one.pseudonym("a", "bc"), other.pseudonym("a", "bc"));
        assert_eq!(one.pseudonym("a", "bc").len(), 34);
    }
}
