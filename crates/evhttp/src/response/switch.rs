//! Responses that end HTTP on their connection: a client takes the stream from one, a server's function makes one with
//! what is to be done with it. How the connection gets there is the business of `conn` and `server`.

use std::future::IntoFuture;
use std::pin::Pin;

use evcore::Result;
use http::header::UPGRADE;
use http::{HeaderValue, StatusCode};

use super::Response;
use crate::error::{Error, ErrorKind, Phase};
use crate::upgraded::Upgraded;

/// What a server does with a connection that it has handed over.
pub(crate) type Work = Pin<Box<dyn Future<Output = Result<()>>>>;

/// Whom it hands the connection to.
pub(crate) type Taker = Box<dyn FnOnce(Upgraded) -> Work>;

/// The other side of a response that ends HTTP.
pub(super) enum Beyond {
    /// It was received: this came of its connection.
    Stream(Upgraded),
    /// It is to be sent: this takes the connection.
    Taker(Taker),
}

impl Response {
    /// A response with which a server changes the protocol (101, RFC 9110 §7.8): once it is sent, `take` gets the
    /// connection, with all that has come behind the request.
    ///
    /// Only for a request that asks for it ([`Request::wants_upgrade`](crate::server::Request::wants_upgrade)); what
    /// is left of its body is read first. To any other request the server answers 500, and says so in its log. What
    /// `take` returns, a future or a promise, is carried on until it ends, the stream is closed when its last
    /// clone is gone: it may be kept elsewhere. An error goes to the log. [`Server::close`](crate::Server::close) ends both; what
    /// has let go of its stream and still works is no connection of the server's any more, and goes on.
    ///
    /// ```
    /// use evhttp::{Response, server::Request};
    ///
    /// let server = evhttp::serve("127.0.0.1:0", |request: Request| match request.wants_upgrade("shout") {
    ///     false => Response::upgrade_required("shout"),
    ///     true => Response::switching("shout", |stream| async move {
    ///         let word = stream.read(100).await?;
    ///         stream.write_all(word.to_ascii_uppercase()).await
    ///     }),
    /// })?;
    /// let url = format!("http://{}/", server.local_addr());
    /// let stream = evcore::run(evhttp::get(url).upgrade("shout").send())?.upgrade()?;
    /// stream.write_all("hello");
    /// assert_eq!(evcore::run(stream.read_exact(5))?, b"HELLO");
    /// # Ok::<(), evcore::Error>(())
    /// ```
    ///
    /// # Panics
    /// If `protocol` can't be the value of a field.
    pub fn switching<F>(protocol: &str, take: impl FnOnce(Upgraded) -> F + 'static) -> Response
    where
        F: IntoFuture<Output = Result<()>>,
        F::IntoFuture: 'static,
    {
        Response::new(StatusCode::SWITCHING_PROTOCOLS)
            .with_header(UPGRADE, named(protocol))
            .taken_by(take)
    }

    /// A response with which a proxy opens a tunnel (200 to CONNECT, RFC 9110 §9.3.6): once it is sent, `take` gets the
    /// connection, with all that has come behind the request. Otherwise as [`switching`](Response::switching).
    ///
    /// ```
    /// use evcore::net::connect;
    /// use evhttp::http::{Method, StatusCode};
    /// use evhttp::{Response, server::Request};
    ///
    /// async fn answer(request: Request) -> Response {
    ///     // `example.com:443`
    ///     match (request.method, connect(request.target).await) {
    ///         (Method::CONNECT, Ok(server)) => Response::tunnel(|client| async move {
    ///             // One way, to the server's end; the other way goes alike, at the same time.
    ///             loop {
    ///                 let bytes = server.read(10_000).await?;
    ///                 if bytes.is_empty() {
    ///                     return client.shutdown().await;
    ///                 }
    ///                 client.write_all(bytes).await?;
    ///             }
    ///         }),
    ///         _ => Response::new(StatusCode::BAD_GATEWAY),
    ///     }
    /// }
    ///
    /// let proxy = evhttp::serve("127.0.0.1:0", answer)?;
    /// # Ok::<(), evcore::Error>(())
    /// ```
    pub fn tunnel<F>(take: impl FnOnce(Upgraded) -> F + 'static) -> Response
    where
        F: IntoFuture<Output = Result<()>>,
        F::IntoFuture: 'static,
    {
        Response::new(StatusCode::OK).taken_by(take)
    }

    /// A response that says which protocol has to be asked for (426, RFC 9110 §15.5.22).
    ///
    /// ```
    /// let refusal = evhttp::Response::upgrade_required("websocket");
    /// assert_eq!(refusal.header("upgrade"), Some("websocket"));
    /// ```
    ///
    /// # Panics
    /// If `protocol` can't be the value of a field.
    pub fn upgrade_required(protocol: &str) -> Response {
        Response::plain("this needs a change of protocol\n")
            .with_status(StatusCode::UPGRADE_REQUIRED)
            .with_header(UPGRADE, named(protocol))
    }

    /// The stream behind a change of protocol that the request has asked for
    /// ([`Request::upgrade`](crate::Request::upgrade)), with all that has come behind the head.
    ///
    /// The connection is the caller's own from now on: it counts no more among the client's, and the call's
    /// limits of time are over. Who does not take it closes it with the response.
    ///
    /// ```
    /// let server = evhttp::serve("127.0.0.1:0", |_| "no")?;
    /// let url = format!("http://{}/", server.local_addr());
    /// let page = evcore::run(evhttp::get(&url).upgrade("websocket").send())?;
    /// let line = page.upgrade().unwrap_err().to_string();
    /// assert_eq!(line, format!("head {url}: the server answered 200 OK instead of switching protocols"));
    /// # Ok::<(), evcore::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::NotSwitched`] if the status is not 101; [`ErrorKind::StreamTaken`] the second time.
    pub fn upgrade(&self) -> Result<Upgraded> {
        let kind = match self.0.beyond.take().map(|beyond| *beyond) {
            Some(Beyond::Stream(stream)) => return Ok(stream),
            Some(taker) => {
                self.0.beyond.set(Some(Box::new(taker)));
                ErrorKind::StreamTaken
            }
            None if self.status() == StatusCode::SWITCHING_PROTOCOLS => ErrorKind::StreamTaken,
            None => ErrorKind::NotSwitched(self.status()),
        };
        Err(self.name(Error::new(Phase::Head, kind)).into())
    }

    /// The same with what came of its connection.
    pub(crate) fn with_stream(self, stream: Upgraded) -> Response {
        self.0.beyond.set(Some(Box::new(Beyond::Stream(stream))));
        self
    }

    fn taken_by<F>(self, take: impl FnOnce(Upgraded) -> F + 'static) -> Response
    where
        F: IntoFuture<Output = Result<()>>,
        F::IntoFuture: 'static,
    {
        let take = |stream| Box::pin(take(stream).into_future()) as Work;
        let taker = Beyond::Taker(Box::new(take));
        self.0.beyond.set(Some(Box::new(taker)));
        self
    }

    /// Whom the connection goes to after this response. A stream that nobody took goes.
    pub(crate) fn take_taker(&self) -> Option<Taker> {
        match *self.0.beyond.take()? {
            Beyond::Taker(taker) => Some(taker),
            Beyond::Stream(_) => None,
        }
    }
}

fn named(protocol: &str) -> HeaderValue {
    HeaderValue::from_str(protocol)
        .unwrap_or_else(|_| panic!("{protocol:?} can't be the name of a protocol"))
}
