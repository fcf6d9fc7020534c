//! Sessions that are not made, or break: certificates, versions, peers that speak something else.

use std::io::Write;

use bed::Authority;
use bed::raw::{Raw, Step, send};
use bed::tls::{Identity, TlsServer, read_head};
use evhttp::evtls::{Builder, Connector, Pin, Version};
use evhttp::{Client, Phase};

use super::row::{Row, Told, row, told};

const HOST: &str = "a.example";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn call(server: &TlsServer, tls: Builder) -> Told {
    let client = Client::builder()
        .resolve(HOST, server.address())
        .tls(tls.build().unwrap())
        .build();
    told(client.fetch(server.url(HOST, "/"))).naming(server.address(), "SERVER")
}

fn trusting(authority: &Authority) -> Builder {
    Connector::builder()
        .only_own_roots()
        .root_certificates(authority.pem())
}

/// A server that is this, met by a client that trusts the authority that made it.
fn shown(identity: impl FnOnce(&Authority) -> Identity, change: fn(Builder) -> Builder) -> Told {
    let authority = Authority::new();
    let server = TlsServer::answer(identity(&authority).server(), OK);
    call(&server, change(trusting(&authority)))
}

/// How many days ago, or from now, changes every day.
fn without_days(told: Told) -> Told {
    let word = |word: &str| match word.parse::<u32>() {
        Ok(_) => "N".to_owned(),
        Err(_) => word.to_owned(),
    };
    let words: Vec<String> = told.line.split(' ').map(word).collect();
    let line = words.join(" ");
    Told { line, ..told }
}

fn expired() -> Told {
    let old =
        |a: &Authority| a.issue_with(&[HOST], |p| p.not_after = rcgen::date_time_ymd(2020, 1, 1));
    without_days(shown(old, |tls| tls))
}

fn not_yet() -> Told {
    let early =
        |a: &Authority| a.issue_with(&[HOST], |p| p.not_before = rcgen::date_time_ymd(2900, 1, 1));
    without_days(shown(early, |tls| tls))
}

fn client_unknown() -> Told {
    let authority = Authority::new();
    let config = authority
        .issue(&[HOST])
        .server_of(rustls::ALL_VERSIONS, Some(&authority));
    call(&TlsServer::answer(config, OK), trusting(&authority))
}

fn old_version() -> Told {
    let authority = Authority::new();
    let config = authority
        .issue(&[HOST])
        .server_of(&[&rustls::version::TLS12], None);
    call(
        &TlsServer::answer(config, OK),
        trusting(&authority).min_version(Version::Tls13),
    )
}

/// A server that says these bytes where a session should begin.
fn speaking(script: Vec<Step>) -> Told {
    let raw = Raw::serve(script);
    let client = Client::builder().tls(trusting(&Authority::new()).build().unwrap());
    let call = client.build().get(format!("https://{}/", raw.address()));
    told(call.time_limit(Phase::Secure, evcore::secs(30)).send()).naming(raw.address(), "SERVER")
}

/// A session that ends without a goodbye after this.
fn cut(says: &'static str) -> Told {
    let authority = Authority::new();
    let server = TlsServer::start(authority.issue(&[HOST]).server(), move |stream, _| {
        read_head(stream)?;
        stream.write_all(says.as_bytes())
    });
    call(&server, trusting(&authority))
}

/// A server that speaks this by ALPN, and nothing else.
fn another_protocol(change: fn(Builder) -> Builder) -> Told {
    let authority = Authority::new();
    let mut config = authority.issue(&[HOST]).server();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let server = TlsServer::answer(config, OK);
    call(&server, change(trusting(&authority)))
}

/// A server's first words (RFC 5246 §7.4.1.3) with a protocol chosen that nobody has offered: TLS 1.2, ECDHE-RSA with
/// AES-128-GCM, secure renegotiation (RFC 5746), extended master secret (RFC 7627), ALPN `h2` (RFC 7301).
fn not_offered() -> Vec<u8> {
    let extensions = [
        &[0xff, 0x01, 0, 1, 0][..],
        &[0, 0x17, 0, 0],
        &[0, 0x10, 0, 5, 0, 3, 2, b'h', b'2'],
    ]
    .concat();
    let random = [7; 32];
    let body = [
        &[3, 3][..],
        &random,
        &[0, 0xc0, 0x2f, 0, 0, extensions.len() as u8],
        &extensions,
    ]
    .concat();
    let hello = [&[2, 0, 0, body.len() as u8][..], &body].concat();
    [&[22, 3, 3, 0, hello.len() as u8][..], &hello].concat()
}

/// A session that is waited for in vain, by a name.
fn slow_handshake() -> Told {
    let raw = Raw::serve(vec![Step::Pause(std::time::Duration::from_secs(60))]);
    let client = Client::builder()
        .resolve(HOST, raw.address())
        .tls(trusting(&Authority::new()).build().unwrap())
        .build();
    let url = format!("https://{HOST}:{}/", raw.address().port());
    let call = client.get(url).time_limit(Phase::Secure, evcore::ms(100));
    told(call.send()).naming(raw.address(), "SERVER")
}

pub(crate) const ROWS: &[Row] = &[
    row(
        "the certificate is out of date",
        "Tls(Expired)",
        "secure a.example:PORT (SERVER): the certificate expired N days ago",
        expired,
    ),
    row(
        "the certificate is not valid yet",
        "Tls(NotYetValid)",
        "secure a.example:PORT (SERVER): the certificate is not valid before another N days",
        not_yet,
    ),
    row(
        "the certificate is another host's",
        "Tls(WrongName)",
        "secure a.example:PORT (SERVER): the certificate is for b.example, not for a.example",
        || shown(|a| a.issue(&["b.example"]), |tls| tls),
    ),
    row(
        "the certificate is signed by a stranger",
        "Tls(UnknownIssuer)",
        "secure a.example:PORT (SERVER): the certificate is signed by nobody who is trusted here",
        || shown(|_| Authority::new().issue(&[HOST]), |tls| tls),
    ),
    row(
        "the key is not the pinned one",
        "Tls(NotPinned)",
        "secure a.example:PORT (SERVER): the certificate's key is none of the pinned ones",
        || shown(|a| a.issue(&[HOST]), |tls| tls.pin(Pin::sha256([7; 32]))),
    ),
    row(
        "the server wants a certificate of the client",
        "Tls(Alert)",
        "head https://a.example:PORT/ (SERVER): the peer ended the TLS session: certificate required",
        client_unknown,
    ),
    row(
        "the server is too old (TLS 1.2 where 1.3 is asked for)",
        "Tls(Alert)",
        "secure a.example:PORT (SERVER): the peer ended the TLS session: protocol version",
        old_version,
    ),
    row(
        "the server speaks h2 and nothing else",
        "Tls(Alert)",
        "secure a.example:PORT (SERVER): the peer ended the TLS session: no application protocol",
        || another_protocol(|tls| tls),
    ),
    row(
        "the server chooses h2, which the caller's connector has offered",
        "BadRequest",
        "secure a.example:PORT (SERVER): the server wants to speak \"h2\", which was offered to it and is not spoken here",
        || another_protocol(|tls| tls.protocols(["h2", "http/1.1"])),
    ),
    row(
        "the server chooses h2, which nobody has offered",
        "Tls(Protocol)",
        "secure SERVER: the peer has chosen an application protocol that was not offered",
        || speaking(vec![Step::Read(1), Step::Send(not_offered())]),
    ),
    row(
        "plain HTTP where TLS was expected",
        "Tls(Protocol)",
        "secure SERVER: the peer does not speak TLS",
        || {
            speaking(vec![
                Step::Read(1),
                send("HTTP/1.1 400 Bad Request\r\n\r\n"),
            ])
        },
    ),
    row(
        "closed in the handshake",
        "Tls(Truncated)",
        "secure SERVER: the peer closed the connection during the TLS handshake",
        || speaking(vec![Step::Read(1), Step::Close]),
    ),
    row(
        "reset in the handshake",
        "Tls(Io)",
        "secure SERVER: Connection reset by peer (os error 104)",
        || speaking(vec![Step::Reset]),
    ),
    row(
        "a named server takes too long for the handshake",
        "TimedOut",
        "secure a.example:PORT (SERVER): timed out after 100ms",
        slow_handshake,
    ),
    row(
        "a session cut in a body until its end",
        "Tls(Truncated)",
        "body https://a.example:PORT/ (SERVER), 4 bytes received: the peer closed the connection without ending the TLS session",
        || cut("HTTP/1.1 200 OK\r\n\r\nhalf"),
    ),
    row(
        "a session cut in a body with a length",
        "Tls(Truncated)",
        "body https://a.example:PORT/ (SERVER), 4 of 9 bytes received: the peer closed the connection without ending the TLS session",
        || cut("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
    ),
    row(
        "a session cut before the head",
        "Tls(Truncated)",
        "head https://a.example:PORT/ (SERVER): the peer closed the connection without ending the TLS session",
        || cut(""),
    ),
];
