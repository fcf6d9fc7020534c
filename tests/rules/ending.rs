//! P28 to P31: dropping users' values, the end of a reactor, memory, and
//! turning again from inside a callback.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use evcore::{Event, Kind, Promise, Reactor, Resolver, defer, ms, sleep, spawn};

use crate::stage::{OnDrop, Stage, pending, rejected};

const NEWS: Event<i32> = Event::new("news");

/// Panics when it is dropped.
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}

/// A callback that holds a bomb and is never called.
fn armed<T: ?Sized>(word: &'static str) -> impl FnOnce(&T) {
    let bomb = Bomb(word);
    move |_| drop(bomb)
}

/// As [`armed`], callable more than once.
fn armed_listener(word: &'static str) -> impl Fn(&i32) {
    let bomb = Bomb(word);
    move |_| _ = &bomb
}

#[test]
fn p28_a_drop_may_attach_settle_emit_cancel_and_spawn() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let (other, other_resolver) = pending();
    let other = other.on(NEWS, stage.log.prefixed("news"));
    let (victim, victims) = pending();
    other.then(stage.log.prefixed("other"));
    let mut parts = Some((resolver, other_resolver, victim));
    let log = stage.log.clone();
    let busy = OnDrop(move || {
        let (resolver, other_resolver, victim) = parts.take().unwrap();
        other_resolver.emit(NEWS, 1);
        other_resolver.resolve(3);
        victim.cancel();
        let (own, inner) = (log.clone(), log.clone());
        Promise::ready(5).then(move |n| own.add(format!("attached {n}")));
        _ = spawn(async move {
            inner.add("spawned");
            Ok(())
        });
        resolver.reject("settled in a drop");
    });
    // Dropped with a callback an error passes by.
    rejected("no").then(move |_| drop(busy));
    promise.settled(stage.outcome("promise"));
    stage.settle();
    let lines = [
        "news 1",
        "other 3",
        "attached 5",
        "spawned",
        "promise settled in a drop",
    ];
    stage.log.expect(&lines);
    assert!(!victims.is_wanted());
    stage.expect_reports(&["no"]);
}

#[test]
fn p28_a_panicking_drop_is_reported_not_propagated() {
    let stage = Stage::new();
    drop(Promise::ready(Bomb("value")));
    rejected("no").then(armed("passed by")).catch(|_| ());
    let (promise, resolver) = pending();
    promise.then(armed("taken back")).cancel();
    resolver.emit(NEWS, 1);
    let promise = promise.on(NEWS, armed_listener("listener"));
    resolver.on_cancel({
        let bomb = Bomb("hook");
        move || drop(bomb)
    });
    resolver.resolve(3);
    let bomb = Bomb("coroutine");
    let task = spawn(async move {
        let _bomb = bomb;
        sleep(ms(1)).await
    });
    stage.turn();
    task.cancel();
    promise.then(stage.log.prefixed("still turning"));
    stage.settle();
    stage.log.expect(&["still turning 3"]);
    let said: Vec<_> = stage
        .reports()
        .iter()
        .map(|r| r.error.to_string())
        .collect();
    for word in [
        "value",
        "passed by",
        "taken back",
        "listener",
        "hook",
        "coroutine",
    ] {
        let word = format!("panicked: {word}");
        assert!(said.contains(&word), "{word}: {said:?}");
    }
    assert_eq!(said.len(), 6, "{said:?}");
}

#[test]
fn p28_two_panicking_drops_of_one_promise_are_two_reports_not_an_abort() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let promise = promise.on(NEWS, armed_listener("listener one"));
    let promise = promise.on(NEWS, armed_listener("listener two"));
    for word in ["hook one", "hook two"] {
        let bomb = Bomb(word);
        resolver.on_cancel(move || drop(bomb));
    }
    resolver.resolve(3);
    stage.settle();
    promise
        .then_or(armed("value side"), armed("error side"))
        .cancel();
    let (gone, resolver) = pending();
    let gone = gone.on(NEWS, armed_listener("listener three"));
    let gone = gone.on(NEWS, armed_listener("listener four"));
    gone.cancel();
    drop(resolver);
    stage.settle();
    let mut said: Vec<_> = stage
        .reports()
        .iter()
        .map(|r| r.error.to_string())
        .collect();
    said.sort();
    let words = [
        "error side",
        "hook one",
        "hook two",
        "listener four",
        "listener one",
        "listener three",
        "listener two",
        "value side",
    ];
    assert_eq!(said, words.map(|word| format!("panicked: {word}")));
}

#[test]
fn p28_latest_payloads_and_joined_parts_go_one_by_one_too() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    resolver.emit(Event::<Bomb>::latest("a"), Bomb("latest one"));
    resolver.emit(Event::<Bomb>::latest("b"), Bomb("latest two"));
    resolver.resolve(3);
    drop(promise);
    let ready = |word| Promise::ready(Bomb(word));
    drop(Promise::race([
        ready("part one"),
        ready("part two"),
        ready("part three"),
    ]));
    stage.settle();
    let mut said: Vec<_> = stage
        .reports()
        .iter()
        .map(|r| r.error.to_string())
        .collect();
    said.sort();
    let words = [
        "latest one",
        "latest two",
        "part one",
        "part three",
        "part two",
    ];
    assert_eq!(said, words.map(|word| format!("panicked: {word}")));
}

#[test]
fn p28_values_holding_promises_of_values_do_not_recurse() {
    struct Link(#[expect(dead_code, reason = "held for its drop")] Option<Promise<Link>>);
    let chain = || {
        let stage = Stage::new();
        let mut last = Promise::ready(Link(None));
        for _ in 0..100_000 {
            last = Promise::ready(Link(Some(last)));
        }
        drop(last);
        stage.settle();
    };
    let thread = std::thread::Builder::new().stack_size(256 * 1_024);
    thread.spawn(chain).unwrap().join().unwrap();
}

/// Tells its word when it is dropped, on whatever thread.
struct Telltale(&'static str, Sender<&'static str>);

impl Drop for Telltale {
    fn drop(&mut self) {
        self.1.send(self.0).unwrap();
    }
}

const PENDING: [&str; 7] = [
    "coroutine",
    "deferred",
    "hook",
    "listener",
    "post",
    "queued",
    "timer",
];

/// Everything that can be pending, each holding something that tells of its
/// drop; what is called fails the test.
fn fill(told: &Sender<&'static str>) -> Vec<Promise<i32>> {
    let tell = |word| Telltale(word, told.clone());
    let (promise, resolver) = pending();
    let held = tell("hook");
    resolver.on_cancel(move || unreachable!("{}", held.0));
    let held = tell("listener");
    let promise = promise.on(NEWS, move |_| unreachable!("{}", held.0));
    resolver.emit(NEWS, 1);
    let held = tell("coroutine");
    let task = spawn(async move {
        let _kept = (held, resolver);
        std::future::pending().await
    });
    let held = tell("deferred");
    defer(move || unreachable!("{}", held.0));
    let held = tell("post");
    Reactor::current()
        .remote()
        .post(move || unreachable!("{}", held.0));
    let (timer, queued) = (tell("timer"), tell("queued"));
    vec![
        promise.then(|n| *n),
        promise,
        task,
        sleep(ms(1_000)).then(move |()| unreachable!("{}", timer.0)),
        Promise::ready(()).then(move |()| unreachable!("{}", queued.0)),
        pending().0.timeout(ms(1_000)),
    ]
}

#[test]
fn p29_dropping_the_reactor_cancels_all_and_runs_nothing() {
    let stage = Stage::new();
    let (told, heard) = channel();
    let promises = fill(&told);
    drop(rejected("nobody looked"));
    let held = rejected("and this one is held");
    let reports = stage.end();
    drop(told);
    let mut lines: Vec<_> = heard.into_iter().collect();
    lines.sort_unstable();
    assert_eq!(lines, PENDING);
    for promise in &promises {
        let error = promise.peek().expect("settled").unwrap_err();
        assert!(
            matches!(error.kind(), Kind::Cancelled | Kind::Abandoned),
            "{error}"
        );
    }
    let said: Vec<_> = reports.take().iter().map(|r| r.error.to_string()).collect();
    assert_eq!(said[0], "nobody looked", "errors unlooked-at are reported");
    drop((promises, held));
}

#[test]
fn p29_what_is_made_during_or_after_it_is_closed() {
    let reactor = Reactor::new().unwrap();
    let entered = reactor.enter();
    let (promise, resolver) = pending();
    let made: Rc<RefCell<Vec<Promise<()>>>> = Rc::default();
    let list = made.clone();
    let guard = OnDrop(move || {
        list.borrow_mut().extend([
            sleep(ms(1)),
            Promise::pending().0,
            Promise::ready(()),
            spawn(async { Ok(()) }),
            evcore::interval(ms(1)),
            Promise::ready(()).fork().then(|()| ()),
        ]);
        defer(|| unreachable!("dropped, not called"));
    });
    promise.then(move |_| drop(guard));
    let remote = reactor.remote();
    drop((reactor, entered));
    let made = made.take();
    assert_eq!(made.len(), 6);
    for (n, promise) in made.into_iter().enumerate().take(5) {
        let error = promise
            .peek()
            .expect("settled at once")
            .unwrap_err()
            .clone();
        assert_eq!(error.kind(), Kind::Closed, "number {n}");
    }
    // Afterwards too, on what is left of it.
    let late = promise.then(|n| n + 1);
    assert!(late.is_settled() && promise.is_settled());
    assert!(!remote.post(|| unreachable!()));
    resolver.resolve(3);
}

/// A reactor cannot lose its last handle while it turns, since `turn` borrows
/// one; but another one's callback may well drop it.
#[test]
fn p29_a_reactor_dropped_inside_a_callback_of_another() {
    let stage = Stage::new();
    let (told, heard) = channel();
    let other = Reactor::new().unwrap();
    let pending = {
        let _entered = other.enter();
        fill(&told)
    };
    drop(told);
    let log = stage.log.clone();
    defer(move || {
        drop(other);
        log.add("dropped");
        Promise::ready(3).then(log.prefixed("goes on"));
    });
    stage.settle();
    stage.log.expect(&["dropped", "goes on 3"]);
    assert!(pending.iter().all(Promise::is_settled));
    assert_eq!(heard.into_iter().count(), PENDING.len());
}

#[test]
fn p29_the_threads_end_closes_its_reactor() {
    thread_local! {
        // Touched before the thread's reactor is made, so it goes after it.
        static KEPT: RefCell<Vec<Promise<i32>>> = const { RefCell::new(Vec::new()) };
    }
    let (told, heard) = channel();
    let fill_and_end = move || KEPT.with(|kept| *kept.borrow_mut() = fill(&told));
    std::thread::spawn(fill_and_end).join().unwrap();
    let mut lines: Vec<_> = heard.try_iter().collect();
    lines.sort_unstable();
    assert_eq!(lines, PENDING);
}

#[test]
fn p29_drops_at_the_threads_end_may_use_the_reactor() {
    let (told, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let (promise, resolver) = pending();
        let kept = RefCell::new(Some(resolver));
        let guard = OnDrop(move || {
            let late = sleep(ms(1));
            let kind = late.peek().map(|outcome| outcome.unwrap_err().kind());
            told.send(kind).unwrap();
            let ran = evcore::run(Promise::ready(3));
            told.send(ran.err().map(|error| error.kind())).unwrap();
            kept.take()
                .into_iter()
                .for_each(|resolver| resolver.resolve(3));
        });
        promise.then(move |_| drop(guard));
    })
    .join()
    .unwrap();
    let kinds: Vec<_> = heard.into_iter().collect();
    assert_eq!(kinds.len(), 2);
    assert_eq!(kinds[0], Some(Kind::Closed), "it settles with kind Closed");
    assert!(kinds[1].is_some(), "run says so: {kinds:?}");
}

#[test]
fn p29_nothing_leaks() {
    let counted = Rc::new(());
    {
        let stage = Stage::new();
        let guard = |counted: &Rc<()>| {
            let counted = counted.clone();
            move |_: &i32| _ = &counted
        };
        let (promise, resolver) = pending();
        let promise = promise.on(NEWS, guard(&counted));
        promise.then(guard(&counted));
        let own = promise.clone();
        let held = counted.clone();
        // A promise kept by its own callback, and one by its own listener.
        promise.then(move |_| drop((own, held)));
        let (own, held) = (promise.clone(), counted.clone());
        let _ = promise.on(NEWS, move |_| _ = (&own, &held));
        resolver.emit(NEWS, 1);
        let kept = Rc::new(RefCell::new(Vec::<Resolver<i32>>::new()));
        let (ours, held) = (kept.clone(), counted.clone());
        kept.borrow_mut().push(resolver);
        let task = spawn(async move {
            let _held = (held, ours);
            std::future::pending::<evcore::Result<()>>().await
        });
        // A circle of followers.
        let (one, first) = pending();
        let (two, second) = pending();
        one.then(guard(&counted));
        first.follow(two.clone());
        second.follow(one.clone());
        stage.settle();
        drop((task, one, two));
        drop(stage);
        kept.take();
    }
    assert_eq!(Rc::strong_count(&counted), 1);
}

/// The measure of P30's million lies in `million.rs`.
#[test]
fn p30_a_callback_taken_back_frees_its_closure_at_once() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let counted = Rc::new(());
    let cancelled: Vec<_> = (0..100)
        .map(|n| {
            let held = counted.clone();
            match n % 4 {
                0 => promise.then(move |_| drop(held)),
                1 => promise.and_then(move |_| {
                    drop(held);
                    Ok(())
                }),
                2 => promise.settled(move |_| drop(held)),
                _ => promise.fork().then(move |_| drop(held)),
            }
        })
        .collect();
    cancelled.iter().for_each(Promise::cancel);
    assert_eq!(Rc::strong_count(&counted), 1);
    assert!(resolver.is_wanted(), "there is a handle");
    drop(promise);
    stage.settle();
}

#[test]
fn p31_a_nested_turn_goes_on_with_the_same_queue_in_order() {
    let stage = Stage::new();
    let promise = Promise::ready(3);
    let (log, reactor) = (stage.log.clone(), stage.reactor.clone());
    promise.then(stage.log.prefixed("first"));
    promise.then(move |_| {
        log.add("nested begins");
        while reactor.turn(Duration::ZERO).more {}
        log.add("nested ends");
    });
    promise.then(stage.log.prefixed("third"));
    let log = stage.log.clone();
    defer(move || log.add("fourth"));
    stage.settle();
    stage.log.expect(&[
        "first 3",
        "nested begins",
        "third 3",
        "fourth",
        "nested ends",
    ]);
}

#[test]
fn p31_a_nested_turn_inside_a_listener_goes_on_with_the_emission() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    promise.then(stage.log.prefixed("value"));
    let (log, reactor) = (stage.log.clone(), stage.reactor.clone());
    _ = promise
        .on(NEWS, move |n| {
            log.add(format!("one {n}"));
            reactor.turn(Duration::ZERO);
            log.add(format!("one done {n}"));
        })
        .on(NEWS, stage.log.prefixed("two"));
    resolver.emit(NEWS, 1);
    resolver.resolve(3);
    stage.settle();
    stage
        .log
        .expect(&["one 1", "two 1", "value 3", "one done 1"]);
}

#[test]
fn p31_timers_and_posts_arrive_in_a_nested_turn() {
    let stage = Stage::new();
    sleep(ms(1)).then(stage.unit("timer"));
    let (log, reactor, clock) = (
        stage.log.clone(),
        stage.reactor.clone(),
        stage.clock.clone(),
    );
    defer(move || {
        clock.advance(ms(1));
        reactor.turn(Duration::ZERO);
        log.add("back");
    });
    stage.settle();
    stage.log.expect(&["timer", "back"]);
}

#[test]
fn p31_a_coroutine_woken_in_its_own_nested_turn_is_polled_again() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let reactor = stage.reactor.clone();
    let mut resolver = Some(resolver);
    let task = spawn(async move {
        let mut awaiting = pin!(promise.into_future());
        poll_fn(move |cx| {
            // Asks first, then turns: what it waits for comes in between.
            let asked = awaiting.as_mut().poll(cx);
            if let Some(resolver) = resolver.take() {
                resolver.resolve(3);
                reactor.turn(Duration::ZERO);
            }
            asked
        })
        .await
    });
    stage.settle();
    assert_eq!(*task.peek().expect("its wake was not lost").unwrap(), 3);
}

#[test]
fn p31_a_coroutine_cancelled_in_its_own_nested_turn_is_dropped_after_its_poll() {
    let stage = Stage::new();
    let own: Rc<RefCell<Option<Promise<()>>>> = Rc::default();
    let guard = OnDrop(stage.line("dropped"));
    let (log, reactor, itself) = (stage.log.clone(), stage.reactor.clone(), own.clone());
    let task = spawn(async move {
        let _guard = guard;
        itself.take().unwrap().cancel();
        reactor.turn(Duration::ZERO);
        log.add("still in its poll");
        std::future::pending().await
    });
    own.replace(Some(task));
    stage.settle();
    stage.log.expect(&["still in its poll", "dropped"]);
}

#[test]
fn p31_run_inside_a_callback_is_an_error_that_says_so() {
    let stage = Stage::new();
    let tried: Rc<RefCell<Vec<Kind>>> = Rc::default();
    let attempt = {
        let (tried, reactor) = (tried.clone(), stage.reactor.clone());
        move || {
            let error = reactor.run(async { Ok(3) }).unwrap_err();
            assert!(error.to_string().contains("inside a callback"), "{error}");
            tried.borrow_mut().push(error.kind());
        }
    };
    defer(attempt.clone());
    let in_coroutine = attempt.clone();
    _ = spawn(async move {
        in_coroutine();
        Ok(())
    });
    let (promise, resolver) = pending();
    let (in_listener, in_hook) = (attempt.clone(), attempt.clone());
    let promise = promise.on(NEWS, move |_| in_listener());
    resolver.emit(NEWS, 1);
    resolver.on_cancel(in_hook);
    stage.settle();
    promise.cancel();
    let never = std::future::pending::<evcore::Result<()>>();
    let guard = OnDrop(attempt);
    let held = async move {
        let _guard = guard;
        never.await
    };
    assert_eq!(stage.reactor.run(held).unwrap_err().kind(), Kind::Idle);
    assert_eq!(*tried.borrow(), [Kind::Nested; 5]);
}
