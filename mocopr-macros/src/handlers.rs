//! `#[handlers]`: the methods of an impl block as definitions that share one value.
//!
//! The block is emitted as it is written, without our attributes; beside it stands one impl of `Handlers`.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Attribute, ImplItem, ImplItemFn, ItemImpl, LitStr, parse_quote};

use crate::{
    callable::Callable,
    errors::Errors,
    hidden::{Declared, Hidden},
    kind::Kind,
    settings::{Settings, private, root, tokens},
};

/// Expands `#[handlers]`.
pub(crate) fn expand(settings: TokenStream, item: TokenStream) -> TokenStream {
    let Ok(mut block) = syn::parse2::<ItemImpl>(item.clone()) else {
        let error = syn::Error::new(Span::call_site(), "`#[handlers]` belongs on an `impl` block").into_compile_error();
        return quote!(#error #item);
    };
    let mut errors = Errors::default();
    let private = match root("handlers", settings) {
        Ok(root) => private(&root),
        Err(error) => {
            errors.push(error);
            private(&parse_quote!(::mocopr))
        }
    };
    if let Some((_, of, _)) = &block.trait_ {
        errors.at(of, "`#[handlers]` belongs on an `impl` block without a trait");
    }
    let entries = read(&mut block, &mut errors);
    if entries.is_empty() && errors.is_empty() {
        let sentence = "no handlers here: put `#[tool]`, `#[prompt]` or `#[resource(..)]` above methods";
        errors.at(&block.self_ty, sentence);
    }
    check_names(&entries, &mut errors);
    check_completions(&entries, &mut errors);
    let (generics, _, clause) = block.generics.split_for_impl();
    let this = &block.self_ty;
    if !errors.is_empty() {
        let errors = errors.into_code();
        // Beside the errors stands an impl, so that registering the value is no error too.
        let stand_in = block.trait_.is_none().then(|| {
            quote! {
                impl #generics #private::Handlers for #this #clause {
                    fn definitions(self: ::std::sync::Arc<Self>) -> #private::Definitions {
                        ::core::unreachable!()
                    }
                }
            }
        });
        return quote!(#errors #block #stand_in);
    }
    let definitions = entries.iter().filter(|entry| entry.callable.kind != Kind::Completion);
    let definitions = definitions.map(|entry| define(entry, &entries, &private));
    quote! {
        #block

        impl #generics #private::Handlers for #this #clause {
            fn definitions(self: ::std::sync::Arc<Self>) -> #private::Definitions {
                let mut __definitions = #private::Definitions::default();
                #(#definitions)*
                __definitions
            }
        }
    }
}

/// A method with what was said of it.
struct Entry {
    callable: Callable,
    settings: Settings,
}

impl Entry {
    fn name(&self) -> String {
        self.callable.name(&self.settings)
    }

    /// What must be unique among entries of a kind, and where it stands.
    fn key(&self) -> (String, Span) {
        match (&self.settings.location, &self.settings.name) {
            (Some(location), _) => (location.value(), location.span()),
            (None, Some(name)) => (name.value(), name.span()),
            (None, None) => (self.name(), self.callable.ident.span()),
        }
    }

    /// The prompt or resource that a completion is for.
    fn completes(&self) -> Option<(Kind, &LitStr)> {
        let prompt = self.settings.prompt.as_ref().map(|name| (Kind::Prompt, name));
        prompt.or(self.settings.resource.as_ref().map(|location| (Kind::Resource, location)))
    }

    fn is_completed_by(&self, completion: &Self) -> bool {
        completion.callable.kind == Kind::Completion
            && completion
                .completes()
                .is_some_and(|(kind, target)| kind == self.callable.kind && self.key().0 == target.value())
    }
}

fn read(block: &mut ItemImpl, errors: &mut Errors) -> Vec<Entry> {
    let mut entries = Vec::new();
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        if let Some((kind, attribute)) = take_attribute(method, errors) {
            entries.push(read_method(kind, &attribute, method, errors));
        }
    }
    entries
}

fn read_method(kind: Kind, attribute: &Attribute, method: &mut ImplItemFn, errors: &mut Errors) -> Entry {
    let settings = Settings::read(kind, tokens(kind, attribute, errors), errors);
    if let Some(place) = &settings.own_root {
        errors.at(place, "say it once for all: `#[handlers(crate = \"…\")]`");
    }
    let callable = Callable::read(kind, &mut method.sig, &method.attrs, errors);
    callable.check(&settings, errors);
    Entry { callable, settings }
}

/// Takes our attribute off a method.
fn take_attribute(method: &mut ImplItemFn, errors: &mut Errors) -> Option<(Kind, Attribute)> {
    let mut found = None;
    let mut kept = Vec::new();
    for attribute in std::mem::take(&mut method.attrs) {
        match kind_of(&attribute) {
            Some(_) if found.is_some() => errors.at(&attribute, "a method is one thing: split it in two"),
            Some(kind) => found = Some((kind, attribute)),
            None => kept.push(attribute),
        }
    }
    method.attrs = kept;
    found
}

fn kind_of(attribute: &Attribute) -> Option<Kind> {
    let last = attribute.path().segments.last()?;
    Kind::ALL.into_iter().find(|kind| last.ident == kind.attribute())
}

fn check_names(entries: &[Entry], errors: &mut Errors) {
    for (place, entry) in entries.iter().enumerate() {
        let kind = entry.callable.kind;
        let (name, span) = entry.key();
        let earlier = entries.iter().take(place).filter(|other| other.callable.kind == kind);
        if kind != Kind::Completion && earlier.clone().any(|other| other.key().0 == name) {
            let sentence = format!("there is already {} `{name}` in this block: rename one", kind.noun());
            errors.push(syn::Error::new(span, sentence));
        }
        let completed = |other: &Entry| {
            let place = other.completes().map(|(kind, target)| (kind, target.value()));
            (place, other.settings.argument.as_ref().map(LitStr::value))
        };
        if kind == Kind::Completion && earlier.clone().any(|other| completed(other) == completed(entry)) {
            let sentence = "this argument is completed already in this block: remove one";
            errors.at(&entry.settings.argument, sentence);
        }
    }
}

fn check_completions(entries: &[Entry], errors: &mut Errors) {
    for completion in entries.iter().filter(|entry| entry.callable.kind == Kind::Completion) {
        let Some((kind, target)) = completion.completes() else { continue };
        let Some(completed) = entries.iter().find(|entry| entry.is_completed_by(completion)) else {
            let sentence = format!("there is no {} `{}` in this block", kind.attribute(), target.value());
            errors.at(target, sentence);
            continue;
        };
        let has = |name: &str| completed.callable.fields().any(|field| field.wire == name);
        if let Some(argument) = &completion.settings.argument
            && !has(&argument.value())
        {
            let sentence = format!("`{}` has no argument `{}`", target.value(), argument.value());
            errors.at(argument, sentence);
        }
        for field in completion.callable.fields().skip(1).filter(|field| !has(&field.wire)) {
            errors.at(&field.ident, format!("`{}` has no argument `{}`", target.value(), field.wire));
        }
    }
}

fn define(entry: &Entry, entries: &[Entry], private: &TokenStream) -> TokenStream {
    let completers: Vec<_> = entries
        .iter()
        .filter(|completion| entry.is_completed_by(completion))
        .filter_map(|completion| {
            let argument = completion.settings.argument.as_ref()?;
            Some((argument, hidden_of(completion, private)))
        })
        .collect();
    let hidden = hidden_of(entry, private);
    let items = hidden.items();
    let definition = hidden.definition(&completers);
    let list = match entry.callable.kind {
        Kind::Tool => quote!(tools),
        Kind::Prompt => quote!(prompts),
        Kind::Resource | Kind::Completion => quote!(resources),
    };
    quote! {{
        #items
        __definitions.#list.push(#definition);
    }}
}

fn hidden_of<'a>(entry: &'a Entry, private: &'a TokenStream) -> Hidden<'a> {
    Hidden { callable: &entry.callable, settings: &entry.settings, private, declared: Declared::Block }
}
