//! WebSocket as a crate of its own: the fields of its handshake (RFC 6455 §4) are ours to send, its frames are the crate's,
//! over the stream that we hand over.

use std::future::poll_fn;
use std::pin::Pin;

use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::handshake::client::generate_key;
use async_tungstenite::tungstenite::handshake::derive_accept_key;
use async_tungstenite::tungstenite::protocol::Role;
use async_tungstenite::tungstenite::{Bytes, Message};
use evcore::{Error, Result, run, spawn};
use evhttp::http::{HeaderName, HeaderValue};
use evhttp::{Request, Response, Upgraded, server};
use futures_core::Stream;

use crate::LIMIT;

pub(crate) type Socket = WebSocketStream<Upgraded>;

/// Opens a socket by this request.
pub(crate) async fn open(request: Request) -> Result<Socket> {
    let key = generate_key();
    let request = request
        .upgrade("websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", &key);
    let page = request.send().await?;
    let stream = page.upgrade()?;
    let accepted = derive_accept_key(key.as_bytes());
    assert_eq!(page.header("sec-websocket-accept"), Some(&*accepted));
    Ok(WebSocketStream::from_raw_socket(stream, Role::Client, None).await)
}

/// A server's function that says every message back.
pub(crate) fn echoing(request: server::Request) -> Response {
    let key = request.headers.get("sec-websocket-key");
    let Some(key) = key.filter(|_| request.wants_upgrade("websocket")) else {
        return Response::upgrade_required("websocket");
    };
    let accepted = HeaderValue::try_from(derive_accept_key(key.as_bytes())).unwrap();
    Response::switching("websocket", |stream| async move {
        let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
        while let Some(message) = hear(&mut socket).await? {
            if message.is_text() || message.is_binary() {
                say(&mut socket, message).await?;
            }
        }
        Ok(())
    })
    .with_header(HeaderName::from_static("sec-websocket-accept"), accepted)
}

pub(crate) async fn say(socket: &mut Socket, message: Message) -> Result<()> {
    socket.send(message).await.map_err(Error::new)
}

/// The next message; `None` after the goodbye of both sides.
pub(crate) async fn hear(socket: &mut Socket) -> Result<Option<Message>> {
    let message = poll_fn(|cx| Pin::new(&mut *socket).poll_next(cx)).await;
    message.transpose().map_err(Error::new)
}

/// Messages of every kind and length, said back by the peer, and the goodbye.
pub(crate) fn converse(request: Request) {
    let conversation = spawn(async move {
        let mut socket = open(request).await?;
        let lengths = [0, 1, 125, 126, 65_535, 65_536, 300_000];
        let binary = lengths.map(|length| Message::Binary(Bytes::from(vec![7; length])));
        let texts = ["hello", "größer", ""].map(Message::text);
        for message in texts.into_iter().chain(binary) {
            say(&mut socket, message.clone()).await?;
            assert_eq!(hear(&mut socket).await?, Some(message));
        }
        let ping = Bytes::from_static(b"there?");
        say(&mut socket, Message::Ping(ping.clone())).await?;
        assert_eq!(hear(&mut socket).await?, Some(Message::Pong(ping)));
        socket.close(None).await.map_err(Error::new)?;
        while let Some(message) = hear(&mut socket).await? {
            assert!(message.is_close(), "{message:?}");
        }
        Ok(())
    });
    run(conversation.timeout(LIMIT)).unwrap();
}
