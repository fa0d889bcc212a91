//! Something that keeps a server from being built or started, and the call that mends it; alone, or several at once.

use std::fmt;

/// Something that keeps a server from being built or started, and the call that mends it.
///
/// ```
/// use mocopr_security::policy::Problem;
///
/// let problem = Problem::new("the port 80 is taken", "give another one to HttpConfig::loopback");
/// assert_eq!(problem.to_string(), "the port 80 is taken: give another one to HttpConfig::loopback");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    what: String,
    mend: String,
}

impl Problem {
    /// `what` is wrong; `mend` says how to put it right.
    pub fn new(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { what: what.into(), mend: mend.into() }
    }

    /// What is wrong.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// How to put it right.
    pub fn mend(&self) -> &str {
        &self.mend
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.mend)
    }
}

impl std::error::Error for Problem {}

/// Everything that is wrong with one part of a configuration: at least one problem, each with the call that mends it.
///
/// `Debug` prints the readable list, because that is what `main` prints.
///
/// ```
/// use mocopr_security::rbac::RoleBasedAccessControl;
///
/// let wrong = RoleBasedAccessControl::builder().with_role("user", &["tool:call"]).build();
/// for problem in wrong.err().iter().flat_map(|wrong| wrong.problems()) {
///     println!("{}; {}", problem.what(), problem.mend());
/// }
/// # assert!(RoleBasedAccessControl::builder().with_role("user", &["tool:call"]).build().is_err());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The problems.
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }

    /// The problems, to be put with others.
    #[must_use]
    pub fn into_vec(self) -> Vec<Problem> {
        self.0
    }
}

impl From<Vec<Problem>> for Problems {
    fn from(problems: Vec<Problem>) -> Self {
        Self(problems)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("something is not well described")?;
        for problem in &self.0 {
            write!(f, "\n  - {}\n    {}", problem.what(), problem.mend())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Problems {}
