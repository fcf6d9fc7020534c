//! hyper's bare client connection, frame by frame.

use super::received;
use crate::area::Job;
use crate::measure::Sample;
use crate::peer::tokio_run::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::{LocalSet, spawn_local};

pub(crate) fn streamed(job: &Job) -> Sample {
    let runtime = Builder::new_current_thread()
        .enable_io()
        .build()
        .expect("there are descriptors left");
    received(job, || {
        LocalSet::new()
            .block_on(&runtime, frames(job))
            .expect("the server answers")
    })
}

async fn frames(job: &Job) -> Result<usize> {
    let stream = TcpStream::connect(("127.0.0.1", job.port)).await?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    spawn_local(connection);
    let request = Request::get(format!("/{}", job.ops))
        .header("host", "127.0.0.1")
        .body(Empty::<Bytes>::new())?;
    let mut body = sender.send_request(request).await?.into_body();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        length += frame?.data_ref().map_or(0, Bytes::len);
    }
    Ok(length)
}
