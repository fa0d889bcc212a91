//! Resources of sources that are mounted below a base, as a client sees them.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use mocopr::{
    Revision, ServerBuilder,
    model::ReadResult,
    prelude::*,
    resources::{
        Audience, Changes, Item, Range, ResourceSource, Shape, Told, Variable,
        security::{MemoryItem, MemoryResourceHandler, PathRead, ResourceAccessControl, ResourceHandler},
    },
    security::Principal,
    testing::{ManualClock, TestAnswer, TestClient, TestError},
    validation::UriValidator,
};
use mocopr_security::rbac::RoleBasedAccessControl;
use serde_json::{Value, json};

use crate::support::{piped::Piped, request::stateless, within};

/// A source whose resources a test changes, with what it was asked.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Desk>>);

#[derive(Default)]
struct Desk {
    notes: BTreeMap<String, u64>,
    reads: Vec<String>,
    looks: usize,
    lists: usize,
}

impl Notes {
    fn of(paths: &[&str]) -> Self {
        let notes = Self::default();
        paths.iter().for_each(|path| notes.write(path, 1));
        notes
    }

    fn write(&self, path: &str, version: u64) {
        self.0.lock().unwrap().notes.insert(path.to_owned(), version);
    }

    fn erase(&self, path: &str) {
        self.0.lock().unwrap().notes.remove(path);
    }

    fn reads(&self) -> Vec<String> {
        self.0.lock().unwrap().reads.clone()
    }

    fn looks(&self) -> usize {
        self.0.lock().unwrap().looks
    }
}

type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl ResourceSource for Notes {
    fn shape(&self) -> Shape {
        Shape { name: "notes", variable: Variable::Path("path") }
    }

    fn admits(&self, _: &mocopr::resources::Uri, raw: &str) -> bool {
        mocopr::resources::decode(raw).is_some_and(|path| !path.starts_with("never"))
    }

    fn list<'a>(&'a self, _: &'a Principal, range: Range<'a>) -> Later<'a, Result<Vec<Item>, Failure>> {
        let mut desk = self.0.lock().unwrap();
        desk.lists += 1;
        let paths = desk.notes.keys().filter(|path| range.holds(path));
        let items: Vec<Item> = paths.take(range.limit).map(|path| Item::new(path.as_str())).collect();
        Box::pin(async move { Ok(items) })
    }

    fn read<'a>(&'a self, _: &'a Principal, raw: &'a str) -> Later<'a, Result<Option<ReadResult>, Failure>> {
        let mut desk = self.0.lock().unwrap();
        desk.reads.push(raw.to_owned());
        let note = mocopr::resources::decode(raw).and_then(|path| desk.notes.get(&path).copied());
        Box::pin(async move {
            let contents = note.map(|version| vec![Contents::text("", format!("version {version}"))]);
            Ok(contents.map(|contents| ReadResult { contents, cache: Default::default(), meta: None }))
        })
    }

    fn changes(&self, _: Told) -> Changes {
        Changes::Polled(Duration::from_secs(2))
    }

    fn fingerprints<'a>(&'a self, raw: &'a [&'a str]) -> Later<'a, Vec<Option<u64>>> {
        let mut desk = self.0.lock().unwrap();
        desk.looks += 1;
        let looks = raw.iter().map(|raw| desk.notes.get(*raw).copied()).collect();
        Box::pin(async move { looks })
    }
}

fn builder() -> ServerBuilder {
    McpServer::builder().with_info("test", "1.0.0")
}

fn memory() -> MemoryResourceHandler {
    MemoryResourceHandler::builder().build()
}

async fn client(builder: ServerBuilder) -> TestClient {
    TestClient::connect(&builder.build().unwrap()).await.unwrap()
}

/// The code, the sentence and the data of an error.
pub(crate) fn refused(answer: Result<TestAnswer, TestError>) -> (i64, String, Value) {
    match answer {
        Err(TestError::Refused { code, message, data }) => (code, message, data),
        other => panic!("it was not refused: {other:?}"),
    }
}

/// The URIs of every page.
pub(crate) async fn pages(client: &mut TestClient) -> Vec<Vec<String>> {
    let (mut pages, mut params) = (Vec::new(), json!({}));
    loop {
        let page = client.request("resources/list", params).await.unwrap();
        let page = page.value();
        let uris = page["resources"].as_array().unwrap().iter();
        pages.push(uris.map(|resource| resource["uri"].as_str().unwrap().to_owned()).collect());
        let Some(cursor) = page.get("nextCursor") else { return pages };
        params = json!({"cursor": cursor});
    }
}

pub(crate) async fn completed(client: &mut TestClient, template: &str, variable: &str, typed: &str) -> Value {
    let params =
        json!({"ref": {"type": "ref/resource", "uri": template}, "argument": {"name": variable, "value": typed}});
    client.request("completion/complete", params).await.unwrap().value()["completion"].clone()
}

/// Waits for the next notification of that method, and returns its parameters.
pub(crate) async fn heard(client: &mut TestClient, method: &str) -> Value {
    within(method, async {
        loop {
            client.request("ping", json!({})).await.unwrap();
            let heard = client.notifications().into_iter().find(|note| note["method"] == method);
            if let Some(note) = heard {
                return note["params"].clone();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await
}

/// S-56
#[tokio::test]
async fn memory_is_listed_read_and_completed_by_its_keys() {
    let memory = memory();
    let mut client = client(builder().with_resources("memory://", memory.clone())).await;
    memory.put(None, "b", MemoryItem::bytes(vec![1, 2])).unwrap();
    memory.put(None, "A", MemoryItem::text("hello").with_mime_type("text/plain")).unwrap();

    let templates = client.request("resources/templates/list", json!({})).await.unwrap();
    assert_eq!(templates.value()["resourceTemplates"], json!([{"uriTemplate": "memory://{key}", "name": "memory"}]));
    let list = client.request("resources/list", json!({})).await.unwrap();
    let expected = json!([
        {"uri": "memory://A", "name": "A", "mimeType": "text/plain", "size": 5},
        {"uri": "memory://b", "name": "b", "size": 2},
    ]);
    assert_eq!(list.value()["resources"], expected);
    let text = client.read_resource("memory://A").await.unwrap();
    let expected = json!([{"uri": "memory://A", "mimeType": "text/plain", "text": "hello"}]);
    assert_eq!(text.value()["contents"], expected);
    let blob = client.read_resource("MEMORY://%62").await.unwrap();
    assert_eq!(blob.value()["contents"], json!([{"uri": "MEMORY://%62", "blob": "AQI="}]));
    let keys = completed(&mut client, "memory://{key}", "key", "").await;
    assert_eq!(keys, json!({"values": ["A", "b"]}));
    assert_eq!(completed(&mut client, "memory://{key}", "key", "b").await["values"], json!(["b"]));
    assert_eq!(completed(&mut client, "memory://{key}", "other", "").await["values"], json!([]));
}

/// S-56, P-84
#[tokio::test]
async fn every_revision_reads_and_lists_what_is_mounted() {
    for revision in Revision::ALL {
        let memory = memory();
        memory.put(None, "a", MemoryItem::text("hello")).unwrap();
        let server = builder().with_resources("memory://", memory).build().unwrap();
        let mut client = TestClient::connect_in(&server, revision).await.unwrap();
        assert_eq!(pages(&mut client).await, [["memory://a"]], "{revision:?}");
        assert_eq!(client.read_resource("memory://a").await.unwrap().text(), "hello");
        let (code, _, data) = refused(client.read_resource("memory://b").await);
        let number = if revision < Revision::V2026_07_28 { -32002 } else { -32602 };
        assert_eq!((code, data), (number, json!({"uri": "memory://b"})), "{revision:?}");
    }
}

/// P-82, P-89
#[tokio::test]
async fn pages_hold_everything_once_in_order_what_is_registered_by_itself_first() {
    let fixed = |uri: &str| ResourceDefinition::new(uri, "fixed").handler(|_| async { "fixed" });
    let notes = ["a/1", "a/2", "b", "c d", "é"];
    let shown = [
        "x:1",
        "x:2",
        "note:///a/1",
        "note:///a/2",
        "note:///b",
        "note:///c%20d",
        "note:///%C3%A9",
        "memory://k1",
        "memory://k2",
    ];
    for size in 1..=10 {
        let memory = memory();
        memory.put(None, "k2", MemoryItem::text("2")).unwrap();
        memory.put(None, "k1", MemoryItem::text("1")).unwrap();
        let mut client = client(
            builder()
                .with_page_size(NonZeroUsize::new(size).unwrap())
                .with_resources("memory://", memory)
                .with_resource(fixed("x:1"))
                .with_resources("note:///", Notes::of(&notes))
                .with_resource(fixed("x:2")),
        )
        .await;
        let pages = pages(&mut client).await;
        assert!(pages.iter().all(|page| !page.is_empty() && page.len() <= size), "{size}: {pages:?}");
        let mut expected: Vec<&str> = shown.to_vec();
        // Of equal length the base that was mounted first comes first; the longer one is more specific.
        expected.sort_by_key(|uri| (!uri.starts_with("x:"), !uri.starts_with("memory:")));
        assert_eq!(pages.concat(), expected, "{size}");
        assert_eq!(pages.len(), shown.len().div_ceil(size), "{size}");
    }
}

/// P-82
#[tokio::test]
async fn a_walk_meets_once_what_stays_while_other_resources_come_and_go() {
    let notes = Notes::of(&["b", "d", "f"]);
    let paged = builder().with_page_size(NonZeroUsize::MIN).with_resources("note:///", notes.clone());
    let mut client = client(paged).await;
    let page = client.request("resources/list", json!({})).await.unwrap().value().clone();
    assert_eq!(page["resources"][0]["uri"], "note:///b");
    notes.erase("b");
    notes.write("a", 1);
    notes.write("c", 1);
    let page = client.request("resources/list", json!({"cursor": page["nextCursor"]})).await.unwrap().value().clone();
    assert_eq!(page["resources"][0]["uri"], "note:///c");
}

/// P-89
#[tokio::test]
async fn a_cursor_that_was_not_given_to_this_caller_is_refused() {
    let server =
        builder().with_page_size(NonZeroUsize::MIN).with_resources("note:///", Notes::of(&["a", "b"])).build().unwrap();
    let mut ann = TestClient::as_principal(&server, Principal::named("ann")).await.unwrap();
    let mut bob = TestClient::as_principal(&server, Principal::named("bob")).await.unwrap();
    let page = ann.request("resources/list", json!({})).await.unwrap().value().clone();
    let theirs = refused(bob.request("resources/list", json!({"cursor": page["nextCursor"]})).await);
    let none = refused(bob.request("resources/list", json!({"cursor": "AAAA"})).await);
    assert_eq!((theirs.0, &theirs), (-32602, &none));
    assert!(ann.request("resources/list", json!({"cursor": page["nextCursor"]})).await.is_ok());
}

/// P-88
#[tokio::test]
async fn a_list_with_mounts_is_for_its_caller_alone_on_every_page() {
    let paged = builder().with_list_ttl(Duration::from_secs(9)).with_page_size(NonZeroUsize::MIN);
    let mut client = client(paged.with_resources("note:///", Notes::of(&["a", "b"]))).await;
    let first = client.request("resources/list", json!({})).await.unwrap().value().clone();
    let second = client.request("resources/list", json!({"cursor": first["nextCursor"]})).await.unwrap();
    for page in [&first, second.value()] {
        assert_eq!((&page["cacheScope"], &page["ttlMs"]), (&json!("private"), &json!(9000)), "{page}");
    }
    let read = client.read_resource("note:///a").await.unwrap();
    assert_eq!(read.value()["cacheScope"], "private");
}

/// S-56
#[tokio::test]
async fn a_path_longer_than_a_cursor_carries_is_read_and_not_listed() {
    let (longest, longer) = ("b".repeat(700), "c".repeat(701));
    let notes = Notes::of(&["a", &longest, &longer, "d"]);
    let mut client = client(builder().with_page_size(NonZeroUsize::MIN).with_resources("note:///", notes)).await;
    let expected = ["note:///a".to_owned(), format!("note:///{longest}"), "note:///d".to_owned()];
    assert_eq!(pages(&mut client).await.concat(), expected);
    assert_eq!(client.read_resource(&format!("note:///{longer}")).await.unwrap().text(), "version 1");
}

/// P-83, P-84, S-53, T-18
#[tokio::test]
async fn whatever_is_not_served_is_answered_alike_and_never_reaches_the_source() {
    let notes = Notes::of(&["a", "never/seen", "b c"]);
    let mut client = client(builder().with_resources("note:///", notes.clone())).await;
    let absent = |uri: &str| (-32602, "resource not found".to_owned(), json!({"uri": uri}));
    assert_eq!(refused(client.read_resource("note:///z").await), absent("note:///z"));
    let asked = notes.reads();
    for uri in [
        "note:///never/seen",
        "note:///",
        "note:///a/",
        "note:////a",
        "note:///a//b",
        "note:///a?x=1",
        "note:///a#f",
        "note:///../a",
        "note:///x/../a",
        "note:///x/%2e%2e/a",
        "note:///x%2f..%2fa",
        "note:///%2e%2e%2fa",
        "note:///%252e%252e%252fa",
        "note:///..%5ca",
        "note:///x\\a",
        "note:///a%00",
        "note:///a%0a",
        "note:///%c0%ae%c0%ae/a",
        "note:///%ff",
        "note:///a%2Fb",
        "note://host/a",
        "note://user@/a",
        "note:a",
        "notes:///a",
        "/a",
        "",
    ] {
        assert_eq!(refused(client.read_resource(uri).await), absent(uri), "{uri}");
    }
    assert_eq!(notes.reads(), asked);
    for uri in ["note:///a", "NOTE:///%61", "note:///b%20c"] {
        assert_eq!(client.read_resource(uri).await.unwrap().text(), "version 1", "{uri}");
    }
    assert_eq!(pages(&mut client).await.concat(), ["note:///a", "note:///b%20c"]);
    assert_eq!(completed(&mut client, "note:///{+path}", "path", "n").await["values"], json!([]));
}

/// P-83, P-86
#[tokio::test]
async fn what_requires_a_role_is_hidden_and_what_requires_a_scope_is_listed_and_refused() {
    let (secret, scoped) = (Notes::of(&["s"]), Notes::of(&["t"]));
    let server = builder()
        .with_resource(ResourceDefinition::new("secret:///", "secret").requires_role("editor").source(secret.clone()))
        .with_resource(ResourceDefinition::new("scoped:///", "scoped").requires_scope("read").source(scoped.clone()))
        .build()
        .unwrap();
    let mut reader = TestClient::as_principal(&server, Principal::named("ann").with_scope("read")).await.unwrap();
    assert_eq!(pages(&mut reader).await, [["scoped:///t"]]);
    let [hidden, missing] =
        ["secret:///s", "secret:///x"].map(|uri| (uri, -32602, "resource not found".to_owned(), json!({"uri": uri})));
    for (uri, code, message, data) in [hidden, missing] {
        assert_eq!(refused(reader.read_resource(uri).await), (code, message, data));
    }
    assert!(secret.reads().is_empty());
    assert_eq!(completed(&mut reader, "scoped:///{+path}", "path", "").await["values"], json!(["t"]));

    let mut nobody = TestClient::as_principal(&server, Principal::named("bob")).await.unwrap();
    assert_eq!(pages(&mut nobody).await, [["scoped:///t"]]);
    let (code, _, data) = refused(nobody.read_resource("scoped:///t").await);
    assert_eq!((code, data), (1403, json!({"scopes": ["read"]})));
    assert!(scoped.reads().is_empty());

    let mut editor = TestClient::as_principal(&server, Principal::named("eve").with_role("editor")).await.unwrap();
    assert_eq!(pages(&mut editor).await.concat(), ["secret:///s", "scoped:///t"]);
    assert_eq!(editor.read_resource("secret:///s").await.unwrap().text(), "version 1");
}

/// P-82, P-83, P-84, P-86
#[tokio::test]
async fn rules_decide_about_every_resource_of_a_mount_by_itself() {
    let notes = Notes::of(&["private/a", "public/a", "public/b c", "public/taken"]);
    let rules = RoleBasedAccessControl::builder()
        .with_role("user", &["resources:read:note:///public/*", "!resources:read:note:///public/taken"])
        .with_role("other", &["resources:read:else://*"])
        .build()
        .unwrap();
    let server = builder().with_authorization(rules).with_resources("note:///", notes.clone()).build().unwrap();
    let user = || Principal::named("ann").with_role("user");
    let mut client = TestClient::as_principal(&server, user()).await.unwrap();
    assert_eq!(pages(&mut client).await.concat(), ["note:///public/a", "note:///public/b%20c"]);
    let values = completed(&mut client, "note:///{+path}", "path", "").await["values"].clone();
    assert_eq!(values, json!(["public/a", "public/b c"]));
    assert_eq!(completed(&mut client, "note:///{+path}", "path", "pr").await["values"], json!([]));
    assert_eq!(client.read_resource("note:///%70ublic/a").await.unwrap().text(), "version 1");
    let asked = notes.reads();
    for uri in ["note:///private/a", "note:///public/taken", "note:///private/missing", "note:///never/a"] {
        let expected = (-32602, "resource not found".to_owned(), json!({"uri": uri}));
        assert_eq!(refused(client.read_resource(uri).await), expected, "{uri}");
    }
    assert_eq!(notes.reads(), asked, "what is forbidden is not opened");

    let mut other = TestClient::as_principal(&server, Principal::named("bob").with_role("other")).await.unwrap();
    assert_eq!(pages(&mut other).await.concat(), [""; 0]);
    let templates = other.request("resources/templates/list", json!({})).await.unwrap();
    assert_eq!(templates.value()["resourceTemplates"], json!([]));
    let complete =
        json!({"ref": {"type": "ref/resource", "uri": "note:///{+path}"}, "argument": {"name": "path", "value": ""}});
    assert_eq!(refused(other.request("completion/complete", complete).await).0, -32602);

    let mut told = TestClient::as_principal_in(&server, user(), Revision::NEWEST_STATEFUL).await.unwrap();
    told.request("resources/subscribe", json!({"uri": "note:///public/a"})).await.unwrap();
    for uri in ["note:///private/a", "note:///private/missing"] {
        assert_eq!(refused(told.request("resources/subscribe", json!({"uri": uri})).await).0, -32002, "{uri}");
    }
}

/// P-83
#[tokio::test]
async fn a_mount_answers_alone_below_its_base() {
    let outer = Notes::of(&["inner/a", "inner/never", "b"]);
    let inner = Notes::of(&["a", "c"]);
    let fixed = ResourceDefinition::new("note:///b", "fixed").handler(|_| async { "fixed" });
    let family = ResourceDefinition::new("note:///{name}", "family").handler(|_| async { "family" });
    let mut client = client(
        builder()
            .with_resources("note:///", outer.clone())
            .with_resources("note:///inner/", inner)
            .with_resource(fixed)
            .with_resource(family),
    )
    .await;
    // Each once, from where it would be read.
    let expected = ["note:///b", "note:///inner/a", "note:///inner/c"];
    assert_eq!(pages(&mut client).await.concat(), expected);
    assert_eq!(client.read_resource("note:///b").await.unwrap().text(), "fixed");
    assert_eq!(client.read_resource("note:///inner/a").await.unwrap().text(), "version 1");
    for uri in ["note:///inner/never", "note:///inner/b", "note:///inner/"] {
        assert_eq!(refused(client.read_resource(uri).await).0, -32602, "{uri}");
    }
    assert!(outer.reads().is_empty());
}

/// P-83
#[tokio::test]
async fn a_handler_of_the_owner_reads_only_what_its_validator_and_its_sandbox_let_through() {
    let read = Arc::new(Mutex::new(Vec::new()));
    let log = read.clone();
    let handler = ResourceHandler::builder()
        .with_uri_validator(UriValidator::builder().with_allowed_schemes(&["doc"]).with_length_limit(40).build())
        .with_access_control(ResourceAccessControl::sandboxed(&["public/*", "readme"]))
        .with_read(move |asked: PathRead| {
            log.lock().unwrap().push(asked.path().to_owned());
            async move {
                match asked.path() {
                    "public/gone" => Err(asked.absent()),
                    "public/empty" => Ok(Vec::new()),
                    path => Ok(vec![Contents::text("", format!("{} reads {path}", asked.caller().subject()))]),
                }
            }
        })
        .with_list(|_| async { Ok(["readme", "public/b", "private/a", "public/a"].map(Item::new).to_vec()) })
        .build();
    let mut client = client(builder().with_resources("doc://", handler)).await;
    assert_eq!(client.read_resource("doc://public/a%20b").await.unwrap().text(), "local reads public/a b");
    assert_eq!(client.read_resource("doc://readme").await.unwrap().text(), "local reads readme");
    let long = format!("doc://public/{}", "a".repeat(28));
    for uri in
        ["doc://public/gone", "doc://public/empty", "doc://private/a", "doc://public", "doc://public-evil/a", &long]
    {
        let expected = (-32602, "resource not found".to_owned(), json!({"uri": uri}));
        assert_eq!(refused(client.read_resource(uri).await), expected, "{uri}");
    }
    assert_eq!(*read.lock().unwrap(), ["public/a b", "readme", "public/gone", "public/empty"]);
    assert_eq!(pages(&mut client).await.concat(), ["doc://public/a", "doc://public/b", "doc://readme"]);
    assert_eq!(completed(&mut client, "doc://{+path}", "path", "p").await["values"], json!(["public/a", "public/b"]));
}

/// P-86
#[tokio::test]
async fn a_completion_has_at_most_a_hundred_values_and_says_that_there_are_more() {
    let memory = memory();
    for number in 0..101 {
        memory.put(None, &format!("k{number:03}"), MemoryItem::text("")).unwrap();
    }
    let mut client = client(builder().with_resources("memory://", memory.clone())).await;
    let some = completed(&mut client, "memory://{key}", "key", "k").await;
    assert_eq!((some["values"].as_array().unwrap().len(), &some["hasMore"]), (100, &json!(true)));
    memory.remove(None, "k007");
    let all = completed(&mut client, "memory://{key}", "key", "k").await;
    assert_eq!((all["values"].as_array().unwrap().len(), all.get("hasMore")), (100, None));
}

/// S-56
#[tokio::test]
async fn what_has_expired_in_memory_is_absent_like_what_never_was() {
    let clock = ManualClock::new();
    let memory = MemoryResourceHandler::builder().with_clock(clock.clone()).build();
    memory.put(None, "a", MemoryItem::text("hello")).unwrap();
    let mut client = client(builder().with_resources("memory://", memory)).await;
    assert!(client.read_resource("memory://a").await.is_ok());
    clock.advance(Duration::from_secs(60 * 60));
    let (gone, never) = (client.read_resource("memory://a").await, client.read_resource("memory://b").await);
    let ((code, message, _), never) = (refused(gone), refused(never));
    assert_eq!((code, message), (never.0, never.1));
    assert_eq!(pages(&mut client).await.concat(), [""; 0]);
}

#[tokio::test]
async fn a_change_in_memory_is_told_to_who_subscribed() {
    let memory = memory();
    let server = builder().with_resources("memory://", memory.clone()).build().unwrap();
    let mut client = TestClient::connect_stateful(&server).await.unwrap();
    client.request("resources/subscribe", json!({"uri": "Memory://a"})).await.unwrap();
    memory.put(None, "a", MemoryItem::text("1")).unwrap();
    assert_eq!(heard(&mut client, "notifications/resources/updated").await["uri"], "Memory://a");
    memory.put(None, "b", MemoryItem::text("1")).unwrap();
    heard(&mut client, "notifications/resources/list_changed").await;
    client.request("ping", json!({})).await.unwrap();
    client.notifications();
    memory.put(None, "a", MemoryItem::text("2")).unwrap();
    memory.put(None, "b", MemoryItem::text("2")).unwrap();
    assert_eq!(heard(&mut client, "notifications/resources/updated").await["uri"], "Memory://a");
    memory.remove(None, "a");
    assert_eq!(heard(&mut client, "notifications/resources/updated").await["uri"], "Memory://a");
}

/// S-56
#[tokio::test]
async fn a_change_of_another_tenant_is_told_to_nobody_else() {
    let memory = memory();
    let server = builder().with_resources("memory://", memory.clone()).build().unwrap();
    let mut client = TestClient::connect_stateful(&server).await.unwrap();
    client.request("resources/subscribe", json!({"uri": "memory://a"})).await.unwrap();
    memory.put(Some("acme"), "a", MemoryItem::text("1")).unwrap();
    memory.put(None, "b", MemoryItem::text("1")).unwrap();
    // What was told first would have come first.
    heard(&mut client, "notifications/resources/list_changed").await;
    memory.put(None, "a", MemoryItem::text("1")).unwrap();
    heard(&mut client, "notifications/resources/updated").await;
    client.request("ping", json!({})).await.unwrap();
    client.notifications();
    memory.put(Some("acme"), "a", MemoryItem::text("2")).unwrap();
    memory.remove(Some("acme"), "a");
    for _ in 0..20 {
        client.request("ping", json!({})).await.unwrap();
    }
    assert_eq!(client.notifications(), [Value::Null; 0]);
    assert_eq!(refused(client.read_resource("memory://zzz").await).0, -32002);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_cannot_tell_is_looked_at_while_somebody_subscribes() {
    let notes = Notes::of(&["a", "b"]);
    let server = builder().with_resources("note:///", notes.clone()).build().unwrap();
    let mut client = TestClient::connect_stateful(&server).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(notes.looks(), 0, "nobody subscribes");
    for uri in ["note:///a", "note:///missing"] {
        client.request("resources/subscribe", json!({"uri": uri})).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    notes.write("b", 2);
    notes.write("a", 2);
    assert_eq!(heard(&mut client, "notifications/resources/updated").await["uri"], "note:///a");
    notes.write("missing", 1);
    assert_eq!(heard(&mut client, "notifications/resources/updated").await["uri"], "note:///missing");
    notes.erase("a");
    assert_eq!(heard(&mut client, "notifications/resources/updated").await["uri"], "note:///a");
    for uri in ["note:///a", "note:///missing"] {
        client.request("resources/unsubscribe", json!({"uri": uri})).await.unwrap();
    }
    let looks = notes.looks();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(notes.looks() <= looks + 1, "nobody subscribes any longer");
}

#[tokio::test(start_paused = true)]
async fn a_listen_stream_is_told_of_what_was_seen_to_change() {
    let (notes, memory) = (Notes::of(&["a"]), memory());
    let server = builder()
        .with_resources("note:///", notes.clone())
        .with_resources("memory://", memory.clone())
        .build()
        .unwrap();
    let mut pipe = Piped::open(&server);
    let uris = ["note:///a", "memory://k", "note:///never/a"];
    let filter = json!({"resourceSubscriptions": uris});
    pipe.send(&stateless(1, "subscriptions/listen", json!({"notifications": filter}))).await;
    let acknowledged = pipe.message().await;
    assert_eq!(acknowledged["params"]["notifications"]["resourceSubscriptions"], json!(["note:///a", "memory://k"]));
    memory.put(None, "k", MemoryItem::text("1")).unwrap();
    assert_eq!(pipe.message().await["params"]["uri"], "memory://k");
    tokio::time::sleep(Duration::from_secs(3)).await;
    notes.write("a", 2);
    assert_eq!(pipe.message().await["params"]["uri"], "note:///a");
    // The stream ends with its client, and the looking with the stream.
    drop(pipe);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let looks = notes.looks();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(notes.looks(), looks);
}

#[tokio::test(start_paused = true)]
async fn several_who_wait_cost_one_look_at_a_time() {
    let notes = Notes::of(&["a"]);
    let server = builder().with_resources("note:///", notes.clone()).build().unwrap();
    let mut pipes = Vec::new();
    for _ in 0..10 {
        let mut pipe = Piped::open(&server);
        let filter = json!({"resourceSubscriptions": ["note:///a"]});
        pipe.send(&stateless(1, "subscriptions/listen", json!({"notifications": filter}))).await;
        pipe.message().await;
        pipes.push(pipe);
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    // A first one, and one each two seconds.
    assert!((25..=31).contains(&notes.looks()), "{}", notes.looks());
    notes.write("a", 2);
    for pipe in &mut pipes {
        assert_eq!(pipe.message().await["params"]["uri"], "note:///a");
    }
}

/// P-82
#[tokio::test]
async fn a_page_looks_at_a_bounded_number_of_resources_and_the_next_goes_on() {
    let notes = Notes::of(&["z"]);
    for number in 0..10_000 {
        notes.write(&format!("never/{number:05}"), 1);
    }
    let mut client = client(builder().with_resources("note:///", notes)).await;
    assert_eq!(pages(&mut client).await, [&[][..], &["note:///z".to_owned()]]);
}

/// P-82, S-71
#[tokio::test]
async fn a_source_whose_resources_are_hidden_is_asked_a_few_times_for_a_page_or_a_completion() {
    let notes = Notes::of(&[]);
    for number in 0..10_000 {
        notes.write(&format!("never/{number:05}"), 1);
    }
    let mut client = client(builder().with_resources("note:///", notes.clone())).await;
    let lists = || std::mem::take(&mut notes.0.lock().unwrap().lists);
    let _ = client.request("resources/list", json!({})).await;
    let page = lists();
    assert!((2..=6).contains(&page), "{page}");
    let _ = completed(&mut client, "note:///{+path}", "path", "never").await;
    let completion = lists();
    assert!((2..=6).contains(&completion), "{completion}");
}

/// P-88
#[tokio::test]
async fn one_caller_has_a_bounded_number_of_lists_made_at_a_time() {
    struct Slow;
    impl ResourceSource for Slow {
        fn shape(&self) -> Shape {
            Shape { name: "slow", variable: Variable::Path("path") }
        }
        fn admits(&self, _: &mocopr::resources::Uri, _: &str) -> bool {
            true
        }
        fn list<'a>(&'a self, _: &'a Principal, _: Range<'a>) -> Later<'a, Result<Vec<Item>, Failure>> {
            Box::pin(std::future::pending())
        }
        fn read<'a>(&'a self, _: &'a Principal, _: &'a str) -> Later<'a, Result<Option<ReadResult>, Failure>> {
            Box::pin(std::future::pending())
        }
        fn changes(&self, _: Told) -> Changes {
            Changes::Silent
        }
    }
    let server = builder().with_resources("slow:///", Slow).build().unwrap();
    let mut pipe = Piped::open(&server);
    for id in 0..17 {
        pipe.send(&stateless(id, "resources/list", json!({}))).await;
    }
    let refused = pipe.message().await;
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!(16), &json!(1503)), "{refused}");
    // One that is cancelled makes room for another.
    let cancelled = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 3}});
    pipe.send(&cancelled).await;
    within("room for a list", async {
        for id in (17..).step_by(2) {
            pipe.send(&stateless(id, "resources/list", json!({}))).await;
            pipe.send(&stateless(id + 1, "server/discover", json!({}))).await;
            // Where the list is refused its answer comes first.
            if pipe.message().await["id"] == id + 1 {
                return;
            }
            assert_eq!(pipe.message().await["id"], id + 1);
        }
    })
    .await;
}

#[tokio::test]
async fn what_may_not_be_seen_cannot_be_subscribed_to() {
    let server = builder().with_resources("note:///", Notes::of(&["a"])).build().unwrap();
    let mut client = TestClient::connect_stateful(&server).await.unwrap();
    let never = refused(client.request("resources/subscribe", json!({"uri": "note:///never/a"})).await);
    let foreign = refused(client.request("resources/subscribe", json!({"uri": "other:///a"})).await);
    assert_eq!((never.0, never.1), (foreign.0, foreign.1));
}

#[tokio::test]
async fn a_mount_comes_and_goes_while_the_server_runs() {
    let server = builder().with_tool(Tool::new("a").handler(|_: Value| async { "a" })).build().unwrap();
    let mut client = TestClient::connect_stateful(&server).await.unwrap();
    // Whoever has just arrived is told from its first request on.
    client.request("ping", json!({})).await.unwrap();
    let memory = memory();
    memory.put(None, "a", MemoryItem::text("hello")).unwrap();
    server.resources().insert(ResourceDefinition::new("memory://", "memory").source(memory.clone())).unwrap();
    heard(&mut client, "notifications/resources/list_changed").await;
    assert_eq!(pages(&mut client).await.concat(), ["memory://a"]);
    client.request("resources/subscribe", json!({"uri": "memory://a"})).await.unwrap();
    memory.put(None, "a", MemoryItem::text("again")).unwrap();
    heard(&mut client, "notifications/resources/updated").await;
    assert!(server.resources().remove("memory://{key}"));
    assert!(client.request("resources/list", json!({})).await.is_err());
}

#[tokio::test]
async fn what_is_wrong_with_a_mount_is_said_when_the_server_is_built() {
    let error = builder()
        .with_resources("file:///data", memory())
        .with_resources("https://", MemoryResourceHandler::builder().with_memory_limit(0).build())
        .with_resources("a://", ResourceHandler::builder().build())
        .with_resources("b://", memory())
        .with_resources("b://", memory())
        .build()
        .unwrap_err()
        .to_string();
    for part in [
        "`file:///data` is not a base",
        "`https://` is not a base",
        "up to a slash, such as file:///",
        "may take no byte",
        "does not say which paths it serves",
        "a resource handler cannot read",
        "resource `b://{key}` is registered twice",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[tokio::test]
async fn a_source_that_fails_or_lists_out_of_order_is_an_internal_error_that_says_nothing() {
    #[derive(Clone)]
    struct Broken;
    impl ResourceSource for Broken {
        fn shape(&self) -> Shape {
            Shape { name: "broken", variable: Variable::Path("path") }
        }
        fn admits(&self, _: &mocopr::resources::Uri, _: &str) -> bool {
            true
        }
        fn list<'a>(&'a self, _: &'a Principal, range: Range<'a>) -> Later<'a, Result<Vec<Item>, Failure>> {
            Box::pin(async move { Ok(vec![Item::new("b"); range.limit]) })
        }
        fn read<'a>(&'a self, _: &'a Principal, _: &'a str) -> Later<'a, Result<Option<ReadResult>, Failure>> {
            Box::pin(async { Err(Failure::internal("CANARY /srv/data")) })
        }
        fn changes(&self, told: Told) -> Changes {
            told.list_changed(Audience::Everybody);
            Changes::Silent
        }
    }
    let mut client = client(builder().with_resources("broken:///", Broken)).await;
    for answer in [client.request("resources/list", json!({})).await, client.read_resource("broken:///a").await] {
        let (code, message, data) = refused(answer);
        assert_eq!((code, data.as_object().map(|data| data.len())), (-32603, Some(1)), "{data}");
        assert!(!message.contains("CANARY") && !data.to_string().contains("CANARY"), "{message} {data}");
    }
}
