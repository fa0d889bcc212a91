//! Files that must not be served, asked for in every spelling.

use std::{
    fs,
    os::unix::{fs::symlink, net::UnixListener},
};

use mocopr::{prelude::*, resources::security::FileResourceHandler, testing::TestClient};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::json;

use crate::{
    files::Folder,
    resources::{completed, pages, refused},
    support::within,
};

/// What no answer may hold.
const CANARY: &str = "canary";

/// A directory that is served, `served`, in one with secrets.
struct Ground {
    folder: Folder,
    _socket: UnixListener,
}

impl Ground {
    fn new() -> Self {
        let folder = Folder::of(&["served/a.txt", "served/b c.txt", "served/d/e.txt", "served/100%.txt"]);
        for secret in ["canary.txt", "served-evil/a.txt", "served.txt", "served/.hidden.txt", "served/.git/config"] {
            folder.write(secret, CANARY);
        }
        let at = |path: &str| folder.at(path);
        symlink(at("canary.txt"), at("served/link.txt")).unwrap();
        symlink("../canary.txt", at("served/near.txt")).unwrap();
        symlink(at("served-evil"), at("served/evil")).unwrap();
        symlink("d", at("served/inner")).unwrap();
        symlink("/", at("served/slash")).unwrap();
        symlink("/proc/self/root", at("served/magic")).unwrap();
        fs::hard_link(at("canary.txt"), at("served/hard.txt")).unwrap();
        mknodat(CWD, at("served/pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let _socket = UnixListener::bind(at("served/socket")).unwrap();
        Self { folder, _socket }
    }

    /// The kernel's way of opening and the other one.
    fn both(&self) -> [FileResourceHandler; 2] {
        let builder = || FileResourceHandler::builder().with_base_directory(self.folder.at("served"));
        [builder().build(), builder().with_stepwise_opening().build()]
    }

    async fn client(&self, files: FileResourceHandler) -> TestClient {
        let server = McpServer::builder().with_info("test", "1.0.0").with_resources("file:///", files).build().unwrap();
        TestClient::connect(&server).await.unwrap()
    }

    /// URIs that must name nothing.
    fn hostile(&self) -> Vec<String> {
        let real = self.folder.at("served");
        let real = real.to_str().unwrap();
        let mut uris: Vec<String> = HOSTILE.iter().map(|uri| (*uri).to_owned()).collect();
        // Each way to write "up" with each way to write what follows.
        for up in UPS {
            for slash in SLASHES {
                uris.push(format!("file:///{up}{slash}canary.txt"));
                uris.push(format!("file:///d/{up}{slash}{up}{slash}canary.txt"));
                uris.push(format!("file:///d{slash}{up}{slash}a.txt"));
            }
        }
        uris.extend(["", "/a.txt", "/../canary.txt", "-evil/a.txt", ".txt"].map(|rest| format!("file://{real}{rest}")));
        uris.push(format!("file:///{}", "d/".repeat(400) + "e.txt"));
        uris.push(format!("file:///{}", "a".repeat(256)));
        uris.push(format!("file:///{}/e.txt", vec!["d"; 32].join("/")));
        uris.push(format!("file:///{}a.txt", "./".repeat(300)));
        uris
    }
}

const UPS: &[&str] =
    &["..", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "%c0%ae%c0%ae", "..%00", "..%20", "...", "%ef%bc%8e%ef%bc%8e"];

const SLASHES: &[&str] = &["/", "%2f", "%2F", "%5c", "\\", "%252f", "%c0%af", "//", "%00/"];

#[rustfmt::skip]
const HOSTILE: &[&str] = &[
    "", "/", "a.txt", "/a.txt", "./a.txt", "../canary.txt", "file:", "file:/", "file:a.txt", "file://", "file:///", "file:////",
    "file:////a.txt", "file:///a.txt/", "file:///a.txt//", "file:///d", "file:///d/", "file:///d//e.txt", "file:///.", "file:///..",
    "file:///./", "file:///a.txt?", "file:///a.txt?x=1", "file:///a.txt#", "file:///a.txt#f", "file:///?a.txt", "file:///#a.txt",
    "file://user@/a.txt", "file://user:word@/a.txt", "file://host/a.txt", "file://localhost/a.txt", "file://127.0.0.1/a.txt",
    "file://%2e%2e/a.txt", "file://./a.txt", "file://../a.txt", "file:///%2Fa.txt", "file:///%2fetc%2fpasswd", "file:///etc/passwd",
    "file:////etc/passwd", "file:///%00", "file:///a.txt%00", "file:///a.txt%00.png", "file:///a%00.txt", "file:///a.txt%0a",
    "file:///a.txt%0d%0a", "file:///a.txt%7f", "file:///a.txt%c2%85", "file:///a.txt%20", "file:///a.txt.", "file:///a.txt...",
    "file:///%20a.txt", "file:///a.txt%2e", "file:///A.txt", "file:///a.TXT", "file:///a.txt:stream", "file:///a.txt::$DATA",
    "file:///C:/a.txt", "file:///c%3a%5ca.txt", "file:///\\\\host\\a.txt", "file:///CON", "file:///NUL.txt", "file:///~", "file:///~root/a.txt",
    "file:///$HOME/a.txt", "file:///${PWD}/a.txt", "file:///*", "file:///?.txt", "file:///[a].txt", "file:///{a,b}.txt", "file:///%ff",
    "file:///%c3", "file:///%c0%ae", "file:///%e0%80%ae", "file:///%f0%80%80%ae", "file:///%ed%a0%80", "file:///a%", "file:///a%2",
    "file:///a%zz.txt", "file:///%2561.txt", "file:///%25252e", "file:///%u002e", "file:///a.txt%2f", "file:///d%2fe.txt", "file:///d%5ce.txt",
    "file:///d\\e.txt", "file:///.hidden.txt", "file:///%2ehidden.txt", "file:///.git/config", "file:///d/../.hidden.txt", "file:///link.txt",
    "file:///near.txt", "file:///evil/a.txt", "file:///evil", "file:///inner/e.txt", "file:///inner", "file:///slash/etc/passwd",
    "file:///magic/etc/passwd", "file:///hard.txt", "file:///pipe", "file:///socket", "file:///proc/self/root", "file:///proc/self/environ",
    "file:///dev/zero", "file:///dev/stdin", "file:///dev/fd/0", "file:///served/a.txt", "file:///served-evil/a.txt", "file:///-evil/a.txt",
    "FILES:///a.txt", "files:///a.txt", "fil:///a.txt", "xfile:///a.txt", "file+x:///a.txt", "http:///a.txt", "https://a.txt/", "data:,a.txt",
    "javascript:a.txt", "jar:file:///a.txt!/", "view-source:file:///a.txt", "netdoc:///a.txt", "file\0:///a.txt", "file:///a\0.txt", " file:///a.txt",
    "file:///a.txt ", "\tfile:///a.txt", "file:///a.txt\n", "file:///\u{202e}txt.a", "file:///a\u{2024}txt", "file:///\u{ff0e}\u{ff0e}/canary.txt",
    "file:///..\u{2215}canary.txt", "file:///..\u{2044}canary.txt", "file:///..;/canary.txt", "file:///d;x=1/e.txt", "file:///.;/a.txt",
];

/// S-53, S-54, P-83, P-84, T-18, T-40, T-41
#[tokio::test]
async fn whatever_is_no_served_file_is_refused_alike_and_its_neighbours_are_served() {
    let ground = Ground::new();
    let hostile = ground.hostile();
    assert!(hostile.len() >= 400, "{}", hostile.len());
    let real = ground.folder.at("");
    for files in ground.both() {
        let mut client = ground.client(files).await;
        for (at, uri) in hostile.iter().enumerate() {
            let answer = within("an answer", client.read_resource(uri)).await;
            let absent = (-32602, "resource not found".to_owned(), json!({"uri": uri}));
            assert_eq!(refused(answer), absent, "{uri:?}");
            if at % 50 == 0 {
                assert_eq!(client.read_resource("file:///a.txt").await.unwrap().text(), "served/a.txt");
            }
        }
        for (uri, path) in
            [("file:///b%20c.txt", "b c.txt"), ("FILE:///d/e.txt", "d/e.txt"), ("file:///100%25.txt", "100%.txt")]
        {
            assert_eq!(client.read_resource(uri).await.unwrap().text(), format!("served/{path}"), "{uri}");
        }
        let listed = pages(&mut client).await.concat();
        assert_eq!(listed, ["file:///100%25.txt", "file:///a.txt", "file:///b%20c.txt", "file:///d/e.txt"]);
        let shown = format!("{listed:?}");
        assert!(!shown.contains(CANARY) && !shown.contains(real.to_str().unwrap()), "{shown}");
        for typed in ["..", "../", "/", ".h", "link", "evil/", "inner/", "slash/", "d/../", "pipe"] {
            let completion = completed(&mut client, "file:///{+path}", "path", typed).await;
            assert_eq!(completion["values"], json!([]), "{typed}");
        }
    }
}

/// S-54
#[tokio::test]
async fn what_cannot_be_read_cannot_be_subscribed_to_by_its_spelling() {
    let ground = Ground::new();
    let [files, _] = ground.both();
    let server = McpServer::builder().with_info("test", "1.0.0").with_resources("file:///", files).build().unwrap();
    let mut client = TestClient::connect_stateful(&server).await.unwrap();
    for uri in ["file:///../canary.txt", "file:///%2e%2e%2fcanary.txt", "file:///.hidden.txt", "file:///d%2fe.txt"] {
        let answer = client.request("resources/subscribe", json!({"uri": uri})).await;
        let (_, message, data) = refused(answer);
        assert_eq!((message.as_str(), data), ("resource not found", json!({"uri": uri})), "{uri}");
    }
}
