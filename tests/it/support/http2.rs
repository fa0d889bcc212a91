//! A client that speaks HTTP/2, for requests that are written down as HTTP/1.1.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::{
    http::{Answer, Head, Stream},
    within,
};

/// One connection.
pub(crate) struct Http2(SendRequest<Full<Bytes>>);

impl Http2 {
    /// Over a stream on which it was agreed on.
    pub(crate) async fn over(stream: impl Stream + 'static) -> Self {
        let shaken = within("settings", handshake(TokioExecutor::new(), TokioIo::new(stream))).await;
        let (sender, connection) = shaken.expect("both speak it");
        tokio::spawn(connection);
        Self(sender)
    }

    /// Sends what [`super::request`] writes, and reads the whole answer.
    pub(crate) async fn ask(&mut self, written: impl AsRef<[u8]>) -> Answer {
        let answer = within("an answer", self.0.send_request(request(written.as_ref()))).await;
        let (head, body) = answer.expect("there is an answer").into_parts();
        let body = within("the body", body.collect()).await.expect("it is whole").to_bytes();
        let text = |value: &http::HeaderValue| value.to_str().expect("it is text").to_owned();
        let headers = head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        Answer { head: Head { status: head.status.as_u16(), headers }, body: body.to_vec() }
    }
}

fn request(written: &[u8]) -> http::Request<Full<Bytes>> {
    let text = std::str::from_utf8(written).expect("it is text");
    let (head, body) = text.split_once("\r\n\r\n").expect("it has an end");
    let mut lines = head.split("\r\n");
    let mut words = lines.next().expect("it has a first line").split(' ');
    let (method, target) = (words.next().expect("it has a method"), words.next().expect("it has a target"));
    let fields: Vec<_> = lines.filter_map(|line| line.split_once(": ")).collect();
    let is_host = |name: &str| name.eq_ignore_ascii_case("host");
    let host = fields.iter().find(|(name, _)| is_host(name)).map(|(_, host)| *host).expect("it names a host");
    let request = http::Request::builder().method(method).uri(format!("https://{host}{target}"));
    let of_http1 = |name: &str| is_host(name) || name.eq_ignore_ascii_case("connection");
    let request = fields
        .iter()
        .filter(|(name, _)| !of_http1(name))
        .fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).expect("it is a request")
}
