//! The yardstick: axum with typed structs and the same answers, without any check of the protocol.

use anyhow::Result;
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderValue, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
    serve::ListenerExt,
};
use contract::Options;
use tokio::net::TcpListener;
use yardstick::{Answer, Initialized, Params, Request, Tool, Tools};

fn main() -> Result<()> {
    let options = Options::from_args()?;
    options.threads.run(serve(options))
}

async fn serve(options: Options) -> Result<()> {
    let tools: &'static [Tool] = yardstick::tools(options.tools)?.leak();
    let app = Router::new().route("/mcp", post(answer)).with_state(tools);
    let socket = TcpListener::bind("127.0.0.1:0").await?;
    contract::listening(socket.local_addr()?);
    let socket = socket.tap_io(|stream| {
        // A connection that cannot be told so is slow, and not wrong.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(socket, app).await?;
    Ok(())
}

async fn answer(State(tools): State<&'static [Tool]>, Json(request): Json<Request>) -> Response {
    let revision = request.revision();
    let Some(id) = request.id else {
        return StatusCode::ACCEPTED.into_response();
    };
    match (request.method.as_str(), request.params) {
        ("initialize", _) => {
            let session = [("mcp-session-id", HeaderValue::from_static("0123456789abcdef"))];
            (session, Json(Answer::new(id, Initialized::default()))).into_response()
        }
        ("tools/list", _) => Json(Answer::new(id, Tools::new(tools, revision))).into_response(),
        ("tools/call", Some(Params { name: Some(name), arguments: Some(arguments), .. })) => {
            match yardstick::call(&name, arguments, revision) {
                Some(called) => Json(Answer::new(id, called)).into_response(),
                None => StatusCode::BAD_REQUEST.into_response(),
            }
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}
