//! What stands inside an expansion and is seen by nobody: the argument struct, the definition and the handler.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{format_ident, quote, quote_spanned};
use syn::{LitStr, spanned::Spanned as _};

use crate::{
    argument::DefaultValue,
    callable::{Callable, Mode, Receiver, option},
    kind::Kind,
    parameter::{Field, Parameter, Shape, inside_option},
    settings::{Required, Settings, path_text},
};

/// What the expansion stands for.
#[derive(Clone, Copy)]
pub(crate) enum Declared<'a> {
    /// A function by itself.
    Free,
    /// A method in an impl block under `#[handlers]`.
    Block,
    /// A struct under `#[derive(Tool)]`, with the names of its fields.
    Struct(&'a [Ident]),
}

/// One function with what was said of it, and the path of what its expansion calls.
pub(crate) struct Hidden<'a> {
    pub(crate) callable: &'a Callable,
    pub(crate) settings: &'a Settings,
    pub(crate) private: &'a TokenStream,
    pub(crate) declared: Declared<'a>,
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
    pub(crate) fn definition(&self, completers: &[(&LitStr, Hidden<'_>)]) -> TokenStream {
        let Self { callable, settings, private, .. } = self;
        let name = callable.name(settings);
        let begin = match callable.kind {
            Kind::Tool => {
                let described = callable.fields().map(|field| self.described(field));
                let lifetime = self.lifetime(quote!('static));
                let returns = &callable.returns;
                let span = self.arguments_span();
                let arguments = shown_at(span, quote!(#private::arguments::<__Arguments #lifetime>));
                let begin = quote!(#arguments(#private::Tool::new(#name), &[#(#described),*]));
                match self.declared {
                    Declared::Free | Declared::Block => {
                        let returns = quote_spanned!(located(returns.span())=> #private::returns::<#returns>);
                        quote!(#returns(#begin))
                    }
                    Declared::Struct(_) => begin,
                }
            }
            Kind::Prompt => quote!(#private::PromptDefinition::new(#name)),
            Kind::Resource | Kind::Completion => {
                let location = &settings.location;
                quote!(#private::ResourceDefinition::new(#location, #name))
            }
        };
        let setters = self.setters();
        let completers = completers.iter().map(|(argument, completer)| {
            let (handler, extracts) = (completer.completer(), completer.extracts());
            quote!(.completed_by(#argument, #handler) #extracts)
        });
        let builder = quote!(#begin #setters #(#completers)*);
        if let Declared::Struct(names) = self.declared {
            let (steps, values) = (self.steps(), self.values());
            let derived = shown_at(located(callable.ident.span()), quote!(#private::derived::<Self>));
            let value = quote!(Self { #(#names: #values),* });
            let value = match settings.allow.as_ref().filter(|condition| condition.takes_whole()) {
                Some(condition) => {
                    let whole = Ident::new("__whole", Span::call_site());
                    let asked = condition.ask(callable, private, |field| self.seen(field), Some(&whole));
                    quote!(let #whole = #value; #asked.map(|()| #whole))
                }
                None => quote!(::core::result::Result::Ok(#value)),
            };
            return quote!(#derived(#builder, |__work| { #steps #value }));
        }
        let handler = self.handler();
        quote!(#builder.handled_by(#handler))
    }

    /// The handler of a completion, as an expression.
    fn completer(&self) -> TokenStream {
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
        code.extend(settings.requirements.iter().map(|(required, name)| match required {
            Required::Scope => quote!(.requires_scope(#name)),
            Required::Role => quote!(.requires_role(#name)),
        }));
        code.extend(self.extracts());
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

    /// Says what the handler takes from its context.
    fn extracts(&self) -> TokenStream {
        let injected = self.callable.parameters.iter().filter_map(|parameter| match parameter {
            Parameter::Injected(_, ty) => Some(quote_spanned!(located(ty.span())=> .extracts::<#ty>())),
            Parameter::Context | Parameter::Field(_) => None,
        });
        injected.collect()
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
        let own = self.own_types();
        let mut own_names = own.names.iter();
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
                let with = field.own_type().and(own_names.next()).map(|name| {
                    let itself = format!("<{name} as {}<'__message>>::Itself", own.bound);
                    let itself = if field.is_option() { format!("::core::option::Option<{itself}>") } else { itself };
                    quote!(#[schemars(with = #itself)])
                });
                quote!(#borrow #default #with #ident: #ty)
            })
            .collect();
        let lifetime = self.lifetime(quote!('__message));
        let serde = path_text(&quote!(#private::serde), &callable.ident);
        let schemars = path_text(&quote!(#private::schemars), &callable.ident);
        let Own { aliases, marker, .. } = &own;
        let (of_serde, of_schemars) = (own.bounds("'de"), own.bounds("'__message"));
        let of_serde = of_serde.map(|bounds| quote!(, bound(deserialize = #bounds)));
        let of_schemars = of_schemars.map(|bounds| quote!(, bound = #bounds));
        quote! {
            #defaults
            #aliases
            #[derive(#private::serde::Deserialize, #private::schemars::JsonSchema)]
            #[serde(crate = #serde, deny_unknown_fields #of_serde)]
            #[schemars(crate = #schemars #of_schemars)]
            #[allow(non_snake_case, reason = "the parameter itself is judged")]
            struct __Arguments #lifetime { #(#fields,)* #marker }
        }
    }

    /// That types of the user's own can be arguments, as bounds of what is derived for the argument struct.
    ///
    /// Where such a type lacks something, the derived code is right all the same, and the only error is at the use of
    /// the struct, in our words. The compiler judges a bound at its use and not where it stands only if it has a
    /// lifetime in it, so the struct gets one.
    fn own_types(&self) -> Own {
        let private = self.private;
        let types: Vec<_> = self.callable.fields().filter_map(Field::own_type).collect();
        if types.is_empty() {
            return Own::default();
        }
        let names: Vec<_> = (0..types.len()).map(|number| format_ident!("__Own{number}")).collect();
        Own {
            aliases: quote!(#(type #names = #types;)*),
            bound: path_text(&quote!(#private::ToolArgument), &self.callable.ident).value(),
            marker: quote!(#[serde(skip)] __lifetime: ::core::marker::PhantomData<&'__message ()>),
            names,
        }
    }

    /// Where an argument that is none is shown: at its type, or at the function's name where it could be one of
    /// several.
    fn arguments_span(&self) -> Span {
        let mut types = self.callable.fields().filter_map(Field::own_type);
        match (types.next(), types.next()) {
            (Some(only), None) => located(only.span()),
            (None | Some(_), _) => located(self.callable.ident.span()),
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
        let call = match (self.declared, callable.receiver) {
            (Declared::Free | Declared::Struct(_), _) => quote!(#ident(#(#values),*)),
            (Declared::Block, Receiver::None) => quote!(Self::#ident(#(#values),*)),
            (Declared::Block, Receiver::Shared) => quote!(Self::#ident(&__this, #(#values),*)),
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
        match self.declared {
            Declared::Free | Declared::Struct(_) => quote!(#private::function(|__work| #run)),
            Declared::Block => quote!(#private::method(&self, |__this: ::std::sync::Arc<Self>, __work| #run)),
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
        let failed = match self.declared {
            Declared::Free | Declared::Block => quote!(#private::Outcome::Failed),
            Declared::Struct(_) => quote!(::core::result::Result::Err),
        };
        let mut step = |local: &Ident, value: TokenStream| {
            steps.extend(quote! {
                let #local = match #value {
                    ::core::result::Result::Ok(__value) => __value,
                    ::core::result::Result::Err(__failure) => return #failed(__failure),
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
                let decode = quote!(#private::decode::<__Arguments #lifetime>);
                let decode = shown_at(self.arguments_span(), decode);
                step(&arguments(), quote!(#decode(&__work)));
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
                        Shape::Owned(ty) if field.is_option() && !field.is_text() => {
                            let ty = inside_option(ty);
                            let parse = quote_spanned!(located(ty.span())=> #private::parsed_where_given::<#ty>);
                            quote!(#parse(&__work, #name))
                        }
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
        let by_value = matches!(self.declared, Declared::Struct(_));
        if let Some(condition) = self.settings.allow.as_ref().filter(|condition| !(by_value && condition.takes_whole()))
        {
            let asked = condition.ask(callable, private, |field| self.seen(field), None);
            steps.extend(quote! {
                if let ::core::result::Result::Err(__failure) = #asked {
                    return #failed(__failure);
                }
            });
        }
        steps
    }

    /// A reference to the value of an argument, when all of them are read: texts as `&str`.
    fn seen(&self, field: &Field) -> TokenStream {
        let private = self.private;
        let (name, ident, local) = (&field.wire, &field.ident, local(field));
        match (self.callable.kind, field.is_text(), field.is_option()) {
            (Kind::Tool, true, true) => quote!(__arguments.#ident.as_deref()),
            (Kind::Tool, true, false) => quote!(&*__arguments.#ident),
            (Kind::Tool, false, _) => quote!(&__arguments.#ident),
            (Kind::Resource, true, true) => quote!(#private::captured(&__work, #name)),
            (Kind::Resource, true, false) => quote!(#local),
            (Kind::Resource, false, _) => quote!(&#local),
            (Kind::Prompt | Kind::Completion, ..) => match &field.argument.default {
                None if can_be_absent(field) => quote!(__arguments.#ident.as_deref()),
                None => quote!(&*#local),
                Some((_, DefaultValue::OfType)) => quote!(__arguments.#ident.as_deref().unwrap_or_default()),
                Some((_, DefaultValue::Expression(expression))) => quote! {
                    &*__arguments.#ident.clone().unwrap_or_else(|| ::std::string::String::from(#expression))
                },
            },
        }
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
            Shape::Owned(_) if field.is_text() => quote!(::std::string::String::from(#local)),
            Shape::Owned(_) | Shape::Text => quote!(#local),
        }
    }

    /// The lifetime of the argument struct, where it borrows from the message or has bounds.
    fn lifetime(&self, name: TokenStream) -> Option<TokenStream> {
        let borrows = |field: &Field| matches!(field.shape, Shape::Text) || field.own_type().is_some();
        (self.callable.fields().any(borrows) && self.callable.kind == Kind::Tool).then(|| quote!(<#name>))
    }
}

/// What stands beside the argument struct for the sake of types of the user's own.
#[derive(Default)]
struct Own {
    /// A name for each, which can stand in the text of a bound whatever the type looks like.
    aliases: TokenStream,
    names: Vec<Ident>,
    /// The trait that each must have, as a text.
    bound: String,
    marker: TokenStream,
}

impl Own {
    fn bounds(&self, lifetime: &str) -> Option<String> {
        let bounds: Vec<_> = self.names.iter().map(|name| format!("{name}: {}<{lifetime}>", self.bound)).collect();
        (!bounds.is_empty()).then(|| bounds.join(", "))
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

/// The same tokens, with errors about them shown elsewhere.
pub(crate) fn shown_at(span: Span, tokens: TokenStream) -> TokenStream {
    let shown = |mut token: TokenTree| {
        token.set_span(span);
        token
    };
    tokens.into_iter().map(shown).collect()
}

/// A span that errors are shown at, and that names are not looked up at.
pub(crate) fn located(span: Span) -> Span {
    Span::call_site().located_at(span)
}
