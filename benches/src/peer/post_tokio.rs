//! tokio: its unbounded channel into a task of a current-thread runtime, taken in batches.

use crate::area::Job;
use crate::measure::{Sample, sample};
use crate::peer::posted::{Ran, join};
use tokio::runtime::Builder;
use tokio::sync::mpsc::unbounded_channel;

/// How many a task takes at once.
const BATCH: usize = 1_024;

pub(crate) fn run(job: &Job) -> Sample {
    let runtime = Builder::new_current_thread()
        .enable_io()
        .build()
        .expect("there are descriptors left");
    let (sender, mut receiver) = unbounded_channel();
    let ran = Ran::default();
    sample(job.ops, || {
        let poster = ran.poster(job.ops, move |closure| {
            sender.send(closure).expect("the receiver lives as long");
        });
        runtime.block_on(async {
            let mut taken = Vec::with_capacity(BATCH);
            while receiver.recv_many(&mut taken, BATCH).await > 0 {
                taken.drain(..).for_each(|closure| closure());
            }
        });
        join(poster);
    })
}
