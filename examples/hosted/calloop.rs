//! calloop's loop, as Wayland compositors have it, with evcore in it: a source
//! for the descriptor, the deadline as the loop's timeout.
//!
//!     cargo run -p hosted --features calloop --bin calloop

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use calloop::generic::Generic;
use calloop::{EventLoop, Interest, Mode, PostAction, Readiness};
use evcore::{Error, Reactor, Result, Turned};
use hosted::Trace;

/// calloop's loop with a guest in it.
pub(crate) struct Host {
    pub(crate) event_loop: EventLoop<'static, Turned>,
    reactor: Reactor,
    /// A turn is due, whatever the descriptor says.
    due: Rc<Cell<bool>>,
    turned: Turned,
}

impl Host {
    pub(crate) fn new(reactor: Reactor) -> Result<Host> {
        let event_loop: EventLoop<'static, Turned> = EventLoop::try_new().map_err(Error::new)?;
        let due = Rc::new(Cell::new(true));
        let told = due.clone();
        reactor.on_wake(move || told.set(true));
        let fd = reactor.as_fd().ok_or("this poller has no descriptor")?;
        let source = Generic::new(fd.try_clone_to_owned()?, Interest::READ, Mode::Level);
        let guest = reactor.clone();
        let turn = move |_: Readiness, _: &mut _, turned: &mut Turned| {
            *turned = guest.turn(Duration::ZERO);
            Ok(PostAction::Continue)
        };
        let watched = event_loop.handle().insert_source(source, turn);
        watched.map_err(|error| Error::new(error.error))?;
        let turned = Turned {
            more: true,
            next: None,
        };
        Ok(Host {
            event_loop,
            reactor,
            due,
            turned,
        })
    }

    /// Sleeps until something happens, and sees to it.
    pub(crate) fn round(&mut self) -> Result<()> {
        let wait = match self.turned.more || self.due.get() {
            true => Some(Duration::ZERO),
            false => self.turned.next,
        };
        let sleep = self.event_loop.dispatch(wait, &mut self.turned);
        sleep.map_err(Error::new)?;
        self.due.set(false);
        self.turned = self.reactor.turn(Duration::ZERO); // the time may have come, and asking costs little
        Ok(())
    }
}

fn main() -> Result<()> {
    let mut host = Host::new(Reactor::current())?;
    let trace = Trace::start()?;
    let done = trace.done();
    while !done.is_settled() {
        host.round()?;
    }
    println!("{}", trace.text());
    Ok(())
}
