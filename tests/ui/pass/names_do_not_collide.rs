//! Whatever the user calls things, an expansion does not see it.

use mocopr::{IntoPrompt, IntoResource, IntoTool};

#[mocopr::data]
pub struct Arguments {
    arguments: Vec<u8>,
}

#[mocopr::data]
pub enum Option {
    Some,
    None,
}

pub struct Result;
pub struct Box;
pub struct String;

#[mocopr::tool]
async fn work(arguments: Arguments, value: Option, tool: u8) -> std::string::String {
    let _ = (arguments.arguments, tool);
    match value {
        Option::Some => "some".into(),
        Option::None => "none".into(),
    }
}

#[mocopr::tool]
async fn tool(tool: u8, failure: u8) -> u8 {
    tool + failure
}

#[mocopr::tool]
async fn arguments(arguments: u8, value: u8, message: &str, failure: std::string::String) -> u8 {
    let _ = (message, failure);
    arguments + value
}

#[mocopr::prompt]
async fn prompt(prompt: &str) -> std::string::String {
    prompt.to_owned()
}

#[mocopr::resource("test://{resource}")]
async fn resource(resource: &str) -> std::string::String {
    resource.to_owned()
}

fn main() {
    let _ = (Result, Box, String);
    let _ = (work.into_tool(), tool.into_tool(), arguments.into_tool());
    let _ = (prompt.into_prompt(), resource.into_resource());
}
