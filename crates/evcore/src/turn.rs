//! The delivery queue, and the only place that calls user code: callbacks,
//! listeners, hooks, foreign wakers, and the Drop of user values. No borrow
//! of the core is ever held here while one of them runs, which is why they
//! may do anything, turning the reactor again included.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Waker;

use crate::current;
use crate::error::Error;
use crate::limits;
use crate::promise::listen::Emission;
use crate::promise::state::{self, AnyNode, Node, Outcome, Place, PromiseNode, WaitList, Waiter};
use crate::promise::unhandled::{Failure, Unhandled};
use crate::reactor::Core;
use crate::token::Token;

/// One thing to deliver. A settled promise is one entry, however many wait.
pub(crate) enum Entry {
    One(Rc<dyn Waiter>),
    Many(Box<WaitList>),
    Event(Box<Emission>),
    /// The promise has settled and what it emitted before is delivered: its
    /// listeners may go.
    Silence(Rc<dyn AnyNode>),
    Task(Token),
    Call(Box<dyn FnOnce()>, Option<Place>),
    Expire(Rc<dyn Expire>),
    Wake(Waker),
}

/// A promise that settles itself when its time is up.
pub(crate) trait Expire: AnyNode {
    /// False if it has settled in the meantime.
    fn expire(self: Rc<Self>) -> bool;
}

/// What waits to be delivered, buried or reported in one reactor.
pub(crate) struct Queue {
    entries: RefCell<VecDeque<Entry>>,
    /// Units left to this turn; outside of one, to who polls from there.
    budget: Cell<usize>,
    /// Hooks and stopped coroutines: gone before the next poll, budget or not.
    stopped: RefCell<VecDeque<Stopped>>,
    graves: RefCell<VecDeque<Grave>>,
    burying: Cell<bool>,
    reports: RefCell<Vec<Unhandled>>,
}

/// What cancelling leaves to be done from the turn.
pub(crate) enum Stopped {
    Hook(Box<dyn FnOnce()>),
    Value(Box<dyn Any>),
}

enum Grave {
    Node(Rc<dyn AnyNode>),
    Waiter(Rc<dyn Waiter>),
    Value(Box<dyn Any>),
}

impl Queue {
    pub(crate) fn new() -> Queue {
        Queue {
            entries: RefCell::default(),
            budget: Cell::new(limits::BUDGET),
            stopped: RefCell::default(),
            graves: RefCell::default(),
            burying: Cell::new(false),
            reports: RefCell::default(),
        }
    }

    #[inline]
    pub(crate) fn push(&self, entry: Entry) {
        self.entries.borrow_mut().push_back(entry);
    }

    pub(crate) fn stop(&self, stopped: Stopped) {
        self.stopped.borrow_mut().push_back(stopped);
    }

    pub(crate) fn report(&self, report: Unhandled) {
        self.reports.borrow_mut().push(report);
    }

    pub(crate) fn spend(&self, units: usize) {
        self.budget.set(self.budget.get().saturating_sub(units));
    }

    /// The turn is over for all who could go on.
    pub(crate) fn is_spent(&self) -> bool {
        self.budget.get() == 0
    }

    pub(crate) fn has_work(&self) -> bool {
        !self.entries.borrow().is_empty() || !self.stopped.borrow().is_empty()
    }

    pub(crate) fn has_reports(&self) -> bool {
        !self.reports.borrow().is_empty() || current::has_orphans()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.borrow().len()
    }

    fn pop(&self) -> Option<Entry> {
        self.entries.borrow_mut().pop_front()
    }

    fn put_back(&self, entry: Entry) {
        self.entries.borrow_mut().push_front(entry);
    }
}

/// Runs `f` on a helper's thread, far from any queue; a panic becomes an
/// error.
pub(crate) fn catch<R>(place: Option<Place>, f: impl FnOnce() -> R) -> Result<R, Error> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload| {
        let error = Error::panicked(&*payload, place);
        drop_payload(payload);
        error
    })
}

/// Runs `f`, which is the user's; a panic becomes an error.
pub(crate) fn call<R>(
    core: &Rc<Core>,
    place: Option<Place>,
    f: impl FnOnce() -> R,
) -> Result<R, Error> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload| {
        let error = Error::panicked(&*payload, place);
        bury(core, payload);
        settle_orphans(Some(&error));
        error
    })
}

/// Runs what has no promise a panic could go to: it is reported instead.
pub(crate) fn call_and_report(core: &Rc<Core>, place: Option<Place>, f: impl FnOnce()) -> bool {
    let outcome = call(core, place, f);
    if let Err(error) = outcome {
        core.report_later(Unhandled { error, place });
        return false;
    }
    true
}

/// Drops a value that may be the user's, or hold something of the user's.
pub(crate) fn bury<T: 'static>(core: &Rc<Core>, value: T) {
    if !std::mem::needs_drop::<T>() {
        return;
    }
    let queue = &core.queue;
    if queue.burying.replace(true) {
        queue
            .graves
            .borrow_mut()
            .push_back(Grave::Value(Box::new(value)));
        return;
    }
    let outer = current::note_stopping(None);
    drop_guarded(core, value);
    fill_graves(core);
    current::note_stopping(outer);
}

/// Drops many, one by one: if two of a `Vec` panic, the process aborts. What
/// their dropping lets go of comes after the last of them.
pub(crate) fn bury_each<T: 'static>(core: &Rc<Core>, values: impl IntoIterator<Item = T>) {
    bury_after(core, || {
        values.into_iter().for_each(|value| bury(core, value));
    });
}

/// Runs `f`; what it would drop is dropped when it is through.
pub(crate) fn bury_after(core: &Rc<Core>, f: impl FnOnce()) {
    let outer = core.queue.burying.replace(true);
    f();
    if !outer {
        let stopping = current::note_stopping(None);
        fill_graves(core);
        current::note_stopping(stopping);
    }
}

/// Drops the callback that `error` has stopped.
pub(crate) fn discard<F: 'static>(core: &Rc<Core>, error: &Error, callback: F) {
    if std::mem::needs_drop::<F>() {
        let outer = current::note_stopping(Some(error.clone()));
        drop_guarded(core, callback);
        current::note_stopping(outer);
    }
}

/// Drops one reference to a promise. If it is the last, what lies in it is
/// dropped with care: one after the other, so that long chains do not recurse.
pub(crate) fn release_any(node: Rc<dyn AnyNode>) {
    if Rc::strong_count(&node) > 1 {
        return;
    }
    let core = node.base().core.clone();
    if core.queue.burying.replace(true) {
        core.queue.graves.borrow_mut().push_back(Grave::Node(node));
        return;
    }
    let outer = current::note_stopping(None);
    drop_guarded(&core, node);
    fill_graves(&core);
    current::note_stopping(outer);
}

/// As [`release_any`]; most promises have nothing in them by then that would
/// need the care.
#[inline]
pub(crate) fn release_node<T: 'static>(node: Rc<dyn PromiseNode<T>>) {
    if Rc::strong_count(&node) == 1 && !node.is_hollow() {
        release_any(node);
    }
}

#[inline]
pub(crate) fn release<T: 'static, B: state::Body + 'static>(node: Rc<Node<T, B>>) {
    if Rc::strong_count(&node) == 1 && !node.is_hollow() {
        release_any(node);
    }
}

/// Drops waiters that will never fire.
pub(crate) fn bury_waiters(core: &Rc<Core>, waiters: VecDeque<Rc<dyn Waiter>>) {
    if waiters.is_empty() {
        return;
    }
    core.queue
        .graves
        .borrow_mut()
        .extend(waiters.into_iter().map(Grave::Waiter));
    if !core.queue.burying.replace(true) {
        fill_graves(core);
    }
}

fn fill_graves(core: &Rc<Core>) {
    loop {
        let next = core.queue.graves.borrow_mut().pop_front();
        match next {
            Some(Grave::Node(node)) => drop_guarded(core, node),
            Some(Grave::Waiter(waiter)) => drop_guarded(core, waiter),
            Some(Grave::Value(value)) => drop_guarded(core, value),
            None => break,
        }
    }
    core.queue.burying.set(false);
}

fn drop_guarded<T>(core: &Rc<Core>, value: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        let error = Error::panicked(&*payload, None);
        drop_payload(payload);
        settle_orphans(Some(&error));
        core.report_later(Unhandled { error, place: None });
    }
}

/// What was thrown may panic when it is dropped; what that throws is let be.
fn drop_payload(payload: Box<dyn Any + Send>) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(again);
    }
}

/// Rejects a promise whose resolver was dropped unsettled (rule P9).
pub(crate) fn abandon(node: Rc<dyn AnyNode>) {
    if !std::thread::panicking() {
        return fail_abandoned(node, current::stopping());
    }
    if let Err(node) = current::orphan(node) {
        fail_abandoned(node, None);
    }
}

fn fail_abandoned(node: Rc<dyn AnyNode>, because: Option<Error>) {
    let core = node.base().core.clone();
    node.fail(Failure::new(&core, Error::abandoned(because)));
}

/// Rejects the promises whose resolvers a panic dropped.
pub(crate) fn settle_orphans(panic: Option<&Error>) {
    for node in current::take_orphans() {
        fail_abandoned(node, panic.cloned());
    }
}

/// Delivers what is queued, first in, first out, until nothing is left or
/// the budget is spent. A turn inside a callback has a budget of its own.
pub(crate) fn deliver(core: &Rc<Core>) {
    let queue = &core.queue;
    let outer = queue.budget.replace(limits::BUDGET);
    while !queue.is_spent() && !core.is_closed() {
        clean_up(core);
        let Some(entry) = queue.pop() else { break };
        queue.spend(usize::from(deliver_one(core, entry)));
    }
    queue.budget.set(match core.is_nested() {
        true => outer,
        false => limits::BUDGET,
    });
    let mut entries = core.queue.entries.borrow_mut();
    if entries.is_empty() && entries.capacity() > limits::QUEUE_KEPT {
        entries.shrink_to(limits::QUEUE_KEPT);
    }
}

/// One unit of delivery; false if there was nothing to do for the entry.
fn deliver_one(core: &Rc<Core>, entry: Entry) -> bool {
    match entry {
        Entry::One(waiter) => return waiter.fire(),
        Entry::Many(many) => return fire_next(core, many),
        Entry::Event(emission) => return tell(core, emission),
        Entry::Silence(node) => {
            if let Some(rare) = node.base().rare() {
                rare.silence(core);
            }
            release_any(node);
            return false;
        }
        Entry::Task(token) => return crate::task::poll(core, token),
        Entry::Call(f, place) => _ = call_and_report(core, place, f),
        Entry::Expire(promise) => return promise.expire(),
        Entry::Wake(waker) => wake(core, waker),
    }
    true
}

/// Fires the first of many and leaves the others where they were: in front.
fn fire_next(core: &Rc<Core>, mut many: Box<WaitList>) -> bool {
    let Some(waiter) = many.list.pop_front() else {
        return false;
    };
    if !many.list.is_empty() {
        core.queue.put_back(Entry::Many(many));
    }
    waiter.fire()
}

fn tell(core: &Rc<Core>, mut emission: Box<Emission>) -> bool {
    let Some(call) = emission.next_call() else {
        emission.bury(core);
        return false;
    };
    let operation = emission.operation();
    if call.more {
        core.queue.put_back(Entry::Event(emission));
    } else {
        emission.bury(core);
    }
    if !call_and_report(core, Some(call.place), || (call.callback)(&*call.payload)) {
        call.remove_from(&*operation);
    }
    bury(core, call.callback);
    bury(core, call.payload);
    release_any(operation);
    true
}

/// Wakes a foreign waker: somebody else's executor.
pub(crate) fn wake(core: &Rc<Core>, waker: Waker) {
    call_and_report(core, None, || waker.wake());
}

/// Calls hooks and drops stopped coroutines.
#[inline]
pub(crate) fn clean_up(core: &Rc<Core>) {
    if !core.queue.stopped.borrow().is_empty() {
        clean_up_all(core);
    }
}

fn clean_up_all(core: &Rc<Core>) {
    loop {
        let next = core.queue.stopped.borrow_mut().pop_front();
        match next {
            Some(Stopped::Hook(hook)) => _ = call_and_report(core, None, hook),
            Some(Stopped::Value(value)) => bury(core, value),
            None => break,
        }
    }
}

/// Tells the errors nobody looked at.
pub(crate) fn report(core: &Rc<Core>) {
    if !core.queue.has_reports() {
        return;
    }
    settle_orphans(None);
    let reports = core.queue.reports.take();
    let hook = core.unhandled_hook();
    for report in reports {
        match &hook {
            Some(hook) => {
                if let Err(panic) = call(core, None, || hook(&report)) {
                    log::error!("the unhandled-error hook panicked: {panic}");
                }
            }
            None => {
                log::error!("{report}");
                eprintln!("evcore: {report}");
            }
        }
    }
}

/// Tells the host, outside a turn, that there is something to do.
pub(crate) fn wake_host(core: &Rc<Core>, hook: &Rc<dyn Fn()>) {
    call_and_report(core, None, || hook());
}

/// Takes out and drops all that is queued; nothing is called.
pub(crate) fn empty(core: &Rc<Core>) {
    loop {
        let next = core.queue.stopped.borrow_mut().pop_front();
        if let Some(stopped) = next {
            match stopped {
                Stopped::Hook(hook) => bury(core, hook),
                Stopped::Value(value) => bury(core, value),
            }
            continue;
        }
        let Some(entry) = core.queue.pop() else { break };
        match entry {
            Entry::One(waiter) => waiter.abandon(),
            Entry::Many(many) => many.list.into_iter().for_each(Waiter::abandon),
            Entry::Silence(node) => {
                if let Some(rare) = node.base().rare() {
                    rare.silence(core);
                }
                release_any(node);
            }
            Entry::Event(emission) => emission.bury(core),
            Entry::Call(f, _) => bury(core, f),
            Entry::Expire(promise) => release_any(promise),
            Entry::Wake(waker) => bury(core, waker),
            Entry::Task(_) => {}
        }
    }
}

/// Gathers clones of users' values: `Clone` is the user's code too.
pub(crate) fn gather<U>(core: &Rc<Core>, place: Place, clone: impl FnOnce() -> U) -> Outcome<U> {
    match call(core, Some(place), clone) {
        Ok(values) => Outcome::Value(values),
        Err(panic) => Outcome::Failed(Failure::new(core, panic)),
    }
}
