//! reqwest's client, made once, of its optional features with TLS alone, on a current-thread runtime.

use crate::area::Job;
use crate::measure::Sample;
use crate::peer::{provider, tokio_run};

pub(crate) fn run(job: &Job) -> Sample {
    provider::install();
    let client = reqwest::Client::new();
    let url = job.url();
    tokio_run::requests(job, move || {
        let (client, url) = (client.clone(), url.clone());
        async move { Ok(client.get(&*url).send().await?.bytes().await?.len()) }
    })
}
