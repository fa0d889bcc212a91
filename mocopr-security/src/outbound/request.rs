//! What is sent: a method, a URL, and the few headers that are said by name.
//!
//! There is no way to hand a caller's headers over, so no token or cookie of an inbound request can travel on.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Uri,
    header::{ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, USER_AGENT},
};
use http_body_util::Full;

use super::{
    error::{OutboundError, OutboundErrorKind},
    target::Target,
};
use crate::redact::Secret;

/// A request that the guarded client can send.
///
/// ```no_run
/// use mocopr_security::{
///     outbound::{OutboundClient, OutboundError, OutboundRequest},
///     redact::Secret,
/// };
///
/// async fn order(client: &OutboundClient, token: Secret<String>) -> Result<bool, OutboundError> {
///     let request = OutboundRequest::post("https://api.example.com/orders", "application/json", r#"{"tea":1}"#)
///         .with_accept("application/json")
///         .with_authorization(token); // this server's own, never a caller's
///     let answer = client.send(request).await?;
///     Ok(answer.status().is_success() && answer.body().len() < 1_024)
/// }
/// ```
#[derive(Debug)]
pub struct OutboundRequest {
    method: Method,
    url: Box<str>,
    accept: Option<Box<str>>,
    content_type: Option<Box<str>>,
    authorization: Option<Secret<String>>,
    body: Bytes,
}

impl OutboundRequest {
    /// Asks for what is at a URL.
    pub fn get(url: impl Into<Box<str>>) -> Self {
        Self::new(Method::GET, url.into(), None, Bytes::new())
    }

    /// Sends a body to a URL. A redirect of it is never followed.
    pub fn post(url: impl Into<Box<str>>, content_type: impl Into<Box<str>>, body: impl Into<Bytes>) -> Self {
        Self::new(Method::POST, url.into(), Some(content_type.into()), body.into())
    }

    /// Says which media types may come back (`Accept`); any, unless said.
    #[must_use]
    pub fn with_accept(self, accept: impl Into<Box<str>>) -> Self {
        Self { accept: Some(accept.into()), ..self }
    }

    /// Sends this as `Authorization`, such as `Bearer …`: a credential that was issued to this server for that host.
    ///
    /// Never the token of a caller: that was issued for this server, and passing it on is forbidden.
    ///
    /// # Source
    /// MCP 2026-07-28, basic/authorization, "Access Token Privilege Restriction".
    #[must_use]
    pub fn with_authorization(self, value: Secret<String>) -> Self {
        Self { authorization: Some(value), ..self }
    }

    fn new(method: Method, url: Box<str>, content_type: Option<Box<str>>, body: Bytes) -> Self {
        Self { method, url, accept: None, content_type, authorization: None, body }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Whether it can be sent again elsewhere: a redirect may turn a request with a body into one without.
    pub(super) fn may_be_redirected(&self) -> bool {
        self.method == Method::GET
    }

    /// The request in the words of HTTP, for that target.
    pub(super) fn to(&self, target: &Target) -> Result<Request<Full<Bytes>>, OutboundError> {
        let uri = Uri::try_from(target.path.as_str())
            .map_err(|error| OutboundError::caused_by(OutboundErrorKind::Url, error))?;
        let mut headers = HeaderMap::new();
        headers.insert(HOST, value(&target.authority())?);
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("mocopr/", env!("CARGO_PKG_VERSION"))));
        headers.insert(ACCEPT, value(self.accept.as_deref().unwrap_or("*/*"))?);
        if let Some(content_type) = &self.content_type {
            headers.insert(CONTENT_TYPE, value(content_type)?);
        }
        if let Some(authorization) = &self.authorization {
            let mut value = value(authorization.expose())?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

fn value(text: &str) -> Result<HeaderValue, OutboundError> {
    HeaderValue::from_str(text).map_err(|error| OutboundError::caused_by(OutboundErrorKind::Request, error))
}
