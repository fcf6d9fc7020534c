//! ureq: its reader into one buffer, or `read_to_vec`; its own buffer made as large as the others'.

use super::{AT_ONCE, received};
use crate::area::Job;
use crate::measure::Sample;
use std::io::Read;

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .input_buffer_size(AT_ONCE)
        .build()
        .into()
}

pub(crate) fn streamed(job: &Job) -> Sample {
    received(job, || {
        let response = agent().get(&job.url_of_all()).call();
        let mut reader = response
            .expect("the server answers")
            .into_body()
            .into_reader();
        let (mut buffer, mut length) = (vec![0; AT_ONCE], 0);
        loop {
            match reader.read(&mut buffer).expect("the server goes on") {
                0 => return length,
                more => length += more,
            }
        }
    })
}

pub(crate) fn whole(job: &Job) -> Sample {
    received(job, || {
        let response = agent().get(&job.url_of_all()).call();
        let body = response.expect("the server answers").into_body();
        // Without a limit it reads no more than 10 MB.
        let body = body.into_with_config().limit(u64::MAX).read_to_vec();
        body.expect("the server goes on").len()
    })
}
