//! Time as promises: sleeping, intervals, time limits, and what runs later in
//! the same thread. The queue of timers itself is `timer.rs`.

use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::current;
use crate::error::{Error, Kind};
use crate::event::Event;
use crate::promise::Promise;
use crate::promise::listen;
use crate::promise::state::{
    self, AnyNode, Body, Node, Outcome, Place, PromiseNode, Waiter, pass_on,
};
use crate::promise::unhandled::Failure;
use crate::reactor::Core;
use crate::token::Token;
use crate::turn::{self, Entry, Expire};

/// What a timer does when it is due.
pub(crate) enum Alarm {
    Sleep(Rc<Node<(), Sleeping>>),
    Tick(Rc<Node<(), Ticking>>),
    Expire(Rc<dyn Expire>),
}

impl Alarm {
    /// Called while collecting: settles, emits and queues, no more.
    pub(crate) fn ring(self, core: &Rc<Core>, now: Instant) {
        match self {
            Alarm::Sleep(node) => {
                node.settle(Outcome::Value(()));
                turn::release(node);
            }
            Alarm::Tick(node) => tick(core, node, now),
            Alarm::Expire(promise) => core.queue.push(Entry::Expire(promise)),
        }
    }

    pub(crate) fn stop(self) {
        match self {
            Alarm::Sleep(node) => state::cancel(node),
            Alarm::Tick(node) => state::cancel(node),
            Alarm::Expire(promise) => state::cancel(promise),
        }
    }
}

/// A promise's timer, cancelled with the promise.
#[derive(Default)]
pub(crate) struct Timer(Cell<Option<Token>>);

impl Timer {
    fn cancel(&self, core: &Rc<Core>) {
        if let Some(alarm) = self.0.take().and_then(|token| core.cancel_timer(token)) {
            match alarm {
                Alarm::Sleep(node) => turn::release(node),
                Alarm::Tick(node) => turn::release(node),
                Alarm::Expire(promise) => turn::release_any(promise),
            }
        }
    }
}

/// Settles after `duration` has passed: never early, and never in the turn
/// in which it was made.
///
/// ```
/// use std::time::Duration;
///
/// let nap = evcore::sleep(Duration::from_millis(1)).then(|_| "rested");
/// assert_eq!(evcore::run(nap)?, "rested");
/// # Ok::<(), evcore::Error>(())
/// ```
#[track_caller]
pub fn sleep(duration: Duration) -> Promise<()> {
    let core = current::core();
    let now = core.world.now();
    // A deadline beyond what the clock can count is one never reached.
    let deadline = now.checked_add(duration).unwrap_or(now + FAR);
    sleep_on(core, Location::caller(), deadline)
}

/// About thirty years: beyond it a timer might as well never fire.
const FAR: Duration = Duration::from_secs(86_400 * 365 * 30);

/// As [`sleep`], until a point of the reactor's clock
/// ([`Reactor::now`](crate::Reactor::now)).
///
/// ```
/// let reactor = evcore::Reactor::current();
/// evcore::run(evcore::sleep_until(reactor.now() + evcore::ms(1)))?;
/// # Ok::<(), evcore::Error>(())
/// ```
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Promise<()> {
    sleep_on(current::core(), Location::caller(), deadline)
}

fn sleep_on(core: Rc<Core>, place: Place, deadline: Instant) -> Promise<()> {
    let node = Node::new(core, place, Sleeping(Timer::default()));
    let core = &node.base.core;
    if core.is_closed() {
        node.settle(Outcome::Failed(Failure::quiet(core.closed())));
    } else {
        let token = core.add_timer(deadline, Alarm::Sleep(node.clone()));
        node.body.0.0.set(Some(token));
    }
    Promise::new(node)
}

/// The body of `sleep`'s promise.
pub(crate) struct Sleeping(Timer);

impl Body for Sleeping {
    fn detach(&self, _: &Rc<Core>, _: &mut dyn FnMut(Rc<dyn AnyNode>)) {}

    fn retire(&self, core: &Rc<Core>) {
        self.0.cancel(core);
    }
}

/// What [`interval`] emits: how many periods have passed since it began.
///
/// A tick that comes late because the thread was busy stands for all those it
/// has missed; the next one is on time again.
pub const TICK: Event<u64> = Event::new("evcore.tick");

/// Emits [`TICK`] once every `period`, without drift, until it is cancelled.
/// Its promise never resolves. A period of zero ticks once a turn.
///
/// ```
/// use evcore::{Promise, TICK};
/// use std::time::Duration;
///
/// let (third, resolver) = Promise::pending();
/// let resolver = std::cell::Cell::new(Some(resolver));
/// let ticks = evcore::interval(Duration::from_millis(1)).on(TICK, move |&n| {
///     if n >= 3 {
///         resolver.take().map(|resolver| resolver.resolve(n));
///     }
/// });
/// assert!(evcore::run(third)? >= 3);
/// ticks.cancel();
/// # Ok::<(), evcore::Error>(())
/// ```
#[track_caller]
pub fn interval(period: Duration) -> Promise<()> {
    let core = current::core();
    let began = core.world.now();
    let body = Ticking {
        began,
        period,
        timer: Timer::default(),
    };
    let node = Node::new(core, Location::caller(), body);
    let core = &node.base.core;
    if core.is_closed() {
        node.settle(Outcome::Failed(Failure::quiet(core.closed())));
    } else {
        arm(
            core,
            &node,
            began.checked_add(period).unwrap_or(began + FAR),
        );
    }
    Promise::new(node)
}

/// The body of `interval`'s promise.
pub(crate) struct Ticking {
    began: Instant,
    period: Duration,
    timer: Timer,
}

fn arm(core: &Rc<Core>, node: &Rc<Node<(), Ticking>>, deadline: Instant) {
    let token = core.add_timer(deadline, Alarm::Tick(node.clone()));
    node.body.timer.0.set(Some(token));
}

fn tick(core: &Rc<Core>, node: Rc<Node<(), Ticking>>, now: Instant) {
    let Ticking { began, period, .. } = node.body;
    let nanos = period.as_nanos().max(1);
    let count = now.saturating_duration_since(began).as_nanos() / nanos;
    let next = (count + 1).saturating_mul(period.as_nanos());
    let next = Duration::from_nanos(u64::try_from(next).unwrap_or(u64::MAX));
    arm(core, &node, began + next.min(FAR));
    listen::emit(&node, TICK, u64::try_from(count).unwrap_or(u64::MAX));
    turn::release(node);
}

impl Body for Ticking {
    fn detach(&self, _: &Rc<Core>, _: &mut dyn FnMut(Rc<dyn AnyNode>)) {}

    fn retire(&self, core: &Rc<Core>) {
        self.timer.cancel(core);
    }
}

/// Has `f` called from the turn, after what is queued already. A panic in it
/// is reported.
///
/// ```
/// use std::cell::Cell;
/// use std::rc::Rc;
///
/// let called = Rc::new(Cell::new(false));
/// let note = called.clone();
/// evcore::defer(move || note.set(true));
/// assert!(!called.get()); // not inside the call
/// evcore::Reactor::current().turn(std::time::Duration::ZERO);
/// assert!(called.get());
/// ```
#[track_caller]
pub fn defer(f: impl FnOnce() + 'static) {
    current::core().enqueue(Entry::Call(Box::new(f), Some(Location::caller())));
}

/// The body of `timeout`'s promise: the same operation as its source, until
/// the time is up.
pub(crate) struct Limited<T: 'static> {
    source: Cell<Option<Rc<dyn PromiseNode<T>>>>,
    limit: Duration,
    timer: Timer,
    ear: Rc<Ear<T>>,
}

type LimitedNode<T> = Rc<Node<T, Limited<T>>>;

/// What waits in the source's list for the promise with the limit. It lets
/// go when the time is up: a dead node there would keep the error from being
/// reported (rule P11).
struct Ear<T: 'static> {
    limited: Cell<Option<LimitedNode<T>>>,
    place: Place,
}

pub(crate) fn limit<T: 'static>(source: &Promise<T>, place: Place, limit: Duration) -> Promise<T> {
    let node = source.node();
    let core = node.base().core.clone();
    let limited = Cell::new(None);
    let ear = Rc::new(Ear { limited, place });
    let body = Limited {
        source: Cell::new(Some(node.clone())),
        limit,
        timer: Timer::default(),
        ear: ear.clone(),
    };
    let limited = Node::new(core, place, body);
    ear.limited.set(Some(limited.clone()));
    let core = &limited.base.core;
    let now = core.world.now();
    if !core.is_closed() {
        let deadline = now.checked_add(limit).unwrap_or(now + FAR);
        let alarm = Alarm::Expire(limited.clone());
        limited
            .body
            .timer
            .0
            .set(Some(core.add_timer(deadline, alarm)));
    }
    limited.begin(node, ear);
    Promise::new(limited)
}

impl<T: 'static> Body for Limited<T> {
    fn detach(&self, _: &Rc<Core>, upstream: &mut dyn FnMut(Rc<dyn AnyNode>)) {
        if let Some(source) = self.source.take() {
            upstream(source);
        }
    }

    fn operation(&self) -> Option<Rc<dyn AnyNode>> {
        let source = self.source.take()?;
        self.source.set(Some(source.clone()));
        Some(source)
    }

    fn retire(&self, core: &Rc<Core>) {
        self.timer.cancel(core);
        if let Some(limited) = self.ear.limited.take() {
            turn::release(limited);
        }
    }
}

impl<T: 'static> Waiter for Ear<T> {
    fn fire(self: Rc<Self>) -> bool {
        let Some(limited) = self.limited.take() else {
            return false;
        };
        if let Some(source) = limited.body.source.take() {
            limited.settle(pass_on(&source));
            turn::release_node(source);
        }
        turn::release(limited);
        true
    }

    fn is_live(&self) -> bool {
        let limited = self.limited.take();
        let live = limited.is_some();
        self.limited.set(limited);
        live
    }

    fn abandon(self: Rc<Self>) {
        if let Some(limited) = self.limited.take() {
            state::cancel(limited);
        }
    }

    fn place(&self) -> Option<Place> {
        Some(self.place)
    }
}

impl<T: 'static> Expire for Node<T, Limited<T>> {
    fn expire(self: Rc<Self>) -> bool {
        if self.is_settled() {
            turn::release(self);
            return false;
        }
        let text = format!("timed out after {:?}", self.body.limit);
        let failure = Failure::new(&self.base.core, Error::of(Kind::TimedOut, text));
        let source = self.body.source.take();
        self.settle(Outcome::Failed(failure));
        if let Some(source) = source {
            let (this, source): (Rc<dyn AnyNode>, Rc<dyn AnyNode>) = (self, source);
            listen::leave(&this, &source);
            match source.base().take_back(true) {
                true => state::cancel(source),
                false => turn::release_any(source),
            }
            turn::release_any(this);
        } else {
            turn::release(self);
        }
        true
    }
}
