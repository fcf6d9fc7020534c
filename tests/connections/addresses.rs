//! Which addresses are tried, in which order, from where; Unix-domain sockets.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener};

use bed::{BlackHole, Raw, Refusing, TempDir};
use evcore::{Promise, run};
use evhttp::limits::CONNECT_STAGGER;
use evhttp::{CONNECTED, Client, Error, Phase, RESOLVED, get};

use crate::still::Still;
use crate::{LIMIT, OK, listing};

#[test]
fn a_name_is_found_where_the_user_says() {
    let raw = Raw::answer(OK);
    let port = raw.address().port();
    let localhost = IpAddr::from(Ipv4Addr::LOCALHOST);
    let url = format!("http://A.Example:{port}/");
    // A port of its own, the URL's port, a function.
    let fixed = get("http://a.example/").resolve("a.EXAMPLE", raw.address());
    let same_port = get(&url).resolve("a.example", (localhost, 0).into());
    let asked = get(&url).resolver(move |name| {
        assert_eq!(name, "a.example");
        Promise::ready(vec![localhost])
    });
    for request in [fixed, same_port, asked] {
        let (resolved, add) = listing();
        let page = run(request.deadline(LIMIT).send().on(RESOLVED, add)).unwrap();
        assert_eq!(page.text().unwrap(), "ok");
        assert_eq!(resolved.borrow()[0].addresses, [raw.address()]);
    }
}

#[test]
fn a_look_up_that_fails_says_so() {
    let said = |request: evhttp::Request| {
        let error = run(request.send()).unwrap_err();
        assert_eq!(
            error.downcast_ref::<Error>().unwrap().phase(),
            Phase::Resolve
        );
        error.to_string()
    };
    let empty = get("http://a.example/").resolver(|_| Promise::ready(Vec::new()));
    assert_eq!(said(empty), "resolve a.example:80: the name has no address");
    let failing = get("http://a.example/").resolver(|_| Promise::failed("no such name"));
    assert_eq!(said(failing), "resolve a.example:80: no such name");
}

#[test]
fn the_next_address_is_tried_when_one_refuses() {
    let raw = Raw::answer(OK);
    let refusing = Refusing::tcp();
    let client = Client::builder()
        .resolve("a.example", refusing.address())
        .resolve("a.example", raw.address());
    let (connected, add) = listing();
    run(client.build().fetch("http://a.example/").on(CONNECTED, add)).unwrap();
    assert_eq!(
        connected.borrow()[0].peer.to_string(),
        raw.address().to_string()
    );
}

#[test]
fn each_address_tried_stands_in_the_error() {
    let refusing = [Refusing::tcp(), Refusing::tcp()];
    let [one, other] = [0, 1].map(|n: usize| refusing[n].address());
    let request = get("http://a.example/")
        .resolve("a.example", one)
        .resolve("a.example", other);
    let line = run(request.send()).unwrap_err().to_string();
    let refused = "Connection refused (os error 111)";
    assert_eq!(
        line,
        format!("connect a.example:80: {one}: {refused}; {other}: {refused}")
    );
}

#[test]
fn an_address_that_does_not_answer_holds_nobody_up() {
    let hole = BlackHole::new();
    let raw = Raw::answer(OK);
    let still = Still::new();
    let call = get("http://a.example/")
        .resolve("a.example", hole.address())
        .resolve("a.example", raw.address())
        .send();
    still.rest();
    still.clock.advance(CONNECT_STAGGER - evcore::ms(1));
    still.rest();
    still.reactor.turn(evcore::ms(100));
    assert!(raw.seen().is_empty(), "the first has its head start");
    still.clock.advance(evcore::ms(1));
    assert!(bed::wait_until(LIMIT, || {
        still.rest();
        call.is_settled()
    }));
    still.reactor.run(call).unwrap();
    drop(still);

    let request = get("http://a.example/").resolve("a.example", hole.address());
    let late = request.time_limit(Phase::Connect, evcore::ms(300)).send();
    let line = run(late).unwrap_err().to_string();
    assert_eq!(line, "connect a.example:80: timed out after 300ms");
}

#[test]
fn a_connection_comes_from_where_the_user_says() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let from = std::thread::spawn(move || {
        let (mut stream, from) = listener.accept().unwrap();
        _ = stream.read(&mut [0; 1_000]);
        stream.write_all(OK.as_bytes()).unwrap();
        from
    });
    run(get(&url).bind([127, 0, 0, 9].into()).send()).unwrap();
    assert_eq!(from.join().unwrap().ip(), IpAddr::from([127, 0, 0, 9]));

    let line = run(get(&url).bind(IpAddr::from([0; 16])).send())
        .unwrap_err()
        .to_string();
    assert!(
        line.ends_with("no address of the family of ::, which is to be connected from"),
        "{line}"
    );
}

#[test]
fn a_unix_socket_stands_for_any_host() {
    let dir = TempDir::new("unix");
    let path = dir.path().join("socket");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut heads = Vec::new();
        for _ in 0..2 {
            heads.push(bed::tls::read_head(&mut stream).unwrap());
            stream.write_all(OK.as_bytes()).unwrap();
        }
        heads
    });
    let client = Client::builder().unix_socket(&path).build();
    for _ in 0..2 {
        assert_eq!(
            run(client.fetch("http://docker.example/info"))
                .unwrap()
                .text()
                .unwrap(),
            "ok"
        );
    }
    let heads = served.join().unwrap();
    assert!(
        heads[1].starts_with("GET /info HTTP/1.1\r\nhost: docker.example\r\n"),
        "{heads:?}"
    );

    let line = run(get("http://a.example/").unix_socket("/no/such").send())
        .unwrap_err()
        .to_string();
    assert_eq!(
        line,
        "connect a.example:80 through /no/such: No such file or directory (os error 2)"
    );
}

#[test]
fn a_look_up_leaves_no_error_behind() {
    let raw = Raw::answer(OK);
    let reported = std::rc::Rc::new(std::cell::Cell::new(0));
    let count = reported.clone();
    evcore::Reactor::current().on_unhandled(move |_| count.set(count.get() + 1));
    let url = format!("http://a.example:{}/", raw.address().port());
    for late in [0, 5] {
        let client = Client::builder()
            .resolver(move |_| {
                evcore::sleep(evcore::ms(late)).then(|()| vec![[127, 0, 0, 1].into()])
            })
            .build();
        run(client.fetch(&url)).unwrap();
        let given_up = client.fetch(&url);
        given_up.cancel();
    }
    run(evcore::sleep(evcore::ms(10))).unwrap();
    assert_eq!(reported.get(), 0);
}
