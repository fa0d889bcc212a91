//! Taking a log up where it ended: what stands behind its head is verified first.

use std::{io::BufReader, path::Path};

use super::{
    chain::Keys,
    folder::{Files, Folder},
    head::Head,
    names,
    verify::{self, BUFFER, Walk, Walked, unreadable},
};
use crate::{file::LogReader, policy::Problem};

/// A log that is open.
#[derive(Debug)]
pub(super) struct Resumed {
    pub(super) folder: Folder,
    /// Where it ended.
    pub(super) head: Head,
    /// So many bytes of a line that a crash had cut off were dropped.
    pub(super) torn: u64,
    /// It goes on under another key.
    pub(super) has_new_key: bool,
}

/// Opens a log, new or earlier.
///
/// # Errors
/// A problem where it cannot be opened, or is not what was written. Nothing is written to it then.
pub(super) fn resume(path: &Path, keys: &Keys) -> Result<Resumed, Problem> {
    let mut folder = Folder::open(path)?;
    if folder.is_device() {
        return Ok(Resumed { folder, head: Head::EMPTY, torn: 0, has_new_key: false });
    }
    let unwritable = |error: std::io::Error| {
        Problem::new(
            format!("{} cannot be written ({})", path.display(), error.kind()),
            "make room, and let the user of this process write to its folder",
        )
    };
    let Some(text) = verify::read_head(path)? else {
        let size = LogReader::open(path)?.map_or(Ok(0), |reader| reader.size());
        if size.map_err(|error| unreadable(path, &error))? > 0 || !verify::kept(path)?.is_empty() {
            return Err(tampered(path, "there is no head"));
        }
        folder.put_head(&Head::EMPTY.write(keys)).map_err(unwritable)?;
        return Ok(Resumed { folder, head: Head::EMPTY, torn: 0, has_new_key: false });
    };
    let (earlier, key) = Head::read(&text, keys)
        .ok_or_else(|| tampered(path, "the head was changed, or was made with another state key"))?;
    let found = read_on(path, keys, earlier)?;
    if found.torn > 0 {
        folder.cut(found.head.size).map_err(unwritable)?;
    }
    if found.head != earlier || key > 0 {
        folder.sync().and_then(|()| folder.put_head(&found.head.write(keys))).map_err(unwritable)?;
    }
    Ok(Resumed { folder, head: found.head, torn: found.torn, has_new_key: key > 0 })
}

struct Found {
    head: Head,
    torn: u64,
}

/// Reads what was written since a head.
fn read_on(path: &Path, keys: &Keys, earlier: Head) -> Result<Found, Problem> {
    let mut walk = Walk::new(keys, earlier);
    let mut head = earlier;
    let mut torn = 0;
    // What the head is about may have been rotated away since.
    let rotated = verify::kept(path)?.into_iter().filter(|kept| kept.first.is_some_and(|first| first >= earlier.file));
    let rotated: Vec<_> = rotated.map(|kept| kept.name).collect();
    let is_rotated = !rotated.is_empty();
    let files: Vec<_> = rotated.into_iter().chain([names::own(path)]).collect();
    for (place, name) in files.iter().enumerate() {
        let whole = path.with_file_name(name);
        let failed = |error| unreadable(&whole, &error);
        let Some(mut reader) = LogReader::open(&whole)? else {
            return Err(tampered(path, "it is missing"));
        };
        let size = reader.size().map_err(failed)?;
        let from = if place == 0 { earlier.size } else { 0 };
        if size < from {
            return Err(tampered(path, "records are missing"));
        }
        if place > 0 {
            head = Head { file: walk.tip.next, size: 0, ..head };
        }
        if place == 0 && !walk.stands_behind_its_head(&mut reader, from).map_err(failed)? {
            return Err(tampered(path, "the last record below the head was changed"));
        }
        reader.go_to(from).map_err(failed)?;
        match walk.file(&mut BufReader::with_capacity(BUFFER, reader)).map_err(failed)? {
            Walked::End { whole, torn: 0 } => head.size = from + whole,
            Walked::End { whole, torn: bytes } if place + 1 == files.len() => {
                head.size = from + whole;
                torn = bytes;
            }
            Walked::End { .. } => return Err(tampered(path, "the last line of an earlier file is not whole")),
            Walked::Broken(what) => return Err(tampered(path, what)),
        }
    }
    head.tip = walk.tip;
    if is_rotated {
        head.began = 0;
    }
    Ok(Found { head, torn })
}

fn tampered(path: &Path, what: &str) -> Problem {
    Problem::new(
        format!("the audit log {} is not what was written: {what}", path.display()),
        "keep it with its head and its rotated files as evidence, elsewhere, and start with a new one",
    )
}
