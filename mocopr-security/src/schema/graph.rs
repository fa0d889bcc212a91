//! A schema document as a graph: which subschema applies which others, and to what.
//!
//! Reading it finds every reference, resolves it inside the document, and refuses it where it leads out. Nothing is
//! fetched, and nothing is checked against a value here.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
};

use serde_json::{Map, Value};

use crate::schema::{Dialect, SchemaLimits, SchemaProblem, SchemaProblemKind};

/// Every subschema of a document, the document itself first.
#[derive(Debug)]
pub(super) struct Graph<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    names: BTreeSet<&'a str>,
}

/// One subschema, and where others are applied by it. Numbers index [`Graph::nodes`].
#[derive(Debug, Default)]
pub(super) struct Node<'a> {
    /// Its place in the document, as a JSON Pointer.
    pub(super) pointer: String,
    /// Applied to the same value: `allOf`, `$ref`, `if` and their like.
    pub(super) in_place: Vec<usize>,
    /// Applied to members of an object.
    pub(super) members: Children<'a>,
    /// Applied to elements of an array.
    pub(super) elements: Children<'a>,
    /// How many `unevaluated…` keywords it has; each applies what is in place once more, to see what was evaluated.
    pub(super) unevaluated: u64,
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
            graph: Self { nodes: Vec::new(), names: BTreeSet::new() },
            places: HashMap::new(),
            unread: Vec::new(),
            resources: HashMap::new(),
            anchors: HashMap::new(),
            dynamic: HashMap::new(),
            references: Vec::new(),
        };
        reader.enter(document, document, String::new())?;
        reader.read_all()?;
        // Resolving may enter places that no keyword reaches, and these may refer on.
        while let Some(reference) = reader.references.pop() {
            reader.resolve(&reference)?;
            reader.read_all()?;
        }
        Ok(reader.graph)
    }

    /// The names in `properties`, sorted.
    pub(super) fn names(&self) -> Box<[Box<str>]> {
        self.names.iter().map(|&name| name.into()).collect()
    }

    /// The names in the `properties` of each subschema that has a few of them, by its place in the document.
    pub(super) fn members(&self, few: usize) -> HashMap<Box<str>, Box<[Box<str>]>> {
        let names = |node: &Node<'_>| {
            let named = node.members.named.iter();
            named
                .filter_map(|(part, _)| match part {
                    Part::Member(name) => Some(Box::from(*name)),
                    Part::Element(_) => None,
                })
                .collect::<Box<[Box<str>]>>()
        };
        let known = self.nodes.iter().map(|node| (Box::from(&*node.pointer), names(node)));
        known.filter(|(_, names)| (1..=few).contains(&names.len())).collect()
    }
}

struct Reader<'a> {
    dialect: Dialect,
    most: usize,
    graph: Graph<'a>,
    /// Number of the subschema at an address.
    places: HashMap<*const Value, usize>,
    /// Number, value and resource of subschemas that were entered and not read.
    unread: Vec<(usize, &'a Value, &'a Value)>,
    /// Parts of the document with an absolute `$id`.
    resources: HashMap<&'a str, &'a Value>,
    /// Anchors, by the address of their resource.
    anchors: HashMap<(*const Value, &'a str), &'a Value>,
    /// All subschemas with a dynamic anchor of that name.
    dynamic: HashMap<&'a str, Vec<usize>>,
    references: Vec<Reference<'a>>,
}

struct Reference<'a> {
    from: usize,
    target: &'a str,
    resource: &'a Value,
    keyword: &'static str,
}

impl<'a> Reader<'a> {
    /// Gives a subschema its number, once.
    fn enter(&mut self, schema: &'a Value, resource: &'a Value, pointer: String) -> Result<usize, SchemaProblem> {
        if let Some(&known) = self.places.get(&std::ptr::from_ref(schema)) {
            return Ok(known);
        }
        let number = self.graph.nodes.len();
        if number == self.most {
            return Err(SchemaProblemKind::Subschemas.at(&pointer));
        }
        self.places.insert(schema, number);
        self.graph.nodes.push(Node { pointer, ..Node::default() });
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
            self.references.push(Reference { from: number, target, resource, keyword: "$ref" });
        }
        if let (Dialect::V2020_12, Some(target)) = (self.dialect, keywords.get("$dynamicRef").and_then(Value::as_str)) {
            self.references.push(Reference { from: number, target, resource, keyword: "$dynamicRef" });
        }

        let mut node = Node::default();
        for (keyword, value) in keywords {
            let Some((role, holds)) = applicator(keyword) else { continue };
            for (pointer, part, child) in subschemas(value, holds, &format!("{pointer}/{}", escape(keyword))) {
                let number = self.enter(child, resource, pointer)?;
                match (role, part) {
                    (Use::Define, _) => {}
                    (Use::InPlace, _) => node.in_place.push(number),
                    (Use::Member, Some(part)) => {
                        if let Part::Member(name) = part {
                            self.graph.names.insert(name);
                        }
                        node.members.named.push((part, number));
                    }
                    (Use::Member, None) | (Use::OtherMember, _) => node.members.rest.push(number),
                    (Use::EveryMember, _) => node.members.every.push(number),
                    (Use::Element, Some(part)) => node.elements.named.push((part, number)),
                    (Use::Element, None) | (Use::OtherElement, _) => node.elements.rest.push(number),
                    (Use::EveryElement, _) => node.elements.every.push(number),
                }
            }
            if matches!(keyword.as_str(), "unevaluatedProperties" | "unevaluatedItems") {
                node.unevaluated += 1;
            }
        }
        // Draft-07 ignores what stands beside a reference; it is read for its definitions all the same.
        let ignored = self.dialect == Dialect::Draft07 && reference.is_some();
        if let (false, Some(own)) = (ignored, self.graph.nodes.get_mut(number)) {
            *own = Node { pointer, ..node };
        }
        Ok(())
    }

    /// Notes the `$id` and anchors of a subschema, and gives the resource that it belongs to.
    fn identify(&mut self, schema: &'a Value, keywords: &'a Map<String, Value>, outer: &'a Value) -> &'a Value {
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
            if let (Some(anchor), Some(&number)) =
                (text("$dynamicAnchor"), self.places.get(&std::ptr::from_ref(schema)))
            {
                self.dynamic.entry(anchor).or_default().push(number);
            }
        }
        resource
    }

    fn resolve(&mut self, reference: &Reference<'a>) -> Result<(), SchemaProblem> {
        let from = self.graph.nodes.get(reference.from).map(|node| node.pointer.clone()).unwrap_or_default();
        let pointer = format!("{from}/{}", reference.keyword);
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
        let mut targets = vec![target];
        if reference.keyword == "$dynamicRef" {
            // Which of them is meant depends on the way there; the bound on work counts all.
            targets.extend(self.dynamic.get(fragment).into_iter().flatten().copied().filter(|&other| other != target));
        }
        if let Some(node) = self.graph.nodes.get_mut(reference.from) {
            node.in_place.extend(targets);
        }
        Ok(())
    }

    /// Follows a JSON Pointer in a fragment; an `$id` on the way begins another resource.
    fn follow(&self, resource: &'a Value, fragment: &str) -> Option<(&'a Value, &'a Value)> {
        let decoded = percent_decode(fragment)?;
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

/// Keywords of both dialects: one that the document's dialect does not know applies nothing, so counting it errs
/// towards refusal.
fn applicator(keyword: &str) -> Option<(Use, Holds)> {
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
/// What is not a schema at all is left to the dialect's own schema to refuse.
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
fn escape(name: &str) -> Cow<'_, str> {
    if name.contains(['~', '/']) { name.replace('~', "~0").replace('/', "~1").into() } else { name.into() }
}

/// Undoes percent-encoding; `None` where it is broken or not UTF-8.
fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        bytes.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
    }
    String::from_utf8(bytes).ok()
}
