//! A tool is an ordinary function.

use mocopr::prelude::*;

#[tool]
const fn one() -> u8 {
    1
}

#[tool]
async unsafe fn two() {}

#[tool]
extern "C" fn three() {}

fn main() {}
