//! The least a loop can do: two registrations, and in each turn a wait, a receive and a send.

use crate::area::Job;
use crate::measure::{Sample, sample};
use crate::peer::pair::{MESSAGE, connected};
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use std::io::{self, Read, Write};

pub(crate) fn run(job: &Job) -> Sample {
    rounds(job).expect("a loopback connection holds")
}

fn rounds(job: &Job) -> io::Result<Sample> {
    let ends = connected()?;
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    for (end, at) in ends.iter().zip(0..) {
        epoll::add(
            &epoll,
            end,
            EventData::new_u64(at),
            EventFlags::IN | EventFlags::ET,
        )?;
    }
    let mut events: Vec<Event> = Vec::with_capacity(64);
    let mut buffer = [0; 4096];
    let mut passes = 0;
    let mut turn = || -> io::Result<()> {
        epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), None)?;
        for event in events.drain(..) {
            let mut end = &ends[event.data.u64() as usize];
            let length = end.read(&mut buffer)?;
            end.write_all(&buffer[..length])?;
            passes += 1;
        }
        Ok(())
    };
    (&ends[0]).write_all(&MESSAGE)?;
    let mut result = Ok(());
    let sample = sample(job.ops, || {
        result = (0..2 * job.ops).try_for_each(|_| turn())
    });
    result?;
    assert_eq!(passes, 2 * job.ops, "one message is under way at any time");
    Ok(sample)
}
