//! Promises derived from one promise: `then` and its kin. Each holds its
//! source and one step, and becomes a new promise for the step's result.

use std::cell::Cell;
use std::rc::Rc;

use crate::error::{Error, Kind, Result};
use crate::promise::Promise;
use crate::promise::state::{
    AnyNode, Body, Node, Outcome, Place, PromiseNode, Waiter, pass_on, result,
};
use crate::promise::unhandled::Failure;
use crate::reactor::Core;
use crate::turn;

/// What a derived promise does with its source's outcome.
pub(crate) trait Step<T, U>: Unused {
    fn run(self, core: &Rc<Core>, place: Place, source: &Rc<dyn PromiseNode<T>>) -> Outcome<U>;
}

/// A step that will not be run.
pub(crate) trait Unused: Sized + 'static {
    /// Drops it, each callback by itself: if two panic at once, the process
    /// aborts.
    fn bury(self, core: &Rc<Core>) {
        turn::bury(core, self);
    }
}

impl<F: 'static> Unused for OnValue<F> {}
impl<F: 'static> Unused for OnEither<F> {}
impl<F: 'static> Unused for OnError<F> {}
impl Unused for Pass {}

impl<F: 'static, G: 'static> Unused for OnBoth<F, G> {
    fn bury(self, core: &Rc<Core>) {
        turn::bury_after(core, || {
            turn::bury(core, self.0);
            turn::bury(core, self.1);
        });
    }
}

/// The body of a promise that settles as soon as its source has. If it is the
/// `SAME` operation (rule P19), listeners attached to it listen to its source.
pub(crate) struct Then<T: 'static, S, const SAME: bool = false> {
    source: Cell<Option<Rc<dyn PromiseNode<T>>>>,
    step: Cell<Option<S>>,
}

/// Makes the promise `step` derives from `source`, and has it wait.
pub(crate) fn derive<T: 'static, U: 'static>(
    source: &Promise<T>,
    place: Place,
    step: impl Step<T, U> + 'static,
) -> Promise<U> {
    attach::<T, U, _, false>(source, place, step)
}

/// As [`derive()`], for a promise that stays the same operation.
pub(crate) fn derive_same<T: 'static>(
    source: &Promise<T>,
    place: Place,
    step: impl Step<T, T> + 'static,
) -> Promise<T> {
    attach::<T, T, _, true>(source, place, step)
}

fn attach<T: 'static, U: 'static, S: Step<T, U> + 'static, const SAME: bool>(
    source: &Promise<T>,
    place: Place,
    step: S,
) -> Promise<U> {
    let node = source.node();
    let core = node.base().core.clone();
    let (source, step) = (Cell::new(Some(node.clone())), Cell::new(Some(step)));
    let derived = Node::new(core, place, Then::<T, S, SAME> { source, step });
    derived.begin(node, derived.clone());
    Promise::new(derived)
}

impl<T: 'static, S: Unused, const SAME: bool> Body for Then<T, S, SAME> {
    fn detach(&self, core: &Rc<Core>, upstream: &mut dyn FnMut(Rc<dyn AnyNode>)) {
        if let Some(step) = self.step.take() {
            step.bury(core);
        }
        if let Some(source) = self.source.take() {
            upstream(source);
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
}

impl<T: 'static, U: 'static, S, const SAME: bool> Waiter for Node<U, Then<T, S, SAME>>
where
    S: Step<T, U> + 'static,
{
    fn fire(self: Rc<Self>) -> bool {
        // Whoever cancels takes both.
        let (Some(source), Some(step)) = (self.body.source.take(), self.body.step.take()) else {
            turn::release(self);
            return false;
        };
        let outcome = step.run(&self.base.core, self.base.place, &source);
        self.settle(outcome);
        turn::release_node(source);
        turn::release(self);
        true
    }

    fn is_live(&self) -> bool {
        !self.is_settled()
    }

    fn abandon(self: Rc<Self>) {
        super::state::cancel(self);
    }

    fn place(&self) -> Option<Place> {
        Some(self.base.place)
    }
}

/// Calls `f`; a panic becomes the outcome.
fn call<U>(core: &Rc<Core>, place: Place, f: impl FnOnce() -> U) -> Outcome<U> {
    match turn::call(core, Some(place), f) {
        Ok(value) => Outcome::Value(value),
        Err(panic) => Outcome::Failed(Failure::new(core, panic)),
    }
}

/// Lets an error pass a callback by: the callback goes unheard, and what it
/// held learns why (rule P9).
fn pass_by<U, F: 'static>(core: &Rc<Core>, failure: &Failure, callback: F) -> Outcome<U> {
    turn::discard(core, &failure.error, callback);
    Outcome::Failed(failure.clone())
}

fn settled<T>(source: &Rc<dyn PromiseNode<T>>) -> Result<&T, &Failure> {
    result(&**source).expect("a waiter fires when its source has settled")
}

/// `then`
pub(crate) struct OnValue<F>(pub(crate) F);

impl<T: 'static, U: 'static, F: FnOnce(&T) -> U + 'static> Step<T, U> for OnValue<F> {
    fn run(self, core: &Rc<Core>, place: Place, source: &Rc<dyn PromiseNode<T>>) -> Outcome<U> {
        match settled(source) {
            Ok(value) => call(core, place, || self.0(value)),
            Err(failure) => pass_by(core, failure, self.0),
        }
    }
}

/// `settled`
pub(crate) struct OnEither<F>(pub(crate) F);

impl<T: 'static, U: 'static, F> Step<T, U> for OnEither<F>
where
    F: FnOnce(Result<&T, &Error>) -> U + 'static,
{
    fn run(self, core: &Rc<Core>, place: Place, source: &Rc<dyn PromiseNode<T>>) -> Outcome<U> {
        let outcome = settled(source).map_err(|failure| {
            failure.look();
            &failure.error
        });
        call(core, place, || self.0(outcome))
    }
}

/// `then_or`
pub(crate) struct OnBoth<F, G>(pub(crate) F, pub(crate) G);

impl<T: 'static, U: 'static, F, G> Step<T, U> for OnBoth<F, G>
where
    F: FnOnce(&T) -> U + 'static,
    G: FnOnce(&Error) -> U + 'static,
{
    fn run(self, core: &Rc<Core>, place: Place, source: &Rc<dyn PromiseNode<T>>) -> Outcome<U> {
        match settled(source) {
            Ok(value) => {
                turn::bury(core, self.1);
                call(core, place, || self.0(value))
            }
            Err(failure) => {
                failure.look();
                turn::discard(core, &failure.error, self.0);
                call(core, place, || self.1(&failure.error))
            }
        }
    }
}

/// `fork`
pub(crate) struct Pass;

impl<T: 'static> Step<T, T> for Pass {
    fn run(self, _: &Rc<Core>, _: Place, source: &Rc<dyn PromiseNode<T>>) -> Outcome<T> {
        pass_on(source)
    }
}

/// `catch`
pub(crate) struct OnError<F>(pub(crate) F);

impl<T: 'static, F: FnOnce(&Error) -> T + 'static> Step<T, T> for OnError<F> {
    fn run(self, core: &Rc<Core>, place: Place, source: &Rc<dyn PromiseNode<T>>) -> Outcome<T> {
        match settled(source) {
            Ok(_) => {
                turn::bury(core, self.0);
                pass_on(source)
            }
            Err(failure) => {
                failure.look();
                call(core, place, || self.0(&failure.error))
            }
        }
    }
}

/// The rejection of a promise told to follow itself (rule P6).
pub(crate) fn cycle(core: &Rc<Core>) -> Failure {
    Failure::new(core, Error::bare(Kind::Cycle))
}
