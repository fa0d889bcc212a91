//! Sealed texts: what this server hands to a client and takes back, unread and unchanged.
//!
//! A seal hides its payload and binds it to one purpose and to whatever the caller names: a principal, a session, a
//! method, a digest of arguments. It is opened with exactly the same, or not at all, and every way of failing to
//! open is the same error. Nothing here knows what a payload means, and nothing here remembers: using a text once
//! is for its user to enforce.

mod keyfile;
mod secret;
mod sourced;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    error::Unspecified,
    hkdf::{HKDF_SHA256, KeyType, Prk},
    hmac,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

pub use self::{
    keyfile::KeyFile,
    sourced::{Renewal, SecretFuture, SecretSource, SourcedKey},
};
use crate::redact::Secret;

/// The keys that seal and open: one that does both, and earlier ones that only open.
///
/// Each text is encrypted with a key of its own, derived with HKDF from the ring's key, the purpose and 128 random
/// bits, by AES-256-GCM with a random 96-bit nonce. That way the number of texts that one key may seal is not bounded
/// in practice, where random nonces alone would bound it to 2³².
///
/// ```
/// use mocopr_security::seal::{KeyRing, Purpose};
///
/// let ring = KeyRing::generate()?;
/// let cursor = ring.seal(Purpose::Cursor, &[b"alice", b"tools/list"], b"100")?;
/// assert_eq!(ring.open(Purpose::Cursor, &[b"alice", b"tools/list"], &cursor)?, b"100");
/// assert!(ring.open(Purpose::Cursor, &[b"mallory", b"tools/list"], &cursor).is_err());
/// # Ok::<(), mocopr_security::seal::SealError>(())
/// ```
///
/// # Source
/// NIST SP 800-38D (GCM), RFC 5869 (HKDF), RFC 4648 §5 (base64url).
#[derive(Debug)]
pub struct KeyRing(ArcSwap<Keys>);

/// The keys of a ring at one moment.
#[derive(Debug)]
struct Keys {
    primary: Arc<SealKey>,
    previous: Vec<Arc<SealKey>>,
    /// Those that were taken out of the ring and still open, the latest first.
    retired: Vec<Retired>,
}

/// A key that was taken out of a ring.
#[derive(Clone, Debug)]
struct Retired {
    key: Arc<SealKey>,
    /// Until when it opens what does not expire by itself, in time since 1970-01-01T00:00:00Z.
    until: Duration,
}

impl Keys {
    /// Every key that was given, the one that seals first.
    fn given(&self) -> impl Iterator<Item = &Arc<SealKey>> {
        std::iter::once(&self.primary).chain(&self.previous)
    }
}

impl Retired {
    /// Something that it sealed may still be good.
    fn is_needed(&self, now: Duration) -> bool {
        now < self.until || now.as_millis() < u128::from(self.key.latest.load(Ordering::Relaxed))
    }
}

impl KeyRing {
    /// A ring with one random key that lives in this process alone: what it seals dies with the process, and no
    /// other replica can open it.
    ///
    /// # Errors
    /// [`SealError::Unavailable`] when the system gives no randomness.
    pub fn generate() -> Result<Self, SealError> {
        let mut bytes = [0; KEY_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self::new(SealKey::new(&Secret::new(bytes))?, Vec::new()))
    }

    /// A ring that seals with `primary`, and opens what `primary` or any of `previous` sealed.
    ///
    /// To change the key of several replicas: first add the new one to `previous` everywhere, then make it
    /// `primary` everywhere, and drop the old one when all that it sealed has expired.
    pub fn new(primary: SealKey, previous: Vec<SealKey>) -> Self {
        let previous = previous.into_iter().map(Arc::new).collect();
        Self(ArcSwap::from_pointee(Keys { primary: Arc::new(primary), previous, retired: Vec::new() }))
    }

    /// Takes the keys of another ring in the place of its own, and says whether they are others. A key that is gone
    /// still opens what it sealed in this process: for a day, and until the last of it has expired. At most eight such
    /// keys are kept.
    pub(crate) fn renew(&self, next: Self, now_unix: Duration) -> bool {
        let (old, next) = (self.0.load_full(), next.0.into_inner());
        if old.given().map(|key| key.id).eq(next.given().map(|key| key.id)) {
            return false;
        }
        let taken = |key: &SealKey| next.given().find(|taken| taken.id == key.id);
        for key in old.given().chain(old.retired.iter().map(|retired| &retired.key)) {
            if let Some(taken) = taken(key) {
                taken.latest.fetch_max(key.latest.load(Ordering::Relaxed), Ordering::Relaxed);
            }
        }
        let until = now_unix + LASTING_OPENS;
        let gone = old.given().map(|key| Retired { key: key.clone(), until });
        let retired = gone.chain(old.retired.iter().cloned());
        let retired =
            retired.filter(|retired| taken(&retired.key).is_none() && retired.is_needed(now_unix)).take(MOST_RETIRED);
        let keys = Keys { primary: next.primary.clone(), previous: next.previous.clone(), retired: retired.collect() };
        self.0.store(Arc::new(keys));
        true
    }

    /// Drops the keys that are gone and sealed nothing that is still good.
    pub(crate) fn forget(&self, now_unix: Duration) {
        let keys = self.0.load();
        if keys.retired.iter().all(|retired| retired.is_needed(now_unix)) {
            return;
        }
        let retired = keys.retired.iter().filter(|retired| retired.is_needed(now_unix)).cloned().collect();
        let keys = Keys { primary: keys.primary.clone(), previous: keys.previous.clone(), retired };
        self.0.store(Arc::new(keys));
    }

    /// Seals a payload for good.
    ///
    /// `bind` names what the text is bound to; the parts and their number count, not only their concatenation. The
    /// text is URL-safe and 66 characters longer than four thirds of the payload.
    ///
    /// # Errors
    /// [`SealError::TooLarge`] for a payload or a part beyond 48 KiB, [`SealError::Unavailable`] when the system
    /// gives no randomness.
    pub fn seal(&self, purpose: Purpose, bind: &[&[u8]], payload: &[u8]) -> Result<Box<str>, SealError> {
        self.0.load().primary.seal(Form::Lasting, purpose, bind, &[payload])
    }

    /// Seals a payload that opens only before `expires_unix`, a time since 1970-01-01T00:00:00Z in whole
    /// milliseconds.
    ///
    /// # Errors
    /// As [`seal`](Self::seal).
    pub fn seal_until(
        &self,
        purpose: Purpose,
        bind: &[&[u8]],
        payload: &[u8],
        expires_unix: Duration,
    ) -> Result<Box<str>, SealError> {
        let expires = u64::try_from(expires_unix.as_millis()).map_err(|_| SealError::TooLarge)?;
        let keys = self.0.load();
        keys.primary.latest.fetch_max(expires, Ordering::Relaxed);
        keys.primary.seal(Form::Expiring, purpose, bind, &[&expires.to_be_bytes(), payload])
    }

    /// A key of 32 bytes for another use, which follows from the key that seals and from this name of the use: every
    /// replica with the same key has the same. It tells nothing of the key that it comes from.
    ///
    /// # Errors
    /// [`SealError::Unavailable`] when the cryptographic library fails.
    pub(crate) fn derive(&self, usage: &[u8]) -> Result<[u8; KEY_BYTES], SealError> {
        let mut bytes = [0; KEY_BYTES];
        self.0.load().primary.root.expand(&[b"mocopr derived key", usage], HKDF_SHA256)?.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Opens what [`seal`](Self::seal) made for the same purpose and the same `bind`.
    ///
    /// # Errors
    /// [`SealError::Open`], for every reason alike.
    pub fn open(&self, purpose: Purpose, bind: &[&[u8]], text: &str) -> Result<Vec<u8>, SealError> {
        self.open_form(Form::Lasting, purpose, bind, text)
    }

    /// Opens what [`seal_until`](Self::seal_until) made for the same purpose and the same `bind`, if it has not
    /// expired at `now_unix`.
    ///
    /// # Errors
    /// [`SealError::Open`], for every reason alike.
    pub fn open_at(
        &self,
        purpose: Purpose,
        bind: &[&[u8]],
        text: &str,
        now_unix: Duration,
    ) -> Result<Vec<u8>, SealError> {
        let mut payload = self.open_form(Form::Expiring, purpose, bind, text)?;
        let expires = payload.first_chunk().copied().map(u64::from_be_bytes).ok_or(SealError::Open)?;
        if now_unix.as_millis() >= u128::from(expires) {
            return Err(SealError::Open);
        }
        payload.drain(..size_of::<u64>());
        Ok(payload)
    }

    /// A key of each key of the ring, in their order, for authenticating what `purpose` names and nothing else.
    pub(crate) fn authenticating(&self, purpose: &[u8]) -> Result<Vec<hmac::Key>, SealError> {
        let info: [&[u8]; 2] = [b"mocopr authenticating key", purpose];
        self.0.load().given().map(|key| Ok(hmac::Key::from(key.root.expand(&info, hmac::HMAC_SHA256)?))).collect()
    }

    fn open_form(&self, form: Form, purpose: Purpose, bind: &[&[u8]], text: &str) -> Result<Vec<u8>, SealError> {
        if text.len() > MAX_TEXT_CHARS {
            return Err(SealError::Open);
        }
        // The engine refuses padding, other alphabets and set trailing bits, so that one text has one spelling.
        let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| SealError::Open)?;
        let ([version], rest) = sealed.split_first_chunk().ok_or(SealError::Open)?;
        if *version != form.version() {
            return Err(SealError::Open);
        }
        let (id, rest) = rest.split_first_chunk().ok_or(SealError::Open)?;
        let (salt, rest) = rest.split_first_chunk().ok_or(SealError::Open)?;
        let (nonce, sealed) = rest.split_first_chunk().ok_or(SealError::Open)?;
        let aad = bound(form, *id, purpose, bind).map_err(|_| SealError::Open)?;
        let keys = self.0.load();
        let known = keys.given().chain(keys.retired.iter().map(|retired| &retired.key));
        for key in known.filter(|key| key.id == *id) {
            let mut buffer = sealed.to_vec();
            let text_key = key.text_key(purpose, salt).map_err(|_| SealError::Open)?;
            let opened = text_key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(&aad), &mut buffer);
            if let Ok(payload) = opened {
                let length = payload.len();
                buffer.truncate(length);
                return Ok(buffer);
            }
        }
        Err(SealError::Open)
    }
}

/// A key of 256 bits, known on the wire by an id that is derived from it.
pub struct SealKey {
    id: [u8; ID_BYTES],
    root: Prk,
    /// When the last expires of what it sealed in this process, in milliseconds since 1970-01-01T00:00:00Z.
    latest: AtomicU64,
}

impl SealKey {
    /// Takes 32 bytes that came from a good source of randomness; never a password.
    ///
    /// # Errors
    /// [`SealError::Unavailable`] when the cryptographic library fails.
    pub fn new(bytes: &Secret<[u8; KEY_BYTES]>) -> Result<Self, SealError> {
        let root = Prk::new_less_safe(HKDF_SHA256, bytes.expose());
        let mut id = [0; ID_BYTES];
        root.expand(&[b"mocopr seal key id"], IdLength)?.fill(&mut id)?;
        Ok(Self { id, root, latest: AtomicU64::new(0) })
    }

    fn seal(&self, form: Form, purpose: Purpose, bind: &[&[u8]], payload: &[&[u8]]) -> Result<Box<str>, SealError> {
        let length: usize = payload.iter().map(|part| part.len()).sum();
        if length > MAX_PAYLOAD_BYTES {
            return Err(SealError::TooLarge);
        }
        let aad = bound(form, self.id, purpose, bind)?;
        let mut salt = [0; SALT_BYTES];
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut salt)?;
        getrandom::fill(&mut nonce)?;

        let mut sealed = Vec::with_capacity(HEAD_BYTES + length + AES_256_GCM.tag_len());
        sealed.push(form.version());
        sealed.extend_from_slice(&self.id);
        sealed.extend_from_slice(&salt);
        sealed.extend_from_slice(&nonce);
        for part in payload {
            sealed.extend_from_slice(part);
        }
        let Some(body) = sealed.get_mut(HEAD_BYTES..) else { return Err(SealError::Unavailable) };
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.text_key(purpose, &salt)?.seal_in_place_separate_tag(nonce, Aad::from(&aad), body)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(URL_SAFE_NO_PAD.encode(sealed).into_boxed_str())
    }

    fn text_key(&self, purpose: Purpose, salt: &[u8; SALT_BYTES]) -> Result<LessSafeKey, SealError> {
        let purpose = [purpose.code()];
        let info: [&[u8]; 3] = [b"mocopr seal text key", &purpose, salt];
        Ok(LessSafeKey::new(UnboundKey::from(self.root.expand(&info, &AES_256_GCM)?)))
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealKey({:08x})", u32::from_be_bytes(self.id))
    }
}

/// What a text is for; one purpose never opens another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Where the next page of a list begins.
    Cursor,
    /// The state of a request that waits for the client's input.
    RequestState,
    /// The id of an event in a stream.
    Event,
    /// A handle of something that the server keeps: a session, a task.
    Handle,
}

impl Purpose {
    const fn code(self) -> u8 {
        match self {
            Self::Cursor => 1,
            Self::RequestState => 2,
            Self::Event => 3,
            Self::Handle => 4,
        }
    }
}

/// Why a text was not sealed or not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The payload or a part of what it is bound to is larger than a sealed text may be.
    #[error("too large to be sealed")]
    TooLarge,
    /// The system gave no randomness, or the cryptographic library failed.
    #[error("sealing is not available")]
    Unavailable,
    /// The text was not made here, not for this, was changed, or has expired. Which of these is not told.
    #[error("the sealed text does not open")]
    Open,
}

impl From<getrandom::Error> for SealError {
    fn from(_: getrandom::Error) -> Self {
        Self::Unavailable
    }
}

impl From<Unspecified> for SealError {
    fn from(_: Unspecified) -> Self {
        Self::Unavailable
    }
}

/// Whether the payload begins with the time at which it expires.
#[derive(Clone, Copy, Debug)]
enum Form {
    Lasting,
    Expiring,
}

impl Form {
    const fn version(self) -> u8 {
        match self {
            Self::Lasting => 1,
            Self::Expiring => 2,
        }
    }
}

/// Length of a key id, as HKDF asks for it.
struct IdLength;

impl KeyType for IdLength {
    fn len(&self) -> usize {
        ID_BYTES
    }
}

/// What is authenticated beside the payload. Lengths stand before the parts, so that no two lists of parts are
/// written alike.
fn bound(form: Form, id: [u8; ID_BYTES], purpose: Purpose, bind: &[&[u8]]) -> Result<Vec<u8>, SealError> {
    let length: usize = bind.iter().map(|part| size_of::<u32>() + part.len()).sum();
    if length > MAX_PAYLOAD_BYTES {
        return Err(SealError::TooLarge);
    }
    let mut aad = Vec::with_capacity(2 + ID_BYTES + length);
    aad.push(form.version());
    aad.extend_from_slice(&id);
    aad.push(purpose.code());
    for part in bind {
        let length = u32::try_from(part.len()).map_err(|_| SealError::TooLarge)?;
        aad.extend_from_slice(&length.to_be_bytes());
        aad.extend_from_slice(part);
    }
    Ok(aad)
}

/// How long a key that is gone opens what does not expire by itself: cursors, which a client uses at once, and ids of
/// events, which sessions outlive.
const LASTING_OPENS: Duration = Duration::from_secs(24 * 60 * 60);
/// More changes than that in a day are no changes of keys.
const MOST_RETIRED: usize = 8;

const KEY_BYTES: usize = 32;
const ID_BYTES: usize = 4;
const SALT_BYTES: usize = 16;
const HEAD_BYTES: usize = 1 + ID_BYTES + SALT_BYTES + NONCE_LEN;

/// More than any text that a client has to carry: the largest, a request state, is bounded to 16 KiB by the message.
const MAX_PAYLOAD_BYTES: usize = 48 * 1024;
/// The text of the largest payload, rounded up.
const MAX_TEXT_CHARS: usize = (MAX_PAYLOAD_BYTES + HEAD_BYTES + 16).div_ceil(3) * 4;

#[cfg(test)]
mod tests;
