//! `self` has no place outside of an impl block.

use mocopr::prelude::*;

#[tool]
async fn forecast(self, city: String) -> String {
    city
}

fn main() {}
