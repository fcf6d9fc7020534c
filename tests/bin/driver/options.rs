//! The command line, and the client it makes. No line of input is read here.

use std::time::Duration;

use evcore::Result;
use evhttp::evtls::{self, Version};
use evhttp::http::Method;
use evhttp::{Client, ClientBuilder, Proxies, Request};

use super::lines::{Asked, Wrong};
use crate::curl_terms;

/// What was asked for on the command line.
pub(crate) struct Options {
    client: Client,
    /// Whether answers tell the way to them.
    pub(crate) tells_course: bool,
}

/// What the command line has said so far.
struct Draft {
    client: ClientBuilder,
    tls: evtls::Builder,
    proxies: Proxies,
    certificate: Option<Vec<u8>>,
    key: Option<Vec<u8>>,
    tells_course: bool,
}

impl Options {
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Options> {
        let mut draft = Draft {
            client: Client::builder(),
            tls: evtls::Connector::builder(),
            proxies: Proxies::from_env(),
            certificate: None,
            key: None,
            tells_course: false,
        };
        while let Some(word) = words.next() {
            let mut value = || {
                let next = words.next();
                next.ok_or_else(|| format!("option {word}: no value").into())
            };
            draft = draft.take(&word, &mut value)?;
        }
        draft.finish()
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

impl Draft {
    fn take(mut self, word: &str, value: &mut dyn FnMut() -> Result<String>) -> Result<Draft> {
        match word {
            "--proxy" => self.proxies = Proxies::all(value()?.parse()?),
            "--noproxy" => self.proxies = self.proxies.except(&value()?),
            "--cacert" => self.tls = curl_terms::trusting(self.tls, &value()?)?,
            "--insecure" => self.tls = self.tls.danger_accept_any_certificate(),
            "--cert" => self.certificate = Some(curl_terms::file(word, &value()?)?),
            "--key" => self.key = Some(curl_terms::file(word, &value()?)?),
            "--tlsv1.3" => self.tls = self.tls.min_version(Version::Tls13),
            "--tls-max-1.2" => self.tls = self.tls.max_version(Version::Tls12),
            "--no-cache" => {}
            "--course" => self.tells_course = true,
            "--cache" => return Err("option --cache: evhttp has no cache yet".into()),
            "--http2" => return Err("option --http2: evhttp speaks no HTTP/2 yet".into()),
            _ => self.client = calls(self.client, word, value)?,
        }
        Ok(self)
    }

    fn finish(mut self) -> Result<Options> {
        if let Some(chain) = self.certificate {
            let key = self.key.unwrap_or_else(|| chain.clone());
            self.tls = self.tls.client_certificate(chain, key);
        }
        let client = self.client.proxies(self.proxies);
        Ok(Options {
            client: client.tls(curl_terms::connector(self.tls)?).build(),
            tells_course: self.tells_course,
        })
    }
}

/// What concerns calls, whatever carries them.
fn calls(
    client: ClientBuilder,
    word: &str,
    value: &mut dyn FnMut() -> Result<String>,
) -> Result<ClientBuilder> {
    Ok(match word {
        "--resolve" => {
            let wanted = value()?;
            let (host, addr) = curl_terms::place(&wanted)
                .ok_or_else(|| format!("option --resolve: {wanted:?} is no HOST:PORT:ADDR"))?;
            client.resolve(host, addr)
        }
        "--user" => {
            let (origin, pair) = (value()?, value()?);
            let pair = pair.split_once(':');
            let (name, password) = pair.ok_or("option --user: wants ORIGIN NAME:PASSWORD")?;
            client.credentials(origin, name, password)
        }
        "--max-redirs" => client.redirects(number(word, &value()?)?),
        "--redirect-to-http" => client.redirect_to_http(true),
        "--stall-time" => {
            client.stall_limit(Duration::from_millis(number(word, &value()?)?.into()))
        }
        _ => return Err(format!("option {word}: is unknown").into()),
    })
}

fn number(word: &str, text: &str) -> Result<u32> {
    let number = text.parse();
    Ok(number.map_err(|_| format!("option {word}: {text:?} is no number"))?)
}
