//! What a handler can see of its call, and say before it answers. Lent, never cloned, so that a question cannot
//! leave the handler's own task.

use std::{
    future::poll_fn,
    panic::Location,
    sync::{Arc, Weak},
    time::Duration,
};

use mocopr_core::{
    failure::Failure,
    fault::Fault,
    json::RawJson,
    model::{
        ask::UrlAsk,
        capability::ClientCapabilities,
        content::{Level, LogMessage},
    },
    wire::revision::Revision,
};
use mocopr_security::principal::Principal;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use tracing::warn;

use crate::{
    ask::{self, AskError, Elicit, ElicitUrl, Root, Sampling},
    engine::Engine,
    handles::Handles,
    outlet::Outlet,
    session::Session,
};

/// A call, as its handler sees it.
///
/// ```
/// use mocopr_core::{failure::Failure, model::content::Level};
/// use mocopr_server::context::Context;
///
/// // Under `#[tool]`:
/// async fn import(ctx: &Context, rows: u32) -> Result<String, Failure> {
///     for row in 0..rows {
///         ctx.progress(row.into(), f64::from(rows), "importing");
///     }
///     ctx.log(Level::Info, "all rows are there");
///     Ok(format!("{rows} rows"))
/// }
/// ```
#[derive(Debug)]
pub struct Context {
    outlet: Arc<Outlet>,
    principal: Principal,
    client: Client,
    revision: Revision,
    engine: Arc<Engine>,
}

/// What is known of the client.
#[derive(Debug)]
pub(crate) enum Client {
    /// What this one request says.
    Stateless(ClientCapabilities),
    /// What the handshake said.
    Session(Arc<Session>),
}

impl Context {
    pub(crate) fn new(
        outlet: Arc<Outlet>,
        principal: Principal,
        client: Client,
        revision: Revision,
        engine: Arc<Engine>,
    ) -> Self {
        Self { outlet, principal, client, revision, engine }
    }

    /// Tells the client how far the call is, if it asked to be told.
    ///
    /// `done` must grow from call to call; what does not is dropped, as is what is not finite. Of several that a
    /// slow client has not read yet the latest is kept. Never waits.
    pub fn progress(&self, done: f64, total: impl Into<Option<f64>>, message: impl Into<String>) {
        let message = message.into();
        self.outlet.progress(done, total.into(), (!message.is_empty()).then_some(message));
    }

    /// Sends a log message to the client, if it asked for messages of that level.
    ///
    /// `data` is any JSON value; it must hold no secret. As many messages of a call wait for a slow client as the limit
    /// `queued_messages` says; more are counted, and the count is sent. Never waits.
    pub fn log(&self, level: Level, data: impl Serialize) {
        if !self.outlet.wants(level) {
            return;
        }
        match RawJson::encode(&data) {
            Ok(data) => self.outlet.log(LogMessage { level, logger: None, data }),
            Err(error) => warn!(%error, "a log message for the client is not JSON"),
        }
    }

    /// Who calls.
    pub fn caller(&self) -> &Principal {
        &self.principal
    }

    /// Goes on only where the caller has this scope, for what depends on more than the handler's name.
    ///
    /// What a handler always needs it says where it is defined, so that clients can see it.
    ///
    /// # Errors
    /// A failure that refuses the call and names the scope, so that the client can ask for it: `?` returns it.
    ///
    /// # Source
    /// MCP 2026-07-28, basic/authorization, "Scope Challenge Handling".
    pub fn require(&self, scope: &str) -> Result<(), Failure> {
        if self.engine.gate.holds_scope(&self.principal, scope) {
            return Ok(());
        }
        Err(Failure::from_fault(Fault::Scope([scope.into()].into())))
    }

    /// A handle of `value`: a text that the caller carries from call to call and cannot read, forge or change.
    ///
    /// It opens for this caller and this `purpose` alone, a fixed name that no two kinds of handles share, and for
    /// `ttl`. It shows that the server gave it to this caller, and nothing else: what its caller may do is checked as
    /// ever. A value has at most 8 KiB as JSON; what is larger is kept by the server, and the handle names it.
    ///
    /// # Errors
    /// An internal failure where the value is larger, is not JSON, or the system gives no randomness.
    ///
    /// # Source
    /// MCP 2026-07-28, basic/security_best_practices, "State Handle Hijacking".
    pub fn mint_handle<T: Serialize + ?Sized>(
        &self,
        purpose: &str,
        value: &T,
        ttl: Duration,
    ) -> Result<String, Failure> {
        self.handles().mint(purpose, value, ttl)
    }

    /// The value of a handle that was minted for this caller and purpose, as often as it is brought back.
    ///
    /// # Errors
    /// One failure, which `?` returns, for whatever was not minted here, is another caller's, is of another purpose or
    /// type, was changed, or has expired.
    pub fn open_handle<T: DeserializeOwned>(&self, purpose: &str, handle: &str) -> Result<T, Failure> {
        self.handles().open(purpose, handle)
    }

    /// The value of a handle, the first time that this opens it.
    ///
    /// In 2026-07-28 a handler runs again from the top once a question is answered, so this belongs after the last one.
    /// [`Context::open_handle`] does not ask whether a handle was used: a purpose is of the one kind or of the other.
    ///
    /// # Errors
    /// As [`Context::open_handle`], and for a handle that was used; a failure that asks to come again where the store
    /// cannot record the use, and then the value is not given.
    ///
    /// # Cancel safety
    /// Where the future is dropped, the handle may have been used up.
    pub async fn open_handle_once<T: DeserializeOwned>(&self, purpose: &str, handle: &str) -> Result<T, Failure> {
        self.handles().open_once(purpose, handle).await
    }

    fn handles(&self) -> Handles<'_> {
        let Engine { ring, clock, store, .. } = &*self.engine;
        Handles { ring, clock: &**clock, store: &**store, principal: &self.principal }
    }

    /// What the client declared that it can do.
    pub fn capabilities(&self) -> &ClientCapabilities {
        match &self.client {
            Client::Stateless(capabilities) => capabilities,
            Client::Session(session) => session.capabilities(),
        }
    }

    /// The id of the session that this call belongs to, by which its owner can end it; `None` in revisions without
    /// sessions.
    ///
    /// It is no credential, and over a stream of messages its client never hears it.
    pub fn session_id(&self) -> Option<&str> {
        match &self.client {
            Client::Stateless(_) => None,
            Client::Session(session) => Some(session.id()),
        }
    }

    /// The revision of the protocol that this call is answered in.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The value of this type that was given to the builder with `with_state`.
    pub fn state<S: Send + Sync + 'static>(&self) -> Option<Arc<S>> {
        self.engine.states.find()
    }

    /// Ready once nobody waits for the answer any longer.
    ///
    /// An `async` handler is dropped then, and needs this only to clean up.
    pub async fn cancelled(&self) {
        poll_fn(|task| self.outlet.poll_cancelled(task)).await;
    }

    /// Nobody waits for the answer any longer; for handlers that block.
    pub fn is_cancelled(&self) -> bool {
        self.outlet.is_cancelled()
    }

    /// Asks the user a question whose answer is a `T`: a struct of strings, numbers, booleans and enums.
    ///
    /// ```text
    /// #[data]
    /// struct Order {
    ///     /// What to cook.
    ///     dish: String,
    /// }
    ///
    /// #[tool]
    /// async fn cook(ctx: &Context) -> Result<String, Failure> {
    ///     let order = ctx.elicit::<Order>("What shall be cooked?").await?;
    ///     Ok(order.dish)
    /// }
    /// ```
    ///
    /// `?` tells the caller that the user declined or cancelled; match on [`AskError`] to go on without an answer.
    ///
    /// In 2026-07-28 the handler runs again from the top once the answer is there; what stands before the question
    /// runs again, so side effects belong after the last one. Never call it inside of `block_on`.
    ///
    /// # Errors
    /// On `.await`: [`AskError`] where the user declined or cancelled, the client cannot ask, or its answer does not
    /// fit. Never "not yet".
    #[track_caller]
    pub fn elicit<T: JsonSchema>(&self, question: &str) -> Elicit<'_, T> {
        Elicit::typed(self, question, Location::caller())
    }

    /// Asks the user a question whose answer is described by a JSON Schema: an object of primitive members.
    ///
    /// # Errors
    /// On `.await`, as [`Context::elicit`].
    #[track_caller]
    pub fn elicit_with_schema(&self, question: &str, schema: &serde_json::Value) -> Elicit<'_, serde_json::Value> {
        Elicit::with_schema(self, question, RawJson::from_value(schema), Location::caller())
    }

    /// Asks the user to open a page, from 2025-11-25; for what must not pass through the client, such as secrets.
    ///
    /// `id` names the interaction for both sides. The URL must carry no credential and no personal data.
    ///
    /// # Errors
    /// On `.await`, as [`Context::elicit`].
    #[track_caller]
    pub fn elicit_url(&self, message: &str, url: &str, id: &str) -> ElicitUrl<'_> {
        let ask = UrlAsk { message: message.into(), url: url.into(), elicitation_id: id.into() };
        ElicitUrl::new(self, ask, Location::caller())
    }

    /// Asks the client's model.
    ///
    /// # Errors
    /// On `.await`, as [`Context::elicit`].
    #[track_caller]
    pub fn sample(&self, prompt: &str) -> Sampling<'_> {
        Sampling::new(self, prompt, Location::caller())
    }

    /// Asks for the places that the client lets the server work in.
    ///
    /// # Errors
    /// [`AskError`] where the client has no roots or does not answer.
    #[track_caller]
    pub fn roots(&self) -> impl Future<Output = Result<Vec<Root>, AskError>> + Send + '_ {
        ask::list_roots(self, Location::caller(), None)
    }

    /// [`Context::roots`] under a key of the handler's choice (2026-07-28).
    ///
    /// # Errors
    /// As [`Context::roots`].
    #[track_caller]
    pub fn roots_named(&self, key: &str) -> impl Future<Output = Result<Vec<Root>, AskError>> + Send + '_ {
        ask::list_roots(self, Location::caller(), Some(key.into()))
    }

    /// Closes the stream on which the answer would come, where there is one; the client comes back for the rest.
    ///
    /// 2025-11-25 over HTTP only, because clients of no other revision come back; a hint that nothing else follows. For
    /// calls that take long.
    pub fn close_stream(&self) {
        if matches!(self.client, Client::Session(_)) && self.revision.has_polling() {
            self.outlet.close_stream();
        }
    }

    pub(crate) fn outlet(&self) -> &Outlet {
        &self.outlet
    }

    pub(crate) fn weak_outlet(&self) -> Weak<Outlet> {
        Arc::downgrade(&self.outlet)
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }
}
