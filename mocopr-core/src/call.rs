//! Everything a client can ask or tell, in one model for every revision.

use crate::{
    fault::Fault,
    id::RequestId,
    json::RawJson,
    meta::Meta,
    model::{ask::ListenFilter, capability::ClientCapabilities, content::Level},
    wire::revision::Revision,
};

/// A request of the client: it has an id and is answered once.
#[derive(Clone, Debug)]
pub struct Call {
    /// Echoed in the answer, with the JSON type that the client used.
    pub id: RequestId,
    /// The revision that this message is read in and answered in.
    pub revision: Revision,
    /// What the client said beside the parameters.
    pub meta: Meta,
    /// What it asks for.
    pub request: Request,
}

/// What a client can ask for.
#[derive(Clone, Debug)]
pub enum Request {
    /// `initialize`, stateful revisions only.
    Initialize(Box<Initialize>),
    /// `server/discover`, from 2026-07-28.
    Discover,
    /// `ping`, stateful revisions only.
    Ping,
    /// `logging/setLevel`, stateful revisions only.
    SetLevel(Level),
    /// `tools/list`.
    ListTools(ListPage),
    /// `tools/call`.
    CallTool(CallTool),
    /// `prompts/list`.
    ListPrompts(ListPage),
    /// `prompts/get`.
    GetPrompt(GetPrompt),
    /// `resources/list`.
    ListResources(ListPage),
    /// `resources/templates/list`.
    ListTemplates(ListPage),
    /// `resources/read`.
    ReadResource(ReadResource),
    /// `completion/complete`.
    Complete(Box<Complete>),
    /// `resources/subscribe`, stateful revisions only.
    Subscribe(Box<str>),
    /// `resources/unsubscribe`, stateful revisions only.
    Unsubscribe(Box<str>),
    /// `subscriptions/listen`, from 2026-07-28.
    Listen(Box<ListenFilter>),
}

/// What a request is for: something that was registered, or the protocol itself.
#[derive(Clone, Copy, Debug)]
pub enum Errand<'a> {
    /// A tool is to run.
    Tool(&'a CallTool),
    /// A prompt is to be filled in.
    Prompt(&'a GetPrompt),
    /// A resource is to be read.
    Resource(&'a ReadResource),
    /// An argument is to be completed.
    Completion(&'a Complete),
    /// Nothing that a handler carries out.
    Protocol,
}

impl Request {
    /// What it is for.
    pub fn errand(&self) -> Errand<'_> {
        match self {
            Self::CallTool(call) => Errand::Tool(call),
            Self::GetPrompt(prompt) => Errand::Prompt(prompt),
            Self::ReadResource(read) => Errand::Resource(read),
            Self::Complete(complete) => Errand::Completion(complete),
            Self::Initialize(_)
            | Self::Discover
            | Self::Ping
            | Self::SetLevel(_)
            | Self::ListTools(_)
            | Self::ListPrompts(_)
            | Self::ListResources(_)
            | Self::ListTemplates(_)
            | Self::Subscribe(_)
            | Self::Unsubscribe(_)
            | Self::Listen(_) => Errand::Protocol,
        }
    }
}

/// Parameters of `initialize`.
#[derive(Clone, Debug)]
pub struct Initialize {
    /// The version the client asks for, as it wrote it.
    pub protocol_version: Box<str>,
    /// What the client can do.
    pub capabilities: ClientCapabilities,
}

/// Parameters of the list methods.
#[derive(Clone, Debug, Default)]
pub struct ListPage {
    /// The cursor of an earlier page, as the client sent it back.
    pub cursor: Option<Box<str>>,
}

/// Parameters of `tools/call`.
#[derive(Clone, Debug)]
pub struct CallTool {
    /// The tool's name.
    pub name: Box<str>,
    /// A JSON object; `{}` where the client sent none.
    pub arguments: RawJson,
    /// Answers to an earlier round, from 2026-07-28.
    pub input: Input,
}

/// Parameters of `prompts/get`.
#[derive(Clone, Debug)]
pub struct GetPrompt {
    /// The prompt's name.
    pub name: Box<str>,
    /// A JSON object whose values are strings; `{}` where the client sent none.
    pub arguments: RawJson,
    /// Answers to an earlier round, from 2026-07-28.
    pub input: Input,
}

/// Parameters of `resources/read`.
#[derive(Clone, Debug)]
pub struct ReadResource {
    /// The URI as the client wrote it.
    pub uri: Box<str>,
    /// Answers to an earlier round, from 2026-07-28.
    pub input: Input,
}

/// What a retry of 2026-07-28 brings along (`inputResponses` and `requestState`).
#[derive(Clone, Debug, Default)]
pub struct Input {
    /// A JSON object from question keys to answers.
    pub responses: Option<RawJson>,
    /// The sealed state of the earlier round, as the client sent it back.
    pub state: Option<Box<str>>,
}

/// Parameters of `completion/complete`.
#[derive(Clone, Debug)]
pub struct Complete {
    /// What is completed for.
    pub reference: Reference,
    /// The argument's name.
    pub argument: Box<str>,
    /// What has been typed so far.
    pub value: Box<str>,
    /// Arguments that are already known: a JSON object of strings, from 2025-06-18; `{}` where absent.
    pub context: RawJson,
}

/// The prompt or resource template that a completion is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// A prompt's name.
    Prompt(Box<str>),
    /// A resource's URI or a template.
    Resource(Box<str>),
}

/// A notification of the client: it has no id and gets no answer.
#[derive(Clone, Debug)]
pub enum Note {
    /// `notifications/initialized`.
    Initialized,
    /// `notifications/cancelled`.
    Cancelled {
        /// The request that the client no longer waits for.
        id: RequestId,
    },
    /// `notifications/roots/list_changed`.
    RootsChanged,
    /// A notification that this server has no use for (`notifications/progress` and unknown ones).
    Ignored,
}

/// The client's answer to a request of this server, stateful revisions only.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The id of our request.
    pub id: RequestId,
    /// The result, or nothing where the client answered with an error.
    pub result: Option<RawJson>,
}

/// One message of a client, decoded.
#[derive(Clone, Debug)]
pub enum Incoming {
    /// Must be answered.
    Call(Box<Call>),
    /// Must not be answered.
    Note(Note),
    /// Answers a request of ours.
    Answer(Answer),
}

/// A request that could not be decoded, with the id where it could be read.
#[derive(Clone, Debug)]
pub struct Undecoded {
    /// The request's id.
    pub id: Option<RequestId>,
    /// What is wrong with it.
    pub fault: Fault,
    /// The revision that the error is written in.
    pub revision: Revision,
}
