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
    ///
    /// ```
    /// use evcore::Promise;
    ///
    /// let (promise, resolver) = Promise::pending();
    /// evcore::defer(move || resolver.resolve("later"));
    /// assert_eq!(evcore::run(promise)?, "later");
    /// # Ok::<(), evcore::Error>(())
    /// ```
    #[track_caller]
    #[doc(alias("defer", "deferred", "new"))]
    pub fn pending() -> (Promise<T>, resolver::Resolver<T>) {
        resolver::pending(current::core(), Location::caller())
    }

    /// A promise that has its value already.
    ///
    /// ```
    /// let three = evcore::Promise::ready(3);
    /// assert!(three.is_settled());
    /// assert_eq!(evcore::run(three)?, 3);
    /// # Ok::<(), evcore::Error>(())
    /// ```
    #[track_caller]
    #[doc(alias("resolve", "resolved"))]
    pub fn ready(value: T) -> Promise<T> {
        settled(Location::caller(), |_| Outcome::Value(value))
    }

    /// A promise that is rejected already.
    ///
    /// Somebody has to look at the error: if nobody does, it is reported with the
    /// place of this call (see [`Reactor::on_unhandled`](crate::Reactor::on_unhandled)).
    ///
    /// ```
    /// let failed = evcore::Promise::<u32>::failed("no luck");
    /// assert_eq!(evcore::run(failed).unwrap_err().to_string(), "no luck");
    /// ```
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
    ///
    /// A panic in the callback rejects the new promise with
    /// [`Kind::Panicked`]; nobody else notices.
    ///
    /// ```
    /// use evcore::Promise;
    ///
    /// let job = Promise::ready(3);
    /// let plus4 = job.then(|n| n + 4);
    /// let text = plus4.then(|n| format!("{n}"));
    /// assert_eq!(evcore::run(text)?, "7");
    /// # Ok::<(), evcore::Error>(())
    /// ```
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
    ///
    /// ```
    /// use evcore::Promise;
    ///
    /// let port = Promise::ready("eighty").and_then(|text| Ok(text.parse::<u16>()?));
    /// assert_eq!(evcore::run(port.catch(|_| 8080))?, 8080);
    /// # Ok::<(), evcore::Error>(())
    /// ```
    #[track_caller]
    #[doc(alias("addErrback", "add_errback", "unwrap_or_else"))]
    pub fn catch(&self, callback: impl FnOnce(&Error) -> T + 'static) -> Promise<T> {
        derive::derive_same(self, Location::caller(), derive::OnError(callback))
    }

    /// As [`catch`](Promise::catch), for a callback that returns a promise or
    /// an evcore [`Result`]: another try, another error.
    ///
    /// What the callback returns is an operation of its own: its events are not
    /// heard by listeners of the new promise.
    ///
    /// ```
    /// use evcore::Promise;
    ///
    /// let mirror = Promise::<&str>::failed("down").or_else(|_| Promise::ready("the mirror"));
    /// assert_eq!(evcore::run(mirror)?, "the mirror");
    /// # Ok::<(), evcore::Error>(())
    /// ```
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
    ///
    /// ```
    /// use evcore::Promise;
    ///
    /// let shown = Promise::ready(3).then_or(|n| format!("got {n}"), |e| format!("failed: {e}"));
    /// assert_eq!(evcore::run(shown)?, "got 3");
    /// # Ok::<(), evcore::Error>(())
    /// ```
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
    ///
    /// An error that comes this way counts as looked at.
    ///
    /// ```
    /// use evcore::Promise;
    ///
    /// let good = Promise::<i32>::failed("no").settled(|outcome| outcome.is_ok());
    /// assert!(!evcore::run(good)?);
    /// # Ok::<(), evcore::Error>(())
    /// ```
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
    ///
    /// The listener is a `Fn`: it may turn the reactor, and be called again
    /// meanwhile. What it changes it keeps in a `Cell` or `RefCell`.
    ///
    /// ```
    /// use evcore::{Promise, TICK, ms};
    ///
    /// let ticks = evcore::interval(ms(1)).on(TICK, |n| println!("{n} ms have passed"));
    /// evcore::run(evcore::sleep(ms(3)))?;
    /// ticks.cancel();
    /// # Ok::<(), evcore::Error>(())
    /// ```
    #[track_caller]
    pub fn on<P: 'static>(self, event: Event<P>, listener: impl Fn(&P) + 'static) -> Promise<T> {
        listen::listen(self.node().clone(), event, Location::caller(), listener);
        self
    }

    /// The same outcome, or an error of [`Kind::TimedOut`] if it takes longer
    /// than `limit`; then the interest in the work is taken back, which
    /// cancels it unless somebody else holds a handle or waits.
    ///
    /// An outcome that was queued before the time was up still counts.
    ///
    /// ```
    /// use evcore::{Kind, Promise, ms};
    ///
    /// let (slow, resolver) = Promise::<u32>::pending();
    /// let error = evcore::run(slow.timeout(ms(1))).unwrap_err();
    /// assert_eq!(error.kind(), Kind::TimedOut);
    /// assert!(!resolver.is_wanted()); // the work was told to stop
    /// ```
    #[track_caller]
    pub fn timeout(self, limit: Duration) -> Promise<T> {
        sleep::limit(&self, Location::caller(), limit)
    }

    /// A promise of one's own: same outcome, same events, but cancelling it
    /// only takes back its interest in this one.
    ///
    /// ```
    /// use evcore::Promise;
    ///
    /// let (job, resolver) = Promise::pending();
    /// let (mine, yours) = (job.fork(), job.fork());
    /// drop(job);
    /// mine.cancel(); // you go on
    /// resolver.resolve(3);
    /// assert_eq!(evcore::run(yours)?, 3);
    /// # Ok::<(), evcore::Error>(())
    /// ```
    #[track_caller]
    #[doc(alias = "shared")]
    pub fn fork(&self) -> Promise<T> {
        derive::derive_same(self, Location::caller(), derive::Pass)
    }

    /// Stops the work, for all who hold this promise: it is settled with
    /// [`Kind::Cancelled`] at once, and no listener of it is called any more.
    /// Nothing happens if it is settled already. Those promises it was made
    /// from in which nobody else is interested are cancelled too.
    ///
    /// Hooks ([`Resolver::on_cancel`](crate::Resolver::on_cancel)) run and coroutines
    /// are dropped from the turn, before the next poll.
    ///
    /// ```
    /// use evcore::{Kind, Promise};
    ///
    /// let (job, resolver) = Promise::<u32>::pending();
    /// job.cancel();
    /// assert!(!resolver.is_wanted());
    /// assert_eq!(evcore::run(job).unwrap_err().kind(), Kind::Cancelled);
    /// ```
    pub fn cancel(&self) {
        state::cancel(self.node().clone());
    }

    /// A handle that cancels the promise when it is dropped.
    ///
    /// ```
    /// use evcore::Promise;
    ///
    /// let (job, resolver) = Promise::<u32>::pending();
    /// drop(job.owned());
    /// assert!(!resolver.is_wanted());
    /// ```
    pub fn owned(self) -> Owned<T> {
        Owned { promise: self }
    }

    /// Whether the outcome is there.
    pub fn is_settled(&self) -> bool {
        self.node().is_settled()
    }

    /// The outcome, if it is there: for programs that draw what is so now.
    /// An error handed out counts as looked at.
    ///
    /// ```
    /// let job = evcore::sleep(evcore::ms(1)).then(|_| 3);
    /// assert!(job.peek().is_none());
    /// evcore::run(job.clone())?;
    /// assert_eq!(job.peek().unwrap().unwrap(), &3);
    /// # Ok::<(), evcore::Error>(())
    /// ```
    pub fn peek(&self) -> Option<Result<&T, &Error>> {
        let outcome = state::result(&**self.node())?;
        Some(outcome.map_err(|failure| {
            failure.look();
            &failure.error
        }))
    }

    /// All values, in the order of the promises, or the first error. With the
    /// first error the interest in the others is taken back.
    ///
    /// Of no promises it is an empty list.
    ///
    /// ```
    /// use evcore::Promise;
    ///
    /// let all = Promise::all([Promise::ready(1), Promise::ready(2)]);
    /// assert_eq!(evcore::run(all)?, [1, 2]);
    /// # Ok::<(), evcore::Error>(())
    /// ```
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
    ///
    /// ```
    /// use evcore::{Event, Promise};
    ///
    /// const BYTES: Event<u64> = Event::latest("bytes");
    ///
    /// let (part, resolver) = Promise::pending();
    /// let sum = |parts: &[Option<u64>]| parts.iter().flatten().sum();
    /// let whole = Promise::all_with(BYTES, [part], sum).on(BYTES, |n| println!("{n} bytes"));
    /// resolver.emit(BYTES, 10);
    /// resolver.resolve("done");
    /// assert_eq!(evcore::run(whole)?, ["done"]);
    /// # Ok::<(), evcore::Error>(())
    /// ```
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
    ///
    /// It is never rejected. Errors in the list count as looked at.
    ///
    /// ```
    /// use evcore::Promise;
    ///
    /// let both = Promise::all_settled([Promise::ready(1), Promise::failed("no")]);
    /// let outcomes = evcore::run(both)?;
    /// assert!(outcomes[0].is_ok() && outcomes[1].is_err());
    /// # Ok::<(), evcore::Error>(())
    /// ```
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
    ///
    /// Of no promises it is rejected.
    ///
    /// ```
    /// use evcore::Promise;
    ///
    /// let any = Promise::any([Promise::failed("no"), Promise::ready(2)]);
    /// assert_eq!(evcore::run(any)?, 2);
    /// # Ok::<(), evcore::Error>(())
    /// ```
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
    ///
    /// Of no promises it is rejected.
    ///
    /// ```
    /// use evcore::{Promise, ms, secs};
    ///
    /// let slow = evcore::sleep(secs(60)).then(|_| "slow");
    /// let fast = evcore::sleep(ms(1)).then(|_| "fast");
    /// assert_eq!(evcore::run(Promise::race([slow, fast]))?, "fast"); // the other is cancelled
    /// # Ok::<(), evcore::Error>(())
    /// ```
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
