//! What is saved to a file goes through little memory, however long it is. One test alone in its program, so that nobody
//! else takes memory meanwhile. `EVHTTP_SAVED` says how many MiB: 256 unless told.
#![cfg(target_os = "linux")]

use bed::TempDir;
use bytes::Bytes;
use evcore::{Promise, run};
use evhttp::http::StatusCode;
use evhttp::{Body, Response, get, serve};

const MIB: u64 = 1 << 20;

/// The most memory this program has held so far, in bytes.
fn most_held() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    kib.parse::<u64>().unwrap() * 1_024
}

/// So many MiB in pieces of 64 KiB, which are all the same bytes.
fn long(mib: u64) -> Response {
    let piece = Bytes::from(vec![7; 64 << 10]);
    let mut left = mib * 16;
    let next = move || {
        let more = left.checked_sub(1);
        left = more.unwrap_or(0);
        Promise::ready(more.map(|_| piece.clone()))
    };
    Response::new(StatusCode::OK).with_body(Body::from_fn(Some(mib * MIB), next))
}

#[test]
fn a_long_body_is_saved_in_little_memory() {
    let mib = std::env::var("EVHTTP_SAVED").map_or(256, |mib| mib.parse().expect("a number"));
    let folder = TempDir::new("saved");
    let path = folder.join("long");
    let server = serve("127.0.0.1:0", move |request: evhttp::server::Request| {
        long(request.path()[1..].parse().unwrap())
    })
    .unwrap();
    let save = |mib: u64| {
        let url = format!("http://{}/{mib}", server.local_addr());
        let page = run(get(url).stream()).unwrap();
        assert_eq!(run(page.save(&path)).unwrap(), mib * MIB);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), mib * MIB);
    };
    save(8);
    let before = most_held();
    save(mib);
    let grown = most_held() - before;
    println!("{mib} MiB saved: {before} bytes at most before, {grown} more");
    // A few pieces of slack; a body that were held would take all its length.
    assert!(grown < 8 * MIB, "{grown} bytes more");
}
