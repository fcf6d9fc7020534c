//! The same on mio.

use crate::area::Job;
use crate::measure::{Sample, sample};
use crate::peer::pair::{MESSAGE, connected};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{self, Read, Write};

pub(crate) fn run(job: &Job) -> Sample {
    rounds(job).expect("a loopback connection holds")
}

fn rounds(job: &Job) -> io::Result<Sample> {
    let mut ends = connected()?.map(TcpStream::from_std);
    let mut poll = Poll::new()?;
    for (end, at) in ends.iter_mut().zip(0..) {
        poll.registry()
            .register(end, Token(at), Interest::READABLE)?;
    }
    let mut events = Events::with_capacity(64);
    ends[0].write_all(&MESSAGE)?;
    let mut buffer = [0; 4096];
    let mut passes = 0;
    let mut turn = || -> io::Result<()> {
        poll.poll(&mut events, None)?;
        for event in &events {
            let end = &mut ends[event.token().0];
            let length = end.read(&mut buffer)?;
            end.write_all(&buffer[..length])?;
            passes += 1;
        }
        Ok(())
    };
    let mut result = Ok(());
    let sample = sample(job.ops, || {
        result = (0..2 * job.ops).try_for_each(|_| turn())
    });
    result?;
    assert_eq!(passes, 2 * job.ops, "one message is under way at any time");
    Ok(sample)
}
