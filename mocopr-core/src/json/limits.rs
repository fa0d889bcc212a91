//! How much JSON one message may hold.
//!
//! Every number is checked by the scanner or by the envelope while the message is read; nothing below counts again.

use crate::id::RequestId;

/// Bounds of one JSON value.
///
/// `serde_json` itself reads at most 127 levels, so a larger `depth` is accepted by the scanner and refused when the
/// value is decoded.
///
/// An example is at [`MessageLimits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonLimits {
    /// Nested containers; the value itself is 1, a scalar adds none.
    pub depth: usize,
    /// Members of one object.
    pub members: usize,
    /// Bytes of one string or member name: UTF-8, after unescaping.
    pub string_bytes: usize,
    /// Elements of one array.
    pub elements: usize,
}

/// Bounds of one JSON-RPC message.
///
/// Take those of a profile and change what differs:
///
/// ```
/// use mocopr_core::json::{JsonLimits, MessageLimits};
///
/// let strict = MessageLimits::strict();
/// let flat = MessageLimits { arguments: JsonLimits { depth: 4, ..strict.arguments }, uri_bytes: 256, ..strict };
/// assert_eq!(flat.arguments.members, 1_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageLimits {
    /// Values that a handler or the caller of a request reads: `arguments`, `inputResponses`, `argument` and `context`
    /// of `params`, and `result`. Depth counts from that value.
    pub arguments: JsonLimits,
    /// Everything else; depth counts from the message.
    pub elsewhere: JsonLimits,
    /// Bytes of a textual `id` after unescaping, at most [`RequestId::MAX_BYTES`].
    pub id_bytes: usize,
    /// Bytes of `method` after unescaping.
    pub method_bytes: usize,
    /// Characters of one number.
    pub number_chars: usize,
    /// Bytes of `params._meta` as written.
    pub meta_bytes: usize,
    /// Bytes of `params.requestState` after unescaping.
    pub request_state_bytes: usize,
    /// Bytes of `params.cursor` after unescaping.
    pub cursor_bytes: usize,
    /// Bytes of `params.uri` after unescaping.
    pub uri_bytes: usize,
    /// Messages of one batch (2025-03-26); each of them is held to every other limit by itself.
    pub batch_messages: usize,
}

impl MessageLimits {
    /// The limits of the development profile, the widest that a profile of ours sets.
    #[must_use]
    pub const fn development() -> Self {
        Self {
            arguments: JsonLimits { depth: 64, members: 10_000, string_bytes: 4 << 20, elements: 100_000 },
            elsewhere: JsonLimits { depth: 32, members: 64, string_bytes: 4 << 20, elements: 100_000 },
            id_bytes: RequestId::MAX_BYTES,
            method_bytes: 128,
            number_chars: NUMBER_CHARS,
            meta_bytes: 16 << 10,
            request_state_bytes: 16 << 10,
            cursor_bytes: 1 << 10,
            uri_bytes: 2_048,
            batch_messages: 50,
        }
    }

    /// The limits of the strict profile: what a server needs that takes messages from strangers.
    #[must_use]
    pub const fn strict() -> Self {
        Self {
            arguments: JsonLimits { depth: 32, members: 1_000, string_bytes: 1 << 20, elements: 10_000 },
            elsewhere: JsonLimits { depth: 32, members: 64, string_bytes: 1 << 20, elements: 10_000 },
            ..Self::development()
        }
    }
}

/// Characters of one number where no message sets another bound: more than any double or 128-bit integer needs.
pub(super) const NUMBER_CHARS: usize = RequestId::MAX_DIGITS;
