//! A folder for the audit log of this process. The server is ended without a word, so what it wrote is cleared away by
//! the next one.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The file of this process's audit log, in a new folder.
///
/// # Errors
/// The folder cannot be made, or an old one not be removed.
pub(crate) fn audit_file() -> io::Result<PathBuf> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/audit");
    fs::create_dir_all(&all)?;
    for folder in fs::read_dir(&all)? {
        let folder = folder?;
        // Each is named by the process that writes in it.
        if !Path::new("/proc").join(folder.file_name()).exists() {
            fs::remove_dir_all(folder.path())?;
        }
    }
    let own = all.join(std::process::id().to_string());
    fs::create_dir(&own)?;
    Ok(own.join("audit.jsonl"))
}
