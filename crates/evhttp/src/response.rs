//! A response: what the client's promise resolves to and what a server's
//! function returns. Cheap to clone; its body is taken once.

use std::borrow::Cow;
use std::cell::{Cell, Ref, RefCell};
use std::fmt;
use std::rc::Rc;

use bytes::Bytes;
use evcore::{Promise, Result};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use url::Url;

use crate::body::Body;
use crate::error::{Error, ErrorKind, Phase};

mod convert;
mod fields;
mod switch;

use fields::Fields;
use switch::Beyond;
pub(crate) use switch::Taker;

/// Head and body of a response.
///
/// ```
/// # fn show(page: evhttp::Response) -> evcore::Result<()> {
/// let page = page.ok()?; // 4xx and 5xx are responses; this makes them errors
/// println!("{} {}", page.status(), page.text()?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Response(Rc<Inner>);

/// The type of text.
pub(crate) static PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

#[derive(Clone)]
struct Head {
    status: StatusCode,
    version: Version,
    reason: Option<Bytes>,
    fields: Fields,
    url: Option<Url>,
    previous: Option<Response>,
}

struct Inner {
    head: Head,
    body: RefCell<Content>,
    /// The connection, or who takes it, if HTTP ends with this response.
    beyond: Cell<Option<Box<Beyond>>>,
}

/// A response that is changed while others share it becomes one of its own; a streamed body goes with it, and a
/// connection.
impl Clone for Inner {
    fn clone(&self) -> Inner {
        Inner {
            head: self.head.clone(),
            body: RefCell::new(self.body.borrow_mut().share()),
            beyond: Cell::new(self.beyond.take()),
        }
    }
}

enum Content {
    Whole(Bytes),
    Stream(Body),
    Taken,
}

impl Content {
    /// The same for one more response: bytes are shared, a stream moves.
    fn share(&mut self) -> Content {
        match self {
            Content::Whole(bytes) => Content::Whole(bytes.clone()),
            _ => std::mem::replace(self, Content::Taken),
        }
    }
}

impl Response {
    /// An empty response with this status.
    pub fn new(status: StatusCode) -> Response {
        Response::made(status, Fields::default(), Bytes::new())
    }

    fn made(status: StatusCode, fields: Fields, body: Bytes) -> Response {
        let head = Head {
            status,
            version: Version::HTTP_11,
            reason: None,
            fields,
            url: None,
            previous: None,
        };
        Response(Rc::new(Inner {
            head,
            body: RefCell::new(Content::Whole(body)),
            beyond: Cell::new(None),
        }))
    }

    /// A response of plain text, with status 200.
    ///
    /// (Not called `text`: that reads a body, and a response is both what a client
    /// gets and what a server returns.)
    ///
    /// ```
    /// let page = evhttp::Response::plain("hello");
    /// assert_eq!(page.text()?, "hello");
    /// assert_eq!(page.header("content-type"), Some("text/plain; charset=utf-8"));
    /// # Ok::<(), evcore::Error>(())
    /// ```
    pub fn plain(text: impl Into<String>) -> Response {
        Response::plain_bytes(Bytes::from(text.into()))
    }

    pub(crate) fn plain_bytes(text: Bytes) -> Response {
        Response::made(StatusCode::OK, Fields::of_type(PLAIN.clone()), text)
    }

    /// A file's content as a response with status 200, whatever its size.
    ///
    /// # Errors
    /// If the file can't be opened or is no regular file.
    pub fn file(path: impl AsRef<std::path::Path>) -> Result<Response> {
        Ok(Response::new(StatusCode::OK).with_body(Body::file(path)?))
    }

    /// The same with this status.
    pub fn with_status(self, status: StatusCode) -> Response {
        self.change(|head| head.status = status)
    }

    /// The same with this field; an earlier value is replaced.
    ///
    /// ```
    /// use evhttp::Response;
    /// use evhttp::http::{HeaderValue, header};
    ///
    /// let page = Response::plain("<p>hello")
    ///     .with_header(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    /// assert_eq!(page.header("content-type"), Some("text/html"));
    /// ```
    pub fn with_header(self, name: HeaderName, value: HeaderValue) -> Response {
        self.change(|head| head.fields.set(name, value))
    }

    /// The same with one more field line of this name.
    #[cfg(feature = "digest")]
    pub(crate) fn with_another(self, name: HeaderName, value: HeaderValue) -> Response {
        self.change(|head| _ = head.fields.map_mut().append(name, value))
    }

    /// The same with this body.
    pub fn with_body(self, body: impl Into<Body>) -> Response {
        let body = body.into();
        self.0.body.replace(match body.as_whole() {
            Some(bytes) => Content::Whole(bytes.clone()),
            None => Content::Stream(body),
        });
        self
    }

    /// The same as the answer of this URL: for layers that answer by themselves
    /// (mocks, caches), so that [`url`](Response::url) and errors name it.
    ///
    /// ```
    /// use evhttp::{Answer, Call, Client, Layer, Next, Response, http::StatusCode};
    /// use std::rc::Rc;
    ///
    /// struct Nothing;
    ///
    /// impl Layer for Nothing {
    ///     fn send(self: Rc<Self>, call: Call, _: Next) -> Answer {
    ///         let missing = Response::new(StatusCode::NOT_FOUND);
    ///         Answer::ready(Ok(missing.with_url(call.url.clone())))
    ///     }
    /// }
    ///
    /// let client = Client::builder().layer(Nothing).build();
    /// let missing = evcore::run(client.fetch("http://a.example/x"))?.ok().unwrap_err();
    /// assert_eq!(missing.to_string(), "head http://a.example/x: the server answered 404 Not Found");
    /// # Ok::<(), evcore::Error>(())
    /// ```
    pub fn with_url(self, url: Url) -> Response {
        self.change(|head| head.url = Some(url))
    }

    /// The same without these fields.
    pub(crate) fn without(self, names: &[HeaderName]) -> Response {
        self.change(|head| {
            let fields = head.fields.map_mut();
            names.iter().for_each(|name| _ = fields.remove(name));
        })
    }

    fn change(mut self, change: impl FnOnce(&mut Head)) -> Response {
        change(&mut Rc::make_mut(&mut self.0).head);
        self
    }

    pub(crate) fn received(head: crate::h1::ResponseHead, url: Url, body: Body) -> Response {
        let crate::h1::ResponseHead {
            status,
            version,
            reason,
            headers,
            ..
        } = head;
        let head = Head {
            status,
            version,
            reason,
            fields: headers.into(),
            url: Some(url),
            previous: None,
        };
        Response(Rc::new(Inner {
            head,
            body: RefCell::new(Content::Stream(body)),
            beyond: Cell::new(None),
        }))
    }

    /// The status. 4xx and 5xx are no errors of the call; see
    /// [`ok`](Response::ok).
    pub fn status(&self) -> StatusCode {
        self.0.head.status
    }

    /// The peer's HTTP version.
    pub fn version(&self) -> Version {
        self.0.head.version
    }

    /// The reason phrase, if it was not the registered one.
    pub fn reason(&self) -> Option<&Bytes> {
        self.0.head.reason.as_ref()
    }

    /// The fields.
    pub fn headers(&self) -> &HeaderMap {
        self.0.head.fields.map()
    }

    /// As [`headers`](Response::headers), to be written: no map is made for it.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.0.head.fields.iter()
    }

    /// Whether it has such a field.
    pub(crate) fn has(&self, name: &HeaderName) -> bool {
        self.0.head.fields.contains(name)
    }

    /// A field's value as text, if it is there and printable.
    pub fn header(&self, name: impl AsRef<str>) -> Option<&str> {
        self.headers().get(name.as_ref())?.to_str().ok()
    }

    /// The URL that answered; `None` for a response made here.
    pub fn url(&self) -> Option<&Url> {
        self.0.head.url.as_ref()
    }

    /// The redirect that led here, which has a previous one itself if there
    /// were several. Its body is gone.
    ///
    /// ```
    /// # fn show(page: evhttp::Response) {
    /// let hops = std::iter::successors(page.previous(), |hop| hop.previous());
    /// for hop in hops {
    ///     println!("{} at {}", hop.status(), hop.url().unwrap());
    /// }
    /// # }
    /// ```
    #[doc(alias = "history")]
    pub fn previous(&self) -> Option<&Response> {
        self.0.head.previous.as_ref()
    }

    /// The same as what came after `previous`: for layers that send again.
    pub fn with_previous(self, previous: Option<Response>) -> Response {
        self.change(|head| head.previous = previous)
    }

    /// Itself, or an error if the status is 4xx or 5xx.
    ///
    /// ```
    /// use evhttp::{Response, http::StatusCode};
    ///
    /// let missing = Response::new(StatusCode::NOT_FOUND);
    /// assert_eq!(missing.ok().unwrap_err().to_string(), "head: the server answered 404 Not Found");
    ///
    /// // As a step of a promise:
    /// let server = evhttp::serve("127.0.0.1:0", |_| StatusCode::NOT_FOUND)?;
    /// let page = evhttp::fetch(format!("http://{}/", server.local_addr())).and_then(Response::ok);
    /// assert!(evcore::run(page).is_err());
    /// # Ok::<(), evcore::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Status`].
    #[doc(alias("error_for_status", "raise_for_status"))]
    pub fn ok(&self) -> Result<Response> {
        let status = self.status();
        if !status.is_client_error() && !status.is_server_error() {
            return Ok(self.clone());
        }
        let error = Error::new(Phase::Head, ErrorKind::Status(status));
        Err(self.name(error).into())
    }

    /// The error with whom it is about.
    pub(crate) fn name(&self, error: Error) -> Error {
        match self.url() {
            Some(url) => error.about(url),
            None => error,
        }
    }

    fn taken(&self) -> evcore::Error {
        let error = Error::new(Phase::Body, ErrorKind::BodyTaken);
        self.name(error).into()
    }

    /// The whole body. Cheap: it is shared.
    ///
    /// ```
    /// let page = evhttp::Response::plain("hello");
    /// assert_eq!(&page.bytes()?[..2], b"he");
    /// # Ok::<(), evcore::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::BodyTaken`] if the body is streamed or was taken.
    pub fn bytes(&self) -> Result<Bytes> {
        match &*self.0.body.borrow() {
            Content::Whole(bytes) => Ok(bytes.clone()),
            Content::Stream(_) | Content::Taken => Err(self.taken()),
        }
    }

    /// The whole body as text: UTF-8, or with the feature `charset` what
    /// Content-Type says.
    ///
    /// ```
    /// let server = evhttp::serve("127.0.0.1:0", |_| "hello")?;
    /// let text = evcore::run(evhttp::fetch(format!("http://{}/", server.local_addr())))?.text()?;
    /// assert_eq!(text, "hello");
    /// # Ok::<(), evcore::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`bytes`](Response::bytes), and [`ErrorKind::NotText`].
    pub fn text(&self) -> Result<Cow<'static, str>> {
        Ok(Cow::Owned(convert::text(self, self.bytes()?)?))
    }

    /// The body, to be read piece by piece.
    ///
    /// ```
    /// let page = evhttp::Response::plain("one\ntwo\n");
    /// let mut lines = page.take_body()?.lines();
    /// assert!(page.take_body().is_err(), "once");
    /// let first = evcore::run(async move { lines.next().await })?;
    /// assert_eq!(first.as_deref(), Some("one"));
    /// # Ok::<(), evcore::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::BodyTaken`] the second time.
    pub fn take_body(&self) -> Result<Body> {
        match self.0.body.replace(Content::Taken) {
            Content::Whole(bytes) => Ok(bytes.into()),
            Content::Stream(body) => Ok(body),
            Content::Taken => Err(self.taken()),
        }
    }

    /// Writes the body to a file; the promise resolves to its length in bytes.
    /// All that [`Body::save`] says holds: the file is there when all of it is.
    ///
    /// A 404 has a body too: [`ok`](Response::ok) makes an error of it first.
    /// Ask with [`stream`](crate::Request::stream), so that the body goes by in
    /// pieces instead of being held whole.
    ///
    /// ```
    /// use evhttp::PROGRESS;
    ///
    /// let server = evhttp::serve("127.0.0.1:0", |_| "a large file")?;
    /// let url = format!("http://{}/", server.local_addr());
    /// let path = std::env::temp_dir().join(format!("large-{}", std::process::id()));
    ///
    /// let page = evcore::run(evhttp::get(url).stream())?.ok()?;
    /// let bytes = evcore::run(page.save(&path).on(PROGRESS, |p| eprint!("\r{p:79}")))?;
    /// assert_eq!(bytes, 12);
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), evcore::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Body::save`], and [`ErrorKind::BodyTaken`].
    #[doc(alias("download", "copy_to"))]
    #[track_caller]
    pub fn save(&self, path: impl AsRef<std::path::Path>) -> Promise<u64> {
        // Bytes stay: a page that is saved can still be read.
        let body = self.bytes().map(Body::from);
        match body.or_else(|_| self.take_body()) {
            Ok(body) => body.save(path),
            Err(error) => {
                Promise::failed(error.during(format!("save {}", path.as_ref().display())))
            }
        }
    }

    /// The body for the wire. Bytes stay here, so that a server may answer
    /// with clones of one response; a stream goes out once.
    pub(crate) fn body_to_send(&mut self) -> Result<Body> {
        let content = match Rc::get_mut(&mut self.0) {
            Some(only) => std::mem::replace(only.body.get_mut(), Content::Taken),
            None => self.0.body.borrow_mut().share(),
        };
        match content {
            Content::Whole(bytes) => Ok(bytes.into()),
            Content::Stream(body) => Ok(body),
            Content::Taken => Err(self.taken()),
        }
    }

    pub(crate) fn put_body(&self, body: Bytes) {
        self.0.body.replace(Content::Whole(body));
    }

    /// Wraps the streamed body, if there is one: for layers.
    pub fn map_body(self, map: impl FnOnce(Body) -> Body) -> Response {
        let content = match self.0.body.replace(Content::Taken) {
            Content::Stream(body) => Content::Stream(map(body)),
            other => other,
        };
        self.0.body.replace(content);
        self
    }

    /// Bytes of the body, if that is known and it is still here.
    pub fn body_length(&self) -> Option<u64> {
        let body: Ref<'_, Content> = self.0.body.borrow();
        match &*body {
            Content::Whole(bytes) => Some(bytes.len() as u64),
            Content::Stream(body) => body.length(),
            Content::Taken => None,
        }
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Response({}, {} fields)",
            self.status(),
            self.headers().len()
        )
    }
}
