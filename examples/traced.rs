//! Spans of each request, given to a collector of OpenTelemetry over OTLP/HTTP, with those of handlers below them.
//!
//! ```sh
//! docker run --rm -p 4318:4318 -p 16686:16686 jaegertracing/jaeger    # shows them on http://localhost:16686
//! cargo run --features otel --example traced -- http://localhost:4318/v1/traces
//! ```
//!
//! Then paste:
//! {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"forecast","arguments":{"city":"Oslo"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}}

use mocopr::{
    otel::Tracing,
    outbound::{OutboundClient, OutboundRequest},
    prelude::*,
};
use opentelemetry::{
    KeyValue, global,
    trace::{Span, Tracer},
};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tokio::runtime::Handle;

/// Says what the weather will be.
#[tool(read_only)]
async fn forecast(city: String) -> String {
    // The span of the call is current here, so this one is its child.
    let mut looking = global::tracer("traced").start("look up");
    looking.set_attribute(KeyValue::new("source", "an almanac"));
    looking.end();
    format!("{city}: rain, later sun")
}

/// Exports over the guarded client, which is told that the collector is on this machine.
#[derive(Debug)]
struct Exports {
    client: OutboundClient,
    runtime: Handle,
}

#[async_trait::async_trait]
impl HttpClient for Exports {
    async fn send_bytes(&self, request: Request<Bytes>) -> std::result::Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let url = request.uri().to_string();
        let post = OutboundRequest::post(url, "application/json", request.into_body());
        // Spans are exported by a thread of their own, which is not one of the runtime.
        #[expect(clippy::disallowed_methods, reason = "the exporter waits for it, and ends with the process")]
        let answer = self.runtime.spawn(async move { client.send(post).await }).await??;
        Ok(Response::builder().status(answer.status()).body(answer.into_body())?)
    }
}

#[mocopr::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let collector = std::env::args().nth(1).ok_or("traced URL")?;
    let client = OutboundClient::builder().allowing_insecure_loopback().build()?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpJson)
        .with_endpoint(collector)
        .with_http_client(Exports { client, runtime: Handle::current() })
        .build()?;
    let provider = SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name("traced").build())
        .with_batch_exporter(exporter)
        .build();
    global::set_tracer_provider(provider.clone());
    let server = McpServer::builder()
        .with_info("traced", "1.0.0")
        .with_tracing(Tracing::new(&provider))
        .with_tool(forecast)
        .build()?;
    server.run_stdio().await?;
    // What has not been exported yet is now.
    tokio::task::spawn_blocking(move || provider.shutdown()).await??;
    Ok(())
}
