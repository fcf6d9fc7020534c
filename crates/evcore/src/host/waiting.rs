//! A thread that waits in the host's stead, where the host can watch no
//! descriptor or the poller has none. It waits when sent, calls the host once,
//! and ends with its owner. It sees no promise and delivers nothing.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::reactor::{Reactor, WeakReactor};
use crate::sys::{Notify, Waiter};

/// A thread that waits for what a reactor waits for, and calls its host.
///
/// For hosts that can't watch [`Reactor::as_fd`], and for pollers that have no
/// descriptor (poll(2), Windows). All that the host does is to call
/// [`turn`](WaitingThread::turn) on the reactor's thread, soon after `wake` was
/// called; `wake` puts an event into the host's own queue.
///
/// The thread waits in the poller, for readiness, posts and the next timer,
/// and does nothing else. It goes to sleep before it calls, until a turn has
/// left nothing undone; so it does not spin, however late the host is. It has
/// ended when `drop` returns. A wake-up costs two changes of thread, a turn
/// while it waits two more.
///
/// ```
/// use evcore::Reactor;
/// use evcore::reactor::WaitingThread;
/// use std::sync::mpsc;
///
/// let (post, events) = mpsc::channel(); // the host's queue
/// let guest = WaitingThread::start(&Reactor::current(), move || _ = post.send("turn"))?;
/// let nap = evcore::sleep(evcore::ms(5));
/// while !nap.is_settled() {
///     match events.recv().expect("the thread is alive") {
///         "turn" => guest.turn(),
///         other => println!("of the host's own: {other}"),
///     }
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct WaitingThread {
    reactor: WeakReactor,
    notify: Arc<dyn Notify>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What the two threads know of each other.
struct Shared {
    orders: Mutex<Orders>,
    changed: Condvar,
    /// The host has been called, and has not turned since.
    told: AtomicBool,
    wake: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct Orders {
    /// To wait, so long at most.
    wait: Option<Timeout>,
    /// The thread has taken an order and may be in the poller.
    out: bool,
    ended: bool,
}

/// `None` is as long as it takes.
type Timeout = Option<Duration>;

impl WaitingThread {
    /// Starts the thread. `wake` is called from it, and on the reactor's own
    /// thread when something is queued outside a turn or a turn left work
    /// undone; at most once until the next turn. It must neither turn the
    /// reactor nor wait for its thread. The first call comes before this returns.
    ///
    /// It uses [`Reactor::on_wake`], so nothing else should. It is no reason
    /// for the reactor to stay open.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] if the reactor is closed, or its world
    /// is not the real one; if the system gives no thread.
    pub fn start(
        reactor: &Reactor,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> io::Result<WaitingThread> {
        let waiter = reactor.waiter().ok_or_else(|| {
            let text = "no thread can wait for this reactor: it is closed, or its world is not the real one";
            io::Error::new(io::ErrorKind::Unsupported, text)
        })?;
        let shared = Arc::new(Shared {
            orders: Mutex::default(),
            changed: Condvar::new(),
            told: AtomicBool::new(false),
            wake: Box::new(wake),
        });
        let theirs = Arc::clone(&shared);
        let named = thread::Builder::new().name("evcore-waiting".into());
        let thread = named.spawn(move || theirs.serve(waiter))?;
        let seen = Arc::downgrade(&shared);
        reactor.on_wake(move || _ = seen.upgrade().map(|shared| shared.tell()));
        shared.tell(); // what came up before is waiting
        Ok(WaitingThread {
            reactor: reactor.downgrade(),
            notify: reactor.core().world.notifier(),
            shared,
            thread: Some(thread),
        })
    }

    /// One turn, without waiting; then the thread waits for the next, unless
    /// that is due already: then the host is called at once. Does nothing
    /// once the reactor has closed.
    pub fn turn(&self) {
        let Some(reactor) = self.reactor.upgrade() else {
            return;
        };
        self.shared.orders().wait = None;
        self.shared.told.store(false, Ordering::SeqCst);
        let turned = reactor.turn(Duration::ZERO);
        if turned.more {
            self.shared.tell();
        } else if !self.is_due() {
            self.send(turned.next);
        }
    }

    /// Whether the host has been called and has not turned since.
    pub fn is_due(&self) -> bool {
        self.shared.told.load(Ordering::SeqCst)
    }

    /// Has the thread wait.
    fn send(&self, timeout: Timeout) {
        let mut orders = self.shared.orders();
        orders.wait = Some(timeout);
        let out = orders.out;
        drop(orders);
        self.shared.changed.notify_one();
        if out {
            self.notify.notify(); // it may still be waiting by an older order
        }
    }
}

impl Drop for WaitingThread {
    fn drop(&mut self) {
        self.shared.orders().ended = true;
        self.shared.changed.notify_one();
        self.notify.notify();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic in `wake` has been told by its hook
        }
    }
}

impl fmt::Debug for WaitingThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitingThread")
            .field("reactor", &self.reactor)
            .field("due", &self.is_due())
            .finish()
    }
}

impl Shared {
    /// Nobody's code runs under this lock.
    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        if !self.told.swap(true, Ordering::SeqCst) {
            (self.wake)();
        }
    }

    /// The thread's life.
    fn serve(&self, mut waiter: Box<dyn Waiter>) {
        while let Some(timeout) = self.next_order() {
            // An error is the turn's to see: it waits by the same poller.
            let _ = waiter.wait(timeout);
            let mut orders = self.orders();
            orders.out = false;
            // Taken back meanwhile: the turn that did so sees what has come.
            let called = orders.wait.take().is_some() && !orders.ended;
            drop(orders);
            if called {
                self.tell();
            }
        }
    }

    /// `None` at the end.
    fn next_order(&self) -> Option<Timeout> {
        let mut orders = self.orders();
        loop {
            match orders.wait {
                _ if orders.ended => return None,
                Some(timeout) => {
                    orders.out = true;
                    return Some(timeout);
                }
                None => {
                    let changed = self.changed.wait(orders);
                    orders = changed.unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}
