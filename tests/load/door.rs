//! How clients of this program reach the server: by which protocol, and from which of this machine's addresses.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, ClientConnection, RootCertStore,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName},
        version::{TLS12, TLS13},
    },
};

/// What lies under HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Plain,
    Tls,
}

/// A server's address and how to speak there.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    /// The same, with which HTTP/2 is agreed on.
    http2: Option<Arc<ClientConfig>>,
}

/// An open connection on which requests can be sent.
pub(crate) type Open = Box<dyn Speak>;

pub(crate) trait Speak: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Speak for S {}

/// How a connection ends when it is dropped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    /// As programs end one that they no longer need.
    Politely,
    /// With a reset, in the middle of anything.
    Broken,
}

impl Door {
    pub(crate) fn plain(address: SocketAddr) -> Self {
        Self { address, tls: None, http2: None }
    }

    /// A server that proves itself by this authority.
    pub(crate) fn secure(address: SocketAddr, authority: CertificateDer<'static>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(authority).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder.with_protocol_versions(&[&TLS13, &TLS12]).unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        // Every handshake is a whole one.
        config.resumption = tokio_rustls::rustls::client::Resumption::disabled();
        let mut http2 = config.clone();
        http2.alpn_protocols = vec![b"h2".to_vec()];
        Self { address, tls: Some(Arc::new(config)), http2: Some(Arc::new(http2)) }
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// A TCP connection, before anything is said.
    pub(crate) async fn dial(&self, from: Ipv4Addr, leave: Leave) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((from, 0)))?;
        if leave == Leave::Broken {
            socket.set_zero_linger()?;
        }
        let stream = socket.connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// A connection that is ready for a request.
    pub(crate) async fn open(&self, from: Ipv4Addr, leave: Leave) -> io::Result<Open> {
        self.over(self.dial(from, leave).await?).await
    }

    /// Shakes hands on a connection.
    pub(crate) async fn over(&self, stream: TcpStream) -> io::Result<Open> {
        shake(self.tls.clone(), stream).await
    }

    /// The same, for HTTP/2 where there is TLS.
    pub(crate) async fn over_for_http2(&self, stream: TcpStream) -> io::Result<Open> {
        shake(self.http2.clone(), stream).await
    }

    /// The first flight of a handshake, which is good for any number of connections that go no further.
    pub(crate) fn hello(&self) -> Vec<u8> {
        let config = self.tls.clone().expect("it is spoken over TLS alone");
        let mut hello = Vec::new();
        ClientConnection::new(config, name()).unwrap().write_tls(&mut hello).unwrap();
        hello
    }
}

async fn shake(tls: Option<Arc<ClientConfig>>, stream: TcpStream) -> io::Result<Open> {
    match tls {
        None => Ok(Box::new(stream)),
        Some(config) => Ok(Box::new(TlsConnector::from(config).connect(name(), stream).await?)),
    }
}

/// What a client of HTTP/2 says first, and a request with a head and without an end.
pub(crate) fn http2() -> Vec<u8> {
    let head = [&[0x83, 0x87, 0x84, 0x41, 9][..], HOST.as_bytes()].concat();
    let settings: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
    let request: &[u8] = &[0, 0, u8::try_from(head.len()).unwrap(), 1, 4, 0, 0, 0, 1];
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", settings, request, &head].concat()
}

/// An address of this machine: one of some sixty thousand in a network of its own.
pub(crate) fn source(network: u8, number: usize) -> Ipv4Addr {
    let part = |number: usize| u8::try_from(number % 250 + 1).unwrap();
    Ipv4Addr::new(127, network, part(number / 250), part(number))
}

/// The whole of an answer with a length: its status and its body.
pub(crate) async fn answer(stream: &mut Open) -> io::Result<(u16, String)> {
    let mut read = Vec::new();
    loop {
        if stream.read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&read[..end]).into_owned();
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
        let (Some(status), Some(length)) = (status, length) else {
            return Err(io::Error::other(format!("not an answer with a length: {head}")));
        };
        let length: usize = length;
        let mut body = read.split_off(end + 4);
        while body.len() < length {
            if stream.read_buf(&mut body).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        return Ok((status, String::from_utf8_lossy(&body).into_owned()));
    }
}

/// Sends a request and reads the whole of its answer.
pub(crate) async fn ask(stream: &mut Open, request: &[u8]) -> io::Result<(u16, String)> {
    stream.write_all(request).await?;
    answer(stream).await
}

fn name() -> ServerName<'static> {
    ServerName::try_from(HOST).unwrap()
}

/// What the server is called.
pub(crate) const HOST: &str = "localhost";
