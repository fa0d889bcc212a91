//! A function under one of the macros: what its signature says, checked.

use proc_macro2::{Ident, TokenStream};
use syn::{
    Attribute, FnArg, ReturnType, Signature, Type, ext::IdentExt as _, parse_quote, spanned::Spanned as _,
    visit_mut::VisitMut,
};

use crate::{
    describe::description,
    errors::Errors,
    kind::Kind,
    parameter::{Field, Parameter, is_float, is_integer},
    settings::Settings,
    template,
};

/// A function that becomes a definition.
pub(crate) struct Callable {
    pub(crate) kind: Kind,
    pub(crate) ident: Ident,
    /// The name on the wire, unless another is given.
    pub(crate) listed: String,
    /// The name under which the expansion calls it.
    pub(crate) called: Ident,
    pub(crate) mode: Mode,
    pub(crate) receiver: Receiver,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) returns: Type,
    pub(crate) description: Option<String>,
}

/// How a function runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// `async fn`: on the connection's task.
    Async,
    /// `fn`: on the blocking pool.
    Plain,
}

/// What a method is called on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Receiver {
    /// `&self`.
    Shared,
    /// Nothing.
    None,
}

impl Callable {
    /// Reads a signature and takes our attributes off its parameters; mistakes are added to `errors`.
    pub(crate) fn read(kind: Kind, signature: &mut Signature, attributes: &[Attribute], errors: &mut Errors) -> Self {
        check_qualifiers(kind, signature, errors);
        let receiver = receiver(kind, signature, errors);
        let parameters = signature
            .inputs
            .iter_mut()
            .enumerate()
            .filter_map(|(place, input)| Parameter::read(kind, input, place, errors))
            .collect();
        let returns = match &signature.output {
            ReturnType::Default => parse_quote!(()),
            ReturnType::Type(_, ty) => (**ty).clone(),
        };
        check_returns(kind, &returns, errors);
        Self {
            kind,
            ident: signature.ident.clone(),
            listed: signature.ident.unraw().to_string(),
            called: signature.ident.clone(),
            mode: if signature.asyncness.is_some() { Mode::Async } else { Mode::Plain },
            receiver,
            parameters,
            returns,
            description: description(attributes),
        }
    }

    /// The parameters that are arguments of the peer.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &Field> {
        self.parameters.iter().filter_map(|parameter| match parameter {
            Parameter::Field(field) => Some(&**field),
            Parameter::Context | Parameter::Injected(..) => None,
        })
    }

    /// The name on the wire.
    pub(crate) fn name(&self, settings: &Settings) -> String {
        settings.name.as_ref().map_or_else(|| self.listed.clone(), syn::LitStr::value)
    }

    /// Checks what was said in the attribute against the parameters.
    pub(crate) fn check(&self, settings: &Settings, errors: &mut Errors) {
        for (parameter, header) in &settings.headers {
            self.check_header(parameter, header, errors);
        }
        if let Some(condition) = &settings.allow {
            condition.check(self, errors);
        }
        match self.kind {
            Kind::Resource => self.check_location(settings, errors),
            Kind::Completion => self.check_completion(settings, errors),
            Kind::Tool | Kind::Prompt => {}
        }
    }

    fn check_header(&self, parameter: &Ident, header: &syn::LitStr, errors: &mut Errors) {
        let Some(field) = self.fields().find(|field| field.ident.unraw() == parameter.unraw()) else {
            errors.at(parameter, format!("there is no argument `{parameter}` to repeat in the header"));
            return;
        };
        let name = field.type_name();
        if is_float(&name) || !(is_integer(&name) || matches!(name.as_str(), "String" | "str" | "bool")) {
            errors.at(header, format!("a header carries a text, an integer or a `bool`, and `{name}` is none"));
        }
    }

    fn check_location(&self, settings: &Settings, errors: &mut Errors) {
        let Some(location) = &settings.location else {
            errors.at(&self.ident, "say where the resource is: `#[resource(\"scheme://path\")]`");
            return;
        };
        let text = location.value();
        if !has_scheme(&text) {
            errors.at(location, "a URI begins with a scheme, such as `notes://`");
        }
        let variables = match template::variables(&text) {
            Ok(variables) => variables,
            Err(sentence) => {
                errors.at(location, sentence);
                return;
            }
        };
        for variable in &variables {
            if !self.fields().any(|field| field.wire == *variable) {
                errors.at(location, format!("`{{{variable}}}` has no parameter: add `{variable}: String`"));
            }
        }
        for field in self.fields().filter(|field| !variables.contains(&field.wire.as_str())) {
            let name = &field.wire;
            errors.at(&field.ident, format!("no variable of the template is called `{name}`: add `{{{name}}}` to it"));
        }
    }

    fn check_completion(&self, settings: &Settings, errors: &mut Errors) {
        if settings.argument.is_none() || settings.prompt.is_some() == settings.resource.is_some() {
            errors.at(
                &self.ident,
                "say what is completed: `#[completion(prompt = \"…\", argument = \"…\")]`, or `resource`",
            );
        }
        let mut fields = self.fields();
        match fields.next() {
            Some(typed) if typed.is_text() && !typed.is_option() => {}
            Some(other) => errors.at(&other.ident, "the first parameter is what has been typed so far: write `&str`"),
            None => errors.at(&self.ident, "add a parameter for what has been typed so far: `typed: &str`"),
        }
        for field in fields.filter(|field| !(field.is_text() && field.is_option())) {
            errors.at(&field.ident, "another argument may not be known yet: write `Option<String>`");
        }
    }
}

/// The attributes that stay on the outside, and those that belong to the function's own body.
pub(crate) fn split_attributes(attributes: Vec<Attribute>) -> (Vec<Attribute>, Vec<Attribute>) {
    const OUTSIDE: [&str; 8] = ["doc", "cfg", "allow", "expect", "warn", "deny", "forbid", "deprecated"];
    attributes.into_iter().partition(|attribute| OUTSIDE.iter().any(|name| attribute.path().is_ident(name)))
}

fn check_qualifiers(kind: Kind, signature: &Signature, errors: &mut Errors) {
    let noun = kind.noun();
    if let Some(word) = &signature.constness {
        errors.at(word, format!("{noun} is not `const`: remove it"));
    }
    if let Some(word) = &signature.unsafety {
        errors.at(word, format!("{noun} is called with what a peer sent, so it cannot be `unsafe`: remove it"));
    }
    if let Some(word) = &signature.abi {
        errors.at(word, format!("{noun} has no ABI of its own: remove `extern`"));
    }
    if let Some(dots) = &signature.variadic {
        errors.at(dots, format!("{noun} has a fixed number of parameters"));
    }
    if !signature.generics.params.is_empty() {
        errors.at(&signature.generics, format!("{noun} is not generic: its schema is fixed, so name the types"));
    } else if let Some(clause) = &signature.generics.where_clause {
        errors.at(clause, format!("{noun} is not generic: remove the `where` clause"));
    }
}

fn receiver(kind: Kind, signature: &Signature, errors: &mut Errors) -> Receiver {
    let Some(FnArg::Receiver(receiver)) = signature.inputs.first() else { return Receiver::None };
    let shared = receiver.reference.is_some() && receiver.mutability.is_none();
    if !shared {
        let sentence = format!("{} takes `&self`: calls run at the same time", kind.noun());
        errors.at(receiver, sentence);
    }
    Receiver::Shared
}

fn check_returns(kind: Kind, returns: &Type, errors: &mut Errors) {
    if let Some(span) = opaque(returns) {
        let sentence = format!("{} returns one type: name it instead of `impl Trait`", kind.noun());
        errors.push(syn::Error::new(span, sentence));
    }
}

/// Where a type says `impl Trait`.
pub(crate) fn opaque(ty: &Type) -> Option<proc_macro2::Span> {
    struct Search(Option<proc_macro2::Span>);
    impl VisitMut for Search {
        fn visit_type_impl_trait_mut(&mut self, ty: &mut syn::TypeImplTrait) {
            self.0.get_or_insert_with(|| ty.span());
        }
    }
    let mut search = Search(None);
    search.visit_type_mut(&mut ty.clone());
    search.0
}

fn has_scheme(location: &str) -> bool {
    let Some((scheme, _)) = location.split_once(':') else { return false };
    let mut letters = scheme.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '.'))
}

/// An optional text as code.
pub(crate) fn option(text: Option<&str>) -> TokenStream {
    match text {
        Some(text) => quote::quote!(::core::option::Option::Some(#text)),
        None => quote::quote!(::core::option::Option::None),
    }
}
