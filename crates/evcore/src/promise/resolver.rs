//! The write side of a promise: resolve, reject, follow, emit.

use std::rc::Rc;

use crate::error::{Error, Result};
use crate::event::Event;
use crate::promise::Promise;
use crate::promise::follow::{self, Leash, Leashed};
use crate::promise::listen::{self, Emitter};
use crate::promise::state::{self, AnyNode, Body, Node, Outcome, Place, Waiter};
use crate::promise::unhandled::Failure;
use crate::reactor::Core;
use crate::turn;

/// The one write side of a promise. Settling uses it up, so nothing settles
/// twice; dropping it unsettled rejects with [`Kind::Abandoned`].
///
/// ```compile_fail,E0382
/// let (promise, resolver) = evcore::Promise::pending();
/// resolver.resolve(3);
/// resolver.resolve(4); // used up: does not compile
/// # drop(promise);
/// ```
///
/// It may be used from anywhere on its reactor's thread, in or out of a turn;
/// callbacks run in the reactor's next delivery, never inside these calls.
///
/// ```
/// use evcore::Promise;
///
/// let (promise, resolver) = Promise::pending();
/// resolver.resolve(3);
/// assert_eq!(evcore::run(promise)?, 3);
/// # Ok::<(), evcore::Error>(())
/// ```
///
/// [`Kind::Abandoned`]: crate::Kind::Abandoned
#[must_use = "a resolver that is dropped rejects its promise as abandoned"]
pub struct Resolver<T: 'static> {
    node: Option<Rc<Node<T, Root<T>>>>,
}

/// The body of a promise that a [`Resolver`] settles.
pub(crate) struct Root<T: 'static> {
    leash: Leash<T>,
}

impl<T: 'static> Body for Root<T> {
    fn detach(&self, _: &Rc<Core>, upstream: &mut dyn FnMut(Rc<dyn AnyNode>)) {
        if let Some(leader) = self.leash.take() {
            upstream(leader);
        }
    }

    fn retire(&self, core: &Rc<Core>) {
        self.leash.retire(core);
    }
}

impl<T: 'static> Leashed<T> for Root<T> {
    fn leash(&self) -> &Leash<T> {
        &self.leash
    }
}

impl<T: 'static> Waiter for Node<T, Root<T>> {
    fn fire(self: Rc<Self>) -> bool {
        let leader = self.body.leash.take();
        let live = leader.is_some();
        if let Some(leader) = leader {
            follow::arrive(&self, leader);
        }
        turn::release(self);
        live
    }

    fn is_live(&self) -> bool {
        !self.is_settled()
    }

    /// The leader's reactor closes; this promise may live on another one.
    fn abandon(self: Rc<Self>) {
        match self.base.core.is_closed() {
            true => state::cancel(self),
            false => _ = self.fire(),
        }
    }

    fn follow_instead(&self, other: &dyn std::any::Any) -> bool {
        !self.is_settled() && self.body.leash.pull_to(other)
    }

    fn place(&self) -> Option<Place> {
        Some(self.base.place)
    }
}

/// Makes a pending promise of `core`'s and its resolver.
pub(crate) fn pending<T: 'static>(core: Rc<Core>, place: Place) -> (Promise<T>, Resolver<T>) {
    let closed = core.is_closed();
    let node = Node::new(
        core,
        place,
        Root {
            leash: Leash::new(),
        },
    );
    if closed {
        node.settle(Outcome::Failed(Failure::quiet(node.base.core.closed())));
    } else {
        let weak = Rc::downgrade(&node);
        node.body.leash.register(&node.base.core, weak);
    }
    (Promise::new(node.clone()), Resolver { node: Some(node) })
}

impl<T: 'static> Resolver<T> {
    fn node(&self) -> &Rc<Node<T, Root<T>>> {
        self.node
            .as_ref()
            .expect("only settling takes the node, and uses up the resolver")
    }

    #[inline]
    fn finish(mut self, outcome: Outcome<T>) {
        let node = self.node.take();
        // Nothing is left in it that its Drop could find unsettled.
        std::mem::forget(self);
        if let Some(node) = node {
            node.settle(outcome);
            turn::release(node);
        }
    }

    /// Settles the promise with `value`. Nothing happens if it was cancelled.
    pub fn resolve(self, value: T) {
        self.finish(Outcome::Value(value));
    }

    /// Settles the promise with `error`. Nothing happens if it was cancelled.
    ///
    /// ```
    /// use evcore::Promise;
    ///
    /// let (promise, resolver) = Promise::<u32>::pending();
    /// resolver.reject("no luck");
    /// assert_eq!(evcore::run(promise).unwrap_err().to_string(), "no luck");
    /// ```
    pub fn reject(self, error: impl Into<Error>) {
        let failure = Failure::new(&self.node().base.core, error.into());
        self.finish(Outcome::Failed(failure));
    }

    /// Resolves or rejects.
    pub fn settle(self, outcome: Result<T>) {
        match outcome {
            Ok(value) => self.resolve(value),
            Err(error) => self.reject(error),
        }
    }

    /// Settles the promise as `leader` will settle. Cancelling the promise
    /// then takes back its interest in `leader`. A promise that follows
    /// itself is rejected with [`Kind::Cycle`](crate::Kind::Cycle).
    ///
    /// ```
    /// use evcore::{Promise, ms};
    ///
    /// let (promise, resolver) = Promise::pending();
    /// resolver.follow(evcore::sleep(ms(1)).then(|_| 3));
    /// assert_eq!(evcore::run(promise)?, 3);
    /// # Ok::<(), evcore::Error>(())
    /// ```
    pub fn follow(mut self, leader: Promise<T>) {
        if let Some(node) = self.node.take() {
            follow::follow(&node, leader);
            turn::release(node);
        }
    }

    /// Tells `payload` to the promise's listeners of `event`.
    ///
    /// It is delivered in the turn, before the callbacks of a settlement that
    /// comes after it. See [`Event`].
    pub fn emit<P: 'static>(&self, event: Event<P>, payload: P) {
        listen::emit(self.node(), event, payload);
    }

    /// Emits here whatever `source` emits as `event`.
    ///
    /// Events do not cross from one promise to another by themselves.
    ///
    /// ```
    /// use evcore::{Event, Promise};
    ///
    /// const STEP: Event<u32> = Event::new("step");
    ///
    /// fn wrapped(inner: Promise<u32>) -> Promise<u32> {
    ///     let (outer, resolver) = Promise::pending();
    ///     resolver.forward(STEP, &inner);
    ///     resolver.follow(inner);
    ///     outer
    /// }
    /// let _outer = wrapped(Promise::ready(3)).on(STEP, |n| println!("step {n}"));
    /// ```
    pub fn forward<P: Clone + 'static, S: 'static>(&self, event: Event<P>, source: &Promise<S>) {
        let emitter = self.emitter();
        _ = source.clone().on(event, move |payload: &P| {
            emitter.emit(event, payload.clone())
        });
    }

    /// A handle that can only emit, and outlives settling.
    ///
    /// ```
    /// use evcore::{Event, Promise};
    ///
    /// const STEP: Event<u32> = Event::new("step");
    ///
    /// let (promise, resolver) = Promise::<()>::pending();
    /// let emitter = resolver.emitter();
    /// assert!(!emitter.wants(STEP)); // nobody listens
    /// let promise = promise.on(STEP, |n| println!("step {n}"));
    /// assert!(emitter.wants(STEP));
    /// emitter.emit(STEP, 1);
    /// resolver.resolve(());
    /// evcore::run(promise)?;
    /// # Ok::<(), evcore::Error>(())
    /// ```
    pub fn emitter(&self) -> Emitter {
        let node: Rc<dyn AnyNode> = self.node().clone();
        Emitter::new(&node)
    }

    /// Has `hook` called when the promise is cancelled, from the turn, before
    /// the reactor waits again. Dropped unused if the promise settles.
    ///
    /// If it was cancelled already, the hook is called all the same.
    ///
    /// ```
    /// use evcore::{Promise, ms};
    ///
    /// let (work, resolver) = Promise::<()>::pending();
    /// resolver.on_cancel(|| println!("closing the socket"));
    /// work.cancel();
    /// evcore::run(evcore::sleep(ms(1)))?; // prints
    /// # Ok::<(), evcore::Error>(())
    /// ```
    pub fn on_cancel(&self, hook: impl FnOnce() + 'static) {
        let node = self.node();
        if node.is_settled() {
            // Too late to be dropped unused: the work must be told to stop.
            match node.base.is_cancelled() {
                true => node.base.core.clean_up_later(vec![Box::new(hook)]),
                false => turn::bury(&node.base.core, hook),
            }
        } else {
            listen::rare(&node.base).add_hook(Box::new(hook));
        }
    }

    /// Whether anybody may still want the value: false once the promise was
    /// cancelled, and working on would be for nothing.
    pub fn is_wanted(&self) -> bool {
        !self.node().is_settled()
    }
}

impl<T: 'static> Drop for Resolver<T> {
    fn drop(&mut self) {
        let Some(node) = self.node.take() else { return };
        if !node.is_settled() {
            turn::abandon(node.clone());
        }
        turn::release(node);
    }
}

impl<T: 'static> std::fmt::Debug for Resolver<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver")
            .field("wanted", &self.is_wanted())
            .finish()
    }
}
