//! Our client: the thread's default one, its pool and its layers as everybody gets them.

use crate::area::Job;
use crate::measure::{Sample, sample};
use evcore::{Promise, Result, spawn};
use evhttp::Client;
use std::cell::Cell;
use std::rc::Rc;

/// With the layers a default client has, outermost first.
pub(crate) const NAME: &str = "evhttp, fetch(url); layers: deadline, follow, upgrade, authenticate, decode, again, harvest, wire";

/// The same client without them: what the layers cost is the difference.
pub(crate) const BARE: &str = "evhttp, a bare client; layers: wire";

pub(crate) fn run(job: &Job) -> Sample {
    fetch(Client::current(), job).expect("the canned server answers")
}

pub(crate) fn run_bare(job: &Job) -> Sample {
    fetch(Client::builder().bare().build(), job).expect("the canned server answers")
}

fn fetch(client: Client, job: &Job) -> Result<Sample> {
    let (url, connections) = (job.url(), job.connections());
    // As the others, it has its connections before the clock starts.
    evcore::run(at_once(&client, &url, connections, connections))?;
    let mut result = Ok(Vec::new());
    let sample = sample(job.ops, || {
        result = evcore::run(at_once(&client, &url, connections, job.ops))
    });
    result.map(|_| sample)
}

/// So many requests, so many of them in flight.
fn at_once(client: &Client, url: &Rc<str>, connections: u64, ops: u64) -> Promise<Vec<()>> {
    let left = Rc::new(Cell::new(ops));
    Promise::all(
        (0..connections).map(|_| spawn(requests(client.clone(), url.clone(), left.clone()))),
    )
}

async fn requests(client: Client, url: Rc<str>, left: Rc<Cell<u64>>) -> Result<()> {
    while let Some(fewer) = left.get().checked_sub(1) {
        left.set(fewer);
        let page = client.fetch(&url).await?;
        if page.bytes()?.len() != 13 {
            return Err("the body is cut short".into());
        }
    }
    Ok(())
}
