//! Files from nginx: the right bytes, honest progress, and what is said when they stop coming.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bed::nginx::{FILES, How};
use bed::raw::{Raw, Step, send};
use bed::{Hash, Nginx, pattern};
use evcore::{Promise, run};
use evhttp::{CONNECTED, PROGRESS, Progress, fetch, get, put};

/// Streams a URL through a hash; checks its progress on the way.
fn download(url: &str, announced: bool) -> Hash {
    let hash = Rc::new(RefCell::new(Hash::new()));
    let last = Rc::new(RefCell::new(None::<Progress>));
    run({
        let (hash, last, url) = (hash.clone(), last.clone(), url.to_owned());
        async move {
            let body = get(url).stream().await?.take_body()?;
            let done = body.done();
            let done = done.on(evhttp::CHUNK, move |piece| hash.borrow_mut().update(piece));
            let done = done.on(PROGRESS, move |progress| {
                let before = last.replace(Some(*progress));
                assert!(before.is_none_or(|before| before.received <= progress.received));
            });
            done.await
        }
    })
    .unwrap();
    let hash = hash.borrow().clone();
    let last = last.borrow().expect("some progress");
    assert_eq!(last.received, hash.length(), "{url}");
    // A body that came at once has a total even if none was announced.
    assert!(
        last.total == Some(hash.length()) || last.total.is_none() && !announced,
        "{url}"
    );
    hash
}

#[test]
fn every_file_in_every_framing() {
    let nginx = Nginx::start();
    for (name, length) in FILES {
        for (how, announced) in [
            (How::Plain, true),
            (How::Chunked, length == 0),
            (How::UntilClose, false),
        ] {
            let url = nginx.file(how, name);
            let page = run(fetch(&url)).unwrap().ok().unwrap();
            let body = page.bytes().unwrap();
            assert_eq!(
                (body.len() as u64, Hash::of(&body)),
                (length, nginx.hash(name)),
                "{url}"
            );
            let got = download(&url, announced && page.header("content-length").is_some());
            assert_eq!(got.finish(), nginx.hash(name), "{url}");
        }
    }
    let log = nginx.log_of(24, Duration::from_secs(20));
    assert!(
        log.iter().all(|line| line.complete && line.status == 200),
        "{log:?}"
    );
    assert!(
        log.iter().any(|line| line.request > 3),
        "connections were kept: {log:?}"
    );
}

#[test]
fn a_gib() {
    let nginx = Nginx::start();
    let hash = nginx.gib();
    let began = Instant::now();
    let got = download(&nginx.file(How::Plain, "gib"), true);
    println!("1 GiB in {:?}", began.elapsed());
    assert_eq!((got.length(), got.finish()), (1 << 30, hash));
}

#[test]
fn a_slow_file_tells_its_progress_as_it_comes() {
    let nginx = Nginx::start();
    let (seen, began) = (Rc::new(RefCell::new(Vec::new())), Instant::now());
    let add = {
        let seen = seen.clone();
        move |progress: &Progress| seen.borrow_mut().push(*progress)
    };
    let page = run(fetch(nginx.file(How::Slow, "mib")).on(PROGRESS, add)).unwrap();
    assert!(
        began.elapsed() >= Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(Hash::of(&page.bytes().unwrap()), nginx.hash("mib"));
    let seen = seen.borrow();
    assert!(
        seen.len() > 3
            && seen
                .windows(2)
                .all(|pair| pair[0].received <= pair[1].received),
        "{seen:?}"
    );
    let last = seen.last().unwrap();
    assert_eq!(
        (last.received, last.total, last.left()),
        (1 << 20, Some(1 << 20), Some(Duration::ZERO))
    );
}

#[test]
fn an_nginx_that_dies_midway_is_told_with_place_and_bytes() {
    let nginx = Nginx::start();
    let url = nginx.file(How::Slow, "mib");
    let address = nginx.address();
    let call = fetch(&url);
    let nginx = RefCell::new(Some(nginx));
    let call = call.on(PROGRESS, move |progress| {
        if progress.received > 0 {
            drop(nginx.take());
        }
    });
    let error = run(call).unwrap_err();
    let ours: &evhttp::Error = error.downcast_ref().unwrap();
    let (received, total) = ours.received().unwrap();
    assert!(received > 0 && total == Some(1 << 20), "{error}");
    assert_eq!(
        (ours.phase(), ours.peer()),
        (evhttp::Phase::Body, Some(address))
    );
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("body {url}"))
            && text.contains(&format!("{received} of 1048576 bytes")),
        "{text}"
    );
}

#[test]
fn a_server_that_dies_midway_to_the_byte() {
    let half = pattern::bytes(500_000);
    let script = vec![
        Step::ReadHead,
        send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"),
        Step::Send(half),
        Step::Close,
    ];
    let raw = Raw::serve(script);
    let error = run(fetch(raw.url("/f"))).unwrap_err();
    let cause = "the peer closed the connection after 500000 of 1000000 bytes of the body";
    assert_eq!(
        error.to_string(),
        format!("body {}: {cause}", raw.url("/f"))
    );
}

#[test]
fn an_upload_arrives() {
    let nginx = Nginx::start();
    for (name, length) in [("a", 0), ("b", 1), ("c", 3_000_000)] {
        let bytes = pattern::bytes(length);
        let page = run(put(nginx.url(&format!("/put/{name}")))
            .body(bytes.clone())
            .send())
        .unwrap();
        assert_eq!(page.status().as_u16(), 201);
        assert!(
            std::fs::read(nginx.uploaded(name)).unwrap() == bytes,
            "{name}"
        );
    }
}

#[test]
fn an_nginx_that_ends_idle_connections_disturbs_nobody() {
    let nginx = Nginx::with("keepalive_timeout 1s; keepalive_requests 3;");
    let url = nginx.url("/hello");
    run(async move {
        for pause in [0, 0, 0, 0, 1_500, 1_000, 0, 999, 1_001] {
            evcore::sleep(Duration::from_millis(pause)).await?;
            assert_eq!(fetch(&url).await?.text()?, "hello, world");
        }
        Ok(())
    })
    .unwrap();
}

#[test]
fn hundreds_at_once() {
    let nginx = Nginx::start();
    let url = nginx.file(How::Plain, "small");
    for _ in 0..3 {
        let pages = run(Promise::all((0..300).map(|_| fetch(&url)))).unwrap();
        assert!(
            pages
                .iter()
                .all(|page| Hash::of(&page.bytes().unwrap()) == nginx.hash("small"))
        );
    }
    let reused = Rc::new(RefCell::new(false));
    let note = reused.clone();
    run(fetch(&url).on(CONNECTED, move |connected| {
        *note.borrow_mut() = connected.reused
    }))
    .unwrap();
    assert!(*reused.borrow());
}
