//! Limits of time on a clock that stands still: they run out when the test says so, however busy the machine is.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use evcore::reactor::Entered;
use evcore::{Event, ManualClock, Promise, Reactor, Result, ms};

/// This thread's reactor for as long as it lives, and its clock.
pub(crate) struct Still {
    pub(crate) clock: ManualClock,
    pub(crate) reactor: Reactor,
    _entered: Entered,
}

impl Still {
    pub(crate) fn new() -> Still {
        let clock = ManualClock::new();
        let reactor = Reactor::builder().clock(&clock).build().unwrap();
        Still {
            _entered: reactor.enter(),
            clock,
            reactor,
        }
    }

    /// Turns until nothing is left to do but to wait.
    pub(crate) fn rest(&self) {
        while self.reactor.turn(Duration::ZERO).more {}
    }

    /// What becomes of a call for which `time` goes by once it has told of `event`, and not a moment before.
    pub(crate) fn late_after<P: 'static, T: Clone + 'static>(
        &self,
        event: Event<P>,
        time: Duration,
        call: Promise<T>,
    ) -> Result<T> {
        let told = Rc::new(Cell::new(false));
        let tell = told.clone();
        let call = call.on(event, move |_| tell.set(true));
        while !told.get() && !call.is_settled() {
            self.reactor.turn(ms(1));
        }
        // What it goes on to do, until it waits again.
        self.rest();
        self.clock.advance(time);
        self.reactor.run(call)
    }
}
