//! The client: the layers in their order, and the top, where the one promise
//! of a call is made and its message events are told.

use std::cell::RefCell;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
#[cfg(unix)]
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use evcore::{Emitter, Promise, Reactor, Result, spawn_with};
use http::{HeaderMap, Method};

use crate::address::{self, Addresses};
use crate::body::{Collected, Tally};
use crate::call::{Answer, Call, Layer, Next};
use crate::conn::{Names, Network, Proxies, Time, Wire};
#[cfg(feature = "cookies")]
use crate::cookies::CookieJar;
use crate::credentials::{Challenged, Credentials};
use crate::error::{Error, ErrorKind, Phase};
use crate::event::{CHUNK, DONE, Done, HEAD, Head, PROGRESS, Progress};
use crate::layer::auth::Authenticate;
use crate::layer::auth::keyring::Keyring;
use crate::layer::deadline::Deadline;
use crate::layer::decode::Decode;
#[cfg(feature = "cookies")]
use crate::layer::harvest::Attach;
use crate::layer::harvest::{Harvest, Upgrade};
use crate::layer::redirect::Follow;
use crate::layer::retry::Again;
use crate::layer::usual::Usual;
use crate::limits::{
    CONNECTIONS, CONNECTIONS_PER_ORIGIN, DECODED_RATIO, IDLE_PER_ORIGIN, REDIRECTS,
};
use crate::policy::hsts::Hsts;
use crate::request::{Request, field};
use crate::response::Response;
use crate::spelling::Spelling;

/// Makes calls, and keeps connections between them. Cheap to clone; belongs
/// to one thread.
///
/// ```no_run
/// let client = evhttp::Client::new();
/// let page = evcore::run(client.fetch("http://example.com/"))?;
/// let again = evcore::run(client.fetch("http://example.com/"))?; // same connection
/// # Ok::<(), evcore::Error>(())
/// ```
#[derive(Clone)]
pub struct Client {
    layers: Rc<[Rc<dyn Layer>]>,
    addresses: Rc<Addresses>,
    /// What is wrong with its builder's arguments: every call says so.
    wrong: Option<Rc<str>>,
    /// No built-in layer: what needs one is refused.
    bare: bool,
    wire: Rc<Wire>,
}

/// Chooses a client's layers and limits.
///
/// ```
/// use evhttp::{Answer, Call, Client, Layer, Next};
/// use std::rc::Rc;
///
/// struct Logged;
///
/// impl Layer for Logged {
///     fn send(self: Rc<Self>, call: Call, next: Next) -> Answer {
///         println!("{} {}", call.method, call.url);
///         next.send(call)
///     }
/// }
///
/// let client = Client::builder().layer(Logged).build();
/// ```
pub struct ClientBuilder {
    outer: Vec<Rc<dyn Layer>>,
    inner: Vec<Rc<dyn Layer>>,
    bare: bool,
    usual: HeaderMap,
    spelling: Spelling,
    expect: Option<bool>,
    idle: usize,
    most: (usize, usize),
    redirects: u32,
    downgrade: bool,
    decode: Option<u64>,
    keyring: Keyring,
    retries: u32,
    hsts: Hsts,
    #[cfg(feature = "cookies")]
    jar: Option<CookieJar>,
    wrong: Option<Rc<str>>,
    network: Network,
    time: Time,
}

impl ClientBuilder {
    /// Puts `layer` inside those given before and outside the built-in ones.
    ///
    /// A layer that owns a clone of the client keeps it, and is kept by it,
    /// for ever.
    pub fn layer(mut self, layer: impl Layer) -> ClientBuilder {
        self.outer.push(Rc::new(layer));
        self
    }

    /// Puts `layer` inside all built-in ones, right outside the wire: it sees
    /// each request as it is sent and each answer as it comes. Redirects,
    /// challenges and second attempts are calls of their own to it, cookies
    /// and credentials are there, content is still compressed. As with
    /// [`layer`](ClientBuilder::layer), it must not own a clone of the client.
    ///
    /// ```
    /// use evhttp::{Answer, Call, Client, Layer, Next};
    /// use std::rc::Rc;
    ///
    /// /// What goes over the wire, a line each.
    /// struct Traffic;
    ///
    /// impl Layer for Traffic {
    ///     fn send(self: Rc<Self>, call: Call, next: Next) -> Answer {
    ///         let asked = format!("{} {} (hop {})", call.method, call.url, call.hop);
    ///         next.send(call).map(move |answer| {
    ///             println!("{asked}: {}", answer.status());
    ///             Ok(answer)
    ///         })
    ///     }
    /// }
    ///
    /// let client = Client::builder().wire_layer(Traffic).build();
    /// ```
    pub fn wire_layer(mut self, layer: impl Layer) -> ClientBuilder {
        self.inner.push(Rc::new(layer));
        self
    }

    /// Sends this field with each request that has none of that name.
    ///
    /// A redirect to another origin takes none along that is a secret.
    ///
    /// ```
    /// let client = evhttp::Client::builder().header("user-agent", "mine/1").build();
    /// ```
    #[doc(alias("default_headers", "user_agent"))]
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> ClientBuilder {
        match field(name.as_ref(), value.as_ref()) {
            Ok((name, value)) => _ = self.usual.append(name, value),
            Err(why) => self.wrong = Some(why.into()),
        }
        self
    }

    /// As [`header`](ClientBuilder::header), with the name written as it is
    /// here; behind those of [`Request::header_as`].
    ///
    /// ```
    /// let client = evhttp::Client::builder().header_as("X-ApiKey", "s3cret").build();
    /// ```
    pub fn header_as(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> ClientBuilder {
        self.spelling.spell(name.as_ref());
        self.header(name, value)
    }

    /// Whether names of fields are sent in title case (`Content-Type`), those
    /// that evhttp adds included, where nobody has spelled them with
    /// [`header_as`](Request::header_as). They are in lower case unless told.
    ///
    /// ```
    /// let client = evhttp::Client::builder().title_case(true).build();
    /// ```
    pub fn title_case(mut self, wanted: bool) -> ClientBuilder {
        self.spelling.set_title(wanted);
        self
    }

    /// Whether servers are asked, before a body is sent, if they want it: all
    /// of them or none, where the request does not say. Unless told, they are
    /// where it is worth it, as [`Request::expect_continue`] has it.
    ///
    /// ```
    /// let client = evhttp::Client::builder().expect_continue(false).build();
    /// ```
    pub fn expect_continue(mut self, wanted: bool) -> ClientBuilder {
        self.expect = Some(wanted);
        self
    }

    /// Leaves out every built-in layer: each answer is as it came by wire.
    /// For proxies, and for who measures what the layers cost.
    ///
    /// A request that needs one of them (a deadline, credentials, redirects,
    /// second attempts) fails with
    /// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest).
    ///
    /// ```
    /// let client = evhttp::Client::builder().bare().build();
    /// let wrong = evcore::run(client.get("http://a.example/").deadline(evcore::secs(1)).send());
    /// assert!(wrong.unwrap_err().to_string().ends_with("a deadline needs a layer, and this client is bare"));
    /// ```
    pub fn bare(mut self) -> ClientBuilder {
        self.bare = true;
        self
    }

    /// Keeps up to so many unused connections to one origin (256 unless told).
    pub fn keep_idle(mut self, per_origin: usize) -> ClientBuilder {
        self.idle = per_origin;
        self
    }

    /// Has at most so many connections to one origin
    /// ([`limits::CONNECTIONS_PER_ORIGIN`](crate::limits::CONNECTIONS_PER_ORIGIN)
    /// unless told; at least one). A call that needs one more waits its turn,
    /// in [`Phase::Queue`]; who came first is served first.
    ///
    /// ```
    /// // As gentle as a browser.
    /// let client = evhttp::Client::builder().connections(6).build();
    /// ```
    pub fn connections(mut self, per_origin: usize) -> ClientBuilder {
        self.most.0 = per_origin;
        self
    }

    /// Has at most so many connections in all
    /// ([`limits::CONNECTIONS`](crate::limits::CONNECTIONS) unless told; at
    /// least one). An unused one is closed to make room for a new one.
    ///
    /// ```
    /// use evcore::Promise;
    ///
    /// // Twenty pages, four at a time.
    /// let server = evhttp::serve("127.0.0.1:0", |_| "hello")?;
    /// let url = format!("http://{}/", server.local_addr());
    /// let client = evhttp::Client::builder().connections_in_all(4).build();
    /// let pages = evcore::run(Promise::all((0..20).map(|_| client.fetch(&url))))?;
    /// assert_eq!(pages.len(), 20);
    /// # Ok::<(), evcore::Error>(())
    /// ```
    pub fn connections_in_all(mut self, most: usize) -> ClientBuilder {
        self.most.1 = most;
        self
    }

    /// Follows up to so many redirects a call (20 unless told); 0 follows
    /// none, and a 3xx is a response like any other.
    ///
    /// ```
    /// let client = evhttp::Client::builder().redirects(0).build();
    /// ```
    pub fn redirects(mut self, most: u32) -> ClientBuilder {
        self.redirects = most;
        self
    }

    /// Whether a redirect from https to http is followed. It is not, unless
    /// told: everybody on the way could read and change what comes.
    pub fn redirect_to_http(mut self, allowed: bool) -> ClientBuilder {
        self.downgrade = allowed;
        self
    }

    /// Whether compressed content is asked for and unpacked. It is, for the
    /// codings that are built in (gzip and deflate unless told).
    pub fn decode(mut self, wanted: bool) -> ClientBuilder {
        self.decode = wanted.then_some(DECODED_RATIO);
        self
    }

    /// Lets compressed content grow to so many times its size
    /// ([`limits::DECODED_RATIO`](crate::limits::DECODED_RATIO) unless told).
    pub fn decoded_ratio(mut self, most: u64) -> ClientBuilder {
        self.decode = Some(most.max(1));
        self
    }

    /// A name and password for an origin (`https://host:port`), shown to no
    /// other and in the strongest way it asks for: Digest (feature `digest`),
    /// Basic. A bare host means https alone.
    ///
    /// ```
    /// let client = evhttp::Client::builder()
    ///     .credentials("https://example.com", "ada", "s3cret")
    ///     .build();
    /// ```
    ///
    /// What is no origin is an error of every call.
    pub fn credentials(
        self,
        origin: impl AsRef<str>,
        name: impl Into<String>,
        password: impl Into<String>,
    ) -> ClientBuilder {
        self.credentials_for(origin, Credentials::password(name, password))
    }

    /// As [`credentials`](ClientBuilder::credentials), of any kind.
    pub fn credentials_for(
        mut self,
        origin: impl AsRef<str>,
        credentials: Credentials,
    ) -> ClientBuilder {
        let origin = origin.as_ref();
        match crate::credentials::origin(origin) {
            Some(origin) => _ = self.keyring.given.insert(origin, credentials),
            None => {
                let why = format!("credentials for {origin:?}: that is no origin");
                self.wrong = Some(why.into());
            }
        }
        self
    }

    /// Asks `ask` for credentials where a server wants some and none are
    /// known, or those known were refused: a password dialog. `None` takes
    /// the 401 as the answer. If `ask` owns a clone of the client, the two keep
    /// each other for ever.
    ///
    /// ```
    /// use evhttp::{Client, Credentials};
    ///
    /// let client = Client::builder()
    ///     .on_challenge(|asked| {
    ///         println!("{} wants a password", asked.url);
    ///         evcore::Promise::ready((!asked.refused).then(|| Credentials::password("ada", "s3cret")))
    ///     })
    ///     .build();
    /// ```
    pub fn on_challenge(
        mut self,
        ask: impl Fn(&Challenged) -> Promise<Option<Credentials>> + 'static,
    ) -> ClientBuilder {
        self.keyring.dialog = Some(Rc::new(ask));
        self
    }

    /// Looks into a netrc file where a server wants credentials and none are
    /// given. As with curl, an entry is for a host, whatever scheme and port; a
    /// file that can't be read has none.
    ///
    /// ```
    /// let client = evhttp::Client::builder().netrc("/home/ada/.netrc").build();
    /// ```
    pub fn netrc(mut self, path: impl Into<std::path::PathBuf>) -> ClientBuilder {
        self.keyring.netrc = Some(path.into());
        self
    }

    /// Keeps cookies in a jar of its own, and lets them go along.
    ///
    /// ```no_run
    /// let session = evhttp::Client::builder().cookies(true).build();
    /// evcore::run(session.post("https://example.com/login").form([("name", "ada")]).send())?.ok()?;
    /// let mine = evcore::run(session.fetch("https://example.com/mine"))?; // still logged in
    /// # Ok::<(), evcore::Error>(())
    /// ```
    #[doc(alias("cookie_store", "Session"))]
    #[cfg(feature = "cookies")]
    pub fn cookies(mut self, wanted: bool) -> ClientBuilder {
        self.jar = wanted.then(CookieJar::new);
        self
    }

    /// Keeps cookies in `jar`, which others may share or save.
    #[cfg(feature = "cookies")]
    pub fn cookie_jar(mut self, jar: CookieJar) -> ClientBuilder {
        self.jar = Some(jar);
        self
    }

    /// Asks `host`, and all below it, by https alone from the first call on
    /// (RFC 6797 §12.3), whatever it says about that itself; an address too.
    /// Others are remembered once they have asked for that.
    pub fn https_only(mut self, host: impl AsRef<str>) -> ClientBuilder {
        self.hsts.insist(&address::host(host.as_ref()));
        self
    }

    /// Tries a call that failed up to so many times more (0 unless told),
    /// where that is safe and may help: it could not connect, or a TLS
    /// handshake was cut off (but not for a bad certificate); it failed
    /// before an answer and is idempotent (RFC 9110 §9.2.2); or the answer
    /// was 429 or 503, or for idempotent ones 408, 502 or 504.
    ///
    /// The wait is random and its longest doubles each time; a Retry-After of
    /// up to a minute is obeyed. An origin gets no more than ten such attempts
    /// at once and one more for ten calls.
    ///
    /// ```
    /// use evhttp::{Client, RETRY, Response, http::StatusCode};
    /// use std::cell::Cell;
    ///
    /// let calls = Cell::new(0);
    /// let server = evhttp::serve("127.0.0.1:0", move |_| match calls.replace(calls.get() + 1) {
    ///     0 => Response::new(StatusCode::SERVICE_UNAVAILABLE),
    ///     _ => Response::plain("at last"),
    /// })?;
    /// let client = Client::builder().retries(3).build();
    /// let page = client.fetch(format!("http://{}/", server.local_addr()));
    /// let page = page.on(RETRY, |again| eprintln!("{}, once more in {:?}", again.why, again.wait));
    /// assert_eq!(evcore::run(page)?.text()?, "at last");
    /// # Ok::<(), evcore::Error>(())
    /// ```
    pub fn retries(mut self, most: u32) -> ClientBuilder {
        self.retries = most;
        self
    }

    /// Gives `host` these addresses instead of a look-up; port 0 stands for
    /// the URL's. Several of one host are tried as if they had been looked up.
    ///
    /// ```
    /// let server = evhttp::serve("127.0.0.1:0", |_| "hello")?;
    /// let client = evhttp::Client::builder().resolve("a.example", server.local_addr()).build();
    /// assert_eq!(evcore::run(client.fetch("http://a.example/"))?.text()?, "hello");
    /// # Ok::<(), evcore::Error>(())
    /// ```
    pub fn resolve(mut self, host: &str, addr: SocketAddr) -> ClientBuilder {
        self.network.fix(host, addr);
        self
    }

    /// Has `lookup` find the addresses of names, instead of `evdns::lookup`
    /// (or of the system, without the feature `dns`).
    ///
    /// Addresses that it tells early by `evdns::PARTIAL` are connected to
    /// while the others are still looked for. If `lookup` owns a clone of the
    /// client, the two keep each other for ever: one that asks by HTTP needs a
    /// client of its own.
    pub fn resolver(
        mut self,
        lookup: impl Fn(&str) -> Promise<Vec<IpAddr>> + 'static,
    ) -> ClientBuilder {
        self.network.names = Names::Own(Rc::new(lookup));
        self
    }

    /// Has the system find the addresses of names: getaddrinfo(3) on a helper
    /// thread, with all its modules.
    ///
    /// ```
    /// let client = evhttp::Client::builder().system_resolver().build();
    /// ```
    pub fn system_resolver(mut self) -> ClientBuilder {
        self.network.names = Names::System;
        self
    }

    /// What connections go through; those of the environment unless told
    /// ([`Proxies::from_env`]). A change of the environment afterwards is not
    /// noticed.
    ///
    /// ```
    /// let client = evhttp::Client::builder().proxies(evhttp::Proxies::none()).build();
    /// ```
    pub fn proxies(mut self, proxies: Proxies) -> ClientBuilder {
        self.network.proxies = proxies;
        self
    }

    /// Connects from this address of our own.
    pub fn bind(mut self, local: IpAddr) -> ClientBuilder {
        self.network.local = Some(local);
        self
    }

    /// Connects to this Unix-domain socket, whatever the URL's host.
    #[cfg(unix)]
    pub fn unix_socket(mut self, path: impl Into<PathBuf>) -> ClientBuilder {
        self.network.unix = Some(path.into());
        self
    }

    /// Makes TLS sessions with this: own roots, a client certificate, pins,
    /// versions. It offers `http/1.1` (ALPN) unless told by its
    /// [`protocols`](evtls::Builder::protocols) what to offer, and then
    /// nothing else may come of it.
    ///
    /// ```no_run
    /// let tls = evhttp::evtls::Connector::builder().root_certificates(std::fs::read("our-ca.pem")?).build()?;
    /// let client = evhttp::Client::builder().tls(tls).build();
    /// # Ok::<(), evcore::Error>(())
    /// ```
    #[cfg(feature = "tls-without-provider")]
    pub fn tls(mut self, connector: evtls::Connector) -> ClientBuilder {
        self.network.tls = Some(connector);
        self
    }

    /// Time for one step of a call: for [`Phase::Connect`] 30 s and for
    /// [`Phase::Secure`] 20 s unless told, for the others no limit.
    pub fn time_limit(mut self, step: Phase, limit: Duration) -> ClientBuilder {
        self.time.set(step, limit);
        self
    }

    /// Time in which some byte has to move, while we want some or have some
    /// to send. No limit unless told.
    pub fn stall_limit(mut self, limit: Duration) -> ClientBuilder {
        self.time.stall = Some(limit);
        self
    }

    /// The client.
    pub fn build(mut self) -> Client {
        let mut layers = std::mem::take(&mut self.outer);
        if !self.usual.is_empty() {
            layers.push(Rc::new(Usual(std::mem::take(&mut self.usual))));
        }
        if !self.bare {
            self.push_built_in(&mut layers);
        }
        let wire = Rc::new(Wire::new(
            self.idle,
            self.most,
            self.expect,
            Rc::new(self.network),
            Rc::new(self.time),
            (!self.spelling.is_empty()).then(|| Rc::new(self.spelling)),
        ));
        layers.extend(self.inner);
        layers.push(wire.clone());
        Client {
            layers: layers.into(),
            addresses: Rc::default(),
            wrong: self.wrong,
            bare: self.bare,
            wire,
        }
    }

    /// The built-in layers in their order, outermost first.
    fn push_built_in(&mut self, layers: &mut Vec<Rc<dyn Layer>>) {
        layers.push(Rc::new(Deadline));
        if self.redirects > 0 {
            let (most, downgrade) = (self.redirects, self.downgrade);
            layers.push(Rc::new(Follow { most, downgrade }));
        }
        let hsts = Rc::new(RefCell::new(std::mem::take(&mut self.hsts)));
        layers.push(Rc::new(Upgrade(hsts.clone())));
        layers.push(Rc::new(Authenticate(std::mem::take(&mut self.keyring))));
        #[cfg(feature = "cookies")]
        if let Some(jar) = &self.jar {
            layers.push(Rc::new(Attach(jar.clone())));
        }
        if let Some(ratio) = self.decode.filter(|_| Decode::is_possible()) {
            layers.push(Rc::new(Decode::new(ratio)));
        }
        layers.push(Rc::new(Again::new(self.retries)));
        layers.push(Rc::new(Harvest {
            #[cfg(feature = "cookies")]
            jar: self.jar.clone(),
            hsts,
        }));
    }
}

impl Client {
    /// A client with the usual layers, and connections of its own.
    pub fn new() -> Client {
        Client::builder().build()
    }

    /// Chooses layers.
    pub fn builder() -> ClientBuilder {
        ClientBuilder {
            outer: Vec::new(),
            inner: Vec::new(),
            bare: false,
            usual: HeaderMap::new(),
            spelling: Spelling::default(),
            expect: None,
            idle: IDLE_PER_ORIGIN,
            most: (CONNECTIONS_PER_ORIGIN, CONNECTIONS),
            redirects: REDIRECTS,
            downgrade: false,
            decode: Some(DECODED_RATIO),
            keyring: Keyring::default(),
            retries: 0,
            hsts: Hsts::default(),
            #[cfg(feature = "cookies")]
            jar: None,
            wrong: None,
            network: Network::default(),
            time: Time::default(),
        }
    }

    /// The default client of the current reactor.
    ///
    /// It is made when first asked for and goes with the reactor.
    pub fn current() -> Client {
        Client::clone(&Reactor::current().local(Client::new))
    }

    /// The machine has got another network, or another way to it: kept
    /// connections are closed, those in use are not kept.
    pub fn network_changed(&self) {
        self.wire.network_changed();
    }

    pub(crate) fn network(&self) -> &Network {
        self.wire.network()
    }

    pub(crate) fn time(&self) -> Time {
        self.wire.time()
    }

    pub(crate) fn spelling(&self) -> Option<&Rc<Spelling>> {
        self.wire.spelling()
    }

    /// Fetches the document at a URL; see [`fetch`](crate::fetch).
    #[track_caller]
    pub fn fetch(&self, url: impl AsRef<str>) -> Promise<Response> {
        self.get(url).send()
    }

    /// A request with any method.
    pub fn request(&self, method: Method, url: impl AsRef<str>) -> Request {
        Request::new(self.clone(), method, url.as_ref())
    }

    pub(crate) fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    #[track_caller]
    pub(crate) fn start(&self, request: Request, whole: bool) -> Promise<Response> {
        let next = Next::new(self.layers.clone());
        let wrong = self.wrong.clone();
        let bare = self.bare;
        spawn_with(|emitter| {
            let call = match wrong {
                Some(why) => Err(Error::new(
                    Phase::Request,
                    ErrorKind::BadRequest(why.as_ref().into()),
                )),
                None => request.into_call(emitter.clone()),
            };
            let call = match bare {
                true => call.and_then(without_layers),
                false => call,
            };
            run(next, call, whole, emitter)
        })
    }
}

impl Default for Client {
    fn default() -> Client {
        Client::new()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({} layers)", self.layers.len())
    }
}

/// A call and the largest body it takes, or what is wrong with them.
type Sendable = std::result::Result<(Call, u64), Error>;

/// What a layer would have to do is an error where there is none: never silence.
fn without_layers((call, limit): (Call, u64)) -> Sendable {
    let Some(what) = call.options.layered() else {
        return Ok((call, limit));
    };
    let why = format!("{what} a layer, and this client is bare");
    let error = Error::new(Phase::Request, ErrorKind::BadRequest(why));
    Err(error.about(&call.url))
}

async fn run(next: Next, call: Sendable, whole: bool, emitter: Emitter) -> Result<Response> {
    let (call, limit) = call?;
    // Who does not listen does not pay.
    let course = (whole && emitter.wants(DONE)).then(|| call.phase.clone());
    if let Some(course) = &course {
        course.measure(Reactor::current().now());
    }
    let outcome = answer(next.send(call), limit, whole, &emitter).await;
    if let Some(course) = course {
        let status = outcome.as_ref().ok().map(Response::status);
        emitter.emit(DONE, Done::new(status, course.timings()));
    }
    outcome
}

async fn answer(answer: Answer, limit: u64, whole: bool, emitter: &Emitter) -> Result<Response> {
    let response = answer.await?;
    if emitter.wants(HEAD) {
        let headers = response.headers().clone();
        emitter.emit(
            HEAD,
            Head::new(response.status(), response.version(), headers),
        );
    }
    if whole {
        let body = collect(&response, limit, emitter).await?;
        response.put_body(body);
    }
    Ok(response)
}

/// A body that came with its head. The promise is settled before anybody
/// new could listen, so nothing is told to nobody.
fn tell_at_once(body: &Bytes, limit: u64, emitter: &Emitter) -> Result<Bytes, Error> {
    let length = body.len() as u64;
    let mut all = Collected::new(Some(length), limit)?;
    if emitter.is_heard(PROGRESS) {
        emitter.emit(
            PROGRESS,
            Progress::new(length, Some(length), Duration::ZERO),
        );
    }
    if length > 0 && emitter.wants(CHUNK) {
        emitter.emit(CHUNK, body.clone());
    }
    all.add(body.clone())?;
    Ok(all.finish())
}

/// Reads the body to its end and tells how it comes.
async fn collect(response: &Response, limit: u64, emitter: &Emitter) -> Result<Bytes> {
    let mut body = response.take_body()?;
    let total = body.length();
    if let Some(bytes) = body.as_whole() {
        let whole = tell_at_once(bytes, limit, emitter);
        return whole.map_err(|error| response.name(error).into());
    }
    let mut all = Collected::new(total, limit).map_err(|error| response.name(error))?;
    let mut tally = Tally::new(&body);
    loop {
        let piece = body.next().await?;
        emitter.emit(PROGRESS, tally.count(&body, piece.as_ref()));
        let Some(piece) = piece else {
            return Ok(all.finish());
        };
        if emitter.wants(CHUNK) {
            emitter.emit(CHUNK, piece.clone());
        }
        all.add(piece).map_err(|error| response.name(error))?;
    }
}
