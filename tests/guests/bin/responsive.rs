//! How a GTK window fares while a reactor is busy in its loop.
//!
//!     responsive serve                1 GiB on loopback; says where
//!     responsive idle SECONDS         a window that paints all the time
//!     responsive fetch URL            the same, with a download
//!     responsive plain URL            the download alone, in evcore's own loop
//!     responsive sleep SECONDS        attached, a server open, nothing to do

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use evcore::{Promise, Result};
use evhttp::http::StatusCode;
use evhttp::{Body, CHUNK, Response};
use gtk4::prelude::*;
use gtk4::{Label, Window, glib};

const SIZE: u64 = 1 << 30;
const TIMES: u64 = 8;
const PIECE: usize = 256 << 10;
const PERIOD: f64 = 1000.0 / 60.0;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_default();
    let argument = arguments.next().unwrap_or_default();
    let seconds = || Duration::from_secs_f64(argument.parse().expect("seconds"));
    match what.as_str() {
        "serve" => serve(),
        "plain" => {
            let began = Instant::now();
            report_rate(evcore::run(download(&argument))?, began);
            Ok(())
        }
        "idle" => window(|| evcore::sleep(seconds()).then(|_| 0)),
        "fetch" => window(|| download(&argument)),
        "sleep" => {
            evglib::attach();
            let _server = evhttp::serve("127.0.0.1:0", |_| "hello")?;
            let main_loop = glib::MainLoop::new(None, false);
            let over = main_loop.clone();
            evcore::sleep(seconds()).then(move |_| over.quit());
            println!("asleep");
            main_loop.run();
            Ok(())
        }
        _ => Err("serve, idle, fetch, plain or sleep".into()),
    }
}

fn serve() -> Result<()> {
    let piece = Bytes::from(vec![b'.'; PIECE]);
    let server = evhttp::serve("127.0.0.1:0", move |_| {
        let (piece, mut sent) = (piece.clone(), 0);
        let body = Body::from_fn(Some(SIZE), move || {
            let next = (sent < SIZE).then(|| piece.clone());
            sent += PIECE as u64;
            Promise::ready(next)
        });
        Response::new(StatusCode::OK).with_body(body)
    })?;
    println!("http://{}/", server.local_addr());
    let (never, _resolver) = Promise::<()>::pending();
    evcore::run(never)
}

/// How many bytes came.
fn download(url: &str) -> Promise<u64> {
    let (url, count) = (url.to_owned(), Rc::new(Cell::new(0)));
    evcore::spawn(async move {
        // More than once, so that there are ticks enough to speak of the slowest in a hundred.
        for _ in 0..TIMES {
            let body = evhttp::get(&url).stream().await?.take_body()?;
            let told = count.clone();
            let add = move |piece: &Bytes| told.set(told.get() + piece.len() as u64);
            body.done().on(CHUNK, add).await?;
        }
        Ok(count.get())
    })
}

/// A window that paints anew at every tick of its clock, until the job that
/// `start` begins is done.
fn window(start: impl FnOnce() -> Promise<u64>) -> Result<()> {
    gtk4::init().map_err(evcore::Error::new)?;
    let attachment = evglib::attach();
    let label = Label::new(None);
    let window = Window::builder()
        .default_width(300)
        .default_height(100)
        .child(&label)
        .build();
    let ticks: Rc<RefCell<Vec<Instant>>> = Rc::default();
    let seen = ticks.clone();
    label.add_tick_callback(move |label, _| {
        seen.borrow_mut().push(Instant::now());
        label.set_label(&seen.borrow().len().to_string());
        glib::ControlFlow::Continue
    });
    window.present();
    // What opening a window costs is nobody's lateness.
    let (main_loop, warm) = (
        glib::MainLoop::new(None, false),
        glib::MainContext::default(),
    );
    while ticks.borrow().len() < 30 {
        warm.iteration(true);
    }
    ticks.borrow_mut().clear();
    attachment.take_longest_turn();
    let began = Instant::now();
    let over = main_loop.clone();
    // Not before: a fast machine would be through while the window opens.
    let job = start();
    println!("begun");
    job.settled(move |_| over.quit());
    main_loop.run();
    if let Some(Ok(bytes @ 1..)) = job.peek() {
        report_rate(*bytes, began);
    }
    println!(
        "turn {:.3} ms",
        attachment.take_longest_turn().as_secs_f64() * 1e3
    );
    report_ticks(&ticks.borrow());
    Ok(())
}

/// How long after its time each came: a tick is due a period after the last.
fn report_ticks(ticks: &[Instant]) {
    if ticks.len() < 2 {
        println!("ticks 0 /s of {}", ticks.len());
        return;
    }
    let gaps = ticks
        .windows(2)
        .map(|two| (two[1] - two[0]).as_secs_f64() * 1e3);
    let mut late: Vec<f64> = gaps.map(|gap| (gap - PERIOD).max(0.0)).collect();
    late.sort_by(f64::total_cmp);
    let at = |part: f64| late[((late.len() - 1) as f64 * part) as usize];
    let seconds = (ticks[ticks.len() - 1] - ticks[0]).as_secs_f64();
    println!(
        "ticks {:.1} /s of {}",
        (ticks.len() - 1) as f64 / seconds,
        ticks.len()
    );
    println!(
        "late p50 {:.3} ms, p90 {:.3} ms, max {:.3} ms",
        at(0.5),
        at(0.9),
        at(1.0)
    );
    println!("p99 {:.3} ms", at(0.99));
}

fn report_rate(bytes: u64, began: Instant) {
    let seconds = began.elapsed().as_secs_f64();
    println!("bytes {bytes}");
    println!("rate {:.0} MB/s", bytes as f64 / 1e6 / seconds);
}
