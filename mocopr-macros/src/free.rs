//! Functions that stand by themselves under `#[tool]`, `#[prompt]` or `#[resource(..)]`.
//!
//! The function keeps its name, documentation, visibility and parameters, and returns a call that can be awaited
//! and knows its definition. All else stands inside its body, so that nothing collides with the user's names.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::{
    FnArg, ItemFn, ItemStruct, Lifetime, Pat, ReturnType, Type, ext::IdentExt as _, parse_quote, visit_mut::VisitMut,
};

use crate::{
    callable::{Callable, Mode, Receiver, opaque, split_attributes},
    errors::Errors,
    hidden::{Declared, Hidden},
    kind::Kind,
    parameter::NameLifetimes,
    settings::Settings,
};

/// Expands an attribute on a free function.
pub(crate) fn expand(kind: Kind, settings: TokenStream, item: TokenStream) -> TokenStream {
    let Ok(mut function) = syn::parse2::<ItemFn>(item.clone()) else {
        let mut sentence = format!("`#[{}]` belongs on an `async fn` or a `fn`", kind.attribute());
        if kind == Kind::Tool && syn::parse2::<ItemStruct>(item.clone()).is_ok() {
            sentence.push_str("; a struct becomes a tool with `#[derive(Tool)]`, above `#[tool(..)]`");
        }
        let error = syn::Error::new(Span::call_site(), sentence).into_compile_error();
        return quote!(#error #item);
    };
    let mut errors = Errors::default();
    let settings = Settings::read(kind, settings, &mut errors);
    if kind == Kind::Completion || function.sig.receiver().is_some() {
        refuse_method(kind, &function, &mut errors);
        let errors = errors.into_code();
        strip(&mut function);
        // A receiver outside of an impl block would be a second error about the same word.
        let kept = function.sig.receiver().is_none().then(|| quote!(#[allow(unused)] #function));
        return quote!(#errors #kept);
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
        let stand_in = stand_in(kind, &settings.private(), function);
        return quote!(#errors #stand_in);
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

fn refuse_method(kind: Kind, function: &ItemFn, errors: &mut Errors) {
    let attribute = kind.attribute();
    match function.sig.receiver() {
        Some(receiver) => {
            errors.at(receiver, format!("`#[{attribute}]` on a method needs `#[handlers]` above the `impl` block"));
        }
        None => {
            let sentence = "a completion stands in an `impl` block under `#[handlers]`, beside what it completes";
            errors.at(&function.sig.ident, sentence);
        }
    }
}

/// What stands beside the errors: a function that can be called and registered, so that its uses are no errors too.
///
/// The user's own stands in its body; its warnings would only distract. Where the signature itself cannot be had, the
/// one that is seen from outside is as much of it as can.
fn stand_in(kind: Kind, private: &TokenStream, function: ItemFn) -> TokenStream {
    let ItemFn { attrs, vis, sig, block } = function;
    let (outside, inside) = split_attributes(attrs);
    let name = &sig.ident;
    let can_be_had = |input: &FnArg| match input {
        FnArg::Typed(parameter) => opaque(&parameter.ty).is_none(),
        FnArg::Receiver(_) => false,
    };
    let simple = sig.generics.params.is_empty()
        && sig.variadic.is_none()
        && sig.inputs.len() <= MOST_PARAMETERS
        && sig.inputs.iter().all(can_be_had);
    let mut inputs: Vec<FnArg> = if simple { sig.inputs.iter().cloned().collect() } else { Vec::new() };
    for (place, input) in inputs.iter_mut().enumerate() {
        if let FnArg::Typed(parameter) = input {
            let plain = format_ident!("__parameter_{place}");
            *parameter.pat = parse_quote!(#plain);
        }
    }
    let returns: Type = match &sig.output {
        ReturnType::Type(_, ty) if simple && opaque(ty).is_none() => (**ty).clone(),
        ReturnType::Type(..) | ReturnType::Default => parse_quote!(()),
    };
    let Outer { generics, inputs, returns, captures, .. } = Outer::of(&inputs, &returns);
    let (call, target) = call_and_target(kind);
    quote! {
        #(#outside)*
        #[allow(unused)]
        #vis fn #name #generics(#(#inputs),*) -> impl #private::#call<Output = #returns> #captures {
            enum __Definition {}
            impl #private::Define for __Definition {
                type Definition = #private::#target;
                fn define() -> #private::#target {
                    ::core::unreachable!()
                }
            }
            #(#inside)*
            #sig #block
            #private::Called::<__Definition, _>::new(::core::future::pending::<#returns>())
        }
    }
}

/// The trait of what a function returns, and what it defines.
fn call_and_target(kind: Kind) -> (Ident, Ident) {
    let (call, target) = match kind {
        Kind::Tool => ("ToolCall", "Tool"),
        Kind::Prompt => ("PromptCall", "PromptDefinition"),
        Kind::Resource | Kind::Completion => ("ResourceCall", "ResourceDefinition"),
    };
    (format_ident!("{call}"), format_ident!("{target}"))
}

fn generate(callable: &Callable, settings: &Settings, function: ItemFn) -> TokenStream {
    debug_assert!(callable.receiver == Receiver::None, "methods are refused above");
    let private = settings.private();
    let ItemFn { attrs, vis, sig, block } = function;
    let (outside, inside) = split_attributes(attrs);
    let (name, called) = (&callable.ident, &callable.called);

    let hidden = Hidden { callable, settings, private: &private, declared: Declared::Free };
    let items = hidden.items();
    let definition = hidden.definition(&[]);
    let (call, target) = call_and_target(callable.kind);

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
