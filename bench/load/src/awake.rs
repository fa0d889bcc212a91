//! A connection whose client never sleeps: it asks again and again whether something has come.
//!
//! Who writes to a client that sleeps has to wake it, on another processor, and on a virtual machine that can cost as
//! much as a third of a call. A client that is a little faster than its server sleeps before each answer, one that is a
//! little slower never does; so a server that needs a twentieth more for a call would look a tenth slower.

use std::{
    hint,
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

/// A TCP connection.
#[derive(Debug)]
pub struct Awake(TcpStream);

impl Awake {
    /// Over a connection that is open.
    ///
    /// # Errors
    /// The system cannot.
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self(stream))
    }
}

impl Read for Awake {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        again(|| self.0.read(buffer))
    }
}

impl Write for Awake {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        again(|| self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Tries until it can be done.
fn again(mut attempt: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    let mut begin = None;
    loop {
        match attempt() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if begin.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                    return Err(ErrorKind::TimedOut.into());
                }
                hint::spin_loop();
            }
            done => return done,
        }
    }
}

/// After this long without a byte an answer is not late, but lost.
const PATIENCE: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    #[test]
    fn what_comes_late_is_read_and_an_end_is_one() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = Awake::new(TcpStream::connect(listener.local_addr().unwrap()).unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        let server = thread::spawn(move || {
            let mut asked = [0; 3];
            server.read_exact(&mut asked).unwrap();
            server.write_all(&asked).unwrap();
        });
        client.write_all(b"abc").unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, b"abc");
        server.join().unwrap();
    }
}
