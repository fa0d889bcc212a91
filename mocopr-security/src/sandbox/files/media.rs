//! What a file is, by the extension of its name alone.

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Media {
    pub(super) name: &'static str,
    pub(super) form: Form,
}

/// In which form its contents are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As text, where it is UTF-8.
    Text,
    /// As bytes.
    Bytes,
}

/// What the extension says; bytes of an unknown kind where it says nothing.
pub(super) fn of(extension: Option<&str>) -> Media {
    let known = extension.and_then(|extension| {
        TABLE.iter().find(|(extensions, _, _)| extensions.iter().any(|known| known.eq_ignore_ascii_case(extension)))
    });
    known.map_or(UNKNOWN, |(_, name, form)| Media { name, form: *form })
}

const UNKNOWN: Media = Media { name: "application/octet-stream", form: Form::Bytes };

#[rustfmt::skip]
const TABLE: &[(&[&str], &str, Form)] = &[
    (&["txt", "text", "log"], "text/plain", Form::Text),
    (&["md", "markdown"], "text/markdown", Form::Text),
    (&["csv"], "text/csv", Form::Text),
    (&["html", "htm"], "text/html", Form::Text),
    (&["css"], "text/css", Form::Text),
    (&["js", "mjs"], "text/javascript", Form::Text),
    (&["json"], "application/json", Form::Text),
    (&["jsonl", "ndjson"], "application/x-ndjson", Form::Text),
    (&["xml"], "application/xml", Form::Text),
    (&["yaml", "yml"], "application/yaml", Form::Text),
    (&["toml"], "application/toml", Form::Text),
    (&["svg"], "image/svg+xml", Form::Text),
    (&["rs", "py", "ts", "go", "c", "h", "cpp", "java", "rb", "sh", "sql", "ini", "cfg", "conf"], "text/plain", Form::Text),
    (&["png"], "image/png", Form::Bytes),
    (&["jpg", "jpeg"], "image/jpeg", Form::Bytes),
    (&["gif"], "image/gif", Form::Bytes),
    (&["webp"], "image/webp", Form::Bytes),
    (&["pdf"], "application/pdf", Form::Bytes),
    (&["zip"], "application/zip", Form::Bytes),
    (&["gz"], "application/gzip", Form::Bytes),
    (&["wasm"], "application/wasm", Form::Bytes),
    (&["mp3"], "audio/mpeg", Form::Bytes),
    (&["wav"], "audio/wav", Form::Bytes),
    (&["mp4"], "video/mp4", Form::Bytes),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_extension_says_what_a_file_is_in_any_case_and_only_once() {
        assert_eq!(of(Some("TXT")), Media { name: "text/plain", form: Form::Text });
        assert_eq!(of(Some("png")).form, Form::Bytes);
        assert_eq!([of(None), of(Some("exe")), of(Some(""))], [UNKNOWN; 3]);
        let extensions: Vec<&str> = TABLE.iter().flat_map(|(extensions, _, _)| *extensions).copied().collect();
        assert_eq!(extensions.iter().collect::<BTreeSet<_>>().len(), extensions.len());
    }
}
