//! The same on tokio: a task for each end, on a current-thread runtime.

use crate::area::Job;
use crate::measure::{Sample, sample};
use crate::peer::pair::{MESSAGE, connected};
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;

pub(crate) fn run(job: &Job) -> Sample {
    rounds(job).expect("a loopback connection holds")
}

fn rounds(job: &Job) -> io::Result<Sample> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let _inside = runtime.enter();
    let [near, far] = connected()?;
    let (near, far) = (TcpStream::from_std(near)?, TcpStream::from_std(far)?);
    drop(runtime.spawn(echo(far, u64::MAX)));
    let mut result = Ok(());
    let sample = sample(job.ops, || {
        result = runtime.block_on(async {
            let mut near = near;
            near.write_all(&MESSAGE).await?;
            echo(near, job.ops).await
        });
    });
    result?;
    Ok(sample)
}

async fn echo(mut end: TcpStream, passes: u64) -> io::Result<()> {
    let mut buffer = [0; 4096];
    for _ in 0..passes {
        let length = end.read(&mut buffer).await?;
        end.write_all(&buffer[..length]).await?;
    }
    Ok(())
}
