//! hyper's bare client connection, a task for each, on a current-thread runtime.

use crate::area::Job;
use crate::measure::{Sample, sample};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::cell::Cell;
use std::error::Error;
use std::rc::Rc;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::{JoinSet, LocalSet};

type Result<T> = std::result::Result<T, Box<dyn Error>>;
type Sender = SendRequest<Empty<Bytes>>;

pub(crate) fn run(job: &Job) -> Sample {
    fetch(job, job.connections()).expect("the canned server answers")
}

fn fetch(job: &Job, connections: u64) -> Result<Sample> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let local = LocalSet::new();
    let mut senders = Vec::new();
    for _ in 0..connections {
        senders.push(local.block_on(&runtime, connect(job.port))?);
    }
    let mut result = Ok(());
    let sample = sample(job.ops, || {
        result = local.block_on(&runtime, drive(senders, job.ops))
    });
    result.map(|()| sample)
}

async fn connect(port: u16) -> Result<Sender> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::task::spawn_local(connection);
    Ok(sender)
}

async fn drive(senders: Vec<Sender>, ops: u64) -> Result<()> {
    let left = Rc::new(Cell::new(ops));
    let mut tasks = JoinSet::new();
    for sender in senders {
        let left = left.clone();
        tasks.spawn_local(async move {
            requests(sender, &left)
                .await
                .map_err(|error| error.to_string())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    Ok(())
}

async fn requests(mut sender: Sender, left: &Cell<u64>) -> Result<()> {
    while let Some(fewer) = left.get().checked_sub(1) {
        left.set(fewer);
        let request = Request::get("/")
            .header("host", "127.0.0.1")
            .body(Empty::new())?;
        let response = sender.send_request(request).await?;
        let body = response.into_body().collect().await?.to_bytes();
        if body.len() != 13 {
            return Err("the body is cut short".into());
        }
    }
    Ok(())
}
