//! The numbers of each fault: its JSON-RPC code and its HTTP status.
//!
//! The only place that knows them. What both eras name differently is decided by era; the codes -32020 and -32021
//! lie in the range that JSON-RPC 2.0, section 5.1, leaves to servers, so older revisions may read them too.

use crate::{
    fault::Fault,
    wire::revision::{Era, Revision},
};

/// The JSON-RPC error code of a fault in a revision.
///
/// # Source
/// JSON-RPC 2.0, section 5.1; MCP 2026-07-28, schema, `HeaderMismatchError`, `MissingRequiredClientCapabilityError` and
/// `UnsupportedProtocolVersionError`. The positive codes are of this framework: they stand outside the range that
/// JSON-RPC reserves.
pub fn code(fault: &Fault, revision: Revision) -> i64 {
    match fault {
        Fault::Parse => PARSE_ERROR,
        Fault::TooLarge | Fault::Envelope(_) => INVALID_REQUEST,
        Fault::UnknownMethod => METHOD_NOT_FOUND,
        Fault::Meta(_) | Fault::Params(_) | Fault::Arguments(_) | Fault::UnknownName(_) | Fault::Sealed(_) => {
            INVALID_PARAMS
        }
        Fault::ResourceAbsent { .. } => match revision.era() {
            Era::Stateful => RESOURCE_NOT_FOUND,
            Era::Stateless => INVALID_PARAMS,
        },
        Fault::HeaderMismatch(_) => HEADER_MISMATCH,
        Fault::MissingCapability(_) => MISSING_CAPABILITY,
        Fault::UnsupportedVersion { .. } => match revision.era() {
            Era::Stateful => INVALID_REQUEST,
            Era::Stateless => UNSUPPORTED_VERSION,
        },
        Fault::UnknownSession => 1404,
        Fault::Unauthenticated => 1401,
        Fault::Scope(_) | Fault::Refused => 1403,
        Fault::Rate { .. } => 1429,
        Fault::Busy { .. } => 1503,
        Fault::Timeout => 1504,
        Fault::Internal => INTERNAL_ERROR,
    }
}

/// The HTTP status of a fault in a revision, where the transport is HTTP and no byte of the answer was sent.
///
/// # Source
/// MCP 2026-07-28, Streamable HTTP; RFC 9110, section 15.
pub fn status(fault: &Fault, revision: Revision) -> u16 {
    match fault {
        Fault::Parse
        | Fault::Envelope(_)
        | Fault::Meta(_)
        | Fault::HeaderMismatch(_)
        | Fault::UnsupportedVersion { .. } => 400,
        Fault::TooLarge => 413,
        // Clients with a session take any other status for a failure of the transport, and never read the error.
        Fault::UnknownMethod => match revision.era() {
            Era::Stateful => 200,
            Era::Stateless => 404,
        },
        Fault::MissingCapability(_) => match revision.era() {
            Era::Stateful => 200,
            Era::Stateless => 400,
        },
        Fault::Params(_)
        | Fault::Arguments(_)
        | Fault::UnknownName(_)
        | Fault::ResourceAbsent { .. }
        | Fault::Sealed(_)
        | Fault::Internal => 200,
        Fault::UnknownSession => 404,
        Fault::Unauthenticated => 401,
        Fault::Scope(_) | Fault::Refused => 403,
        Fault::Rate { .. } => 429,
        Fault::Busy { .. } => 503,
        Fault::Timeout => 504,
    }
}

const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;
const INTERNAL_ERROR: i64 = -32603;
const RESOURCE_NOT_FOUND: i64 = -32002;
const HEADER_MISMATCH: i64 = -32020;
const MISSING_CAPABILITY: i64 = -32021;
const UNSUPPORTED_VERSION: i64 = -32022;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fault::Target;

    #[test]
    fn each_fault_has_the_numbers_of_the_error_table() {
        let retry_after = Duration::from_secs(1);
        let table: [(Fault, i64, u16, i64, u16); 21] = [
            (Fault::Parse, -32700, 400, -32700, 400),
            (Fault::TooLarge, -32600, 413, -32600, 413),
            (Fault::Envelope(""), -32600, 400, -32600, 400),
            (Fault::UnknownMethod, -32601, 200, -32601, 404),
            (Fault::Meta(""), -32602, 400, -32602, 400),
            (Fault::Params(""), -32602, 200, -32602, 200),
            (Fault::Arguments("".into()), -32602, 200, -32602, 200),
            (Fault::UnknownName(Target::Tool), -32602, 200, -32602, 200),
            (Fault::ResourceAbsent { uri: "".into() }, -32002, 200, -32602, 200),
            (Fault::Sealed(""), -32602, 200, -32602, 200),
            (Fault::HeaderMismatch(""), -32020, 400, -32020, 400),
            (Fault::MissingCapability(Box::default()), -32021, 200, -32021, 400),
            (Fault::UnsupportedVersion { requested: "".into() }, -32600, 400, -32022, 400),
            (Fault::UnknownSession, 1404, 404, 1404, 404),
            (Fault::Unauthenticated, 1401, 401, 1401, 401),
            (Fault::Scope(Box::default()), 1403, 403, 1403, 403),
            (Fault::Refused, 1403, 403, 1403, 403),
            (Fault::Rate { retry_after }, 1429, 429, 1429, 429),
            (Fault::Busy { retry_after }, 1503, 503, 1503, 503),
            (Fault::Timeout, 1504, 504, 1504, 504),
            (Fault::Internal, -32603, 200, -32603, 200),
        ];
        for (fault, old_code, old_status, new_code, new_status) in table {
            for revision in Revision::ALL {
                let expected = match revision.era() {
                    Era::Stateful => (old_code, old_status),
                    Era::Stateless => (new_code, new_status),
                };
                assert_eq!((code(&fault, revision), status(&fault, revision)), expected, "{fault:?} {revision}");
            }
        }
    }
}
