//! One permission, from its text.

use mocopr_core::uri::ResourceUri;

use super::pattern::Pattern;
use crate::gate::Kind;

/// What one text says about one kind of things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Permission {
    pub(super) kind: Kind,
    pub(super) effect: Effect,
    pub(super) pattern: Pattern,
}

/// What a permission does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Gives calling (of a tool), getting (of a prompt) or reading (of a resource), and being listed.
    GiveCall,
    /// Gives being listed.
    GiveRead,
    /// Takes what [`Effect::GiveCall`] gives.
    TakeCall,
    /// Takes everything.
    TakeAll,
}

/// Why a text is no permission, and how it is mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) what: &'static str,
    pub(super) mend: &'static str,
}

/// The permissions that a text stands for: one, or for `*` one of each kind.
pub(super) fn parse(text: &str) -> Result<Vec<Permission>, Mistake> {
    let (takes, said) = match text.strip_prefix('!') {
        Some(said) => (Takes::Instead, said),
        None => (Takes::Nothing, text),
    };
    if said == "*" {
        let all = |kind| Permission { kind, effect: effect(kind, Action::Every, takes), pattern: Pattern::All };
        return Ok([Kind::Tool, Kind::Prompt, Kind::Resource].map(all).to_vec());
    }
    let mut parts = said.splitn(3, ':');
    let kind = match parts.next() {
        Some("tools") => Kind::Tool,
        Some("prompts") => Kind::Prompt,
        Some("resources") => Kind::Resource,
        _ => return Err(KIND),
    };
    let action = match (kind, parts.next()) {
        (_, Some("*")) => Action::Every,
        (_, Some("read")) => Action::Read,
        (Kind::Tool, Some("call")) => Action::Call,
        _ => return Err(ACTION),
    };
    let pattern = match parts.next() {
        None => Pattern::All,
        Some(pattern) => read_pattern(kind, pattern)?,
    };
    Ok(vec![Permission { kind, effect: effect(kind, action, takes), pattern }])
}

/// What is written between the colons.
#[derive(Clone, Copy)]
enum Action {
    Read,
    Call,
    Every,
}

/// Whether a permission gives or takes.
#[derive(Clone, Copy)]
enum Takes {
    Nothing,
    Instead,
}

fn effect(kind: Kind, action: Action, takes: Takes) -> Effect {
    match (takes, kind, action) {
        (Takes::Nothing, Kind::Tool, Action::Read) => Effect::GiveRead,
        // Prompts and resources are read and not called.
        (Takes::Nothing, Kind::Tool | Kind::Prompt | Kind::Resource, Action::Read | Action::Call | Action::Every) => {
            Effect::GiveCall
        }
        (Takes::Instead, Kind::Tool, Action::Call) => Effect::TakeCall,
        (Takes::Instead, Kind::Tool | Kind::Prompt | Kind::Resource, Action::Read | Action::Call | Action::Every) => {
            Effect::TakeAll
        }
    }
}

fn read_pattern(kind: Kind, text: &str) -> Result<Pattern, Mistake> {
    if text.is_empty() || text.len() > MAX_PATTERN_BYTES || text.matches('*').count() > MAX_STARS {
        return Err(LENGTH);
    }
    // Also where resources are meant: it has no scheme, and is everything all the same.
    if text == "*" {
        return Ok(Pattern::All);
    }
    match kind {
        Kind::Tool | Kind::Prompt => {
            // Other characters stand in no name, so the pattern would be about nothing.
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'*');
            if text.bytes().all(fits) { Ok(Pattern::new(text)) } else { Err(NAME) }
        }
        Kind::Resource => {
            // The canonical form writes an escaped star plainly, where it would become a wildcard.
            if text.to_ascii_uppercase().contains("%2A") {
                return Err(STAR);
            }
            ResourceUri::parse(text).map(|uri| Pattern::new(uri.canonical())).map_err(|_| URI)
        }
    }
}

/// A text of a permission that is longer is a slip of the pen, and long patterns cost at every decision.
const MAX_PATTERN_BYTES: usize = 512;

/// The most `*` of one pattern.
const MAX_STARS: usize = 16;

const KIND: Mistake = Mistake {
    what: "its kind is unknown",
    mend: "begin it with `tools:`, `prompts:` or `resources:`, or write `*` for everything",
};

const ACTION: Mistake = Mistake {
    what: "its action is unknown",
    mend: "write `tools:read`, `tools:call`, `prompts:read`, `resources:read`, or `*` for every action",
};

const LENGTH: Mistake = Mistake {
    what: "its pattern is empty, too long, or has too many `*`",
    mend: "write 1 to 512 bytes with at most 16 `*`, or leave the second colon away to mean all",
};

const NAME: Mistake = Mistake {
    what: "its pattern holds a character that no name has",
    mend: "names and their patterns have A-Z a-z 0-9 _ - . and *",
};

const URI: Mistake = Mistake {
    what: "its pattern is no pattern of URIs",
    mend: "write it with its scheme and without dot segments, such as `resources:read:notes://public/*`",
};

const STAR: Mistake = Mistake {
    what: "its pattern holds an escaped `*`",
    mend: "a `*` in a pattern is always a wildcard: use one, or leave that character out of names",
};
