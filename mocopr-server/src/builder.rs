//! What a server's owner says before there is a server.

use std::{marker::PhantomData, num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use mocopr_core::{
    clock::{Clock, SystemClock},
    model::{capability::Implementation, content::Icon},
    wire::revision::Revision,
};
use mocopr_security::{
    error_handler::ErrorHandler,
    gate::Rules,
    logger::SecurityLogger,
    policy::{Middleware, Problem, Row, SecurityPolicy},
    redact::Secret,
    revoke::Revocations,
    seal::KeyRing,
    stop::KillSwitch,
    validation::{InputValidation, JsonSchemaValidator},
};

use crate::{
    assemble::Assembled,
    error::Result,
    evidence::Opener,
    registry::{
        definitions::{Definitions, Handlers},
        prompt::IntoPrompt,
        resource::IntoResource,
        tool::IntoTool,
    },
    server::{Guarded, McpServer, Unguarded},
    spans::Spans,
    state::States,
    transport::company::Companion,
};

/// Collects what a server is made of. Begins with [`McpServer::builder`].
///
/// `P` says whether the server has a security policy: without one it can speak over standard streams, and cannot
/// listen.
///
/// An example is at [`McpServer`].
#[must_use = "a builder makes a server with `.build()`"]
pub struct ServerBuilder<P = Unguarded> {
    said: Said,
    guard: PhantomData<fn() -> P>,
}

/// Puts one part into its place in the policy.
pub(crate) type Slot = Box<dyn FnOnce(SecurityPolicy) -> SecurityPolicy>;

/// Makes a logger the log of the process. Behind a pointer, so that a server without one does not link any.
pub(crate) type Installer = Box<dyn FnOnce(Arc<dyn Clock>) -> std::result::Result<(), Problem>>;

/// Makes the keys that a source of the owner's says, and what asks for them again. Behind a pointer, as the logger is.
pub(crate) type KeySource = Box<dyn FnOnce() -> std::result::Result<(KeyRing, Box<dyn Companion>), Problem>>;

/// Looks at what this process may do, and says it in rows of the report. Behind a pointer, as the logger is.
pub(crate) type Inspection = Box<dyn FnOnce() -> std::result::Result<Vec<Row>, Problem>>;

/// What the owner has said so far, whatever the builder's type.
pub(crate) struct Said {
    pub(crate) info: Option<Implementation>,
    pub(crate) instructions: Option<Box<str>>,
    pub(crate) policy: Option<SecurityPolicy>,
    pub(crate) middleware: Vec<(&'static str, Slot)>,
    pub(crate) definitions: Definitions,
    pub(crate) states: States,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) page_size: NonZeroUsize,
    pub(crate) list_ttl: Duration,
    pub(crate) revisions: Option<Vec<Revision>>,
    pub(crate) rules: Option<Arc<dyn Rules>>,
    pub(crate) stdio_token: Option<Secret<String>>,
    pub(crate) state_key: Option<Secret<String>>,
    pub(crate) state_key_file: Option<PathBuf>,
    pub(crate) state_key_source: Option<KeySource>,
    pub(crate) input_validation: Option<InputValidation>,
    pub(crate) input_validator: Option<JsonSchemaValidator>,
    pub(crate) error_handler: Option<ErrorHandler>,
    pub(crate) witnesses: Vec<Opener>,
    pub(crate) spans: Option<Arc<dyn Spans>>,
    pub(crate) kill_switch: Option<KillSwitch>,
    pub(crate) revocations: Option<Revocations>,
    pub(crate) companions: Vec<Box<dyn Companion>>,
    /// Calls that gave a witness which comes once.
    pub(crate) kept_once: Vec<&'static str>,
    pub(crate) logger: Option<Installer>,
    pub(crate) process: Option<Inspection>,
    pub(crate) problems: Vec<Problem>,
}

impl ServerBuilder<Unguarded> {
    pub(crate) fn new() -> Self {
        let said = Said {
            info: None,
            instructions: None,
            policy: None,
            middleware: Vec::new(),
            definitions: Definitions::default(),
            states: States::default(),
            clock: Arc::new(SystemClock::new()),
            page_size: DEFAULT_PAGE,
            list_ttl: Duration::ZERO,
            revisions: None,
            rules: None,
            stdio_token: None,
            state_key: None,
            state_key_file: None,
            state_key_source: None,
            input_validation: None,
            input_validator: None,
            error_handler: None,
            witnesses: Vec::new(),
            spans: None,
            kill_switch: None,
            revocations: None,
            companions: Vec::new(),
            kept_once: Vec::new(),
            logger: None,
            process: None,
            problems: Vec::new(),
        };
        Self { said, guard: PhantomData }
    }
}

impl<P> ServerBuilder<P> {
    /// Says who the server is. Required.
    pub fn with_info(mut self, name: impl Into<Box<str>>, version: impl Into<Box<str>>) -> Self {
        if self.said.info.is_some() {
            self.twice("with_info");
        }
        self.said.info =
            Some(Implementation { name: name.into(), version: version.into(), ..Implementation::default() });
        self
    }

    /// Gives the server a name for people.
    pub fn with_title(mut self, title: impl Into<Box<str>>) -> Self {
        self.edit_info("with_title", |info| info.title = Some(title.into()));
        self
    }

    /// Says what the server is, in a sentence.
    pub fn with_description(mut self, description: impl Into<Box<str>>) -> Self {
        self.edit_info("with_description", |info| info.description = Some(description.into()));
        self
    }

    /// Says where to read more about the server.
    pub fn with_website(mut self, url: impl Into<Box<str>>) -> Self {
        self.edit_info("with_website", |info| info.website_url = Some(url.into()));
        self
    }

    /// Adds a picture of the server.
    pub fn with_icon(mut self, icon: Icon) -> Self {
        self.edit_info("with_icon", |info| info.icons.push(icon));
        self
    }

    /// Tells the model how to use the server.
    pub fn with_instructions(mut self, instructions: impl Into<Box<str>>) -> Self {
        if self.said.instructions.is_some() {
            self.twice("with_instructions");
        }
        self.said.instructions = Some(instructions.into());
        self
    }

    /// Registers a tool.
    pub fn with_tool<M>(mut self, tool: impl IntoTool<M>) -> Self {
        self.said.definitions.tools.push(tool.into_tool());
        self
    }

    /// Registers a prompt.
    pub fn with_prompt<M>(mut self, prompt: impl IntoPrompt<M>) -> Self {
        self.said.definitions.prompts.push(prompt.into_prompt());
        self
    }

    /// Registers a resource or a template.
    pub fn with_resource<M>(mut self, resource: impl IntoResource<M>) -> Self {
        self.said.definitions.resources.push(resource.into_resource());
        self
    }

    /// Registers the tools, prompts and resources of a value.
    pub fn with_handlers<H: Handlers>(mut self, handlers: H) -> Self {
        let Definitions { tools, prompts, resources } = Arc::new(handlers).definitions();
        self.said.definitions.tools.extend(tools);
        self.said.definitions.prompts.extend(prompts);
        self.said.definitions.resources.extend(resources);
        self
    }

    /// Gives every handler a value, by its type: `State<S>` and `ctx.state::<S>()`.
    pub fn with_state<S: Send + Sync + 'static>(mut self, state: S) -> Self {
        if let Err(twice) = self.said.states.insert(state) {
            self.said.problems.push(Problem::new(
                format!("a state of type `{}` is given twice", twice.0),
                "give each type once; wrap the second in a type of its own",
            ));
        }
        self
    }

    /// How many items one page of a list has; 250 unless said.
    pub fn with_page_size(mut self, items: NonZeroUsize) -> Self {
        self.said.page_size = items;
        self
    }

    /// How long clients may keep lists (2026-07-28); not at all unless said.
    pub fn with_list_ttl(mut self, ttl: Duration) -> Self {
        self.said.list_ttl = ttl;
        self
    }

    /// Serves these revisions of the protocol alone; every one of them unless said.
    ///
    /// All are served from the same handlers, so there is no need to narrow them but to keep old clients, or clients
    /// with sessions, out. A client that asks for a revision with a handshake that is not served is offered the newest
    /// such one that is.
    ///
    /// ```
    /// use mocopr_core::wire::revision::Revision;
    /// use mocopr_server::server::McpServer;
    ///
    /// # fn main() -> Result<(), mocopr_server::error::Error> {
    /// let server = McpServer::builder()
    ///     .with_info("without-sessions", "1.0.0")
    ///     .with_revisions([Revision::NEWEST_STATELESS])
    ///     .build()?;
    /// # drop(server);
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_revisions(mut self, revisions: impl IntoIterator<Item = Revision>) -> Self {
        if self.said.revisions.is_some() {
            self.twice("with_revisions");
        }
        self.said.revisions = Some(revisions.into_iter().collect());
        self
    }

    /// Puts a part into its place in the policy; in which order parts are given changes nothing, and each kind comes
    /// once.
    ///
    /// ```
    /// use mocopr_security::policy::{CorsMiddleware, RateLimitMiddleware};
    /// use mocopr_server::server::McpServer;
    ///
    /// # fn main() -> Result<(), mocopr_server::error::Error> {
    /// let server = McpServer::builder()
    ///     .with_info("calculator", "1.0.0")
    ///     .with_middleware(RateLimitMiddleware::per_client(100))
    ///     .with_middleware(CorsMiddleware::restrictive())
    ///     .build()?;
    /// # drop(server);
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_middleware(mut self, part: impl Middleware + 'static) -> Self {
        let name = part.name();
        if self.said.middleware.iter().any(|(known, _)| *known == name) {
            self.said.problems.push(Problem::new(format!("{name} is given twice"), "give it once"));
        }
        self.said.middleware.push((name, Box::new(|policy| part.slot_into(policy))));
        self
    }

    /// Says what roles grant. Without, nobody may do anything under a policy that authorizes by role.
    pub fn with_authorization(mut self, rules: impl Rules) -> Self {
        if self.said.rules.is_some() {
            self.twice("with_authorization");
        }
        self.said.rules = Some(Arc::new(rules));
        self
    }

    /// Says how input is checked: [`SecurityPolicy::with_input_validation`] under another name, whose word for the
    /// schema check is the last. Which numbers count [`SecurityPolicy::with_limits`] says.
    pub fn with_input_validation(mut self, validation: impl Into<InputValidation>) -> Self {
        if self.said.input_validation.is_some() {
            self.twice("with_input_validation");
        }
        self.said.input_validation = Some(validation.into());
        self
    }

    /// Bounds the values that handlers read, and says what becomes of arguments that no schema names;
    /// [`SecurityPolicy::with_input_validator`] under another name.
    ///
    /// ```
    /// use mocopr_security::validation::JsonSchemaValidator;
    /// use mocopr_server::server::McpServer;
    ///
    /// # fn main() -> Result<(), mocopr_server::error::Error> {
    /// let validator = JsonSchemaValidator::builder()
    ///     .with_strict_mode(true)
    ///     .with_max_depth(10)
    ///     .with_max_properties(100)
    ///     .with_string_length_limit(10_000)
    ///     .build();
    /// let server = McpServer::builder().with_info("calculator", "1.0.0").with_input_validator(validator).build()?;
    /// assert_eq!(server.policy().limits().message.arguments.depth, 10);
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_input_validator(mut self, validator: JsonSchemaValidator) -> Self {
        if self.said.input_validator.is_some() {
            self.twice("with_input_validator");
        }
        self.said.input_validator = Some(validator);
        self
    }

    /// Says how errors are told: [`SecurityPolicy::with_error_handler`] under another name, which has the last word.
    ///
    /// ```
    /// use mocopr_security::error_handler::{ErrorHandler, SecurityLevel};
    /// use mocopr_server::server::McpServer;
    ///
    /// # fn main() -> Result<(), mocopr_server::error::Error> {
    /// let errors = ErrorHandler::builder()
    ///     .with_security_level(SecurityLevel::Production)
    ///     .with_error_sanitization(true)
    ///     .with_stack_trace_filtering(true)
    ///     .build();
    /// let server = McpServer::builder().with_info("calculator", "1.0.0").with_error_handler(errors).build()?;
    /// assert_eq!(server.policy().security_level(), SecurityLevel::Production);
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_error_handler(mut self, errors: ErrorHandler) -> Self {
        if self.said.error_handler.is_some() {
            self.twice("with_error_handler");
        }
        self.said.error_handler = Some(errors);
        self
    }

    /// Gives the client of standard streams a principal: whomever this access token or API key proves. It is checked
    /// once at the start, and whether it still holds at every message.
    ///
    /// Without, that client is the user of this machine, who under [`SecurityPolicy::strict`] holds no role and no
    /// scope.
    ///
    /// # Source
    /// MCP 2026-07-28, basic/authorization, "Protocol Requirements": credentials come from the environment.
    pub fn with_stdio_token(mut self, token: Secret<String>) -> Self {
        if self.said.stdio_token.is_some() {
            self.twice("with_stdio_token");
        }
        self.said.stdio_token = Some(token);
        self
    }

    /// Seals request state, cursors, event ids and handles with this key: 32 bytes in base64, which all replicas of a
    /// server share; of several, with commas between, the first seals and all open.
    ///
    /// Without, each process makes a key of its own, and what it sealed means nothing to another one.
    pub fn with_state_key(mut self, key: Secret<String>) -> Self {
        if self.said.state_key.is_some() {
            self.twice("with_state_key");
        }
        self.said.state_key = Some(key);
        self
    }

    /// The same with a key in a file, which its owner alone may read, and which is looked at while the server runs: a
    /// new key seals from then on, and the old one opens what it sealed until that has expired.
    ///
    /// With several replicas, and with an audit log that the old key seals, leave the old key behind the new one, with
    /// a comma between, until nobody needs it. A file that cannot be used changes nothing, and is told; a key is told
    /// of again after 90 days.
    pub fn with_state_key_file(mut self, path: impl Into<PathBuf>) -> Self {
        if self.said.state_key_file.is_some() {
            self.twice("with_state_key_file");
        }
        self.said.state_key_file = Some(path.into());
        self
    }

    /// Lets all tools but some be stopped at once, in an emergency: by [`McpServer::kill_switch`], by the signal
    /// SIGUSR1 while the server runs, or by a file. Without, nothing can stop them, and that signal ends the process.
    ///
    /// ```
    /// use mocopr_security::stop::KillSwitch;
    /// use mocopr_server::server::McpServer;
    ///
    /// # fn main() -> Result<(), mocopr_server::error::Error> {
    /// let server = McpServer::builder()
    ///     .with_info("calculator", "1.0.0")
    ///     .with_kill_switch(KillSwitch::builder().keeping(&["status"]).build())
    ///     .build()?;
    /// let switch = server.kill_switch().expect("it was given one");
    /// switch.stop()?;
    /// assert!(switch.is_stopped());
    /// switch.resume()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_kill_switch(mut self, switch: KillSwitch) -> Self {
        if self.said.kill_switch.is_some() {
            self.twice("with_kill_switch");
        }
        self.said.kill_switch = Some(switch);
        self
    }

    /// Believes nobody whom these revoke, and looks at their file while the server runs. Without, revocations are those
    /// that the program says to [`McpServer::revocations`], which is the same handle where this is called.
    pub fn with_revocations(mut self, revocations: Revocations) -> Self {
        if self.said.revocations.is_some() {
            self.twice("with_revocations");
        }
        self.said.revocations = Some(revocations);
        self
    }

    /// Where time comes from; for tests.
    #[cfg(feature = "testing")]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.said.clock = Arc::new(clock);
        self
    }

    /// Sets what peers may do. Only a server with a policy can listen.
    ///
    /// The builder has another type afterwards, so `if` around this call does not compile; choose the policy before
    /// the builder begins, and where and how to listen after the server is built.
    pub fn with_security_policy(mut self, policy: SecurityPolicy) -> ServerBuilder<Guarded> {
        if self.said.policy.is_some() {
            self.twice("with_security_policy");
        }
        self.said.policy = Some(policy);
        ServerBuilder { said: self.said, guard: PhantomData }
    }

    /// Makes the server.
    ///
    /// # Errors
    /// Every problem at once, each with the call that mends it; or no randomness for keys.
    pub fn build(self) -> Result<McpServer<P>> {
        let Assembled { engine, companions } = self.said.assemble()?;
        Ok(McpServer::of(engine, companions))
    }

    /// Takes the state key from there.
    pub(crate) fn source_key(&mut self, source: KeySource) {
        if self.said.state_key_source.is_some() {
            self.twice("with_state_key_source");
        }
        self.said.state_key_source = Some(source);
    }

    /// Tells one more witness.
    pub(crate) fn keep_account(&mut self, witness: Opener) {
        self.said.witnesses.push(witness);
    }

    /// Has spans made of requests, where there is no problem with it.
    #[cfg(feature = "otel")]
    pub(crate) fn trace_with(&mut self, problem: Option<Problem>, spans: Arc<dyn Spans>) {
        if self.said.spans.is_some() {
            self.twice("with_tracing");
        }
        self.said.problems.extend(problem);
        self.said.spans = Some(spans);
    }

    /// Runs one more thing beside whatever transport the server runs on.
    pub(crate) fn run_with(&mut self, one: Box<dyn Companion>) {
        if self.said.companions.iter().any(|known| known.name() == one.name()) {
            self.twice(one.name());
        }
        self.said.companions.push(one);
    }

    /// Tells a witness that comes once, which this call gives.
    pub(crate) fn keep_account_once(&mut self, call: &'static str, witness: Opener) {
        if self.said.kept_once.contains(&call) {
            self.twice(call);
        } else {
            self.said.kept_once.push(call);
            self.keep_account(witness);
        }
    }

    /// The log of the process, which begins when the server is built.
    pub(crate) fn set_logger(&mut self, logger: SecurityLogger) {
        if self.said.logger.is_some() {
            self.twice("with_logger");
        }
        self.said.logger = Some(Box::new(|clock| logger.install(clock)));
    }

    /// Looks at what this process may do when the server is built.
    #[cfg(target_os = "linux")]
    pub(crate) fn check_process(&mut self, call: &str, inspect: Inspection) {
        if self.said.process.is_some() {
            self.twice(call);
        }
        self.said.process = Some(inspect);
    }

    fn edit_info(&mut self, call: &str, edit: impl FnOnce(&mut Implementation)) {
        match &mut self.said.info {
            Some(info) => edit(info),
            None => self.said.problems.push(Problem::new(
                format!(".{call}(..) stands before .with_info(..)"),
                "call .with_info(\"name\", \"1.0.0\") first",
            )),
        }
    }

    fn twice(&mut self, call: &str) {
        self.said.problems.push(Problem::new(format!(".{call}(..) is called twice"), "call it once"));
    }
}

impl<P> std::fmt::Debug for ServerBuilder<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerBuilder")
            .field("info", &self.said.info)
            .field("policy", &self.said.policy)
            .field("definitions", &self.said.definitions)
            .finish_non_exhaustive()
    }
}

/// Items of one page of a list.
const DEFAULT_PAGE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(249);
