//! The server that command lines are tried on: evhttp's own, on a thread of its own. It says what it got, and remembers it.

use std::io::Write;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use evcore::{Result, blocking, secs, sleep};
use evhttp::http::header::{HeaderName, LOCATION};
use evhttp::http::{HeaderMap, HeaderValue, StatusCode};
use evhttp::server::Request;
use evhttp::{Response, serve};

/// A running one.
pub(crate) struct Origin {
    pub(crate) port: u16,
    log: Log,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

type Log = Arc<Mutex<Vec<String>>>;

impl Origin {
    pub(crate) fn start() -> Origin {
        let log = Log::default();
        let shared = log.clone();
        let (tell, told) = channel();
        let (stop, stopped) = channel();
        let thread = std::thread::spawn(move || serve_until(shared, &tell, stopped));
        Origin {
            port: told.recv().unwrap(),
            log,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// The requests since the last time, each as the answer of `/echo` tells it.
    pub(crate) fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap())
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        drop(self.stop.take());
        _ = self.thread.take().map(JoinHandle::join);
    }
}

fn serve_until(log: Log, tell: &Sender<u16>, stopped: Receiver<()>) {
    let server = serve("127.0.0.1:0", move |request: Request| {
        answer(log.clone(), request)
    })
    .unwrap();
    tell.send(server.local_addr().port()).unwrap();
    let ended = evcore::run(blocking(move || _ = stopped.recv()));
    server.close();
    ended.unwrap();
}

async fn answer(log: Log, mut request: Request) -> Result<Response> {
    let body = std::mem::replace(&mut request.body, evhttp::Body::empty())
        .collect(1 << 20)
        .await?;
    let said = said(&request, &String::from_utf8_lossy(&body));
    log.lock().unwrap().push(said.clone());
    let path = request.path().to_owned();
    if let Some(status) = path.strip_prefix("/status/") {
        return Ok(Response::plain(format!("it is {status}")).with_status(status.parse().unwrap()));
    }
    if let Some(status) = path.strip_prefix("/to/") {
        return Ok(moved(status.parse().unwrap(), "/echo?moved"));
    }
    Ok(match path.as_str() {
        "/loop" => moved(StatusCode::FOUND, "/loop"),
        "/basic" => basic(&request),
        "/digest" => digest(&request),
        "/set" => field(Response::plain("set"), "set-cookie", "taste=sweet; Path=/"),
        "/gzip" => field(
            Response::new(StatusCode::OK).with_body(gzip(b"unpacked")),
            "content-encoding",
            "gzip",
        ),
        "/digits" => digits(&request),
        "/slow" => sleep(secs(600)).await.map(|()| Response::plain("late"))?,
        "/json" => field(
            Response::new(StatusCode::OK).with_body("{}"),
            "content-type",
            "application/json",
        ),
        _ => Response::plain(said),
    })
}

/// What came, without what has to differ: who sent it, to which port, a boundary, what is unpacked in which order.
fn said(request: &Request, body: &str) -> String {
    let mut fields: Vec<String> = fields(&request.headers);
    let kind = request
        .headers
        .get("content-type")
        .and_then(|kind| kind.to_str().ok());
    let mut body = body.to_owned();
    if let Some(boundary) = kind.and_then(|kind| Some(kind.split_once("boundary=")?.1)) {
        fields.retain(|line| !line.starts_with("content-length: "));
        body = body.replace(boundary, "BOUNDARY").replace('\r', "");
    }
    fields.sort();
    let fields: String = fields.iter().map(|line| format!("{line}\n")).collect();
    format!("{} {}\n{fields}\n{body}", request.method, request.target)
}

fn fields(headers: &HeaderMap) -> Vec<String> {
    let told = |(name, value): (&HeaderName, &HeaderValue)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        match name.as_str() {
            "host" => None,
            "user-agent" if value.contains("curl/") => None,
            "authorization" if value.starts_with("Digest ") => {
                Some("authorization: Digest".to_owned())
            }
            "accept-encoding" => Some("accept-encoding: some".to_owned()),
            "content-type" => Some(format!(
                "content-type: {}",
                value.split("; boundary=").next().unwrap_or("")
            )),
            name => Some(format!("{name}: {value}")),
        }
    };
    headers.iter().filter_map(told).collect()
}

fn field(response: Response, name: &'static str, value: &str) -> Response {
    response.with_header(
        HeaderName::from_static(name),
        HeaderValue::from_str(value).unwrap(),
    )
}

fn moved(status: StatusCode, to: &'static str) -> Response {
    Response::plain("moved")
        .with_status(status)
        .with_header(LOCATION, HeaderValue::from_static(to))
}

fn basic(request: &Request) -> Response {
    match request
        .headers
        .get("authorization")
        .map(HeaderValue::as_bytes)
    {
        // me:secret
        Some(b"Basic bWU6c2VjcmV0") => Response::plain("welcome"),
        _ => {
            let refused = Response::plain("who are you?").with_status(StatusCode::UNAUTHORIZED);
            field(refused, "www-authenticate", "Basic realm=\"here\"")
        }
    }
}

/// Offers both, and tells which was chosen, by whom. Whether the sum is right, others judge.
fn digest(request: &Request) -> Response {
    let shown = request
        .headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    match shown {
        Some(shown) => {
            let name = shown
                .split_once("username=\"")
                .and_then(|(_, rest)| rest.split('"').next());
            Response::plain(format!(
                "{} by {}",
                shown.split(' ').next().unwrap_or(""),
                name.unwrap_or("nobody")
            ))
        }
        None => {
            let refused = Response::plain("who are you?").with_status(StatusCode::UNAUTHORIZED);
            let refused = field(refused, "www-authenticate", "Basic realm=\"here\"");
            field(
                refused,
                "www-authenticate",
                "Digest realm=\"here\", nonce=\"n\", qop=\"auth\", algorithm=MD5",
            )
        }
    }
}

/// Ten bytes, and parts of them.
fn digits(request: &Request) -> Response {
    const ALL: &str = "0123456789";
    let range = request
        .headers
        .get("range")
        .and_then(|value| value.to_str().ok());
    let Some((first, last)) = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-'))
    else {
        return Response::plain(ALL);
    };
    let first: usize = first.parse().unwrap_or(0);
    let last: usize = last.parse().unwrap_or(ALL.len() - 1);
    if first >= ALL.len() {
        return field(
            Response::plain("no such part").with_status(StatusCode::RANGE_NOT_SATISFIABLE),
            "content-range",
            "bytes */10",
        );
    }
    let part = Response::plain(&ALL[first..=last]).with_status(StatusCode::PARTIAL_CONTENT);
    field(part, "content-range", &format!("bytes {first}-{last}/10"))
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    coder.write_all(content).unwrap();
    coder.finish().unwrap()
}
