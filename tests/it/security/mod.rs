//! What must hold under the strict policy, row by row of `docs/security/matrix.md`.

mod admission;
mod guarded;
mod keys;
mod lapses;
mod listeners;
mod pages;
mod rates;
mod roles;
mod starting;
mod tokens;
