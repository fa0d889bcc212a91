#[mocopr::main]
fn main() {}
