//! Coroutines: futures that are polled from the turn and whose end is a
//! promise. Also the wakers they hand out.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, ThreadId};

use crate::current;
use crate::error::Result;
use crate::inbox::{Inbox, Post};
use crate::promise::Promise;
use crate::promise::listen::Emitter;
use crate::promise::state::{AnyNode, Body, Node, Outcome, Place};
use crate::promise::unhandled::Failure;
use crate::reactor::Core;
use crate::token::Token;
use crate::turn::{self, Entry, Stopped};

/// Runs a coroutine on this thread's current reactor.
///
/// It is first polled from the turn, never inside this call. Its promise can
/// be listened to, awaited and cancelled like any other; cancelling drops the
/// future. What it returns as an error rejects the promise; so does a panic.
///
/// ```
/// let job = evcore::Promise::ready(3);
/// let total = evcore::spawn({
///     let job = job.clone();
///     async move { Ok(job.await? + 4) }
/// });
/// job.then(|n| println!("{n}"));
/// assert_eq!(evcore::run(total)?, 7);
/// # Ok::<(), evcore::Error>(())
/// ```
#[track_caller]
pub fn spawn<T: 'static>(future: impl Future<Output = Result<T>> + 'static) -> Promise<T> {
    start(current::core(), std::panic::Location::caller(), move |_| {
        future
    })
}

/// As [`spawn`], for a coroutine that emits events on its own promise.
///
/// ```
/// const PAGE: evcore::Event<u32> = evcore::Event::new("page");
///
/// let book = evcore::spawn_with(|emitter| async move {
///     emitter.emit(PAGE, 1);
///     Ok("the end")
/// });
/// assert_eq!(evcore::run(book.on(PAGE, |n| println!("page {n}")))?, "the end");
/// # Ok::<(), evcore::Error>(())
/// ```
#[track_caller]
pub fn spawn_with<T: 'static, F>(coroutine: impl FnOnce(Emitter) -> F) -> Promise<T>
where
    F: Future<Output = Result<T>> + 'static,
{
    start(current::core(), std::panic::Location::caller(), coroutine)
}

/// A coroutine in the reactor's table of tasks.
pub(crate) struct Task {
    coroutine: Rc<dyn Coroutine>,
    /// Lies in the queue already.
    queued: Cell<bool>,
    /// Its poll is on the stack: it has turned the reactor itself (rule P31).
    polling: Cell<bool>,
    /// Its turn came while it was being polled: once more, then.
    missed: Cell<bool>,
    waker: Arc<TaskWaker>,
}

trait Coroutine: AnyNode {
    fn poll(self: Rc<Self>, cx: &mut Context<'_>);
}

type Pinned<T> = Pin<Box<dyn Future<Output = Result<T>>>>;

/// The body of a coroutine's promise.
struct Coroutining<T> {
    future: RefCell<Option<Pinned<T>>>,
    token: Cell<Option<Token>>,
}

pub(crate) fn start<T: 'static, F>(
    core: Rc<Core>,
    place: Place,
    coroutine: impl FnOnce(Emitter) -> F,
) -> Promise<T>
where
    F: Future<Output = Result<T>> + 'static,
{
    let body = Coroutining {
        future: RefCell::default(),
        token: Cell::new(None),
    };
    let node = Node::new(core, place, body);
    let core = &node.base.core;
    let any: Rc<dyn AnyNode> = node.clone();
    let future = Box::pin(coroutine(Emitter::new(&any)));
    if core.is_closed() {
        turn::bury(core, future);
        node.settle(Outcome::Failed(Failure::quiet(core.closed())));
    } else {
        *node.body.future.borrow_mut() = Some(future);
        let token = core.add_task(|token| Task {
            coroutine: node.clone(),
            queued: Cell::new(true),
            polling: Cell::new(false),
            missed: Cell::new(false),
            waker: TaskWaker::new(core, token),
        });
        node.body.token.set(Some(token));
        core.enqueue(Entry::Task(token));
    }
    drop(any);
    Promise::new(node)
}

impl<T: 'static> Body for Coroutining<T> {
    /// The future is dropped from the turn, not inside `cancel`: it may be
    /// the very one that is being polled.
    fn detach(&self, core: &Rc<Core>, _: &mut dyn FnMut(Rc<dyn AnyNode>)) {
        if let Some(future) = self.future.take() {
            core.stop_later(Stopped::Value(Box::new(future)));
        }
    }

    fn retire(&self, core: &Rc<Core>) {
        if let Some(task) = self.token.take().and_then(|token| core.remove_task(token)) {
            turn::bury(core, task);
        }
    }
}

impl<T: 'static> Coroutine for Node<T, Coroutining<T>> {
    fn poll(self: Rc<Self>, cx: &mut Context<'_>) {
        let core = self.base.core.clone();
        let Some(mut future) = self.body.future.take() else {
            return turn::release(self);
        };
        match turn::call(&core, Some(self.base.place), || future.as_mut().poll(cx)) {
            Ok(Poll::Pending) if !self.is_settled() => {
                *self.body.future.borrow_mut() = Some(future);
            }
            Ok(Poll::Pending) => turn::bury(&core, future),
            Ok(Poll::Ready(Ok(value))) => {
                self.settle(Outcome::Value(value));
                turn::bury(&core, future);
            }
            Ok(Poll::Ready(Err(error))) | Err(error) => {
                let failure = Failure::new(&core, error.clone());
                self.settle(Outcome::Failed(failure));
                turn::discard(&core, &error, future);
            }
        }
        turn::release(self);
    }
}

/// Polls the task `token` names; false if it is gone, or being polled.
pub(crate) fn poll(core: &Rc<Core>, token: Token) -> bool {
    let Some(Some((coroutine, waker))) = core.with_task(token, Task::begin) else {
        return false;
    };
    let waker = Waker::from(waker);
    let outer = core.set_running(Some(token));
    coroutine.poll(&mut Context::from_waker(&waker));
    core.set_running(outer);
    if core.with_task(token, Task::end) == Some(true) {
        core.schedule(token);
    }
    true
}

impl Task {
    /// What to poll, unless that is under way further up the stack.
    fn begin(&self) -> Option<(Rc<dyn Coroutine>, Arc<TaskWaker>)> {
        self.queued.set(false);
        if self.polling.replace(true) {
            self.missed.set(true);
            return None;
        }
        Some((self.coroutine.clone(), self.waker.clone()))
    }

    /// The poll is over; true if it has to be polled again.
    fn end(&self) -> bool {
        self.polling.set(false);
        self.missed.replace(false)
    }

    /// Marks the task as queued; false if it was.
    pub(crate) fn queue(&self) -> bool {
        !self.queued.replace(true)
    }

    pub(crate) fn stop(self) {
        crate::promise::state::cancel(self.coroutine);
    }

    /// Whether somebody outside may wake it: then it is not idle.
    pub(crate) fn waker_escaped(&self) -> bool {
        Arc::strong_count(&self.waker) > 1
    }

    pub(crate) fn is_mine(&self, waker: &Waker) -> bool {
        std::ptr::eq(waker.data(), Arc::as_ptr(&self.waker).cast())
    }

    pub(crate) fn place(&self) -> Place {
        self.coroutine.base().place
    }
}

/// How to wake somebody: one of our tasks by its number, which costs nothing
/// to keep, or anybody by a waker.
pub(crate) enum Wakeup {
    Task(Token),
    Foreign(Waker),
}

/// Wakes a task from any thread; on its own, without a system call.
pub(crate) struct TaskWaker {
    token: Token,
    reactor: u64,
    owner: ThreadId,
    inbox: Arc<Inbox>,
}

impl TaskWaker {
    fn new(core: &Core, token: Token) -> Arc<TaskWaker> {
        let (reactor, owner) = (core.id(), thread::current().id());
        Arc::new(TaskWaker {
            token,
            reactor,
            owner,
            inbox: core.inbox().clone(),
        })
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if thread::current().id() != self.owner {
            self.inbox.push(Post::Wake(self.token));
        } else if let Some(core) = current::find(self.reactor) {
            core.schedule(self.token);
        }
    }
}
