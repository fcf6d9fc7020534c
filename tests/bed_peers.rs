//! The bed itself, tried against the peers it starts: if one of these fails, distrust the tests that
//! use it before the code they test.

use std::path::Path;
use std::time::Duration;

use bed::command::{curl, run, wrk};
use bed::nginx::{FILES, How};
use bed::{Hash, Nginx, Raw, Running, Strace};

#[test]
fn curl_gets_every_file_in_every_framing() {
    let nginx = Nginx::start();
    for (name, length) in FILES {
        for how in [How::Plain, How::Chunked, How::UntilClose] {
            let got = curl(&["-f", &nginx.file(how, name)]).success();
            assert_eq!(got.stdout.len() as u64, length, "{name} {how:?}");
            assert_eq!(Hash::of(&got.stdout), nginx.hash(name), "{name} {how:?}");
        }
    }
    let log = nginx.log_of(12, Duration::from_secs(20));
    assert_eq!(log.len(), 12);
    assert!(
        log.iter().all(|line| line.complete && line.status == 200),
        "{log:?}"
    );
}

#[test]
fn the_framings_are_what_they_are_called() {
    let nginx = Nginx::start();
    let head = |how| {
        curl(&["-D", "-", "-o", "/dev/null", &nginx.file(how, "small")])
            .success()
            .text()
            .to_lowercase()
    };
    let (plain, chunked, close) = (head(How::Plain), head(How::Chunked), head(How::UntilClose));
    assert!(
        plain.contains("content-length: 10000") && !plain.contains("transfer-encoding"),
        "{plain}"
    );
    assert!(
        chunked.contains("transfer-encoding: chunked") && !chunked.contains("content-length"),
        "{chunked}"
    );
    assert!(
        !close.contains("content-length") && !close.contains("transfer-encoding"),
        "{close}"
    );
    assert!(!plain.contains("content-encoding"), "{plain}");
    let raw = curl(&["--raw", &nginx.file(How::Chunked, "one")])
        .success()
        .text();
    assert!(
        raw.to_lowercase().ends_with("0\r\nx-trail: end\r\n\r\n"),
        "{raw:?}"
    );
}

#[test]
fn a_gib_has_the_hash_it_is_known_by() {
    let nginx = Nginx::start();
    let hash = nginx.gib();
    let mut got = Hash::new();
    let mut curl = Running::start("curl", &["-sS", "-f", &nginx.file(How::Plain, "gib")]);
    let mut out = curl.child_mut().stdout.take().expect("captured");
    let mut buffer = vec![0; 1 << 20];
    loop {
        match std::io::Read::read(&mut out, &mut buffer).expect("a pipe") {
            0 => break,
            count => got.update(&buffer[..count]),
        }
    }
    assert_eq!((got.length(), got.finish()), (1 << 30, hash));
}

#[test]
fn slow_is_slow_and_the_odd_places_answer() {
    let nginx = Nginx::start();
    let slow = curl(&["-f", &nginx.file(How::Slow, "mib")]).success();
    assert!(slow.took >= Duration::from_secs(3), "{:?}", slow.took);
    assert_eq!(Hash::of(&slow.stdout), nginx.hash("mib"));
    assert_eq!(
        curl(&[&nginx.url("/hello")]).success().text(),
        "hello, world"
    );
    let status =
        |path: &str| curl(&["-o", "/dev/null", "-w", "%{http_code}", &nginx.url(path)]).text();
    assert_eq!(
        (
            status("/status/404"),
            status("/status/503"),
            status("/to/small")
        ),
        ("404".into(), "503".into(), "302".into())
    );
    curl(&[
        "-f",
        "-X",
        "PUT",
        "--data-binary",
        "stored",
        &nginx.url("/put/a/b"),
    ])
    .success();
    assert_eq!(
        std::fs::read(nginx.uploaded("a/b")).expect("stored"),
        b"stored"
    );
}

#[test]
fn nginx_can_be_told_more_and_is_gone_when_stopped() {
    let nginx = Nginx::with("location = /more { return 200 more; }");
    assert_eq!(curl(&[&nginx.url("/more")]).success().text(), "more");
    let url = nginx.url("/more");
    nginx.stop();
    assert_eq!(
        curl(&[&url]).status.code(),
        Some(7),
        "curl: couldn't connect"
    );
}

#[test]
fn wrk_loads_and_is_understood() {
    let nginx = Nginx::start();
    let load = wrk(&nginx.url("/hello"), 8, 1);
    assert!(
        load.requests > 100 && load.errors == 0 && load.refused == 0,
        "{}",
        load.text
    );
    assert!(wrk(&nginx.url("/status/404"), 2, 1).refused > 0);
}

#[test]
fn curl_talks_to_a_raw_server() {
    let raw = Raw::answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    assert_eq!(curl(&[&raw.url("/x")]).success().text(), "hi");
    assert!(raw.closed_by_client(1, Duration::from_secs(20)));
    assert!(raw.seen()[0].text().starts_with("GET /x HTTP/1.1\r\n"));
}

#[test]
fn strace_counts_calls_and_threads() {
    let limit = Duration::from_secs(60);
    let (finished, trace) = Strace::run(
        Path::new("/bin/sh"),
        &["-c", "read x; kill -0 $$; kill -0 $$"],
        limit,
    );
    assert!(
        finished.status.success() && trace.count("kill") == 2,
        "{:?}",
        trace.counts()
    );
    assert_eq!(trace.threads().len(), 1);
    let (_, trace) = Strace::run(Path::new("/bin/sh"), &["-c", "true & wait"], limit);
    assert_eq!(trace.threads().len(), 2);
}

#[test]
fn strace_sees_who_sleeps_and_who_does_not() {
    let sleeping = Running::start("sleep", &["60"]);
    // It has to be loaded first.
    std::thread::sleep(Duration::from_secs(1));
    let trace = Strace::watch(sleeping.id(), Duration::from_millis(300));
    assert!(
        trace.calls.iter().all(|call| !call.returned),
        "{:?}",
        trace.calls
    );

    let busy = Running::start("sh", &["-c", "while :; do sleep 0.01; done"]);
    let trace = Strace::watch(busy.id(), Duration::from_millis(300));
    assert!(
        trace.returned(&["clock_nanosleep", "wait4"]) > 3,
        "{:?}",
        trace.counts()
    );
}

#[test]
#[should_panic(expected = "no-such-peer")]
fn a_missing_peer_fails() {
    run("no-such-peer", &["x"], Duration::from_secs(1));
}
