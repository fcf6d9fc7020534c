//! Listeners and emitters: who hears what of a promise, since when. Delivery
//! is the turn's.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

use crate::event::{Event, Key};
use crate::promise::Place;
use crate::promise::state::{AnyNode, Base};
use crate::reactor::Core;
use crate::turn::{self, Entry};

/// What only few promises have, so that the others need not carry it.
#[derive(Default)]
pub(crate) struct Rare {
    listeners: RefCell<Vec<Listener>>,
    latest: RefCell<Vec<Latest>>,
    hooks: RefCell<Vec<Box<dyn FnOnce()>>>,
}

struct Listener {
    key: Key,
    /// Rises along the list; what an emission has reached is one number.
    id: u64,
    /// Emissions numbered lower were made before it came (rule P21).
    since: u64,
    /// Emissions numbered from here on came after its own promise settled.
    until: u64,
    /// The promise `on` was called on, if that only stands for this one.
    owner: Option<Weak<dyn AnyNode>>,
    place: Place,
    callback: Rc<dyn Fn(&dyn Any)>,
}

struct Latest {
    key: Key,
    value: Rc<dyn Any>,
    /// An emission that will tell the value lies in the queue.
    queued: bool,
}

/// One emission on its way to the listeners.
pub(crate) struct Emission {
    operation: Rc<dyn AnyNode>,
    key: Key,
    number: u64,
    payload: Option<Rc<dyn Any>>,
    /// Listeners up to this one have heard it.
    heard: u64,
    /// Told only to this listener: the last payload, for a newcomer.
    newcomer: Option<u64>,
}

pub(crate) fn rare(base: &Base) -> &Rare {
    base.make_rare()
}

/// The promise whose events `node`'s listeners hear (rule P19).
fn operation_of(node: Rc<dyn AnyNode>) -> Rc<dyn AnyNode> {
    let mut node = node;
    while let Some(source) = node.operation() {
        node = source;
    }
    node
}

/// Adds a listener; `node` is the promise `on` was called on.
pub(crate) fn listen<P: 'static>(
    node: Rc<dyn AnyNode>,
    event: Event<P>,
    place: Place,
    callback: impl Fn(&P) + 'static,
) {
    let operation = operation_of(node.clone());
    let core = operation.base().core.clone();
    if node.is_settled() || operation.is_settled() {
        return turn::bury(&core, callback);
    }
    let same = std::ptr::addr_eq(Rc::as_ptr(&operation), Rc::as_ptr(&node));
    let id = core.number_emission();
    let listener = Listener {
        key: event.key(),
        id,
        since: id,
        until: u64::MAX,
        owner: (!same).then(|| Rc::downgrade(&node)),
        place,
        callback: Rc::new(move |payload: &dyn Any| {
            callback(
                payload
                    .downcast_ref()
                    .expect("the key holds the payload's type"),
            );
        }),
    };
    let rare = rare(operation.base());
    rare.listeners.borrow_mut().push(listener);
    let told = rare
        .latest
        .borrow()
        .iter()
        .any(|slot| slot.key == event.key());
    if told {
        let emission = Emission {
            operation,
            key: event.key(),
            number: u64::MAX,
            payload: None,
            heard: 0,
            newcomer: Some(id),
        };
        core.enqueue(Entry::Event(Box::new(emission)));
    }
}

/// Emits on the pending promise `node`; see [`Resolver::emit`].
///
/// [`Resolver::emit`]: crate::Resolver::emit
pub(crate) fn emit<P: 'static, N: AnyNode + 'static>(node: &Rc<N>, event: Event<P>, payload: P) {
    emit_dyn(&(node.clone() as Rc<dyn AnyNode>), event, payload);
}

fn emit_dyn<P: 'static>(node: &Rc<dyn AnyNode>, event: Event<P>, payload: P) {
    let (core, key) = (&node.base().core, event.key());
    if node.is_settled() {
        return turn::bury(core, payload);
    }
    let wanted = node.base().rare().is_some_and(|rare| rare.hears(key));
    let payload = match (event.is_latest(), wanted) {
        (false, false) => return turn::bury(core, payload),
        (false, true) => Some(Rc::new(payload) as Rc<dyn Any>),
        (true, _) => {
            if rare(node.base()).store(core, key, payload, wanted) || !wanted {
                return;
            }
            None
        }
    };
    let number = core.number_emission();
    let operation = node.clone();
    let emission = Emission {
        operation,
        key,
        number,
        payload,
        heard: 0,
        newcomer: None,
    };
    core.enqueue(Entry::Event(Box::new(emission)));
}

impl Rare {
    fn hears(&self, key: Key) -> bool {
        self.listeners
            .borrow()
            .iter()
            .any(|listener| listener.key == key && listener.until == u64::MAX)
    }

    /// Keeps the newest payload; true if an emission that is queued already
    /// will tell it.
    fn store<P: 'static>(&self, core: &Rc<Core>, key: Key, payload: P, queue: bool) -> bool {
        let mut latest = self.latest.borrow_mut();
        let Some(slot) = latest.iter_mut().find(|slot| slot.key == key) else {
            latest.push(Latest {
                key,
                value: Rc::new(payload),
                queued: queue,
            });
            return false;
        };
        let queued = slot.queued;
        slot.queued |= queue;
        // Nobody holds the old one as a rule: then its memory serves again.
        if let Some(held) = Rc::get_mut(&mut slot.value).and_then(|any| any.downcast_mut::<P>()) {
            let old = std::mem::replace(held, payload);
            drop(latest);
            turn::bury(core, old);
        } else {
            let old = std::mem::replace(&mut slot.value, Rc::new(payload));
            drop(latest);
            turn::bury(core, old);
        }
        queued
    }

    /// Ends all listening; what the closures held goes.
    pub(crate) fn silence(&self, core: &Rc<Core>) {
        let listeners = self.listeners.take();
        let latest = self.latest.take();
        turn::bury_each(core, listeners);
        turn::bury_each(core, latest);
    }

    pub(crate) fn take_hooks(&self) -> Vec<Box<dyn FnOnce()>> {
        self.hooks.take()
    }

    pub(crate) fn add_hook(&self, hook: Box<dyn FnOnce()>) {
        self.hooks.borrow_mut().push(hook);
    }

    fn remove(&self, id: u64) -> Option<Listener> {
        let mut listeners = self.listeners.borrow_mut();
        let index = listeners
            .binary_search_by_key(&id, |listener| listener.id)
            .ok()?;
        Some(listeners.remove(index))
    }
}

/// `node`, which stands for another promise, has been settled by itself or
/// cancelled: its listeners hear nothing emitted from now on, and nothing at
/// all if it was cancelled.
pub(crate) fn leave(node: &Rc<dyn AnyNode>, source: &Rc<dyn AnyNode>) {
    let operation = operation_of(source.clone());
    let Some(rare) = operation.base().rare() else {
        return;
    };
    let now = operation.base().core.number_emission();
    let is_ours = |listener: &Listener| {
        let owner = listener.owner.as_ref();
        owner.is_some_and(|owner| std::ptr::addr_eq(owner.as_ptr(), Rc::as_ptr(node)))
    };
    let mut gone = Vec::new();
    {
        let mut listeners = rare.listeners.borrow_mut();
        if node.base().is_cancelled() {
            gone = listeners
                .extract_if(.., |listener| is_ours(listener))
                .collect();
        } else {
            listeners
                .iter_mut()
                .filter(|l| is_ours(l))
                .for_each(|l| l.until = now);
        }
    }
    turn::bury_each(&node.base().core, gone);
}

/// What one step of an emission's delivery calls, if anything is left.
pub(crate) struct Call {
    id: u64,
    pub(crate) place: Place,
    pub(crate) callback: Rc<dyn Fn(&dyn Any)>,
    pub(crate) payload: Rc<dyn Any>,
    /// Others have to hear it after this one.
    pub(crate) more: bool,
}

impl Emission {
    /// Steps on to the next listener.
    pub(crate) fn next_call(&mut self) -> Option<Call> {
        let base = self.operation.base();
        if base.is_cancelled() {
            return None;
        }
        let rare = base.rare()?;
        if self.payload.is_none() {
            self.payload = Some(self.begin_latest(rare)?);
        }
        let mut listeners = rare.listeners.borrow_mut();
        let start = listeners.partition_point(|listener| listener.id <= self.heard);
        let mut due = (start..listeners.len()).filter(|&at| self.reaches(&listeners[at]));
        let (first, more) = (due.next()?, due.next().is_some());
        let listener = &mut listeners[first];
        self.heard = listener.id;
        if self.newcomer.is_some() {
            // Told the newest: what was emitted until now is told with it.
            listener.since = base.core.number_emission();
        }
        Some(Call {
            id: listener.id,
            place: listener.place,
            callback: listener.callback.clone(),
            payload: self.payload.clone()?,
            more,
        })
    }

    fn begin_latest(&self, rare: &Rare) -> Option<Rc<dyn Any>> {
        let mut latest = rare.latest.borrow_mut();
        let slot = latest.iter_mut().find(|slot| slot.key == self.key)?;
        if self.newcomer.is_none() {
            slot.queued = false;
        }
        Some(slot.value.clone())
    }

    fn reaches(&self, listener: &Listener) -> bool {
        match self.newcomer {
            Some(id) => listener.id == id,
            None => {
                listener.key == self.key
                    && listener.since < self.number
                    && self.number < listener.until
            }
        }
    }

    pub(crate) fn operation(&self) -> Rc<dyn AnyNode> {
        self.operation.clone()
    }

    pub(crate) fn bury(self, core: &Rc<Core>) {
        turn::bury(core, self.payload);
        turn::release_any(self.operation);
    }
}

impl Call {
    /// Takes out the listener, which has panicked (rule P20).
    pub(crate) fn remove_from(&self, operation: &dyn AnyNode) {
        let rare = operation.base().rare();
        if let Some(listener) = rare.and_then(|rare| rare.remove(self.id)) {
            turn::bury(&operation.base().core, listener);
        }
    }
}

/// Emits on a promise without being able to settle it. It does not keep the
/// promise alive; once the promise is settled, emitting does nothing.
///
/// ```
/// use evcore::{Event, spawn_with};
///
/// const PAGE: Event<u32> = Event::new("page");
///
/// let book = spawn_with(|emitter| async move {
///     emitter.emit(PAGE, 1);
///     Ok("the end")
/// });
/// assert_eq!(evcore::run(book)?, "the end");
/// # Ok::<(), evcore::Error>(())
/// ```
#[derive(Clone)]
pub struct Emitter {
    node: Weak<dyn AnyNode>,
}

impl Emitter {
    pub(crate) fn new(node: &Rc<dyn AnyNode>) -> Emitter {
        Emitter {
            node: Rc::downgrade(node),
        }
    }

    /// As [`Resolver::emit`](crate::Resolver::emit).
    pub fn emit<P: 'static>(&self, event: Event<P>, payload: P) {
        match self.node.upgrade() {
            Some(node) => {
                emit_dyn(&node, event, payload);
                turn::release_any(node);
            }
            None => drop(payload),
        }
    }

    /// Whether emitting `event` now would reach anybody, now or (for
    /// [`Event::latest`]) later. If not, its payload need not be made.
    pub fn wants<P: 'static>(&self, event: Event<P>) -> bool {
        match event.is_latest() {
            true => self.node.upgrade().is_some_and(|node| !node.is_settled()),
            false => self.is_heard(event),
        }
    }

    /// Whether anybody listens to `event` now. For the last emission of an
    /// [`Event::latest`] before settling, which no newcomer could hear.
    pub fn is_heard<P: 'static>(&self, event: Event<P>) -> bool {
        let Some(node) = self.node.upgrade() else {
            return false;
        };
        // Most often nobody ever listened: that is asked first.
        let rare = node.base().rare();
        rare.is_some_and(|rare| !node.is_settled() && rare.hears(event.key()))
    }
}

impl fmt::Debug for Emitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Emitter")
    }
}

/// Counts emissions and listeners of one reactor, in the order they came.
#[derive(Default)]
pub(crate) struct Numbering(Cell<u64>);

impl Numbering {
    pub(crate) fn next(&self) -> u64 {
        self.0.set(self.0.get() + 1);
        self.0.get()
    }
}
