//! One listener or several, as one thing that a server runs on.

use futures_util::future::BoxFuture;
use mocopr_security::policy::{Problem, Report, SecurityPolicy};

use super::HttpConfig;
use crate::{engine::Engine, error::Result};

/// Where a server listens: one place or several, all of them under its one policy.
///
/// ```
/// use mocopr_server::http::{HttpConfig, Listen};
///
/// let inside = HttpConfig::loopback(8080).with_tls_required(false);
/// let listen = Listen::http(inside).and(HttpConfig::loopback(8081).with_tls_required(false));
/// # drop(listen);
/// ```
#[derive(Debug)]
pub struct Listen(pub(super) Vec<Box<dyn Bind>>);

impl Listen {
    /// At one address, with TLS or without.
    pub fn http(config: HttpConfig) -> Self {
        Self(vec![Box::new(config)])
    }

    /// There as well.
    #[must_use]
    pub fn and(mut self, other: impl Into<Self>) -> Self {
        self.0.extend(other.into().0);
        self
    }
}

impl From<HttpConfig> for Listen {
    fn from(config: HttpConfig) -> Self {
        Self::http(config)
    }
}

/// What can be asked before a server listens: everything that it can be given to listen with.
pub trait Listens: sealed::Sealed {}

impl Listens for HttpConfig {}
impl Listens for Listen {}

pub(crate) mod sealed {
    use mocopr_security::policy::{Problem, Report, SecurityPolicy};

    pub trait Sealed {
        /// Everything that keeps a server with this policy from listening so.
        fn problems(&self, policy: &SecurityPolicy) -> Vec<Problem>;

        /// Adds what it is to a report.
        fn say(&self, report: &mut Report);
    }
}

use sealed::Sealed;

impl Sealed for Listen {
    fn problems(&self, policy: &SecurityPolicy) -> Vec<Problem> {
        let mut problems: Vec<Problem> = Vec::new();
        for (number, place) in self.0.iter().enumerate() {
            for problem in place.problems(policy) {
                // What all of them lack is said once.
                if !problems.contains(&problem) {
                    problems.push(problem);
                }
            }
            let Some(name) = place.fixed_name() else { continue };
            if self.0.iter().take(number).any(|earlier| earlier.fixed_name().as_deref() == Some(&*name)) {
                problems.push(Problem::new(
                    format!("{name} is given twice"),
                    "give each listener an address of its own, or port 0",
                ));
            }
        }
        if self.0.is_empty() {
            problems.push(Problem::new("there is nothing to listen at", "give Listen::http(..) an address"));
        }
        problems
    }

    fn say(&self, report: &mut Report) {
        self.0.iter().for_each(|place| place.say(report));
    }
}

/// Something to listen at.
pub(crate) trait Bind: Sealed + Send + std::fmt::Debug {
    /// What nobody else can listen at; `None` where the system chooses.
    fn fixed_name(&self) -> Option<String>;

    /// Binds it. Nobody is answered before [`Bound::serving`] is polled.
    fn bind(self: Box<Self>, engine: &std::sync::Arc<Engine>) -> BoxFuture<'static, Result<Bound>>;
}

/// A place that is bound.
pub(crate) struct Bound {
    /// Where, for the log.
    pub(crate) place: String,
    /// Called once all of them are bound.
    pub(crate) ready: Option<Box<dyn FnOnce() + Send>>,
    /// Serves until the server stops.
    pub(crate) serving: BoxFuture<'static, ()>,
}

/// An address that there is not.
#[cfg(feature = "tls")]
#[derive(Debug)]
pub(super) struct Nowhere(pub(super) Problem);

#[cfg(feature = "tls")]
impl Sealed for Nowhere {
    fn problems(&self, _: &SecurityPolicy) -> Vec<Problem> {
        vec![self.0.clone()]
    }

    fn say(&self, _: &mut Report) {}
}

#[cfg(feature = "tls")]
impl Bind for Nowhere {
    fn fixed_name(&self) -> Option<String> {
        None
    }

    fn bind(self: Box<Self>, _: &std::sync::Arc<Engine>) -> BoxFuture<'static, Result<Bound>> {
        Box::pin(async { Err(self.0.into()) })
    }
}
