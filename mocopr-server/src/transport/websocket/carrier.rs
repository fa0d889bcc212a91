//! One WebSocket as the carrier of a talk: messages one a text frame, pings both ways, and the last frame.
//!
//! Owns when a peer is taken for dead and how long a message may take to arrive. It never looks into a message.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    time::{Instant, Sleep, sleep_until},
};
use tracing::debug;

use super::{
    frame::{self, AsFrame, Control, Fail},
    reader::{Event, FrameReader},
};
use crate::transport::{
    connection::{Carrier, Heard, Parting},
    writer::Writer,
};

/// How long a peer may be silent, and a message under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Silence after which the peer is asked for a sign of life.
    pub(crate) ping_after: Duration,
    /// How long that may take.
    pub(crate) pong_within: Duration,
    /// How long a message may take from its first byte to its last.
    pub(crate) message_within: Duration,
}

/// A WebSocket.
#[derive(Debug)]
pub(crate) struct Frames<R, W> {
    reader: FrameReader<R>,
    writer: Writer<W, AsFrame>,
    pace: Pace,
    /// When the peer was last heard of.
    heard: Instant,
    /// When it was asked for a sign of life that has not come.
    asked: Option<Instant>,
    /// Set at most as late as the next moment that counts; moved when it goes off.
    alarm: Pin<Box<Sleep>>,
    last: Last,
}

/// What the last frame says when nothing more comes from the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    /// There is nobody who would read one.
    Nothing,
    /// The same as that of the peer.
    Echo(Option<u16>),
    Fail(Fail),
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Frames<R, W> {
    pub(crate) fn new(reader: FrameReader<R>, writer: Writer<W, AsFrame>, pace: Pace) -> Self {
        let now = Instant::now();
        let alarm = Box::pin(sleep_until(now + pace.ping_after));
        Self { reader, writer, pace, heard: now, asked: None, alarm, last: Last::Nothing }
    }

    /// What an event is for the talk; `None` for one that it has no part in.
    fn carry(&mut self, event: Event) -> Option<Heard> {
        match event {
            Event::Message(message) => return Some(Heard::Message(message)),
            Event::Ping(payload) => {
                // The last one is answered alone where several wait, as section 5.5.3 allows, so a flood takes no room.
                self.writer.push_urgent(frame::control(Control::Pong, &payload).freeze());
                return None;
            }
            Event::Close(code) => self.last = Last::Echo(code),
            Event::Failed(fail) => {
                debug!(code = fail.code(), "a WebSocket is ended");
                self.last = Last::Fail(fail);
            }
            Event::Gone => {}
        }
        Some(Heard::End)
    }

    /// Looks at the time; ready once the peer has had enough of it.
    fn poll_time(&mut self, cx: &mut Context<'_>) -> Poll<Heard> {
        let mut due = self.due();
        if due < self.alarm.deadline() {
            self.alarm.as_mut().reset(due);
        }
        while self.alarm.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            if due <= now {
                let is_slow = self.reader.waits().is_some_and(|since| since + self.pace.message_within <= now);
                if is_slow {
                    self.last = Last::Fail(Fail::Slow);
                    return Poll::Ready(Heard::End);
                }
                if self.asked.is_some() {
                    debug!("a WebSocket whose peer gave no sign of life is ended");
                    return Poll::Ready(Heard::End);
                }
                self.asked = Some(now);
                self.writer.push_urgent(frame::control(Control::Ping, b"").freeze());
                // What was added now has to be written.
                cx.waker().wake_by_ref();
                due = self.due();
            }
            self.alarm.as_mut().reset(due);
        }
        Poll::Pending
    }

    /// The next moment that counts.
    fn due(&self) -> Instant {
        let sign = match self.asked {
            None => self.heard + self.pace.ping_after,
            Some(asked) => asked + self.pace.pong_within,
        };
        self.reader.waits().map_or(sign, |since| sign.min(since + self.pace.message_within))
    }
}

impl<R: AsyncRead + Send + Unpin, W: AsyncWrite + Send + Unpin> Carrier for Frames<R, W> {
    type Output = W;
    type Form = AsFrame;

    fn writer(&mut self) -> &mut Writer<W, AsFrame> {
        &mut self.writer
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Heard> {
        loop {
            let event = self.reader.poll_next(cx);
            if self.reader.has_read() {
                self.heard = Instant::now();
                self.asked = None;
            }
            match event {
                Poll::Ready(event) => {
                    if let Some(heard) = self.carry(event) {
                        return Poll::Ready(heard);
                    }
                    // What it is answered with has to be written.
                    cx.waker().wake_by_ref();
                }
                Poll::Pending => return self.poll_time(cx),
            }
        }
    }

    fn at_hand(&mut self) -> Option<Heard> {
        loop {
            let event = self.reader.at_hand()?;
            if let Some(heard) = self.carry(event) {
                return Some(heard);
            }
        }
    }

    async fn part(mut self, parting: Parting) {
        let (code, reason): (Option<u16>, &str) = match (parting, self.last) {
            (Parting::Lapsed, _) => (Some(1008), "the credential does not hold any longer"),
            (Parting::Revoked, _) => (Some(1008), "the session was ended"),
            (_, Last::Echo(code)) => (code, ""),
            (_, Last::Fail(fail)) => (Some(fail.code()), ""),
            (Parting::Stopping, Last::Nothing) => (Some(1001), "the server stops"),
            (Parting::Over, Last::Nothing) => (Some(1001), "the time is over"),
            // Nobody is there who would read it.
            (Parting::Ended, Last::Nothing) => return,
        };
        let mut payload = BytesMut::new();
        if let Some(code) = code {
            payload.extend_from_slice(&code.to_be_bytes());
            payload.extend_from_slice(reason.as_bytes());
        }
        self.writer.forget();
        self.writer.push_urgent(frame::control(Control::Close, &payload).freeze());
        let written = std::future::poll_fn(|cx| self.writer.poll_run(cx)).await;
        if let Err(fault) = written {
            return debug!(%fault, "a WebSocket ended early");
        }
        // Our side first, as section 7.1.1 asks of servers; what the peer still sends is taken off for a while.
        if let Err(error) = self.writer.output().shutdown().await {
            debug!(%error, "a WebSocket was not closed");
        }
    }
}
