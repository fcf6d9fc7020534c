//! What an upgraded stream is good for: WebSocket by a crate of its own, TLS laid over it, tunnels; over TCP, TLS and
//! Unix-domain sockets. How it comes about is in `fetch/switching.rs` and `serve/switching.rs`; peers that are programs are in
//! `peers_websocket.rs`.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use async_tungstenite::tungstenite::accept;
use bed::tls::{TlsServer, read_head};
use bed::{Authority, Raw};
use evcore::net::{ByteStream, connect};
use evcore::{Promise, Result, run, spawn};
use evhttp::evtls::Connector;
use evhttp::http::{Method, StatusCode};
use evhttp::server::Request;
use evhttp::{Client, Proxies, Response, Upgraded, serve};

mod upgrade {
    pub(crate) mod websocket;
}

use upgrade::websocket::{converse, echoing};

const HOST: &str = "a.example";

/// The patience of a test with what has to come: a busy machine may need much of it.
const LIMIT: Duration = Duration::from_secs(30);
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn trusting(authority: &Authority) -> Connector {
    let builder = Connector::builder()
        .only_own_roots()
        .root_certificates(authority.pem());
    builder.protocols(["http/1.1"]).build().unwrap()
}

/// The crate's own server, without ours, on whatever it is.
fn echo(stream: impl Read + Write) {
    let mut socket = accept(stream).unwrap();
    // Its end is an error after the goodbye.
    while let Ok(message) = socket.read() {
        if message.is_text() || message.is_binary() {
            socket.send(message).unwrap();
        }
    }
}

#[test]
fn websocket_is_a_crate_of_its_own_on_both_sides() {
    let server = serve("127.0.0.1:0", echoing).unwrap();
    let url = format!("http://{}/", server.local_addr());
    let client = Client::new();
    for _ in 0..3 {
        converse(client.get(&url));
    }
    run(evcore::sleep(Duration::from_millis(50))).unwrap();
    assert_eq!(server.connections(), 0, "each is closed after its goodbye");
}

#[test]
fn it_runs_inside_tls() {
    let authority = Authority::new();
    let server = TlsServer::start(authority.issue(&[HOST]).server(), |stream, _| {
        echo(&mut *stream);
        stream.conn.send_close_notify();
        stream.flush()
    });
    let client = Client::builder()
        .resolve(HOST, server.address())
        .tls(trusting(&authority))
        .build();
    converse(client.get(server.url(HOST, "/")));
}

#[cfg(unix)]
#[test]
fn it_runs_over_a_unix_socket() {
    let dir = bed::TempDir::new("upgrade");
    let path = dir.path().join("socket");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let serving = thread::spawn(move || echo(listener.accept().unwrap().0));
    let client = Client::builder().unix_socket(&path).build();
    converse(client.get("http://a.example/"));
    serving.join().unwrap();
}

/// RFC 2817: HTTP first, then TLS on the same connection.
#[test]
fn a_tls_session_can_be_laid_over_it() {
    let authority = Authority::new();
    let config = authority.issue(&[HOST]).server();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let serving = thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        assert!(
            read_head(&mut stream)
                .unwrap()
                .contains("\r\nupgrade: TLS/1.2\r\n")
        );
        stream
            .write_all(b"HTTP/1.1 101 Go\r\nUpgrade: TLS/1.2\r\n\r\n")
            .unwrap();
        let session = rustls::ServerConnection::new(config.into()).unwrap();
        let mut secured = rustls::StreamOwned::new(session, stream);
        assert!(read_head(&mut secured).unwrap().starts_with("secret"));
        secured.write_all(b"answer").unwrap();
    });
    let tls = trusting(&authority);
    let heard = spawn(async move {
        let page = evhttp::get(url).upgrade("TLS/1.2").send().await?;
        let session = tls.handshake(HOST, page.upgrade()?).await?;
        let secret = [std::io::IoSlice::new(b"secret\r\n\r\n")];
        std::future::poll_fn(|cx| session.poll_write_vectored(cx, &secret)).await?;
        std::future::poll_fn(|cx| ByteStream::poll_flush(&session, cx)).await?;
        let mut heard = [0; 6];
        assert_eq!(
            std::future::poll_fn(|cx| session.poll_read(cx, &mut heard)).await?,
            6
        );
        Ok(heard)
    });
    assert_eq!(&run(heard.timeout(LIMIT)).unwrap(), b"answer");
    serving.join().unwrap();
}

/// Everything from one to the other, and then its end.
async fn pour(
    from: impl Fn(usize) -> Promise<Vec<u8>>,
    to: impl Fn(Vec<u8>) -> Promise<()>,
) -> Result<()> {
    loop {
        let bytes = from(64_000).await?;
        if bytes.is_empty() {
            return Ok(());
        }
        to(bytes).await?;
    }
}

async fn join(client: Upgraded, server: evcore::net::TcpStream) -> Result<()> {
    let up = spawn({
        let (client, server) = (client.clone(), server.clone());
        async move {
            pour(|most| client.read(most), |bytes| server.write_all(bytes)).await?;
            server.shutdown().await
        }
    });
    pour(|most| server.read(most), |bytes| client.write_all(bytes)).await?;
    client.shutdown().await?;
    up.await
}

#[test]
fn a_proxy_is_a_few_lines() {
    let proxy = serve("127.0.0.1:0", |request: Request| async move {
        let server = match request.method {
            Method::CONNECT => connect(request.target).await,
            _ => Err("no tunnel was asked for".into()),
        };
        match server {
            Ok(server) => Response::tunnel(|client| join(client, server)),
            Err(_) => Response::new(StatusCode::BAD_GATEWAY),
        }
    })
    .unwrap();
    let authority = Authority::new();
    let secure = TlsServer::answer(authority.issue(&["localhost"]).server(), OK);
    let plain = Raw::answer(OK);
    let behind = serve("127.0.0.1:0", echoing).unwrap();
    let through = format!("http://{}", proxy.local_addr());
    let client = Client::builder()
        .proxies(Proxies::all(through.parse().unwrap()))
        .tls(trusting(&authority))
        .build();
    // https, twice on one connection; WebSocket; and what it does not do.
    for _ in 0..2 {
        let page = run(client.fetch(secure.url("localhost", "/")).timeout(LIMIT)).unwrap();
        assert_eq!(page.text().unwrap(), "ok");
    }
    assert_eq!((secure.accepted(), proxy.connections()), (1, 1));
    converse(client.get(format!("http://{}/", behind.local_addr())));
    assert_eq!(run(client.fetch(plain.url("/"))).unwrap().status(), 502);
    let error = run(client.fetch("https://127.0.0.1:1/")).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("the proxy answered 502 Bad Gateway"),
        "{error}"
    );
    // The tunnel ends with its client.
    drop(client);
    let gone = spawn(async move {
        while proxy.connections() > 0 {
            evcore::sleep(Duration::from_millis(5)).await?;
        }
        Ok(())
    });
    run(gone.timeout(LIMIT)).unwrap();
}
