//! The floor of an echo server: one registration a connection, edge-triggered, no memory for any.

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

/// Keys of what is no connection.
const LISTENER: u64 = u64::MAX;
const STDIN: u64 = u64::MAX - 1;

pub(crate) fn serve() -> Result<(), String> {
    run().map_err(|error| error.to_string())
}

fn run() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    let (door, input) = (EventData::new_u64(LISTENER), EventData::new_u64(STDIN));
    epoll::add(&epoll, &listener, door, EventFlags::IN)?;
    epoll::add(&epoll, io::stdin(), input, EventFlags::IN)?;
    let mut connections: Vec<Option<TcpStream>> = Vec::new();
    let mut events: Vec<Event> = Vec::with_capacity(256);
    let mut buffer = [0; 4096];
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
                    epoll::add(&epoll, &stream, key, EventFlags::IN | EventFlags::ET)?;
                    connections.push(Some(stream));
                }
                at => {
                    let slot = &mut connections[at as usize];
                    let passed = slot.as_mut().map(|stream| pass(stream, &mut buffer));
                    if matches!(passed, Some(Err(_))) {
                        *slot = None;
                    }
                }
            }
        }
    }
}

fn pass(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<()> {
    match stream.read(buffer)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        length => stream.write_all(&buffer[..length]),
    }
}
