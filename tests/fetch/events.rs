//! What a call tells on its promise.

use std::time::Duration;

use bed::pattern;
use bed::raw::Raw;
use bytes::Bytes;
use evcore::{Promise, run};
use evhttp::{
    Body, CHUNK, CONNECTED, HEAD, PROGRESS, Progress, Response, UPLOAD, fetch, get, post, serve,
};

use crate::{OK, listing};

/// Never goes back, and ends with all of `total`.
fn check(progress: &[Progress], total: u64, announced: bool) {
    assert!(!progress.is_empty());
    for pair in progress.windows(2) {
        assert!(pair[0].received <= pair[1].received, "{pair:?}");
        assert!(pair[0].elapsed <= pair[1].elapsed, "{pair:?}");
    }
    for one in progress {
        assert_eq!(one.total, announced.then_some(total));
    }
    assert_eq!(progress.last().unwrap().received, total);
}

#[test]
fn progress_never_goes_back_and_ends_with_the_length() {
    let length = 7_000_003;
    let server = serve("127.0.0.1:0", move |request: evhttp::server::Request| {
        let mut left = Bytes::from(pattern::bytes(length));
        let known = (request.path() == "/known").then_some(length as u64);
        let body = Body::from_fn(known, move || {
            let piece = left.split_to(left.len().min(100_003));
            Promise::ready(Some(piece).filter(|piece| !piece.is_empty()))
        });
        Response::new(evhttp::http::StatusCode::OK).with_body(body)
    });
    let server = server.unwrap();
    for (path, announced) in [("/known", true), ("/chunked", false)] {
        let url = format!("http://{}{path}", server.local_addr());
        let (progress, add) = listing();
        let (pieces, keep) = listing::<Bytes>();
        let page = run(fetch(url).on(PROGRESS, add).on(CHUNK, keep)).unwrap();
        assert_eq!(page.bytes().unwrap().len(), length);
        check(&progress.borrow(), length as u64, announced);
        assert!(progress.borrow().len() > 2);
        assert_eq!(
            pieces.borrow().concat(),
            page.bytes().unwrap(),
            "the chunks are the body"
        );
    }
}

#[test]
fn an_empty_body_has_progress_too() {
    for (response, announced) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true),
        ("HTTP/1.1 204 No Content\r\n\r\n", true),
    ] {
        let raw = Raw::answer(response);
        let (progress, add) = listing();
        run(fetch(raw.url("/")).on(PROGRESS, add)).unwrap();
        check(&progress.borrow(), 0, announced);
        let (progress, add) = listing();
        let url = raw.url("/");
        run(async move {
            get(url)
                .stream()
                .await?
                .take_body()?
                .done()
                .on(PROGRESS, add)
                .await
        })
        .unwrap();
        check(&progress.borrow(), 0, announced);
    }
}

#[test]
fn a_streamed_body_tells_on_a_promise_of_its_own() {
    let raw = Raw::answer(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
    );
    let url = raw.url("/");
    let ((progress, add), (pieces, keep)) = (listing(), listing::<Bytes>());
    run(async move {
        let body = get(url).stream().await?.take_body()?;
        body.done().on(PROGRESS, add).on(CHUNK, keep).await
    })
    .unwrap();
    check(&progress.borrow(), 7, false);
    assert_eq!(*pieces.borrow(), ["abc", "defg"]);
}

#[test]
fn the_head_is_told_once_and_before_the_body() {
    let raw = Raw::answer("HTTP/1.1 404 Gone Fishing\r\nContent-Length: 2\r\nX-A: b\r\n\r\nok");
    let (order, told) = listing::<String>();
    let told = std::rc::Rc::new(told);
    let (on_head, on_chunk) = (told.clone(), told.clone());
    let call = fetch(raw.url("/"))
        .on(HEAD, move |head| {
            on_head(&format!(
                "{} {}",
                head.status.as_u16(),
                head.headers["x-a"].to_str().unwrap()
            ))
        })
        .on(CHUNK, move |piece| {
            on_chunk(&format!("{} bytes", piece.len()))
        });
    let page = run(call).unwrap();
    assert_eq!(*order.borrow(), ["404 b", "2 bytes"]);
    assert_eq!(page.reason().unwrap(), "Gone Fishing");
    assert_eq!(
        page.ok().unwrap_err().to_string(),
        format!("head {}: the server answered 404 Not Found", raw.url("/"))
    );
}

#[test]
fn connected_says_whether_the_connection_is_new() {
    let raw = Raw::answer(OK);
    let mut reused = Vec::new();
    for _ in 0..3 {
        let (connected, add) = listing();
        run(fetch(raw.url("/")).on(CONNECTED, add)).unwrap();
        let connected = connected.take();
        let [told] = &connected[..] else {
            panic!("{connected:?}")
        };
        assert_eq!(
            (told.peer.to_string(), told.hop, told.attempt),
            (raw.address().to_string(), 0, 0)
        );
        reused.push(told.reused);
    }
    assert_eq!(reused, [false, true, true]);
    assert_eq!(raw.seen().len(), 1);
}

#[test]
fn an_upload_is_told_as_the_system_takes_it() {
    let slow = |request: evhttp::server::Request| async move {
        let mut body = request.body;
        while body.next().await?.is_some() {
            evcore::sleep(Duration::from_millis(1)).await?;
        }
        Ok::<_, evcore::Error>("thanks")
    };
    let server = serve("127.0.0.1:0", slow).unwrap();
    let url = format!("http://{}/", server.local_addr());
    let length = 9_000_001;
    let (progress, add) = listing();
    run(post(&url)
        .body(pattern::bytes(length))
        .send()
        .on(UPLOAD, add))
    .unwrap();
    check(&progress.borrow(), length as u64, true);
    assert!(progress.borrow().len() > 1);
    let (progress, add) = listing();
    let mut left = 90;
    let body = Body::from_fn(None, move || {
        left -= 1;
        Promise::ready((left >= 0).then(|| Bytes::from(vec![7; 1000])))
    });
    run(post(&url).body(body).send().on(UPLOAD, add)).unwrap();
    check(&progress.borrow(), 90_000, false);
}
