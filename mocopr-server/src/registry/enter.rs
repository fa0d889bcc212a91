//! From a definition to an entry: names, schemas and annotations are checked, schemas compiled, everything that is
//! wrong said at once.

use std::{collections::HashSet, sync::Arc};

use mocopr_core::{
    json::RawJson,
    model::content::Icon,
    uri::{ResourceUri, UriTemplate},
};
use mocopr_security::{
    auth::is_scope,
    gate::Requirement,
    policy::Problem,
    schema::{Schema, SchemaLimits},
    validation::UnknownMembers,
};
use serde_json::Value;

use super::{
    builder::Terms,
    close,
    definitions::Definitions,
    lint, mirror,
    prompt::PromptDefinition,
    resource::{ResourceDefinition, ResourceInfo},
    snapshot::{Common, PromptEntry, ResourceEntry, Snapshot, TemplateEntry, ToolEntry},
    tool::Tool,
};
use crate::{ask::Repeatable, handler::Handler, state::States};

/// What definitions stand on: the bounds of their schemas, and the states that their handlers can take.
#[derive(Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) limits: &'a SchemaLimits,
    pub(super) unknown_members: UnknownMembers,
    pub(super) states: &'a States,
}

/// An entry of either kind of resource.
pub(super) enum EnteredResource {
    Static(ResourceEntry),
    Template(TemplateEntry),
}

/// A snapshot of these definitions.
pub(super) fn all(definitions: Definitions, ground: Ground<'_>) -> Result<Snapshot, Vec<Problem>> {
    let Definitions { tools, prompts, resources } = definitions;
    let mut problems = Vec::new();
    let mut snapshot = Snapshot::default();
    let mut seen = HashSet::new();
    let mut once = |kind: &str, name: &str, problems: &mut Vec<Problem>| {
        if !seen.insert(format!("{kind} {name}")) {
            problems
                .push(Problem::new(format!("{kind} `{name}` is registered twice"), "give one of them another name"));
        }
    };
    for definition in tools {
        once("tool", &definition.info.name, &mut problems);
        keep(tool(definition, ground), &mut problems, |entry| snapshot.tools.put(entry));
    }
    for definition in prompts {
        once("prompt", &definition.info.name, &mut problems);
        keep(prompt(definition, ground), &mut problems, |entry| snapshot.prompts.put(entry));
    }
    for definition in resources {
        once("resource", definition.location(), &mut problems);
        keep(resource(definition, ground), &mut problems, |entry| match entry {
            EnteredResource::Static(entry) => snapshot.resources.put(entry),
            EnteredResource::Template(entry) => snapshot.templates.put(entry),
        });
    }
    if problems.is_empty() { Ok(snapshot) } else { Err(problems) }
}

/// A tool, ready to be called.
pub(super) fn tool(definition: Tool, ground: Ground<'_>) -> Result<ToolEntry, Vec<Problem>> {
    let Tool { mut info, handler, terms } = definition;
    let what = format!("tool `{}`", info.name);
    let mut found = said(&what, &terms, ground.states);
    check_name(&what, &info.name, &mut found);
    check_icons(&what, &info.icons, &mut found);

    if let Some(closed) = closed(&what, &info.input_schema, ground.unknown_members, &mut found) {
        info.input_schema = closed;
    }
    info.input_schema = info.input_schema.compact();
    let input = compile(&what, "input", &info.input_schema, ground.limits, &mut found);
    let mut mirrors = Vec::new();
    match info.input_schema.decode::<Value>() {
        Ok(schema) => {
            if schema.get("type").and_then(Value::as_str) != Some("object") {
                found.push(Problem::new(
                    format!("{what}: its input schema is not that of an object"),
                    "let its arguments be a struct, or give the schema \"type\": \"object\"",
                ));
            }
            keep(mirror::find(&info.name, &schema), &mut found, |found| mirrors = found);
            found.extend(lint::mirrored_secrets(&info.name, &schema));
        }
        Err(_) => found.push(Problem::new(format!("{what}: its input schema is not JSON"), "give a JSON text")),
    }
    let mut output = None;
    if let Some(schema) = &mut info.output_schema {
        schema.schema = schema.schema.compact();
        output = compile(&what, "output", &schema.schema, ground.limits, &mut found);
    }

    let repeats = info.annotations.read_only == Some(true) || info.annotations.idempotent == Some(true);
    let repeatable = if repeats { Repeatable::Always } else { Repeatable::No };
    let common = common(handler, terms, repeatable);
    match input {
        Some(input) if found.is_empty() => Ok(ToolEntry { info, input, output, mirrors, common }),
        _ => Err(found),
    }
}

/// A prompt, ready to be asked for.
pub(super) fn prompt(definition: PromptDefinition, ground: Ground<'_>) -> Result<PromptEntry, Vec<Problem>> {
    let PromptDefinition { info, handler, completions, terms } = definition;
    let what = format!("prompt `{}`", info.name);
    let mut found = said(&what, &terms, ground.states);
    check_name(&what, &info.name, &mut found);
    check_icons(&what, &info.icons, &mut found);
    let mut names = HashSet::new();
    for argument in &info.arguments {
        if !names.insert(&*argument.name) {
            let what = format!("{what}: its argument `{}` is described twice", argument.name);
            found.push(Problem::new(what, "describe it once"));
        }
    }
    for (argument, _) in &completions {
        if !names.contains(&**argument) {
            let what = format!("{what}: `{argument}` is completed and is no argument");
            found.push(Problem::new(what, "complete one of its arguments"));
        }
    }
    // Prompts change nothing, so one may be made twice from the same answers.
    let common = common(handler, terms, Repeatable::Always);
    if found.is_empty() { Ok(PromptEntry { info, completions, common }) } else { Err(found) }
}

/// A resource or template, ready to be read.
pub(super) fn resource(definition: ResourceDefinition, ground: Ground<'_>) -> Result<EnteredResource, Vec<Problem>> {
    let what = format!("resource `{}`", definition.location());
    let ResourceDefinition { info, handler, completions, terms, mount } = definition;
    let mut found = said(&what, &terms, ground.states);
    found.extend(mount.iter().flat_map(|mount| mount.problems()));
    let common = common(handler, terms, Repeatable::Always);
    match info {
        ResourceInfo::Fixed(info) => {
            check_icons(&what, &info.icons, &mut found);
            if !completions.is_empty() {
                let what = format!("{what}: it has completions and no variables");
                found.push(Problem::new(what, "put variables in braces, such as notes://{user}"));
            }
            match ResourceUri::parse(&info.uri) {
                Ok(uri) if found.is_empty() => {
                    return Ok(EnteredResource::Static(ResourceEntry {
                        canonical: uri.canonical().into(),
                        info,
                        common,
                    }));
                }
                Ok(_) => {}
                Err(error) => found.push(Problem::new(format!("{what}: {error}"), "give it a URI with a scheme")),
            }
        }
        ResourceInfo::Family(info) => {
            check_icons(&what, &info.icons, &mut found);
            match UriTemplate::parse(&info.uri_template) {
                Ok(template) => {
                    for (argument, _) in &completions {
                        if !template.variables().any(|variable| *variable == **argument) {
                            let what = format!("{what}: `{argument}` is completed and is no variable");
                            found.push(Problem::new(what, "complete one of its variables"));
                        }
                    }
                    if found.is_empty() {
                        let outline = template.outline().into();
                        let entry = TemplateEntry { info, template, outline, mount, completions, common };
                        return Ok(EnteredResource::Template(entry));
                    }
                }
                Err(error) => found.push(Problem::new(
                    format!("{what}: {error}"),
                    "a template may hold {a}, {+a}, {/a}, {.a}, {?a} and {&a}",
                )),
            }
        }
    }
    Err(found)
}

/// What every entry has, from the terms of its definition.
fn common(handler: Arc<dyn Handler>, terms: Terms, repeatable: Repeatable) -> Common {
    let Terms { timeout, requirement, needs: _, problems: _ } = terms;
    Common { handler, timeout, need: requirement, repeatable }
}

/// What the definition noticed while it was built, and what is wrong with its terms.
fn said(what: &str, terms: &Terms, states: &States) -> Vec<Problem> {
    let Terms { timeout: _, requirement: Requirement { roles, scopes, weight: _ }, needs, problems } = terms;
    let mut found: Vec<_> =
        problems.iter().map(|problem| Problem::new(format!("{what}: {problem}"), "give JSON")).collect();
    for name in states.lacking(needs) {
        found.push(Problem::new(
            format!("{what}: its handler takes a state of the type `{name}`, and there is none"),
            "call .with_state(..) with a value of that type",
        ));
    }
    // RFC 6749, section 3.3: a challenge lists scopes with spaces between them, in quotes.
    if !scopes.iter().all(|scope| is_scope(scope)) {
        found.push(Problem::new(
            format!("{what}: it requires a scope that is no scope"),
            "a scope has printable ASCII characters, but no space, quote or backslash",
        ));
    }
    if roles.iter().any(|role| role.trim().is_empty()) {
        found.push(Problem::new(format!("{what}: it requires a role without a name"), "name the role"));
    }
    found
}

fn keep<T>(entered: Result<T, Vec<Problem>>, problems: &mut Vec<Problem>, put: impl FnOnce(T)) {
    match entered {
        Ok(entry) => put(entry),
        Err(found) => problems.extend(found),
    }
}

/// The input schema without room for what it does not name, where that is asked for and it does not say so itself.
fn closed(what: &str, schema: &RawJson, unknown: UnknownMembers, problems: &mut Vec<Problem>) -> Option<RawJson> {
    match unknown {
        UnknownMembers::AsTheSchemaSays => return None,
        UnknownMembers::Refused => {}
    }
    // One that is not JSON is reported by whoever compiles it.
    let schema = schema.decode::<Value>().ok()?;
    match close::closed(what, &schema) {
        Ok(closed) => closed.as_ref().map(RawJson::from_value),
        Err(problem) => {
            problems.push(problem);
            None
        }
    }
}

fn compile(
    what: &str,
    which: &str,
    schema: &RawJson,
    limits: &SchemaLimits,
    problems: &mut Vec<Problem>,
) -> Option<Schema> {
    match Schema::compile(schema, limits) {
        Ok(schema) => Some(schema),
        Err(problem) => {
            let what = format!("{what}: its {which} schema: {problem}");
            problems.push(Problem::new(what, "change the schema there"));
            None
        }
    }
}

/// MCP 2025-11-25 and later, server/tools, "Tool Names".
fn check_name(what: &str, name: &str, problems: &mut Vec<Problem>) {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if !(1..=128).contains(&name.len()) || !name.bytes().all(fits) {
        problems.push(Problem::new(
            format!("{what}: the name is not 1 to 128 characters of A-Z a-z 0-9 _ - ."),
            "give it such a name, for example with name = \"…\"",
        ));
    }
}

/// Clients refuse every other scheme, and a script in an icon is an attack on them.
fn check_icons(what: &str, icons: &[Icon], problems: &mut Vec<Problem>) {
    for icon in icons {
        if !icon.src.starts_with("https://") && !icon.src.starts_with("data:image/") {
            problems.push(Problem::new(
                format!("{what}: an icon is neither https: nor data:image/"),
                "serve it over HTTPS",
            ));
        }
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use mocopr_core::clock::ManualClock;
    use mocopr_security::{
        gate::{Decision, Gate},
        policy::SecurityPolicy,
        principal::Principal,
    };
    use serde_json::json;

    use super::*;
    use crate::registry::{builder::DefinitionBuilder, tool::NoArguments};

    fn enter(definition: DefinitionBuilder<mocopr_core::model::tool::Tool>) -> Result<ToolEntry, Vec<Problem>> {
        let (limits, states) = (SchemaLimits::development(), States::default());
        tool(
            definition.handler(|_: NoArguments| async {}),
            Ground { limits: &limits, unknown_members: UnknownMembers::AsTheSchemaSays, states: &states },
        )
    }

    #[test]
    fn what_a_definition_requires_reaches_the_gate() {
        let gate = Gate::new(SecurityPolicy::development(), Vec::new(), None, Arc::new(ManualClock::new()));
        let nobody = Principal::named("nobody");
        let decide = |who: &Principal, definition| gate.decide(who, enter(definition).unwrap().target());
        let scoped = || Tool::new("a").requires_scope("notes:read").requires_scope("notes:write");
        let both = Box::from(["notes:read".into(), "notes:write".into()]);
        assert_eq!(decide(&nobody, scoped()), Decision::StepUp(both));
        assert_eq!(decide(&nobody, scoped().requires_role("editor")), Decision::Hidden);
        assert_eq!(decide(&nobody, Tool::new("a")), Decision::Permit);
    }

    #[test]
    fn a_tool_that_mirrors_a_secret_is_not_registered() {
        let schema = |name: &str| {
            let property = json!({"type": "string", "x-mcp-header": "Value"});
            Tool::new("a").input_schema(json!({"type": "object", "properties": {name: property}}).to_string())
        };
        assert!(enter(schema("region")).is_ok());
        let problems = enter(schema("api_key")).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].mend().contains("x-mcp-header"));
    }

    #[test]
    fn only_icons_that_clients_show_are_taken() {
        let with_icon = |src: &str| {
            let mut found = Vec::new();
            check_icons("tool `a`", &[Icon { src: src.into(), ..Icon::default() }], &mut found);
            found.len()
        };
        assert_eq!(["https://example.com/a.png", "data:image/png;base64,AA=="].map(with_icon), [0, 0]);
        let bad = ["http://example.com/a.png", "javascript:alert(1)", "file:///a", "data:text/html,x", ""];
        assert_eq!(bad.map(with_icon), [1; 5]);
    }

    #[test]
    fn names_are_1_to_128_characters_of_the_set() {
        let bad = |name: &str| {
            let mut found = Vec::new();
            check_name("tool", name, &mut found);
            found.len()
        };
        assert_eq!(["a", "A-z_0.9", &"a".repeat(128)].map(bad), [0; 3]);
        assert_eq!(["", "a b", "ä", "a/b", "a\n", &"a".repeat(129)].map(bad), [1; 6]);
    }

    #[test]
    fn requirements_without_a_proper_name_are_problems() {
        for scope in ["", "two words", "quote\"", "back\\slash", "ü"] {
            assert_eq!(enter(Tool::new("a").requires_scope(scope)).unwrap_err().len(), 1, "{scope}");
        }
        assert_eq!(enter(Tool::new("a").requires_role(" ")).unwrap_err().len(), 1);
    }
}
