//! An application of your own, made with axum, that serves the protocol at one of its paths.
//!
//! `cargo run --features axum --example inside_axum`, with `PORT` for another port than 8080. The application's own
//! listener must bound what strangers can hold open; here nobody but this machine reaches it.
#![allow(clippy::print_stderr, reason = "whoever started the example is told where it listens")]

use std::net::{Ipv4Addr, SocketAddr};

use axum::{Router, routing::get};
use mocopr::{Mounted, prelude::*};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

/// Adds two numbers.
#[tool(read_only)]
async fn add(
    /// The first addend.
    a: f64,
    /// The second addend.
    b: f64,
) -> f64 {
    a + b
}

#[mocopr::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = McpServer::builder()
        .with_info("inside", "1.0.0")
        .with_security_policy(SecurityPolicy::development())
        .with_tool(add)
        .build()?;
    // The router is to be merged; the second value is the server, which lives as long as it.
    let (protocol, server) = server.into_router(Mounted::listener_protects_itself().with_health()).await?;
    let application = Router::new().route("/", get(async || "This is the application.")).merge(protocol);

    let port = std::env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(8080);
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    let mut terminate = signal(SignalKind::terminate())?;
    eprintln!("listening on http://{}/mcp", listener.local_addr()?);

    // Without the addresses of its peers each request is refused.
    let service = application.into_make_service_with_connect_info::<SocketAddr>();
    // Open streams would keep the application from ending, so the server lets go of them first.
    let draining = server.drain();
    let stop = async move {
        terminate.recv().await;
        draining.await;
    };
    axum::serve(listener, service).with_graceful_shutdown(stop).await?;
    server.end().await;
    Ok(())
}
