//! Elicitation: a form, or a page to open.

use std::{borrow::Cow, future::IntoFuture, marker::PhantomData, panic::Location};

use futures_util::future::BoxFuture;
use mocopr_core::{
    json::RawJson,
    model::ask::{Ask, FormAsk, UrlAsk},
};
use mocopr_security::schema::{Schema, SchemaLimits};
use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{AskError, Question, page, put};
use crate::{context::Context, handler::schema, registry::lint};

/// A form for the user; `.await` it. Made by [`Context::elicit`].
///
/// ```
/// use mocopr_core::failure::Failure;
/// use mocopr_server::{ask::AskError, context::Context};
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct Table {
///     guests: u8,
/// }
///
/// // Under `#[tool]`:
/// async fn book(ctx: &Context) -> Result<String, Failure> {
///     let table: Table = match ctx.elicit("For how many?").named("table").once().await {
///         Ok(table) => table,
///         Err(AskError::Declined | AskError::Cancelled) => return Ok("nothing is booked".to_owned()),
///         Err(other) => return Err(other.into()),
///     };
///     Ok(format!("a table for {}", table.guests))
/// }
/// ```
#[must_use = "a question is asked when it is awaited"]
#[derive(Debug)]
pub struct Elicit<'a, T> {
    context: &'a Context,
    message: Box<str>,
    schema: RawJson,
    question: Question,
    single_use: bool,
    answer: PhantomData<fn() -> T>,
}

impl<'a, T> Elicit<'a, T> {
    /// The key that the question goes out under in 2026-07-28; unique within a round.
    pub fn named(mut self, key: impl Into<Box<str>>) -> Self {
        self.question.key = Some(key.into());
        self
    }

    /// The answer may be used once, even where the handler is read-only or idempotent.
    pub fn once(mut self) -> Self {
        self.single_use = true;
        self
    }

    pub(crate) fn with_schema(
        context: &'a Context,
        message: &str,
        schema: RawJson,
        site: &'static Location<'static>,
    ) -> Self {
        Self {
            context,
            message: message.into(),
            schema,
            question: Question { site, key: None },
            single_use: false,
            answer: PhantomData,
        }
    }
}

impl<'a, T: JsonSchema> Elicit<'a, T> {
    pub(crate) fn typed(context: &'a Context, message: &str, site: &'static Location<'static>) -> Self {
        Self::with_schema(context, message, schema::form::<T>(), site)
    }
}

impl<'a, T: DeserializeOwned + Send + 'static> IntoFuture for Elicit<'a, T> {
    type Output = Result<T, AskError>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { context, message, schema, question, single_use, answer: _ } = self;
        if single_use {
            context.outlet().with_asks(super::AskBook::single_use);
        }
        Box::pin(async move {
            // Before anybody is asked: an answer that nothing can judge would be asked for again without an end.
            let fits = Schema::compile(&schema, &SchemaLimits::development()).map_err(|_| AskError::Schema)?;
            // A form passes through the client and its model.
            if lint::asks_for_secret(&schema.decode().map_err(|_| AskError::Schema)?) {
                return Err(AskError::Secret);
            }
            put(context, Ask::Form(FormAsk { message, schema }), question, |answer| judge(answer, &fits)).await
        })
    }
}

/// A page for the user to open; `.await` it. Made by [`Context::elicit_url`].
///
/// ```
/// use mocopr_core::failure::Failure;
/// use mocopr_server::context::Context;
///
/// // Under `#[tool]`:
/// async fn connect(ctx: &Context) -> Result<&'static str, Failure> {
///     // The page knows by its own session who opens it; the URL proves nobody.
///     ctx.elicit_url("Connect your account", "https://example.com/connect", "connect-1").named("connect").await?;
///     Ok("connected")
/// }
/// ```
#[must_use = "a question is asked when it is awaited"]
#[derive(Debug)]
pub struct ElicitUrl<'a> {
    context: &'a Context,
    ask: UrlAsk,
    question: Question,
}

impl<'a> ElicitUrl<'a> {
    pub(crate) fn new(context: &'a Context, ask: UrlAsk, site: &'static Location<'static>) -> Self {
        Self { context, ask, question: Question { site, key: None } }
    }

    /// The key that the question goes out under in 2026-07-28; unique within a round.
    pub fn named(mut self, key: impl Into<Box<str>>) -> Self {
        self.question.key = Some(key.into());
        self
    }
}

impl<'a> IntoFuture for ElicitUrl<'a> {
    type Output = Result<(), AskError>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { context, ask, question } = self;
        Box::pin(async move {
            if !page::is_suitable(&ask.url) {
                return Err(AskError::Page);
            }
            put(context, Ask::Url(ask), question, |answer| accepted(answer).map(|_| ())).await
        })
    }
}

/// `ElicitResult` of every revision that has one.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    action: Cow<'a, str>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
}

/// The content of an accepted form, if it fits the schema that was asked.
fn judge<T: DeserializeOwned>(answer: &RawJson, schema: &Schema) -> Result<T, AskError> {
    let content = accepted(answer)?.unwrap_or("{}");
    let content = serde_json::from_str::<&RawValue>(content).map_err(|_| AskError::Invalid)?;
    let content = RawJson::encode(content).map_err(|_| AskError::Invalid)?;
    schema.check_raw(&content).map_err(|_| AskError::Invalid)?;
    content.decode().map_err(|_| AskError::Invalid)
}

/// The content of an accepted answer.
fn accepted(answer: &RawJson) -> Result<Option<&str>, AskError> {
    let answer: Answer<'_> = answer.decode_borrowed().map_err(|_| AskError::Invalid)?;
    match &*answer.action {
        "accept" => Ok(answer.content.map(RawValue::get)),
        "decline" => Err(AskError::Declined),
        "cancel" => Err(AskError::Cancelled),
        _ => Err(AskError::Invalid),
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use mocopr_core::failure::Failure;
    use serde_json::json;

    use super::*;
    use crate::{
        registry::tool::{NoArguments, Tool},
        server::McpServer,
        testing::TestClient,
    };

    #[tokio::test]
    async fn a_question_whose_schema_cannot_be_used_is_not_asked() {
        let tool = Tool::new("ask").handler_with(|_: NoArguments, ctx: &Context| {
            Box::pin(async move {
                let schema = json!({"type": "object", "properties": {"a": {"$ref": "https://example.com/a"}}});
                ctx.elicit_with_schema("What?", &schema).await?;
                Ok::<_, Failure>("answered")
            })
        });
        let server = McpServer::builder().with_info("test", "1").with_tool(tool).build().unwrap();
        let mut client = TestClient::connect(&server).await.unwrap();
        let answer = client.call_tool("ask", json!({})).await.unwrap();
        assert!(answer.is_error() && answer.text().starts_with("internal error"), "{answer:?}");
    }

    #[tokio::test]
    async fn a_form_never_asks_for_a_secret() {
        let tool = Tool::new("ask").handler_with(|_: NoArguments, ctx: &Context| {
            Box::pin(async move {
                let schema = json!({"type": "object", "properties": {"api_key": {"type": "string"}}});
                ctx.elicit_with_schema("What?", &schema).await?;
                Ok::<_, Failure>("answered")
            })
        });
        let server = McpServer::builder().with_info("test", "1").with_tool(tool).build().unwrap();
        let client = TestClient::connect(&server).await.unwrap();
        let mut client = client.answering(|_, _| panic!("the client is not asked"));
        let answer = client.call_tool("ask", json!({})).await.unwrap();
        assert!(answer.is_error() && answer.text().starts_with("internal error"), "{answer:?}");
    }

    #[tokio::test]
    async fn a_handler_that_says_why_it_stops_has_the_word() {
        let tool = Tool::new("ask").handler_with(|_: NoArguments, ctx: &Context| {
            Box::pin(async move {
                let answer = ctx.elicit_with_schema("What?", &json!({"type": "object"})).await;
                answer.map_err(|error| Failure::caller("nothing was changed").caused_by(error))?;
                Ok::<_, Failure>("answered")
            })
        });
        let server = McpServer::builder().with_info("test", "1").with_tool(tool).build().unwrap();
        let client = TestClient::connect(&server).await.unwrap();
        let mut client = client.answering(|_, _| Some(json!({"action": "decline"})));
        let answer = client.call_tool("ask", json!({})).await.unwrap();
        assert_eq!((answer.is_error(), answer.text().as_str()), (true, "nothing was changed"));
    }
}
