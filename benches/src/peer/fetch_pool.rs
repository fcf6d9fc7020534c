//! hyper-util's pooled client: a connection stays in the pool between two requests, on a current-thread runtime.

use crate::area::Job;
use crate::measure::Sample;
use crate::peer::tokio_run;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Uri;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

pub(crate) fn run(job: &Job) -> Sample {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let url = job.url();
    tokio_run::requests(job, move || {
        let (client, url) = (client.clone(), url.clone());
        async move {
            // Parsed each time, as ours is.
            let response = client.get(url.parse::<Uri>()?).await?;
            Ok(response.into_body().collect().await?.to_bytes().len())
        }
    })
}
