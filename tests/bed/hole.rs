//! An address where packets vanish, as behind a firewall: a listener whose queue is full.

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
