//! P1 to P8: how promises settle, and who is told.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use evcore::{Error, Kind, Promise, Reactor, ms, spawn};

use crate::stage::{Stage, pending, rejected};

/// The rest of P1, that settling twice does not compile, is a doctest of
/// `Resolver`.
#[test]
fn p01_settles_once_as_a_value() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    assert!(!promise.is_settled() && promise.peek().is_none());
    resolver.resolve(3);
    assert!(promise.is_settled());
    assert_eq!(*promise.peek().unwrap().unwrap(), 3);
    stage.settle();
    assert_eq!(*promise.peek().unwrap().unwrap(), 3);
}

#[test]
fn p01_settles_once_as_an_error() {
    let _stage = Stage::new();
    let promise = rejected("no");
    assert_eq!(promise.peek().unwrap().unwrap_err().to_string(), "no");
}

#[test]
fn p01_a_cancelled_promise_stays_cancelled() {
    let _stage = Stage::new();
    let (promise, resolver) = pending();
    promise.cancel();
    resolver.resolve(3);
    assert!(promise.peek().unwrap().unwrap_err().is_cancelled());
}

#[test]
fn p01_settle_takes_either() {
    let _stage = Stage::new();
    let (value, resolver) = pending();
    resolver.settle(Ok(3));
    assert_eq!(*value.peek().unwrap().unwrap(), 3);
    let (error, resolver) = pending();
    resolver.settle(Err("no".into()));
    assert_eq!(error.peek().unwrap().unwrap_err().to_string(), "no");
}

#[test]
fn p02_every_callback_gets_the_same_value_by_reference() {
    let stage = Stage::new();
    let (promise, resolver) = Promise::<Vec<u8>>::pending();
    let seen = Rc::new(RefCell::new(Vec::new()));
    for _ in 0..3 {
        let seen = seen.clone();
        promise.then(move |bytes| seen.borrow_mut().push(bytes.as_ptr()));
    }
    resolver.resolve(vec![1, 2, 3]);
    let late = seen.clone();
    promise.then(move |bytes| late.borrow_mut().push(bytes.as_ptr()));
    stage.settle();
    let seen = seen.borrow();
    assert_eq!(seen.len(), 4);
    assert!(
        seen.iter().all(|at| *at == seen[0]),
        "one value, never copied"
    );
}

#[test]
fn p02_nothing_a_callback_does_changes_what_the_others_get() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let line = line!() + 1;
    promise.then(|_| panic!("mine alone"));
    promise.then(|n| n + 100);
    promise.and_then(|_| Err::<i32, Error>("mine alone too".into()));
    let cancelled = promise.then(|_| unreachable!("taken back"));
    cancelled.cancel();
    promise.then(stage.log.writer());
    resolver.resolve(3);
    stage.settle();
    stage.log.expect(&["3"]);
    stage.expect_reports(&[
        &format!("panicked: mine alone (attached at {}:{line}:13)", file!()),
        "mine alone too",
    ]);
}

#[test]
fn p02_a_value_changed_from_inside_a_cell_is_still_the_same_value() {
    let stage = Stage::new();
    let promise = Promise::ready(Cell::new(1));
    promise.then(|n| n.set(n.get() + 1));
    let log = stage.log.clone();
    promise.then(move |n| log.add(n.get()));
    stage.settle();
    stage.log.expect(&["2"]);
}

#[test]
fn p03_then_returns_a_new_promise_and_leaves_the_old_one() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let plus4 = promise.then(|n| n + 4);
    let text = promise.settled(|outcome| format!("{:?}", outcome.is_ok()));
    let either = promise.then_or(|n| n * 2, |_| 0);
    resolver.resolve(3);
    stage.settle();
    assert_eq!(*promise.peek().unwrap().unwrap(), 3);
    assert_eq!(*plus4.peek().unwrap().unwrap(), 7);
    assert_eq!(text.peek().unwrap().unwrap(), "true");
    assert_eq!(*either.peek().unwrap().unwrap(), 6);
}

#[test]
fn p03_a_result_or_promise_returned_from_then_is_a_plain_value() {
    let stage = Stage::new();
    let result = Promise::ready(3).then(|_| Err::<i32, &str>("a value, not a failure"));
    let nested = Promise::ready(3).then(|n| Promise::ready(n + 1));
    stage.settle();
    assert!(result.peek().unwrap().unwrap().is_err());
    let inner = nested.peek().unwrap().unwrap();
    assert_eq!(*inner.peek().unwrap().unwrap(), 4);
    stage.expect_reports(&[]);
}

#[test]
fn p04_no_callback_runs_inside_the_call_that_attached_it() {
    let stage = Stage::new();
    let promise = Promise::ready(3);
    promise.then(stage.log.writer());
    stage.log.add("attached");
    stage.settle();
    stage.log.expect(&["attached", "3"]);
}

#[test]
fn p04_no_callback_runs_inside_resolve() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    promise.then(stage.log.writer());
    let log = stage.log.clone();
    evcore::defer(move || {
        resolver.resolve(3);
        log.add("resolved");
    });
    stage.settle();
    stage.log.expect(&["resolved", "3"]);
}

#[test]
fn p04_attached_after_settling_it_runs_in_the_same_delivery() {
    let stage = Stage::new();
    let (promise, log) = (Promise::ready(3), stage.log.clone());
    promise.then({
        let promise = promise.clone();
        move |_| {
            promise.then(log.prefixed("late"));
            log.add("first");
        }
    });
    promise.then(stage.log.prefixed("second"));
    assert!(!stage.turn().more, "one turn is enough");
    stage.log.expect(&["first", "second 3", "late 3"]);
}

#[test]
fn p04_spawn_first_polls_from_the_turn() {
    let stage = Stage::new();
    let log = stage.log.clone();
    let _task = spawn(async move {
        log.add("polled");
        Ok(())
    });
    stage.log.add("spawned");
    stage.settle();
    stage.log.expect(&["spawned", "polled"]);
}

#[test]
fn p05_callbacks_run_in_the_order_attached_each_once() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    for n in 0..100 {
        let log = stage.log.clone();
        match n % 4 {
            0 => _ = promise.then(move |_| log.add(n)),
            1 => _ = promise.settled(move |_| log.add(n)),
            2 => _ = promise.then_or(move |_| log.add(n), |_| ()),
            _ => {
                let promise = promise.clone();
                let awaiting = promise.into_future();
                _ = spawn(async move {
                    awaiting.await?;
                    log.add(n);
                    Ok(())
                });
            }
        }
    }
    stage.settle();
    resolver.resolve(3);
    stage.settle();
    let sync: Vec<_> = stage.log.take();
    assert_eq!(sync.len(), 100);
    // A coroutine takes one more step, its poll; among themselves both kinds
    // keep the order in which they came.
    let (tasks, callbacks): (Vec<i32>, Vec<i32>) = sync
        .iter()
        .map(|line| line.parse::<i32>().unwrap())
        .partition(|n| n % 4 == 3);
    assert!(callbacks.is_sorted() && tasks.is_sorted());
}

#[test]
fn p05_awaits_and_callbacks_wait_in_one_line() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    // Each waiter hands on to one more step, so that the steps are alike.
    for n in 0..6 {
        let log = stage.log.clone();
        if n % 2 == 0 {
            let awaiting = promise.clone().into_future();
            _ = spawn(async move {
                awaiting.await?;
                log.add(n);
                Ok(())
            });
            stage.settle();
        } else {
            promise.then(|_| ()).then(move |_| log.add(n));
        }
    }
    resolver.resolve(3);
    stage.settle();
    stage.log.expect(&["0", "1", "2", "3", "4", "5"]);
}

#[test]
fn p06_an_error_passes_thens_by_and_stays_the_same_error() {
    let stage = Stage::new();
    let last = rejected("no")
        .then(|n| n + 1)
        .then(|n| n * 2)
        .and_then(|n| Ok(n - 1));
    stage.settle();
    assert_eq!(last.peek().unwrap().unwrap_err().to_string(), "no");
    let caught = last.catch(|error| error.to_string().len() as i32);
    stage.settle();
    assert_eq!(*caught.peek().unwrap().unwrap(), 2);
}

#[test]
fn p06_and_then_follows_a_promise_or_a_result() {
    let stage = Stage::new();
    let late = Promise::ready(3).and_then(|&n| evcore::sleep(ms(5)).then(move |_| n + 4));
    let good = Promise::ready(3).and_then(|&n| Ok(n + 1));
    let bad = Promise::ready(3).and_then(|_| Err::<(), Error>("no".into()));
    stage.settle();
    assert!(!late.is_settled());
    assert_eq!(*good.peek().unwrap().unwrap(), 4);
    assert_eq!(bad.peek().unwrap().unwrap_err().to_string(), "no");
    stage.pass(ms(5));
    assert_eq!(*late.peek().unwrap().unwrap(), 7);
}

#[test]
fn p06_or_else_tries_again_and_leaves_values_alone() {
    let stage = Stage::new();
    let again = rejected("no").or_else(|_| Promise::ready(5));
    let untouched = Promise::ready(3).or_else(|_| Err::<i32, Error>("unused".into()));
    stage.settle();
    assert_eq!(*again.peek().unwrap().unwrap(), 5);
    assert_eq!(*untouched.peek().unwrap().unwrap(), 3);
}

#[test]
fn p06_following_oneself_is_a_cycle() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    resolver.follow(promise.clone());
    assert_eq!(promise.peek().unwrap().unwrap_err().kind(), Kind::Cycle);
    stage.settle();
}

#[test]
fn p06_an_and_then_that_returns_its_own_promise_is_a_cycle() {
    let stage = Stage::new();
    let own: Rc<RefCell<Option<Promise<i32>>>> = Rc::default();
    let promise = Promise::ready(3).and_then({
        let own = own.clone();
        move |_| own.borrow().clone().unwrap()
    });
    own.replace(Some(promise.clone()));
    stage.settle();
    assert_eq!(promise.peek().unwrap().unwrap_err().kind(), Kind::Cycle);
}

#[test]
fn p06_a_longer_circle_never_settles_is_idle_and_dumped() {
    for length in 2..6 {
        let reactor = Reactor::new().unwrap();
        let _entered = reactor.enter();
        let (promises, resolvers): (Vec<_>, Vec<_>) = (0..length).map(|_| pending()).unzip();
        let next = promises.iter().cloned().cycle().skip(1);
        for (resolver, leader) in resolvers.into_iter().zip(next) {
            resolver.follow(leader);
        }
        let first = promises[0].clone();
        let error = reactor.run(first).unwrap_err();
        assert_eq!(error.kind(), Kind::Idle, "a circle of {length}");
        assert!(promises.iter().all(|promise| !promise.is_settled()));
        let dump = reactor.dump();
        assert!(dump.contains(file!()), "{dump}");
    }
}

#[test]
fn p06_a_circle_with_no_handles_left_is_idle_too() {
    for length in 2..6 {
        let reactor = Reactor::new().unwrap();
        let _entered = reactor.enter();
        let (first, resolver) = pending();
        let mut last = resolver;
        for _ in 1..length {
            let (promise, resolver) = pending();
            last.follow(promise);
            last = resolver;
        }
        last.follow(first.clone());
        assert_eq!(reactor.run(first).unwrap_err().kind(), Kind::Idle);
    }
}

/// P7 at its full million lies in `million.rs`.
#[test]
fn p07_nothing_recurses() {
    let chain = || {
        let stage = Stage::new();
        let (first, resolver) = pending();
        let mut last = first.clone();
        for n in 0..30_000 {
            last = match n % 3 {
                0 => last.then(|n| n + 1),
                1 => last.and_then(|n| Ok(n + 1)),
                _ => last.and_then(|n| Promise::ready(n + 1)),
            };
        }
        resolver.resolve(0);
        stage.settle();
        assert_eq!(*last.peek().unwrap().unwrap(), 30_000);
    };
    let thread = std::thread::Builder::new().stack_size(256 * 1_024);
    thread.spawn(chain).unwrap().join().unwrap();
}

/// The compiler's words are tested in `messages.rs`.
#[test]
fn p08_no_combinator_asks_for_clone() {
    #[derive(Debug)]
    struct Page(i32);

    let stage = Stage::new();
    let page = || Promise::ready(Page(3));
    let thens = [
        page().then(|page| Page(page.0 + 1)),
        page().and_then(|page| Promise::ready(Page(page.0))),
        page().catch(|_| Page(0)),
        page().or_else(|_| Ok(Page(0))),
        page().then_or(|page| Page(page.0), |_| Page(0)),
        page().settled(|outcome| Page(outcome.unwrap().0)),
        page().fork(),
        page().timeout(ms(1)),
        Promise::any([page(), page()]),
        Promise::race([page(), page()]),
    ];
    stage.settle();
    for promise in thens {
        assert!(promise.peek().unwrap().is_ok());
    }
    let sum = spawn(async move {
        let shared = page().shared().await?;
        let both = (shared.clone(), shared);
        Ok(both.0.0 + both.1.0)
    });
    assert_eq!(stage.reactor.run(sum).unwrap(), 6);
}
