//! Functions that stand by themselves under `#[tool]`, `#[prompt]` or `#[resource(..)]`.
//!
//! The function keeps its name, documentation, visibility and parameters, and returns a call that can be awaited
//! and knows its definition. All else stands inside its body, so that nothing collides with the user's names.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::{FnArg, ItemFn, Lifetime, Pat, Type, ext::IdentExt as _, visit_mut::VisitMut};

use crate::{
    callable::{Callable, Mode, Receiver, split_attributes},
    errors::Errors,
    hidden::{Hidden, Place},
    kind::Kind,
    parameter::NameLifetimes,
    settings::Settings,
};

/// Expands an attribute on a free function.
pub(crate) fn expand(kind: Kind, settings: TokenStream, item: TokenStream) -> TokenStream {
    let Ok(mut function) = syn::parse2::<ItemFn>(item.clone()) else {
        let sentence = format!("`#[{}]` belongs on an `async fn` or a `fn`", kind.attribute());
        let error = syn::Error::new(Span::call_site(), sentence).into_compile_error();
        return quote!(#error #item);
    };
    let mut errors = Errors::default();
    let settings = Settings::read(kind, settings, &mut errors);
    // Beside the errors stands the function, so that its other uses compile; its own warnings would only distract.
    let quiet = quote!(#[allow(unused)]);
    let receiver = function.sig.receiver().cloned();
    if receiver.is_some() || kind == Kind::Completion {
        let attribute = kind.attribute();
        let sentence = format!("`#[{attribute}]` on a method needs `#[handlers]` above the `impl` block");
        match receiver {
            Some(receiver) => errors.at(receiver, sentence),
            None => errors.at(&function.sig.ident, sentence),
        }
        let errors = errors.into_code();
        strip(&mut function);
        // A receiver outside of an impl block would be a second error about the same word.
        let kept = function.sig.receiver().is_none().then_some(function);
        return match kept {
            Some(kept) => quote!(#errors #quiet #kept),
            None => errors,
        };
    }
    let attributes = std::mem::take(&mut function.attrs);
    let mut callable = Callable::read(kind, &mut function.sig, &attributes, &mut errors);
    callable.check(&settings, &mut errors);
    if let Some(extra) = function.sig.inputs.iter().nth(MOST_PARAMETERS) {
        let sentence = format!("{} has at most {MOST_PARAMETERS} parameters: put them in a struct", kind.noun());
        errors.at(extra, sentence);
    }
    if !errors.is_empty() {
        let errors = errors.into_code();
        function.attrs = attributes;
        return quote!(#errors #quiet #function);
    }
    function.attrs = attributes;
    if has_parameter(&function, &callable.ident) {
        // Inside of the body the function would hide the parameter of its own name.
        let inner = format_ident!("__function_{}", callable.ident.unraw());
        callable.called = inner.clone();
        function.sig.ident = inner;
    }
    generate(&callable, &settings, function)
}

fn generate(callable: &Callable, settings: &Settings, function: ItemFn) -> TokenStream {
    debug_assert!(callable.receiver == Receiver::None, "methods are refused above");
    let private = settings.private();
    let ItemFn { attrs, vis, sig, block } = function;
    let (outside, inside) = split_attributes(attrs);
    let (name, called) = (&callable.ident, &callable.called);

    let hidden = Hidden { callable, settings, private: &private, place: Place::Free };
    let items = hidden.items();
    let definition = hidden.definition(&[]);
    let (call, target) = match callable.kind {
        Kind::Tool => ("ToolCall", "Tool"),
        Kind::Prompt => ("PromptCall", "PromptDefinition"),
        Kind::Resource | Kind::Completion => ("ResourceCall", "ResourceDefinition"),
    };
    let (call, target) = (format_ident!("{call}"), format_ident!("{target}"));

    let outer = Outer::of(&sig.inputs, &callable.returns);
    let Outer { generics, inputs, names, returns, captures } = &outer;
    let future = match callable.mode {
        Mode::Async => quote!(#called(#(#names),*)),
        Mode::Plain => quote!(async move { #called(#(#names),*) }),
    };
    quote! {
        #(#outside)*
        #vis fn #name #generics(#(#inputs),*) -> impl #private::#call<Output = #returns> #captures {
            #items
            enum __Definition {}
            impl #private::Define for __Definition {
                type Definition = #private::#target;
                fn define() -> #private::#target {
                    #definition
                }
            }
            #(#inside)*
            #sig #block
            #private::Called::<__Definition, _>::new(#future)
        }
    }
}

/// The signature that callers see. All of its references have one lifetime, which what it returns captures by
/// name, so that it means the same in every edition.
struct Outer {
    generics: TokenStream,
    inputs: Vec<TokenStream>,
    names: Vec<TokenStream>,
    returns: Type,
    captures: TokenStream,
}

impl Outer {
    fn of<'a>(inputs: impl IntoIterator<Item = &'a FnArg>, returns: &Type) -> Self {
        let lifetime = Lifetime::new("'__call", Span::call_site());
        let mut outer = Self {
            generics: TokenStream::new(),
            inputs: Vec::new(),
            names: Vec::new(),
            returns: returns.clone(),
            captures: TokenStream::new(),
        };
        for input in inputs {
            let FnArg::Typed(parameter) = input else { continue };
            let Pat::Ident(pattern) = &*parameter.pat else { continue };
            let (name, mut ty) = (&pattern.ident, (*parameter.ty).clone());
            let before = ty.clone();
            NameLifetimes(&lifetime).visit_type_mut(&mut ty);
            if ty != before {
                outer.generics = quote!(<#lifetime>);
                outer.captures = quote!(+ use<#lifetime>);
            }
            let judged = quote!(#[allow(non_snake_case, reason = "the function inside is judged")]);
            outer.inputs.push(quote!(#judged #name: #ty));
            outer.names.push(quote!(#name));
        }
        if !outer.generics.is_empty() {
            NameLifetimes(&lifetime).visit_type_mut(&mut outer.returns);
        }
        outer
    }
}

fn has_parameter(function: &ItemFn, name: &Ident) -> bool {
    function.sig.inputs.iter().any(|input| match input {
        FnArg::Typed(parameter) => matches!(&*parameter.pat, Pat::Ident(pattern) if pattern.ident == *name),
        FnArg::Receiver(_) => false,
    })
}

/// Takes our attributes off the parameters, so that the function can stand beside the errors.
fn strip(function: &mut ItemFn) {
    for input in &mut function.sig.inputs {
        if let FnArg::Typed(parameter) = input {
            parameter.attrs.clear();
        }
    }
}

/// As many as `IntoTool` knows.
const MOST_PARAMETERS: usize = 12;
