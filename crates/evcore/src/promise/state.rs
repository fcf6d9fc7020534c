//! What a promise is made of: its outcome, who waits for it, who is
//! interested. Settling and cancelling only move things into the queue;
//! nothing here runs a callback.

use std::cell::{Cell, OnceCell};
use std::collections::VecDeque;
use std::mem::{self, ManuallyDrop};
use std::panic::Location;
use std::rc::Rc;

use crate::error::Kind;
use crate::promise::listen::{self, Rare};
use crate::promise::unhandled::Failure;
use crate::reactor::Core;
use crate::turn::{self, Entry};

pub(crate) type Place = &'static Location<'static>;

/// The read side that a [`Promise`](crate::Promise) holds.
pub(crate) trait PromiseNode<T>: AnyNode {
    fn outcome(&self) -> &OnceCell<Outcome<T>>;
    /// Nothing is left in it but a value that needs no drop, or an error of
    /// the core's own: dropping it runs nobody's code and lets go of no other
    /// promise.
    fn is_hollow(&self) -> bool;
}

/// The part of a promise that does not depend on its value's type.
pub(crate) trait AnyNode {
    fn base(&self) -> &Base;
    fn is_settled(&self) -> bool;
    /// Settles with an error; false if it was settled already.
    fn fail(self: Rc<Self>, failure: Failure) -> bool;
    /// Drops what the promise was going to do, and gives `upstream` each
    /// promise in which it was interested.
    fn detach(self: Rc<Self>, upstream: &mut dyn FnMut(Rc<dyn AnyNode>));
    /// The promise whose events this one's listeners hear (rule P19), if it
    /// is not its own operation.
    fn operation(&self) -> Option<Rc<dyn AnyNode>>;
    /// Ends the duty to look at the error (rule P11), now or when it comes.
    fn look(&self);
    /// Queues `waiter` if the promise has settled, else appends it to its waiters.
    fn wait(&self, waiter: Rc<dyn Waiter>);
}

/// One who waits for a promise: a derived promise, an await, part of a join.
pub(crate) trait Waiter {
    /// The promise has settled, and it is this one's turn. False if that meant nothing to anybody any more.
    fn fire(self: Rc<Self>) -> bool;
    /// Whether firing would still mean something to anybody.
    fn is_live(&self) -> bool;
    /// The reactor is closing: let go of everything, run nothing.
    fn abandon(self: Rc<Self>);
    /// If this waiter only follows a promise of the type behind `other`
    /// (an `Rc<dyn PromiseNode<T>>`), makes it wait for `other` instead.
    fn follow_instead(&self, _other: &dyn std::any::Any) -> bool {
        false
    }
    /// Where it was made, for `dump`.
    fn place(&self) -> Option<Place> {
        None
    }
}

/// How a promise ended.
pub(crate) enum Outcome<T> {
    Value(T),
    Failed(Failure),
    /// The value lies in another promise, which is held for its sake; that
    /// one's outcome is always `Value`, so the depth is one.
    Elsewhere(Rc<dyn PromiseNode<T>>),
}

/// A promise's outcome, seen from outside; `None` while it is pending.
pub(crate) fn result<T>(node: &dyn PromiseNode<T>) -> Option<Result<&T, &Failure>> {
    match node.outcome().get()? {
        Outcome::Value(value) => Some(Ok(value)),
        Outcome::Failed(failure) => Some(Err(failure)),
        Outcome::Elsewhere(owner) => match owner.outcome().get()? {
            Outcome::Value(value) => Some(Ok(value)),
            Outcome::Failed(failure) => Some(Err(failure)),
            Outcome::Elsewhere(_) => unreachable!("an owner owns its value"),
        },
    }
}

/// The outcome of somebody who has just what `source` has.
pub(crate) fn pass_on<T>(source: &Rc<dyn PromiseNode<T>>) -> Outcome<T> {
    match source.outcome().get() {
        Some(Outcome::Failed(failure)) => Outcome::Failed(failure.clone()),
        Some(Outcome::Elsewhere(owner)) => Outcome::Elsewhere(owner.clone()),
        _ => Outcome::Elsewhere(source.clone()),
    }
}

const TAKEN_BACK: u8 = 1;
const CANCELLED: u8 = 2;
const LOOKED: u8 = 4;

/// What every promise has, whatever its type.
pub(crate) struct Base {
    pub(crate) core: Rc<Core>,
    pub(crate) place: Place,
    /// What is in these two is dropped by our own `Drop`, which has it looked at once, and not whenever it changes.
    waiters: Cell<ManuallyDrop<Waiters>>,
    rare: ManuallyDrop<OnceCell<Box<Rare>>>,
    handles: Cell<u32>,
    flags: Cell<u8>,
}

/// Nearly every promise has one waiter or none: no list is made for those.
enum Waiters {
    One(Rc<dyn Waiter>),
    Many(Option<Box<WaitList>>),
}

const NOBODY: Waiters = Waiters::Many(None);

pub(crate) struct WaitList {
    pub(crate) list: VecDeque<Rc<dyn Waiter>>,
    dead: usize,
}

impl Base {
    #[inline]
    pub(crate) fn new(core: Rc<Core>, place: Place) -> Base {
        Base {
            core,
            place,
            waiters: Cell::new(ManuallyDrop::new(NOBODY)),
            rare: ManuallyDrop::default(),
            handles: Cell::new(0),
            flags: Cell::new(0),
        }
    }

    #[inline]
    fn take_waiters(&self) -> Waiters {
        let waiters = self.waiters.replace(ManuallyDrop::new(NOBODY));
        ManuallyDrop::into_inner(waiters)
    }

    /// Puts back what was taken, or what has become of it: nobody is in there now.
    #[inline]
    fn put_waiters(&self, waiters: Waiters) {
        self.waiters.set(ManuallyDrop::new(waiters));
    }

    #[inline]
    pub(crate) fn rare(&self) -> Option<&Rare> {
        self.rare.get().map(|rare| &**rare)
    }

    pub(crate) fn make_rare(&self) -> &Rare {
        self.rare.get_or_init(Box::default)
    }

    #[inline]
    fn has(&self, flag: u8) -> bool {
        self.flags.get() & flag != 0
    }

    #[inline]
    fn set(&self, flag: u8) {
        self.flags.set(self.flags.get() | flag);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.has(CANCELLED)
    }

    pub(crate) fn is_looked(&self) -> bool {
        self.has(LOOKED)
    }

    pub(crate) fn mark_looked(&self) {
        self.set(LOOKED);
    }

    #[inline]
    pub(crate) fn add_handle(&self) {
        self.handles.set(self.handles.get() + 1);
    }

    /// One handle fewer; true if that was the last interest in a promise
    /// from which interest had been taken back (rule P14).
    #[inline]
    pub(crate) fn drop_handle(&self) -> bool {
        self.handles.set(self.handles.get() - 1);
        self.is_forsaken()
    }

    #[inline]
    fn is_forsaken(&self) -> bool {
        self.has(TAKEN_BACK) && self.handles.get() == 0 && self.live_waiters() == 0
    }

    /// A waiter or an owner has lost interest. True if nobody is left.
    pub(crate) fn take_back(&self, was_waiter: bool) -> bool {
        self.set(TAKEN_BACK);
        if was_waiter {
            self.sweep();
        }
        self.is_forsaken()
    }

    /// Nobody waits or listens, nor ever did the latter.
    #[inline]
    fn is_bare(&self) -> bool {
        let waiters = self.take_waiters();
        let bare = matches!(waiters, Waiters::Many(None));
        self.put_waiters(waiters);
        bare && self.rare.get().is_none()
    }

    pub(crate) fn live_waiters(&self) -> usize {
        let waiters = self.take_waiters();
        let live = match &waiters {
            Waiters::One(waiter) => usize::from(waiter.is_live()),
            Waiters::Many(None) => 0,
            Waiters::Many(Some(many)) => many.list.len() - many.dead,
        };
        self.put_waiters(waiters);
        live
    }

    /// Counts one waiter as dead and frees the dead before they outnumber the
    /// living (rule P30).
    fn sweep(&self) {
        let mut dead = VecDeque::new();
        let kept = match self.take_waiters() {
            Waiters::One(waiter) if !waiter.is_live() => {
                dead.push_back(waiter);
                NOBODY
            }
            Waiters::Many(Some(mut many)) => {
                many.dead += 1;
                if many.dead * 2 > many.list.len() {
                    many.sort_out(&mut dead);
                }
                Waiters::Many(Some(many))
            }
            other => other,
        };
        self.put_waiters(kept);
        turn::bury_waiters(&self.core, dead);
    }

    /// Appends a waiter of a promise that is still pending.
    #[inline]
    pub(crate) fn push_waiter(&self, waiter: Rc<dyn Waiter>) {
        let waiters = match self.take_waiters() {
            Waiters::Many(None) => Waiters::One(waiter),
            Waiters::One(first) => WaitList::of_two(first, waiter),
            Waiters::Many(Some(many)) => many.and(waiter),
        };
        self.put_waiters(waiters);
    }

    /// The only waiter, if there is exactly one and nobody else could ever
    /// ask for this promise.
    pub(crate) fn take_sole_waiter(&self) -> Option<Rc<dyn Waiter>> {
        if self.handles.get() != 0 || self.rare.get().is_some() {
            return None;
        }
        match self.take_waiters() {
            Waiters::One(waiter) => Some(waiter),
            Waiters::Many(Some(mut many)) if many.list.len() == 1 => many.list.pop_front(),
            other => {
                self.put_waiters(other);
                None
            }
        }
    }

    /// Queues everybody who waits. Called once, when the outcome is set.
    #[inline]
    pub(crate) fn release_waiters(&self) {
        match self.take_waiters() {
            Waiters::Many(None) => {}
            Waiters::One(waiter) => self.core.enqueue(Entry::One(waiter)),
            Waiters::Many(Some(many)) => self.core.enqueue(Entry::Many(many)),
        }
    }

    pub(crate) fn each_waiter(&self, mut see: impl FnMut(&Rc<dyn Waiter>)) {
        let waiters = self.take_waiters();
        match &waiters {
            Waiters::One(waiter) => see(waiter),
            Waiters::Many(many) => many.iter().flat_map(|m| &m.list).for_each(see),
        }
        self.put_waiters(waiters);
    }
}

impl WaitList {
    #[inline(never)]
    fn of_two(first: Rc<dyn Waiter>, second: Rc<dyn Waiter>) -> Waiters {
        let list = VecDeque::from([first, second]);
        Waiters::Many(Some(Box::new(WaitList { list, dead: 0 })))
    }

    #[inline(never)]
    fn and(mut self: Box<Self>, waiter: Rc<dyn Waiter>) -> Waiters {
        self.list.push_back(waiter);
        Waiters::Many(Some(self))
    }

    fn sort_out(&mut self, dead: &mut VecDeque<Rc<dyn Waiter>>) {
        let all = mem::take(&mut self.list);
        for waiter in all {
            if waiter.is_live() {
                &mut self.list
            } else {
                &mut *dead
            }
            .push_back(waiter);
        }
        self.dead = 0;
        // Give memory back after a burst, but not at every sweep.
        if self.list.capacity() > 4 * self.list.len() + 16 {
            self.list.shrink_to(2 * self.list.len());
        }
    }
}

impl Drop for Base {
    /// A pending promise that goes takes its waiters with it, one by one:
    /// each may hold the next of a long chain (rule P7).
    #[inline]
    fn drop(&mut self) {
        match self.take_waiters() {
            Waiters::Many(None) => {}
            Waiters::One(waiter) => turn::bury_waiters(&self.core, VecDeque::from([waiter])),
            Waiters::Many(Some(many)) => turn::bury_waiters(&self.core, many.list),
        }
        if let Some(rare) = self.rare.take() {
            drop(rare);
        }
    }
}

/// A promise: the base, the outcome, and `body`, what it does until then.
pub(crate) struct Node<T, B> {
    pub(crate) base: Base,
    pub(crate) outcome: OnceCell<Outcome<T>>,
    pub(crate) body: B,
}

/// What a kind of promise does besides waiting.
pub(crate) trait Body {
    /// See [`AnyNode::detach`].
    fn detach(&self, core: &Rc<Core>, upstream: &mut dyn FnMut(Rc<dyn AnyNode>));
    /// See [`AnyNode::operation`].
    fn operation(&self) -> Option<Rc<dyn AnyNode>> {
        None
    }
    /// The promise has settled: leave the reactor's books.
    fn retire(&self, _core: &Rc<Core>) {}
}

impl<T: 'static, B: Body + 'static> Node<T, B> {
    pub(crate) fn new(core: Rc<Core>, place: Place, body: B) -> Rc<Node<T, B>> {
        Rc::new(Node {
            base: Base::new(core, place),
            outcome: OnceCell::new(),
            body,
        })
    }

    /// Settles, unless that has happened; then the outcome is dropped.
    pub(crate) fn settle(self: &Rc<Self>, outcome: Outcome<T>) -> bool {
        if let Outcome::Failed(failure) = &outcome {
            failure.carried_by(&self.base);
        }
        if let Err(late) = self.outcome.set(outcome) {
            if let Outcome::Failed(failure) = &late {
                failure.come_too_late();
            }
            turn::bury(&self.base.core, late);
            return false;
        }
        self.body.retire(&self.base.core);
        if self.base.rare().is_some() {
            self.base.core.enqueue(Entry::Silence(self.clone()));
        }
        self.base.release_waiters();
        // Last: a hook's Drop may attach to this very promise (rule P5).
        if let Some(rare) = self.base.rare() {
            turn::bury_each(&self.base.core, rare.take_hooks());
        }
        true
    }
}

impl<T: 'static, B: Body + 'static> Node<T, B> {
    /// Has the new promise wait for `source`, unless its reactor is closed:
    /// then it is settled at once (rule P29).
    pub(crate) fn begin<S>(
        self: &Rc<Self>,
        source: &Rc<dyn PromiseNode<S>>,
        waiter: Rc<dyn Waiter>,
    ) {
        let core = &self.base.core;
        if core.is_closed() {
            self.settle(Outcome::Failed(Failure::quiet(core.closed())));
            self.body.detach(core, &mut turn::release_any);
        } else {
            source.wait(waiter);
        }
    }
}

impl<T: 'static, B: Body + 'static> PromiseNode<T> for Node<T, B> {
    #[inline]
    fn outcome(&self) -> &OnceCell<Outcome<T>> {
        &self.outcome
    }

    #[inline]
    fn is_hollow(&self) -> bool {
        // A promise that has settled has let go of its body.
        let plain = match self.outcome.get() {
            Some(Outcome::Value(_)) => !mem::needs_drop::<T>(),
            Some(Outcome::Failed(failure)) => failure.is_plain(),
            Some(Outcome::Elsewhere(_)) | None => false,
        };
        plain && self.base.is_bare()
    }
}

impl<T: 'static, B: Body + 'static> AnyNode for Node<T, B> {
    fn base(&self) -> &Base {
        &self.base
    }

    fn is_settled(&self) -> bool {
        self.outcome.get().is_some()
    }

    fn fail(self: Rc<Self>, failure: Failure) -> bool {
        let settled = self.settle(Outcome::Failed(failure));
        turn::release(self);
        settled
    }

    fn detach(self: Rc<Self>, upstream: &mut dyn FnMut(Rc<dyn AnyNode>)) {
        self.body.detach(&self.base.core, upstream);
        turn::release(self);
    }

    fn operation(&self) -> Option<Rc<dyn AnyNode>> {
        self.body.operation()
    }

    fn look(&self) {
        self.base.mark_looked();
        if let Some(Outcome::Failed(failure)) = self.outcome.get() {
            failure.look();
        }
    }

    fn wait(&self, waiter: Rc<dyn Waiter>) {
        match self.outcome.get() {
            Some(_) => self.base.core.enqueue(Entry::One(waiter)),
            None => self.base.push_waiter(waiter),
        }
    }
}

/// Cancels `first` and, one after the other, every promise upstream in which
/// nobody is interested any more (rules P13 and P14). A loop, not a recursion:
/// chains may be long (P7).
pub(crate) fn cancel(first: Rc<dyn AnyNode>) {
    let mut next = Some(first);
    let mut more = VecDeque::new();
    while let Some(node) = next.take().or_else(|| more.pop_front()) {
        if node.is_settled() {
            turn::release_any(node);
            continue;
        }
        node.base().set(CANCELLED);
        let core = node.base().core.clone();
        let hooks = node.base().rare().map(|rare| rare.take_hooks());
        node.clone().fail(Failure::quiet(Kind::Cancelled.into()));
        // It is settled by now: what the listeners hold may look at it.
        if let Some(rare) = node.base().rare() {
            core.clean_up_later(hooks.unwrap_or_default());
            rare.silence(&core);
        }
        if let Some(source) = node.operation() {
            listen::leave(&node, &source);
            turn::release_any(source);
        }
        node.clone().detach(&mut |upstream| {
            let forsaken = upstream.base().take_back(true) && !upstream.is_settled();
            if !forsaken {
                turn::release_any(upstream);
            } else if next.is_none() {
                next = Some(upstream);
            } else {
                more.push_back(upstream);
            }
        });
        turn::release_any(node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promise::derive::Then;

    /// Rule of performance.md: node and reference counts in 120 bytes, under
    /// the allocator's fast path of 128.
    #[test]
    fn a_then_node_fits_in_120_bytes() {
        struct Step(#[expect(dead_code, reason = "stands for a closure's capture")] u64);
        let node = size_of::<Node<u64, Then<u64, Step>>>();
        assert!(node + 2 * size_of::<usize>() <= 120, "{node} + 16 bytes");
    }
}
