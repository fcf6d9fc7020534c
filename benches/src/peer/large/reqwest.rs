//! reqwest: chunk by chunk, or `bytes()`. Its TLS is rustls, with the provider of this program: ring, as everybody's here.

use super::received;
use crate::area::Job;
use crate::flood::tls::root_pem;
use crate::measure::Sample;
use crate::peer::provider;
use reqwest::{Certificate, Client, Response, Result};
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    provider::install();
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("there are descriptors left")
}

pub(crate) fn streamed(job: &Job) -> Sample {
    let all = async || chunks(reqwest::get(job.url_of_all()).await?).await;
    received(job, || {
        runtime().block_on(all()).expect("the server answers")
    })
}

pub(crate) fn tls(job: &Job) -> Sample {
    let all = async || {
        let root = Certificate::from_pem(&root_pem())?;
        let client = Client::builder().tls_certs_only([root]).build()?;
        chunks(client.get(job.secure_url_of_all()).send().await?).await
    };
    received(job, || {
        runtime().block_on(all()).expect("the server answers")
    })
}

async fn chunks(mut response: Response) -> Result<usize> {
    let mut length = 0;
    while let Some(chunk) = response.chunk().await? {
        length += chunk.len();
    }
    Ok(length)
}

pub(crate) fn whole(job: &Job) -> Sample {
    let bytes = async || -> Result<usize> {
        Ok(reqwest::get(job.url_of_all()).await?.bytes().await?.len())
    };
    received(job, || {
        runtime().block_on(bytes()).expect("the server answers")
    })
}
