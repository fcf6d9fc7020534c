//! What is no proper request: the status that says so, and the end of the connection.

use evhttp::serve;
use evhttp::server::Request;

use crate::{echoing, field, serving};

fn get(fields: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: x\r\n{fields}\r\n\r\n")
}

#[test]
fn each_fault_has_its_status() {
    let server = echoing();
    let long = "x".repeat(20_000);
    let many = "A: b\r\n".repeat(101);
    let table = [
        ("no request\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
        (get("Host: y"), 400),
        (get("a b: c"), 400),
        (get(" folded"), 400),
        (get("Content-Length: 1, 2"), 400),
        (get("Content-Length: 5\r\nTransfer-Encoding: chunked"), 400),
        (get("Transfer-Encoding: chunked, chunked"), 400),
        ("GET http:/ HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400),
        (get("Transfer-Encoding: gzip, chunked"), 501),
        ("GET / HTTP/2.0\r\nHost: x\r\n\r\n".to_owned(), 505),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 505),
        (format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"), 414),
        (get(&format!("X: {long}{long}{long}{long}")), 431),
        (get(&many[..many.len() - 2]), 431),
    ];
    for (request, status) in table {
        let text = server.ask(&request);
        let shown = &request[..request.len().min(60)];
        assert!(
            text.starts_with(&format!("HTTP/1.1 {status} ")),
            "{shown:?}: {text}"
        );
        assert_eq!(field(&text, "connection"), Some("close"), "{shown:?}");
        let answers = text.lines().filter(|line| line.starts_with("HTTP/1.1 "));
        assert_eq!(answers.count(), 1, "{shown:?}: one answer");
    }
    let mut peer = server.connect();
    peer.send(get("A: b"));
    assert_eq!(peer.answer().0, 200, "others are served as ever");
}

#[test]
fn what_was_asked_before_the_fault_is_answered() {
    let server = echoing();
    let text = server.ask(get("A: b") + "nonsense\r\n\r\n" + &get("A: b"));
    assert_eq!(text.matches("HTTP/1.1 200 ").count(), 1, "{text}");
    assert_eq!(text.matches("HTTP/1.1 400 ").count(), 1, "{text}");
    assert!(text.find(" 200 ") < text.find(" 400 "));
}

#[test]
fn a_body_beyond_the_limit_is_refused() {
    let server = serving(|| {
        let mut limits = evhttp::limits::Limits::default();
        limits.body_bytes = 1_000;
        limits.head_bytes = 500;
        let sum = |request: Request| async move {
            request
                .body
                .collect(2_000)
                .await
                .map(|body| body.len().to_string())
        };
        evhttp::Server::builder()
            .limits(limits)
            .serve("127.0.0.1:0", sum)
            .unwrap()
    });
    let mut peer = server.connect();
    peer.send(format!(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{}",
        "x".repeat(1000)
    ));
    assert_eq!(peer.answer(), (200, "1000".into()));
    let text = server.ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n");
    assert!(text.starts_with("HTTP/1.1 413 "), "{text}");
    let text = server.ask(get(&format!("X: {}", "x".repeat(500))));
    assert!(text.starts_with("HTTP/1.1 431 "), "{text}");
    // In chunks it is known only later: the function gets the error, and handing it on says the same.
    let chunk = format!("3e8\r\n{}\r\n", "x".repeat(1000));
    let text = server.ask(format!(
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n"
    ));
    assert!(text.starts_with("HTTP/1.1 413 "), "{text}");
}

#[test]
fn a_large_refused_body_does_not_cost_the_client_the_answer() {
    // More than the buffers hold is on its way when the refusal goes out: closing at once would reset it away.
    let server = serving(|| serve("127.0.0.1:0", |_| evhttp::http::StatusCode::FORBIDDEN).unwrap());
    let mut peer = server.connect();
    let length = 40_000;
    peer.send(format!(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{}",
        "x".repeat(length)
    ));
    assert_eq!(peer.answer().0, 403);
    peer.send(get("A: b"));
    assert_eq!(
        peer.answer().0,
        403,
        "a small one is read and dropped, and the connection kept"
    );
    let length = 300_000;
    peer.send(format!(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{}",
        "x".repeat(100_000)
    ));
    assert_eq!(peer.answer().0, 403);
    assert!(peer.is_closed_within(crate::LIMIT), "a large one ends it");
}
