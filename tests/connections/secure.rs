//! https: what is agreed on, what is told, and in which words it fails.

use std::io::Write;

use bed::raw::{Step, send};
use bed::tls::{TlsServer, read_head};
use bed::{Authority, Raw};
use evcore::run;
use evhttp::evtls::ErrorKind as Tls;
use evhttp::evtls::Version;
use evhttp::{CONNECTED, Client, ClientBuilder, Error, ErrorKind, Phase, SECURED, SENT};

use crate::{LIMIT, OK, listing, trusting};

const HOST: &str = "a.example";

fn client(authority: &Authority, server: &TlsServer) -> ClientBuilder {
    let tls = trusting(authority).build().unwrap();
    Client::builder().resolve(HOST, server.address()).tls(tls)
}

#[test]
fn a_page_comes_over_tls_and_the_connection_is_kept() {
    let authority = Authority::new();
    let server = TlsServer::answer(authority.issue(&[HOST]).server(), OK);
    let client = client(&authority, &server).build();
    let (secured, add) = listing();
    let (connected, also) = listing();
    for _ in 0..3 {
        let page = client.fetch(server.url(HOST, "/"));
        let page = run(page.on(SECURED, add.clone()).on(CONNECTED, also.clone())).unwrap();
        assert_eq!(page.text().unwrap(), "ok");
    }
    assert_eq!(server.accepted(), 1);
    let secured = secured.borrow();
    assert_eq!(secured.len(), 1);
    assert_eq!(secured[0].agreed.version, Version::Tls13);
    let reused: Vec<bool> = connected.borrow().iter().map(|c| c.reused).collect();
    assert_eq!(reused, [false, true, true]);
}

#[test]
fn http_1_1_is_offered_unless_the_connector_says_otherwise() {
    let authority = Authority::new();
    let mut config = authority.issue(&[HOST]).server();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let server = TlsServer::answer(config, OK);
    let agreed = |offers: Option<&[&str]>| {
        let tls = trusting(&authority);
        let tls = match offers {
            Some(offers) => tls.protocols(offers),
            None => tls,
        };
        let client = Client::builder().resolve(HOST, server.address());
        let client = client.tls(tls.build().unwrap()).build();
        let (secured, add) = listing();
        run(client.fetch(server.url(HOST, "/")).on(SECURED, add)).unwrap();
        secured.borrow()[0].agreed.protocol.clone()
    };
    assert_eq!(agreed(None).as_deref(), Some(&b"http/1.1"[..]));
    assert_eq!(agreed(Some(&[])), None);
}

#[test]
fn a_post_asks_the_socket_below_the_session() {
    // Its first connection ends after one answer, with and without the session's goodbye.
    for goodbye in [true, false] {
        let authority = Authority::new();
        let server = TlsServer::start(authority.issue(&[HOST]).server(), move |stream, number| {
            read_head(stream)?;
            stream.write_all(OK.as_bytes())?;
            if number == 0 && goodbye {
                stream.conn.send_close_notify();
            }
            stream.flush()
        });
        let client = client(&authority, &server).build();
        run(client.fetch(server.url(HOST, "/"))).unwrap();
        // The end has come, and the loop has had no turn to hear of it.
        assert!(server.closed_by_server(1, LIMIT));
        let page = run(client.post(server.url(HOST, "/")).body("").send()).unwrap();
        assert_eq!(page.text().unwrap(), "ok");
        assert_eq!(server.accepted(), 2);
    }
}

#[test]
fn events_of_a_call_come_in_their_order() {
    let authority = Authority::new();
    let server = TlsServer::answer(authority.issue(&[HOST]).server(), OK);
    let client = client(&authority, &server).build();
    let (order, add) = listing();
    let add = std::rc::Rc::new(add);
    let note = |name: &'static str| {
        let add = add.clone();
        move || add(&name)
    };
    let (resolved, secured, connected) = (note("resolved"), note("secured"), note("connected"));
    let (sent, head) = (note("sent"), note("head"));
    let page = client
        .fetch(server.url(HOST, "/"))
        .on(evhttp::RESOLVED, move |told| {
            assert_eq!(told.host, HOST);
            resolved();
        })
        .on(SECURED, move |_| secured())
        .on(CONNECTED, move |_| connected())
        .on(SENT, move |told| {
            assert_eq!((told.hop, told.attempt), (0, 0));
            sent();
        })
        .on(evhttp::HEAD, move |_| head());
    run(page).unwrap();
    let expected = ["resolved", "secured", "connected", "sent", "head"];
    assert_eq!(*order.borrow(), expected);
}

/// The kind and the line of a failed call, which names its phase.
fn failure(client: &Client, url: &str) -> (Tls, String) {
    let error = run(client.get(url).deadline(LIMIT).send()).expect_err(url);
    let ours = error
        .downcast_ref::<Error>()
        .unwrap_or_else(|| panic!("{error}"));
    match ours.kind() {
        ErrorKind::Tls(tls) => (tls.kind().clone(), error.to_string()),
        other => panic!("{other}"),
    }
}

#[test]
fn each_refusal_is_one_line() {
    let (authority, other) = (Authority::new(), Authority::new());
    let expired = authority.issue_with(&[HOST], |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1)
    });
    let table = [
        (expired, Tls::Expired, "the certificate expired "),
        (
            authority.issue(&["b.example"]),
            Tls::WrongName,
            "the certificate is for b.example, not for a.example",
        ),
        (
            other.issue(&[HOST]),
            Tls::UnknownIssuer,
            "the certificate is signed by nobody who is trusted here",
        ),
    ];
    for (identity, kind, cause) in table {
        let server = TlsServer::answer(identity.server(), OK);
        let client = client(&authority, &server).build();
        let (told, line) = failure(&client, &server.url(HOST, "/"));
        assert_eq!(told, kind);
        let (port, address) = (server.address().port(), server.address());
        let expected = format!("secure {HOST}:{port} ({address}): {cause}");
        assert!(line.starts_with(&expected), "{line}");
        assert!(!line.contains('\n'), "{line}");
    }

    let config = authority
        .issue(&[HOST])
        .server_of(rustls::ALL_VERSIONS, Some(&authority));
    let server = TlsServer::answer(config, OK);
    let (told, line) = failure(&client(&authority, &server).build(), &server.url(HOST, "/"));
    assert_eq!(told, Tls::Alert);
    let expected = "the peer ended the TLS session: certificate required";
    assert!(line.ends_with(expected), "{line}");
    let me = authority.issue_to_client("me");
    let tls = trusting(&authority)
        .client_certificate(me.chain, me.key)
        .build()
        .unwrap();
    let client = client(&authority, &server).tls(tls).build();
    assert_eq!(
        run(client.fetch(server.url(HOST, "/")))
            .unwrap()
            .text()
            .unwrap(),
        "ok"
    );
}

#[test]
fn a_server_that_speaks_plain_http_says_so() {
    let raw = Raw::serve(vec![
        Step::Read(1),
        send("HTTP/1.1 400 Bad Request\r\n\r\n"),
    ]);
    let tls = trusting(&Authority::new()).build().unwrap();
    let client = Client::builder().tls(tls).build();
    let (kind, line) = failure(&client, &format!("https://{}/", raw.address()));
    assert_eq!(kind, Tls::Protocol);
    assert_eq!(
        line,
        format!("secure {}: the peer does not speak TLS", raw.address())
    );
}

#[test]
fn a_body_cut_short_is_not_taken_for_whole() {
    let authority = Authority::new();
    let server = TlsServer::start(authority.issue(&[HOST]).server(), |stream, _| {
        read_head(stream)?;
        // Until the end of the connection, which anybody on the way can bring about.
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhalf of")
    });
    let client = client(&authority, &server).build();
    let error = run(client.fetch(server.url(HOST, "/"))).unwrap_err();
    let ours = error.downcast_ref::<Error>().unwrap();
    assert_eq!(ours.phase(), Phase::Body);
    assert!(
        error
            .to_string()
            .ends_with("the peer closed the connection without ending the TLS session"),
        "{error}"
    );
}
