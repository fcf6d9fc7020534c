//! Patience with a limit: conditions, ports, servers that come up.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Asks `ready` every millisecond until it says true or `limit` is over; the last answer.
#[must_use]
pub fn wait_until(limit: Duration, mut ready: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    loop {
        if ready() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// A loopback port nobody listened on a moment ago. Somebody else may be faster: prefer to bind port 0
/// where the program under test allows it.
///
/// # Panics
/// If no port is left.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("bound").port()
}

/// Waits up to `limit` for somebody to accept connections there.
#[must_use]
pub fn listening(address: SocketAddr, limit: Duration) -> bool {
    wait_until(limit, || {
        TcpStream::connect_timeout(&address, Duration::from_millis(100)).is_ok()
    })
}
