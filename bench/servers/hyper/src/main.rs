//! The floor under the yardstick: the same typed structs on hyper alone, without routing and extractors.

use std::{convert::Infallible, sync::Arc};

use anyhow::Result;
use bytes::Bytes;
use contract::Options;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request as HttpRequest, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use yardstick::{Answer, Initialized, Params, Request, Tool, Tools};

fn main() -> Result<()> {
    let options = Options::from_args()?;
    options.threads.run(serve(options))
}

async fn serve(options: Options) -> Result<()> {
    let tools: Arc<[Tool]> = yardstick::tools(options.tools)?.into();
    let socket = TcpListener::bind("127.0.0.1:0").await?;
    contract::listening(socket.local_addr()?);
    loop {
        let (stream, _) = socket.accept().await?;
        stream.set_nodelay(true)?;
        let tools = tools.clone();
        let service = service_fn(move |request| {
            let tools = tools.clone();
            async move {
                let response = answer(&tools, request).await;
                Ok::<_, Infallible>(response.unwrap_or_else(|_| status(StatusCode::BAD_REQUEST)))
            }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
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
