//! smol: its unbounded channel into a future of this thread.

use crate::area::Job;
use crate::measure::{Sample, sample};
use crate::peer::posted::{Closure, Ran, join};
use smol::channel::unbounded;

pub(crate) fn run(job: &Job) -> Sample {
    let (sender, receiver) = unbounded::<Closure>();
    let ran = Ran::default();
    sample(job.ops, || {
        let poster = ran.poster(job.ops, move |closure| {
            sender
                .try_send(closure)
                .expect("the receiver lives as long");
        });
        smol::block_on(async {
            while let Ok(closure) = receiver.recv().await {
                closure();
            }
        });
        join(poster);
    })
}
