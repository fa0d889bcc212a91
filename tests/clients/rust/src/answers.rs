//! What the client answers to the server's questions, and what it was told without having asked.

use std::{future::Future, sync::Arc};

use rmcp::{
    ClientHandler, RoleClient,
    model::{
        ClientConfig, CreateMessageRequestParams, CreateMessageResult, ElicitRequestParams, ElicitResult,
        ElicitationAction, ErrorData, ListRootsResult, LoggingMessageNotificationParam, ProgressNotificationParam,
        ResourceUpdatedNotificationParam, Root, SamplingMessage,
    },
    service::{NotificationContext, RequestContext},
};
use serde_json::{Value, json};
use tokio::sync::watch;

/// A client that answers every question the same way; forms whose question says "no" are declined.
#[derive(Clone)]
pub(crate) struct Answers {
    config: ClientConfig,
    told: Arc<watch::Sender<Vec<Told>>>,
}

/// One notification: its kind, and what of it is compared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told(pub(crate) &'static str, pub(crate) Value);

impl Answers {
    pub(crate) fn new(config: ClientConfig) -> Self {
        Self { config, told: Arc::default() }
    }

    /// All notifications of a kind so far, in the order in which they arrived.
    pub(crate) fn told(&self, kind: &str) -> Vec<Value> {
        self.told.borrow().iter().filter(|told| told.0 == kind).map(|told| told.1.clone()).collect()
    }

    /// Waits until there are that many notifications of a kind.
    pub(crate) async fn wait_for(&self, kind: &str, count: usize) {
        let mut told = self.told.subscribe();
        // The sender lives as long as this value, so that the wait ends only as it should.
        let _ = told.wait_for(|told| told.iter().filter(|told| told.0 == kind).count() >= count).await;
    }

    fn note(&self, kind: &'static str, what: Value) {
        self.told.send_modify(|told| told.push(Told(kind, what)));
    }
}

impl ClientHandler for Answers {
    fn get_info(&self) -> ClientConfig {
        self.config.clone()
    }

    async fn create_message(
        &self,
        params: CreateMessageRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        let asked = serde_json::to_value(&params.messages).unwrap_or_default();
        self.note("sampling", asked);
        let message = SamplingMessage::assistant_text("Paris");
        Ok(CreateMessageResult::new(message, "model-of-the-client".to_owned()).with_stop_reason("endTurn"))
    }

    async fn list_roots(&self, _context: RequestContext<RoleClient>) -> Result<ListRootsResult, ErrorData> {
        Ok(ListRootsResult::new(vec![Root::new("file:///first"), Root::new("file:///second")]))
    }

    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let asked = serde_json::to_value(&request).unwrap_or_default();
        self.note("elicitation", asked.clone());
        if asked["message"].as_str().is_some_and(|message| message.contains("no")) {
            return Ok(ElicitResult::new(ElicitationAction::Decline));
        }
        let fields = asked["requestedSchema"]["properties"].as_object().cloned().unwrap_or_default();
        let known = FIELDS.iter().filter(|(name, _)| fields.contains_key(*name));
        let form = known.map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        Ok(ElicitResult::new(ElicitationAction::Accept).with_content(Value::Object(form)))
    }

    fn on_progress(
        &self,
        params: ProgressNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) -> impl Future<Output = ()> + Send + '_ {
        self.note("progress", json!([params.progress_token, params.progress, params.total]));
        std::future::ready(())
    }

    fn on_logging_message(
        &self,
        params: LoggingMessageNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) -> impl Future<Output = ()> + Send + '_ {
        self.note("log", json!([params.level, params.data]));
        std::future::ready(())
    }

    fn on_resource_updated(
        &self,
        params: ResourceUpdatedNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) -> impl Future<Output = ()> + Send + '_ {
        self.note("updated", json!(params.uri));
        std::future::ready(())
    }

    fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) -> impl Future<Output = ()> + Send + '_ {
        self.note("tools changed", Value::Null);
        std::future::ready(())
    }
}

/// What the client's user writes into the fields of forms.
const FIELDS: [(&str, &str); 5] =
    [("username", "ada"), ("email", "ada@example.org"), ("name", "Ada"), ("color", "green"), ("context", "the sea")];
