//! What is done beside serving, while a server runs: looking at files that its owner may change, and hearing the
//! signals that ask for that and that stop tools.
//!
//! It lives in the future that serves and ends with it; where there is nothing to look at it costs nothing.

use std::{
    convert::Infallible,
    future::{Future, pending},
    sync::Arc,
    time::Duration,
};

use tokio::{task::spawn_blocking, time::sleep};
use tracing::error;

use crate::{
    engine::Engine,
    signals::{Signal, Signals},
    stopping::By,
};

/// What has begun beside a server that does not serve yet.
pub(crate) struct Beside {
    engine: Arc<Engine>,
    /// The next time that SIGUSR1 comes; `None` where the server has no switch.
    signals: Option<Signals>,
    /// The next time that SIGHUP comes, and files are to be looked at; `None` where there are none.
    hangups: Option<Signals>,
}

impl Beside {
    /// Watches for both signals from now on, so that whoever has seen the server answer can send them. Must be called
    /// inside of a tokio runtime.
    pub(crate) fn begin(engine: &Arc<Engine>) -> Self {
        let signals = engine.gate.stopper().map(|_| Signals::watch(Signal::User1));
        let hangups = engine.has_files().then(|| Signals::watch(Signal::Hangup));
        Self { engine: engine.clone(), signals, hangups }
    }

    /// Serves, and does all of it meanwhile.
    pub(crate) async fn serve<T>(self, serving: impl Future<Output = T>) -> T {
        let Self { engine, signals, hangups } = self;
        // Apart from each other: a file system that hangs must not keep SIGUSR1 from being heard.
        tokio::select! {
            biased;
            done = serving => done,
            never = hear(&engine, signals) => match never {},
            never = look(&engine, hangups) => match never {},
        }
    }
}

/// Stops tools whenever SIGUSR1 comes.
async fn hear(engine: &Arc<Engine>, signals: Option<Signals>) -> Infallible {
    let Some(mut signals) = signals else { return pending().await };
    loop {
        signals.next().await;
        // What went wrong is logged there, and there is nobody else to tell.
        blocking(engine, "stopping tools", |engine| drop(engine.stop_tools(By::Signal))).await;
    }
}

/// Looks at files now and then, and at SIGHUP, where there are any.
async fn look(engine: &Arc<Engine>, hangups: Option<Signals>) -> Infallible {
    let Some(mut hangups) = hangups else { return pending().await };
    loop {
        tokio::select! {
            () = sleep(LOOK) => {}
            () = hangups.next() => {}
        }
        blocking(engine, "looking at files", Engine::look_at_files).await;
    }
}

/// Does what may wait for a file system.
async fn blocking(engine: &Arc<Engine>, what: &str, act: impl FnOnce(&Engine) + Send + 'static) {
    let engine = engine.clone();
    if spawn_blocking(move || act(&engine)).await.is_err() {
        error!("{what} failed");
    }
}

impl Engine {
    fn has_files(&self) -> bool {
        self.gate.stopper().is_some_and(|stopper| stopper.file().is_some())
            || self.gate.revocations().file().is_some()
            || self.key_file.is_some()
            || self.gate.authenticators_watch()
    }

    fn look_at_files(&self) {
        self.look_at_kill_switch();
        if let Some(file) = &self.key_file {
            file.look(&self.ring, self.clock.unix(), self.gate.evidence());
        }
        self.gate.look_at_authenticators();
        for session in self.gate.revocations().look() {
            self.sessions.revoke(&session);
        }
    }
}

/// How often files are looked at: what they say, and a look at what is open, fit into the second that is promised.
const LOOK: Duration = Duration::from_millis(250);

#[cfg(all(test, unix, feature = "testing"))]
mod tests {
    use std::process::{Command, id};

    use mocopr_security::stop::KillSwitch;

    use super::*;
    use crate::server::McpServer;

    /// S-79
    #[tokio::test(start_paused = true)]
    async fn a_hangup_has_files_looked_at_at_once_and_does_not_end_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stop");
        let switch = KillSwitch::builder().with_file(&path).build();
        let server = McpServer::builder().with_info("a", "1").with_kill_switch(switch).build().unwrap();
        let switch = server.kill_switch().unwrap();
        let beside = Beside::begin(&server.engine);
        // There is always something to do, so time stands still, and files are looked at for the signal alone.
        let stopped = async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            assert!(Command::new("touch").arg(&path).status().unwrap().success());
            while !switch.is_stopped() {
                assert!(Command::new("kill").args(["-HUP", &id().to_string()]).status().unwrap().success());
                tokio::task::yield_now().await;
            }
        };
        beside.serve(stopped).await;
    }

    /// S-79
    #[tokio::test]
    async fn the_signal_stops_tools_and_not_the_process() {
        let server = McpServer::builder().with_info("a", "1").with_kill_switch(KillSwitch::default()).build().unwrap();
        let switch = server.kill_switch().unwrap();
        let beside = Beside::begin(&server.engine);
        assert!(Command::new("kill").args(["-USR1", &id().to_string()]).status().unwrap().success());
        let stopped = async {
            while !switch.is_stopped() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), beside.serve(stopped)).await.expect("the signal is heard");
    }
}
