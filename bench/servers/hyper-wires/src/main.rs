//! The same answers as `server-hyper`, on two listeners of one process: HTTP, and HTTPS with the TLS library that mocopr
//! has. `TLS_CERT` and `TLS_KEY` name the files of a certificate; the line of the plain listener comes first.

use std::{convert::Infallible, sync::Arc};

use anyhow::{Context, Result};
use contract::Options;
use hyper::{
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

fn main() -> Result<()> {
    let options = Options::from_args()?;
    options.threads.run(serve(options))
}

async fn serve(options: Options) -> Result<()> {
    let answers = server_hyper::Answers::new(options.tools)?;
    let acceptor = TlsAcceptor::from(Arc::new(tls()?));
    let plain = TcpListener::bind("127.0.0.1:0").await?;
    let secure = TcpListener::bind("127.0.0.1:0").await?;
    contract::listening(plain.local_addr()?);
    contract::listening(secure.local_addr()?);
    loop {
        tokio::select! {
            accepted = plain.accept() => {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                tokio::spawn(answers.clone().speak(TokioIo::new(stream)));
            }
            accepted = secure.accept() => {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                tokio::spawn(speak_securely(acceptor.clone(), stream, answers.clone()));
            }
        }
    }
}

async fn speak_securely(acceptor: TlsAcceptor, stream: TcpStream, answers: server_hyper::Answers) {
    // Who cannot shake hands is not measured.
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let service = service_fn(move |request| {
        let answers = answers.clone();
        async move { Ok::<_, Infallible>(answers.answer(request).await) }
    });
    let stream = TokioIo::new(stream);
    let _ = match is_http2 {
        true => http2::Builder::new(TokioExecutor::new()).serve_connection(stream, service).await,
        false => http1::Builder::new().serve_connection(stream, service).await,
    };
}

fn tls() -> Result<ServerConfig> {
    let file = |name: &str| std::env::var(name).with_context(|| format!("{name} names no file"));
    let chain = CertificateDer::pem_file_iter(file("TLS_CERT")?)?.collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_file(file("TLS_KEY")?)?;
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let mut config =
        builder.with_safe_default_protocol_versions()?.with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
