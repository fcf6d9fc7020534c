//! The least that is still HTTP: mio, httparse for each head, all answers of an event in one write.

use mio::net::{TcpListener, TcpStream};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;

const LISTENER: Token = Token(usize::MAX - 1);
const STDIN: Token = Token(usize::MAX - 2);

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 13\r\ncontent-type: text/plain\r\n\
    date: Tue, 24 Nov 2026 12:00:00 GMT\r\n\r\nHello, world!";

struct Connection {
    stream: TcpStream,
    /// What has come and is no whole head yet.
    rest: Vec<u8>,
}

pub(crate) fn serve() -> Result<(), String> {
    run().map_err(|error| error.to_string())
}

fn run() -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
    println!("{}", listener.local_addr()?.port());
    let registry = poll.registry().try_clone()?;
    registry.register(&mut listener, LISTENER, Interest::READABLE)?;
    let input = io::stdin().as_raw_fd();
    registry.register(&mut SourceFd(&input), STDIN, Interest::READABLE)?;
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let mut events = Events::with_capacity(256);
    let mut answers = Vec::new();
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            match event.token() {
                STDIN => return Ok(()),
                LISTENER => {
                    while let Ok((mut stream, _)) = listener.accept() {
                        stream.set_nodelay(true)?;
                        let token = Token(connections.len());
                        registry.register(&mut stream, token, Interest::READABLE)?;
                        let rest = Vec::new();
                        connections.push(Some(Connection { stream, rest }));
                    }
                }
                Token(at) => {
                    let slot = &mut connections[at];
                    let answered = slot.as_mut().map(|one| one.answer(&mut answers));
                    if matches!(answered, Some(Err(_))) {
                        *slot = None;
                    }
                }
            }
        }
    }
}

impl Connection {
    fn answer(&mut self, answers: &mut Vec<u8>) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        loop {
            let length = match self.stream.read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            answers.clear();
            self.requests(&buffer[..length], answers)?;
            self.stream.write_all(answers)?;
            // A short read has emptied the socket; the next edge comes with new bytes.
            if length < buffer.len() {
                return Ok(());
            }
        }
    }

    fn requests(&mut self, bytes: &[u8], answers: &mut Vec<u8>) -> io::Result<()> {
        let whole;
        let mut left = match self.rest.is_empty() {
            true => bytes,
            false => {
                self.rest.extend_from_slice(bytes);
                whole = std::mem::take(&mut self.rest);
                &whole[..]
            }
        };
        while !left.is_empty() {
            let mut fields = [httparse::EMPTY_HEADER; 32];
            let mut request = httparse::Request::new(&mut fields);
            match request.parse(left).map_err(io::Error::other)? {
                httparse::Status::Complete(length) => {
                    left = &left[length..];
                    answers.extend_from_slice(ANSWER);
                }
                httparse::Status::Partial => {
                    self.rest = left.to_vec();
                    break;
                }
            }
        }
        Ok(())
    }
}
