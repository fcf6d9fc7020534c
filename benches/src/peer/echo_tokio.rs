//! tokio's echo server: a local task a connection, on a current-thread runtime.

use crate::peer::parent::end_with_stdin;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::task::{LocalSet, spawn_local};

pub(crate) fn serve() -> Result<(), String> {
    let run = || -> io::Result<()> {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        LocalSet::new().block_on(&runtime, async {
            end_with_stdin();
            accept().await
        })
    };
    run().map_err(|error| error.to_string())
}

async fn accept() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        spawn_local(echo(stream));
    }
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    // On the heap, and small: what a server of many connections can afford.
    let mut buffer = vec![0; 64];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..length]).await?;
    }
}
