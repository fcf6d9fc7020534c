//! Redirects as a caller sees them: where the call ends up, what goes along, what is told, what is refused.

use std::rc::Rc;
use std::time::Duration;

use bed::raw::{Raw, Step, send};
use bytes::Bytes;
use evcore::{ManualClock, Promise, Reactor, run};
use evhttp::http::{HeaderValue, StatusCode, header};
use evhttp::limits::DRAINED;
use evhttp::server::Request;
use evhttp::{
    Body, CHUNK, Client, Error, ErrorKind, HEAD, PROGRESS, REDIRECT, Response, Server, fetch, get,
    post, put, serve,
};

use crate::{LIMIT, OK, listing, soon};

fn to(status: u16, place: &str) -> Response {
    Response::new(StatusCode::from_u16(status).unwrap())
        .with_header(header::LOCATION, HeaderValue::try_from(place).unwrap())
        .with_body("gone away")
}

/// `/N/rest` redirects to `/N-1/rest` with status `rest`; `/0` echoes method, type and body.
fn server() -> (Server, String) {
    let server = serve("127.0.0.1:0", |request: Request| async move {
        let parts: Vec<&str> = request.target.split('/').skip(1).collect();
        if parts[0] != "0" {
            let left: u32 = parts[0].parse().unwrap();
            let to = to(
                parts[1].parse().unwrap(),
                &format!("/{}/{}", left - 1, parts[1]),
            );
            return Ok(to);
        }
        let kind = request.headers.get(header::CONTENT_TYPE).cloned();
        let kind = kind.map_or("-".into(), |kind| format!("{kind:?}"));
        let method = request.method.clone();
        let body = request.body.collect(1 << 20).await?;
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok::<_, evcore::Error>(Response::plain(format!("{method} {kind} {body:?}")))
    });
    let server = server.unwrap();
    let base = format!("http://{}", server.local_addr());
    (server, base)
}

#[test]
fn a_redirect_is_followed_and_remembered() {
    let (_server, base) = server();
    let (hops, add) = listing();
    let (heads, on_head) = listing();
    let (pieces, on_piece) = listing::<Bytes>();
    let page = fetch(format!("{base}/3/302#part"))
        .on(REDIRECT, move |hop| {
            add(&format!(
                "{} {} {}",
                hop.status.unwrap().as_u16(),
                hop.from.path(),
                hop.to.path()
            ))
        })
        .on(HEAD, move |head| on_head(&head.status))
        .on(CHUNK, on_piece);
    let page = run(page).unwrap();
    assert_eq!(page.text().unwrap(), "GET - \"\"");
    assert_eq!(page.url().unwrap().as_str(), format!("{base}/0/302#part"));
    let passed: Vec<String> = std::iter::successors(page.previous(), |hop| hop.previous())
        .map(|hop| format!("{} {}", hop.status().as_u16(), hop.url().unwrap().path()))
        .collect();
    assert_eq!(passed, ["302 /1/302", "302 /2/302", "302 /3/302"]);
    assert_eq!(
        *hops.borrow(),
        [
            "302 /3/302 /2/302",
            "302 /2/302 /1/302",
            "302 /1/302 /0/302"
        ]
    );
    assert_eq!(*heads.borrow(), [StatusCode::OK], "the head is told once");
    assert_eq!(
        pieces.borrow().concat(),
        page.bytes().unwrap(),
        "no byte of a 302 is heard"
    );
}

#[test]
fn bodies_go_along_where_the_status_says_so() {
    let (_server, base) = server();
    let ask = |status: u16| {
        let url = format!("{base}/2/{status}");
        let call = post(url).header("content-type", "a/b").body("hello");
        run(call.send()).unwrap().text().unwrap().into_owned()
    };
    for status in [301, 302, 303] {
        assert_eq!(ask(status), "GET - \"\"", "{status}");
    }
    for status in [307, 308] {
        assert_eq!(ask(status), "POST \"a/b\" \"hello\"", "{status}");
    }
}

#[test]
fn a_file_goes_along_from_its_beginning_and_a_stream_cannot() {
    let (_server, base) = server();
    let folder = bed::TempDir::new("redirect");
    let path = folder.path().join("file");
    std::fs::write(&path, "from a file").unwrap();
    let url = format!("{base}/2/307");
    let page = run(put(&url).body(Body::file(&path).unwrap()).send()).unwrap();
    assert_eq!(page.text().unwrap(), "PUT - \"from a file\"");

    let mut once = Some(Bytes::from("once"));
    let stream = Body::from_fn(None, move || Promise::ready(once.take()));
    let error = run(put(&url).body(stream).send()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "head {url}: a redirect with status 307 needs the body a second time, but it is a stream that can be read once"
        )
    );
    let parts = error.downcast_ref::<Error>().unwrap();
    assert!(matches!(parts.kind(), ErrorKind::BodyNotReplayable(_)));
}

#[test]
fn there_is_a_limit_and_it_can_be_set() {
    let (_server, base) = server();
    let page = run(fetch(format!("{base}/20/301"))).unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    let error = run(fetch(format!("{base}/21/301"))).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("head {base}/1/301: more than 20 redirects")
    );
    let error = run(get(format!("{base}/3/301")).redirects(2).send()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("head {base}/1/301: more than 2 redirects")
    );
    for call in [
        get(format!("{base}/3/301")).redirects(0),
        Client::builder()
            .redirects(0)
            .build()
            .get(format!("{base}/3/301")),
    ] {
        let page = run(call.send()).unwrap();
        assert_eq!(
            (page.status(), page.header("location")),
            (StatusCode::MOVED_PERMANENTLY, Some("/2/301"))
        );
        assert_eq!(page.text().unwrap(), "gone away");
        assert!(page.previous().is_none());
    }
}

#[test]
fn a_redirect_that_leads_nowhere_is_refused() {
    let raw = Raw::answer(
        "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
    );
    let error = run(fetch(raw.url("/"))).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "head {}: the redirect is not followed: it leads to the scheme \"file\"",
            raw.url("/")
        )
    );
    let raw = Raw::answer("HTTP/1.1 302 Found\r\nContent-Length: 2\r\n\r\nok");
    let page = run(fetch(raw.url("/"))).unwrap();
    assert_eq!(
        (page.status(), &*page.text().unwrap()),
        (StatusCode::FOUND, "ok")
    );
}

#[test]
fn secrets_stay_with_their_origin() {
    let there = Raw::answer(OK);
    let here = Raw::answer(&format!(
        "HTTP/1.1 307 Go\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
        there.url("/there")
    ));
    let call = get(here.url("/"))
        .header("authorization", "secret")
        .header("cookie", "a=b")
        .header("x-kept", "yes");
    run(call.send()).unwrap();
    let first = here.seen()[0].text();
    assert!(
        first.contains("authorization: secret") && first.contains("cookie: a=b"),
        "{first}"
    );
    let second = there.seen()[0].text();
    assert!(
        !second.contains("secret") && !second.contains("a=b"),
        "{second}"
    );
    assert!(
        second.contains("x-kept: yes") && second.contains(&format!("host: {}", there.address()))
            || second.contains(&format!("Host: {}", there.address())),
        "{second}"
    );
}

#[test]
fn a_small_body_is_read_to_save_its_connection_and_a_large_one_costs_it() {
    let small = "HTTP/1.1 302 Go\r\nLocation: /next\r\nContent-Length: 4\r\n\r\n";
    let raw = Raw::serve(vec![
        Step::ReadHead,
        send(small),
        Step::Pause(Duration::from_millis(30)),
        send("gone"),
        Step::ReadHead,
        send(OK),
    ]);
    soon(fetch(raw.url("/"))).unwrap();
    assert_eq!(raw.seen().len(), 1);

    let sized =
        |length| format!("HTTP/1.1 302 Go\r\nLocation: /next\r\nContent-Length: {length}\r\n\r\n");
    // By a clock that stands still: there is a limit of bytes.
    let reactor = Reactor::builder()
        .clock(&ManualClock::new())
        .build()
        .unwrap();
    let entered = reactor.enter();
    let ends = |raw: &Raw| {
        let call = fetch(raw.url("/"));
        assert!(bed::wait_until(LIMIT, || {
            reactor.turn(Duration::ZERO);
            call.is_settled()
        }));
        reactor.run(call).unwrap().text().unwrap().into_owned()
    };
    let most = "x".repeat(DRAINED as usize);
    let raw = Raw::serve(vec![
        Step::ReadHead,
        send(&sized(DRAINED)),
        Step::Pause(Duration::from_millis(30)),
        send(&most),
        Step::ReadHead,
        send(OK),
    ]);
    assert_eq!((&*ends(&raw), raw.seen().len()), ("ok", 1));
    let endless = "HTTP/1.1 302 Go\r\nLocation: /next\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(4096));
    let large = vec![Step::ReadHead, send(&sized(DRAINED + 1))];
    let endless = vec![
        Step::ReadHead,
        send(endless),
        Step::SendForEver(chunk.into()),
    ];
    for script in [large, endless] {
        let raw = Raw::serve_each(vec![script, vec![Step::ReadHead, send(OK)]]);
        assert_eq!((&*ends(&raw), raw.seen().len()), ("ok", 2));
    }
    drop(entered);
    // And one of time.
    let slow = vec![Step::ReadHead, send(&(sized(4) + "x"))];
    let raw = Raw::serve_each(vec![slow, vec![Step::ReadHead, send(OK)]]);
    let page = soon(fetch(raw.url("/"))).unwrap();
    assert_eq!((&*page.text().unwrap(), raw.seen().len()), ("ok", 2));
}

#[test]
fn progress_is_that_of_the_last_answer() {
    let (_server, base) = server();
    let (progress, add) = listing();
    let add = Rc::new(add);
    let page = run(fetch(format!("{base}/5/302")).on(PROGRESS, move |p| add(p))).unwrap();
    let length = page.bytes().unwrap().len() as u64;
    let last = *progress.borrow().last().unwrap();
    assert_eq!((last.received, last.total), (length, Some(length)));
    assert!(progress.borrow().iter().all(|p| p.total == Some(length)));
}

#[test]
fn secrets_among_the_clients_usual_fields_stay_with_their_origin() {
    let there = Raw::answer(OK);
    let moved = format!(
        "HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
        there.url("/")
    );
    let here = Raw::answer(&moved);
    let client = Client::builder()
        .header("authorization", "Bearer t0ken")
        .header("cookie", "a=t0ken");
    let client = client
        .header("x-usual", "1")
        .header("referer", "http://a.example/t0ken")
        .build();
    run(client.fetch(here.url("/"))).unwrap();
    let (here, there) = (here.seen()[0].text(), there.seen()[0].text());
    assert_eq!(here.matches("t0ken").count(), 3, "{here}");
    assert!(
        there.contains("x-usual: 1\r\n") && !there.contains("t0ken"),
        "{there}"
    );
}
