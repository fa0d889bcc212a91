//! The secure server: strict policy, every control on, and tools that try what a handler must not be able to do.
//!
//! Its settings come from the environment; `Settings` lists them. A wrong and a missing setting stop the
//! start with a line each. It is built through the public API alone.
#![allow(clippy::print_stderr, reason = "problems and the address go to whoever started the example")]

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    num::NonZeroUsize,
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use mocopr::{
    Guarded, Mounted, ServerBuilder, WebSocketConfig,
    audit::AuditLogger,
    auth::{ApiKeys, AuthMiddleware, TokenValidator},
    metrics::security::SecurityMetrics,
    outbound::OutboundClient,
    prelude::*,
    resources::security::{FileResourceHandler, KeyValidator, MemoryItem, MemoryResourceHandler},
    security::{
        JsonLimits, Limits, Problem, Problems, PublicUrl, RateLimit, RateLimitPolicy, RoleBasedAccessControl, Secret,
        TrustedProxies,
    },
};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    task::yield_now,
    time::sleep,
};

#[mocopr::main]
async fn main() -> ExitCode {
    let settings = match Settings::read() {
        Ok(settings) => settings,
        Err(problems) => {
            problems.iter().for_each(|problem| eprintln!("{problem}"));
            return ExitCode::from(2);
        }
    };
    match serve(settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

async fn serve(settings: Settings) -> Result<(), Box<dyn std::error::Error>> {
    let Settings {
        place,
        public_url,
        origins,
        issuer,
        api_keys,
        root,
        stdio_token,
        state_key,
        metrics,
        audit,
        rates,
        proxies,
    } = settings;
    let mut policy = SecurityPolicy::strict().with_limits(limits()).with_rate_limiting(rates);
    if let Some(url) = public_url {
        policy = policy.with_public_url(url);
    }
    for origin in origins {
        policy = policy.with_allowed_origin(origin);
    }
    if let Some((issuer, url)) = issuer {
        // The key set may be on this machine, without TLS: by name, and for this example alone.
        let tokens = TokenValidator::jwks(issuer, url).allowing_insecure_loopback();
        policy = policy.with_authentication(AuthMiddleware::builder().with_token_validation(tokens).build()?);
    }
    if let Some(keys) = api_keys {
        policy = policy.with_authenticator(keys);
    }
    let memory = MemoryResourceHandler::builder()
        .with_memory_limit(50 * MIB)
        .with_key_validation(KeyValidator::alphanumeric_only())
        .with_ttl(Duration::from_secs(60 * 60))
        .build();
    memory.put(None, "welcome", MemoryItem::text("Welcome."))?;
    let mut builder = bare()
        .with_authorization(roles()?)
        .with_state(OutboundClient::builder().build()?)
        .with_handlers(Tools::default())
        .with_handlers(Notes::open())
        .with_tool(typed())
        .with_tool(bad_output())
        .with_resources("memory://", memory);
    if let Some(root) = root {
        builder = builder.with_resources("file:///", files(&root));
    }
    if let Some(key) = state_key {
        builder = builder.with_state_key(key);
    }
    if let Some(path) = audit {
        builder = builder.with_audit(audit_log(&path));
    }
    if let Some(token) = stdio_token {
        builder = builder.with_stdio_token(token);
    }
    // Where it cannot listen, either address may be the one that is taken.
    let listening = if metrics.is_some() { "MOCOPR_BIND, MOCOPR_METRICS_BIND" } else { "MOCOPR_BIND" };
    if let Some(address) = metrics {
        builder = builder.with_metrics(counted(address));
    }
    // Everything else has been tried alone.
    let server = builder.with_security_policy(policy).build();
    let server = server.map_err(|error| lines("MOCOPR_ISSUER, MOCOPR_JWKS_URL", &error).join("\n"))?;
    match place {
        Place::Streams => {
            let server = server.on_ready(|| eprintln!("listening on stdio"));
            server
                .run_stdio()
                .await
                .map_err(|error| lines("MOCOPR_STDIO_TOKEN, MOCOPR_METRICS_BIND", &error).join("\n"))?;
        }
        Place::Loopback(address, name) => {
            let config = HttpConfig::new(address).with_tls_required(false).with_trusted_proxies(proxies);
            listen(server, WebSocketConfig::beside(config), name, listening).await?;
        }
        Place::Secure(address, tls, name) => {
            let config = HttpConfig::new(address).with_tls(tls).with_trusted_proxies(proxies);
            listen(server, WebSocketConfig::beside(config), name, listening).await?
        }
        Place::Mounted(address) => mounted(server, address).await?,
        Place::Unix(path) => {
            let config = mocopr::UnixConfig::new(&path).on_ready(move || eprintln!("listening on unix:{path}"));
            server.run(config).await.map_err(|error| lines(listening, &error).join("\n"))?;
        }
    }
    Ok(())
}

/// Serves inside of an application of another maker, which the same tests ask.
async fn mounted(server: McpServer<Guarded>, address: SocketAddr) -> Result<(), Box<dyn std::error::Error>> {
    let (router, server) = server.into_router(Mounted::listener_protects_itself()).await?;
    let listener = TcpListener::bind(address).await?;
    let mut terminate = signal(SignalKind::terminate())?;
    eprintln!("listening on http://{}/mcp", listener.local_addr()?);
    let draining = server.drain();
    let stop = async move {
        terminate.recv().await;
        draining.await;
    };
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(stop).await?;
    server.end().await;
    Ok(())
}

/// Serves HTTP and WebSocket; where that cannot begin, the settings of that name are why.
async fn listen(
    server: McpServer<Guarded>,
    config: WebSocketConfig,
    scheme: &'static str,
    settings: &str,
) -> Result<(), Box<dyn std::error::Error>> {
    let path = if scheme.starts_with("ws") { config.path() } else { "/mcp" };
    let config = config.on_ready(move |address| eprintln!("listening on {scheme}://{address}{path}"));
    Ok(server.run_websocket(config).await.map_err(|error| lines(settings, &error).join("\n"))?)
}

/// What is served of a directory.
fn files(root: &str) -> FileResourceHandler {
    FileResourceHandler::builder()
        .with_base_directory(root)
        .with_read_only(true)
        .with_symlink_following(false)
        .with_allowed_extensions(&["txt", "json", "md"])
        .with_file_size_limit(1024 * 1024)
        .build()
}

/// Everything that can be counted, told at that address.
fn counted(address: SocketAddr) -> SecurityMetrics {
    SecurityMetrics::builder()
        .with_authentication_failures(true)
        .with_rate_limit_violations(true)
        .with_request_size_monitoring(true)
        .with_error_rate_monitoring(true)
        .with_listener(address.to_string())
        .on_listening(|address| eprintln!("metrics on http://{address}/metrics"))
        .build()
}

/// A record of everything that happens.
fn audit_log(path: &str) -> AuditLogger {
    AuditLogger::builder().with_file(path).build()
}

/// Who may do what.
fn roles() -> Result<RoleBasedAccessControl, Problems> {
    RoleBasedAccessControl::builder()
        .with_role("admin", &["*"])
        .with_role("user", &["tools:call:*", "resources:read:*", "prompts:read:*"])
        .with_role("service", &["tools:call:echo", "resources:read:notes://public/*"])
        .with_scope_implies("files", &["files:read"])
        .build()
}

/// Tight limits, so that each of them is easy to reach.
fn limits() -> Limits {
    let strict = Limits::strict();
    let mut message = strict.message;
    message.arguments = JsonLimits { depth: 10, members: 100, string_bytes: 10_000, elements: 10_000 };
    let count = |count| NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN);
    Limits {
        message_bytes: MIB,
        message,
        body_read: Duration::from_secs(5),
        request: Duration::from_secs(5),
        client_wait: Duration::from_secs(10),
        idle: Duration::from_secs(30),
        write_stall: Duration::from_secs(5),
        result_bytes: 64 * MIB,
        sessions: count(2_000),
        sessions_per_principal: Some(count(16)),
        session_idle: Duration::from_secs(60),
        connections: count(4_096),
        connections_per_address: None,
        calls_per_principal: count(16),
        streams_per_principal: count(8),
        request_state: Duration::from_secs(3),
        ..strict
    }
}

const MIB: usize = 1024 * 1024;

/// What the environment says.
struct Settings {
    place: Place,
    public_url: Option<String>,
    origins: Vec<String>,
    issuer: Option<(String, String)>,
    api_keys: Option<ApiKeys>,
    root: Option<String>,
    stdio_token: Option<Secret<String>>,
    state_key: Option<Secret<String>>,
    metrics: Option<SocketAddr>,
    audit: Option<String>,
    rates: RateLimitPolicy,
    proxies: Vec<String>,
}

/// Where to serve, and under which scheme that is told.
enum Place {
    Streams,
    Loopback(SocketAddr, &'static str),
    Secure(SocketAddr, TlsConfig, &'static str),
    Mounted(SocketAddr),
    Unix(String),
}

impl Place {
    /// Strangers can knock there.
    fn is_listener(&self) -> bool {
        !matches!(self, Self::Streams)
    }
}

impl Settings {
    /// Every setting, or a line for each that is wrong.
    fn read() -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let place = match Self::place() {
            Ok(place) => Some(place),
            Err(more) => {
                problems.extend(more);
                None
            }
        };
        let issuer = match (setting("MOCOPR_ISSUER"), setting("MOCOPR_JWKS_URL")) {
            (Some(issuer), Some(url)) => {
                problems.extend(Self::issuer(&issuer).map_err(named("MOCOPR_ISSUER")).err());
                Some((issuer, url))
            }
            (None, None) => None,
            (Some(_), None) => or_say(&mut problems, Err("MOCOPR_JWKS_URL: missing beside MOCOPR_ISSUER".to_owned())),
            (None, Some(_)) => or_say(&mut problems, Err("MOCOPR_ISSUER: missing beside MOCOPR_JWKS_URL".to_owned())),
        };
        let public_url = setting("MOCOPR_PUBLIC_URL");
        match &public_url {
            None if place.as_ref().is_some_and(Place::is_listener) => {
                problems.push("MOCOPR_PUBLIC_URL: missing".to_owned())
            }
            None => {}
            Some(url) => drop(or_say(&mut problems, PublicUrl::parse(url).map_err(named("MOCOPR_PUBLIC_URL")))),
        }
        let proxies = setting("MOCOPR_TRUSTED_PROXIES");
        let proxies: Vec<String> =
            proxies.iter().flat_map(|list| list.split(',')).map(|one| one.trim().to_owned()).collect();
        let mut trusted = TrustedProxies::default();
        for network in &proxies {
            problems.extend(trusted.trust(network).err().map(named("MOCOPR_TRUSTED_PROXIES")));
        }
        let api_keys =
            setting("MOCOPR_API_KEYS").map(|path| ApiKeys::from_file(path).map_err(named("MOCOPR_API_KEYS")));
        let api_keys = api_keys.and_then(|keys| or_say(&mut problems, keys));
        let state_key = setting("MOCOPR_STATE_KEY");
        if state_key.as_ref().is_some_and(|key| STANDARD.decode(key).map_or(true, |key| key.len() != 32)) {
            problems.push("MOCOPR_STATE_KEY: not 32 bytes in base64".to_owned());
        }
        if problems.is_empty()
            && let Some(key) = &state_key
        {
            problems.extend(alone("MOCOPR_STATE_KEY", bare().with_state_key(Secret::new(key.clone()))));
        }
        let audit = setting("MOCOPR_AUDIT");
        if problems.is_empty()
            && let Some(path) = &audit
        {
            let keyed = match &state_key {
                Some(key) => bare().with_state_key(Secret::new(key.clone())),
                None => bare(),
            };
            problems.extend(alone("MOCOPR_AUDIT", keyed.with_audit(audit_log(path))));
        }
        let root = setting("MOCOPR_ROOT");
        if let Some(root) = &root {
            problems.extend(alone("MOCOPR_ROOT", bare().with_resources("file:///", files(root))));
        }
        let metrics = setting("MOCOPR_METRICS_BIND").map(|address| loopback("MOCOPR_METRICS_BIND", &address));
        let metrics = metrics.and_then(|address| or_say(&mut problems, address));
        let rates = or_say(&mut problems, Self::rates());
        let origins = setting("MOCOPR_ALLOWED_ORIGINS");
        let origins: Vec<String> =
            origins.iter().flat_map(|list| list.split(',')).map(|one| one.trim().to_owned()).collect();
        for origin in &origins {
            let policy = SecurityPolicy::strict().with_authorization_enabled(false).with_allowed_origin(origin.clone());
            problems.extend(alone("MOCOPR_ALLOWED_ORIGINS", bare().with_security_policy(policy)));
        }
        let nobody_proves = api_keys.is_none() && issuer.is_none() && problems.is_empty();
        let stdio_token = setting("MOCOPR_STDIO_TOKEN").map(Secret::new);
        if nobody_proves && place.as_ref().is_some_and(Place::is_listener) {
            problems.push("MOCOPR_API_KEYS: missing, or MOCOPR_ISSUER with MOCOPR_JWKS_URL".to_owned());
        }
        if nobody_proves && matches!(place, Some(Place::Streams)) && stdio_token.is_some() {
            let what = "needs MOCOPR_API_KEYS, or MOCOPR_ISSUER with MOCOPR_JWKS_URL, to say whom it proves";
            problems.push(format!("MOCOPR_STDIO_TOKEN: {what}"));
        }
        match (place, rates) {
            (Some(place), Some(rates)) if problems.is_empty() => Ok(Self {
                place,
                public_url,
                origins,
                issuer,
                api_keys,
                root,
                stdio_token,
                state_key: state_key.map(Secret::new),
                metrics,
                audit,
                rates,
                proxies,
            }),
            _ => Err(problems),
        }
    }

    fn place() -> Result<Place, Vec<String>> {
        match setting("MOCOPR_TRANSPORT").as_deref() {
            Some("stdio") => Ok(Place::Streams),
            Some(named @ ("http" | "ws" | "axum")) => {
                let address = setting("MOCOPR_BIND")
                    .ok_or(vec!["MOCOPR_BIND: missing, give an address and a port".to_owned()])?;
                let address = loopback("MOCOPR_BIND", &address).map_err(|problem| vec![problem])?;
                Ok(match named {
                    "axum" => Place::Mounted(address),
                    "ws" => Place::Loopback(address, "ws"),
                    _ => Place::Loopback(address, "http"),
                })
            }
            Some("unix") => {
                let path = setting("MOCOPR_BIND").ok_or(vec!["MOCOPR_BIND: missing, give a path".to_owned()])?;
                Ok(Place::Unix(path))
            }
            Some(named @ ("https" | "wss")) => {
                let name = if named == "wss" { "wss" } else { "https" };
                let mut problems = Vec::new();
                let address = or_say(&mut problems, Self::address());
                let tls = Self::tls().map_err(|more| problems.extend(more)).ok();
                address.zip(tls).map(|(address, tls)| Place::Secure(address, tls, name)).ok_or(problems)
            }
            Some(other) => Err(vec![format!("MOCOPR_TRANSPORT: {other:?} is none of stdio, http, https, ws, wss")]),
            None => Err(vec!["MOCOPR_TRANSPORT: missing, give stdio, http, https, ws or wss".to_owned()]),
        }
    }

    /// An issuer of access tokens is a URL. Tokens can have issuers of other names, which nobody means here.
    fn issuer(issuer: &str) -> Result<(), Problem> {
        let client = OutboundClient::builder().allowing_insecure_loopback().build()?;
        client.check(issuer).map_err(|error| Problem::new(error.to_string(), "name it as its tokens do"))
    }

    fn address() -> Result<SocketAddr, String> {
        let address = setting("MOCOPR_BIND").ok_or("MOCOPR_BIND: missing, give an address and a port")?;
        address.parse().map_err(|_| format!("MOCOPR_BIND: {address:?} is no address with a port"))
    }

    fn tls() -> Result<TlsConfig, Vec<String>> {
        let files = (setting("MOCOPR_TLS_CERT"), setting("MOCOPR_TLS_KEY"));
        let (Some(chain), Some(key)) = files else {
            let missing = [("MOCOPR_TLS_CERT", files.0), ("MOCOPR_TLS_KEY", files.1)];
            let missing = missing.into_iter().filter(|(_, path)| path.is_none());
            return Err(missing.map(|(name, _)| format!("{name}: missing")).collect());
        };
        let own = TlsConfig::builder().with_cert_chain_file(chain).with_private_key_file(key);
        let made = own.clone().build().map_err(|error| lines("MOCOPR_TLS_CERT, MOCOPR_TLS_KEY", &error.into()))?;
        match setting("MOCOPR_TLS_CLIENT_CA") {
            None => Ok(made),
            Some(roots) => {
                own.with_client_ca_file(roots).build().map_err(|error| lines("MOCOPR_TLS_CLIENT_CA", &error.into()))
            }
        }
    }

    fn rates() -> Result<RateLimitPolicy, String> {
        match setting("MOCOPR_RATE").as_deref() {
            None | Some("on") => Ok(RateLimitPolicy {
                address: Some(RateLimit::per_minute(6_000).with_burst(1_000)),
                principal: Some(RateLimit::per_minute(100).with_burst(20)),
                heavy: Some(RateLimit::per_minute(5)),
            }),
            Some("off") => Ok(RateLimitPolicy::unlimited()),
            Some(other) => Err(format!("MOCOPR_RATE: {other:?} is neither on nor off")),
        }
    }
}

/// A variable of the environment; an empty one counts as absent.
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The address of a setting, which nobody on another machine can reach.
fn loopback(name: &str, address: &str) -> Result<SocketAddr, String> {
    match address.parse::<SocketAddr>() {
        Ok(parsed) if parsed.ip().is_loopback() => Ok(parsed),
        Ok(_) => Err(format!("{name}: {address} is no loopback address, and there is no TLS")),
        Err(_) => Err(format!("{name}: {address:?} is no address with a port")),
    }
}

/// A problem with the name of its setting in front.
fn named(name: &str) -> impl Fn(Problem) -> String {
    move |problem| format!("{name}: {problem}")
}

/// A server that has a name and nothing else.
fn bare() -> ServerBuilder {
    McpServer::builder().with_info("fixture", env!("CARGO_PKG_VERSION"))
}

/// What a server that is given this one setting says of it.
fn alone<P>(name: &str, builder: ServerBuilder<P>) -> Vec<String> {
    builder.build().err().map_or_else(Vec::new, |error| lines(name, &error))
}

/// A line for each problem, with the setting that it is about in front.
fn lines(name: &str, error: &mocopr::Error) -> Vec<String> {
    match error.problems() {
        [] => vec![format!("{name}: {error}")],
        problems => problems.iter().map(|problem| format!("{name}: {problem}")).collect(),
    }
}

fn or_say<T>(problems: &mut Vec<String>, read: Result<T, String>) -> Option<T> {
    read.map_err(|problem| problems.push(problem)).ok()
}

/// Tools that answer by themselves.
#[derive(Default)]
struct Tools {
    /// How often `admin_reset` ran.
    resets: AtomicU64,
    /// How often `confirm_once` ran to its end.
    confirmed: AtomicU64,
}

/// Who calls, and what has happened in this process.
#[data]
struct Whoami {
    subject: String,
    issuer: String,
    method: String,
    roles: Vec<String>,
    tenant: Option<String>,
    resets: u64,
    confirmed: u64,
}

#[data]
struct Sum {
    sum: i64,
}

#[handlers]
impl Tools {
    /// Answers the text.
    #[tool(read_only)]
    async fn echo(&self, text: String) -> String {
        text
    }

    /// Says who calls.
    #[tool(read_only)]
    async fn whoami(&self, caller: Caller) -> Json<Whoami> {
        Json(Whoami {
            subject: caller.subject().to_owned(),
            issuer: caller.issuer().to_owned(),
            method: caller.method().as_str().to_owned(),
            roles: caller.roles().map(str::to_owned).collect(),
            tenant: caller.tenant().map(str::to_owned),
            resets: self.resets.load(Ordering::Relaxed),
            confirmed: self.confirmed.load(Ordering::Relaxed),
        })
    }

    /// Adds two integers.
    #[tool(read_only)]
    async fn add(&self, a: i64, b: i64) -> Result<Json<Sum>, Failure> {
        a.checked_add(b).map(|sum| Json(Sum { sum })).ok_or_else(|| Failure::caller("the sum is too large"))
    }

    /// Fails with an error whose cause nobody may read.
    #[tool]
    async fn fail_secret(&self) -> Result<String, Failure> {
        let cause = "CANARY-SECRET-7f3a in /srv/app/db.sqlite3: SELECT secret FROM users WHERE id = 1";
        Err(Failure::internal("the lookup failed").caused_by(cause))
    }

    /// Panics.
    #[tool]
    #[allow(clippy::panic, reason = "it is what the tool is for")]
    async fn panic_now(&self) -> String {
        panic!("CANARY-SECRET-7f3a at /srv/app/src/main.rs:42")
    }

    /// Answers after this many milliseconds.
    #[tool(read_only)]
    async fn sleep_ms(&self, ms: u64) -> &'static str {
        sleep(Duration::from_millis(ms)).await;
        "slept"
    }

    /// Keeps a processor busy for this many milliseconds.
    #[tool(read_only)]
    #[allow(clippy::disallowed_methods, reason = "it measures the real time that it wastes")]
    fn spin(&self, ms: u64) -> &'static str {
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(ms) {
            std::hint::spin_loop();
        }
        "spun"
    }

    /// Answers so many bytes.
    #[tool(read_only)]
    async fn big_output(&self, #[arg(range(0..=100_000_000))] bytes: usize) -> String {
        "x".repeat(bytes)
    }

    /// Prints a text on standard output, which belongs to the protocol.
    #[tool]
    #[allow(clippy::print_stdout, reason = "it is what the tool is for")]
    async fn print_stdout(&self, text: String) -> &'static str {
        println!("{text}");
        "printed"
    }

    /// Sends so many notifications of progress, and as many log messages.
    #[tool(read_only)]
    async fn flood(&self, ctx: &Context, count: u32) -> &'static str {
        for number in 0..count {
            ctx.progress(f64::from(number), f64::from(count), "flooding");
            ctx.log(Level::Info, json!({"number": number}));
            // What never waits is never stopped, and would keep a thread from everybody else.
            if number % 64 == 0 {
                yield_now().await;
            }
        }
        "flooded"
    }

    /// Fetches an address, as far as it is one that a server may fetch.
    #[tool(read_only)]
    async fn upstream(&self, url: String, client: State<OutboundClient>) -> Result<String, Failure> {
        let response = client.get(&url).await.map_err(|error| Failure::caller(error.to_string()).caused_by(error))?;
        Ok(String::from_utf8_lossy(response.body()).into_owned())
    }

    /// Sets everything back; for administrators.
    #[tool(requires(role = "admin"), destructive)]
    async fn admin_reset(&self) -> &'static str {
        self.resets.fetch_add(1, Ordering::Relaxed);
        "reset"
    }

    /// Answers what it is given, and runs no statement.
    #[tool(header(region = "Region"))]
    async fn execute_sql(&self, region: String, query: String) -> String {
        format!("{region}: {query}")
    }

    /// Answers the number.
    #[tool(read_only, header(n = "Num"))]
    async fn int_hdr(&self, n: i64) -> i64 {
        n
    }

    /// Makes a handle that this caller alone can use.
    #[tool]
    async fn mk_handle(&self, ctx: &Context) -> Result<String, Failure> {
        ctx.mint_handle("fixture", &ctx.caller().subject(), Duration::from_secs(60))
    }

    /// Uses a handle.
    #[tool]
    async fn use_handle(&self, ctx: &Context, handle: String) -> Result<String, Failure> {
        ctx.open_handle::<String>("fixture", &handle)
    }

    /// Asks for a name and greets.
    #[tool(read_only)]
    async fn ask_name(&self, ctx: &Context) -> Result<String, Failure> {
        let Name { name } = ctx.elicit::<Name>("What is your name?").await?;
        Ok(format!("Hello, {name}!"))
    }

    /// Asks for a confirmation that counts once.
    #[tool]
    async fn confirm_once(&self, ctx: &Context) -> Result<String, Failure> {
        let Confirmation { confirm } = ctx.elicit::<Confirmation>("Really?").once().await?;
        if !confirm {
            return Err(Failure::caller("not confirmed"));
        }
        Ok(format!("confirmed {}", self.confirmed.fetch_add(1, Ordering::Relaxed) + 1))
    }

    /// Costs much.
    #[tool(heavy)]
    async fn heavy(&self) -> &'static str {
        "heavy"
    }

    /// Greets whoever has the role `user`.
    #[tool(requires(role = "user"))]
    async fn greet_role(&self, caller: Caller) -> String {
        format!("Hello, {}!", caller.subject())
    }

    /// Greets.
    #[prompt]
    async fn greet(&self, name: String) -> String {
        format!("Greet {name} kindly.")
    }

    /// For administrators.
    #[resource("secret://vault", mime = "text/plain", requires(role = "admin"))]
    async fn vault(&self) -> &'static str {
        "the secret of the vault"
    }
}

#[data]
struct Name {
    name: String,
}

#[data]
struct Confirmation {
    confirm: bool,
}

/// Notes of users, by user and id.
struct Notes(Mutex<BTreeMap<(String, String), String>>);

impl Notes {
    /// With the notes of `public`.
    fn open() -> Self {
        let note = |id: &str, text: &str| (("public".to_owned(), id.to_owned()), text.to_owned());
        Self(Mutex::new(BTreeMap::from([note("welcome", "Welcome."), note("rules", "Be kind.")])))
    }
}

#[handlers]
impl Notes {
    /// Writes a note.
    #[tool(requires(scope = "notes:write", scope = "notes:read"))]
    async fn write_note(
        &self,
        #[arg(pattern = "^[A-Za-z0-9_-]{1,64}$")] user: String,
        #[arg(pattern = "^[A-Za-z0-9_-]{1,64}$")] id: String,
        text: String,
    ) -> Result<&'static str, Failure> {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() >= MAX_NOTES && !notes.contains_key(&(user.clone(), id.clone())) {
            return Err(Failure::caller("there are too many notes"));
        }
        notes.insert((user, id), text);
        Ok("written")
    }

    /// A note.
    #[resource("notes://{user}/{id}", mime = "text/plain")]
    async fn note(&self, user: String, id: String) -> Result<String, Failure> {
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let uri = format!("notes://{user}/{id}");
        notes.get(&(user, id)).cloned().ok_or_else(|| Failure::absent(uri))
    }

    /// The ids of a user's notes, those of `public` where no user is known.
    #[completion(resource = "notes://{user}/{id}", argument = "id")]
    async fn ids(&self, typed: &str, user: Option<&str>) -> Vec<String> {
        let user = user.unwrap_or("public");
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ids = notes.keys().filter(|(owner, id)| owner == user && id.starts_with(typed));
        ids.map(|(_, id)| id.clone()).take(100).collect()
    }
}

const MAX_NOTES: usize = 10_000;

/// One property of every kind that a schema has.
fn typed() -> Tool {
    let schema = json!({
        "type": "object",
        "properties": {
            "code": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{4}$"},
            "title": {"type": "string", "minLength": 1, "maxLength": 80},
            "email": {"type": "string", "format": "email"},
            "link": {"type": "string", "format": "uri"},
            "count": {"type": "integer", "minimum": 1, "maximum": 100},
            "ratio": {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
            "flag": {"type": "boolean"},
            "color": {"enum": ["red", "green", "blue"]},
            "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 5},
            "place": {
                "type": "object",
                "properties": {"x": {"type": "integer"}, "y": {"type": "integer"}},
                "required": ["x", "y"],
                "additionalProperties": false
            },
            "either": {"oneOf": [{"type": "string"}, {"type": "integer"}]}
        },
        "additionalProperties": false
    });
    Tool::new("typed")
        .description("Takes one property of every kind, and answers them.")
        .read_only()
        .input_schema(schema.to_string())
        .handler(|arguments: Value| async move { arguments.to_string() })
}

/// Breaks its own output schema.
fn bad_output() -> Tool {
    Tool::new("bad_output")
        .description("Answers what its output schema forbids.")
        .output_schema(r#"{"type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"]}"#)
        .handler(|_: Value| async { Json(json!({"sum": "CANARY-SECRET-7f3a"})) })
}
