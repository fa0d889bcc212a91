//! Async functions that borrow the context of their call, so that they need no box of their own.
//!
//! Never boxes a future: the trait names it, and demands that it may move between threads.

use std::{future::Future, sync::Arc};

use mocopr_core::{failure::Failure, outcome::Outcome};

use crate::{
    context::Context,
    handler::{Handler, Work, function},
};

/// An async function of `A` and the [`Context`]: an `async fn`, or an async closure that captures nothing.
///
/// It is implemented for every such function, and cannot be implemented otherwise. A closure that captures something
/// lends it to its future, which the language cannot yet demand to be `Send`; what it would capture is a state instead
/// ([`Context::state`]), or the closure returns a boxed future (`handler_with`).
#[diagnostic::on_unimplemented(
    message = "this is not an async function of the arguments and the context",
    label = "not `async fn(Arguments, &Context) -> Answer`",
    note = "write an `async fn`, or `async |arguments: Arguments, ctx: &Context| {{ .. }}` that captures nothing; what it \
            would capture is a state (`.with_state(..)`, `ctx.state()`), or stands in a boxed future (`.handler_with(..)`)"
)]
pub trait WithContext<'a, A>: Fn(A, &'a Context) -> <Self as WithContext<'a, A>>::Future {
    /// What it returns until it has answered.
    type Future: Future<Output = Self::Answer> + Send + 'a;
    /// What it answers.
    type Answer;
}

impl<'a, A, F, R> WithContext<'a, A> for F
where
    F: Fn(A, &'a Context) -> R,
    R: Future + Send + 'a,
{
    type Future = R;
    type Answer = R::Output;
}

/// Carries out calls with such a function: `read` takes its arguments from a call, `conclude` makes an outcome of its
/// answer.
pub(crate) fn answering<A, F, R>(
    read: fn(&Work) -> Result<A, Failure>,
    run: F,
    conclude: impl Fn(R, &Work) -> Outcome + Send + Sync + 'static,
) -> impl Handler
where
    A: Send + 'static,
    F: for<'a> WithContext<'a, A, Answer = R> + Send + Sync + 'static,
    R: 'static,
{
    let shared = Arc::new((run, conclude));
    function(move |work| {
        let shared = Arc::clone(&shared);
        Box::pin(async move {
            let (run, conclude) = &*shared;
            match read(&work) {
                Ok(arguments) => conclude(run(arguments, work.context()).await, &work),
                Err(failure) => Outcome::Failed(failure),
            }
        })
    })
}
