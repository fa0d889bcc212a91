//! A role, compiled: its permissions in tables, by kind and effect.

use super::{
    pattern::{self, Glob, Pattern},
    permission::{Effect, Permission},
};
use crate::gate::Kind;

/// A role with its own permissions, and the places of all roles that it inherits from.
#[derive(Debug)]
pub(super) struct Role {
    pub(super) name: Box<str>,
    /// The texts of its permissions, for explanations.
    pub(super) texts: Box<[Box<str>]>,
    /// Itself and every role that it inherits from, directly or not, each once.
    pub(super) lineage: Box<[usize]>,
    tools: Powers,
    prompts: Powers,
    resources: Powers,
}

/// What a role says about one kind of things.
#[derive(Debug, Default)]
pub(super) struct Powers {
    pub(super) give_call: Table,
    pub(super) give_read: Table,
    pub(super) take_call: Table,
    pub(super) take_all: Table,
}

/// Patterns of one effect, each with the place of its text.
#[derive(Debug, Default)]
pub(super) struct Table {
    all: Option<usize>,
    /// Ordered by name.
    exact: Vec<(Box<str>, usize)>,
    globs: Vec<(Glob, usize)>,
}

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Subject<'a> {
    /// One tool, prompt or resource.
    One(&'a str),
    /// The members of a template, by its outline.
    Family(&'a str),
}

/// How much of what is asked about a rule reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// Some members of a family.
    Part,
    /// All of it.
    Whole,
}

impl Role {
    /// A role of these permissions, each with the place of its text. The lineage is that of itself alone.
    pub(super) fn new(name: Box<str>, texts: Box<[Box<str>]>, permissions: Vec<(Permission, usize)>) -> Self {
        let mut role = Self {
            name,
            texts,
            lineage: Box::default(),
            tools: Powers::default(),
            prompts: Powers::default(),
            resources: Powers::default(),
        };
        for (Permission { kind, effect, pattern }, text) in permissions {
            let powers = match kind {
                Kind::Tool => &mut role.tools,
                Kind::Prompt => &mut role.prompts,
                Kind::Resource => &mut role.resources,
            };
            let table = match effect {
                Effect::GiveCall => &mut powers.give_call,
                Effect::GiveRead => &mut powers.give_read,
                Effect::TakeCall => &mut powers.take_call,
                Effect::TakeAll => &mut powers.take_all,
            };
            table.put(pattern, text);
        }
        role
    }

    /// What it says about things of that kind.
    pub(super) fn powers(&self, kind: Kind) -> &Powers {
        match kind {
            Kind::Tool => &self.tools,
            Kind::Prompt => &self.prompts,
            Kind::Resource => &self.resources,
        }
    }
}

impl Table {
    fn put(&mut self, pattern: Pattern, text: usize) {
        match pattern {
            Pattern::All => {
                self.all.get_or_insert(text);
            }
            Pattern::Exact(name) => {
                if let Err(place) = self.place(&name) {
                    self.exact.insert(place, (name, text));
                }
            }
            Pattern::Glob(glob) => self.globs.push((glob, text)),
        }
    }

    /// The rule that reaches the most of a subject, with the place of its text.
    pub(super) fn find(&self, subject: Subject<'_>) -> Option<(Reach, usize)> {
        if let Some(text) = self.all {
            return Some((Reach::Whole, text));
        }
        let globs = self.globs.iter();
        match subject {
            Subject::One(name) => {
                let exact = self.place(name).ok().and_then(|place| self.exact.get(place)).map(|(_, text)| *text);
                let text = exact.or_else(|| globs.clone().find(|(glob, _)| glob.matches(name)).map(|(_, text)| *text));
                text.map(|text| (Reach::Whole, text))
            }
            Subject::Family(outline) => {
                if let Some((_, text)) = globs.clone().find(|(glob, _)| glob.matches(outline)) {
                    return Some((Reach::Whole, *text));
                }
                let part = globs.clone().find(|(glob, _)| glob.overlaps(outline)).map(|(_, text)| *text);
                let member = || self.exact.iter().find(|(name, _)| pattern::is_member(name, outline));
                part.or_else(|| member().map(|(_, text)| *text)).map(|text| (Reach::Part, text))
            }
        }
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.exact.binary_search_by(|(known, _)| (**known).cmp(name))
    }
}
