//! A block without handlers is a slip of the pen.

use mocopr::prelude::*;

pub struct Weather;

#[handlers]
impl Weather {
    pub fn new() -> Self {
        Self
    }
}

#[handlers]
impl Default for Weather {
    fn default() -> Self {
        Self
    }
}

fn main() {}
