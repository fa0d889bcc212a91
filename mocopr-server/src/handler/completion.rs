//! What a completion may return, and how it becomes a result: never more than the protocol's 100 values.

use std::{future::Future, sync::Arc};

use mocopr_core::{
    failure::Failure,
    model::tool::Completion,
    outcome::{Outcome, Reply},
};

use crate::handler::{Handler, function};

/// What a completion may return: a list of texts, a [`Completion`], or a `Result<_, Failure>` of either.
///
/// ```
/// use mocopr_core::failure::Failure;
/// use mocopr_server::handler::completion::IntoCompletion;
///
/// // Under `#[completion(..)]`:
/// async fn city(typed: String) -> Vec<&'static str> {
///     ["Lima", "Lisbon", "London"].into_iter().filter(|city| city.starts_with(&*typed)).collect()
/// }
///
/// let completion = vec!["Lima", "Lisbon"].into_completion()?;
/// assert_eq!((completion.values.len(), completion.has_more), (2, false));
/// # Ok::<(), Failure>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "a completion cannot return `{Self}`",
    label = "not something that a completion can answer",
    note = "return `Vec<String>`, `Completion`, or a `Result<_, Failure>` of one of them"
)]
pub trait IntoCompletion: Sized {
    /// The values; those beyond the protocol's limit are cut off afterwards.
    ///
    /// # Errors
    /// The failure that the handler returned.
    fn into_completion(self) -> Result<Completion, Failure>;
}

impl IntoCompletion for Completion {
    fn into_completion(self) -> Result<Completion, Failure> {
        Ok(self)
    }
}

impl IntoCompletion for Vec<String> {
    fn into_completion(self) -> Result<Completion, Failure> {
        Ok(Completion { values: self, ..Completion::default() })
    }
}

impl IntoCompletion for Vec<&str> {
    fn into_completion(self) -> Result<Completion, Failure> {
        self.into_iter().map(str::to_owned).collect::<Vec<_>>().into_completion()
    }
}

impl<R: IntoCompletion> IntoCompletion for Result<R, Failure> {
    fn into_completion(self) -> Result<Completion, Failure> {
        self?.into_completion()
    }
}

/// The outcome of what a completion returned.
pub(crate) fn outcome(returned: impl IntoCompletion) -> Outcome {
    match returned.into_completion() {
        Ok(completion) => Outcome::Complete(Reply::Completion(capped(completion))),
        Err(failure) => Outcome::Failed(failure),
    }
}

/// A handler that completes with an async function of what has been typed so far.
pub(crate) fn handler<F, R>(complete: F) -> Arc<dyn Handler>
where
    F: Fn(String) -> R + Send + Sync + 'static,
    R: Future<Output: IntoCompletion> + Send + 'static,
{
    let complete = Arc::new(complete);
    Arc::new(function(move |work| {
        let complete = Arc::clone(&complete);
        Box::pin(async move {
            let typed = work.typed().unwrap_or_default().to_owned();
            outcome(complete(typed).await)
        })
    }))
}

fn capped(mut completion: Completion) -> Completion {
    if completion.values.len() > MAX_VALUES {
        let all = completion.values.len() as u64;
        completion.total = Some(completion.total.map_or(all, |said| said.max(all)));
        completion.has_more = true;
        completion.values.truncate(MAX_VALUES);
    }
    completion
}

/// The most values that one answer may hold (MCP 2025-11-25, server/utilities/completion, "Completion Results").
const MAX_VALUES: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize) -> Completion {
        capped((0..count).map(|number| number.to_string()).collect::<Vec<_>>().into_completion().unwrap())
    }

    #[test]
    fn hundred_values_are_all_there() {
        let all = numbers(100);
        assert_eq!((all.values.len(), all.total, all.has_more), (100, None, false));
    }

    #[test]
    fn one_more_value_is_cut_off_and_counted() {
        let cut = numbers(101);
        assert_eq!((cut.values.len(), cut.total, cut.has_more), (100, Some(101), true));
    }
}
