//! mio has a waker and no list: std's channel beside it, woken when nobody has since the last turn.

use crate::area::Job;
use crate::measure::{Sample, sample};
use crate::peer::posted::{Ran, join};
use mio::{Events, Poll, Token, Waker};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

pub(crate) fn run(job: &Job) -> Sample {
    posts(job).expect("a poller needs three descriptors")
}

fn posts(job: &Job) -> io::Result<Sample> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(8);
    // Held here too: a wake that is under way when the last waker goes is lost with its descriptor.
    let waker = Arc::new(Waker::new(poll.registry(), Token(0))?);
    let poster_waker = waker.clone();
    let (sender, receiver) = channel();
    let woken = Arc::new(AtomicBool::new(false));
    let (ran, seen) = (Ran::default(), woken.clone());
    let mut result = Ok(());
    let sample = sample(job.ops, || {
        let poster = ran.poster(job.ops, move |closure| {
            sender.send(closure).expect("the receiver lives as long");
            if !woken.swap(true, Ordering::SeqCst) {
                poster_waker.wake().expect("the poller lives as long");
            }
        });
        while ran.count() < job.ops && result.is_ok() {
            result = poll.poll(&mut events, None);
            seen.store(false, Ordering::SeqCst);
            receiver.try_iter().for_each(|closure| closure());
        }
        join(poster);
    });
    drop(waker);
    result.map(|()| sample)
}
