//! Awaiting a promise: in our coroutines, and in any executor of the thread.

use std::cell::Cell;
use std::future::{Future, IntoFuture};
use std::ops::Deref;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::error::Result;
use crate::promise::Promise;
use crate::promise::state::{self, Outcome, PromiseNode, Waiter, result};
use crate::reactor::Core;
use crate::task::Wakeup;
use crate::turn;

/// A promise being awaited for a clone of its value.
///
/// Made by `.await` (that is, [`IntoFuture`]); it is interest in the promise
/// from then on, and dropping it unfinished takes the interest back.
///
/// It works in any executor of the promise's thread. The error it returns
/// counts as looked at.
///
/// ```
/// use std::future::IntoFuture;
/// use std::pin::Pin;
/// use std::task::{Context, Poll, Waker};
///
/// let mut awaited = evcore::Promise::ready(3).into_future();
/// let mut cx = Context::from_waker(Waker::noop());
/// assert!(Pin::new(&mut awaited).poll(&mut cx).is_pending()); // through the queue, always
/// evcore::Reactor::current().turn(std::time::Duration::ZERO);
/// let Poll::Ready(three) = Pin::new(&mut awaited).poll(&mut cx) else { panic!() };
/// assert_eq!(three?, 3);
/// # Ok::<(), evcore::Error>(())
/// ```
#[must_use = "an await does nothing until it is polled"]
pub struct Await<T: 'static>(Listening<T>);

/// A promise being awaited for its value as it lies in the promise; see
/// [`Promise::shared`].
#[must_use = "an await does nothing until it is polled"]
pub struct AwaitShared<T: 'static>(Listening<T>);

/// A settled promise's value, shared with everybody who holds the promise.
pub struct Shared<T: 'static> {
    owner: Option<Rc<dyn PromiseNode<T>>>,
}

struct Listening<T: 'static> {
    node: Option<Rc<dyn PromiseNode<T>>>,
    ear: Rc<Ear>,
}

/// What waits in the promise's list for an await.
struct Ear {
    state: Cell<Hearing>,
    core: Rc<Core>,
}

#[derive(Default)]
enum Hearing {
    /// Not polled yet, or taken out for a moment.
    #[default]
    Quiet,
    Waiting(Wakeup),
    /// It is this await's turn: the promise has settled.
    Fired,
    Gone,
}

impl<T: 'static> Promise<T> {
    /// Awaits the value without cloning it, for a `T` that is not `Clone` or
    /// is dear to clone.
    ///
    /// ```
    /// struct Page(String); // not Clone
    ///
    /// let page = evcore::Promise::ready(Page("hello".into()));
    /// let length = evcore::spawn(async move { Ok(page.shared().await?.0.len()) });
    /// assert_eq!(evcore::run(length)?, 5);
    /// # Ok::<(), evcore::Error>(())
    /// ```
    pub fn shared(self) -> AwaitShared<T> {
        AwaitShared(Listening::new(self))
    }
}

// Why the parameter is not called `T`: the compiler answers `.await` on a
// value that is not `Clone` with std's own message, because std has a second
// implementation of `IntoFuture` for any type, and no attribute of ours can
// change that one. But it goes on to name this implementation, parameter and
// all, and shows this line: the only place to say what to do (rule P8).
impl<ElseShared: Clone + 'static> IntoFuture for Promise<ElseShared /* .shared() */> {
    type Output = Result<ElseShared>;
    type IntoFuture = Await<ElseShared>;

    fn into_future(self) -> Await<ElseShared> {
        Await(Listening::new(self))
    }
}

impl<T: 'static> Listening<T> {
    fn new(promise: Promise<T>) -> Listening<T> {
        let node = promise.node().clone();
        let core = node.base().core.clone();
        let ear = Rc::new(Ear {
            state: Cell::default(),
            core,
        });
        node.wait(ear.clone());
        Listening {
            node: Some(node),
            ear,
        }
    }

    /// Ready with the promise once it has settled and this await's turn has
    /// come.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Rc<dyn PromiseNode<T>>> {
        match self.ear.state.take() {
            Hearing::Fired => {
                self.ear.state.set(Hearing::Gone);
                Poll::Ready(self.node.take().expect("polled after it was ready"))
            }
            old => {
                // A task's number means something in its own reactor only.
                let here = crate::current::core();
                let wakeup = match Rc::ptr_eq(&here, &self.ear.core) {
                    true => here.wakeup(cx),
                    false => Wakeup::Foreign(cx.waker().clone()),
                };
                self.ear.state.set(Hearing::Waiting(wakeup));
                if let Hearing::Waiting(Wakeup::Foreign(waker)) = old {
                    turn::bury(&self.ear.core, waker);
                }
                Poll::Pending
            }
        }
    }
}

impl Waiter for Ear {
    fn fire(self: Rc<Self>) -> bool {
        match self.state.replace(Hearing::Fired) {
            Hearing::Waiting(Wakeup::Foreign(waker)) => turn::wake(&self.core, waker),
            Hearing::Waiting(wakeup) => self.core.wake(wakeup),
            Hearing::Gone => {
                self.state.set(Hearing::Gone);
                return false;
            }
            Hearing::Quiet | Hearing::Fired => {}
        }
        true
    }

    fn is_live(&self) -> bool {
        let state = self.state.take();
        let live = !matches!(state, Hearing::Gone);
        self.state.set(state);
        live
    }

    /// The reactor is closing, and the promise is settled: whoever awaits it
    /// elsewhere has to hear that.
    fn abandon(self: Rc<Self>) {
        if let Hearing::Waiting(Wakeup::Foreign(waker)) = self.state.replace(Hearing::Fired) {
            turn::wake(&self.core, waker);
        }
    }
}

impl<T: 'static> Drop for Listening<T> {
    fn drop(&mut self) {
        let Some(node) = self.node.take() else { return };
        let state = self.ear.state.replace(Hearing::Gone);
        if let Hearing::Waiting(Wakeup::Foreign(waker)) = state {
            turn::bury(&self.ear.core, waker);
        }
        if !node.is_settled() && node.base().take_back(true) {
            state::cancel(node);
        } else {
            turn::release_node(node);
        }
    }
}

impl<T: Clone + 'static> Future for Await<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        self.0.poll(cx).map(|node| {
            let outcome = match result(&*node).expect("fired when it had settled") {
                Ok(value) => Ok(value.clone()),
                Err(failure) => {
                    failure.look();
                    Err(failure.error.clone())
                }
            };
            turn::release_node(node);
            outcome
        })
    }
}

impl<T: 'static> Future for AwaitShared<T> {
    type Output = Result<Shared<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Shared<T>>> {
        self.0.poll(cx).map(|node| {
            let owner = match node.outcome().get() {
                Some(Outcome::Value(_)) => return Ok(Shared { owner: Some(node) }),
                Some(Outcome::Elsewhere(owner)) => Ok(owner.clone()),
                Some(Outcome::Failed(failure)) => {
                    failure.look();
                    Err(failure.error.clone())
                }
                None => unreachable!("fired when it had settled"),
            };
            turn::release_node(node);
            owner.map(|owner| Shared { owner: Some(owner) })
        })
    }
}

impl<T: 'static> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        let owner = self.owner.as_deref().expect("taken only by Drop");
        match result(owner) {
            Some(Ok(value)) => value,
            _ => unreachable!("made only of a value"),
        }
    }
}

impl<T: 'static> Clone for Shared<T> {
    fn clone(&self) -> Shared<T> {
        Shared {
            owner: self.owner.clone(),
        }
    }
}

impl<T: 'static> Drop for Shared<T> {
    fn drop(&mut self) {
        if let Some(owner) = self.owner.take() {
            turn::release_node(owner);
        }
    }
}

impl<T: std::fmt::Debug + 'static> std::fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        T::fmt(self, f)
    }
}
