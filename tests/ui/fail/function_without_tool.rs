//! A function without `#[tool]` cannot be registered as one.

use mocopr::IntoTool;

async fn add(a: f64, b: f64) -> f64 {
    a + b
}

fn register<M>(_: impl IntoTool<M>) {}

fn main() {
    register(add);
}
