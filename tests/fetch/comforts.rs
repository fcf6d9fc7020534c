//! What makes requests and responses easy to write and read: queries, forms, files, ranges, JSON, charsets, lines.

use std::collections::HashMap;

use bed::raw::Raw;
use bytes::Bytes;
use evcore::{Promise, run};
use evhttp::http::{self, HeaderValue, StatusCode, header};
use evhttp::limits::LINE_BYTES;
use evhttp::server::Request;
use evhttp::{Body, Multipart, Response, Server, fetch, get, post, serve};

/// Answers with what it was asked: target, type, length and body.
fn echo() -> (Server, String) {
    let server = serve("127.0.0.1:0", |request: Request| async move {
        let field = |name| {
            request
                .headers
                .get(name)
                .map_or("-", |v: &HeaderValue| v.to_str().unwrap())
        };
        let head = format!(
            "{} | {} | {} | {}\n",
            request.target,
            field(header::CONTENT_TYPE),
            field(header::CONTENT_LENGTH),
            field(header::RANGE),
        );
        let body = request.body.collect(1 << 20).await?;
        Ok::<_, evcore::Error>(Bytes::from([head.as_bytes(), &body].concat()))
    });
    let server = server.unwrap();
    let url = format!("http://{}", server.local_addr());
    (server, url)
}

fn said(request: evhttp::Request) -> String {
    run(request.send()).unwrap().text().unwrap().into_owned()
}

#[test]
fn queries_forms_and_ranges() {
    let (_server, url) = echo();
    let pairs = [("a b", "c&d"), ("e", "\u{e4}")];
    assert_eq!(
        said(get(format!("{url}/x?z=1")).query(pairs)),
        "/x?z=1&a+b=c%26d&e=%C3%A4 | - | - | -\n"
    );
    assert_eq!(
        said(get(&url).query([] as [(&str, &str); 0])),
        "/ | - | - | -\n"
    );
    assert_eq!(
        said(post(&url).form(pairs)),
        "/ | application/x-www-form-urlencoded | 18 | -\na+b=c%26d&e=%C3%A4"
    );
    assert_eq!(said(get(&url).range(5..)), "/ | - | - | bytes=5-\n");
    assert_eq!(said(get(&url).range(5..10)), "/ | - | - | bytes=5-9\n");
    assert_eq!(said(get(&url).range(..=10)), "/ | - | - | bytes=0-10\n");
    let error = run(get(&url).range(5..5).send()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("request {url}/: an empty range can't be asked for")
    );
}

#[test]
fn a_form_with_files_is_streamed_and_can_be_sent_again() {
    let (_server, url) = echo();
    let folder = bed::TempDir::new("multipart");
    let path = folder.join("a\"b.txt");
    std::fs::write(&path, "from a file").unwrap();
    let form = || {
        let form = Multipart::new()
            .text("na\"me", "value\r\nmore")
            .file("file", &path)
            .unwrap();
        form.part("raw", "x.bin", "a/b", Bytes::from_static(b"\0\x01"))
    };
    let page = said(post(&url).multipart(form()));
    let (head, body) = page.split_once('\n').unwrap();
    let boundary = head
        .split("boundary=")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    let expected = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"na%22me\"\r\n\r\nvalue\r\nmore\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a%22b.txt\"\r\n\
         Content-Type: application/octet-stream\r\n\r\nfrom a file\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"raw\"; filename=\"x.bin\"\r\n\
         Content-Type: a/b\r\n\r\n\0\x01\r\n--{boundary}--\r\n"
    );
    assert_eq!(body, expected);
    assert_eq!(
        head.split(" | ").nth(2).unwrap(),
        expected.len().to_string()
    );

    let asked = std::cell::Cell::new(0);
    let server = serve("127.0.0.1:0", move |request: Request| {
        asked.set(asked.get() + 1);
        let first = asked.get() == 1;
        async move {
            let length = request.body.collect(1 << 20).await?.len();
            let page = Response::plain(length.to_string());
            Ok::<_, evcore::Error>(match first {
                true => page
                    .with_status(StatusCode::PERMANENT_REDIRECT)
                    .with_header(header::LOCATION, HeaderValue::from_static("/")),
                false => page,
            })
        }
    });
    let server = server.unwrap();
    let page = run(post(format!("http://{}/", server.local_addr()))
        .multipart(form())
        .send())
    .unwrap();
    assert_eq!(page.text().unwrap(), expected.len().to_string());
    assert!(page.previous().is_some());
}

#[test]
fn json_both_ways() {
    let (_server, url) = echo();
    let value = HashMap::from([("one", 1)]);
    assert_eq!(
        said(post(&url).json(&value)),
        "/ | application/json | 9 | -\n{\"one\":1}"
    );
    let raw = Raw::answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"one\":1}");
    let page = run(fetch(raw.url("/"))).unwrap();
    assert_eq!(page.json::<HashMap<String, u8>>().unwrap()["one"], 1);
    let error = page.json::<Vec<u8>>().unwrap_err().to_string();
    assert!(
        error.starts_with(&format!(
            "body {}: not the JSON that was expected: ",
            raw.url("/")
        )),
        "{error}"
    );
}

#[test]
fn text_has_the_charset_it_says_it_has() {
    let table: [(&str, &[u8], Option<&str>); 7] = [
        (
            "text/plain; charset=utf-8",
            "\u{e4}".as_bytes(),
            Some("\u{e4}"),
        ),
        ("text/plain; charset=ISO-8859-1", b"\xe4", Some("\u{e4}")),
        (
            "text/html; x=y; Charset=\"windows-1251\"",
            b"\xe4",
            Some("\u{434}"),
        ),
        (
            "text/plain; charset=shift_jis",
            b"\x83\x65",
            Some("\u{30c6}"),
        ),
        ("text/plain", b"\xff\xfea\0", Some("a")),
        ("text/plain; charset=unheard-of", b"a", Some("a")),
        ("text/plain", b"\xe4", None),
    ];
    for (kind, body, expected) in table {
        let page = Response::new(StatusCode::OK)
            .with_header(header::CONTENT_TYPE, HeaderValue::from_static(kind))
            .with_body(Bytes::from_static(body));
        assert_eq!(page.text().ok().as_deref(), expected, "{kind}");
    }
}

#[test]
fn lines_come_as_they_come() {
    let mut pieces = vec!["one\ntw", "o\r\n", "\n", "three"].into_iter();
    let body = Body::from_fn(None, move || Promise::ready(pieces.next().map(Bytes::from)));
    let lines = run(async move {
        let (mut lines, mut all) = (body.lines(), Vec::new());
        while let Some(line) = lines.next().await? {
            all.push(line);
        }
        Ok(all)
    });
    assert_eq!(lines.unwrap(), ["one", "two", "", "three"]);
    let line = |length| Body::from(vec![b'x'; length]).lines();
    let longest = run(async move { line(LINE_BYTES).next().await });
    assert_eq!(longest.unwrap().unwrap().len(), LINE_BYTES);
    let error = run(async move { line(LINE_BYTES + 1).next().await }).unwrap_err();
    assert_eq!(
        error.to_string(),
        "body: the body is larger than the 1048576 bytes allowed"
    );
}

#[test]
fn a_body_is_a_stream_of_others() {
    use futures_core::Stream;
    let mut body = Body::from("hello");
    let piece = run(async move {
        std::future::poll_fn(|cx| std::pin::Pin::new(&mut body).poll_next(cx))
            .await
            .unwrap()
    });
    assert_eq!(piece.unwrap(), "hello");
}

#[test]
fn responses_become_those_of_the_http_crate_and_back() {
    let page = Response::plain("hello").with_status(StatusCode::ACCEPTED);
    let other: http::Response<Body> = page.into();
    assert_eq!(
        (
            other.status(),
            other.headers()["content-type"].to_str().unwrap()
        ),
        (StatusCode::ACCEPTED, "text/plain; charset=utf-8")
    );
    let again = Response::from(other);
    assert_eq!(
        (again.status(), &*again.text().unwrap()),
        (StatusCode::ACCEPTED, "hello")
    );
}

/// Each of these once asked for a clone, a binding or a conversion.
#[test]
fn what_reads_well_compiles() {
    let server = serve("127.0.0.1:0", |request: Request| match request.path() {
        "/bytes" => Ok(vec![b'h', b'i']),
        _ => Err("no such page"),
    })
    .unwrap();
    let base = format!("http://{}", server.local_addr());
    let text = run(fetch(format!("{base}/bytes"))).unwrap().text().unwrap();
    assert_eq!(text, "hi", "it outlives its page");
    let page = run(fetch(format!("{base}/other"))).unwrap();
    let url = page.url().unwrap();
    let error = page.ok().unwrap_err();
    let line = format!("head {url}: the server answered 500 Internal Server Error");
    assert_eq!(error.to_string(), line);
    let step = fetch(format!("{base}/other")).and_then(Response::ok);
    assert_eq!(run(step).unwrap_err().to_string(), line);
    let ages = get(&base)
        .query([("age", 36)])
        .query([("name", String::from("ada"))]);
    let page = run(ages.form([("one", 1.5)]).send()).unwrap();
    assert_eq!(page.url().unwrap().query(), Some("age=36&name=ada"));
}
