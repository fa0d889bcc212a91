//! Roles and patterns against their words: tables, attacks on spelling, and another reading that tries everything.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use mocopr_core::uri::{ResourceUri, UriTemplate};
use proptest::prelude::*;

use super::{
    pattern::{self, Pattern},
    *,
};
use crate::{
    evidence::{Evidence, Happening, Witness},
    principal::{Holdings, Method},
};

fn holding(roles: &[&str], scopes: &[&str]) -> Principal {
    let boxed = |names: &[&str]| names.iter().map(|name| Box::from(*name)).collect();
    let holdings = Holdings::These { roles: boxed(roles), scopes: boxed(scopes) };
    Principal::new(Method::Token, "https://id.example.com", "alice", None, holdings)
}

fn rules(roles: &[(&str, &[&str])]) -> RoleBasedAccessControl {
    let described =
        roles.iter().fold(RoleBasedAccessControl::builder(), |all, (role, texts)| all.with_role(*role, texts));
    described.build().unwrap()
}

/// What a single role grants.
fn granted(texts: &[&str], kind: Kind, name: &str) -> Grant {
    rules(&[("role", texts)]).grant(&holding(&["role"], &[]), kind, name)
}

fn problems(builder: AccessBuilder) -> Vec<String> {
    builder.build().unwrap_err().problems().iter().map(|problem| problem.what().to_owned()).collect()
}

/// S-40
#[test]
fn each_way_of_writing_a_permission_means_what_the_table_says() {
    use Grant::{Nothing, See, Use};
    use Kind::{Prompt, Resource, Tool};
    let uri = "notes://public/1";
    for (text, [tool, prompt, resource]) in [
        ("*", [Use, Use, Use]),
        ("tools:*", [Use, Nothing, Nothing]),
        ("tools:call", [Use, Nothing, Nothing]),
        ("tools:call:*", [Use, Nothing, Nothing]),
        ("tools:call:say", [Use, Nothing, Nothing]),
        ("tools:call:s*y", [Use, Nothing, Nothing]),
        ("tools:call:sa", [Nothing, Nothing, Nothing]),
        ("tools:read", [See, Nothing, Nothing]),
        ("tools:read:say", [See, Nothing, Nothing]),
        ("prompts:read", [Nothing, Use, Nothing]),
        ("prompts:*:sa*", [Nothing, Use, Nothing]),
        ("prompts:read:told", [Nothing, Nothing, Nothing]),
        ("resources:read", [Nothing, Nothing, Use]),
        ("resources:*", [Nothing, Nothing, Use]),
        ("resources:read:*", [Nothing, Nothing, Use]),
        ("resources:read:notes://public/*", [Nothing, Nothing, Use]),
        ("resources:read:notes://public", [Nothing, Nothing, Nothing]),
    ] {
        let all = [granted(&[text], Tool, "say"), granted(&[text], Prompt, "say"), granted(&[text], Resource, uri)];
        assert_eq!(all, [tool, prompt, resource], "{text}");
    }
}

/// S-41
#[test]
fn what_takes_wins_over_what_gives_whatever_role_it_comes_from() {
    let rules = RoleBasedAccessControl::builder()
        .with_presets()
        .with_role("contractor", &["!tools:call:deploy_*"])
        .with_denied("intern", &["tools:*", "resources:read:secret://*"])
        .build()
        .unwrap();
    let grant = |roles: &[&str], kind, name| rules.grant(&holding(roles, &[]), kind, name);
    for role in ["admin", "user"] {
        assert_eq!(grant(&[role], Kind::Tool, "deploy_now"), Grant::Use);
        // The permission to call is taken, and with it what it gave to see.
        assert_eq!(grant(&[role, "contractor"], Kind::Tool, "deploy_now"), Grant::Nothing);
        assert_eq!(grant(&[role, "contractor"], Kind::Tool, "deploy"), Grant::Use);
        assert_eq!(grant(&[role, "intern"], Kind::Tool, "deploy"), Grant::Nothing);
        assert_eq!(grant(&[role, "intern"], Kind::Resource, "secret://vault"), Grant::Nothing);
        assert_eq!(grant(&[role, "intern"], Kind::Resource, "notes://1"), Grant::Use);
    }
    // What a permission to see gives by itself stays.
    assert_eq!(grant(&["viewer", "user", "contractor"], Kind::Tool, "deploy_now"), Grant::See);
    assert_eq!(grant(&["viewer", "intern"], Kind::Tool, "deploy_now"), Grant::Nothing);
}

/// S-41, T-48
#[test]
fn what_no_rule_speaks_of_is_refused() {
    let rules = RoleBasedAccessControl::builder().with_presets().build().unwrap();
    let none = RoleBasedAccessControl::builder().build().unwrap();
    for kind in [Kind::Tool, Kind::Prompt, Kind::Resource] {
        for roles in [&[][..], &["root"], &["Admin"], &["admin "], &["*"]] {
            assert_eq!(rules.grant(&holding(roles, &[]), kind, "a:b"), Grant::Nothing, "{roles:?}");
        }
        assert_eq!(none.grant(&holding(&["admin"], &[]), kind, "a:b"), Grant::Nothing);
    }
    // A scope is no role.
    assert_eq!(rules.grant(&holding(&[], &["admin"]), Kind::Tool, "a"), Grant::Nothing);
}

#[test]
fn an_heir_has_what_it_inherits_given_and_taken() {
    let rules = RoleBasedAccessControl::builder()
        .with_role("lead", &["prompts:read"])
        .with_role("user", &["tools:call", "!tools:*:drop"])
        .with_role("guest", &["resources:read"])
        .with_inheritance("lead", "user")
        .with_inheritance("user", "guest")
        .build()
        .unwrap();
    let grant = |role, kind, name| rules.grant(&holding(&[role], &[]), kind, name);
    assert_eq!(grant("lead", Kind::Prompt, "a"), Grant::Use);
    assert_eq!(grant("lead", Kind::Tool, "a"), Grant::Use);
    assert_eq!(grant("lead", Kind::Tool, "drop"), Grant::Nothing);
    assert_eq!(grant("lead", Kind::Resource, "a:b"), Grant::Use);
    assert_eq!(grant("user", Kind::Prompt, "a"), Grant::Nothing);
    assert_eq!(grant("guest", Kind::Tool, "a"), Grant::Nothing);
    let holds = |held, role| rules.holds_role(&holding(&[held], &[]), role);
    assert!(holds("lead", "lead") && holds("lead", "guest") && holds("user", "guest"));
    assert!(!holds("guest", "user") && !holds("user", "lead") && !holds("lead", "unheard") && holds("else", "else"));
}

/// S-43
#[test]
fn what_no_role_is_granted_can_be_told() {
    let rules =
        rules(&[("a", &["tools:call:x*", "!tools:call:xy"]), ("b", &["tools:read:xz"]), ("c", &["!tools:*:xa"])]);
    let reaches = |name| rules.reaches(Kind::Tool, name);
    assert!(reaches("x") && reaches("xz") && reaches("xa") && !reaches("xy") && !reaches("y"));
    assert!(!rules.reaches(Kind::Prompt, "x"));
    assert_eq!(rules.defined_roles().collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn a_permission_for_everything_stands_in_for_no_role() {
    let rules = RoleBasedAccessControl::builder().with_presets().build().unwrap();
    assert!(!rules.holds_role(&holding(&["admin"], &[]), "user"));
}

#[test]
fn the_local_user_of_the_development_profile_is_asked_no_role() {
    let rules = rules(&[("a", &["!*"])]);
    assert_eq!(rules.grant(&Principal::local(), Kind::Tool, "x"), Grant::Use);
    assert_eq!(rules.explain(&Principal::local(), Kind::Tool, "x").cause(), Cause::Everything);
}

/// P-14
#[test]
fn a_scope_is_held_through_every_scope_that_implies_it() {
    let rules = RoleBasedAccessControl::builder()
        .with_scope_implies("all", &["files", "notes"])
        .with_scope_implies("files", &["files:read", "files:write"])
        .build()
        .unwrap();
    let holds = |held: &str, scope| rules.holds_scope(&holding(&[], &[held]), scope);
    assert!(holds("files:read", "files:read") && holds("files", "files:read") && holds("all", "files:write"));
    assert!(!holds("files:read", "files") && !holds("notes", "files:read") && !holds("files", "files:delete"));
    assert!(holds("unheard", "unheard") && !holds("unheard", "all"));
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let builder = RoleBasedAccessControl::builder()
        .with_role("user", &["tool:call", "tools:run", "prompts:call", "resources:read:public/*", "tools:call:"])
        .with_role("user", &["!!*", "resources:read:notes://a/../b", "tools:call:a b", "resources:read:x:%2a", "", "!"])
        .with_role(" ", &[])
        .with_inheritance("user", "nobody")
        .with_scope_implies("two words", &["one"]);
    let found = problems(builder);
    for text in [
        "\"tool:call\"",
        "\"tools:run\"",
        "\"prompts:call\"",
        "\"resources:read:public/*\"",
        "\"tools:call:\"",
        "\"!!*\"",
        "\"resources:read:notes://a/../b\"",
        "\"tools:call:a b\"",
        "\"resources:read:x:%2a\"",
        "has \"\"",
        "has \"!\"",
        "defined twice",
        "\" \" is not the name",
        "\"nobody\"",
        "\"two words\" is no scope",
    ] {
        assert_eq!(found.iter().filter(|what| what.contains(text)).count(), 1, "{text}: {found:#?}");
    }
    assert_eq!(found.len(), 15);
}

#[test]
fn circles_of_roles_and_of_scopes_are_problems() {
    let two = || RoleBasedAccessControl::builder().with_role("a", &[]).with_role("b", &[]);
    assert_eq!(problems(two().with_inheritance("a", "a")), ["the role \"a\" inherits from itself"]);
    assert_eq!(problems(two().with_inheritance("a", "b").with_inheritance("b", "a")).len(), 2);
    assert_eq!(problems(two().with_scope_implies("a", &["b"]).with_scope_implies("b", &["a"])).len(), 2);
}

#[test]
fn each_limit_holds_at_its_last_value_and_not_at_the_next() {
    let roles = |many: usize| {
        (0..many)
            .fold(RoleBasedAccessControl::builder(), |all, number| all.with_role(format!("r{number}"), &[]))
            .build()
    };
    assert!(roles(256).is_ok() && roles(257).is_err());
    let permissions = |many: usize| RoleBasedAccessControl::builder().with_role("a", &vec!["*"; many]).build();
    assert!(permissions(4_096).is_ok() && permissions(4_097).is_err());
    let one = |text: String| RoleBasedAccessControl::builder().with_role("a", &[&text]).build();
    let long = |bytes: usize| one(format!("tools:call:{}", "a".repeat(bytes)));
    assert!(long(512).is_ok() && long(513).is_err());
    let stars = |many: usize| one(format!("tools:call:{}", "a*".repeat(many)));
    assert!(stars(16).is_ok() && stars(17).is_err());
    let name = |bytes: usize| RoleBasedAccessControl::builder().with_role("a".repeat(bytes), &[]).build();
    assert!(name(128).is_ok() && name(129).is_err());
    let scopes = |many: usize| {
        let implied: Vec<String> = (0..many).map(|number| format!("s{number}")).collect();
        let implied: Vec<&str> = implied.iter().map(String::as_str).collect();
        RoleBasedAccessControl::builder().with_scope_implies("all", &implied).build()
    };
    assert!(scopes(1_024).is_ok() && scopes(1_025).is_err());
}

/// What the registry would ask for a URI as a peer wrote it; nothing where it is no URI of a resource.
fn read_as_written(rules: &RoleBasedAccessControl, who: &Principal, written: &str) -> Grant {
    ResourceUri::parse(written).map_or(Grant::Nothing, |uri| rules.grant(who, Kind::Resource, uri.canonical()))
}

/// S-40
#[test]
fn no_spelling_of_a_uri_leads_around_a_rule() {
    let rules = rules(&[
        ("service", &["resources:read:notes://public/*", "resources:read:https://example.com/a"]),
        (
            "most",
            &["resources:read", "!resources:read:notes://s\u{e9}cret/*", "!resources:read:https://Intra.example/*"],
        ),
    ]);
    let service = holding(&["service"], &[]);
    for written in
        ["notes://public/1", "NOTES://public/1", "notes://%70ublic/%31", "notes://public/", "notes://public/a/b"]
    {
        assert_eq!(read_as_written(&rules, &service, written), Grant::Use, "{written}");
    }
    for written in [
        "notes://public",
        "notes://publicity",
        "notes://public/../secret",
        "notes://public/..",
        "notes://public/%2e%2e/secret",
        "notes://public/.%2E/secret",
        "notes://public/x%2f..%2fsecret",
        "notes://public/x%5c..%5csecret",
        "notes://public%2f1",
        "notes://PUBLIC/1",
        "notes://Public/1",
        "notes://p\u{75}\u{308}blic/1",
        "notes://\u{440}ublic/1",
        "notes://publ\u{456}c/1",
        "notes://\u{ff50}ublic/1",
        "notes://public:80/1",
        "notes://me@public/1",
        "notes://public\u{2215}1",
        "notes:/public/1",
        "notes:///public/1",
        "notes://./public/1",
        "xnotes://public/1",
        "x:notes://public/1",
        " notes://public/1",
        "https://example.com/A",
        "https://example.com/a/",
        "https://example.com/a?",
        "https://example.com.evil/a",
    ] {
        assert_eq!(read_as_written(&rules, &service, written), Grant::Nothing, "{written}");
    }
    assert_eq!(read_as_written(&rules, &service, "https://EXAMPLE.com/%61"), Grant::Use);

    // The same for what is taken: no other spelling of it is left.
    let most = holding(&["most"], &[]);
    for written in [
        "notes://s\u{e9}cret/1",
        "notes://s%C3%A9cret/1",
        "notes://s%c3%a9cret/%31",
        "Notes://%73%c3%a9cret/1",
        "https://intra.example/1",
        "HTTPS://INTRA.EXAMPLE/1",
        "https://%69ntra.example/1",
    ] {
        assert_eq!(read_as_written(&rules, &most, written), Grant::Nothing, "{written}");
    }
    // Another text is another resource: what looks alike is not the same.
    assert_eq!(read_as_written(&rules, &most, "notes://se\u{301}cret/1"), Grant::Use);
}

/// T-26, P-86
#[test]
fn a_template_is_listed_in_part_and_completed_only_as_a_whole() {
    let outline = |template: &str| UriTemplate::parse(template).unwrap().outline();
    let notes = outline("Notes://{user}/%69d/{id}{?lang}");
    assert_eq!(notes, "notes://{}/id/{}{}");
    let grant = |texts: &[&str]| granted(texts, Kind::Resource, &notes);
    for whole in
        ["resources:read", "resources:read:notes:*", "resources:read:notes://*", "resources:read:notes://*/id/*"]
    {
        assert_eq!(grant(&[whole]), Grant::Use, "{whole}");
    }
    for part in ["notes://public/*", "notes://*/id/1", "notes://alice/id/1", "notes://a*/*/7?lang=en"] {
        assert_eq!(grant(&[&format!("resources:read:{part}")]), Grant::See, "{part}");
        // Of a family of which a part is taken nothing is completed.
        assert_eq!(grant(&["resources:read", &format!("!resources:read:{part}")]), Grant::See, "{part}");
    }
    for none in ["file:///*", "note://*", "notes://alice", "notes:x*"] {
        assert_eq!(grant(&[&format!("resources:read:{none}")]), Grant::Nothing, "{none}");
        assert_eq!(grant(&["resources:read", &format!("!resources:read:{none}")]), Grant::Use, "{none}");
    }
    assert_eq!(grant(&["resources:read:notes://public/*", "!resources:read:notes://*"]), Grant::Nothing);
}

#[test]
fn an_explanation_names_the_rule_and_where_it_comes_from() {
    let rules = RoleBasedAccessControl::builder()
        .with_role("user", &["tools:call:a*", "resources:read:notes://public/*"])
        .with_role("admin", &["tools:read"])
        .with_denied("intern", &["tools:call:ab"])
        .with_inheritance("admin", "user")
        .build()
        .unwrap();
    let why = |roles: &[&str], kind, name| rules.explain(&holding(roles, &[]), kind, name).to_string();
    assert_eq!(why(&["user"], Kind::Tool, "ab"), r#"use: role "user" has "tools:call:a*""#);
    assert_eq!(why(&["admin"], Kind::Tool, "ab"), r#"use: role "admin" through "user" has "tools:call:a*""#);
    assert_eq!(why(&["admin", "intern"], Kind::Tool, "ab"), r#"see: role "admin" has "tools:read""#);
    assert_eq!(why(&["user", "intern"], Kind::Tool, "ab"), r#"nothing: role "intern" has "!tools:call:ab""#);
    assert_eq!(why(&["user"], Kind::Tool, "b"), "nothing: no rule of the caller's roles gives it");
    assert_eq!(why(&["root"], Kind::Tool, "b"), "nothing: none of the caller's roles is defined");
    let part =
        r#"see: role "user" has "resources:read:notes://public/*", which is about a part of the template's resources"#;
    assert_eq!(why(&["user"], Kind::Resource, "notes://{}"), part);
}

/// S-41
#[test]
fn of_all_roles_the_rule_that_reaches_the_most_of_a_template_decides() {
    let rules = rules(&[
        ("guest", &["resources:read:notes://public/*"]),
        ("reader", &["resources:read"]),
        ("intern", &["!resources:read:notes://public/*"]),
        ("locked", &["!resources:read"]),
    ]);
    for (roles, grant) in [
        (["guest", "guest", "guest"], Grant::See),
        (["guest", "reader", "guest"], Grant::Use),
        (["reader", "intern", "guest"], Grant::See),
        (["reader", "intern", "locked"], Grant::Nothing),
    ] {
        let [one, other, third] = roles;
        for roles in [[one, other, third], [third, other, one], [other, third, one]] {
            assert_eq!(rules.grant(&holding(&roles, &[]), Kind::Resource, "notes://{}"), grant, "{roles:?}");
        }
    }
}

#[test]
fn of_rules_that_reach_as_far_the_nearest_is_named() {
    let rules = RoleBasedAccessControl::builder()
        .with_role("user", &["tools:call"])
        .with_role("lead", &["tools:call:x", "tools:*"])
        .with_inheritance("lead", "user")
        .build()
        .unwrap();
    let rule = |roles: &[&str], name| {
        let why = rules.explain(&holding(roles, &[]), Kind::Tool, name);
        [why.role(), why.defined_in(), why.rule()].map(|part| part.map(str::to_owned).unwrap_or_default())
    };
    assert_eq!(rule(&["lead"], "x"), ["lead", "lead", "tools:*"], "one about all is looked at first");
    assert_eq!(rule(&["user", "lead"], "x"), ["user", "user", "tools:call"]);
    assert_eq!(rule(&["lead", "user"], "x"), ["lead", "lead", "tools:*"]);
    assert_eq!(rule(&["root"], "x"), [""; 3]);
}

/// S-40, S-43, S-44
#[test]
fn a_gate_asks_rules_that_can_be_replaced_the_same_as_rules_that_cannot() {
    let rules = || {
        RoleBasedAccessControl::builder()
            .with_role("lead", &["prompts:read"])
            .with_role("user", &["tools:call:echo"])
            .with_inheritance("lead", "user")
            .with_scope_implies("notes", &["notes:read"])
            .build()
            .unwrap()
    };
    let asked: [Box<dyn Rules>; 2] = [Box::new(rules()), Box::new(AccessRules::new(rules()))];
    let (lead, user) = (holding(&["lead"], &["notes"]), holding(&["user"], &["notes:write"]));
    for rules in asked {
        assert!(rules.depend_on_caller());
        let grants = [(&lead, Kind::Tool, "echo"), (&user, Kind::Tool, "say"), (&user, Kind::Prompt, "echo")]
            .map(|(who, kind, name)| rules.grant(who, kind, name));
        assert_eq!(grants, [Grant::Use, Grant::Nothing, Grant::Nothing]);
        assert!(rules.holds_role(&lead, "user") && !rules.holds_role(&user, "lead"));
        assert!(rules.defines_role("user") && !rules.defines_role("admin"));
        assert!(rules.reaches(Kind::Tool, "echo") && !rules.reaches(Kind::Tool, "say"));
        assert!(rules.holds_scope(&lead, "notes:read") && !rules.holds_scope(&user, "notes:read"));
    }
}

/// Writes down what administrators did.
#[derive(Debug, Default)]
struct Ledger(Mutex<Vec<String>>);

impl Witness for Ledger {
    fn saw(&self, happening: &Happening<'_>) {
        self.0.lock().unwrap().push(format!("{} {}", happening.action, happening.target));
    }
}

/// S-45, S-90
#[test]
fn a_replacement_is_told_with_its_generation_and_the_roles_that_there_are_now() {
    let (access, ledger) = (AccessRules::new(rules(&[])), Arc::new(Ledger::default()));
    let evidence = Evidence::new([ledger.clone() as Arc<dyn Witness>]);
    access.tell_changes(&evidence);
    access.replace(rules(&[("user", &["tools:call"]), ("admin", &["*"])]));
    access.replace(rules(&[]));
    assert_eq!(*ledger.0.lock().unwrap(), ["replace_roles generation 1: admin, user", "replace_roles generation 2: "]);
}

/// S-45
#[test]
fn replaced_rules_decide_from_then_on_in_every_clone() {
    let access = AccessRules::new(rules(&[("user", &["tools:call"])]));
    let other = access.clone();
    let user = holding(&["user"], &["files"]);
    assert_eq!((other.grant(&user, Kind::Tool, "a"), other.generation()), (Grant::Use, 0));
    let held = other.current();
    let next = RoleBasedAccessControl::builder().with_role("user", &["tools:read"]);
    assert_eq!(access.replace(next.with_scope_implies("files", &["files:read"]).build().unwrap()), 1);
    assert_eq!((other.grant(&user, Kind::Tool, "a"), other.generation()), (Grant::See, 1));
    assert!(other.holds_scope(&user, "files:read"));
    assert_eq!(other.explain(&user, Kind::Tool, "a").rule(), Some("tools:read"));
    // Whoever holds the rules of a moment keeps them.
    assert_eq!(held.grant(&user, Kind::Tool, "a"), Grant::Use);
}

#[test]
fn replacements_at_the_same_time_are_all_counted() {
    let access = AccessRules::new(rules(&[]));
    let mut generations: Vec<u64> = std::thread::scope(|scope| {
        let many: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| (0..50).map(|_| access.replace(rules(&[("a", &["*"])]))).collect::<Vec<_>>()))
            .collect();
        many.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    generations.sort_unstable();
    assert_eq!(generations, (1..=200).collect::<Vec<u64>>());
    assert_eq!(access.generation(), 200);
}

#[test]
fn a_hostile_name_makes_no_pattern_go_back() {
    let text = format!("tools:call:{}b", "a*".repeat(16));
    let name = "a".repeat(1 << 20);
    assert_eq!(granted(&[&text], Kind::Tool, &name), Grant::Nothing);
}

/// Another reading of the same words: texts are looked at one by one, names letter by letter.
struct Oracle<'a> {
    roles: &'a BTreeMap<String, Vec<String>>,
    inherits: &'a [(String, String)],
}

impl Oracle<'_> {
    fn grant(&self, held: &BTreeSet<String>, kind: &str, name: &str) -> Grant {
        let mut all = held.clone();
        loop {
            let more = self.inherits.iter().filter(|(heir, _)| all.contains(heir)).map(|(_, from)| from.clone());
            let next: BTreeSet<String> = all.iter().cloned().chain(more).collect();
            if next == all {
                break;
            }
            all = next;
        }
        let texts: Vec<&String> = all.iter().filter_map(|role| self.roles.get(role)).flatten().collect();
        let says = |prefix: &str, actions: &[&str]| {
            texts.iter().any(|text| {
                if **text == format!("{prefix}*") {
                    return true;
                }
                actions.iter().any(|action| {
                    let plain = format!("{prefix}{kind}:{action}");
                    **text == plain
                        || text.strip_prefix(&format!("{plain}:")).is_some_and(|pattern| {
                            naive(&pattern.chars().collect::<Vec<_>>(), &name.chars().collect::<Vec<_>>())
                        })
                })
            })
        };
        let is_tool = kind == "tools";
        if says("!", &["read", "*"]) {
            return Grant::Nothing;
        }
        let gives_call = if is_tool { says("", &["call", "*"]) } else { says("", &["read", "*"]) };
        if gives_call && !says("!", &["call"]) {
            return Grant::Use;
        }
        // A permission to call also lets see, but as one with the calling; `tools:read` lets see by itself.
        let fits = |text: &&String| {
            text.strip_prefix("tools:read:")
                .is_some_and(|pattern| naive(&pattern.chars().collect::<Vec<_>>(), &name.chars().collect::<Vec<_>>()))
        };
        let sees = texts.iter().any(|text| **text == "tools:read" || fits(text));
        if is_tool && sees { Grant::See } else { Grant::Nothing }
    }
}

/// A matcher that tries everything.
fn naive(pattern: &[char], name: &[char]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (None, Some(_)) => false,
        (Some(('*', rest)), None) => naive(rest, name),
        (Some(('*', rest)), Some((_, behind))) => naive(rest, name) || naive(pattern, behind),
        (Some((letter, rest)), Some((first, behind))) => letter == first && naive(rest, behind),
        (Some(_), None) => false,
    }
}

/// Whether two patterns have a text in common, by trying everything.
fn in_common(one: &[char], other: &[char]) -> bool {
    match (one.split_first(), other.split_first()) {
        (None, None) => true,
        (Some(('*', rest)), _) if in_common(rest, other) => true,
        (_, Some(('*', rest))) if in_common(one, rest) => true,
        (Some(('*', _)), Some((_, behind))) => in_common(one, behind),
        (Some((_, behind)), Some(('*', _))) => in_common(behind, other),
        (Some((letter, rest)), Some((first, behind))) => letter == first && in_common(rest, behind),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// S-40, S-41, S-42
#[test]
fn every_set_of_roles_is_decided_as_another_reading_of_the_words_decides() {
    let roles: BTreeMap<String, Vec<String>> = [
        ("admin", &["*"][..]),
        ("user", &["tools:call", "resources:read", "prompts:read"]),
        ("viewer", &["tools:read", "resources:*", "prompts:*"]),
        ("service", &["tools:call:echo", "tools:read:add*", "resources:read:notes://public/*"]),
        (
            "contractor",
            &["!tools:call:deploy_*", "!resources:read:secret://*", "tools:read:deploy_*", "prompts:read:g*t"],
        ),
        ("suspended", &["!tools:*", "!prompts:read:greet"]),
        ("auditor", &["resources:read:file:*/log", "tools:*:audit*", "!resources:*:file:///x/*"]),
        ("locked", &["!*"]),
    ]
    .into_iter()
    .map(|(role, texts)| (role.to_owned(), texts.iter().copied().map(String::from).collect()))
    .collect();
    let inherits = [("auditor".to_owned(), "service".to_owned()), ("suspended".to_owned(), "contractor".to_owned())];
    let mut builder = RoleBasedAccessControl::builder();
    for (role, texts) in &roles {
        builder = builder.with_role(role.as_str(), &texts.iter().map(String::as_str).collect::<Vec<_>>());
    }
    for (heir, from) in &inherits {
        builder = builder.with_inheritance(heir.as_str(), from.as_str());
    }
    let rules = builder.build().unwrap();
    let oracle = Oracle { roles: &roles, inherits: &inherits };

    let tools =
        ["echo", "ech", "echo2", "add", "addend", "ad", "deploy_", "deploy_now", "deploy", "audit", "audit.log", "x"];
    let prompts = ["greet", "gt", "get", "gate", "great_", "g"];
    let resources = [
        "notes://public/1",
        "notes://public/",
        "notes://public",
        "notes://publicity/1",
        "notes://alice/1",
        "secret://vault",
        "secret:x",
        "file:///x/y/log",
        "file:///x",
        "file:///a/log",
    ];
    let names: Vec<&str> = roles.keys().map(String::as_str).chain(["unknown"]).collect();
    let mut decisions = 0;
    for set in 0_usize..1 << names.len() {
        let held: Vec<&str> =
            names.iter().enumerate().filter(|(bit, _)| set >> bit & 1 == 1).map(|(_, name)| *name).collect();
        let who = holding(&held, &[]);
        let held: BTreeSet<String> = held.into_iter().map(String::from).collect();
        let all = [
            (Kind::Tool, "tools", &tools[..]),
            (Kind::Prompt, "prompts", &prompts),
            (Kind::Resource, "resources", &resources),
        ];
        for (kind, word, targets) in all {
            for name in targets {
                let grant = rules.grant(&who, kind, name);
                assert_eq!(grant, oracle.grant(&held, word, name), "{held:?} {word} {name}");
                // What explains is what decides.
                assert_eq!(grant, rules.explain(&who, kind, name).grant());
                decisions += 1;
            }
        }
    }
    assert!(decisions >= 5_000, "{decisions}");
}

fn permission_text() -> impl Strategy<Value = String> {
    let mark = prop_oneof![Just(""), Just("!")];
    let what = prop_oneof![
        Just("*".to_owned()),
        (prop_oneof![Just("tools:call"), Just("tools:read"), Just("tools:*"), Just("prompts:read"), Just("prompts:*")])
            .prop_map(String::from),
        (prop_oneof![Just("tools:call"), Just("tools:read"), Just("tools:*"), Just("prompts:read")], "[ab*]{1,5}")
            .prop_map(|(action, pattern)| format!("{action}:{pattern}")),
        (prop_oneof![Just("resources:read"), Just("resources:*")], "[ab*]{1,5}")
            .prop_map(|(action, pattern)| format!("{action}:x:{pattern}")),
    ];
    (mark, what).prop_map(|(mark, what)| format!("{mark}{what}"))
}

proptest! {
    #[test]
    fn a_pattern_fits_what_one_that_tries_everything_fits(text in "[ab*]{0,8}", name in "[ab]{0,10}") {
        let (letters, name_letters): (Vec<_>, Vec<_>) = (text.chars().collect(), name.chars().collect());
        let fits = match Pattern::new(&text) {
            Pattern::All => true,
            Pattern::Exact(exact) => *exact == *name,
            Pattern::Glob(glob) => glob.matches(&name),
        };
        prop_assert_eq!(fits, naive(&letters, &name_letters));
    }

    #[test]
    fn a_rule_about_a_family_reaches_what_trying_everything_reaches(
        text in "[ab*]{0,6}",
        outline in "[ab]{0,3}\\{\\}([ab]{0,2}\\{\\}){0,2}[ab]{0,3}",
    ) {
        let letters: Vec<_> = text.chars().collect();
        let family: Vec<_> = outline.replace("{}", "*").chars().collect();
        // A letter that no pattern names stands for all that a variable may be.
        let any: Vec<_> = outline.replace("{}", "z").chars().collect();
        let (some, all) = match Pattern::new(&text) {
            Pattern::All => (true, true),
            Pattern::Exact(exact) => (pattern::is_member(&exact, &outline), false),
            Pattern::Glob(glob) => (glob.overlaps(&outline), glob.matches(&outline)),
        };
        prop_assert_eq!(some, in_common(&letters, &family));
        prop_assert_eq!(all, naive(&letters, &any));
    }

    #[test]
    fn rules_of_any_kind_are_decided_as_another_reading_of_the_words_decides(
        texts in proptest::collection::vec(proptest::collection::vec(permission_text(), 0..4), 3),
        held in proptest::collection::btree_set(prop_oneof![Just("r0"), Just("r1"), Just("r2"), Just("r9")], 0..4),
        name in "[ab]{1,5}",
    ) {
        let roles: BTreeMap<String, Vec<String>> =
            texts.into_iter().enumerate().map(|(number, texts)| (format!("r{number}"), texts)).collect();
        let inherits = [("r2".to_owned(), "r0".to_owned())];
        let mut builder = RoleBasedAccessControl::builder().with_inheritance("r2", "r0");
        for (role, texts) in &roles {
            builder = builder.with_role(role.as_str(), &texts.iter().map(String::as_str).collect::<Vec<_>>());
        }
        let rules = builder.build().unwrap();
        let who = holding(&held.iter().copied().collect::<Vec<_>>(), &[]);
        let held = held.into_iter().map(String::from).collect();
        let oracle = Oracle { roles: &roles, inherits: &inherits };
        let uri = format!("x:{name}");
        for (kind, word, name) in [(Kind::Tool, "tools", &name), (Kind::Prompt, "prompts", &name), (Kind::Resource, "resources", &uri)] {
            prop_assert_eq!(rules.grant(&who, kind, name), oracle.grant(&held, word, name), "{} {}", word, name);
        }
    }
}
