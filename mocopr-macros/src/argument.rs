//! What `#[arg(..)]` says of one parameter.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{
    Attribute, Expr, ExprLit, ExprRange, ExprUnary, Lit, LitStr, RangeLimits, Token, UnOp,
    ext::IdentExt as _,
    parenthesized,
    parse::{ParseStream, Parser as _},
};

use crate::{errors::Errors, kind::Kind, settings::text};

/// What was said of one parameter.
#[derive(Default)]
pub(crate) struct Argument {
    pub(crate) default: Option<(Ident, DefaultValue)>,
    pub(crate) range: Option<(Ident, Span)>,
    pub(crate) length: Option<(Ident, Span)>,
    pub(crate) pattern: Option<LitStr>,
    pub(crate) format: Option<LitStr>,
    pub(crate) description: Option<LitStr>,
    pub(crate) inject: Option<Ident>,
    seen: Vec<Ident>,
}

/// What stands in for an argument that was left out.
pub(crate) enum DefaultValue {
    /// That of the type.
    OfType,
    /// The value of an expression.
    Expression(Box<Expr>),
}

/// The bounds of a range, each a number as it was written.
pub(crate) struct Span {
    least: Option<Number>,
    most: Option<(Number, Closed)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Closed {
    Inclusive,
    Exclusive,
}

#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Number {
    Whole(i64),
    Real(f64),
}

impl Argument {
    /// Reads every `#[arg(..)]` of a parameter; mistakes are added to `errors`.
    pub(crate) fn read(kind: Kind, attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut argument = Self::default();
        for attribute in attributes.iter().filter(|attribute| is_arg(attribute)) {
            let tokens = match attribute.meta.require_list() {
                Ok(list) => list.tokens.clone(),
                Err(_) => {
                    errors.at(attribute, format!("write `#[arg(..)]`; it has: {}", kind.argument_keys().join(", ")));
                    continue;
                }
            };
            if let Err(error) = (|input: ParseStream<'_>| argument.parse(kind, input)).parse2(tokens) {
                errors.push(error);
            }
        }
        argument
    }

    /// What was said beside `inject`, which only an argument of the peer can have.
    pub(crate) fn beside_inject(&self) -> Option<&Ident> {
        self.seen.iter().find(|key| *key != "inject")
    }

    /// The constraints as values of `Constraint`.
    pub(crate) fn constraints(&self, private: &TokenStream) -> Vec<TokenStream> {
        let mut constraints = Vec::new();
        if let Some((_, range)) = &self.range {
            let bound = |number: Number| match number {
                Number::Whole(number) => quote!(#private::Bound::Whole(#number)),
                Number::Real(number) => quote!(#private::Bound::Real(#number)),
            };
            constraints.extend(range.least.map(bound).map(|bound| quote!(#private::Constraint::Min(#bound))));
            constraints.extend(range.most.map(|(number, closed)| {
                let bound = bound(number);
                match closed {
                    Closed::Inclusive => quote!(#private::Constraint::Max(#bound)),
                    Closed::Exclusive => quote!(#private::Constraint::Below(#bound)),
                }
            }));
        }
        if let Some((_, length)) = &self.length {
            constraints.extend(length.shortest().map(|count| quote!(#private::Constraint::Shortest(#count))));
            constraints.extend(length.longest().map(|count| quote!(#private::Constraint::Longest(#count))));
        }
        constraints.extend(self.pattern.iter().map(|pattern| quote!(#private::Constraint::Pattern(#pattern))));
        constraints.extend(self.format.iter().map(|format| quote!(#private::Constraint::Format(#format))));
        constraints
    }

    fn parse(&mut self, kind: Kind, input: ParseStream<'_>) -> syn::Result<()> {
        while !input.is_empty() {
            let key = input.call(Ident::parse_any)?;
            if !kind.argument_keys().iter().any(|known| key == known) {
                let keys = kind.argument_keys().join(", ");
                return Err(syn::Error::new_spanned(
                    &key,
                    format!("`#[arg]` of {} has no `{key}`; it has: {keys}", kind.noun()),
                ));
            }
            if self.seen.contains(&key) {
                return Err(syn::Error::new_spanned(&key, format!("`{key}` is given twice: remove one")));
            }
            self.seen.push(key.clone());
            match key.to_string().as_str() {
                "default" => {
                    let value = default_value(input)?;
                    self.default = Some((key, value));
                }
                "range" => {
                    let span = span(&key, input)?;
                    self.range = Some((key, span));
                }
                "length" => {
                    let span = span(&key, input)?;
                    span.check_counts(&key)?;
                    self.length = Some((key, span));
                }
                "pattern" => self.pattern = Some(text(&key, input)?),
                "format" => self.format = Some(text(&key, input)?),
                "description" => self.description = Some(text(&key, input)?),
                _ => self.inject = Some(key),
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    }
}

/// It is `#[arg]`.
pub(crate) fn is_arg(attribute: &Attribute) -> bool {
    attribute.path().is_ident("arg")
}

impl Span {
    fn check_counts(&self, key: &Ident) -> syn::Result<()> {
        let ends = self.least.iter().chain(self.most.iter().map(|(number, _)| number));
        for number in ends {
            if !matches!(number, Number::Whole(0..)) {
                return Err(syn::Error::new_spanned(key, "a length is a whole number that is not negative"));
            }
        }
        Ok(())
    }

    fn shortest(&self) -> Option<u64> {
        self.least.and_then(Number::count)
    }

    fn longest(&self) -> Option<u64> {
        let (number, closed) = self.most?;
        match closed {
            Closed::Inclusive => number.count(),
            Closed::Exclusive => number.count().map(|count| count.saturating_sub(1)),
        }
    }
}

impl Number {
    fn count(self) -> Option<u64> {
        match self {
            Self::Whole(number) => u64::try_from(number).ok(),
            Self::Real(_) => None,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "only compared, to find empty ranges")]
    fn real(self) -> f64 {
        match self {
            Self::Whole(number) => number as f64,
            Self::Real(number) => number,
        }
    }
}

fn default_value(input: ParseStream<'_>) -> syn::Result<DefaultValue> {
    if !input.peek(Token![=]) {
        return Ok(DefaultValue::OfType);
    }
    input.parse::<Token![=]>()?;
    Ok(DefaultValue::Expression(Box::new(input.parse()?)))
}

fn span(key: &Ident, input: ParseStream<'_>) -> syn::Result<Span> {
    if !input.peek(syn::token::Paren) {
        return Err(syn::Error::new_spanned(key, format!("write `{key}(1..=100)`")));
    }
    let inside;
    parenthesized!(inside in input);
    let expression: Expr = inside.parse()?;
    let Expr::Range(ExprRange { start, end, limits, .. }) = &expression else {
        return Err(syn::Error::new_spanned(&expression, format!("write a range, such as `{key}(1..=100)`")));
    };
    let closed = match limits {
        RangeLimits::Closed(_) => Closed::Inclusive,
        RangeLimits::HalfOpen(_) => Closed::Exclusive,
    };
    let least = start.as_deref().map(number).transpose()?;
    let most = end.as_deref().map(number).transpose()?;
    match (least, most) {
        (None, None) => Err(syn::Error::new_spanned(&expression, "this range bounds nothing: give it an end")),
        (Some(least), Some(most))
            if least.real() > most.real() || (closed == Closed::Exclusive && least.real() >= most.real()) =>
        {
            Err(syn::Error::new_spanned(&expression, "this range is empty: the first end is above the second"))
        }
        (least, most) => Ok(Span { least, most: most.map(|number| (number, closed)) }),
    }
}

fn number(expression: &Expr) -> syn::Result<Number> {
    let wrong = || syn::Error::new_spanned(expression, "the end of a range is a number, such as `1` or `-0.5`");
    match expression {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => {
            number.base10_parse().map(Number::Whole).map_err(|_| wrong())
        }
        Expr::Lit(ExprLit { lit: Lit::Float(number), .. }) => {
            number.base10_parse::<f64>().ok().filter(|number| number.is_finite()).map(Number::Real).ok_or_else(wrong)
        }
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => match number(expr)? {
            Number::Whole(number) => Ok(Number::Whole(-number)),
            Number::Real(number) => Ok(Number::Real(-number)),
        },
        _ => Err(wrong()),
    }
}
