//! What the event streams of a session carried, so that a client that lost one can go on where it was
//! (`Last-Event-ID`, stateful revisions).
//!
//! A lane is one stream of events, whatever connections carried it, and has at most one reader: a second one takes
//! its place. History is kept for the whole session, at most so many events and bytes; what is delivered live
//! never depends on it.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::{sync::mpsc, task::yield_now};
use tokio_util::sync::CancellationToken;

use crate::subject::Topic;

/// The lanes of one session.
#[derive(Clone, Debug)]
pub(crate) struct Replay(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    max_events: usize,
    max_bytes: usize,
}

#[derive(Debug, Default)]
struct State {
    history: VecDeque<Event>,
    bytes: usize,
    lanes: HashMap<u32, Lane>,
    last_lane: u32,
}

#[derive(Debug)]
struct Lane {
    next: u32,
    ended: bool,
    /// What the calls are about whose lane it is.
    topic: Option<Arc<Topic>>,
    reader: Option<Sink>,
}

/// The live way to a lane's reader.
#[derive(Clone, Debug)]
struct Sink {
    events: mpsc::Sender<Event>,
    replaced: CancellationToken,
}

/// One event of a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// Where it stands.
    pub(crate) position: Position,
    /// A whole JSON-RPC message.
    pub(crate) data: Bytes,
    /// The resource that it tells of, so that it can be decided again when it is replayed.
    pub(crate) about: Option<Box<str>>,
}

/// A lane, and how far along it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) lane: u32,
    pub(crate) number: u32,
}

/// The writing end of a lane. The lane of a call ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Writer {
    replay: Replay,
    lane: u32,
}

/// The reading end of a lane.
#[derive(Debug)]
pub(crate) struct Reader {
    start: Position,
    backlog: VecDeque<Event>,
    live: mpsc::Receiver<Event>,
    replaced: CancellationToken,
}

impl Replay {
    pub(crate) fn new(max_events: usize, max_bytes: usize) -> Self {
        Self(Arc::new(Shared { state: Mutex::default(), max_events, max_bytes }))
    }

    /// Opens a lane for calls.
    pub(crate) fn open(&self, topic: Topic) -> (Writer, Reader) {
        let mut state = self.lock();
        state.last_lane += 1;
        let number = state.last_lane;
        // Number 0 is the priming event, which carries nothing.
        let start = Position { lane: number, number: 0 };
        let mut lane = Lane { next: 1, ended: false, topic: Some(Arc::new(topic)), reader: None };
        let reader = lane.attach(start, VecDeque::new());
        state.lanes.insert(number, lane);
        drop(state);
        (Writer { replay: self.clone(), lane: number }, reader)
    }

    /// The writing end of the session's notices, a lane that never ends.
    pub(crate) fn notices(&self) -> Writer {
        Writer { replay: self.clone(), lane: NOTICES }
    }

    /// Reads the notices from now on, in the place of whoever reads them.
    pub(crate) fn attach_notices(&self) -> Reader {
        let mut state = self.lock();
        let fresh = Lane { next: 1, ended: false, topic: None, reader: None };
        let lane = state.lanes.entry(NOTICES).or_insert(fresh);
        let start = Position { lane: NOTICES, number: lane.next - 1 };
        lane.attach(start, VecDeque::new())
    }

    /// What the calls of that lane are about; `None` for notices, each of which is decided by itself, and where the
    /// lane is unknown.
    pub(crate) fn topic(&self, position: Position) -> Option<Arc<Topic>> {
        self.lock().lanes.get(&position.lane)?.topic.clone()
    }

    /// Goes on after `position`; `None` where the lane is unknown or not everything since is kept.
    pub(crate) fn resume(&self, position: Position) -> Option<Reader> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let lane = state.lanes.get_mut(&position.lane)?;
        let missed = lane.next.checked_sub(position.number)?.checked_sub(1)?;
        let since = |event: &&Event| event.position.lane == position.lane && event.position.number > position.number;
        let backlog: VecDeque<Event> = state.history.iter().filter(since).cloned().collect();
        if backlog.len() != missed as usize {
            return None;
        }
        Some(lane.attach(position, backlog))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    fn attach(&mut self, start: Position, backlog: VecDeque<Event>) -> Reader {
        if let Some(before) = self.reader.take() {
            before.replaced.cancel();
        }
        let (events, live) = mpsc::channel(WINDOW);
        let replaced = CancellationToken::new();
        if !self.ended {
            self.reader = Some(Sink { events, replaced: replaced.clone() });
        }
        Reader { start, backlog, live, replaced }
    }
}

impl Position {
    /// It is of the session's notices, not of a call.
    pub(crate) fn is_of_notices(self) -> bool {
        self.lane == NOTICES
    }

    pub(crate) fn to_bytes(self) -> [u8; 8] {
        ((u64::from(self.lane) << 32) | u64::from(self.number)).to_be_bytes()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (lane, number) = bytes.split_first_chunk::<4>()?;
        let number = number.try_into().ok()?;
        Some(Self { lane: u32::from_be_bytes(*lane), number: u32::from_be_bytes(number) })
    }
}

impl Writer {
    /// Keeps an event and hands it to the reader, if there is one; waits while the reader is behind.
    ///
    /// Where nobody reads it gives way to other tasks instead: nothing else slows down a handler that never stops
    /// talking, and whose client is gone.
    pub(crate) async fn push(&self, data: Bytes) {
        self.push_about(data, None).await;
    }

    /// As [`Writer::push`], for what tells of a resource.
    pub(crate) async fn push_about(&self, data: Bytes, about: Option<Box<str>>) {
        let heard = match self.keep(data, about) {
            Some((event, Some(sink))) => tokio::select! {
                biased;
                () = sink.replaced.cancelled() => false,
                // A reader that is gone comes back for what was kept.
                sent = sink.events.send(event) => sent.is_ok(),
            },
            Some((_, None)) | None => false,
        };
        if !heard {
            yield_now().await;
        }
    }

    /// Ends the connection of the reader; the lane goes on, and a reader can come back to it.
    pub(crate) fn detach(&self) {
        if let Some(lane) = self.replay.lock().lanes.get_mut(&self.lane) {
            lane.reader = None;
        }
    }

    fn keep(&self, data: Bytes, about: Option<Box<str>>) -> Option<(Event, Option<Sink>)> {
        let mut guard = self.replay.lock();
        let state = &mut *guard;
        let lane = state.lanes.get_mut(&self.lane)?;
        let event = Event { position: Position { lane: self.lane, number: lane.next }, data, about };
        lane.next += 1;
        let sink = lane.reader.clone();
        if event.data.len() <= self.replay.0.max_bytes {
            state.bytes += event.data.len();
            state.history.push_back(event.clone());
        }
        while state.history.len() > self.replay.0.max_events || state.bytes > self.replay.0.max_bytes {
            state.drop_oldest();
        }
        Some((event, sink))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.lane == NOTICES {
            return;
        }
        let mut state = self.replay.lock();
        if let Some(lane) = state.lanes.get_mut(&self.lane) {
            lane.ended = true;
            lane.reader = None;
        }
        state.forget_empty();
    }
}

impl Reader {
    /// Where it begins: everything comes after this.
    pub(crate) fn start(&self) -> Position {
        self.start
    }

    /// The next event; `None` once the lane has ended or another reader has taken this one's place.
    ///
    /// # Cancel safety
    /// An event counts as read only when this returns.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        if self.replaced.is_cancelled() {
            return None;
        }
        if let Some(event) = self.backlog.pop_front() {
            return Some(event);
        }
        tokio::select! {
            biased;
            () = self.replaced.cancelled() => None,
            event = self.live.recv() => event,
        }
    }
}

impl State {
    fn drop_oldest(&mut self) {
        if let Some(event) = self.history.pop_front() {
            self.bytes = self.bytes.saturating_sub(event.data.len());
        }
        self.forget_empty();
    }

    /// Forgets ended lanes of which nothing is kept.
    fn forget_empty(&mut self) {
        let Self { history, lanes, .. } = self;
        lanes.retain(|number, lane| !lane.ended || history.iter().any(|event| event.position.lane == *number));
    }
}

/// The lane of a session's notices.
const NOTICES: u32 = 0;

/// How many events a reader may be behind before its writer waits.
const WINDOW: usize = 16;

#[cfg(test)]
mod tests {
    use mocopr_security::principal::Principal;

    use super::*;

    fn nothing() -> Topic {
        Topic { subjects: Vec::new(), caller: Principal::named("somebody") }
    }

    fn data(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[tokio::test]
    async fn a_reader_goes_on_where_it_was() {
        let replay = Replay::new(8, 1_000);
        let (writer, mut reader) = replay.open(nothing());
        writer.push(data("a")).await;
        writer.push(data("b")).await;
        let first = reader.next().await.unwrap();
        assert_eq!(first.data, "a");
        drop(reader);
        drop(writer);
        let mut again = replay.resume(first.position).unwrap();
        assert_eq!(again.next().await.unwrap().data, "b");
        assert_eq!(again.next().await, None);
    }

    #[tokio::test]
    async fn a_second_reader_takes_the_place_of_the_first() {
        let replay = Replay::new(8, 1_000);
        let (writer, mut first) = replay.open(nothing());
        let mut second = replay.resume(first.start()).unwrap();
        writer.push(data("a")).await;
        assert_eq!(first.next().await, None);
        assert_eq!(second.next().await.unwrap().data, "a");
    }

    #[tokio::test]
    async fn what_is_no_longer_kept_cannot_be_resumed() {
        let replay = Replay::new(2, 1_000);
        let (writer, reader) = replay.open(nothing());
        for text in ["a", "b", "c"] {
            writer.push(data(text)).await;
        }
        assert!(replay.resume(reader.start()).is_none());
        assert!(replay.resume(Position { lane: reader.start().lane, number: 1 }).is_some());
        assert!(replay.resume(Position { lane: 99, number: 0 }).is_none());
        assert!(replay.resume(Position { lane: reader.start().lane, number: 7 }).is_none());
    }

    #[tokio::test]
    async fn an_event_of_another_lane_is_never_delivered() {
        let replay = Replay::new(8, 1_000);
        let (one, mut reader) = replay.open(nothing());
        let (two, _other) = replay.open(nothing());
        two.push(data("theirs")).await;
        one.push(data("mine")).await;
        assert_eq!(reader.next().await.unwrap().data, "mine");
    }

    #[tokio::test]
    async fn ended_lanes_without_events_are_forgotten() {
        let replay = Replay::new(1, 1_000);
        for _ in 0..100 {
            let (writer, _reader) = replay.open(nothing());
            writer.push(data("a")).await;
        }
        assert!(replay.lock().lanes.len() <= 2);
    }
}
