//! Stopping tools in an emergency: how the switch is turned, and who is told.
//!
//! What is stopped is decided by the gate. Nothing here is reached by a message of the protocol.

use std::{fmt, sync::Arc};

use mocopr_security::{
    evidence,
    policy::{Problem, Report},
    stop::{Stopper, Turn},
};
use tracing::warn;

use crate::{
    engine::Engine,
    error::{Error, Result},
    subscribe::Change,
};

/// The kill switch of a server; a handle, cheap to clone.
///
/// ```
/// use mocopr_security::stop::KillSwitch;
/// use mocopr_server::server::McpServer;
///
/// let switch = KillSwitch::builder().keeping(&["status"]).build();
/// # let status = mocopr_server::registry::tool::Tool::new("status")
/// #     .handler(|_: mocopr_server::registry::tool::NoArguments| async { "ok" });
/// let server = McpServer::builder().with_info("board", "1.0.0").with_tool(status).with_kill_switch(switch).build()?;
/// let switch = server.kill_switch().expect("it was given one");
/// switch.stop()?; // no tool is listed or called any longer, but `status`
/// assert!(switch.is_stopped());
/// switch.resume()?;
/// # Ok::<(), mocopr_server::error::Error>(())
/// ```
#[derive(Clone)]
pub struct LiveKillSwitch(Arc<Engine>);

/// By what a switch was turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The program called for it.
    Method,
    /// SIGUSR1.
    Signal,
    /// Its file came or went, or was there at the start.
    File,
}

impl LiveKillSwitch {
    /// The switch of a server that has one.
    pub(crate) fn of(engine: &Arc<Engine>) -> Option<Self> {
        engine.gate.stopper().map(|_| Self(engine.clone()))
    }

    /// Stops all tools but those that stay: from the next message on there are no others, and their calls under way end
    /// within a second. Makes the file where the switch has one. Blocks while it does.
    ///
    /// # Errors
    /// Where the file cannot be made: tools are stopped all the same, until this process ends or resumes.
    pub fn stop(&self) -> Result<()> {
        self.0.stop_tools(By::Method).map_err(Error::from)
    }

    /// Lets all tools be called again. Removes the file where the switch has one. Blocks while it does.
    ///
    /// # Errors
    /// Where the file cannot be removed: tools stay stopped.
    pub fn resume(&self) -> Result<()> {
        let Some(stopper) = self.0.gate.stopper() else { return Ok(()) };
        match stopper.resume() {
            Ok(turn) => self.0.turned(turn, By::Method),
            Err(problem) => {
                self.0.gate.evidence().administer(RESUME, By::Method.as_str(), evidence::Outcome::Failed);
                return Err(problem.into());
            }
        }
        Ok(())
    }

    /// Tools are stopped now.
    pub fn is_stopped(&self) -> bool {
        self.0.gate.stopper().is_some_and(Stopper::is_stopped)
    }
}

impl Engine {
    /// Stops tools. Blocks while it makes the file.
    pub(crate) fn stop_tools(&self, by: By) -> std::result::Result<(), Problem> {
        let Some(stopper) = self.gate.stopper() else { return Ok(()) };
        let (turn, made) = stopper.stop();
        self.turned(turn, by);
        if let Err(problem) = &made {
            warn!(%problem, rule = "kill switch", "tools are stopped until this process ends, and not beyond");
        }
        made
    }

    /// Looks whether the file of the switch has come or gone. Blocks.
    pub(crate) fn look_at_kill_switch(&self) {
        if let Some(stopper) = self.gate.stopper() {
            self.turned(stopper.look(), By::File);
        }
    }

    /// Tells of a switch that was turned.
    pub(crate) fn turned(&self, turn: Option<Turn>, by: By) {
        let Some(turn) = turn else { return };
        let action = match turn {
            Turn::Stopped => STOP,
            Turn::Resumed => RESUME,
        };
        warn!(action, by = by.as_str(), rule = "kill switch", "turned");
        self.gate.evidence().administer(action, by.as_str(), evidence::Outcome::Succeeded);
        self.hub.tell(&Change::Tools);
    }
}

impl By {
    fn as_str(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Signal => "signal",
            Self::File => "file",
        }
    }
}

/// Says what the switch stops, for the owner.
pub(crate) fn say(stopper: &Stopper, report: &mut Report) {
    let mut keeps: Vec<&str> = stopper.keeps().collect();
    keeps.sort_unstable();
    let keeps = if keeps.is_empty() { "none".to_owned() } else { keeps.join(", ") };
    let file = stopper.file().map(|file| format!("; file {}", file.display())).unwrap_or_default();
    let now = if stopper.is_stopped() { "tools are stopped" } else { "ready" };
    report.say("kill switch", format!("{now}; stays: {keeps}{file}"), false);
}

impl fmt::Debug for LiveKillSwitch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveKillSwitch").field("is_stopped", &self.is_stopped()).finish_non_exhaustive()
    }
}

const STOP: &str = "stop_tools";
const RESUME: &str = "resume_tools";
