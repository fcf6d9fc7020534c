//! P22 to P27: the turn, its budget, timers, stale tokens, wake-ups, several
//! reactors.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use evcore::{Direction, Kind, Promise, Reactor, Source, TICK, defer, limits, ms, sleep, spawn};

use crate::stage::{Stage, pending};
use crate::world::Watch;

#[test]
fn p22_collecting_runs_nobodys_code() {
    let stage = Stage::new();
    sleep(ms(1)).then(stage.unit("timer one"));
    sleep(ms(1)).then(stage.unit("timer two"));
    let remote = stage.reactor.remote();
    let (log, (promise, resolver)) = (Arc::new(AtomicBool::new(false)), pending());
    let posted = log.clone();
    std::thread::spawn(move || remote.post(move || posted.store(true, Ordering::SeqCst)))
        .join()
        .unwrap();
    promise.then(stage.log.prefixed("before"));
    resolver.resolve(3);
    stage.clock.advance(ms(1));
    assert!(!stage.turn().more, "one turn collects and delivers it all");
    stage.log.expect(&["before 3", "timer one", "timer two"]);
    assert!(log.load(Ordering::SeqCst));
}

#[test]
fn p22_foreign_wakers_are_called_in_delivery_only() {
    struct Foreign(Arc<AtomicBool>);
    impl Wake for Foreign {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let stage = Stage::new();
    let woken = Arc::new(AtomicBool::new(false));
    let waker = Waker::from(Arc::new(Foreign(woken.clone())));
    let (promise, resolver) = pending();
    let mut awaiting = Box::pin(promise.into_future());
    let mut cx = Context::from_waker(&waker);
    assert!(awaiting.as_mut().poll(&mut cx).is_pending());
    resolver.resolve(3);
    assert!(!woken.load(Ordering::SeqCst), "not inside resolve");
    stage.settle();
    assert!(woken.load(Ordering::SeqCst));
    assert!(matches!(
        awaiting.as_mut().poll(&mut cx),
        Poll::Ready(Ok(3))
    ));
}

#[test]
fn p22_a_turn_waits_once_and_reads_the_clock_for_timers_once() {
    let (reactor, watch) = Watch::reactor();
    let _entered = reactor.enter();
    for _ in 0..100 {
        sleep(Duration::ZERO);
    }
    watch.clock_reads.set(0);
    reactor.turn(None);
    assert_eq!(watch.waits.borrow().len(), 1);
    let reads = watch.clock_reads.get();
    assert!(
        reads <= 3,
        "{reads} reads for 100 timers: to choose, to collect, to tell the host"
    );
}

#[test]
fn p23_first_in_first_out_by_settlement() {
    let stage = Stage::new();
    let (promises, resolvers): (Vec<_>, Vec<_>) = (0..5).map(|_| pending()).unzip();
    for promise in promises.iter().rev() {
        promise.then(stage.log.prefixed("a"));
        promise.then(stage.log.prefixed("b"));
    }
    for (n, resolver) in resolvers.into_iter().enumerate().take(3) {
        resolver.resolve(n as i32);
    }
    stage.settle();
    stage
        .log
        .expect(&["a 0", "b 0", "a 1", "b 1", "a 2", "b 2"]);
}

#[test]
fn p23_the_budget_cuts_and_the_rest_keeps_its_place() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let count = Rc::new(Cell::new(0));
    for _ in 0..limits::BUDGET + 10 {
        let count = count.clone();
        promise.then(move |_| count.set(count.get() + 1));
    }
    resolver.resolve(3);
    let behind = count.clone();
    let log = stage.log.clone();
    defer(move || log.add(behind.get()));
    let turned = stage.turn();
    assert!(turned.more);
    assert_eq!(count.get(), limits::BUDGET);
    assert!(!stage.turn().more);
    stage.log.expect(&[&(limits::BUDGET + 10).to_string()]);
}

#[test]
fn p23_no_callback_loop_starves_timers_posts_or_the_host() {
    fn again(running: Rc<Cell<bool>>) {
        if running.get() {
            Promise::ready(()).then(move |()| again(running));
        }
    }
    let stage = Stage::new();
    let running = Rc::new(Cell::new(true));
    again(running.clone());
    sleep(ms(1)).then(stage.unit("timer"));
    let posted = Arc::new(AtomicBool::new(false));
    let seen = posted.clone();
    assert!(stage.turn().more, "the host gets its turn");
    stage.clock.advance(ms(1));
    stage
        .reactor
        .remote()
        .post(move || seen.store(true, Ordering::SeqCst));
    stage.turn();
    stage.turn();
    stage.log.expect(&["timer"]);
    assert!(posted.load(Ordering::SeqCst));
    running.set(false);
    stage.settle();
}

#[test]
fn p23_listeners_hops_and_polls_count() {
    const NEWS: evcore::Event<i32> = evcore::Event::new("news");
    let stage = Stage::new();
    let (promise, resolver) = pending();
    _ = promise.on(NEWS, |_| ());
    (0..limits::BUDGET as i32 + 1).for_each(|n| resolver.emit(NEWS, n));
    assert!(stage.turn().more, "listener calls");
    stage.settle();
    drop(resolver);

    let (mut last, first) = pending();
    for _ in 0..limits::BUDGET + 1 {
        last = last.fork();
    }
    first.resolve(3);
    assert!(stage.turn().more, "hops");
    stage.settle();
    assert!(last.is_settled());

    let task = spawn(async {
        for _ in 0..limits::BUDGET + 1 {
            yield_now().await;
        }
        Ok(())
    });
    assert!(stage.turn().more, "polls");
    stage.settle();
    assert!(task.is_settled());
}

async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[test]
fn p24_timers_fire_by_deadline_then_by_creation_never_early() {
    let stage = Stage::new();
    for (time, name) in [(3, "3a"), (1, "1a"), (2, "2a"), (1, "1b"), (3, "3b")] {
        sleep(ms(time)).then(stage.unit(name));
    }
    stage.pass(Duration::from_nanos(999_999));
    stage.log.expect(&[]);
    stage.pass(Duration::from_nanos(1));
    stage.log.expect(&["1a", "1b"]);
    stage.pass(ms(5));
    stage.log.expect(&["2a", "3a", "3b"]);
}

#[test]
fn p24_never_early_by_the_real_clock() {
    let reactor = Reactor::new().unwrap();
    for micros in [1, 300, 999, 1_000, 1_001, 2_500] {
        let time = Duration::from_micros(micros);
        let began = Instant::now();
        reactor.run(async move { sleep(time).await }).unwrap();
        assert!(began.elapsed() >= time, "{time:?}");
    }
}

#[test]
fn p24_sleep_zero_fires_in_the_next_turn() {
    let stage = Stage::new();
    let log = stage.log.clone();
    defer(move || {
        sleep(ms(0)).then(move |()| log.add("slept"));
    });
    let turned = stage.turn();
    stage.log.expect(&[]);
    assert_eq!(turned.next, Some(Duration::ZERO));
    stage.turn();
    stage.log.expect(&["slept"]);
}

#[test]
fn p24_an_interval_of_zero_ticks_once_a_turn_and_starves_nobody() {
    let stage = Stage::new();
    let ticks = Rc::new(Cell::new(0));
    let count = ticks.clone();
    let interval = evcore::interval(ms(0)).on(TICK, move |_| count.set(count.get() + 1));
    for turn in 1..=5 {
        stage.turn();
        assert_eq!(ticks.get(), turn);
    }
    interval.cancel();
    stage.turn();
    assert_eq!(ticks.get(), 5);
}

#[test]
fn p24_a_late_tick_stands_for_those_missed_and_the_next_is_on_time() {
    let stage = Stage::new();
    let interval = evcore::interval(ms(10)).on(TICK, stage.log.writer());
    stage.pass(ms(10));
    stage.pass(ms(35));
    stage.pass(ms(4));
    stage.log.expect(&["1", "4"]);
    stage.pass(ms(1));
    stage.log.expect(&["5"]);
    interval.cancel();
    stage.settle();
}

#[test]
fn p24_a_far_deadline_is_no_overflow() {
    let stage = Stage::new();
    let far = sleep(Duration::MAX);
    let limited = pending().0.timeout(Duration::MAX);
    let interval = evcore::interval(Duration::MAX);
    stage.pass(ms(1_000));
    assert!(!far.is_settled() && !interval.is_settled());
    drop(limited);
}

fn open(reactor: &Reactor) -> Source {
    reactor.open(|_, _| Ok(())).unwrap().0
}

async fn ready(source: Rc<Source>) -> evcore::Result<()> {
    poll_fn(|cx| source.poll_ready(Direction::Read, cx)).await?;
    Ok(())
}

#[test]
fn p25_a_stale_token_is_ignored() {
    let (reactor, watch) = Watch::reactor();
    let _entered = reactor.enter();
    let old = open(&reactor);
    let stale = old.token();
    drop(old);
    let fresh = Rc::new(open(&reactor));
    assert_ne!(
        stale,
        fresh.token(),
        "the slot is used again, the token is not"
    );
    let task = spawn(ready(fresh.clone()));
    reactor.turn(Duration::ZERO);
    watch.ready(stale);
    reactor.turn(Duration::ZERO);
    assert!(!task.is_settled());
    watch.ready(fresh.token());
    reactor.turn(Duration::ZERO);
    assert!(task.is_settled());
}

#[test]
fn p25_sources_come_and_go_inside_any_callback() {
    let (reactor, watch) = Watch::reactor();
    let _entered = reactor.enter();
    let sources: Rc<RefCell<Vec<Rc<Source>>>> = Rc::default();
    for _ in 0..10 {
        sources.borrow_mut().push(Rc::new(open(&reactor)));
    }
    let tokens: Vec<_> = sources
        .borrow()
        .iter()
        .map(|source| source.token())
        .collect();
    let woken = Rc::new(Cell::new(0));
    let first = sources.borrow()[0].clone();
    spawn(ready(first)).then({
        let (sources, reactor) = (sources.clone(), reactor.clone());
        move |_| {
            // In the turn in which all were told to be ready.
            sources.borrow_mut().clear();
            for _ in 0..10 {
                sources.borrow_mut().push(Rc::new(open(&reactor)));
            }
        }
    });
    reactor.turn(Duration::ZERO);
    tokens.iter().for_each(|&token| watch.ready(token));
    reactor.turn(Duration::ZERO);
    reactor.turn(Duration::ZERO);
    for source in sources.take() {
        let woken = woken.clone();
        spawn(ready(source)).then(move |_| woken.set(woken.get() + 1));
    }
    reactor.turn(Duration::ZERO);
    reactor.turn(Duration::ZERO);
    assert_eq!(woken.get(), 0, "the new ones were not told anything");
}

#[test]
fn p26_an_idle_loop_makes_no_wake_ups() {
    let (reactor, watch) = Watch::reactor();
    reactor.run(async { sleep(ms(30)).await }).unwrap();
    let waits = watch.waits.borrow();
    let blocking = waits
        .iter()
        .filter(|w| w.is_none_or(|w| w > Duration::ZERO))
        .count();
    assert!(blocking <= 2, "one wait for one timer: {waits:?}");
    assert!(waits.len() <= 4, "{waits:?}");
    assert_eq!(watch.notified(), 0);
}

#[test]
fn p26_posts_cost_one_system_call_at_most() {
    let (reactor, watch) = Watch::reactor();
    // Kept: when the last one goes, the reactor is told, since it may be idle.
    let _kept = reactor.remote();
    let remote = reactor.remote();
    let post_many = move || (0..1_000).for_each(|_| assert!(remote.post(|| ())));
    std::thread::spawn(post_many).join().unwrap();
    assert_eq!(watch.notified(), 1, "none while a wake is pending");
    reactor.turn(None);
    let remote = reactor.remote();
    std::thread::spawn(move || remote.post(|| ()))
        .join()
        .unwrap();
    assert_eq!(watch.notified(), 2);
}

#[test]
fn p26_posts_to_a_busy_reactor_cost_none() {
    let (reactor, watch) = Watch::reactor();
    let _inside = reactor.enter();
    let remote = reactor.remote();
    let ran = Arc::new(AtomicUsize::new(0));
    let post_from_a_thread = {
        let (remote, ran) = (remote.clone(), ran.clone());
        move || {
            let (remote, ran) = (remote.clone(), ran.clone());
            let post = move || remote.post(move || _ = ran.fetch_add(1, Ordering::SeqCst));
            assert!(std::thread::spawn(post).join().unwrap());
        }
    };
    for round in 1..=3 {
        // While it delivers: it collects before it waits again, and its host is told that there is more.
        defer(post_from_a_thread.clone());
        assert!(reactor.turn(Duration::ZERO).more);
        assert_eq!(ran.load(Ordering::SeqCst), 2 * round - 2);
        // More of them, before it has collected the first.
        post_from_a_thread();
        assert!(!reactor.turn(None).more);
        assert_eq!(ran.load(Ordering::SeqCst), 2 * round);
        assert_eq!(watch.notified(), 0);
    }
}

#[test]
fn posts_are_taken_in_portions_and_none_is_left() {
    let reactor = Reactor::new().unwrap();
    let remote = reactor.remote();
    let ran = Arc::new(AtomicUsize::new(0));
    let many = 2 * limits::POSTS + 1;
    for expected in 0..many {
        let ran = ran.clone();
        remote.post(move || assert_eq!(ran.fetch_add(1, Ordering::SeqCst), expected));
    }
    let mut turns = 1;
    while reactor.turn(Duration::ZERO).more {
        turns += 1;
    }
    assert_eq!((ran.load(Ordering::SeqCst), turns), (many, 3));
}

#[test]
fn p26_waking_ones_own_thread_costs_none() {
    let (reactor, watch) = Watch::reactor();
    let remote = reactor.remote();
    let seen = Arc::new(AtomicBool::new(false));
    let flag = seen.clone();
    remote.post(move || flag.store(true, Ordering::SeqCst));
    reactor.turn(None);
    assert!(seen.load(Ordering::SeqCst));
    let woken = async {
        for _ in 0..100 {
            yield_now().await;
        }
        Ok(())
    };
    reactor.run(woken).unwrap();
    assert_eq!(watch.notified(), 0);
}

#[test]
fn p26_a_post_ends_a_wait_and_keeps_its_threads_order() {
    let reactor = Reactor::new().unwrap();
    let (promise, resolver) = {
        let _entered = reactor.enter();
        Promise::<Vec<i32>>::pending()
    };
    let heard = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (remote, list) = (reactor.remote(), heard.clone());
    let thread = std::thread::spawn(move || {
        for n in 0..100 {
            let list = list.clone();
            remote.post(move || list.lock().unwrap().push(n));
            if n % 10 == 0 {
                std::thread::sleep(ms(1));
            }
        }
    });
    let done = heard.clone();
    let wait = async move {
        while done.lock().unwrap().len() < 100 {
            sleep(ms(1)).await?;
        }
        let all = done.lock().unwrap().clone();
        resolver.resolve(all);
        promise.await
    };
    let all = reactor.run(wait).unwrap();
    assert!(all.is_sorted());
    thread.join().unwrap();
    drop(reactor);
}

#[test]
fn p26_a_waker_from_another_thread_wakes_a_task() {
    let reactor = Reactor::new().unwrap();
    let flag = Arc::new(AtomicBool::new(false));
    let mut thread = None;
    let future = poll_fn(move |cx| {
        if flag.load(Ordering::SeqCst) {
            return Poll::Ready(Ok(3));
        }
        thread.get_or_insert_with(|| {
            let (flag, waker) = (flag.clone(), cx.waker().clone());
            std::thread::spawn(move || {
                std::thread::sleep(ms(5));
                flag.store(true, Ordering::SeqCst);
                waker.wake();
            })
        });
        Poll::Pending
    });
    assert_eq!(reactor.run(future).unwrap(), 3);
}

#[test]
fn p26_run_is_idle_when_nothing_could_settle_it() {
    let reactor = Reactor::new().unwrap();
    let (promise, _resolver) = {
        let _entered = reactor.enter();
        pending()
    };
    assert_eq!(reactor.run(promise).unwrap_err().kind(), Kind::Idle);
    let never = std::future::pending::<evcore::Result<()>>();
    assert_eq!(reactor.run(never).unwrap_err().kind(), Kind::Idle);
    // A remote may bring news: then it waits, until the last one is gone.
    let remote = reactor.remote();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(ms(5));
        drop(remote);
    });
    let began = Instant::now();
    let never = std::future::pending::<evcore::Result<()>>();
    assert_eq!(reactor.run(never).unwrap_err().kind(), Kind::Idle);
    assert!(began.elapsed() >= ms(5));
    thread.join().unwrap();
}

#[test]
fn p27_a_promise_belongs_to_the_reactor_current_when_it_was_made() {
    let (one, two) = (Stage::new(), Stage::new());
    let (in_two, resolver) = pending();
    drop(two.leave());
    let _entered = one.reactor.enter();
    let derived = in_two.then(|n| n + 1);
    derived.then(two.log.prefixed("in two"));
    let own = Promise::ready(5);
    own.then(one.log.prefixed("in one"));
    resolver.resolve(3);
    one.settle();
    one.log.expect(&["in one 5"]);
    two.log.expect(&[]);
    two.settle();
    two.log.expect(&["in two 4"]);
}

#[test]
fn p27_callbacks_run_with_their_reactor_current() {
    let one = Reactor::new().unwrap();
    let two = Reactor::new().unwrap();
    let in_one = one.enter();
    let (promise, resolver) = pending();
    let nested = promise.then(|_| sleep(ms(0)));
    drop(in_one);
    let _in_two = two.enter();
    resolver.resolve(3);
    one.turn(Duration::ZERO);
    let inner = nested.peek().unwrap().unwrap().clone();
    two.turn(Duration::ZERO);
    two.turn(Duration::ZERO);
    assert!(
        !inner.is_settled(),
        "made in one's callback, so it is one's"
    );
    one.turn(Duration::ZERO);
    assert!(inner.is_settled());
}

#[test]
fn p27_reactors_may_await_each_other() {
    let one = Reactor::new().unwrap();
    let two = Reactor::new().unwrap();
    let in_one = one.enter();
    let (promise, resolver) = pending();
    drop(in_one);
    let in_two = two.enter();
    let waiting = spawn(async move { Ok(promise.await? + 4) });
    two.turn(Duration::ZERO);
    drop(in_two);
    resolver.resolve(3);
    two.turn(Duration::ZERO);
    assert!(!waiting.is_settled(), "one has not delivered yet");
    one.turn(Duration::ZERO);
    two.turn(Duration::ZERO);
    assert_eq!(*waiting.peek().unwrap().unwrap(), 7);
}

#[test]
fn p27_resolving_outside_a_turn_asks_the_host_for_one() {
    let stage = Stage::new();
    let asked = Rc::new(Cell::new(0));
    let count = asked.clone();
    stage.reactor.on_wake(move || count.set(count.get() + 1));
    let (promise, resolver) = pending();
    promise.then(|_| ());
    assert_eq!(asked.get(), 0);
    resolver.resolve(3);
    assert_eq!(asked.get(), 1);
    defer(|| defer(|| ()));
    assert_eq!(asked.get(), 1, "once until the next turn");
    stage.settle();
    assert_eq!(asked.get(), 1, "inside a turn nobody needs to be asked");
    sleep(ms(50));
    assert_eq!(asked.get(), 2, "a nearer deadline");
    stage.turn();
    sleep(ms(60));
    assert_eq!(asked.get(), 2, "a farther one is none of the host's");
    sleep(ms(40));
    assert_eq!(asked.get(), 3);
}

#[test]
fn p27_each_thread_has_its_own() {
    let threads: Vec<_> = (0..4)
        .map(|n| std::thread::spawn(move || evcore::run(sleep(ms(1)).then(move |_| n))))
        .collect();
    for (n, thread) in threads.into_iter().enumerate() {
        assert_eq!(thread.join().unwrap().unwrap(), n);
    }
}
