//! Who keeps account of what happens: the builder's part of it.
//!
//! Witnesses are opened when the server is built, when the clock and the key are known, and are told by the gate and the
//! engine alone.

use std::{fmt, sync::Arc};

use mocopr_core::clock::Clock;
use mocopr_security::{evidence::Witness, policy::Problem, seal::KeyRing};

use crate::builder::ServerBuilder;

/// What a witness may need when it is opened.
#[expect(dead_code, reason = "read by the witnesses of the next commits")]
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

impl<P> ServerBuilder<P> {
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
