//! The driver for outside judges (`bin/driver.rs`): lines in, lines out, and what it refuses. What evhttp does with them is shown elsewhere.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use bed::raw::{Step, send};
use bed::{Authority, Raw, TempDir, TlsServer, wait_until};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(60);
const OK: &str = "HTTP/1.1 200 OK\r\nX-Byte: \u{e9}\r\nContent-Length: 2\r\n\r\nok";

/// What the driver ended with, wrote as lines, and complained of.
struct Told {
    code: Option<i32>,
    lines: Vec<Value>,
    complaint: String,
}

impl Told {
    /// The answer to the request of this id.
    #[track_caller]
    fn to(&self, id: &Value) -> &Value {
        let found = self.lines.iter().find(|line| line["id"] == *id);
        found.unwrap_or_else(|| panic!("no answer to {id}: {:?} {}", self.lines, self.complaint))
    }
}

#[track_caller]
fn driven(options: &[&str], input: &[u8]) -> Told {
    let mut driver = Command::new(env!("CARGO_BIN_EXE_driver"))
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that has refused its options does not read.
    let _ = driver.stdin.take().unwrap().write_all(input);
    let ended = wait_until(LIMIT, || driver.try_wait().unwrap().is_some());
    if !ended {
        driver.kill().unwrap();
    }
    let (mut text, mut complaint) = (String::new(), String::new());
    driver
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    driver
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut complaint)
        .unwrap();
    assert!(ended, "it did not end, but said {text}{complaint}");
    Told {
        code: driver.wait().unwrap().code(),
        lines: text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
        complaint,
    }
}

fn ask(line: &Value) -> Told {
    driven(&[], format!("{line}\n").as_bytes())
}

#[test]
fn a_line_is_sent_and_what_comes_is_a_line() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/a?b", server.local_addr().unwrap());
    let heard = std::thread::spawn(move || {
        let (mut stream, mut sent) = (server.accept().unwrap().0, Vec::new());
        while !sent.ends_with(b"hello") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            sent.extend(byte);
        }
        stream.write_all(&latin(OK)).unwrap();
        sent
    });
    let told = ask(&json!({
        "id": 7, "method": "PUT", "url": url, "headers": [["X-Two", "1"], ["x-two", "\u{e9}"]], "body_b64": "aGVsbG8=",
    }));
    assert_eq!(told.code, Some(0), "{}", told.complaint);
    assert_eq!(
        told.lines,
        [
            json!({ "id": 7, "status": 200, "headers": [["x-byte", "\u{e9}"], ["content-length", "2"]], "body_b64": "b2s=" })
        ]
    );
    let sent = heard.join().unwrap();
    assert!(sent.starts_with(b"PUT /a?b HTTP/1.1\r\n"));
    assert!(sent.ends_with(b"\r\n\r\nhello"));
    let two = b"x-two: 1\r\nx-two: \xe9\r\n";
    assert!(
        sent.to_ascii_lowercase()
            .windows(two.len())
            .any(|part| part == two)
    );
}

/// The text with a byte for each character.
fn latin(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(c).unwrap()).collect()
}

#[test]
fn requests_are_under_way_together_and_a_failure_is_one_line() {
    // Each answer comes only once the other's connection has been accepted and has spoken.
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", server.local_addr().unwrap());
    let both = std::thread::spawn(move || {
        let mut streams = [(); 2].map(|()| server.accept().unwrap().0);
        for stream in &mut streams {
            bed::tls::read_head(stream).unwrap();
        }
        for stream in &mut streams {
            stream
                .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                .unwrap();
        }
    });
    let lines = [
        json!({ "id": "one", "url": url }),
        json!({ "id": "two", "url": url }),
        json!({ "id": "bad", "url": "gopher://a.example/" }),
    ];
    let told = driven(
        &[],
        lines.map(|line| format!("{line}\n\n")).concat().as_bytes(),
    );
    both.join().unwrap();
    assert_eq!(told.lines.len(), 3);
    assert_eq!(told.to(&json!("one"))["status"], 204);
    assert_eq!(told.to(&json!("two"))["status"], 204);
    let why = "request gopher://a.example/: unknown scheme \"gopher\": only http and https are spoken here";
    assert_eq!(
        *told.to(&json!("bad")),
        json!({ "id": "bad", "error": why })
    );
}

#[test]
fn a_redirect_is_followed_unless_the_line_says_manual() {
    let there = Raw::answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let here = Raw::answer(&format!(
        "HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
        there.url("/")
    ));
    let status = |redirect: Value| {
        ask(&json!({ "id": 1, "url": here.url("/"), "redirect": redirect })).to(&json!(1))["status"]
            .clone()
    };
    assert_eq!(
        [
            status(json!("follow")),
            status(Value::Null),
            status(json!("manual"))
        ],
        [200, 200, 302]
    );
}

#[test]
fn an_answer_tells_its_way_where_that_is_wanted() {
    let there = Raw::answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let here = Raw::answer(&format!(
        "HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
        there.url("/")
    ));
    let line = format!("{}\n", json!({ "id": 1, "url": here.url("/") }));
    let told = driven(&["--course"], line.as_bytes());
    let answer = told.to(&json!(1));
    assert_eq!(answer["url"], json!(there.url("/")));
    assert_eq!(answer["previous"], json!([302]));
    assert_eq!(
        driven(&[], line.as_bytes()).to(&json!(1))["url"],
        Value::Null
    );
    let told = driven(&["--max-redirs", "0", "--course"], line.as_bytes());
    assert_eq!(told.to(&json!(1))["previous"], json!([]));
}

#[test]
fn what_a_call_may_is_said_by_options() {
    let asks = Raw::serve_each(vec![
        vec![
            Step::ReadHead,
            send("HTTP/1.1 401 Who\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"),
            Step::ReadHead,
            send(OK),
        ],
        vec![Step::ReadHead, Step::Pause(LIMIT)],
    ]);
    let origin = asks.url("");
    let line = format!("{}\n", json!({ "id": 1, "url": asks.url("/") }));
    let options = ["--user", &origin, "me:a:b"];
    let told = driven(&options, line.as_bytes());
    assert_eq!(told.to(&json!(1))["status"], 200);
    let shown = asks.seen()[0].text().to_ascii_lowercase();
    assert!(shown.contains("authorization: basic bwu6ytpi"), "{shown}");
    let told = driven(&["--stall-time", "50"], line.as_bytes());
    let error = told.to(&json!(1))["error"].as_str().unwrap();
    assert!(error.contains("timed out"), "{error}");
}

#[test]
fn the_options_reach_the_client() {
    let authority = Authority::new();
    let folder = TempDir::new("driver");
    let roots = folder.path().join("roots.pem");
    std::fs::write(&roots, authority.pem()).unwrap();
    let server = TlsServer::answer(
        authority.issue(&["a.example"]).server(),
        "HTTP/1.1 204 No Content\r\n\r\n",
    );
    let port = server.address().port();
    let line = format!(
        "{}\n",
        json!({ "id": 1, "url": server.url("a.example", "/") })
    );
    let place = format!("A.example:{port}:[127.0.0.1]");
    let trusted = [
        "--cacert",
        roots.to_str().unwrap(),
        "--resolve",
        &place,
        "--no-cache",
    ];
    assert_eq!(
        driven(&trusted, line.as_bytes()).to(&json!(1))["status"],
        204
    );
    let any = [&trusted[2..], &["--insecure", "--tls-max-1.2"]].concat();
    assert_eq!(driven(&any, line.as_bytes()).to(&json!(1))["status"], 204);
    let told = driven(&trusted[2..], line.as_bytes());
    let error = told.to(&json!(1))["error"].as_str().unwrap();
    let why = "the certificate is signed by nobody who is trusted here";
    assert_eq!(
        error,
        format!("secure a.example:{port} (127.0.0.1:{port}): {why}")
    );

    let proxy = Raw::answer("HTTP/1.1 204 No Content\r\n\r\n");
    let line = format!("{}\n", json!({ "id": 1, "url": "http://b.example/" }));
    let through = driven(&["--proxy", &proxy.url("")], line.as_bytes());
    assert_eq!(through.to(&json!(1))["status"], 204);
    assert!(
        proxy.seen()[0]
            .text()
            .starts_with("GET http://b.example/ HTTP/1.1\r\n")
    );
}

#[test]
fn a_bad_line_is_answered_with_one_error() {
    let url = "http://127.0.0.1:1/";
    for (line, why) in [
        (r#"{"id": 1}"#.to_owned(), "no \"url\"".to_owned()),
        (
            format!(r#"{{"id":1,"url":"{url}","method":"G ET"}}"#),
            "\"method\" is \"G ET\", no token".into(),
        ),
        (
            format!(r#"{{"id":1,"url":"{url}","method":3}}"#),
            "\"method\" is 3, no text".into(),
        ),
        (
            format!(r#"{{"id":1,"url":"{url}","body_b64":"*"}}"#),
            "\"body_b64\": Invalid symbol 42, offset 0.".into(),
        ),
        (
            format!(r#"{{"id":1,"url":"{url}","redirect":"error"}}"#),
            "\"redirect\" is \"error\", none of follow, manual".into(),
        ),
        (
            format!(r#"{{"id":1,"url":"{url}","cache":"reload"}}"#),
            "cache \"reload\": evhttp has no cache yet".into(),
        ),
        (
            format!(r#"{{"id":1,"url":"{url}","headers":[["a","\u0100"]]}}"#),
            "\"headers\" is no list of [name, value], a character a byte".into(),
        ),
    ] {
        let told = driven(&[], line.as_bytes());
        assert_eq!(told.lines, [json!({ "id": 1, "error": why })], "{line}");
        assert_eq!(told.code, Some(0));
    }
    for line in [&b"{\n"[..], b"\xff\n"] {
        let told = driven(&[], line);
        let error = told.to(&Value::Null)["error"].as_str().unwrap();
        assert!(error.starts_with("the line is not JSON: "), "{error}");
    }
}

#[test]
fn an_option_that_can_t_be_kept_ends_it_as_it_ends_curl() {
    for (options, why) in [
        (
            &["--http2"][..],
            "option --http2: evhttp speaks no HTTP/2 yet",
        ),
        (
            &["--cache", "/tmp/x"],
            "option --cache: evhttp has no cache yet",
        ),
        (&["--proxy"], "option --proxy: no value"),
        (
            &["--resolve", "a:b"],
            "option --resolve: \"a:b\" is no HOST:PORT:ADDR",
        ),
        (&["-x"], "option -x: is unknown"),
        (
            &["--max-redirs", "few"],
            "option --max-redirs: \"few\" is no number",
        ),
        (
            &["--user", "http://a.example", "me"],
            "option --user: wants ORIGIN NAME:PASSWORD",
        ),
    ] {
        let told = driven(options, b"{}\n");
        assert_eq!((told.code, told.lines.len()), (Some(2), 0));
        assert_eq!(told.complaint, format!("driver: {why}\n"));
    }
}
