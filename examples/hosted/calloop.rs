//! calloop's loop, as Wayland compositors have it, with evcore in it: a source
//! for the descriptor, the deadline as the loop's timeout.
//!
//!     cargo run -p hosted --features calloop --bin calloop

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use calloop::generic::Generic;
use calloop::{EventLoop, Interest, Mode, PostAction};
use evcore::{Reactor, Result, Turned};
use hosted::Trace;

/// What the loop's callbacks share.
struct State {
    reactor: Reactor,
    turned: Turned,
}

impl State {
    fn turn(&mut self) {
        self.turned = self.reactor.turn(Duration::ZERO);
    }
}

fn main() -> Result<()> {
    let mut event_loop: EventLoop<'_, State> = EventLoop::try_new().map_err(evcore::Error::new)?;
    let reactor = Reactor::current();
    let due = Rc::new(Cell::new(true));
    let told = due.clone();
    reactor.on_wake(move || told.set(true));
    let fd = reactor
        .as_fd()
        .ok_or(io::ErrorKind::Unsupported)
        .map_err(io::Error::from)?;
    let source = Generic::new(fd.try_clone_to_owned()?, Interest::READ, Mode::Level);
    let watched = event_loop
        .handle()
        .insert_source(source, |_, _, state: &mut State| {
            state.turn();
            Ok(PostAction::Continue)
        });
    watched.map_err(|error| evcore::Error::new(error.error))?;

    let trace = Trace::start()?;
    let done = trace.done();
    let mut state = State {
        reactor,
        turned: Turned {
            more: true,
            next: None,
        },
    };
    while !done.is_settled() {
        if due.replace(false) || state.turned.more || state.turned.next == Some(Duration::ZERO) {
            state.turn();
        }
        let wait = match state.turned.more || due.get() {
            true => Some(Duration::ZERO),
            false => state.turned.next,
        };
        event_loop
            .dispatch(wait, &mut state)
            .map_err(evcore::Error::new)?;
        state.turn(); // the time may have come, and asking costs little
    }
    println!("{}", trace.text());
    Ok(())
}
