//! `#[main]`: the runtime around `async fn main`, through the facade.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ItemFn;

use crate::settings::{path_text, private, root};

/// Expands `#[main]`.
pub(crate) fn expand(settings: TokenStream, item: TokenStream) -> TokenStream {
    let root = match root("main", settings) {
        Ok(root) => root,
        Err(error) => {
            let error = error.into_compile_error();
            return quote!(#error #item);
        }
    };
    let function = match syn::parse2::<ItemFn>(item.clone()) {
        Ok(function) if function.sig.asyncness.is_some() && function.sig.inputs.is_empty() => function,
        Ok(_) | Err(_) => {
            let sentence = "`#[main]` belongs on an `async fn` without parameters, such as `async fn main()`";
            let error = syn::Error::new(proc_macro2::Span::call_site(), sentence).into_compile_error();
            return quote!(#error #item);
        }
    };
    let private = private(&root);
    let tokio = path_text(&quote!(#private::tokio), &function.sig.ident);
    quote! {
        #[#private::tokio::main(crate = #tokio)]
        #item
    }
}
