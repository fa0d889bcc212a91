//! Names to addresses, and addresses to connections: all that the guarded client asks of the system.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    sync::Arc,
};

use futures_util::future::BoxFuture;
use tokio::{net::TcpStream, sync::Semaphore, task::spawn_blocking};

/// What resolves and connects. It decides nothing: the client picks the addresses, and connects to what it picked.
pub(super) trait Network: Send + Sync + fmt::Debug {
    /// The addresses of a DNS name, in the order in which they should be tried.
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;

    /// A connection to exactly this address.
    fn connect(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<TcpStream>>;
}

/// The system's resolver and sockets. Nothing of the environment, such as a proxy, is asked.
#[derive(Debug)]
pub(super) struct SystemNetwork {
    lookups: Arc<Semaphore>,
}

impl SystemNetwork {
    pub(super) fn new() -> Self {
        Self { lookups: Arc::new(Semaphore::new(MOST_LOOKUPS)) }
    }
}

impl Network for SystemNetwork {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let place = Arc::clone(&self.lookups).acquire_owned().await.map_err(io::Error::other)?;
            let name = name.to_owned();
            let lookup = spawn_blocking(move || {
                // The system's lookup cannot be cancelled, so its place is taken until it is really over.
                let _place = place;
                (name.as_str(), 0).to_socket_addrs().map(|found| found.map(|address| address.ip()).collect())
            });
            lookup.await.map_err(io::Error::other)?
        })
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<TcpStream>> {
        Box::pin(TcpStream::connect(address))
    }
}

/// How many names are looked up at a time: each holds a thread of the runtime's blocking pool.
const MOST_LOOKUPS: usize = 16;
