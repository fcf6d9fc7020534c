//! A game's loop: SDL2 waits for its own events and knows no descriptors. A
//! thread waits in its stead and pushes an event; nothing else happens there.
//! Bars show the downloads, a click on one gives it up.
//!
//!     cargo run -p hosted --features sdl --bin sdl

use std::cell::Cell;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use evcore::{Error, Reactor, Result};
use hosted::Trace;
use rustix::event::{PollFd, PollFlags, poll};
use sdl2::event::{Event, EventSender};
use sdl2::pixels::Color;
use sdl2::rect::Rect;

/// What the waiting thread pushes.
struct Readable;

fn main() -> Result<()> {
    let sdl = sdl2::init()?;
    let video = sdl.video()?;
    let events = sdl.event()?;
    events.register_custom_event::<Readable>()?;
    let mut pump = sdl.event_pump()?;
    let window = video
        .window("Downloads", 720, 180)
        .build()
        .map_err(Error::new)?;
    let mut canvas = window
        .into_canvas()
        .software()
        .build()
        .map_err(Error::new)?;

    let reactor = Reactor::current();
    let due = Rc::new(Cell::new(false));
    let told = due.clone();
    reactor.on_wake(move || told.set(true));
    let fd = reactor
        .as_fd()
        .ok_or("no descriptor")?
        .try_clone_to_owned()?;
    let arm = waiting_thread(fd, events.event_sender());
    let mut armed = false;

    let trace = Trace::start()?;
    let done = trace.done();
    while !done.is_settled() {
        due.set(false);
        let turned = reactor.turn(Duration::ZERO);
        let deadline = turned.next.map(|next| Instant::now() + next);
        draw(&mut canvas, &trace)?;
        if !armed && !turned.more {
            armed = arm.send(()).is_ok();
        }
        // Rounded up; without a timer of ours SDL sleeps until something happens.
        let left = deadline.map_or(Duration::MAX, |at| {
            at.saturating_duration_since(Instant::now())
        });
        let wait = if turned.more || due.get() {
            0
        } else {
            left.as_nanos().div_ceil(1_000_000)
        };
        let first = pump.wait_event_timeout(wait.min(60_000) as u32);
        for event in first
            .into_iter()
            .chain(std::iter::from_fn(|| pump.poll_event()))
        {
            match event {
                Event::Quit { .. } => return Ok(()),
                Event::MouseButtonDown { y, .. } => {
                    let clicked = trace.downloads.get(y as usize / 60);
                    clicked.inspect(|download| download.page.cancel());
                }
                event if event.is_user_event() => armed = false,
                _ => {}
            }
        }
    }
    println!("{}", trace.text());
    Ok(())
}

/// Each message has it wait once for the descriptor, then push one event.
fn waiting_thread(fd: OwnedFd, events: EventSender) -> Sender<()> {
    let (arm, orders): (Sender<()>, Receiver<()>) = mpsc::channel();
    std::thread::spawn(move || {
        while orders.recv().is_ok() {
            let mut watched = [PollFd::new(&fd, PollFlags::IN)];
            while poll(&mut watched, None) == Err(rustix::io::Errno::INTR) {}
            if events.push_custom_event(Readable).is_err() {
                break; // SDL is over
            }
        }
    });
    arm
}

fn draw(canvas: &mut sdl2::render::WindowCanvas, trace: &Trace) -> Result<()> {
    canvas.set_draw_color(Color::RGB(250, 250, 250));
    canvas.clear();
    for (n, download) in trace.downloads.iter().enumerate() {
        let full = Rect::new(20, 20 + 50 * n as i32, 680, 30);
        let color = if download.failed() {
            Color::RGB(192, 28, 40)
        } else {
            Color::RGB(53, 132, 228)
        };
        canvas.set_draw_color(Color::RGB(228, 228, 234));
        canvas.fill_rect(full)?;
        canvas.set_draw_color(color);
        let part = Rect::new(full.x, full.y, (680.0 * download.fraction()) as u32, 30);
        canvas.fill_rect(part)?;
    }
    canvas.present();
    Ok(())
}
