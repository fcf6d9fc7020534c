//! The seam's promises, asked of every compiled-in world in the same words.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use super::*;

/// Makes each test run once per poller.
macro_rules! on_every_poller {
    ($($test:ident)*) => {
        #[cfg(feature = "mio")]
        mod mio {
            $(#[test] fn $test() { super::$test(&super::Bed::new(super::Poller::Mio)); })*
        }
        #[cfg(feature = "polling")]
        mod polling {
            $(#[test] fn $test() { super::$test(&super::Bed::new(super::Poller::Polling)); })*
        }
    };
}

on_every_poller! {
    a_wait_is_never_short
    a_long_wait_is_not_taken_for_none
    a_notification_ends_one_wait
    a_connection_carries_bytes_both_ways
    readiness_is_told_again_after_a_would_block
    the_end_is_not_lost_behind_a_short_read
    room_is_told_while_a_reader_waits
    an_idle_world_does_not_wake
    a_refused_connection_says_so
    a_connection_starts_from_the_given_address
    a_dropped_socket_tells_nothing
    datagrams_keep_their_bounds_and_senders
    a_descriptor_stands_for_the_world
}

#[cfg(unix)]
mod unix;

const SOON: Duration = Duration::from_secs(10);
const QUIET: Duration = Duration::from_millis(30);

struct Bed {
    world: Box<dyn World>,
}

impl Bed {
    fn new(poller: Poller) -> Bed {
        Bed {
            world: poller.open().unwrap(),
        }
    }

    fn wait(&self, timeout: Duration) -> Vec<Ready> {
        let mut ready = Vec::new();
        let wait = Wait {
            timeout: Some(timeout),
            may_leap: false,
        };
        self.world.wait(wait, &mut ready).unwrap();
        ready
    }

    /// Tries until it would not block, waiting as a reactor would.
    fn insist<T>(&self, mut attempt: impl FnMut() -> io::Result<T>) -> T {
        let end = Instant::now() + SOON;
        loop {
            match attempt() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return outcome.unwrap(),
            }
            assert!(Instant::now() < end, "never told");
            self.wait(SOON);
        }
    }

    fn until(&self, wanted: impl Fn(&Ready) -> bool) -> Ready {
        let end = Instant::now() + SOON;
        loop {
            if let Some(found) = self.wait(SOON).into_iter().find(&wanted) {
                return found;
            }
            assert!(Instant::now() < end, "never told");
        }
    }

    fn listen(&self, token: Token) -> (Box<dyn Listener>, SocketAddr) {
        let listener = self.world.listen_tcp(token, any()).unwrap();
        let Address::Inet(addr) = listener.local_addr().unwrap() else {
            panic!("a TCP listener has an internet address");
        };
        (listener, addr)
    }

    /// A stream of this world, and its blocking other end.
    fn pair(&self, token: Token) -> (Box<dyn Stream>, std::net::TcpStream) {
        let listener = std::net::TcpListener::bind(any()).unwrap();
        let peer = listener.local_addr().unwrap();
        let stream = self.world.connect_tcp(token, peer, None).unwrap();
        self.until(|ready| ready.token == token && ready.writable);
        assert!(stream.take_error().unwrap().is_none());
        (stream, listener.accept().unwrap().0)
    }
}

fn token(n: u64) -> Token {
    Token::from_u64(1 << 32 | n)
}

fn any() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn write(stream: &dyn Stream, bytes: &[u8]) -> io::Result<usize> {
    stream.write(&[IoSlice::new(bytes)])
}

fn would_block<T>(outcome: io::Result<T>) -> bool {
    outcome.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

fn a_wait_is_never_short(bed: &Bed) {
    for micros in [1, 300, 1_500, 10_000] {
        let timeout = Duration::from_micros(micros);
        let start = bed.world.now();
        assert_eq!(bed.wait(timeout), []);
        let took = bed.world.now() - start;
        assert!(took >= timeout, "{timeout:?} took {took:?}");
    }
    assert_eq!(bed.wait(Duration::ZERO), []);
}

fn a_long_wait_is_not_taken_for_none(bed: &Bed) {
    for timeout in [Duration::from_secs(100 * 86_400), Duration::MAX] {
        let notifier = bed.world.notifier();
        let start = Instant::now();
        let thread = thread::spawn(move || {
            thread::sleep(QUIET);
            notifier.notify();
        });
        bed.wait(timeout);
        assert!(start.elapsed() >= QUIET);
        thread.join().unwrap();
    }
}

fn a_notification_ends_one_wait(bed: &Bed) {
    let notifier = bed.world.notifier();
    notifier.notify();
    notifier.notify();
    let start = Instant::now();
    assert_eq!(bed.wait(SOON), []);
    assert!(start.elapsed() < SOON);
    let start = Instant::now();
    assert_eq!(bed.wait(QUIET), []);
    assert!(start.elapsed() >= QUIET, "told twice");
}

fn a_connection_carries_bytes_both_ways(bed: &Bed) {
    let (listener, addr) = bed.listen(token(1));
    assert!(would_block(listener.accept(token(9)).map(|_| ())));
    let client = bed.world.connect_tcp(token(2), addr, None).unwrap();
    let (server, from) = bed.insist(|| listener.accept(token(3)));
    assert_eq!(client.local_addr().unwrap(), from);
    assert_eq!(client.peer_addr().unwrap(), Address::Inet(addr));
    client.set_nodelay(true).unwrap();

    let two = [IoSlice::new(b"he"), IoSlice::new(b"llo")];
    assert_eq!(bed.insist(|| client.write(&two)), 5);
    let mut buf = [0; 16];
    assert_eq!(bed.insist(|| server.read(&mut buf)), 5);
    assert_eq!(&buf[..5], b"hello");
    assert_eq!(bed.insist(|| write(&*server, b"ok")), 2);
    assert_eq!(bed.insist(|| client.read(&mut buf)), 2);
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(bed.insist(|| server.read(&mut buf)), 0);
}

fn readiness_is_told_again_after_a_would_block(bed: &Bed) {
    let (stream, mut peer) = bed.pair(token(1));
    let mut buf = [0; 16];
    for _ in 0..3 {
        assert!(would_block(stream.read(&mut buf)));
        peer.write_all(b"x").unwrap();
        bed.until(|ready| ready.token == token(1) && ready.readable);
        assert_eq!(stream.read(&mut buf).unwrap(), 1);
        if stream.short_drains() {
            peer.write_all(b"y").unwrap();
            bed.until(|ready| ready.token == token(1) && ready.readable);
            assert_eq!(stream.read(&mut buf).unwrap(), 1);
        }
    }
}

fn the_end_is_not_lost_behind_a_short_read(bed: &Bed) {
    let (stream, mut peer) = bed.pair(token(1));
    let mut buf = [0; 16];
    assert!(would_block(stream.read(&mut buf)));
    peer.write_all(b"last").unwrap();
    peer.shutdown(Shutdown::Write).unwrap();
    // Give both segments time to arrive, so that one event tells of both.
    thread::sleep(QUIET);
    let told = bed.until(|ready| ready.readable);
    assert_eq!(stream.read(&mut buf).unwrap(), 4);
    if stream.short_drains() && !told.hangup {
        bed.until(|ready| ready.readable);
    }
    assert_eq!(stream.read(&mut buf).unwrap(), 0);
}

fn room_is_told_while_a_reader_waits(bed: &Bed) {
    let (stream, mut peer) = bed.pair(token(1));
    let mut buf = [0; 16];
    assert!(would_block(stream.read(&mut buf)));
    let mut sent = fill(&*stream);
    // News in one direction must not disarm the other.
    peer.write_all(b"x").unwrap();
    bed.until(|ready| ready.readable);
    assert_eq!(stream.read(&mut buf).unwrap(), 1);
    assert!(would_block(stream.read(&mut buf)));
    sent += fill(&*stream);
    let drain = thread::spawn(move || {
        let mut all = vec![0; sent];
        peer.read_exact(&mut all).unwrap();
        peer
    });
    bed.insist(|| write(&*stream, b"more"));
    drain.join().unwrap();
}

/// Writes until there is no room, and says how much.
fn fill(stream: &dyn Stream) -> usize {
    let chunk = [7; 1 << 16];
    let mut sent = 0;
    loop {
        match write(stream, &chunk) {
            Ok(n) => sent += n,
            blocked => {
                assert!(would_block(blocked));
                return sent;
            }
        }
    }
}

fn an_idle_world_does_not_wake(bed: &Bed) {
    let (stream, _peer) = bed.pair(token(1));
    let (listener, _) = bed.listen(token(2));
    assert!(would_block(stream.read(&mut [0; 1])));
    assert!(would_block(listener.accept(token(3)).map(|_| ())));
    bed.wait(QUIET); // the first word about the listener, if any
    let start = Instant::now();
    assert_eq!(bed.wait(QUIET), []);
    assert!(start.elapsed() >= QUIET);
}

fn a_refused_connection_says_so(bed: &Bed) {
    let free = std::net::TcpListener::bind(any()).unwrap();
    let peer = free.local_addr().unwrap();
    drop(free);
    let error = match bed.world.connect_tcp(token(1), peer, None) {
        Err(error) => error, // some systems answer at once on loopback
        Ok(stream) => {
            bed.until(|ready| ready.token == token(1) && ready.writable);
            stream.take_error().unwrap().expect("an error is pending")
        }
    };
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}

fn a_connection_starts_from_the_given_address(bed: &Bed) {
    let (listener, addr) = bed.listen(token(1));
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    let client = bed.world.connect_tcp(token(2), addr, Some(local)).unwrap();
    let (_server, from) = bed.insist(|| listener.accept(token(3)));
    assert_eq!(from, client.local_addr().unwrap());
    let again = bed.world.listen_tcp(token(4), addr);
    assert_eq!(again.err().unwrap().kind(), io::ErrorKind::AddrInUse);
}

fn a_dropped_socket_tells_nothing(bed: &Bed) {
    let (stream, mut peer) = bed.pair(token(1));
    drop(stream);
    let (fresh, mut other) = bed.pair(token(2));
    let _ = peer.write_all(b"nobody there");
    assert_eq!(peer.read(&mut [0; 1]).unwrap_or(0), 0);
    assert!(would_block(fresh.read(&mut [0; 8])));
    other.write_all(b"x").unwrap();
    bed.until(|ready| {
        assert_eq!(ready.token, token(2));
        ready.readable
    });
    assert_eq!(fresh.read(&mut [0; 8]).unwrap(), 1);
}

fn datagrams_keep_their_bounds_and_senders(bed: &Bed) {
    let a = bed.world.bind_udp(token(1), any()).unwrap();
    let b = bed.world.bind_udp(token(2), any()).unwrap();
    let (at_a, at_b) = (a.local_addr().unwrap(), b.local_addr().unwrap());
    let mut buf = [0; 16];
    assert!(would_block(b.recv_from(&mut buf)));
    assert_eq!(bed.insist(|| a.send_to(b"one", Some(at_b))), 3);
    assert_eq!(bed.insist(|| a.send_to(b"", Some(at_b))), 0);
    assert_eq!(bed.insist(|| b.recv_from(&mut buf)), (3, at_a));
    assert_eq!(bed.insist(|| b.recv_from(&mut buf)), (0, at_a));
    b.connect(at_a).unwrap();
    assert_eq!(bed.insist(|| b.send_to(b"two!", None)), 4);
    assert_eq!(bed.insist(|| a.recv_from(&mut buf)), (4, at_b));
}

fn a_descriptor_stands_for_the_world(bed: &Bed) {
    #[cfg(target_os = "linux")]
    {
        let emulated = cfg!(mio_unsupported_force_poll_poll) || cfg!(polling_test_poll_backend);
        assert!(bed.world.as_fd().is_some() || emulated);
    }
    let _ = bed;
}
