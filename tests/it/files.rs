//! Files of a directory as resources, as a client sees them.

use std::{fs, num::NonZeroUsize, path::PathBuf, time::Duration};

use mocopr::{
    Revision, ServerBuilder,
    prelude::*,
    resources::security::{FileResourceBuilder, FileResourceHandler},
    testing::TestClient,
};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    resources::{completed, heard, pages, refused},
    support::{piped::Piped, request::stateless},
};

/// A directory with these files, each of which says its own path.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn of(paths: &[&str]) -> Self {
        let folder = Self(TempDir::new().unwrap());
        paths.iter().for_each(|path| folder.write(path, path));
        folder
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), text).unwrap();
    }

    pub(crate) fn serve(&self) -> FileResourceBuilder {
        FileResourceHandler::builder().with_base_directory(self.at(""))
    }
}

fn builder() -> ServerBuilder {
    McpServer::builder().with_info("test", "1.0.0")
}

async fn client(folder: &Folder) -> TestClient {
    let server = builder().with_resources("file:///", folder.serve().build()).build().unwrap();
    TestClient::connect(&server).await.unwrap()
}

/// S-54, P-83
#[tokio::test]
async fn files_are_listed_read_and_completed_by_their_paths_below_the_directory() {
    let folder = Folder::of(&["a/b.txt", "a/é c.md", "top.json", ".hidden.txt"]);
    fs::write(folder.at("a/x.png"), [0x89, b'P', b'N', b'G']).unwrap();
    let mut client = client(&folder).await;
    let templates = client.request("resources/templates/list", json!({})).await.unwrap();
    assert_eq!(templates.value()["resourceTemplates"], json!([{"uriTemplate": "file:///{+path}", "name": "files"}]));
    let list = client.request("resources/list", json!({})).await.unwrap();
    let expected = json!([
        {"uri": "file:///a/b.txt", "name": "b.txt", "mimeType": "text/plain", "size": 7},
        {"uri": "file:///a/x.png", "name": "x.png", "mimeType": "image/png", "size": 4},
        {"uri": "file:///a/%C3%A9%20c.md", "name": "é c.md", "mimeType": "text/markdown", "size": 9},
        {"uri": "file:///top.json", "name": "top.json", "mimeType": "application/json", "size": 8},
    ]);
    assert_eq!(list.value()["resources"], expected);
    let text = client.read_resource("file:///a/b.txt").await.unwrap();
    let expected = json!([{"uri": "file:///a/b.txt", "mimeType": "text/plain", "text": "a/b.txt"}]);
    assert_eq!(text.value()["contents"], expected);
    let blob = client.read_resource("file:///a/x.png").await.unwrap();
    let expected = json!([{"uri": "file:///a/x.png", "mimeType": "image/png", "blob": "iVBORw=="}]);
    assert_eq!(blob.value()["contents"], expected);
    assert_eq!(client.read_resource("file:///a/%C3%A9%20c.md").await.unwrap().text(), "a/é c.md");
    let paths = completed(&mut client, "file:///{+path}", "path", "a/").await;
    assert_eq!(paths["values"], json!(["a/b.txt", "a/x.png", "a/é c.md"]));
    assert_eq!(completed(&mut client, "file:///{+path}", "path", ".").await["values"], json!([]));
}

/// S-54, P-84
#[tokio::test]
async fn every_revision_reads_and_lists_files() {
    let folder = Folder::of(&["a.txt"]);
    for revision in Revision::ALL {
        let server = builder().with_resources("file:///", folder.serve().build()).build().unwrap();
        let mut client = TestClient::connect_in(&server, revision).await.unwrap();
        assert_eq!(pages(&mut client).await, [["file:///a.txt"]], "{revision:?}");
        assert_eq!(client.read_resource("file:///a.txt").await.unwrap().text(), "a.txt");
        let (code, _, data) = refused(client.read_resource("file:///b.txt").await);
        let number = if revision < Revision::V2026_07_28 { -32002 } else { -32602 };
        assert_eq!((code, data), (number, json!({"uri": "file:///b.txt"})), "{revision:?}");
    }
}

/// P-82
#[tokio::test]
async fn pages_of_files_hold_each_once_in_the_order_of_their_paths() {
    let folder = Folder::of(&["a-b.txt", "a.txt", "a/1.txt", "a/b/2.txt", "a0.txt", "b.txt"]);
    let expected =
        ["a-b.txt", "a.txt", "a/1.txt", "a/b/2.txt", "a0.txt", "b.txt"].map(|path| format!("file:///{path}"));
    for size in 1..=7 {
        let paged = builder().with_page_size(NonZeroUsize::new(size).unwrap());
        let server = paged.with_resources("file:///", folder.serve().build()).build().unwrap();
        let pages = pages(&mut TestClient::connect(&server).await.unwrap()).await;
        assert_eq!((pages.concat(), pages.len()), (expected.to_vec(), expected.len().div_ceil(size)), "{size}");
    }
}

/// S-54, P-84
#[tokio::test]
async fn a_file_past_the_limit_is_refused_without_a_number_of_its_size() {
    let folder = Folder::of(&[]);
    folder.write("fits.txt", "12345678");
    folder.write("large.txt", "123456789");
    let handler = folder.serve().with_file_size_limit(8).build();
    let server = builder().with_resources("file:///", handler).build().unwrap();
    let mut client = TestClient::connect(&server).await.unwrap();
    assert_eq!(client.read_resource("file:///fits.txt").await.unwrap().text(), "12345678");
    let (_, message, _) = refused(client.read_resource("file:///large.txt").await);
    assert_eq!(message, "the resource is larger than this server gives out");
}

/// P-87
#[tokio::test(start_paused = true)]
async fn who_subscribed_is_told_when_a_file_changes_comes_or_goes() {
    let folder = Folder::of(&["a.txt", "b.txt"]);
    let server = builder().with_resources("file:///", folder.serve().build()).build().unwrap();
    let mut client = TestClient::connect_stateful(&server).await.unwrap();
    for uri in ["file:///a.txt", "file:///new.txt"] {
        client.request("resources/subscribe", json!({"uri": uri})).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    folder.write("b.txt", "nobody asked for it");
    folder.write("a.txt", "other");
    assert_eq!(heard(&mut client, "notifications/resources/updated").await["uri"], "file:///a.txt");
    folder.write("new.txt", "new");
    assert_eq!(heard(&mut client, "notifications/resources/updated").await["uri"], "file:///new.txt");
    fs::remove_file(folder.at("a.txt")).unwrap();
    assert_eq!(heard(&mut client, "notifications/resources/updated").await["uri"], "file:///a.txt");
}

/// P-87
#[tokio::test(start_paused = true)]
async fn a_listen_stream_is_told_of_a_file_and_takes_no_path_that_is_not_served() {
    let folder = Folder::of(&["a.txt"]);
    let server = builder().with_resources("file:///", folder.serve().build()).build().unwrap();
    let mut pipe = Piped::open(&server);
    let filter = json!({"resourceSubscriptions": ["file:///a.txt", "file:///.hidden", "file:///%2e%2e/a.txt"]});
    pipe.send(&stateless(1, "subscriptions/listen", json!({"notifications": filter}))).await;
    let acknowledged = pipe.message().await;
    assert_eq!(acknowledged["params"]["notifications"]["resourceSubscriptions"], json!(["file:///a.txt"]));
    tokio::time::sleep(Duration::from_secs(3)).await;
    folder.write("a.txt", "other");
    assert_eq!(pipe.message().await["params"]["uri"], "file:///a.txt");
}

/// S-54
#[test]
fn a_server_with_a_directory_that_is_not_there_is_not_built() {
    let folder = Folder::of(&[]);
    let missing = FileResourceHandler::builder().with_base_directory(folder.at("none")).with_read_only(false).build();
    let problems = builder().with_resources("file:///", missing).build().unwrap_err().to_string();
    assert!(problems.contains("cannot be opened") && problems.contains("for reading alone"), "{problems}");
    assert!(problems.contains("a relative path begins where it was started"), "{problems}");
}
