//! Parameters of a handler that are not arguments: shared state, who is calling, progress.
//!
//! Nothing here comes from a message: an argument of the peer can never take the place of one of these.

use std::{
    any::type_name,
    fmt,
    ops::Deref,
    sync::{Arc, Weak},
};

use mocopr_core::failure::Failure;
use mocopr_security::principal::Principal;

use crate::{context::Context, outlet::Outlet, state::Needs};

/// A parameter that is taken from the call's context instead of its arguments.
///
/// `State`, `Caller` and `Progress` are known to the macros by name. For a type of your own, or an alias, write
/// `#[arg(inject)]` before the parameter.
///
/// ```
/// use mocopr_core::failure::Failure;
/// use mocopr_server::{context::Context, extract::{Extract, State}, state::Needs};
///
/// struct Greeting(&'static str);
///
/// /// The greeting in the caller's language.
/// struct Hello(String);
///
/// impl Extract for Hello {
///     fn extract(ctx: &Context) -> Result<Self, Failure> {
///         let greeting = State::<Greeting>::extract(ctx)?;
///         Ok(Self(format!("{}, {}", greeting.0, ctx.caller().subject())))
///     }
///
///     fn needs(needs: &mut Needs) {
///         needs.state::<Greeting>();
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be taken from the call's context",
    label = "neither an argument nor something that the context has",
    note = "implement `mocopr::Extract` for it, or remove `#[arg(inject)]` to make it an argument"
)]
pub trait Extract: Sized + Send {
    /// Takes it from the context.
    ///
    /// # Errors
    /// What the handler would have failed with; the handler is not called then.
    fn extract(ctx: &Context) -> Result<Self, Failure>;

    /// Says which states it takes, so that a server without one of them is not built. None unless said.
    fn needs(needs: &mut Needs) {
        let _ = needs;
    }
}

/// What all calls share: the value that `with_state` of the server's builder was given.
///
/// Dereferences to it. A server whose handlers ask for a type that its builder was not given is not built.
///
/// ```
/// use mocopr_server::extract::State;
///
/// // Under `#[tool]`, where the builder was given a value by `.with_state(Notes(..))`:
/// struct Notes(Vec<String>);
///
/// fn count(notes: State<Notes>) -> usize {
///     notes.0.len()
/// }
///
/// // In a test:
/// assert_eq!(count(State::new(Notes(vec!["buy tea".to_owned()]))), 1);
/// ```
pub struct State<S>(Arc<S>);

impl<S> State<S> {
    /// State for a handler that is called directly, in a test.
    pub fn new(value: S) -> Self {
        Self(Arc::new(value))
    }
}

impl<S: Send + Sync + 'static> Extract for State<S> {
    fn extract(ctx: &Context) -> Result<Self, Failure> {
        ctx.state::<S>().map(Self).ok_or_else(|| {
            Failure::internal(format!("no state of the type {}: give it to with_state", type_name::<S>()))
        })
    }

    fn needs(needs: &mut Needs) {
        needs.state::<S>();
    }
}

impl<S> Deref for State<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.0
    }
}

impl<S> Clone for State<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> fmt::Debug for State<S> {
    /// Names the type alone: state holds connections and keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "State<{}>", type_name::<S>())
    }
}

/// Who is calling, as the gate admitted it. Dereferences to [`Principal`].
///
/// ```
/// use mocopr_server::extract::Caller;
///
/// // Under `#[tool]`:
/// fn whoami(caller: Caller) -> String {
///     let roles: Vec<&str> = caller.roles().collect();
///     format!("{}, with the roles {}", caller.subject(), roles.join(", "))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Caller(Principal);

impl Extract for Caller {
    fn extract(ctx: &Context) -> Result<Self, Failure> {
        Ok(Self(ctx.caller().clone()))
    }
}

impl Deref for Caller {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.0
    }
}

/// Tells the client how far a call has come, if it asked to be told.
///
/// Unlike the context it can be moved to another task; what is reported after the call's end goes nowhere.
///
/// ```
/// use mocopr_server::extract::Progress;
///
/// // Under `#[tool]`:
/// async fn import(progress: Progress, rows: u32) -> u32 {
///     for row in 0..rows {
///         progress.report(row.into(), f64::from(rows), "importing");
///     }
///     rows
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Progress(Weak<Outlet>);

impl Progress {
    /// Reports that `done` of `total` is done; see [`Context::progress`].
    pub fn report(&self, done: f64, total: impl Into<Option<f64>>, message: impl Into<String>) {
        let Some(outlet) = self.0.upgrade() else { return };
        let message = message.into();
        outlet.progress(done, total.into(), (!message.is_empty()).then_some(message));
    }
}

impl Extract for Progress {
    fn extract(ctx: &Context) -> Result<Self, Failure> {
        Ok(Self(ctx.weak_outlet()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_prints_no_content() {
        assert_eq!(format!("{:?}", State::new(5_u8)), "State<u8>");
    }
}
