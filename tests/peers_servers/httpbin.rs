//! httpbin, route by route. What it says it got is JSON.

use bed::servers::RunningServer;
use evcore::run;
use evhttp::http::Method;
use evhttp::{Client, Multipart, PROGRESS};
use serde_json::{Value, json};

use super::super::{get, send};

fn said(client: &Client, url: &str) -> Value {
    let page = get(client, url).ok().unwrap();
    serde_json::from_slice(&page.bytes().unwrap()).unwrap()
}

/// One server for all: each test would start its own Python.
#[test]
fn every_route_that_means_something_to_a_client() {
    let server = RunningServer::httpbin();
    methods(&server);
    statuses(&server);
    what_is_sent(&server);
    codings(&server);
    redirects(&server);
    cookies(&server);
    passwords(&server);
    digests(&server);
    conditions(&server);
    streams(&server);
    documents(&server);
}

fn methods(server: &RunningServer) {
    let client = Client::new();
    for (method, path) in [
        (Method::GET, "/get"),
        (Method::POST, "/post"),
        (Method::PUT, "/put"),
        (Method::PATCH, "/patch"),
        (Method::DELETE, "/delete"),
    ] {
        for path in [path, "/anything", "/anything/a/b"] {
            let url = server.url(&format!("{path}?a=1&b=%C3%A9"));
            let page = send(client.request(method.clone(), &url)).ok().unwrap();
            let said: Value = serde_json::from_slice(&page.bytes().unwrap()).unwrap();
            assert_eq!(said["args"], json!({"a": "1", "b": "é"}), "{method} {path}");
            if path != "/get" && path.starts_with("/any") {
                assert_eq!(said["method"], method.as_str());
            }
        }
        let other = if method == Method::GET {
            "/post"
        } else {
            "/get"
        };
        assert_eq!(
            send(client.request(method, server.url(other))).status(),
            405
        );
    }
    let head = send(client.request(Method::HEAD, server.url("/get")));
    assert!(head.status() == 200 && head.bytes().unwrap().is_empty());
    let options = send(client.request(Method::OPTIONS, server.url("/get")));
    assert!(options.header("allow").unwrap().contains("OPTIONS"));
}

fn statuses(server: &RunningServer) {
    let client = Client::builder().redirects(0).build();
    for status in [
        200, 204, 206, 304, 400, 401, 402, 403, 404, 406, 407, 410, 418, 429, 500, 502, 503, 504,
    ] {
        let page = get(&client, &server.url(&format!("/status/{status}")));
        assert_eq!(page.status(), status);
        let expected = (status >= 400).then_some(status);
        let error = page.ok().err().map(|error| error.to_string());
        assert_eq!(error.is_some(), expected.is_some(), "{status}: {error:?}");
    }
    let retried = Client::builder().retries(1).build();
    assert_eq!(get(&retried, &server.url("/status/503")).status(), 503);
}

fn what_is_sent(server: &RunningServer) {
    let client = Client::new();
    let echo = |request: evhttp::Request| -> Value {
        let page = send(request).ok().unwrap();
        serde_json::from_slice(&page.bytes().unwrap()).unwrap()
    };
    let post = || client.post(server.url("/post"));
    let said = echo(post().form([("a", "1 & 2"), ("é", "=")]));
    assert_eq!(said["form"], json!({"a": "1 & 2", "é": "="}));
    let said = echo(post().json(&json!({"a": [1, null, "é"]})));
    assert_eq!(said["json"], json!({"a": [1, null, "é"]}));
    let form = Multipart::new().text("a", "b\r\nc");
    let said = echo(post().multipart(form));
    assert_eq!(said["form"], json!({"a": "b\r\nc"}));
    let said = echo(post().body("x".repeat(300_000)));
    assert_eq!(said["data"].as_str().map(str::len), Some(300_000));
    let said = echo(client.get(server.url("/headers")).header("X-Mine", "a, b"));
    assert_eq!(said["headers"]["X-Mine"], "a, b");
    let said = echo(
        client
            .get(server.url("/user-agent"))
            .header("User-Agent", "bed/1"),
    );
    assert_eq!(said["user-agent"], "bed/1");
    assert_eq!(echo(client.get(server.url("/ip")))["origin"], "127.0.0.1");
    let page = get(
        &client,
        &server.url("/response-headers?X-One=1&X-Two=a%20b"),
    );
    assert_eq!(
        (page.header("x-one"), page.header("x-two")),
        (Some("1"), Some("a b"))
    );
}

fn codings(server: &RunningServer) {
    let client = Client::new();
    for (path, key) in [
        ("/gzip", "gzipped"),
        ("/deflate", "deflated"),
        ("/brotli", "brotli"),
    ] {
        assert_eq!(said(&client, &server.url(path))[key], true, "{path}");
        let raw = send(client.get(server.url(path)).decode(false));
        assert!(raw.header("content-encoding").is_some(), "{path}");
        assert!(serde_json::from_slice::<Value>(&raw.bytes().unwrap()).is_err());
    }
    let utf8 = get(&client, &server.url("/encoding/utf8"));
    assert!(utf8.text().unwrap().contains("∮ E⋅da = Q"));
    let text = get(&client, &server.url("/base64/aGVsbG8="));
    assert_eq!(text.text().unwrap(), "hello");
}

fn redirects(server: &RunningServer) {
    let client = Client::new();
    for path in [
        "/redirect/3",
        "/relative-redirect/3",
        "/absolute-redirect/3",
    ] {
        let page = get(&client, &server.url(path)).ok().unwrap();
        let mut hops = 0;
        let mut before = page.previous().cloned();
        while let Some(page) = before {
            assert_eq!(page.status(), 302);
            hops += 1;
            before = page.previous().cloned();
        }
        assert_eq!(hops, 3, "{path}");
        assert!(page.url().unwrap().path().ends_with("/get"));
    }
    let few = client.get(server.url("/redirect/3")).redirects(2);
    let line = run(few.send()).unwrap_err().to_string();
    assert!(line.contains("redirect"), "{line}");
    // The method and the body survive 307 and 308 alone.
    for (status, method) in [
        (301, "GET"),
        (302, "GET"),
        (303, "GET"),
        (307, "POST"),
        (308, "POST"),
    ] {
        let url = server.url(&format!("/redirect-to?url=/anything&status_code={status}"));
        let page = send(client.post(url).body("kept")).ok().unwrap();
        let said: Value = serde_json::from_slice(&page.bytes().unwrap()).unwrap();
        let data = if method == "POST" { "kept" } else { "" };
        assert_eq!(
            (&said["method"], &said["data"]),
            (&json!(method), &json!(data)),
            "{status}"
        );
    }
}

fn cookies(server: &RunningServer) {
    let client = Client::builder().cookies(true).build();
    let kept = |path: &str| said(&client, &server.url(path))["cookies"].clone();
    assert_eq!(kept("/cookies/set/a/1"), json!({"a": "1"}));
    assert_eq!(
        kept("/cookies/set?b=2&c=3"),
        json!({"a": "1", "b": "2", "c": "3"})
    );
    assert_eq!(kept("/cookies/delete?a=&c="), json!({"b": "2"}));
    assert_eq!(kept("/cookies"), json!({"b": "2"}));
    let none = said(&Client::new(), &server.url("/cookies"));
    assert_eq!(none["cookies"], json!({}));
}

fn passwords(server: &RunningServer) {
    let client = Client::new();
    let status = |request: evhttp::Request| send(request).status().as_u16();
    let basic = || client.get(server.url("/basic-auth/me/secret"));
    assert_eq!(status(basic().credentials("me", "secret")), 200);
    assert_eq!(
        status(
            client
                .get(server.url("/basic-auth/you/secret"))
                .credentials("you", "wrong")
        ),
        401
    );
    assert_eq!(
        status(Client::new().get(server.url("/basic-auth/me/secret"))),
        401
    );
    // It hides that it wants a password, so it is not asked for one.
    let hidden = server.url("/hidden-basic-auth/me/secret");
    assert_eq!(
        status(Client::new().get(&hidden).credentials("me", "secret")),
        404
    );
    let unasked = Client::new()
        .get(&hidden)
        .header("Authorization", "Basic bWU6c2VjcmV0");
    assert_eq!(status(unasked), 200);
    let bearer = || Client::new().get(server.url("/bearer"));
    assert_eq!(
        (status(bearer().bearer("token")), status(bearer())),
        (200, 401)
    );
}

fn digests(server: &RunningServer) {
    for qop in ["auth", "auth-int"] {
        for algorithm in ["MD5", "SHA-256", "SHA-512"] {
            let url = server.url(&format!("/digest-auth/{qop}/me/secret/{algorithm}"));
            let client = Client::builder().cookies(true).build();
            let page = send(client.get(&url).credentials("me", "secret"));
            // SHA-512 is httpbin's own: RFC 7616 has SHA-512-256 alone, and curl does not know it either.
            let expected = if algorithm == "SHA-512" { 401 } else { 200 };
            assert_eq!(page.status(), expected, "{qop} {algorithm}");
            let client = Client::builder().cookies(true).build();
            let page = send(client.get(&url).credentials("me", "wrong"));
            assert_eq!(page.status(), 401, "{qop} {algorithm}");
        }
    }
    // Once its nonce has been used twice it is stale, and nobody is asked for the password again.
    let url = server.url("/digest-auth/auth/me/secret/MD5/1");
    let client = Client::builder().cookies(true).build();
    for _ in 0..4 {
        assert_eq!(
            send(client.get(&url).credentials("me", "secret")).status(),
            200
        );
    }
    // It wants its cookies back, which a client without any can't give. To who gives them it answers with a fault of its own
    // (0.10 joins text and bytes where an answer has a query), as it does to curl.
    let url = server.url("/digest-auth/auth/me/secret?require-cookie=1");
    for (kept, status) in [(true, 500), (false, 401)] {
        let client = Client::builder().cookies(kept).build();
        let page = send(client.get(&url).credentials("me", "secret"));
        assert_eq!(page.status(), status);
    }
}

fn conditions(server: &RunningServer) {
    let client = Client::new();
    let status = |path: &str, name: &str, value: &str| {
        let page = send(client.get(server.url(path)).header(name, value));
        page.status().as_u16()
    };
    assert_eq!(status("/cache", "X-None", "1"), 200);
    assert_eq!(status("/cache", "If-None-Match", "x"), 304);
    assert_eq!(
        status(
            "/cache",
            "If-Modified-Since",
            "Thu, 01 Jan 1970 00:00:00 GMT"
        ),
        304
    );
    assert_eq!(status("/etag/tag", "If-None-Match", "\"tag\""), 304);
    assert_eq!(status("/etag/tag", "If-Match", "\"other\""), 412);
    assert_eq!(status("/etag/tag", "If-Match", "\"tag\""), 200);
    let page = get(&client, &server.url("/cache/60"));
    assert_eq!(page.header("cache-control"), Some("public, max-age=60"));
    let part = send(client.get(server.url("/range/100")).range(10..20));
    assert_eq!(
        (part.status().as_u16(), &*part.text().unwrap()),
        (206, "klmnopqrst")
    );
    assert_eq!(part.header("content-range"), Some("bytes 10-19/100"));
    let beyond = send(client.get(server.url("/range/100")).range(200..));
    assert_eq!(beyond.status(), 416);
}

fn streams(server: &RunningServer) {
    let client = Client::new();
    let text = get(&client, &server.url("/stream/20"));
    assert_eq!(text.text().unwrap().lines().count(), 20);
    let path = "/stream-bytes/102400?seed=7&chunk_size=999";
    let same = || {
        get(&client, &server.url(path))
            .ok()
            .unwrap()
            .bytes()
            .unwrap()
    };
    assert!(same() == same() && same().len() == 102_400);
    // It hands gunicorn a bytearray, which that refuses after the head is out: a body that ends before it begins.
    let line = run(client.fetch(server.url("/bytes/10240")))
        .unwrap_err()
        .to_string();
    let cause = "the peer closed the connection after 0 of 10240 bytes of the body";
    assert!(
        line.starts_with("body http://") && line.ends_with(cause),
        "{line}"
    );
    // A byte each tenth of a second: told as it comes.
    let heard = std::rc::Rc::new(std::cell::Cell::new(0));
    let count = heard.clone();
    let drip = client
        .get(server.url("/drip?duration=1&numbytes=10&delay=0"))
        .send();
    let drip = drip.on(PROGRESS, move |_| count.set(count.get() + 1));
    assert_eq!(run(drip).unwrap().bytes().unwrap().len(), 10);
    assert!(heard.get() > 3, "{}", heard.get());
    assert_eq!(get(&client, &server.url("/delay/1")).status(), 200);
    let impatient = client
        .get(server.url("/delay/10"))
        .deadline(evcore::ms(100));
    let line = run(impatient.send()).unwrap_err().to_string();
    assert!(line.contains(&server.address().to_string()), "{line}");
}

fn documents(server: &RunningServer) {
    let client = Client::new();
    for (path, kind) in [
        ("/html", "text/html"),
        ("/robots.txt", "text/plain"),
        ("/deny", "text/plain"),
        ("/xml", "application/xml"),
        ("/json", "application/json"),
        ("/forms/post", "text/html"),
        ("/image/png", "image/png"),
        ("/image/jpeg", "image/jpeg"),
        ("/image/webp", "image/webp"),
        ("/image/svg", "image/svg+xml"),
        ("/uuid", "application/json"),
        ("/links/10/3", "text/html"),
    ] {
        let page = get(&client, &server.url(path)).ok().unwrap();
        let told = page.header("content-type").unwrap();
        assert!(
            told.starts_with(kind) && !page.bytes().unwrap().is_empty(),
            "{path}: {told}"
        );
    }
    let asked = |kind| send(client.get(server.url("/image")).header("Accept", kind));
    assert_eq!(
        asked("image/webp").header("content-type"),
        Some("image/webp")
    );
    assert_eq!(asked("text/none").status(), 406);
}
