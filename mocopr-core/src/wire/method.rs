//! The methods that a client can call, by era, and the names of every notification.
//!
//! The table decides whether a method exists before its parameters are looked at, so that a method that was
//! removed from a revision is answered like one that never was.

use crate::{call::Request, wire::revision::Era};

/// A request method that this framework serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// `initialize`, stateful revisions only.
    Initialize,
    /// `server/discover`, from 2026-07-28.
    Discover,
    /// `ping`, stateful revisions only.
    Ping,
    /// `logging/setLevel`, stateful revisions only.
    SetLevel,
    /// `tools/list`.
    ListTools,
    /// `tools/call`.
    CallTool,
    /// `prompts/list`.
    ListPrompts,
    /// `prompts/get`.
    GetPrompt,
    /// `resources/list`.
    ListResources,
    /// `resources/templates/list`.
    ListTemplates,
    /// `resources/read`.
    ReadResource,
    /// `completion/complete`.
    Complete,
    /// `resources/subscribe`, stateful revisions only.
    Subscribe,
    /// `resources/unsubscribe`, stateful revisions only.
    Unsubscribe,
    /// `subscriptions/listen`, from 2026-07-28.
    Listen,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 15] = [
        Self::Initialize,
        Self::Discover,
        Self::Ping,
        Self::SetLevel,
        Self::ListTools,
        Self::CallTool,
        Self::ListPrompts,
        Self::GetPrompt,
        Self::ListResources,
        Self::ListTemplates,
        Self::ReadResource,
        Self::Complete,
        Self::Subscribe,
        Self::Unsubscribe,
        Self::Listen,
    ];

    /// The method of that exact name, if the era has it.
    pub fn parse(name: &str, era: Era) -> Option<Self> {
        Self::named(name).filter(|method| method.exists_in(era))
    }

    /// The method of that exact name, of whatever era.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "initialize" => Self::Initialize,
            "server/discover" => Self::Discover,
            "ping" => Self::Ping,
            "logging/setLevel" => Self::SetLevel,
            "tools/list" => Self::ListTools,
            "tools/call" => Self::CallTool,
            "prompts/list" => Self::ListPrompts,
            "prompts/get" => Self::GetPrompt,
            "resources/list" => Self::ListResources,
            "resources/templates/list" => Self::ListTemplates,
            "resources/read" => Self::ReadResource,
            "completion/complete" => Self::Complete,
            "resources/subscribe" => Self::Subscribe,
            "resources/unsubscribe" => Self::Unsubscribe,
            "subscriptions/listen" => Self::Listen,
            _ => return None,
        })
    }

    /// The method that a request is of.
    pub fn of(request: &Request) -> Self {
        match request {
            Request::Initialize(_) => Self::Initialize,
            Request::Discover => Self::Discover,
            Request::Ping => Self::Ping,
            Request::SetLevel(_) => Self::SetLevel,
            Request::ListTools(_) => Self::ListTools,
            Request::CallTool(_) => Self::CallTool,
            Request::ListPrompts(_) => Self::ListPrompts,
            Request::GetPrompt(_) => Self::GetPrompt,
            Request::ListResources(_) => Self::ListResources,
            Request::ListTemplates(_) => Self::ListTemplates,
            Request::ReadResource(_) => Self::ReadResource,
            Request::Complete(_) => Self::Complete,
            Request::Subscribe(_) => Self::Subscribe,
            Request::Unsubscribe(_) => Self::Unsubscribe,
            Request::Listen(_) => Self::Listen,
        }
    }

    /// The method's name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Initialize => "initialize",
            Self::Discover => "server/discover",
            Self::Ping => "ping",
            Self::SetLevel => "logging/setLevel",
            Self::ListTools => "tools/list",
            Self::CallTool => "tools/call",
            Self::ListPrompts => "prompts/list",
            Self::GetPrompt => "prompts/get",
            Self::ListResources => "resources/list",
            Self::ListTemplates => "resources/templates/list",
            Self::ReadResource => "resources/read",
            Self::Complete => "completion/complete",
            Self::Subscribe => "resources/subscribe",
            Self::Unsubscribe => "resources/unsubscribe",
            Self::Listen => "subscriptions/listen",
        }
    }

    fn exists_in(self, era: Era) -> bool {
        match self {
            Self::Initialize | Self::Ping | Self::SetLevel | Self::Subscribe | Self::Unsubscribe => {
                era == Era::Stateful
            }
            Self::Discover | Self::Listen => era == Era::Stateless,
            Self::ListTools
            | Self::CallTool
            | Self::ListPrompts
            | Self::GetPrompt
            | Self::ListResources
            | Self::ListTemplates
            | Self::ReadResource
            | Self::Complete => true,
        }
    }
}

/// Notifications of the client.
pub(super) mod note {
    pub(in crate::wire) const INITIALIZED: &str = "notifications/initialized";
    pub(in crate::wire) const CANCELLED: &str = "notifications/cancelled";
    pub(in crate::wire) const ROOTS_CHANGED: &str = "notifications/roots/list_changed";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_found_under_its_own_name_in_some_era() {
        for method in Method::ALL {
            let eras = [Era::Stateful, Era::Stateless].map(|era| Method::parse(method.as_str(), era));
            assert!(eras.contains(&Some(method)), "{method:?}");
        }
    }

    #[test]
    fn methods_that_a_stateless_revision_removed_are_unknown_there() {
        for name in ["initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"] {
            assert_eq!(Method::parse(name, Era::Stateless), None, "{name}");
            assert!(Method::parse(name, Era::Stateful).is_some(), "{name}");
        }
    }

    #[test]
    fn methods_of_stateless_revisions_are_unknown_before() {
        for name in ["server/discover", "subscriptions/listen"] {
            assert_eq!(Method::parse(name, Era::Stateful), None, "{name}");
        }
    }

    #[test]
    fn a_name_is_case_sensitive_and_not_trimmed() {
        for name in ["TOOLS/LIST", "tools/list ", " tools/list", "tools/List", "", "tools/result"] {
            assert_eq!(Method::parse(name, Era::Stateless), None, "{name:?}");
        }
    }
}
