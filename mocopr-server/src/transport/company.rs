//! What runs beside a transport, such as a listener for metrics: begun before the server says that it is ready, and
//! ended with it, whatever transport that is.
//!
//! A server that is given nothing of the kind has none of it.

use std::{fmt, sync::Arc};

use futures_util::future::BoxFuture;
use tokio::task::JoinSet;

use crate::{engine::Engine, error::Result};

/// Something that runs beside a transport.
pub(crate) trait Companion: Send + fmt::Debug {
    /// The call of the builder that brings it; it comes once.
    fn name(&self) -> &'static str;

    /// The server is built, and may run later, or be asked without ever running.
    fn built(&self, engine: &Arc<Engine>);

    /// Begins: does what can fail, and returns what goes on until it is dropped.
    fn begin(self: Box<Self>, engine: Arc<Engine>) -> BoxFuture<'static, Result<BoxFuture<'static, ()>>>;
}

/// What runs; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Company {
    #[cfg_attr(not(feature = "axum"), expect(dead_code, reason = "it is kept to be dropped"))]
    tasks: JoinSet<()>,
}

impl Company {
    /// Begins everything.
    ///
    /// # Errors
    /// The first that cannot begin; those before it have ended then.
    pub(crate) async fn begin(companions: Vec<Box<dyn Companion>>, engine: &Arc<Engine>) -> Result<Self> {
        let mut tasks = JoinSet::new();
        for one in companions {
            tasks.spawn(one.begin(engine.clone()).await?);
        }
        Ok(Self { tasks })
    }

    /// Does something else beside the transport, until this is dropped.
    #[cfg(feature = "axum")]
    pub(crate) fn keep(&mut self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(work);
    }
}
