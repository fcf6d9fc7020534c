//! Being a guest of a host that watches no descriptor, with a thread that
//! waits in its stead. The host here is a channel: it sleeps until the thread
//! calls, so nothing may depend on its waking for another reason.

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use bytes::Bytes;
use evcore::reactor::{Entered, WaitingThread};
use evcore::{ManualClock, Promise, Reactor, ms, secs, sleep};

#[path = "hosted/beginnings.rs"]
mod beginnings;

use beginnings::BEGINNINGS;

const PATIENCE: Duration = secs(20);

/// A host that knows nothing but the events in its queue.
struct House {
    events: Receiver<()>,
    guest: WaitingThread,
    reactor: Reactor,
    turns: Cell<usize>,
    _entered: Entered,
}

impl House {
    fn new() -> House {
        let reactor = Reactor::new().unwrap();
        let (post, events) = mpsc::channel();
        let guest = WaitingThread::start(&reactor, move || _ = post.send(())).unwrap();
        let house = House {
            events,
            guest,
            _entered: reactor.enter(),
            reactor,
            turns: Cell::new(0),
        };
        house.round(); // what came up before
        house
    }

    #[track_caller]
    fn round(&self) {
        self.events.recv_timeout(PATIENCE).expect("a call");
        self.turns.set(self.turns.get() + 1);
        self.guest.turn();
    }

    #[track_caller]
    fn round_until(&self, done: impl Fn() -> bool) {
        while !done() {
            self.round();
        }
    }

    fn is_called_within(&self, wait: Duration) -> bool {
        self.events.recv_timeout(wait).is_ok()
    }
}

#[test]
fn every_sort_of_beginning_is_noticed() {
    for (n, begin) in BEGINNINGS.into_iter().enumerate() {
        let house = House::new();
        let done = Rc::new(Cell::new(false));
        begin(done.clone());
        house.round_until(|| done.get());
        assert!(house.turns.get() <= 4, "number {n}: {:?}", house.turns);
    }
}

#[test]
fn a_page_comes_from_a_server_in_the_same_loop() {
    let house = House::new();
    let server = evhttp::serve("127.0.0.1:0", |_| sleep(ms(5)).then(|()| "hello")).unwrap();
    let url = format!("http://{}/", server.local_addr());
    for _ in 0..20 {
        let page = evhttp::fetch(&url);
        house.round_until(|| page.is_settled());
        assert_eq!(page.peek().unwrap().unwrap().text().unwrap(), "hello");
    }
}

#[test]
fn a_body_of_many_turns_loses_nothing() {
    let house = House::new();
    let body: Bytes = (0..8 << 20).map(|n: u32| (n / 7) as u8).collect();
    let server = evhttp::serve("127.0.0.1:0", {
        let body = body.clone();
        move |_| body.clone()
    })
    .unwrap();
    let page = evhttp::fetch(format!("http://{}/", server.local_addr()));
    house.round_until(|| page.is_settled());
    assert!(page.peek().unwrap().unwrap().bytes().unwrap() == body);
}

#[test]
fn a_nearer_deadline_shortens_the_threads_wait() {
    let house = House::new();
    let far = sleep(secs(1_000));
    house.round();
    let began = Instant::now();
    let near = sleep(ms(30));
    house.round_until(|| near.is_settled());
    assert!(began.elapsed() >= ms(30), "not early");
    assert!(!far.is_settled());
}

#[test]
fn a_post_from_another_thread_ends_the_wait() {
    let house = House::new();
    let remote = house.reactor.remote();
    let count = Arc::new(AtomicUsize::new(0));
    let seen = count.clone();
    let posting = std::thread::spawn(move || {
        for _ in 0..1_000 {
            let count = count.clone();
            remote.post(move || _ = count.fetch_add(1, Ordering::SeqCst));
            std::thread::yield_now();
        }
    });
    house.round_until(|| seen.load(Ordering::SeqCst) == 1_000);
    posting.join().unwrap();
}

#[test]
fn an_idle_guest_calls_nobody_and_a_late_host_is_called_once() {
    let house = House::new();
    let far = sleep(secs(1_000));
    // Whatever is over from the beginning takes some turns; then it has nothing to do.
    let busy = (0..10).find(|_| {
        let called = house.is_called_within(ms(200));
        if called {
            house.guest.turn();
        }
        !called
    });
    assert!(busy.is_some(), "it is called for again and again");
    let done = Promise::ready(3).then(|n| n + 4);
    assert!(house.guest.is_due());
    house.events.recv_timeout(PATIENCE).unwrap();
    let remote = house.reactor.remote();
    assert!((0..100).all(|_| remote.wake()));
    assert!(!house.is_called_within(ms(50)), "it has been told");
    house.guest.turn();
    assert!(done.is_settled() && !far.is_settled());
}

#[test]
fn the_reactor_may_be_run_and_turned_otherwise_meanwhile() {
    let house = House::new();
    let answer = house.reactor.run(async {
        sleep(ms(20)).await?;
        Ok(3)
    });
    assert_eq!(answer.unwrap(), 3);
    let nap = sleep(ms(20));
    while !nap.is_settled() {
        house.reactor.turn(secs(5));
    }
    let nap = sleep(ms(5));
    house.round_until(|| nap.is_settled());
}

#[test]
fn a_nested_loop_inside_a_callback_goes_on() {
    let house = Rc::new(House::new());
    let log = Rc::new(RefCell::new(Vec::new()));
    let (inner, lines) = (house.clone(), log.clone());
    Promise::ready(()).then(move |()| {
        lines.borrow_mut().push("dialog opens");
        let nap = sleep(ms(5));
        inner.guest.turn();
        inner.round_until(|| nap.is_settled());
        lines.borrow_mut().push("dialog closes");
    });
    let lines = log.clone();
    Promise::ready(()).then(move |()| lines.borrow_mut().push("behind it"));
    house.round_until(|| log.borrow().len() == 3);
    assert_eq!(
        *log.borrow(),
        ["dialog opens", "behind it", "dialog closes"]
    );
}

#[test]
fn dropping_it_ends_its_thread() {
    // Dropped by the thread's end, together with `wake`.
    let alive = Arc::new(());
    let reactor = Reactor::new().unwrap();
    for turned in [false, true] {
        let held = alive.clone();
        let guest = WaitingThread::start(&reactor, move || _ = &held).unwrap();
        if turned {
            guest.turn(); // from now on it waits in the poller
        }
        drop(guest);
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}

#[test]
fn it_may_be_dropped_and_started_anew_by_a_callback() {
    let house = House::new();
    let (post, events) = mpsc::channel();
    let kept = Rc::new(RefCell::new(None));
    let (seat, reactor) = (kept.clone(), house.reactor.clone());
    let moved = Promise::ready(()).then(move |()| {
        let post = post.clone();
        let next = WaitingThread::start(&reactor, move || _ = post.send(())).unwrap();
        seat.replace(Some(next));
    });
    house.round_until(|| moved.is_settled());
    let House {
        guest,
        reactor: _reactor,
        _entered,
        ..
    } = house;
    drop(guest);
    let nap = sleep(ms(5));
    while !nap.is_settled() {
        events.recv_timeout(PATIENCE).expect("a call");
        kept.borrow().as_ref().expect("started").turn();
    }
}

#[test]
fn a_reactor_dropped_meanwhile_is_closed_and_never_called_for_again() {
    let reactor = Reactor::new().unwrap();
    let (post, events) = mpsc::channel();
    let guest = WaitingThread::start(&reactor, move || _ = post.send(())).unwrap();
    events.recv_timeout(PATIENCE).unwrap();
    guest.turn();
    let entered = reactor.enter();
    let far = sleep(secs(1_000));
    guest.turn();
    drop(entered);
    drop(reactor);
    assert!(far.is_settled(), "closed");
    while events.try_recv().is_ok() {}
    guest.turn();
    assert!(events.recv_timeout(ms(50)).is_err());
}

#[test]
fn a_clock_that_is_not_the_real_one_is_refused() {
    let guest = Reactor::builder()
        .clock(&ManualClock::leaping())
        .build()
        .unwrap();
    let refused = WaitingThread::start(&guest, || ()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
}
