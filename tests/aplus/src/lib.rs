//! evcore's promises for node, as little as the Promises/A+ suite needs.
//!
//! Values, functions and promises cross as numbers: values and functions lie
//! in a table on JavaScript's side, promises here. What makes a promise
//! simple (once, later, in order, following, cycles) is evcore's; only
//! thenables of foreign make are unpacked over there, in `adapter.js`. No
//! rule is implemented here.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::time::Duration;

use evcore::{Error, Kind, Promise, Reactor, Resolver};
use napi::bindgen_prelude::{Env, FnArgs, Function, FunctionRef, Result};
use napi_derive::napi;

/// A value, function or promise by its number.
type Number = u32;

/// What this binding calls on JavaScript's side.
struct Adapter {
    env: Env,
    /// Calls function with argument; gives the promise of what came out.
    call: FunctionRef<FnArgs<(Number, Number)>, Number>,
    /// Gives a promise for a value: the same if it is one, else a new one.
    assimilate: FunctionRef<Number, Number>,
    /// Puts evcore's own error in the table of values.
    explain: FunctionRef<FnArgs<(String, bool)>, Number>,
}

#[derive(Default)]
struct Binding {
    adapter: RefCell<Option<Adapter>>,
    promises: RefCell<Vec<Pledge>>,
    /// Break P4 on purpose: call back at once if the promise is settled.
    at_once: Cell<bool>,
}

struct Pledge {
    promise: Promise<Number>,
    resolver: Option<Resolver<Number>>,
}

thread_local! {
    static HERE: Binding = Binding::default();
}

/// A reason for rejection: JavaScript allows any value.
#[derive(Debug)]
struct Reason(Number);

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rejected with value number {}", self.0)
    }
}

impl std::error::Error for Reason {}

/// Begins: makes the reactor a guest of node's loop, which `wake` asks to
/// call [`turn`] soon.
#[napi]
pub fn begin(
    env: Env,
    wake: Function<'_, (), ()>,
    call: Function<'_, FnArgs<(u32, u32)>, u32>,
    assimilate: Function<'_, u32, u32>,
    explain: Function<'_, FnArgs<(String, bool)>, u32>,
    at_once: bool,
) -> Result<()> {
    let adapter = Adapter {
        env,
        call: call.create_ref()?,
        assimilate: assimilate.create_ref()?,
        explain: explain.create_ref()?,
    };
    HERE.with(|here| {
        here.adapter.replace(Some(adapter));
        here.at_once.set(at_once);
    });
    let (wake, reactor) = (wake.create_ref()?, Reactor::current());
    reactor.on_wake(move || {
        let woken = wake.borrow_back(&env).and_then(|wake| wake.call(()));
        woken.expect("waking only sets an immediate");
    });
    // The suite rejects much that nobody looks at.
    reactor.on_unhandled(|_| ());
    Ok(())
}

/// Turns once, without waiting; true if there is more to deliver.
#[napi]
pub fn turn() -> bool {
    Reactor::current().turn(Duration::ZERO).more
}

/// A pending promise, to be settled by its number.
#[napi]
pub fn pending() -> Number {
    let (promise, resolver) = Promise::pending();
    keep(promise, Some(resolver))
}

/// Resolves with `value`, which may be a promise or a thenable. Only the
/// first attempt counts: it takes the resolver.
#[napi]
pub fn resolve(promise: Number, value: Number) -> Result<()> {
    match take_resolver(promise) {
        Some(resolver) => follow(
            resolver,
            ask(|a| a.assimilate.borrow_back(&a.env)?.call(value)),
        ),
        None => Ok(()),
    }
}

/// Fulfils with a value that is known not to be a thenable.
#[napi]
pub fn fulfil(promise: Number, value: Number) {
    if let Some(resolver) = take_resolver(promise) {
        resolver.resolve(value);
    }
}

/// Rejects with any value as the reason.
#[napi]
pub fn reject(promise: Number, reason: Number) {
    if let Some(resolver) = take_resolver(promise) {
        resolver.reject(Error::new(Reason(reason)));
    }
}

/// JavaScript's `then`: evcore's `settled`, and a promise that follows what
/// the callback returned.
#[napi]
pub fn then(promise: Number, fulfilled: Option<Number>, rejected: Option<Number>) -> Number {
    let source = promise_of(promise);
    let (derived, resolver) = Promise::pending();
    let step = move |outcome: evcore::Result<&Number, &Error>| {
        let (callback, argument) = match outcome {
            Ok(value) => (fulfilled, *value),
            Err(error) => (rejected, reason_of(error)),
        };
        match (callback, outcome) {
            (Some(callback), _) => {
                let arguments = FnArgs::from((callback, argument));
                let called = ask(|a| a.call.borrow_back(&a.env)?.call(arguments));
                follow(resolver, called).expect("the adapter catches what is thrown");
            }
            (None, Ok(value)) => resolver.resolve(*value),
            (None, Err(error)) => resolver.reject(error.clone()),
        }
    };
    match source.peek() {
        Some(outcome) if HERE.with(|here| here.at_once.get()) => step(outcome),
        _ => drop(source.settled(step)),
    }
    keep(derived, None)
}

/// Has the promise follow the one that JavaScript's side answered with.
fn follow(resolver: Resolver<Number>, answer: Result<Number>) -> Result<()> {
    resolver.follow(promise_of(answer?));
    Ok(())
}

/// The value a promise was rejected with; evcore's own errors become
/// JavaScript's, a cycle the `TypeError` that the specification wants.
fn reason_of(error: &Error) -> Number {
    if let Some(Reason(number)) = error.downcast_ref() {
        return *number;
    }
    let (text, is_cycle) = (error.to_string(), error.kind() == Kind::Cycle);
    let explained = ask(|a| {
        a.explain
            .borrow_back(&a.env)?
            .call(FnArgs::from((text, is_cycle)))
    });
    explained.expect("explaining only makes an error object")
}

fn ask<T>(question: impl FnOnce(&Adapter) -> Result<T>) -> Result<T> {
    HERE.with(|here| question(here.adapter.borrow().as_ref().expect("`begin` comes first")))
}

fn keep(promise: Promise<Number>, resolver: Option<Resolver<Number>>) -> Number {
    HERE.with(|here| {
        let mut promises = here.promises.borrow_mut();
        promises.push(Pledge { promise, resolver });
        Number::try_from(promises.len() - 1).expect("a test run makes fewer")
    })
}

fn promise_of(number: Number) -> Promise<Number> {
    HERE.with(|here| here.promises.borrow()[number as usize].promise.clone())
}

fn take_resolver(number: Number) -> Option<Resolver<Number>> {
    HERE.with(|here| here.promises.borrow_mut()[number as usize].resolver.take())
}
