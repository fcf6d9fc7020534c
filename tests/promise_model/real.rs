//! The library as a machine that programs are played on: glue, no rules.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::IntoFuture;
use std::rc::Rc;

use evcore::{
    AllFailed, Emitter, Error, Event, Followable, Kind, ManualClock, Next, Promise, Reactor,
    Resolver, ms,
};

use crate::play::{self, Machine, Tables, Ty, Verdict};
use crate::program::{Attach, Awaiting, Ev, Join, Last, Op, Program, Script};
use crate::world::Void;

const PLAIN: [Event<i64>; 2] = [Event::new("a"), Event::new("b")];
const NEWEST: Event<i64> = Event::latest("a");

thread_local! {
    /// Values and captures not dropped yet: none may be left at the end.
    static ALIVE: Cell<i64> = const { Cell::new(0) };
}

/// Counts one thing that has to be dropped some time.
struct Alive;

impl Alive {
    fn new() -> Alive {
        ALIVE.set(ALIVE.get() + 1);
        Alive
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        ALIVE.set(ALIVE.get() - 1);
    }
}

/// A value of a program.
pub(crate) struct Item {
    n: i64,
    _alive: Alive,
}

impl Clone for Item {
    fn clone(&self) -> Item {
        Item::of(self.n)
    }
}

/// What a promise of a program supplies.
trait Show: Clone + 'static {
    const TY: Ty;
    fn of(n: i64) -> Self;
    fn show(&self) -> String;
}

impl Show for Item {
    const TY: Ty = Ty::Item;
    fn of(n: i64) -> Item {
        Item {
            n,
            _alive: Alive::new(),
        }
    }
    fn show(&self) -> String {
        self.n.to_string()
    }
}

impl Show for () {
    const TY: Ty = Ty::Unit;
    fn of(_: i64) {}
    fn show(&self) -> String {
        "()".into()
    }
}

impl Show for Vec<Item> {
    const TY: Ty = Ty::Many;
    fn of(n: i64) -> Vec<Item> {
        vec![Item::of(n)]
    }
    fn show(&self) -> String {
        let items: Vec<_> = self.iter().map(Item::show).collect();
        format!("[{}]", items.join(","))
    }
}

impl Show for Vec<evcore::Result<Item>> {
    const TY: Ty = Ty::Outcomes;
    fn of(n: i64) -> Self {
        vec![Ok(Item::of(n))]
    }
    fn show(&self) -> String {
        let one = |item: &evcore::Result<Item>| match item {
            Ok(item) => format!("ok {}", item.n),
            Err(error) => format!("!{}", text(error)),
        };
        let items: Vec<_> = self.iter().map(one).collect();
        format!("[{}]", items.join(","))
    }
}

/// An error as the model writes it.
fn text(error: &Error) -> String {
    let source = std::error::Error::source(error);
    let inner = source.and_then(|source| source.downcast_ref::<Error>());
    let said = error.to_string();
    match (error.kind(), inner) {
        (Kind::Abandoned, Some(inner)) => format!("Abandoned<{}>", text(inner)),
        (Kind::Panicked, _) => {
            let what = said.strip_prefix("panicked: ").expect("it says so first");
            format!("Panicked({})", what.split(" (").next().unwrap_or_default())
        }
        (Kind::TimedOut, _) => format!("TimedOut({})", said.rsplit(' ').next().unwrap_or_default()),
        (Kind::Other, _) => match error.downcast_ref::<AllFailed>() {
            Some(AllFailed(errors)) => {
                let errors: Vec<_> = errors.iter().map(text).collect();
                format!("AllFailed[{}]", errors.join(","))
            }
            None => said,
        },
        (kind, _) => format!("{kind:?}"),
    }
}

fn user(n: i64) -> Error {
    Error::of(Kind::Other, format!("e{n}"))
}

/// What all closures of a program share.
pub(crate) struct Stage {
    tables: RefCell<Tables<Real>>,
    reactors: RefCell<Vec<Option<Reactor>>>,
    /// Handles of each reactor, ours and those that keep it busy.
    held: RefCell<Vec<usize>>,
    clock: ManualClock,
    top: Cell<usize>,
}

#[derive(Clone)]
pub(crate) struct Real(Rc<Stage>);

pub(crate) struct Closure {
    name: u32,
    script: Rc<Script>,
    carried: RefCell<Option<Writer>>,
    spent: Cell<bool>,
    stage: Real,
    _alive: Alive,
}

impl Drop for Closure {
    fn drop(&mut self) {
        let mut stage = self.stage.clone();
        play::say(&mut stage, format!("drop c{}", self.name));
        if std::thread::panicking() || stage.with(|tables| tables.muted) {
            return;
        }
        match &self.script.last {
            Last::Ops(ops) => play::perform_all(&mut stage, ops),
            Last::Panic if !self.spent.get() => panic!("d{}", self.name),
            _ => {}
        }
    }
}

impl Closure {
    fn call(&self, arg: &str, want: Option<Ty>, home: usize) -> Verdict<Held> {
        let mut stage = self.stage.clone();
        let here = stage.here();
        self.call_as(
            &mut stage,
            format!("c{}({arg})@{here}", self.name),
            want,
            home,
        )
    }

    fn call_as(
        &self,
        stage: &mut Real,
        line: String,
        want: Option<Ty>,
        home: usize,
    ) -> Verdict<Held> {
        play::say(stage, line);
        let carried = self.carried.take();
        let carried = play::settle_carried(stage, &self.script, carried);
        self.carried.replace(carried);
        play::enact(stage, &self.script, want, home)
    }

    fn panic(&self) -> ! {
        panic!("m{}", self.name)
    }

    /// As a callback of something that supplies a plain value.
    fn once<T: Show>(self, arg: &str) -> T {
        let verdict = self.call(arg, None, 0);
        self.spent.set(true);
        match verdict {
            Verdict::Panic => self.panic(),
            Verdict::Value(n) | Verdict::Fail(n) => T::of(n),
            _ => T::of(0),
        }
    }

    /// As a callback that may return a promise of its own.
    fn next<T: Show>(self, arg: &str, home: usize, given: Option<&Error>) -> Answer<T> {
        let verdict = self.call(arg, Some(T::TY), home);
        self.spent.set(true);
        Answer(match verdict {
            Verdict::Panic => self.panic(),
            Verdict::Value(n) => Next::Settle(Ok(T::of(n))),
            Verdict::Fail(n) => Next::Settle(Err(user(n))),
            Verdict::Same => {
                Next::Settle(given.map_or_else(|| Ok(T::of(0)), |error| Err(error.clone())))
            }
            Verdict::Follow(leader) => Next::Follow(leader.into()),
        })
    }

    fn listen(&self, arg: &str) {
        if let Verdict::Panic = self.call(arg, None, 0) {
            self.panic();
        }
    }

    fn hook(self, arg: &str) {
        let verdict = self.call(arg, None, 0);
        self.spent.set(true);
        if let Verdict::Panic = verdict {
            self.panic();
        }
    }
}

struct Answer<T: 'static>(Next<T>);

impl<T: 'static> Followable for Answer<T> {
    type Value = T;
    fn into_next(self) -> Next<T> {
        self.0
    }
}

/// A promise of whatever type.
trait Promised {
    fn ty(&self) -> Ty;
    fn dup(&self) -> Box<dyn Promised>;
    fn attach(
        &self,
        kind: Attach,
        one: Closure,
        two: Option<Closure>,
        home: usize,
    ) -> Box<dyn Promised>;
    fn fork(&self) -> Box<dyn Promised>;
    fn timeout(self: Box<Self>, limit: u64) -> Box<dyn Promised>;
    fn cancel(&self);
    fn peek(&self) -> String;
    fn discard_owned(self: Box<Self>);
    fn on(self: Box<Self>, event: Ev, listener: Closure) -> Box<dyn Promised>;
    fn forward(&self, resolver: &Resolver<Item>, event: Ev);
    fn run(self: Box<Self>, reactor: &Reactor) -> String;
    fn into_await(self: Box<Self>, shared: bool) -> Awaited;
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

type Awaited = std::pin::Pin<Box<dyn Future<Output = evcore::Result<String>>>>;

fn outcome<T: Show>(outcome: Result<&T, &Error>) -> String {
    outcome.map_or_else(|error| format!("!{}", text(error)), T::show)
}

impl<T: Show> Promised for Promise<T> {
    fn ty(&self) -> Ty {
        T::TY
    }

    fn dup(&self) -> Box<dyn Promised> {
        Box::new(self.clone())
    }

    fn attach(
        &self,
        kind: Attach,
        one: Closure,
        two: Option<Closure>,
        home: usize,
    ) -> Box<dyn Promised> {
        match kind {
            Attach::Then => Box::new(self.then(move |value| one.once::<Item>(&value.show()))),
            Attach::Settled => Box::new(self.settled(move |got| one.once::<Item>(&outcome(got)))),
            Attach::ThenOr => {
                let two = two.expect("made for this kind");
                Box::new(self.then_or(
                    move |value| one.once::<Item>(&value.show()),
                    move |error| two.once(&format!("!{}", text(error))),
                ))
            }
            Attach::Catch => {
                Box::new(self.catch(move |error| one.once(&format!("!{}", text(error)))))
            }
            Attach::AndThen => {
                Box::new(self.and_then(move |value| one.next::<Item>(&value.show(), home, None)))
            }
            Attach::OrElse => Box::new(self.or_else(move |error| {
                one.next::<T>(&format!("!{}", text(error)), home, Some(error))
            })),
        }
    }

    fn fork(&self) -> Box<dyn Promised> {
        Box::new(Promise::fork(self))
    }

    fn timeout(self: Box<Self>, limit: u64) -> Box<dyn Promised> {
        Box::new(Promise::timeout(*self, ms(limit)))
    }

    fn cancel(&self) {
        Promise::cancel(self);
    }

    fn peek(&self) -> String {
        let seen = Promise::peek(self).map_or("pending".into(), outcome);
        assert_eq!(self.is_settled(), seen != "pending");
        seen
    }

    fn discard_owned(self: Box<Self>) {
        drop(self.owned());
    }

    fn on(self: Box<Self>, event: Ev, listener: Closure) -> Box<dyn Promised> {
        let tell = move |n: i64| listener.listen(&format!("ev{event}={n}"));
        Box::new(match event {
            0 | 1 => Promise::on(*self, PLAIN[event], move |&n| tell(n)),
            2 => Promise::on(*self, NEWEST, move |&n| tell(n)),
            _ => Promise::on(*self, evcore::TICK, move |&n| tell(n as i64)),
        })
    }

    fn forward(&self, resolver: &Resolver<Item>, event: Ev) {
        match event {
            0 | 1 => resolver.forward(PLAIN[event], self),
            2 => resolver.forward(NEWEST, self),
            _ => unreachable!("ticks are not forwarded"),
        }
    }

    fn run(self: Box<Self>, reactor: &Reactor) -> String {
        outcome(reactor.run(*self).as_ref())
    }

    fn into_await(self: Box<Self>, shared: bool) -> Awaited {
        if shared {
            let awaiting = Promise::shared(*self);
            return Box::pin(async move { awaiting.await.map(|value| value.show()) });
        }
        let awaiting = self.into_future();
        Box::pin(async move { awaiting.await.map(|value| value.show()) })
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// A promise and the reactor it lives on.
pub(crate) struct Held {
    promise: Box<dyn Promised>,
    home: usize,
}

impl<T: Show> From<Held> for Promise<T> {
    fn from(held: Held) -> Promise<T> {
        let promise = held.promise.into_any().downcast();
        *promise.expect("chosen by its type")
    }
}

pub(crate) struct Writer {
    resolver: Resolver<Item>,
    home: usize,
}

impl Real {
    fn new(tie: bool, reactors: usize) -> Real {
        let clock = ManualClock::leaping();
        let make = |number: usize| {
            let built = Reactor::builder().world(Void).clock(&clock).build();
            let reactor = built.expect("nothing to go wrong");
            Some((number, reactor))
        };
        let reactors: Vec<_> = (0..reactors).filter_map(make).collect();
        let held = vec![1; reactors.len()];
        let stage = Real(Rc::new(Stage {
            tables: RefCell::new(Tables::new(tie)),
            reactors: RefCell::default(),
            held: RefCell::new(held),
            clock,
            top: Cell::new(0),
        }));
        for (number, reactor) in reactors {
            let weak = Rc::downgrade(&stage.0);
            reactor.on_unhandled(move |report| {
                if let Some(stage) = weak.upgrade() {
                    let line = format!("unhandled@{number} {}", text(&report.error));
                    play::say(&mut Real(stage), line);
                }
            });
            stage.0.reactors.borrow_mut().push(Some(reactor));
        }
        stage
    }

    fn held(&self, promise: impl Promised + 'static, home: usize) -> Held {
        Held {
            promise: Box::new(promise),
            home,
        }
    }

    /// A second handle of the reactor, if it is open still.
    fn reactor(&self, number: usize) -> Option<Reactor> {
        let reactor = self.0.reactors.borrow()[number].clone()?;
        self.0.held.borrow_mut()[number] += 1;
        Some(reactor)
    }

    /// Gives a handle back; the last one closes.
    fn release(&mut self, number: usize, reactor: impl Sized) {
        let left = {
            let mut held = self.0.held.borrow_mut();
            held[number] -= 1;
            held[number]
        };
        if left == 0 {
            self.with(|tables| tables.muted = true);
        }
        drop(reactor);
        if left == 0 {
            self.with(|tables| tables.muted = false);
        }
    }
}

impl Machine for Real {
    type Handle = Held;
    type Resolver = Writer;
    type Emitter = Emitter;
    type Closure = Closure;

    fn with<R>(&mut self, see: impl FnOnce(&mut Tables<Self>) -> R) -> R {
        see(&mut self.0.tables.borrow_mut())
    }

    fn closure(&mut self, name: u32, script: &Rc<Script>, carried: Option<Writer>) -> Closure {
        Closure {
            name,
            script: script.clone(),
            carried: RefCell::new(carried),
            spent: Cell::new(false),
            stage: self.clone(),
            _alive: Alive::new(),
        }
    }

    fn ty(&self, handle: &Held) -> Ty {
        handle.promise.ty()
    }

    fn home(&self, handle: &Held) -> usize {
        handle.home
    }

    fn resolver_home(&self, resolver: &Writer) -> usize {
        resolver.home
    }

    fn here(&self) -> usize {
        let now = Reactor::current();
        let reactors = self.0.reactors.borrow();
        let same = |reactor: &Option<Reactor>| {
            format!("{:?}", reactor.as_ref()) == format!("{:?}", Some(&now))
        };
        reactors.iter().position(same).unwrap_or(usize::MAX)
    }

    fn pending(&mut self) -> (Held, Writer) {
        let home = self.here();
        let (promise, resolver) = Promise::pending();
        (self.held(promise, home), Writer { resolver, home })
    }

    fn ready(&mut self, n: i64) -> Held {
        self.held(Promise::ready(Item::of(n)), self.here())
    }

    fn failed(&mut self, n: i64) -> Held {
        self.held(Promise::<Item>::failed(user(n)), self.here())
    }

    fn attach(&mut self, kind: Attach, to: &Held, one: Closure, two: Option<Closure>) -> Held {
        let promise = to.promise.attach(kind, one, two, to.home);
        Held {
            promise,
            home: to.home,
        }
    }

    fn fork(&mut self, of: &Held) -> Held {
        Held {
            promise: of.promise.fork(),
            home: of.home,
        }
    }

    fn timeout(&mut self, of: Held, ms: u64) -> Held {
        Held {
            promise: of.promise.timeout(ms),
            home: of.home,
        }
    }

    fn dup(&mut self, of: &Held) -> Held {
        Held {
            promise: of.promise.dup(),
            home: of.home,
        }
    }

    fn discard(&mut self, handle: Held) {
        drop(handle);
    }

    fn cancel(&mut self, handle: &Held) {
        handle.promise.cancel();
    }

    fn peek(&mut self, handle: &Held) -> String {
        handle.promise.peek()
    }

    fn discard_owned(&mut self, handle: Held) {
        handle.promise.discard_owned();
    }

    fn on(&mut self, handle: Held, event: Ev, listener: Closure) -> Held {
        Held {
            promise: handle.promise.on(event, listener),
            home: handle.home,
        }
    }

    fn resolve(&mut self, resolver: Writer, n: i64) {
        resolver.resolver.resolve(Item::of(n));
    }

    fn reject(&mut self, resolver: Writer, n: i64) {
        resolver.resolver.reject(user(n));
    }

    fn follow(&mut self, resolver: Writer, leader: Held) {
        resolver.resolver.follow(leader.into());
    }

    fn discard_resolver(&mut self, resolver: Writer) {
        drop(resolver);
    }

    fn emit(&mut self, resolver: &Writer, event: Ev, n: i64) {
        match event {
            2 => resolver.resolver.emit(NEWEST, n),
            plain => resolver.resolver.emit(PLAIN[plain], n),
        }
    }

    fn forward(&mut self, resolver: &Writer, event: Ev, from: &Held) {
        from.promise.forward(&resolver.resolver, event);
    }

    fn on_cancel(&mut self, resolver: &Writer, hook: Closure) {
        resolver.resolver.on_cancel(move || hook.hook("hook"));
    }

    fn is_wanted(&mut self, resolver: &Writer) -> bool {
        resolver.resolver.is_wanted()
    }

    fn emitter(&mut self, resolver: &Writer) -> Emitter {
        resolver.resolver.emitter()
    }

    fn emit_by(&mut self, emitter: usize, event: Ev, n: i64) {
        let emitter = self.with(|tables| tables.emitters[emitter].clone());
        match event {
            2 => emitter.emit(NEWEST, n),
            plain => emitter.emit(PLAIN[plain], n),
        }
    }

    fn wants(&mut self, emitter: usize, event: Ev) -> bool {
        self.with(|tables| match event {
            2 => tables.emitters[emitter].wants(NEWEST),
            plain => tables.emitters[emitter].wants(PLAIN[plain]),
        })
    }

    fn join(&mut self, kind: Join, parts: Vec<Held>) -> Held {
        let home = self.here();
        let parts = parts.into_iter().map(Promise::<Item>::from);
        match kind {
            Join::All => self.held(Promise::all(parts), home),
            Join::AllSettled => self.held(Promise::all_settled(parts), home),
            Join::Any => self.held(Promise::any(parts), home),
            Join::Race => self.held(Promise::race(parts), home),
        }
    }

    fn sleep(&mut self, length: u64) -> Held {
        self.held(evcore::sleep(ms(length)), self.here())
    }

    fn interval(&mut self, period: u64) -> Held {
        self.held(evcore::interval(ms(period)), self.here())
    }

    fn defer(&mut self, closure: Closure) {
        evcore::defer(move || closure.hook(""));
    }

    fn spawn(&mut self, awaits: &[Awaiting], closure: Closure) -> Held {
        let (home, awaits) = (self.here(), awaits.to_vec());
        self.held(
            evcore::spawn(coroutine(self.clone(), home, awaits, closure)),
            home,
        )
    }

    fn turn(&mut self, reactor: usize) {
        if let Some(held) = self.reactor(reactor) {
            held.turn(std::time::Duration::ZERO);
            self.release(reactor, held);
        }
    }

    fn advance(&mut self, by: u64) {
        self.0.clock.advance(ms(by));
    }

    fn run(&mut self, promise: Held) -> String {
        let home = promise.home;
        let Some(reactor) = self.reactor(home) else {
            return "nowhere".into();
        };
        let ended = promise.promise.run(&reactor);
        self.release(home, reactor);
        ended
    }

    fn enter(&mut self, reactor: usize) {
        self.0.top.set(reactor);
    }

    fn close(&mut self, reactor: usize) {
        let taken = self.0.reactors.borrow_mut()[reactor].take();
        if let Some(taken) = taken {
            self.release(reactor, taken);
        }
    }
}

async fn coroutine(
    mut stage: Real,
    home: usize,
    awaits: Vec<Awaiting>,
    closure: Closure,
) -> evcore::Result<Item> {
    for step in &awaits {
        let Some(held) = play::awaited(&mut stage, step, home) else {
            continue;
        };
        let got = held.promise.into_await(step.shared).await;
        let shown = got
            .as_ref()
            .map_or_else(|error| format!("!{}", text(error)), String::clone);
        play::say(&mut stage, format!("c{} awaited {shown}", closure.name));
        if step.bail
            && let Err(error) = got
        {
            closure.spent.set(true);
            return Err(error);
        }
    }
    let line = format!("c{}(end)@{}", closure.name, stage.here());
    let verdict = closure.call_as(&mut stage, line, None, home);
    closure.spent.set(true);
    match verdict {
        Verdict::Panic => closure.panic(),
        Verdict::Fail(n) => Err(user(n)),
        Verdict::Value(n) => Ok(Item::of(n)),
        Verdict::Same | Verdict::Follow(_) => Ok(Item::of(0)),
    }
}

/// Plays the whole program; what was to be seen.
pub(crate) fn play(program: &Program, tie: bool) -> Vec<String> {
    let before = ALIVE.get();
    let mut stage = Real::new(tie, 3);
    let bottom = stage.0.reactors.borrow()[2].as_ref().map(Reactor::enter);
    for op in &program.ops {
        let top = stage.0.top.get();
        let skip = matches!(op, Op::Close(_));
        let reactor = if skip { None } else { stage.reactor(top) };
        let entered = reactor.as_ref().map(Reactor::enter);
        play::say(&mut stage, format!("- {}", play::brief(op)));
        play::perform(&mut stage, op);
        if let Some(reactor) = reactor {
            stage.release(top, (entered, reactor));
        }
    }
    play::finish(&mut stage);
    let mut log = stage.with(|tables| std::mem::take(&mut tables.log));
    // Nothing may be left: no value, no capture (P29).
    stage.with(|tables| tables.muted = true);
    let emptied = stage.with(|tables| std::mem::replace(tables, Tables::new(tie)));
    stage.with(|tables| tables.muted = true);
    drop(emptied);
    stage.0.reactors.borrow_mut().clear();
    drop(bottom);
    log.push(format!("alive {}", ALIVE.get() - before));
    log
}
