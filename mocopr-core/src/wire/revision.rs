//! The revisions of the protocol, and the two eras that they fall into.

use std::fmt;

/// A revision of the protocol, named by its date.
///
/// ```
/// use mocopr_core::wire::revision::Revision;
///
/// assert!(Revision::V2025_06_18 < Revision::NEWEST_STATELESS, "the newest is the greatest");
/// assert_eq!(Revision::parse(Revision::V2025_06_18.as_str()), Some(Revision::V2025_06_18));
/// assert_eq!(Revision::parse("yesterday"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Revision {
    /// 2024-11-05.
    V2024_11_05,
    /// 2025-03-26: batches, tool annotations, audio.
    V2025_03_26,
    /// 2025-06-18: structured output, elicitation, resource links.
    V2025_06_18,
    /// 2025-11-25: icons, URL elicitation.
    V2025_11_25,
    /// 2026-07-28: no sessions, capabilities in every request.
    V2026_07_28,
}

/// How a revision keeps what it knows of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Era {
    /// A handshake opens a session (2024-11-05 to 2025-11-25).
    Stateful,
    /// Every request says everything (from 2026-07-28).
    Stateless,
}

impl Revision {
    /// All revisions, oldest first.
    pub const ALL: [Self; 5] =
        [Self::V2024_11_05, Self::V2025_03_26, Self::V2025_06_18, Self::V2025_11_25, Self::V2026_07_28];

    /// The newest revision with a handshake: the answer to a client that asks for one that is not served.
    pub const NEWEST_STATEFUL: Self = Self::V2025_11_25;

    /// The newest revision without a handshake: what a message without one is read and answered in.
    pub const NEWEST_STATELESS: Self = Self::V2026_07_28;

    /// The revision of that date.
    pub fn parse(date: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|revision| revision.as_str() == date)
    }

    /// The date that names it on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// Whether several messages may come in one array.
    ///
    /// # Source
    /// MCP 2025-03-26, base protocol, "Batching"; taken out again in 2025-06-18.
    pub fn has_batches(self) -> bool {
        match self {
            Self::V2025_03_26 => true,
            Self::V2024_11_05 | Self::V2025_06_18 | Self::V2025_11_25 | Self::V2026_07_28 => false,
        }
    }

    /// Whether a stream may be closed before its answer, and begins with an event without data so that a client can
    /// come back. Clients of other revisions take such an event for a broken message, and a closed stream for the end.
    ///
    /// # Source
    /// MCP 2025-11-25, transports, "Sending Messages to the Server".
    pub fn has_polling(self) -> bool {
        match self {
            Self::V2025_11_25 => true,
            Self::V2024_11_05 | Self::V2025_03_26 | Self::V2025_06_18 | Self::V2026_07_28 => false,
        }
    }

    /// The era it falls into.
    pub fn era(self) -> Era {
        match self {
            Self::V2024_11_05 | Self::V2025_03_26 | Self::V2025_06_18 | Self::V2025_11_25 => Era::Stateful,
            Self::V2026_07_28 => Era::Stateless,
        }
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
