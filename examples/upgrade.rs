//! A change of protocol: WebSocket, with the frames written out here in a few lines (RFC 6455), over the stream that
//! evhttp hands over. One thread, one loop, both sides.
//!
//!     cargo run --example upgrade                             # talks to a server of its own
//!     cargo run --example upgrade -- http://HOST/ WORDS...    # to another one, which says them back

use std::hash::{BuildHasher, Hasher, RandomState};
use std::process::ExitCode;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use evcore::Result;
use evhttp::http::{HeaderName, HeaderValue};
use evhttp::{Response, Upgraded, server::Request};
use sha1::{Digest, Sha1};

/// Kinds of frames (RFC 6455 §5.2); each of ours is a message of its own.
const TEXT: u8 = 1;
const CLOSE: u8 = 8;

/// Longer messages are refused: a length is a stranger's word.
const LONGEST: u64 = 1 << 20;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next();
    let words: Vec<String> = match arguments.len() {
        0 => ["hello", "how are you", "goodbye"].map(String::from).into(),
        _ => arguments.collect(),
    };
    match evcore::run(evcore::spawn(talk(url, words))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("upgrade: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The client: a GET that asks for the change, and then frames.
async fn talk(url: Option<String>, words: Vec<String>) -> Result<()> {
    let server = evhttp::serve("127.0.0.1:0", answer)?;
    let url = url.unwrap_or(format!("http://{}/", server.local_addr()));
    let key = BASE64_STANDARD.encode([random(), random()].concat());
    let request = evhttp::get(&url)
        .upgrade("websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", &key);
    let page = request.send().await?;
    println!("{url} answers {}", page.status());
    let stream = page.upgrade()?;
    if page.header("sec-websocket-accept") != Some(&accepted(key.as_bytes())) {
        return Err("the server has not read the key".into());
    }
    for word in words {
        send(&stream, TEXT, word.as_bytes(), true).await?;
        let (_, echo) = receive(&stream).await?;
        println!(
            "{word:?} comes back as {:?}",
            String::from_utf8_lossy(&echo)
        );
    }
    send(&stream, CLOSE, &[], true).await?;
    receive(&stream).await?;
    println!("closed by both sides");
    Ok(())
}

/// The server: agrees to whoever asks, and says every message back.
fn answer(request: Request) -> Response {
    let key = request.headers.get("sec-websocket-key");
    let Some(key) = key.filter(|_| request.wants_upgrade("websocket")) else {
        return Response::upgrade_required("websocket");
    };
    let accepted = HeaderValue::try_from(accepted(key.as_bytes())).expect("base64");
    Response::switching("websocket", echo)
        .with_header(HeaderName::from_static("sec-websocket-accept"), accepted)
}

async fn echo(stream: Upgraded) -> Result<()> {
    loop {
        let (kind, message) = receive(&stream).await?;
        send(&stream, kind, &message, false).await?;
        if kind == CLOSE {
            return stream.shutdown().await;
        }
    }
}

/// RFC 6455 §4.2.2: that the server knows what it is asked for.
fn accepted(key: &[u8]) -> String {
    let hash = Sha1::new()
        .chain_update(key)
        .chain_update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    BASE64_STANDARD.encode(hash.finalize())
}

/// What nobody on the way can guess; std's maps need the same.
fn random() -> [u8; 8] {
    RandomState::new().build_hasher().finish().to_be_bytes()
}

/// RFC 6455 §5.2: kind, length, and a mask, which a client's frame has to have.
async fn send(stream: &Upgraded, kind: u8, message: &[u8], masked: bool) -> Result<()> {
    let mask = if masked { 0x80 } else { 0 };
    let mut frame = vec![0x80 | kind];
    match message.len() {
        length @ 0..126 => frame.push(mask | length as u8),
        length @ 126..65_536 => {
            frame.push(mask | 126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(mask | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    if masked {
        let key = &random()[..4];
        frame.extend(key);
        frame.extend(apply(key, message));
    } else {
        frame.extend(message);
    }
    stream.write_all(frame).await
}

/// One frame: its kind, and what it says.
async fn receive(stream: &Upgraded) -> Result<(u8, Vec<u8>)> {
    let head = stream.read_exact(2).await?;
    let length = match head[1] & 0x7f {
        126 => number(&stream.read_exact(2).await?),
        127 => number(&stream.read_exact(8).await?),
        short => short.into(),
    };
    if length > LONGEST {
        return Err(format!("a message of {length} bytes is too long").into());
    }
    let mask = match head[1] & 0x80 {
        0 => vec![0; 4],
        _ => stream.read_exact(4).await?,
    };
    let masked = stream.read_exact(length as usize).await?;
    Ok((head[0] & 0x0f, apply(&mask, &masked).collect()))
}

/// RFC 6455 §5.3: masks, and unmasks.
fn apply<'a>(mask: &'a [u8], bytes: &'a [u8]) -> impl Iterator<Item = u8> + 'a {
    bytes
        .iter()
        .zip(mask.iter().cycle())
        .map(|(byte, mask)| byte ^ mask)
}

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}
