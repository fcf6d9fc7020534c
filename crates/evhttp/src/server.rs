//! Serving HTTP: the same codec from the other side. What is asked and what
//! is answered stand here; connections are in the folder beside this file.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::net::{SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use evcore::{Error, Promise, Reactor, Result, spawn};
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderMap, Method, StatusCode, Version};

use crate::body::Body;
use crate::h1::RequestHead;
use crate::limits::{Limits, SERVER_CONNECTIONS};
use crate::response::Response;
use crate::secrets::{Fields, HIDDEN};

mod accept;
#[cfg(feature = "digest")]
mod digest;
mod exchange;
mod io;
mod reader;
mod spare;
mod stock;
mod sweep;
mod switch;

#[cfg(feature = "digest")]
pub use digest::{Algorithm, Digest, Verified};
use io::{Io, Shared};
use sweep::Patience;

/// A request as a server gets it.
///
/// ```
/// use evhttp::server::Request;
///
/// let server = evhttp::serve("127.0.0.1:0", |request: Request| {
///     format!("{} {}", request.method, request.path())
/// })?;
/// let page = evcore::run(evhttp::fetch(format!("http://{}/a?b", server.local_addr())))?;
/// assert_eq!(page.text()?, "GET /a");
/// # Ok::<(), evcore::Error>(())
/// ```
#[non_exhaustive]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The target as it was sent: as a rule path and query.
    pub target: String,
    /// The peer's HTTP version.
    pub version: Version,
    /// The fields.
    pub headers: HeaderMap,
    /// The content; it is read from the wire as it is asked for, until the
    /// answer is sent or the connection ends.
    pub body: Body,
    /// The other end of the connection.
    pub peer: SocketAddr,
}

/// Shows nothing secret.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = match self.query() {
            Some(_) => format!("{}?{HIDDEN}", self.path()),
            None => self.target.clone(),
        };
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("target", &target)
            .field("version", &self.version)
            .field("headers", &Fields(&self.headers))
            .field("body", &self.body)
            .field("peer", &self.peer)
            .finish()
    }
}

impl Request {
    fn new(head: RequestHead, body: Body, peer: SocketAddr) -> Request {
        let RequestHead {
            method,
            target,
            version,
            headers,
            ..
        } = head;
        Request {
            method,
            target: target.into_string(),
            version,
            headers,
            body,
            peer,
        }
    }

    /// The target up to its query.
    ///
    /// Nothing is decoded.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Whether it asks for a change to `protocol`, a name with a version if
    /// it has one: see [`Response::switching`]. HTTP/1.0 can't (RFC 9110 §7.8).
    pub fn wants_upgrade(&self, protocol: &str) -> bool {
        let lists = |name, wanted: &str| {
            let fields = self.headers.get_all(name).into_iter();
            let mut items = fields.flat_map(|field| field.as_bytes().split(|&byte| byte == b','));
            items.any(|item| item.trim_ascii().eq_ignore_ascii_case(wanted.as_bytes()))
        };
        self.version == Version::HTTP_11 && lists(CONNECTION, "upgrade") && lists(UPGRADE, protocol)
    }

    /// What follows the question mark.
    ///
    /// Nothing is decoded.
    pub fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }
}

/// What a server's function may return. `M` only tells the ways apart:
/// something that is there, or something to be awaited.
#[diagnostic::on_unimplemented(
    message = "a server's function returns a response: `{Self}` can't be made into one",
    note = "text, bytes, `Response`, `Result` of these, a promise or a future of these will do"
)]
/// An error is answered with status 500; its text goes to the log, not to the
/// peer.
///
/// ```
/// use evhttp::{Response, http::StatusCode};
///
/// let _text = evhttp::serve("127.0.0.1:0", |_| "hello")?;
/// let _status = evhttp::serve("127.0.0.1:0", |_| StatusCode::NO_CONTENT)?;
/// let _result = evhttp::serve("127.0.0.1:0", |_| Response::file("/etc/hostname"))?;
/// let _promise = evhttp::serve("127.0.0.1:0", |_| {
///     evcore::sleep(evcore::ms(1)).then(|_| "later")
/// })?;
/// let _coroutine = evhttp::serve("127.0.0.1:0", |_| async { Response::plain("hello") })?;
/// # Ok::<(), evcore::Error>(())
/// ```
pub trait IntoResponse<M> {
    /// The response, now or later.
    fn into_reply(self) -> Reply;
}

/// A response, now or later: for types of one's own that are
/// [`IntoResponse`].
///
/// ```
/// use evhttp::Response;
/// use evhttp::server::{IntoResponse, Now, Reply};
///
/// struct Page(String);
///
/// impl IntoResponse<Now> for Page {
///     fn into_reply(self) -> Reply {
///         Reply::ready(Response::plain(self.0))
///     }
/// }
///
/// let server = evhttp::serve("127.0.0.1:0", |_| Page("hello".into()))?;
/// let page = evcore::run(evhttp::fetch(format!("http://{}/", server.local_addr())))?;
/// assert_eq!(page.text()?, "hello");
/// # Ok::<(), evcore::Error>(())
/// ```
pub struct Reply(Kind);

enum Kind {
    Brief(Brief),
    Ready(Response),
    Later(Pin<Box<dyn Future<Output = Result<Response>>>>),
}

/// An answer of which there is no more to say than this: it goes to the wire without a [`Response`] being made.
struct Brief {
    status: StatusCode,
    /// Said in Content-Type.
    plain: bool,
    body: Bytes,
}

impl Reply {
    /// This response.
    pub fn ready(response: Response) -> Reply {
        Reply(Kind::Ready(response))
    }

    /// The response that `future` will bring; an error is answered with
    /// status 500.
    pub fn later(future: impl Future<Output = Result<Response>> + 'static) -> Reply {
        Reply(Kind::Later(Box::pin(future)))
    }

    fn plain(body: Bytes) -> Reply {
        Reply(Kind::Brief(Brief {
            status: StatusCode::OK,
            plain: true,
            body,
        }))
    }

    fn bare(status: StatusCode, body: Bytes) -> Reply {
        Reply(Kind::Brief(Brief {
            status,
            plain: false,
            body,
        }))
    }

    async fn settle(self) -> Result<Response> {
        match self.0 {
            Kind::Brief(brief) => Ok(brief.into()),
            Kind::Ready(response) => Ok(response),
            Kind::Later(later) => later.await,
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Brief(_) | Kind::Ready(_) => "Reply(ready)",
            Kind::Later(_) => "Reply(later)",
        })
    }
}

impl From<Brief> for Response {
    fn from(brief: Brief) -> Response {
        match brief.plain {
            true => Response::plain_bytes(brief.body).with_status(brief.status),
            false => Response::new(brief.status).with_body(brief.body),
        }
    }
}

/// Marks what is there at once; see [`IntoResponse`].
#[derive(Debug)]
pub enum Now {}

/// Marks what has to be awaited; see [`IntoResponse`].
#[derive(Debug)]
pub enum Awaited {}

impl IntoResponse<Now> for Response {
    fn into_reply(self) -> Reply {
        Reply::ready(self)
    }
}

impl IntoResponse<Now> for &'static str {
    fn into_reply(self) -> Reply {
        Reply::plain(Bytes::from_static(self.as_bytes()))
    }
}

impl IntoResponse<Now> for String {
    fn into_reply(self) -> Reply {
        Reply::plain(self.into())
    }
}

impl IntoResponse<Now> for Bytes {
    fn into_reply(self) -> Reply {
        Reply::bare(StatusCode::OK, self)
    }
}

impl IntoResponse<Now> for Vec<u8> {
    fn into_reply(self) -> Reply {
        Bytes::from(self).into_reply()
    }
}

impl IntoResponse<Now> for StatusCode {
    fn into_reply(self) -> Reply {
        Reply::bare(self, Bytes::new())
    }
}

impl<R: IntoResponse<Now>, E: Into<Error>> IntoResponse<Now> for std::result::Result<R, E> {
    fn into_reply(self) -> Reply {
        match self {
            Ok(reply) => reply.into_reply(),
            Err(error) => Reply::ready(failed(&error.into())),
        }
    }
}

impl<R: IntoResponse<Now> + Clone + 'static> IntoResponse<Now> for Promise<R> {
    fn into_reply(self) -> Reply {
        Reply::later(async move { self.await?.into_reply().settle().await })
    }
}

impl<F: Future + 'static> IntoResponse<Awaited> for F
where
    F::Output: IntoResponse<Now>,
{
    fn into_reply(self) -> Reply {
        Reply::later(async move { self.await.into_reply().settle().await })
    }
}

/// An error of the user's function: its text is for the log, not the peer.
/// If it is the peer's own fault, in the request's body, that is said.
fn failed(error: &Error) -> Response {
    let ours = error.downcast_ref::<crate::Error>();
    if let Some((ours, status)) = ours.and_then(|ours| Some((ours, ours.status()?))) {
        log::debug!("a request was at fault: {error}");
        return Response::plain(format!("{}\n", ours.kind())).with_status(status);
    }
    log::error!("a request could not be answered: {error}");
    Response::plain("internal server error\n").with_status(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A server that is listening. Dropping this handle does not stop it;
/// [`close`](Server::close) does.
///
/// ```
/// let server = evhttp::serve("127.0.0.1:0", |_| "hello")?;
/// assert!(server.local_addr().port() > 0);
/// assert_eq!(server.connections(), 0);
/// server.close();
/// # Ok::<(), evcore::Error>(())
/// ```
pub struct Server {
    state: Rc<State>,
    work: [Promise<()>; 2],
}

/// Chooses a server's limits; [`Server::builder`] makes one.
#[derive(Clone, Debug)]
pub struct ServerBuilder {
    limits: Limits,
    patience: Patience,
    connections: usize,
}

/// A connection, and the work on it.
type Conversation = (Rc<Io>, Promise<()>);

/// A server's connections by their numbers. Apart from its [`State`]: the user's function may own a stream that was handed
/// over, and with it the seat among these.
type Connections = RefCell<HashMap<u64, Conversation>>;

type Answerer = Rc<dyn Fn(Request) -> Reply>;

/// What all connections of a server share.
pub(crate) struct State {
    local: SocketAddr,
    limits: Limits,
    most: usize,
    /// The user's function, until the server is closed: it may own the server. Conversations have it as well.
    answer: RefCell<Option<Answerer>>,
    connections: Rc<Connections>,
    next_id: Cell<u64>,
    shared: Rc<Shared>,
}

/// Serves HTTP on `addr`, answering each request with what `answer` returns.
///
/// ```
/// let server = evhttp::serve("127.0.0.1:0", |_| "hello")?;
/// let page = evcore::run(evhttp::fetch(format!("http://{}/", server.local_addr())))?;
/// assert_eq!(page.text()?, "hello");
/// # Ok::<(), evcore::Error>(())
/// ```
///
/// Connections are kept, pipelined requests are answered in order, and time
/// and size are limited (see [`limits`](crate::limits) and
/// [`Server::builder`]). A port of 0 lets the system choose one. If `answer`
/// or what it returned panics, the connection is closed and the panic told to
/// the reactor's hook for [unhandled errors](evcore::Reactor::on_unhandled);
/// all others go on. `answer` may own the [`Server`]: it is kept until
/// [`close`](Server::close).
///
/// # Errors
/// If the address can't be listened on.
#[track_caller]
pub fn serve<M, R: IntoResponse<M>>(
    addr: impl ToSocketAddrs,
    answer: impl Fn(Request) -> R + 'static,
) -> Result<Server> {
    Server::builder().serve(addr, answer)
}

impl ServerBuilder {
    /// What one request may weigh.
    pub fn limits(mut self, limits: Limits) -> ServerBuilder {
        self.limits = limits;
        self
    }

    /// How long a request's head may take, from its first byte or from the
    /// connection's beginning. [`Duration::MAX`] is no limit.
    pub fn head_within(mut self, limit: Duration) -> ServerBuilder {
        self.patience.head = limit;
        self
    }

    /// How long a connection may lie still between two requests, or in the
    /// middle of a body. [`Duration::MAX`] is no limit.
    pub fn idle_for(mut self, limit: Duration) -> ServerBuilder {
        self.patience.idle = limit;
        self
    }

    /// How many connections there may be at once; more wait in the system's
    /// queue.
    pub fn connections(mut self, most: usize) -> ServerBuilder {
        self.connections = most;
        self
    }

    /// Serves with these limits; see [`serve`].
    ///
    /// # Errors
    /// If the address can't be listened on.
    #[track_caller]
    pub fn serve<M, R: IntoResponse<M>>(
        self,
        addr: impl ToSocketAddrs,
        answer: impl Fn(Request) -> R + 'static,
    ) -> Result<Server> {
        let listening = |error: std::io::Error| Error::from(error).during("listen");
        let listener = accept::bind(addr).map_err(listening)?;
        let local = listener.local_addr().map_err(listening)?;
        let answer: Answerer = Rc::new(move |request| answer(request).into_reply());
        let state = Rc::new(State {
            local,
            limits: self.limits,
            most: self.connections,
            answer: RefCell::new(Some(answer)),
            connections: Rc::default(),
            next_id: Cell::new(0),
            shared: Rc::new(Shared::new(Reactor::current().now(), self.patience)),
        });
        let accepting = spawn(accept::accept(listener, state.clone()));
        let sweeping = spawn(sweep::sweep(state.clone()));
        let work = [accepting, sweeping];
        Ok(Server { state, work })
    }
}

impl Server {
    /// Chooses limits.
    pub fn builder() -> ServerBuilder {
        ServerBuilder {
            limits: Limits::default(),
            patience: Patience::default(),
            connections: SERVER_CONNECTIONS,
        }
    }

    /// The address listened on.
    pub fn local_addr(&self) -> SocketAddr {
        self.state.local
    }

    /// Connections that are open now, with those that were handed over.
    pub fn connections(&self) -> usize {
        self.state.connections.borrow().len()
    }

    /// Stops accepting and closes all connections, whatever they are doing;
    /// those that were handed over ([`Response::switching`]) as well, whoever
    /// has their streams. The server's function is let go of, with all it
    /// owns: this handle, perhaps.
    pub fn close(&self) {
        self.work.iter().for_each(Promise::cancel);
        let answer = self.state.answer.take();
        let connections = self.state.connections.take();
        connections.into_values().for_each(|(io, connection)| {
            connection.cancel();
            io.cut_if_switched();
        });
        drop(answer);
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Server({}, {} connections)",
            self.local_addr(),
            self.connections()
        )
    }
}
