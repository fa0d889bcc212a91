//! What handlers say, without secrets and control characters.
//!
//! A handler may read a secret by mistake and answer with it; a terminal may obey what a tool's text holds. Both are
//! taken out here before anything is encoded. A net below the handlers, never a reason to let them touch secrets:
//! it knows the secrets whose shape is known, and those that the owner describes.
//!
//! It never decides which text an error has (`sanitize`), and knows nothing of values that are marked as secret
//! (`redact`).

mod find;
mod json;

use std::{borrow::Cow, fmt, ops::Range, sync::Arc};

use mocopr_core::{
    json::RawJson,
    model::{
        ask::{Ask, FormAsk, UrlAsk},
        content::Content,
        notice::Notice,
        prompt::PromptResult,
        resource::{Body, Contents, ReadResult, Resource},
        tool::{Completion, ToolResult},
    },
    outcome::Reply,
};
use regex::{Regex, RegexBuilder};
use serde::de::IgnoredAny;

use crate::policy::{Problem, Problems};

/// Takes secrets and control characters out of what handlers say.
///
/// Always known: private keys in PEM, JSON Web Tokens, keys of this framework (`mocopr_…`), AWS access key ids,
/// tokens of GitHub, bearer tokens, and passwords in URLs. A secret becomes `[redacted]`. Of control characters only
/// tab, line feed and carriage return stay; an ANSI escape sequence goes as a whole. Base64 of pictures, sound and
/// binary resources is left alone.
///
/// ```
/// use mocopr_security::leak::OutputSanitizer;
///
/// let sanitizer = OutputSanitizer::builder().with_pattern("EMP-[0-9]{6}").build()?;
/// assert_eq!(sanitizer.text("of EMP-123456"), "of [redacted]");
/// assert_eq!(sanitizer.text("postgres://app:hunter2@db/x"), "postgres://app:[redacted]@db/x");
/// # Ok::<(), mocopr_security::policy::Problems>(())
/// ```
#[derive(Clone, Debug)]
pub struct OutputSanitizer {
    finder: find::Finder,
    patterns: Box<[Regex]>,
}

/// Takes out of a handler's words what must not leave: the one thing that the pipeline knows of an [`OutputSanitizer`],
/// so that a server without one does not link it.
pub trait Clean: fmt::Debug + Send + Sync {
    /// A text, cleaned; borrowed where there is nothing to clean.
    #[must_use]
    fn clean_text<'a>(&self, text: &'a str) -> Cow<'a, str>;

    /// A handler's answer, cleaned: texts, structured content, what is said about them, and `_meta`.
    #[must_use]
    fn reply(&self, reply: Reply) -> Reply;

    /// A notification, cleaned: messages of progress and of the log.
    #[must_use]
    fn notice(&self, notice: Notice) -> Notice;

    /// A question to the client, cleaned: what a person or a model reads. The address of a page to open stays whole.
    #[must_use]
    fn ask(&self, ask: Ask) -> Ask;
}

/// Whether what handlers say is cleaned, and by what: `true`, `false`, or an [`OutputSanitizer`] with shapes of one's
/// own.
///
/// ```
/// use mocopr_security::{leak::OutputSanitizer, policy::SecurityPolicy};
///
/// let badges = OutputSanitizer::builder().with_pattern("EMP-[0-9]{6}").build()?;
/// let policy = SecurityPolicy::strict().with_output_sanitization(badges);
/// assert!(policy.output().is_some());
/// let as_handlers_say_it = SecurityPolicy::development().with_output_sanitization(false);
/// assert!(as_handlers_say_it.output().is_none());
/// # Ok::<(), mocopr_security::policy::Problems>(())
/// ```
#[derive(Clone, Debug)]
pub struct OutputSanitization(pub(crate) Option<Arc<dyn Clean>>);

impl From<bool> for OutputSanitization {
    fn from(on: bool) -> Self {
        Self(if on { Some(Arc::new(OutputSanitizer::new())) } else { None })
    }
}

impl From<OutputSanitizer> for OutputSanitization {
    fn from(sanitizer: OutputSanitizer) -> Self {
        Self(Some(Arc::new(sanitizer)))
    }
}

/// Collects the patterns of an [`OutputSanitizer`].
///
/// An example is at [`OutputSanitizer`].
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until it is built"]
pub struct OutputSanitizerBuilder {
    patterns: Vec<String>,
}

impl OutputSanitizerBuilder {
    /// One more shape of secrets: a regular expression of the crate `regex`, matched in linear time.
    ///
    /// At most 16, each of at most 1,024 bytes. Write `(?s)` where a dot shall match line breaks.
    pub fn with_pattern(mut self, pattern: impl Into<String>) -> Self {
        self.patterns.push(pattern.into());
        self
    }

    /// The sanitizer.
    ///
    /// # Errors
    /// A problem for each pattern that is no regular expression, is too large, or matches the empty text.
    pub fn build(self) -> Result<OutputSanitizer, Problems> {
        let mut problems = Vec::new();
        if self.patterns.len() > MAX_PATTERNS {
            problems.push(Problem::new(
                format!("output sanitization has more than {MAX_PATTERNS} patterns"),
                "join some of them with `|`",
            ));
        }
        let mut patterns = Vec::new();
        for (at, pattern) in self.patterns.iter().enumerate().take(MAX_PATTERNS) {
            let what = format!("pattern {} of output sanitization", at + 1);
            if pattern.len() > PATTERN_BYTES {
                problems.push(Problem::new(format!("{what} is longer than {PATTERN_BYTES} bytes"), "shorten it"));
                continue;
            }
            match RegexBuilder::new(pattern).size_limit(COMPILED_BYTES).build() {
                Ok(regex) if regex.is_match("") => {
                    problems.push(Problem::new(format!("{what} matches the empty text"), "let it match something"));
                }
                Ok(regex) => patterns.push(regex),
                Err(_) => problems.push(Problem::new(
                    format!("{what} is no regular expression, or too large a one"),
                    "use the syntax of the crate `regex`",
                )),
            }
        }
        if !problems.is_empty() {
            return Err(problems.into());
        }
        Ok(OutputSanitizer { patterns: patterns.into(), ..OutputSanitizer::new() })
    }
}

impl Default for OutputSanitizer {
    fn default() -> Self {
        Self::new()
    }
}

impl OutputSanitizer {
    /// A sanitizer of the secrets that are always known.
    #[must_use]
    pub fn new() -> Self {
        Self { finder: find::Finder::new(), patterns: Box::default() }
    }

    /// A builder, for shapes of one's own.
    pub fn builder() -> OutputSanitizerBuilder {
        OutputSanitizerBuilder::default()
    }

    /// The text without secrets and control characters; borrowed where it holds none.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.nested(text, MOST_NESTED)
    }

    /// A text that may be JSON, and strings of it again, so many levels deep; below that escapes are not looked behind.
    ///
    /// A level can cost its author five bytes, so only a bound keeps the work in proportion to the text.
    fn nested<'a>(&self, text: &'a str, levels: usize) -> Cow<'a, str> {
        match levels.checked_sub(1).and_then(|levels| self.escaped(text, levels)) {
            Some(cleaned) => Cow::Owned(self.plain(&cleaned).into_owned()),
            None => self.plain(text),
        }
    }

    /// A text that is JSON, where escapes of JSON hid something; tools say structured content in such a text as well.
    fn escaped(&self, text: &str, levels: usize) -> Option<String> {
        let is_json = text.trim_ascii_start().starts_with(['{', '['])
            && text.contains('\\')
            && serde_json::from_str::<IgnoredAny>(text).is_ok();
        if is_json { json::clean(text, |text| self.nested(text, levels)) } else { None }
    }

    fn plain<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if let Cow::Borrowed(plain) = find::without_control(text) {
            return self.without_secrets(plain);
        }
        // Before and after the control characters go: what nobody sees must not hide a secret by standing inside of it,
        // and an escape sequence that stands before one must not take its first letter.
        let shown = self.without_secrets(text);
        let plain = find::without_control(&shown);
        Cow::Owned(self.without_secrets(&plain).into_owned())
    }

    fn without_secrets<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut secrets = self.finder.secrets(text);
        for pattern in &self.patterns {
            secrets.extend(pattern.find_iter(text).map(|found| found.range()).filter(|found| !found.is_empty()));
        }
        if secrets.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(redacted(text, secrets)) }
    }

    /// The same value with each of its strings and names cleaned; the very same where there is nothing to clean.
    ///
    /// It stays valid JSON: numbers, order and white space are as they were, and no two names become one.
    #[must_use]
    pub fn json(&self, value: RawJson) -> RawJson {
        let text = value.as_str();
        let plain = !text.contains('\\')
            && self.patterns.is_empty()
            && matches!(find::without_control(text), Cow::Borrowed(_))
            && self.finder.secrets(text).is_empty();
        if plain {
            return value;
        }
        match json::clean(text, |text| self.text(text)) {
            Some(cleaned) => RawJson::parse(cleaned.into_bytes().into(), &json::ANY).unwrap_or_else(|_| hidden()),
            None => value,
        }
    }

    fn content(&self, content: &mut Content) {
        match content {
            Content::Text(text) => self.string(&mut text.text),
            Content::Link(link) => {
                self.boxed(&mut link.uri);
                self.boxed(&mut link.name);
                self.optional(&mut link.title);
                self.optional(&mut link.description);
            }
            Content::Resource(embedded) => self.contents(&mut embedded.resource),
            // Base64 holds no text, and what it encodes is the handler's.
            Content::Image(_) | Content::Audio(_) => {}
        }
    }

    fn resource(&self, resource: &mut Resource) {
        self.boxed(&mut resource.uri);
        self.boxed(&mut resource.name);
        self.optional(&mut resource.title);
        self.optional(&mut resource.description);
    }

    fn contents(&self, contents: &mut Contents) {
        self.boxed(&mut contents.uri);
        match &mut contents.body {
            Body::Text(text) => self.string(text),
            Body::Blob(_) => {}
        }
    }

    fn meta(&self, meta: Option<RawJson>) -> Option<RawJson> {
        meta.map(|meta| self.json(meta))
    }

    fn optional(&self, text: &mut Option<Box<str>>) {
        if let Some(text) = text {
            self.boxed(text);
        }
    }

    fn boxed(&self, text: &mut Box<str>) {
        if let Cow::Owned(cleaned) = self.text(text) {
            *text = cleaned.into();
        }
    }

    fn string(&self, text: &mut String) {
        if let Cow::Owned(cleaned) = self.text(text) {
            *text = cleaned;
        }
    }
}

impl Clean for OutputSanitizer {
    fn clean_text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.text(text)
    }

    fn reply(&self, reply: Reply) -> Reply {
        match reply {
            Reply::Tool(ToolResult { mut content, structured, is_error, meta }) => {
                content.iter_mut().for_each(|block| self.content(block));
                let structured = structured.map(|value| self.json(value));
                Reply::Tool(ToolResult { content, structured, is_error, meta: self.meta(meta) })
            }
            Reply::Prompt(PromptResult { mut description, mut messages, meta }) => {
                self.optional(&mut description);
                messages.iter_mut().for_each(|message| self.content(&mut message.content));
                Reply::Prompt(PromptResult { description, messages, meta: self.meta(meta) })
            }
            Reply::Read(ReadResult { mut contents, cache, meta }) => {
                contents.iter_mut().for_each(|contents| self.contents(contents));
                Reply::Read(ReadResult { contents, cache, meta: self.meta(meta) })
            }
            Reply::Completion(Completion { mut values, total, has_more }) => {
                values.iter_mut().for_each(|value| self.string(value));
                Reply::Completion(Completion { values, total, has_more })
            }
            Reply::Resources(mut page) => {
                page.items.iter_mut().for_each(|resource| self.resource(resource));
                Reply::Resources(page)
            }
        }
    }

    fn notice(&self, notice: Notice) -> Notice {
        match notice {
            Notice::Progress { token, progress, total, mut message } => {
                if let Some(message) = &mut message {
                    self.string(message);
                }
                Notice::Progress { token, progress, total, message }
            }
            Notice::Log(mut message) => {
                self.optional(&mut message.logger);
                message.data = self.json(message.data);
                Notice::Log(message)
            }
            Notice::ToolsChanged
            | Notice::PromptsChanged
            | Notice::ResourcesChanged
            | Notice::ResourceUpdated { .. }
            | Notice::Acknowledged(_)
            | Notice::ElicitationComplete { .. }
            | Notice::Cancelled { .. } => notice,
        }
    }

    fn ask(&self, ask: Ask) -> Ask {
        match ask {
            Ask::Form(FormAsk { mut message, schema }) => {
                self.boxed(&mut message);
                Ask::Form(FormAsk { message, schema: self.json(schema) })
            }
            Ask::Url(UrlAsk { mut message, url, elicitation_id }) => {
                self.boxed(&mut message);
                Ask::Url(UrlAsk { message, url, elicitation_id })
            }
            Ask::Sample(mut sample) => {
                sample.messages.iter_mut().for_each(|message| self.content(&mut message.content));
                self.optional(&mut sample.system_prompt);
                Ask::Sample(sample)
            }
            Ask::Roots => Ask::Roots,
        }
    }
}

/// Takes the secrets whose shape is known out of what is logged, and nothing else: whoever logs escapes the rest.
#[derive(Clone, Debug)]
pub(crate) struct KnownSecrets(find::Finder);

impl KnownSecrets {
    pub(crate) fn new() -> Self {
        Self(find::Finder::new())
    }

    /// The text without them; borrowed where there is none.
    pub(crate) fn without<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let secrets = self.0.secrets(text);
        if secrets.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(redacted(text, secrets)) }
    }
}

/// The text with each of the ranges replaced; ranges may overlap.
fn redacted(text: &str, mut secrets: Vec<Range<usize>>) -> String {
    secrets.sort_unstable_by_key(|secret| (secret.start, secret.end));
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for secret in secrets {
        if secret.start >= from {
            out.push_str(text.get(from..secret.start).unwrap_or_default());
            out.push_str(REDACTED);
        }
        from = from.max(secret.end);
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

/// Stands for a value that could not be cleaned.
fn hidden() -> RawJson {
    RawJson::empty_object()
}

/// What stands where a secret stood.
const REDACTED: &str = "[redacted]";

/// Levels of JSON inside of strings of JSON that are looked into: a result, its text, and one more.
const MOST_NESTED: usize = 3;

/// Each pattern is a pass over every answer.
const MAX_PATTERNS: usize = 16;

const PATTERN_BYTES: usize = 1_024;

/// Bytes of one compiled pattern; a name of a Unicode class alone may take 20 KiB.
const COMPILED_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests;
