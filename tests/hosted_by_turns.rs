//! Being a guest of a host that watches no descriptor: its loop waits inside
//! the reactor's turn, until its own next tick. The way where the system has
//! no descriptor to give (poll(2), Windows); it works everywhere.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use evcore::{Reactor, defer, ms, secs, sleep};

const TICK: Duration = ms(20);

/// Turns the guest between ticks until `done`; how many ticks there were.
fn host(guest: &Reactor, done: impl Fn() -> bool) -> u32 {
    let began = Instant::now();
    let (mut ticks, mut next) = (0, began + TICK);
    while !done() {
        assert!(began.elapsed() < secs(10), "it never came");
        guest.turn(next.saturating_duration_since(Instant::now()));
        while Instant::now() >= next {
            (ticks, next) = (ticks + 1, next + TICK);
        }
    }
    ticks
}

#[test]
#[cfg(unix)]
fn only_the_poll_fallback_has_no_descriptor() {
    let fallback = cfg!(any(
        mio_unsupported_force_poll_poll,
        polling_test_poll_backend
    ));
    assert_eq!(Reactor::new().unwrap().as_fd().is_none(), fallback);
}

#[test]
fn timers_and_ticks_share_the_loop() {
    let guest = Reactor::new().unwrap();
    let _entered = guest.enter();
    let began = Instant::now();
    let nap = sleep(ms(90));
    let ticks = host(&guest, || nap.is_settled());
    assert!(began.elapsed() >= ms(90) && began.elapsed() < secs(5));
    assert!(ticks >= 3, "the host had its turn as well: {ticks}");
}

#[test]
fn what_is_queued_between_turns_is_delivered_by_the_next() {
    let guest = Reactor::new().unwrap();
    let _entered = guest.enter();
    let called = Rc::new(Cell::new(false));
    guest.turn(Duration::ZERO);
    let told = called.clone();
    defer(move || told.set(true));
    let began = Instant::now();
    let turned = guest.turn(secs(5));
    assert!(called.get() && !turned.more);
    assert!(began.elapsed() < secs(2), "it did not wait");
}

#[test]
fn a_post_ends_the_turns_wait() {
    let guest = Reactor::new().unwrap();
    let remote = guest.remote();
    let posting = std::thread::spawn(move || {
        std::thread::sleep(ms(30));
        remote.post(|| {})
    });
    let began = Instant::now();
    guest.turn(secs(5));
    assert!(
        began.elapsed() < secs(4),
        "woken by the post, not by the clock"
    );
    assert!(posting.join().unwrap());
}

#[test]
fn a_turn_tells_when_to_come_back() {
    let guest = Reactor::new().unwrap();
    let _entered = guest.enter();
    assert_eq!(guest.turn(Duration::ZERO).next, None);
    let nap = sleep(secs(60));
    let next = guest.turn(Duration::ZERO).next.expect("a timer waits");
    assert!(next > secs(50) && next <= secs(60));
    nap.cancel();
    assert_eq!(guest.turn(Duration::ZERO).next, None);
}
