//! Being a guest in somebody else's loop: the descriptor, the hook that asks
//! for a turn, and what `dump` shows. No toolkit is known here. The thread that
//! waits in a host's stead is `host/waiting.rs`.

use std::cell::{Cell, RefCell};
use std::fmt::Write;
use std::io;
#[cfg(unix)]
use std::os::fd::BorrowedFd;
use std::rc::Rc;

use crate::reactor::{Core, Reactor};
use crate::sys::Waiter;
use crate::turn;

mod waiting;

pub use waiting::WaitingThread;

/// What a host has asked for.
#[derive(Default)]
pub(crate) struct Hooks {
    on_wake: RefCell<Option<Rc<dyn Fn()>>>,
    /// The host watches the descriptor: without a hook it is woken by that.
    watched: Cell<bool>,
    /// The host knows already that a turn is due.
    asked: Cell<bool>,
    wait_error: RefCell<Option<io::Error>>,
}

impl Hooks {
    pub(crate) fn turned(&self) {
        self.asked.set(false);
    }

    /// The host knows that a turn is due, or there is none to be told.
    #[inline]
    pub(crate) fn is_asked(&self) -> bool {
        self.asked.get()
    }

    /// Somebody may have to be told of what comes up outside a turn.
    pub(crate) fn has_host(&self) -> bool {
        self.watched.get() || self.on_wake.borrow().is_some()
    }

    pub(crate) fn note_wait_error(&self, error: io::Error) {
        log::error!("waiting for events failed: {error}");
        *self.wait_error.borrow_mut() = Some(error);
    }

    pub(crate) fn take_wait_error(&self) -> Option<io::Error> {
        self.wait_error.take()
    }

    pub(crate) fn clear(&self, core: &Rc<Core>) {
        let hook = self.on_wake.take();
        turn::bury(core, hook);
    }
}

impl Reactor {
    /// The descriptor a host watches for readability, where the system has
    /// one. Readable means: [`turn`](Reactor::turn) now. Asking for it also
    /// makes work that is queued outside a turn readable there, unless
    /// [`on_wake`](Reactor::on_wake) is set.
    #[cfg(unix)]
    pub fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        let fd = self.core().world.as_fd();
        self.core().hooks.watched.set(fd.is_some());
        fd
    }

    /// What a thread waits with, in the host's stead.
    fn waiter(&self) -> Option<Box<dyn Waiter>> {
        let open = !self.core().is_closed();
        open.then(|| self.core().world.waiter()).flatten()
    }

    /// Has `hook` called when, outside a turn, something is queued or the
    /// next deadline comes nearer: the host is to turn soon. Called on this
    /// thread, at most once until the next turn.
    pub fn on_wake(&self, hook: impl Fn() + 'static) {
        let old = self.core().hooks.on_wake.replace(Some(Rc::new(hook)));
        turn::bury(self.core(), old);
    }
}

impl Core {
    /// Something came up outside a turn, on the reactor's own thread.
    #[inline]
    pub(crate) fn nudge_host(self: &Rc<Self>) {
        if !self.hooks.is_asked() && !self.is_turning() && !self.is_closed() {
            self.ask_host();
        }
    }

    fn ask_host(self: &Rc<Self>) {
        self.hooks.asked.set(true);
        let hook = self.hooks.on_wake.borrow().clone();
        match hook {
            Some(hook) => turn::wake_host(self, &hook),
            None if self.hooks.watched.get() => self.inbox().notify(),
            None => {}
        }
    }
}

/// See [`Reactor::dump`].
pub(crate) fn dump(core: &Rc<Core>) -> String {
    let mut text = format!(
        "reactor {}: {} queued, {} timers, {} sources\n",
        core.id(),
        core.queue.len(),
        core.timers_len(),
        core.sources().len(),
    );
    core.each_task(|task| _ = writeln!(text, "  coroutine made at {}", task.place()));
    for node in core.pending() {
        let base = node.base();
        let waits = if node.operation().is_some() {
            "its source"
        } else {
            "its resolver"
        };
        _ = writeln!(text, "  promise made at {} waits for {waits}", base.place);
        base.each_waiter(|waiter| {
            if let Some(place) = waiter.place() {
                _ = writeln!(text, "    awaited by the one made at {place}");
            }
        });
        turn::release_any(node);
    }
    text
}
