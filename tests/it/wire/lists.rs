//! Lists and their pages: every entry once, whatever changes meanwhile, and no cursor but the server's own.

use std::collections::BTreeMap;

use mocopr::{Guarded, McpServer, ServerBuilder, prelude::*};
use serde_json::{Value, json};

use super::sample::items;
use crate::support::{hosted::Hosted, talk::Talk};

/// A tool that is only there to be listed.
fn tool(name: &str) -> Tool {
    Tool::new(name).input_schema(r#"{"type":"object"}"#).handler(|_: Value| async { "" })
}

fn prompt(name: &str) -> PromptDefinition {
    PromptDefinition::new(name).handler(|_: Value| async { "" })
}

fn resource(location: &str) -> ResourceDefinition {
    ResourceDefinition::new(location, "r").handler(|_| async { "" })
}

/// Ten of each kind, three on a page.
fn builder() -> ServerBuilder<Guarded> {
    let mut builder = McpServer::builder()
        .with_info("lists", "1")
        .with_security_policy(SecurityPolicy::development())
        .with_page_size(items(3));
    for number in 0..10 {
        builder = builder
            .with_tool(tool(&format!("tool-{number}")))
            .with_prompt(prompt(&format!("prompt-{number}")))
            .with_resource(resource(&format!("test://r/{number}")))
            .with_resource(resource(&format!("family-{number}://{}{{id}}", "x".repeat(number))));
    }
    builder
}

const LISTS: [(&str, &str, &str); 4] = [
    ("tools/list", "tools", "name"),
    ("prompts/list", "prompts", "name"),
    ("resources/list", "resources", "uri"),
    ("resources/templates/list", "resourceTemplates", "uriTemplate"),
];

/// Walks a list and does something after each page; how often each entry was met.
async fn walk(talk: &mut Talk, list: (&str, &str, &str), mut between: impl FnMut(usize)) -> Vec<String> {
    let (method, member, key) = list;
    let mut met = Vec::new();
    let mut params = json!({});
    for page in 0.. {
        let told = talk.ask(method, params).await;
        let result = &told.answer["result"];
        let entries = result[member].as_array().unwrap_or_else(|| panic!("{}", told.answer));
        assert!(entries.len() <= 3);
        met.extend(entries.iter().map(|entry| entry[key].as_str().expect("it has a name").to_owned()));
        match result.get("nextCursor") {
            None => break,
            Some(cursor) => {
                assert_eq!(entries.len(), 3, "only the last page is short");
                params = json!({"cursor": cursor});
            }
        }
        between(page);
    }
    met
}

fn counts(met: &[String]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for name in met {
        *counts.entry(name.as_str()).or_insert(0) += 1;
    }
    counts
}

#[tokio::test]
async fn pages_hold_every_entry_once_and_in_the_same_order_for_everybody() {
    let hosted = Hosted::start(builder().build().expect("it is well made")).await;
    let mut stateless = Talk::stateless(hosted.authority());
    let mut session = Talk::stateful(hosted.authority()).await;
    for list in LISTS {
        let met = walk(&mut stateless, list, |_| {}).await;
        assert_eq!(met.len(), 10, "{list:?}");
        assert!(counts(&met).values().all(|count| *count == 1), "{met:?}");
        assert_eq!(walk(&mut stateless, list, |_| {}).await, met);
        assert_eq!(walk(&mut session, list, |_| {}).await, met);
    }
}

#[tokio::test]
async fn what_stays_is_met_once_while_other_entries_come_and_go() {
    let server = builder().build().expect("it is well made");
    let (tools, prompts, resources) = (server.tools(), server.prompts(), server.resources());
    let hosted = Hosted::start(server).await;
    let mut talk = Talk::stateless(hosted.authority());
    // The entries that the first page ends with, begins with and is followed by, and new ones before and behind.
    let met = walk(&mut talk, LISTS[0], |page| {
        if page == 0 {
            assert!(tools.remove("tool-2") && tools.remove("tool-0") && tools.remove("tool-4"));
            tools.insert(tool("new")).expect("it is well made");
            tools.insert(tool("tool-1")).expect("it is well made");
        }
        if page == 1 {
            tools.remove("tool-6");
        }
    })
    .await;
    assert_stay(&met, "tool-", &[1, 3, 5, 7, 8, 9]);
    assert_eq!(counts(&met).get("new"), Some(&1), "{met:?}");

    let met = walk(&mut talk, LISTS[1], |page| {
        if page < 3 {
            prompts.remove(&format!("prompt-{}", 3 * page + 2));
            prompts.insert(prompt(&format!("new-{page}"))).expect("it is well made");
        }
    })
    .await;
    assert_stay(&met, "prompt-", &[0, 1, 3, 4, 6, 7, 9]);

    let met = walk(&mut talk, LISTS[2], |page| {
        resources.remove(&format!("test://r/{}", 3 * page + 2));
        resources.remove(&format!("test://r/{}", 3 * page));
    })
    .await;
    assert_stay(&met, "test://r/", &[1, 4, 7]);

    // Templates stand by how much of them is fixed, so a new one may come anywhere.
    let before = walk(&mut talk, LISTS[3], |_| {}).await;
    let met = walk(&mut talk, LISTS[3], |page| {
        if let Some(name) = before.get(3 * page + 2) {
            resources.remove(name);
        }
        resources.insert(resource(&format!("very-long-and-therefore-first-{page}://{{id}}"))).expect("it is well made");
        resources.insert(resource(&format!("s{page}://{{id}}"))).expect("it is well made");
    })
    .await;
    let counts = counts(&met);
    for (place, name) in before.iter().enumerate() {
        let removed_later = place % 3 == 2 && place > 2;
        assert!(removed_later || counts.get(name.as_str()) == Some(&1), "{name}: {met:?}");
    }
    assert!(counts.values().all(|count| *count == 1), "{met:?}");
}

fn assert_stay(met: &[String], prefix: &str, numbers: &[usize]) {
    let counts = counts(met);
    for number in numbers {
        assert_eq!(counts.get(format!("{prefix}{number}").as_str()), Some(&1), "{prefix}{number}: {met:?}");
    }
    assert!(counts.values().all(|count| *count == 1), "{met:?}");
}

#[tokio::test]
async fn a_cursor_that_is_not_the_servers_own_for_this_list_is_refused() {
    let hosted = Hosted::start(builder().build().expect("it is well made")).await;
    let mut talk = Talk::stateless(hosted.authority());
    let mut cursors = Vec::new();
    for (method, ..) in LISTS {
        let told = talk.ask(method, json!({})).await;
        cursors.push(told.answer["result"]["nextCursor"].as_str().expect("there is more").to_owned());
    }
    for (place, (method, ..)) in LISTS.into_iter().enumerate() {
        for foreign in cursors.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, cursor)| cursor) {
            assert_refused(&mut talk, method, foreign).await;
        }
    }
    let own = &cursors[0];
    for at in (0..own.len()).step_by(3) {
        let mut changed = own.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        assert_refused(&mut talk, "tools/list", &String::from_utf8(changed).expect("it is ASCII")).await;
    }
    let padded = format!("{own}=");
    let longer = format!("{own}A");
    for wrong in [&own[..own.len() - 1], &own[1..], &padded, &longer, "", "0", "3", "MTA=", &format!(" {own}")] {
        assert_refused(&mut talk, "tools/list", wrong).await;
    }
    // The cursors of another server are as good as made up.
    let other = Hosted::start(builder().build().expect("it is well made")).await;
    let mut there = Talk::stateless(other.authority());
    assert_refused(&mut there, "tools/list", own).await;
}

async fn assert_refused(talk: &mut Talk, method: &str, cursor: &str) {
    let told = talk.ask(method, json!({"cursor": cursor})).await;
    assert_eq!((told.head.status, told.answer["error"]["code"].as_i64()), (200, Some(-32602)), "{method} {cursor}");
    assert_eq!(told.answer["error"]["message"], "invalid cursor");
}

#[tokio::test]
async fn the_cursor_after_an_entry_with_a_long_name_is_taken_back() {
    let mut builder = McpServer::builder()
        .with_info("lists", "1")
        .with_security_policy(SecurityPolicy::development())
        .with_page_size(items(1));
    for number in 0..3 {
        builder = builder.with_resource(resource(&format!("test://{number}/{}", "x".repeat(2_000))));
    }
    let hosted = Hosted::start(builder.build().expect("it is well made")).await;
    let mut talk = Talk::stateless(hosted.authority());
    assert_eq!(walk_by_one(&mut talk).await, 3);
}

async fn walk_by_one(talk: &mut Talk) -> usize {
    let mut params = json!({});
    let mut met = 0;
    loop {
        let told = talk.ask("resources/list", params).await;
        met += told.answer["result"]["resources"].as_array().unwrap_or_else(|| panic!("{}", told.answer)).len();
        match told.answer["result"].get("nextCursor") {
            None => return met,
            Some(cursor) => params = json!({"cursor": cursor}),
        }
    }
}

#[tokio::test]
async fn a_server_without_a_kind_does_not_know_its_list() {
    let builder = McpServer::builder().with_info("lists", "1").with_security_policy(SecurityPolicy::development());
    let hosted = Hosted::start(builder.with_tool(tool("only")).build().expect("it is well made")).await;
    let mut talk = Talk::stateless(hosted.authority());
    for method in ["prompts/list", "resources/list", "resources/templates/list"] {
        let told = talk.ask(method, json!({})).await;
        assert_eq!((told.head.status, told.answer["error"]["code"].as_i64()), (404, Some(-32601)), "{method}");
    }
    assert_eq!(walk(&mut talk, LISTS[0], |_| {}).await, ["only"]);
}
