//! Connections of a Unix socket, each with what the system says of its other end.

use std::{io, os::unix::net::UnixListener as OpenListener, sync::Arc};

use mocopr_core::peer::{LocalUser, Place};
use mocopr_security::socket_file::SocketFile;
use tokio::net::{UnixListener, UnixStream};

use super::listener::Accepts;

/// A Unix socket that is listened at, and its name in the file system.
#[derive(Debug)]
pub(crate) struct Door {
    /// Dropped first: once nobody listens, nobody finds the name either.
    _file: SocketFile,
    listener: UnixListener,
}

impl Door {
    /// Takes over a socket that is in nonblocking mode.
    pub(crate) fn new(listener: OpenListener, file: SocketFile) -> io::Result<Self> {
        Ok(Self { _file: file, listener: UnixListener::from_std(listener)? })
    }
}

impl Accepts for Door {
    type Stream = UnixStream;

    /// Whoever the system says nothing of is not let in.
    async fn accept(&self) -> io::Result<(UnixStream, Place)> {
        let (stream, _) = self.listener.accept().await?;
        let Ok(peer) = stream.peer_cred() else { return Err(io::ErrorKind::ConnectionAborted.into()) };
        let user = LocalUser { uid: peer.uid(), gid: peer.gid(), pid: peer.pid(), told: false.into() };
        Ok((stream, Place::User(Arc::new(user))))
    }

    fn prepare(_: &UnixStream) -> io::Result<()> {
        Ok(())
    }
}
