//! Who is compared, and what each of them can do at all. A row that one cannot do stays empty; `README.md` says why.

use std::path::PathBuf;

/// A server of the comparison.
#[derive(Clone, Copy, Debug)]
pub struct Contestant {
    /// How the table names it.
    pub name: &'static str,
    /// The package that builds it; its program has the same name.
    pub package: &'static str,
    /// Its flags.
    pub args: &'static [&'static str],
    /// The crate whose version the table gives.
    pub library: &'static str,
    /// What it can do.
    pub can: &'static [Ability],
}

/// What not every server can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ability {
    /// HTTP in revision 2026-07-28.
    Modern,
    /// HTTP in revision 2025-11-25.
    Stateful,
    /// Sessions over HTTP that last.
    Sessions,
    /// A structured result next to its text.
    Structured,
    /// Standard streams in revision 2025-11-25.
    Stdio,
    /// An answer as an event stream to a client that names that first.
    Events,
}

impl Contestant {
    /// Whether it can do all of these.
    pub fn can(&self, abilities: &[Ability]) -> bool {
        abilities.iter().all(|ability| self.can.contains(ability))
    }

    /// Whether it serves HTTP at all.
    pub fn serves_http(&self) -> bool {
        self.can.contains(&Ability::Modern) || self.can.contains(&Ability::Stateful)
    }

    /// Where its program is once it is built.
    pub fn program(&self) -> PathBuf {
        bench_folder().join("target/release").join(self.package)
    }
}

/// The folder of the comparison.
pub fn bench_folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The one whose goals are marked.
pub const MOCOPR: &str = "mocopr";
/// The same under the strict policy.
pub const STRICT: &str = "mocopr, strict";
/// The same with a record of each call in a file, and metrics.
pub const EVIDENCE: &str = "mocopr, strict, audited";
/// The yardstick over HTTP.
pub const YARDSTICK: &str = "axum";
/// What lies under the yardstick.
pub const HYPER: &str = "hyper";
/// The yardstick over standard streams.
pub const STDIO_YARDSTICK: &str = "bare loop";
/// The rival that a goal names.
pub const RIVAL: &str = "rmcp, best";

use Ability::{Events, Modern, Sessions, Stateful, Stdio, Structured};

/// Everyone, in the order of the table.
pub const ALL: &[Contestant] = &[
    Contestant {
        name: MOCOPR,
        package: "server-mocopr",
        args: &[],
        library: "mocopr",
        can: &[Modern, Stateful, Sessions, Structured, Stdio, Events],
    },
    Contestant {
        name: STRICT,
        package: "server-mocopr-strict",
        args: &[],
        library: "mocopr",
        can: &[Modern, Stateful, Sessions, Structured, Events],
    },
    Contestant {
        name: EVIDENCE,
        package: "server-mocopr-strict",
        args: &["--evidence"],
        library: "mocopr",
        can: &[Modern, Stateful],
    },
    Contestant {
        name: YARDSTICK,
        package: "server-axum",
        args: &[],
        library: "axum",
        can: &[Modern, Stateful, Structured],
    },
    Contestant {
        name: HYPER,
        package: "server-hyper",
        args: &[],
        library: "hyper",
        can: &[Modern, Stateful, Structured],
    },
    Contestant {
        name: RIVAL,
        package: "server-rmcp",
        args: &["--best"],
        library: "rmcp",
        can: &[Modern, Stateful, Structured, Stdio],
    },
    Contestant {
        name: "rmcp, defaults",
        package: "server-rmcp",
        args: &[],
        library: "rmcp",
        can: &[Modern, Stateful, Sessions, Structured, Events],
    },
    Contestant {
        name: "turbomcp 4",
        package: "server-turbomcp4",
        args: &[],
        library: "turbomcp@4.0.0-alpha.5",
        can: &[Modern, Stateful, Sessions, Structured, Stdio],
    },
    Contestant {
        name: "turbomcp 3",
        package: "server-turbomcp3",
        args: &[],
        library: "turbomcp@3.6.0",
        can: &[Stateful, Sessions, Structured, Stdio],
    },
    Contestant {
        name: "pmcp",
        package: "server-pmcp",
        args: &[],
        library: "pmcp",
        can: &[Modern, Stateful, Structured, Stdio],
    },
    Contestant {
        name: "rust-mcp-sdk",
        package: "server-rust-mcp-sdk",
        args: &[],
        library: "rust-mcp-sdk",
        can: &[Modern, Structured],
    },
    Contestant { name: STDIO_YARDSTICK, package: "server-stdio", args: &[], library: "serde_json", can: &[Stdio] },
];
