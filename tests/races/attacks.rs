//! The attacks: each is a tree, a path that is read, and something that changes the tree over and over.

use std::{
    fs,
    os::unix::fs::symlink,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Instant,
};

use mocopr::resources::security::{FileBody, FileFault, FileRange, FileResourceHandler, RelPath};

use crate::tree::{INSIDE, OUTSIDE, Tree, exchange, write};

/// Something that changes a tree.
struct Attack {
    name: &'static str,
    /// What is read.
    path: &'static str,
    prepare: fn(&Tree),
    /// One round, which leads back to where it began.
    round: fn(&Tree),
    path_is: PathIs,
}

/// What stands at the path that is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PathIs {
    /// Something else at times.
    Unsteady,
    /// Always a file that may be read.
    Steady,
    /// Never a file that may be read.
    Never,
}

const ATTACKS: &[Attack] = &[
    Attack {
        name: "a file and a link to a file outside take turns",
        path: "a.txt",
        prepare: |tree| {
            write(&tree.inside("a.txt"), INSIDE);
            write(&tree.outside("canary.txt"), OUTSIDE);
            symlink("../served-not/canary.txt", tree.inside("link")).unwrap();
        },
        round: |tree| exchange(&tree.inside("a.txt"), &tree.inside("link")),
        path_is: PathIs::Unsteady,
    },
    Attack {
        name: "a directory and a link to a directory outside take turns",
        path: "d/a.txt",
        prepare: |tree| {
            fs::create_dir(tree.inside("d")).unwrap();
            write(&tree.inside("d/a.txt"), INSIDE);
            write(&tree.outside("a.txt"), OUTSIDE);
            symlink("../served-not", tree.inside("link")).unwrap();
        },
        round: |tree| exchange(&tree.inside("d"), &tree.inside("link")),
        path_is: PathIs::Unsteady,
    },
    Attack {
        name: "a directory is moved out, and holds another file while it is there",
        path: DEEP,
        prepare: |tree| {
            fs::create_dir_all(tree.inside(DEEP).parent().unwrap()).unwrap();
            write(&tree.inside(DEEP), INSIDE);
            write(&tree.outside("canary"), OUTSIDE);
        },
        round: |tree| {
            fs::rename(tree.inside("d"), tree.outside("d")).unwrap();
            exchange(&tree.outside(DEEP), &tree.outside("canary"));
            exchange(&tree.outside(DEEP), &tree.outside("canary"));
            fs::rename(tree.outside("d"), tree.inside("d")).unwrap();
        },
        path_is: PathIs::Unsteady,
    },
    Attack {
        name: "a file and a second name of a file outside take turns",
        path: "a.txt",
        prepare: |tree| {
            write(&tree.inside("a.txt"), INSIDE);
            write(&tree.outside("canary.txt"), OUTSIDE);
            fs::hard_link(tree.outside("canary.txt"), tree.inside("hard")).unwrap();
        },
        round: |tree| exchange(&tree.inside("a.txt"), &tree.inside("hard")),
        path_is: PathIs::Unsteady,
    },
    Attack {
        name: "a second name of a file outside comes and goes",
        path: "h.txt",
        prepare: |tree| write(&tree.outside("canary.txt"), OUTSIDE),
        round: |tree| {
            fs::hard_link(tree.outside("canary.txt"), tree.inside("h.txt")).unwrap();
            fs::remove_file(tree.inside("h.txt")).unwrap();
        },
        path_is: PathIs::Never,
    },
    Attack {
        name: "a file and a pipe take turns",
        path: "a.txt",
        prepare: |tree| {
            write(&tree.inside("a.txt"), INSIDE);
            let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR);
            rustix::fs::mknodat(rustix::fs::CWD, tree.inside("pipe"), kind, mode, 0).unwrap();
        },
        round: |tree| exchange(&tree.inside("a.txt"), &tree.inside("pipe")),
        path_is: PathIs::Unsteady,
    },
    Attack {
        name: "a file is replaced by another one",
        path: "a.txt",
        prepare: |tree| {
            write(&tree.inside("a.txt"), INSIDE);
        },
        round: |tree| {
            write(&tree.inside("new"), INSIDE);
            fs::rename(tree.inside("new"), tree.inside("a.txt")).unwrap();
        },
        path_is: PathIs::Steady,
    },
];

/// How many times as many reads there are at most until one has found the file.
const LONGEST: u64 = 50;

/// A path whose walk takes so long that its first directory is moved meanwhile.
const DEEP: &str = "d/e/e/e/e/e/e/e/e/e/e/e/e/e/e/e/e/e/e/e/e/e/e/e/e/e/e/e/e/e/e/a.txt";

/// What came of the reads of one attack.
#[derive(Debug, Default)]
struct Count {
    inside: u64,
    absent: u64,
    replaced: u64,
    outside: u64,
}

/// Reads that often for each attack whose name holds the word, and each way of opening.
pub(crate) fn run(reads: u64, word: &str) {
    for attack in ATTACKS.iter().filter(|attack| attack.name.contains(word)) {
        for way in [0, 1] {
            let tree = Tree::new();
            (attack.prepare)(&tree);
            let [first, second] = tree.both();
            let (name, files) = if way == 0 { first } else { second };
            let began = Instant::now();
            let (count, rounds) = under(attack, &tree, || read(&files, attack, reads));
            let took = began.elapsed();
            println!("{}, {name}: {count:?} in {rounds} rounds, {took:.1?}", attack.name);
            assert_eq!(count.outside, 0, "{}: {name}", attack.name);
            let holds = match attack.path_is {
                PathIs::Unsteady => count.inside > 0,
                PathIs::Steady => count.inside == reads,
                PathIs::Never => count.inside == 0,
            };
            assert!(holds && rounds > 0, "{}: {name}: {count:?}", attack.name);
        }
    }
}

/// Does the work while another thread attacks, and says how many rounds there were.
fn under<T>(attack: &Attack, tree: &Tree, work: impl FnOnce() -> T) -> (T, u64) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let attacker = scope.spawn(|| {
            let mut rounds = 0;
            while !over.load(Ordering::Relaxed) {
                (attack.round)(tree);
                rounds += 1;
            }
            rounds
        });
        let ends = Ends(&over);
        let done = work();
        drop(ends);
        (done, attacker.join().unwrap())
    })
}

/// Ends the attack, also where the work panics: it would be waited for.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn read(files: &FileResourceHandler, attack: &Attack, reads: u64) -> Count {
    let path = RelPath::parse(attack.path).unwrap();
    let mut count = Count::default();
    for at in 0..reads * LONGEST {
        // Where the machine is busy, none of so many reads may fall between two rounds: they go on until one has.
        if at >= reads && (count.inside > 0 || attack.path_is != PathIs::Unsteady) {
            break;
        }
        match files.read(&path) {
            Ok(contents) => match contents.body {
                FileBody::Text(text) if text == INSIDE => count.inside += 1,
                _ => count.outside += 1,
            },
            Err(FileFault::Absent) => count.absent += 1,
            Err(FileFault::Failed(error)) if error.kind() == std::io::ErrorKind::WouldBlock => count.replaced += 1,
            Err(fault) => panic!("{fault:?}"),
        }
        // Lists go the same way; what they must not do is fail.
        if at % 64 == 0 {
            files.list(FileRange { limit: 10, ..FileRange::default() }).unwrap();
        }
    }
    count
}
