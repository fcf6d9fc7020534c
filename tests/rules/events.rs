//! P17 to P21: typed events, their order, whose they are, late listeners.

use std::cell::Cell;
use std::rc::Rc;

use evcore::{Error, Event, Kind, Promise, ms, spawn_with};

use crate::stage::{Log, Stage, pending, rejected};

const NEWS: Event<i32> = Event::new("news");
const LEVEL: Event<i32> = Event::latest("level");

#[test]
fn p17_an_event_is_its_name_its_payloads_type_and_its_kind() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    _ = promise
        .on(NEWS, stage.log.prefixed("i32"))
        .on(Event::<u8>::new("news"), stage.log.prefixed("u8"))
        .on(Event::<i32>::new("views"), stage.log.prefixed("views"))
        .on(Event::<i32>::latest("news"), stage.log.prefixed("latest"));
    resolver.emit(NEWS, 1);
    resolver.emit(Event::<u8>::new("news"), 2);
    resolver.emit(Event::<i32>::latest("news"), 3);
    // Made again elsewhere, by the same name: the same event.
    resolver.emit(Event::<i32>::new("news"), 4);
    resolver.emit(Event::<i64>::new("news"), 5);
    stage.settle();
    stage.log.expect(&["i32 1", "u8 2", "latest 3", "i32 4"]);
    assert_eq!(NEWS.name(), "news");
    drop(resolver);
}

#[test]
fn p17_a_payload_need_be_neither_clone_nor_copy() {
    struct Chapter(String);
    const CHAPTER: Event<Chapter> = Event::new("book.chapter");

    let stage = Stage::new();
    let (promise, resolver) = pending();
    for word in ["one", "two"] {
        let log = stage.log.clone();
        let listener = move |chapter: &Chapter| log.add(format!("{word}: {}", chapter.0));
        _ = promise.clone().on(CHAPTER, listener);
    }
    resolver.emit(CHAPTER, Chapter("It was night".into()));
    stage.settle();
    stage
        .log
        .expect(&["one: It was night", "two: It was night"]);
    drop(resolver);
}

#[test]
fn p18_what_was_emitted_before_settling_is_delivered_before_its_callbacks() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    promise.then(stage.log.prefixed("value"));
    _ = promise.on(NEWS, stage.log.prefixed("news"));
    let emitter = resolver.emitter();
    resolver.emit(NEWS, 1);
    resolver.emit(NEWS, 2);
    resolver.resolve(3);
    emitter.emit(NEWS, 4);
    stage.settle();
    emitter.emit(NEWS, 5);
    stage.settle();
    stage.log.expect(&["news 1", "news 2", "value 3"]);
}

#[test]
fn p18_so_too_when_it_fails_and_when_the_budget_runs_out_between() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    promise.catch(|_| 0).then(stage.log.prefixed("caught"));
    let many = i32::try_from(evcore::limits::BUDGET).unwrap() + 10;
    let heard = Rc::new(Cell::new(0));
    let count = heard.clone();
    _ = promise.on(NEWS, move |&n| {
        assert_eq!(n, count.get());
        count.set(n + 1);
    });
    (0..many).for_each(|n| resolver.emit(NEWS, n));
    resolver.reject("no");
    assert!(stage.turn().more);
    stage.log.expect(&[]);
    stage.settle();
    assert_eq!(heard.get(), many);
    stage.log.expect(&["caught 0"]);
}

#[test]
fn p19_the_same_operation_hears_its_source() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let on = |promise: Promise<i32>, word| promise.on(NEWS, stage.log.prefixed(word));
    let same = [
        on(promise.clone().on(LEVEL, |_| ()), "on"),
        on(promise.clone().timeout(ms(100)), "timeout"),
        on(promise.fork(), "fork"),
        on(promise.catch(|_| 0), "catch"),
        on(promise.or_else(|_| Ok(0)), "or_else"),
        on(promise.fork().timeout(ms(100)).catch(|_| 0), "all of them"),
    ];
    let new = [
        on(promise.then(|n| *n), "then"),
        on(promise.and_then(|n| Ok(*n)), "and_then"),
        on(promise.settled(|_| 0), "settled"),
        on(Promise::race([promise.clone()]), "race"),
        on(Promise::any([promise.clone()]), "any"),
    ];
    resolver.emit(NEWS, 1);
    stage.settle();
    let heard = [
        "on 1",
        "timeout 1",
        "fork 1",
        "catch 1",
        "or_else 1",
        "all of them 1",
    ];
    stage.log.expect(&heard);
    drop((same, new, resolver));
}

#[test]
fn p19_a_timed_out_operation_is_heard_no_more() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let limited = promise
        .clone()
        .timeout(ms(10))
        .on(NEWS, stage.log.prefixed("limited"));
    let held = promise.on(NEWS, stage.log.prefixed("held"));
    stage.pass(ms(10));
    assert_eq!(limited.peek().unwrap().unwrap_err().kind(), Kind::TimedOut);
    resolver.emit(NEWS, 1);
    stage.settle();
    stage.log.expect(&["held 1"]);
    drop((held, resolver));
}

#[test]
fn p19_forward_and_all_with_say_so_openly() {
    let stage = Stage::new();
    let (source, emitting) = pending();
    let (promise, resolver) = pending();
    resolver.forward(NEWS, &source);
    _ = promise.on(NEWS, stage.log.prefixed("forwarded"));
    let (other, emitting_too) = pending();
    let sum = |parts: &[Option<i32>]| parts.iter().flatten().sum();
    let all = Promise::all_with(NEWS, [source, other], sum);
    let all = all.on(NEWS, stage.log.prefixed("sum"));
    emitting.emit(NEWS, 1);
    stage.settle();
    emitting_too.emit(NEWS, 20);
    stage.settle();
    stage.log.expect(&["forwarded 1", "sum 1", "sum 21"]);
    drop((all, resolver, emitting, emitting_too));
}

#[test]
fn p19_a_coroutine_emits_on_its_own_promise() {
    let stage = Stage::new();
    let task = spawn_with(|emitter| async move {
        emitter.emit(NEWS, 1);
        evcore::sleep(ms(1)).await?;
        emitter.emit(NEWS, 2);
        Ok(3)
    });
    task.then(stage.log.prefixed("value"));
    _ = task.on(NEWS, stage.log.prefixed("news"));
    stage.settle();
    stage.pass(ms(1));
    stage.log.expect(&["news 1", "news 2", "value 3"]);
}

#[test]
fn p20_a_listener_that_panics_is_reported_and_removed_and_that_is_all() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let line = line!() + 1;
    let promise = promise.on(NEWS, |n| panic!("at {n}"));
    let promise = promise.on(NEWS, stage.log.prefixed("news"));
    promise.then(stage.log.prefixed("value"));
    resolver.emit(NEWS, 1);
    resolver.emit(NEWS, 2);
    resolver.resolve(3);
    stage.settle();
    stage.log.expect(&["news 1", "news 2", "value 3"]);
    let reports = stage.reports();
    assert_eq!(reports.len(), 1, "heard no more");
    assert!(reports[0].error.to_string().contains("at 1"));
    let place = reports[0].place.unwrap();
    assert_eq!((place.file(), place.line()), (file!(), line));
}

#[test]
fn p20_a_listener_may_listen_emit_and_settle() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let (own, log) = (promise.clone(), stage.log.clone());
    let resolver = Cell::new(Some(resolver));
    let emitter = {
        let taken = resolver.take().unwrap();
        let emitter = taken.emitter();
        resolver.set(Some(taken));
        emitter
    };
    let again = emitter.clone();
    promise.then(stage.log.prefixed("value"));
    _ = promise.on(NEWS, move |&n| {
        log.add(format!("news {n}"));
        match n {
            1 => {
                _ = own.clone().on(NEWS, log.prefixed("newcomer"));
                again.emit(NEWS, 2);
            }
            _ => resolver.take().into_iter().for_each(|r| r.resolve(3)),
        }
    });
    emitter.emit(NEWS, 1);
    stage.settle();
    stage
        .log
        .expect(&["news 1", "news 2", "newcomer 2", "value 3"]);
}

#[test]
fn p21_a_late_listener_hears_what_comes_next() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    resolver.emit(NEWS, 1);
    let promise = promise.on(NEWS, stage.log.prefixed("first"));
    resolver.emit(NEWS, 2);
    // Undelivered still, but emitted before this one came.
    let promise = promise.on(NEWS, stage.log.prefixed("second"));
    stage.settle();
    stage.log.expect(&["first 2"]);
    resolver.emit(NEWS, 3);
    stage.settle();
    stage.log.expect(&["first 3", "second 3"]);
    drop((promise, resolver));
}

#[test]
fn p21_latest_is_coalesced_keeps_its_place_and_carries_the_newest() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let promise = promise.on(NEWS, stage.log.prefixed("news"));
    let promise = promise.on(LEVEL, stage.log.prefixed("level"));
    resolver.emit(NEWS, 1);
    resolver.emit(LEVEL, 10);
    resolver.emit(NEWS, 2);
    resolver.emit(LEVEL, 20);
    resolver.emit(LEVEL, 30);
    stage.settle();
    stage.log.expect(&["news 1", "level 30", "news 2"]);
    resolver.emit(LEVEL, 40);
    stage.settle();
    stage.log.expect(&["level 40"]);
    drop((promise, resolver));
}

#[test]
fn p21_latest_tells_a_newcomer_its_last_value_once_and_first() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    resolver.emit(LEVEL, 1);
    resolver.emit(LEVEL, 2);
    stage.settle();
    let promise = promise.on(LEVEL, stage.log.prefixed("newcomer"));
    stage.log.add("listening");
    stage.settle();
    stage.log.expect(&["listening", "newcomer 2"]);
    let promise = promise.on(LEVEL, stage.log.prefixed("second"));
    resolver.emit(LEVEL, 3);
    stage.settle();
    let heard: Vec<_> = stage.log.take();
    let of = |word: &str| {
        heard
            .iter()
            .filter(|l| l.starts_with(word))
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(of("newcomer"), ["newcomer 3"]);
    assert_eq!(of("second").last().unwrap(), "second 3");
    assert!(of("second").is_sorted(), "never an older one after a newer");
    drop((promise, resolver));
}

#[test]
fn p21_once_settled_a_newcomer_hears_nothing() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    resolver.emit(LEVEL, 1);
    resolver.resolve(3);
    _ = promise.on(LEVEL, stage.log.prefixed("too late"));
    stage.settle();
    stage.log.expect(&[]);
}

#[test]
fn p21_a_newcomer_on_a_fork_hears_the_last_value_too() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    resolver.emit(LEVEL, 1);
    let fork = promise.fork().on(LEVEL, stage.log.prefixed("fork"));
    stage.settle();
    stage.log.expect(&["fork 1"]);
    drop((fork, resolver));
}

#[test]
fn p21_wants_tells_whether_anybody_listens() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let emitter = resolver.emitter();
    assert!(!emitter.wants(NEWS));
    assert!(emitter.wants(LEVEL), "a newcomer may come");
    let promise = promise.on(NEWS, stage.log.writer());
    assert!(emitter.wants(NEWS) && !emitter.wants(Event::<u8>::new("news")));
    let fork = promise.fork();
    resolver.resolve(3);
    assert!(!emitter.wants(NEWS) && !emitter.wants(LEVEL));
    stage.settle();
    drop(fork);
}

#[test]
fn p21_a_cancelled_forks_listener_is_nobody() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let fork = promise.fork().on(NEWS, stage.log.writer());
    assert!(resolver.emitter().wants(NEWS));
    fork.cancel();
    assert!(!resolver.emitter().wants(NEWS), "its listener went with it");
    stage.settle();
}

#[test]
fn p21_an_unheard_payload_is_dropped_at_once() {
    let stage = Stage::new();
    let (promise, resolver) = Promise::<i32>::pending();
    let counted = Rc::new(());
    resolver.emit(Event::<Rc<()>>::new("plain"), counted.clone());
    assert_eq!(Rc::strong_count(&counted), 1);
    resolver.emit(Event::<Rc<()>>::latest("latest"), counted.clone());
    resolver.emit(Event::<Rc<()>>::latest("latest"), counted.clone());
    assert_eq!(Rc::strong_count(&counted), 2, "the newest is kept, no more");
    resolver.resolve(3);
    stage.settle();
    assert_eq!(Rc::strong_count(&counted), 1);
    drop(promise);
}

#[test]
fn p21_errors_do_not_disturb_events() {
    let stage = Stage::new();
    let log: Log = stage.log.clone();
    let tried = rejected("no").or_else(move |error: &Error| {
        let (again, resolver) = pending();
        log.add(format!("again after {error}"));
        evcore::sleep(ms(1)).then(move |_| {
            resolver.emit(NEWS, 1);
            resolver.resolve(3);
        });
        again
    });
    stage.settle();
    stage.pass(ms(1));
    assert_eq!(*tried.peek().unwrap().unwrap(), 3);
    stage.log.expect(&["again after no"]);
}
