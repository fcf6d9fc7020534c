//! What fuzz targets reach beside the public face: the policies, as the layers
//! call them. It is there with `--cfg fuzzing` alone, which fuzz/ sets as
//! cargo-fuzz does; it decides nothing.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::body::Body;
use crate::credentials::Credentials;
use crate::multipart::Multipart;
#[cfg(feature = "cookies")]
use crate::policy::cookie;
#[cfg(feature = "digest")]
use crate::policy::digest::{self, guard};
use crate::policy::{auth, challenge, coding, hsts, netrc};

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
    let informed = scheme.informed(credentials, &message, info);
    Some((fields, informed.renewed))
}

/// Name and password for a host, in a netrc file.
pub fn netrc(text: &str, host: &str) -> Option<(String, String)> {
    netrc::find(text, host)
}

/// Who wants https; its time is an argument.
#[derive(Default)]
pub struct Hsts(hsts::Hsts);

impl Hsts {
    /// A Strict-Transport-Security field that came from `url`.
    pub fn heard(&mut self, url: &Url, field: &str, now: Duration) {
        self.0.heard(url, field, now);
    }

    /// The https twin of what must not be asked by http.
    pub fn upgraded(&self, url: &Url, now: Duration) -> Option<Url> {
        self.0.upgraded(url, now)
    }
}

/// Who asks for what, for both sides of Digest.
#[cfg(feature = "digest")]
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// The user's name.
    pub name: &'a str,
    /// And password.
    pub password: &'a str,
    /// The request's method.
    pub method: &'a str,
    /// Its target.
    pub target: &'a str,
    /// Its content.
    pub content: &'a [u8],
    /// The client's nonce.
    pub cnonce: &'a str,
    /// How often the server's is used.
    pub count: u32,
}

#[cfg(feature = "digest")]
impl Asking<'_> {
    fn ask(&self) -> digest::Ask<'_> {
        digest::Ask {
            name: self.name,
            password: self.password,
            method: self.method,
            target: self.target,
            content: self.content,
            cnonce: self.cnonce,
            count: self.count,
        }
    }

    /// The client's answer to a challenge.
    pub fn answer(&self, challenge: &str) -> Option<String> {
        Some(digest_of(challenge)?.answer(&self.ask()))
    }

    /// Whether an Authentication-Info proves anything, and its next nonce.
    pub fn read_info(&self, challenge: &str, info: &str) -> Option<(Option<bool>, Option<String>)> {
        let info = digest_of(challenge)?.read_info(info, &self.ask());
        Some((info.proven, info.next))
    }
}

#[cfg(feature = "digest")]
fn digest_of(challenge: &str) -> Option<digest::Digest> {
    digest::Digest::of(challenge::parse(challenge).first()?, true)
}

/// A server's guard whose secrets are known.
#[cfg(feature = "digest")]
pub struct Guard(guard::Guard);

#[cfg(feature = "digest")]
impl Guard {
    /// With these users, all of this password.
    pub fn new(
        algorithm: guard::Algorithm,
        (content, userhash): (bool, bool),
        users: &[&str],
        password: &str,
    ) -> Guard {
        let mut guard = guard::Guard::new("a \"realm\"", ["key".into(), "nobody".into()]);
        (guard.content, guard.userhash) = (content, userhash);
        guard.algorithms = vec![algorithm];
        for user in users {
            guard.add((*user).into(), password);
        }
        Guard(guard)
    }

    /// The challenge; always the same at one time.
    pub fn challenge(&self, now: Duration) -> String {
        self.0.challenges(false, now, 1).remove(0)
    }

    /// The name of who passes, and the Authentication-Info for an answer
    /// with this content.
    pub fn verify(
        &mut self,
        field: &str,
        asked: &Asking<'_>,
        answer: Option<&[u8]>,
        now: Duration,
    ) -> Option<(String, String)> {
        let asked = guard::Asked {
            method: asked.method,
            target: asked.target,
            content: asked.content,
        };
        let passed = self.0.verify(field, &asked, now).ok()?;
        let next = self.0.renewed(&passed, now, 2);
        let info = passed.info(answer, next.as_deref());
        Some((passed.name, info))
    }
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
