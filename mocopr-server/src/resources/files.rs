//! The files of a directory as a source: paths below the base, the same for every caller.
//!
//! Whatever touches the file system runs on the blocking pool. The base is all that a peer sees of where files are.

use std::time::Duration;

use mocopr_core::{
    failure::Failure,
    model::{
        content::Base64,
        resource::{Body, Contents, ReadResult},
    },
    page::CacheHint,
    uri::ResourceUri,
};
use mocopr_security::{
    policy::Problem,
    principal::Principal,
    sandbox::{
        files::{FileBody, FileContents, FileEntry, FileFault, FileRange, FileResourceHandler},
        path::RelPath,
    },
};

use super::{
    path,
    source::{Changes, Item, Range, ResourceSource, Shape, Told, Variable},
};
use crate::handler::{BoxFuture, off_the_workers};

impl ResourceSource for FileResourceHandler {
    fn shape(&self) -> Shape {
        Shape { name: "files", variable: Variable::Path("path") }
    }

    fn problems(&self) -> Vec<Problem> {
        self.problems().to_vec()
    }

    fn admits(&self, _uri: &ResourceUri, raw: &str) -> bool {
        plain(raw).is_some_and(|path| self.admits(&path))
    }

    fn list<'a>(&'a self, _who: &'a Principal, range: Range<'a>) -> BoxFuture<'a, Result<Vec<Item>, Failure>> {
        Box::pin(async move {
            let Range { prefix, after, limit } = range;
            let (files, prefix, after) = (self.clone(), Box::<str>::from(prefix), after.map(Box::<str>::from));
            let list = move || files.list(FileRange { prefix: &prefix, after: after.as_deref(), limit });
            let entries = off_the_workers(list).await?.map_err(failure)?;
            Ok(entries.into_iter().map(item).collect())
        })
    }

    fn read<'a>(&'a self, _who: &'a Principal, raw: &'a str) -> BoxFuture<'a, Result<Option<ReadResult>, Failure>> {
        Box::pin(async move {
            let Some(path) = plain(raw) else { return Ok(None) };
            let files = self.clone();
            // Encoding a large file takes its time as well.
            match off_the_workers(move || files.read(&path).map(contents)).await? {
                Ok(found) => Ok(Some(found)),
                Err(FileFault::Absent) => Ok(None),
                Err(fault) => Err(failure(fault)),
            }
        })
    }

    fn changes(&self, _told: Told) -> Changes {
        Changes::Polled(LOOKED_EVERY)
    }

    fn fingerprints<'a>(&'a self, raw: &'a [&'a str]) -> BoxFuture<'a, Vec<Option<u64>>> {
        Box::pin(async move {
            let paths: Vec<Option<RelPath>> = raw.iter().map(|raw| plain(raw)).collect();
            let files = self.clone();
            let look = move || paths.iter().map(|path| files.fingerprint(path.as_ref()?)).collect();
            off_the_workers(look).await.unwrap_or_else(|_| vec![None; raw.len()])
        })
    }
}

/// The path that stands behind a base, decoded exactly once.
fn plain(raw: &str) -> Option<RelPath> {
    path::decode(raw).and_then(|path| RelPath::parse(&path))
}

fn item(entry: FileEntry) -> Item {
    let FileEntry { path, size, media_type } = entry;
    Item { mime_type: Some(media_type.into()), size: Some(size), ..Item::new(path.as_str()) }
}

fn contents(found: FileContents) -> ReadResult {
    let FileContents { body, media_type } = found;
    let body = match body {
        FileBody::Text(text) => Body::Text(text),
        FileBody::Bytes(bytes) => Body::Blob(Base64::encode(&bytes)),
    };
    let contents = Contents { uri: Box::default(), mime_type: Some(media_type.into()), body };
    ReadResult { contents: vec![contents], cache: CacheHint::NONE, meta: None }
}

fn failure(fault: FileFault) -> Failure {
    match fault {
        FileFault::Absent => Failure::absent(""),
        FileFault::TooLarge => Failure::caller("the resource is larger than this server gives out"),
        fault => Failure::internal("files of a directory were not read or listed").caused_by(fault),
    }
}

/// What looks cost: a few system calls for each file that somebody watches.
const LOOKED_EVERY: Duration = Duration::from_secs(2);
