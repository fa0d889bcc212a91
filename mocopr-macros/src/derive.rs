//! `#[derive(Tool)]`: a struct as the arguments of a tool, which `CallTool` carries out.
//!
//! Its fields are read like the parameters of a function. What is emitted is one associated function, `tool()`, with
//! everything else inside of its body.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{
    Attribute, Data, DataStruct, DeriveInput, Field, Fields, FieldsNamed, FnArg, Type, ext::IdentExt as _, parse_quote,
    spanned::Spanned as _,
};

use crate::{
    callable::{Callable, Mode, Receiver},
    describe::{description, is_doc},
    errors::Errors,
    hidden::{Declared, Hidden},
    kind::Kind,
    parameter::{Parameter, check_owned},
    settings::{Settings, tokens},
};

/// Expands `#[derive(Tool)]`.
pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let input = match syn::parse2::<DeriveInput>(item) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let mut errors = Errors::default();
    let settings = read_settings(&input.attrs, &mut errors);
    if !input.generics.params.is_empty() {
        errors.at(&input.generics, "a tool is not generic: its schema is fixed, so name the types");
    }
    let fields = fields(&input, &mut errors);
    let mut names = Vec::new();
    let mut parameters = Vec::new();
    for (place, field) in fields.into_iter().enumerate() {
        let Some((name, parameter)) = read_field(field, place, &mut errors) else { continue };
        names.push(name);
        parameters.push(parameter);
    }
    let ident = &input.ident;
    let callable = Callable {
        kind: Kind::Tool,
        ident: ident.clone(),
        listed: snake_case(&ident.unraw().to_string()),
        called: ident.clone(),
        mode: Mode::Async,
        receiver: Receiver::None,
        parameters,
        // The trait `CallTool` knows it.
        returns: parse_quote!(()),
        description: description(&input.attrs),
    };
    callable.check(&settings, &mut errors);

    let private = settings.private();
    let body = if errors.is_empty() {
        let hidden =
            Hidden { callable: &callable, settings: &settings, private: &private, declared: Declared::Struct(&names) };
        let (items, definition) = (hidden.items(), hidden.definition(&[]));
        quote!(#items #definition)
    } else {
        // Beside the errors stands a function of the same name, so that its uses are no errors too.
        quote!(::core::unreachable!())
    };
    let errors = errors.into_code();
    let vis = &input.vis;
    let (generics, of, clause) = input.generics.split_for_impl();
    quote! {
        #errors

        #[automatically_derived]
        impl #generics #ident #of #clause {
            /// The tool, for `with_tool` of the server's builder.
            #vis fn tool() -> #private::Tool {
                #body
            }
        }
    }
}

fn read_settings(attributes: &[Attribute], errors: &mut Errors) -> Settings {
    let mut own = attributes.iter().filter(|attribute| attribute.path().is_ident("tool"));
    let said = own.next().map(|attribute| tokens(Kind::Tool, attribute, errors)).unwrap_or_default();
    if let Some(second) = own.next() {
        errors.at(second, "say it in one `#[tool(..)]`");
    }
    Settings::read(Kind::Tool, said, errors)
}

fn fields(input: &DeriveInput, errors: &mut Errors) -> Vec<Field> {
    match &input.data {
        Data::Struct(DataStruct { fields: Fields::Named(FieldsNamed { named, .. }), .. }) => {
            return named.iter().cloned().collect();
        }
        Data::Struct(DataStruct { fields: Fields::Unit, .. }) => {}
        Data::Struct(DataStruct { fields: Fields::Unnamed(fields), .. }) => {
            errors.at(fields, "arguments have names: give the struct named fields");
        }
        Data::Enum(_) | Data::Union(_) => {
            errors.at(&input.ident, "a tool's arguments are a struct: put the choice in a field of it");
        }
    }
    Vec::new()
}

fn read_field(field: Field, place: usize, errors: &mut Errors) -> Option<(Ident, Parameter)> {
    let Field { attrs, ident, ty, .. } = field;
    let ident = ident?;
    for attribute in &attrs {
        if ["serde", "schemars"].iter().any(|other| attribute.path().is_ident(other)) {
            let sentence = "a field under `#[derive(Tool)]` is described with `#[arg(..)]`: remove this";
            errors.at(attribute, sentence);
            return None;
        }
    }
    check_field_type(&ty, errors)?;
    // Attributes of other derives are none of ours.
    let attrs: Vec<_> =
        attrs.into_iter().filter(|attribute| is_doc(attribute) || attribute.path().is_ident("arg")).collect();
    let mut parameter: FnArg = parse_quote!(#(#attrs)* #ident: #ty);
    let parameter = Parameter::read(Kind::Tool, &mut parameter, place, errors)?;
    Some((ident, parameter))
}

/// `None` where a mistake was found.
fn check_field_type(ty: &Type, errors: &mut Errors) -> Option<()> {
    if let Type::Reference(reference) = ty
        && matches!(&*reference.elem, Type::Path(path) if path.path.segments.last().is_some_and(|it| it.ident == "Context"))
    {
        errors.push(syn::Error::new(ty.span(), "the context is a parameter of `call`: remove this field"));
        return None;
    }
    check_owned(ty, errors)
}

/// The name of a type as the name of a tool: `ListFiles` is `list_files`.
fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut text = String::new();
    for (place, letter) in letters.iter().enumerate() {
        let before = place.checked_sub(1).and_then(|place| letters.get(place));
        let after = letters.get(place + 1);
        let begins = letter.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_numeric()
                    || (before.is_uppercase() && after.is_some_and(|it| it.is_lowercase()))
            });
        if begins {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_of_a_type_becomes_the_name_of_a_tool() {
        for (name, tool) in [
            ("Add", "add"),
            ("ListFiles", "list_files"),
            ("HTTPGet", "http_get"),
            ("Utf8Text", "utf8_text"),
            ("A", "a"),
        ] {
            assert_eq!(snake_case(name), tool);
        }
    }
}
