//! A window opened and closed a thousand times, each time in the middle of a
//! download; its server is on threads of its own and sees who leaves when.

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use evhttp::PROGRESS;
use gtk4::prelude::*;
use gtk4::{Label, ProgressBar, Window, glib};

const TIMES: usize = 1_000;
const SECOND: Duration = Duration::from_secs(1);

fn main() -> evcore::Result<()> {
    gtk4::init().map_err(evcore::Error::new)?;
    evglib::attach();
    let (url, gone) = endless()?;
    let (closed, late) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let (mut slowest, mut settled) = (Duration::ZERO, 0);
    for n in 1..=TIMES {
        let page = open_and_close(&url, n, &closed, &late);
        let began = Instant::now();
        iterate(|| closed.get() == n && gone.load(Ordering::SeqCst) == n);
        slowest = slowest.max(began.elapsed());
        settled += usize::from(page.is_settled());
        if n == TIMES / 5 {
            println!("early resident {} KiB", resident());
        }
    }
    println!("late resident {} KiB", resident());
    println!("settled {settled}");
    println!("called late {}", late.get());
    println!(
        "slowest {:.3} ms from closing to gone",
        slowest.as_secs_f64() * 1e3
    );
    Ok(())
}

/// A window with a bar; it closes when the bar has begun to move.
fn open_and_close(
    url: &str,
    n: usize,
    closed: &Rc<Cell<usize>>,
    late: &Rc<Cell<usize>>,
) -> evcore::Promise<evhttp::Response> {
    let (bar, label) = (ProgressBar::new(), Label::new(Some(&format!("number {n}"))));
    let all = gtk4::Box::new(gtk4::Orientation::Vertical, 6);
    all.append(&label);
    all.append(&bar);
    let window = Window::builder().child(&all).build();
    let began = Rc::new(Cell::new(false));
    let (told, over, after) = (began.clone(), closed.clone(), late.clone());
    let page = evhttp::fetch(url).on(PROGRESS, move |now| {
        told.set(true);
        bar.set_fraction(now.fraction());
        after.set(after.get() + usize::from(over.get() >= n));
    });
    let shown = page.then(move |_| label.set_label("done"));
    shown.settled(|_| ());
    window.connect_close_request({
        let (page, closed) = (page.clone(), closed.clone());
        move |_| {
            page.cancel();
            closed.set(closed.get() + 1);
            glib::Propagation::Proceed
        }
    });
    window.present();
    iterate(|| began.get());
    window.close();
    page
}

fn iterate(until: impl Fn() -> bool) {
    let began = Instant::now();
    // Only so that the wait ends if nothing happens.
    let alarm = glib::timeout_add_local(Duration::from_millis(100), || glib::ControlFlow::Continue);
    while !until() {
        assert!(began.elapsed() < SECOND * 10, "it never came");
        glib::MainContext::default().iteration(true);
    }
    alarm.remove();
}

/// A server of bodies without end; how many of its clients have gone.
fn endless() -> std::io::Result<(String, Arc<AtomicUsize>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/", listener.local_addr()?);
    let gone = Arc::new(AtomicUsize::new(0));
    let count = gone.clone();
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let count = count.clone();
            std::thread::spawn(move || {
                let _ = client.read(&mut [0; 4096]);
                let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n";
                let mut outcome = client.write_all(head);
                while outcome.is_ok() {
                    std::thread::sleep(Duration::from_millis(1));
                    outcome = client.write_all(&[b'.'; 16 << 10]);
                }
                count.fetch_add(1, Ordering::SeqCst);
            });
        }
    });
    Ok((url, gone))
}

/// Memory in use, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}
