//! This thread's reactors: which is current, and which exist. The only
//! thread-local of the crate.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use crate::reactor::{Core, Reactor};

#[derive(Default)]
struct Registry {
    /// The reactors being turned or entered, innermost last.
    entered: RefCell<Vec<Rc<Core>>>,
    /// Made when somebody first asks; closed when the thread ends.
    default: RefCell<Option<Reactor>>,
    /// All of this thread's, for wakers that come home.
    known: RefCell<Vec<Weak<Core>>>,
}

thread_local! {
    static HERE: Registry = Registry::default();
}

/// The innermost entered reactor, else the thread's own, made at need. At the
/// thread's end, when no more can be made, it is a closed one.
pub(crate) fn core() -> Rc<Core> {
    HERE.try_with(|here| {
        if let Some(core) = here.entered.borrow().last() {
            return core.clone();
        }
        let made = here
            .default
            .borrow()
            .as_ref()
            .map(|reactor| reactor.core().clone());
        made.unwrap_or_else(|| {
            let reactor = Reactor::for_thread();
            let core = reactor.core().clone();
            *here.default.borrow_mut() = Some(reactor);
            core
        })
    })
    .unwrap_or_else(|_| Core::closed_one())
}

/// Makes `core` current until [`leave`].
pub(crate) fn enter(core: &Rc<Core>) {
    _ = HERE.try_with(|here| here.entered.borrow_mut().push(core.clone()));
}

/// Undoes the latest [`enter`] of `core`.
pub(crate) fn leave(core: &Rc<Core>) {
    let left = HERE.try_with(|here| {
        let mut entered = here.entered.borrow_mut();
        let at = entered
            .iter()
            .rposition(|entered| Rc::ptr_eq(entered, core));
        at.map(|at| entered.remove(at))
    });
    drop(left);
}

/// Notes a new reactor of this thread.
pub(crate) fn register(core: &Rc<Core>) {
    _ = HERE.try_with(|here| {
        let mut known = here.known.borrow_mut();
        known.retain(|core| core.strong_count() > 0);
        known.push(Rc::downgrade(core));
    });
}

/// The reactor of this thread with that number.
pub(crate) fn find(id: u64) -> Option<Rc<Core>> {
    HERE.try_with(|here| {
        let entered = here.entered.borrow();
        if let Some(core) = entered.iter().rev().find(|core| core.id() == id) {
            return Some(core.clone());
        }
        here.known
            .borrow()
            .iter()
            .filter_map(Weak::upgrade)
            .find(|core| core.id() == id)
    })
    .ok()
    .flatten()
}
