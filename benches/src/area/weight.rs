//! What it costs to have an HTTP client: building a program that fetches one URL and prints how long the page is, and one
//! cold run of it. Everybody without TLS, so that clients are compared and not libraries of ciphers.

use crate::area::{Case, How, Peer, Setting};

const FLOOR: &str = r#"use std::io::{Read, Write};
fn main() {
    let url = std::env::args().nth(1).unwrap();
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    write!(stream, "GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    let mut page = [0; 4096];
    let length = stream.read(&mut page).unwrap();
    let head = page[..length].windows(4).position(|end| end == b"\r\n\r\n").unwrap();
    println!("{}", length - head - 4);
}
"#;

const UREQ: &str = r#"fn main() {
    let url = std::env::args().nth(1).unwrap();
    println!("{}", ureq::get(&url).call().unwrap().body_mut().read_to_string().unwrap().len());
}
"#;

const HYPER: &str = r#"use http_body_util::{BodyExt, Empty};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
fn main() {
    let url = std::env::args().nth(1).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = Client::builder(TokioExecutor::new()).build_http::<Empty<&[u8]>>();
        let page = client.get(url.parse().unwrap()).await.unwrap();
        println!("{}", page.into_body().collect().await.unwrap().to_bytes().len());
    });
}
"#;

const REQWEST: &str = r#"fn main() {
    let url = std::env::args().nth(1).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    println!("{}", runtime.block_on(async { reqwest::get(url).await.unwrap().text().await.unwrap().len() }));
}
"#;

const OURS: &str = r#"fn main() {
    let url = std::env::args().nth(1).unwrap();
    println!("{}", evcore::run(evhttp::fetch(url)).unwrap().text().unwrap().len());
}
"#;

pub(crate) fn cases() -> Vec<Case> {
    let build = |name, dependencies, source| {
        Peer::new(
            name,
            How::Build {
                dependencies,
                source,
            },
        )
    };
    let case = |name, what, ops, reference, setting| Case {
        area: "weight",
        name,
        what,
        ops,
        reference,
        setting,
        counted: 0,
        rounds: 1,
        peers: vec![
            build("std::net, no parser (floor)", "", FLOOR),
            build(
                "ureq",
                "ureq = { version = \"3\", default-features = false }",
                UREQ,
            ),
            build(
                "hyper-util",
                "hyper-util = { version = \"0.1\", features = [\"client-legacy\", \"http1\", \"tokio\"] }\n\
                 http-body-util = \"0.1\"\ntokio = { version = \"1\", features = [\"rt\", \"net\", \"time\"] }",
                HYPER,
            ),
            build(
                "reqwest",
                "reqwest = { version = \"0.13\", default-features = false }\n\
                 tokio = { version = \"1\", features = [\"rt\", \"net\", \"time\"] }",
                REQWEST,
            ),
            build(
                "evhttp",
                concat!(
                    "evcore = { path = \"",
                    env!("CARGO_MANIFEST_DIR"),
                    "/../crates/evcore\" }\n",
                    "evhttp = { path = \"",
                    env!("CARGO_MANIFEST_DIR"),
                    "/../crates/evhttp\", default-features = false, features = [\"mio\"] }",
                ),
                OURS,
            ),
        ],
    };
    vec![
        case(
            "build",
            "a release build from nothing; `peak KiB` is the stripped program",
            1,
            "ureq",
            Setting::Alone,
        ),
        case(
            "start",
            "a program's life: start, one page over a new connection, end",
            50,
            "std::net, no parser (floor)",
            Setting::Served,
        ),
    ]
}
