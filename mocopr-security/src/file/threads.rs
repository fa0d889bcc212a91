//! What the kernel says of the threads of this process.
#![expect(clippy::disallowed_methods, reason = "a part of the one opener of such files")]

use std::{
    fs,
    io::{self, ErrorKind},
};

use rustix::io::Errno;

/// What the kernel says of each thread of this process, the first thread first.
///
/// # Errors
/// What the system says, also where `/proc` is not mounted.
pub(crate) fn statuses_of_threads() -> io::Result<Vec<String>> {
    let mut threads =
        fs::read_dir("/proc/self/task")?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    threads.sort_unstable();
    let mut texts = Vec::with_capacity(threads.len());
    for thread in threads {
        match fs::read_to_string(thread.join("status")) {
            Ok(text) => texts.push(text),
            // It has ended since it was listed, which the kernel says in two ways.
            Err(error) if error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(NO_SUCH_PROCESS) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(texts)
}

const NO_SUCH_PROCESS: i32 = Errno::SRCH.raw_os_error();
