//! The client that a command line wants, and the jar it keeps. One serves all transfers, so that connections are kept between them.

use std::time::Duration;

use evhttp::evtls::{self, Version};
use evhttp::{Client, ClientBuilder, CookieJar, Credentials, Phase, Proxies, Proxy};

use super::command::{Auth, Command};
use super::content::escaped;
use super::exit::{self, Ending};
use super::transfer::Spoken;
use crate::curl_terms;

/// What lasts from the first transfer to the last.
pub(crate) struct Session {
    pub(crate) client: Client,
    jar: Option<CookieJar>,
}

/// curl's own.
const REDIRECTS: u32 = 50;

impl Session {
    pub(crate) fn open(command: &Command) -> Result<Session, Ending> {
        let jar = jar(command)?;
        let mut client = Client::builder()
            .title_case(true)
            .decode(command.compressed)
            // curl follows wherever both schemes are allowed, which they are unless told.
            .redirect_to_http(true)
            .redirects(redirects(command)?)
            .retries(number("--retry", command.retries.as_deref(), 0)?)
            .proxies(proxies(command)?)
            .tls(tls(command)?);
        if let Some(jar) = &jar {
            client = client.cookie_jar(jar.clone());
        }
        if let Some(path) = &command.netrc {
            client = client.netrc(path);
        }
        client = reached(client, command)?;
        if command.verbose {
            client = client.layer(Spoken);
        }
        if command.auth == Auth::Digest
            && let Some((name, password)) = pair(command)?
        {
            client = digest_alone(client, name, password);
        }
        let client = client.build();
        Ok(Session { client, jar })
    }

    /// Writes the jar, if it is to be kept.
    pub(crate) fn close(&self, command: &Command) -> Result<(), Ending> {
        let (Some(jar), Some(path)) = (&self.jar, &command.jar) else {
            return Ok(());
        };
        let wrote = match path.as_str() {
            "-" => {
                print!("{}", jar.to_text());
                Ok(())
            }
            path => std::fs::write(path, jar.to_text()),
        };
        wrote.map_err(|error| Ending::new(exit::WRITE, format!("{path}: {error}")))
    }
}

/// The name and password of `-u`.
pub(crate) fn pair(command: &Command) -> Result<Option<(&str, &str)>, Ending> {
    let Some(user) = &command.user else {
        return Ok(None);
    };
    let pair = user.split_once(':');
    pair.map(Some).ok_or_else(|| {
        Ending::refused(
            "-u",
            "is not supported without a password: evcurl asks nobody",
        )
    })
}

/// With `--digest` the password is shown in no other way. A redirect to another host gets none: it is not asked there a first time.
fn digest_alone(client: ClientBuilder, name: &str, password: &str) -> ClientBuilder {
    let credentials = Credentials::password(name, password);
    let first = std::cell::RefCell::new(None);
    client.on_challenge(move |asked| {
        let mut first = first.borrow_mut();
        let origin = first.get_or_insert_with(|| asked.url.origin()).clone();
        let fits = origin == asked.url.origin() && !asked.refused;
        let digest = asked.offered.iter().any(|scheme| scheme == "digest");
        evcore::Promise::ready((fits && digest).then(|| credentials.clone()))
    })
}

fn redirects(command: &Command) -> Result<u32, Ending> {
    match (command.follow, command.redirects.as_deref()) {
        (false, _) => Ok(0),
        (true, Some("-1")) => Ok(u32::MAX),
        (true, most) => number("--max-redirs", most, REDIRECTS),
    }
}

fn number(option: &str, text: Option<&str>, usual: u32) -> Result<u32, Ending> {
    let wrong = |_| Ending::refused(option, "expected a proper numerical parameter");
    text.map_or(Ok(usual), |text| text.parse().map_err(wrong))
}

/// A jar if one is read or written; `-b name=value` needs none.
fn jar(command: &Command) -> Result<Option<CookieJar>, Ending> {
    let files: Vec<_> = command
        .cookies
        .iter()
        .filter(|text| !text.contains('='))
        .collect();
    if files.is_empty() && command.jar.is_none() {
        return Ok(None);
    }
    // As with curl, a file that is not there is an empty one: it may be the one to be written.
    let read = |path: &&String| std::fs::read_to_string(path).unwrap_or_default();
    let texts: Vec<String> = files.iter().map(read).collect();
    Ok(Some(CookieJar::from_text(&texts.join("\n"))))
}

fn proxies(command: &Command) -> Result<Proxies, Ending> {
    let chosen = match command.proxy.as_deref() {
        None => Proxies::from_env(),
        Some("") => Proxies::none(),
        Some(text) => Proxies::all(proxy(text, command.proxy_user.as_deref())?),
    };
    Ok(match &command.no_proxy {
        Some(hosts) => chosen.except(hosts),
        None => chosen,
    })
}

fn proxy(text: &str, user: Option<&str>) -> Result<Proxy, Ending> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    let (mut known, place) = rest
        .rsplit_once('@')
        .map_or((None, rest), |(user, place)| (Some(user.to_owned()), place));
    if let Some(user) = user {
        let (name, password) = user.split_once(':').unwrap_or((user, ""));
        let escaped = |text: &str| String::from_utf8_lossy(&escaped(text.as_bytes())).into_owned();
        known = Some(format!("{}:{}", escaped(name), escaped(password)));
    }
    let place = place.trim_end_matches('/');
    // curl's port of a proxy that names none.
    let has_port = place
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let port = match (has_port, scheme) {
        (false, "http") => ":1080",
        _ => "",
    };
    let user = known.map_or(String::new(), |user| format!("{user}@"));
    let parsed = format!("{scheme}://{user}{place}{port}").parse();
    parsed.map_err(|error: evhttp::Error| Ending::new(5, error.to_string()))
}

/// Where connections lead, from where, and how long that may take.
fn reached(mut client: ClientBuilder, command: &Command) -> Result<ClientBuilder, Ending> {
    for text in &command.places {
        let (host, addr) = curl_terms::place(text).ok_or_else(|| {
            Ending::refused("--resolve", format!("{text:?} is no HOST:PORT:ADDR"))
        })?;
        client = client.resolve(host, addr);
    }
    if let Some(text) = &command.interface {
        let local = text.parse().map_err(|_| {
            Ending::refused(
                "--interface",
                "is not supported: evhttp binds to addresses, not to devices",
            )
        })?;
        client = client.bind(local);
    }
    #[cfg(unix)]
    if let Some(path) = &command.unix_socket {
        client = client.unix_socket(path);
    }
    // curl's limit is for all of it; evhttp has one for each step.
    for step in [Phase::Resolve, Phase::Connect, Phase::Secure] {
        client = match command.connect_time {
            Some(limit) if limit > Duration::ZERO => client.time_limit(step, limit),
            _ => client,
        };
    }
    Ok(client)
}

fn tls(command: &Command) -> Result<evtls::Connector, Ending> {
    let mut tls = evtls::Connector::builder();
    if command.insecure {
        tls = tls.danger_accept_any_certificate();
    }
    if let Some(path) = &command.roots {
        tls = curl_terms::trusting(tls, path)
            .map_err(|error| Ending::new(exit::ROOTS, error.to_string()))?;
    }
    if let Some(path) = &command.certificate {
        let read = |option, path| {
            curl_terms::file(option, path).map_err(|error| Ending::new(58, error.to_string()))
        };
        let chain = read("--cert", path)?;
        let key = command
            .key
            .as_ref()
            .map_or_else(|| Ok(chain.clone()), |path| read("--key", path))?;
        tls = tls.client_certificate(chain, key);
    }
    tls = match command.least_tls {
        Some("tlsv1.3") => tls.min_version(Version::Tls13),
        Some(_) => tls.min_version(Version::Tls12),
        None => tls,
    };
    tls = match command.most_tls.as_deref() {
        None | Some("default" | "1.3") => tls,
        Some("1.2") => tls.max_version(Version::Tls12),
        Some(_) => {
            return Err(Ending::refused(
                "--tls-max",
                "is not supported: evtls speaks 1.2 and 1.3",
            ));
        }
    };
    curl_terms::connector(tls).map_err(|error| Ending::new(58, error.to_string()))
}
