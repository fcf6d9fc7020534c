//! The reference model: simple promises as plain tables, written from the
//! rules (their numbers stand beside the lines) and from nothing else. A
//! promise, an await, a coroutine is an index; who holds what is counted or
//! searched for, never linked. Slow, short, and easy to check by eye.

use std::cell::{Cell, RefCell};
use std::collections::{HashSet, VecDeque};
use std::rc::Rc;

use crate::play::Ty;
use crate::play::{self, Tables, Verdict};
use crate::program::{Attach, Awaiting, Ev, Join, LATEST, Last, Script, TICK};

/// Callbacks, listener calls, hops and polls in one turn (P23).
const BUDGET: usize = evcore::limits::BUDGET;

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
    Closures(Vec<Rc<Closure>>),
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
}

// ---- Promises and interest ------------------------------------------------

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
        waiters.filter(|&&waiter| self.is_live(waiter)).count()
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

    // ---- Settling ----

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
        self.bury(self.promises[p].reactor, Grave::Closures(hooks));
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
            let operation = self.operation(p);
            let hooks = self.end(p, Outcome::Failed(CANCELLED.into(), None));
            if self.reactors[reactor].closed {
                self.bury(reactor, Grave::Closures(hooks));
            } else {
                let hooks = hooks.into_iter().map(Stopped::Hook);
                self.reactors[reactor].stopped.extend(hooks);
            }
            self.promises[p].latest = None;
            let listeners = std::mem::take(&mut self.promises[p].listeners);
            self.bury(reactor, Grave::Closures(closures(listeners)));
            if operation != p {
                let heard = std::mem::take(&mut self.promises[operation].listeners);
                let (ours, others) = heard.into_iter().partition(|listener| listener.owner == p);
                self.promises[operation].listeners = others;
                self.bury(reactor, Grave::Closures(closures(ours)));
            }
            let upstream = self.detach(p);
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
                self.bury(reactor, Grave::Closures(closures));
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

    // ---- Deriving ----

    pub(crate) fn attach(&mut self, kind: Attach, source: Id, closures: Vec<Rc<Closure>>) -> Id {
        let ty = match kind {
            Attach::Catch | Attach::OrElse => self.promises[source].ty,
            _ => Ty::Item,
        };
        self.derive(source, ty, Body::Attached(kind, closures))
    }

    pub(crate) fn fork(&mut self, source: Id) -> Id {
        self.derive(source, self.promises[source].ty, Body::Fork)
    }

    pub(crate) fn timeout(&mut self, source: Id, ms: u64) -> Id {
        let reactor = self.promises[source].reactor;
        let limited = self.derive(source, self.promises[source].ty, Body::Limited(ms));
        self.arm(reactor, limited, self.now + ms);
        self.drop_handle(source);
        limited
    }

    fn derive(&mut self, source: Id, ty: Ty, body: Body) -> Id {
        let reactor = self.promises[source].reactor;
        let p = self.promise(reactor, ty, body);
        if self.is_settled(p) {
            if let Body::Attached(_, closures) = &mut self.promises[p].body {
                let closures = std::mem::take(closures);
                self.bury(reactor, Grave::Closures(closures));
            }
        } else {
            self.promises[p].source = Some(source);
            self.wait_for(source, Waiter::Promise(p));
        }
        p
    }

    pub(crate) fn join(&mut self, kind: Join, parts: Vec<Id>) -> Id {
        let here = self.current();
        let ty = match kind {
            Join::All => Ty::Many,
            Join::AllSettled => Ty::Outcomes,
            Join::Any | Join::Race => Ty::Item,
        };
        match (kind, parts.is_empty()) {
            (Join::All | Join::AllSettled, true) => return self.settled(ty, Ok("[]".into())),
            (Join::Any, true) => return self.settled(ty, Err("any of no promises".into())),
            (Join::Race, true) => return self.settled(ty, Err("a race of no promises".into())),
            _ => {}
        }
        let part = |&source| Part {
            source,
            fired: false,
        };
        let join = self.promise(here, ty, Body::Join(kind, parts.iter().map(part).collect()));
        for (at, &source) in parts.iter().enumerate() {
            self.wait_for(source, Waiter::Part(join, at));
        }
        parts
            .into_iter()
            .for_each(|source| self.drop_handle(source));
        join
    }

    pub(crate) fn settled(&mut self, ty: Ty, outcome: Result<Text, Text>) -> Id {
        let here = self.current();
        let p = self.promise(here, ty, Body::Root);
        let outcome = match outcome {
            Ok(value) => Outcome::Value(value),
            Err(error) => self.duty(here, error),
        };
        self.settle(p, outcome);
        p
    }

    pub(crate) fn pending(&mut self, ty: Ty) -> Id {
        let here = self.current();
        self.promise(here, ty, Body::Root)
    }

    // ---- What waiters do ----

    fn outcome(&self, p: Id) -> Outcome {
        self.promises[p]
            .outcome
            .clone()
            .expect("a waiter fires when its source has settled")
    }

    fn fire(&mut self, waiter: Waiter) {
        match waiter {
            Waiter::Promise(p) => {
                if let Some(source) = self.promises[p].source.take() {
                    self.held.push(source);
                    self.fire_derived(p, source);
                    self.held.pop();
                } else if let Some(leader) = self.promises[p].follows.take() {
                    self.settle(p, self.outcome(leader));
                }
            }
            Waiter::Part(join, at) => self.fire_part(join, at),
            Waiter::Await(a) => {
                self.awaits[a].ear = Ear::Fired;
                if let Some(c) = self.awaits[a].coroutine {
                    self.schedule(c);
                }
            }
        }
    }

    fn fire_derived(&mut self, p: Id, source: Id) {
        let outcome = self.outcome(source);
        let Body::Attached(kind, closures) = &mut self.promises[p].body else {
            return self.settle(p, outcome);
        };
        let (kind, mut closures) = (*kind, std::mem::take(closures));
        let reactor = self.promises[p].reactor;
        let failed = matches!(outcome, Outcome::Failed(..));
        let (text, is_error) = match &outcome {
            Outcome::Value(value) => (value.clone(), false),
            Outcome::Failed(error, _) => (error.clone(), true),
        };
        // Looking anywhere ends the duty (P11): all but these look.
        if failed && !matches!(kind, Attach::Then | Attach::AndThen) {
            self.look(source);
        }
        let called = match (kind, failed) {
            (Attach::Then | Attach::AndThen, true) => {
                // P6: an error passes by; P9: and stops what it passes.
                let closure = closures.remove(0);
                self.discard(reactor, &text, closure);
                return self.settle(p, outcome);
            }
            (Attach::Catch | Attach::OrElse, false) => {
                self.bury(reactor, Grave::Closures(closures));
                return self.settle(p, outcome);
            }
            (Attach::ThenOr, false) => {
                let other = closures.remove(1);
                self.bury(reactor, Grave::Closures(vec![other]));
                closures.remove(0)
            }
            (Attach::ThenOr, true) => {
                let other = closures.remove(0);
                self.discard(reactor, &text, other);
                closures.remove(0)
            }
            _ => closures.remove(0),
        };
        let follows = matches!(kind, Attach::AndThen | Attach::OrElse);
        let want = follows.then_some(self.promises[p].ty);
        let ty = self.promises[p].ty;
        let arg = if is_error {
            format!("!{text}")
        } else {
            text.clone()
        };
        let outcome = match self.call(reactor, &called, true, &arg, want) {
            Err(panic) => self.duty(reactor, panic),
            Ok(Verdict::Follow(leader)) => return self.follow(p, leader),
            Ok(Verdict::Fail(n)) if follows => self.duty(reactor, format!("e{n}")),
            Ok(Verdict::Same) if follows && is_error => self.duty(reactor, text),
            Ok(Verdict::Value(n) | Verdict::Fail(n)) => Outcome::Value(ty.show(n)),
            Ok(_) => Outcome::Value(ty.show(0)),
        };
        self.settle(p, outcome);
    }

    /// P6, P30: `p` will settle as `leader` does. Gives up the handle.
    pub(crate) fn follow(&mut self, p: Id, leader: Id) {
        if self.is_settled(p) {
            // Cancelled meanwhile: its interest in the leader is taken back.
            self.promises[leader].taken_back = true;
        } else if leader == p {
            let cycle = self.duty(self.promises[p].reactor, "Cycle".into());
            self.settle(p, cycle);
        } else if let Some(follower) = self.sole_follower(p, leader) {
            self.promises[p].gone = true;
            self.promises[p].waiters.clear();
            self.promises[follower].follows = Some(leader);
            self.wait_for(leader, Waiter::Promise(follower));
        } else {
            self.promises[p].follows = Some(leader);
            self.wait_for(leader, Waiter::Promise(p));
        }
        self.drop_handle(leader);
    }

    /// The only one who knows `p`, if all it does is to follow it.
    fn sole_follower(&self, p: Id, leader: Id) -> Option<Id> {
        let promise = &self.promises[p];
        match promise.waiters[..] {
            [Waiter::Promise(follower)] if promise.handles == 0 && !promise.rare => {
                let follows = self.promises[follower].follows == Some(p);
                (follows && follower != leader && !self.is_settled(follower)).then_some(follower)
            }
            _ => None,
        }
    }

    /// P15: the joins.
    fn fire_part(&mut self, join: Id, at: usize) {
        let Body::Join(kind, parts) = &mut self.promises[join].body else {
            unreachable!("only joins have parts")
        };
        parts[at].fired = true;
        let (kind, source) = (*kind, parts[at].source);
        let all_in = parts.iter().all(|part| part.fired);
        let sources: Vec<Id> = parts.iter().map(|part| part.source).collect();
        let outcome = self.outcome(source);
        let decides = match (kind, &outcome) {
            (Join::All, Outcome::Failed(..)) | (Join::Any, Outcome::Value(_)) | (Join::Race, _) => {
                true
            }
            _ => false,
        };
        if decides {
            self.finish(join, outcome, Some(source));
        } else if all_in {
            let whole = self.gather(join, kind, &sources);
            self.finish(join, whole, None);
        }
    }

    fn gather(&mut self, join: Id, kind: Join, sources: &[Id]) -> Outcome {
        let texts = sources.iter().map(|&source| match self.outcome(source) {
            Outcome::Value(value) if kind == Join::AllSettled => format!("ok {value}"),
            Outcome::Value(text) => text,
            Outcome::Failed(error, _) if kind == Join::AllSettled => format!("!{error}"),
            Outcome::Failed(error, _) => error,
        });
        let texts = texts.collect::<Vec<_>>().join(",");
        match kind {
            Join::Any => self.duty(self.promises[join].reactor, format!("AllFailed[{texts}]")),
            _ => Outcome::Value(format!("[{texts}]")),
        }
    }

    fn finish(&mut self, join: Id, outcome: Outcome, winner: Option<Id>) {
        let Body::Join(_, parts) = &mut self.promises[join].body else {
            unreachable!("only joins are joined")
        };
        let parts: Vec<(Id, bool)> = parts.iter().map(|part| (part.source, part.fired)).collect();
        self.settle(join, outcome);
        let mut forsaken = vec![];
        for (source, fired) in parts {
            if Some(source) != winner {
                // P11: an error of a loser is no news, now or later.
                self.promises[source].looked = true;
                self.look(source);
            }
            if !fired && !self.is_settled(source) && self.take_back(source) {
                forsaken.push(source);
            }
        }
        forsaken.into_iter().for_each(|source| self.cancel(source));
    }

    fn expire(&mut self, p: Id) {
        let Body::Limited(ms) = self.promises[p].body else {
            unreachable!("only a time limit expires")
        };
        let operation = self.operation(p);
        let source = self.promises[p].source.take().expect("it is still waiting");
        let late = self.duty(
            self.promises[p].reactor,
            format!("TimedOut({:?})", evcore::ms(ms)),
        );
        self.settle(p, late);
        // P18: nothing emitted from now on is for the listeners of `p`.
        let now = self.number();
        let listeners = self.promises[operation].listeners.iter_mut();
        listeners
            .filter(|listener| listener.owner == p)
            .for_each(|listener| listener.until = Some(now));
        if self.take_back(source) {
            self.cancel(source);
        }
    }
}

fn closures(listeners: Vec<Listener>) -> Vec<Rc<Closure>> {
    let closure = |listener: Listener| match listener.act {
        Act::Call(closure) => Some(closure),
        Act::Forward(_) => None,
    };
    listeners.into_iter().filter_map(closure).collect()
}

// ---- Calling and dropping what is the user's --------------------------------

impl Model {
    pub(crate) fn new_closure(
        &mut self,
        name: u32,
        script: &Rc<Script>,
        carried: Option<Id>,
    ) -> Rc<Closure> {
        let carried = RefCell::new(carried);
        Rc::new(Closure {
            name,
            script: script.clone(),
            carried,
            spent: Cell::new(false),
        })
    }

    fn panicked(&mut self, what: String) -> Text {
        let error = format!("Panicked({what})");
        self.settle_orphans(Some(error.clone()));
        error
    }

    /// P10: a panic becomes an error; what it dropped is abandoned because
    /// of it (P9).
    fn call(
        &mut self,
        reactor: usize,
        closure: &Rc<Closure>,
        once: bool,
        arg: &str,
        want: Option<Ty>,
    ) -> Result<Verdict<Id>, Text> {
        play::say(self, format!("c{}({arg})@{}", closure.name, self.current()));
        let carried = closure.carried.take();
        let carried = play::settle_carried(self, &closure.script, carried);
        closure.carried.replace(carried);
        let verdict = play::enact(self, &closure.script.clone(), want, reactor);
        let panics = matches!(verdict, Verdict::Panic);
        if once {
            closure.spent.set(true);
            self.drop_closure(closure, panics);
        }
        match verdict {
            Verdict::Panic => Err(self.panicked(format!("m{}", closure.name))),
            verdict => Ok(verdict),
        }
    }

    /// Runs the destructor; true if it panics.
    fn drop_closure(&mut self, closure: &Rc<Closure>, unwinding: bool) -> bool {
        let name = closure.name;
        play::say(self, format!("drop c{name}"));
        let quiet = unwinding || self.tables.muted;
        let panics = match &closure.script.last {
            Last::Ops(ops) if !quiet => {
                play::perform_all(self, ops);
                false
            }
            Last::Panic => !quiet && !closure.spent.get(),
            _ => false,
        };
        if let Some(resolver) = closure.carried.take() {
            if panics || unwinding {
                self.orphans.push(resolver);
            } else {
                self.drop_resolver(resolver);
            }
        }
        panics
    }

    pub(crate) fn drop_resolver(&mut self, p: Id) {
        if !self.is_settled(p) {
            self.abandon(p, self.because.clone());
        }
    }

    /// P9
    fn abandon(&mut self, p: Id, because: Option<Text>) {
        let because = because.map_or(String::new(), |error| format!("<{error}>"));
        let error = self.duty(self.promises[p].reactor, format!("Abandoned{because}"));
        self.settle(p, error);
    }

    fn settle_orphans(&mut self, because: Option<Text>) {
        for p in std::mem::take(&mut self.orphans) {
            self.abandon(p, because.clone());
        }
    }

    /// P28: destructors never run inside one another.
    fn bury(&mut self, reactor: usize, grave: Grave) {
        self.reactors[reactor].graves.push_back(grave);
        if std::mem::replace(&mut self.reactors[reactor].burying, true) {
            return;
        }
        let because = self.because.take();
        while let Some(grave) = self.reactors[reactor].graves.pop_front() {
            match grave {
                Grave::Closures(closures) => self.drop_group(reactor, closures),
                Grave::Coroutine(c) => self.drop_coroutine(reactor, c),
            }
        }
        self.because = because;
        self.reactors[reactor].burying = false;
    }

    /// P9: what `closure` held learns why it went unheard.
    fn discard(&mut self, reactor: usize, error: &str, closure: Rc<Closure>) {
        let outer = self.because.replace(error.into());
        self.drop_group(reactor, vec![closure]);
        self.because = outer;
    }

    fn drop_group(&mut self, reactor: usize, closures: Vec<Rc<Closure>>) {
        let mut panicked = None;
        for closure in closures {
            let last = Rc::strong_count(&closure) == 1;
            if last && self.drop_closure(&closure, panicked.is_some()) {
                panicked = Some(format!("d{}", closure.name));
            }
        }
        self.report_panic(reactor, panicked);
    }

    fn drop_coroutine(&mut self, reactor: usize, c: Id) {
        if let Some((a, _)) = self.coroutines[c].awaiting.take() {
            self.drop_await(a);
        }
        if let Some(closure) = self.coroutines[c].closure.take() {
            self.drop_group(reactor, vec![closure]);
        }
    }

    fn report_panic(&mut self, reactor: usize, panicked: Option<String>) {
        if let Some(what) = panicked {
            let error = self.panicked(what);
            self.reactors[reactor].reports.push(error);
        }
    }

    fn call_and_report(
        &mut self,
        reactor: usize,
        closure: &Rc<Closure>,
        once: bool,
        arg: &str,
    ) -> bool {
        let ended = self.call(reactor, closure, once, arg, None);
        if let Err(error) = &ended {
            self.reactors[reactor].reports.push(error.clone());
        }
        ended.is_ok()
    }

    /// P11, at the end of a turn: once for each error that nobody can look at
    /// any more and nobody has.
    fn report(&mut self, reactor: usize) {
        self.settle_orphans(None);
        let mut reports = std::mem::take(&mut self.reactors[reactor].reports);
        let open = |duty: &Duty| duty.reactor == reactor && !duty.looked;
        if self.duties.iter().any(open) {
            let carried = self.carried();
            for (id, duty) in self.duties.iter_mut().enumerate() {
                if open(duty) && !carried.contains(&id) {
                    duty.looked = true;
                    reports.push(duty.error.clone());
                }
            }
        }
        for error in reports {
            play::say(self, format!("unhandled@{reactor} {error}"));
        }
    }

    /// The duties of all errors somebody might still look at.
    fn carried(&self) -> HashSet<Id> {
        let mut alive: HashSet<Id> = self.held.iter().copied().collect();
        for (id, promise) in self.promises.iter().enumerate() {
            if promise.handles > 0 {
                alive.insert(id);
            }
            if promise.outcome.is_none() && !promise.gone {
                alive.extend(promise.source.iter().chain(&promise.follows));
                if let Body::Join(_, parts) = &promise.body {
                    alive.extend(parts.iter().map(|part| part.source));
                }
            }
        }
        alive.extend(
            self.awaits
                .iter()
                .filter(|a| a.ear != Ear::Gone)
                .map(|a| a.promise),
        );
        for entry in self.reactors.iter().flat_map(|reactor| &reactor.queue) {
            match entry {
                Entry::Event(Emission { operation, .. }) | Entry::Silence(operation) => {
                    alive.insert(*operation);
                }
                _ => {}
            }
        }
        let duty = |&p: &Id| match self.promises[p].outcome {
            Some(Outcome::Failed(_, duty)) => duty,
            _ => None,
        };
        alive.iter().filter_map(duty).collect()
    }
}

// ---- Events -----------------------------------------------------------------

impl Model {
    /// P19: the promise whose events `p`'s listeners hear.
    fn operation(&self, p: Id) -> Id {
        let promise = &self.promises[p];
        let same = match promise.body {
            Body::Attached(kind, _) => matches!(kind, Attach::Catch | Attach::OrElse),
            Body::Fork | Body::Limited(_) => true,
            _ => false,
        };
        promise
            .source
            .filter(|_| same)
            .map_or(p, |source| self.operation(source))
    }

    pub(crate) fn on(&mut self, p: Id, event: Ev, closure: Rc<Closure>) {
        if let Some(Act::Call(closure)) = self.listen(p, event, Act::Call(closure)) {
            let operation = self.operation(p);
            self.bury(
                self.promises[operation].reactor,
                Grave::Closures(vec![closure]),
            );
        }
    }

    pub(crate) fn forward(&mut self, to: Id, event: Ev, from: Id) {
        self.listen(from, event, Act::Forward(to));
    }

    /// Gives the listener back if it is too late for it.
    fn listen(&mut self, p: Id, event: Ev, act: Act) -> Option<Act> {
        let operation = self.operation(p);
        if self.is_settled(p) || self.is_settled(operation) {
            return Some(act);
        }
        let id = self.number();
        self.promises[operation].rare = true;
        let told = event == LATEST && self.promises[operation].latest.is_some();
        let listener = Listener {
            event,
            id,
            since: id,
            until: None,
            owner: p,
            act,
        };
        self.promises[operation].listeners.push(listener);
        if told {
            self.enqueue_emission(operation, event, u64::MAX, None, Some(id));
        }
        None
    }

    fn enqueue_emission(
        &mut self,
        operation: Id,
        event: Ev,
        number: u64,
        payload: Option<i64>,
        newcomer: Option<u64>,
    ) {
        let emission = Emission {
            operation,
            event,
            number,
            payload,
            heard: 0,
            newcomer,
        };
        self.enqueue(self.promises[operation].reactor, Entry::Event(emission));
    }

    fn is_heard(&self, p: Id, event: Ev) -> bool {
        let mut listeners = self.promises[p].listeners.iter();
        listeners.any(|listener| listener.event == event && listener.until.is_none())
    }

    pub(crate) fn wants(&self, p: Id, event: Ev) -> bool {
        !self.is_settled(p)
            && !self.promises[p].gone
            && (event == LATEST || self.is_heard(p, event))
    }

    pub(crate) fn emit(&mut self, p: Id, event: Ev, n: i64) {
        if self.is_settled(p) || self.promises[p].gone {
            return;
        }
        let heard = self.is_heard(p, event);
        let mut payload = Some(n);
        if event == LATEST {
            // P21: coalesced until delivered; one store if unobserved.
            self.promises[p].rare = true;
            let queued = self.promises[p].latest.is_some_and(|slot| slot.1);
            self.promises[p].latest = Some((n, queued || heard));
            if queued {
                return;
            }
            payload = None;
        }
        if heard {
            let number = self.number();
            self.enqueue_emission(p, event, number, payload, None);
        }
    }

    /// One listener call; false if nobody is left to hear it.
    fn tell(&mut self, reactor: usize, mut emission: Emission) -> bool {
        let operation = emission.operation;
        if self.promises[operation].cancelled {
            return false;
        }
        if emission.payload.is_none() {
            let newcomer = emission.newcomer.is_some();
            let Some((value, queued)) = &mut self.promises[operation].latest else {
                return false;
            };
            *queued &= newcomer;
            emission.payload = Some(*value);
        }
        let reaches = |listener: &Listener| match emission.newcomer {
            Some(id) => listener.id == id && listener.id > emission.heard,
            None => {
                listener.event == emission.event
                    && listener.id > emission.heard
                    && listener.since < emission.number
                    && listener.until.is_none_or(|until| emission.number < until)
            }
        };
        let listeners = &self.promises[operation].listeners;
        let due: Vec<usize> = (0..listeners.len())
            .filter(|&at| reaches(&listeners[at]))
            .collect();
        let Some(&first) = due.first() else {
            return false;
        };
        let listener = &listeners[first];
        let (id, act) = (listener.id, listener.act.clone());
        let (event, payload) = (emission.event, emission.payload.expect("set above"));
        emission.heard = id;
        if emission.newcomer.is_some() {
            let now = self.number();
            self.promises[operation].listeners[first].since = now;
        }
        if due.len() > 1 {
            self.reactors[reactor]
                .queue
                .push_front(Entry::Event(emission));
        }
        match act {
            Act::Forward(to) => self.emit(to, event, payload),
            Act::Call(closure) => {
                self.held.push(operation);
                if !self.call_and_report(reactor, &closure, false, &format!("ev{event}={payload}"))
                {
                    let listeners = std::mem::take(&mut self.promises[operation].listeners);
                    let (gone, kept) = listeners
                        .into_iter()
                        .partition(|listener| listener.id == id);
                    self.promises[operation].listeners = kept;
                    self.bury(reactor, Grave::Closures(closures(gone)));
                }
                self.bury(reactor, Grave::Closures(vec![closure]));
                self.held.pop();
            }
        }
        true
    }

    pub(crate) fn on_cancel(&mut self, p: Id, hook: Rc<Closure>) {
        let reactor = self.promises[p].reactor;
        if !self.is_settled(p) {
            self.promises[p].rare = true;
            self.promises[p].hooks.push(hook);
        } else if self.promises[p].cancelled && !self.reactors[reactor].closed {
            self.reactors[reactor]
                .stopped
                .push_back(Stopped::Hook(hook));
        } else {
            self.bury(reactor, Grave::Closures(vec![hook]));
        }
    }
}

// ---- Coroutines -------------------------------------------------------------

impl Model {
    pub(crate) fn spawn(&mut self, awaits: &[Awaiting], closure: Rc<Closure>) -> Id {
        let here = self.current();
        self.start(here, awaits.iter().copied().collect(), Some(closure))
    }

    fn start(
        &mut self,
        reactor: usize,
        steps: VecDeque<Awaiting>,
        closure: Option<Rc<Closure>>,
    ) -> Id {
        let c = self.coroutines.len();
        let promise = self.promise(reactor, Ty::Item, Body::Coroutine(c));
        self.coroutines.push(Coroutine {
            promise,
            closure,
            steps,
            awaiting: None,
            queued: true,
            running: false,
            answer: None,
        });
        self.enqueue(reactor, Entry::Poll(c));
        promise
    }

    fn begin_await(&mut self, promise: Id, coroutine: Option<Id>) -> Id {
        let a = self.awaits.len();
        self.awaits.push(Await {
            promise,
            coroutine,
            ear: Ear::Waiting,
        });
        self.wait_for(promise, Waiter::Await(a));
        self.drop_handle(promise);
        a
    }

    fn drop_await(&mut self, a: Id) {
        let promise = self.awaits[a].promise;
        self.awaits[a].ear = Ear::Gone;
        if !self.is_settled(promise) && self.take_back(promise) {
            self.cancel(promise);
        }
    }

    fn schedule(&mut self, c: Id) {
        let promise = self.coroutines[c].promise;
        if !self.is_settled(promise) && !std::mem::replace(&mut self.coroutines[c].queued, true) {
            self.enqueue(self.promises[promise].reactor, Entry::Poll(c));
        }
    }

    fn poll(&mut self, c: Id) {
        let promise = self.coroutines[c].promise;
        let reactor = self.promises[promise].reactor;
        self.coroutines[c].queued = false;
        self.coroutines[c].running = true;
        let ended = self.resume(c);
        self.coroutines[c].running = false;
        match ended {
            None if self.is_settled(promise) => self.bury(reactor, Grave::Coroutine(c)),
            None => {}
            Some(Ok(value)) => self.settle(promise, Outcome::Value(value)),
            Some(Err(error)) => {
                let error = self.duty(reactor, error);
                self.settle(promise, error);
            }
        }
    }

    /// Goes on from await to await; `None` while it has to wait.
    fn resume(&mut self, c: Id) -> Option<Result<Text, Text>> {
        let reactor = self.promises[self.coroutines[c].promise].reactor;
        loop {
            if let Some((a, bail)) = self.coroutines[c].awaiting {
                if self.awaits[a].ear != Ear::Fired {
                    return None;
                }
                self.coroutines[c].awaiting = None;
                let promise = self.awaits[a].promise;
                self.look(promise);
                self.awaits[a].ear = Ear::Gone;
                let (text, failed) = match self.outcome(promise) {
                    Outcome::Value(value) => (value, false),
                    Outcome::Failed(error, _) => (format!("!{error}"), true),
                };
                let Some(closure) = &self.coroutines[c].closure else {
                    self.coroutines[c].answer = Some(text);
                    return Some(Ok("()".into()));
                };
                let name = closure.name;
                play::say(self, format!("c{name} awaited {text}"));
                if bail && failed {
                    self.end_coroutine(c, false);
                    return Some(Err(text[1..].into()));
                }
            }
            let Some(step) = self.coroutines[c].steps.pop_front() else {
                break;
            };
            if let Some(handle) = play::awaited(self, &step, reactor) {
                let a = self.begin_await(handle, Some(c));
                self.coroutines[c].awaiting = Some((a, step.bail));
            }
        }
        Some(self.conclude(c, reactor))
    }

    /// The end of a coroutine: its script.
    fn conclude(&mut self, c: Id, reactor: usize) -> Result<Text, Text> {
        let closure = self.coroutines[c]
            .closure
            .clone()
            .expect("only `run` has none");
        play::say(self, format!("c{}(end)@{}", closure.name, self.current()));
        let carried = play::settle_carried(self, &closure.script, closure.carried.take());
        closure.carried.replace(carried);
        let verdict = play::enact(self, &closure.script, None, reactor);
        let panics = matches!(verdict, Verdict::Panic);
        self.end_coroutine(c, panics);
        match verdict {
            Verdict::Panic => Err(self.panicked(format!("m{}", closure.name))),
            Verdict::Fail(n) => Err(format!("e{n}")),
            Verdict::Value(n) => Ok(Ty::Item.show(n)),
            Verdict::Same | Verdict::Follow(_) => Ok(Ty::Item.show(0)),
        }
    }

    fn end_coroutine(&mut self, c: Id, unwinding: bool) {
        if let Some(closure) = self.coroutines[c].closure.take() {
            closure.spent.set(true);
            self.drop_closure(&closure, unwinding);
        }
    }
}

// ---- Time and the turn --------------------------------------------------------

impl Model {
    fn arm(&mut self, reactor: usize, promise: Id, deadline: u64) {
        if !self.reactors[reactor].closed && !self.is_settled(promise) {
            let number = self.number();
            self.reactors[reactor].timers.push(Timer {
                deadline,
                number,
                promise,
            });
        }
    }

    pub(crate) fn sleep(&mut self, ms: u64) -> Id {
        let p = self.pending(Ty::Unit);
        self.arm(self.promises[p].reactor, p, self.now + ms);
        p
    }

    pub(crate) fn interval(&mut self, ms: u64) -> Id {
        let (here, began) = (self.current(), self.now);
        let p = self.promise(here, Ty::Unit, Body::Ticking { began, period: ms });
        self.arm(here, p, self.now + ms);
        p
    }

    pub(crate) fn defer(&mut self, closure: Rc<Closure>) {
        let here = self.current();
        self.enqueue(here, Entry::Call(closure));
    }

    /// P22: wait, collect, deliver, report.
    pub(crate) fn turn(&mut self, r: usize, may_wait: bool) {
        if self.reactors[r].closed {
            return;
        }
        self.reactors[r].depth += 1;
        self.entered.push(r);
        self.clean_up(r);
        let young = self.number();
        if may_wait && self.reactors[r].queue.is_empty() {
            let next = self.reactors[r]
                .timers
                .iter()
                .map(|timer| timer.deadline)
                .min();
            self.now = self.now.max(next.unwrap_or(0));
        }
        self.collect(r, young);
        self.deliver(r);
        self.clean_up(r);
        self.report(r);
        self.entered.pop();
        self.reactors[r].depth -= 1;
    }

    /// P24: by deadline, then by creation; none made since the turn began.
    fn collect(&mut self, r: usize, young: u64) {
        loop {
            let timers = &mut self.reactors[r].timers;
            let due = timers
                .iter()
                .enumerate()
                .filter(|(_, timer)| timer.deadline <= self.now && timer.number < young);
            let Some((at, _)) = due.min_by_key(|(_, timer)| (timer.deadline, timer.number)) else {
                return;
            };
            let p = timers.remove(at).promise;
            match self.promises[p].body {
                Body::Limited(_) => self.enqueue(r, Entry::Expire(p)),
                Body::Ticking { began, period } => {
                    let count = (self.now - began) / period;
                    self.arm(r, p, began + (count + 1) * period);
                    self.emit(p, TICK, count as i64);
                }
                _ => self.settle(p, Outcome::Value("()".into())),
            }
        }
    }

    /// P23: first in, first out, with a budget.
    fn deliver(&mut self, r: usize) {
        let mut budget = BUDGET;
        while budget > 0 {
            self.clean_up(r);
            let Some(entry) = self.reactors[r].queue.pop_front() else {
                return;
            };
            budget -= usize::from(self.deliver_one(r, entry));
        }
    }

    /// False if nothing was left to do for the entry.
    fn deliver_one(&mut self, r: usize, entry: Entry) -> bool {
        match entry {
            Entry::Waiters(mut waiters) => {
                let waiter = waiters.pop_front().expect("none is queued empty");
                if !waiters.is_empty() {
                    self.reactors[r].queue.push_front(Entry::Waiters(waiters));
                }
                let live = self.is_live(waiter);
                if live {
                    self.fire(waiter);
                }
                live
            }
            Entry::Event(emission) => self.tell(r, emission),
            Entry::Silence(p) => {
                self.promises[p].latest = None;
                let listeners = std::mem::take(&mut self.promises[p].listeners);
                self.bury(r, Grave::Closures(closures(listeners)));
                false
            }
            Entry::Poll(c) => {
                let live = !self.is_settled(self.coroutines[c].promise);
                if live {
                    self.poll(c);
                }
                live
            }
            Entry::Call(closure) => {
                self.call_and_report(r, &closure, true, "");
                true
            }
            Entry::Expire(p) => {
                let live = !self.is_settled(p);
                if live {
                    self.expire(p);
                }
                live
            }
        }
    }

    fn clean_up(&mut self, r: usize) {
        while let Some(stopped) = self.reactors[r].stopped.pop_front() {
            match stopped {
                Stopped::Hook(hook) => _ = self.call_and_report(r, &hook, true, "hook"),
                Stopped::Coroutine(c) => self.bury(r, Grave::Coroutine(c)),
            }
        }
    }

    /// `run`; gives up the handle.
    pub(crate) fn run(&mut self, p: Id) -> String {
        let r = self.promises[p].reactor;
        if self.reactors[r].depth > 0 {
            self.drop_handle(p);
            return "!Nested".into();
        }
        self.entered.push(r);
        let c = self.coroutines.len();
        let a = self.begin_await(p, Some(c));
        let main = self.start(r, VecDeque::new(), None);
        self.coroutines[c].awaiting = Some((a, false));
        while !self.is_settled(main) {
            let idle = self.reactors[r].timers.is_empty() && self.reactors[r].queue.is_empty();
            assert!(!idle, "a time limit ends it at the latest");
            self.turn(r, true);
        }
        self.clean_up(r);
        self.report(r);
        self.entered.pop();
        let answer = self.coroutines[c].answer.take();
        self.drop_handle(main);
        answer.expect("it has ended")
    }

    pub(crate) fn is_closed(&self, r: usize) -> bool {
        self.reactors[r].closed
    }

    pub(crate) fn hold_reactor(&mut self, r: usize) {
        self.reactors[r].handles += 1;
    }

    pub(crate) fn enter(&mut self, r: usize) {
        self.entered.push(r);
    }

    pub(crate) fn leave(&mut self) {
        self.entered.pop();
    }

    /// P29: everything pending is cancelled and dropped; nothing is called.
    pub(crate) fn drop_reactor(&mut self, r: usize) {
        self.reactors[r].handles -= 1;
        if self.reactors[r].handles > 0 {
            return;
        }
        self.reactors[r].closed = true;
        self.tables.muted = true;
        self.reactors[r].burying = true;
        for p in 0..self.promises.len() {
            if self.promises[p].reactor == r {
                self.cancel_closing(p);
            }
        }
        self.reactors[r].burying = false;
        self.bury(r, Grave::Closures(vec![]));
        for stopped in std::mem::take(&mut self.reactors[r].stopped) {
            match stopped {
                Stopped::Hook(hook) => self.bury(r, Grave::Closures(vec![hook])),
                Stopped::Coroutine(c) => self.bury(r, Grave::Coroutine(c)),
            }
        }
        for entry in std::mem::take(&mut self.reactors[r].queue) {
            match entry {
                Entry::Call(closure) => self.bury(r, Grave::Closures(vec![closure])),
                Entry::Silence(p) => self
                    .deliver_one(r, Entry::Silence(p))
                    .then_some(())
                    .unwrap_or(()),
                Entry::Waiters(waiters) => {
                    for waiter in waiters {
                        self.fire_elsewhere(r, waiter);
                    }
                }
                _ => {}
            }
        }
        self.report(r);
        self.tables.muted = false;
    }

    fn cancel_closing(&mut self, p: Id) {
        if self.is_settled(p) || self.promises[p].gone {
            return;
        }
        let r = self.promises[p].reactor;
        let waiters = self.promises[p].waiters.clone();
        self.cancel(p);
        for waiter in waiters {
            self.fire_elsewhere(r, waiter);
        }
    }

    /// Who waits in another reactor hears of it; the closing one's own are
    /// cancelled themselves.
    fn fire_elsewhere(&mut self, r: usize, waiter: Waiter) {
        let home = match waiter {
            Waiter::Promise(p) | Waiter::Part(p, _) => self.promises[p].reactor,
            Waiter::Await(a) => match self.awaits[a].coroutine {
                Some(c) => self.promises[self.coroutines[c].promise].reactor,
                None => r,
            },
        };
        if home != r && self.is_live(waiter) {
            self.fire(waiter);
        }
    }
}

// ---- What a program sees of it ----------------------------------------------

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
