//! What it costs to have an HTTP client: building a program that fetches one URL and prints how long the page is, and one
//! cold run of it. Once without TLS, so that clients are compared and not libraries of ciphers, and once as users have it,
//! with each library's default features, https among them; the cold runs are those programs', with a page by http.

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

/// What rustls costs by itself: reached only by a URL that begins with https, as in a client.
const TLS_FLOOR: &str = r#"use std::io::{Read, Write};
use std::sync::Arc;
fn main() {
    let url = std::env::args().nth(1).unwrap();
    let host = url.split('/').nth(2).unwrap().to_owned();
    let mut tcp = std::net::TcpStream::connect(&host).unwrap();
    let mut page = [0; 4096];
    let ask = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let length = match url.starts_with("https") {
        true => {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let roots = rustls::RootCertStore::empty();
            let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
            let config = config.with_root_certificates(roots).with_no_client_auth();
            let mut session = rustls::ClientConnection::new(Arc::new(config), host.try_into().unwrap()).unwrap();
            let mut stream = rustls::Stream::new(&mut session, &mut tcp);
            stream.write_all(ask.as_bytes()).unwrap();
            stream.read(&mut page).unwrap()
        }
        false => {
            tcp.write_all(ask.as_bytes()).unwrap();
            tcp.read(&mut page).unwrap()
        }
    };
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

const HYPER_RUSTLS: &str = r#"use http_body_util::{BodyExt, Empty};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
fn main() {
    let url = std::env::args().nth(1).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let https = hyper_rustls::HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new()).build::<_, Empty<&[u8]>>(https);
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

/// A program's name, its dependencies and its source.
type Program = (&'static str, &'static str, &'static str);

/// Our two crates, the client with these features.
macro_rules! ours {
    ($features:literal) => {
        concat!(
            "evcore = { path = \"",
            env!("CARGO_MANIFEST_DIR"),
            "/../crates/evcore\" }\nevhttp = { path = \"",
            env!("CARGO_MANIFEST_DIR"),
            "/../crates/evhttp\"",
            $features,
            " }",
        )
    };
}

const WITHOUT_TLS: [Program; 5] = [
    ("std::net, no parser (floor)", "", FLOOR),
    (
        "ureq",
        "ureq = { version = \"3\", default-features = false }",
        UREQ,
    ),
    (
        "hyper-util",
        "hyper-util = { version = \"0.1\", features = [\"client-legacy\", \"http1\", \"tokio\"] }\n\
         http-body-util = \"0.1\"\ntokio = { version = \"1\", features = [\"rt\", \"net\", \"time\"] }",
        HYPER,
    ),
    (
        "reqwest",
        "reqwest = { version = \"0.13\", default-features = false }\n\
         tokio = { version = \"1\", features = [\"rt\", \"net\", \"time\"] }",
        REQWEST,
    ),
    (
        "evhttp",
        ours!(", default-features = false, features = [\"mio\"]"),
        OURS,
    ),
];

const AS_USERS_HAVE_IT: [Program; 5] = [
    (
        "rustls and ring, no parser (floor)",
        "rustls = { version = \"0.23\", default-features = false, features = [\"std\", \"ring\", \"tls12\"] }",
        TLS_FLOOR,
    ),
    ("ureq", "ureq = \"3\"", UREQ),
    (
        "hyper-util, hyper-rustls",
        "hyper-util = { version = \"0.1\", features = [\"client-legacy\", \"http1\", \"tokio\"] }\n\
         hyper-rustls = { version = \"0.27\", default-features = false, features = [\"http1\", \"ring\", \"tls12\", \"webpki-tokio\"] }\n\
         http-body-util = \"0.1\"\ntokio = { version = \"1\", features = [\"rt\", \"net\", \"time\"] }",
        HYPER_RUSTLS,
    ),
    (
        "reqwest",
        "reqwest = \"0.13\"\ntokio = { version = \"1\", features = [\"rt\", \"net\", \"time\"] }",
        REQWEST,
    ),
    ("evhttp", ours!(""), OURS),
];

pub(crate) fn cases() -> Vec<Case> {
    let case = |name, what, ops, reference, setting, programs: [Program; 5]| Case {
        area: "weight",
        name,
        what,
        ops,
        reference,
        setting,
        counted: 0,
        rounds: 1,
        peers: programs
            .map(|(name, dependencies, source)| {
                let how = How::Build {
                    dependencies,
                    source,
                };
                Peer::new(name, how)
            })
            .into(),
    };
    vec![
        case(
            "build",
            "a release build from nothing, without TLS; `peak KiB` is the stripped program",
            1,
            "ureq",
            Setting::Alone,
            WITHOUT_TLS,
        ),
        case(
            "https",
            "the same with each library's default features, https among them",
            1,
            "ureq",
            Setting::Alone,
            AS_USERS_HAVE_IT,
        ),
        case(
            "start",
            "such a program's life: start, one page by http over a new connection, end",
            50,
            "rustls and ring, no parser (floor)",
            Setting::Served,
            AS_USERS_HAVE_IT,
        ),
    ]
}
