//! A completion completes an argument that exists.

use mocopr::prelude::*;

pub struct Weather;

#[handlers]
impl Weather {
    #[prompt]
    async fn explain(&self, city: String) -> String {
        city
    }

    #[completion(prompt = "explian", argument = "city")]
    async fn one(&self, typed: &str) -> Vec<String> {
        vec![typed.into()]
    }

    #[completion(prompt = "explain", argument = "town")]
    async fn two(&self, typed: &str) -> Vec<String> {
        vec![typed.into()]
    }

    #[completion(argument = "city")]
    async fn three(&self, typed: &str) -> Vec<String> {
        vec![typed.into()]
    }

    #[completion(prompt = "explain", argument = "city")]
    async fn four(&self) -> Vec<String> {
        Vec::new()
    }

    #[completion(prompt = "explain", argument = "city")]
    async fn five(&self, typed: &str, day: Option<String>) -> Vec<String> {
        vec![typed.into(), day.unwrap_or_default()]
    }
}

fn main() {}
