//! What waits in a real world, shared with a thread that may wait in the
//! loop's stead. One of the two has it at a time; what the thread collects
//! lies there until the loop's next wait.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use super::{Notify, Waiter};

/// A poller together with the room for its events.
pub(super) trait Polls: Send + 'static {
    /// Waits, and keeps what became ready until the next call.
    fn poll(&mut self, timeout: Option<Duration>) -> io::Result<()>;
}

pub(super) struct Shared<P>(Arc<Mutex<Held<P>>>);

struct Held<P> {
    poller: P,
    /// A wait of the thread's has ended, and the loop has not seen its events.
    kept: bool,
}

impl<P: Polls> Shared<P> {
    pub(super) fn new(poller: P) -> Shared<P> {
        let kept = false;
        Shared(Arc::new(Mutex::new(Held { poller, kept })))
    }

    /// The loop's wait. If the thread is waiting that one is ended, and what
    /// it has collected is taken over.
    pub(super) fn wait<R>(
        &self,
        timeout: Option<Duration>,
        notify: &dyn Notify,
        see: impl FnOnce(&P) -> R,
    ) -> io::Result<R> {
        let mut held = match self.0.try_lock() {
            Ok(held) => held,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                notify.notify();
                lock(&self.0)
            }
        };
        if !std::mem::take(&mut held.kept) {
            held.poller.poll(timeout)?;
        }
        Ok(see(&held.poller))
    }

    pub(super) fn waiter(&self) -> Box<dyn Waiter> {
        Box::new(Shared(Arc::clone(&self.0)))
    }
}

impl<P: Polls> Waiter for Shared<P> {
    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let mut held = lock(&self.0);
        // Edges are told once: polling again would lose them.
        if !held.kept {
            held.poller.poll(timeout)?;
            held.kept = true;
        }
        Ok(())
    }
}

/// Nobody's code runs under this lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
