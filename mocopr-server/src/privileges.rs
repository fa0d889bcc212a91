//! With whose privileges a server runs: the builder's part of it. What is checked is for `mocopr_security::process`.

use mocopr_security::process::Privileges;

use crate::builder::ServerBuilder;

impl<P> ServerBuilder<P> {
    /// Builds the server only if this process has the privileges of that user, and no others.
    ///
    /// They are given up by [`confine`](mocopr_security::process::confine), which comes first thing in `fn main`: once
    /// there is a runtime it is too late, because each of its threads would keep them. So this call gives nothing up;
    /// it reads from the kernel what every thread may do, makes [`build`](Self::build) refuse what is more than the
    /// user may, and says in the security report what holds. With what `confine` returned instead of a name, it says of
    /// files as well.
    ///
    /// ```no_run
    /// use mocopr_security::process::confine;
    /// use mocopr_server::server::McpServer;
    ///
    /// # fn main() -> Result<(), mocopr_server::error::Error> {
    /// let confined = confine("mcp-user")?;
    /// let server = McpServer::builder().with_info("calculator", "1.0.0").with_privilege_dropping(confined).build()?;
    /// # drop(server);
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_privilege_dropping(mut self, to: impl Into<Privileges>) -> Self {
        let expected = to.into();
        self.check_process("with_privilege_dropping", Box::new(move || expected.check()));
        self
    }
}
