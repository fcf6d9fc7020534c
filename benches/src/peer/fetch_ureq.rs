//! ureq blocks: one agent, a thread for each connection.

use crate::area::Job;
use crate::canned::BODY;
use crate::measure::{Sample, sample};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::scope;

pub(crate) fn run(job: &Job) -> Sample {
    let connections = job.connections();
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .max_idle_connections(connections as usize)
        .max_idle_connections_per_host(connections as usize)
        .build()
        .into();
    let url = job.url();
    at_once(&agent, &url, connections, connections);
    sample(job.ops, || at_once(&agent, &url, connections, job.ops))
}

fn at_once(agent: &ureq::Agent, url: &str, connections: u64, ops: u64) {
    let begun = AtomicU64::new(0);
    scope(|threads| {
        for _ in 0..connections {
            threads.spawn(|| {
                while begun.fetch_add(1, Ordering::Relaxed) < ops {
                    let body = request(agent, url).expect("the canned server answers");
                    assert_eq!(body.len(), BODY, "the body is cut short");
                }
            });
        }
    });
}

fn request(agent: &ureq::Agent, url: &str) -> Result<Vec<u8>, ureq::Error> {
    agent.get(url).call()?.body_mut().read_to_vec()
}
