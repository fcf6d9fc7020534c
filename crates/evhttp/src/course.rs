//! Where a call is, and how long each of its steps took. Kept for whoever has
//! to name the step; measured only for who listens. Decides nothing.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::time::{Duration, Instant};

use evcore::net::Address;

use crate::body::Body;
use crate::error::Phase;

/// The step a call is in, as the wire last noted.
pub struct Course {
    step: Cell<Phase>,
    /// What is booked next began then; `None` if nobody wants to know.
    since: Cell<Option<Instant>>,
    /// Nothing is on its way: a pause between two attempts, a password dialog.
    paused: Cell<bool>,
    spent: Cell<Timings>,
    /// Answers so far that led to another request, whichever layer asked.
    hops: Cell<u32>,
    /// Noted only if measured.
    link: RefCell<Option<Link>>,
    /// The body of the last request, if the answer came before it was read.
    unread: Cell<Option<Box<Body>>>,
}

/// The connection that carries a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Link {
    /// The other end: the server, or a proxy.
    pub peer: Address,
    /// Its number among the client's connections, from 1.
    pub number: u64,
    /// Whether it had carried a call before.
    pub reused: bool,
}

impl Link {
    pub(crate) fn new(peer: Address, number: u64, reused: bool) -> Link {
        Link {
            peer,
            number,
            reused,
        }
    }
}

/// Payload part of [`DONE`](crate::DONE): where the time of a call went, all its
/// hops and attempts together. What did not happen took no time.
///
/// ```
/// use evcore::run;
///
/// let server = evhttp::serve("127.0.0.1:0", |_| evcore::sleep(evcore::ms(30)).then(|_| "late"))?;
/// let url = format!("http://{}/", server.local_addr());
/// let page = evhttp::fetch(url).on(evhttp::DONE, |done| {
///     println!("waited {:?} for an answer", done.timings.wait);
///     assert!(done.timings.wait >= evcore::ms(30) && done.timings.secure.is_zero());
/// });
/// run(page)?;
/// # Ok::<(), evcore::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timings {
    /// Waiting for a connection, because there are as many as may be.
    pub queue: Duration,
    /// Finding addresses.
    pub resolve: Duration,
    /// Connecting, proxies included.
    pub connect: Duration,
    /// Making TLS sessions.
    pub secure: Duration,
    /// Sending requests.
    pub send: Duration,
    /// Waiting for heads.
    pub wait: Duration,
    /// Receiving bodies.
    pub receive: Duration,
    /// All else: pauses between attempts, password dialogs, our own work.
    pub between: Duration,
}

impl Timings {
    /// All of it.
    pub fn total(&self) -> Duration {
        let steps = [self.queue, self.resolve, self.connect, self.secure];
        let exchange = [self.send, self.wait, self.receive, self.between];
        steps.into_iter().chain(exchange).sum()
    }

    /// What was spent since these `earlier` ones.
    #[cfg(feature = "har")]
    pub(crate) fn since(&self, earlier: &Timings) -> Timings {
        let mut spent = *self;
        for step in Phase::ALL {
            let before = *{ *earlier }.of(step);
            *spent.of(step) -= before;
        }
        spent
    }

    fn of(&mut self, step: Phase) -> &mut Duration {
        match step {
            Phase::Request => &mut self.between,
            Phase::Queue => &mut self.queue,
            Phase::Resolve => &mut self.resolve,
            Phase::Connect => &mut self.connect,
            Phase::Secure => &mut self.secure,
            Phase::Send => &mut self.send,
            Phase::Head => &mut self.wait,
            Phase::Body => &mut self.receive,
        }
    }
}

impl Course {
    pub(crate) fn new() -> Course {
        Course {
            step: Cell::new(Phase::Request),
            since: Cell::new(None),
            paused: Cell::new(false),
            spent: Cell::default(),
            hops: Cell::new(0),
            link: RefCell::default(),
            unread: Cell::default(),
        }
    }

    /// The step.
    pub fn get(&self) -> Phase {
        self.step.get()
    }

    /// Notes that an answer has come and another is asked for; says how many have.
    pub(crate) fn next_hop(&self) -> u32 {
        self.hops.set(self.hops.get() + 1);
        self.hops.get()
    }

    /// Notes that the call is in this step from now on.
    pub fn set(&self, step: Phase) {
        if self.since.get().is_some() {
            self.book();
            self.paused.set(false);
        }
        self.step.set(step);
    }

    /// Gives back a body that was not read: a layer that sends again has use for it.
    pub(crate) fn give_back(&self, body: Body) {
        self.unread.set(Some(Box::new(body)));
    }

    /// The body of the request just answered, if none of it was read.
    pub(crate) fn take_unread(&self) -> Option<Body> {
        self.unread.take().map(|body| *body)
    }

    /// Notes that for now nothing is on its way. Errors go on naming the step.
    pub(crate) fn pause(&self) {
        self.book();
        self.paused.set(true);
    }

    /// Measures from `now` on, unless somebody does so already.
    pub fn measure(&self, now: Instant) {
        if self.since.get().is_none() {
            self.since.set(Some(now));
        }
    }

    /// The connection that carries the call, or has carried its last hop;
    /// `None` before there is one, and if nobody measures.
    pub fn link(&self) -> Option<Link> {
        self.link.borrow().clone()
    }

    /// Notes the connection. Who does not measure does not pay.
    pub(crate) fn note_link(&self, link: impl FnOnce() -> Option<Link>) {
        if self.since.get().is_some() {
            self.link.replace(link());
        }
    }

    /// Where the time went so far, since somebody has begun to
    /// [`measure`](Course::measure).
    pub fn timings(&self) -> Timings {
        self.book();
        self.spent.get()
    }

    fn book(&self) {
        let Some(since) = self.since.get() else {
            return;
        };
        let now = evcore::Reactor::current().now();
        let mut spent = self.spent.get();
        let step = match self.paused.get() {
            true => Phase::Request,
            false => self.step.get(),
        };
        *spent.of(step) += now.saturating_duration_since(since);
        self.spent.set(spent);
        self.since.set(Some(now));
    }
}

impl fmt::Debug for Course {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Course({})", self.get())
    }
}
