//! Following: a promise that takes whatever outcome another promise will
//! have. `and_then`, `or_else` and `Resolver::follow`.

use std::cell::Cell;
use std::rc::{Rc, Weak};

use crate::error::{Error, Result};
use crate::promise::Promise;
use crate::promise::derive::cycle;
use crate::promise::state::{
    self, AnyNode, Body, Node, Outcome, Place, PromiseNode, Waiter, pass_on, result,
};
use crate::promise::unhandled::Failure;
use crate::reactor::Core;
use crate::token::Token;
use crate::turn;

/// What a callback of [`and_then`](Promise::and_then) or
/// [`or_else`](Promise::or_else) may return: a [`Promise`] or an evcore
/// [`Result`].
#[diagnostic::on_unimplemented(
    message = "`and_then` and `or_else` want a callback that returns a promise or an `evcore::Result`",
    label = "this callback returns `{Self}`",
    note = "for a plain value use `then` (or `catch`); turn another error type into `evcore::Error` first"
)]
/// No other `Result` is: with any error type allowed, the compiler could not
/// tell which is meant by `Ok(..)`. `?` converts inside the callback.
pub trait Followable {
    /// What the followed promise will supply.
    type Value: 'static;
    /// The promise or the result, as one type.
    fn into_next(self) -> Next<Self::Value>;
}

/// What an [`and_then`](Promise::and_then) goes on with.
pub enum Next<T: 'static> {
    /// The outcome this promise will have.
    Follow(Promise<T>),
    /// This outcome.
    Settle(Result<T>),
}

impl<T: 'static> Followable for Promise<T> {
    type Value = T;
    fn into_next(self) -> Next<T> {
        Next::Follow(self)
    }
}

impl<T: 'static> Followable for Result<T> {
    type Value = T;
    fn into_next(self) -> Next<T> {
        Next::Settle(self)
    }
}

/// Ties a promise to the one it follows, and to the reactor's book of
/// promises that somebody may leave unsettled.
pub(crate) struct Leash<T: 'static> {
    followed: Cell<Option<Rc<dyn PromiseNode<T>>>>,
    entry: Cell<Option<Token>>,
}

impl<T: 'static> Leash<T> {
    pub(crate) fn new() -> Leash<T> {
        Leash {
            followed: Cell::new(None),
            entry: Cell::new(None),
        }
    }

    /// Enters the promise in the book, so that closing the reactor finds it.
    pub(crate) fn register(&self, core: &Rc<Core>, node: Weak<dyn AnyNode>) {
        if self.entry.get().is_none() {
            self.entry.set(Some(core.register_pending(node)));
        }
    }

    pub(crate) fn retire(&self, core: &Rc<Core>) {
        if let Some(entry) = self.entry.take() {
            core.forget_pending(entry);
        }
    }

    pub(crate) fn take(&self) -> Option<Rc<dyn PromiseNode<T>>> {
        self.followed.take()
    }

    /// See [`Waiter::follow_instead`].
    pub(crate) fn pull_to(&self, other: &dyn std::any::Any) -> bool {
        let Some(old) = self.followed.take() else {
            return false;
        };
        let new = other.downcast_ref::<Rc<dyn PromiseNode<T>>>().cloned();
        let pulled = new.is_some();
        self.followed.set(Some(new.unwrap_or_else(|| old.clone())));
        turn::release_node(old);
        pulled
    }
}

/// A body that can follow.
pub(crate) trait Leashed<T: 'static>: Body {
    fn leash(&self) -> &Leash<T>;
}

/// Has `node` take the outcome of `leader`.
pub(crate) fn follow<T: 'static, B: Leashed<T> + 'static>(node: &Rc<Node<T, B>>, leader: Promise<T>)
where
    Node<T, B>: Waiter,
{
    let lead = leader.node().clone();
    if node.is_settled() {
        // Cancelled meanwhile: nobody waits for the leader here.
        lead.base().take_back(false);
    } else if std::ptr::addr_eq(Rc::as_ptr(&lead), Rc::as_ptr(node)) {
        node.settle(Outcome::Failed(cycle(&node.base.core)));
    } else if !hand_on(node, &lead) {
        let weak = Rc::downgrade(node);
        node.body.leash().register(&node.base.core, weak);
        node.body.leash().followed.set(Some(lead.clone()));
        lead.wait(node.clone());
    }
    turn::release_node(lead);
    drop(leader);
}

/// A promise that only follows, and that only its follower knows, steps out
/// of the line: the follower waits for the leader itself. So a loop written
/// with `and_then` keeps no chain behind it (rule P30).
fn hand_on<T: 'static, B: Leashed<T> + 'static>(
    node: &Rc<Node<T, B>>,
    lead: &Rc<dyn PromiseNode<T>>,
) -> bool {
    let Some(waiter) = node.base.take_sole_waiter() else {
        return false;
    };
    let circle = std::ptr::addr_eq(Rc::as_ptr(&waiter), Rc::as_ptr(lead));
    if circle || !waiter.follow_instead(lead) {
        node.base.push_waiter(waiter);
        return false;
    }
    node.body.retire(&node.base.core);
    lead.wait(waiter);
    true
}

/// The second half of following: `leader` has settled.
pub(crate) fn arrive<T: 'static, B: Body + 'static>(
    node: &Rc<Node<T, B>>,
    leader: Rc<dyn PromiseNode<T>>,
) {
    node.settle(pass_on(&leader));
    turn::release_node(leader);
}

/// What `and_then` and `or_else` do with their source's outcome.
pub(crate) trait FollowStep<T, U: 'static> {
    fn run(self, core: &Rc<Core>, place: Place, source: &Rc<dyn PromiseNode<T>>) -> Decided<U>;
}

pub(crate) enum Decided<U: 'static> {
    Settle(Outcome<U>),
    Follow(Promise<U>),
}

/// The body of `and_then` and (as the `SAME` operation) of `or_else`.
pub(crate) struct AndThen<T: 'static, U: 'static, S, const SAME: bool> {
    source: Cell<Option<Rc<dyn PromiseNode<T>>>>,
    step: Cell<Option<S>>,
    leash: Leash<U>,
}

/// Makes the promise that follows what `step` decides on `source`.
pub(crate) fn chain<T: 'static, U: 'static, S, const SAME: bool>(
    source: &Promise<T>,
    place: Place,
    step: S,
) -> Promise<U>
where
    S: FollowStep<T, U> + 'static,
{
    let node = source.node();
    let core = node.base().core.clone();
    let (source, step) = (Cell::new(Some(node.clone())), Cell::new(Some(step)));
    let body = AndThen::<T, U, S, SAME> {
        source,
        step,
        leash: Leash::new(),
    };
    let derived = Node::new(core, place, body);
    derived.begin(node, derived.clone());
    Promise::new(derived)
}

impl<T: 'static, U: 'static, S: 'static, const SAME: bool> Body for AndThen<T, U, S, SAME> {
    fn detach(&self, core: &Rc<Core>, upstream: &mut dyn FnMut(Rc<dyn AnyNode>)) {
        if let Some(step) = self.step.take() {
            turn::bury(core, step);
        }
        if let Some(source) = self.source.take() {
            upstream(source);
        }
        if let Some(leader) = self.leash.take() {
            upstream(leader);
        }
    }

    fn operation(&self) -> Option<Rc<dyn AnyNode>> {
        if !SAME {
            return None;
        }
        let source = self.source.take()?;
        self.source.set(Some(source.clone()));
        Some(source)
    }

    fn retire(&self, core: &Rc<Core>) {
        self.leash.retire(core);
    }
}

impl<T: 'static, U: 'static, S: 'static, const SAME: bool> Leashed<U> for AndThen<T, U, S, SAME> {
    fn leash(&self) -> &Leash<U> {
        &self.leash
    }
}

impl<T: 'static, U: 'static, S, const SAME: bool> Waiter for Node<U, AndThen<T, U, S, SAME>>
where
    S: FollowStep<T, U> + 'static,
{
    fn fire(self: Rc<Self>) -> bool {
        let mut live = true;
        if let (Some(source), Some(step)) = (self.body.source.take(), self.body.step.take()) {
            match step.run(&self.base.core, self.base.place, &source) {
                Decided::Settle(outcome) => _ = self.settle(outcome),
                Decided::Follow(leader) => follow(&self, leader),
            }
            turn::release_node(source);
        } else if let Some(leader) = self.body.leash.take() {
            arrive(&self, leader);
        } else {
            live = false;
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

fn decide<R: Followable>(
    core: &Rc<Core>,
    place: Place,
    f: impl FnOnce() -> R,
) -> Decided<R::Value> {
    match turn::call(core, Some(place), || f().into_next()) {
        Ok(Next::Follow(promise)) => Decided::Follow(promise),
        Ok(Next::Settle(Ok(value))) => Decided::Settle(Outcome::Value(value)),
        Ok(Next::Settle(Err(error))) | Err(error) => {
            Decided::Settle(Outcome::Failed(Failure::new(core, error)))
        }
    }
}

/// `and_then`
pub(crate) struct OnValue<F>(pub(crate) F);

impl<T: 'static, R: Followable, F> FollowStep<T, R::Value> for OnValue<F>
where
    F: FnOnce(&T) -> R + 'static,
{
    fn run(
        self,
        core: &Rc<Core>,
        place: Place,
        source: &Rc<dyn PromiseNode<T>>,
    ) -> Decided<R::Value> {
        match result(&**source) {
            Some(Ok(value)) => decide(core, place, || self.0(value)),
            Some(Err(failure)) => {
                turn::discard(core, &failure.error, self.0);
                Decided::Settle(Outcome::Failed(failure.clone()))
            }
            None => unreachable!("a waiter fires when its source has settled"),
        }
    }
}

/// `or_else`
pub(crate) struct OnError<F>(pub(crate) F);

impl<T: 'static, R: Followable<Value = T>, F> FollowStep<T, T> for OnError<F>
where
    F: FnOnce(&Error) -> R + 'static,
{
    fn run(self, core: &Rc<Core>, place: Place, source: &Rc<dyn PromiseNode<T>>) -> Decided<T> {
        match result(&**source) {
            Some(Err(failure)) => {
                failure.look();
                decide(core, place, || self.0(&failure.error))
            }
            _ => {
                turn::bury(core, self.0);
                Decided::Settle(pass_on(source))
            }
        }
    }
}
