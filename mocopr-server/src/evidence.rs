//! Who keeps account of what happens: the builder's part of it.
//!
//! Witnesses are opened when the server is built, when the clock and the key are known, and are told by the gate and
//! the engine alone.

use std::{fmt, sync::Arc};

use mocopr_core::clock::Clock;
use mocopr_security::{
    audit::AuditLogger,
    evidence::{Evidence, Outcome, Witness},
    logger::SecurityLogger,
    policy::Problem,
    seal::KeyRing,
};

use crate::builder::ServerBuilder;

/// What a witness may need when it is opened.
pub(crate) struct Opening<'a> {
    pub(crate) clock: &'a Arc<dyn Clock>,
    /// The key that seals what the server must recognize; it may be one that this process made for itself.
    pub(crate) ring: &'a KeyRing,
    /// The owner gave that key, so another process knows it too.
    pub(crate) key_is_given: bool,
}

/// A witness, or what is wrong with it.
pub(crate) type Opened = Result<Arc<dyn Witness>, Vec<Problem>>;

/// Opens a witness.
pub(crate) struct Opener(Box<dyn FnOnce(&Opening<'_>) -> Opened>);

impl Opener {
    /// Opens a witness so.
    pub(crate) fn new(open: impl FnOnce(&Opening<'_>) -> Opened + 'static) -> Self {
        Self(Box::new(open))
    }

    /// Opens it.
    pub(crate) fn open(self, opening: &Opening<'_>) -> Opened {
        (self.0)(opening)
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener(..)")
    }
}

impl Opening<'_> {
    /// The key where the owner gave one.
    fn given(&self) -> Option<&KeyRing> {
        self.key_is_given.then_some(self.ring)
    }
}

/// That a server runs: told when it begins to, and when this is dropped.
#[derive(Debug)]
pub(crate) struct Life {
    evidence: Evidence,
    place: String,
}

impl Life {
    /// The server begins to serve there. Returns once that is kept.
    pub(crate) async fn begin(evidence: &Evidence, place: String) -> Self {
        let life = Self { evidence: evidence.clone(), place };
        evidence.administer("server/start", &life.place, Outcome::Succeeded);
        settle(evidence).await;
        life
    }

    /// The server has stopped. Returns once all that happened is kept.
    pub(crate) async fn end(self) {
        let evidence = self.evidence.clone();
        drop(self);
        settle(&evidence).await;
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.evidence.administer("server/stop", &self.place, Outcome::Succeeded);
    }
}

async fn settle(evidence: &Evidence) {
    if evidence.is_kept() {
        let evidence = evidence.clone();
        // A witness that panics is not a reason to stop.
        let _ = tokio::task::spawn_blocking(move || evidence.settle()).await;
    }
}

impl<P> ServerBuilder<P> {
    /// Keeps an audit log: a record of each call when it ends, and of each refusal.
    ///
    /// While a file cannot be written calls are refused with 503, unless the logger says otherwise. A file needs
    /// [`with_state_key`](Self::with_state_key), or a key of its own.
    ///
    /// ```
    /// use mocopr_security::{audit::{AuditLogger, RetentionPolicy}, evidence::AuditEvent};
    /// use mocopr_server::server::McpServer;
    ///
    /// # fn main() -> Result<(), mocopr_server::error::Error> {
    /// let audit = AuditLogger::builder()
    ///     .with_events(&[AuditEvent::Authentication, AuditEvent::ToolExecution])
    ///     .with_structured_logging(true)
    ///     .with_retention_policy(RetentionPolicy::days(90))
    ///     .build();
    /// let server = McpServer::builder().with_info("calculator", "1.0.0").with_audit(audit).build()?;
    /// # drop(server);
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_audit(mut self, audit: AuditLogger) -> Self {
        self.keep_account_once("with_audit", Opener::new(|opening| audit.open(opening.given(), opening.clock.clone())));
        self
    }

    /// Writes the log of this process to standard error, without the secrets that are in it. A process has one log, so
    /// no other subscriber of `tracing` can be there.
    ///
    /// ```
    /// use mocopr_security::logger::SecurityLogger;
    /// use mocopr_server::server::McpServer;
    ///
    /// # fn main() -> Result<(), mocopr_server::error::Error> {
    /// let logger = SecurityLogger::builder().with_audit_trail(true).with_sensitive_data_filtering(true).build();
    /// let server = McpServer::builder().with_info("calculator", "1.0.0").with_logger(logger).build()?;
    /// # drop(server);
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_logger(mut self, logger: SecurityLogger) -> Self {
        if logger.keeps_audit_trail() {
            let trail = logger.audit_trail().build();
            self.keep_account(Opener::new(|opening| trail.open(opening.given(), opening.clock.clone())));
        }
        self.set_logger(logger);
        self
    }

    /// Tells a witness of your own everything that happens: each call once when it ends, and each refusal.
    ///
    /// A witness that says that it cannot keep account makes the server refuse calls with 503 until it can.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use mocopr_security::evidence::{Happening, Witness};
    /// use mocopr_server::server::McpServer;
    ///
    /// #[derive(Debug)]
    /// struct Log;
    ///
    /// impl Witness for Log {
    ///     fn saw(&self, happening: &Happening<'_>) {
    ///         tracing::info!(event = happening.event.as_str(), action = happening.action);
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), mocopr_server::error::Error> {
    /// let server = McpServer::builder().with_info("calculator", "1.0.0").with_witness(Arc::new(Log)).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_witness(mut self, witness: Arc<dyn Witness>) -> Self {
        self.keep_account(Opener::new(move |_| Ok(witness)));
        self
    }
}
