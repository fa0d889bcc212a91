//! A condition is a function or a closure of the caller and of arguments by their names.

use mocopr::prelude::*;

#[tool(allow)]
async fn one() {}

#[tool(allow = "*")]
async fn two() {}

#[tool(allow = || true)]
async fn three() {}

#[tool(allow = |_, town| town == "Bonn")]
async fn four(city: String) -> String {
    city
}

#[tool(allow = |_, (a, b)| a == b)]
async fn five(a: u8, b: u8) {}

#[tool(allow = async |_| true)]
async fn six() {}

struct Notes;

#[handlers]
impl Notes {
    #[prompt(allow = |_| self.is_open())]
    fn seven(&self, b: String) -> String {
        b
    }

    #[completion(prompt = "seven", argument = "b", allow = |_| true)]
    fn eight(&self, typed: &str) -> Vec<String> {
        vec![typed.to_owned()]
    }
}

fn main() {}
