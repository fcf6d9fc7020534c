//! Our server judged by plain sockets of std, which share none of its code. Other programs judge it in peers_http.rs.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use evhttp::Server;
use evhttp::server::Request;

mod serve {
    mod answers;
    mod bodies;
    mod refusals;
    mod switching;
    mod time;
}

const SECOND: Duration = Duration::from_secs(1);

/// The patience of a test with what has to come: a busy machine may need much of it.
const LIMIT: Duration = Duration::from_secs(20);

/// A server on a thread of its own, with its own reactor; it ends with the guard.
struct Served {
    address: SocketAddr,
    stop: Option<mpsc::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

/// Has `start` begin a server in the thread that will turn it.
fn serving(start: impl FnOnce() -> Server + Send + 'static) -> Served {
    let (tell, told) = mpsc::channel();
    let (stop, stopped) = mpsc::channel();
    let thread = thread::spawn(move || {
        let server = start();
        tell.send(server.local_addr()).unwrap();
        evcore::run(async move {
            while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
                evcore::sleep(Duration::from_millis(5)).await?;
            }
            server.close();
            Ok(())
        })
        .unwrap();
    });
    Served {
        address: told.recv().expect("the server has started"),
        stop: Some(stop),
        thread: Some(thread),
    }
}

/// The server most tests want: says what it was asked.
fn echoing() -> Served {
    serving(|| {
        evhttp::serve("127.0.0.1:0", |request: Request| {
            format!("{} {}", request.method, request.target)
        })
        .unwrap()
    })
}

impl Served {
    fn connect(&self) -> Peer {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_nodelay(true).unwrap();
        Peer {
            stream,
            received: Vec::new(),
        }
    }

    /// One connection: sends this, and hands out all that comes until the server closes.
    fn ask(&self, request: impl AsRef<[u8]>) -> String {
        let mut peer = self.connect();
        peer.send(request);
        peer.rest()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !thread::panicking()
        {
            panic!("the server's thread has panicked");
        }
    }
}

/// A client that knows heads and Content-Length, no more.
struct Peer {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Peer {
    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    fn finish(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Whether something came; false at the end.
    fn receive(&mut self) -> bool {
        let mut buffer = [0; 65_536];
        match self.stream.read(&mut buffer) {
            Ok(count) => {
                self.received.extend_from_slice(&buffer[..count]);
                count > 0
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                panic!("reset after {:?}", self.text())
            }
            Err(error) => panic!("{error} after {:?}", self.text()),
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.received).into_owned()
    }

    /// The next head, blank line included.
    fn head(&mut self) -> String {
        loop {
            if let Some(at) = self.received.windows(4).position(|end| end == b"\r\n\r\n") {
                let head = self.received.drain(..at + 4).collect();
                return String::from_utf8(head).unwrap();
            }
            assert!(self.receive(), "closed after {:?}", self.text());
        }
    }

    fn body(&mut self, length: usize) -> Vec<u8> {
        while self.received.len() < length {
            assert!(
                self.receive(),
                "closed after {} of {length}",
                self.received.len()
            );
        }
        self.received.drain(..length).collect()
    }

    /// The next response with a Content-Length: status and body.
    fn answer(&mut self) -> (u16, String) {
        let head = self.head();
        let length = field(&head, "content-length").map_or(0, |length| length.parse().unwrap());
        let body = String::from_utf8(self.body(length)).unwrap();
        (head[9..12].parse().unwrap(), body)
    }

    /// All that comes until the server closes.
    fn rest(mut self) -> String {
        while self.receive() {}
        self.text()
    }

    /// Whether anything is heard within `limit`, be it the end.
    fn hears_within(&mut self, limit: Duration) -> bool {
        self.stream.set_read_timeout(Some(limit)).unwrap();
        let heard = self.stream.peek(&mut [0]);
        self.stream.set_read_timeout(Some(10 * SECOND)).unwrap();
        heard.is_ok()
    }

    /// Whether the server closes within `limit`, saying nothing more.
    fn is_closed_within(&mut self, limit: Duration) -> bool {
        self.stream.set_read_timeout(Some(limit)).unwrap();
        match self.stream.read(&mut [0]) {
            Ok(count) => count == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }
}

/// A field's value, whatever the case of its name.
fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let named = |line: &'a str| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    };
    head.lines().find_map(named)
}
