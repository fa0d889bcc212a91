//! Questions to the client, written once for both eras.
//!
//! In a stateful revision a question is a request of ours and its answer is awaited. In 2026-07-28 an open
//! question never completes: the engine drops the handler, answers `input_required`, and runs the handler again
//! from the top when the client comes back with answers. What stands before a question therefore runs again.

mod bind;
mod book;
mod elicit;
mod page;
mod roots;
mod sample;

use std::{fmt, panic::Location};

use mocopr_core::{
    json::RawJson,
    model::{
        ask::{Ask, Questions},
        capability::{ClientCapabilities, ElicitationModes, SamplingModes},
    },
    wire::encode,
};
use mocopr_security::random::digest;

pub(crate) use self::bind::StateBind;
pub(crate) use self::book::{AskBook, Burn, Identity, Repeatable, Retry};
pub(crate) use self::roots::list as list_roots;
pub use self::{
    elicit::{Elicit, ElicitUrl},
    roots::Root,
    sample::{Sampled, Sampling},
};
use crate::context::{Client, Context};

/// Why a question has no answer.
///
/// Never "not yet": in 2026-07-28 a handler does not run past a question that is open.
///
/// An example is at [`Elicit`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AskError {
    /// The user said no.
    Declined,
    /// The user closed the question without an answer.
    Cancelled,
    /// The client did not declare the capability that this question needs.
    Unsupported(Box<ClientCapabilities>),
    /// The client's answer does not fit the question.
    Invalid,
    /// The schema that the handler gave for its question cannot be used; nobody was asked.
    Schema,
    /// The form asks for a password, a key or a token; nobody was asked. A secret is asked for on a page of the
    /// server's own, by `ctx.elicit_url(..)`.
    Secret,
    /// The page is not at `https`, or its URL carries a credential; nobody was asked.
    Page,
    /// The client answered with an error, or is gone.
    Failed,
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Declined => "the user declined",
            Self::Cancelled => "the user cancelled",
            Self::Unsupported(_) => "the client does not support this question",
            Self::Invalid => "the client's answer does not fit the question",
            Self::Schema => "the schema of a question cannot be used",
            Self::Secret => "a form must not ask for a secret",
            Self::Page => "the URL of a page is not https, or carries a credential",
            Self::Failed => "the client did not answer the question",
        })
    }
}

impl std::error::Error for AskError {}

/// Where in a handler a question stands, and under which key it goes out.
#[derive(Clone, Debug)]
struct Question {
    site: &'static Location<'static>,
    key: Option<Box<str>>,
}

/// Puts a question to the client and waits for the raw answer.
///
/// `fits` judges an answer; in 2026-07-28 one that does not fit is asked for again.
async fn put<T>(
    context: &Context,
    ask: Ask,
    question: Question,
    fits: impl Fn(&RawJson) -> Result<T, AskError>,
) -> Result<T, AskError> {
    supported(context, &ask)?;
    let session = match context.client() {
        Client::Stateless(_) => return replay(context, ask, question, fits).await,
        Client::Session(session) => session,
    };
    let pending = session.asks().open();
    let mut waiting = Waiting { context, question: Some(pending.id()) };
    context.outlet().ask(pending.id(), ask);
    let answer = pending.answer().await;
    waiting.question = None;
    fits(&answer.ok_or(AskError::Failed)?)
}

/// The answer of an earlier round, or never.
async fn replay<T>(
    context: &Context,
    ask: Ask,
    question: Question,
    fits: impl Fn(&RawJson) -> Result<T, AskError>,
) -> Result<T, AskError> {
    let asks = vec![(Box::default(), ask.clone())];
    let written = encode::questions(&Questions { asks, state: None }, context.revision()).unwrap_or_default();
    let site = question.site;
    let position = [site.line().to_be_bytes(), site.column().to_be_bytes()].concat();
    let (identity, given) = context.outlet().with_asks(|book| {
        let count = book.count(site).to_be_bytes();
        let identity = Identity::new(digest(&[site.file().as_bytes(), &position, &count, &written]));
        (identity, book.given(identity, question.key.as_deref()))
    });
    // An answer that does not fit is asked for again.
    if let Some(answer) = given {
        match fits(&answer) {
            Err(AskError::Invalid) => {}
            judged => return judged,
        }
    }
    context.outlet().with_asks(|book| book.open(identity, question.key, ask));
    std::future::pending().await
}

/// The client declared what this question needs, and its revision has words for it.
fn supported(context: &Context, ask: &Ask) -> Result<(), AskError> {
    let declared = context.capabilities();
    let mut needed = ClientCapabilities::default();
    let holds = match ask {
        Ask::Form(_) => {
            needed.elicitation = Some(ElicitationModes { form: true, url: false });
            declared.elicitation.is_some_and(|modes| modes.form)
        }
        Ask::Url(_) => {
            needed.elicitation = Some(ElicitationModes { form: false, url: true });
            declared.elicitation.is_some_and(|modes| modes.url)
        }
        Ask::Sample(_) => {
            needed.sampling = Some(SamplingModes::default());
            declared.sampling.is_some()
        }
        Ask::Roots => {
            needed.roots = true;
            declared.roots
        }
    };
    if holds && encode::can_ask(ask, context.revision()) {
        Ok(())
    } else {
        Err(AskError::Unsupported(Box::new(needed)))
    }
}

/// Stops the call's clock while the client is asked, and withdraws a question whose answer nobody waits for any longer.
struct Waiting<'a> {
    context: &'a Context,
    /// The question, until it is answered.
    question: Option<i64>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let outlet = self.context.outlet();
        outlet.answered();
        if let Some(question) = self.question {
            outlet.withdraw(question);
        }
    }
}
