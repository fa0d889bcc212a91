//! One request and its answer on a fresh connection, bounded in heads and bytes.
//!
//! A connection serves one request, so nothing of one caller's exchange is there for the next, and no task outlives it.

use std::pin::pin;

use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, select};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::{Body, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::error::{OutboundError, OutboundErrorKind};

/// The answer to a request: status, headers and the whole body.
///
/// An example is at [`OutboundRequest`](super::OutboundRequest).
#[derive(Clone, Debug)]
pub struct OutboundResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl OutboundResponse {
    /// The status; a redirect that was not followed is here as it came.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers, as the other side wrote them: nothing in them is to be trusted. At most 16 KiB.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body, as it came over the wire: not decompressed.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body alone.
    pub fn into_body(self) -> Bytes {
        self.body
    }
}

/// Sends a request and reads the whole answer, of at most `max_bytes`.
pub(super) async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
    max_bytes: usize,
) -> Result<OutboundResponse, OutboundError> {
    let mut http = http1::Builder::new();
    http.max_headers(MOST_HEADERS).max_header_size(MOST_HEADER_BYTES);
    let (mut sender, connection) = http.handshake(TokioIo::new(stream)).await.map_err(not_understood)?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(not_understood)?;
        let (head, body) = response.into_parts();
        let body = read(body, max_bytes).await?;
        Ok(OutboundResponse { status: head.status, headers: head.headers, body })
    };
    // The connection is driven beside the answer. It may end first, when all bytes are there.
    match select(pin!(answer), pin!(connection)).await {
        Either::Left((answer, _)) => answer,
        Either::Right((_, answer)) => answer.await,
    }
}

async fn read(mut body: Incoming, max_bytes: usize) -> Result<Bytes, OutboundError> {
    let mut collected = BytesMut::new();
    let fits = |bytes: usize| if bytes > max_bytes { Err(OutboundErrorKind::TooLarge) } else { Ok(()) };
    // What the other side announces is refused before it is read, and what it sends is counted all the same.
    fits(body.size_hint().lower().try_into().unwrap_or(usize::MAX))?;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(not_understood)?.into_data() else { continue };
        fits(collected.len().saturating_add(data.len()))?;
        collected.extend_from_slice(&data);
    }
    Ok(collected.freeze())
}

fn not_understood(error: hyper::Error) -> OutboundError {
    let too_large = error.is_parse_too_large();
    let kind = if too_large { OutboundErrorKind::TooLarge } else { OutboundErrorKind::Protocol };
    OutboundError::caused_by(kind, error)
}

const MOST_HEADERS: usize = 100;
const MOST_HEADER_BYTES: usize = 16 << 10;
