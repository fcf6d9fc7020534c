//! Plays a program on a machine: the model or the library. What an operation
//! picks, and in which order a script goes on, is decided here once for both;
//! what it *means* is decided by each machine for itself.

use std::rc::Rc;

use crate::program::{Attach, Awaiting, Deed, End, Ev, Join, Op, Pick, Script};

/// The type of a promise's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ty {
    Item,
    Unit,
    Many,
    Outcomes,
}

impl Ty {
    /// How a value of this type made of a number is shown.
    pub(crate) fn show(self, n: i64) -> String {
        match self {
            Ty::Item => n.to_string(),
            Ty::Unit => "()".into(),
            Ty::Many => format!("[{n}]"),
            Ty::Outcomes => format!("[ok {n}]"),
        }
    }
}

/// How deep turns may be nested: each takes some kilobytes of stack.
const NESTED: u32 = 12;

/// Everything a program has in its hands.
pub(crate) struct Tables<M: Machine> {
    pub(crate) handles: Vec<M::Handle>,
    pub(crate) owned: Vec<M::Handle>,
    pub(crate) resolvers: Vec<M::Resolver>,
    pub(crate) emitters: Vec<M::Emitter>,
    pub(crate) log: Vec<String>,
    /// Closures made so far: each is called by its number.
    pub(crate) closures: u32,
    /// Operations left: programs may feed themselves for ever.
    pub(crate) fuel: u32,
    /// Turns on the stack that a program has asked for.
    pub(crate) nested: u32,
    /// A reactor is closing: destructors only say that they ran.
    pub(crate) muted: bool,
    /// Runs under way; once something is forwarded there may be none, for
    /// events forwarded in a circle never run out.
    pub(crate) runs: Option<u32>,
    /// Whether promises of different reactors may be tied together.
    pub(crate) tie: bool,
}

impl<M: Machine> Tables<M> {
    pub(crate) fn new(tie: bool) -> Tables<M> {
        Tables {
            handles: vec![],
            owned: vec![],
            resolvers: vec![],
            emitters: vec![],
            log: vec![],
            closures: 0,
            fuel: 300,
            nested: 0,
            muted: false,
            runs: Some(0),
            tie,
        }
    }
}

/// How a script has ended.
pub(crate) enum Verdict<H> {
    Value(i64),
    Fail(i64),
    Same,
    Follow(H),
    Panic,
}

/// The operations of the library, as a program knows them.
pub(crate) trait Machine: Sized {
    type Handle;
    type Resolver;
    type Emitter;
    type Closure;

    fn with<R>(&mut self, see: impl FnOnce(&mut Tables<Self>) -> R) -> R;
    fn closure(
        &mut self,
        name: u32,
        script: &Rc<Script>,
        carried: Option<Self::Resolver>,
    ) -> Self::Closure;

    fn ty(&self, handle: &Self::Handle) -> Ty;
    fn home(&self, handle: &Self::Handle) -> usize;
    fn resolver_home(&self, resolver: &Self::Resolver) -> usize;
    fn here(&self) -> usize;

    fn pending(&mut self) -> (Self::Handle, Self::Resolver);
    fn ready(&mut self, n: i64) -> Self::Handle;
    fn failed(&mut self, n: i64) -> Self::Handle;
    fn attach(
        &mut self,
        kind: Attach,
        to: &Self::Handle,
        one: Self::Closure,
        two: Option<Self::Closure>,
    ) -> Self::Handle;
    fn fork(&mut self, of: &Self::Handle) -> Self::Handle;
    fn timeout(&mut self, of: Self::Handle, ms: u64) -> Self::Handle;
    fn dup(&mut self, of: &Self::Handle) -> Self::Handle;
    fn discard(&mut self, handle: Self::Handle);
    fn cancel(&mut self, handle: &Self::Handle);
    fn peek(&mut self, handle: &Self::Handle) -> String;
    /// `promise.owned()`, dropped.
    fn discard_owned(&mut self, handle: Self::Handle);
    fn on(&mut self, handle: Self::Handle, event: Ev, listener: Self::Closure) -> Self::Handle;
    fn resolve(&mut self, resolver: Self::Resolver, n: i64);
    fn reject(&mut self, resolver: Self::Resolver, n: i64);
    fn follow(&mut self, resolver: Self::Resolver, leader: Self::Handle);
    fn discard_resolver(&mut self, resolver: Self::Resolver);
    fn emit(&mut self, resolver: &Self::Resolver, event: Ev, n: i64);
    fn forward(&mut self, resolver: &Self::Resolver, event: Ev, from: &Self::Handle);
    fn on_cancel(&mut self, resolver: &Self::Resolver, hook: Self::Closure);
    fn is_wanted(&mut self, resolver: &Self::Resolver) -> bool;
    fn emitter(&mut self, resolver: &Self::Resolver) -> Self::Emitter;
    /// Emits by the emitter with that number.
    fn emit_by(&mut self, emitter: usize, event: Ev, n: i64);
    fn wants(&mut self, emitter: usize, event: Ev) -> bool;
    fn join(&mut self, kind: Join, parts: Vec<Self::Handle>) -> Self::Handle;
    fn sleep(&mut self, ms: u64) -> Self::Handle;
    fn interval(&mut self, ms: u64) -> Self::Handle;
    fn defer(&mut self, closure: Self::Closure);
    fn spawn(&mut self, awaits: &[Awaiting], closure: Self::Closure) -> Self::Handle;
    fn turn(&mut self, reactor: usize);
    fn advance(&mut self, ms: u64);
    fn run(&mut self, promise: Self::Handle) -> String;
    /// The reactor in which the top level goes on.
    fn enter(&mut self, reactor: usize);
    fn close(&mut self, reactor: usize);
}

fn index(pick: Pick, length: usize) -> Option<usize> {
    let (near, pick) = (pick & 1 == 1, usize::from(pick >> 1));
    match length {
        0 => None,
        _ if near => Some(length - 1 - pick % length.min(3)),
        _ => Some(pick % length),
    }
}

/// A second handle of one of the promises.
fn hold<M: Machine>(m: &mut M, pick: Pick) -> Option<M::Handle> {
    borrow(m, pick, |_, _| true)
}

fn borrow<M: Machine>(
    m: &mut M,
    pick: Pick,
    fits: impl Fn(&M, &M::Handle) -> bool,
) -> Option<M::Handle> {
    let handle = take(m, pick, fits)?;
    let second = m.dup(&handle.1);
    m.with(|tables| tables.handles.insert(handle.0, handle.1));
    Some(second)
}

/// Takes one of the handles that fit out of the table.
fn take<M: Machine>(
    m: &mut M,
    pick: Pick,
    fits: impl Fn(&M, &M::Handle) -> bool,
) -> Option<(usize, M::Handle)> {
    let handles = m.with(|tables| std::mem::take(&mut tables.handles));
    let fitting: Vec<usize> = (0..handles.len())
        .filter(|&at| fits(m, &handles[at]))
        .collect();
    let at = index(pick, fitting.len()).map(|at| fitting[at]);
    m.with(|tables| tables.handles = handles);
    at.map(|at| (at, m.with(|tables| tables.handles.remove(at))))
}

fn take_resolver<M: Machine>(m: &mut M, pick: Pick) -> Option<M::Resolver> {
    m.with(|tables| {
        let at = index(pick, tables.resolvers.len())?;
        Some(tables.resolvers.remove(at))
    })
}

fn keep<M: Machine>(m: &mut M, handle: M::Handle) {
    m.with(|tables| tables.handles.push(handle));
}

fn keep_resolver<M: Machine>(m: &mut M, resolver: M::Resolver) {
    m.with(|tables| tables.resolvers.push(resolver));
}

pub(crate) fn say<M: Machine>(m: &mut M, line: String) {
    m.with(|tables| tables.log.push(line));
}

fn closure<M: Machine>(m: &mut M, script: &Rc<Script>) -> M::Closure {
    let carried = script.carry.and_then(|(pick, _)| take_resolver(m, pick));
    let name = m.with(|tables| {
        tables.closures += 1;
        tables.closures
    });
    m.closure(name, script, carried)
}

/// What a callback does first with the resolver it has captured; gives back
/// the resolver if it goes on holding it.
pub(crate) fn settle_carried<M: Machine>(
    m: &mut M,
    script: &Script,
    carried: Option<M::Resolver>,
) -> Option<M::Resolver> {
    let (resolver, deed) = (carried?, script.carry?.1);
    match deed {
        Deed::Hold => return Some(resolver),
        Deed::Resolve(n) => m.resolve(resolver, n),
        Deed::Reject(n) => m.reject(resolver, n),
        Deed::Release => keep_resolver(m, resolver),
    }
    None
}

/// Plays a script's operations. `want` is the type of promise it may return,
/// if it may return one; its own promise lives in reactor `home`.
pub(crate) fn enact<M: Machine>(
    m: &mut M,
    script: &Script,
    want: Option<Ty>,
    home: usize,
) -> Verdict<M::Handle> {
    perform_all(m, &script.ops);
    let tie = m.with(|tables| tables.tie);
    let fits =
        |m: &M, handle: &M::Handle| Some(m.ty(handle)) == want && (tie || m.home(handle) == home);
    match script.end {
        End::Value(n) => Verdict::Value(n),
        End::Fail(n) => Verdict::Fail(n),
        End::Same => Verdict::Same,
        End::Panic => Verdict::Panic,
        End::Follow(pick) => borrow(m, pick, fits).map_or(Verdict::Value(0), Verdict::Follow),
        End::FollowTaken(pick) => {
            take(m, pick, fits).map_or(Verdict::Value(0), |taken| Verdict::Follow(taken.1))
        }
    }
}

/// The promise a coroutine is to await next.
pub(crate) fn awaited<M: Machine>(
    m: &mut M,
    awaiting: &Awaiting,
    home: usize,
) -> Option<M::Handle> {
    let tie = m.with(|tables| tables.tie);
    let fits = |m: &M, handle: &M::Handle| tie || m.home(handle) == home;
    match awaiting.take {
        true => take(m, awaiting.pick, fits).map(|taken| taken.1),
        false => borrow(m, awaiting.pick, fits),
    }
}

pub(crate) fn perform_all<M: Machine>(m: &mut M, ops: &[Op]) {
    for op in ops {
        perform(m, op);
    }
}

pub(crate) fn perform<M: Machine>(m: &mut M, op: &Op) {
    let spent = m.with(|tables| {
        let spent = tables.fuel == 0;
        tables.fuel = tables.fuel.saturating_sub(1);
        spent
    });
    if !spent {
        _ = attempt(m, op);
    }
}

/// Does what `op` says; `None` if there is nothing to do it with.
fn attempt<M: Machine>(m: &mut M, op: &Op) -> Option<()> {
    match op {
        Op::Pending => {
            let (handle, resolver) = m.pending();
            keep(m, handle);
            keep_resolver(m, resolver);
        }
        &Op::Ready(n) => {
            let handle = m.ready(n);
            keep(m, handle);
        }
        &Op::Failed(n) => {
            let handle = m.failed(n);
            keep(m, handle);
        }
        Op::Attach(kind, pick, one, two) => {
            let source = hold(m, *pick)?;
            let one = closure(m, one);
            let two = (*kind == Attach::ThenOr).then(|| closure(m, two));
            let derived = m.attach(*kind, &source, one, two);
            m.discard(source);
            keep(m, derived);
        }
        &Op::Fork(pick) => {
            let source = hold(m, pick)?;
            let fork = m.fork(&source);
            m.discard(source);
            keep(m, fork);
        }
        &Op::Timeout(pick, ms) => {
            let (_, source) = take(m, pick, |_, _| true)?;
            let limited = m.timeout(source, ms);
            keep(m, limited);
        }
        &Op::Clone(pick) => {
            let handle = hold(m, pick)?;
            keep(m, handle);
        }
        &Op::Drop(pick) => {
            let (_, handle) = take(m, pick, |_, _| true)?;
            m.discard(handle);
        }
        &Op::Cancel(pick) => {
            let handle = hold(m, pick)?;
            m.cancel(&handle);
            m.discard(handle);
        }
        &Op::Peek(pick) => {
            let handle = hold(m, pick)?;
            let seen = m.peek(&handle);
            say(m, format!("peek {seen}"));
            m.discard(handle);
        }
        &Op::Own(pick) => {
            let (_, handle) = take(m, pick, |_, _| true)?;
            m.with(|tables| tables.owned.push(handle));
        }
        &Op::DropOwned(pick) => {
            let owned = m.with(|tables| {
                let at = index(pick, tables.owned.len())?;
                Some(tables.owned.remove(at))
            })?;
            m.discard_owned(owned);
        }
        Op::On(pick, event, script) => {
            let handle = hold(m, *pick)?;
            let listener = closure(m, script);
            let handle = m.on(handle, *event, listener);
            m.discard(handle);
        }
        _ => return attempt_writing(m, op),
    }
    Some(())
}

fn attempt_writing<M: Machine>(m: &mut M, op: &Op) -> Option<()> {
    match op {
        &Op::Resolve(pick, n) => {
            let resolver = take_resolver(m, pick)?;
            m.resolve(resolver, n);
        }
        &Op::Reject(pick, n) => {
            let resolver = take_resolver(m, pick)?;
            m.reject(resolver, n);
        }
        &Op::Follow(pick, leader, whole) => {
            let resolver = take_resolver(m, pick)?;
            let tie = m.with(|tables| tables.tie);
            let home = m.resolver_home(&resolver);
            let fits = |m: &M, handle: &M::Handle| {
                m.ty(handle) == Ty::Item && (tie || m.home(handle) == home)
            };
            let leader = match whole {
                true => take(m, leader, fits).map(|taken| taken.1),
                false => borrow(m, leader, fits),
            };
            match leader {
                Some(leader) => m.follow(resolver, leader),
                None => keep_resolver(m, resolver),
            }
        }
        &Op::DropResolver(pick) => {
            let resolver = take_resolver(m, pick)?;
            m.discard_resolver(resolver);
        }
        &Op::Emit(pick, event, n) => {
            let resolver = take_resolver(m, pick)?;
            m.emit(&resolver, event, n);
            keep_resolver(m, resolver);
        }
        &Op::Forward(pick, event, from) => {
            let free = m.with(|tables| tables.runs.unwrap_or(0) == 0);
            free.then(|| m.with(|tables| tables.runs = None))?;
            let resolver = take_resolver(m, pick)?;
            if let Some(from) = hold(m, from) {
                m.forward(&resolver, event, &from);
                m.discard(from);
            }
            keep_resolver(m, resolver);
        }
        Op::OnCancel(pick, script) => {
            let resolver = take_resolver(m, *pick)?;
            let hook = closure(m, script);
            m.on_cancel(&resolver, hook);
            keep_resolver(m, resolver);
        }
        &Op::IsWanted(pick) => {
            let resolver = take_resolver(m, pick)?;
            let wanted = m.is_wanted(&resolver);
            say(m, format!("wanted {wanted}"));
            keep_resolver(m, resolver);
        }
        &Op::Emitter(pick) => {
            let resolver = take_resolver(m, pick)?;
            let emitter = m.emitter(&resolver);
            m.with(|tables| tables.emitters.push(emitter));
            keep_resolver(m, resolver);
        }
        &Op::EmitBy(pick, event, n) => {
            let at = m.with(|tables| index(pick, tables.emitters.len()))?;
            m.emit_by(at, event, n);
        }
        &Op::Wants(pick, event) => {
            let at = m.with(|tables| index(pick, tables.emitters.len()))?;
            let wants = m.wants(at, event);
            say(m, format!("wants {wants}"));
        }
        _ => return attempt_rest(m, op),
    }
    Some(())
}

fn attempt_rest<M: Machine>(m: &mut M, op: &Op) -> Option<()> {
    match op {
        Op::Join(kind, picks) => {
            let tie = m.with(|tables| tables.tie);
            let here = m.here();
            let fits = |m: &M, handle: &M::Handle| {
                m.ty(handle) == Ty::Item && (tie || m.home(handle) == here)
            };
            let mut parts = Vec::new();
            for &pick in picks {
                parts.extend(borrow(m, pick, fits));
            }
            let whole = m.join(*kind, parts);
            keep(m, whole);
        }
        &Op::Sleep(ms) => {
            let handle = m.sleep(ms);
            keep(m, handle);
        }
        &Op::Interval(ms) => {
            let handle = m.interval(ms);
            keep(m, handle);
        }
        Op::Defer(script) => {
            let deferred = closure(m, script);
            m.defer(deferred);
        }
        Op::Spawn(awaits, script) => {
            let coroutine = closure(m, script);
            let handle = m.spawn(awaits, coroutine);
            keep(m, handle);
        }
        &Op::Burst(pick, many) => {
            let source = hold(m, pick)?;
            let script = Script::plain();
            for _ in 0..many {
                let one = closure(m, &script);
                let derived = m.attach(Attach::Settled, &source, one, None);
                m.discard(derived);
            }
            m.discard(source);
        }
        &Op::Turn(reactor) => {
            let deep = m.with(|tables| tables.nested == NESTED);
            (!deep).then_some(())?;
            m.with(|tables| tables.nested += 1);
            m.turn(reactor);
            m.with(|tables| tables.nested -= 1);
        }
        &Op::Advance(ms) => m.advance(ms),
        &Op::Run(pick) => {
            let runs = m.with(|tables| tables.runs)?;
            let handle = hold(m, pick)?;
            let limited = m.timeout(handle, 7);
            m.with(|tables| tables.runs = Some(runs + 1));
            let ended = m.run(limited);
            m.with(|tables| tables.runs = Some(runs));
            say(m, format!("run {ended}"));
        }
        &Op::Enter(reactor) => m.enter(reactor),
        &Op::Close(reactor) => m.close(reactor),
        _ => unreachable!("handled before"),
    }
    Some(())
}

/// An operation's name, for the trace.
pub(crate) fn brief(op: &Op) -> String {
    let text = format!("{op:?}");
    text.split_once('(')
        .map_or(text.clone(), |(name, _)| name.into())
}

/// How every program ends: some turns, both reactors closed, and a look at
/// everything left.
pub(crate) fn finish<M: Machine>(m: &mut M) {
    say(m, "- end".into());
    m.with(|tables| tables.fuel = tables.fuel.min(100));
    for _ in 0..3 {
        m.turn(0);
        m.turn(1);
    }
    for reactor in [0, 1] {
        say(m, format!("- close {reactor}"));
        m.close(reactor);
    }
    say(m, "- left".into());
    let length = m.with(|tables| tables.handles.len());
    for at in 0..length {
        let handle = m.with(|tables| tables.handles.remove(at));
        let seen = m.peek(&handle);
        m.with(|tables| tables.handles.insert(at, handle));
        say(m, format!("left {seen}"));
    }
}
