//! ureq: its reader into one buffer, or `read_to_vec`; its own buffer made as large as the others'.

use super::{AT_ONCE, received};
use crate::area::Job;
use crate::flood::tls::root_pem;
use crate::measure::Sample;
use std::io::Read;
use std::sync::Arc;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .input_buffer_size(AT_ONCE)
        .build()
        .into()
}

/// With rustls and ring.
fn secure_agent() -> ureq::Agent {
    let root = Certificate::from_pem(&root_pem()).expect("it is one");
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&[root]))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()));
    ureq::Agent::config_builder()
        .input_buffer_size(AT_ONCE)
        .tls_config(tls.build())
        .build()
        .into()
}

pub(crate) fn streamed(job: &Job) -> Sample {
    received(job, || read(&agent(), &job.url_of_all()))
}

pub(crate) fn tls(job: &Job) -> Sample {
    received(job, || read(&secure_agent(), &job.secure_url_of_all()))
}

fn read(agent: &ureq::Agent, url: &str) -> usize {
    let response = agent.get(url).call().expect("the server answers");
    let mut reader = response.into_body().into_reader();
    let (mut buffer, mut length) = (vec![0; AT_ONCE], 0);
    loop {
        match reader.read(&mut buffer).expect("the server goes on") {
            0 => return length,
            more => length += more,
        }
    }
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
