//! One URL: the request that the command line wants of it, and what is done with the answer.

use std::io::Write;
use std::rc::Rc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use evcore::Result;
use evhttp::http::Method;
use evhttp::{Answer, Call, Layer, Next, Progress, Request, Response};

use super::command::{Auth, Command};
use super::content::Content;
use super::exit::{self, Ending};
use super::output::{self, Sink};
use super::report::{self, Facts, Notes, To};
use super::setup::{self, Session};

/// Asks for the URL of that number, and puts the answer where it belongs.
pub(crate) async fn carry_out(
    command: Rc<Command>,
    session: Rc<Session>,
    number: usize,
) -> Result<std::result::Result<(), Ending>> {
    let url = whole(&command, &command.urls[number]);
    let method = method(&command);
    let notes = Facts::new(&method, &url, number);
    let outcome = asked(&command, &session, &notes, &url, &method).await;
    let outcome = outcome.unwrap_or_else(|error| Err(Ending::of(&error)));
    let mut facts = notes.borrow_mut();
    facts.ended();
    if let Err(ending) = &outcome {
        (facts.code, facts.why) = (ending.code, ending.why().to_owned());
    }
    Ok(told(&command, &facts).and(outcome))
}

/// As curl guesses a scheme; and as it names a file that is sent to a folder.
fn whole(command: &Command, url: &str) -> String {
    let mut url = match url.contains("://") {
        true => url.to_owned(),
        false => format!("http://{url}"),
    };
    let name = command
        .upload
        .as_deref()
        .filter(|path| !["-", "."].contains(path));
    if let Some(path) = name.filter(|_| url.ends_with('/')) {
        url.push_str(path.rsplit('/').next().unwrap_or(path));
    }
    url
}

fn method(command: &Command) -> String {
    let usual = match command {
        _ if command.head => "HEAD",
        _ if command.upload.is_some() => "PUT",
        _ if !command.pieces.is_empty() && !command.as_query => "POST",
        _ => "GET",
    };
    command.method.clone().unwrap_or_else(|| usual.to_owned())
}

async fn asked(
    command: &Command,
    session: &Session,
    notes: &Notes,
    url: &str,
    method: &str,
) -> Result<std::result::Result<(), Ending>> {
    let number = notes.borrow().number;
    let prepared = Sink::of(command, number, url).and_then(|mut sink| {
        Ok((
            request(command, session, &mut sink, notes, url, method)?,
            sink,
        ))
    });
    let (request, mut sink) = match prepared {
        Ok(prepared) => prepared,
        Err(ending) => return Ok(Err(ending)),
    };
    if let Some(path) = sink.path() {
        notes.borrow_mut().file = path.to_owned();
    }
    let page = report::noted(request.stream(), notes, command.verbose).await?;
    notes.borrow_mut().answered(&page);
    match begun(command, &page, &mut sink) {
        Ok(true) => received(command, &page, &mut sink, notes).await,
        Ok(false) => Ok(Ok(())),
        Err(ending) => Ok(Err(ending)),
    }
}

/// The head goes where it is wanted. Whether the body is wanted too.
fn begun(command: &Command, page: &Response, sink: &mut Sink) -> std::result::Result<bool, Ending> {
    if command.verbose {
        let head = output::head(page);
        String::from_utf8_lossy(&head)
            .lines()
            .for_each(|line| eprintln!("< {line}"));
    }
    if let Some(path) = &command.dump {
        dump(path, &output::heads(page))?;
    }
    let status = page.status();
    let bad = status.is_client_error() || status.is_server_error();
    // Of a document that is there already, curl wants no error page.
    if command.from.is_some() && status == 416 && method(command) == "GET" {
        return Ok(false);
    }
    if command.include {
        sink.write(&output::heads(page))?;
    }
    if bad && command.fail {
        return Err(refused_by(status.as_u16()));
    }
    let resumed = command.from.as_deref().is_some_and(|from| from != "0");
    if resumed && command.upload.is_none() && status == 200 && ranged(command, sink) {
        return Err(Ending::new(
            exit::NO_RANGE,
            "HTTP server doesn't seem to support byte ranges. Cannot resume.",
        ));
    }
    Ok(true)
}

fn ranged(command: &Command, sink: &mut Sink) -> bool {
    command.from.as_deref() != Some("-") || sink.resume() > 0
}

fn refused_by(status: u16) -> Ending {
    Ending::new(
        exit::STATUS,
        format!("The requested URL returned error: {status}"),
    )
}

fn dump(path: &str, heads: &[u8]) -> std::result::Result<(), Ending> {
    let wrote = match path {
        "-" => std::io::stdout().lock().write_all(heads),
        path => std::fs::write(path, heads),
    };
    wrote.map_err(|error| Ending::new(exit::WRITE, format!("{path}: {error}")))
}

async fn received(
    command: &Command,
    page: &Response,
    sink: &mut Sink,
    notes: &Notes,
) -> Result<std::result::Result<(), Ending>> {
    let mut body = page.take_body()?;
    let total = body.length();
    let shows = command.shows_progress(sink.path().is_some());
    let mut shown = Duration::ZERO;
    while let Some(piece) = body.next().await? {
        if let Err(ending) = sink.write(&piece) {
            return Ok(Err(ending));
        }
        let mut facts = notes.borrow_mut();
        facts.downloaded += piece.len() as u64;
        let (elapsed, far) = (facts.elapsed(), facts.downloaded);
        if shows && elapsed.saturating_sub(shown) > Duration::from_millis(100) {
            shown = elapsed;
            eprint!("\r{}", Progress::new(far, total, elapsed));
        }
    }
    if shows && !shown.is_zero() {
        eprintln!();
    }
    if let Err(ending) = sink.finish() {
        return Ok(Err(ending));
    }
    let status = page.status();
    let bad = status.is_client_error() || status.is_server_error();
    Ok(match bad && command.fail_with_body {
        true => Err(refused_by(status.as_u16())),
        false => Ok(()),
    })
}

/// What `-w` wants told.
fn told(command: &Command, facts: &Facts) -> std::result::Result<(), Ending> {
    let Some(format) = &command.report else {
        return Ok(());
    };
    let format = match format.strip_prefix('@') {
        None => format.clone(),
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| Ending::new(exit::READ, format!("{path}: {error}")))?,
    };
    for (to, text) in report::report(&format, facts) {
        let wrote = match to {
            To::Out => std::io::stdout().lock().write_all(text.as_bytes()),
            To::Err => std::io::stderr().lock().write_all(text.as_bytes()),
        };
        wrote.map_err(|error| Ending::new(exit::WRITE, error.to_string()))?;
    }
    Ok(())
}

fn request(
    command: &Command,
    session: &Session,
    sink: &mut Sink,
    notes: &Notes,
    url: &str,
    method: &str,
) -> std::result::Result<Request, Ending> {
    let token = Method::from_bytes(method.as_bytes());
    let token = token.map_err(|_| Ending::refused("-X", format!("{method:?} is no method")))?;
    let mut content = Content::of(command)?;
    let mut url = url.to_owned();
    if let (true, Content::Text { bytes, .. }) = (command.as_query, &content) {
        let (rest, fragment) = url
            .split_once('#')
            .map_or((url.as_str(), ""), |(rest, fragment)| (rest, fragment));
        let mark = if rest.contains('?') { '&' } else { '?' };
        let hash = if fragment.is_empty() { "" } else { "#" };
        url = format!(
            "{rest}{mark}{}{hash}{fragment}",
            String::from_utf8_lossy(bytes)
        );
        content = Content::None;
    }
    let (url, shown) = shown(command, &url)?;
    let mut request = session.client.request(token, url);
    for (name, value) in fields(command, &content, shown, sink)? {
        request = request.header_as(name, value);
    }
    if let (Auth::Any, Some((name, password))) = (command.auth, setup::pair(command)?) {
        request = request.credentials(name, password);
    }
    if let Some(token) = &command.bearer {
        request = request.bearer(token);
    }
    if let Some(limit) = command.whole_time.filter(|limit| !limit.is_zero()) {
        request = request.deadline(limit);
    }
    Ok(match content {
        Content::None => request,
        Content::Form(form) => request.multipart(form),
        Content::Upload(body) => {
            notes.borrow_mut().uploaded = body.length().unwrap_or(0);
            request.body(body)
        }
        Content::Text { bytes, .. } => {
            notes.borrow_mut().uploaded = bytes.len() as u64;
            request.body(bytes)
        }
    })
}

/// A name and password that nobody has to ask for, and the URL without them; that is what curl does unless told.
fn shown(command: &Command, url: &str) -> std::result::Result<(String, Option<String>), Ending> {
    let basic = |name: &str, password: &str| {
        format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
    };
    if command.auth != Auth::Basic {
        return Ok((url.to_owned(), None));
    }
    if let Some((name, password)) = setup::pair(command)? {
        return Ok((without_user(url).0, Some(basic(name, password))));
    }
    let (bare, user) = without_user(url);
    let user = user.map(|user| {
        let (name, password) = user.split_once(':').unwrap_or((&user, ""));
        basic(&plain(name), &plain(password))
    });
    Ok((bare, user))
}

fn without_user(url: &str) -> (String, Option<String>) {
    let Some((scheme, rest)) = url.split_once("://") else {
        return (url.to_owned(), None);
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    match authority.rsplit_once('@') {
        Some((user, host)) => (
            format!("{scheme}://{host}{}", &rest[authority.len()..]),
            Some(user.to_owned()),
        ),
        None => (url.to_owned(), None),
    }
}

/// Percent-encoded bytes as themselves.
fn plain(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let coded = after
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let coded = coded.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (first, coded) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The fields curl sends by itself, unless `-H` replaces them or takes them out, and those of `-H`: in curl's order.
fn fields(
    command: &Command,
    content: &Content,
    shown: Option<String>,
    sink: &mut Sink,
) -> std::result::Result<Vec<(String, String)>, Ending> {
    let own = own_fields(command)?;
    let (length, kind) = match content {
        Content::Text { bytes, kind, .. } => {
            (Some(bytes.len().to_string()), Some((*kind).to_owned()))
        }
        _ => (None, None),
    };
    let json = matches!(content, Content::Text { json: true, .. });
    let accept = if json { "application/json" } else { "*/*" };
    let agent = concat!("evcurl/", env!("CARGO_PKG_VERSION"));
    let cookies: Vec<&str> = command
        .cookies
        .iter()
        .map(String::as_str)
        .filter(|text| text.contains('='))
        .collect();
    let before = [
        ("Authorization", shown),
        ("Range", range(command, sink)?),
        (
            "User-Agent",
            Some(command.agent.clone().unwrap_or_else(|| agent.to_owned())),
        ),
        ("Accept", Some(accept.to_owned())),
        ("Referer", command.referer.clone()),
        ("Cookie", (!cookies.is_empty()).then(|| cookies.join("; "))),
    ];
    let behind = [("Content-Length", length), ("Content-Type", kind)];
    let replaced = |name: &str| {
        let mut names = own.iter().map(|(known, _)| known);
        names.any(|known| known.eq_ignore_ascii_case(name))
    };
    let usual = |(name, value): (&str, Option<String>)| {
        let value = value.filter(|_| !replaced(name));
        value.map(|value| (name.to_owned(), value))
    };
    let (hosts, others): (Vec<_>, Vec<_>) = own
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.clone()?)))
        .partition(|(name, _)| name.eq_ignore_ascii_case("host"));
    let before = before.into_iter().filter_map(usual);
    let behind = behind.into_iter().filter_map(usual);
    Ok(hosts
        .into_iter()
        .chain(before)
        .chain(others)
        .chain(behind)
        .collect())
}

/// `Name: value`; `Name;` has an empty value, `Name:` takes out one of ours.
fn own_fields(command: &Command) -> std::result::Result<Vec<(String, Option<String>)>, Ending> {
    let mut lines = Vec::new();
    for text in &command.fields {
        match text.strip_prefix('@') {
            None => lines.push(text.clone()),
            Some(path) => {
                let read = std::fs::read_to_string(path);
                let read =
                    read.map_err(|error| Ending::new(exit::READ, format!("{path}: {error}")))?;
                lines.extend(read.lines().map(str::to_owned));
            }
        }
    }
    let mut fields = Vec::new();
    for line in lines {
        if let Some((name, value)) = line.split_once(':') {
            let value = value.trim();
            if value.is_empty()
                && ["user-agent", "host"].contains(&name.to_ascii_lowercase().as_str())
            {
                return Err(Ending::refused(
                    &format!("-H '{line}'"),
                    "is not supported: evhttp always sends it",
                ));
            }
            fields.push((
                name.to_owned(),
                (!value.is_empty()).then(|| value.to_owned()),
            ));
        } else if let Some(name) = line.strip_suffix(';') {
            fields.push((name.to_owned(), Some(String::new())));
        }
    }
    Ok(fields)
}

/// `-r` as it is, or what `-C` has left to ask for.
fn range(command: &Command, sink: &mut Sink) -> std::result::Result<Option<String>, Ending> {
    let Some(from) = &command.from else {
        return Ok(command.range.as_ref().map(|range| format!("bytes={range}")));
    };
    if command.upload.is_some() {
        return Err(Ending::refused(
            "-C",
            "is not supported with -T: evhttp's files begin at their beginning",
        ));
    }
    let there = match from.as_str() {
        "-" => sink.resume(),
        from => {
            sink.append();
            let wrong = |_| Ending::refused("-C", "expected a proper numerical parameter");
            from.parse().map_err(wrong)?
        }
    };
    Ok((there > 0).then(|| format!("bytes={there}-")))
}

/// Says on standard error what goes out, as far as it is known before the layers below add theirs.
pub(crate) struct Spoken;

impl Layer for Spoken {
    fn send(self: Rc<Self>, call: Call, next: Next) -> Answer {
        let url = &call.url;
        let query = url
            .query()
            .map_or(String::new(), |query| format!("?{query}"));
        eprintln!("> {} {}{query} HTTP/1.1", call.method, url.path());
        let port = url.port().map_or(String::new(), |port| format!(":{port}"));
        eprintln!("> host: {}{port}", url.host_str().unwrap_or(""));
        for (name, value) in &call.headers {
            eprintln!("> {name}: {}", String::from_utf8_lossy(value.as_bytes()));
        }
        eprintln!(">");
        next.send(call)
    }
}
