//! The side of a reactor that other threads see: posts and wakes. Nothing in
//! here touches a promise; what is posted waits for the turn to collect it.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};

use crate::current;
use crate::sys::Notify;
use crate::token::Token;

pub(crate) enum Post {
    Call(Box<dyn FnOnce() + Send>),
    Wake(Token),
}

/// The reactor may be waiting: who posts has to end the wait.
const ASLEEP: u8 = 0;
/// The reactor will look at the inbox before it waits again.
const AWAKE: u8 = 1;

pub(crate) struct Inbox {
    posts: Mutex<Vec<Post>>,
    filled: AtomicBool,
    state: AtomicU8,
    remotes: AtomicUsize,
    closed: AtomicBool,
    notify: Arc<dyn Notify>,
    reactor: u64,
    owner: ThreadId,
}

impl Inbox {
    pub(crate) fn new(reactor: u64, notify: Arc<dyn Notify>) -> Arc<Inbox> {
        Arc::new(Inbox {
            posts: Mutex::default(),
            filled: AtomicBool::new(false),
            state: AtomicU8::new(ASLEEP),
            remotes: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            notify,
            reactor,
            owner: thread::current().id(),
        })
    }

    /// Puts `post` in and ends the reactor's wait, unless somebody has done
    /// so already. False, with nothing done, if the reactor is closed.
    pub(crate) fn push(&self, post: Post) -> bool {
        {
            let mut posts = self.posts.lock().unwrap_or_else(PoisonError::into_inner);
            if self.closed.load(Ordering::Relaxed) {
                drop(posts);
                drop(post);
                return false;
            }
            posts.push(post);
            // Set and cleared under the lock: who finds it set need not set it again.
            if !self.filled.load(Ordering::Relaxed) {
                self.filled.store(true, Ordering::SeqCst);
            }
        }
        if self.takes_over_waking() {
            self.end_wait();
        }
        true
    }

    /// Whether the reactor may be waiting and nobody else has undertaken to end that. Most posts find it awake, and
    /// looking is cheaper than exchanging. Either we see it asleep, or it sees what we have set.
    fn takes_over_waking(&self) -> bool {
        self.state.load(Ordering::SeqCst) == ASLEEP
            && self
                .state
                .compare_exchange(ASLEEP, AWAKE, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok()
    }

    /// On its own thread the reactor can't be waiting; only its host can.
    fn end_wait(&self) {
        if thread::current().id() != self.owner {
            return self.notify.notify();
        }
        if let Some(core) = current::find(self.reactor) {
            core.nudge_host();
        }
    }

    /// Ends a host's wait for the reactor's descriptor.
    pub(crate) fn notify(&self) {
        self.notify.notify();
    }

    /// From now on posting has to end the wait. True if there is something
    /// to collect at once.
    pub(crate) fn fall_asleep(&self) -> bool {
        self.state.store(ASLEEP, Ordering::SeqCst);
        self.filled.load(Ordering::SeqCst)
    }

    pub(crate) fn wake_up(&self) {
        self.state.store(AWAKE, Ordering::SeqCst);
    }

    pub(crate) fn is_filled(&self) -> bool {
        self.filled.load(Ordering::SeqCst)
    }

    /// Takes what is there, leaving `into`'s memory for the next posts.
    pub(crate) fn take(&self, into: &mut Vec<Post>) {
        if self.filled.load(Ordering::SeqCst) {
            let mut posts = self.posts.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(&mut *posts, into);
            self.filled.store(false, Ordering::SeqCst);
        }
    }

    /// Refuses posts from now on and hands out those that came too late.
    pub(crate) fn close(&self) -> Vec<Post> {
        let mut posts = self.posts.lock().unwrap_or_else(PoisonError::into_inner);
        self.closed.store(true, Ordering::Relaxed);
        std::mem::take(&mut *posts)
    }

    pub(crate) fn has_remotes(&self) -> bool {
        self.remotes.load(Ordering::SeqCst) > 0
    }
}

/// The only handle of a reactor that may go to other threads.
///
/// While one exists, [`run`](crate::run) goes on waiting: a post may come.
///
/// ```
/// use evcore::{Promise, Reactor};
///
/// let (promise, resolver) = Promise::pending();
/// evcore::defer(move || resolver.resolve(3));
/// let remote = Reactor::current().remote();
/// std::thread::spawn(move || remote.post(|| println!("on the loop's thread")));
/// assert_eq!(evcore::run(promise)?, 3);
/// # Ok::<(), evcore::Error>(())
/// ```
pub struct Remote {
    inbox: Arc<Inbox>,
}

impl Remote {
    pub(crate) fn new(inbox: &Arc<Inbox>) -> Remote {
        inbox.remotes.fetch_add(1, Ordering::SeqCst);
        Remote {
            inbox: inbox.clone(),
        }
    }

    /// Has `f` called on the reactor's thread, in its next turn; posts of one
    /// thread keep their order. Costs at most one system call, and none while
    /// an earlier post is still to be collected. False, with `f` dropped, if
    /// the reactor is closed.
    pub fn post(&self, f: impl FnOnce() + Send + 'static) -> bool {
        self.inbox.push(Post::Call(Box::new(f)))
    }

    /// Makes the reactor turn once without anything to do.
    pub fn wake(&self) -> bool {
        self.post(|| {})
    }
}

impl Clone for Remote {
    fn clone(&self) -> Remote {
        Remote::new(&self.inbox)
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        if self.inbox.remotes.fetch_sub(1, Ordering::SeqCst) == 1
            && thread::current().id() != self.inbox.owner
        {
            // The reactor may be waiting for this one alone: let it see.
            self.inbox.notify.notify();
        }
    }
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Remote(reactor {})", self.inbox.reactor)
    }
}
