//! The floor: knows how long the answer is, so parses nothing.

use crate::area::Job;
use crate::canned::ANSWER;
use crate::measure::{Sample, sample};
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use std::io::{self, Read, Write};
use std::net::TcpStream;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

pub(crate) fn run(job: &Job) -> Sample {
    fetch(job, job.connections()).expect("the canned server answers")
}

fn fetch(job: &Job, connections: u64) -> io::Result<Sample> {
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    let mut streams = Vec::new();
    for at in 0..connections {
        let stream = TcpStream::connect(("127.0.0.1", job.port))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        epoll::add(
            &epoll,
            &stream,
            EventData::new_u64(at),
            EventFlags::IN | EventFlags::ET,
        )?;
        streams.push(stream);
    }
    let mut result = Ok(());
    let sample = sample(job.ops, || result = drive(&epoll, &mut streams, job.ops));
    result.map(|()| sample)
}

fn drive(epoll: &impl std::os::fd::AsFd, streams: &mut [TcpStream], ops: u64) -> io::Result<()> {
    let (mut sent, mut answered) = (streams.len() as u64, 0);
    for stream in &mut *streams {
        stream.write_all(REQUEST)?;
    }
    let mut events: Vec<Event> = Vec::with_capacity(256);
    let mut buffer = [0; 4096];
    while answered < ops {
        epoll::wait(epoll, rustix::buffer::spare_capacity(&mut events), None)?;
        for event in events.drain(..) {
            let stream = &mut streams[event.data.u64() as usize];
            if stream.read(&mut buffer)? != ANSWER.len() {
                return Err(io::ErrorKind::InvalidData.into());
            }
            answered += 1;
            if sent < ops {
                stream.write_all(REQUEST)?;
                sent += 1;
            }
        }
    }
    Ok(())
}
