//! The secure example as a process: what it is asked, what it holds, and how its certificates are replaced.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use mocopr::auth::{ApiKey, ApiKeyFile};
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};

use crate::{
    door::{Door, HOST, Wire},
    honest::Honest,
    process::{self, Listening},
    tls::{Authority, Hello},
    within,
};

/// The example over HTTP or HTTPS, with rates lifted and everything else strict.
pub(crate) struct Server {
    pub(crate) listening: Listening,
    pub(crate) door: Door,
    /// Proves a caller with the role `user`.
    pub(crate) key: String,
    /// Proves another one.
    pub(crate) other_key: String,
    authority: Authority,
    metrics: SocketAddr,
    _folder: TempDir,
}

impl Server {
    pub(crate) async fn start(wire: Wire) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys");
        let key = |subject: &str| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            let (secret, key) = ApiKey::create(subject, now).unwrap();
            ApiKeyFile::at(&keys).add(key.with_role("user")).unwrap();
            secret.expose().clone()
        };
        let (own, other) = (key("honest"), key("other"));
        let authority = Authority::new();
        let files = authority.server("server", &[HOST]);
        let mut command = process::command("fixture", &[]);
        command.env_clear();
        command.env("MOCOPR_BIND", "127.0.0.1:0").env("MOCOPR_METRICS_BIND", "127.0.0.1:0");
        command.env("MOCOPR_PUBLIC_URL", format!("https://{HOST}/mcp"));
        command.env("MOCOPR_API_KEYS", &keys).env("MOCOPR_RATE", "off");
        match wire {
            Wire::Plain => command.env("MOCOPR_TRANSPORT", "http"),
            Wire::Tls => command
                .env("MOCOPR_TRANSPORT", "https")
                .env("MOCOPR_TLS_CERT", &files.chain)
                .env("MOCOPR_TLS_KEY", &files.key),
        };
        let listening = Listening::spawn(command).await;
        let address = listening.authority().parse().unwrap();
        let door = match wire {
            Wire::Plain => Door::plain(address),
            Wire::Tls => Door::secure(address, CertificateDer::from_pem_file(authority.roots()).unwrap()),
        };
        listening.logs("metrics on http://").await;
        let log = listening.log();
        let metrics = log.lines().find_map(|line| line.strip_prefix("metrics on http://")).unwrap();
        let metrics = metrics.split('/').next().unwrap().parse().unwrap();
        Self { listening, door, key: own, other_key: other, authority, metrics, _folder: folder }
    }

    /// Memory of the process that is in use, in bytes.
    pub(crate) fn resident(&self) -> u64 {
        self.listening.resident_kib() * 1024
    }

    /// How many descriptors the process has.
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.number())).unwrap().count()
    }

    /// How much time of a processor the process has used.
    pub(crate) fn busy(&self) -> Duration {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.number())).unwrap();
        // A thread may have ended since it was listed.
        let stats = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("schedstat")).ok());
        stats.map(|stat| Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())).sum()
    }

    /// How many connections the server says it has.
    pub(crate) async fn connections(&self) -> usize {
        let mut stream = TcpStream::connect(self.metrics).await.unwrap();
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.metrics);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let line = answer.lines().find_map(|line| line.strip_prefix("mocopr_connections "));
        line.unwrap_or_else(|| panic!("no count of connections: {answer}")).parse().unwrap()
    }

    /// Waits until no connection is left and the process has no more than so many descriptors.
    pub(crate) async fn settles(&self, descriptors: usize) {
        let begun = Instant::now();
        loop {
            let (connections, now) = (within("a count", self.connections()).await, self.descriptors());
            if connections == 0 && now <= descriptors {
                return;
            }
            assert!(begun.elapsed() < SETTLE, "{connections} connections, {now} descriptors instead of {descriptors}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// A new certificate, which the server is told to read.
    async fn renew(&self) {
        let files = self.authority.server("server", &[HOST]);
        self.hang_up();
        within("the new certificate", async {
            while self.shown().await != files.der() {
                sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }

    /// A certificate that is none, which the server is told to read.
    fn spoil(&self) {
        self.authority.write("server.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 0o644);
        self.hang_up();
    }

    fn hang_up(&self) {
        kill_process(self.listening.pid(), Signal::HUP).unwrap();
    }

    /// The certificate that a handshake shows now.
    async fn shown(&self) -> Vec<u8> {
        let stream = self.authority.connect(self.listening.authority(), HOST, &Hello::default()).await.unwrap();
        let (_, session) = stream.get_ref();
        session.peer_certificates().unwrap().first().unwrap().to_vec()
    }

    fn number(&self) -> i32 {
        self.listening.pid().as_raw_nonzero().get()
    }
}

/// Replaces the certificates so often, each time with one that is broken before, while honest clients call on kept and
/// on new connections: none of them may notice.
pub(crate) async fn certificates_are_replaced_under_load(times: usize) {
    let server = Server::start(Wire::Tls).await;
    let honest = Honest::start(&server.door, &server.key);
    for _ in 0..times {
        let before = server.shown().await;
        server.spoil();
        // Long enough for calls to meet it.
        sleep(Duration::from_millis(100)).await;
        assert_eq!(server.shown().await, before, "a certificate that is none was taken");
        server.renew().await;
    }
    let seen = honest.stop();
    println!("  {times} times, {} calls, {} of them failed", seen.calls(), seen.failures.len());
    assert!(seen.calls() > 10 * times, "there was no load");
    assert!(seen.failures.is_empty(), "calls were lost: {:?}", seen.failures);
    assert!(server.listening.stop().await.success());
}

/// The request of a call of a tool, whose caller this key proves.
pub(crate) fn call(key: &str, tool: &str, arguments: Value) -> Vec<u8> {
    let body = message(tool, arguments);
    let mut request = head(key, tool, &format!("Content-Length: {}", body.len()));
    request.extend(body.into_bytes());
    request
}

/// The message of a call, which asks for progress and for log messages.
pub(crate) fn message(tool: &str, arguments: Value) -> String {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": REVISION,
        "io.modelcontextprotocol/clientInfo": {"name": "load", "version": "0"},
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/logLevel": "debug",
        "progressToken": 1,
    });
    let params = json!({"name": tool, "arguments": arguments, "_meta": meta});
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string()
}

/// The head of such a request, with the field that says how its body is framed.
pub(crate) fn head(key: &str, tool: &str, framing: &str) -> Vec<u8> {
    format!(
        "POST /mcp HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: {REVISION}\r\nMcp-Method: tools/call\r\n\
         Mcp-Name: {tool}\r\n{framing}\r\n\r\n"
    )
    .into_bytes()
}

/// The request that opens a WebSocket.
pub(crate) fn upgrade(key: &str) -> Vec<u8> {
    format!(
        "GET /ws HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {key}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: mcp\r\n\r\n"
    )
    .into_bytes()
}

/// Where honest clients come from.
pub(crate) const HONEST: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

const REVISION: &str = "2026-07-28";

/// Longer than any deadline of the example.
const SETTLE: Duration = Duration::from_secs(45);
