//! Calls run at the same time, so a handler takes `&self`.

use mocopr::prelude::*;

pub struct Counter(u8);

#[handlers]
impl Counter {
    #[tool]
    async fn count(&mut self) -> u8 {
        self.0 += 1;
        self.0
    }

    #[tool]
    async fn end(self) {}
}

fn main() {}
