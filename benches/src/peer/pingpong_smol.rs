//! The same on smol: a task for each end, on a local executor of this thread.

use crate::area::Job;
use crate::measure::{Sample, sample};
use crate::peer::pair::{MESSAGE, connected};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::{Async, LocalExecutor};
use std::io;
use std::net::TcpStream;

pub(crate) fn run(job: &Job) -> Sample {
    rounds(job).expect("a loopback connection holds")
}

fn rounds(job: &Job) -> io::Result<Sample> {
    let [near, far] = connected()?;
    let (near, far) = (Async::new(near)?, Async::new(far)?);
    let executor = LocalExecutor::new();
    executor.spawn(echo(far, u64::MAX)).detach();
    let mut result = Ok(());
    let sample = sample(job.ops, || {
        result = smol::block_on(executor.run(async {
            let mut near = near;
            near.write_all(&MESSAGE).await?;
            echo(near, job.ops).await
        }));
    });
    result?;
    Ok(sample)
}

async fn echo(mut end: Async<TcpStream>, passes: u64) -> io::Result<()> {
    let mut buffer = [0; 4096];
    for _ in 0..passes {
        let length = end.read(&mut buffer).await?;
        end.write_all(&buffer[..length]).await?;
    }
    Ok(())
}
