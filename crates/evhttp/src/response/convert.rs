//! Responses in the shapes that others have: text of any charset, JSON, the
//! `http` crate's type.

use std::borrow::Cow;

use bytes::Bytes;

use super::{Content, Inner, Response};
use crate::body::Body;
use crate::error::{Error, ErrorKind, Phase};

/// The whole body as text: UTF-8, or with the feature `charset` what
/// Content-Type says and what a byte order mark shows.
pub(super) fn text(response: &Response, bytes: Bytes) -> Result<String, Error> {
    if let Some(text) = decode(response, &bytes) {
        return Ok(text.into_owned());
    }
    let not_text = |e| response.name(Error::new(Phase::Body, ErrorKind::NotText(e)));
    std::str::from_utf8(&bytes)
        .map(str::to_owned)
        .map_err(not_text)
}

#[cfg(not(feature = "charset"))]
fn decode<'a>(_: &Response, _: &'a Bytes) -> Option<Cow<'a, str>> {
    None
}

/// `None`: UTF-8, which is checked and not repaired.
#[cfg(feature = "charset")]
fn decode<'a>(response: &Response, bytes: &'a Bytes) -> Option<Cow<'a, str>> {
    use encoding_rs::{Encoding, UTF_8};
    let named = response.header("content-type").and_then(charset);
    let named = named.and_then(|name| Encoding::for_label(name.as_bytes()));
    let marked = Encoding::for_bom(bytes).map(|(encoding, _)| encoding);
    match marked.or(named) {
        None => None,
        Some(encoding) if encoding == UTF_8 && marked.is_none() => None,
        Some(encoding) => Some(encoding.decode(bytes).0),
    }
}

/// RFC 9110 §8.3.1.
#[cfg(feature = "charset")]
fn charset(content_type: &str) -> Option<&str> {
    let parameters = content_type.split(';').skip(1);
    let named = parameters.filter_map(|parameter| parameter.split_once('='));
    named
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
        .map(|(_, value)| value.trim().trim_matches('"'))
        .next()
}

#[cfg(feature = "json")]
impl Response {
    /// The whole body as a value of yours (feature `json`).
    ///
    /// ```
    /// use evhttp::Response;
    /// use std::collections::HashMap;
    ///
    /// let page = Response::plain(r#"{"one": 1}"#);
    /// let map: HashMap<String, u32> = page.json()?;
    /// assert_eq!(map["one"], 1);
    /// # Ok::<(), evcore::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`bytes`](Response::bytes), and [`ErrorKind::Json`].
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> evcore::Result<T> {
        let bytes = self.bytes()?;
        let value = serde_json::from_slice(&bytes);
        let named = |e| self.name(Error::new(Phase::Body, ErrorKind::Json(e)));
        Ok(value.map_err(named)?)
    }
}

/// Status, version, fields and body; what the `http` crate has no place for
/// (URL, reason, previous answers) is left behind. So is the stream behind a
/// change of protocol: take it first, by [`Response::upgrade`].
impl From<Response> for http::Response<Body> {
    fn from(response: Response) -> http::Response<Body> {
        let body = match response.0.body.replace(Content::Taken) {
            Content::Whole(bytes) => bytes.into(),
            Content::Stream(body) => body,
            Content::Taken => Body::empty(),
        };
        let mut other = http::Response::new(body);
        *other.status_mut() = response.status();
        *other.version_mut() = response.version();
        *other.headers_mut() = match std::rc::Rc::try_unwrap(response.0) {
            Ok(Inner { head, .. }) => head.fields.into_map(),
            Err(shared) => shared.head.fields.map().clone(),
        };
        other
    }
}

/// For servers and mocks that are written with the `http` crate's type.
impl<B: Into<Body>> From<http::Response<B>> for Response {
    fn from(other: http::Response<B>) -> Response {
        let (head, body) = other.into_parts();
        Response::new(head.status)
            .change(|ours| {
                ours.version = head.version;
                ours.fields = head.headers.into();
            })
            .with_body(body)
    }
}
