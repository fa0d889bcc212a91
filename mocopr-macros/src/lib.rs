//! The macros of mocopr: functions become tools, prompts and resources, and structs tools.
//!
//! Expansions are small and name everything through the facade (`::mocopr::__private`), so that its users need no
//! other crate in their manifest. A mistake is a compile error that points at the word that is wrong and says how
//! to mend it. There is no global registry; the one generated name that users see is `tool()` of a struct.

use proc_macro::TokenStream;

mod argument;
mod callable;
mod condition;
mod data;
mod derive;
mod describe;
mod entry;
mod errors;
mod free;
mod handlers;
mod hidden;
mod kind;
mod parameter;
mod settings;
mod template;

#[doc = include_str!("../docs/tool.md")]
#[proc_macro_attribute]
pub fn tool(settings: TokenStream, item: TokenStream) -> TokenStream {
    free::expand(kind::Kind::Tool, settings.into(), item.into()).into()
}

#[doc = include_str!("../docs/derive_tool.md")]
#[proc_macro_derive(Tool, attributes(tool, arg, serde, schemars))]
pub fn derive_tool(item: TokenStream) -> TokenStream {
    derive::expand(item.into()).into()
}

#[doc = include_str!("../docs/prompt.md")]
#[proc_macro_attribute]
pub fn prompt(settings: TokenStream, item: TokenStream) -> TokenStream {
    free::expand(kind::Kind::Prompt, settings.into(), item.into()).into()
}

#[doc = include_str!("../docs/resource.md")]
#[proc_macro_attribute]
pub fn resource(settings: TokenStream, item: TokenStream) -> TokenStream {
    free::expand(kind::Kind::Resource, settings.into(), item.into()).into()
}

#[doc = include_str!("../docs/completion.md")]
#[proc_macro_attribute]
pub fn completion(settings: TokenStream, item: TokenStream) -> TokenStream {
    free::expand(kind::Kind::Completion, settings.into(), item.into()).into()
}

#[doc = include_str!("../docs/handlers.md")]
#[proc_macro_attribute]
pub fn handlers(settings: TokenStream, item: TokenStream) -> TokenStream {
    handlers::expand(settings.into(), item.into()).into()
}

#[doc = include_str!("../docs/data.md")]
#[proc_macro_attribute]
pub fn data(settings: TokenStream, item: TokenStream) -> TokenStream {
    data::expand(settings.into(), item.into()).into()
}

#[doc = include_str!("../docs/main.md")]
#[proc_macro_attribute]
pub fn main(settings: TokenStream, item: TokenStream) -> TokenStream {
    entry::expand(settings.into(), item.into()).into()
}
