//! Blocking streams as asynchronous ones: a thread for each direction, with a bounded channel.
//!
//! The threads are not those of the runtime's blocking pool, which waits for its threads when it shuts down: one that
//! is blocked in a read must not keep the process.

use std::{
    io,
    os::fd::OwnedFd,
    pin::Pin,
    task::{Context, Poll, ready},
    thread,
};

use bytes::{Buf, Bytes};
use rustix::io::Errno;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::mpsc,
};

/// Reads blocks in a thread of its own.
#[derive(Debug)]
pub(super) struct ReadThread {
    blocks: mpsc::Receiver<io::Result<Bytes>>,
    rest: Bytes,
}

impl ReadThread {
    /// Starts the thread. It ends at the end of the stream, at an error, or after the read during which this is
    /// dropped.
    pub(super) fn start(stream: OwnedFd) -> io::Result<Self> {
        let (sender, blocks) = mpsc::channel(BLOCKS);
        thread::Builder::new().name("stdin".to_owned()).stack_size(STACK).spawn(move || {
            let mut block = vec![0; BLOCK];
            loop {
                let outcome = match rustix::io::read(&stream, &mut block) {
                    Ok(0) => return,
                    Ok(read) => Ok(Bytes::copy_from_slice(block.get(..read).unwrap_or_default())),
                    Err(Errno::INTR) => continue,
                    Err(error) => Err(error.into()),
                };
                let is_last = outcome.is_err();
                if sender.blocking_send(outcome).is_err() || is_last {
                    return;
                }
            }
        })?;
        Ok(Self { blocks, rest: Bytes::new() })
    }
}

impl AsyncRead for ReadThread {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.rest.is_empty() {
            match ready!(self.blocks.poll_recv(cx)) {
                None => return Poll::Ready(Ok(())),
                Some(block) => self.rest = block?,
            }
        }
        let take = self.rest.len().min(into.remaining());
        let taken = self.rest.split_to(take);
        into.put_slice(&taken);
        Poll::Ready(Ok(()))
    }
}

/// Writes blocks in a thread of its own, one at a time.
///
/// A write is accepted when the one before it is done, so a peer that does not read shows as a write that waits.
#[derive(Debug)]
pub(super) struct WriteThread {
    /// `None` once a write has failed.
    blocks: Option<mpsc::Sender<Bytes>>,
    done: mpsc::Receiver<io::Result<()>>,
    is_writing: bool,
}

impl WriteThread {
    /// Starts the thread. It ends when this is dropped, or at an error.
    pub(super) fn start(stream: OwnedFd) -> io::Result<Self> {
        let (blocks, mut queue) = mpsc::channel(1);
        let (report, done) = mpsc::channel(1);
        thread::Builder::new().name("stdout".to_owned()).stack_size(STACK).spawn(move || {
            while let Some(block) = queue.blocking_recv() {
                let outcome = write_all(&stream, block);
                let is_last = outcome.is_err();
                if report.blocking_send(outcome).is_err() || is_last {
                    return;
                }
            }
        })?;
        Ok(Self { blocks: Some(blocks), done, is_writing: false })
    }

    /// Waits until the thread has nothing to write.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_writing {
            let outcome = ready!(self.done.poll_recv(cx)).unwrap_or(Err(io::ErrorKind::BrokenPipe.into()));
            self.is_writing = false;
            if outcome.is_err() {
                self.blocks = None;
            }
            return Poll::Ready(outcome);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for WriteThread {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_idle(cx))?;
        let block = Bytes::copy_from_slice(bytes.get(..BLOCK).unwrap_or(bytes));
        let written = block.len();
        let sent = this.blocks.as_ref().is_some_and(|blocks| blocks.try_send(block).is_ok());
        if !sent {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        this.is_writing = true;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_idle(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_idle(cx)
    }
}

fn write_all(stream: &OwnedFd, mut block: Bytes) -> io::Result<()> {
    while block.has_remaining() {
        match rustix::io::write(stream, &block) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => block.advance(written),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Bytes of one read or write: what a pipe holds at once.
const BLOCK: usize = 64 * 1024;

/// Blocks read ahead.
const BLOCKS: usize = 2;

/// The threads call little, and a stack of the usual 2 MiB counts against a memory limit.
const STACK: usize = 128 * 1024;
