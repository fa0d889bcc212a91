//! Tasks that run beside requests: refreshing, writing, reloading.
//!
//! Each has an owner: what is dropped ends its tasks, so none outlives what it works for. Nothing here is for the work
//! of a request.

use std::sync::{Mutex, PoisonError};

use tokio::{runtime::Handle, task::JoinSet};

/// The tasks of one owner; they end when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Background {
    tasks: Mutex<JoinSet<()>>,
}

impl Background {
    /// No task yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Runs a task on the runtime of the caller, until it ends or its owner is dropped.
    ///
    /// The task must not own its owner, or neither would ever be dropped.
    ///
    /// # Errors
    /// [`NoRuntime`] outside of a runtime of tokio; the task was dropped without being polled then.
    pub(crate) fn run(&self, task: impl Future<Output = ()> + Send + 'static) -> Result<(), NoRuntime> {
        let runtime = Handle::try_current().map_err(|_| NoRuntime)?;
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(ended) = tasks.try_join_next() {
            if let Err(error) = ended {
                tracing::error!(%error, "a background task failed");
            }
        }
        tasks.spawn_on(task, &runtime);
        Ok(())
    }
}

/// There is no runtime to run a task on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no runtime here")]
pub(crate) struct NoRuntime;

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_task_runs() {
        let (done, ran) = oneshot::channel();
        let background = Background::new();
        background.run(async move { done.send(7).unwrap() }).unwrap();
        assert_eq!(ran.await, Ok(7));
    }

    #[tokio::test]
    async fn tasks_end_with_their_owner() {
        let (held, ended) = oneshot::channel::<()>();
        let background = Background::new();
        background
            .run(async move {
                let _held = held;
                pending::<()>().await;
            })
            .unwrap();
        drop(background);
        assert!(ended.await.is_err(), "what the task held was dropped");
    }

    #[test]
    fn outside_of_a_runtime_a_task_is_refused() {
        assert_eq!(Background::new().run(async {}), Err(NoRuntime));
    }
}
