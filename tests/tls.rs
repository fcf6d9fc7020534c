//! evtls against rustls's other side: what is agreed on, who is refused and in which words, bytes both ways. Real
//! servers are met in `peers_tls.rs`.

use std::future::poll_fn;
use std::io::{self, IoSlice, Read, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use bed::tls::{Identity, TlsServer};
use bed::{Authority, Hash, TempDir};
use evcore::net::{ByteStream, Promised, TcpStream, connect};
use evcore::run;
use evtls::{Builder, Connector, ErrorKind, Pin, TlsStream, Version};

const HOST: &str = "a.example";

/// Trusts one authority and nobody else.
fn knowing(authority: &Authority) -> Builder {
    Connector::builder()
        .only_own_roots()
        .root_certificates(authority.pem())
}

/// The same, computing with the provider that this is compiled for: all that follows is asked of aws-lc-rs as well.
fn trusting(authority: &Authority) -> Builder {
    let builder = knowing(authority);
    #[cfg(feature = "aws-lc-rs")]
    let builder = builder.provider(rustls::crypto::aws_lc_rs::default_provider().into());
    builder
}

/// Where rustls itself would panic for want of a choice.
#[cfg(feature = "aws-lc-rs")]
#[test]
fn with_two_providers_compiled_in_nobody_has_to_choose() {
    let authority = Authority::new();
    let server = echo(&authority.issue(&[HOST]));
    for builder in [knowing(&authority), trusting(&authority)] {
        let stream = open(&server, &builder.build().unwrap(), HOST).unwrap();
        let heard = run(async move {
            send(&stream, b"hello").await?;
            Ok(receive(&stream, 5).await?)
        });
        assert_eq!(heard.unwrap(), b"hello");
    }
}

fn open(server: &TlsServer, tls: &Connector, host: &str) -> evcore::Result<TlsStream<TcpStream>> {
    let (tls, host) = (tls.clone(), host.to_owned());
    run(connect(server.address()).and_then(move |tcp| tls.connect(host.clone(), tcp.clone())))
}

/// Answers each piece with itself.
fn echo(identity: &Identity) -> TlsServer {
    TlsServer::start(identity.server(), |stream, _| {
        let mut piece = [0; 16 << 10];
        loop {
            match stream.read(&mut piece)? {
                0 => return Ok(()),
                read => stream.write_all(&piece[..read])?,
            }
            stream.flush()?;
        }
    })
}

async fn send(stream: &TlsStream<TcpStream>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let pieces = [IoSlice::new(bytes)];
        bytes = &bytes[poll_fn(|cx| stream.poll_write_vectored(cx, &pieces)).await?..];
    }
    poll_fn(|cx| stream.poll_flush(cx)).await
}

async fn receive(stream: &TlsStream<TcpStream>, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut there = 0;
    while there < length {
        match poll_fn(|cx| ByteStream::poll_read(stream, cx, &mut bytes[there..])).await? {
            0 => break,
            read => there += read,
        }
    }
    bytes.truncate(there);
    Ok(bytes)
}

/// What the handshake, or else the first read after it, fails with.
fn refused(server: &TlsServer, tls: &Connector, host: &str) -> (ErrorKind, String) {
    let failed = open(server, tls, host).and_then(|stream| {
        run(async move {
            send(&stream, b"x").await?;
            receive(&stream, 1).await?;
            Ok(())
        })
    });
    let error = failed.expect_err("a refusal");
    let ours = error
        .downcast_ref::<evtls::Error>()
        .cloned()
        .unwrap_or_else(|| {
            let io = error
                .downcast_ref::<io::Error>()
                .expect("ours or the system's");
            io.get_ref()
                .unwrap()
                .downcast_ref::<evtls::Error>()
                .expect("ours")
                .clone()
        });
    (ours.kind().clone(), ours.to_string())
}

#[test]
fn a_session_has_the_promises_of_a_socket() {
    let authority = Authority::new();
    let server = echo(&authority.issue(&[HOST]));
    let tls = trusting(&authority).build().unwrap();
    let stream = Promised::new(open(&server, &tls, HOST).unwrap());
    // Asked for all at once, done in order: more than the socket takes in one go, so that the session keeps some back.
    let large: Vec<u8> = (0..8 << 20).map(|n| n as u8).collect();
    stream.write_all(large.clone());
    let written = stream.write_all("hello");
    let (first, second) = (stream.read_exact(large.len()), stream.read_exact(5));
    assert_eq!(run(second).unwrap(), b"hello");
    assert!(written.is_settled() && run(first).unwrap() == large);
    // One that is given up holds nobody up.
    let (given_up, next) = (stream.read(1), stream.read_exact(3));
    given_up.cancel();
    stream.write_all("abc");
    assert_eq!(run(next).unwrap(), b"abc");
    stream.shutdown();
    // rustls's side ends without a goodbye, as many servers do.
    let error = run(stream.read_exact(1)).unwrap_err().to_string();
    let told = format!(
        "read from {}: the peer closed the connection without ending the TLS session",
        server.address()
    );
    assert_eq!(error, told);
}

#[test]
fn a_session_says_what_was_agreed_on() {
    let authority = Authority::new();
    let identity = authority.issue(&[HOST]);
    let mut config = identity.server();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let server = TlsServer::start(config, |stream, _| stream.read(&mut [0]).map(drop));
    let tls = trusting(&authority)
        .protocols(["h2", "http/1.1"])
        .build()
        .unwrap();
    let agreed = open(&server, &tls, HOST).unwrap().agreed();
    assert_eq!(agreed.version, Version::Tls13);
    assert_eq!(agreed.protocol.as_deref(), Some(&b"http/1.1"[..]));
    assert_eq!(agreed.certificates, [identity.der()]);
    assert!(agreed.cipher.starts_with("TLS13_"), "{}", agreed.cipher);
    assert!(!agreed.resumed);
}

#[test]
fn certificates_are_judged() {
    let (authority, other) = (Authority::new(), Authority::new());
    let year = |year| rcgen::date_time_ymd(year, 1, 1);
    let expired = authority.issue_with(&[HOST], |params| params.not_after = year(2020));
    let early = authority.issue_with(&[HOST], |params| params.not_before = year(2200));
    let wildcard = authority.issue(&["*.wild.example", "b.test"]);
    let tls = trusting(&authority).build().unwrap();

    open(&echo(&wildcard), &tls, "any.wild.example").unwrap();
    open(&echo(&authority.issue(&["127.0.0.1"])), &tls, "127.0.0.1").unwrap();
    open(&echo(&authority.issue(&["::1"])), &tls, "[::1]").unwrap();

    let (kind, line) = refused(&echo(&expired), &tls, HOST);
    assert_eq!(kind, ErrorKind::Expired);
    assert!(
        line.starts_with("the certificate expired ") && line.ends_with(" days ago"),
        "{line}"
    );
    let (kind, line) = refused(&echo(&early), &tls, HOST);
    assert_eq!(kind, ErrorKind::NotYetValid);
    assert!(
        line.starts_with("the certificate is not valid before another "),
        "{line}"
    );
    let table = [
        (
            &wildcard,
            "two.below.wild.example",
            ErrorKind::WrongName,
            "the certificate is for *.wild.example, b.test, not for two.below.wild.example",
        ),
        (
            &wildcard,
            "127.0.0.1",
            ErrorKind::WrongName,
            "the certificate is for *.wild.example, b.test, not for 127.0.0.1",
        ),
        (
            &other.issue(&[HOST]),
            HOST,
            ErrorKind::UnknownIssuer,
            "the certificate is signed by nobody who is trusted here",
        ),
    ];
    for (identity, host, kind, line) in table {
        assert_eq!(
            refused(&echo(identity), &tls, host),
            (kind, line.to_owned())
        );
    }
}

#[test]
fn a_pinned_key_is_asked_for_besides() {
    let authority = Authority::new();
    let (good, other) = (authority.issue(&[HOST]), authority.issue(&[HOST]));
    let tls = trusting(&authority)
        .pin(Pin::sha256(good.key_hash()))
        .build()
        .unwrap();
    open(&echo(&good), &tls, HOST).unwrap();
    let not_pinned = (
        ErrorKind::NotPinned,
        "the certificate's key is none of the pinned ones".to_owned(),
    );
    assert_eq!(refused(&echo(&other), &tls, HOST), not_pinned);

    let anybody = Connector::builder().danger_accept_any_certificate();
    open(&echo(&other), &anybody.build().unwrap(), "b.test").unwrap();
    let pinned = Connector::builder()
        .danger_accept_any_certificate()
        .pin(Pin::sha256(good.key_hash()))
        .build()
        .unwrap();
    open(&echo(&good), &pinned, "b.test").unwrap();
    assert_eq!(refused(&echo(&other), &pinned, "b.test"), not_pinned);
}

#[test]
fn a_client_shows_its_certificate_if_asked() {
    let (authority, other) = (Authority::new(), Authority::new());
    let identity = authority.issue(&[HOST]);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let config = identity.server_of(&[version], Some(&authority));
        let server = TlsServer::start(config, |stream, _| {
            stream.read_exact(&mut [0])?;
            stream.write_all(b"y")
        });
        let me = authority.issue_to_client("me");
        let tls = trusting(&authority)
            .client_certificate(&me.chain, &me.key)
            .build()
            .unwrap();
        let stream = open(&server, &tls, HOST).unwrap();
        let answer = run(async move {
            send(&stream, b"x").await?;
            Ok(receive(&stream, 1).await?)
        });
        assert_eq!(answer.unwrap(), b"y");

        let (kind, line) = refused(&server, &trusting(&authority).build().unwrap(), HOST);
        assert_eq!(kind, ErrorKind::Alert);
        assert!(
            line.starts_with("the peer ended the TLS session: "),
            "{line}"
        );
        let stranger = other.issue_to_client("me");
        let tls = trusting(&authority)
            .client_certificate(stranger.chain, stranger.key)
            .build()
            .unwrap();
        assert_eq!(refused(&server, &tls, HOST).0, ErrorKind::Alert);
    }
}

#[test]
fn versions_have_to_meet() {
    let authority = Authority::new();
    let identity = authority.issue(&[HOST]);
    let old = TlsServer::start(
        identity.server_of(&[&rustls::version::TLS12], None),
        |stream, _| stream.read(&mut [0]).map(drop),
    );
    let tls = trusting(&authority).build().unwrap();
    assert_eq!(
        open(&old, &tls, HOST).unwrap().agreed().version,
        Version::Tls12
    );
    let tls = trusting(&authority)
        .min_version(Version::Tls13)
        .build()
        .unwrap();
    let (kind, line) = refused(&old, &tls, HOST);
    assert_eq!(
        (kind, line.as_str()),
        (
            ErrorKind::Alert,
            "the peer ended the TLS session: protocol version"
        )
    );
    let tls = trusting(&authority)
        .max_version(Version::Tls12)
        .build()
        .unwrap();
    assert_eq!(
        open(&echo(&identity), &tls, HOST).unwrap().agreed().version,
        Version::Tls12
    );
    let upside_down = Connector::builder()
        .min_version(Version::Tls13)
        .max_version(Version::Tls12);
    assert_eq!(
        upside_down.build().unwrap_err().to_string(),
        "the oldest version is newer than the newest"
    );
}

/// What a program says that trusts what its environment names, of a server for `a.example`.
fn in_environment(server: &TlsServer, environment: &[(&str, &std::path::Path)]) -> String {
    let port = server.address().port();
    let mut driver = Command::new(env!("CARGO_BIN_EXE_driver"))
        .arg("--resolve")
        .arg(format!("{HOST}:{port}:127.0.0.1"))
        .env_remove("SSL_CERT_FILE")
        .env_remove("SSL_CERT_DIR")
        .env_remove("SSLKEYLOGFILE")
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let line = format!("{{\"id\":1,\"url\":\"{}\"}}\n", server.url(HOST, "/"));
    driver
        .stdin
        .take()
        .unwrap()
        .write_all(line.as_bytes())
        .unwrap();
    let told = driver.wait_with_output().unwrap().stdout;
    String::from_utf8(told).unwrap()
}

#[test]
fn the_environment_names_roots_and_a_file_for_keys() {
    let (authority, other) = (Authority::new(), Authority::new());
    let config = authority.issue(&[HOST]).server();
    let server = TlsServer::answer(config, "HTTP/1.1 204 No\r\n\r\n");
    let dir = TempDir::new("roots");
    let place = |name: &str| dir.path().join(name);
    let write = |name: &str, text: &str| {
        std::fs::write(place(name), text).unwrap();
        place(name)
    };
    let (good, bad) = (
        write("good.pem", authority.pem()),
        write("bad.pem", other.pem()),
    );
    std::fs::create_dir(place("hashed")).unwrap();
    // Named as `openssl rehash` does.
    write("hashed/0a1b2c3d.0", authority.pem());
    let (hashed, keys) = (place("hashed"), place("keys"));

    let well = "\"status\":204";
    let stranger = "the certificate is signed by nobody who is trusted here";
    let table: [(&[(&str, &std::path::Path)], &str); 5] = [
        (&[("SSL_CERT_FILE", &good)], well),
        (&[("SSL_CERT_FILE", &bad)], stranger),
        (&[("SSL_CERT_DIR", &hashed)], well),
        (&[("SSL_CERT_FILE", &bad), ("SSL_CERT_DIR", &hashed)], well),
        (&[("SSL_CERT_FILE", &place("none"))], "root certificate"),
    ];
    for (environment, expected) in table {
        let told = in_environment(&server, environment);
        assert!(told.contains(expected), "{environment:?}: {told}");
    }
    assert!(!keys.exists());
    in_environment(
        &server,
        &[("SSL_CERT_FILE", &good), ("SSLKEYLOGFILE", &keys)],
    );
    // RFC 9850: a label, the client's random of 32 bytes, a secret.
    let written = std::fs::read_to_string(&keys).unwrap();
    for label in [
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET ",
        "SERVER_TRAFFIC_SECRET_0 ",
    ] {
        let line = written.lines().find(|line| line.starts_with(label));
        let words: Vec<&str> = line.expect(label).split(' ').collect();
        assert_eq!((words.len(), words[1].len()), (3, 64), "{words:?}");
    }
}

#[test]
fn a_second_session_resumes_the_first() {
    let authority = Authority::new();
    let server = echo(&authority.issue(&[HOST]));
    let resumed = |tls: &Connector| {
        let stream = open(&server, tls, HOST).unwrap();
        let resumed = stream.agreed().resumed;
        // Tickets come after the handshake (RFC 8446 §4.6.1): before any answer.
        let answer = run(async move {
            send(&stream, b"x").await?;
            Ok(receive(&stream, 1).await?)
        });
        assert_eq!(answer.unwrap(), b"x");
        resumed
    };
    let tls = trusting(&authority).build().unwrap();
    assert_eq!([resumed(&tls), resumed(&tls)], [false, true]);
    let tls = trusting(&authority).resumption(false).build().unwrap();
    assert_eq!([resumed(&tls), resumed(&tls)], [false, false]);
}

#[test]
fn megabytes_pass_both_ways_at_once() {
    const LENGTH: usize = 20 << 20;
    let authority = Authority::new();
    let server = echo(&authority.issue(&[HOST]));
    let stream = open(&server, &trusting(&authority).build().unwrap(), HOST).unwrap();
    let bytes: Vec<u8> = (0..LENGTH as u32).map(|n| (n ^ (n >> 8)) as u8).collect();
    let sent = Hash::of(&bytes);
    let writer = stream.clone();
    let sending = evcore::spawn(async move { Ok(send(&writer, &bytes).await?) });
    let received = run(async move { Ok(receive(&stream, LENGTH).await?) }).unwrap();
    run(sending).unwrap();
    assert_eq!((received.len(), Hash::of(&received)), (LENGTH, sent));
}

#[test]
fn an_end_without_goodbye_is_an_error_and_one_with_it_is_none() {
    let authority = Authority::new();
    let identity = authority.issue(&[HOST]);
    let tls = trusting(&authority).build().unwrap();
    let read = |server: &TlsServer| {
        let stream = open(server, &tls, HOST).unwrap();
        run(async move {
            let all = receive(&stream, 2).await?;
            assert_eq!(all, b"y", "what came before the end counts");
            Ok(receive(&stream, 1).await?)
        })
    };
    let polite = TlsServer::start(identity.server(), |stream, _| {
        stream.write_all(b"y")?;
        stream.conn.send_close_notify();
        stream.flush()
    });
    let stream = open(&polite, &tls, HOST).unwrap();
    assert_eq!(
        run(async move { Ok(receive(&stream, 2).await?) }).unwrap(),
        b"y"
    );
    let rude = TlsServer::start(identity.server(), |stream, _| stream.write_all(b"y"));
    let error = read(&rude).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the peer closed the connection without ending the TLS session"
    );
    let io = error.downcast_ref::<io::Error>().unwrap();
    assert_eq!(io.kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn who_speaks_no_tls_is_found_out() {
    let plain = bed::Raw::serve(vec![
        bed::raw::Step::Read(1),
        bed::raw::send("HTTP/1.1 400 Bad Request\r\n\r\n"),
    ]);
    let mute = bed::Raw::serve(vec![bed::raw::Step::Read(1), bed::raw::Step::Close]);
    let tls = Connector::builder()
        .danger_accept_any_certificate()
        .build()
        .unwrap();
    let line = |raw: &bed::Raw| {
        let tls = tls.clone();
        let opened = connect(raw.address()).and_then(move |tcp| tls.connect(HOST, tcp.clone()));
        run(opened).unwrap_err().to_string()
    };
    assert_eq!(line(&plain), "the peer does not speak TLS");
    let closed = line(&mute);
    let expected = "the peer closed the connection during the TLS handshake";
    assert!(closed == expected || closed.contains("reset"), "{closed}");
}

#[test]
fn a_handshake_given_up_closes_the_connection() {
    let mute = bed::Raw::serve(vec![bed::raw::Step::Pause(Duration::from_secs(30))]);
    let tls = Connector::builder()
        .danger_accept_any_certificate()
        .build()
        .unwrap();
    let address = mute.address();
    let opening = connect(address).and_then(move |tcp| tls.connect(HOST, tcp.clone()));
    let watched = opening.clone();
    run(async move {
        evcore::sleep(evcore::ms(50)).await?;
        watched.cancel();
        Ok(())
    })
    .unwrap();
    assert!(mute.closed_by_client(1, Duration::from_secs(10)));
    assert!(opening.is_settled());
}

#[test]
fn a_session_runs_inside_a_session() {
    // The outer server is a relay that takes TLS off: what is inside it is TLS again.
    let authority = Authority::new();
    let inner = echo(&authority.issue(&["inner.example"]));
    let target = inner.address();
    let outer = TlsServer::start(authority.issue(&[HOST]).server(), move |stream, _| {
        let mut onward = std::net::TcpStream::connect(target)?;
        onward.set_read_timeout(Some(Duration::from_millis(5)))?;
        stream
            .sock
            .set_read_timeout(Some(Duration::from_millis(5)))?;
        let mut piece = [0; 16 << 10];
        loop {
            let later = |error: &io::Error| {
                matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                )
            };
            match stream.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(read) => onward.write_all(&piece[..read])?,
                Err(error) if later(&error) => {}
                Err(error) => return Err(error),
            }
            match onward.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(read) => stream.write_all(&piece[..read])?,
                Err(error) if later(&error) => {}
                Err(error) => return Err(error),
            }
            stream.flush()?;
        }
    });
    let tls = trusting(&authority).build().unwrap();
    let outside = open(&outer, &tls, HOST).unwrap();
    let answer = run(async move {
        let inside = tls.handshake("inner.example", outside).await?;
        let sent = [IoSlice::new(b"hello")];
        poll_fn(|cx| inside.poll_write_vectored(cx, &sent)).await?;
        poll_fn(|cx| inside.poll_flush(cx)).await?;
        let mut answer = [0; 5];
        let mut there = 0;
        while there < 5 {
            there += poll_fn(|cx| ByteStream::poll_read(&inside, cx, &mut answer[there..])).await?;
        }
        Ok(answer)
    });
    assert_eq!(&answer.unwrap(), b"hello");
}

#[test]
fn bad_settings_are_told_when_they_are_made() {
    let authority = Authority::new();
    let (one, other) = (authority.issue(&[HOST]), authority.issue(&[HOST]));
    let told = |builder: Builder| builder.build().unwrap_err().to_string();
    let table = [
        (
            Connector::builder().client_certificate("", &one.key),
            "no certificate in the text given as the client certificate",
        ),
        (
            Connector::builder().client_certificate(&one.chain, "x"),
            "no private key in the text given as one",
        ),
        (
            Connector::builder().server_name("a b"),
            "\"a b\" is no name that a certificate could be for",
        ),
    ];
    for (builder, line) in table {
        assert_eq!(told(builder), line);
    }
    let mixed = trusting(&authority)
        .client_certificate(&one.chain, &other.key)
        .build()
        .unwrap();
    let (kind, line) = refused(&echo(&one), &mixed, HOST);
    assert_eq!(kind, ErrorKind::BadSettings);
    assert!(line.starts_with("the client certificate: "), "{line}");
}
