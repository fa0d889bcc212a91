//! A collector of OpenTelemetry: it takes spans over OTLP/HTTP as JSON, and says what it was given.

use mocopr::outbound::{OutboundClient, OutboundRequest};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    runtime::Handle,
};

use super::within;

/// One that listens.
#[derive(Debug)]
pub(crate) struct Collector {
    listener: TcpListener,
}

/// One span, as it was exported.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Exported(Value);

impl Collector {
    pub(crate) async fn open() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.expect("there is a free port") }
    }

    /// Where it takes spans.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1/traces", self.listener.local_addr().expect("it listens"))
    }

    /// A provider whose spans come here.
    pub(crate) fn provider(&self) -> SdkTracerProvider {
        let client = OutboundClient::builder().allowing_insecure_loopback().build().expect("the client is sound");
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpJson)
            .with_endpoint(self.url())
            .with_http_client(Exports { client, runtime: Handle::current() })
            .build()
            .expect("the exporter is sound");
        // Each span by itself, as soon as it has ended.
        let config = BatchConfigBuilder::default().with_max_export_batch_size(1).build();
        let processor = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
        SdkTracerProvider::builder().with_span_processor(processor).build()
    }

    /// All spans of this provider, in the order in which they ended.
    pub(crate) async fn spans(&self, provider: SdkTracerProvider) -> Vec<Exported> {
        let mut flushed = tokio::task::spawn_blocking(move || provider.shutdown());
        let mut spans = Vec::new();
        loop {
            tokio::select! {
                biased;
                more = self.posted() => spans.extend(more),
                done = &mut flushed => {
                    done.expect("it does not panic").expect("all spans are exported");
                    return spans;
                }
            }
        }
    }

    /// The spans of the next request, which is answered.
    pub(crate) async fn posted(&self) -> Vec<Exported> {
        let (mut stream, _) = self.listener.accept().await.expect("it listens");
        let mut text = String::new();
        let body = loop {
            let mut bytes = [0; 4096];
            let read = within("the request", stream.read(&mut bytes)).await.expect("it can be read");
            assert!(read > 0, "it ended early: {text}");
            text.push_str(std::str::from_utf8(&bytes[..read]).expect("it is text"));
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length =
                head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if length == Some(body.len()) {
                break body;
            }
        };
        assert!(text.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{text}");
        let answer =
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        stream.write_all(answer.as_bytes()).await.expect("it listens");
        let request: Value = serde_json::from_str(body).expect("it is JSON");
        let all = |list: &Value| list.as_array().cloned().unwrap_or_default();
        let scopes = all(&request["resourceSpans"]).into_iter().flat_map(|resource| all(&resource["scopeSpans"]));
        scopes.flat_map(|scope| all(&scope["spans"])).map(Exported).collect()
    }
}

impl Exported {
    pub(crate) fn name(&self) -> &str {
        self.0["name"].as_str().expect("a span has a name")
    }

    pub(crate) fn trace(&self) -> &str {
        self.0["traceId"].as_str().expect("a span has a trace")
    }

    pub(crate) fn id(&self) -> &str {
        self.0["spanId"].as_str().expect("a span has an id")
    }

    /// Empty where it has none.
    pub(crate) fn parent(&self) -> &str {
        self.0["parentSpanId"].as_str().unwrap_or_default()
    }

    pub(crate) fn state(&self) -> &str {
        self.0["traceState"].as_str().unwrap_or_default()
    }

    /// The text of an attribute; empty where there is none.
    pub(crate) fn attribute(&self, name: &str) -> &str {
        let attributes = self.0["attributes"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut values = attributes.iter().filter(|one| one["key"] == name);
        let value = values.next();
        assert_eq!(values.next(), None, "{name} comes twice");
        value.and_then(|one| one["value"]["stringValue"].as_str()).unwrap_or_default()
    }

    /// It is a span of a server that failed.
    pub(crate) fn is_error(&self) -> bool {
        self.0["status"]["code"] == 2
    }

    /// It is that of a request to a server.
    pub(crate) fn is_of_a_server(&self) -> bool {
        self.0["kind"] == 2
    }

    /// All of it.
    pub(crate) fn text(&self) -> String {
        self.0.to_string()
    }
}

/// Exports over the guarded client.
#[derive(Debug)]
struct Exports {
    client: OutboundClient,
    runtime: Handle,
}

#[async_trait::async_trait]
impl HttpClient for Exports {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let post = OutboundRequest::post(request.uri().to_string(), "application/json", request.into_body());
        let answer = self.runtime.spawn(async move { client.send(post).await }).await??;
        Ok(Response::builder().status(answer.status()).body(answer.into_body())?)
    }
}
