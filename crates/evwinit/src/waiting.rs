//! The thread that waits for a descriptor in a loop's stead. It waits only
//! when armed, wakes once, and ends with its owner. It sees no promise.

use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use rustix::event::{PollFd, PollFlags, poll};

pub(crate) struct Waiting {
    /// A byte arms the thread, the end ends it.
    orders: UnixStream,
    armed: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Waiting {
    pub(crate) fn start(fd: OwnedFd, wake: impl Fn() + Send + 'static) -> io::Result<Waiting> {
        let (orders, taken) = UnixStream::pair()?;
        let armed = Arc::new(AtomicBool::new(false));
        let seen = armed.clone();
        let named = thread::Builder::new().name("evcore-waiting".into());
        let thread = named.spawn(move || wait(&fd, taken, &seen, wake))?;
        Ok(Waiting {
            orders,
            armed,
            thread: Some(thread),
        })
    }

    /// Has the thread wait, if it does not already.
    pub(crate) fn arm(&self) {
        if !self.armed.swap(true, Ordering::SeqCst) {
            // Fails only if the thread is gone, and then there is none to arm.
            let _ = (&self.orders).write_all(b"w");
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.orders.shutdown(std::net::Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn wait(fd: &OwnedFd, mut orders: UnixStream, armed: &AtomicBool, wake: impl Fn()) {
    while orders.read_exact(&mut [0]).is_ok() {
        let mut watched = [
            PollFd::new(fd, PollFlags::IN),
            PollFd::new(&orders, PollFlags::IN),
        ];
        while poll(&mut watched, None) == Err(rustix::io::Errno::INTR) {}
        armed.store(false, Ordering::SeqCst);
        // Also after the end of the orders: the owner is not listening any more.
        wake();
    }
}
