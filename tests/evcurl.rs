//! evcurl (`bin/evcurl.rs`): curl's command lines on evhttp, tried on our own server. That curl does the same with them is shown in `peers_evcurl.rs`.

#[path = "evcurl/origin.rs"]
mod origin;
#[path = "evcurl/play.rs"]
mod play;
#[path = "evcurl/rows.rs"]
mod rows;

use bed::raw::{Step, send};
use bed::{Raw, TempDir};
use play::Stage;
use rows::ROWS;

const EVCURL: &str = env!("CARGO_BIN_EXE_evcurl");

#[test]
fn command_lines_do_what_they_say() {
    let stage = Stage::new();
    let mut wrong = Vec::new();
    for row in ROWS {
        let words = [&["-sS", "--noproxy", "*"], row.words].concat();
        let (done, complaint) = stage.play(EVCURL, &words);
        let done = row.comparable(done);
        wrong.extend(row.judge(&stage, &done));
        // Who fails says why, with the code, in one line.
        let told = format!("evcurl: ({}) ", row.code);
        if row.code > 2 && !(complaint.starts_with(&told) && complaint.lines().count() == 1) {
            wrong.push(format!("{words:?} {complaint:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_evhttp_can_t_say_is_refused_with_the_reason() {
    let stage = Stage::new();
    for (words, why) in [
        (
            &["--http2", "{u}/"][..],
            "option --http2: is not supported: evhttp speaks no HTTP/2 yet",
        ),
        (
            &["-s0", "{u}/"],
            "option -0: is not supported: evhttp's requests are HTTP/1.1",
        ),
        (
            &["--path-as-is", "{u}/"],
            "option --path-as-is: is not supported: evhttp's URLs are the URL standard's, which takes dots out of a path",
        ),
        (
            &["-H", "Host:", "{u}/"],
            "option -H 'Host:': is not supported: evhttp always sends it",
        ),
        (
            &["-u", "me", "{u}/"],
            "option -u: is not supported without a password: evcurl asks nobody",
        ),
        (&["-o"], "option -o: requires parameter"),
        (&["-sZ", "{u}/"], "option -Z: is unknown"),
        (
            &["{u}/{a,b}"],
            "option {u}/{a,b}: is not supported: the brackets of a URL are no patterns here: say --globoff",
        ),
    ] {
        let (done, complaint) = stage.play(EVCURL, words);
        assert_eq!((done.code, done.out.as_str()), (Some(2), ""), "{words:?}");
        assert_eq!(complaint, format!("evcurl: {}\n", stage.placed(why)));
        assert_eq!(done.log, [""; 0]);
    }
}

#[test]
fn it_says_what_it_does_where_that_is_wanted() {
    let stage = Stage::new();
    let (done, told) = stage.play(EVCURL, &["-v", "--noproxy", "*", "-L", "{u}/to/302"]);
    assert_eq!(done.code, Some(0));
    for line in [
        "* Connected to {host}",
        "> GET /to/302 HTTP/1.1",
        "> host: {host}",
        "* Issue another request to this URL: '{u}/echo?moved'",
        "< HTTP/1.1 200 OK",
    ] {
        let line = stage.placed(line);
        assert!(
            told.lines().any(|told| told == line),
            "no {line:?} in {told}"
        );
    }
    // Without -S nothing is complained of, with -s nothing is shown.
    let (done, told) = stage.play(EVCURL, &["-s", "http://127.0.0.1:1/"]);
    assert_eq!((done.code, told.as_str()), (Some(7), ""));
    let (done, _) = stage.play(EVCURL, &["-V"]);
    assert!(done.out.starts_with("evcurl ") && done.out.contains("Protocols: http https"));
}

#[test]
fn a_file_that_can_t_be_read_is_not_sent_as_nothing() {
    // curl does so up to 7.88, with a warning; a newer one ends as this does.
    let stage = Stage::new();
    let (done, complaint) = stage.play(EVCURL, &["-d", "@none", "{u}/a"]);
    assert_eq!((done.code, done.log.len()), (Some(26), 0));
    assert!(
        complaint.starts_with("evcurl: (26) Failed to open none: "),
        "{complaint}"
    );
}

#[test]
fn a_proxy_and_a_netrc_file_are_shown_a_password_when_they_ask() {
    // curl shows both unasked, so this is no row.
    let stage = Stage::new();
    let asks =
        "HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=\"here\"\r\nContent-Length: 0\r\n\r\n";
    let proxy = Raw::serve_each(vec![
        vec![Step::ReadHead, send(asks), Step::Close],
        vec![
            Step::ReadHead,
            send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ],
    ]);
    let url = proxy.url("");
    let words = ["-sS", "-x", &url, "-U", "me:a b", "http://b.example/"];
    let (done, complaint) = stage.play(EVCURL, &words);
    assert_eq!(
        (done.code, done.out.as_str()),
        (Some(0), "ok"),
        "{complaint}"
    );
    let shown = proxy.seen()[1].text().to_ascii_lowercase();
    assert!(
        shown.contains("proxy-authorization: basic bwu6ysbi\r\n"),
        "{shown}"
    );

    let netrc = TempDir::new("netrc");
    let path = netrc.join("netrc");
    std::fs::write(&path, "machine 127.0.0.1 login me password secret\n").unwrap();
    let words = ["-sS", "--netrc-file", path.to_str().unwrap(), "{u}/basic"];
    let (done, _) = stage.play(EVCURL, &words);
    assert_eq!((done.out.as_str(), done.log.len()), ("welcome", 2));
}

#[cfg(unix)]
#[test]
fn a_unix_socket_is_asked_whatever_the_host() {
    use std::io::Write;
    let folder = TempDir::new("evcurl-unix");
    let path = folder.join("socket");
    let server = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let heard = std::thread::spawn(move || {
        let mut stream = server.accept().unwrap().0;
        let head = bed::tls::read_head(&mut stream).unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            .unwrap();
        head
    });
    let words = [
        "-sS",
        "--unix-socket",
        path.to_str().unwrap(),
        "http://b.example/a",
    ];
    let (done, complaint) = Stage::new().play(EVCURL, &words);
    assert_eq!(
        (done.code, done.out.as_str()),
        (Some(0), "ok"),
        "{complaint}"
    );
    assert!(
        heard
            .join()
            .unwrap()
            .starts_with("GET /a HTTP/1.1\r\nHost: b.example\r\n")
    );
}

#[test]
fn a_jar_is_kept_in_a_file() {
    let stage = Stage::new();
    let (done, _) = stage.play(EVCURL, &["-s", "-c", "jar", "{u}/set"]);
    let jar = done.files.iter().find(|(name, _)| name == "jar").unwrap();
    assert!(
        jar.1
            .contains("127.0.0.1\tFALSE\t/\tFALSE\t0\ttaste\tsweet"),
        "{}",
        jar.1
    );
}
