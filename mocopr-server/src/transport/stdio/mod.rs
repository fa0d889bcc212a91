//! The process's standard streams as a transport.
//!
//! Owns file descriptors 0 and 1: once taken, nothing else in the process or its children can read from or write to the
//! protocol streams, whatever it prints. It never looks at the bytes.

use std::{
    io,
    os::fd::OwnedFd,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll},
};

use rustix::{
    fs::{FileType, Mode, OFlags},
    io::fcntl_dupfd_cloexec,
    pipe::{PipeFlags, pipe_with},
    stdio,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::unix::pipe,
};

use self::thread::{ReadThread, WriteThread};

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test owns its threads, and measures real streams by the real clock")]
mod tests;
mod thread;

/// Takes the protocol streams of this process: what a client writes, and what it reads.
///
/// From then on file descriptor 1 is the standard error, so that a stray `println!`, a library or a child process
/// cannot break into the protocol; and file descriptor 0 is at its end, so that a child process cannot eat protocol
/// input. The streams themselves are private descriptors that children do not inherit.
///
/// Dropping the reader or ending the process never waits for the client: a thread that is blocked in a read is left
/// behind. Dropping the writer drops what was not flushed.
///
/// Must be called inside a tokio runtime with its I/O driver enabled.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] at the second call of a process. Otherwise what the operating system reports, for
/// instance when a stream is closed or no descriptor is left; then the streams are not usable any more.
pub(crate) fn take() -> io::Result<(impl AsyncRead + Send + Unpin, impl AsyncWrite + Send + Unpin)> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::SeqCst) {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the standard streams are already taken"));
    }
    let output = fcntl_dupfd_cloexec(stdio::stdout(), FIRST_PRIVATE)?;
    stdio::dup2_stdout(stdio::stderr())?;
    let input = fcntl_dupfd_cloexec(stdio::stdin(), FIRST_PRIVATE)?;
    // A pipe without a writer instead of /dev/null: it needs no path, which a sandbox may not have.
    let (at_end, _) = pipe_with(PipeFlags::CLOEXEC)?;
    stdio::dup2_stdin(at_end)?;
    Ok((Input::open(input)?, Output::open(output)?))
}

/// The stream that the client writes.
#[derive(Debug)]
enum Input {
    /// Read from the runtime's own I/O driver, without a hop to another thread.
    Pipe(pipe::Receiver),
    /// Anything else: a file, a terminal, a socket.
    Thread(ReadThread),
}

impl Input {
    fn open(stream: OwnedFd) -> io::Result<Self> {
        Ok(match reopen(&stream, OFlags::RDONLY) {
            Some(own) => Self::Pipe(pipe::Receiver::from_owned_fd_unchecked(own)?),
            None => Self::Thread(ReadThread::start(stream)?),
        })
    }
}

impl AsyncRead for Input {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Pipe(pipe) => Pin::new(pipe).poll_read(cx, into),
            Self::Thread(thread) => Pin::new(thread).poll_read(cx, into),
        }
    }
}

/// The stream that the client reads.
#[derive(Debug)]
enum Output {
    Pipe(pipe::Sender),
    Thread(WriteThread),
}

impl Output {
    fn open(stream: OwnedFd) -> io::Result<Self> {
        Ok(match reopen(&stream, OFlags::WRONLY) {
            Some(own) => Self::Pipe(pipe::Sender::from_owned_fd_unchecked(own)?),
            None => Self::Thread(WriteThread::start(stream)?),
        })
    }
}

impl AsyncWrite for Output {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Pipe(pipe) => Pin::new(pipe).poll_write(cx, bytes),
            Self::Thread(thread) => Pin::new(thread).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Pipe(pipe) => Pin::new(pipe).poll_flush(cx),
            Self::Thread(thread) => Pin::new(thread).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Pipe(pipe) => Pin::new(pipe).poll_shutdown(cx),
            Self::Thread(thread) => Pin::new(thread).poll_flush(cx),
        }
    }
}

/// Opens an anonymous pipe once more, without blocking; `None` if it is none, or cannot be.
///
/// The mode belongs to what is behind a descriptor, not to the descriptor: to set it on the one that was inherited
/// would set it for every process that shares it, and leave a shell with a terminal or pipe that does not block. Linux
/// gives an anonymous pipe that is opened by its name in /proc a mode of its own. A named one is left alone: opened
/// anew after its writer has gone it would never report its end.
fn reopen(stream: &OwnedFd, mode: OFlags) -> Option<OwnedFd> {
    use std::os::fd::AsRawFd;

    let name = format!("/proc/self/fd/{}", stream.as_raw_fd());
    let target = rustix::fs::readlink(name.as_str(), Vec::new()).ok()?;
    if !target.as_bytes().starts_with(b"pipe:[") {
        return None;
    }
    let own =
        rustix::fs::open(name.as_str(), mode | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY, Mode::empty())
            .ok()?;
    let (was, is) = (rustix::fs::fstat(stream).ok()?, rustix::fs::fstat(&own).ok()?);
    let same = was.st_dev == is.st_dev && was.st_ino == is.st_ino;
    (same && FileType::from_raw_mode(is.st_mode) == FileType::Fifo).then_some(own)
}

/// Keeps the private descriptors clear of the standard ones.
const FIRST_PRIVATE: i32 = 3;
