//! What stands in the parentheses of `#[tool(..)]`, `#[prompt(..)]`, `#[resource(..)]` and `#[completion(..)]`.

use std::time::Duration;

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::{
    Attribute, LitStr, Meta, Path, Token, ext::IdentExt as _, parenthesized, parse::ParseStream, parse::Parser as _,
    parse_quote, parse_str,
};

use crate::{
    condition::Condition,
    errors::Errors,
    kind::{Kind, LATER},
};

/// What was said of one function.
pub(crate) struct Settings {
    /// The facade, as the user's crate names it.
    root: Path,
    /// Where the attribute itself names the facade.
    pub(crate) own_root: Option<LitStr>,
    /// The URI or template of a resource.
    pub(crate) location: Option<LitStr>,
    pub(crate) name: Option<LitStr>,
    pub(crate) title: Option<LitStr>,
    pub(crate) description: Option<LitStr>,
    pub(crate) mime: Option<LitStr>,
    pub(crate) icons: Vec<LitStr>,
    pub(crate) timeout: Option<Duration>,
    /// What is required of the caller.
    pub(crate) requirements: Vec<(Required, LitStr)>,
    /// What must hold of the caller and the arguments.
    pub(crate) allow: Option<Condition>,
    /// `read_only` and the like, which are methods of the builder.
    pub(crate) hints: Vec<Ident>,
    /// Parameter and header.
    pub(crate) headers: Vec<(Ident, LitStr)>,
    /// What a completion is for.
    pub(crate) prompt: Option<LitStr>,
    pub(crate) resource: Option<LitStr>,
    pub(crate) argument: Option<LitStr>,
}

/// What a caller must have.
#[derive(Clone, Copy)]
pub(crate) enum Required {
    Scope,
    Role,
}

impl Settings {
    /// Reads the tokens between the parentheses; mistakes are added to `errors`.
    pub(crate) fn read(kind: Kind, tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut settings = Self {
            root: parse_quote!(::mocopr),
            own_root: None,
            location: None,
            name: None,
            title: None,
            description: None,
            mime: None,
            icons: Vec::new(),
            timeout: None,
            requirements: Vec::new(),
            allow: None,
            hints: Vec::new(),
            headers: Vec::new(),
            prompt: None,
            resource: None,
            argument: None,
        };
        let mut seen: Vec<Ident> = Vec::new();
        let parser = |input: ParseStream<'_>| {
            if kind == Kind::Resource && input.peek(LitStr) {
                settings.location = Some(input.parse()?);
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            while !input.is_empty() {
                let key = input.call(Ident::parse_any)?;
                check_key(kind, &key, &seen)?;
                settings.value(&key, input, errors)?;
                seen.push(key);
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        if let Err(error) = parser.parse2(tokens) {
            errors.push(error);
        }
        settings
    }

    /// The path of what expansions call.
    pub(crate) fn private(&self) -> TokenStream {
        private(&self.root)
    }

    fn value(&mut self, key: &Ident, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<()> {
        match key.to_string().as_str() {
            "read_only" | "destructive" | "idempotent" | "closed_world" | "heavy" => self.hints.push(key.clone()),
            "header" => self.read_headers(key, input)?,
            "requires" => self.read_requirements(key, input, errors)?,
            "allow" => self.allow = Some(Condition::read(key, input)?),
            "crate" => {
                let path = text(key, input)?;
                self.root = parse_root(&path)?;
                self.own_root = Some(path);
            }
            "timeout" => self.timeout = Some(duration(&text(key, input)?)?),
            "name" => self.name = Some(checked_name(text(key, input)?, errors)),
            "title" => self.title = Some(text(key, input)?),
            "description" => self.description = Some(text(key, input)?),
            "mime" => self.mime = Some(checked_mime(text(key, input)?, errors)),
            "icon" => self.icons.push(checked_icon(text(key, input)?, errors)),
            "prompt" => self.prompt = Some(text(key, input)?),
            "resource" => self.resource = Some(text(key, input)?),
            _ => self.argument = Some(text(key, input)?),
        }
        Ok(())
    }

    fn read_requirements(&mut self, key: &Ident, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<()> {
        if !input.peek(syn::token::Paren) {
            let sentence = "write `requires(scope = \"…\")` or `requires(role = \"…\")`";
            return Err(syn::Error::new_spanned(key, sentence));
        }
        let inside;
        parenthesized!(inside in input);
        if inside.is_empty() {
            return Err(syn::Error::new_spanned(key, "say what is required: `requires(scope = \"…\")`, or `role`"));
        }
        while !inside.is_empty() {
            let what = inside.call(Ident::parse_any)?;
            let required = match what.to_string().as_str() {
                "scope" => Required::Scope,
                "role" => Required::Role,
                other => {
                    let sentence = format!("`requires` has no `{other}`; it has: scope, role");
                    return Err(syn::Error::new_spanned(&what, sentence));
                }
            };
            let name = checked_requirement(required, text(&what, &inside)?, errors);
            self.requirements.push((required, name));
            if !inside.is_empty() {
                inside.parse::<Token![,]>()?;
            }
        }
        Ok(())
    }

    fn read_headers(&mut self, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        if !input.peek(syn::token::Paren) {
            return Err(syn::Error::new_spanned(key, "write `header(parameter = \"Name\")`"));
        }
        let inside;
        parenthesized!(inside in input);
        while !inside.is_empty() {
            let parameter = inside.call(Ident::parse_any)?;
            let header = checked_header(text(&parameter, &inside)?, &self.headers)?;
            self.headers.push((parameter, header));
            if !inside.is_empty() {
                inside.parse::<Token![,]>()?;
            }
        }
        Ok(())
    }
}

fn checked_requirement(required: Required, name: LitStr, errors: &mut Errors) -> LitStr {
    let text = name.value();
    match required {
        // RFC 6749, section 3.3.
        Required::Scope => {
            if text.is_empty() || !text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
                errors.at(&name, "a scope has printable ASCII characters, but no space, quote or backslash");
            }
        }
        Required::Role => {
            if text.trim().is_empty() {
                errors.at(&name, "name the role");
            }
        }
    }
    name
}

/// The tokens between the parentheses of our attribute, where it is not a macro's own.
pub(crate) fn tokens(kind: Kind, attribute: &Attribute, errors: &mut Errors) -> TokenStream {
    match &attribute.meta {
        Meta::Path(_) => TokenStream::new(),
        Meta::List(list) => list.tokens.clone(),
        Meta::NameValue(pair) => {
            errors.at(pair, format!("write `#[{}(..)]`", kind.attribute()));
            TokenStream::new()
        }
    }
}

/// Reads the only setting of `#[handlers]` and `#[data]`: the facade's path.
pub(crate) fn root(attribute: &str, tokens: TokenStream) -> syn::Result<Path> {
    let parser = |input: ParseStream<'_>| {
        if input.is_empty() {
            return Ok(parse_quote!(::mocopr));
        }
        let key = input.call(Ident::parse_any)?;
        if key != "crate" {
            return Err(syn::Error::new_spanned(&key, format!("`#[{attribute}]` has no `{key}`; it has: crate")));
        }
        parse_root(&text(&key, input)?)
    };
    parser.parse2(tokens)
}

/// The path of what expansions call, below the facade's.
pub(crate) fn private(root: &Path) -> TokenStream {
    quote!(#root::__private)
}

/// A path as the text that serde's and schemars' `crate = ".."` take.
pub(crate) fn path_text(path: &TokenStream, place: &impl ToTokens) -> LitStr {
    let span = place.to_token_stream().into_iter().next().map_or_else(proc_macro2::Span::call_site, |it| it.span());
    LitStr::new(&path.to_string().replace(' ', ""), span)
}

fn check_key(kind: Kind, key: &Ident, seen: &[Ident]) -> syn::Result<()> {
    let attribute = kind.attribute();
    if kind.keys().iter().any(|known| key == known) {
        let repeatable = key == "icon" || key == "requires" || key == "header";
        if !repeatable && seen.contains(key) {
            return Err(syn::Error::new_spanned(key, format!("`{key}` is given twice: remove one")));
        }
        return Ok(());
    }
    let sentence = if LATER.iter().any(|later| key == later) {
        format!("`{key}` is not part of this version of mocopr: remove it")
    } else {
        format!("`#[{attribute}]` has no `{key}`; it has: {}", kind.keys().join(", "))
    };
    Err(syn::Error::new_spanned(key, sentence))
}

/// The text of `key = ".."`, of which the key has been read.
pub(crate) fn text(key: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
    if !input.peek(Token![=]) {
        return Err(syn::Error::new_spanned(key, format!("`{key}` needs a text: write `{key} = \"…\"`")));
    }
    input.parse::<Token![=]>()?;
    if !input.peek(LitStr) {
        return Err(input.error(format!("`{key}` needs a text in double quotes")));
    }
    input.parse()
}

fn parse_root(path: &LitStr) -> syn::Result<Path> {
    parse_str(&path.value())
        .map_err(|_| syn::Error::new_spanned(path, "this is not a path to mocopr, such as \"my_mocopr\""))
}

fn duration(text: &LitStr) -> syn::Result<Duration> {
    let wrong = || syn::Error::new_spanned(text, "write a time such as \"500ms\", \"5s\" or \"2m\", above zero");
    let value = text.value();
    let digits = value.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = value.split_at(digits);
    let number: u64 = number.parse().ok().filter(|number| (1..=MOST_TIME).contains(number)).ok_or_else(wrong)?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number.saturating_mul(60))),
        "h" => Ok(Duration::from_secs(number.saturating_mul(3600))),
        _ => Err(wrong()),
    }
}

fn checked_name(name: LitStr, errors: &mut Errors) -> LitStr {
    let text = name.value();
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
    if text.is_empty() || text.len() > 128 || !text.chars().all(fits) {
        errors.at(&name, "a name has 1 to 128 characters of `A-Z a-z 0-9 _ - .`");
    }
    name
}

fn checked_mime(mime: LitStr, errors: &mut Errors) -> LitStr {
    let text = mime.value();
    let plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if !plain || text.split_once('/').is_none_or(|(kind, rest)| kind.is_empty() || rest.is_empty()) {
        errors.at(&mime, "write a MIME type such as \"text/plain\"");
    }
    mime
}

fn checked_icon(icon: LitStr, errors: &mut Errors) -> LitStr {
    let text = icon.value();
    if !text.starts_with("https://") && !text.starts_with("data:image/") {
        errors.at(&icon, "an icon is an `https:` or `data:image/` URI");
    }
    icon
}

fn checked_header(header: LitStr, known: &[(Ident, LitStr)]) -> syn::Result<LitStr> {
    let text = header.value();
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.is_empty() || !text.bytes().all(token) {
        return Err(syn::Error::new_spanned(&header, "a header name has letters, digits and hyphens"));
    }
    if known.iter().any(|(_, other)| other.value().eq_ignore_ascii_case(&text)) {
        return Err(syn::Error::new_spanned(&header, "another parameter has this header already; case does not count"));
    }
    Ok(header)
}

/// The greatest number in a `timeout`; more is a slip of the pen.
const MOST_TIME: u64 = 1_000_000;
