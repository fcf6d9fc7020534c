//! What fuzz targets reach beside the public face: the policies, as the layers
//! call them. It is there with `--cfg fuzzing` alone, which fuzz/ sets as
//! cargo-fuzz does; it decides nothing.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
#[cfg(feature = "cookies")]
use url::Url;

use crate::body::Body;
use crate::credentials::Credentials;
use crate::multipart::Multipart;
#[cfg(feature = "cookies")]
use crate::policy::cookie;
use crate::policy::{auth, challenge, coding};

/// A scheme in lower case, and its parameters.
pub type Challenge = (String, Vec<(String, String)>);

/// The challenges of a head.
pub fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    let found = challenge::challenges(headers).into_iter();
    found.map(|c| (c.scheme, c.parameters)).collect()
}

/// The parameters of an Authentication-Info field.
pub fn parameters(field: &str) -> Vec<(String, String)> {
    challenge::parameters(field)
}

/// The fields that answer a head's challenges, and whether an
/// Authentication-Info after that brings another nonce.
pub fn answer(
    headers: &HeaderMap,
    credentials: &Credentials,
    info: &str,
) -> Option<(Vec<(HeaderName, HeaderValue)>, bool)> {
    let offered = challenge::challenges(headers);
    let mut scheme = auth::choose(&offered, credentials, true, false, "cnonce".into())?;
    let message = auth::Message {
        method: "GET",
        target: "/",
        content: Some(b""),
        now: Duration::ZERO,
    };
    let fields = scheme.fields(credentials, &message)?;
    Some((fields, scheme.informed(info)))
}

/// A form: its Content-Type and its content.
pub fn form(form: Multipart) -> (String, Body) {
    (form.content_type(), form.into_body())
}

/// A jar whose time is an argument: since 1970.
#[cfg(feature = "cookies")]
#[derive(Clone, Default)]
pub struct Jar(cookie::Jar);

#[cfg(feature = "cookies")]
impl Jar {
    /// A Set-Cookie field that came from `url`.
    pub fn store(&mut self, url: &Url, field: &[u8], now: Duration) {
        self.0.store(url, field, now);
    }

    /// The Cookie field for a request to `url`.
    pub fn field(&self, url: &Url, now: Duration) -> Option<String> {
        self.0.field(url, now)
    }

    /// As text.
    pub fn to_text(&self) -> String {
        self.0.to_text()
    }

    /// From text.
    pub fn from_text(text: &str, now: Duration) -> Jar {
        let mut jar = Jar::default();
        jar.0.add_text(text, now);
        jar
    }
}

/// Undoes the content codings that a head names.
pub struct Decoder(coding::Decoder);

impl Decoder {
    /// `None` if there are none, or one is unknown.
    pub fn new(headers: &HeaderMap, ratio: u64, free: u64) -> Option<Decoder> {
        let codings = coding::applied(headers).filter(|codings| !codings.is_empty())?;
        Some(Decoder(coding::Decoder::new(&codings, ratio, free)))
    }

    /// Gives a piece, once `next` said `None`.
    pub fn feed(&mut self, piece: &[u8]) {
        self.0.feed(Bytes::copy_from_slice(piece));
    }

    /// That was all.
    pub fn finish(&mut self) {
        self.0.finish();
    }

    /// What comes out.
    pub fn next(&mut self) -> Result<Option<Bytes>, String> {
        self.0.next()
    }
}
