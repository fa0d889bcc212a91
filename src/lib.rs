//! Model Context Protocol servers whose default is safe.
//!
//! ```
//! use mocopr::prelude::*;
//!
//! /// Adds two numbers.
//! #[tool]
//! async fn add(
//!     /// The first addend.
//!     a: f64,
//!     /// The second addend.
//!     b: f64,
//! ) -> f64 {
//!     a + b
//! }
//! ```
//!
//! The same with a struct, which suits tools with many arguments or much state:
//!
//! ```
//! use mocopr::prelude::*;
//!
//! /// Adds two numbers.
//! #[derive(Tool)]
//! struct Add {
//!     /// The first addend.
//!     a: f64,
//!     /// The second addend.
//!     #[arg(default = 1.0)]
//!     b: f64,
//! }
//!
//! impl CallTool for Add {
//!     type Output = f64;
//!
//!     async fn call(self, _: &Context) -> f64 {
//!         self.a + self.b
//!     }
//! }
//!
//! let server = McpServer::builder().with_info("calculator", "1.0.0").with_tool(Add::tool()).build()?;
//! # drop(server);
//! # Ok::<(), mocopr::Error>(())
//! ```
//!
//! A server begins with [`McpServer::builder`] and runs with `run_stdio`; with a security policy also with `run_http`,
//! `run_https`, `run_websocket`, or with `run` on several listeners. `#[tool]`, `#[prompt]`, `#[resource(..)]` and
//! `#[handlers]` make handlers of functions and methods, `#[data]` makes types of arguments and answers, and
//! [`Context`] is what a handler sees of its call.
//!
//! Incidents and refusals are `tracing` events; without a subscriber incidents are written to standard error, and of
//! what is refused the first of its kind. A subscriber must write to standard error, because standard output belongs to
//! the protocol.
//!
//! The features `stdio`, `http`, `tls`, `macros` and `outbound` are on by default; `crypto` adds keys from passphrases,
//! `axum` a place inside of an application that is made with it, `self-signed` a certificate for a machine of your own,
//! `otel` spans for OpenTelemetry, and `testing` a client for tests.
//!
//! This crate is a facade: it has no code of its own, only names. Examples beside items name the crate in which an item
//! stands, such as `mocopr_security::limits::Limits`; a program names the same item as the head of its page does here:
//! `mocopr::security::Limits`.

// The expansions of the macros name this crate from outside, also in its own tests and examples.
extern crate self as mocopr;

pub use mocopr_core::{
    failure::{Failure, FailureKind},
    wire::revision::Revision,
};
#[cfg(feature = "macros")]
pub use mocopr_macros::{Tool, completion, data, handlers, main, prompt, resource, tool};
#[cfg(feature = "tls")]
pub use mocopr_security::tls::TlsConfig;
#[cfg(all(feature = "http", target_os = "linux"))]
pub use mocopr_server::http::UnixConfig;
#[cfg(feature = "axum")]
pub use mocopr_server::http::{Mounted, MountedServer};
#[cfg(feature = "testing")]
pub use mocopr_server::testing;
pub use mocopr_server::{
    ask::{AskError, Elicit, ElicitUrl, Root, Sampled, Sampling},
    builder::ServerBuilder,
    context::Context,
    error::{Error, ErrorKind, Result},
    extract::{Caller, Extract, Progress, State},
    handler::{
        completion::IntoCompletion,
        prompt::{IntoPromptResult, Prompt},
        read::{Blob, IntoReadResult},
        tool::{CallTool, IntoToolResult, Json},
        with_context::WithContext,
    },
    registry::{
        builder::DefinitionBuilder,
        definitions::{Definitions, Handlers},
        prompt::{IntoPrompt, PromptBuilder, PromptDefinition},
        resource::{IntoResource, Read, ResourceBuilder, ResourceDefinition, ResourceInfo},
        tool::{IntoTool, NoArguments, Tool, ToolBuilder},
    },
    server::{Guarded, LiveSessions, MayListen, McpServer, Unguarded},
    state::Needs,
    stopping::LiveKillSwitch,
};
#[cfg(feature = "http")]
pub use mocopr_server::{
    http::{CorsConfig, HttpConfig, Listen, Listens},
    websocket::{AuthMethod, WebSocketConfig},
};

/// Failures of the protocol, for handlers that answer with one.
pub mod fault {
    pub use mocopr_core::fault::{Fault, Target};
}

/// Who may do what, and how much.
pub mod security {
    pub use mocopr_core::json::{JsonLimits, MessageLimits};
    #[cfg(feature = "tls")]
    pub use mocopr_security::tls::{CipherSuite, SECURE_CIPHER_SUITES, TlsConfigBuilder, TlsError, TlsVersion};
    pub use mocopr_security::{
        gate::{Grant, Kind, Rules},
        headers::SecurityHeaders,
        leak::{OutputSanitization, OutputSanitizer, OutputSanitizerBuilder},
        limits::Limits,
        logger::{SecurityLogger, SecurityLoggerBuilder},
        policy::{
            CorsMiddleware, Middleware, Problem, Problems, Profile, PublicUrl, RateLimitMiddleware, RateLimitPolicy,
            Report, Row, SecurityHeadersMiddleware, SecurityPolicy,
        },
        principal::{Method, Principal},
        proxies::TrustedProxies,
        rate::RateLimit,
        rbac::{AccessBuilder, AccessRules, Cause, Explanation, RoleBasedAccessControl},
        redact::Secret,
        revoke::Revocations,
        schema::SchemaLimits,
        seal::{SecretFuture, SecretSource, SourcedKey},
        slow::Slowing,
        stop::{KillSwitch, KillSwitchBuilder},
        validation::InputValidationPolicy,
    };
}

/// What happened, for those who keep account of it, and the audit log, which does.
pub mod audit {
    pub use mocopr_core::{outcome::Incident, peer::Source, trace::TraceId};
    pub use mocopr_security::{
        audit::{AuditFailure, AuditLogger, AuditLoggerBuilder, RetentionPolicy, RotationPolicy, Verification, verify},
        evidence::{AuditEvent, Bytes, Decided, Ending, Exceeded, Happening, Measure, Outcome, Witness},
    };
}

/// Spans of requests, for a tracer of OpenTelemetry.
#[cfg(feature = "otel")]
pub mod otel {
    pub use mocopr_server::otel::Tracing;
}

/// What happened, as numbers.
pub mod metrics {
    /// What is counted and where it is told, and who is told when it is too much.
    pub mod security {
        pub use mocopr_security::{
            alerts::{Alert, AlertingConfig, AlertingConfigBuilder},
            metrics::{SecurityMetrics, SecurityMetricsBuilder},
        };
    }
}

/// Whom a credential proves.
pub mod auth {
    pub use mocopr_security::auth::{
        ApiKey, ApiKeyFile, ApiKeys, AuthMiddleware, AuthMiddlewareBuilder, Authenticator, Credential, DpopPolicy,
        Identity, JwtAlgorithm, JwtConfig, JwtConfigBuilder, LocalUsers, Pending, Rejected, TokenValidator, Verdict,
        Verified,
    };
    #[cfg(feature = "testing")]
    pub use mocopr_security::auth::{DpopKey, Grant, IssueError, ProofBuilder, TokenBuilder, TokenIssuer};
}

/// Places that resources come from, mounted with [`ServerBuilder::with_resources`].
pub mod resources {
    pub use mocopr_core::uri::ResourceUri as Uri;
    pub use mocopr_server::resources::{
        path::decode,
        source::{Audience, Changes, Item, Range, ResourceSource, Shape, Told, Variable},
    };

    /// Sources that are made, each inside of its bounds.
    pub mod security {
        #[cfg(target_os = "linux")]
        pub use mocopr_security::sandbox::files::{
            FileBody, FileContents, FileEntry, FileFault, FileRange, FileResourceBuilder, FileResourceHandler,
        };
        pub use mocopr_security::sandbox::{
            access::ResourceAccessControl,
            key::{KeyValidator, MAX_KEY_BYTES},
            memory::{
                MemoryBody, MemoryChange, MemoryChangeKind, MemoryEntry, MemoryError, MemoryItem, MemoryRange,
                MemoryResourceBuilder, MemoryResourceHandler, WhenFull,
            },
            path::RelPath,
        };
        pub use mocopr_server::resources::handler::{PathRead, ResourceHandler, ResourceHandlerBuilder};
    }
}

/// What this process may do.
#[cfg(target_os = "linux")]
pub mod process {
    pub use mocopr_security::process::{Confined, Confinement, Privileges, confine};
}

/// How errors are told.
pub mod error {
    pub use mocopr_security::error_handler::{ErrorHandler, ErrorHandlerBuilder, SecurityLevel};
}

/// What of a peer's input is taken.
pub mod validation {
    pub use mocopr_security::validation::{
        InputValidation, JsonSchemaValidator, JsonSchemaValidatorBuilder,
        uri::{UriRefusal, UriValidator, UriValidatorBuilder},
    };
}

/// HTTP to others, for handlers that fetch what a caller names: a client that cannot be led to private places.
#[cfg(feature = "outbound")]
pub mod outbound {
    pub use mocopr_security::outbound::{
        OutboundClient, OutboundClientBuilder, OutboundError, OutboundErrorKind, OutboundRequest, OutboundResponse,
    };
}

/// Keys from passphrases.
#[cfg(feature = "crypto")]
pub mod crypto {
    pub use mocopr_security::derive::{KeyDerivation, Salt};
}

/// What a server that runs can add, replace and remove.
pub mod registry {
    pub use mocopr_server::registry::{Prompts, Resources, Tools};
}

/// What servers offer and answer, and what clients can do, as data.
pub mod model {
    pub use mocopr_core::{
        json::RawJson,
        model::{
            capability::{ClientCapabilities, ElicitationModes, SamplingModes},
            content::{
                Annotations, Audio, Base64, Content, EmbeddedResource, Icon, Image, Level, ResourceLink, Role, Text,
            },
            prompt::{Prompt, PromptArgument, PromptMessage, PromptResult},
            resource::{Body, Contents, ReadResult, Resource, ResourceTemplate},
            tool::{Completion, OutputSchema, Tool, ToolAnnotations, ToolResult},
        },
        page::{CacheHint, CacheScope},
    };
}

/// What most servers need: `use mocopr::prelude::*;`.
pub mod prelude {
    #[cfg(feature = "http")]
    #[doc(no_inline)]
    pub use crate::HttpConfig;
    #[cfg(feature = "tls")]
    #[doc(no_inline)]
    pub use crate::TlsConfig;
    #[doc(no_inline)]
    pub use crate::{
        AskError, Blob, CallTool, Caller, Context, Failure, Json, McpServer, Progress, Prompt, PromptDefinition,
        ResourceDefinition, Result, State, Tool,
        model::{
            Audio, Completion, Content, Contents, EmbeddedResource, Image, Level, PromptMessage, ResourceLink, Role,
            ToolResult,
        },
        security::SecurityPolicy,
    };
    #[cfg(feature = "macros")]
    #[doc(no_inline)]
    pub use crate::{completion, data, handlers, prompt, resource, tool};
}

/// What the expansions of the macros name. Not API.
#[doc(hidden)]
pub mod __private {
    pub use mocopr_server::expand::*;
    pub use schemars;
    pub use serde;
    #[cfg(feature = "macros")]
    pub use tokio;
}

// The README's examples and those of the security guide are compiled with the tests.
#[cfg(all(doctest, feature = "macros", feature = "stdio", feature = "http", feature = "outbound"))]
#[doc = include_str!("../README.md")]
struct Readme;
#[cfg(all(
    doctest,
    target_os = "linux",
    feature = "macros",
    feature = "stdio",
    feature = "http",
    feature = "outbound",
    feature = "crypto",
    feature = "axum",
    feature = "self-signed",
    feature = "testing"
))]
#[doc = include_str!("../docs/security/guide.md")]
struct SecurityGuide;
#[cfg(all(doctest, feature = "stdio"))]
#[doc = include_str!("../docs/security/audit.md")]
struct AuditLog;

// So is the guide, and what those read who come from elsewhere.
#[cfg(all(
    doctest,
    target_os = "linux",
    feature = "macros",
    feature = "stdio",
    feature = "tls",
    feature = "testing",
    feature = "otel"
))]
mod guide {
    #[doc = include_str!("../docs/guide/first-tool.md")]
    struct FirstTool;
    #[doc = include_str!("../docs/guide/arguments.md")]
    struct Arguments;
    #[doc = include_str!("../docs/guide/resources-and-prompts.md")]
    struct ResourcesAndPrompts;
    #[doc = include_str!("../docs/guide/asking.md")]
    struct Asking;
    #[doc = include_str!("../docs/guide/http.md")]
    struct Http;
    #[doc = include_str!("../docs/guide/https.md")]
    struct Https;
    #[doc = include_str!("../docs/guide/roles.md")]
    struct Roles;
    #[doc = include_str!("../docs/guide/files.md")]
    struct Files;
    #[doc = include_str!("../docs/guide/testing.md")]
    struct Testing;
    #[doc = include_str!("../docs/guide/audit-and-metrics.md")]
    struct AuditAndMetrics;
    #[doc = include_str!("../docs/guide/deployment.md")]
    struct Deployment;
    #[doc = include_str!("../docs/migrating/rmcp.md")]
    struct FromRmcp;
    #[doc = include_str!("../docs/migrating/fastmcp.md")]
    struct FromFastMcp;
    #[doc = include_str!("../docs/security/incident-response.md")]
    struct IncidentResponse;
}

// So are the examples of the macros, whose own crate does not know this one.
#[cfg(all(doctest, feature = "macros", feature = "stdio", feature = "testing"))]
mod macros {
    #[doc = include_str!("../mocopr-macros/docs/tool.md")]
    struct Tool;
    #[doc = include_str!("../mocopr-macros/docs/derive_tool.md")]
    struct DeriveTool;
    #[doc = include_str!("../mocopr-macros/docs/prompt.md")]
    struct Prompt;
    #[doc = include_str!("../mocopr-macros/docs/resource.md")]
    struct Resource;
    #[doc = include_str!("../mocopr-macros/docs/completion.md")]
    struct Completion;
    #[doc = include_str!("../mocopr-macros/docs/handlers.md")]
    struct Handlers;
    #[doc = include_str!("../mocopr-macros/docs/data.md")]
    struct Data;
    #[doc = include_str!("../mocopr-macros/docs/main.md")]
    struct Main;
}
