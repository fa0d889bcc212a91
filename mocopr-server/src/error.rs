//! What building and starting a server can fail with: every problem at once, each with the call that mends it.

use std::{fmt, io};

use mocopr_security::policy::{Problem, Problems};

/// The result of building or running a server.
///
/// ```
/// use mocopr_server::{error::Result, server::McpServer};
///
/// fn server() -> Result<McpServer> {
///     McpServer::builder().with_info("hello", "1.0.0").build()
/// }
/// assert!(server().is_ok());
///
/// // With a second type it is that of the standard library:
/// fn days(text: &str) -> Result<u8, std::num::ParseIntError> {
///     text.parse()
/// }
/// assert_eq!(days("14"), Ok(14));
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a server was not built, not started, or stopped.
///
/// `Debug` prints the readable list, because that is what `main` prints.
///
/// ```
/// use mocopr_server::{error::ErrorKind, server::McpServer};
///
/// let error = McpServer::builder().build().expect_err("a server needs a name");
/// assert_eq!(error.kind(), ErrorKind::Problems);
/// for problem in error.problems() {
///     println!("{problem}"); // what is wrong, and the call that mends it
/// }
/// assert!(error.to_string().contains(".with_info("));
/// ```
pub struct Error(Box<Inner>);

enum Inner {
    Problems(Vec<Problem>),
    Io { doing: String, source: io::Error },
    Entropy,
    Forced,
}

/// Which kind of error it is.
///
/// An example is at [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The configuration has problems; [`Error::problems`] lists them.
    Problems,
    /// The operating system refused something.
    Io,
    /// The operating system gave no randomness for keys.
    Entropy,
    /// The server was told to stop once more before it had, and did so at once.
    Forced,
}

impl Error {
    pub(crate) fn problems_found(problems: Vec<Problem>) -> Self {
        Self(Box::new(Inner::Problems(problems)))
    }

    #[cfg_attr(
        not(any(feature = "http", feature = "stdio")),
        expect(dead_code, reason = "only transports do I/O that can fail")
    )]
    pub(crate) fn io(doing: impl Into<String>, source: io::Error) -> Self {
        Self(Box::new(Inner::Io { doing: doing.into(), source }))
    }

    pub(crate) fn entropy() -> Self {
        Self(Box::new(Inner::Entropy))
    }

    pub(crate) fn forced() -> Self {
        Self(Box::new(Inner::Forced))
    }

    /// Which kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match *self.0 {
            Inner::Problems(_) => ErrorKind::Problems,
            Inner::Io { .. } => ErrorKind::Io,
            Inner::Entropy => ErrorKind::Entropy,
            Inner::Forced => ErrorKind::Forced,
        }
    }

    /// The problems of the configuration; empty for the other kinds.
    pub fn problems(&self) -> &[Problem] {
        match &*self.0 {
            Inner::Problems(problems) => problems,
            Inner::Io { .. } | Inner::Entropy | Inner::Forced => &[],
        }
    }
}

/// So that `?` in a `main` takes what is wrong with roles, authentication and other parts as well.
impl From<Problems> for Error {
    fn from(problems: Problems) -> Self {
        Self::problems_found(problems.into_vec())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Inner::Problems(problems) => {
                write!(f, "the server cannot start as it is configured")?;
                for problem in problems {
                    write!(f, "\n  - {}\n    {}", problem.what(), problem.mend())?;
                }
                Ok(())
            }
            Inner::Io { doing, source } => write!(f, "{doing} failed: {source}"),
            Inner::Entropy => f.write_str("the operating system gave no randomness for keys"),
            Inner::Forced => f.write_str("told to stop once more: calls under way were dropped"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.0 {
            Inner::Io { source, .. } => Some(source),
            Inner::Problems(_) | Inner::Entropy | Inner::Forced => None,
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::problems_found(vec![problem])
    }
}

#[cfg(test)]
mod tests {
    use mocopr_security::{auth::AuthMiddleware, rbac::RoleBasedAccessControl};

    use super::*;

    #[test]
    fn problems_of_roles_are_problems_of_the_configuration() {
        let build = || -> Result<()> {
            RoleBasedAccessControl::builder().with_role("user", &["tools:cal"]).build()?;
            Ok(())
        };
        let error = build().unwrap_err();
        assert_eq!((error.kind(), error.problems().len()), (ErrorKind::Problems, 1));
    }

    #[test]
    fn problems_of_authentication_are_problems_of_the_configuration() {
        let build = || -> Result<()> {
            AuthMiddleware::builder().build()?;
            Ok(())
        };
        let error = build().unwrap_err();
        assert_eq!((error.kind(), error.problems().len()), (ErrorKind::Problems, 1));
    }
}
