//! Both ways of opening, asked the same of the same trees.
#![expect(clippy::disallowed_methods, reason = "tests make the files that the sandbox opens")]

use std::{
    fs,
    os::unix::{
        fs::{PermissionsExt, symlink},
        net::UnixListener,
    },
    path::Path,
    sync::mpsc,
    thread,
    time::Duration,
};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use super::*;

/// A directory to serve, and another beside it.
struct Trees {
    here: TempDir,
    outside: TempDir,
}

impl Trees {
    fn of(files: &[&str]) -> Self {
        let trees = Self { here: TempDir::new().unwrap(), outside: TempDir::new().unwrap() };
        files.iter().for_each(|path| trees.write(path, path));
        fs::write(trees.outside.path().join("canary.txt"), "canary").unwrap();
        trees
    }

    fn at(&self, path: &str) -> std::path::PathBuf {
        self.here.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), text).unwrap();
    }

    /// The kernel's way and the other one.
    fn both(&self, with: impl Fn(FileResourceBuilder) -> FileResourceBuilder) -> [FileResourceHandler; 2] {
        let builder = || with(FileResourceHandler::builder().with_base_directory(self.here.path()));
        let both = [builder().build(), builder().with_stepwise_opening().build()];
        assert!(both.iter().all(|files| files.problems().is_empty()), "{both:?}");
        both
    }
}

fn read(files: &FileResourceHandler, path: &str) -> Result<FileBody, &'static str> {
    let path = RelPath::parse(path).ok_or("no path")?;
    match files.read(&path) {
        Ok(contents) => Ok(contents.body),
        Err(FileFault::Absent) => Err("absent"),
        Err(FileFault::TooLarge) => Err("too large"),
        Err(fault) => panic!("{fault:?}"),
    }
}

fn text(text: &str) -> Result<FileBody, &'static str> {
    Ok(FileBody::Text(text.to_owned()))
}

fn paths(files: &FileResourceHandler, range: FileRange<'_>) -> Vec<String> {
    files.list(range).unwrap().into_iter().map(|entry| entry.path.to_string()).collect()
}

const ALL: FileRange<'static> = FileRange { prefix: "", after: None, limit: usize::MAX };

#[test]
fn steps_are_taken_where_they_are_preferred_or_the_kernel_refuses_its_own_way() {
    let trees = Trees::of(&[]);
    let directory = File::open(trees.here.path()).unwrap();
    let flags = rustix::fs::ResolveFlags::BENEATH;
    let kernel = rustix::fs::openat2(directory, ".", rustix::fs::OFlags::PATH, Mode::empty(), flags).is_ok();
    let ways = trees.both(|builder| builder).map(|files| files.0.sandbox.as_ref().unwrap().root.way());
    assert_eq!(ways, [if kernel { "openat2" } else { "steps" }, "steps"]);
}

/// S-54
#[test]
fn files_are_read_at_any_depth_as_what_their_extension_says() {
    let deep = format!("{}/f.txt", vec!["d"; 31].join("/"));
    let trees = Trees::of(&["a.txt", "b/c.json", "b/no text.txt", "x.bin", "é/日.md", "empty.txt", &deep]);
    fs::write(trees.at("b/no text.txt"), [0xff, 0xfe]).unwrap();
    trees.write("empty.txt", "");
    for files in trees.both(|builder| builder) {
        for path in ["a.txt", "b/c.json", "é/日.md", &deep] {
            assert_eq!(read(&files, path), text(path), "{files:?}");
        }
        assert_eq!(read(&files, "empty.txt"), text(""));
        assert_eq!(read(&files, "b/no text.txt"), Ok(FileBody::Bytes(vec![0xff, 0xfe])));
        assert_eq!(read(&files, "x.bin"), Ok(FileBody::Bytes(b"x.bin".to_vec())));
        assert_eq!(files.read(&RelPath::parse("é/日.md").unwrap()).unwrap().media_type, "text/markdown");
        assert_eq!(read(&files, "z.txt"), Err("absent"));
        assert_eq!(read(&files, "a.txt/b"), Err("absent"));
    }
}

/// S-54, T-41
#[test]
fn links_of_either_kind_are_absent_wherever_they_lead() {
    let trees = Trees::of(&["a.txt", "d/b.txt", "second.txt"]);
    let outside = trees.outside.path();
    symlink(outside.join("canary.txt"), trees.at("out.txt")).unwrap();
    symlink(outside, trees.at("out")).unwrap();
    symlink("a.txt", trees.at("in.txt")).unwrap();
    symlink("d", trees.at("in")).unwrap();
    symlink("../../../../../../etc/passwd", trees.at("d/up.txt")).unwrap();
    symlink("loop.txt", trees.at("loop.txt")).unwrap();
    symlink("/proc/self/root", trees.at("magic")).unwrap();
    symlink(format!("/proc/self/fd/{}", 1), trees.at("handle.txt")).unwrap();
    fs::hard_link(outside.join("canary.txt"), trees.at("hard.txt")).unwrap();
    fs::hard_link(trees.at("second.txt"), outside.join("second.txt")).unwrap();
    for files in trees.both(|builder| builder.with_hidden_files()) {
        for path in [
            "out.txt",
            "out/canary.txt",
            "in.txt",
            "in/b.txt",
            "d/up.txt",
            "loop.txt",
            "magic/etc/passwd",
            "handle.txt",
            "hard.txt",
            "second.txt",
        ] {
            assert_eq!(read(&files, path), Err("absent"), "{path} {files:?}");
            assert_eq!(files.fingerprint(&RelPath::parse(path).unwrap()), None);
        }
        assert_eq!(paths(&files, ALL), ["a.txt", "d/b.txt"]);
    }
    fs::remove_file(trees.outside.path().join("second.txt")).unwrap();
    for files in trees.both(|builder| builder) {
        assert_eq!(read(&files, "second.txt"), text("second.txt"));
    }
}

/// S-54
#[test]
fn what_is_no_regular_file_is_absent_and_nothing_waits_for_it() {
    let trees = Trees::of(&["a.txt", "directory.txt/b.txt"]);
    mknodat(CWD, trees.at("pipe.txt"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let _socket = UnixListener::bind(trees.at("socket.txt")).unwrap();
    let mut odd = vec!["pipe.txt", "socket.txt", "directory.txt"];
    // Who is not root may not make a device: zero, which has no end.
    if mknodat(CWD, trees.at("zero.txt"), FileType::CharacterDevice, Mode::RUSR, rustix::fs::makedev(1, 5)).is_ok() {
        odd.push("zero.txt");
    }
    for files in trees.both(|builder| builder) {
        let (done, wait) = mpsc::sync_channel(1);
        let (asked, odd) = (files.clone(), odd.clone());
        thread::spawn(move || done.send(odd.iter().map(|path| read(&asked, path)).collect::<Vec<_>>()));
        let answers = wait.recv_timeout(Duration::from_secs(30)).expect("nothing waits");
        assert!(answers.iter().all(|answer| *answer == Err("absent")), "{answers:?}");
        assert_eq!(paths(&files, ALL), ["a.txt", "directory.txt/b.txt"]);
    }
}

/// S-54
#[test]
fn devices_and_what_is_mounted_below_are_absent() {
    let builder = || FileResourceHandler::builder().with_base_directory("/dev").with_file_size_limit(8);
    // What is not the same file system as the directory, wherever that is so.
    let mounted = TempDir::new_in("/dev/shm").ok();
    let path = mounted.as_ref().map(|mounted| {
        fs::write(mounted.path().join("a.txt"), "mounted").unwrap();
        mounted.path().join("a.txt").strip_prefix("/dev").unwrap().to_str().unwrap().to_owned()
    });
    for files in [builder().with_hidden_files().build(), builder().with_hidden_files().with_stepwise_opening().build()]
    {
        assert!(files.problems().is_empty(), "{files:?}");
        for path in ["null", "zero", "full", "random", "tty", "stdin", "fd/0"].into_iter().chain(path.as_deref()) {
            assert_eq!(read(&files, path), Err("absent"), "{path} {files:?}");
        }
        assert!(!paths(&files, ALL).iter().any(|path| path == "null" || path.starts_with("shm/")));
    }
}

/// S-54
#[test]
fn a_file_is_read_up_to_its_limit_and_not_one_byte_beyond() {
    let trees = Trees::of(&[]);
    trees.write("fits.txt", "12345678");
    trees.write("grows.txt", "123456789");
    for files in trees.both(|builder| builder.with_file_size_limit(8)) {
        assert_eq!(read(&files, "fits.txt"), text("12345678"));
        assert_eq!(read(&files, "grows.txt"), Err("too large"));
    }
    const GIB: u64 = 1024 * 1024 * 1024;
    File::create(trees.at("sparse.txt")).unwrap().set_len(8 * 1024 * GIB).unwrap();
    for files in trees.both(|builder| builder.with_file_size_limit(GIB)) {
        assert_eq!(read(&files, "grows.txt"), text("123456789"));
        assert_eq!(read(&files, "sparse.txt"), Err("too large"));
    }
    let more = FileResourceHandler::builder().with_base_directory(trees.here.path()).with_file_size_limit(GIB + 1);
    assert_eq!(more.build().problems().len(), 1);
}

/// S-54
#[test]
fn only_the_last_extension_counts_and_hidden_files_are_absent_unless_said() {
    let trees =
        Trees::of(&["a.txt", "B.TXT", "a.txt.exe", "exe.txt", "txt", ".txt", "a.", ".h/a.txt", ".h.txt", "d.x/a.txt"]);
    for files in trees.both(|builder| builder.with_allowed_extensions(&["Txt"])) {
        assert_eq!(paths(&files, ALL), ["B.TXT", "a.txt", "d.x/a.txt", "exe.txt"]);
        for path in ["a.txt.exe", "txt", ".txt", "a.", ".h/a.txt", ".h.txt", "a.txt ", "a.txt."] {
            assert_eq!(read(&files, path), Err("absent"), "{path}");
        }
        assert_eq!(read(&files, "B.TXT"), text("B.TXT"));
    }
    for files in trees.both(|builder| builder.with_allowed_extensions(&["txt"]).with_hidden_files()) {
        assert_eq!(read(&files, ".h/a.txt"), text(".h/a.txt"));
        assert_eq!(read(&files, ".txt"), Err("absent"));
    }
    for files in trees.both(|builder| builder) {
        assert_eq!(read(&files, "a.txt.exe"), Ok(FileBody::Bytes(b"a.txt.exe".to_vec())));
        assert_eq!(read(&files, ".txt"), Err("absent"));
    }
}

/// S-54
#[test]
fn a_list_has_every_file_once_in_the_order_of_its_bytes_however_it_is_cut() {
    let trees = Trees::of(&["a.b", "a/a", "a/b/c", "a/b.c", "a0", "b", "é", "z/y/x/w"]);
    fs::create_dir(trees.at("empty")).unwrap();
    fs::write(trees.at("a\\b"), "").unwrap();
    fs::write(trees.at("a%41"), "").unwrap();
    fs::write(trees.at("a\nb"), "").unwrap();
    let mut expected = vec!["a.b", "a/a", "a/b/c", "a/b.c", "a0", "b", "é", "z/y/x/w"];
    expected.sort_unstable();
    for files in trees.both(|builder| builder) {
        for limit in 1..=expected.len() + 1 {
            let (mut listed, mut after) = (Vec::new(), None::<String>);
            loop {
                let page = paths(&files, FileRange { prefix: "", after: after.as_deref(), limit });
                let ended = page.len() < limit;
                listed.extend(page);
                if ended {
                    break;
                }
                after = listed.last().cloned();
            }
            assert_eq!(listed, expected, "{limit}");
        }
        for prefix in ["", "a", "a/", "a/b", "a/b/", "a/b/c", "a/b/cd", "z/y", "b", "c", "/", "é"] {
            let below: Vec<&str> = expected.iter().filter(|path| path.starts_with(prefix)).copied().collect();
            assert_eq!(paths(&files, FileRange { prefix, ..ALL }), below, "{prefix}");
        }
        assert!(paths(&files, FileRange { limit: 0, ..ALL }).is_empty());
        assert_eq!(files.list(ALL).unwrap()[0].size, 3);
    }
}

/// S-54
#[test]
fn a_list_reads_a_bounded_number_of_names_and_goes_into_no_directory_before_its_range() {
    let trees = Trees::of(&["a/1", "a/2", "b/3"]);
    for files in trees.both(|builder| builder) {
        let sandbox = files.0.sandbox.as_ref().unwrap();
        let listed = |names, range| list::list(sandbox, range, names).map(|entries| entries.len()).ok();
        // Each directory has two names more: itself and the one above. The first of two gets half of what is left.
        assert_eq!((listed(12, ALL), listed(0, ALL)), (Some(3), Some(0)));
        let behind = FileRange { after: Some("a/2"), ..ALL };
        assert_eq!((listed(16, behind), listed(10, FileRange { prefix: "b/", ..ALL })), (Some(1), Some(1)));
        assert_eq!(listed(10, FileRange { after: Some("a0"), ..ALL }), Some(1));
    }
}

/// S-54
#[test]
fn who_fills_a_directory_hides_of_it_alone() {
    let trees = Trees::of(&["a/1", "b/1", "c/1"]);
    (2..100).for_each(|number| trees.write(&format!("a/{number}"), ""));
    for files in trees.both(|builder| builder) {
        let sandbox = files.0.sandbox.as_ref().unwrap();
        assert!(!sandbox.has_left_out.load(Ordering::Relaxed));
        let listed = list::list(sandbox, ALL, 80).unwrap();
        let below = |prefix: &str| listed.iter().filter(|entry| entry.path.as_str().starts_with(prefix)).count();
        assert!((30..99).contains(&below("a/")), "{}", below("a/"));
        assert_eq!((below("b/"), below("c/")), (1, 1));
        assert!(sandbox.has_left_out.load(Ordering::Relaxed), "the log was told");
    }
}

/// S-54
#[test]
fn the_directory_is_the_one_that_was_opened_and_what_takes_its_path_is_not_served() {
    let parent = TempDir::new().unwrap();
    let at = parent.path().join("served");
    fs::create_dir(&at).unwrap();
    fs::write(at.join("a.txt"), "first").unwrap();
    let builder = || FileResourceHandler::builder().with_base_directory(&at);
    let both = [builder().build(), builder().with_stepwise_opening().build()];
    fs::rename(&at, parent.path().join("moved")).unwrap();
    fs::create_dir(&at).unwrap();
    fs::write(at.join("a.txt"), "second").unwrap();
    for files in both {
        assert_eq!(read(&files, "a.txt"), text("first"), "{files:?}");
    }
}

/// S-54
#[test]
fn a_fingerprint_is_another_one_when_the_file_is() {
    let trees = Trees::of(&["a.txt"]);
    let path = RelPath::parse("a.txt").unwrap();
    for files in trees.both(|builder| builder) {
        trees.write("a.txt", "one");
        let before = files.fingerprint(&path).unwrap();
        assert_eq!(files.fingerprint(&path), Some(before));
        trees.write("a.txt", "longer");
        let after = files.fingerprint(&path).unwrap();
        assert_ne!(after, before);
        // The same size, another file.
        trees.write("b.txt", "LONGER");
        fs::rename(trees.at("b.txt"), trees.at("a.txt")).unwrap();
        assert_ne!(files.fingerprint(&path).unwrap(), after);
        fs::remove_file(trees.at("a.txt")).unwrap();
        assert_eq!(files.fingerprint(&path), None);
    }
}

/// S-54
#[test]
fn what_cannot_be_served_safely_is_a_problem_and_serves_nothing() {
    let trees = Trees::of(&["a.txt"]);
    let base = || FileResourceHandler::builder().with_base_directory(trees.here.path());
    let wrong = |builder: FileResourceBuilder| {
        let files = builder.build();
        assert_eq!(read(&files, "a.txt"), Err("absent"));
        assert!(files.list(ALL).unwrap().is_empty());
        assert!(!files.admits(&RelPath::parse("a.txt").unwrap()));
        files.problems().iter().map(|problem| problem.what().to_owned()).collect::<Vec<_>>().join("; ")
    };
    let at = |path: &Path| FileResourceHandler::builder().with_base_directory(path);
    for (builder, what) in [
        (FileResourceHandler::builder(), "which directory"),
        (at(&trees.at("none")), "cannot be opened"),
        (at(&trees.at("a.txt")), "is not a directory"),
        (at(Path::new("/")), "the whole file system"),
        (at(Path::new("/proc/self")), "what the kernel tells"),
        (at(Path::new("/proc/self/root")), "the whole file system"),
        (base().with_read_only(false), "for reading alone"),
        (base().with_symlink_following(true), "are not followed"),
        (base().with_file_size_limit(0), "no byte"),
        (base().with_allowed_extensions(&[]), "no extension"),
        (base().with_allowed_extensions(&["txt", ".md"]), "`.md` is not an extension"),
    ] {
        let said = wrong(builder);
        assert!(said.contains(what), "{said}");
    }
    assert_eq!(wrong(base().with_read_only(false).with_symlink_following(true)).split("; ").count(), 2);
    let right = base().with_read_only(true).with_symlink_following(false).with_allowed_extensions(&["txt"]).build();
    assert_eq!(read(&right, "a.txt"), text("a.txt"));
}

/// S-54
#[test]
fn what_may_not_be_read_looks_absent_and_lists_as_empty() {
    let trees = Trees::of(&["a.txt", "closed/b.txt", "secret.txt"]);
    fs::set_permissions(trees.at("secret.txt"), fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(trees.at("closed"), fs::Permissions::from_mode(0o000)).unwrap();
    // Root may read whatever it likes.
    if rustix::process::geteuid().is_root() {
        let all = trees.both(|builder| builder).map(|files| paths(&files, ALL).len());
        assert_eq!(all, [3, 3]);
    } else {
        for files in trees.both(|builder| builder) {
            assert_eq!((read(&files, "secret.txt"), read(&files, "closed/b.txt")), (Err("absent"), Err("absent")));
            assert_eq!(paths(&files, ALL), ["a.txt", "secret.txt"]);
        }
    }
    fs::set_permissions(trees.at("closed"), fs::Permissions::from_mode(0o700)).unwrap();
}
