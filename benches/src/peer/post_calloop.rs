//! calloop: its channel, which is a source of the loop.

use crate::area::Job;
use crate::measure::{Sample, sample};
use crate::peer::posted::{Closure, Ran, join};
use calloop::EventLoop;
use calloop::channel::{Event, channel};
use std::io;

pub(crate) fn run(job: &Job) -> Sample {
    posts(job).expect("a loop needs three descriptors")
}

fn posts(job: &Job) -> io::Result<Sample> {
    let mut events: EventLoop<'_, ()> = EventLoop::try_new().map_err(io::Error::other)?;
    let (sender, source) = channel::<Closure>();
    let inserted = events.handle().insert_source(source, |event, (), ()| {
        if let Event::Msg(closure) = event {
            closure();
        }
    });
    inserted.map_err(|error| io::Error::other(error.to_string()))?;
    let ran = Ran::default();
    let mut result = Ok(());
    let sample = sample(job.ops, || {
        let poster = ran.poster(job.ops, move |closure| {
            sender.send(closure).expect("the loop lives as long");
        });
        while ran.count() < job.ops && result.is_ok() {
            result = events.dispatch(None, &mut ());
        }
        join(poster);
    });
    result.map_err(io::Error::other)?;
    Ok(sample)
}
