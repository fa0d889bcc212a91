//! What a server tells its clients without being asked.

use crate::{
    id::{ProgressToken, RequestId},
    model::{ask::ListenFilter, content::LogMessage},
};

/// A notification for the client.
#[derive(Clone, Debug)]
pub enum Notice {
    /// `notifications/progress`.
    Progress {
        /// The token that came with the request.
        token: ProgressToken,
        /// How far it is; grows with every notification of the same token. Never infinite.
        progress: f64,
        /// How far it goes, if that is known.
        total: Option<f64>,
        /// What is going on, from 2025-03-26.
        message: Option<String>,
    },
    /// `notifications/message`.
    Log(LogMessage),
    /// `notifications/tools/list_changed`.
    ToolsChanged,
    /// `notifications/prompts/list_changed`.
    PromptsChanged,
    /// `notifications/resources/list_changed`.
    ResourcesChanged,
    /// `notifications/resources/updated`.
    ResourceUpdated {
        /// The resource that changed.
        uri: Box<str>,
    },
    /// `notifications/subscriptions/acknowledged`: what of the filter is honoured; from 2026-07-28.
    Acknowledged(ListenFilter),
    /// `notifications/elicitation/complete`: what was to be done on a page is done; 2025-11-25 only.
    ElicitationComplete {
        /// The id of the elicitation, as it stood in the question.
        id: Box<str>,
    },
    /// `notifications/cancelled`: in stateful revisions, an answer to a question of this server is no longer waited
    /// for; from 2026-07-28 on and over standard streams alone, the listen stream of that id has ended.
    Cancelled {
        /// The id of the question, or of the request that opened the stream.
        id: RequestId,
    },
}
