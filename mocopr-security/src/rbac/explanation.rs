//! Why something was decided, in words for the owner's log. Never for the peer: it names rules.

use std::fmt;

use crate::gate::Grant;

/// What somebody may do with one thing, and which rule says so.
///
/// `Display` is one line: `call: role "admin" through "user" has "tools:call"`.
///
/// ```
/// use mocopr_security::{
///     auth::{Identity, Verified},
///     gate::{Grant, Kind},
///     principal::Method,
///     rbac::{Cause, RoleBasedAccessControl},
/// };
///
/// let rules = RoleBasedAccessControl::builder()
///     .with_role("user", &["tools:call", "!tools:call:deploy_*"])
///     .build()?;
/// let bob = Identity { method: Method::Token, issuer: "https://id.example.com", subject: "bob", tenant: None };
/// let bob = Verified::new(bob, ["user".into()].into(), [].into());
/// let why = rules.explain(bob.principal(), Kind::Tool, "deploy_web");
/// assert_eq!((why.grant(), why.cause()), (Grant::Nothing, Cause::Taken));
/// assert_eq!((why.role(), why.rule()), (Some("user"), Some("!tools:call:deploy_*")));
/// # Ok::<(), mocopr_security::policy::Problems>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    grant: Grant,
    cause: Cause,
    rule: Option<Rule>,
}

/// Why it was decided so.
///
/// An example is at [`Explanation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The caller is the local user, who holds everything in the development profile.
    Everything,
    /// None of the caller's roles is defined.
    NoRole,
    /// No rule of the caller's roles gives it.
    NoRule,
    /// A rule gives it.
    Given,
    /// A rule gives only a part of a template's resources, or takes a part of them.
    InPart,
    /// A rule takes it.
    Taken,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    held: Box<str>,
    of: Box<str>,
    text: Box<str>,
}

impl Explanation {
    pub(super) fn new(grant: Grant, cause: Cause, rule: Option<(&str, &str, Box<str>)>) -> Self {
        let rule = rule.map(|(held, of, text)| Rule { held: held.into(), of: of.into(), text });
        Self { grant, cause, rule }
    }

    /// What was granted.
    pub fn grant(&self) -> Grant {
        self.grant
    }

    /// Why.
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// The role of the caller that the decision stands on, where it stands on one.
    pub fn role(&self) -> Option<&str> {
        self.rule.as_ref().map(|rule| &*rule.held)
    }

    /// The role whose rule it is: the caller's own, or one that it inherits from.
    pub fn defined_in(&self) -> Option<&str> {
        self.rule.as_ref().map(|rule| &*rule.of)
    }

    /// The rule as its owner wrote it.
    pub fn rule(&self) -> Option<&str> {
        self.rule.as_ref().map(|rule| &*rule.text)
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.grant {
            Grant::Nothing => "nothing: ",
            Grant::See => "see: ",
            Grant::Use => "use: ",
        })?;
        if let Some(Rule { held, of, text }) = &self.rule {
            write!(f, "role {held:?}")?;
            if of != held {
                write!(f, " through {of:?}")?;
            }
            write!(f, " has {text:?}")?;
        }
        f.write_str(match self.cause {
            Cause::Everything => "the local user holds everything",
            Cause::NoRole => "none of the caller's roles is defined",
            Cause::NoRule => "no rule of the caller's roles gives it",
            Cause::Given | Cause::Taken => "",
            Cause::InPart => ", which is about a part of the template's resources",
        })
    }
}
