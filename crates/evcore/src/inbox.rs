//! The side of a reactor that other threads see: posts and wakes. Nothing in
//! here touches a promise; what is posted waits for the turn to collect it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering, fence};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, ThreadId};

use crate::current;
use crate::limits;
use crate::sys::Notify;
use crate::token::Token;

pub(crate) enum Post {
    Call(Box<dyn FnOnce() + Send>),
    Wake(Token),
}

/// What the reactor takes posts from; it stays on its thread.
pub(crate) type Posts = Receiver<Post>;

/// Nothing is there, and the reactor may be waiting: who posts has to end the
/// wait.
const ASLEEP: u8 = 0;
/// Nothing is there; the reactor will look before it waits again.
const AWAKE: u8 = 1;
/// Something is there, and the reactor is awake or has been told.
const FILLED: u8 = 2;

pub(crate) struct Inbox {
    posts: Sender<Post>,
    state: AtomicU8,
    remotes: AtomicUsize,
    closed: AtomicBool,
    notify: Arc<dyn Notify>,
    reactor: u64,
    owner: ThreadId,
}

impl Inbox {
    pub(crate) fn new(reactor: u64, notify: Arc<dyn Notify>) -> (Arc<Inbox>, Posts) {
        let (sender, posts) = channel();
        let inbox = Arc::new(Inbox {
            posts: sender,
            state: AtomicU8::new(ASLEEP),
            remotes: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            notify,
            reactor,
            owner: thread::current().id(),
        });
        (inbox, posts)
    }

    /// Puts `post` in and ends the reactor's wait, unless somebody has done
    /// so already. False, with `post` dropped, if the reactor is closed.
    pub(crate) fn push(&self, post: Post) -> bool {
        if self.closed.load(Ordering::Relaxed) || self.posts.send(post).is_err() {
            return false;
        }
        // Either we see that the reactor has begun to take, or it sees what we have sent.
        fence(Ordering::SeqCst);
        if self.state.load(Ordering::Relaxed) != FILLED
            && self.state.swap(FILLED, Ordering::SeqCst) == ASLEEP
        {
            self.end_wait();
        }
        true
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

    /// From now on posting has to end the wait. True if something is there
    /// already: then it need not.
    pub(crate) fn fall_asleep(&self) -> bool {
        self.change(AWAKE, ASLEEP) == FILLED
    }

    pub(crate) fn wake_up(&self) {
        self.change(ASLEEP, AWAKE);
    }

    /// The state before.
    fn change(&self, from: u8, to: u8) -> u8 {
        let order = Ordering::SeqCst;
        let changed = self.state.compare_exchange(from, to, order, order);
        changed.unwrap_or_else(|other| other)
    }

    pub(crate) fn is_filled(&self) -> bool {
        self.state.load(Ordering::SeqCst) == FILLED
    }

    /// Takes what is there, up to a limit: who posts all the time shall not
    /// keep the reactor from everything else.
    pub(crate) fn take(&self, posts: &Posts, mut give: impl FnMut(Post)) {
        self.state.store(AWAKE, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        for _ in 0..limits::POSTS {
            match posts.try_recv() {
                Ok(post) => give(post),
                Err(_) => return,
            }
        }
        self.state.store(FILLED, Ordering::SeqCst);
    }

    /// Refuses posts from now on.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
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
