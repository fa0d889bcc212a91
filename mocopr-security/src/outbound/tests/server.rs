//! A server on loopback that answers as a test says, and remembers what it was asked.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use rcgen::{CertificateParams, CertifiedIssuer, Issuer, KeyPair};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    task::JoinSet,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Sends this and closes.
    Text(String),
    /// Sends the first, then the second again and again for as long as somebody reads.
    Endless(&'static str, String),
    /// Says nothing, and keeps the connection.
    Silence,
}

/// It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    heads: Texts,
    bodies: Texts,
    _accepting: JoinSet<()>,
}

type Texts = Arc<Mutex<Vec<String>>>;
type Answers = Arc<dyn Fn(&str) -> Answer + Send + Sync>;

impl Server {
    /// Answers plain HTTP.
    pub(crate) async fn plain(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        Self::start(None, Arc::new(answer)).await
    }

    /// Answers HTTPS with this certificate.
    pub(crate) async fn tls(proof: &Proof, answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        Self::start(Some(proof.acceptor()), Arc::new(answer)).await
    }

    /// The heads of the requests, in their order.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// The bodies of the requests, in their order.
    pub(crate) fn bodies(&self) -> Vec<String> {
        self.bodies.lock().unwrap().clone()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn start(tls: Option<TlsAcceptor>, answer: Answers) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let seen = (Arc::clone(&heads), Arc::clone(&bodies));
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, answer, seen) = (tls.clone(), Arc::clone(&answer), seen.clone());
                connections.spawn(async move {
                    // A peer that goes away is what many tests are about.
                    let _ = match tls {
                        None => serve(stream, &answer, &seen).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => serve(stream, &answer, &seen).await,
                            Err(error) => Err(error),
                        },
                    };
                });
            }
        });
        Self { address, heads, bodies, _accepting: accepting }
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: &Answers,
    (heads, bodies): &(Texts, Texts),
) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    heads.lock().unwrap().push(head.clone());
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await?;
    bodies.lock().unwrap().push(String::from_utf8(body).unwrap());
    match answer(&head) {
        Answer::Text(text) => {
            stream.write_all(text.as_bytes()).await?;
            stream.shutdown().await
        }
        Answer::Endless(first, again) => {
            stream.write_all(first.as_bytes()).await?;
            loop {
                stream.write_all(again.as_bytes()).await?;
            }
        }
        Answer::Silence => stream.read_u8().await.map(|_| ()),
    }
}

/// An answer with this status, headers (each with its line break) and body.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Answer {
    Answer::Text(format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()))
}

/// A certificate, its key, and the root that signed it.
pub(crate) struct Proof {
    pub(crate) root: String,
    chain: Vec<u8>,
    key: Vec<u8>,
}

impl Proof {
    /// For a host with this name, signed by a root that nobody knows.
    pub(crate) fn of(name: &str) -> Self {
        Self::with(CertificateParams::new([name.to_owned()]).unwrap())
    }

    /// As [`of`](Self::of), but its time is over.
    pub(crate) fn expired(name: &str) -> Self {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        Self::with(params)
    }

    fn with(params: CertificateParams) -> Self {
        let mut authority = CertificateParams::new([]).unwrap();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let root = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let issuer: &Issuer<'_, KeyPair> = &root;
        let certificate = params.signed_by(&key, issuer).unwrap();
        Self { root: root.pem(), chain: certificate.der().to_vec(), key: key.serialize_der() }
    }

    fn acceptor(&self) -> TlsAcceptor {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()));
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.chain.clone().into()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}
