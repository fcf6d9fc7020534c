//! A connected pair of TCP streams on loopback, and what is sent over it.

use std::io;
use std::net::{TcpListener, TcpStream};

pub(crate) const MESSAGE: [u8; 64] = [b'x'; 64];

/// Both ends, non-blocking, without Nagle's delay.
pub(crate) fn connected() -> io::Result<[TcpStream; 2]> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let near = TcpStream::connect(listener.local_addr()?)?;
    let (far, _) = listener.accept()?;
    for end in [&near, &far] {
        end.set_nodelay(true)?;
        end.set_nonblocking(true)?;
    }
    Ok([near, far])
}
