//! The load of a server: many connections, each with messages under way, on raw epoll. It parses nothing: the first answer
//! tells how long all are, for a server's answers to one request are of one length.

use crate::area::Load;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// How long a server may take to open its port.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether something listens there, now or soon.
pub(crate) fn answers(port: u16) -> bool {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

pub(crate) struct Clients {
    epoll: OwnedFd,
    active: Vec<Client>,
    /// Held open, and silent.
    _idle: Vec<TcpStream>,
    /// Sent at once: all that a connection has under way.
    message: Vec<u8>,
    pipelined: usize,
    answer: usize,
}

struct Client {
    stream: TcpStream,
    /// How many bytes of the answers under way have come.
    received: usize,
}

pub(crate) fn connect(port: u16, load: &Load) -> io::Result<Clients> {
    let one = || -> io::Result<TcpStream> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    let idle = (0..load.idle).map(|_| one()).collect::<io::Result<_>>()?;
    let answer = measure(&mut one()?, load.message)?;
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    let mut active = Vec::new();
    for at in 0..load.active as u64 {
        let stream = one()?;
        stream.set_nonblocking(true)?;
        let flags = EventFlags::IN | EventFlags::ET;
        epoll::add(&epoll, &stream, EventData::new_u64(at), flags)?;
        active.push(Client {
            stream,
            received: 0,
        });
    }
    Ok(Clients {
        epoll,
        active,
        _idle: idle,
        message: load.message.repeat(load.pipelined),
        pipelined: load.pipelined,
        answer,
    })
}

/// How long an answer is: that of a first message, sent alone. An echo has no head, and comes back as it went.
fn measure(stream: &mut TcpStream, message: &[u8]) -> io::Result<usize> {
    stream.write_all(message)?;
    let mut answer = vec![0; 16 * 1024];
    let mut length = 0;
    loop {
        let more = stream.read(&mut answer[length..])?;
        if more == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        length += more;
        match whole(&answer[..length]) {
            None if length == message.len() && answer[..length] == *message => return Ok(length),
            Some(whole) if length >= whole => return Ok(whole),
            _ => {}
        }
    }
}

/// How long a response is, once its head is there.
fn whole(answer: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(answer).ok()?;
    let (head, _) = text.split_once("\r\n\r\n")?;
    let length = head.to_ascii_lowercase();
    let (_, length) = length.split_once("content-length:")?;
    let length = length.lines().next()?.trim().parse::<usize>().ok()?;
    Some(head.len() + 4 + length)
}

impl Clients {
    /// Sends so many messages and waits for their answers.
    pub(crate) fn exchange(&mut self, ops: u64) -> io::Result<()> {
        let batches = ops.div_ceil(self.pipelined as u64);
        let (mut sent, mut answered) = (0, 0);
        for client in &mut self.active {
            if sent < batches {
                client.stream.write_all(&self.message)?;
                sent += 1;
            }
        }
        let mut events: Vec<Event> = Vec::with_capacity(256);
        let mut buffer = vec![0; 64 * 1024];
        while answered < batches {
            let room = rustix::buffer::spare_capacity(&mut events);
            epoll::wait(&self.epoll, room, None)?;
            for event in events.drain(..) {
                let client = &mut self.active[event.data.u64() as usize];
                client.received += match client.stream.read(&mut buffer) {
                    Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                    Ok(length) => length,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                    Err(error) => return Err(error),
                };
                if client.received < self.answer * self.pipelined {
                    continue;
                }
                if client.received > self.answer * self.pipelined {
                    return Err(io::Error::other("answers are not all of one length"));
                }
                client.received = 0;
                answered += 1;
                if sent < batches {
                    client.stream.write_all(&self.message)?;
                    sent += 1;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_tells_how_long_an_answer_is() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx: y\r\n\r\nhel";
        assert_eq!(whole(answer), Some(answer.len() + 2));
        assert_eq!(whole(&answer[..20]), None);
    }
}
