//! Our look-ups: a resolver with one server, everything else as it is by default.

use crate::area::Job;
use crate::measure::{Sample, sample};
use crate::peer::nsd::name;
use evcore::{Promise, Result, spawn};
use evdns::{A, Resolver};
use std::cell::Cell;
use std::rc::Rc;

pub(crate) fn run(job: &Job) -> Sample {
    ask(job, Rc::new(name)).expect("NSD answers")
}

pub(crate) fn run_cached(job: &Job) -> Sample {
    ask(job, Rc::new(|_| name(0))).expect("NSD answers")
}

type Naming = Rc<dyn Fn(u64) -> String>;

fn ask(job: &Job, naming: Naming) -> Result<Sample> {
    let resolver = Resolver::builder()
        .server(([127, 0, 0, 1], job.port))
        .build();
    let (unused, first) = (job.ops, naming.clone());
    let warm: Naming = Rc::new(move |_| first(unused));
    evcore::run(at_once(&resolver, &warm, 1, 1))?;
    let mut result = Ok(Vec::new());
    let sample = sample(job.ops, || {
        result = evcore::run(at_once(&resolver, &naming, job.connections(), job.ops))
    });
    result.map(|_| sample)
}

/// So many names, so many of them under way.
fn at_once(resolver: &Resolver, naming: &Naming, under_way: u64, ops: u64) -> Promise<Vec<()>> {
    let next = Rc::new(Cell::new(0));
    let one = |_| spawn(names(resolver.clone(), naming.clone(), next.clone(), ops));
    Promise::all((0..under_way).map(one))
}

async fn names(resolver: Resolver, naming: Naming, next: Rc<Cell<u64>>, ops: u64) -> Result<()> {
    while next.get() < ops {
        let number = next.replace(next.get() + 1);
        let found = resolver.resolve::<A>(naming(number)).await?;
        assert_eq!(found.len(), 1);
    }
    Ok(())
}
