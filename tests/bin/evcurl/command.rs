//! The command line as what it wants. Nothing is opened, read or sent here; the table of options is in `options`.

use std::time::Duration;

use super::exit::Ending;
use super::options::{self, Known};

/// All that a command line says.
#[derive(Default)]
pub(crate) struct Command {
    pub(crate) urls: Vec<String>,
    pub(crate) version: bool,
    pub(crate) method: Option<String>,
    /// In the order given; what they are is `content`'s to say.
    pub(crate) pieces: Vec<Piece>,
    pub(crate) as_query: bool,
    pub(crate) head: bool,
    pub(crate) upload: Option<String>,
    pub(crate) fields: Vec<String>,
    pub(crate) agent: Option<String>,
    pub(crate) referer: Option<String>,
    pub(crate) range: Option<String>,
    pub(crate) from: Option<String>,
    pub(crate) compressed: bool,
    pub(crate) user: Option<String>,
    pub(crate) auth: Auth,
    pub(crate) bearer: Option<String>,
    pub(crate) netrc: Option<String>,
    pub(crate) cookies: Vec<String>,
    pub(crate) jar: Option<String>,
    pub(crate) follow: bool,
    pub(crate) redirects: Option<String>,
    pub(crate) retries: Option<String>,
    pub(crate) proxy: Option<String>,
    pub(crate) proxy_user: Option<String>,
    pub(crate) no_proxy: Option<String>,
    pub(crate) places: Vec<String>,
    pub(crate) unix_socket: Option<String>,
    pub(crate) interface: Option<String>,
    pub(crate) insecure: bool,
    pub(crate) roots: Option<String>,
    pub(crate) certificate: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) least_tls: Option<&'static str>,
    pub(crate) most_tls: Option<String>,
    pub(crate) whole_time: Option<Duration>,
    pub(crate) connect_time: Option<Duration>,
    pub(crate) outputs: Vec<Output>,
    pub(crate) make_folders: bool,
    pub(crate) include: bool,
    pub(crate) dump: Option<String>,
    pub(crate) report: Option<String>,
    pub(crate) fail: bool,
    pub(crate) fail_with_body: bool,
    pub(crate) verbose: bool,
    pub(crate) meter: bool,
    glob: bool,
    silent: bool,
    show_error: bool,
}

/// A piece of content: which option gave it, and what it said.
pub(crate) struct Piece {
    pub(crate) option: &'static str,
    pub(crate) text: String,
}

/// How a name and password are shown.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Auth {
    #[default]
    Basic,
    Digest,
    Any,
}

/// Where a body goes.
pub(crate) enum Output {
    File(String),
    /// The file is named as the URL's last segment.
    Remote,
}

impl Command {
    pub(crate) fn read(words: impl Iterator<Item = String>) -> Result<Command, Ending> {
        let mut command = Command {
            glob: true,
            meter: true,
            ..Command::default()
        };
        let mut words = words;
        let mut only_urls = false;
        while let Some(word) = words.next() {
            match word.strip_prefix("--") {
                _ if only_urls => command.urls.push(word),
                Some("") => only_urls = true,
                Some(long) => {
                    let known = options::find(|_, name| name == long);
                    let known = known.map_err(|why| not_supported(&word, why))?;
                    command.take(known, &word, None, &mut words)?;
                }
                None if word.len() > 1 && word.starts_with('-') => {
                    command.cluster(&word[1..], &mut words)?
                }
                None => command.urls.push(word),
            }
        }
        command.check()
    }

    /// Short options joined; the value of one that takes a value is the rest, or the next word.
    fn cluster(
        &mut self,
        letters: &str,
        words: &mut impl Iterator<Item = String>,
    ) -> Result<(), Ending> {
        for (at, letter) in letters.char_indices() {
            let option = format!("-{letter}");
            let known = options::find(|short, _| short == letter && letter != ' ');
            let known = known.map_err(|why| not_supported(&option, why))?;
            let rest = &letters[at + letter.len_utf8()..];
            let joined = (known.takes && !rest.is_empty()).then(|| rest.to_owned());
            self.take(known, &option, joined, words)?;
            if known.takes {
                break;
            }
        }
        Ok(())
    }

    fn take(
        &mut self,
        known: &'static Known,
        option: &str,
        joined: Option<String>,
        words: &mut impl Iterator<Item = String>,
    ) -> Result<(), Ending> {
        let value = match known.takes {
            false => String::new(),
            true => joined
                .or_else(|| words.next())
                .ok_or_else(|| Ending::refused(option, "requires parameter"))?,
        };
        self.set(known.long, option, value)
    }

    #[rustfmt::skip]
    fn set(&mut self, long: &'static str, option: &str, value: String) -> Result<(), Ending> {
        match long {
            "user-agent" => self.agent = Some(value),
            "anyauth" => self.auth = Auth::Any,
            "basic" => self.auth = Auth::Basic,
            "digest" => self.auth = Auth::Digest,
            "continue-at" => self.from = Some(value),
            "dump-header" => self.dump = Some(value),
            "cert" => self.certificate = Some(value),
            "key" => self.key = Some(value),
            "get" => self.as_query = true,
            "header" => self.fields.push(value),
            "head" => (self.head, self.include) = (true, true),
            "location" => self.follow = true,
            "remote-name" => self.outputs.push(Output::Remote),
            "output" => self.outputs.push(Output::File(value)),
            "show-error" => self.show_error = true,
            "silent" => self.silent = true,
            "no-progress-meter" => self.meter = false,
            "upload-file" => self.upload = Some(value),
            "proxy-user" => self.proxy_user = Some(value),
            "version" => self.version = true,
            "request" => self.method = Some(value),
            "cookie" => self.cookies.push(value),
            "cookie-jar" => self.jar = Some(value),
            "cacert" => self.roots = Some(value),
            "compressed" => self.compressed = true,
            "connect-timeout" => self.connect_time = Some(seconds(option, &value)?),
            "max-time" => self.whole_time = Some(seconds(option, &value)?),
            "create-dirs" => self.make_folders = true,
            "referer" => self.referer = Some(value),
            "fail" => self.fail = true,
            "fail-with-body" => self.fail_with_body = true,
            "globoff" => self.glob = false,
            "include" => self.include = true,
            "interface" => self.interface = Some(value),
            "insecure" => self.insecure = true,
            "max-redirs" => self.redirects = Some(value),
            "netrc-file" => self.netrc = Some(value),
            "noproxy" => self.no_proxy = Some(value),
            "oauth2-bearer" => self.bearer = Some(value),
            "range" => self.range = Some(value),
            "resolve" => self.places.push(value),
            "retry" => self.retries = Some(value),
            "tlsv1.2" | "tlsv1.3" => self.least_tls = Some(long),
            "tls-max" => self.most_tls = Some(value),
            "user" => self.user = Some(value),
            "unix-socket" => self.unix_socket = Some(value),
            "url" => self.urls.push(value),
            "verbose" => self.verbose = true,
            "write-out" => self.report = Some(value),
            "proxy" => self.proxy = Some(value),
            // As they are here anyway.
            "disable" | "http1.1" | "no-buffer" => {}
            _ => self.pieces.push(Piece { option: long, text: value }),
        }
        Ok(())
    }

    fn check(self) -> Result<Command, Ending> {
        if self.urls.is_empty() && !self.version {
            return Err(Ending::new(super::exit::USAGE, "no URL specified"));
        }
        let globs = |url: &&String| {
            url.contains(['{', '}'])
                || url
                    .split_once("://")
                    .map_or(&***url, |url| url.1)
                    .find('[')
                    .is_some_and(|at| at > 0 && !is_literal(url))
        };
        match self.urls.iter().find(globs).filter(|_| self.glob) {
            Some(url) => Err(not_supported(
                url,
                "the brackets of a URL are no patterns here: say --globoff",
            )),
            None => Ok(self),
        }
    }

    /// Whether errors are told.
    pub(crate) fn complains(&self) -> bool {
        !self.silent || self.show_error
    }

    /// Whether progress is shown: as curl does, where the body goes elsewhere.
    pub(crate) fn shows_progress(&self, to_file: bool) -> bool {
        to_file && self.meter && !self.silent
    }
}

/// Whether the brackets are those of an IPv6 address.
fn is_literal(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    let host = authority.rsplit('@').next().unwrap_or("");
    host.starts_with('[') && !rest[authority.len()..].contains(['[', ']'])
}

fn seconds(option: &str, text: &str) -> Result<Duration, Ending> {
    let seconds = text.parse::<f64>().ok();
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| Ending::refused(option, "expected a proper numerical parameter"))
}

fn not_supported(option: &str, why: &str) -> Ending {
    match why {
        "is unknown" => Ending::refused(option, why),
        _ => Ending::refused(option, format!("is not supported: {why}")),
    }
}
