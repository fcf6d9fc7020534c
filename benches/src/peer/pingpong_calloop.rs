//! The same on calloop: a callback for each end, edge-triggered.

use crate::area::Job;
use crate::measure::{Sample, sample};
use crate::peer::pair::{MESSAGE, connected};
use calloop::generic::Generic;
use calloop::{EventLoop, Interest, Mode, PostAction};
use std::io::{self, Read, Write};
use std::net::TcpStream;

pub(crate) fn run(job: &Job) -> Sample {
    rounds(job).expect("a loopback connection holds")
}

struct Passes {
    count: u64,
    buffer: [u8; 4096],
}

impl Passes {
    fn pass(&mut self, mut end: &TcpStream) -> io::Result<PostAction> {
        match end.read(&mut self.buffer) {
            Ok(length) => {
                end.write_all(&self.buffer[..length])?;
                self.count += 1;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(PostAction::Continue)
    }
}

fn rounds(job: &Job) -> io::Result<Sample> {
    let mut events: EventLoop<'_, Passes> = EventLoop::try_new().map_err(io::Error::other)?;
    let [near, far] = connected()?;
    (&near).write_all(&MESSAGE)?;
    for end in [near, far] {
        let source = Generic::new(end, Interest::READ, Mode::Edge);
        let inserted = events
            .handle()
            .insert_source(source, |_, end, passes: &mut Passes| passes.pass(end));
        inserted.map_err(|error| io::Error::other(error.to_string()))?;
    }
    let mut passes = Passes {
        count: 0,
        buffer: [0; 4096],
    };
    let mut result = Ok(());
    let sample = sample(job.ops, || {
        while passes.count < 2 * job.ops && result.is_ok() {
            result = events.dispatch(None, &mut passes);
        }
    });
    result.map_err(io::Error::other)?;
    Ok(sample)
}
