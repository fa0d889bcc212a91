//! What the engine calls: a permitted call goes in, an outcome comes out.
//!
//! Users do not write handlers by hand: the macros and the builders of `registry` make them. One call
//! costs one box, that of [`Handler::call`]; the user's own future stands inside of it.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
};

use mocopr_core::{
    call::{Call, Errand},
    failure::Failure,
    fault::Fault,
    json::RawJson,
    outcome::Outcome,
    uri::Captures,
};
use mocopr_security::gate::Permit;
use serde::Deserialize;

use crate::context::Context;

mod arity;
pub mod completion;
pub(crate) mod condition;
mod form;
pub mod prompt;
pub mod read;
mod scalar;
pub mod schema;
pub mod tool;
pub mod with_context;

/// A future in a box, as a handler returns it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Carries out permitted calls.
pub trait Handler: Send + Sync + 'static {
    /// Carries out one call.
    ///
    /// The future owns all that it needs, so that it can move to another task when an event stream begins.
    ///
    /// # Cancel safety
    /// Dropping the future ends an `async fn`; a plain `fn` on the blocking pool runs on, and its answer is lost.
    fn call(self: Arc<Self>, work: Work) -> BoxFuture<'static, Outcome>;
}

/// One permitted call, with all that a handler may use to carry it out.
///
/// Made by the engine alone, from the gate's [`Permit`].
#[must_use]
pub struct Work {
    permit: Permit,
    context: Context,
    found: FoundBy,
    /// The arguments with whole numbers in digits, where that was needed to read them.
    digits: OnceLock<RawJson>,
}

/// What the search for the thing that is called left for its handler.
#[derive(Clone, Debug)]
pub(crate) enum FoundBy {
    /// Nothing: it was found by its name.
    Name,
    /// The values of a resource template's variables.
    Template(Captures),
    /// A path below the base of a mount, still percent-encoded.
    Mount(Box<str>),
}

impl Work {
    pub(crate) fn new(permit: Permit, context: Context, found: FoundBy) -> Self {
        Self { permit, context, found, digits: OnceLock::new() }
    }

    /// The call.
    pub fn call(&self) -> &Call {
        self.permit.call()
    }

    /// The way back to the client while the call runs.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// What a resource template's variables stand for; `None` for every other call.
    pub fn captures(&self) -> Option<&Captures> {
        match &self.found {
            FoundBy::Template(captures) => Some(captures),
            FoundBy::Name | FoundBy::Mount(_) => None,
        }
    }

    /// The path below a mount, still percent-encoded; `None` for every other call.
    pub(crate) fn path(&self) -> Option<&str> {
        match &self.found {
            FoundBy::Mount(path) => Some(path),
            FoundBy::Name | FoundBy::Template(_) => None,
        }
    }

    /// The arguments of a tool or prompt, or those that a completion already knows; `None` for every other call.
    pub fn arguments(&self) -> Option<&RawJson> {
        match self.call().request.errand() {
            Errand::Tool(call) => Some(&call.arguments),
            Errand::Prompt(prompt) => Some(&prompt.arguments),
            Errand::Completion(complete) => Some(&complete.context),
            Errand::Resource(_) | Errand::Protocol => None,
        }
    }

    /// The URI that is read, as the client wrote it; `None` for every other call.
    pub fn uri(&self) -> Option<&str> {
        match self.call().request.errand() {
            Errand::Resource(read) => Some(&read.uri),
            Errand::Tool(_) | Errand::Prompt(_) | Errand::Completion(_) | Errand::Protocol => None,
        }
    }

    /// What has been typed so far; `None` for every call but a completion.
    pub fn typed(&self) -> Option<&str> {
        match self.call().request.errand() {
            Errand::Completion(complete) => Some(&complete.value),
            Errand::Tool(_) | Errand::Prompt(_) | Errand::Resource(_) | Errand::Protocol => None,
        }
    }

    /// The arguments as a type, which may borrow from them.
    ///
    /// # Errors
    /// A failure that says that they do not fit, in our words: what serde says may hold the caller's values.
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Failure> {
        let arguments = self.arguments().ok_or_else(|| self.misfit())?;
        arguments.decode_borrowed().ok().or_else(|| self.decode_whole(arguments)).ok_or_else(|| self.misfit())
    }

    /// JSON Schema counts `100.0` as an integer, so a call that says that is as good as one that says `100`.
    fn decode_whole<'a, T: Deserialize<'a>>(&'a self, arguments: &RawJson) -> Option<T> {
        let digits = arguments.with_whole_numbers()?;
        self.digits.get_or_init(|| digits).decode_borrowed().ok()
    }

    fn misfit(&self) -> Failure {
        Failure::from_fault(match self.call().request.errand() {
            Errand::Tool(_) => Fault::Arguments("the arguments do not fit the tool's parameters".into()),
            Errand::Prompt(_) => Fault::Params("the arguments do not fit the prompt's"),
            Errand::Completion(_) | Errand::Resource(_) | Errand::Protocol => {
                Fault::Params("the known arguments do not fit")
            }
        })
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").field("id", &self.call().id).finish_non_exhaustive()
    }
}

/// A handler of one function.
pub(crate) fn function<F>(run: F) -> impl Handler + use<F>
where
    F: Fn(Work) -> BoxFuture<'static, Outcome> + Send + Sync + 'static,
{
    Function(run)
}

struct Function<F>(F);

impl<F> Handler for Function<F>
where
    F: Fn(Work) -> BoxFuture<'static, Outcome> + Send + Sync + 'static,
{
    fn call(self: Arc<Self>, work: Work) -> BoxFuture<'static, Outcome> {
        (self.0)(work)
    }
}

/// A handler of one function over something that all calls share.
pub(crate) struct Method<T> {
    pub(crate) this: Arc<T>,
    pub(crate) run: fn(Arc<T>, Work) -> BoxFuture<'static, Outcome>,
}

impl<T: Send + Sync + 'static> Handler for Method<T> {
    fn call(self: Arc<Self>, work: Work) -> BoxFuture<'static, Outcome> {
        (self.run)(Arc::clone(&self.this), work)
    }
}

/// Runs a plain function on the blocking pool, so that it holds up no connection.
///
/// How many run at once is bounded by the number of calls that the gate permits. A panic goes on in the caller.
pub(crate) async fn blocking(run: impl FnOnce() -> Outcome + Send + 'static) -> Outcome {
    off_the_workers(run).await.unwrap_or_else(Outcome::Failed)
}

/// The same of any value; a failure where the process ends meanwhile.
pub(crate) async fn off_the_workers<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(run).await {
        Ok(value) => Ok(value),
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(cancelled) => Err(Failure::internal("the blocking pool is closed").caused_by(cancelled)),
        },
    }
}
