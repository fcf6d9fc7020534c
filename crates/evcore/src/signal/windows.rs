//! Ctrl-C on Windows: the system calls a function on a thread of its own,
//! once installed for the whole process; it wakes all who wait.

use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use crate::{Error, Promise, Reactor};

/// Who waits for Ctrl-C, in all reactors of the process.
static WAITING: Mutex<Vec<Weak<Bell>>> = Mutex::new(Vec::new());

/// Whether the system's function is installed, or why not.
static INSTALLED: OnceLock<Result<(), String>> = OnceLock::new();

#[derive(Default)]
struct Bell(Mutex<Ring>);

#[derive(Default)]
struct Ring {
    rung: bool,
    waker: Option<Waker>,
}

impl Bell {
    fn ring(&self) {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ring.rung = true;
        let waker = ring.waker.take();
        drop(ring);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll_rung(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ring.rung {
            return Poll::Ready(());
        }
        ring.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

#[track_caller]
pub(super) fn ctrl_c() -> Promise<()> {
    let listening = start();
    // Ctrl-C can come as long as somebody waits: the reactor is not idle.
    let remote = Reactor::current().remote();
    crate::spawn(async move {
        let bell = listening.map_err(|error| Error::from(error).during("listen for Ctrl-C"))?;
        poll_fn(|cx| bell.poll_rung(cx)).await;
        drop(remote);
        Ok(())
    })
}

fn start() -> io::Result<Arc<Bell>> {
    let installed =
        INSTALLED.get_or_init(|| ctrlc::set_handler(ring_all).map_err(|error| error.to_string()));
    installed.clone().map_err(io::Error::other)?;
    let bell = Arc::<Bell>::default();
    let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
    waiting.retain(|bell| bell.strong_count() > 0);
    waiting.push(Arc::downgrade(&bell));
    Ok(bell)
}

fn ring_all() {
    let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
    let bells = std::mem::take(&mut *waiting);
    drop(waiting);
    bells
        .iter()
        .filter_map(Weak::upgrade)
        .for_each(|bell| bell.ring());
}
