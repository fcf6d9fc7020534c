//! The command line, and the client it makes. No line of input is read here.

use evcore::Result;
use evhttp::http::Method;
use evhttp::{Client, Proxies, Request, evtls};

use super::lines::{Asked, Wrong};
use crate::curl_terms;

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
                "--cacert" => {
                    let tls = evtls::Connector::builder();
                    client.tls(curl_terms::connector(curl_terms::trusting(
                        tls,
                        &value()?,
                    )?)?)
                }
                "--resolve" => {
                    let wanted = value()?;
                    let (host, addr) = curl_terms::place(&wanted).ok_or_else(|| {
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
