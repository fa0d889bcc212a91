//! Reads the body of a request: whole, bounded in bytes and time.
//!
//! Never decompresses: a small body that unfolds into a large one is refused by its `Content-Encoding`.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap,
    header::{CONTENT_ENCODING, TRANSFER_ENCODING},
};
use http_body::Body;
use mocopr_security::principal::Principal;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

#[cfg(test)]
mod tests;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyFault {
    /// It is compressed, or says so: 415.
    Unsupported,
    /// Its `Transfer-Encoding` is more than one `chunked`: 501.
    Framing,
    /// It is longer than it may be: 413.
    TooLarge,
    /// There is no room for it among all that are being read: 503.
    Busy,
    /// It did not arrive in time: 408.
    Timeout,
    /// The connection is lost, or the body's framing is broken: 400, if anybody is left to read it.
    Gone,
}

/// Reads `body` to its end, within the bounds of its listener; what it holds meanwhile counts for `who` sent it.
///
/// A body that declares more than the cap is refused before a byte of it is read; one without a length is counted while
/// it is read, and at most one piece above the cap is ever held. A body that arrived in one piece is returned without
/// a copy. Trailers are dropped.
///
/// After a fault the rest of the body is still on the wire: the answer should carry `Connection: close`. (hyper closes
/// the connection in any case, unless the rest has already arrived whole; it never reads the rest as a request.)
///
/// # Errors
/// Each variant of [`BodyFault`] says which answer it asks for.
///
/// # Source
/// RFC 9110 sections 8.4 and 15.5; RFC 9112 sections 6.1 and 9.3.
pub(crate) async fn read_body<B>(
    headers: &HeaderMap,
    body: B,
    who: &Principal,
    bounds: &BodyBounds,
) -> Result<Bytes, BodyFault>
where
    B: Body<Data = Bytes> + Unpin,
{
    if !headers.get_all(CONTENT_ENCODING).iter().all(|value| is_identity(value.as_bytes())) {
        return Err(BodyFault::Unsupported);
    }
    // hyper looks at the last coding alone: a body that is also compressed would be read as it is, and one that is
    // chunked twice as chunked once, whatever a server in front of this one made of it.
    let mut transfers = headers.get_all(TRANSFER_ENCODING).iter();
    match (transfers.next(), transfers.next()) {
        (None, _) => {}
        (Some(coding), None) if coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") => {}
        (Some(_), _) => return Err(BodyFault::Framing),
    }
    // For HTTP/1.1 this is the Content-Length where one counts (not beside Transfer-Encoding).
    if body.size_hint().lower() > bounds.cap as u64 {
        return Err(BodyFault::TooLarge);
    }
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    // A body that arrived with its head is read at the first poll, before the timer is registered anywhere.
    timeout(bounds.within, collect(body, who, bounds)).await.unwrap_or(Err(BodyFault::Timeout))
}

async fn collect<B: Body<Data = Bytes> + Unpin>(
    mut body: B,
    who: &Principal,
    bounds: &BodyBounds,
) -> Result<Bytes, BodyFault> {
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut reserved = Reserved::none(bounds, who);
    let (mut first, mut all) = (Bytes::new(), BytesMut::new());
    let mut counted = 0;
    while let Some(frame) = std::future::poll_fn(|cx| std::pin::Pin::new(&mut body).poll_frame(cx)).await {
        let Ok(piece) = frame.map_err(|_| BodyFault::Gone)?.into_data() else {
            continue;
        };
        if piece.len() > bounds.cap - first.len() - all.len() {
            return Err(BodyFault::TooLarge);
        }
        if first.is_empty() && all.is_empty() {
            first = piece;
        } else {
            let held = first.len() + all.len();
            let with_this = held + piece.len();
            if with_this > counted {
                // On the word of the peer alone not more than a block, and then as much as it has sent: who announces
                // much and sends little has little of the room.
                counted = with_this.max(declared.min(MAX_AHEAD.max(held.saturating_mul(2))));
                reserved.grow(counted)?;
            }
            if all.capacity() - all.len() < first.len() + piece.len() {
                // Further ahead, because what is not written to is address space and no memory, and each time that a
                // large body is moved to a larger place touches as much memory again.
                let wanted = counted.max(declared.min(held.saturating_mul(LEAP)));
                all.reserve(wanted - all.len());
            }
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&piece);
        }
        if body.is_end_stream() {
            break;
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

/// The bounds on the bodies of a listener.
#[derive(Debug)]
pub(crate) struct BodyBounds {
    cap: usize,
    within: Duration,
    /// For the large bodies of all, in units.
    room: Semaphore,
    /// The most units of one sender: a part of the room, and always enough for one body.
    share: usize,
    /// The units of each sender that has any.
    taken: Mutex<HashMap<Principal, usize>>,
}

impl BodyBounds {
    /// At most `cap` bytes for one body, all of it `within` the time, and `room` bytes for the large ones together, of
    /// which one sender has a quarter.
    pub(crate) fn new(cap: usize, within: Duration, room: usize) -> Self {
        let share = (room / UNIT / SHARES).max(cap.div_ceil(UNIT));
        let room = Semaphore::new((room / UNIT).min(Semaphore::MAX_PERMITS));
        Self { cap, within, room, share, taken: Mutex::default() }
    }

    /// Bytes of one body, or of one message that comes in another way.
    pub(crate) fn cap(&self) -> usize {
        self.cap
    }

    /// How long one may take.
    pub(crate) fn within(&self) -> Duration {
        self.within
    }

    /// Counts so many more units for a sender, where its share has them.
    fn take(&self, who: &Principal, units: usize) -> Result<(), BodyFault> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.entry(who.clone()).or_default();
        match own.checked_add(units).filter(|sum| *sum <= self.share) {
            Some(sum) => *own = sum,
            // Who has none at all is not in the table.
            None if *own == 0 => {
                taken.remove(who);
                return Err(BodyFault::Busy);
            }
            None => return Err(BodyFault::Busy),
        }
        Ok(())
    }

    fn give_back(&self, who: &Principal, units: usize) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(who) {
            *own = own.saturating_sub(units);
            if *own == 0 {
                taken.remove(who);
            }
        }
    }
}

/// What one body has of the room for all; given back when it is read.
struct Reserved<'a> {
    bounds: &'a BodyBounds,
    who: &'a Principal,
    units: usize,
    permit: Option<SemaphorePermit<'a>>,
}

impl<'a> Reserved<'a> {
    fn none(bounds: &'a BodyBounds, who: &'a Principal) -> Self {
        Self { bounds, who, units: 0, permit: None }
    }

    /// Makes room for so many bytes. What every connection may hold needs none.
    fn grow(&mut self, bytes: usize) -> Result<(), BodyFault> {
        let wanted = bytes.saturating_sub(MAX_AHEAD).div_ceil(UNIT);
        let more = wanted.saturating_sub(self.units);
        if more == 0 {
            return Ok(());
        }
        self.bounds.take(self.who, more)?;
        self.units += more;
        let many = u32::try_from(more).map_err(|_| BodyFault::Busy)?;
        let permit = self.bounds.room.try_acquire_many(many).map_err(|_| BodyFault::Busy)?;
        match &mut self.permit {
            Some(held) => held.merge(permit),
            None => self.permit = Some(permit),
        }
        Ok(())
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if self.units > 0 {
            self.bounds.give_back(self.who, self.units);
        }
    }
}

/// What a connection that reads one message after the other has of the room for all; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    bounds: Arc<BodyBounds>,
    who: Principal,
    units: usize,
}

impl Held {
    /// Nothing yet, of this sender.
    pub(crate) fn nothing(bounds: Arc<BodyBounds>, who: Principal) -> Self {
        Self { bounds, who, units: 0 }
    }

    /// Makes room for so many bytes. What every connection may hold needs none.
    ///
    /// # Errors
    /// [`BodyFault::Busy`] where there is none; what it has stays.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), BodyFault> {
        let wanted = bytes.saturating_sub(MAX_AHEAD).div_ceil(UNIT);
        let more = wanted.saturating_sub(self.units);
        if more == 0 {
            return Ok(());
        }
        let many = u32::try_from(more).map_err(|_| BodyFault::Busy)?;
        self.bounds.take(&self.who, more)?;
        let Ok(permit) = self.bounds.room.try_acquire_many(many) else {
            self.bounds.give_back(&self.who, more);
            return Err(BodyFault::Busy);
        };
        // Given back by number.
        permit.forget();
        self.units += more;
        Ok(())
    }

    /// Gives back all of it.
    pub(crate) fn shrink(&mut self) {
        let units = std::mem::take(&mut self.units);
        if units > 0 {
            self.bounds.give_back(&self.who, units);
            self.bounds.room.add_permits(units);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shrink();
    }
}

/// Every coding in the list is the one that does nothing.
fn is_identity(value: &[u8]) -> bool {
    value.split(|byte| *byte == b',').all(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"identity"))
}

/// Bytes that are counted as one.
const UNIT: usize = 4 * 1024;

/// One sender has one of so many parts of the room.
const SHARES: usize = 4;

/// How much is reserved for a body that has only been announced.
const MAX_AHEAD: usize = 64 * 1024;

/// Address space is reserved for so many times what has come, where as much is announced.
pub(crate) const LEAP: usize = 16;
