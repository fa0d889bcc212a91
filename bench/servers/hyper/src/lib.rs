//! What both servers on hyper answer, and HTTP/1.1 on one connection.

use std::{convert::Infallible, sync::Arc};

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request as HttpRequest, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderValue},
    rt::{Read, Write},
    server::conn::http1,
    service::service_fn,
};
use yardstick::{Answer, Initialized, Params, Request, Tool, Tools};

/// Answers requests.
#[derive(Clone)]
pub struct Answers(Arc<[Tool]>);

impl Answers {
    /// With so many tools beyond those of every server.
    ///
    /// # Errors
    /// A schema is not JSON.
    pub fn new(more_tools: usize) -> Result<Self> {
        Ok(Self(yardstick::tools(more_tools)?.into()))
    }

    /// Speaks HTTP/1.1 on one connection.
    pub async fn speak(self, stream: impl Read + Write + Unpin) {
        let service = service_fn(move |request| {
            let answers = self.clone();
            async move { Ok::<_, Infallible>(answers.answer(request).await) }
        });
        // That a client is gone is no failure.
        let _ = http1::Builder::new().serve_connection(stream, service).await;
    }

    /// Answers one request.
    pub async fn answer(&self, request: HttpRequest<Incoming>) -> Response<Full<Bytes>> {
        answer(&self.0, request).await.unwrap_or_else(|_| status(StatusCode::BAD_REQUEST))
    }
}

async fn answer(tools: &[Tool], request: HttpRequest<Incoming>) -> Result<Response<Full<Bytes>>> {
    let request: Request = serde_json::from_slice(&request.into_body().collect().await?.to_bytes())?;
    let revision = request.revision();
    let Some(id) = request.id else {
        return Ok(status(StatusCode::ACCEPTED));
    };
    let body = match (request.method.as_str(), request.params) {
        ("initialize", _) => {
            let mut response = json(serde_json::to_vec(&Answer::new(id, Initialized::default()))?);
            response.headers_mut().insert("mcp-session-id", HeaderValue::from_static("0123456789abcdef"));
            return Ok(response);
        }
        ("tools/list", _) => serde_json::to_vec(&Answer::new(id, Tools::new(tools, revision)))?,
        ("tools/call", Some(Params { name: Some(name), arguments: Some(arguments), .. })) => {
            match yardstick::call(&name, arguments, revision) {
                Some(called) => serde_json::to_vec(&Answer::new(id, called))?,
                None => return Ok(status(StatusCode::BAD_REQUEST)),
            }
        }
        _ => return Ok(status(StatusCode::NOT_FOUND)),
    };
    Ok(json(body))
}

fn json(body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = status;
    response
}
