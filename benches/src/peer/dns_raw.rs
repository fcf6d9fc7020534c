//! The floor: one connected socket, queries that differ by a number in one label, answers told apart by their ids alone.

use crate::area::Job;
use crate::measure::{Sample, sample};
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use std::io::{self, ErrorKind};
use std::net::UdpSocket;

/// `n00000000.bench.test A` with id 0.
const QUERY: &[u8] = b"\0\0\x01\0\0\x01\0\0\0\0\0\0\x09n00000000\x05bench\x04test\0\0\x01\0\x01";
const DIGITS: std::ops::Range<usize> = 14..22;

pub(crate) fn run(job: &Job) -> Sample {
    ask(job).expect("NSD answers")
}

fn ask(job: &Job) -> io::Result<Sample> {
    let socket = UdpSocket::bind(("127.0.0.1", 0))?;
    socket.connect(("127.0.0.1", job.port))?;
    socket.set_nonblocking(true)?;
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    let edges = EventFlags::IN | EventFlags::ET;
    epoll::add(&epoll, &socket, EventData::new_u64(0), edges)?;
    let mut result = Ok(());
    let sample = sample(job.ops, || {
        result = drive(&epoll, &socket, job.connections(), job.ops)
    });
    result.map(|()| sample)
}

fn drive(
    epoll: &impl std::os::fd::AsFd,
    socket: &UdpSocket,
    under_way: u64,
    ops: u64,
) -> io::Result<()> {
    let mut query = QUERY.to_vec();
    let (mut sent, mut answered) = (0, 0);
    let mut send = || -> io::Result<()> {
        if sent < ops {
            query[..2].copy_from_slice(&(sent as u16).to_be_bytes());
            query[DIGITS].copy_from_slice(format!("{sent:08}").as_bytes());
            socket.send(&query)?;
            sent += 1;
        }
        Ok(())
    };
    for _ in 0..under_way {
        send()?;
    }
    let mut events: Vec<Event> = Vec::with_capacity(8);
    let mut buffer = [0; 4096];
    while answered < ops {
        epoll::wait(epoll, rustix::buffer::spare_capacity(&mut events), None)?;
        events.clear();
        loop {
            match socket.recv(&mut buffer) {
                Ok(_) => {
                    answered += 1;
                    send()?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
            if under_way == 1 {
                break;
            }
        }
    }
    Ok(())
}
