//! The reference model: simple promises as plain tables, written from the
//! rules (their numbers stand beside the lines) and from nothing else. A
//! promise, an await, a coroutine is an index; who holds what is counted or
//! searched for, never linked. Slow, short, and easy to check by eye.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use crate::play::{Tables, Ty};
use crate::program::{Attach, Awaiting, Ev, Join, Script};

mod calls;
mod coroutines;
mod derived;
mod events;
mod turn;

use events::closures;

pub(crate) type Id = usize;
type Text = String;

/// Error texts the rules name.
const CANCELLED: &str = "Cancelled";
const CLOSED: &str = "Closed";

pub(crate) struct Closure {
    name: u32,
    script: Rc<Script>,
    carried: RefCell<Option<Id>>,
    /// Called, and not to be called again: its destructor does not panic.
    spent: Cell<bool>,
}

#[derive(Clone, Debug)]
enum Outcome {
    Value(Text),
    /// An error, and the duty to look at it (P11) if there is one.
    Failed(Text, Option<Id>),
}

#[derive(Clone, Copy, PartialEq)]
enum Waiter {
    Promise(Id),
    Part(Id, usize),
    Await(Id),
}

/// What a promise does when what it waits for has settled.
enum Body {
    /// Settled by somebody from outside: a resolver, a timer, a coroutine.
    Root,
    Attached(Attach, Vec<Rc<Closure>>),
    Fork,
    Limited(u64),
    Join(Join, Vec<Part>),
    Ticking {
        began: u64,
        period: u64,
    },
    Coroutine(Id),
}

struct Part {
    source: Id,
    fired: bool,
}

struct Promise {
    reactor: usize,
    ty: Ty,
    outcome: Option<Outcome>,
    body: Body,
    /// The promise this one was derived from, until that has had its effect.
    source: Option<Id>,
    /// The promise whose outcome this one will take.
    follows: Option<Id>,
    waiters: Vec<Waiter>,
    handles: usize,
    taken_back: bool,
    cancelled: bool,
    /// An error it may have one day is looked at already.
    looked: bool,
    /// Stepped out of a chain of followers (P30): nobody knows it any more.
    gone: bool,
    /// Events or hooks were ever asked for.
    rare: bool,
    listeners: Vec<Listener>,
    /// Last payload of a `latest` event; whether its emission is queued.
    latest: Option<(i64, bool)>,
    hooks: Vec<Rc<Closure>>,
}

struct Listener {
    event: Ev,
    id: u64,
    since: u64,
    until: Option<u64>,
    /// The promise `on` was called on.
    owner: Id,
    act: Act,
}

#[derive(Clone)]
enum Act {
    Call(Rc<Closure>),
    Forward(Id),
}

struct Emission {
    operation: Id,
    event: Ev,
    number: u64,
    payload: Option<i64>,
    heard: u64,
    newcomer: Option<u64>,
}

enum Entry {
    Waiters(VecDeque<Waiter>),
    Event(Emission),
    Silence(Id),
    Poll(Id),
    Call(Rc<Closure>),
    Expire(Id),
}

enum Stopped {
    Hook(Rc<Closure>),
    Coroutine(Id),
}

enum Grave {
    Closure(Rc<Closure>),
    Coroutine(Id),
}

struct Timer {
    deadline: u64,
    number: u64,
    promise: Id,
}

#[derive(Clone, Copy, PartialEq)]
enum Ear {
    Waiting,
    Fired,
    Gone,
}

struct Await {
    promise: Id,
    coroutine: Option<Id>,
    ear: Ear,
}

struct Coroutine {
    promise: Id,
    /// `None` once it is over or dropped, and for the main one of `run`.
    closure: Option<Rc<Closure>>,
    steps: VecDeque<Awaiting>,
    awaiting: Option<(Id, bool)>,
    queued: bool,
    running: bool,
    /// What `run` is waiting for has come.
    answer: Option<Text>,
}

#[derive(Default)]
struct Reactor {
    handles: usize,
    closed: bool,
    depth: usize,
    queue: VecDeque<Entry>,
    stopped: VecDeque<Stopped>,
    graves: VecDeque<Grave>,
    burying: bool,
    timers: Vec<Timer>,
    reports: Vec<Text>,
}

struct Duty {
    reactor: usize,
    error: Text,
    looked: bool,
}

pub(crate) struct Model {
    pub(crate) tables: Tables<Model>,
    pub(crate) now: u64,
    numbers: u64,
    reactors: Vec<Reactor>,
    /// Whether the program still holds its handle of a reactor.
    pub(crate) open: Vec<bool>,
    promises: Vec<Promise>,
    awaits: Vec<Await>,
    coroutines: Vec<Coroutine>,
    duties: Vec<Duty>,
    entered: Vec<usize>,
    /// Where the top level is.
    pub(crate) top: usize,
    /// Promises held by what is being called just now.
    held: Vec<Id>,
    /// The error because of which a closure is being dropped (P9).
    because: Option<Text>,
    orphans: Vec<Id>,
    /// Promises being cancelled that still hold on to their sources.
    leaving: Vec<Id>,
}

impl Model {
    pub(crate) fn new(tie: bool, reactors: usize) -> Model {
        let reactor = || Reactor {
            handles: 1,
            ..Reactor::default()
        };
        Model {
            tables: Tables::new(tie),
            now: 0,
            numbers: 0,
            reactors: (0..reactors).map(|_| reactor()).collect(),
            open: vec![true; reactors],
            promises: vec![],
            awaits: vec![],
            coroutines: vec![],
            duties: vec![],
            entered: vec![],
            top: 0,
            held: vec![],
            because: None,
            orphans: vec![],
            leaving: vec![],
        }
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(crate) fn current(&self) -> usize {
        // The last reactor is the bottom, where things land when no other is.
        *self.entered.last().unwrap_or(&(self.reactors.len() - 1))
    }

    /// A new promise with one handle; a closed reactor's is `Closed` (P29).
    fn promise(&mut self, reactor: usize, ty: Ty, body: Body) -> Id {
        let closed = self.reactors[reactor].closed;
        self.promises.push(Promise {
            reactor,
            ty,
            outcome: closed.then(|| Outcome::Failed(CLOSED.into(), None)),
            body,
            source: None,
            follows: None,
            waiters: vec![],
            handles: 1,
            taken_back: false,
            cancelled: false,
            looked: false,
            gone: false,
            rare: false,
            listeners: vec![],
            latest: None,
            hooks: vec![],
        });
        self.promises.len() - 1
    }

    fn is_settled(&self, p: Id) -> bool {
        self.promises[p].outcome.is_some()
    }

    fn is_live(&self, waiter: Waiter) -> bool {
        match waiter {
            Waiter::Promise(p) => !self.is_settled(p),
            Waiter::Part(join, at) => match &self.promises[join].body {
                Body::Join(_, parts) => !self.is_settled(join) && !parts[at].fired,
                _ => unreachable!("only joins have parts"),
            },
            Waiter::Await(a) => self.awaits[a].ear != Ear::Gone,
        }
    }

    fn live_waiters(&self, p: Id) -> usize {
        let waiters = self.promises[p].waiters.iter();
        waiters.filter(|&&waiter| self.is_interest(waiter)).count()
    }

    /// A promise being cancelled has not let go of its sources yet while its
    /// listeners are dropped.
    fn is_interest(&self, waiter: Waiter) -> bool {
        let leaves = match waiter {
            Waiter::Promise(p) => self.leaving.contains(&p),
            Waiter::Part(join, at) => match &self.promises[join].body {
                Body::Join(_, parts) => self.leaving.contains(&join) && !parts[at].fired,
                _ => unreachable!("only joins have parts"),
            },
            Waiter::Await(_) => false,
        };
        leaves || self.is_live(waiter)
    }

    /// P14: cancelled when interest was taken back and none is left.
    fn is_forsaken(&self, p: Id) -> bool {
        let promise = &self.promises[p];
        promise.taken_back && promise.handles == 0 && self.live_waiters(p) == 0
    }

    fn take_back(&mut self, p: Id) -> bool {
        self.promises[p].taken_back = true;
        self.is_forsaken(p) && !self.is_settled(p)
    }

    pub(crate) fn add_handle(&mut self, p: Id) {
        self.promises[p].handles += 1;
    }

    pub(crate) fn drop_handle(&mut self, p: Id) {
        self.promises[p].handles -= 1;
        if self.is_forsaken(p) && !self.is_settled(p) {
            self.cancel(p);
        }
    }

    fn enqueue(&mut self, reactor: usize, entry: Entry) {
        if !self.reactors[reactor].closed {
            self.reactors[reactor].queue.push_back(entry);
        }
    }

    fn wait_for(&mut self, source: Id, waiter: Waiter) {
        if self.is_settled(source) {
            // P4: appended, never called at once.
            let reactor = self.promises[source].reactor;
            match self.reactors[reactor].closed {
                // No turn will come: only a promise of another reactor waits.
                true => self.fire(waiter),
                false => self.enqueue(reactor, Entry::Waiters(VecDeque::from([waiter]))),
            }
        } else {
            self.promises[source].waiters.push(waiter);
        }
    }

    fn duty(&mut self, reactor: usize, error: Text) -> Outcome {
        if error == CANCELLED {
            return Outcome::Failed(error, None);
        }
        self.duties.push(Duty {
            reactor,
            error: error.clone(),
            looked: false,
        });
        Outcome::Failed(error, Some(self.duties.len() - 1))
    }

    fn look(&mut self, p: Id) {
        if let Some(Outcome::Failed(_, Some(duty))) = self.promises[p].outcome {
            self.duties[duty].looked = true;
        }
    }

    /// P1, P5: settled once; those who wait are queued as one entry.
    fn settle(&mut self, p: Id, outcome: Outcome) {
        if let Outcome::Failed(error, Some(duty)) = &outcome {
            // P13: what comes after cancelling does nothing, unless it is a
            // panic, which has to be told.
            let late = self.is_settled(p) && !error.starts_with("Panicked");
            self.duties[*duty].looked |= late || self.promises[p].looked;
        }
        if self.is_settled(p) {
            return;
        }
        let hooks = self.end(p, outcome);
        self.bury_each(self.promises[p].reactor, hooks);
    }

    /// What settling and cancelling have in common; hands out the hooks.
    fn end(&mut self, p: Id, outcome: Outcome) -> Vec<Rc<Closure>> {
        let promise = &mut self.promises[p];
        promise.outcome = Some(outcome);
        let (reactor, rare) = (promise.reactor, promise.rare);
        let waiters = std::mem::take(&mut promise.waiters);
        let hooks = std::mem::take(&mut promise.hooks);
        self.reactors[reactor]
            .timers
            .retain(|timer| timer.promise != p);
        if rare {
            self.enqueue(reactor, Entry::Silence(p));
        }
        if !waiters.is_empty() {
            self.enqueue(reactor, Entry::Waiters(waiters.into()));
        }
        hooks
    }

    /// P13, P14: this promise, then all upstream that nobody wants any more.
    pub(crate) fn cancel(&mut self, first: Id) {
        let mut next = vec![first];
        while let Some(p) = next.pop() {
            if self.is_settled(p) || self.promises[p].gone {
                continue;
            }
            let reactor = self.promises[p].reactor;
            self.promises[p].cancelled = true;
            self.leaving.push(p);
            let operation = self.operation(p);
            let hooks = self.end(p, Outcome::Failed(CANCELLED.into(), None));
            if self.reactors[reactor].closed {
                self.bury_each(reactor, hooks);
            } else {
                let hooks = hooks.into_iter().map(Stopped::Hook);
                self.reactors[reactor].stopped.extend(hooks);
            }
            self.promises[p].latest = None;
            let listeners = std::mem::take(&mut self.promises[p].listeners);
            self.bury_each(reactor, closures(listeners));
            if operation != p {
                let heard = std::mem::take(&mut self.promises[operation].listeners);
                let (ours, others) = heard.into_iter().partition(|listener| listener.owner == p);
                self.promises[operation].listeners = others;
                self.bury_each(reactor, closures(ours));
            }
            let upstream = self.detach(p);
            self.leaving.retain(|&other| other != p);
            for &source in upstream.iter().rev() {
                if self.take_back(source) {
                    next.push(source);
                }
            }
        }
    }

    /// Drops what `p` was going to do; the promises it was interested in.
    fn detach(&mut self, p: Id) -> Vec<Id> {
        let reactor = self.promises[p].reactor;
        match &mut self.promises[p].body {
            Body::Attached(_, closures) => {
                let closures = std::mem::take(closures);
                self.bury_each(reactor, closures);
            }
            Body::Join(_, parts) => {
                let open = parts.iter_mut().filter(|part| !part.fired);
                return open.map(|part| part.source).collect();
            }
            &mut Body::Coroutine(c) if !self.coroutines[c].running => {
                self.reactors[reactor]
                    .stopped
                    .push_back(Stopped::Coroutine(c));
            }
            _ => {}
        }
        let promise = &mut self.promises[p];
        promise
            .source
            .take()
            .into_iter()
            .chain(promise.follows.take())
            .collect()
    }
}

impl Model {
    pub(crate) fn ty(&self, p: Id) -> Ty {
        self.promises[p].ty
    }

    pub(crate) fn home(&self, p: Id) -> usize {
        self.promises[p].reactor
    }

    pub(crate) fn peek(&mut self, p: Id) -> String {
        match self.promises[p].outcome.clone() {
            None => "pending".into(),
            Some(Outcome::Value(value)) => value,
            Some(Outcome::Failed(error, _)) => {
                self.look(p);
                format!("!{error}")
            }
        }
    }

    pub(crate) fn resolve(&mut self, p: Id, n: i64) {
        self.settle(p, Outcome::Value(Ty::Item.show(n)));
    }

    pub(crate) fn reject(&mut self, p: Id, n: i64) {
        let error = self.duty(self.promises[p].reactor, format!("e{n}"));
        self.settle(p, error);
    }

    pub(crate) fn is_pending(&self, p: Id) -> bool {
        !self.is_settled(p)
    }
}
