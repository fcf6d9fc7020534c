//! reqwest's client, made once, without any optional feature, on a current-thread runtime.

use crate::area::Job;
use crate::measure::Sample;
use crate::peer::tokio_run;

pub(crate) fn run(job: &Job) -> Sample {
    let client = reqwest::Client::new();
    let url = job.url();
    tokio_run::requests(job, move || {
        let (client, url) = (client.clone(), url.clone());
        async move { Ok(client.get(&*url).send().await?.bytes().await?.len()) }
    })
}
