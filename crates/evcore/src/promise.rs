//! The read side: `Promise<T>` and its combinators. What they are made of
//! stands in the folder beside this file.

use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use crate::current;
use crate::error::{Error, Kind, Result};
use crate::event::Event;
use crate::sleep;
use crate::turn;

pub(crate) mod derive;
pub(crate) mod follow;
pub(crate) mod join;
pub(crate) mod listen;
pub(crate) mod resolver;
pub(crate) mod state;
pub(crate) mod unhandled;
pub(crate) mod wait;

pub(crate) use state::Place;
use state::{AnyNode, Node, Outcome, PromiseNode};
use unhandled::Failure;

/// A value or an error that will be there later, and the events on the way.
///
/// Promises are *simple*: every callback gets the same value, and `then`
/// returns a new promise for the callback's result. Nothing chains by itself,
/// so nobody who listens can disturb anybody else:
///
/// ```
/// use evcore::Promise;
///
/// let job = Promise::ready(3);
/// job.then(|n| println!("{n}")); // 3
/// job.then(|n| println!("{n}")); // 3
/// let plus4 = job.then(|n| n + 4);
/// assert_eq!(evcore::run(plus4)?, 7);
/// # Ok::<(), evcore::Error>(())
/// ```
///
/// A handle is cheap to clone and may be dropped: that cancels nothing. The
/// rules are told in `docs/promises.md`; callbacks run only from the turn,
/// in the order in which they were attached, each once.
pub struct Promise<T: 'static> {
    node: Option<Rc<dyn PromiseNode<T>>>,
}

impl<T: 'static> Promise<T> {
    pub(crate) fn new(node: Rc<dyn PromiseNode<T>>) -> Promise<T> {
        node.base().add_handle();
        Promise { node: Some(node) }
    }

    pub(crate) fn node(&self) -> &Rc<dyn PromiseNode<T>> {
        self.node
            .as_ref()
            .expect("taken only when the handle is dropped")
    }

    /// A promise to be settled through the resolver that comes with it.
    #[track_caller]
    #[doc(alias("defer", "deferred", "new"))]
    pub fn pending() -> (Promise<T>, resolver::Resolver<T>) {
        resolver::pending(current::core(), Location::caller())
    }

    /// A promise that has its value already.
    #[track_caller]
    #[doc(alias("resolve", "resolved"))]
    pub fn ready(value: T) -> Promise<T> {
        settled(Location::caller(), |_| Outcome::Value(value))
    }

    /// A promise that is rejected already.
    #[track_caller]
    #[doc(alias("reject", "rejected"))]
    pub fn failed(error: impl Into<Error>) -> Promise<T> {
        let error = error.into();
        settled(Location::caller(), |core| {
            Outcome::Failed(Failure::new(core, error))
        })
    }

    /// Calls `callback` with the value, and returns a new promise for its
    /// result. An error passes the callback by and rejects the new promise.
    ///
    /// Whatever the callback returns is a plain value: a promise or a
    /// `Result` returned from it is not unpacked. For that there is
    /// [`and_then`](Promise::and_then). If a generic function does not infer,
    /// wrap it: `then(|page| show(page))`; to return part of the value, clone
    /// it: `then(|text| text.trim().to_owned())`.
    #[track_caller]
    #[doc(alias("addCallback", "add_callback", "map"))]
    pub fn then<U: 'static>(&self, callback: impl FnOnce(&T) -> U + 'static) -> Promise<U> {
        derive::derive(self, Location::caller(), derive::OnValue(callback))
    }

    /// As [`then`](Promise::then), for a callback that returns a promise or
    /// an evcore [`Result`]: the new promise follows it.
    ///
    /// ```
    /// use evcore::{Promise, ms};
    ///
    /// let late = Promise::ready(3).and_then(|&n| evcore::sleep(ms(1)).then(move |_| n + 4));
    /// assert_eq!(evcore::run(late)?, 7);
    /// # Ok::<(), evcore::Error>(())
    /// ```
    #[track_caller]
    #[doc(alias("flat_map", "bind"))]
    pub fn and_then<R: follow::Followable>(
        &self,
        callback: impl FnOnce(&T) -> R + 'static,
    ) -> Promise<R::Value> {
        let step = follow::OnValue(callback);
        follow::chain::<T, R::Value, _, false>(self, Location::caller(), step)
    }

    /// Replaces an error by the value `callback` makes of it. Stays the same
    /// operation: listeners attached to the new promise hear this one.
    #[track_caller]
    #[doc(alias("addErrback", "add_errback", "unwrap_or_else"))]
    pub fn catch(&self, callback: impl FnOnce(&Error) -> T + 'static) -> Promise<T> {
        derive::derive_same(self, Location::caller(), derive::OnError(callback))
    }

    /// As [`catch`](Promise::catch), for a callback that returns a promise or
    /// an evcore [`Result`]: another try, another error.
    #[track_caller]
    pub fn or_else<R: follow::Followable<Value = T>>(
        &self,
        callback: impl FnOnce(&Error) -> R + 'static,
    ) -> Promise<T> {
        let step = follow::OnError(callback);
        follow::chain::<T, T, _, true>(self, Location::caller(), step)
    }

    /// Calls one callback or the other, and returns a new promise for its
    /// result.
    #[track_caller]
    #[doc(alias("addCallbacks", "add_callbacks", "map_or_else"))]
    pub fn then_or<U: 'static>(
        &self,
        value: impl FnOnce(&T) -> U + 'static,
        error: impl FnOnce(&Error) -> U + 'static,
    ) -> Promise<U> {
        derive::derive(self, Location::caller(), derive::OnBoth(value, error))
    }

    /// Calls `callback` with the outcome, whichever it is, and returns a new
    /// promise for its result.
    #[track_caller]
    #[doc(alias("addBoth", "add_both", "finally"))]
    pub fn settled<U: 'static>(
        &self,
        callback: impl FnOnce(Result<&T, &Error>) -> U + 'static,
    ) -> Promise<U> {
        derive::derive(self, Location::caller(), derive::OnEither(callback))
    }

    /// Calls `listener` whenever this operation tells `event`, until it is
    /// settled; gives back the same promise, so that it can be called in
    /// passing. Listeners change nothing about the outcome and are no
    /// interest in it. One that panics is reported and hears no more.
    #[track_caller]
    pub fn on<P: 'static>(self, event: Event<P>, listener: impl Fn(&P) + 'static) -> Promise<T> {
        listen::listen(self.node().clone(), event, Location::caller(), listener);
        self
    }

    /// The same outcome, or an error of [`Kind::TimedOut`] if it takes longer
    /// than `limit`; then the interest in the work is taken back, which
    /// cancels it unless somebody else holds a handle or waits.
    #[track_caller]
    pub fn timeout(self, limit: Duration) -> Promise<T> {
        sleep::limit(&self, Location::caller(), limit)
    }

    /// A promise of one's own: same outcome, same events, but cancelling it
    /// only takes back its interest in this one.
    #[track_caller]
    #[doc(alias = "shared")]
    pub fn fork(&self) -> Promise<T> {
        derive::derive_same(self, Location::caller(), derive::Pass)
    }

    /// Stops the work, for all who hold this promise: it is settled with
    /// [`Kind::Cancelled`] at once, and no listener of it is called any more.
    /// Nothing happens if it is settled already. Those promises it was made
    /// from in which nobody else is interested are cancelled too.
    pub fn cancel(&self) {
        state::cancel(self.node().clone());
    }

    /// A handle that cancels the promise when it is dropped.
    pub fn owned(self) -> Owned<T> {
        Owned { promise: self }
    }

    /// Whether the outcome is there.
    pub fn is_settled(&self) -> bool {
        self.node().is_settled()
    }

    /// The outcome, if it is there: for programs that draw what is so now.
    /// An error handed out counts as looked at.
    pub fn peek(&self) -> Option<Result<&T, &Error>> {
        let outcome = state::result(&**self.node())?;
        Some(outcome.map_err(|failure| {
            failure.look();
            &failure.error
        }))
    }

    /// All values, in the order of the promises, or the first error. With the
    /// first error the interest in the others is taken back.
    #[track_caller]
    pub fn all(promises: impl IntoIterator<Item = Promise<T>>) -> Promise<Vec<T>>
    where
        T: Clone,
    {
        let promises: Vec<_> = promises.into_iter().collect();
        match promises.is_empty() {
            true => Promise::ready(Vec::new()),
            false => join::join(current::core(), Location::caller(), promises, join::All),
        }
    }

    /// As [`all`](Promise::all), and adds up what the parts emit: whenever
    /// one of them emits `event`, `sum` is given the newest payload of each
    /// and makes the payload emitted on the whole.
    #[track_caller]
    pub fn all_with<P: Clone + 'static>(
        event: Event<P>,
        promises: impl IntoIterator<Item = Promise<T>>,
        sum: impl Fn(&[Option<P>]) -> P + 'static,
    ) -> Promise<Vec<T>>
    where
        T: Clone,
    {
        let promises: Vec<_> = promises.into_iter().collect();
        let whole = Promise::all(promises.iter().cloned());
        join::add_up(&whole, &promises, event, Location::caller(), sum);
        whole
    }

    /// All outcomes, in the order of the promises.
    #[track_caller]
    pub fn all_settled(promises: impl IntoIterator<Item = Promise<T>>) -> Promise<Vec<Result<T>>>
    where
        T: Clone,
    {
        let promises: Vec<_> = promises.into_iter().collect();
        match promises.is_empty() {
            true => Promise::ready(Vec::new()),
            false => join::join(
                current::core(),
                Location::caller(),
                promises,
                join::AllSettled,
            ),
        }
    }

    /// The first value; [`AllFailed`](join::AllFailed) if there is none. With
    /// the first value the interest in the others is taken back.
    #[track_caller]
    pub fn any(promises: impl IntoIterator<Item = Promise<T>>) -> Promise<T> {
        let promises: Vec<_> = promises.into_iter().collect();
        match promises.is_empty() {
            true => Promise::failed("any of no promises"),
            false => join::join(current::core(), Location::caller(), promises, join::Any),
        }
    }

    /// The first outcome, value or error; then the interest in the others is
    /// taken back.
    #[track_caller]
    pub fn race(promises: impl IntoIterator<Item = Promise<T>>) -> Promise<T> {
        let promises: Vec<_> = promises.into_iter().collect();
        match promises.is_empty() {
            true => Promise::failed("a race of no promises"),
            false => join::join(current::core(), Location::caller(), promises, join::Race),
        }
    }
}

fn settled<T: 'static>(
    place: Place,
    outcome: impl FnOnce(&Rc<crate::reactor::Core>) -> Outcome<T>,
) -> Promise<T> {
    let core = current::core();
    let outcome = match core.is_closed() {
        true => Outcome::Failed(Failure::quiet(core.closed())),
        false => outcome(&core),
    };
    let node = Node::new(core, place, Plain);
    node.settle(outcome);
    Promise::new(node)
}

/// The body of a promise that is settled from the start.
struct Plain;

impl state::Body for Plain {
    fn detach(&self, _: &Rc<crate::reactor::Core>, _: &mut dyn FnMut(Rc<dyn AnyNode>)) {}
}

impl<T: 'static> Clone for Promise<T> {
    fn clone(&self) -> Promise<T> {
        Promise::new(self.node().clone())
    }
}

impl<T: 'static> Drop for Promise<T> {
    fn drop(&mut self) {
        let Some(node) = self.node.take() else { return };
        if node.base().drop_handle() && !node.is_settled() {
            state::cancel(node);
        } else {
            turn::release_node(node);
        }
    }
}

impl<T: std::fmt::Debug + 'static> std::fmt::Debug for Promise<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match state::result(&**self.node()) {
            None => f.write_str("Promise(pending)"),
            Some(Ok(value)) => write!(f, "Promise({value:?})"),
            Some(Err(failure)) => write!(f, "Promise({:?})", failure.error),
        }
    }
}

/// A handle that cancels its promise when it is dropped: for work that has no
/// meaning without its holder. Otherwise it is a promise like any other.
#[must_use = "dropping it cancels the promise"]
pub struct Owned<T: 'static> {
    promise: Promise<T>,
}

impl<T: 'static> std::ops::Deref for Owned<T> {
    type Target = Promise<T>;

    fn deref(&self) -> &Promise<T> {
        &self.promise
    }
}

impl<T: 'static> Drop for Owned<T> {
    fn drop(&mut self) {
        self.promise.cancel();
    }
}

impl<T: std::fmt::Debug + 'static> std::fmt::Debug for Owned<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.promise.fmt(f)
    }
}

/// So that a promise may be made of what a builder could not do: `Err` is a
/// promise rejected already.
impl<T: 'static> From<Result<T>> for Promise<T> {
    #[track_caller]
    fn from(outcome: Result<T>) -> Promise<T> {
        match outcome {
            Ok(value) => Promise::ready(value),
            Err(error) if error.kind() == Kind::Cancelled => {
                let (promise, resolver) = Promise::pending();
                promise.cancel();
                drop(resolver);
                promise
            }
            Err(error) => Promise::failed(error),
        }
    }
}
