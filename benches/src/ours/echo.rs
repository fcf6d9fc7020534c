//! Our echo server: a coroutine a connection, on `poll_*` as a protocol would do it.

use crate::peer::parent::end_with_stdin;
use evcore::net::{TcpListener, TcpStream};
use evcore::{Result, run, spawn};
use std::future::poll_fn;

pub(crate) fn serve() -> std::result::Result<(), String> {
    let serving = async {
        let listener = TcpListener::bind(([127, 0, 0, 1], 0))?;
        println!("{}", listener.local_addr()?.port());
        end_with_stdin();
        accept(listener).await
    };
    run(serving).map_err(|error| error.to_string())
}

async fn accept(listener: TcpListener) -> Result<()> {
    loop {
        let stream = listener.accept().await?;
        spawn(echo(stream));
    }
}

async fn echo(end: TcpStream) -> Result<()> {
    end.set_nodelay(true)?;
    let mut buffer = [0; 64];
    loop {
        let length = poll_fn(|cx| end.poll_read(cx, &mut buffer)).await?;
        if length == 0 {
            return Ok(());
        }
        let mut rest = &buffer[..length];
        while !rest.is_empty() {
            let written = poll_fn(|cx| end.poll_write(cx, rest)).await?;
            rest = &rest[written..];
        }
    }
}
