//! TLS in front of a listener, and HTTP/2 where a client agrees on it there.

use std::{io, sync::Arc};

use mocopr_security::{
    headers::Transport,
    tls::{Handshaken, LiveTls},
};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::{
    connections::Connections,
    http2,
    listener::{App, Handshake, Remote, Shaken, Version},
};

impl Handshake<TcpStream> for LiveTls {
    type Stream = TlsStream<TcpStream>;

    const TRANSPORT: Transport = Transport::Tls;

    async fn shake(&self, stream: TcpStream) -> io::Result<Shaken<Self::Stream>> {
        let Handshaken { stream, facts, speaks_http2 } = self.accept(stream).await?;
        let version = if speaks_http2 { Version::Http2 } else { Version::Http1 };
        Ok(Shaken { stream, tls: Some(Arc::new(facts)), version })
    }

    async fn speak_http2<A: App>(stream: Self::Stream, remote: Remote, app: Arc<A>, connections: Arc<Connections>) {
        http2::speak(stream, remote, app, &connections).await;
    }
}
