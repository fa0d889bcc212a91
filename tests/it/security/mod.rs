//! What must hold under the strict policy, row by row of `docs/security/matrix.md`.

mod admission;
mod alerts;
mod audited;
mod ending;
mod everywhere;
#[cfg(target_os = "linux")]
mod files;
mod fixture;
mod frames;
mod guarded;
mod health;
mod hidden;
mod holders;
mod https;
mod input;
mod issuers;
mod keys;
mod lapses;
mod leaks;
mod listeners;
#[cfg(target_os = "linux")]
mod local;
pub(crate) mod matrix;
mod metrics;
mod mirrors;
mod mounted;
mod pages;
mod possession;
#[cfg(target_os = "linux")]
mod privileges;
mod proxies;
mod rates;
mod replayed;
mod revoked;
mod roles;
mod self_signed;
mod settings;
mod starting;
mod stopping;
mod telling;
mod tokens;
mod traced;
mod trail;
mod websocket_ends;
mod websockets;
