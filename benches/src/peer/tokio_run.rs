//! So many requests of any client on tokio, so many of them in flight.

use crate::area::Job;
use crate::canned::BODY;
use crate::measure::{Sample, sample};
use std::cell::Cell;
use std::error::Error;
use std::rc::Rc;
use tokio::runtime::Builder;
use tokio::task::{JoinSet, LocalSet};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// `request` makes one and tells how long its body was. As with the others, connections are made before the clock starts.
pub(crate) fn requests<F>(job: &Job, request: impl Fn() -> F + Clone + 'static) -> Sample
where
    F: Future<Output = Result<usize>> + 'static,
{
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("there are descriptors left");
    let local = LocalSet::new();
    let connections = job.connections();
    local
        .block_on(&runtime, at_once(connections, connections, request.clone()))
        .expect("the canned server answers");
    sample(job.ops, || {
        local
            .block_on(&runtime, at_once(connections, job.ops, request))
            .expect("the canned server answers");
    })
}

async fn at_once<F>(
    connections: u64,
    ops: u64,
    request: impl Fn() -> F + Clone + 'static,
) -> Result<()>
where
    F: Future<Output = Result<usize>> + 'static,
{
    let left = Rc::new(Cell::new(ops));
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let (left, request) = (left.clone(), request.clone());
        tasks.spawn_local(async move {
            while let Some(fewer) = left.get().checked_sub(1) {
                left.set(fewer);
                if request().await? != BODY {
                    return Err("the body is cut short".into());
                }
            }
            Result::Ok(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    Ok(())
}
