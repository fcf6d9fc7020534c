//! Forms of several parts (RFC 7578): fields and files, streamed one after
//! the other. Nothing is held in memory that was not given as bytes.

use std::collections::VecDeque;
use std::path::Path;
use std::task::{Context, Poll};

use bytes::Bytes;
use evcore::Result;

use crate::body::{Body, Pieces};

/// A form with files, for [`Request::multipart`](crate::Request::multipart).
///
/// ```no_run
/// use evhttp::Multipart;
///
/// let form = Multipart::new()
///     .text("title", "The sea")
///     .file("picture", "sea.jpg")?;
/// let sent = evhttp::post("http://example.com/upload").multipart(form).send();
/// # evcore::run(sent)?;
/// # Ok::<(), evcore::Error>(())
/// ```
#[derive(Debug)]
pub struct Multipart {
    boundary: String,
    parts: Vec<(String, Body)>,
}

impl Multipart {
    /// An empty form, with a boundary that nobody can foresee.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Multipart {
        Multipart {
            boundary: crate::chance::nonce(),
            parts: Vec::new(),
        }
    }

    /// A field.
    pub fn text(mut self, name: &str, value: impl Into<String>) -> Multipart {
        let head = format!("name=\"{}\"", escape(name));
        self.parts.push((head, Body::from(value.into())));
        self
    }

    /// A file, under its own name; it is read as it is sent.
    ///
    /// # Errors
    /// If the file can't be opened or is no regular file.
    pub fn file(self, name: &str, path: impl AsRef<Path>) -> Result<Multipart> {
        let path = path.as_ref();
        let file_name = path.file_name().unwrap_or_default().to_string_lossy();
        let body = Body::file(path)?;
        Ok(self.part(name, &file_name, "application/octet-stream", body))
    }

    /// Any content as a file.
    pub fn part(
        mut self,
        name: &str,
        file_name: &str,
        content_type: &str,
        body: impl Into<Body>,
    ) -> Multipart {
        let (name, file_name) = (escape(name), escape(file_name));
        // A type has no line ends: it must not begin another field.
        let content_type = content_type.replace(['\r', '\n'], " ");
        let head =
            format!("name=\"{name}\"; filename=\"{file_name}\"\r\nContent-Type: {content_type}");
        self.parts.push((head, body.into()));
        self
    }

    pub(crate) fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    pub(crate) fn into_body(self) -> Body {
        let mut bodies = VecDeque::new();
        let mut before = "";
        for (head, body) in self.parts {
            let boundary = &self.boundary;
            bodies.push_back(Body::from(format!(
                "{before}--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n"
            )));
            bodies.push_back(body);
            before = "\r\n";
        }
        let end = format!("{before}--{}--\r\n", self.boundary);
        bodies.push_back(Body::from(end));
        Body::pieces(Chain {
            bodies,
            begun: false,
        })
    }
}

/// As browsers do (WHATWG HTML, multipart/form-data encoding).
fn escape(name: &str) -> String {
    name.replace('"', "%22")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// One body after the other.
struct Chain {
    bodies: VecDeque<Body>,
    begun: bool,
}

impl Pieces for Chain {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        self.begun = true;
        while let Some(body) = self.bodies.front_mut() {
            match std::task::ready!(body.poll_piece(cx)) {
                None => drop(self.bodies.pop_front()),
                piece => return Poll::Ready(piece),
            }
        }
        Poll::Ready(None)
    }

    fn length(&self) -> Option<u64> {
        self.bodies.iter().map(Body::length).sum()
    }

    fn replay(&self) -> Option<Body> {
        if self.begun {
            return None;
        }
        let bodies: Option<VecDeque<Body>> = self.bodies.iter().map(Body::replay).collect();
        Some(Body::pieces(Chain {
            bodies: bodies?,
            begun: false,
        }))
    }
}
