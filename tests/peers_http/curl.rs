//! curl's opinion of our server.

use std::fs;
use std::thread;

use bed::command::curl;
use bed::{Hash, TempDir, pattern};
use evhttp::server::Request;
use evhttp::{Response, serve};

/// `/file` is one of a few MB, everything else says what was sent.
fn server() -> (String, u64) {
    let (tell, told) = std::sync::mpsc::channel();
    // It lives as long as the test's program.
    thread::spawn(move || {
        let dir = TempDir::new("curl");
        let path = dir.join("file");
        let hash = pattern::write_file(&path, 5_000_017).unwrap();
        let answer = move |request: Request| {
            let file = (request.path() == "/file").then(|| Response::file(&path));
            async move {
                let Some(file) = file else {
                    let method = request.method.clone();
                    let body = request.body.collect(1 << 30).await?;
                    return Ok(Response::plain(format!(
                        "{method} {} {}",
                        body.len(),
                        Hash::of(&body)
                    )));
                };
                file
            }
        };
        let server = serve("127.0.0.1:0", answer).unwrap();
        tell.send((format!("http://{}", server.local_addr()), hash))
            .unwrap();
        evcore::run(evcore::sleep(std::time::Duration::from_secs(3_600)))
    });
    told.recv().unwrap()
}

#[test]
fn curl_gets_what_there_is() {
    let (url, hash) = server();
    for version in ["--http1.1", "--http1.0"] {
        let got = curl(&["-f", version, &format!("{url}/file")]).success();
        assert_eq!(
            (got.stdout.len(), Hash::of(&got.stdout)),
            (5_000_017, hash),
            "{version}"
        );
    }
    let head = curl(&["-f", "-I", &format!("{url}/file")])
        .success()
        .text()
        .to_lowercase();
    assert!(
        head.starts_with("http/1.1 200 ok\r\n") && head.contains("content-length: 5000017\r\n"),
        "{head}"
    );
}

#[test]
fn curl_sends_in_every_way() {
    let (url, _) = server();
    let dir = TempDir::new("sent");
    let sent = pattern::bytes(3_000_001);
    fs::write(dir.join("sent"), &sent).unwrap();
    let path = dir.join("sent").display().to_string();
    let said = |method: &str, bytes: &[u8]| format!("{method} {} {}", bytes.len(), Hash::of(bytes));
    let at = format!("@{path}");
    // Of so large a body curl asks whether it is wanted (Expect: 100-continue) and would wait a second.
    let table: [(&[&str], String); 6] = [
        (&["-d", "a=b"], said("POST", b"a=b")),
        (&["--data-binary", &at], said("POST", &sent)),
        (&["-T", &path], said("PUT", &sent)),
        (
            &["-T", &path, "-H", "Transfer-Encoding: chunked"],
            said("PUT", &sent),
        ),
        (&["-T", &path, "--http1.0"], said("PUT", &sent)),
        (
            &[
                "-d",
                "x",
                "-H",
                "Expect: 100-continue",
                "-H",
                "Transfer-Encoding: chunked",
            ],
            said("POST", b"x"),
        ),
    ];
    for (arguments, expected) in table {
        let got =
            curl(&[&["-f", "--expect100-timeout", "20"], arguments, &[&url]].concat()).success();
        assert_eq!(got.text(), expected, "{arguments:?}");
        assert!(
            got.took.as_secs() < 10,
            "{arguments:?} has waited: {:?}",
            got.took
        );
    }
}

#[test]
fn curl_keeps_its_connection() {
    let (url, _) = server();
    let urls = [
        format!("{url}/a"),
        format!("{url}/b"),
        format!("{url}/c"),
        format!("{url}/d"),
    ];
    let mut arguments = vec!["-f", "-w", "%{num_connects}"];
    arguments.extend(urls.iter().map(String::as_str));
    let nothing = format!("GET 0 {}", Hash::of(b""));
    let expected = format!("{nothing}1{nothing}0{nothing}0{nothing}0");
    assert_eq!(curl(&arguments).success().text(), expected);
    let arguments = [&["-d", "x"], &arguments[..]].concat();
    let something = format!("POST 1 {}", Hash::of(b"x"));
    let expected = format!("{something}1{something}0{something}0{something}0");
    assert_eq!(curl(&arguments).success().text(), expected);
}
