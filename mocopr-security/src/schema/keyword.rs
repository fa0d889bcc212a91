//! Compiles a schema: checks each keyword's value and makes it a rule.
//!
//! What a dialect does not allow is refused here, where the schema is read; what it does not know is ignored. The
//! references have been resolved, and the work has been bounded, by then.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};

use crate::schema::{
    Dialect, SchemaLimits, SchemaProblem, SchemaProblemKind,
    assertion::{Assertion, Bound, End, Unit},
    content::Content,
    formats::Format,
    graph::{self, Graph, escape},
    number::Decimal,
    operand::{self, Operand},
    pattern::Pattern,
    program::{Additional, Applicator, Asks, Contains, Each, Node, Program, Rule, Weight},
};

/// Compiles every subschema of a document.
pub(super) fn compile(graph: &Graph<'_>, dialect: Dialect, limits: &SchemaLimits) -> Result<Program, SchemaProblem> {
    let sides = graph.nodes.iter().flat_map(|node| [&node.members, &node.elements]);
    let parts = sides.flat_map(|side| side.named.iter().map(|(_, part)| part).chain(&side.rest).chain(&side.every));
    let parts: BTreeSet<usize> = parts.copied().collect();
    let scopes: HashMap<_, _> = graph.scopes().into_iter().enumerate().map(|(number, scope)| (scope, number)).collect();
    let mut slots = 0;
    let mut nodes = Vec::with_capacity(graph.nodes.len());
    for (number, node) in graph.nodes.iter().enumerate() {
        let rules = Compiler { graph, node, dialect, limits, scopes: &scopes }.rules()?;
        let weight = weight(&rules);
        let slot = parts.contains(&number).then_some(slots);
        slots += usize::from(slot.is_some());
        let scope = scopes.get(&node.resource).copied();
        nodes.push(Node { asks: asks(&rules), weight, slot, scope, rules });
    }
    Ok(Program { nodes: nodes.into(), slots, scopes: scopes.len() })
}

fn weight(rules: &[Rule]) -> Weight {
    if rules.iter().all(|rule| matches!(rule, Rule::Says(_))) { Weight::Light } else { Weight::Heavy }
}

fn asks(rules: &[Rule]) -> Asks {
    let asks = |rule: &Rule| {
        matches!(rule, Rule::Applies(Applicator::UnevaluatedItems(_) | Applicator::UnevaluatedProperties(_)))
    };
    if rules.iter().any(asks) { Asks::WhatIsEvaluated } else { Asks::Nothing }
}

struct Compiler<'c, 'a> {
    graph: &'c Graph<'a>,
    node: &'c graph::Node<'a>,
    dialect: Dialect,
    limits: &'c SchemaLimits,
    scopes: &'c HashMap<*const Value, usize>,
}

impl Compiler<'_, '_> {
    fn rules(&self) -> Result<Box<[Rule]>, SchemaProblem> {
        let keywords = match self.node.schema {
            Value::Object(keywords) => keywords,
            Value::Bool(true) => return Ok([].into()),
            Value::Bool(false) => return Ok([Rule::Says(Assertion::Never)].into()),
            Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                return Err(SchemaProblemKind::Invalid.at(&self.node.pointer));
            }
        };
        let mut sorted: Vec<_> = keywords.iter().collect();
        // The type is what a sender should hear of first.
        sorted.sort_unstable_by_key(|(keyword, _)| {
            (keyword.starts_with("unevaluated"), *keyword != "type", keyword.as_str())
        });
        let mut rules = Vec::new();
        for (keyword, value) in sorted {
            if let Some(place) = operand::misplaced(keyword, value, self.dialect) {
                return Err(self.invalid(SchemaProblemKind::Invalid, keyword, &place));
            }
            rules.extend(self.rule(keyword, value, keywords)?);
            // Draft-07 has one keyword for both of these.
            if keyword == "dependencies" {
                rules.push(Rule::Says(Assertion::DependentRequired(operand::dependents(value))));
            }
        }
        // Draft-07 ignores what stands beside a reference.
        if let (Dialect::Draft07, Some(target)) = (self.dialect, self.node.reference) {
            rules = vec![Rule::Applies(Applicator::Reference(target))];
        }
        Ok(rules.into())
    }

    fn invalid(&self, kind: SchemaProblemKind, keyword: &str, below: &str) -> SchemaProblem {
        kind.at(&format!("{}/{}{below}", self.node.pointer, escape(keyword)))
    }

    /// The rule of one keyword whose value is known to be of its kind; `None` where it asserts nothing.
    fn rule(&self, keyword: &str, value: &Value, keywords: &Map<String, Value>) -> Result<Option<Rule>, SchemaProblem> {
        if let Some(assertion) = self.assertion(keyword, value, keywords)? {
            return Ok(Some(Rule::Says(assertion)));
        }
        let latest = self.dialect == Dialect::V2020_12;
        let applicator = match keyword {
            "$ref" => self.node.reference.map(Applicator::Reference),
            "$dynamicRef" => self.dynamic_reference(),
            "allOf" => Some(Applicator::AllOf(self.listed(value))),
            "anyOf" => Some(Applicator::AnyOf(self.listed(value))),
            "oneOf" => Some(Applicator::OneOf(self.listed(value))),
            "not" => self.number(value).map(Applicator::Not),
            "if" => self.number(value).map(|condition| Applicator::If {
                condition,
                then: keywords.get("then").and_then(|schema| self.number(schema)),
                otherwise: keywords.get("else").and_then(|schema| self.number(schema)),
            }),
            "dependencies" => Some(Applicator::DependentSchemas(self.named(value))),
            "dependentSchemas" if latest => Some(Applicator::DependentSchemas(self.named(value))),
            "properties" => Some(Applicator::Properties(self.named(value))),
            "patternProperties" => Some(Applicator::PatternProperties(self.patterns(value)?)),
            "additionalProperties" => self.additional(value, keywords)?,
            "propertyNames" => self.number(value).map(Applicator::PropertyNames),
            "prefixItems" if latest => Some(Applicator::PrefixItems(self.listed(value))),
            "items" if value.is_array() => Some(Applicator::PrefixItems(self.listed(value))),
            "items" => {
                let prefix = keywords.get("prefixItems").filter(|_| latest).and_then(Value::as_array);
                self.number(value).map(|each| Applicator::Items(prefix.map_or(0, Vec::len), Each::Fits(each)))
            }
            "additionalItems" if !latest => {
                let prefix = keywords.get("items").and_then(Value::as_array);
                prefix.and_then(|prefix| Some(Applicator::Items(prefix.len(), self.each(value)?)))
            }
            "contains" => self.number(value).map(|node| {
                let bound =
                    |keyword, none| keywords.get(keyword).filter(|_| latest).and_then(Value::count).unwrap_or(none);
                Applicator::Contains(Contains {
                    node,
                    least: bound("minContains", 1),
                    most: bound("maxContains", u64::MAX),
                })
            }),
            "unevaluatedItems" if latest => self.each(value).map(Applicator::UnevaluatedItems),
            "unevaluatedProperties" if latest => self.each(value).map(Applicator::UnevaluatedProperties),
            _ => None,
        };
        Ok(applicator.map(Rule::Applies))
    }

    fn assertion(
        &self,
        keyword: &str,
        value: &Value,
        keywords: &Map<String, Value>,
    ) -> Result<Option<Assertion>, SchemaProblem> {
        let bound = |bound| value.as_number().map(|limit| Assertion::Bound(bound, limit.clone()));
        let count = |unit, end| value.count().map(|limit| Assertion::Count(unit, end, limit));
        Ok(match keyword {
            "type" => value.kinds().map(Assertion::Type),
            "enum" => value.as_array().map(|options| Assertion::Enum(options.as_slice().into())),
            "const" => Some(Assertion::Const(value.clone())),
            "minimum" => bound(Bound::Least),
            "maximum" => bound(Bound::Most),
            "exclusiveMinimum" => bound(Bound::Above),
            "exclusiveMaximum" => bound(Bound::Below),
            "multipleOf" => {
                value.as_number().and_then(|number| Some(Assertion::MultipleOf(Decimal::of(number)?, number.clone())))
            }
            "minLength" => count(Unit::Characters, End::Least),
            "maxLength" => count(Unit::Characters, End::Most),
            "minItems" => count(Unit::Elements, End::Least),
            "maxItems" => count(Unit::Elements, End::Most),
            "minProperties" => count(Unit::Members, End::Least),
            "maxProperties" => count(Unit::Members, End::Most),
            "pattern" => Some(Assertion::Pattern(self.pattern(value.as_str().unwrap_or_default(), keyword)?)),
            "format" => value.as_str().and_then(|name| Format::of(name, self.dialect)).map(Assertion::Format),
            "uniqueItems" => (value == &Value::Bool(true)).then_some(Assertion::UniqueItems),
            "required" => value.names().map(Assertion::Required),
            "dependentRequired" if self.dialect == Dialect::V2020_12 => {
                Some(Assertion::DependentRequired(operand::dependents(value)))
            }
            // Where both stand, the media type speaks for both.
            "contentEncoding" | "contentMediaType" if self.dialect == Dialect::Draft07 => {
                let text = |keyword| keywords.get(keyword).and_then(Value::as_str);
                let first = keyword == "contentEncoding" || text("contentEncoding").is_none();
                Content::of(text("contentEncoding"), text("contentMediaType")).filter(|_| first).map(Assertion::Content)
            }
            _ => None,
        })
    }

    fn pattern(&self, source: &str, keyword: &str) -> Result<Pattern, SchemaProblem> {
        Pattern::compile(source, self.limits.pattern_bytes)
            .ok_or_else(|| self.invalid(SchemaProblemKind::Pattern, keyword, ""))
    }

    fn dynamic_reference(&self) -> Option<Applicator> {
        let dynamic = self.node.dynamic_reference.as_ref()?;
        let scope = |&(resource, node)| Some((self.scopes.get(&resource).copied()?, node));
        let candidates: Box<[_]> = dynamic.candidates.iter().filter_map(scope).collect();
        Some(Applicator::DynamicReference { target: dynamic.target, candidates })
    }

    fn additional(&self, value: &Value, keywords: &Map<String, Value>) -> Result<Option<Applicator>, SchemaProblem> {
        let Some(each) = self.each(value) else { return Ok(None) };
        let members = keywords.get("properties").and_then(Value::as_object);
        let mut named: Vec<Box<str>> =
            members.into_iter().flat_map(Map::keys).map(|name| name.as_str().into()).collect();
        named.sort_unstable();
        let patterns = match keywords.get("patternProperties") {
            Some(patterns) => self.patterns(patterns)?.into_iter().map(|(pattern, _)| pattern).collect(),
            None => [].into(),
        };
        Ok(Some(Applicator::AdditionalProperties(Box::new(Additional { named: named.into(), patterns, each }))))
    }

    fn each(&self, schema: &Value) -> Option<Each> {
        if schema == &Value::Bool(false) { Some(Each::Refused) } else { self.number(schema).map(Each::Fits) }
    }

    fn number(&self, schema: &Value) -> Option<usize> {
        self.graph.number_of(schema)
    }

    fn listed(&self, schemas: &Value) -> Box<[usize]> {
        schemas.as_array().into_iter().flatten().filter_map(|schema| self.number(schema)).collect()
    }

    fn named(&self, schemas: &Value) -> Box<[(Box<str>, usize)]> {
        let members = schemas.as_object().into_iter().flatten();
        let mut named: Vec<(Box<str>, usize)> =
            members.filter_map(|(name, schema)| Some((name.as_str().into(), self.number(schema)?))).collect();
        named.sort_unstable();
        named.into()
    }

    fn patterns(&self, schemas: &Value) -> Result<Box<[(Pattern, usize)]>, SchemaProblem> {
        let members = schemas.as_object().into_iter().flatten();
        let numbered = members.filter_map(|(source, schema)| Some((source, self.number(schema)?)));
        numbered.map(|(source, number)| Ok((self.pattern(source, "patternProperties")?, number))).collect()
    }
}
