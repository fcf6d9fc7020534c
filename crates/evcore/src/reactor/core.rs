//! The parts of a reactor and their bookkeeping. When each is used is
//! `cycle.rs`; nothing here waits or delivers.

use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell, RefMut};
use std::io;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use crate::error::{Error, Kind, closed_for_io};
use crate::host::Hooks;
use crate::inbox::{Inbox, Posts};
use crate::promise::listen::Numbering;
use crate::promise::state::AnyNode;
use crate::promise::unhandled::Unhandled;
use crate::sleep::Alarm;
use crate::source::{Direction, Sources};
use crate::sys::{Ready, World};
use crate::task::{Task, Wakeup};
use crate::timer::TimerQueue;
use crate::token::{Slab, Token};
use crate::turn::{self, Entry, Queue, Stopped};

/// The parts of a reactor. Each is borrowed for one operation at a time,
/// never while anybody's code runs.
pub(crate) struct Core {
    id: u64,
    pub(super) handles: Cell<usize>,
    pub(super) closed: Cell<bool>,
    /// How many turns are on the stack.
    pub(super) depth: Cell<usize>,
    /// A turn has come and gone inside the callback that runs: it is a host's
    /// loop that runs there, which has to be told of what comes up.
    pub(super) hosting: Cell<bool>,
    pub(crate) queue: Queue,
    pub(super) sources: RefCell<Sources<Wakeup>>,
    pub(super) timers: RefCell<TimerQueue<Alarm>>,
    pub(super) tasks: RefCell<Slab<Task>>,
    running: Cell<Option<Token>>,
    /// Promises that wait for a resolver or in a circle: closing finds them.
    pending: RefCell<Slab<Weak<dyn AnyNode>>>,
    numbering: Numbering,
    pub(super) inbox: Arc<Inbox>,
    pub(crate) hooks: Hooks,
    pub(super) on_unhandled: RefCell<Option<Rc<dyn Fn(&Unhandled)>>>,
    pub(super) locals: RefCell<Vec<Rc<dyn Any>>>,
    error: OnceCell<Error>,
    pub(super) ready: RefCell<Vec<Ready>>,
    /// None once the reactor is closed.
    pub(super) posts: RefCell<Option<Posts>>,
    pub(crate) world: Box<dyn World>,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl Core {
    pub(super) fn new(world: Box<dyn World>) -> Core {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let (inbox, posts) = Inbox::new(id, world.notifier());
        Core {
            id,
            handles: Cell::new(0),
            closed: Cell::new(false),
            depth: Cell::new(0),
            hosting: Cell::new(false),
            queue: Queue::new(),
            sources: RefCell::new(Sources::new()),
            timers: RefCell::new(TimerQueue::new(world.now())),
            tasks: RefCell::new(Slab::new()),
            running: Cell::new(None),
            pending: RefCell::new(Slab::new()),
            numbering: Numbering::default(),
            inbox,
            hooks: Hooks::default(),
            on_unhandled: RefCell::default(),
            locals: RefCell::default(),
            error: OnceCell::new(),
            ready: RefCell::default(),
            posts: RefCell::new(Some(posts)),
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

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    pub(crate) fn inbox(&self) -> &Arc<Inbox> {
        &self.inbox
    }

    pub(crate) fn sources(&self) -> RefMut<'_, Sources<Wakeup>> {
        self.sources.borrow_mut()
    }

    /// The error of what is made when this is closed.
    pub(crate) fn closed(&self) -> Error {
        self.error.get_or_init(|| Kind::Closed.into()).clone()
    }

    /// The turn will see for itself what comes up now, no host needs to.
    #[inline]
    pub(crate) fn is_turning(&self) -> bool {
        self.depth.get() > 0 && !self.hosting.get()
    }

    /// The turn on top of the stack lies in another one's callback.
    pub(crate) fn is_nested(&self) -> bool {
        self.depth.get() > 1
    }

    pub(crate) fn number_emission(&self) -> u64 {
        self.numbering.next()
    }

    /// Appends to the delivery queue. A closed reactor delivers nothing: it
    /// lets go of it at once.
    pub(crate) fn enqueue(self: &Rc<Self>, entry: Entry) {
        self.queue.push(entry);
        if !self.is_turning() {
            self.queued_outside();
        }
    }

    #[inline]
    fn queued_outside(self: &Rc<Self>) {
        self.nudge_host();
        if self.closed.get() {
            self.empty();
        }
    }

    pub(crate) fn stop_later(self: &Rc<Self>, stopped: Stopped) {
        self.queue.stop(stopped);
        if !self.is_turning() {
            self.queued_outside();
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
        // Inside a turn nobody needs to be told, nor who was told already or
        // is not there; and asking may have to sort.
        let tell = !self.is_turning() && !self.hooks.is_asked() && self.hooks.has_host();
        let nearer = tell && timers.next_deadline().is_none_or(|next| deadline < next);
        let token = timers.insert(deadline, alarm);
        drop(timers);
        if nearer {
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
        let ready = self.sources.borrow_mut().is_ready(token, direction);
        if ready && !self.queue.is_spent() {
            return Poll::Ready(Ok(()));
        }
        let wakeup = self.wakeup(cx);
        if ready {
            // It could go on, but others wait: once more in the next turn.
            self.wake(wakeup);
            return Poll::Pending;
        }
        let replaced = self.sources.borrow_mut().wait(token, direction, wakeup);
        if let Some(Wakeup::Foreign(waker)) = replaced {
            turn::bury(self, waker);
        }
        Poll::Pending
    }

    pub(crate) fn is_source_ready(&self, token: Token, direction: Direction) -> bool {
        !self.queue.is_spent() && self.sources.borrow_mut().is_ready(token, direction)
    }

    pub(crate) fn remove_source(self: &Rc<Self>, token: Token) {
        let state = self.sources.borrow_mut().remove(token);
        turn::bury(self, state);
    }
}
