//! What peers see of a running server, and what they cannot do to it: hand-written requests over every transport.
//!
//! Every message of the server is checked against the official schema of its revision.

mod batches;
mod bodies;
mod broken_batches;
mod cancelling;
mod changes;
mod child;
mod crowds;
mod handshakes;
mod headers;
mod lists;
mod malformed;
mod replays;
mod revisions;
mod sample;
mod saying;
mod sessions;
mod slow;
mod standard_streams;
mod states;
