//! One parameter of a function: an argument of the peer, or something that the server gives.

use proc_macro2::Ident;
use quote::format_ident;
use syn::{
    Attribute, FnArg, GenericArgument, Pat, PatType, PathArguments, PathSegment, Type, TypeReference,
    ext::IdentExt as _,
    spanned::Spanned as _,
    visit_mut::{self, VisitMut},
};

use crate::{
    argument::{Argument, is_arg},
    describe::{description, is_doc},
    errors::Errors,
    kind::Kind,
};

/// Where a parameter's value comes from.
pub(crate) enum Parameter {
    /// `&Context`.
    Context,
    /// Taken from the context under a local name.
    Injected(Ident, Box<Type>),
    /// An argument of the peer.
    Field(Box<Field>),
}

/// An argument of the peer.
pub(crate) struct Field {
    /// The parameter's name.
    pub(crate) ident: Ident,
    /// The argument's name.
    pub(crate) wire: String,
    pub(crate) shape: Shape,
    pub(crate) argument: Argument,
    pub(crate) description: Option<String>,
}

/// How a function takes an argument.
pub(crate) enum Shape {
    /// As a value of its type.
    Owned(Box<Type>),
    /// As `&str`.
    Text,
    /// As `Option<&str>`.
    MaybeText,
}

impl Parameter {
    /// Reads a parameter and takes our attributes off it; `None` where a mistake was found.
    pub(crate) fn read(kind: Kind, input: &mut FnArg, place: usize, errors: &mut Errors) -> Option<Self> {
        let FnArg::Typed(parameter) = input else { return None };
        let attributes = std::mem::take(&mut parameter.attrs);
        for attribute in &attributes {
            if is_lint(attribute) {
                parameter.attrs.push(attribute.clone());
            } else if !is_doc(attribute) && !is_arg(attribute) {
                errors.at(attribute, "only doc comments and `#[arg(..)]` stand at a parameter here");
            }
        }
        let ident = name(kind, parameter, errors)?;
        let argument = Argument::read(kind, &attributes, errors);
        let description = match &argument.description {
            Some(text) => Some(text.value()),
            None => description(&attributes),
        };
        if argument.inject.is_some() || is_extractor(&parameter.ty) {
            check_given(&ident, &argument, errors);
            return Some(Self::Injected(format_ident!("__injected_{place}"), parameter.ty.clone()));
        }
        let shape = match &*parameter.ty {
            Type::Reference(reference) => match referent(kind, reference, errors)? {
                Referent::Context => {
                    check_given(&ident, &argument, errors);
                    return Some(Self::Context);
                }
                Referent::Text => Shape::Text,
            },
            ty => owned(ty, errors)?,
        };
        let wire = ident.unraw().to_string();
        let field = Field { ident, wire, shape, argument, description };
        field.check(kind, &parameter.ty, errors);
        Some(Self::Field(Box::new(field)))
    }
}

impl Field {
    /// It can be left out because its type says so.
    pub(crate) fn is_option(&self) -> bool {
        match &self.shape {
            Shape::Owned(ty) => inside_option(ty).is_some(),
            Shape::Text => false,
            Shape::MaybeText => true,
        }
    }

    /// Its type, without `Option`, where that is none of the few that every argument can have.
    pub(crate) fn own_type(&self) -> Option<&Type> {
        let Shape::Owned(ty) = &self.shape else { return None };
        let ty = inside_option(ty).unwrap_or(ty);
        let inner = inside(ty, "Vec").unwrap_or(ty);
        let known = last_segment(inner).filter(|segment| segment.arguments.is_none()).is_some_and(|segment| {
            let name = segment.ident.to_string();
            is_number(&name) || matches!(name.as_str(), "String" | "bool" | "char")
        });
        (!known).then_some(ty)
    }

    /// It is a text, or a text that may be left out.
    pub(crate) fn is_text(&self) -> bool {
        match &self.shape {
            Shape::Owned(ty) => is_named(inside_option(ty).unwrap_or(ty), &["String"]),
            Shape::Text | Shape::MaybeText => true,
        }
    }

    /// The type's name, without `Option`.
    pub(crate) fn type_name(&self) -> String {
        match &self.shape {
            Shape::Owned(ty) => {
                last_segment(inside_option(ty).unwrap_or(ty)).map(|it| it.ident.to_string()).unwrap_or_default()
            }
            Shape::Text | Shape::MaybeText => "str".into(),
        }
    }

    fn check(&self, kind: Kind, ty: &Type, errors: &mut Errors) {
        match kind {
            Kind::Tool => self.check_tool(errors),
            Kind::Prompt if !self.is_text() => errors.at(
                ty,
                "arguments of a prompt are texts: write `String`, `&str` or `Option<String>`, and parse it in the body",
            ),
            Kind::Prompt | Kind::Resource | Kind::Completion => {}
        }
        if let Some((key, _)) = &self.argument.default
            && self.is_option()
        {
            let sentence = format!("`{}` may be left out already: remove `Option`, or the default", self.wire);
            errors.at(key, sentence);
        }
    }

    fn check_tool(&self, errors: &mut Errors) {
        let name = self.type_name();
        let number = is_number(&name);
        if let Some((key, _)) = &self.argument.range
            && (matches!(name.as_str(), "String" | "str" | "bool" | "char") || is_list(&name))
        {
            errors.at(key, format!("`range` bounds numbers, and `{name}` is none: for its length write `length(..)`"));
        }
        if let Some((key, _)) = &self.argument.length
            && (number || name == "bool")
        {
            errors.at(key, format!("`length` bounds texts and lists, and `{name}` is none: write `range(..)`"));
        }
        for (key, value) in [("pattern", &self.argument.pattern), ("format", &self.argument.format)] {
            if let Some(value) = value
                && (number || name == "bool" || is_list(&name))
            {
                errors.at(value, format!("`{key}` is for texts, and `{name}` is none: remove it"));
            }
        }
    }
}

/// It is a number of Rust's own.
pub(crate) fn is_number(name: &str) -> bool {
    is_integer(name) || is_float(name)
}

/// It is an integer of Rust's own.
pub(crate) fn is_integer(name: &str) -> bool {
    matches!(name, "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128" | "usize")
}

/// It is a floating-point number of Rust's own.
pub(crate) fn is_float(name: &str) -> bool {
    matches!(name, "f32" | "f64")
}

/// Gives references without a lifetime this one.
pub(crate) struct NameLifetimes<'a>(pub(crate) &'a syn::Lifetime);

impl VisitMut for NameLifetimes<'_> {
    fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
        reference.lifetime.get_or_insert_with(|| self.0.clone());
        visit_mut::visit_type_reference_mut(self, reference);
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut syn::Lifetime) {
        if lifetime.ident == "_" {
            *lifetime = self.0.clone();
        }
    }
}

/// What the server gives is no argument, so nothing can be said of its values.
fn check_given(name: &Ident, argument: &Argument, errors: &mut Errors) {
    if let Some(key) = argument.beside_inject() {
        errors.at(key, format!("`{name}` is given by the server and is no argument: remove `{key}`"));
    }
}

enum Referent {
    Context,
    Text,
}

fn name(kind: Kind, parameter: &PatType, errors: &mut Errors) -> Option<Ident> {
    match &*parameter.pat {
        Pat::Ident(plain) if plain.by_ref.is_none() && plain.subpat.is_none() => Some(plain.ident.clone()),
        pattern => {
            let sentence = format!("a parameter of {} is a plain name: take it apart in the body", kind.noun());
            errors.at(pattern, sentence);
            None
        }
    }
}

fn referent(kind: Kind, reference: &TypeReference, errors: &mut Errors) -> Option<Referent> {
    let referent = match &*reference.elem {
        elem if is_named(elem, &["Context"]) => Some(Referent::Context),
        elem if is_named(elem, &["str"]) => Some(Referent::Text),
        _ => None,
    };
    if referent.is_some() && reference.mutability.is_none() && reference.lifetime.is_none() {
        return referent;
    }
    let sentence = if referent.is_some() {
        "write it without a lifetime and without `mut`".to_owned()
    } else {
        format!("the only references that {} takes are `&Context` and `&str`: take an owned value", kind.noun())
    };
    errors.at(reference, sentence);
    None
}

fn owned(ty: &Type, errors: &mut Errors) -> Option<Shape> {
    if is_named(ty, &["Context"]) {
        errors.at(ty, "the context is lent: write `&Context`");
        return None;
    }
    if let Some(Type::Reference(inner)) = inside_option(ty)
        && is_named(&inner.elem, &["str"])
        && inner.mutability.is_none()
        && inner.lifetime.is_none()
    {
        return Some(Shape::MaybeText);
    }
    check_owned(ty, errors)?;
    Some(Shape::Owned(Box::new(ty.clone())))
}

/// Refuses what an argument cannot hold; `None` where that was found.
pub(crate) fn check_owned(ty: &Type, errors: &mut Errors) -> Option<()> {
    let mut search = Borrowed(None);
    search.visit_type_mut(&mut ty.clone());
    match search.0 {
        Some(found) => {
            errors.push(found);
            None
        }
        None => Some(()),
    }
}

/// Finds what an argument cannot hold: it is decoded from a message.
struct Borrowed(Option<syn::Error>);

impl VisitMut for Borrowed {
    fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
        self.0.get_or_insert_with(|| {
            syn::Error::new(reference.span(), "an argument owns what it holds: write `String` instead of `&str`")
        });
    }

    fn visit_type_impl_trait_mut(&mut self, ty: &mut syn::TypeImplTrait) {
        self.0.get_or_insert_with(|| syn::Error::new(ty.span(), "an argument has one type: name it"));
    }
}

fn is_extractor(ty: &Type) -> bool {
    is_named(ty, &["State", "Caller", "Progress"])
}

fn is_list(name: &str) -> bool {
    matches!(name, "Vec" | "VecDeque" | "HashSet" | "BTreeSet")
}

fn is_lint(attribute: &Attribute) -> bool {
    ["allow", "expect", "warn", "deny"].iter().any(|lint| attribute.path().is_ident(lint))
}

/// The `T` of `Option<T>`.
pub(crate) fn inside_option(ty: &Type) -> Option<&Type> {
    inside(ty, "Option")
}

/// The `T` of `Outer<T>`.
fn inside<'a>(ty: &'a Type, outer: &str) -> Option<&'a Type> {
    let segment = last_segment(ty).filter(|segment| segment.ident == outer)?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    }
}

fn is_named(ty: &Type, names: &[&str]) -> bool {
    last_segment(ty).is_some_and(|segment| names.iter().any(|name| segment.ident == name))
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) => path.path.segments.last(),
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        _ => None,
    }
}
