//! The command line, and the client it makes. No line of input is read here.

use std::net::{IpAddr, SocketAddr};

use evcore::Result;
use evhttp::http::Method;
use evhttp::{Client, Proxies, Request, evtls};

use super::lines::{Asked, Wrong};

/// What was asked for on the command line.
pub(crate) struct Options {
    client: Client,
}

impl Options {
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Options> {
        let mut client = Client::builder();
        while let Some(word) = words.next() {
            let mut value = || {
                words
                    .next()
                    .ok_or_else(|| format!("option {word}: no value"))
            };
            client = match word.as_str() {
                "--proxy" => client.proxies(Proxies::all(value()?.parse()?)),
                "--cacert" => client.tls(trusting(&value()?)?),
                "--resolve" => {
                    let wanted = value()?;
                    let (host, addr) = place(&wanted).ok_or_else(|| {
                        format!("option --resolve: {wanted:?} is no HOST:PORT:ADDR")
                    })?;
                    client.resolve(host, addr)
                }
                "--no-cache" => client,
                "--cache" => return Err("option --cache: evhttp has no cache yet".into()),
                "--http2" => return Err("option --http2: evhttp speaks no HTTP/2 yet".into()),
                _ => return Err(format!("option {word}: is unknown").into()),
            };
        }
        Ok(Options {
            client: client.build(),
        })
    }

    /// The request that a line asks for.
    pub(crate) fn request(&self, asked: &Asked) -> std::result::Result<Request, Wrong> {
        let method = Method::from_bytes(asked.method.as_bytes()).map_err(|_| Wrong {
            id: asked.id.clone(),
            why: format!("\"method\" is {:?}, no token", asked.method),
        })?;
        let mut request = self.client.request(method, &asked.url);
        for (name, value) in &asked.headers {
            request = request.header(name, value);
        }
        if let Some(body) = &asked.body {
            request = request.body(body.clone());
        }
        if asked.manual {
            request = request.redirects(0);
        }
        Ok(request)
    }
}

/// As with curl, the file replaces the system's authorities.
fn trusting(path: &str) -> Result<evtls::Connector> {
    let pem = std::fs::read(path).map_err(|error| format!("option --cacert: {path}: {error}"))?;
    Ok(evtls::Connector::builder()
        .root_certificates(pem)
        .only_own_roots()
        .build()?)
}

/// `HOST:PORT:ADDR`, as curl takes it; but evhttp's addresses are for a host, and so hold on every port.
fn place(text: &str) -> Option<(&str, SocketAddr)> {
    let (host, rest) = text.split_once(':')?;
    let (port, addr) = rest.split_once(':')?;
    let addr = addr.trim_start_matches('[').trim_end_matches(']');
    let _: u16 = port.parse().ok()?;
    let addr: IpAddr = addr.parse().ok()?;
    (!host.is_empty()).then(|| (host, SocketAddr::new(addr, 0)))
}
