//! Names that lead nowhere, addresses where nobody answers.

use std::net::SocketAddr;
use std::time::Duration;

use bed::dns::{DnsServer, Question};
use bed::{BlackHole, Refusing, TempDir};
use evcore::{Promise, ms};
use evhttp::evdns::Resolver;
use evhttp::{Phase, get};

use super::row::{Row, Told, row, told};

const URL: &str = "http://a.example/";

fn refused() -> Told {
    let refusing = Refusing::tcp();
    let address = refusing.address();
    told(get(format!("http://{address}/")).send()).naming(address, "SERVER")
}

fn refused_by_two() -> Told {
    let refusing = [Refusing::tcp(), Refusing::tcp()];
    let [one, two] = [0, 1].map(|n: usize| refusing[n].address());
    let call = get(URL)
        .resolve("a.example", one)
        .resolve("a.example", two)
        .send();
    told(call).naming(one, "ONE").naming(two, "TWO")
}

fn black_hole() -> Told {
    let hole = BlackHole::new();
    let call = get(format!("http://{}/", hole.address()));
    told(call.time_limit(Phase::Connect, ms(100)).send()).naming(hole.address(), "SERVER")
}

/// A call whose name is asked of this server alone, once.
fn asked_of(server: SocketAddr, timeout: Duration) -> Told {
    let resolver = Resolver::builder()
        .server(server)
        .timeout(timeout)
        .attempts(1)
        .build();
    let call = get(URL).resolver(move |name| resolver.lookup(name));
    told(call.send()).naming(server, "SERVER")
}

/// What comes of a DNS server that reacts so.
fn named(react: fn(&Question) -> Vec<Vec<u8>>) -> Told {
    let server = DnsServer::start(react);
    asked_of(server.address(), Duration::from_secs(30))
}

fn silent_server() -> Told {
    let server = DnsServer::start(|_| Vec::new());
    asked_of(server.address(), ms(300))
}

fn no_server() -> Told {
    let refusing = Refusing::udp();
    asked_of(refusing.address(), Duration::from_secs(30))
}

fn at_path(path: &std::path::Path) -> Told {
    let Told { kind, line } = told(get(URL).unix_socket(path).send());
    let line = line.replace(path.to_str().unwrap(), "PATH");
    Told { kind, line }
}

fn no_socket_there() -> Told {
    let dir = TempDir::new("faults");
    at_path(&dir.path().join("none"))
}

fn socket_refuses() -> Told {
    let dir = TempDir::new("faults");
    let path = dir.path().join("left");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    at_path(&path)
}

pub(crate) const ROWS: &[Row] = &[
    row(
        "a look-up that fails",
        "Io",
        "resolve a.example:80: no such name",
        || {
            told(
                get(URL)
                    .resolver(|_| Promise::failed("no such name"))
                    .send(),
            )
        },
    ),
    row(
        "a name without addresses",
        "Io",
        "resolve a.example:80: the name has no address",
        || told(get(URL).resolver(|_| Promise::ready(Vec::new())).send()),
    ),
    row(
        "a name that does not exist",
        "Lookup",
        "resolve a.example:80: no such name",
        || named(|question| vec![question.reply().code(3).negative(60).bytes]),
    ),
    row(
        "a name without records",
        "Lookup",
        "resolve a.example:80: the name has no such record",
        || named(|question| vec![question.reply().negative(60).bytes]),
    ),
    row(
        "a DNS server that fails",
        "Lookup",
        "resolve a.example:80: no server could tell (SERVER: SERVFAIL: it could not find out)",
        || named(|question| vec![question.reply().code(2).bytes]),
    ),
    row(
        "a DNS server that refuses",
        "Lookup",
        "resolve a.example:80: no server could tell (SERVER: REFUSED: it does not answer us)",
        || named(|question| vec![question.reply().code(5).bytes]),
    ),
    row(
        "no DNS server is there",
        "Lookup",
        "resolve a.example:80: no server could tell (SERVER: can't be reached)",
        no_server,
    ),
    row(
        "a DNS server that is silent",
        "Lookup",
        "resolve a.example:80: no server could tell (SERVER: no answer in time)",
        silent_server,
    ),
    row(
        "nobody listens",
        "Io",
        "connect SERVER: Connection refused (os error 111)",
        refused,
    ),
    row(
        "nobody listens at either of two addresses",
        "Io",
        "connect a.example:80: ONE: Connection refused (os error 111); TWO: Connection refused (os error 111)",
        refused_by_two,
    ),
    row(
        "packets vanish (a black hole)",
        "TimedOut",
        "connect SERVER: timed out after 100ms",
        black_hole,
    ),
    row(
        "an own address that this machine has not",
        "Io",
        "connect 127.0.0.1:9: Cannot assign requested address (os error 99)",
        || {
            told(
                get("http://127.0.0.1:9/")
                    .bind([192, 0, 2, 1].into())
                    .send(),
            )
        },
    ),
    row(
        "no Unix-domain socket of that name",
        "Io",
        "connect a.example:80 through PATH: No such file or directory (os error 2)",
        no_socket_there,
    ),
    row(
        "a Unix-domain socket that nobody serves",
        "Io",
        "connect a.example:80 through PATH: Connection refused (os error 111)",
        socket_refuses,
    ),
];
