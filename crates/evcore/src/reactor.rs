//! The reactor: owns the parts and turns them. What each part does stands in
//! its own file.

use std::any::Any;
use std::cell::Cell;
use std::future::IntoFuture;
use std::io;
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use crate::current;
use crate::error::{Kind, Result, closed_for_io};
use crate::inbox::Remote;
use crate::promise::unhandled::Unhandled;
use crate::sys::World;
use crate::task;
use crate::token::Token;
use crate::turn;

mod builder;
mod core;
mod cycle;
mod handle;

pub use crate::host::WaitingThread;
pub use builder::Builder;
pub(crate) use core::Core;
use cycle::{close, turn_once};
pub use handle::Source;

/// What one [`Reactor::turn`] tells its caller.
///
/// ```
/// use evcore::{Reactor, secs};
/// use std::time::Duration;
///
/// let reactor = Reactor::current();
/// let _later = evcore::sleep(secs(60));
/// let turned = reactor.turn(Duration::ZERO);
/// assert!(!turned.more && turned.next <= Some(secs(60)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turned {
    /// Something is left to be delivered: turn again before waiting, whatever
    /// the descriptor says.
    pub more: bool,
    /// How long until the next timer; `None` without one. Turn again then,
    /// even if the descriptor stays quiet.
    pub next: Option<Duration>,
}

/// One event loop: a queue, timers, sources and the promises that live on
/// them. Cheap to clone; belongs to one thread.
///
/// Most programs never name it: each thread has one of its own, which every
/// function of this crate uses. Dropping the last handle of a reactor cancels
/// all that is pending in it.
///
/// ```
/// use evcore::{Promise, Reactor};
///
/// let reactor = Reactor::new()?;
/// let seven = reactor.run(async { Ok(Promise::ready(3).await? + 4) })?;
/// assert_eq!(seven, 7);
/// # Ok::<(), evcore::Error>(())
/// ```
pub struct Reactor {
    core: Rc<Core>,
}

impl Reactor {
    /// A new reactor on the real world, beside the thread's own.
    ///
    /// # Errors
    /// If the system gives no more descriptors.
    pub fn new() -> io::Result<Reactor> {
        Builder::default().build()
    }

    /// Sets poller, world or clock of a new reactor.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The reactor being turned or [entered](Reactor::enter), else this
    /// thread's own, which is made when first asked for.
    pub fn current() -> Reactor {
        Reactor::of(current::core())
    }

    /// Makes this reactor the current one until the guard is dropped.
    ///
    /// ```
    /// use evcore::{Promise, Reactor};
    ///
    /// let other = Reactor::new()?;
    /// let entered = other.enter();
    /// let job = Promise::ready(3); // belongs to `other`
    /// drop(entered);
    /// assert_eq!(other.run(job)?, 3);
    /// # Ok::<(), evcore::Error>(())
    /// ```
    #[must_use = "the reactor is current until the guard is dropped"]
    pub fn enter(&self) -> Entered {
        current::enter(&self.core);
        Entered {
            reactor: self.clone(),
        }
    }

    /// Waits at most `timeout` for something to happen (`None`: as long as it
    /// takes), then delivers: one turn of the loop. With something left to
    /// deliver, or with a timer due, it does not wait at all. May be called
    /// from inside a callback: the same queue goes on, in order.
    ///
    /// ```
    /// use evcore::Reactor;
    /// use std::time::Duration;
    ///
    /// let job = evcore::Promise::ready(3).then(|n| n + 4);
    /// Reactor::current().turn(Duration::ZERO);
    /// assert!(job.is_settled());
    /// ```
    pub fn turn(&self, timeout: impl Into<Option<Duration>>) -> Turned {
        turn_once(&self.core, timeout.into())
    }

    /// Turns until `future` is done. See [`run`].
    ///
    /// # Errors
    /// The future's own; [`Kind::Idle`], [`Kind::Nested`], [`Kind::Closed`];
    /// what waiting itself may fail with.
    #[track_caller]
    pub fn run<F, T>(&self, future: F) -> Result<T>
    where
        F: IntoFuture<Output = Result<T>>,
        F::IntoFuture: 'static,
        T: 'static,
    {
        if self.core.depth.get() > 0 {
            return Err(Kind::Nested.into());
        }
        let entered = self.enter();
        let answer = Rc::new(Cell::new(None));
        let future = future.into_future();
        let main = task::start(self.core.clone(), Location::caller(), {
            let answer = answer.clone();
            move |_| async move {
                answer.set(Some(future.await));
                Ok(())
            }
        });
        let ended = self.core.turn_until(|| main.is_settled());
        main.node().look();
        if ended.is_err() {
            main.cancel();
        }
        self.core.finish_run();
        drop(entered);
        ended?;
        match answer.take() {
            Some(answer) => answer,
            None => Err(main
                .peek()
                .and_then(Result::err)
                .cloned()
                .unwrap_or(Kind::Closed.into())),
        }
    }

    /// A handle for other threads.
    ///
    /// ```
    /// use evcore::{Promise, Reactor};
    ///
    /// let remote = Reactor::current().remote();
    /// std::thread::spawn(move || remote.post(|| println!("on the loop's thread")));
    /// // `run` waits as long as a Remote exists: nothing settles this promise otherwise.
    /// let (never, _resolver) = Promise::<()>::pending();
    /// assert_eq!(evcore::run(never).unwrap_err().kind(), evcore::Kind::Idle);
    /// ```
    pub fn remote(&self) -> Remote {
        Remote::new(self.core.inbox())
    }

    /// Registers something of the outside: `open` gets the world and the
    /// token under which the world is to tell readiness. For authors of
    /// sockets; see [`Source`].
    ///
    /// # Errors
    /// Those of `open`; [`io::ErrorKind::NotConnected`] if the reactor is
    /// closed.
    pub fn open<S>(
        &self,
        open: impl FnOnce(&dyn World, Token) -> io::Result<S>,
    ) -> io::Result<(Source, S)> {
        if self.core.is_closed() {
            return Err(closed_for_io());
        }
        let token = self.core.sources.borrow_mut().add();
        let source = Source::new(self.core.clone(), token);
        let socket = open(&*self.core.world, token)?;
        Ok((source, socket))
    }

    /// The time by this reactor's clock.
    pub fn now(&self) -> Instant {
        self.core.world.now()
    }

    /// Has `hook` told of errors that nobody looked at, instead of the `log`
    /// facade and standard error. Called from the turn.
    ///
    /// A later hook replaces an earlier one. One that panics is noted in the log.
    ///
    /// ```
    /// let reactor = evcore::Reactor::current();
    /// reactor.on_unhandled(|report| eprintln!("my program: {report}"));
    /// ```
    pub fn on_unhandled(&self, hook: impl Fn(&Unhandled) + 'static) {
        let old = self.core.on_unhandled.replace(Some(Rc::new(hook)));
        turn::bury(&self.core, old);
    }

    /// The reactor's own `T`, made at the first call and dropped when the
    /// reactor closes: where a protocol keeps what all its users share, such
    /// as a default client.
    ///
    /// ```
    /// let reactor = evcore::Reactor::current();
    /// let count = reactor.local(|| std::cell::Cell::new(0));
    /// count.set(count.get() + 1);
    /// assert_eq!(reactor.local(|| std::cell::Cell::new(0)).get(), 1);
    /// ```
    pub fn local<T: 'static>(&self, make: impl FnOnce() -> T) -> Rc<T> {
        let find = |locals: &[Rc<dyn Any>]| {
            locals
                .iter()
                .find_map(|local| local.clone().downcast::<T>().ok())
        };
        let found = find(&self.core.locals.borrow());
        found.unwrap_or_else(|| {
            let made = Rc::new(make());
            if !self.core.is_closed() {
                self.core.locals.borrow_mut().push(made.clone());
            }
            made
        })
    }

    /// What the reactor is waiting for, for people: a line for each promise
    /// that somebody still has to settle and each coroutine, with the place
    /// where it was made.
    ///
    /// ```
    /// let (_promise, _resolver) = evcore::Promise::<u32>::pending();
    /// let text = evcore::Reactor::current().dump();
    /// assert!(text.contains("waits for its resolver"));
    /// ```
    pub fn dump(&self) -> String {
        crate::host::dump(&self.core)
    }

    /// A handle that does not keep the reactor open: for hosts, whose guest
    /// is to close when its user lets go of it.
    ///
    /// ```
    /// use evcore::Reactor;
    ///
    /// let reactor = Reactor::new()?;
    /// let weak = reactor.downgrade();
    /// assert!(weak.upgrade().is_some());
    /// drop(reactor);
    /// assert!(weak.upgrade().is_none());
    /// # Ok::<(), evcore::Error>(())
    /// ```
    pub fn downgrade(&self) -> WeakReactor {
        WeakReactor {
            core: Rc::downgrade(&self.core),
        }
    }

    pub(crate) fn core(&self) -> &Rc<Core> {
        &self.core
    }

    pub(crate) fn of(core: Rc<Core>) -> Reactor {
        core.handles.set(core.handles.get() + 1);
        Reactor { core }
    }

    pub(super) fn on(world: Box<dyn World>) -> Reactor {
        let core = Rc::new(Core::new(world));
        current::register(&core);
        Reactor::of(core)
    }

    /// The thread's own reactor; a closed one if the system refuses.
    pub(crate) fn for_thread() -> Reactor {
        Reactor::new().unwrap_or_else(|error| {
            log::error!("this thread's reactor can't be made: {error}");
            Reactor::of(Core::closed_one())
        })
    }
}

impl Clone for Reactor {
    fn clone(&self) -> Reactor {
        Reactor::of(self.core.clone())
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        self.core.handles.set(self.core.handles.get() - 1);
        if self.core.handles.get() == 0 {
            close(&self.core);
        }
    }
}

impl std::fmt::Debug for Reactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reactor")
            .field("id", &self.core.id())
            .finish_non_exhaustive()
    }
}

/// A reactor that may have closed; see [`Reactor::downgrade`].
#[derive(Clone)]
pub struct WeakReactor {
    core: Weak<Core>,
}

impl WeakReactor {
    /// The reactor; `None` once its last handle is gone.
    pub fn upgrade(&self) -> Option<Reactor> {
        let core = self.core.upgrade().filter(|core| !core.closed.get())?;
        Some(Reactor::of(core))
    }
}

impl std::fmt::Debug for WeakReactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WeakReactor")
            .field("id", &self.core.upgrade().map(|core| core.id()))
            .finish_non_exhaustive()
    }
}

/// Keeps a reactor current; see [`Reactor::enter`].
#[derive(Debug)]
pub struct Entered {
    reactor: Reactor,
}

impl Drop for Entered {
    fn drop(&mut self) {
        current::leave(&self.reactor.core);
    }
}

/// Drives this thread's current reactor until `future` is done, and returns
/// what it supplied.
///
/// ```
/// let three = evcore::run(async { Ok(3) })?;
/// assert_eq!(three, 3);
/// # Ok::<(), evcore::Error>(())
/// ```
///
/// # Errors
/// The future's own. [`Kind::Idle`] if nothing is left that could ever settle
/// it: no delivery, timer, socket, helper thread, [`Remote`] or waker in
/// foreign hands. [`Kind::Nested`] if called from inside a callback.
#[track_caller]
pub fn run<F, T>(future: F) -> Result<T>
where
    F: IntoFuture<Output = Result<T>>,
    F::IntoFuture: 'static,
    T: 'static,
{
    Reactor::current().run(future)
}
