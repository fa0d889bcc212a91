//! Says at start what is in force, on standard error, because a log that nobody reads tells nobody.

use std::io::Write;

use mocopr_security::policy::Report;

/// Prints the report of a server that is not under the development profile, which has a warning of its own.
pub(crate) fn tell(report: &Report) {
    if report.is_of_development() {
        return;
    }
    // Where standard error is closed there is nobody to tell.
    let _ = std::io::stderr().write_all(report.to_string().as_bytes());
}
