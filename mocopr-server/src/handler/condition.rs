//! Conditions on a call: what its arguments must be for this caller. Looked at when the call is permitted and its
//! arguments have passed their schema, before its handler runs.
//!
//! A condition only ever refuses: it cannot give what roles and scopes do not.

use std::{fmt, sync::Arc};

use mocopr_core::{failure::Failure, fault::Fault, outcome::Outcome};
use mocopr_security::principal::Principal;
use tracing::info;

use crate::handler::{BoxFuture, Handler, Work};

/// One condition: whether it holds, or why its arguments cannot be read.
type Condition = Box<dyn Fn(&Work) -> Result<(), Failure> + Send + Sync>;

/// All conditions of one definition.
#[derive(Default)]
pub(crate) struct Conditions(Vec<Condition>);

impl Conditions {
    /// Adds a condition on what `read` takes from a call.
    pub(crate) fn add<A: 'static>(
        &mut self,
        read: fn(&Work) -> Result<A, Failure>,
        holds: impl Fn(&Principal, &A) -> bool + Send + Sync + 'static,
    ) {
        self.0.push(Box::new(move |work| {
            let arguments = read(work)?;
            permitted(work, |who| holds(who, &arguments))
        }));
    }

    /// The handler, which runs only where all of them hold. Costs nothing where there are none.
    pub(crate) fn before(self, handler: impl Handler) -> Arc<dyn Handler> {
        let handler = Arc::new(handler);
        if self.0.is_empty() {
            return handler;
        }
        Arc::new(Conditional { conditions: self.0, handler })
    }
}

impl fmt::Debug for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Conditions({})", self.0.len())
    }
}

/// Whether a condition on the caller holds.
///
/// # Errors
/// The refusal, where it does not. The log names the caller and none of the arguments.
pub(crate) fn permitted(work: &Work, holds: impl FnOnce(&Principal) -> bool) -> Result<(), Failure> {
    let who = work.context().caller();
    if holds(who) {
        return Ok(());
    }
    info!(principal = %who, rule = "allow", "refused");
    Err(Failure::from_fault(Fault::Refused))
}

/// A handler under conditions.
struct Conditional {
    conditions: Vec<Condition>,
    handler: Arc<dyn Handler>,
}

impl Handler for Conditional {
    /// The conditions are looked at inside of the future, where a panic of one is an internal failure of the call.
    fn call(self: Arc<Self>, work: Work) -> BoxFuture<'static, Outcome> {
        Box::pin(async move {
            for condition in &self.conditions {
                if let Err(failure) = condition(&work) {
                    return Outcome::Failed(failure);
                }
            }
            self.handler.clone().call(work).await
        })
    }
}
