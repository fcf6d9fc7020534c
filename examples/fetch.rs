//! The main job: fetch a document with a progress bar, on one thread.
//!
//!     cargo run --release --example fetch                  # serves itself a file
//!     cargo run --release --example fetch -- URL [-o FILE]
//!
//! Without a URL it serves 256 MiB on loopback, fetches them, and checks that
//! every byte came. Server, client and progress bar share the one thread.

use std::cell::RefCell;
use std::fs::File;
use std::io::Write;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;
use evcore::{Promise, Result};
use evhttp::http::StatusCode;
use evhttp::{Body, CHUNK, PROGRESS, Response};
use indicatif::{ProgressBar, ProgressStyle};

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let (mut url, mut file) = (None, None);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-o" => file = args.next(),
            "-h" | "--help" => return usage(),
            _ if url.is_none() && !arg.starts_with('-') => url = Some(arg),
            _ => return usage(),
        }
    }
    match evcore::run(job(url, file)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fetch: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: fetch [URL] [-o FILE]\nWithout a URL it serves itself a file and checks it.");
    ExitCode::from(2)
}

async fn job(url: Option<String>, file: Option<String>) -> Result<()> {
    if let Some(url) = url {
        return download(&url, file.as_deref()).await.map(drop);
    }
    let server = evhttp::serve("127.0.0.1:0", |_| file_of_our_own())?;
    let url = format!("http://{}/disk.iso", server.local_addr());
    let hash = download(&url, file.as_deref()).await?;
    if hash != expected() {
        return Err("the bytes that came are not those that were sent".into());
    }
    println!("verified: every byte is the one that was sent");
    server.close();
    Ok(())
}

/// Streams `url` to `file`, or to nowhere; gives the hash of its bytes.
async fn download(url: &str, file: Option<&str>) -> Result<u64> {
    let began = Instant::now();
    let page = evhttp::get(url).stream().await?.ok()?;
    let body = page.take_body()?;
    let bar = bar(body.length());
    // A program with a window would write to the disk in `evcore::blocking`.
    let sink = Rc::new(RefCell::new(Sink::new(file)?));
    let told = sink.clone();
    body.done()
        .on(CHUNK, move |piece| told.borrow_mut().take(piece))
        .on(PROGRESS, {
            let bar = bar.clone();
            move |progress| bar.set_position(progress.received)
        })
        .await?;
    bar.finish();
    let (received, hash) = sink.borrow_mut().finish()?;
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{received} bytes in {seconds:.3} s, {:.0} MB/s",
        received as f64 / 1e6 / seconds
    );
    Ok(hash)
}

fn bar(total: Option<u64>) -> ProgressBar {
    const BAR: &str = "{percent:>3}% [{bar:30}] {decimal_bytes} of {decimal_total_bytes}, {decimal_bytes_per_sec}, {eta} left";
    const SPINNER: &str = "{spinner} {decimal_bytes}, {decimal_bytes_per_sec}";
    let (bar, look) = match total {
        Some(total) => (ProgressBar::new(total), BAR),
        None => (ProgressBar::new_spinner(), SPINNER),
    };
    let style = ProgressStyle::with_template(look).unwrap_or(ProgressStyle::default_bar());
    bar.with_style(style.progress_chars("#> "))
}

/// Where the pieces go.
struct Sink {
    file: Option<File>,
    failed: Option<std::io::Error>,
    received: u64,
    hash: u64,
}

impl Sink {
    fn new(file: Option<&str>) -> Result<Sink> {
        let file = file.map(File::create).transpose()?;
        Ok(Sink {
            file,
            failed: None,
            received: 0,
            hash: SEED,
        })
    }

    fn take(&mut self, piece: &Bytes) {
        self.hash = hash(self.hash, self.received, piece);
        self.received += piece.len() as u64;
        if let Some(file) = &mut self.file
            && let Err(error) = file.write_all(piece)
        {
            self.failed = Some(error);
        }
    }

    fn finish(&mut self) -> Result<(u64, u64)> {
        match self.failed.take() {
            Some(error) => Err(error.into()),
            None => Ok((self.received, self.hash)),
        }
    }
}

const SIZE: u64 = 256 << 20;
const BLOCK: usize = 256 << 10;

/// What we serve ourselves: blocks that all differ, made as they are asked
/// for.
fn file_of_our_own() -> Response {
    let mut at = 0;
    let pieces = Body::from_fn(Some(SIZE), move || {
        let block = (at < SIZE).then(|| block(at));
        at += BLOCK as u64;
        Promise::ready(block)
    });
    Response::new(StatusCode::OK).with_body(pieces)
}

/// The block at an offset of our file: its number, over and over.
fn block(at: u64) -> Bytes {
    let number = (at / BLOCK as u64)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .to_le_bytes();
    number.repeat(BLOCK / number.len()).into()
}

fn expected() -> u64 {
    let blocks = (0..SIZE).step_by(BLOCK);
    blocks.fold(SEED, |so_far, at| hash(so_far, at, &block(at)))
}

const SEED: u64 = 0xcbf2_9ce4_8422_2325;

/// A quick hash that does not depend on how the bytes were cut: each byte
/// counts with its offset. It finds accidents, not forgeries.
fn hash(so_far: u64, offset: u64, bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .zip(offset..)
        .fold(so_far, |hash, (&byte, at)| {
            hash.wrapping_add((u64::from(byte) + 1).wrapping_mul(at | 1))
        })
}
