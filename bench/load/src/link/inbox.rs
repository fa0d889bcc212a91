//! What has arrived on a stream and is not read yet.

use std::io::Read;

use anyhow::{Context, Result, ensure};

/// A buffer in front of a stream.
#[derive(Debug)]
pub(super) struct Inbox {
    buffer: Vec<u8>,
    /// What waits is `start..end`.
    start: usize,
    end: usize,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self { buffer: vec![0; 16 * 1024], start: 0, end: 0 }
    }

    /// The next bytes, so many of them, which stay in the buffer until they are taken.
    ///
    /// # Errors
    /// The stream ends before that, or nothing comes.
    pub(super) fn peek(&mut self, stream: &mut impl Read, bytes: usize) -> Result<&[u8]> {
        while self.end - self.start < bytes {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            if self.buffer.len() < bytes {
                self.buffer.resize(bytes, 0);
            }
            let read = stream.read(self.buffer.get_mut(self.end..).unwrap_or_default()).context("receiving")?;
            ensure!(read > 0, "the server closed the connection");
            self.end += read;
        }
        Ok(self.buffer.get(self.start..self.start + bytes).unwrap_or_default())
    }

    /// Lets go of so many bytes that were looked at.
    pub(super) fn take(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_at_stays_until_it_is_taken() {
        let mut stream = &b"abcdef"[..];
        let mut inbox = Inbox::new();
        assert_eq!(inbox.peek(&mut stream, 2).unwrap(), b"ab");
        assert_eq!(inbox.peek(&mut stream, 3).unwrap(), b"abc");
        inbox.take(3);
        assert_eq!(inbox.peek(&mut stream, 3).unwrap(), b"def");
        inbox.take(3);
        assert!(inbox.peek(&mut stream, 1).is_err());
    }
}
