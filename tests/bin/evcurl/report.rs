//! What is known of a transfer, noted as evhttp's events tell it, and `-w`, which says it. Nothing is sent or received here.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use evcore::Promise;
use evcore::net::Address;
use evhttp::http::{HeaderMap, Version};
use evhttp::{CONNECTED, REDIRECT, RESOLVED, Response, SECURED, SENT};

/// What is known so far. Times are since the beginning; of several hops the last one's.
pub(crate) struct Facts {
    began: Instant,
    resolved: Duration,
    connected: Duration,
    secured: Duration,
    sent: Duration,
    head: Duration,
    redirected: Duration,
    total: Duration,
    connects: u32,
    redirects: u32,
    peer: Option<Address>,
    pub(crate) method: String,
    pub(crate) url: String,
    redirect_url: String,
    pub(crate) status: u16,
    version: Option<Version>,
    headers: HeaderMap,
    pub(crate) downloaded: u64,
    pub(crate) uploaded: u64,
    pub(crate) file: String,
    pub(crate) code: u8,
    pub(crate) why: String,
    pub(crate) number: usize,
}

pub(crate) type Notes = Rc<RefCell<Facts>>;

impl Facts {
    pub(crate) fn new(method: &str, url: &str, number: usize) -> Notes {
        let zero = Duration::ZERO;
        Rc::new(RefCell::new(Facts {
            began: Instant::now(),
            resolved: zero,
            connected: zero,
            secured: zero,
            sent: zero,
            head: zero,
            redirected: zero,
            total: zero,
            connects: 0,
            redirects: 0,
            peer: None,
            method: method.to_owned(),
            url: url.to_owned(),
            redirect_url: String::new(),
            status: 0,
            version: None,
            headers: HeaderMap::new(),
            downloaded: 0,
            uploaded: 0,
            file: String::new(),
            code: 0,
            why: String::new(),
            number,
        }))
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The head has come.
    pub(crate) fn answered(&mut self, page: &Response) {
        self.head = self.elapsed();
        self.status = page.status().as_u16();
        self.version = Some(page.version());
        self.headers = page.headers().clone();
        if let Some(url) = page.url() {
            // As curl: the fragment stays at home, and is no part of it; nor are a name and password.
            let mut url = url.clone();
            url.set_fragment(None);
            self.url = url.to_string();
            let location = page
                .header("location")
                .filter(|_| (300..400).contains(&self.status));
            let to = location.and_then(|location| url.join(location).ok());
            self.redirect_url = to.map_or(String::new(), |to| to.to_string());
        }
    }

    pub(crate) fn ended(&mut self) {
        self.total = self.elapsed();
    }
}

/// Has the events of a call noted; aloud, if that is wanted.
pub(crate) fn noted(call: Promise<Response>, notes: &Notes, aloud: bool) -> Promise<Response> {
    let note = || notes.clone();
    let (resolved, secured, connected, sent, redirected) = (note(), note(), note(), note(), note());
    let say = move |line: String| {
        if aloud {
            eprintln!("* {line}");
        }
    };
    call.on(RESOLVED, move |told| {
        let mut facts = resolved.borrow_mut();
        facts.resolved = facts.elapsed();
        say(format!("{} is at {:?}", told.host, told.addresses));
    })
    .on(SECURED, move |told| {
        let mut facts = secured.borrow_mut();
        facts.secured = facts.elapsed();
        say(format!(
            "SSL connection using {:?} / {}",
            told.agreed.version, told.agreed.cipher
        ));
    })
    .on(CONNECTED, move |told| {
        let mut facts = connected.borrow_mut();
        facts.connects += u32::from(!told.reused);
        facts.connected = facts.elapsed();
        let how = if told.reused {
            "Re-using existing connection"
        } else {
            "Connected"
        };
        say(format!("{how} to {}", told.peer));
        facts.peer = Some(told.peer.clone());
    })
    .on(SENT, move |_| {
        let mut facts = sent.borrow_mut();
        facts.sent = facts.elapsed();
    })
    .on(REDIRECT, move |told| {
        let mut facts = redirected.borrow_mut();
        facts.redirects += 1;
        facts.redirected = facts.elapsed();
        facts.method = told.method.to_string();
        say(format!("Issue another request to this URL: '{}'", told.to));
    })
}

/// Where a part of a report goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    Out,
    Err,
}

/// A report in the format of `-w`.
pub(crate) fn report(format: &str, facts: &Facts) -> Vec<(To, String)> {
    let mut parts = vec![(To::Out, String::new())];
    let mut rest = format;
    while let Some(at) = rest.find(['%', '\\']) {
        push(&mut parts, &rest[..at]);
        rest = &rest[at..];
        let (taken, said) = match rest.as_bytes() {
            [b'%', b'%', ..] => (2, "%".into()),
            [b'\\', b'n', ..] => (2, "\n".into()),
            [b'\\', b't', ..] => (2, "\t".into()),
            [b'\\', b'r', ..] => (2, "\r".into()),
            _ => match named(rest) {
                Some(("stdout", _, taken)) => {
                    parts.push((To::Out, String::new()));
                    (taken, String::new())
                }
                Some(("stderr", _, taken)) => {
                    parts.push((To::Err, String::new()));
                    (taken, String::new())
                }
                // What follows is for failures alone.
                Some(("onerror", ..)) if facts.code == 0 => return parts,
                Some((name, kind, taken)) => (taken, value(name, kind, facts)),
                None => (1, rest[..1].to_owned()),
            },
        };
        push(&mut parts, &said);
        rest = &rest[taken..];
    }
    push(&mut parts, rest);
    parts
}

fn push(parts: &mut [(To, String)], text: &str) {
    if let Some((_, last)) = parts.last_mut() {
        last.push_str(text);
    }
}

/// `%{name}` or `%header{name}`: the name, which of both, and the bytes it takes.
fn named(rest: &str) -> Option<(&str, &'static str, usize)> {
    for (open, kind) in [("%{", "variable"), ("%header{", "field")] {
        if let Some(name) = rest.strip_prefix(open) {
            let end = name.find('}')?;
            return Some((&name[..end], kind, open.len() + end + 1));
        }
    }
    None
}

fn value(name: &str, kind: &str, facts: &Facts) -> String {
    let field = |name: &str| {
        let value = facts.headers.get(name);
        value.map_or(String::new(), |value| {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        })
    };
    if kind == "field" {
        return field(name);
    }
    let time = |time: Duration| format!("{:.6}", time.as_secs_f64());
    let rate = |bytes: u64| format!("{:.0}", bytes as f64 / facts.total.as_secs_f64().max(1e-6));
    let peer = match &facts.peer {
        Some(Address::Inet(peer)) => Some(*peer),
        _ => None,
    };
    match name {
        "http_code" | "response_code" => format!("{:03}", facts.status),
        "http_version" => facts.version.map_or("0".into(), |version| {
            format!("{version:?}").replace("HTTP/", "")
        }),
        "content_type" => field("content-type"),
        "size_download" => facts.downloaded.to_string(),
        "size_upload" => facts.uploaded.to_string(),
        "speed_download" => rate(facts.downloaded),
        "speed_upload" => rate(facts.uploaded),
        "time_namelookup" => time(facts.resolved),
        // CONNECTED is told when TLS stands as well.
        "time_connect" => time(facts.connected),
        "time_appconnect" => time(facts.secured),
        "time_pretransfer" => time(facts.connected),
        "time_starttransfer" => time(facts.head),
        "time_redirect" => time(facts.redirected),
        "time_total" => time(facts.total),
        "num_connects" => facts.connects.to_string(),
        "num_redirects" => facts.redirects.to_string(),
        "redirect_url" => facts.redirect_url.clone(),
        "url_effective" => facts.url.clone(),
        "urlnum" => facts.number.to_string(),
        "scheme" => facts
            .url
            .split(':')
            .next()
            .unwrap_or("")
            .to_ascii_uppercase(),
        "method" => facts.method.clone(),
        "remote_ip" => peer.map_or(String::new(), |peer| peer.ip().to_string()),
        "remote_port" => peer.map_or("0".into(), |peer| peer.port().to_string()),
        "filename_effective" => facts.file.clone(),
        "exitcode" => facts.code.to_string(),
        "errormsg" => facts.why.clone(),
        "onerror" => String::new(),
        _ => {
            eprintln!("evcurl: unknown --write-out variable: '{name}'");
            String::new()
        }
    }
}
