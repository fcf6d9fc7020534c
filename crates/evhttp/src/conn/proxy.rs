//! Proxies: what they are, and which one a URL goes through. Values and pure
//! choice; speaking with them is `tunnel.rs` and `socks.rs`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;

use url::{Host, Url};

use super::origin::Name;
use crate::address;
use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind, Phase};
use crate::policy::auth::Scheme;

/// What a proxy is spoken to with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Speech {
    /// HTTP, and CONNECT for https.
    Http,
    /// The same inside TLS.
    Https,
    Socks4a,
    /// The name is looked up here.
    Socks5,
    /// The name is looked up there.
    Socks5h,
}

/// One proxy, with what it takes to be let through.
///
/// ```
/// let proxy: evhttp::Proxy = "socks5h://me:secret@127.0.0.1:1080".parse()?;
/// assert_eq!(proxy.to_string(), "socks5h://127.0.0.1:1080");
/// # Ok::<(), evhttp::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Proxy(Rc<Parts>);

#[derive(Debug)]
struct Parts {
    speech: Speech,
    host: Name,
    port: u16,
    credentials: Option<Credentials>,
    /// How it wants them shown, once it has said so.
    scheme: RefCell<Option<Scheme>>,
    /// It has once asked for Digest: it gets the password by nothing less.
    digest_seen: Cell<bool>,
}

impl Proxy {
    pub(crate) fn speech(&self) -> Speech {
        self.0.speech
    }

    pub(crate) fn host(&self) -> &Name {
        &self.0.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.port
    }

    pub(crate) fn credentials(&self) -> Option<&Credentials> {
        self.0.credentials.as_ref()
    }

    pub(crate) fn scheme(&self) -> &RefCell<Option<Scheme>> {
        &self.0.scheme
    }

    pub(crate) fn digest_seen(&self) -> &Cell<bool> {
        &self.0.digest_seen
    }

    pub(crate) fn speaks_http(&self) -> bool {
        matches!(self.0.speech, Speech::Http | Speech::Https)
    }
}

impl std::str::FromStr for Proxy {
    type Err = Error;

    /// `[scheme://][user:password@]host[:port]`: `http` unless told,
    /// `https`, `socks4`, `socks4a`, `socks5` (names are looked up here) or
    /// `socks5h` (there). Ports are 80, 443 and 1080 unless told.
    fn from_str(text: &str) -> Result<Proxy, Error> {
        // The text may hold a password, so an error shows none of it.
        let bad = |why: &str| {
            let why = ErrorKind::BadRequest(format!("the proxy's address {why}"));
            Error::new(Phase::Request, why)
        };
        let whole = match text.contains("://") {
            true => text.to_owned(),
            false => format!("http://{text}"),
        };
        let url = Url::parse(&whole).map_err(|error| bad(&format!("is no URL: {error}")))?;
        let (speech, port) = match url.scheme() {
            "http" => (Speech::Http, 80),
            "https" => (Speech::Https, 443),
            "socks4" | "socks4a" => (Speech::Socks4a, 1080),
            "socks5" => (Speech::Socks5, 1080),
            "socks5h" | "socks" => (Speech::Socks5h, 1080),
            other => return Err(bad(&format!("has the unknown scheme {other:?}"))),
        };
        let host = match url.host() {
            Some(Host::Ipv4(ip)) => Name::Literal(ip.into()),
            Some(Host::Ipv6(ip)) => Name::Literal(ip.into()),
            // Of schemes it does not know, `url` leaves addresses as they are.
            Some(Host::Domain(name)) => match name.parse() {
                Ok(ip) => Name::Literal(ip),
                Err(_) => Name::Domain(name.to_ascii_lowercase()),
            },
            None => return Err(bad("has no host")),
        };
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => {
                let password = unescaped(password.unwrap_or_default());
                Some(Credentials::password(unescaped(user), password))
            }
        };
        Ok(Proxy(Rc::new(Parts {
            speech,
            host,
            port: url.port().unwrap_or(port),
            credentials,
            scheme: RefCell::default(),
            digest_seen: Cell::default(),
        })))
    }
}

fn unescaped(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}

impl PartialEq for Proxy {
    fn eq(&self, other: &Proxy) -> bool {
        let key = |proxy: &Proxy| (proxy.0.speech, proxy.0.host.clone(), proxy.0.port);
        let pair = |proxy: &Proxy| {
            let pair = proxy.credentials().and_then(Credentials::pair);
            pair.map(|(name, password)| (name.to_owned(), password.to_owned()))
        };
        Rc::ptr_eq(&self.0, &other.0) || key(self) == key(other) && pair(self) == pair(other)
    }
}

impl fmt::Display for Proxy {
    /// Without the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.0.speech {
            Speech::Http => "http",
            Speech::Https => "https",
            Speech::Socks4a => "socks4a",
            Speech::Socks5 => "socks5",
            Speech::Socks5h => "socks5h",
        };
        write!(f, "{scheme}://{}:{}", self.0.host, self.0.port)
    }
}

/// Which proxy a URL goes through.
///
/// ```
/// use evhttp::{Client, Proxies};
///
/// let proxies = Proxies::all("http://proxy.example:3128".parse()?).except("localhost, .intranet.example, 10.0.0.0/8");
/// let client = Client::builder().proxies(proxies).build();
/// # Ok::<(), evhttp::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Proxies(Choice);

#[derive(Clone)]
enum Choice {
    None,
    Rules(Rc<Rules>),
    /// The user's function.
    By(Rc<dyn Fn(&Url) -> Option<Proxy>>),
}

#[derive(Clone, Debug, Default)]
struct Rules {
    http: Option<Proxy>,
    https: Option<Proxy>,
    except: Vec<Exception>,
    /// Never for this machine itself.
    not_loopback: bool,
    /// What is wrong with the environment; told by the calls it concerns.
    wrong: Option<String>,
}

impl Proxies {
    /// None: every connection is direct.
    pub fn none() -> Proxies {
        Proxies(Choice::None)
    }

    /// One for all URLs.
    pub fn all(proxy: Proxy) -> Proxies {
        Proxies(Choice::Rules(Rc::new(Rules {
            http: Some(proxy.clone()),
            https: Some(proxy),
            ..Rules::default()
        })))
    }

    /// What `choose` says for a URL: the place for a system's own settings.
    pub fn from_fn(choose: impl Fn(&Url) -> Option<Proxy> + 'static) -> Proxies {
        Proxies(Choice::By(Rc::new(choose)))
    }

    /// What the environment says: `http_proxy`, `https_proxy`, `all_proxy` and
    /// `no_proxy`, in small letters or capitals. `HTTP_PROXY` is ignored in a
    /// CGI program, where a request could set it (CVE-2016-5385). This machine
    /// itself (`localhost` and loopback addresses) is reached directly.
    pub fn from_env() -> Proxies {
        Proxies::from_variables(|name| std::env::var(name).ok())
    }

    pub(crate) fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Proxies {
        let of = |name: &str| {
            let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
            let capitals = name.to_ascii_uppercase();
            let cgi = capitals == "HTTP_PROXY" && variable("REQUEST_METHOD").is_some();
            set(name).or_else(|| set(&capitals).filter(|_| !cgi))
        };
        let mut wrong = None;
        let mut proxy = |name: &str| {
            let text = of(name).or_else(|| of("all_proxy"))?;
            let parsed: Result<Proxy, Error> = text.trim().parse();
            parsed
                .map_err(|error| {
                    wrong = Some(format!("{name} in the environment: {}", error.kind()))
                })
                .ok()
        };
        let (http, https) = (proxy("http_proxy"), proxy("https_proxy"));
        if http.is_none() && https.is_none() && wrong.is_none() {
            return Proxies::none();
        }
        Proxies(Choice::Rules(Rc::new(Rules {
            http,
            https,
            except: exceptions(&of("no_proxy").unwrap_or_default()),
            not_loopback: true,
            wrong,
        })))
    }

    /// The same, but direct for these hosts, given as in `NO_PROXY`: names
    /// (with all below them), addresses, networks (`10.0.0.0/8`), each with or
    /// without a port, divided by commas; `*` is everything.
    pub fn except(self, hosts: &str) -> Proxies {
        let except = exceptions(hosts);
        Proxies(match self.0 {
            Choice::None => Choice::None,
            Choice::Rules(mut rules) => {
                Rc::make_mut(&mut rules).except.extend(except);
                Choice::Rules(rules)
            }
            Choice::By(choose) => Choice::By(Rc::new(move |url| match excepted(&except, url) {
                true => None,
                false => choose(url),
            })),
        })
    }

    /// The proxy for `url`.
    pub(crate) fn choose(&self, url: &Url) -> Result<Option<Proxy>, Error> {
        match &self.0 {
            Choice::None => Ok(None),
            Choice::By(choose) => Ok(choose(url)),
            Choice::Rules(rules) => {
                if rules.not_loopback && is_loopback(url) || excepted(&rules.except, url) {
                    return Ok(None);
                }
                if let Some(wrong) = &rules.wrong {
                    let why = ErrorKind::BadRequest(wrong.clone());
                    return Err(Error::new(Phase::Request, why));
                }
                Ok(match url.scheme() {
                    "https" => rules.https.clone(),
                    _ => rules.http.clone(),
                })
            }
        }
    }
}

impl fmt::Debug for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Choice::None => f.write_str("none"),
            Choice::Rules(rules) => rules.fmt(f),
            Choice::By(_) => f.write_str("by a function"),
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        // RFC 6761 §6.3: names below it as well.
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// One entry of NO_PROXY.
#[derive(Clone, Debug)]
struct Exception {
    hosts: Hosts,
    port: Option<u16>,
}

#[derive(Clone, Debug)]
enum Hosts {
    All,
    Net(IpAddr, u8),
    /// The name and all below it.
    Name(String),
}

fn exceptions(text: &str) -> Vec<Exception> {
    text.split([',', ' '])
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .filter_map(exception)
        .collect()
}

fn exception(entry: &str) -> Option<Exception> {
    if entry == "*" {
        return Some(Exception {
            hosts: Hosts::All,
            port: None,
        });
    }
    if let Some(hosts) = network(entry) {
        return Some(Exception { hosts, port: None });
    }
    let (host, port) = match entry.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok()?)),
        None => (entry, None),
    };
    let hosts = network(host).unwrap_or_else(|| {
        let name = host.trim_start_matches('*').trim_matches('.');
        Hosts::Name(address::host(name))
    });
    Some(Exception { hosts, port })
}

/// `10.0.0.0/8`, `10.1.2.3`, `[::1]`, `fe80::/10`.
fn network(text: &str) -> Option<Hosts> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse::<u8>().ok()?)),
        None => (text, None),
    };
    let bare = address
        .strip_prefix('[')
        .and_then(|address| address.strip_suffix(']'));
    let address: IpAddr = bare.unwrap_or(address).parse().ok()?;
    let all = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.unwrap_or(all);
    (bits <= all).then_some(Hosts::Net(address, bits))
}

fn excepted(exceptions: &[Exception], url: &Url) -> bool {
    let Some(host) = url.host() else {
        return false;
    };
    exceptions.iter().any(|exception| {
        let port = exception
            .port
            .is_none_or(|port| url.port_or_known_default() == Some(port));
        port && exception.hosts.contain(&host)
    })
}

impl Hosts {
    fn contain(&self, host: &Host<&str>) -> bool {
        match (self, host) {
            (Hosts::All, _) => true,
            (Hosts::Name(name), Host::Domain(host)) => {
                let above = host.strip_suffix(name.as_str());
                above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
            }
            (Hosts::Net(IpAddr::V4(net), bits), Host::Ipv4(ip)) => {
                let differ = u32::from(*net) ^ u32::from(*ip);
                u64::from(differ) >> (32 - bits) == 0
            }
            (Hosts::Net(IpAddr::V6(net), bits), Host::Ipv6(ip)) => {
                let differ = u128::from(*net) ^ u128::from(*ip);
                differ.checked_shr(128 - u32::from(*bits)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
