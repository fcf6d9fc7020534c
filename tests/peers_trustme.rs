//! Certificates by trustme, shown by Python's ssl module: each has its expected outcome or its one line.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use evcore::run;
use evhttp::Client;
use evhttp::evtls::{Builder, Connector};
use serde_json::Value;

struct Servers {
    python: Child,
    told: Value,
}

impl Servers {
    fn start() -> Servers {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/trustme/servers.py");
        let mut python = Command::new(bed::command::python("trustme"))
            .arg(script)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a Python");
        let mut line = String::new();
        let mut said = BufReader::new(python.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        let told = serde_json::from_str(&line).expect("a Python that has trustme");
        Servers { python, told }
    }

    fn text(&self, field: &str, at: usize) -> &str {
        self.told[field][at].as_str().unwrap()
    }

    /// Trusts the one authority and nobody else.
    fn trusting(&self) -> Builder {
        Connector::builder()
            .only_own_roots()
            .root_certificates(self.told["authority"].as_str().unwrap())
    }

    /// What `host` answers in this case, or the line, with its port and what changes daily as words.
    fn outcome(&self, case: &str, host: &str, tls: Builder) -> String {
        let port = self.told["ports"][case].as_u64().unwrap() as u16;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let client = Client::builder()
            .resolve(host, address)
            .tls(tls.build().unwrap())
            .build();
        let page = run(client.fetch(format!("https://{host}:{port}/")));
        let told = page.map_or_else(
            |error| error.to_string(),
            |page| page.text().unwrap().into(),
        );
        let word = |word: &str| match word.parse::<u32>() {
            Ok(_) => "N".to_owned(),
            Err(_) => word.replace(&port.to_string(), "PORT"),
        };
        told.split(' ').map(word).collect::<Vec<_>>().join(" ")
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        _ = self.python.kill();
        _ = self.python.wait();
    }
}

#[test]
fn each_certificate_has_its_outcome() {
    let servers = Servers::start();
    let shows = |who: &str| {
        let (chain, key) = (servers.text(who, 0), servers.text(who, 1));
        servers.trusting().client_certificate(chain, key)
    };
    let table = [
        ("good", "a.example", servers.trusting(), "ok"),
        ("wildcard", "any.wild.example", servers.trusting(), "ok"),
        ("intermediate", "a.example", servers.trusting(), "ok"),
        ("client", "a.example", shows("me"), "ok"),
        ("client by TLS 1.2", "a.example", shows("me"), "ok"),
        (
            "expired",
            "a.example",
            servers.trusting(),
            "secure a.example:PORT (127.0.0.1:PORT): the certificate expired N days ago",
        ),
        (
            "wrong host",
            "a.example",
            servers.trusting(),
            "secure a.example:PORT (127.0.0.1:PORT): the certificate is for b.example, not for a.example",
        ),
        (
            "wildcard",
            "two.below.wild.example",
            servers.trusting(),
            "secure two.below.wild.example:PORT (127.0.0.1:PORT): the certificate is for *.wild.example, not for two.below.wild.example",
        ),
        (
            "unknown authority",
            "a.example",
            servers.trusting(),
            "secure a.example:PORT (127.0.0.1:PORT): the certificate is signed by nobody who is trusted here",
        ),
        (
            "intermediate left out",
            "a.example",
            servers.trusting(),
            "secure a.example:PORT (127.0.0.1:PORT): the certificate is signed by nobody who is trusted here",
        ),
        (
            "client",
            "a.example",
            servers.trusting(),
            "head https://a.example:PORT/ (127.0.0.1:PORT): the peer ended the TLS session: certificate required",
        ),
        (
            "client",
            "a.example",
            shows("stranger"),
            "head https://a.example:PORT/ (127.0.0.1:PORT): the peer ended the TLS session: unknown ca",
        ),
        (
            "client by TLS 1.2",
            "a.example",
            servers.trusting(),
            "secure a.example:PORT (127.0.0.1:PORT): the peer ended the TLS session: handshake failure",
        ),
    ];
    let wrong: Vec<String> = table
        .into_iter()
        .filter_map(|(case, host, tls, expected)| {
            let told = servers.outcome(case, host, tls);
            (told != expected).then(|| format!("{case}, asked as {host}: {told}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
