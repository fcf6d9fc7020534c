//! hyper's bare server connection, a local task each, on a current-thread runtime. Half of its pipelining is off by
//! default (`pipeline_flush`): it is on here.

use crate::peer::parent::end_with_stdin;
use bytes::Bytes;
use http_body_util::Full;
use hyper::server::conn::http1::Builder as Connection;
use hyper::service::service_fn;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io;
use tokio::net::TcpListener;
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
        let connection = Connection::new()
            .pipeline_flush(true)
            .serve_connection(TokioIo::new(stream), service_fn(hello));
        spawn_local(connection);
    }
}

async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(Bytes::from_static(
        b"Hello, world!",
    ))))
}
