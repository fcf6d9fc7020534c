//! What is posted: the same for all that have no closures of their own to post.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{JoinHandle, spawn};

pub(crate) type Closure = Box<dyn FnOnce() + Send>;

/// Counts closures that have run.
#[derive(Clone, Default)]
pub(crate) struct Ran(Arc<AtomicU64>);

impl Ran {
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// A thread that makes so many and has each posted.
    pub(crate) fn poster(
        &self,
        ops: u64,
        post: impl Fn(Closure) + Send + 'static,
    ) -> JoinHandle<()> {
        let ran = self.0.clone();
        spawn(move || {
            for _ in 0..ops {
                let ran = ran.clone();
                // Only the loop's thread writes: no locked addition.
                post(Box::new(move || {
                    ran.store(ran.load(Ordering::Relaxed) + 1, Ordering::Relaxed)
                }));
            }
        })
    }
}

/// Waits for the poster, whose panic would be ours.
pub(crate) fn join(poster: JoinHandle<()>) {
    poster.join().expect("the poster only posts");
}
