//! Messages of the Model Context Protocol as data: parsing, the one model, the revisions.
//!
//! This crate does no I/O and has no async runtime. Bytes come in through [`envelope`] and [`wire::decode`],
//! and go out only through [`wire::encode`]; between the two stands one model for every revision.
//!
//! | module | owns |
//! |---|---|
//! | [`json`] | limits and the one-pass scanner over untrusted bytes |
//! | [`envelope`] | bytes to a JSON-RPC message, without copies |
//! | [`call`] | everything a client can ask or tell |
//! | [`outcome`], [`failure`], [`fault`] | everything that can come of it |
//! | [`model`] | tools, prompts, resources, content, capabilities, questions to the client |
//! | [`wire`] | methods, revisions, numbers, decoding and encoding |
//! | [`id`], [`meta`], [`trace`] | what stands around a request |
//! | [`uri`], [`page`], [`store`], [`clock`], [`peer`] | what the layers above share |

pub mod call;
pub mod clock;
pub mod envelope;
pub mod failure;
pub mod fault;
pub mod id;
pub mod json;
pub mod meta;
pub mod model;
pub mod outcome;
pub mod page;
pub mod peer;
pub mod store;
pub mod trace;
pub mod uri;
pub mod wire;
