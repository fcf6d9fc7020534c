//! Opening sockets and speaking through them, the same for both real worlds.
//!
//! Every socket made here is non-blocking and closed on exec. No poller and
//! no token lives here: who watches a socket is its world's business.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
#[cfg(unix)]
pub(super) use std::os::fd::AsFd as AsSocket;
#[cfg(windows)]
pub(super) use std::os::windows::io::AsSocket;
#[cfg(unix)]
use std::path::Path;

use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use super::{Address, Stream};
use crate::limits::BACKLOG;

/// A connected socket together with whatever its poller needs.
pub(super) trait Connected {
    /// The socket, as the poller's crate or std has it.
    type Socket: AsSocket;

    /// Whether a short read or write is as good as a would-block.
    const SHORT_DRAINS: bool;

    fn socket(&self) -> &Self::Socket;

    /// Sees the outcome of every read and write on its way to the caller.
    fn outcome(&self, side: Side, outcome: io::Result<usize>) -> io::Result<usize>;
}

/// Which way an operation went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Read,
    Write,
}

impl<C: Connected> Stream for C
where
    for<'a> &'a C::Socket: Read + Write,
{
    fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        self.outcome(Side::Read, self.socket().read(into))
    }

    fn write(&self, from: &[io::IoSlice<'_>]) -> io::Result<usize> {
        // One slice is the common case, and send(2) is cheaper than writev(2).
        let written = match from {
            [one] => self.socket().write(one),
            many => self.socket().write_vectored(many),
        };
        self.outcome(Side::Write, written)
    }

    fn short_drains(&self) -> bool {
        C::SHORT_DRAINS
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        SockRef::from(self.socket()).shutdown(how)
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        SockRef::from(self.socket()).take_error()
    }

    fn local_addr(&self) -> io::Result<Address> {
        address(&SockRef::from(self.socket()).local_addr()?)
    }

    fn peer_addr(&self) -> io::Result<Address> {
        address(&SockRef::from(self.socket()).peer_addr()?)
    }

    fn set_nodelay(&self, on: bool) -> io::Result<()> {
        let socket = SockRef::from(self.socket());
        #[cfg(unix)]
        if socket.local_addr()?.is_unix() {
            return Ok(());
        }
        socket.set_tcp_nodelay(on)
    }
}

/// The address the socket itself gives as its own.
pub(super) fn local_address(socket: &impl AsSocket) -> io::Result<Address> {
    address(&SockRef::from(socket).local_addr()?)
}

fn address(found: &SockAddr) -> io::Result<Address> {
    if let Some(inet) = found.as_socket() {
        return Ok(Address::Inet(inet));
    }
    #[cfg(unix)]
    if found.is_unix() {
        return Ok(Address::Unix(found.as_pathname().map(Path::to_path_buf)));
    }
    Err(io::ErrorKind::Unsupported.into())
}

/// Starts a TCP connection; it may still be under way.
pub(super) fn connect_tcp(
    peer: SocketAddr,
    local: Option<SocketAddr>,
) -> io::Result<std::net::TcpStream> {
    let socket = open(Domain::for_address(peer), Type::STREAM)?;
    if let Some(local) = local {
        socket.bind(&local.into())?;
    }
    begin_connect(&socket, &peer.into())?;
    Ok(socket.into())
}

/// Listens for TCP connections.
pub(super) fn listen_tcp(local: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = open(Domain::for_address(local), Type::STREAM)?;
    // On Unix this lets a server restart while old connections linger in
    // TIME_WAIT; on Windows the same option would let two servers share a port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&local.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Opens a UDP socket.
pub(super) fn bind_udp(local: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let socket = open(Domain::for_address(local), Type::DGRAM)?;
    socket.bind(&local.into())?;
    Ok(socket.into())
}

/// Starts a connection to a Unix-domain socket.
#[cfg(unix)]
pub(super) fn connect_unix(path: &Path) -> io::Result<std::os::unix::net::UnixStream> {
    let socket = open(Domain::UNIX, Type::STREAM)?;
    begin_connect(&socket, &SockAddr::unix(path)?)?;
    Ok(socket.into())
}

/// Listens on a Unix-domain socket.
#[cfg(unix)]
pub(super) fn listen_unix(path: &Path) -> io::Result<std::os::unix::net::UnixListener> {
    let socket = open(Domain::UNIX, Type::STREAM)?;
    socket.bind(&SockAddr::unix(path)?)?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn open(domain: Domain, kind: Type) -> io::Result<Socket> {
    // Where socket(2) takes SOCK_NONBLOCK this saves a system call.
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
    return Socket::new(domain, kind.nonblocking(), None);
    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
    {
        let socket = Socket::new(domain, kind, None)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }
}

fn begin_connect(socket: &Socket, peer: &SockAddr) -> io::Result<()> {
    match socket.connect(peer) {
        Err(error) if in_progress(&error) => Ok(()),
        outcome => outcome,
    }
}

/// Whether connect(2) goes on by itself. On a Unix-domain socket would-block
/// means a full backlog instead, and nothing goes on.
fn in_progress(error: &io::Error) -> bool {
    #[cfg(unix)]
    return error.raw_os_error() == Some(libc::EINPROGRESS);
    #[cfg(not(unix))]
    return error.kind() == io::ErrorKind::WouldBlock;
}
