//! What the connections of one listener share: limits, places, and the signal that tells them to leave.
//!
//! Owns who is dismissed and when; it never touches a socket.

use std::{
    collections::HashMap,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::HeaderMap;
use hyper::server::conn::http1;
use mocopr_core::peer;
use mocopr_security::rate::Block;
use tokio::{
    sync::{Notify, futures::Notified},
    time::{Instant, Sleep, sleep_until},
};
use tracing::debug;

use super::{deadlines::Deadlines, listener::ListenerLimits};

/// What the connections of a listener share.
#[derive(Debug)]
pub(crate) struct Connections {
    pub(crate) limits: ListenerLimits,
    pub(crate) http: http1::Builder,
    /// [`super::listener::App::refusal_headers`] as they are written.
    pub(crate) refusal_lines: Bytes,
    /// How many connections each address has, and each of the networks around it.
    addresses: Mutex<[HashMap<Block, usize>; 4]>,
    /// [`CROWDED`], [`DRAINING`], and above them a count of the rings ([`RING`] each). Read whenever a connection is
    /// polled, so it is one word and no lock.
    signal: AtomicU32,
    /// Wakes the connections that sleep, to look at the signal.
    bell: Notify,
}

impl Connections {
    pub(crate) fn new(refusal_headers: &HeaderMap, limits: ListenerLimits) -> Self {
        let mut http = http1::Builder::new();
        // Its head timer is off: it also runs between requests, so that one number would have to be both the head and
        // the idle time, and it enters and leaves the timer wheel at each request. `Deadlines` keeps both.
        // Its pipeline_flush is off: it holds answers back while the next request is half read, and lets them pile up
        // without a bound.
        http.keep_alive(true)
            .half_close(false)
            .header_read_timeout(None)
            .max_header_size(limits.head_bytes)
            .max_headers(limits.header_lines)
            .max_buf_size(limits.head_bytes.max(BUFFER));
        let mut refusal_lines = Vec::new();
        for (name, value) in refusal_headers {
            refusal_lines.extend_from_slice(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        Self {
            limits,
            http,
            refusal_lines: refusal_lines.into(),
            addresses: Mutex::default(),
            signal: AtomicU32::new(0),
            bell: Notify::new(),
        }
    }

    /// A seat for one more connection of this address, or of this user.
    pub(crate) fn seat(self: &Arc<Self>, address: Block) -> Option<Seat> {
        let Some(most) = self.limits.per_address else {
            return Some(Seat { connections: Arc::clone(self), address: None });
        };
        let blocks = nested(address);
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let is_within = |((block, count), most): ((&Block, &HashMap<Block, usize>), usize)| {
            count.get(block).is_none_or(|taken| *taken < most)
        };
        if !blocks.iter().zip(addresses.iter()).zip(shares(most.get(), self.limits.connections.get())).all(is_within) {
            return None;
        }
        for (block, count) in blocks.into_iter().zip(addresses.iter_mut()) {
            *count.entry(block).or_default() += 1;
        }
        drop(addresses);
        Some(Seat { connections: Arc::clone(self), address: Some(address) })
    }

    /// Says whether connections are short. While they are, a connection that is idle leaves.
    pub(crate) fn set_crowded(&self, crowded: bool) {
        // The word is shared with every connection: written only when it changes.
        if crowded == (self.signal.load(Ordering::Relaxed) & CROWDED != 0) {
            return;
        }
        if crowded {
            self.signal.fetch_or(CROWDED, Ordering::Release);
        } else {
            self.signal.fetch_and(!CROWDED, Ordering::Release);
        }
    }

    pub(crate) fn drain(&self) {
        self.signal.fetch_or(DRAINING, Ordering::Release);
        self.ring();
    }

    pub(crate) fn ring(&self) {
        self.signal.fetch_add(RING, Ordering::Release);
        self.bell.notify_waiters();
    }

    /// Whether a connection should end. Whether it is idle is asked only where that counts.
    pub(super) fn dismisses(&self, is_idle: impl FnOnce() -> bool) -> bool {
        let signal = self.signal.load(Ordering::Acquire);
        signal & DRAINING != 0 || signal & CROWDED != 0 && is_idle()
    }
}

/// The seat of one connection among those of its address; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    connections: Arc<Connections>,
    address: Option<Block>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        let mut addresses = self.connections.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        for (block, count) in nested(address).into_iter().zip(addresses.iter_mut()) {
            if let Some(taken) = count.get_mut(&block) {
                *taken -= 1;
                if *taken == 0 {
                    count.remove(&block);
                }
            }
        }
    }
}

/// An address and the networks around it.
fn nested(address: Block) -> [Block; 4] {
    let [inner, middle, outer] = address.networks();
    [address, inner, middle, outer]
}

/// How many connections an address may have, and each network around it: whoever has many addresses, as everybody with
/// IPv6 has, must not have the listener. What is in the outermost network is a provider's many customers; they have
/// half of all places, or a quarter in the next one, and more only where that is what one address may have.
fn shares(of_address: usize, of_all: usize) -> [usize; 4] {
    let part = |times: usize, part: usize| of_address.saturating_mul(times).min((of_all / part).max(of_address));
    [of_address, part(2, 4), part(4, 4), (of_all / 2).max(of_address)]
}

/// What may end a connection from outside: its deadlines, or what concerns all connections.
pub(crate) struct Watch<'a> {
    connections: &'a Connections,
    deadlines: &'a Deadlines,
    /// Waits for the ring after those that were heard. Polled once for each, not whenever the connection is: that
    /// takes a lock which all connections share. (The waker of a task stays the same.)
    bell: Pin<Box<Notified<'a>>>,
    heard: Option<u32>,
    /// Set at most as late as the next deadline. Busy connections overtake it, and it is moved when it goes off.
    alarm: Pin<Box<Sleep>>,
    /// The connection was told to leave.
    leaving: bool,
}

pub(crate) enum News {
    /// The connection should be told to leave.
    Leave,
    /// The connection did not get on in time.
    Overdue,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(connections: &'a Connections, deadlines: &'a Deadlines) -> Self {
        let due = deadlines.due().unwrap_or_else(Instant::now);
        Self {
            connections,
            deadlines,
            bell: Box::pin(connections.bell.notified()),
            heard: None,
            alarm: Box::pin(sleep_until(due)),
            leaving: false,
        }
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<News> {
        if !self.leaving {
            self.listen(cx);
            // Looked at after registering: whoever rings has changed the signal before.
            if self.connections.dismisses(|| self.deadlines.is_idle()) {
                self.leaving = true;
                return Poll::Ready(News::Leave);
            }
        }
        match self.deadlines.due() {
            Some(due) if due < self.alarm.deadline() => self.alarm.as_mut().reset(due),
            _ => {}
        }
        while self.alarm.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let due = self.deadlines.due();
            if due.is_some_and(|due| due <= now) {
                return Poll::Ready(News::Overdue);
            }
            self.alarm.as_mut().reset(due.unwrap_or(now + self.connections.limits.idle.max(LEAST_ALARM)));
        }
        Poll::Pending
    }

    /// Makes sure that the next ring wakes this task.
    fn listen(&mut self, cx: &mut Context<'_>) {
        loop {
            let rings = self.connections.signal.load(Ordering::Acquire) / RING;
            if self.heard == Some(rings) {
                return;
            }
            self.bell.set(self.connections.bell.notified());
            // A ring that falls between is either counted above or makes this ready; both lead to another round.
            self.heard = self.bell.as_mut().poll(cx).is_pending().then_some(rings);
        }
    }
}

/// Drives a connection to its end, whatever version of HTTP it speaks: `watch` may end it from outside, and `dismiss`
/// tells it to leave. `rule` is what the log says of one that was ended.
pub(super) async fn drive<C: Future<Output = hyper::Result<()>>>(
    peer: &peer::Place,
    rule: &'static str,
    mut connection: Pin<&mut C>,
    mut watch: impl FnMut(&mut Context<'_>) -> Poll<News>,
    mut dismiss: impl FnMut(Pin<&mut C>),
) {
    let end = poll_fn(|cx| {
        loop {
            if let Poll::Ready(end) = connection.as_mut().poll(cx) {
                return Poll::Ready(Some(end));
            }
            match watch(cx) {
                Poll::Ready(News::Leave) => dismiss(connection.as_mut()),
                Poll::Ready(News::Overdue) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await;
    match end {
        Some(Ok(())) => {}
        Some(Err(error)) => debug!(%peer, %error, "connection ended"),
        None => debug!(%peer, rule, "connection ended"),
    }
}

/// Connections are short: idle ones leave.
const CROWDED: u32 = 1;

/// The listener is closed: every connection leaves after its request.
const DRAINING: u32 = 2;

/// One ring of the bell in the count.
const RING: u32 = 4;

/// The shortest time after which a busy connection looks at its deadlines again.
const LEAST_ALARM: Duration = Duration::from_secs(1);

/// Bytes that hyper reads or collects for writing at once.
const BUFFER: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, num::NonZeroUsize};

    use mocopr_core::peer::Source;

    use super::*;

    fn connections() -> Arc<Connections> {
        let limits = ListenerLimits {
            connections: NonZeroUsize::new(10_000).unwrap(),
            per_address: NonZeroUsize::new(256),
            head_bytes: 16 * 1024,
            header_lines: 64,
            head_within: Duration::from_secs(5),
            idle: Duration::from_secs(60),
            write_stall: Duration::from_secs(10),
            drain_within: Duration::from_secs(1),
        };
        Arc::new(Connections::new(&HeaderMap::new(), limits))
    }

    /// How many of these addresses get a seat for each of so many connections, which they keep.
    fn held(connections: &Arc<Connections>, addresses: impl Iterator<Item = u128>, each: usize) -> Vec<Seat> {
        let places = addresses.flat_map(|address| std::iter::repeat_n(address, each));
        places.filter_map(|address| connections.seat(Block::of(IpAddr::from(address.to_be_bytes())))).collect()
    }

    const SITE: u128 = 0x2001_0db8_0001 << 80;

    /// S-70
    #[test]
    fn who_has_many_addresses_has_a_part_of_the_listener_and_others_have_the_rest() {
        for (step, networks, most) in [(1_u128 << 64, 256, 512), (1 << 72, 256, 1_024), (1 << 80, 256, 5_000)] {
            let connections = connections();
            let attacker = held(&connections, (0..networks).map(|n| SITE + n * step), 256);
            assert_eq!(attacker.len(), most, "{step:x}");
            let other = 0x2001_0db9 << 96;
            assert_eq!(held(&connections, [other].into_iter(), 300).len(), 256);
            drop(attacker);
            assert!(connections.addresses.lock().unwrap().iter().all(HashMap::is_empty));
        }
    }

    /// S-70, P-21
    #[test]
    fn who_has_many_user_ids_has_a_half_of_the_listener() {
        let connections = connections();
        let users = (0..100).flat_map(|uid| std::iter::repeat_n(Block::of(Source::User(uid)), 300));
        let held: Vec<Seat> = users.filter_map(|user| connections.seat(user)).collect();
        assert_eq!(held.len(), 5_000);
        drop(held);
        assert!(connections.addresses.lock().unwrap().iter().all(HashMap::is_empty));
        let one = (0..300).filter_map(|_| connections.seat(Block::of(Source::User(7)))).collect::<Vec<_>>();
        assert_eq!(one.len(), 256);
    }

    /// S-70
    #[test]
    fn no_network_has_less_than_an_address_of_it() {
        assert_eq!(shares(256, 10_000), [256, 512, 1_024, 5_000]);
        assert_eq!(shares(10_000, 10_000), [10_000; 4]);
        assert_eq!(shares(2, 3), [2; 4]);
        assert_eq!(shares(100, 1_000), [100, 200, 250, 500]);
    }
}
