//! P9 to P11: abandonment, panics, and the duty to look at an error.

use std::cell::Cell;
use std::error::Error as _;
use std::rc::Rc;

use evcore::{Error, Event, Kind, Promise, Unhandled, defer, ms, spawn};

use crate::stage::{OnDrop, Stage, pending, rejected};

fn error_of<T>(promise: &Promise<T>) -> Error {
    match promise.peek() {
        Some(Err(error)) => error.clone(),
        Some(Ok(_)) => panic!("it has a value"),
        None => panic!("it is pending"),
    }
}

#[test]
fn p09_a_resolver_dropped_unsettled_rejects_as_abandoned() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    drop(resolver);
    let error = error_of(&promise);
    assert_eq!(error.kind(), Kind::Abandoned);
    assert!(error.source().is_none());
    stage.settle();
}

#[test]
fn p09_the_error_that_stopped_the_closure_is_the_source() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    rejected("the disk is full").then(move |n| resolver.resolve(*n));
    stage.settle();
    let error = error_of(&promise);
    assert_eq!(error.kind(), Kind::Abandoned);
    assert_eq!(error.source().unwrap().to_string(), "the disk is full");
    assert!(error.to_string().contains("the disk is full"), "{error}");
}

#[test]
fn p09_so_for_every_kind_of_callback_an_error_passes_by() {
    let stage = Stage::new();
    let ((first, one), (second, two), (third, three)) = (pending(), pending(), pending());
    let failed = rejected("no");
    failed.and_then(move |n| {
        one.resolve(*n);
        Ok(())
    });
    failed.then_or(move |n| two.resolve(*n), |_| ());
    // A closure that never was called because its coroutine failed counts too.
    let task = spawn(async move { failed.await });
    task.then(move |n| three.resolve(*n));
    stage.settle();
    for promise in [first, second, third] {
        assert_eq!(error_of(&promise).source().unwrap().to_string(), "no");
    }
}

#[test]
fn p09_a_panic_is_the_source_too() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    Promise::ready(3).then(move |n| {
        assert!(*n != 3, "three");
        resolver.resolve(*n);
    });
    stage.settle();
    let error = error_of(&promise);
    assert_eq!(error.kind(), Kind::Abandoned);
    let source = error.source().unwrap().downcast_ref::<Error>().unwrap();
    assert_eq!(source.kind(), Kind::Panicked);
}

#[test]
fn p10_a_panic_rejects_the_derived_promise_with_message_and_place() {
    let stage = Stage::new();
    let promise = Promise::ready(3);
    let (line, broken) = (line!(), promise.then(|n| -> () { panic!("no {n}") }));
    let formatted = promise.settled(|_| std::panic::panic_any(17));
    promise.then(stage.log.writer());
    stage.settle();
    let error = error_of(&broken);
    assert_eq!(error.kind(), Kind::Panicked);
    assert!(error.to_string().contains("no 3"), "{error}");
    let place = error.place().unwrap();
    assert_eq!((place.file(), place.line()), (file!(), line));
    let error: Error = error_of::<()>(&formatted);
    assert_eq!(error.kind(), Kind::Panicked);
    stage.log.expect(&["3"]);
}

#[test]
fn p10_every_kind_of_user_code_may_panic_and_the_loop_goes_on() {
    const NEWS: Event<i32> = Event::new("news");
    let stage = Stage::new();
    let (promise, resolver) = pending();
    _ = promise.clone().on(NEWS, |_| panic!("listener"));
    let (stopped, stopped_resolver) = pending();
    stopped_resolver.on_cancel(|| panic!("hook"));
    resolver.emit(NEWS, 1);
    stopped.cancel();
    assert!(stage.reactor.remote().post(|| panic!("post")));
    defer(|| panic!("deferred"));
    let task = spawn::<()>(async { panic!("coroutine") });
    let join = Promise::all([Promise::ready(Unclonable), Promise::ready(Unclonable)]);
    stage.settle();
    promise.then(stage.log.writer());
    resolver.resolve(3);
    stage.settle();
    stage.log.expect(&["3"]);
    let reports = stage.reports();
    for word in ["listener", "hook", "post", "deferred"] {
        let said = |r: &&Unhandled| r.error.to_string().contains(&format!("panicked: {word}"));
        assert_eq!(
            reports.iter().filter(said).count(),
            1,
            "{word}: {reports:?}"
        );
    }
    assert_eq!(error_of(&task).kind(), Kind::Panicked);
    let error = match join.peek() {
        Some(Err(error)) => error.clone(),
        _ => panic!("the clone panicked"),
    };
    assert!(error.to_string().contains("clone"), "{error}");
}

struct Unclonable;

impl Clone for Unclonable {
    fn clone(&self) -> Unclonable {
        panic!("clone")
    }
}

#[test]
fn p10_no_global_panic_hook_is_touched() {
    let calls = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let here = std::thread::current().id();
    let old = std::panic::take_hook();
    std::panic::set_hook(Box::new({
        let calls = calls.clone();
        move |info| {
            if std::thread::current().id() == here {
                calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            } else {
                old(info);
            }
        }
    }));
    let stage = Stage::new();
    Promise::ready(3).then(|_| panic!("seen by the program's own hook"));
    stage.settle();
    assert_eq!(calls.load(std::sync::atomic::Ordering::Relaxed), 1);
    assert_eq!(stage.reports().len(), 1);
}

#[test]
fn p11_an_error_nobody_looks_at_is_reported_once_at_the_end_of_the_turn() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    promise.then(|n| n + 1).then(|n| n + 1);
    promise.fork();
    drop(promise);
    defer(move || resolver.reject("no"));
    let log = stage.log.clone();
    defer(move || log.add("after"));
    stage.settle();
    stage.log.expect(&["after"]);
    stage.expect_reports(&["no"]);
    stage.settle();
    stage.expect_reports(&[]);
}

#[test]
fn p11_the_essays_pair_of_callbacks_reports_nothing() {
    let stage = Stage::new();
    let job = rejected("no");
    let (shown, complained) = (
        stage.log.prefixed("show"),
        stage.log.prefixed::<Error>("sorry:"),
    );
    job.then(stage.log.writer());
    job.then_or(shown, complained);
    drop(job);
    stage.settle();
    stage.log.expect(&["sorry: no"]);
    stage.expect_reports(&[]);
}

#[test]
fn p11_looking_anywhere_ends_the_duty_for_all() {
    for way in 0..8 {
        let stage = Stage::new();
        let promise = rejected("no");
        promise.then(|n| n + 1);
        let carrier = match way % 2 {
            0 => promise.then(|n| n + 1),
            _ => promise.fork(),
        };
        stage.turn();
        match way {
            0 => _ = carrier.catch(|_| 0),
            1 => _ = carrier.or_else(|_| Ok(0)),
            2 => _ = carrier.then_or(|_| (), |_| ()),
            3 => _ = carrier.settled(|_| ()),
            4 => assert!(carrier.peek().unwrap().is_err()),
            5 => _ = spawn(async move { Ok(carrier.await.is_err()) }),
            6 => _ = spawn(async move { Ok(carrier.shared().await.is_err()) }),
            _ => assert!(stage.reactor.run(carrier).is_err()),
        }
        drop(promise);
        stage.settle();
        assert!(stage.reports().is_empty(), "way {way}");
    }
}

#[test]
fn p11_asking_whether_it_is_settled_is_not_looking() {
    let stage = Stage::new();
    let promise = rejected("no");
    assert!(promise.is_settled());
    drop(promise);
    stage.settle();
    stage.expect_reports(&["no"]);
}

#[test]
fn p11_an_await_that_never_returned_has_not_looked() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let awaiting = promise.clone().into_future();
    resolver.reject("no");
    drop(promise);
    drop(awaiting);
    stage.settle();
    stage.expect_reports(&["no"]);
}

#[test]
fn p11_returning_the_same_error_starts_a_new_duty() {
    let stage = Stage::new();
    let task = spawn({
        let failed = rejected("no");
        async move { failed.await }
    });
    let tried = rejected("nay").or_else(|error| Err::<i32, Error>(error.clone()));
    drop((task, tried));
    stage.settle();
    let mut said: Vec<_> = stage
        .reports()
        .iter()
        .map(|r| r.error.to_string())
        .collect();
    said.sort();
    assert_eq!(said, ["nay", "no"]);
}

#[test]
fn p11_following_and_joining_share_the_duty() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    resolver.follow(rejected("followed"));
    drop(promise);
    drop(Promise::all([rejected("joined"), Promise::ready(3)]));
    drop(Promise::race([rejected("raced")]));
    stage.settle();
    stage.expect_reports(&["followed", "joined", "raced"]);

    let (promise, resolver) = pending();
    let leader = rejected("looked at");
    resolver.follow(leader.clone());
    let all = Promise::all([leader]);
    stage.settle();
    promise.catch(|_| 0);
    drop((promise, all));
    stage.settle();
    stage.expect_reports(&[]);
}

#[test]
fn p11_cancelled_is_never_reported_nor_are_the_losers_of_a_join() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    promise.then(|n| n + 1);
    promise.cancel();
    drop((promise, resolver));
    drop(Promise::<i32>::failed(Kind::Cancelled));
    drop(Promise::race([
        Promise::ready(3),
        rejected("lost the race"),
    ]));
    drop(Promise::any([rejected("not the first"), Promise::ready(3)]));
    drop(Promise::all_settled([rejected("gathered")]));
    let (late, late_resolver) = pending();
    drop(Promise::race([Promise::ready(3), late.clone()]));
    stage.settle();
    late_resolver.reject("lost later");
    drop(late);
    stage.settle();
    stage.expect_reports(&[]);
    drop(Promise::any([rejected("one"), rejected("two")]));
    stage.settle();
    stage.expect_reports(&["all 2 failed; one; two"]);
}

#[test]
fn p11_the_place_is_that_of_the_last_promise_that_carried_it() {
    let stage = Stage::new();
    let promise = rejected("no");
    promise.then(|n| n + 1);
    let line = line!() + 1;
    promise.then(|n| n + 1).then(|n| n + 1);
    drop(promise);
    stage.settle();
    let reports = stage.reports();
    assert_eq!(reports.len(), 1);
    let place = reports[0].place.unwrap();
    assert_eq!((place.file(), place.line()), (file!(), line));
    assert!(reports[0].to_string().contains(file!()), "{}", reports[0]);
}

/// One line each: where it was made is what is reported.
#[test]
fn p11_every_function_that_makes_a_promise_knows_the_users_line() {
    type Make = (u32, fn() -> Promise<i32>);
    let makers: &[Make] = &[
        (line!(), || Promise::failed("no")),
        (line!(), || rejected("no")),
        (line!(), || rejected("no").then(|n| *n)),
        (line!(), || rejected("no").and_then(|n| Ok(*n))),
        (line!(), || rejected("no").catch(|_| panic!())),
        (line!(), || rejected("no").or_else(|e| Err(e.clone()))),
        (line!(), || rejected("no").then_or(|n| *n, |_| panic!())),
        (line!(), || rejected("no").settled(|_| panic!())),
        (line!(), || rejected("no").fork()),
        (line!(), || rejected("no").timeout(ms(1))),
        (line!(), || Promise::race([rejected("no")])),
        (line!(), || Promise::any([rejected("no")])),
        (line!(), || Promise::all([rejected("no")]).then(|_| 3)),
        (line!(), || Promise::race([])),
        (line!(), || Promise::any([])),
        (line!(), || spawn(async { Err("no".into()) })),
        (line!(), || evcore::sleep(ms(0)).then(|_| panic!())),
        (line!(), || Promise::from(Err(Error::from("no")))),
        (line!(), || pending().0),
        (line!(), || pending().0.timeout(ms(0))),
    ];
    for (line, make) in makers {
        let stage = Stage::new();
        drop(make());
        stage.pass(ms(5));
        stage.settle();
        let reports = stage.reports();
        assert_eq!(reports.len(), 1, "made at line {line}");
        let place = reports[0].place.expect("a place is known");
        assert_eq!((place.file(), place.line()), (file!(), *line));
    }
}

#[test]
fn p11_the_report_waits_for_the_last_handle() {
    let stage = Stage::new();
    let promise = rejected("no");
    stage.settle();
    stage.expect_reports(&[]);
    drop(promise);
    stage.settle();
    stage.expect_reports(&["no"]);
}

#[test]
fn p11_the_hook_may_do_anything() {
    let stage = Stage::new();
    let rounds = Rc::new(Cell::new(0));
    let dropped = Rc::new(Cell::new(false));
    let guard = OnDrop({
        let dropped = dropped.clone();
        move || dropped.set(true)
    });
    stage.reactor.on_unhandled({
        let rounds = rounds.clone();
        let reactor = stage.reactor.clone();
        move |_| {
            let _held = &guard;
            rounds.set(rounds.get() + 1);
            match rounds.get() {
                1 => drop(rejected("another")),
                2 => reactor.on_unhandled(|_| ()),
                _ => unreachable!("it was replaced"),
            }
            panic!("in the hook itself");
        }
    });
    drop(rejected("first"));
    stage.settle();
    assert_eq!(rounds.get(), 2);
    assert!(dropped.get(), "the replaced hook is let go of");
}
