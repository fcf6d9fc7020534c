//! reqwest: chunk by chunk, or `bytes()`.

use super::received;
use crate::area::Job;
use crate::measure::Sample;
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("there are descriptors left")
}

pub(crate) fn streamed(job: &Job) -> Sample {
    let chunks = async || -> reqwest::Result<usize> {
        let mut response = reqwest::get(job.url_of_all()).await?;
        let mut length = 0;
        while let Some(chunk) = response.chunk().await? {
            length += chunk.len();
        }
        Ok(length)
    };
    received(job, || {
        runtime().block_on(chunks()).expect("the server answers")
    })
}

pub(crate) fn whole(job: &Job) -> Sample {
    let bytes = async || -> reqwest::Result<usize> {
        Ok(reqwest::get(job.url_of_all()).await?.bytes().await?.len())
    };
    received(job, || {
        runtime().block_on(bytes()).expect("the server answers")
    })
}
