//! Being a guest in a `poll(2)` loop: the loop is the example's own. Nothing
//! of the guest's may wait longer than the host's poll, and nothing may wake
//! the host for no reason. Where the system gives no descriptor to watch,
//! `hosted_by_turns.rs` alone is left.
#![cfg(all(
    unix,
    not(any(mio_unsupported_force_poll_poll, polling_test_poll_backend))
))]

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::{Duration, Instant};

use evcore::{Promise, Reactor, ms, secs, sleep};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

#[path = "hosted/beginnings.rs"]
mod beginnings;
#[expect(dead_code, reason = "its `main` is a program of its own")]
#[path = "../examples/poll_host.rs"]
mod poll_host;

use beginnings::BEGINNINGS;
use poll_host::host::Host;

/// A host and its guest, who is current; the other end of the host's input.
struct House {
    host: Host,
    guest: Reactor,
    typing: UnixStream,
    _entered: evcore::reactor::Entered,
}

impl House {
    fn new(with_hook: bool) -> House {
        let guest = Reactor::new().unwrap();
        let _entered = guest.enter();
        let (typing, input) = UnixStream::pair().unwrap();
        let host = Host::new(input, guest.clone());
        let mut host = if with_hook { host.with_hook() } else { host };
        // The first rounds: whatever is over from the beginning is done.
        (0..3).for_each(|_| host.round().unwrap());
        House {
            host,
            guest,
            typing,
            _entered,
        }
    }

    fn round_until(&mut self, done: impl Fn() -> bool) {
        let began = Instant::now();
        while !done() {
            assert!(began.elapsed() < secs(10), "it never came");
            self.host.round().unwrap();
        }
    }
}

/// Whether `guest` is readable within `wait`.
fn is_readable(guest: &Reactor, wait: Duration) -> bool {
    let fd = guest.as_fd().unwrap();
    let mut watched = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
    poll(&mut watched, Some(&Timespec::try_from(wait).unwrap())).unwrap() > 0
}

#[test]
fn work_queued_outside_a_turn_is_noticed_at_once_by_the_hook() {
    let mut house = House::new(true);
    let done = Promise::ready(3).then(|n| n + 4);
    // One round, which must not sleep until the host's next tick.
    assert_eq!(house.host.timeout(), ms(0));
    let turns = house.host.turns;
    house.host.round().unwrap();
    assert!(done.is_settled());
    assert_eq!(house.host.turns, turns + 1);
    assert!(
        !is_readable(&house.guest, ms(0)),
        "the hook saves the system call"
    );
}

#[test]
fn and_without_a_hook_through_the_descriptor() {
    let mut house = House::new(false);
    assert!(!is_readable(&house.guest, ms(0)));
    let (promise, resolver) = Promise::pending();
    let done = promise.then(|n| n + 4);
    assert!(!is_readable(&house.guest, ms(0)), "nothing to do yet");
    resolver.resolve(3);
    assert!(is_readable(&house.guest, ms(0)));
    let turns = house.host.turns;
    house.round_until(|| done.is_settled());
    assert_eq!(house.host.turns, turns + 1);
    assert!(
        !is_readable(&house.guest, ms(0)),
        "the turn has taken it back"
    );
}

#[test]
fn every_sort_of_beginning_is_noticed() {
    for with_hook in [true, false] {
        for (n, begin) in BEGINNINGS.into_iter().enumerate() {
            let mut house = House::new(with_hook);
            let done = Rc::new(Cell::new(false));
            begin(done.clone());
            let turns = house.host.turns;
            (0..2).for_each(|_| house.host.round().unwrap());
            assert!(done.get(), "number {n}, hook {with_hook}");
            assert!(house.host.turns > turns);
        }
    }
}

#[test]
fn deadlines_are_honoured_between_the_hosts_ticks() {
    for with_hook in [true, false] {
        let mut house = House::new(with_hook);
        let began = Instant::now();
        let woke = Rc::new(RefCell::new(Vec::new()));
        for time in [5, 3, 27] {
            let woke = woke.clone();
            sleep(ms(time)).then(move |()| woke.borrow_mut().push((time, began.elapsed())));
        }
        house.host.round().unwrap();
        assert!(house.host.timeout() <= ms(3), "it would sleep past one");
        house.round_until(|| woke.borrow().len() == 3);
        let woke = woke.borrow();
        assert_eq!(woke.iter().map(|w| w.0).collect::<Vec<_>>(), [3, 5, 27]);
        for &(time, after) in woke.iter() {
            assert!(after >= ms(time), "early: {after:?} for {time} ms");
        }
        assert!(
            house.host.ticks >= 1,
            "the host had its own turns meanwhile"
        );
    }
}

#[test]
fn a_nearer_deadline_made_outside_a_turn_shortens_the_hosts_sleep() {
    let mut house = House::new(true);
    let far = sleep(secs(100));
    house.host.round().unwrap();
    let near = sleep(ms(2));
    house.round_until(|| near.is_settled());
    assert!(!far.is_settled());
}

#[test]
fn the_hosts_own_callbacks_may_begin_the_guests_work() {
    let mut house = House::new(true);
    house.typing.write_all(b"hello").unwrap();
    let turns = house.host.turns;
    house.host.round().unwrap();
    assert_eq!(house.host.turns, turns + 1, "in the same round");
}

#[test]
fn a_post_from_another_thread_ends_the_hosts_sleep() {
    let mut house = House::new(true);
    let (promise, resolver) = Promise::pending();
    let remote = house.guest.remote();
    let (told, heard) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(ms(5));
        remote.post(move || told.send(3).unwrap());
    });
    // Polled by hand: the descriptor alone has to end it.
    assert!(is_readable(&house.guest, secs(10)));
    house.host.round().unwrap();
    resolver.resolve(heard.try_recv().unwrap());
    house.round_until(|| promise.is_settled());
    thread.join().unwrap();
}

#[test]
fn a_nested_loop_inside_a_callback_goes_on() {
    let house = Rc::new(RefCell::new(House::new(true)));
    let log = Rc::new(RefCell::new(Vec::new()));
    let guest = house.borrow().guest.clone();
    let (inner, lines) = (guest.clone(), log.clone());
    // A modal dialog: the callback does not return until the sleep is over.
    Promise::ready(()).then(move |()| {
        lines.borrow_mut().push("dialog opens");
        let (closed, own) = (Rc::new(Cell::new(false)), lines.clone());
        let close = closed.clone();
        sleep(ms(5)).then(move |()| {
            own.borrow_mut().push("slept");
            close.set(true);
        });
        while !closed.get() {
            let turned = inner.turn(Duration::ZERO);
            let wait = if turned.more {
                ms(0)
            } else {
                turned.next.unwrap_or(ms(1))
            };
            is_readable(&inner, wait);
        }
        lines.borrow_mut().push("dialog closes");
    });
    let lines = log.clone();
    Promise::ready(()).then(move |()| lines.borrow_mut().push("behind it"));
    house.borrow_mut().host.round().unwrap();
    assert_eq!(
        *log.borrow(),
        ["dialog opens", "behind it", "slept", "dialog closes"]
    );
}

/// Between two nested turns it is the inner host's code that runs, though the
/// outer turn is still on the stack.
#[test]
fn what_a_nested_host_begins_is_noticed_too() {
    let guest = Reactor::new().unwrap();
    let _entered = guest.enter();
    let asked = Rc::new(Cell::new(0));
    let count = asked.clone();
    guest.on_wake(move || count.set(count.get() + 1));
    let (inner, seen) = (guest.clone(), asked.clone());
    Promise::ready(()).then(move |()| {
        inner.turn(Duration::ZERO);
        let before = seen.get();
        let clicked = Promise::ready(3).then(|n| n + 4);
        assert_eq!(seen.get(), before + 1, "queued");
        inner.turn(Duration::ZERO);
        assert!(clicked.is_settled());
        _ = sleep(secs(100));
        assert_eq!(seen.get(), before + 2, "a nearer deadline");
    });
    guest.turn(Duration::ZERO);
    assert_eq!(asked.get(), 3);
}

#[test]
fn a_timer_left_behind_by_a_run_between_turns_is_told() {
    let guest = Reactor::new().unwrap();
    let asked = Rc::new(Cell::new(false));
    let told = asked.clone();
    guest.on_wake(move || told.set(true));
    guest.turn(Duration::ZERO);
    let job = async {
        _ = sleep(secs(100));
        sleep(ms(1)).await
    };
    guest.run(job).unwrap();
    guest.turn(Duration::ZERO);
    asked.set(false);
    guest.run(async { Ok(()) }).unwrap();
    assert!(asked.get(), "the host has to learn of the sleep");
}

#[test]
fn a_post_that_came_in_a_runs_last_turn_is_told() {
    let guest = Reactor::new().unwrap();
    let asked = Rc::new(Cell::new(false));
    let told = asked.clone();
    guest.on_wake(move || told.set(true));
    guest.turn(Duration::ZERO);
    let (remote, before) = (guest.remote(), asked.clone());
    let job = async move {
        // The reactor is awake: nobody has to end a wait of its own.
        let posting = std::thread::spawn(move || remote.post(|| {}));
        assert!(posting.join().unwrap());
        before.set(false);
        Ok(())
    };
    guest.run(job).unwrap();
    assert!(asked.get(), "the host has to learn of the post");
    assert!(!guest.turn(Duration::ZERO).more);
}

#[test]
fn idle_makes_no_wake_ups() {
    for with_hook in [true, false] {
        let mut house = House::new(with_hook);
        let far = sleep(secs(100));
        house.round_until(|| true);
        (0..2).for_each(|_| house.host.round().unwrap());
        let turns = house.host.turns;
        assert!(!is_readable(&house.guest, ms(60)), "nothing wakes the host");
        let ticks = house.host.ticks;
        while house.host.ticks < ticks + 3 {
            house.host.round().unwrap();
        }
        assert_eq!(
            house.host.turns, turns,
            "the guest was left alone, hook {with_hook}"
        );
        drop(far);
    }
}

#[test]
fn more_than_a_budget_is_shared_with_the_host() {
    let mut house = House::new(true);
    let count = Rc::new(Cell::new(0));
    let (promise, resolver) = Promise::pending();
    let many = 5 * evcore::limits::BUDGET;
    for _ in 0..many {
        let count = count.clone();
        promise.then(move |()| count.set(count.get() + 1));
    }
    resolver.resolve(());
    let turns = house.host.turns;
    house.round_until(|| count.get() == many);
    assert_eq!(house.host.turns, turns + 5);
}
