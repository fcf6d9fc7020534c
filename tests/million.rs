//! P7 and P30 at a million each: on a stack of 256 KiB, with every byte
//! counted. One test at a time, so that the count is that test's own. Nothing
//! is timed here.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use evcore::{Event, Kind, ManualClock, Promise, Reactor, Resolver, TICK, defer, sleep, spawn};
use peak_alloc::PeakAlloc;

#[global_allocator]
static BYTES: PeakAlloc = PeakAlloc;

const MILLION: usize = 1_000_000;
const STACK: usize = 256 * 1_024;

/// What may be left over, or be alive at once, where memory has to be flat:
/// queues and tables that have grown for a burst. A leak of one byte for
/// each of the million shows.
const FLAT: usize = 512 * 1_024;

/// Runs `test` by itself, on a small stack, and sees that it left no memory.
fn alone(test: fn(&Reactor)) {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let before = BYTES.current_usage();
    let run = move || {
        let clock = ManualClock::leaping();
        let reactor = Reactor::builder().clock(&clock).build().unwrap();
        let _entered = reactor.enter();
        test(&reactor);
    };
    let thread = std::thread::Builder::new().stack_size(STACK);
    thread.spawn(run).unwrap().join().unwrap();
    let after = BYTES.current_usage();
    assert!(after < before + FLAT, "{} bytes leaked", after - before);
}

fn settle(reactor: &Reactor) {
    while reactor.turn(Duration::ZERO).more {}
}

/// A chain of `then`, `and_then`, follow, or all of them in turn.
#[derive(Clone, Copy)]
enum Links {
    Then,
    AndThen,
    AndThenPromise,
    Follow,
    Mixed,
}

const ALL_LINKS: [Links; 5] = {
    use Links::*;
    [Then, AndThen, AndThenPromise, Follow, Mixed]
};

/// A chain a million long: its near end's resolver and its far end.
fn chain(links: Links) -> (Resolver<u64>, Promise<u64>) {
    let (first, resolver) = Promise::pending();
    let mut last = first;
    for n in 0..MILLION {
        let link = match (links, n % 4) {
            (Links::Mixed, 0) => Links::Then,
            (Links::Mixed, 1) => Links::AndThen,
            (Links::Mixed, 2) => Links::AndThenPromise,
            (Links::Mixed, _) => Links::Follow,
            (links, _) => links,
        };
        last = match link {
            Links::Then => last.then(|n| n + 1),
            Links::AndThen => last.and_then(|n| Ok(n + 1)),
            Links::AndThenPromise => last.and_then(|n| Promise::ready(n + 1)),
            _ => {
                let (next, resolver) = Promise::pending();
                resolver.follow(last);
                next
            }
        };
    }
    (resolver, last)
}

#[test]
fn p07_a_million_settle() {
    alone(|reactor| {
        for links in ALL_LINKS {
            let (resolver, last) = chain(links);
            resolver.resolve(0);
            settle(reactor);
            assert!(last.peek().unwrap().is_ok());
        }
    });
}

#[test]
fn p07_a_million_reject() {
    alone(|reactor| {
        for links in ALL_LINKS {
            let (resolver, last) = chain(links);
            resolver.reject("no");
            settle(reactor);
            assert_eq!(last.peek().unwrap().unwrap_err().to_string(), "no");
        }
    });
}

#[test]
fn p07_a_million_are_cancelled_from_the_far_end() {
    alone(|reactor| {
        for links in ALL_LINKS {
            let (resolver, last) = chain(links);
            last.cancel();
            assert!(!resolver.is_wanted());
            settle(reactor);
        }
    });
}

#[test]
fn p07_a_million_are_dropped() {
    alone(|reactor| {
        for links in ALL_LINKS {
            let (resolver, last) = chain(links);
            drop(last);
            assert!(resolver.is_wanted(), "a handle dropped cancels nothing");
            drop(resolver.emitter());
            resolver.resolve(0);
            settle(reactor);
        }
    });
}

#[test]
fn p07_a_million_are_abandoned() {
    alone(|reactor| {
        for links in ALL_LINKS {
            let (resolver, last) = chain(links);
            drop(resolver);
            settle(reactor);
            assert_eq!(last.peek().unwrap().unwrap_err().kind(), Kind::Abandoned);
        }
    });
}

/// The last one's `alone` sees that the end of the reactor frees all.
#[test]
fn p07_p29_a_million_pending_at_the_reactors_end() {
    thread_local! {
        // Outlives the reactor: whoever should have settled them still could.
        static KEPT: RefCell<Option<Resolver<u64>>> = const { RefCell::new(None) };
    }
    alone(|_| drop(chain(Links::Mixed).1));
    alone(|_| drop(KEPT.replace(Some(chain(Links::Then).0))));
}

#[test]
fn p07_a_million_promises_in_promises_are_dropped() {
    struct Link(#[expect(dead_code, reason = "held for its drop")] Option<Promise<Link>>);
    alone(|_| {
        let mut last = Promise::ready(Link(None));
        for _ in 0..MILLION {
            last = Promise::ready(Link(Some(last)));
        }
        drop(last);
    });
}

#[test]
fn p07_a_million_wait_for_one() {
    alone(|reactor| {
        let (promise, resolver) = Promise::pending();
        let count = Rc::new(Cell::new(0));
        for _ in 0..MILLION {
            let count = count.clone();
            promise.then(move |n: &usize| count.set(count.get() + n));
        }
        resolver.resolve(1);
        settle(reactor);
        assert_eq!(count.get(), MILLION);
        let all = Promise::all((0..MILLION).map(Promise::ready));
        assert_eq!(reactor.run(all).unwrap().len(), MILLION);
    });
}

/// Calls `step` a million times; from the first thousand on, memory is flat.
fn flat(reactor: &Reactor, mut step: impl FnMut()) {
    for _ in 0..1_000 {
        step();
        settle(reactor);
    }
    let before = BYTES.current_usage();
    BYTES.reset_peak_usage();
    for _ in 0..MILLION {
        step();
        settle(reactor);
    }
    let peak = BYTES.peak_usage();
    assert!(peak < before + FLAT, "grew by {} bytes", peak - before);
}

#[test]
fn p30_a_million_races_against_one_long_lived_promise() {
    alone(|reactor| {
        let (long, resolver) = Promise::<u64>::pending();
        flat(reactor, || {
            drop(Promise::race([long.clone(), Promise::ready(3)]));
        });
        assert!(resolver.is_wanted());
    });
}

#[test]
fn p30_a_million_waits_for_one_promise_taken_back() {
    alone(|reactor| {
        let (long, resolver) = Promise::<u64>::pending();
        let mut n = 0;
        flat(reactor, || {
            n += 1;
            match n % 4 {
                0 => long.then(|n| n + 1).cancel(),
                1 => drop(long.clone().into_future()),
                2 => long.fork().timeout(Duration::from_secs(1)).cancel(),
                _ => long.and_then(|n| Ok(n + 1)).catch(|_| 0).cancel(),
            }
        });
        assert!(resolver.is_wanted());
    });
}

#[test]
fn p30_a_million_listeners_come_and_go() {
    const NEWS: Event<u64> = Event::latest("news");
    alone(|reactor| {
        let (long, resolver) = Promise::<u64>::pending();
        flat(reactor, || {
            let fork = long.fork().on(NEWS, |_| ());
            resolver.emit(NEWS, 1);
            fork.cancel();
        });
    });
}

/// Runs `promise` with memory flat from the start: it is a loop of a million.
fn run_flat<T: Clone + 'static>(reactor: &Reactor, promise: Promise<T>) {
    settle_some(reactor);
    let before = BYTES.current_usage();
    BYTES.reset_peak_usage();
    assert!(reactor.run(promise).is_ok());
    let peak = BYTES.peak_usage();
    assert!(peak < before + FLAT, "grew by {} bytes", peak - before);
}

/// The first turns, in which tables and queues find their size.
fn settle_some(reactor: &Reactor) {
    for _ in 0..10 {
        reactor.turn(Duration::ZERO);
    }
}

#[test]
fn p30_a_loop_written_with_and_then() {
    fn count_down(n: usize) -> Promise<usize> {
        match n {
            0 => Promise::ready(0),
            n => Promise::ready(n).and_then(|n| count_down(n - 1)),
        }
    }
    alone(|reactor| run_flat(reactor, count_down(MILLION)));
}

#[test]
fn p30_a_loop_that_sleeps_between() {
    fn later(n: usize) -> Promise<usize> {
        match n {
            0 => Promise::ready(0),
            n => sleep(Duration::ZERO).and_then(move |()| later(n - 1)),
        }
    }
    alone(|reactor| run_flat(reactor, later(MILLION)));
}

#[test]
fn p30_a_loop_of_tries() {
    fn again(n: usize) -> Promise<usize> {
        match n {
            0 => Promise::ready(0),
            n => Promise::failed("not yet").or_else(move |_| again(n - 1)),
        }
    }
    alone(|reactor| run_flat(reactor, again(MILLION)));
}

#[test]
fn p30_a_million_self_renewing_ticks() {
    fn tick(left: usize, resolver: Resolver<()>) {
        match left {
            0 => resolver.resolve(()),
            _ => defer(move || tick(left - 1, resolver)),
        }
    }
    alone(|reactor| {
        let (done, resolver) = Promise::pending();
        tick(MILLION, resolver);
        run_flat(reactor, done);
    });
}

#[test]
fn p30_a_million_ticks_of_an_interval() {
    alone(|reactor| {
        let (done, resolver) = Promise::pending();
        let resolver = Cell::new(Some(resolver));
        let left = Cell::new(MILLION);
        let ticks = evcore::interval(Duration::ZERO).on(TICK, move |_| {
            left.set(left.get() - 1);
            if left.get() == 0 {
                resolver.take().into_iter().for_each(|r| r.resolve(()));
            }
        });
        run_flat(reactor, done);
        ticks.cancel();
    });
}

#[test]
fn p30_a_million_awaits_in_one_coroutine() {
    alone(|reactor| {
        let task = spawn(async {
            for n in 0..MILLION {
                Promise::ready(n).await?;
            }
            Ok(())
        });
        run_flat(reactor, task);
    });
}

#[test]
fn p30_a_million_coroutines() {
    alone(|reactor| {
        flat(reactor, || drop(spawn(async { Ok(3) })));
    });
}
