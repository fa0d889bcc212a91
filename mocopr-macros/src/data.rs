//! `#[data]`: the derives of a type that is an argument or an answer, through the facade.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Item;

use crate::settings::{path_text, private, root};

/// Expands `#[data]`.
pub(crate) fn expand(settings: TokenStream, item: TokenStream) -> TokenStream {
    let root = match root("data", settings) {
        Ok(root) => root,
        Err(error) => {
            let error = error.into_compile_error();
            return quote!(#error #item);
        }
    };
    let ident = match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Struct(item)) => item.ident,
        Ok(Item::Enum(item)) => item.ident,
        Ok(_) | Err(_) => {
            let sentence = "`#[data]` belongs on a struct or an enum";
            let error = syn::Error::new(proc_macro2::Span::call_site(), sentence).into_compile_error();
            return quote!(#error #item);
        }
    };
    let private = private(&root);
    let serde = path_text(&quote!(#private::serde), &ident);
    let schemars = path_text(&quote!(#private::schemars), &ident);
    quote! {
        #[derive(#private::serde::Serialize, #private::serde::Deserialize, #private::schemars::JsonSchema)]
        #[serde(crate = #serde)]
        #[schemars(crate = #schemars)]
        #item
    }
}
