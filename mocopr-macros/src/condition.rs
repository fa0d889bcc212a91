//! `allow = ..`: what must hold of the caller and the arguments before a function is called.
//!
//! It is looked at behind the decoding, so that it sees the very values that the function gets.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{Expr, ExprClosure, ExprPath, Pat, Token, ext::IdentExt as _, parse::ParseStream, spanned::Spanned as _};

use crate::{
    callable::Callable,
    errors::Errors,
    hidden::{located, shown_at},
    parameter::Field,
};

/// A condition as it was written.
pub(crate) enum Condition {
    /// The path of a function of the caller and every argument.
    Function(ExprPath),
    /// A closure of the caller, and of arguments by their names.
    Closure(ExprClosure),
}

impl Condition {
    /// Reads what stands behind the key.
    pub(crate) fn read(key: &Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        const SENTENCE: &str = "`allow` takes a function or a closure: `allow = |who, city| …`";
        if !input.peek(Token![=]) {
            return Err(syn::Error::new_spanned(key, SENTENCE));
        }
        input.parse::<Token![=]>()?;
        match input.parse::<Expr>()? {
            Expr::Path(path) => Ok(Self::Function(path)),
            Expr::Closure(closure) => Ok(Self::Closure(closure)),
            other => Err(syn::Error::new_spanned(other, SENTENCE)),
        }
    }

    /// Checks the parameters of a closure against those of the function.
    pub(crate) fn check(&self, callable: &Callable, errors: &mut Errors) {
        let Self::Closure(closure) = self else { return };
        if let Some(word) = &closure.asyncness {
            errors.at(word, "a condition is decided at once: ask what takes time in the function itself");
        }
        if let Some(span) = names_self(closure.body.to_token_stream()) {
            let sentence = "a condition has no `self`: it sees the caller and the arguments";
            errors.push(syn::Error::new(span, sentence));
        }
        let mut inputs = closure.inputs.iter();
        if inputs.next().is_none() {
            errors.at(closure.or1_token, "the first parameter is the caller: `|who, …|`");
        }
        for input in inputs {
            let Some(name) = name(input) else {
                errors.at(input, "name an argument of the function here");
                continue;
            };
            if field(callable, name).is_none() {
                errors.at(name, format!("the function has no argument `{name}`"));
            }
        }
    }

    /// Asks whether it holds. `see` gives a reference to the value of an argument, `whole` one to all of them where
    /// they are one value.
    pub(crate) fn ask(
        &self,
        callable: &Callable,
        private: &TokenStream,
        see: impl Fn(&Field) -> TokenStream,
        whole: Option<&Ident>,
    ) -> TokenStream {
        match self {
            Self::Function(path) => {
                let seen = match whole {
                    Some(whole) => vec![quote!(&#whole)],
                    None => callable.fields().map(see).collect(),
                };
                let span = located(path.span());
                let seen = seen.into_iter().map(|value| shown_at(span, value));
                quote_spanned!(span=> #private::permitted(&__work, |__caller| #path(__caller, #(#seen),*)))
            }
            Self::Closure(closure) => {
                let mut inputs = closure.inputs.iter();
                let caller = inputs.next();
                let seen = inputs.filter_map(|input| {
                    let value = see(field(callable, name(input)?)?);
                    Some(quote!(let #input = #value;))
                });
                let body = &closure.body;
                quote!(#private::permitted(&__work, |#caller| { #(#seen)* #body }))
            }
        }
    }

    /// It is asked about all arguments as one value, where they are one.
    pub(crate) fn takes_whole(&self) -> bool {
        matches!(self, Self::Function(_))
    }
}

fn field<'a>(callable: &'a Callable, name: &Ident) -> Option<&'a Field> {
    callable.fields().find(|field| field.ident.unraw() == name.unraw())
}

/// The name of a parameter, with or without a type behind it.
fn name(input: &Pat) -> Option<&Ident> {
    match input {
        Pat::Ident(pattern) if pattern.subpat.is_none() && pattern.by_ref.is_none() => Some(&pattern.ident),
        Pat::Type(typed) => name(&typed.pat),
        _ => None,
    }
}

fn names_self(tokens: TokenStream) -> Option<Span> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Ident(ident) if ident == "self" => Some(ident.span()),
        TokenTree::Group(group) => names_self(group.stream()),
        TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => None,
    })
}
