//! Ping-pong by both doors: coroutines on `poll_*`, as a protocol would do it, and a promise for each operation.

use crate::area::Job;
use crate::measure::{Sample, sample};
use crate::peer::pair::{MESSAGE, connected};
use evcore::net::TcpStream;
use evcore::{Result, run, spawn};
use std::future::poll_fn;
use std::io;

fn ends() -> io::Result<[TcpStream; 2]> {
    let [near, far] = connected()?;
    Ok([TcpStream::from_std(near)?, TcpStream::from_std(far)?])
}

pub(crate) fn polled(job: &Job) -> Sample {
    let [near, far] = ends().expect("a loopback connection holds");
    let _echo = spawn(echo_polled(far, u64::MAX)).owned();
    let ops = job.ops;
    let mut result = Ok(());
    let sample = sample(ops, || {
        result = run(async move {
            near.try_write(&MESSAGE)?;
            echo_polled(near, ops).await
        });
    });
    result
        .map(|()| sample)
        .expect("a loopback connection holds")
}

async fn echo_polled(end: TcpStream, passes: u64) -> Result<()> {
    let mut buffer = [0; 4096];
    for _ in 0..passes {
        let length = poll_fn(|cx| end.poll_read(cx, &mut buffer)).await?;
        let mut rest = &buffer[..length];
        while !rest.is_empty() {
            let written = poll_fn(|cx| end.poll_write(cx, rest)).await?;
            rest = &rest[written..];
        }
    }
    Ok(())
}

pub(crate) fn promised(job: &Job) -> Sample {
    let [near, far] = ends().expect("a loopback connection holds");
    let _echo = spawn(echo_promised(far, u64::MAX)).owned();
    let ops = job.ops;
    let mut result = Ok(());
    let sample = sample(ops, || {
        result = run(async move {
            near.write_all(MESSAGE).await?;
            echo_promised(near, ops).await
        });
    });
    result
        .map(|()| sample)
        .expect("a loopback connection holds")
}

async fn echo_promised(end: TcpStream, passes: u64) -> Result<()> {
    for _ in 0..passes {
        let bytes = end.read(4096).await?;
        end.write_all(bytes).await?;
    }
    Ok(())
}
