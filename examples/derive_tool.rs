//! Tools as structs: what a caller says and what the server gives stand side by side, and `call` puts them together.
//!
//! `cargo run --example derive_tool` serves standard streams.

use std::sync::Mutex;

use mocopr::prelude::*;

/// What all calls share.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

/// Adds a note.
#[derive(Tool)]
#[tool(requires(scope = "notes:write"), timeout = "2s")]
struct AddNote {
    /// What is to be remembered.
    #[arg(length(1..=200))]
    text: String,
    /// How much it matters, from 1 (a little) to 5.
    #[arg(default = 3, range(1..=5))]
    weight: u8,
    notes: State<Notes>,
    caller: Caller,
}

impl CallTool for AddNote {
    type Output = Result<String, Failure>;

    async fn call(self, ctx: &Context) -> Self::Output {
        ctx.log(Level::Info, "a note comes in");
        let note = format!("{} ({}, from {})", self.text, self.weight, self.caller.subject());
        let mut notes = self.notes.0.lock().map_err(|_| Failure::internal("a call broke off"))?;
        notes.push(note);
        Ok(format!("{} notes", notes.len()))
    }
}

/// A page of notes.
#[data]
struct Page {
    notes: Vec<String>,
    /// How many there are in all.
    total: usize,
}

/// Lists the notes.
#[derive(Tool)]
#[tool(title = "Notes", read_only, closed_world)]
struct ListNotes {
    /// Only those that hold this text.
    containing: Option<String>,
    notes: State<Notes>,
}

impl CallTool for ListNotes {
    type Output = Result<Json<Page>, Failure>;

    async fn call(self, _: &Context) -> Self::Output {
        let Self { containing, notes } = self;
        let all = notes.0.lock().map_err(|_| Failure::internal("a call broke off"))?;
        let wanted = |note: &&String| containing.as_ref().is_none_or(|text| note.contains(text));
        Ok(Json(Page { notes: all.iter().filter(wanted).cloned().collect(), total: all.len() }))
    }
}

#[mocopr::main]
async fn main() -> Result<()> {
    McpServer::builder()
        .with_info("notes", "1.0.0")
        .with_state(Notes::default())
        .with_tool(AddNote::tool())
        .with_tool(ListNotes::tool())
        .build()?
        .run_stdio()
        .await
}
