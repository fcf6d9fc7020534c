//! Every sort of thing that a host's own code may begin between two turns.
//! Who notices is each host's own test.

use std::cell::Cell;
use std::rc::Rc;

use evcore::{Promise, Reactor, defer, ms, sleep, spawn};

/// Each sets its flag when it has been done.
pub(crate) const BEGINNINGS: [fn(Rc<Cell<bool>>); 5] = [
    |done| defer(move || done.set(true)),
    |done| {
        _ = spawn(async move {
            done.set(true);
            Ok(())
        })
    },
    |done| _ = sleep(ms(0)).then(move |()| done.set(true)),
    |done| {
        let (promise, resolver) = Promise::<()>::pending();
        resolver.on_cancel(move || done.set(true));
        promise.cancel();
    },
    |done| {
        Reactor::current().on_unhandled(move |_| done.set(true));
        drop(Promise::<()>::failed("nobody looks"));
    },
];
