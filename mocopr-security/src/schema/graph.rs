//! A schema document as a graph: which subschema applies which others, and to what.
//!
//! Reading it finds every subschema that a keyword or a reference reaches. Nothing is checked against a value here.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
};

use serde_json::{Map, Value};

use crate::schema::{
    Dialect, SchemaLimits, SchemaProblem, SchemaProblemKind,
    reference::{Reference, Refers},
};

/// Every subschema of a document, the document itself first.
#[derive(Debug)]
pub(super) struct Graph<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    names: BTreeSet<&'a str>,
    /// Number of the subschema at an address.
    places: HashMap<*const Value, usize>,
}

/// One subschema, and where others are applied by it. Numbers index [`Graph::nodes`].
#[derive(Debug)]
pub(super) struct Node<'a> {
    /// Its place in the document, as a JSON Pointer.
    pub(super) pointer: String,
    pub(super) schema: &'a Value,
    /// The part of the document with an `$id` in which it stands, or the document.
    pub(super) resource: *const Value,
    /// What `$ref` leads to.
    pub(super) reference: Option<usize>,
    pub(super) dynamic_reference: Option<DynamicReference>,
    /// Applied to the same value: `allOf`, `$ref`, `if` and their like.
    pub(super) in_place: Vec<usize>,
    /// Applied to members of an object.
    pub(super) members: Children<'a>,
    /// Applied to elements of an array.
    pub(super) elements: Children<'a>,
}

/// What `$dynamicRef` leads to.
#[derive(Debug)]
pub(super) struct DynamicReference {
    /// Where it leads when nothing on the way there says otherwise.
    pub(super) target: usize,
    /// The anchors of that name, each with its resource, where more than one could be meant.
    pub(super) candidates: Vec<(*const Value, usize)>,
}

/// Subschemas that are applied to the parts of a value.
#[derive(Debug, Default)]
pub(super) struct Children<'a> {
    /// To the part with this name or index.
    pub(super) named: Vec<(Part<'a>, usize)>,
    /// To every part that is not named.
    pub(super) rest: Vec<usize>,
    /// To every part.
    pub(super) every: Vec<usize>,
}

/// The name of a member, or the index of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Part<'a> {
    Member(&'a str),
    Element(usize),
}

impl<'a> Graph<'a> {
    pub(super) fn read(document: &'a Value, dialect: Dialect, limits: &SchemaLimits) -> Result<Self, SchemaProblem> {
        if depth(document) > limits.depth {
            return Err(SchemaProblemKind::Depth.at(""));
        }
        let mut reader = Reader {
            dialect,
            most: limits.subschemas,
            graph: Self { nodes: Vec::new(), names: BTreeSet::new(), places: HashMap::new() },
            unread: Vec::new(),
            resources: HashMap::new(),
            anchors: HashMap::new(),
            dynamic: HashMap::new(),
            dynamic_references: Vec::new(),
            references: Vec::new(),
        };
        reader.enter(document, document, String::new())?;
        reader.read_all()?;
        // Resolving may enter places that no keyword reaches, and these may refer on.
        while let Some(reference) = reader.references.pop() {
            reader.resolve(&reference)?;
            reader.read_all()?;
        }
        reader.resolve_dynamic()?;
        Ok(reader.graph)
    }

    /// The number of a subschema that was read, by its address in the document.
    pub(super) fn number_of(&self, schema: &Value) -> Option<usize> {
        self.places.get(&std::ptr::from_ref(schema)).copied()
    }

    /// The resources in which a `$dynamicRef` may find its anchor, where it may find several; in their order.
    pub(super) fn scopes(&self) -> Vec<*const Value> {
        let dynamic = self.nodes.iter().filter_map(|node| node.dynamic_reference.as_ref());
        let candidates: BTreeSet<_> =
            dynamic.flat_map(|dynamic| &dynamic.candidates).map(|(resource, _)| *resource).collect();
        let with_one = |node: &&Node<'_>| candidates.contains(&node.resource);
        let mut scopes: Vec<_> = self.nodes.iter().filter(with_one).map(|node| node.resource).collect();
        let mut seen = BTreeSet::new();
        scopes.retain(|scope| seen.insert(*scope));
        scopes
    }

    /// The names in `properties`, sorted.
    pub(super) fn names(&self) -> Box<[Box<str>]> {
        self.names.iter().map(|&name| name.into()).collect()
    }
}

/// A document while it is read.
pub(super) struct Reader<'a> {
    pub(super) dialect: Dialect,
    pub(super) most: usize,
    pub(super) graph: Graph<'a>,
    /// Number, value and resource of subschemas that were entered and not read.
    pub(super) unread: Vec<(usize, &'a Value, &'a Value)>,
    /// Parts of the document with an absolute `$id`.
    pub(super) resources: HashMap<&'a str, &'a Value>,
    /// Anchors, by the address of their resource.
    pub(super) anchors: HashMap<(*const Value, &'a str), &'a Value>,
    /// All subschemas with a dynamic anchor of that name, each with its resource.
    pub(super) dynamic: HashMap<&'a str, Vec<(*const Value, usize)>>,
    /// Subschemas with a `$dynamicRef`, what it leads to by itself, and the name of the anchor.
    pub(super) dynamic_references: Vec<(usize, usize, &'a str)>,
    pub(super) references: Vec<Reference<'a>>,
}

impl<'a> Reader<'a> {
    /// Gives a subschema its number, once.
    pub(super) fn enter(
        &mut self,
        schema: &'a Value,
        resource: &'a Value,
        pointer: String,
    ) -> Result<usize, SchemaProblem> {
        if let Some(&known) = self.graph.places.get(&std::ptr::from_ref(schema)) {
            return Ok(known);
        }
        let number = self.graph.nodes.len();
        if number == self.most {
            return Err(SchemaProblemKind::Subschemas.at(&pointer));
        }
        self.graph.places.insert(schema, number);
        self.graph.nodes.push(Node {
            pointer,
            schema,
            resource,
            reference: None,
            dynamic_reference: None,
            in_place: Vec::new(),
            members: Children::default(),
            elements: Children::default(),
        });
        self.unread.push((number, schema, resource));
        Ok(number)
    }

    fn read_all(&mut self) -> Result<(), SchemaProblem> {
        while let Some((number, schema, resource)) = self.unread.pop() {
            if let Value::Object(keywords) = schema {
                self.read(number, schema, keywords, resource)?;
            }
        }
        Ok(())
    }

    fn read(
        &mut self,
        number: usize,
        schema: &'a Value,
        keywords: &'a Map<String, Value>,
        resource: &'a Value,
    ) -> Result<(), SchemaProblem> {
        let pointer = self.graph.nodes.get(number).map(|node| node.pointer.clone()).unwrap_or_default();
        if keywords.get("$schema").is_some_and(|name| Dialect::named(name) != Some(self.dialect)) {
            return Err(SchemaProblemKind::Dialect.at(&format!("{pointer}/$schema")));
        }
        let reference = keywords.get("$ref").and_then(Value::as_str);
        let resource = self.identify(schema, keywords, resource);
        if let Some(target) = reference {
            self.references.push(Reference { from: number, target, resource, refers: Refers::Statically });
        }
        if let (Dialect::V2020_12, Some(target)) = (self.dialect, keywords.get("$dynamicRef").and_then(Value::as_str)) {
            self.references.push(Reference { from: number, target, resource, refers: Refers::Dynamically });
        }

        let (mut in_place, mut members, mut elements) = (Vec::new(), Children::default(), Children::default());
        for (keyword, value) in keywords {
            let Some((role, holds)) = applicator(keyword, self.dialect) else { continue };
            for (pointer, part, child) in subschemas(value, holds, &format!("{pointer}/{}", escape(keyword))) {
                let number = self.enter(child, resource, pointer)?;
                match (role, part) {
                    (Use::Define, _) => {}
                    (Use::InPlace, _) => in_place.push(number),
                    (Use::Member, Some(part)) => {
                        if let Part::Member(name) = part {
                            self.graph.names.insert(name);
                        }
                        members.named.push((part, number));
                    }
                    (Use::Member, None) | (Use::OtherMember, _) => members.rest.push(number),
                    (Use::EveryMember, _) => members.every.push(number),
                    (Use::Element, Some(part)) => elements.named.push((part, number)),
                    (Use::Element, None) | (Use::OtherElement, _) => elements.rest.push(number),
                    (Use::EveryElement, _) => elements.every.push(number),
                }
            }
        }
        // Draft-07 ignores what stands beside a reference; it is read for its definitions all the same.
        let ignored = self.dialect == Dialect::Draft07 && reference.is_some();
        if let Some(node) = self.graph.nodes.get_mut(number) {
            node.resource = resource;
            if !ignored {
                (node.in_place, node.members, node.elements) = (in_place, members, elements);
            }
        }
        Ok(())
    }
}

/// How a keyword applies its subschemas.
#[derive(Clone, Copy)]
enum Use {
    Define,
    InPlace,
    Member,
    OtherMember,
    EveryMember,
    Element,
    OtherElement,
    EveryElement,
}

/// What a keyword's value holds.
#[derive(Clone, Copy)]
enum Holds {
    /// A subschema, or an array of them.
    Schemas,
    /// Subschemas by name.
    Map,
}

/// What a keyword applies; `None` for one that the dialect does not know, which applies nothing.
fn applicator(keyword: &str, dialect: Dialect) -> Option<(Use, Holds)> {
    let is_known = match keyword {
        "additionalItems" => dialect == Dialect::Draft07,
        "contentSchema" | "dependentSchemas" | "prefixItems" | "unevaluatedProperties" | "unevaluatedItems" => {
            dialect == Dialect::V2020_12
        }
        _ => true,
    };
    if !is_known {
        return None;
    }
    Some(match keyword {
        "$defs" | "definitions" => (Use::Define, Holds::Map),
        "contentSchema" => (Use::Define, Holds::Schemas),
        "allOf" | "anyOf" | "oneOf" | "not" | "if" | "then" | "else" => (Use::InPlace, Holds::Schemas),
        "dependentSchemas" | "dependencies" => (Use::InPlace, Holds::Map),
        "properties" => (Use::Member, Holds::Map),
        "additionalProperties" => (Use::OtherMember, Holds::Schemas),
        "patternProperties" => (Use::EveryMember, Holds::Map),
        "unevaluatedProperties" | "propertyNames" => (Use::EveryMember, Holds::Schemas),
        "prefixItems" | "items" => (Use::Element, Holds::Schemas),
        "additionalItems" => (Use::OtherElement, Holds::Schemas),
        "contains" | "unevaluatedItems" => (Use::EveryElement, Holds::Schemas),
        _ => return None,
    })
}

/// The subschemas in a keyword's value, each with its pointer and with the part of a value that it would be for.
///
/// What is not a schema at all is refused when the keyword is compiled.
fn subschemas<'a>(value: &'a Value, holds: Holds, pointer: &str) -> Vec<(String, Option<Part<'a>>, &'a Value)> {
    let is_schema = |value: &Value| matches!(value, Value::Object(_) | Value::Bool(_));
    match (value, holds) {
        (Value::Object(members), Holds::Map) => members
            .iter()
            .filter(|(_, schema)| is_schema(schema))
            .map(|(name, schema)| (format!("{pointer}/{}", escape(name)), Some(Part::Member(name)), schema))
            .collect(),
        (Value::Array(elements), Holds::Schemas) => elements
            .iter()
            .enumerate()
            .filter(|(_, schema)| is_schema(schema))
            .map(|(index, schema)| (format!("{pointer}/{index}"), Some(Part::Element(index)), schema))
            .collect(),
        (_, Holds::Schemas) if is_schema(value) => vec![(pointer.to_owned(), None, value)],
        (_, Holds::Schemas | Holds::Map) => Vec::new(),
    }
}

/// Nesting of objects and arrays. The reader that made the value has bounded it, so recursion is safe.
fn depth(value: &Value) -> usize {
    match value {
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        Value::Array(elements) => 1 + elements.iter().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Escapes a name for a JSON Pointer (RFC 6901 §3).
pub(super) fn escape(name: &str) -> Cow<'_, str> {
    if name.contains(['~', '/']) { name.replace('~', "~0").replace('/', "~1").into() } else { name.into() }
}
