//! Work that blocks, done on helper threads, and its result as a promise.
//!
//! The threads belong to one reactor: at most [`BLOCKING_THREADS`], started
//! on first use, gone when idle. Nobody ever joins them, so neither a
//! reactor's end nor the process's waits for work under way. No promise and
//! no reactor is touched on a helper's side but through a waker.

use std::cell::OnceCell;
use std::collections::VecDeque;
use std::io;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

use crate::limits::{BLOCKING_IDLE, BLOCKING_THREADS};
use crate::turn;
use crate::{Error, Promise, Reactor, Remote, Result};

/// Has `work` done on a helper thread and promises its result.
///
/// Work begins in the order in which it was asked for. Cancelling takes back
/// what has not begun; what has begun goes on, and its result is dropped.
/// A panic rejects with [`Kind::Panicked`](crate::Kind::Panicked). Work under
/// way does not keep the process from ending.
///
/// ```
/// let text = evcore::blocking(|| std::fs::read_to_string("/no/such/file"));
/// let failed = text.then(|outcome| outcome.is_err());
/// assert!(evcore::run(failed)?);
/// # Ok::<(), evcore::Error>(())
/// ```
#[track_caller]
pub fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Promise<T> {
    let reactor = Reactor::current();
    let job = Arc::new(Job {
        place: Location::caller(),
        progress: Mutex::new(Progress {
            stage: Stage::Queued(Box::new(work), reactor.remote()),
            waker: None,
        }),
    });
    let waiting = Waiting { job: job.clone() };
    // A closed reactor's promise says so; its helpers are made for nothing.
    let hired = reactor.local(Helpers::default).hire(job);
    crate::spawn(async move {
        hired.map_err(|error| Error::from(error).during("start a helper thread"))?;
        waiting.await
    })
}

/// One piece of work on its way to a helper and back.
struct Job<T> {
    place: &'static Location<'static>,
    progress: Mutex<Progress<T>>,
}

struct Progress<T> {
    stage: Stage<T>,
    waker: Option<Waker>,
}

/// The `Remote` goes along: while it exists the reactor is not idle, and a
/// clock that leaps stands still.
enum Stage<T> {
    Queued(Box<dyn FnOnce() -> T + Send>, Remote),
    Running,
    Done(Result<T>, Remote),
    /// Handed over, or nobody wants it any more.
    Gone,
}

/// What a helper sees of a job.
trait Work: Send + Sync {
    fn run(&self);
}

impl<T> Job<T> {
    fn lock(&self) -> MutexGuard<'_, Progress<T>> {
        // No code of others runs under the lock, so it is never poisoned.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) -> Option<(Box<dyn FnOnce() -> T + Send>, Remote)> {
        let stage = &mut self.lock().stage;
        match mem::replace(stage, Stage::Running) {
            Stage::Queued(work, remote) => Some((work, remote)),
            other => {
                *stage = other;
                None
            }
        }
    }
}

impl<T: Send> Work for Job<T> {
    fn run(&self) {
        let Some((work, remote)) = self.begin() else {
            return;
        };
        let outcome = turn::catch(Some(self.place), work);
        let mut progress = self.lock();
        if let Stage::Gone = progress.stage {
            drop(progress);
            return drop(outcome);
        }
        progress.stage = Stage::Done(outcome, remote);
        let waker = progress.waker.take();
        drop(progress);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// The loop's side of a job. Dropping it is how the job learns that nobody
/// wants it.
struct Waiting<T> {
    job: Arc<Job<T>>,
}

impl<T> Future for Waiting<T> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        let mut progress = self.job.lock();
        match mem::replace(&mut progress.stage, Stage::Gone) {
            Stage::Done(outcome, remote) => {
                drop(remote);
                Poll::Ready(outcome)
            }
            other => {
                progress.stage = other;
                progress.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl<T> Drop for Waiting<T> {
    fn drop(&mut self) {
        let mut progress = self.job.lock();
        let stage = mem::replace(&mut progress.stage, Stage::Gone);
        let waker = progress.waker.take();
        drop(progress);
        drop((stage, waker));
    }
}

/// A reactor's helper threads.
#[derive(Default)]
pub(crate) struct Helpers(OnceCell<Arc<Shop>>);

/// Where a reactor's jobs lie and its helpers wait.
#[derive(Default)]
struct Shop {
    desk: Mutex<Desk>,
    /// Rung for each job that an idle helper is to take, and at closing time.
    bell: Condvar,
}

#[derive(Default)]
struct Desk {
    jobs: VecDeque<Arc<dyn Work>>,
    helpers: usize,
    idle: usize,
    closed: bool,
}

impl Helpers {
    fn hire(&self, job: Arc<dyn Work>) -> io::Result<()> {
        let shop = self.0.get_or_init(Arc::default);
        let mut desk = shop.lock();
        desk.jobs.push_back(job);
        if desk.jobs.len() <= desk.idle {
            shop.bell.notify_one();
        } else if desk.helpers < BLOCKING_THREADS {
            let name = "evcore-blocking".to_owned();
            let helper = shop.clone();
            let started = thread::Builder::new()
                .name(name)
                .spawn(move || helper.serve());
            match started {
                Ok(_) => desk.helpers += 1,
                Err(error) if desk.helpers == 0 => {
                    desk.jobs.pop_back();
                    return Err(error);
                }
                Err(_) => {} // those who are there will come to it
            }
        }
        Ok(())
    }
}

impl Drop for Helpers {
    fn drop(&mut self) {
        let Some(shop) = self.0.get() else { return };
        let mut desk = shop.lock();
        desk.closed = true;
        let jobs = mem::take(&mut desk.jobs);
        drop(desk);
        shop.bell.notify_all();
        drop(jobs);
    }
}

impl Shop {
    fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The life of a helper thread.
    fn serve(&self) {
        while let Some(job) = self.next() {
            // Dropping the job may drop what it holds, which may panic too.
            _ = turn::catch(None, move || job.run());
        }
    }

    /// The next job; `None` to go home.
    fn next(&self) -> Option<Arc<dyn Work>> {
        let mut desk = self.lock();
        loop {
            if let Some(job) = desk.jobs.pop_front() {
                return Some(job);
            }
            if desk.closed {
                desk.helpers -= 1;
                return None;
            }
            desk.idle += 1;
            let woken = self.bell.wait_timeout(desk, BLOCKING_IDLE);
            let (reopened, waited) = woken.unwrap_or_else(PoisonError::into_inner);
            desk = reopened;
            desk.idle -= 1;
            if waited.timed_out() && desk.jobs.is_empty() {
                desk.helpers -= 1;
                return None;
            }
        }
    }
}
