//! Doc comments as descriptions: the prose before the first heading or code block, lines joined to paragraphs.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The description that doc comments give, if any.
pub(crate) fn description(attributes: &[Attribute]) -> Option<String> {
    let lines: Vec<String> = attributes.iter().filter_map(doc).flat_map(|text| split(&text)).collect();
    let prose = lines.iter().map(|line| line.trim()).take_while(|line| !line.starts_with('#') && !is_fence(line));
    let mut text = String::new();
    let mut gap = Gap::None;
    for line in prose {
        if line.is_empty() {
            gap = Gap::Paragraph;
            continue;
        }
        match gap {
            _ if text.is_empty() => {}
            Gap::Paragraph => text.push_str("\n\n"),
            _ if is_item(line) => text.push('\n'),
            Gap::Line | Gap::None => text.push(' '),
        }
        text.push_str(line);
        gap = Gap::Line;
    }
    (!text.is_empty()).then_some(text)
}

/// It is a doc comment.
pub(crate) fn is_doc(attribute: &Attribute) -> bool {
    attribute.path().is_ident("doc")
}

#[derive(Clone, Copy)]
enum Gap {
    None,
    Line,
    Paragraph,
}

fn doc(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(meta) = &attribute.meta else { return None };
    match &meta.value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if is_doc(attribute) => Some(text.value()),
        _ => None,
    }
}

fn split(text: &str) -> Vec<String> {
    if text.is_empty() { vec![String::new()] } else { text.lines().map(str::to_owned).collect() }
}

fn is_fence(line: &str) -> bool {
    line.starts_with("```") || line.starts_with("~~~")
}

fn is_item(line: &str) -> bool {
    line.starts_with("- ") || line.starts_with("* ")
}

#[cfg(test)]
mod tests {
    use syn::{ItemFn, parse_quote};

    use super::*;

    #[test]
    fn lines_of_a_paragraph_are_joined_and_headings_end_the_text() {
        let function: ItemFn = parse_quote! {
            /// Adds two
            /// numbers.
            ///
            /// * exactly
            /// * quickly
            ///
            /// # Errors
            /// None.
            fn add() {}
        };
        let text = description(&function.attrs).unwrap();
        assert_eq!(text, "Adds two numbers.\n\n* exactly\n* quickly");
    }

    #[test]
    fn no_doc_comment_is_no_description() {
        let function: ItemFn = parse_quote! { #[inline] #[doc(hidden)] fn add() {} };
        assert_eq!(description(&function.attrs), None);
    }
}
