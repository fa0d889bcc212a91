//! The trace that a request belongs to, as its sender names it (W3C Trace Context).
//!
//! A peer may name any trace it likes: what is read here is written beside what happened, and nothing is decided by it.

use std::fmt;

/// The trace of a request, and the span in it that sent the request.
///
/// ```
/// use mocopr_core::trace::TraceParent;
///
/// let parent = TraceParent::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
/// assert_eq!(parent.trace().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
/// assert!(parent.is_sampled());
/// ```
///
/// # Source
/// W3C Trace Context, section 3.2; MCP 2026-07-28, basic, `_meta`: `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceParent {
    trace: TraceId,
    span: [u8; 8],
    flags: u8,
}

/// A trace: sixteen bytes, not all of them zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 16]);

/// What tracing systems on the way wrote beside a [`TraceParent`]: visible ASCII and spaces, at most
/// [`TraceState::MAX_BYTES`]. Its members are not looked at.
///
/// # Source
/// W3C Trace Context, section 3.3; MCP 2026-07-28, basic, `_meta`: `tracestate`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TraceState(Box<str>);

impl TraceParent {
    /// Reads a `traceparent`; `None` where the text is none.
    ///
    /// A later version than 00 may have more after the flags, which is passed over as its section 3.2.4 asks.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, '-');
        let version = hex::<1>(parts.next()?)?;
        let trace = TraceId(hex(parts.next()?)?);
        let span = hex(parts.next()?)?;
        let flags = parts.next()?;
        let flags = match (version, flags.split_once('-')) {
            ([255], _) | ([0], Some(_)) => return None,
            (_, None) => flags,
            (_, Some((flags, _))) => flags,
        };
        let [flags] = hex::<1>(flags)?;
        (trace.0 != [0; 16] && span != [0; 8]).then_some(Self { trace, span, flags })
    }

    /// A span of a trace, by its bytes; `None` where either is nothing but zeros.
    pub fn of_span(trace: [u8; 16], span: [u8; 8]) -> Option<Self> {
        (trace != [0; 16] && span != [0; 8]).then_some(Self { trace: TraceId(trace), span, flags: 0 })
    }

    /// The trace.
    pub fn trace(&self) -> TraceId {
        self.trace
    }

    /// The span that sent the request.
    pub fn span(&self) -> [u8; 8] {
        self.span
    }

    /// Its sender says that it records the trace. A peer's word: it does not oblige anybody to record it too.
    pub fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }
}

impl TraceState {
    /// The longest that is kept: what every system must pass on.
    pub const MAX_BYTES: usize = 512;

    /// Takes a `tracestate`; `None` where the text is empty, too long, or has other characters.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.len() <= Self::MAX_BYTES;
        (fits && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))).then(|| Self(text.into()))
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TraceId {
    /// Its bytes.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Exactly this many bytes, in hexadecimal digits that are not capital letters.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let &[high, low] = pair else { return None };
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_reads_as_the_recommendation_says() {
        let parent = TraceParent::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
        assert_eq!(parent.span(), [0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]);
        assert!(parent.is_sampled());
        let later = TraceParent::parse("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-what-follows").unwrap();
        assert!(!later.is_sampled() && later.trace() == parent.trace());
    }

    #[test]
    fn what_is_no_parent_is_none() {
        for wrong in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0\u{e9}",
            "00 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7 01",
        ] {
            assert_eq!(TraceParent::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_span_of_zeros_is_none() {
        assert_eq!(TraceParent::of_span([0; 16], [1; 8]), None);
        assert_eq!(TraceParent::of_span([1; 16], [0; 8]), None);
        let parent = TraceParent::of_span([1; 16], [2; 8]).unwrap();
        assert_eq!((parent.trace().to_bytes(), parent.span(), parent.is_sampled()), ([1; 16], [2; 8], false));
    }
}
