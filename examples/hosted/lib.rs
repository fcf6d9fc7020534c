//! What the same program needs in every loop: a server to fetch from, three
//! downloads, and what is told of them. No loop and no window lives here.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bytes::Bytes;
use evcore::{Promise, Result, ms, sleep};
use evhttp::http::StatusCode;
use evhttp::server::Request;
use evhttp::{Body, CHUNK, CONNECTED, HEAD, PROGRESS, Progress, Response, Server};

/// Three documents: a text, a file of a few seconds, and one that takes a minute.
pub const PATHS: [&str; 3] = ["/welcome.txt", "/disk.iso", "/photos.tar"];

const WELCOME: &str = "Hello from a server in the same thread.\n";

/// The server every example brings along, on loopback.
///
/// # Errors
/// If no port is to be had.
pub fn server() -> Result<Server> {
    evhttp::serve("127.0.0.1:0", |request: Request| match request.path() {
        "/welcome.txt" => Response::plain(WELCOME),
        "/disk.iso" => paced(48 << 20, ms(20)),
        "/photos.tar" => paced(192 << 20, ms(80)),
        _ => Response::plain("there is no such document\n").with_status(StatusCode::NOT_FOUND),
    })
}

/// So many bytes, a piece at a time.
fn paced(size: u64, pause: std::time::Duration) -> Response {
    const PIECE: u64 = 256 << 10;
    let (piece, mut sent) = (Bytes::from(vec![b'.'; PIECE as usize]), 0);
    let body = Body::from_fn(Some(size), move || {
        let next = (sent < size).then(|| piece.clone());
        sent += PIECE;
        sleep(pause).then(move |()| next.clone())
    });
    Response::new(StatusCode::OK).with_body(body)
}

/// One download: dropping it changes nothing, `page.cancel()` ends it.
#[derive(Clone)]
pub struct Download {
    /// The last part of its path.
    pub name: String,
    /// How far it is.
    pub progress: Rc<Cell<Option<Progress>>>,
    /// What comes of it.
    pub page: Promise<Response>,
}

impl Download {
    /// Begins to fetch `url`.
    #[track_caller]
    pub fn start(url: &str) -> Download {
        let progress = Rc::new(Cell::new(None));
        let told = progress.clone();
        let page = evhttp::fetch(url).on(PROGRESS, move |now| told.set(Some(*now)));
        let name = url.rsplit('/').next().unwrap_or(url).to_owned();
        Download {
            name,
            progress,
            page,
        }
    }

    /// How much of it is there, 0.0 to 1.0.
    pub fn fraction(&self) -> f64 {
        self.progress
            .get()
            .map_or(0.0, |progress| progress.fraction())
    }

    /// One line about it: how far, how it ended, or what went wrong.
    pub fn line(&self) -> String {
        match self.page.peek() {
            Some(Ok(page)) if page.status() != StatusCode::OK => page.status().to_string(),
            Some(Ok(page)) => ended(page),
            Some(Err(error)) if error.kind() == evcore::Kind::Cancelled => "cancelled".into(),
            Some(Err(error)) => error.to_string(),
            None => self.progress.get().map_or("connecting".into(), under_way),
        }
    }

    /// Whether it has gone wrong, by an error or by its status.
    pub fn failed(&self) -> bool {
        let outcome = self.page.peek();
        outcome.is_some_and(|outcome| outcome.map_or(true, |page| page.status() != StatusCode::OK))
    }
}

fn ended(page: &Response) -> String {
    let length = page.bytes().map_or(0, |bytes| bytes.len());
    match page.text() {
        Ok(text) if length < 200 => text.trim_end().to_owned(),
        _ => format!("done, {:.1} MB", length as f64 / 1e6),
    }
}

fn under_way(progress: Progress) -> String {
    let mb = |bytes: u64| bytes as f64 / 1e6;
    let (received, rate) = (mb(progress.received), progress.rate() / 1e6);
    let Some(total) = progress.total else {
        return format!("{received:.1} MB, {rate:.1} MB/s");
    };
    let left = progress
        .left()
        .map_or(0.0, |left| left.as_secs_f64().ceil());
    format!(
        "{received:.1} of {:.1} MB, {rate:.1} MB/s, {left} s left",
        mb(total)
    )
}

/// Three downloads, the last of which is given up half-way, and a record of
/// what they told: the same lines in whatever loop.
pub struct Trace {
    /// Keeps the documents coming.
    pub server: Server,
    /// The downloads.
    pub downloads: Vec<Download>,
    lines: Lines,
}

impl Trace {
    /// Begins all three.
    ///
    /// # Errors
    /// If there can be no server.
    pub fn start() -> Result<Trace> {
        let server = evhttp::serve("127.0.0.1:0", |request: Request| match request.path() {
            "/2" => paced(64 << 20, ms(5)), // long enough to be given up in time
            _ => paced(4 << 20, ms(5)),
        })?;
        let lines = Lines::default();
        let url = |n: usize| format!("http://{}/{n}", server.local_addr());
        let downloads: Vec<Download> = (0..3).map(|n| Download::start(&url(n))).collect();
        for (n, download) in downloads.iter().enumerate() {
            lines.record(n, download);
        }
        let (last, progress) = (downloads[2].page.clone(), downloads[2].progress.clone());
        let half = move |now: &Progress| {
            progress.set(Some(*now));
            if now.fraction() >= 0.5 {
                last.cancel();
            }
        };
        downloads[2].page.clone().on(PROGRESS, half);
        Ok(Trace {
            server,
            downloads,
            lines,
        })
    }

    /// Settled when all three are, however they ended.
    #[track_caller]
    pub fn done(&self) -> Promise<()> {
        let pages = self.downloads.iter().map(|download| download.page.fork());
        Promise::all_settled(pages).then(|_| ())
    }

    /// What each told, in order. How often a piece of the body came is not in
    /// it: that depends on how fast the loop is.
    pub fn text(&self) -> String {
        let mut lines = self.lines.0.borrow().clone();
        lines.sort_by_key(|line| line.as_bytes()[0]); // stable: the order within each stays
        lines.join("\n")
    }
}

/// What was told, each thing once.
#[derive(Clone, Default)]
struct Lines(Rc<RefCell<Vec<String>>>);

impl Lines {
    fn note(&self, line: String) {
        let mut lines = self.0.borrow_mut();
        if !lines.contains(&line) {
            lines.push(line);
        }
    }

    fn record(&self, n: usize, download: &Download) {
        let [connected, head, chunk, progress, settled] = [(); 5].map(|()| self.clone());
        let page = download.page.clone();
        page.on(CONNECTED, move |_| connected.note(format!("{n} connected")))
            .on(HEAD, move |told| {
                head.note(format!("{n} head {}", told.status))
            })
            .on(CHUNK, move |_| chunk.note(format!("{n} chunk")))
            .on(PROGRESS, move |_| progress.note(format!("{n} progress")))
            .settled(move |outcome| match outcome {
                Ok(page) => settled.note(format!(
                    "{n} {:?} bytes",
                    page.bytes().map(|bytes| bytes.len()).ok()
                )),
                Err(error) => settled.note(format!("{n} {:?}", error.kind())),
            });
    }
}
