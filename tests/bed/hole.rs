//! Addresses that do not do what a client hopes: where packets vanish, as behind a firewall, and where nobody listens.

use std::net::SocketAddr;

use socket2::{Domain, Socket, Type};

/// Nobody who connects to it hears anything, as long as it lives.
pub struct BlackHole {
    address: SocketAddr,
    _listener: Socket,
    _filling: Vec<Socket>,
}

impl BlackHole {
    /// One on a free loopback port.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn new() -> BlackHole {
        let socket = || Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let listener = socket();
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        listener.bind(&free.into()).expect("a free port");
        listener.listen(0).expect("a listener");
        let bound = listener.local_addr().expect("bound");
        let address = bound.as_socket().expect("an IPv4 address");
        // The queue holds one: of two, one more than that.
        let filling = (0..2).map(|_| {
            let socket = socket();
            socket.set_nonblocking(true).expect("a mode");
            _ = socket.connect(&address.into());
            socket
        });
        BlackHole {
            address,
            _filling: filling.collect(),
            _listener: listener,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Default for BlackHole {
    fn default() -> BlackHole {
        BlackHole::new()
    }
}

/// A loopback port where nobody listens, over TCP or over UDP, and nobody will as long as this lives: a port that was
/// only free a moment ago may be anybody's by now.
pub struct Refusing {
    address: SocketAddr,
    /// Held for what it keeps others from.
    port: Socket,
}

impl Refusing {
    /// A TCP port that is taken, but not listened on.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn tcp() -> Refusing {
        Refusing::new(Type::STREAM)
    }

    /// A UDP port whose owner hears another peer alone: to the kernel it is nobody's for all others (RFC 1122
    /// §4.1.3.1).
    ///
    /// # Panics
    /// As [`tcp`](Refusing::tcp).
    #[must_use]
    pub fn udp() -> Refusing {
        let refusing = Refusing::new(Type::DGRAM);
        let elsewhere = SocketAddr::from(([127, 0, 0, 1], 9));
        refusing.port.connect(&elsewhere.into()).expect("a peer");
        refusing
    }

    fn new(kind: Type) -> Refusing {
        let port = Socket::new(Domain::IPV4, kind, None).expect("a socket");
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        port.bind(&free.into()).expect("a free port");
        let bound = port.local_addr().expect("bound");
        Refusing {
            address: bound.as_socket().expect("an IPv4 address"),
            port,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;
    use std::net::{TcpStream, UdpSocket};

    #[test]
    fn what_refuses_refuses() {
        let tcp = Refusing::tcp();
        let refused = TcpStream::connect(tcp.address()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

        let udp = Refusing::udp();
        let asking = UdpSocket::bind("127.0.0.1:0").unwrap();
        asking.connect(udp.address()).unwrap();
        asking.send(b"anybody?").unwrap();
        let refused = asking.recv(&mut [0]).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }
}
