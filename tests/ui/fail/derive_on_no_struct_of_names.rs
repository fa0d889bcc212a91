//! The arguments of a derived tool are a struct with named fields.

use mocopr::prelude::*;

#[derive(Tool)]
struct Pair(u8, u8);

#[derive(Tool)]
enum Choice {
    One,
}

#[derive(Tool)]
struct Any<T> {
    value: T,
}

fn main() {}
