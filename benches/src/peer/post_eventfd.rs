//! The floor: a list under a mutex, and an eventfd written to when the list was empty.

use crate::area::Job;
use crate::measure::{Sample, sample};
use crate::peer::posted::{Closure, Ran, join};
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

struct Inbox {
    posts: Mutex<Vec<Closure>>,
    event: OwnedFd,
}

impl Inbox {
    fn post(&self, closure: Closure) {
        let mut posts = self.posts.lock().unwrap_or_else(PoisonError::into_inner);
        posts.push(closure);
        let first = posts.len() == 1;
        drop(posts);
        if first {
            rustix::io::write(&self.event, &1_u64.to_ne_bytes()).expect("an eventfd takes it");
        }
    }

    /// Waits for the event and leaves `into`'s memory for the next posts.
    fn take(&self, into: &mut Vec<Closure>) -> io::Result<()> {
        rustix::io::read(&self.event, &mut [0; 8])?;
        let mut posts = self.posts.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut *posts, into);
        Ok(())
    }
}

pub(crate) fn run(job: &Job) -> Sample {
    let inbox = Arc::new(Inbox {
        posts: Mutex::default(),
        event: eventfd(0, EventfdFlags::CLOEXEC).expect("there are descriptors left"),
    });
    let (ran, mut taken) = (Ran::default(), Vec::new());
    sample(job.ops, || {
        let to = inbox.clone();
        let poster = ran.poster(job.ops, move |closure| to.post(closure));
        while ran.count() < job.ops {
            inbox.take(&mut taken).expect("an eventfd can be read");
            taken.drain(..).for_each(|closure| closure());
        }
        join(poster);
    })
}
