//! A game's loop: SDL2 waits for its own events and knows no descriptors. A
//! thread waits in its stead and pushes an event; nothing else happens there.
//! Bars show the downloads, a click on one gives it up.
//!
//!     cargo run -p hosted --features sdl --bin sdl

use evcore::reactor::WaitingThread;
use evcore::{Error, Reactor, Result};
use hosted::Trace;
use sdl2::EventSubsystem;
use sdl2::event::Event;
use sdl2::pixels::Color;
use sdl2::rect::Rect;

/// What the waiting thread pushes.
struct TurnDue;

fn main() -> Result<()> {
    let sdl = sdl2::init()?;
    let video = sdl.video()?;
    let events = sdl.event()?;
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

    let guest = attach(&events)?;
    let trace = Trace::start()?;
    let done = trace.done();
    while !done.is_settled() {
        draw(&mut canvas, &trace)?;
        match pump.wait_event() {
            Event::Quit { .. } => return Ok(()),
            Event::MouseButtonDown { y, .. } => {
                let clicked = trace.downloads.get(y as usize / 60);
                clicked.inspect(|download| download.page.cancel());
            }
            event if event.is_user_event() => guest.turn(),
            _ => {}
        }
    }
    println!("{}", trace.text());
    Ok(())
}

/// Has an event pushed whenever a turn is due.
pub(crate) fn attach(events: &EventSubsystem) -> Result<WaitingThread> {
    events.register_custom_event::<TurnDue>()?;
    let queue = events.event_sender();
    let wake = move || _ = queue.push_custom_event(TurnDue); // fails when SDL is over
    Ok(WaitingThread::start(&Reactor::current(), wake)?)
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
