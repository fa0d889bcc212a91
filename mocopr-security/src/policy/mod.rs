//! What a server's owner decides. A policy is plain data: the gate and the listeners carry it out.

mod middleware;
mod numbers;
mod problem;
mod public_url;
mod rates;
mod report;
mod sizes;

use std::sync::Arc;

use mocopr_core::clock::Clock;

use self::sizes::Sizes;
pub use self::{
    middleware::{CorsMiddleware, Middleware, RateLimitMiddleware, SecurityHeadersMiddleware},
    problem::{Problem, Problems},
    public_url::{PublicUrl, Scheme},
    rates::RateLimitPolicy,
    report::{Report, Row},
};
use crate::{
    auth::{Asking, AuthMiddleware, Authenticator, DpopPolicy, LocalUsers, Proofs},
    error_handler::{ErrorHandler, Manner, SecurityLevel, Sentences},
    headers::SecurityHeaders,
    leak::{Clean, OutputSanitization, OutputSanitizer},
    limits::Limits,
    origin::OriginPolicy,
    rate::RateLimit,
    seal::KeyRing,
    slow::Slowing,
    validation::{InputValidation, JsonSchemaValidator, UnknownMembers},
};

/// The security policy of a server.
///
/// A server that listens on a network needs one.
///
/// * [`SecurityPolicy::strict`] is for servers that others can reach: callers are authenticated, may do what roles
///   grant them and no more, and as often as [`RateLimitPolicy::production`] says.
/// * [`SecurityPolicy::development`] is for a machine of your own: it listens on loopback only, takes whoever reaches
///   it there for the local user, is as strict as any profile about `Host`, `Origin` and `Content-Type`, and prints one
///   warning at start.
///
/// Nothing is checked here. The server's `build()` reports all that contradicts itself, and its listeners all that they
/// need and do not have.
///
/// ```
/// use mocopr_security::policy::{RateLimitPolicy, SecurityPolicy};
///
/// let policy = SecurityPolicy::strict()
///     .with_public_url("https://mcp.example.com/mcp")
///     .with_rate_limiting(RateLimitPolicy::public());
/// assert!(policy.requires_authentication());
/// ```
#[derive(Debug)]
pub struct SecurityPolicy {
    profile: Profile,
    sizes: Sizes,
    /// What follows of the sizes, for whoever asks.
    limits: Limits,
    rates: RateLimitPolicy,
    public_url: Option<Box<str>>,
    allowed_origins: Vec<Box<str>>,
    cross_origin: CrossOrigin,
    authenticated_by: Option<AuthMiddleware>,
    authenticators: Vec<Arc<dyn Authenticator>>,
    local_users: Option<LocalUsers>,
    authentication: Authentication,
    authorization: Authorization,
    arguments: Arguments,
    unknown_members: UnknownMembers,
    errors: ErrorHandler,
    output: Option<Arc<dyn Clean>>,
    headers: SecurityHeaders,
    initial_scopes: Option<Box<[Box<str>]>>,
    slowing: Option<Slowing>,
    problems: Vec<Problem>,
}

/// The set of defaults that a policy began with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Loopback only, local principal.
    Development,
    /// For servers that others can reach.
    Strict,
}

/// Whether callers over a network must prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// They must.
    Required,
    /// Whoever does not is the local user.
    Optional,
}

/// Whether roles decide what a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// What no role grants is hidden.
    ByRole,
    /// Whoever was admitted may do all that handlers do not restrict.
    ByHandlerAlone,
}

/// Whether arguments are checked against the schemas of tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arguments {
    /// They are.
    Checked,
    /// Handlers see what does not fit their schemas, as far as their types take it.
    Unchecked,
}

/// Which web pages of other origins may read answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrossOrigin {
    /// Those that are listed.
    Listed,
    /// Every page.
    Any,
}

impl SecurityPolicy {
    /// The profile for servers that others can reach.
    pub fn strict() -> Self {
        Self {
            authentication: Authentication::Required,
            authorization: Authorization::ByRole,
            rates: RateLimitPolicy::production(),
            sizes: Sizes::of(Limits::strict()),
            limits: Limits::strict(),
            output: Some(Arc::new(OutputSanitizer::new())),
            ..Self::of(Profile::Strict)
        }
    }

    /// The strict profile, for whoever looks for a builder: every setter below is one, and [`build`](Self::build) ends
    /// it.
    pub fn builder() -> Self {
        Self::strict()
    }

    /// The policy as it is; what contradicts itself is reported when a server is built with it.
    #[must_use]
    pub fn build(self) -> Self {
        self
    }

    /// The profile for a machine of your own: loopback only, and everybody there is the local user.
    pub fn development() -> Self {
        Self::of(Profile::Development)
    }

    fn of(profile: Profile) -> Self {
        Self {
            profile,
            sizes: Sizes::of(Limits::development()),
            limits: Limits::development(),
            rates: RateLimitPolicy::unlimited(),
            public_url: None,
            allowed_origins: Vec::new(),
            cross_origin: CrossOrigin::Listed,
            authenticated_by: None,
            authenticators: Vec::new(),
            local_users: None,
            authentication: Authentication::Optional,
            authorization: Authorization::ByHandlerAlone,
            arguments: Arguments::Checked,
            unknown_members: UnknownMembers::AsTheSchemaSays,
            errors: ErrorHandler::default(),
            output: None,
            headers: SecurityHeaders::Current,
            initial_scopes: None,
            slowing: None,
            problems: Vec::new(),
        }
    }

    /// Replaces the limits.
    ///
    /// Of the words for how much a message may hold the more special one counts, in whatever order they are said:
    ///
    /// 1. [`with_input_validator`](Self::with_input_validator), for arguments;
    /// 2. [`with_input_validation`](Self::with_input_validation) with a set of numbers, for all of a message;
    /// 3. the limits that are given here, or else those of the profile.
    ///
    /// The first two may be said here or at the server's builder; where one is said twice, it must be the same. How
    /// many bytes a message has is in the limits alone. A listener may take smaller bodies, and one that is told to
    /// take larger ones does not start.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.sizes.limits = limits;
        self.limits = self.sizes.settled();
        self
    }

    /// Says how often callers may ask.
    #[must_use]
    pub fn with_rate_limiting(mut self, rates: RateLimitPolicy) -> Self {
        self.rates = rates;
        self
    }

    /// Bounds how often one principal may ask, and leaves the other rates as they are.
    #[must_use]
    pub fn with_principal_rate(mut self, rate: RateLimit) -> Self {
        self.rates.principal = Some(rate);
        self
    }

    /// Makes the answers to further failures of an address that keeps failing to prove who it is wait; none wait unless
    /// said. Requests that are in order never wait, also from the same address.
    #[must_use]
    pub fn with_slowing(mut self, slowing: Slowing) -> Self {
        self.slowing = Some(slowing);
        self
    }

    /// Says by which URL clients reach the server: `https://mcp.example.com/mcp`.
    ///
    /// From it follow the `Host` and the `Origin` that requests may have, the audience that tokens must name, and where
    /// clients find out who issues them (RFC 9728).
    #[must_use]
    pub fn with_public_url(mut self, url: impl Into<Box<str>>) -> Self {
        if self.public_url.is_some() {
            self.problems.push(twice("with_public_url"));
        }
        self.public_url = Some(url.into());
        self
    }

    /// Lets web pages of this origin call the server too: `https://app.example.com`.
    #[must_use]
    pub fn with_allowed_origin(mut self, origin: impl Into<Box<str>>) -> Self {
        self.allowed_origins.push(origin.into());
        self
    }

    /// Says how callers are authenticated.
    #[must_use]
    pub fn with_authentication(mut self, authentication: AuthMiddleware) -> Self {
        if self.authenticated_by.is_some() {
            self.problems.push(twice("with_authentication"));
        }
        self.authenticated_by = Some(authentication);
        self
    }

    /// Adds somebody who says whom a credential proves; asked after those that were added before.
    #[must_use]
    pub fn with_authenticator(mut self, authenticator: impl Authenticator) -> Self {
        self.authenticators.push(Arc::new(authenticator));
        self
    }

    /// Lets these users of this machine call over Unix sockets without a credential: the system says who they are.
    /// Others need a credential there, also under the development profile; on other listeners nothing changes.
    #[must_use]
    pub fn with_local_users(mut self, users: LocalUsers) -> Self {
        if self.local_users.is_some() {
            self.problems.push(twice("with_local_users"));
        }
        self.local_users = Some(users);
        self
    }

    /// Says whether callers over a network must prove who they are; `false` in the development profile alone.
    #[must_use]
    pub fn with_authentication_required(mut self, required: bool) -> Self {
        self.authentication = if required { Authentication::Required } else { Authentication::Optional };
        self
    }

    /// Says whether roles decide what a caller may do. Without, whoever was admitted may do all that handlers do not
    /// restrict by roles and scopes of their own.
    #[must_use]
    pub fn with_authorization_enabled(mut self, enabled: bool) -> Self {
        self.authorization = if enabled { Authorization::ByRole } else { Authorization::ByHandlerAlone };
        self
    }

    /// Says how input is checked: `false`, in the development profile alone, leaves out the check of arguments against
    /// the schemas of tools and nothing else; an [`InputValidationPolicy`](crate::validation::InputValidationPolicy)
    /// sets how much a message may hold, as [`with_limits`](Self::with_limits) says.
    #[must_use]
    pub fn with_input_validation(mut self, validation: impl Into<InputValidation>) -> Self {
        let InputValidation { arguments, messages } = validation.into();
        self.arguments = arguments;
        if let Some(messages) = messages {
            self.problems.extend(self.sizes.say_messages(messages).err());
            self.limits = self.sizes.settled();
        }
        self
    }

    /// Bounds the values that handlers read, as [`with_limits`](Self::with_limits) says, and says what becomes of
    /// arguments that no schema names.
    #[must_use]
    pub fn with_input_validator(mut self, validator: JsonSchemaValidator) -> Self {
        self.problems.extend(self.sizes.say_arguments(validator).err());
        self.limits = self.sizes.settled();
        self.unknown_members = validator.unknown_members();
        self
    }

    /// Says whether callers read the causes of internal errors; `true` in the development profile alone.
    #[must_use]
    pub fn with_detailed_errors(mut self, detailed: bool) -> Self {
        self.errors.level = if detailed { SecurityLevel::Development } else { SecurityLevel::Production };
        self
    }

    /// Says how errors are told, in the place of all that was said of that before.
    #[must_use]
    pub fn with_error_handler(mut self, errors: ErrorHandler) -> Self {
        self.errors = errors;
        self
    }

    /// Says whether secrets whose shape is known, and control characters, are taken out of what handlers say: answers,
    /// notifications, questions, and sentences for callers. In the strict profile they are unless said, in the
    /// development profile they are not.
    ///
    /// An [`OutputSanitizer`] with patterns of your own takes out more. Where nothing is found a text is looked through
    /// and not copied.
    ///
    /// ```
    /// use mocopr_security::{leak::OutputSanitizer, policy::SecurityPolicy};
    ///
    /// let staff = OutputSanitizer::builder().with_pattern("EMP-[0-9]{6}").build()?;
    /// let policy = SecurityPolicy::strict().with_output_sanitization(staff);
    /// # drop(policy);
    /// # Ok::<(), mocopr_security::policy::Problems>(())
    /// ```
    #[must_use]
    pub fn with_output_sanitization(mut self, sanitization: impl Into<OutputSanitization>) -> Self {
        let OutputSanitization(output) = sanitization.into();
        self.output = output;
        self
    }

    /// Says whether web pages of every origin may call the server and read its answers; `true` in the development
    /// profile alone.
    #[must_use]
    pub fn with_cors_allow_all(mut self, all: bool) -> Self {
        self.cross_origin = if all { CrossOrigin::Any } else { CrossOrigin::Listed };
        self
    }

    /// Says which security headers answers carry.
    #[must_use]
    pub fn with_security_headers(mut self, headers: SecurityHeaders) -> Self {
        self.headers = headers;
        self
    }

    /// Names the scopes that a client should ask for first, in the challenge of a 401; all that handlers require unless
    /// said.
    #[must_use]
    pub fn with_initial_scopes<S: Into<Box<str>>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.initial_scopes = Some(scopes.into_iter().map(Into::into).collect());
        self
    }

    /// The set of defaults that this policy began with.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How often callers may ask.
    pub fn rates(&self) -> RateLimitPolicy {
        self.rates
    }

    /// Callers over a network must prove who they are.
    pub fn requires_authentication(&self) -> bool {
        self.authentication == Authentication::Required
    }

    /// Roles decide what a caller may do.
    pub fn authorizes_by_role(&self) -> bool {
        self.authorization == Authorization::ByRole
    }

    /// Whether arguments are checked against the schemas of tools.
    pub fn arguments(&self) -> Arguments {
        self.arguments
    }

    /// What becomes of arguments that an input schema does not name.
    pub fn unknown_members(&self) -> UnknownMembers {
        self.unknown_members
    }

    /// Who reads the causes of internal errors.
    pub fn security_level(&self) -> SecurityLevel {
        self.errors.level
    }

    /// How errors are told; for the sanitizer.
    pub fn manner(&self) -> Manner<'_> {
        Manner::of(&self.errors, self.output())
    }

    /// What cleans what handlers say, where anything does.
    pub fn output(&self) -> Option<&dyn Clean> {
        self.output.as_deref()
    }

    /// Which security headers answers carry.
    pub fn security_headers(&self) -> SecurityHeaders {
        self.headers
    }

    /// Which web pages of other origins may read answers.
    pub fn cross_origin(&self) -> CrossOrigin {
        self.cross_origin
    }

    /// Whose failures wait.
    pub(crate) fn slowing(&self) -> Option<Slowing> {
        self.slowing
    }

    /// The scopes that a client should ask for first.
    pub fn initial_scopes(&self) -> Option<&[Box<str>]> {
        self.initial_scopes.as_deref()
    }

    /// Somebody says whom a credential proves.
    pub fn has_authenticators(&self) -> bool {
        self.authenticated_by.is_some() || !self.authenticators.is_empty()
    }

    /// Who may call over Unix sockets without a credential, where the owner says so.
    pub fn local_users(&self) -> Option<&LocalUsers> {
        self.local_users.as_ref()
    }

    /// Makes those who say whom a credential proves, in the order in which they are asked.
    ///
    /// # Errors
    /// Every problem of each of them.
    pub fn open_authenticators(&self, clock: Arc<dyn Clock>) -> Result<Vec<Arc<dyn Authenticator>>, Vec<Problem>> {
        let url = self.public_url();
        // Whoever names no audience of its own says so itself.
        let audience = url.as_ref().map_or("", PublicUrl::as_str);
        let Asking { mut first, last } = match self.authenticated_by.clone() {
            Some(middleware) => middleware.asking(audience, &clock)?,
            None => Asking::default(),
        };
        first.extend(self.authenticators.iter().map(|one| one.by_clock(&clock).unwrap_or_else(|| Arc::clone(one))));
        first.extend(last);
        Ok(first)
    }

    /// What is said of tokens that are bound to keys.
    pub(crate) fn dpop(&self) -> Option<&DpopPolicy> {
        self.authenticated_by.as_ref()?.dpop()
    }

    /// Makes what checks proofs of possession, where the owner accepts them.
    ///
    /// # Errors
    /// A problem where there is no public URL for proofs to be about, or no algorithm for them.
    pub fn open_proofs(&self, ring: &KeyRing, clock: Arc<dyn Clock>) -> Result<Option<Proofs>, Problem> {
        let url = self.public_url();
        self.dpop().map(|dpop| dpop.proofs(url.as_ref(), ring, clock)).transpose()
    }

    /// The public URL; `None` where there is none, or none that can be read.
    pub fn public_url(&self) -> Option<PublicUrl> {
        PublicUrl::parse(self.public_url.as_deref()?).ok()
    }

    /// The origins that may call beside that of the public URL.
    pub(crate) fn allowed_origins(&self) -> impl Iterator<Item = &str> {
        self.allowed_origins.iter().map(|origin| &**origin)
    }

    /// Everything in it that cannot be, whatever the server listens on.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = self.problems.clone();
        problems.extend(self.limits.problems());
        if let Some(Err(problem)) = self.public_url.as_deref().map(PublicUrl::parse) {
            problems.push(problem);
        }
        if let Err(error) = OriginPolicy::exact(self.allowed_origins()) {
            problems.push(Problem::new(
                format!("an allowed origin is none: {error}"),
                "give .with_allowed_origin(\"https://app.example.com\"): a scheme, a host, and a port where there is one",
            ));
        }
        problems.extend(self.local_users.iter().flat_map(LocalUsers::problems));
        if self.profile != Profile::Development {
            let only_development = |what: &str, call: &str| {
                Problem::new(
                    format!("{what} outside of the development profile"),
                    format!("leave out .{call}, or begin with SecurityPolicy::development()"),
                )
            };
            if self.authentication == Authentication::Optional {
                problems
                    .push(only_development("authentication is not required", "with_authentication_required(false)"));
            }
            if self.arguments == Arguments::Unchecked {
                problems.push(only_development("arguments are not checked", "with_input_validation(false)"));
            }
            if self.errors.level == SecurityLevel::Development {
                problems.push(only_development("errors are detailed", "with_detailed_errors(true)"));
            }
            if matches!(self.errors.sentences, Sentences::AsWritten) {
                let what = "what handlers write of errors is not cleaned";
                problems.push(only_development(what, "with_error_sanitization(false)"));
            }
            if self.cross_origin == CrossOrigin::Any {
                problems.push(only_development("every web page may read answers", "with_cors_allow_all(true)"));
            }
        }
        if self.initial_scopes.iter().flatten().any(|scope| &**scope == OFFLINE_ACCESS) {
            problems.push(Problem::new(
                "`offline_access` is among the initial scopes",
                "leave it out of .with_initial_scopes([..]): whether a client gets refresh tokens is between it and the issuer",
            ));
        }
        problems
    }
}

pub(crate) fn twice(call: &str) -> Problem {
    Problem::new(format!(".{call}(..) is called twice"), "call it once")
}

/// The scope that asks for refresh tokens, which a resource server never names.
pub(crate) const OFFLINE_ACCESS: &str = "offline_access";
