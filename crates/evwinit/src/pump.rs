//! Waiting for winit's descriptor and ours at once, and letting winit catch
//! up: no thread. What happens in a round lives in `hosted.rs`.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use evcore::{Error, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use winit::application::ApplicationHandler;
use winit::error::EventLoopError;
use winit::event_loop::{ControlFlow, EventLoop};
use winit::platform::pump_events::{EventLoopExtPumpEvents, PumpStatus};

use crate::hosted::Hosted;

/// Runs `app` as `EventLoop::run_app` does, with the current reactor turning
/// in the same loop. Returns when the application exits.
///
/// # Errors
/// What winit ends with; if the reactor's poller has no descriptor.
pub fn run<T: 'static>(
    mut event_loop: EventLoop<T>,
    app: impl ApplicationHandler<T>,
) -> Result<()> {
    let mut hosted = Hosted::alone(app);
    hosted.reactor.as_fd().ok_or_else(no_descriptor)?;
    loop {
        // What a callback asks of the X server may bring events along into a
        // queue of winit's, where its descriptor does not show them. So the
        // last round before sleeping is one that had nothing to tell.
        let mut quiet = false;
        while !quiet {
            hosted.told.set(hosted.due.get());
            match event_loop.pump_app_events(Some(Duration::ZERO), &mut hosted) {
                PumpStatus::Exit(0) => return Ok(()),
                PumpStatus::Exit(code) => {
                    return Err(Error::new(EventLoopError::ExitFailure(code)));
                }
                PumpStatus::Continue => quiet = !hosted.told.get(),
            }
        }
        sleep(&event_loop, &hosted);
    }
}

/// Until one of the two has something to tell, or the time has come.
fn sleep<T: 'static, A>(event_loop: &EventLoop<T>, hosted: &Hosted<A>) {
    let reactor = &hosted.reactor;
    let Some(ours) = reactor.as_fd() else { return };
    let left = match hosted.wanted {
        ControlFlow::Poll => Some(Duration::ZERO),
        ControlFlow::Wait => None,
        ControlFlow::WaitUntil(at) => Some(at.saturating_duration_since(reactor.now())),
    };
    // Longer than 292 years is for ever.
    let left = left.and_then(|left| Timespec::try_from(left).ok());
    let theirs = event_loop.as_fd();
    let mut watched = [
        PollFd::from_borrowed_fd(theirs, PollFlags::IN),
        PollFd::from_borrowed_fd(ours, PollFlags::IN),
    ];
    // An interrupted sleep is a short one: the next round looks again.
    let _ = poll(&mut watched, left.as_ref());
}

fn no_descriptor() -> io::Error {
    let text = "this reactor has no descriptor to watch";
    io::Error::new(io::ErrorKind::Unsupported, text)
}
