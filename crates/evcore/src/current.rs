//! This thread's reactors: which is current, which exist, and why what they
//! drop is dropped. The only thread-locals of the crate.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use crate::error::Error;
use crate::promise::state::AnyNode;
use crate::reactor::{Core, Reactor};

#[derive(Default)]
struct Registry {
    /// The reactors being turned or entered, innermost last.
    entered: RefCell<Vec<Rc<Core>>>,
    /// Made when somebody first asks; closed when the thread ends.
    default: RefCell<Option<Reactor>>,
    /// All of this thread's, for wakers that come home.
    known: RefCell<Vec<Weak<Core>>>,
    /// The error because of which a closure is being dropped (rule P9). Not
    /// a reactor's: the closure may hold resolvers of any.
    stopping: RefCell<Option<Error>>,
    /// Promises abandoned while a panic unwinds; its error is their source.
    orphans: RefCell<Vec<Rc<dyn AnyNode>>>,
}

thread_local! {
    static HERE: Registry = Registry::default();
    /// Whether `stopping` is set: asked at every drop, so it has to be cheap.
    static STOPPING: Cell<bool> = const { Cell::new(false) };
    /// Whether `orphans` has any: asked twice a turn.
    static ORPHANED: Cell<bool> = const { Cell::new(false) };
}

/// Notes why what is dropped from now on is dropped; returns what was noted
/// before, to be noted again.
#[inline]
pub(crate) fn note_stopping(error: Option<Error>) -> Option<Error> {
    match error.is_none() && !STOPPING.get() {
        true => None,
        false => change_stopping(error),
    }
}

fn change_stopping(error: Option<Error>) -> Option<Error> {
    STOPPING.set(error.is_some());
    HERE.try_with(|here| here.stopping.replace(error))
        .ok()
        .flatten()
}

/// Why a closure is being dropped, if an error has stopped it.
pub(crate) fn stopping() -> Option<Error> {
    HERE.try_with(|here| here.stopping.borrow().clone())
        .ok()
        .flatten()
}

/// Keeps a promise that lost its resolver to a panic; gives it back if it is
/// too late in the thread's life for that.
pub(crate) fn orphan(node: Rc<dyn AnyNode>) -> Result<(), Rc<dyn AnyNode>> {
    let mut node = Some(node);
    _ = HERE.try_with(|here| here.orphans.borrow_mut().extend(node.take()));
    ORPHANED.set(true);
    node.map_or(Ok(()), Err)
}

/// Takes what [`orphan`] has kept.
pub(crate) fn take_orphans() -> Vec<Rc<dyn AnyNode>> {
    if !ORPHANED.replace(false) {
        return Vec::new();
    }
    HERE.try_with(|here| here.orphans.take())
        .unwrap_or_default()
}

/// Whether [`orphan`] has kept any.
pub(crate) fn has_orphans() -> bool {
    ORPHANED.get()
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
