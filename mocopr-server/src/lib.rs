//! Transports, routing, handlers and sessions of mocopr.
//!
//! Users reach all of it through the `mocopr` crate.
//!
//! | module | owns |
//! |---|---|
//! | `engine`, `dispatch`, `running` | one message: read, found, permitted, checked, carried out |
//! | `session`, `replay`, `subscribe`, `listening` | what lasts longer than a call |
//! | `transport` | standard streams, the pipe, HTTP |

mod transport;
