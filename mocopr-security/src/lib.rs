//! The policy of mocopr: who may do what, how much, and how an error is said.
//!
//! A transport describes a peer; [`gate::Gate::admit`] turns it into an [`gate::Admission`] or a refusal;
//! [`gate::Gate::permit`] turns an admission and one call into a [`gate::Permit`], which owns the call. Nothing
//! else makes either, so what skips a check does not compile.
//!
//! | module | owns |
//! |---|---|
//! | [`policy`] | what a server's owner decides |
//! | [`gate`] | the order of the checks |
//! | [`auth`] | whom a credential proves |
//! | [`principal`] | who is calling |
//! | [`evidence`] | what happened, for those who keep account of it |
//! | [`metrics`], [`alerts`] | the same as numbers; somebody is told when it is too much |
//! | [`audit`], [`logger`] | the audit log; the ordinary log, without secrets |
//! | [`rbac`] | which roles are granted what |
//! | [`origin`], [`headers`] | what HTTP requests must look like, what answers carry |
//! | [`proxies`] | which proxies are believed |
//! | [`limits`], [`rate`] | how much of anything; how often and how many at once |
//! | `outbound` | HTTP to others, which cannot be led to private places (feature `outbound`) |
//! | `derive` | keys from passphrases (feature `crypto`) |
//! | [`seal`], [`random`] | state that a client carries for us; names that nobody can guess |
//! | [`schema`] | JSON Schema: compile once, check every call |
//! | [`revoke`], [`stop`] | who is not believed any longer; which tools are stopped |
//! | [`slow`] | whose failures to prove who they are wait for an answer |
//! | [`mod@file`] | who else may touch a file that is trusted |
//! | `socket_file` | Unix sockets: who may connect, and that nothing is put in their place (Linux) |
//! | [`sandbox`], [`validation`] | resources out of bounded places; what of a peer's text is taken |
//! | [`sanitize`], [`error_handler`] | what an error may say; what an owner says of that |
//! | `tls` | how listeners speak TLS, and whose certificates they take (feature `tls`) |
//! | `process` | what this process may do, given up for good (Linux) |
//! | [`redact`] | what is never printed |
//! | [`leak`] | secrets and control characters, kept out of what handlers say |

pub mod alerts;
pub mod audit;
pub mod auth;
#[cfg(feature = "outbound")]
mod background;
pub mod console;
#[cfg(feature = "crypto")]
pub mod derive;
pub mod error_handler;
pub mod evidence;
pub mod file;
mod frames;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod gate;
pub mod headers;
pub mod leak;
pub mod limits;
pub mod logger;
pub mod metrics;
pub mod origin;
#[cfg(feature = "outbound")]
pub mod outbound;
pub mod policy;
pub mod principal;
#[cfg(target_os = "linux")]
pub mod process;
pub mod proxies;
pub mod random;
pub mod rate;
pub mod rbac;
pub mod redact;
pub mod revoke;
pub mod sandbox;
pub mod sanitize;
pub mod schema;
pub mod seal;
pub mod slow;
#[cfg(target_os = "linux")]
pub mod socket_file;
pub mod stop;
#[cfg(feature = "tls")]
pub mod tls;
pub mod validation;
mod watched;
