//! A request being put together: what `client.get(url)` returns.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
#[cfg(unix)]
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use evcore::{Emitter, Promise};
use http::header::{CONTENT_TYPE, UPGRADE};
use http::{HeaderName, HeaderValue, Method};
use url::Url;

use crate::address::{Addresses, Target};
use crate::body::Body;
use crate::call::{Call, Parts};
use crate::client::Client;
use crate::conn::{Names, Network, Proxies, Time};
use crate::credentials::{self, Credentials};
use crate::error::{Error, ErrorKind, Phase};
use crate::multipart::Multipart;
use crate::response::Response;
use crate::secrets::quoted;
use crate::spelling::Spelling;

/// A request that is not on its way yet. What is wrong with it comes out of
/// the promise, so that there is one place for errors.
///
/// ```no_run
/// let report = evhttp::get("http://example.com/report").header("accept", "text/csv").send();
/// println!("{}", evcore::run(report)?.text()?);
/// # Ok::<(), evcore::Error>(())
/// ```
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    client: Client,
    /// What the call will be made of, or the first mistake.
    parts: Result<Box<Parts>, Error>,
    limit: u64,
}

impl Request {
    pub(crate) fn new(client: Client, method: Method, url: &str) -> Request {
        let url = parse(client.addresses(), url);
        Request {
            client,
            parts: url.map(|url| Parts::new(method, url)),
            limit: crate::limits::WHOLE_BODY,
        }
    }

    fn change(mut self, change: impl FnOnce(&mut Parts)) -> Request {
        if let Ok(parts) = &mut self.parts {
            change(parts);
        }
        self
    }

    /// Adds a field; a second one of the same name is a second line. The framing
    /// fields follow from the body.
    ///
    /// Its name is sent in lower case, which is the same to every server that
    /// keeps to RFC 9110 §5.1; for others there is
    /// [`header_as`](Request::header_as).
    ///
    /// ```
    /// let server = evhttp::serve("127.0.0.1:0", |request: evhttp::server::Request| {
    ///     format!("{:?}", request.headers.get("x-name"))
    /// })?;
    /// let request = evhttp::get(format!("http://{}/", server.local_addr())).header("x-name", "ada");
    /// assert_eq!(evcore::run(request.send())?.text()?, "Some(\"ada\")");
    /// # Ok::<(), evcore::Error>(())
    /// ```
    pub fn header(self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Request {
        match field(name.as_ref(), value.as_ref()) {
            Ok((name, value)) => self.change(|parts| {
                if let Some(spelling) = &mut parts.options.spelling {
                    Rc::make_mut(spelling).place(name.as_str());
                }
                parts.headers.append(name, value);
            }),
            Err(why) => self.refuse(why),
        }
    }

    /// Adds a field whose name is sent as it is written here, and in this
    /// place: for servers that care for case and order, though they must not
    /// (RFC 9110 §5.1, §5.3).
    ///
    /// With the first such field all fields of the request, those of
    /// [`header`](Request::header) too, are sent in the order they are given
    /// in, names that come twice included. Before them goes Host, and behind
    /// them all that evhttp adds (User-Agent, Accept-Encoding, Cookie,
    /// Authorization, Content-Length, ...), unless they are given a place here:
    /// Content-Length too, with the body's length as its value. What a redirect
    /// or a layer takes out of the request is not sent, and what changes it
    /// counts: this is only how names are written.
    ///
    /// ```
    /// let server = evhttp::serve("127.0.0.1:0", |_| "welcome")?;
    /// let url = format!("http://{}/", server.local_addr());
    /// let call = evhttp::post(&url)
    ///     .header_as("SOAPAction", "\"urn:a#b\"")
    ///     .header_as("X-ApiKey", "s3cret") // after SOAPAction, and no `x-apikey`
    ///     .body("<a/>");
    /// assert_eq!(evcore::run(call.send())?.text()?, "welcome");
    /// # Ok::<(), evcore::Error>(())
    /// ```
    pub fn header_as(self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Request {
        let spelled = name.as_ref();
        match field(spelled, value.as_ref()) {
            Ok((name, value)) => self.change(|parts| {
                let before = || Rc::new(Spelling::of(&parts.headers));
                let spelling = parts.options.spelling.get_or_insert_with(before);
                Rc::make_mut(spelling).spell(spelled);
                parts.headers.append(name, value);
            }),
            Err(why) => self.refuse(why),
        }
    }

    /// Asks the server to change the protocol of the connection (RFC 9110 §7.8), to `protocol` or one of several with
    /// commas between them. `Connection: upgrade` goes with it, as with an Upgrade field set by hand.
    ///
    /// If the server agrees (101), [`Response::upgrade`] gives the stream; any other answer is a response as
    /// without. Through an HTTP proxy the server is reached by a tunnel (CONNECT), for `http` too.
    ///
    /// ```
    /// # use evhttp::Response;
    /// # let server = evhttp::serve("127.0.0.1:0", |_| Response::switching("echo", |s| async move {
    /// #     s.write_all(s.read(9).await?).await
    /// # }))?;
    /// # let url = format!("http://{}/", server.local_addr());
    /// let stream = evcore::run(evhttp::get(url).upgrade("echo").send())?.upgrade()?;
    /// stream.write_all("hello");
    /// assert_eq!(evcore::run(stream.read(100))?, b"hello");
    /// # Ok::<(), evcore::Error>(())
    /// ```
    pub fn upgrade(self, protocol: impl AsRef<[u8]>) -> Request {
        match protocol.as_ref().trim_ascii().is_empty() {
            true => self.refuse("an upgrade needs the name of a protocol".into()),
            false => self.header(UPGRADE, protocol),
        }
    }

    /// A path and query sent as they are given, in the place of the URL's, which
    /// would be normalised (`/a/../b` to `/b`); or `*`, for OPTIONS. Host and
    /// connection are the URL's. A redirect is asked for by its own URL.
    ///
    /// Blanks, controls and `#` are refused; so is what names a host.
    ///
    /// ```
    /// let server = evhttp::serve("127.0.0.1:0", |request: evhttp::server::Request| request.target)?;
    /// let url = format!("http://{}/", server.local_addr());
    /// let page = evcore::run(evhttp::get(url).target("/a/../b%2f").send())?;
    /// assert_eq!(page.text()?, "/a/../b%2f");
    /// # Ok::<(), evcore::Error>(())
    /// ```
    pub fn target(self, target: &str) -> Request {
        match Target::new(target) {
            Some(target) => self.change(|parts| parts.options.target = Some(Rc::new(target))),
            None => {
                self.refuse("a target has to be a path or *, without blanks, controls and #".into())
            }
        }
    }

    /// Whether the server is asked, before the body is sent, if it wants it
    /// (`Expect: 100-continue`, RFC 9110 §10.1.1). Worth a round trip where a
    /// large upload may be refused, or a stream that can be read once.
    ///
    /// An answer instead of the 100 is the response, and the body is not sent.
    /// With no word in [`limits::CONTINUE_WITHIN`](crate::limits::CONTINUE_WITHIN)
    /// it is sent all the same; after a 417, the request is made once more
    /// without asking. The wait is no stall, and within no step's limit.
    ///
    /// Unless told (by the request, an Expect field of its own, or
    /// [`ClientBuilder::expect_continue`](crate::ClientBuilder::expect_continue)),
    /// a server is asked where it is worth it: a body of at least
    /// [`limits::EXPECT_FROM`](crate::limits::EXPECT_FROM) bytes, or of unknown
    /// length, that is the first thing a server new to the client gets; and such
    /// a body, or a stream that can be read once, that goes along with
    /// credentials which may be refused: not shown yet, or by Digest, whose
    /// nonces grow stale. A server that has refused to be asked (417), has said
    /// nothing for all the time, or speaks HTTP/1.0 is not asked unless told.
    /// A stream that was not read goes along with a redirect, or the answer to a
    /// challenge. `false` takes an Expect field out.
    ///
    /// ```
    /// use evhttp::http::StatusCode;
    ///
    /// let server = evhttp::serve("127.0.0.1:0", |_| StatusCode::FORBIDDEN)?;
    /// let url = format!("http://{}/", server.local_addr());
    /// let upload = evhttp::put(url).expect_continue(true).body(vec![0; 9_000_000]);
    /// assert_eq!(evcore::run(upload.send())?.status(), StatusCode::FORBIDDEN); // no byte of it was sent
    /// # Ok::<(), evcore::Error>(())
    /// ```
    pub fn expect_continue(self, wanted: bool) -> Request {
        self.change(|parts| parts.options.expect_continue = Some(wanted))
    }

    /// The content to send: bytes, text, or a [`Body`].
    ///
    /// A body of unknown length is sent chunked (RFC 9112 §7.1).
    ///
    /// ```
    /// let server = evhttp::serve("127.0.0.1:0", |request: evhttp::server::Request| async move {
    ///     request.body.collect(1_000).await // an echo
    /// })?;
    /// let url = format!("http://{}/", server.local_addr());
    /// let echo = evcore::run(evhttp::post(url).body("hello").send())?;
    /// assert_eq!(echo.text()?, "hello");
    /// # Ok::<(), evcore::Error>(())
    /// ```
    pub fn body(self, body: impl Into<Body>) -> Request {
        self.change(|parts| parts.body = body.into())
    }

    /// Adds to the URL's query, encoded as forms are.
    ///
    /// ```
    /// let server = evhttp::serve("127.0.0.1:0", |request: evhttp::server::Request| request.target)?;
    /// let search = evhttp::get(format!("http://{}/search", server.local_addr()))
    ///     .query([("q", "tea & cake")])
    ///     .query([("page", 2)]);
    /// assert_eq!(evcore::run(search.send())?.text()?, "/search?q=tea+%26+cake&page=2");
    /// # Ok::<(), evcore::Error>(())
    /// ```
    #[doc(alias = "params")]
    pub fn query<K: AsRef<str>, V: fmt::Display>(
        self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Request {
        let mut pairs = pairs.into_iter().map(written).peekable();
        match pairs.peek() {
            Some(_) => self.change(|parts| _ = parts.url.query_pairs_mut().extend_pairs(pairs)),
            None => self,
        }
    }

    /// A form as the content (`application/x-www-form-urlencoded`).
    ///
    /// ```
    /// let server = evhttp::serve("127.0.0.1:0", |request: evhttp::server::Request| async move {
    ///     request.body.collect(1_000).await
    /// })?;
    /// let login = evhttp::post(format!("http://{}/login", server.local_addr()))
    ///     .form([("name", "ada"), ("password", "s3 cret")]);
    /// assert_eq!(evcore::run(login.send())?.text()?, "name=ada&password=s3+cret");
    /// # Ok::<(), evcore::Error>(())
    /// ```
    #[doc(alias = "data")]
    pub fn form<K: AsRef<str>, V: fmt::Display>(
        self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Request {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let form = form.extend_pairs(pairs.into_iter().map(written)).finish();
        self.typed("application/x-www-form-urlencoded", form)
    }

    /// A form with files as the content (RFC 7578), streamed.
    ///
    /// ```no_run
    /// use evhttp::{Multipart, UPLOAD};
    ///
    /// let form = Multipart::new().text("title", "The sea").file("picture", "sea.jpg")?;
    /// let upload = evhttp::post("https://example.com/pictures").multipart(form).send();
    /// evcore::run(upload.on(UPLOAD, |p| eprint!("\r{p:79}")))?.ok()?;
    /// # Ok::<(), evcore::Error>(())
    /// ```
    #[doc(alias = "files")]
    pub fn multipart(self, form: Multipart) -> Request {
        let content_type = form.content_type();
        self.typed(&content_type, form.into_body())
    }

    /// `value` as the content, as JSON (feature `json`).
    ///
    /// ```
    /// use std::collections::BTreeMap;
    ///
    /// let server = evhttp::serve("127.0.0.1:0", |request: evhttp::server::Request| async move {
    ///     request.body.collect(1_000).await
    /// })?;
    /// let value = BTreeMap::from([("age", 36)]);
    /// let echo = evhttp::post(format!("http://{}/", server.local_addr())).json(&value);
    /// assert_eq!(evcore::run(echo.send())?.text()?, r#"{"age":36}"#);
    /// # Ok::<(), evcore::Error>(())
    /// ```
    #[cfg(feature = "json")]
    pub fn json(self, value: &impl serde::Serialize) -> Request {
        match serde_json::to_vec(value) {
            Ok(text) => self.typed("application/json", text),
            Err(why) => self.refuse(why.to_string()),
        }
    }

    /// Asks for a part of the document, by bytes from 0 (RFC 9110 §14.2). The
    /// answer is 206 if the server has parts; it is never unpacked.
    ///
    /// ```no_run
    /// let page = evcore::run(evhttp::get("https://example.com/big.iso").range(1_000..2_000).send())?;
    /// if page.status() == 206 {
    ///     assert_eq!(page.bytes()?.len(), 1_000);
    /// }
    /// # Ok::<(), evcore::Error>(())
    /// ```
    pub fn range(self, bytes: impl std::ops::RangeBounds<u64>) -> Request {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let first = match bytes.start_bound() {
            Included(first) => *first,
            Excluded(before) => before.saturating_add(1),
            Unbounded => 0,
        };
        let last = match bytes.end_bound() {
            Included(last) => Some(*last),
            Excluded(end) => end.checked_sub(1).or(Some(0)),
            Unbounded => None,
        };
        let empty = matches!(bytes.end_bound(), Excluded(end) if *end <= first);
        if empty || last.is_some_and(|last| last < first) {
            return self.refuse("an empty range can't be asked for".into());
        }
        let last = last.map_or(String::new(), |last| last.to_string());
        self.header("range", format!("bytes={first}-{last}"))
    }

    /// With this content, and its type unless the user has set one.
    fn typed(self, content_type: &str, body: impl Into<Body>) -> Request {
        let parts = self.parts.as_ref();
        let typed = match parts.is_ok_and(|parts| parts.headers.contains_key(CONTENT_TYPE)) {
            true => self,
            false => self.header("content-type", content_type),
        };
        typed.body(body)
    }

    /// Notes a mistake, unless there was one before.
    fn refuse(mut self, why: String) -> Request {
        let error = Error::new(Phase::Request, ErrorKind::BadRequest(why));
        self.parts = self.parts.and_then(|parts| Err(error.about(&parts.url)));
        self
    }

    /// Time for the whole call, to the last byte of the body.
    ///
    /// When it has passed, the promise (or the body, once there is a response) fails
    /// with [`Kind::TimedOut`](evcore::Kind::TimedOut) and the connection is closed.
    ///
    /// ```
    /// let server = evhttp::serve("127.0.0.1:0", |_| evcore::sleep(evcore::secs(60)).then(|_| "late"))?;
    /// let url = format!("http://{}/", server.local_addr());
    /// let late = evcore::run(evhttp::get(&url).deadline(evcore::ms(50)).send()).unwrap_err();
    /// assert_eq!(late.to_string(), format!("head {url}: timed out after 50ms"));
    /// # Ok::<(), evcore::Error>(())
    /// ```
    #[doc(alias = "timeout")]
    pub fn deadline(self, limit: Duration) -> Request {
        self.change(|parts| parts.options.deadline = Some(limit))
    }

    /// Follows up to so many redirects, instead of what the client was told;
    /// 0 takes a 3xx as the answer.
    pub fn redirects(self, most: u32) -> Request {
        self.change(|parts| parts.options.redirects = Some(most))
    }

    /// Tries up to so many times more, instead of what the client was told;
    /// see [`ClientBuilder::retries`](crate::ClientBuilder::retries).
    pub fn retries(self, most: u32) -> Request {
        self.change(|parts| parts.options.retries = Some(most))
    }

    /// Whether compressed content is asked for and unpacked. It is, unless
    /// told; with `false` it is handed out as it was sent.
    pub fn decode(self, wanted: bool) -> Request {
        self.change(|parts| parts.options.as_sent = !wanted)
    }

    /// Credentials for the origin of this request's URL, shown in the
    /// strongest way the server asks for: Digest (feature `digest`), Basic.
    ///
    /// A name and password in the URL mean the same. A redirect to another
    /// origin gets none of them.
    ///
    /// ```no_run
    /// let page = evhttp::get("https://example.com/private").credentials("ada", "s3cret").send();
    /// # evcore::run(page)?;
    /// # Ok::<(), evcore::Error>(())
    /// ```
    #[doc(alias("basic_auth", "auth"))]
    pub fn credentials(self, name: impl Into<String>, password: impl Into<String>) -> Request {
        self.with(Credentials::password(name, password))
    }

    /// A token for the origin of this request's URL (RFC 6750), shown at once.
    ///
    /// ```no_run
    /// let page = evhttp::get("https://api.example/me").bearer("t0ken").send();
    /// # evcore::run(page)?;
    /// # Ok::<(), evcore::Error>(())
    /// ```
    #[doc(alias("bearer_auth", "token"))]
    pub fn bearer(self, token: impl Into<String>) -> Request {
        self.with(Credentials::bearer(token))
    }

    fn with(self, credentials: Credentials) -> Request {
        self.change(|parts| parts.trust(credentials))
    }

    /// As [`ClientBuilder::resolve`](crate::ClientBuilder::resolve), for this request.
    pub fn resolve(self, host: &str, addr: SocketAddr) -> Request {
        self.through(|network| network.fix(host, addr))
    }

    /// As [`ClientBuilder::resolver`](crate::ClientBuilder::resolver), for this request.
    pub fn resolver(self, lookup: impl Fn(&str) -> Promise<Vec<IpAddr>> + 'static) -> Request {
        self.through(|network| network.names = Names::Own(Rc::new(lookup)))
    }

    /// As [`ClientBuilder::system_resolver`](crate::ClientBuilder::system_resolver), for this request.
    pub fn system_resolver(self) -> Request {
        self.through(|network| network.names = Names::System)
    }

    /// As [`ClientBuilder::proxies`](crate::ClientBuilder::proxies), for this request.
    pub fn proxies(self, proxies: Proxies) -> Request {
        self.through(|network| network.proxies = proxies)
    }

    /// As [`ClientBuilder::bind`](crate::ClientBuilder::bind), for this request.
    pub fn bind(self, local: IpAddr) -> Request {
        self.through(|network| network.local = Some(local))
    }

    /// As [`ClientBuilder::unix_socket`](crate::ClientBuilder::unix_socket), for this request.
    #[cfg(unix)]
    pub fn unix_socket(self, path: impl Into<PathBuf>) -> Request {
        self.through(|network| network.unix = Some(path.into()))
    }

    /// As [`ClientBuilder::tls`](crate::ClientBuilder::tls), for this request.
    #[cfg(feature = "tls-without-provider")]
    pub fn tls(self, connector: evtls::Connector) -> Request {
        self.through(|network| network.tls = Some(connector))
    }

    /// Connections made for this request are shared with those that are
    /// wanted alike.
    fn through(self, change: impl FnOnce(&mut Network)) -> Request {
        let client = self.client.clone();
        self.change(|parts| {
            let network = parts
                .options
                .network
                .get_or_insert_with(|| Rc::new(client.network().clone()));
            change(Rc::make_mut(network));
        })
    }

    /// Time for one step of the call, instead of what the client was told.
    ///
    /// When it has passed, the call fails with
    /// [`Kind::TimedOut`](evcore::Kind::TimedOut).
    ///
    /// ```no_run
    /// use evhttp::Phase;
    ///
    /// let page = evhttp::get("https://example.com/")
    ///     .time_limit(Phase::Connect, evcore::secs(5))
    ///     .time_limit(Phase::Head, evcore::secs(10));
    /// # evcore::run(page.send())?;
    /// # Ok::<(), evcore::Error>(())
    /// ```
    #[doc(alias = "connect_timeout")]
    pub fn time_limit(self, step: Phase, limit: Duration) -> Request {
        self.timed(|time| time.set(step, limit))
    }

    /// Time in which some byte has to move, while we want some or have some
    /// to send: a reader that takes its time is no stall.
    ///
    /// ```no_run
    /// // As long as it takes, if it only moves.
    /// let page = evhttp::get("https://example.com/big.iso").stall_limit(evcore::secs(30)).stream();
    /// # evcore::run(page)?;
    /// # Ok::<(), evcore::Error>(())
    /// ```
    #[doc(alias = "read_timeout")]
    pub fn stall_limit(self, limit: Duration) -> Request {
        self.timed(|time| time.stall = Some(limit))
    }

    fn timed(self, change: impl FnOnce(&mut Time)) -> Request {
        let usual = self.client.time();
        self.change(|parts| {
            let time = parts.options.time.get_or_insert_with(|| Rc::new(usual));
            change(Rc::make_mut(time));
        })
    }

    /// The largest body to accept, for a body fetched whole.
    ///
    /// By default [`limits::WHOLE_BODY`](crate::limits::WHOLE_BODY). A larger one fails
    /// with [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge), as soon as too much has come.
    ///
    /// ```
    /// let server = evhttp::serve("127.0.0.1:0", |_| "far too long")?;
    /// let url = format!("http://{}/", server.local_addr());
    /// let error = evcore::run(evhttp::get(&url).body_limit(3).send()).unwrap_err();
    /// assert_eq!(error.to_string(), format!("body {url}: the body is larger than the 3 bytes allowed"));
    /// # Ok::<(), evcore::Error>(())
    /// ```
    pub fn body_limit(mut self, bytes: u64) -> Request {
        self.limit = bytes;
        self
    }

    /// Sends the request; the promise resolves when the whole body is there.
    /// It tells [`HEAD`](crate::HEAD), [`PROGRESS`](crate::PROGRESS),
    /// [`CHUNK`](crate::CHUNK), [`CONNECTED`](crate::CONNECTED),
    /// [`UPLOAD`](crate::UPLOAD) and what else [`Event`](evcore::Event)s of this
    /// crate there are.
    ///
    /// ```
    /// let server = evhttp::serve("127.0.0.1:0", |_| "hello")?;
    /// let request = evhttp::get(format!("http://{}/", server.local_addr())).header("accept", "text/plain");
    /// let page = evcore::run(request.send().on(evhttp::HEAD, |head| println!("{}", head.status)))?;
    /// assert_eq!(page.text()?, "hello");
    /// # Ok::<(), evcore::Error>(())
    /// ```
    #[track_caller]
    pub fn send(self) -> Promise<Response> {
        let client = self.client.clone();
        client.start(self, true)
    }

    /// Sends the request; the promise resolves when the head is there. The
    /// body is read by [`take_body`](Response::take_body), or goes into a file
    /// by [`save`](Response::save). Not asking is not reading: TCP slows the
    /// sender down.
    ///
    /// ```
    /// let server = evhttp::serve("127.0.0.1:0", |_| "one\ntwo\n")?;
    /// let url = format!("http://{}/", server.local_addr());
    /// let second = evcore::run(async move {
    ///     let mut lines = evhttp::get(url).stream().await?.ok()?.take_body()?.lines();
    ///     lines.next().await?;
    ///     lines.next().await
    /// })?;
    /// assert_eq!(second.as_deref(), Some("two"));
    /// # Ok::<(), evcore::Error>(())
    /// ```
    #[track_caller]
    pub fn stream(self) -> Promise<Response> {
        let client = self.client.clone();
        client.start(self, false)
    }

    /// The call and the largest body it may bring, or what is wrong with it.
    pub(crate) fn into_call(self, emitter: Emitter) -> Result<(Call, u64), Error> {
        let mut parts = self.parts?;
        if parts.options.credentials.is_none()
            && let Some(credentials) = credentials::of_url(&parts.url)
        {
            parts.trust(credentials);
        }
        if let Some(usual) = self.client.spelling() {
            Spelling::add(&mut parts.options.spelling, usual);
        }
        Ok((Call::of(parts, emitter), self.limit))
    }
}

/// A field as it can be sent, or why it can't be.
pub(crate) fn field(name: &str, value: &[u8]) -> Result<(HeaderName, HeaderValue), String> {
    match (HeaderName::try_from(name), HeaderValue::from_bytes(value)) {
        (Ok(name), Ok(value)) => Ok((name, value)),
        _ => Err(format!("field {name:?} can't be sent: bad name or value")),
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.parts {
            Ok(parts) => parts.fmt(f),
            Err(wrong) => write!(f, "Request({wrong})"),
        }
    }
}

/// A pair of a query or a form.
fn written<K, V: fmt::Display>((name, value): (K, V)) -> (K, String) {
    (name, value.to_string())
}

/// RFC 9110 §4.2.1: an http URL without a host is to be rejected.
pub(crate) fn parse(addresses: &Addresses, text: &str) -> Result<Url, Error> {
    let bad = |why: String| Error::new(Phase::Request, ErrorKind::BadUrl(why)).to(quoted(text));
    let url = addresses.parse(text).map_err(|e| {
        bad(match e {
            // The crate's own words suppose that it was meant to be relative.
            url::ParseError::RelativeUrlWithoutBase => {
                "it does not begin with http:// or https://".into()
            }
            other => other.to_string(),
        })
    })?;
    match url.scheme() {
        "http" | "https" if url.host_str().is_none_or(str::is_empty) => {
            Err(bad("it has no host".into()))
        }
        _ => Ok(url),
    }
}
