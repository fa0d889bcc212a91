//! A range has numbers, bounds something and is not empty.

use mocopr::prelude::*;

#[tool]
async fn one(#[arg(range(1..="9"))] count: u8) {}

#[tool]
async fn two(#[arg(range(9..=1))] count: u8) {}

#[tool]
async fn three(#[arg(range(..))] count: u8) {}

#[tool]
async fn four(#[arg(range = 9)] count: u8) {}

#[tool]
async fn five(#[arg(range(9))] count: u8) {}

#[tool]
async fn six(#[arg(length(-1..))] text: String) {}

fn main() {}
