//! Getting connected: from a target to its addresses, and trying those in
//! order. Names are looked up by the system, on a helper thread.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use super::Address;
use super::stream::{Stream, TcpStream};
use crate::{Direction, Error, Promise, Reactor, Result, sys};

/// Where to connect to: an address, several, or a name and a port.
///
/// ```
/// use evcore::net::Target;
///
/// let by_name = Target::from(("localhost", 80));
/// assert_eq!(by_name, Target::from("localhost:80"));
/// assert_eq!(Target::from(("::1", 80)).to_string(), "[::1]:80");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target(Aim);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Aim {
    At(Vec<SocketAddr>),
    Named(String, u16),
    /// Text without a port; connecting says so.
    Unclear(String),
}

impl From<SocketAddr> for Target {
    fn from(addr: SocketAddr) -> Target {
        Target(Aim::At(vec![addr]))
    }
}

impl From<(IpAddr, u16)> for Target {
    fn from(addr: (IpAddr, u16)) -> Target {
        SocketAddr::from(addr).into()
    }
}

/// Several addresses of one thing, tried in this order.
impl From<Vec<SocketAddr>> for Target {
    fn from(addrs: Vec<SocketAddr>) -> Target {
        Target(Aim::At(addrs))
    }
}

impl From<(&str, u16)> for Target {
    fn from((host, port): (&str, u16)) -> Target {
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        match bare.unwrap_or(host).parse::<IpAddr>() {
            Ok(ip) => (ip, port).into(),
            Err(_) => Target(Aim::Named(host.to_owned(), port)),
        }
    }
}

impl From<(String, u16)> for Target {
    fn from((host, port): (String, u16)) -> Target {
        (host.as_str(), port).into()
    }
}

/// `"host:port"`, an IPv6 address in brackets.
impl From<&str> for Target {
    fn from(text: &str) -> Target {
        match text
            .rsplit_once(':')
            .map(|(host, port)| (host, port.parse()))
        {
            Some((host, Ok(port))) if !host.is_empty() => (host, port).into(),
            _ => Target(Aim::Unclear(text.to_owned())),
        }
    }
}

impl From<String> for Target {
    fn from(text: String) -> Target {
        text.as_str().into()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Aim::At(addrs) => {
                let names: Vec<_> = addrs.iter().map(ToString::to_string).collect();
                f.write_str(&names.join(", "))
            }
            Aim::Named(host, port) => write!(f, "{host}:{port}"),
            Aim::Unclear(text) => f.write_str(text),
        }
    }
}

impl Target {
    async fn look_up(&self) -> Result<Vec<SocketAddr>> {
        let (host, port) = match &self.0 {
            Aim::At(addrs) => return Ok(addrs.clone()),
            Aim::Named(host, port) => (host.clone(), *port),
            Aim::Unclear(text) => {
                let error = io::Error::new(io::ErrorKind::InvalidInput, "no host and port in it");
                return Err(Error::from(error).during(format!("connect {text:?}")));
            }
        };
        let failed = format!("look up {host}");
        let look_up = move || {
            let found = (host.as_str(), port).to_socket_addrs();
            found.map(Vec::from_iter).map_err(Error::from)
        };
        let found = crate::blocking(look_up).await?;
        found.map_err(|error| error.during(failed))
    }
}

/// None of several addresses could be connected to. It is inside the
/// [`io::Error`] that [`connect`] is rejected with
/// ([`get_ref`](io::Error::get_ref)).
///
/// ```
/// use evcore::net::{ConnectError, connect};
///
/// let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?; // closed again
/// let error = evcore::run(connect(vec![port, port])).unwrap_err();
/// let io = error.downcast_ref::<std::io::Error>().unwrap();
/// let tried = io.get_ref().unwrap().downcast_ref::<ConnectError>().unwrap();
/// assert_eq!(tried.tried().len(), 2);
/// # Ok::<(), evcore::Error>(())
/// ```
#[derive(Debug)]
pub struct ConnectError {
    tried: Vec<(SocketAddr, io::Error)>,
}

impl ConnectError {
    /// The addresses in the order in which they were tried, with what each
    /// failed of.
    pub fn tried(&self) -> &[(SocketAddr, io::Error)] {
        &self.tried
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.tried.is_empty() {
            return f.write_str("no address to try");
        }
        for (n, (addr, error)) in self.tried.iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            write!(f, "{comma}{addr}: {error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConnectError {}

/// Connects to `target`, on the current reactor. A name is looked up by the
/// system, on a helper thread; its addresses are tried one after the other.
///
/// Rejected with an error that names the phase (`look up`, `connect`), each
/// address and its cause.
///
/// ```no_run
/// let page = evcore::net::connect(("example.com", 80)).and_then(|stream| {
///     stream.write_all("GET / HTTP/1.0\r\n\r\n");
///     stream.read(4_096)
/// });
/// println!("{} bytes", evcore::run(page)?.len());
/// # Ok::<(), evcore::Error>(())
/// ```
#[track_caller]
pub fn connect(target: impl Into<Target>) -> Promise<TcpStream> {
    let target = target.into();
    crate::spawn(async move {
        let addrs = target.look_up().await?;
        let (outcome, doing) = match (&target.0, &addrs[..]) {
            (Aim::At(_), &[only]) => (connect_tcp(only, None).await, format!("connect {only}")),
            // The error lists the addresses: no need to say them twice.
            (Aim::At(_), _) => (try_each(&addrs).await, "connect".to_owned()),
            _ => (try_each(&addrs).await, format!("connect {target}")),
        };
        outcome.map_err(|error| Error::from(error).during(doing))
    })
}

async fn try_each(addrs: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut tried = Vec::new();
    for &addr in addrs {
        match connect_tcp(addr, None).await {
            Ok(stream) => return Ok(stream),
            Err(error) => tried.push((addr, error)),
        }
    }
    let kind = tried
        .last()
        .map_or(io::ErrorKind::NotFound, |last| last.1.kind());
    Err(io::Error::new(kind, ConnectError { tried }))
}

/// Connects to `peer`, from `local` if given: [`connect`] as a plain future
/// for authors of protocols. Dropping it gives up and closes the socket.
///
/// # Errors
/// Those of `bind(2)` and `connect(2)`, without address or phase.
pub async fn connect_tcp(peer: SocketAddr, local: Option<SocketAddr>) -> io::Result<TcpStream> {
    let connect = |world: &dyn sys::World, token| world.connect_tcp(token, peer, local);
    let (source, socket) = Reactor::current().open(connect)?;
    poll_fn(|cx| source.poll_ready(Direction::Write, cx)).await?;
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    Ok(Stream::new(source, socket, Address::Inet(peer)))
}

impl TcpStream {
    /// Connects to `addr`, on the current reactor.
    #[track_caller]
    pub fn connect(addr: impl Into<SocketAddr>) -> Promise<TcpStream> {
        connect(addr.into())
    }
}
