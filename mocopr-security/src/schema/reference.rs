//! Where the references of a schema lead: names of its parts, pointers, anchors.
//!
//! Each is resolved inside the document, and refused where it leads out of it or nowhere. Nothing is ever fetched.

use mocopr_core::uri::percent;
use serde_json::{Map, Value};

use crate::schema::{
    Dialect, SchemaProblem, SchemaProblemKind,
    graph::{DynamicReference, Reader},
};

/// A reference that has been read and not resolved.
pub(super) struct Reference<'a> {
    pub(super) from: usize,
    pub(super) target: &'a str,
    pub(super) resource: &'a Value,
    pub(super) refers: Refers,
}

/// By which keyword.
#[derive(Clone, Copy)]
pub(super) enum Refers {
    Statically,
    Dynamically,
}

impl Refers {
    fn keyword(self) -> &'static str {
        match self {
            Self::Statically => "$ref",
            Self::Dynamically => "$dynamicRef",
        }
    }
}

impl<'a> Reader<'a> {
    /// Notes the `$id` and anchors of a subschema, and gives the resource that it belongs to.
    pub(super) fn identify(
        &mut self,
        schema: &'a Value,
        keywords: &'a Map<String, Value>,
        outer: &'a Value,
    ) -> &'a Value {
        let text = |keyword| keywords.get(keyword).and_then(Value::as_str);
        let mut resource = outer;
        match (self.dialect, text("$id")) {
            (_, None) => {}
            (Dialect::Draft07, Some(_)) if keywords.contains_key("$ref") => {}
            (_, Some(id)) => match id.strip_prefix('#') {
                Some(anchor) => {
                    self.anchors.entry((std::ptr::from_ref(outer), anchor)).or_insert(schema);
                }
                None => {
                    resource = schema;
                    if id.contains(':') {
                        self.resources.entry(id.strip_suffix('#').unwrap_or(id)).or_insert(schema);
                    }
                }
            },
        }
        if self.dialect == Dialect::V2020_12 {
            for anchor in [text("$anchor"), text("$dynamicAnchor")].into_iter().flatten() {
                self.anchors.entry((std::ptr::from_ref(resource), anchor)).or_insert(schema);
            }
            if let (Some(anchor), Some(number)) = (text("$dynamicAnchor"), self.graph.number_of(schema)) {
                self.dynamic.entry(anchor).or_default().push((std::ptr::from_ref(resource), number));
            }
        }
        resource
    }

    pub(super) fn resolve(&mut self, reference: &Reference<'a>) -> Result<(), SchemaProblem> {
        let from = self.graph.nodes.get(reference.from).map(|node| node.pointer.clone()).unwrap_or_default();
        let pointer = format!("{from}/{}", reference.refers.keyword());
        let (document, fragment) = reference.target.split_once('#').unwrap_or((reference.target, ""));
        let resource = match document {
            "" => reference.resource,
            id => self.resources.get(id).copied().ok_or_else(|| SchemaProblemKind::ForeignReference.at(&pointer))?,
        };
        let dangling = || SchemaProblemKind::DanglingReference.at(&pointer);
        let (target, resource) = if fragment.is_empty() {
            (resource, resource)
        } else if fragment.starts_with('/') {
            self.follow(resource, fragment).ok_or_else(dangling)?
        } else {
            let anchor = self.anchors.get(&(std::ptr::from_ref(resource), fragment)).copied();
            (anchor.ok_or_else(dangling)?, resource)
        };
        if !matches!(target, Value::Object(_) | Value::Bool(_)) {
            return Err(dangling());
        }
        let target = self.enter(target, resource, pointer.clone())?;
        if let Some(node) = self.graph.nodes.get_mut(reference.from) {
            match reference.refers {
                Refers::Statically => {
                    node.in_place.push(target);
                    node.reference = Some(target);
                }
                Refers::Dynamically => self.dynamic_references.push((reference.from, target, fragment)),
            }
        }
        Ok(())
    }

    /// Notes what each `$dynamicRef` may lead to, when every anchor is known.
    pub(super) fn resolve_dynamic(&mut self) -> Result<(), SchemaProblem> {
        let mut ambiguous = 0;
        for &(from, target, name) in &self.dynamic_references {
            let anchors = self.dynamic.get(name).map(Vec::as_slice).unwrap_or_default();
            // One that leads to no dynamic anchor is a plain reference.
            let is_dynamic = anchors.len() > 1 && anchors.iter().any(|&(_, anchor)| anchor == target);
            let candidates = if is_dynamic { anchors.to_vec() } else { Vec::new() };
            ambiguous = ambiguous.max(candidates.len());
            if let Some(node) = self.graph.nodes.get_mut(from) {
                // Which of them is meant depends on the way there; the bound on work counts all.
                let others = candidates.iter().map(|&(_, anchor)| anchor).filter(|&anchor| anchor != target);
                node.in_place.push(target);
                node.in_place.extend(others);
                node.dynamic_reference = Some(DynamicReference { target, candidates });
            }
        }
        if ambiguous.max(self.graph.scopes().len()) > MAX_CANDIDATES {
            return Err(SchemaProblemKind::Work.at(""));
        }
        Ok(())
    }

    /// Follows a JSON Pointer in a fragment; an `$id` on the way begins another resource.
    fn follow(&self, resource: &'a Value, fragment: &str) -> Option<(&'a Value, &'a Value)> {
        let decoded = percent::decode(fragment, |_| true)?;
        let mut place = resource;
        let mut resource = resource;
        for segment in decoded.split('/').skip(1) {
            let name = segment.replace("~1", "/").replace("~0", "~");
            place = match place {
                Value::Object(members) => members.get(&name)?,
                Value::Array(elements) => elements.get(name.parse::<usize>().ok()?)?,
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
            };
            if place.get("$id").and_then(Value::as_str).is_some_and(|id| !id.starts_with('#')) {
                resource = place;
            }
        }
        Some((place, resource))
    }
}

/// How many anchors a `$dynamicRef` may choose among, and in how many resources. Schemas that are extended have two or
/// three.
const MAX_CANDIDATES: usize = 16;
