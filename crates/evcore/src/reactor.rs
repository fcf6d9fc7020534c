//! The reactor: owns the parts and turns them. What each part does stands in
//! its own file.

use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell, RefMut};
use std::future::IntoFuture;
use std::io;
use std::mem;
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::blocking::Helpers;
use crate::clock::{Clocked, ManualClock};
use crate::current;
use crate::error::{Error, Kind, Result};
use crate::event::Numbering;
use crate::host::Hooks;
use crate::inbox::{Inbox, Post, Remote};
use crate::promise::state::{self, AnyNode};
use crate::promise::unhandled::Unhandled;
use crate::sleep::Alarm;
use crate::source::{Direction, Source, Sources};
use crate::sys::{Poller, Ready, Wait, World};
use crate::task::{self, Task, Wakeup};
use crate::timer::TimerQueue;
use crate::token::{Slab, Token};
use crate::turn::{self, Entry, Queue, Stopped};

/// What one [`Reactor::turn`] tells its caller.
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

/// Makes a [`Reactor`] that differs from the usual one.
#[derive(Default)]
pub struct Builder {
    poller: Option<Poller>,
    world: Option<Box<dyn World>>,
    clock: Option<ManualClock>,
}

impl Builder {
    /// Waits with this poller instead of [`Poller::chosen`].
    pub fn poller(mut self, poller: Poller) -> Builder {
        self.poller = Some(poller);
        self
    }

    /// Stands on this world instead of the real one.
    pub fn world(mut self, world: impl World + 'static) -> Builder {
        self.world = Some(Box::new(world));
        self
    }

    /// Goes by this clock instead of the world's.
    pub fn clock(mut self, clock: &ManualClock) -> Builder {
        self.clock = Some(clock.clone());
        self
    }

    /// Makes the reactor.
    ///
    /// # Errors
    /// If the system gives no more descriptors.
    pub fn build(self) -> io::Result<Reactor> {
        let inner = match self.world {
            Some(world) => world,
            None => self.poller.unwrap_or_else(Poller::chosen).open()?,
        };
        let world = match self.clock {
            Some(clock) => Box::new(Clocked { inner, clock }),
            None => inner,
        };
        Ok(Reactor::on(world))
    }
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
    pub fn turn(&self, timeout: impl Into<Option<Duration>>) -> Turned {
        turn_once(&self.core, timeout.into())
    }

    /// Turns until `future` is done. See [`run`](crate::run).
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
        turn::clean_up(&self.core);
        turn::report(&self.core);
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
    pub fn dump(&self) -> String {
        crate::host::dump(&self.core)
    }

    pub(crate) fn core(&self) -> &Rc<Core> {
        &self.core
    }

    pub(crate) fn of(core: Rc<Core>) -> Reactor {
        core.handles.set(core.handles.get() + 1);
        Reactor { core }
    }

    fn on(world: Box<dyn World>) -> Reactor {
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
            .field("id", &self.core.id)
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

pub(crate) fn closed_for_io() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, Error::from(Kind::Closed))
}

/// The parts of a reactor. Each is borrowed for one operation at a time,
/// never while anybody's code runs.
pub(crate) struct Core {
    id: u64,
    handles: Cell<usize>,
    closed: Cell<bool>,
    /// How many turns are on the stack.
    depth: Cell<usize>,
    pub(crate) queue: Queue,
    sources: RefCell<Sources>,
    timers: RefCell<TimerQueue<Alarm>>,
    tasks: RefCell<Slab<Task>>,
    running: Cell<Option<Token>>,
    /// Promises that wait for a resolver or in a circle: closing finds them.
    pending: RefCell<Slab<Weak<dyn AnyNode>>>,
    numbering: Numbering,
    inbox: Arc<Inbox>,
    pub(crate) hooks: Hooks,
    on_unhandled: RefCell<Option<Rc<dyn Fn(&Unhandled)>>>,
    locals: RefCell<Vec<Rc<dyn Any>>>,
    errors: OnceCell<(Error, Error)>,
    ready: RefCell<Vec<Ready>>,
    posts: RefCell<Vec<Post>>,
    pub(crate) helpers: Helpers,
    pub(crate) world: Box<dyn World>,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl Core {
    fn new(world: Box<dyn World>) -> Core {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        Core {
            id,
            handles: Cell::new(0),
            closed: Cell::new(false),
            depth: Cell::new(0),
            queue: Queue::new(),
            sources: RefCell::new(Sources::new()),
            timers: RefCell::new(TimerQueue::new(world.now())),
            tasks: RefCell::new(Slab::new()),
            running: Cell::new(None),
            pending: RefCell::new(Slab::new()),
            numbering: Numbering::default(),
            inbox: Inbox::new(id, world.notifier()),
            hooks: Hooks::default(),
            on_unhandled: RefCell::default(),
            locals: RefCell::default(),
            errors: OnceCell::new(),
            ready: RefCell::default(),
            posts: RefCell::default(),
            helpers: Helpers::default(),
            world,
        }
    }

    /// A reactor that never was open: what is made on it settles at once.
    pub(crate) fn closed_one() -> Rc<Core> {
        let core = Core::new(Box::new(crate::sys::Nowhere));
        core.closed.set(true);
        Rc::new(core)
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    pub(crate) fn inbox(&self) -> &Arc<Inbox> {
        &self.inbox
    }

    pub(crate) fn sources(&self) -> RefMut<'_, Sources> {
        self.sources.borrow_mut()
    }

    fn errors(&self) -> &(Error, Error) {
        self.errors
            .get_or_init(|| (Kind::Cancelled.into(), Kind::Closed.into()))
    }

    pub(crate) fn cancelled(&self) -> Error {
        self.errors().0.clone()
    }

    pub(crate) fn closed(&self) -> Error {
        self.errors().1.clone()
    }

    pub(crate) fn is_turning(&self) -> bool {
        self.depth.get() > 0
    }

    pub(crate) fn number_emission(&self) -> u64 {
        self.numbering.next()
    }

    /// Appends to the delivery queue. A closed reactor delivers nothing: it
    /// lets go of it at once.
    pub(crate) fn enqueue(self: &Rc<Self>, entry: Entry) {
        self.queue.push(entry);
        if !self.is_turning() {
            self.nudge_host();
            if self.closed.get() {
                self.empty();
            }
        }
    }

    pub(crate) fn stop_later(self: &Rc<Self>, stopped: Stopped) {
        self.queue.stop(stopped);
        if !self.is_turning() {
            self.nudge_host();
            if self.closed.get() {
                self.empty();
            }
        }
    }

    pub(crate) fn clean_up_later(self: &Rc<Self>, hooks: Vec<Box<dyn FnOnce()>>) {
        hooks
            .into_iter()
            .for_each(|hook| self.stop_later(Stopped::Hook(hook)));
    }

    pub(crate) fn report_later(self: &Rc<Self>, report: Unhandled) {
        self.queue.report(report);
        if !self.is_turning() {
            self.nudge_host();
        }
    }

    pub(crate) fn unhandled_hook(&self) -> Option<Rc<dyn Fn(&Unhandled)>> {
        self.on_unhandled.borrow().clone()
    }

    pub(crate) fn register_pending(&self, node: Weak<dyn AnyNode>) -> Token {
        self.pending.borrow_mut().insert(node)
    }

    pub(crate) fn forget_pending(&self, entry: Token) {
        let gone = self.pending.borrow_mut().remove(entry);
        drop(gone);
    }

    pub(crate) fn pending(&self) -> Vec<Rc<dyn AnyNode>> {
        self.pending
            .borrow()
            .iter()
            .filter_map(|(_, node)| node.upgrade())
            .collect()
    }

    pub(crate) fn add_task(&self, make: impl FnOnce(Token) -> Task) -> Token {
        self.tasks.borrow_mut().insert_with(make)
    }

    pub(crate) fn remove_task(&self, token: Token) -> Option<Task> {
        self.tasks.borrow_mut().remove(token)
    }

    pub(crate) fn with_task<R>(&self, token: Token, see: impl FnOnce(&Task) -> R) -> Option<R> {
        self.tasks.borrow().get(token).map(see)
    }

    pub(crate) fn each_task(&self, see: impl FnMut(&Task)) {
        self.tasks
            .borrow()
            .iter()
            .map(|(_, task)| task)
            .for_each(see);
    }

    pub(crate) fn set_running(&self, task: Option<Token>) -> Option<Token> {
        self.running.replace(task)
    }

    /// Has the task polled, once however often it is asked for.
    pub(crate) fn schedule(self: &Rc<Self>, token: Token) {
        if self.with_task(token, Task::queue) == Some(true) {
            self.enqueue(Entry::Task(token));
        }
    }

    /// How to wake whoever polls with `cx`.
    pub(crate) fn wakeup(&self, cx: &Context<'_>) -> Wakeup {
        match self.running.get() {
            Some(task) if self.with_task(task, |task| task.is_mine(cx.waker())) == Some(true) => {
                Wakeup::Task(task)
            }
            _ => Wakeup::Foreign(cx.waker().clone()),
        }
    }

    pub(crate) fn wake(self: &Rc<Self>, wakeup: Wakeup) {
        match wakeup {
            Wakeup::Task(token) => self.schedule(token),
            Wakeup::Foreign(waker) => self.enqueue(Entry::Wake(waker)),
        }
    }

    pub(crate) fn add_timer(self: &Rc<Self>, deadline: Instant, alarm: Alarm) -> Token {
        let mut timers = self.timers.borrow_mut();
        let nearer = timers.next_deadline().is_none_or(|next| deadline < next);
        let token = timers.insert(deadline, alarm);
        drop(timers);
        if nearer && !self.is_turning() {
            self.nudge_host();
        }
        token
    }

    pub(crate) fn cancel_timer(&self, token: Token) -> Option<Alarm> {
        self.timers.borrow_mut().cancel(token)
    }

    pub(crate) fn timers_len(&self) -> usize {
        self.timers.borrow().len()
    }

    pub(crate) fn poll_source(
        self: &Rc<Self>,
        token: Token,
        direction: Direction,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if self.closed.get() {
            return Poll::Ready(Err(closed_for_io()));
        }
        if self.sources.borrow_mut().is_ready(token, direction) {
            return Poll::Ready(Ok(()));
        }
        let wakeup = self.wakeup(cx);
        let replaced = self.sources.borrow_mut().wait(token, direction, wakeup);
        if let Some(Wakeup::Foreign(waker)) = replaced {
            turn::bury(self, waker);
        }
        Poll::Pending
    }

    pub(crate) fn remove_source(self: &Rc<Self>, token: Token) {
        let state = self.sources.borrow_mut().remove(token);
        turn::bury(self, state);
    }

    fn turn_until(self: &Rc<Self>, done: impl Fn() -> bool) -> Result<()> {
        while !done() {
            if self.closed.get() {
                return Err(Kind::Closed.into());
            }
            if self.is_idle() {
                return Err(Kind::Idle.into());
            }
            turn_once(self, None);
            if let Some(error) = self.hooks.take_wait_error() {
                return Err(Error::from(error).context("waiting for events"));
            }
        }
        Ok(())
    }

    /// Nothing is left that could ever settle a promise.
    fn is_idle(&self) -> bool {
        !self.queue.has_work()
            && self.timers.borrow().is_empty()
            && self.sources.borrow().is_empty()
            && !self.inbox.is_filled()
            && !self.inbox.has_remotes()
            && !self
                .tasks
                .borrow()
                .iter()
                .any(|(_, task)| task.waker_escaped())
    }

    /// How long the wait of this turn may be.
    fn choose_timeout(&self, asked: Option<Duration>) -> Option<Duration> {
        if self.queue.has_work() || self.queue.has_reports() {
            return Some(Duration::ZERO);
        }
        if asked.is_some_and(|asked| asked.is_zero()) {
            return asked;
        }
        match (asked, self.next_timer()) {
            (Some(asked), Some(next)) => Some(asked.min(next)),
            (asked, next) => asked.or(next),
        }
    }

    pub(crate) fn next_timer(&self) -> Option<Duration> {
        let next = self.timers.borrow_mut().next_deadline()?;
        Some(next.saturating_duration_since(self.world.now()))
    }

    fn wait(&self, timeout: Option<Duration>) {
        let filled = self.inbox.fall_asleep();
        let timeout = if filled {
            Some(Duration::ZERO)
        } else {
            timeout
        };
        let may_leap = !self.inbox.has_remotes();
        let mut ready = self.ready.take();
        if let Err(error) = self.world.wait(Wait { timeout, may_leap }, &mut ready) {
            self.hooks.note_wait_error(error);
        }
        self.inbox.wake_up();
        self.ready.replace(ready);
    }

    /// Moves what has happened outside into the queue. Runs nobody's code.
    fn collect(self: &Rc<Self>, young: u64) {
        let mut posts = self.posts.take();
        self.inbox.take(&mut posts);
        for post in posts.drain(..) {
            match post {
                Post::Call(f) => self.queue.push(Entry::Call(f, None)),
                Post::Wake(token) => self.schedule(token),
            }
        }
        self.posts.replace(posts);
        let due = |now| self.timers.borrow_mut().pop_due(now, young);
        if !self.timers.borrow().is_empty() {
            let now = self.world.now();
            while let Some(alarm) = due(now) {
                alarm.ring(self, now);
            }
        }
        let mut ready = self.ready.take();
        for told in ready.drain(..) {
            self.sources
                .borrow_mut()
                .mark(told, |wakeup| self.wake(wakeup));
        }
        self.ready.replace(ready);
    }

    /// Lets go of all that is queued, of a closed reactor.
    fn empty(self: &Rc<Self>) {
        self.depth.set(self.depth.get() + 1);
        turn::empty(self);
        self.depth.set(self.depth.get() - 1);
    }
}

fn turn_once(core: &Rc<Core>, timeout: Option<Duration>) -> Turned {
    if core.closed.get() {
        return Turned {
            more: false,
            next: None,
        };
    }
    core.depth.set(core.depth.get() + 1);
    current::enter(core);
    turn::clean_up(core);
    let young = core.timers.borrow().sequence();
    let timeout = core.choose_timeout(timeout);
    core.wait(timeout);
    core.collect(young);
    turn::deliver(core);
    turn::clean_up(core);
    turn::report(core);
    current::leave(core);
    core.depth.set(core.depth.get() - 1);
    if core.closed.get() {
        // Closed by one of the callbacks: what came after it goes too.
        core.empty();
    }
    core.hooks.turned();
    let filled = core.inbox.fall_asleep();
    let more = filled || core.queue.has_work() || core.queue.has_reports();
    Turned {
        more,
        next: core.next_timer(),
    }
}

/// Cancels all that is pending: takes it out and drops it, in loops; no
/// callback runs (rule P29).
fn close(core: &Rc<Core>) {
    if core.closed.replace(true) {
        return;
    }
    core.depth.set(core.depth.get() + 1);
    let posts = core.inbox.close();
    posts.into_iter().for_each(|post| match post {
        Post::Call(f) => turn::bury(core, f),
        Post::Wake(_) => {}
    });
    loop {
        let tasks: Vec<Task> = core.tasks.borrow_mut().drain().collect();
        let alarms = core.timers.borrow_mut().drain();
        let pending = core.pending();
        let done = tasks.is_empty() && alarms.is_empty() && pending.is_empty();
        tasks.into_iter().for_each(Task::stop);
        alarms.into_iter().for_each(Alarm::stop);
        pending.into_iter().for_each(state::cancel);
        turn::empty(core);
        let locals = core.locals.take();
        turn::bury(core, locals);
        if done && !core.queue.has_work() {
            break;
        }
    }
    turn::report(core);
    core.depth.set(core.depth.get() - 1);
    let hook = mem::take(&mut *core.on_unhandled.borrow_mut());
    turn::bury(core, hook);
    core.hooks.clear(core);
}
