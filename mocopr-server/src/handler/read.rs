//! What a resource may return, and how it becomes a result.
//!
//! A handler may leave the URI and the MIME type open: the URI that was asked for and the MIME type of the
//! definition take their place.

use mocopr_core::{
    failure::Failure,
    model::{
        content::Base64,
        resource::{Body, Contents, ReadResult},
    },
    outcome::{Outcome, Reply},
    page::CacheHint,
};
use serde::Serialize;

use crate::handler::tool::{self, Json};

/// Bytes that a resource answers.
///
/// ```
/// use mocopr_server::handler::read::Blob;
///
/// // Under `#[resource("pictures://logo", mime = "image/png")]`:
/// async fn logo() -> Blob {
///     Blob(b"\x89PNG\r\n\x1a\n".to_vec())
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blob(pub Vec<u8>);

/// What a resource may return: text, bytes, [`Json`], [`Contents`], a [`ReadResult`], or a `Result<_, Failure>` of
/// any of them.
///
/// ```
/// use mocopr_core::{failure::Failure, model::resource::{Contents, ReadResult}};
/// use mocopr_server::handler::read::IntoReadResult;
///
/// /// A page of a wiki.
/// struct Page(String);
///
/// impl IntoReadResult for Page {
///     fn into_read_result(self) -> Result<ReadResult, Failure> {
///         // The URI is left open: it is the one that was asked for.
///         Contents::text("", self.0).with_mime_type("text/markdown").into_read_result()
///     }
/// }
/// assert_eq!(Page("# Tea".to_owned()).into_read_result()?.contents.len(), 1);
/// # Ok::<(), Failure>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "a resource cannot return `{Self}`",
    label = "not something that a resource can answer",
    note = "return text, `Vec<u8>`, `Blob`, `Json<T>`, `Contents`, `Vec<Contents>`, `ReadResult`, or a \
            `Result<_, Failure>` of one of them"
)]
pub trait IntoReadResult: Sized {
    /// The result; an empty URI and a missing MIME type are filled in afterwards.
    ///
    /// # Errors
    /// The failure that the handler returned, or an internal one when its value cannot be written as JSON.
    fn into_read_result(self) -> Result<ReadResult, Failure>;

    /// The MIME type of what does not say its own, where the definition says none either.
    fn mime_type() -> Option<&'static str> {
        None
    }
}

impl IntoReadResult for ReadResult {
    fn into_read_result(self) -> Result<ReadResult, Failure> {
        Ok(self)
    }
}

impl IntoReadResult for Vec<Contents> {
    fn into_read_result(self) -> Result<ReadResult, Failure> {
        Ok(ReadResult { contents: self, cache: CacheHint::NONE, meta: None })
    }
}

impl IntoReadResult for Contents {
    fn into_read_result(self) -> Result<ReadResult, Failure> {
        vec![self].into_read_result()
    }
}

impl IntoReadResult for String {
    fn into_read_result(self) -> Result<ReadResult, Failure> {
        open(Body::Text(self))
    }
}

impl IntoReadResult for &str {
    fn into_read_result(self) -> Result<ReadResult, Failure> {
        self.to_owned().into_read_result()
    }
}

impl IntoReadResult for Vec<u8> {
    fn into_read_result(self) -> Result<ReadResult, Failure> {
        open(Body::Blob(Base64::encode(&self)))
    }
}

impl IntoReadResult for &[u8] {
    fn into_read_result(self) -> Result<ReadResult, Failure> {
        open(Body::Blob(Base64::encode(self)))
    }
}

impl IntoReadResult for Blob {
    fn into_read_result(self) -> Result<ReadResult, Failure> {
        self.0.into_read_result()
    }
}

impl<T: Serialize> IntoReadResult for Json<T> {
    fn into_read_result(self) -> Result<ReadResult, Failure> {
        open(Body::Text(tool::encode(&self.0)?.as_str().to_owned()))
    }

    fn mime_type() -> Option<&'static str> {
        Some("application/json")
    }
}

impl<R: IntoReadResult> IntoReadResult for Result<R, Failure> {
    fn into_read_result(self) -> Result<ReadResult, Failure> {
        self?.into_read_result()
    }

    fn mime_type() -> Option<&'static str> {
        R::mime_type()
    }
}

/// The outcome of what a resource returned when `uri` was read; `mime_type` is that of the definition.
pub(crate) fn outcome<R: IntoReadResult>(returned: R, uri: &str, mime_type: Option<&str>) -> Outcome {
    let mime_type = mime_type.or_else(|| R::mime_type());
    match returned.into_read_result() {
        Ok(mut result) => {
            for contents in &mut result.contents {
                if contents.uri.is_empty() {
                    contents.uri = uri.into();
                }
                if contents.mime_type.is_none() {
                    contents.mime_type = mime_type.map(Into::into);
                }
            }
            Outcome::Complete(Reply::Read(result))
        }
        Err(failure) => Outcome::Failed(failure),
    }
}

/// Contents whose URI and MIME type are left open.
fn open(body: Body) -> Result<ReadResult, Failure> {
    Contents { uri: Box::default(), mime_type: None, body }.into_read_result()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(outcome: Outcome) -> Contents {
        match outcome {
            Outcome::Complete(Reply::Read(mut result)) => result.contents.remove(0),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn open_uri_and_mime_type_are_those_of_the_call_and_the_definition() {
        let text = contents(outcome("hi", "test://a", Some("text/plain")));
        assert_eq!(text, Contents::text("test://a", "hi").with_mime_type("text/plain"));
        let blob = contents(outcome(vec![1_u8, 2], "test://a", None));
        assert_eq!(blob, Contents::blob("test://a", &[1, 2]));
    }

    #[test]
    fn json_says_its_mime_type_unless_the_definition_does() {
        let plain = contents(outcome(Json(1), "test://a", None));
        assert_eq!(plain.mime_type.as_deref(), Some("application/json"));
        let linked = contents(outcome(Json(1), "test://a", Some("application/ld+json")));
        assert_eq!(linked.mime_type.as_deref(), Some("application/ld+json"));
    }

    #[test]
    fn what_the_handler_says_itself_stays() {
        let own = Contents::text("test://own", "x").with_mime_type("text/html");
        assert_eq!(contents(outcome(own.clone(), "test://a", Some("text/plain"))), own);
    }
}
