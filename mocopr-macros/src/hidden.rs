//! What stands inside an expansion and is seen by nobody: the argument struct, the definition and the handler.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{LitStr, spanned::Spanned as _};

use crate::{
    argument::DefaultValue,
    callable::{Callable, Mode, Receiver, option},
    kind::Kind,
    parameter::{Field, Parameter, Shape},
    settings::{Settings, path_text},
};

/// Where a function stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// By itself.
    Free,
    /// In an impl block under `#[handlers]`.
    Block,
}

/// One function with what was said of it, and the path of what its expansion calls.
pub(crate) struct Hidden<'a> {
    pub(crate) callable: &'a Callable,
    pub(crate) settings: &'a Settings,
    pub(crate) private: &'a TokenStream,
    pub(crate) place: Place,
}

impl Hidden<'_> {
    /// The items that the definition needs: the argument struct and the defaults.
    pub(crate) fn items(&self) -> TokenStream {
        match self.callable.kind {
            Kind::Tool => self.tool_arguments(),
            Kind::Prompt | Kind::Completion => self.text_arguments(),
            Kind::Resource => TokenStream::new(),
        }
    }

    /// The definition, as an expression. `completers` are added to it.
    pub(crate) fn definition(&self, completers: &[(&LitStr, TokenStream)]) -> TokenStream {
        let Self { callable, settings, private, .. } = self;
        let name = callable.name(settings);
        let begin = match callable.kind {
            Kind::Tool => {
                let arguments = callable.fields().map(|field| self.described(field));
                let lifetime = self.lifetime(quote!('static));
                let returns = &callable.returns;
                let span = located(returns.span());
                let returns = quote_spanned!(span=> #private::returns::<#returns>);
                quote! {
                    #returns(#private::arguments::<__Arguments #lifetime>(
                        #private::Tool::new(#name),
                        &[#(#arguments),*],
                    ))
                }
            }
            Kind::Prompt => quote!(#private::PromptDefinition::new(#name)),
            Kind::Resource | Kind::Completion => {
                let location = &settings.location;
                quote!(#private::ResourceDefinition::new(#location, #name))
            }
        };
        let setters = self.setters();
        let complete = match callable.kind {
            Kind::Prompt => quote!(#private::complete_prompt),
            Kind::Tool | Kind::Resource | Kind::Completion => quote!(#private::complete_resource),
        };
        let begin = quote!(#begin #setters);
        let builder = completers
            .iter()
            .fold(begin, |builder, (argument, handler)| quote!(#complete(#builder, #argument, #handler)));
        let handler = self.handler();
        quote!(#builder.handled_by(#handler))
    }

    /// The handler of a completion, as an expression.
    pub(crate) fn completer(&self) -> TokenStream {
        let items = self.items();
        let handler = self.handler();
        quote!({ #items #handler })
    }

    fn setters(&self) -> TokenStream {
        let Self { callable, settings, private, .. } = self;
        let Settings { title, icons, hints, mime, .. } = settings;
        let description = match &settings.description {
            Some(text) => Some(text.value()),
            None => callable.description.clone(),
        };
        let mut code = TokenStream::new();
        code.extend(title.iter().map(|title| quote!(.title(#title))));
        code.extend(description.map(|text| quote!(.description(#text))));
        code.extend(mime.iter().map(|mime| quote!(.mime_type(#mime))));
        code.extend(icons.iter().map(|src| quote!(.icon(#private::icon(#src)))));
        code.extend(hints.iter().map(|hint| quote!(.#hint())));
        code.extend(settings.timeout.map(|timeout| {
            let milliseconds = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
            quote!(.timeout(::core::time::Duration::from_millis(#milliseconds)))
        }));
        if callable.kind == Kind::Prompt {
            code.extend(callable.fields().map(|field| {
                let name = &field.wire;
                let description = option(field.description.as_deref());
                let need = format_ident!("{}", if can_be_absent(field) { "Optional" } else { "Required" });
                quote!(.argument(#private::prompt_argument(#name, #description, #private::Need::#need)))
            }));
        }
        code
    }

    fn described(&self, field: &Field) -> TokenStream {
        let private = self.private;
        let name = &field.wire;
        let description = option(field.description.as_deref());
        let mut constraints = field.argument.constraints(private);
        let headers = self.settings.headers.iter().filter(|(parameter, _)| *parameter == field.wire.as_str());
        constraints.extend(headers.map(|(_, header)| quote!(#private::Constraint::Header(#header))));
        quote! {
            #private::Argument { name: #name, description: #description, constraints: &[#(#constraints),*] }
        }
    }

    /// The struct that a tool's arguments are decoded into, straight from the message.
    fn tool_arguments(&self) -> TokenStream {
        let Self { callable, private, .. } = self;
        let mut defaults = TokenStream::new();
        let fields: Vec<_> = callable
            .fields()
            .map(|field| {
                let ident = &field.ident;
                let (ty, borrow) = match &field.shape {
                    Shape::Owned(ty) => (quote!(#ty), None),
                    Shape::Text => (quote!(::std::borrow::Cow<'__message, str>), Some(quote!(#[serde(borrow)]))),
                    Shape::MaybeText => (quote!(::core::option::Option<::std::string::String>), None),
                };
                let default = self.default(field, &ty, &mut defaults);
                quote!(#borrow #default #ident: #ty)
            })
            .collect();
        let lifetime = self.lifetime(quote!('__message));
        let serde = path_text(&quote!(#private::serde), &callable.ident);
        let schemars = path_text(&quote!(#private::schemars), &callable.ident);
        quote! {
            #defaults
            #[derive(#private::serde::Deserialize, #private::schemars::JsonSchema)]
            #[serde(crate = #serde, deny_unknown_fields)]
            #[schemars(crate = #schemars)]
            #[allow(non_snake_case, reason = "the parameter itself is judged")]
            struct __Arguments #lifetime { #(#fields),* }
        }
    }

    /// `#[serde(default = "..")]` of a field, with the function that it names.
    fn default(&self, field: &Field, ty: &TokenStream, functions: &mut TokenStream) -> Option<TokenStream> {
        let (_, value) = field.argument.default.as_ref()?;
        let expression = match value {
            DefaultValue::OfType => return Some(quote!(#[serde(default)])),
            DefaultValue::Expression(expression) => expression,
        };
        let function = format_ident!("__default_{}", field.wire);
        let (generics, value) = match (&**expression, &field.shape) {
            (_, Shape::Text) => (quote!(<'__message>), quote!(::core::convert::Into::into(#expression))),
            (syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(_), .. }), _) => {
                (quote!(), quote!(::core::convert::Into::into(#expression)))
            }
            _ => (quote!(), quote!(#expression)),
        };
        functions.extend(quote!(fn #function #generics() -> #ty { #value }));
        let path = LitStr::new(&function.to_string(), field.ident.span());
        Some(quote!(#[serde(default = #path)]))
    }

    /// The struct that texts by name are decoded into: those of a prompt, or those a completion already knows.
    fn text_arguments(&self) -> TokenStream {
        let Self { callable, private, .. } = self;
        let fields = self.text_fields().map(|field| {
            let ident = &field.ident;
            quote!(#ident: ::core::option::Option<::std::string::String>)
        });
        let strict = (callable.kind == Kind::Prompt).then(|| quote!(, deny_unknown_fields));
        let serde = path_text(&quote!(#private::serde), &callable.ident);
        quote! {
            #[derive(#private::serde::Deserialize)]
            #[serde(crate = #serde #strict)]
            #[allow(non_snake_case, reason = "the parameter itself is judged")]
            struct __Arguments { #(#fields),* }
        }
    }

    /// The fields that are decoded by name: all of a prompt's, and of a completion's all but what has been typed.
    fn text_fields(&self) -> impl Iterator<Item = &Field> {
        let skipped = usize::from(self.callable.kind == Kind::Completion);
        self.callable.fields().skip(skipped)
    }

    fn handler(&self) -> TokenStream {
        let Self { callable, private, .. } = self;
        let ident = &callable.called;
        let span = located(callable.ident.span());
        let steps = self.steps();
        let values = self.values();
        let call = match (self.place, callable.receiver) {
            (Place::Free, _) => quote!(#ident(#(#values),*)),
            (Place::Block, Receiver::None) => quote!(Self::#ident(#(#values),*)),
            (Place::Block, Receiver::Shared) => quote!(Self::#ident(&__this, #(#values),*)),
        };
        let run = match callable.mode {
            Mode::Async => {
                let outcome = self.outcome(quote_spanned!(span=> #call.await));
                quote_spanned!(span=> ::std::boxed::Box::pin(async move { #steps #outcome }))
            }
            Mode::Plain => {
                let outcome = self.outcome(call);
                quote_spanned!(span=> #private::blocking(move || { #steps #outcome }))
            }
        };
        match self.place {
            Place::Free => quote!(#private::function(|__work| #run)),
            Place::Block => quote!(#private::method(&self, |__this: ::std::sync::Arc<Self>, __work| #run)),
        }
    }

    fn outcome(&self, call: TokenStream) -> TokenStream {
        let Self { callable, settings, private, .. } = self;
        let returns = &callable.returns;
        let span = located(returns.span());
        let (function, more) = match callable.kind {
            Kind::Tool => ("tool_outcome", None),
            Kind::Prompt => ("prompt_outcome", None),
            Kind::Completion => ("completion_outcome", None),
            Kind::Resource => {
                let mime = option(settings.mime.as_ref().map(LitStr::value).as_deref());
                ("read_outcome", Some(quote!(, &__work, #mime)))
            }
        };
        let function = Ident::new(function, span);
        let function = quote_spanned!(span=> #private::#function::<#returns>);
        quote!(#function(#call #more))
    }

    /// What happens before the call: decoding and extraction, each of which can end it.
    fn steps(&self) -> TokenStream {
        let Self { callable, private, .. } = self;
        let mut steps = TokenStream::new();
        let mut step = |local: &Ident, value: TokenStream| {
            steps.extend(quote! {
                let #local = match #value {
                    ::core::result::Result::Ok(__value) => __value,
                    ::core::result::Result::Err(__failure) => return #private::Outcome::Failed(__failure),
                };
            });
        };
        for parameter in &callable.parameters {
            if let Parameter::Injected(local, ty) = parameter {
                let extract = quote_spanned!(located(ty.span())=> #private::extract::<#ty>);
                step(local, quote!(#extract(&__work)));
            }
        }
        match callable.kind {
            Kind::Tool => {
                let lifetime = self.lifetime(quote!('_));
                step(&arguments(), quote!(__work.decode::<__Arguments #lifetime>()));
            }
            Kind::Prompt => {
                step(&arguments(), quote!(__work.decode::<__Arguments>()));
                for field in self.text_fields().filter(|field| !can_be_absent(field)) {
                    let (ident, refusal) = (&field.ident, format!("the argument `{}` is missing", field.wire));
                    step(&local(field), quote!(#private::required(__arguments.#ident, #refusal)));
                }
            }
            Kind::Completion if self.text_fields().next().is_some() => {
                step(&arguments(), quote!(__work.decode::<__Arguments>()));
            }
            Kind::Completion => {}
            Kind::Resource => {
                for field in callable.fields() {
                    let name = &field.wire;
                    let value = match &field.shape {
                        _ if field.is_option() => continue,
                        Shape::Owned(ty) if !field.is_text() => {
                            let parse = quote_spanned!(located(ty.span())=> #private::parsed::<#ty>);
                            quote!(#parse(&__work, #name))
                        }
                        Shape::Owned(_) | Shape::Text | Shape::MaybeText => {
                            quote!(#private::variable(&__work, #name))
                        }
                    };
                    step(&local(field), value);
                }
            }
        }
        steps
    }

    /// The values of the parameters, in order.
    fn values(&self) -> Vec<TokenStream> {
        let mut is_first = true;
        let mut values = Vec::new();
        for parameter in &self.callable.parameters {
            values.push(match parameter {
                Parameter::Context => quote!(__work.context()),
                Parameter::Injected(local, _) => quote!(#local),
                Parameter::Field(field) => {
                    let value = match self.callable.kind {
                        Kind::Tool => tool_value(field),
                        Kind::Prompt => prompt_value(field),
                        Kind::Resource => self.variable_value(field),
                        Kind::Completion if is_first => typed_value(field),
                        Kind::Completion => prompt_value(field),
                    };
                    is_first = false;
                    value
                }
            });
        }
        values
    }

    fn variable_value(&self, field: &Field) -> TokenStream {
        let private = self.private;
        let (name, local) = (&field.wire, local(field));
        match &field.shape {
            Shape::MaybeText => quote!(#private::captured(&__work, #name)),
            Shape::Owned(_) if field.is_option() && field.is_text() => {
                quote!(#private::captured(&__work, #name).map(::std::string::String::from))
            }
            Shape::Owned(_) if field.is_option() => {
                quote!(#private::captured(&__work, #name).and_then(|__text| __text.parse().ok()))
            }
            Shape::Owned(_) if field.is_text() => quote!(::std::string::String::from(#local)),
            Shape::Owned(_) | Shape::Text => quote!(#local),
        }
    }

    /// The lifetime of the argument struct, where it borrows from the message.
    fn lifetime(&self, name: TokenStream) -> Option<TokenStream> {
        let borrows = self.callable.fields().any(|field| matches!(field.shape, Shape::Text));
        (borrows && self.callable.kind == Kind::Tool).then(|| quote!(<#name>))
    }
}

/// A prompt's argument that may be left out.
fn can_be_absent(field: &Field) -> bool {
    field.is_option() || field.argument.default.is_some()
}

fn tool_value(field: &Field) -> TokenStream {
    let ident = &field.ident;
    match field.shape {
        Shape::Owned(_) => quote!(__arguments.#ident),
        Shape::Text => quote!(&*__arguments.#ident),
        Shape::MaybeText => quote!(__arguments.#ident.as_deref()),
    }
}

fn prompt_value(field: &Field) -> TokenStream {
    let (ident, local) = (&field.ident, local(field));
    let value = match &field.argument.default {
        None if can_be_absent(field) => quote!(__arguments.#ident),
        None => quote!(#local),
        Some((_, DefaultValue::OfType)) => quote!(__arguments.#ident.unwrap_or_default()),
        Some((_, DefaultValue::Expression(expression))) => {
            quote!(__arguments.#ident.unwrap_or_else(|| ::std::string::String::from(#expression)))
        }
    };
    match field.shape {
        Shape::Owned(_) => value,
        Shape::Text => quote!(&*#value),
        Shape::MaybeText => quote!(#value.as_deref()),
    }
}

fn typed_value(field: &Field) -> TokenStream {
    match field.shape {
        Shape::Owned(_) => quote!(::std::string::String::from(__work.typed().unwrap_or_default())),
        Shape::Text | Shape::MaybeText => quote!(__work.typed().unwrap_or_default()),
    }
}

fn local(field: &Field) -> Ident {
    format_ident!("__value_{}", field.wire)
}

fn arguments() -> Ident {
    Ident::new("__arguments", Span::call_site())
}

/// A span that errors are shown at, and that names are not looked up at.
fn located(span: Span) -> Span {
    Span::call_site().located_at(span)
}
