//! A type without `#[handlers]` has no handlers.

pub struct Weather;

fn register(_: impl mocopr::Handlers) {}

fn main() {
    register(Weather);
}
