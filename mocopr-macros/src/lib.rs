//! The attribute macros of mocopr: plain functions become tools, prompts and resources.
//!
//! Expansions are small and name everything through the facade (`::mocopr::__private`), so that its users need no
//! other crate in their manifest. A mistake is a compile error that points at the word that is wrong and says how
//! to mend it. There is no global registry, and no generated name that users could see.

use proc_macro::TokenStream;

mod argument;
mod callable;
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

/// Makes a function a tool. Its parameters are the arguments, its doc comment is the description.
///
/// ```text
/// /// Adds two numbers.
/// #[tool]
/// async fn add(
///     /// The first addend.
///     a: f64,
///     /// The second addend.
///     #[arg(default = 1.0, range(0..=1000))]
///     b: f64,
/// ) -> f64 {
///     a + b
/// }
/// ```
///
/// * An `async fn` runs on the connection's task, a plain `fn` on the blocking pool. Both stay functions that can be
///   called: `add(1.0, 2.0).await`.
/// * `Option<T>` and `#[arg(default = …)]` may be left out. `&Context`, `State<S>`, `Caller` and `Progress` are no
///   arguments; `#[arg(inject)]` says so of another type that implements `Extract`.
/// * `#[tool(name = "…", title = "…", description = "…", icon = "https://…", timeout = "5s", read_only, destructive,
///   idempotent, closed_world, requires(scope = "…", role = "…"), header(parameter = "Name"), crate = "path")]`.
/// * `requires` names scopes and roles of which the caller must have every one. Without a role the tool is hidden;
///   without a scope it is listed, and a call is refused with the names of all scopes that it takes.
/// * `#[arg(default, default = …, range(1..=9), length(..=80), pattern = "…", format = "…", description = "…",
///   inject)]`.
#[proc_macro_attribute]
pub fn tool(settings: TokenStream, item: TokenStream) -> TokenStream {
    free::expand(kind::Kind::Tool, settings.into(), item.into()).into()
}

/// Makes a struct the arguments of a tool, which `CallTool` carries out.
///
/// ```text
/// /// Adds two numbers.
/// #[derive(Tool)]
/// #[tool(read_only)]
/// struct Add {
///     /// The first addend.
///     a: f64,
///     /// The second addend.
///     #[arg(default = 1.0, range(0..=1000))]
///     b: f64,
/// }
///
/// impl CallTool for Add {
///     type Output = f64;
///
///     async fn call(self, _: &Context) -> f64 {
///         self.a + self.b
///     }
/// }
///
/// // McpServer::builder().with_tool(Add::tool())
/// ```
///
/// Fields are what parameters are to a function under `#[tool]`: each is an argument, described by its doc comment and
/// `#[arg(..)]`, but for `State<S>`, `Caller`, `Progress` and what stands under `#[arg(inject)]`, which the server gives.
/// So state is a field of the type `State<S>`.
///
/// `#[tool(..)]` has the keys that it has at a function, and stands below the derive. Without `name` the tool is called
/// like the struct, in lower case with underscores: `ListFiles` is `list_files`. The struct needs no other derive.
#[proc_macro_derive(Tool, attributes(tool, arg, serde, schemars))]
pub fn derive_tool(item: TokenStream) -> TokenStream {
    derive::expand(item.into()).into()
}

/// Makes a function a prompt. Its parameters (`String`, `&str`, `Option<String>`) are the prompt's arguments.
///
/// ```text
/// /// Asks for a review of a book.
/// #[prompt]
/// async fn review(
///     /// The book's title.
///     title: String,
///     /// How it shall sound; friendly unless said.
///     tone: Option<String>,
/// ) -> String {
///     format!("Review {title} in a {} tone.", tone.as_deref().unwrap_or("friendly"))
/// }
/// ```
///
/// `Prompt::new().user("…").assistant("…")` answers several messages.
///
/// `#[prompt(name = "…", title = "…", description = "…", icon = "https://…", timeout = "5s", requires(scope = "…"),
/// crate = "path")]`.
#[proc_macro_attribute]
pub fn prompt(settings: TokenStream, item: TokenStream) -> TokenStream {
    free::expand(kind::Kind::Prompt, settings.into(), item.into()).into()
}

/// Makes a function a resource at a URI, or a family of resources at an RFC 6570 template.
///
/// ```text
/// /// A book.
/// #[resource("book://{author}/{title}", mime = "text/plain")]
/// async fn book(author: String, title: String) -> Result<String, Failure> {
///     find(&author, &title).ok_or_else(|| Failure::absent(format!("book://{author}/{title}")))
/// }
/// ```
///
/// Every variable of the template is a parameter of the same name: `String`, `&str`, `Option<String>` for one that
/// may be absent, or any type that parses from text (what does not parse is no resource of the family).
///
/// `#[resource("weather://{city}/today", mime = "application/json", name = "…", title = "…", description = "…",
/// icon = "https://…", timeout = "5s", requires(scope = "…"), crate = "path")]`.
#[proc_macro_attribute]
pub fn resource(settings: TokenStream, item: TokenStream) -> TokenStream {
    free::expand(kind::Kind::Resource, settings.into(), item.into()).into()
}

/// Makes a method complete an argument of a prompt or a variable of a resource template of the same
/// `#[handlers]` block.
///
/// Its first parameter is what has been typed so far (`&str` or `String`). Further ones, `Option<String>` or
/// `Option<&str>`, are other arguments by name, as far as they are known.
///
/// `#[completion(prompt = "…", argument = "…")]` or `#[completion(resource = "…", argument = "…")]`.
#[proc_macro_attribute]
pub fn completion(settings: TokenStream, item: TokenStream) -> TokenStream {
    free::expand(kind::Kind::Completion, settings.into(), item.into()).into()
}

/// Makes the methods of an impl block tools, prompts, resources and completions that share one value.
///
/// ```text
/// struct Shelf {
///     lent: AtomicU64,
/// }
///
/// #[handlers]
/// impl Shelf {
///     /// Lends a book.
///     #[tool]
///     async fn lend(
///         &self,
///         /// The book's title.
///         title: String,
///     ) -> String {
///         format!("{title}, number {}", self.lent.fetch_add(1, Ordering::Relaxed) + 1)
///     }
/// }
///
/// // McpServer::builder().with_handlers(Shelf { lent: AtomicU64::new(0) })
/// ```
///
/// Only methods under `#[tool]`, `#[prompt]`, `#[resource(…)]` or `#[completion(…)]` are handlers; no peer reaches the
/// others. The block stays as it is written, and the type can be given to `with_handlers` of the server's builder.
///
/// `#[handlers(crate = "path")]` where the dependency is renamed.
#[proc_macro_attribute]
pub fn handlers(settings: TokenStream, item: TokenStream) -> TokenStream {
    handlers::expand(settings.into(), item.into()).into()
}

/// Derives what a type needs to be an argument or an answer: serde's `Serialize` and `Deserialize`, and the JSON
/// Schema. serde's and schemars' own attributes work as usual.
///
/// ```text
/// /// The weather of one day.
/// #[data]
/// struct Weather {
///     /// In degrees Celsius.
///     temperature: f64,
///     /// What to expect, in a few words.
///     summary: Option<String>,
/// }
///
/// /// The weather of a city.
/// #[tool(read_only)]
/// async fn weather(city: String) -> Json<Weather> {
///     Json(Weather { temperature: 21.0, summary: None })
/// }
/// ```
///
/// Doc comments become descriptions in the schema.
///
/// `#[data(crate = "path")]` where the dependency is renamed.
#[proc_macro_attribute]
pub fn data(settings: TokenStream, item: TokenStream) -> TokenStream {
    data::expand(settings.into(), item.into()).into()
}

/// Runs an `async fn main` on a multi-threaded runtime, so that a server needs no other crate in its manifest.
///
/// ```text
/// #[mocopr::main]
/// async fn main() -> mocopr::Result<()> {
///     McpServer::builder().with_info("calculator", "1.0.0").with_tool(add).build()?.run_stdio().await
/// }
/// ```
///
/// Whoever depends on tokio anyway may write `#[tokio::main]` instead; it is the same. `#[main(crate = "path")]`.
#[proc_macro_attribute]
pub fn main(settings: TokenStream, item: TokenStream) -> TokenStream {
    entry::expand(settings.into(), item.into()).into()
}
