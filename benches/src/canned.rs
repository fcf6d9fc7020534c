//! The server every HTTP client is measured against: counts requests by their blank lines and writes a fixed answer for
//! each, all of a readable event's in one write. A process and a core of its own, so that its time is nobody's.

use crate::launch::{SERVER_CORE, bound, this};
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};

/// With a body of [`BODY`] bytes.
pub(crate) const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\nContent-Type: text/plain\r\n\r\nHello, world!";

pub(crate) const BODY: usize = 13;

/// Keys of what is no connection.
const LISTENER: u64 = u64::MAX;
const STDIN: u64 = u64::MAX - 1;

/// A server running in a child process; it ends when this is dropped.
pub(crate) struct Canned {
    child: Child,
    port: u16,
}

impl Canned {
    /// Starts the server behind this option of our own command line.
    pub(crate) fn start(option: &str) -> Result<Canned, String> {
        let start = || -> io::Result<Canned> {
            let words = [this().map_err(io::Error::other)?, option.to_owned()];
            let mut child = bound(SERVER_CORE, &words)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()?;
            let mut line = String::new();
            if let Some(stdout) = child.stdout.take() {
                BufReader::new(stdout).read_line(&mut line)?;
            }
            let port = line.trim().parse().map_err(io::Error::other)?;
            Ok(Canned { child, port })
        };
        start().map_err(|error| format!("the canned server: {error}"))
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Canned {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server's own main: prints its port, then serves until whoever started it is gone, which ends its standard input.
pub(crate) fn serve() -> Result<(), String> {
    run().map_err(|error| error.to_string())
}

fn run() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(
        &epoll,
        &listener,
        EventData::new_u64(LISTENER),
        EventFlags::IN,
    )?;
    epoll::add(
        &epoll,
        io::stdin(),
        EventData::new_u64(STDIN),
        EventFlags::IN,
    )?;
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let mut events: Vec<Event> = Vec::with_capacity(256);
    loop {
        epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), None)?;
        for event in events.drain(..) {
            match event.data.u64() {
                STDIN => return Ok(()),
                LISTENER => {
                    let (stream, _) = listener.accept()?;
                    stream.set_nonblocking(true)?;
                    stream.set_nodelay(true)?;
                    let key = EventData::new_u64(connections.len() as u64);
                    epoll::add(&epoll, &stream, key, EventFlags::IN)?;
                    connections.push(Some(Connection { stream, matched: 0 }));
                }
                at => {
                    let slot = &mut connections[at as usize];
                    if slot
                        .as_mut()
                        .is_some_and(|connection| connection.answer().is_err())
                    {
                        *slot = None;
                    }
                }
            }
        }
    }
}

struct Connection {
    stream: TcpStream,
    /// How much of a blank line the last bytes were.
    matched: usize,
}

impl Connection {
    fn answer(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        let length = self.stream.read(&mut buffer)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let requests = blank_lines(&mut self.matched, &buffer[..length]);
        // A reader that lets the socket's buffer fill up gets an error, and is not measured here.
        self.stream.write_all(&ANSWER.repeat(requests))
    }
}

/// How many requests (without bodies) end in these bytes; a blank line may be split between two calls.
fn blank_lines(matched: &mut usize, bytes: &[u8]) -> usize {
    let mut count = 0;
    for byte in bytes {
        *matched = match (*matched, byte) {
            (0 | 2, b'\r') => *matched + 1,
            (1, b'\n') => 2,
            (3, b'\n') => {
                count += 1;
                0
            }
            (_, b'\r') => 1,
            _ => 0,
        };
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_however_they_are_cut() {
        let bytes = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3);
        for cut in 0..bytes.len() {
            let (head, tail) = bytes.split_at(cut);
            let mut matched = 0;
            assert_eq!(
                blank_lines(&mut matched, head) + blank_lines(&mut matched, tail),
                3,
                "cut at {cut}"
            );
        }
        assert_eq!(blank_lines(&mut 0, b"a\r\r\nb\n\n\r\n"), 0);
    }

    #[test]
    fn the_answer_says_how_long_its_body_is() {
        let text = String::from_utf8_lossy(ANSWER);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
    }
}
