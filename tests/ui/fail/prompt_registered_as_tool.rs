//! A prompt is not a tool.

use mocopr::prelude::*;

use mocopr::IntoTool;

#[prompt]
async fn greet(name: String) -> String {
    name
}

fn register<M>(_: impl IntoTool<M>) {}

fn main() {
    register(greet);
}
