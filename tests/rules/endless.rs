//! P23 on sockets: peers that never stop, in one direction or the other, and
//! what is left for everybody else.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use evcore::net::{TcpListener, TcpStream, connect};
use evcore::{Reactor, defer, limits, sleep, spawn};

use crate::world::Watch;

const PEER: &str = "127.0.0.1:1";

/// A reactor in whose world every peer is endless.
fn reactor() -> Reactor {
    let (reactor, watch) = Watch::reactor();
    watch.endless.set(true);
    reactor
}

/// Turns while `work` never waits, until a timer made before has fired and
/// what was queued behind has run; gives the most that `moved` grew in a turn.
fn turns_beside(reactor: &Reactor, moved: &Cell<usize>, work: impl FnOnce()) -> usize {
    let _entered = reactor.enter();
    let (fired, ran) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
    work();
    reactor.turn(Duration::ZERO); // connects
    let (f, r) = (fired.clone(), ran.clone());
    sleep(Duration::ZERO).then(move |_| f.set(true));
    defer(move || r.set(true));
    let mut most = 0;
    for _ in 0..4 {
        let before = moved.get();
        assert!(reactor.turn(Duration::ZERO).more, "it would go on");
        most = most.max(moved.get() - before);
    }
    assert!(fired.get() && ran.get());
    most
}

const TURNS_BYTES: usize = limits::BUDGET * limits::BYTES_PER_UNIT;

#[test]
fn p23_a_peer_that_never_stops_starves_nobody() {
    for size in [1, 1_000, 65_536] {
        let reactor = reactor();
        let moved = Rc::new(Cell::new(0));
        let seen = moved.clone();
        let most = turns_beside(&reactor, &moved, || {
            spawn(async move {
                let stream = connect(PEER).await?;
                let mut into = vec![0; size];
                loop {
                    let read = poll_fn(|cx| stream.poll_read(cx, &mut into)).await?;
                    seen.set(seen.get() + read);
                }
                #[expect(unreachable_code, reason = "says what the coroutine returns")]
                Ok(())
            });
        });
        assert!(0 < most && most <= TURNS_BYTES + size, "{most}");
    }
}

#[test]
fn p23_a_peer_that_takes_everything_starves_nobody() {
    let reactor = reactor();
    let moved = Rc::new(Cell::new(0));
    let seen = moved.clone();
    let most = turns_beside(&reactor, &moved, || {
        spawn(async move {
            let stream: TcpStream = connect(PEER).await?;
            loop {
                let wrote = poll_fn(|cx| stream.poll_write(cx, &[0; 10_000])).await?;
                seen.set(seen.get() + wrote);
            }
            #[expect(unreachable_code, reason = "says what the coroutine returns")]
            Ok(())
        });
    });
    assert!(0 < most && most <= TURNS_BYTES + 10_000, "{most}");
}

#[test]
fn p23_a_flood_of_connections_starves_nobody() {
    let reactor = reactor();
    let taken = Rc::new(Cell::new(0));
    let seen = taken.clone();
    let most = turns_beside(&reactor, &taken, || {
        let listener = TcpListener::bind(([127, 0, 0, 1], 0)).unwrap();
        listener
            .incoming()
            .on(TcpListener::ACCEPTED, move |_| seen.set(seen.get() + 1));
    });
    assert!(
        0 < most && most <= 2 * TURNS_BYTES / limits::ACCEPT_COST,
        "{most}"
    );
}

#[test]
fn p23_two_that_never_stop_take_turns() {
    let reactor = reactor();
    let _entered = reactor.enter();
    let reads: [Rc<Cell<usize>>; 2] = Default::default();
    for count in reads.clone() {
        spawn(async move {
            let stream = connect(PEER).await?;
            let mut into = vec![0; 65_536];
            loop {
                poll_fn(|cx| stream.poll_read(cx, &mut into)).await?;
                count.set(count.get() + 1);
            }
            #[expect(unreachable_code, reason = "says what the coroutine returns")]
            Ok(())
        });
    }
    for _ in 0..20 {
        reactor.turn(Duration::ZERO);
    }
    let [a, b] = reads.map(|count| count.get());
    assert!(a > 100 && a.abs_diff(b) <= 40, "{a} and {b}");
}

#[test]
fn p23_outside_of_turns_reading_goes_on_after_the_next() {
    struct Count(AtomicBool);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let reactor = reactor();
    let asked = {
        let _entered = reactor.enter();
        connect(PEER)
    };
    let stream: TcpStream = reactor.run(asked).unwrap();
    let woken = Arc::new(Count(AtomicBool::new(false)));
    let waker = Waker::from(woken.clone());
    let mut cx = Context::from_waker(&waker);
    let mut into = vec![0; 65_536];
    let mut reads = |most: usize| {
        (0..most)
            .take_while(|_| stream.poll_read(&mut cx, &mut into).is_ready())
            .count()
    };
    let first = reads(1_000);
    assert!(
        first < 1_000,
        "somebody else's executor has to turn the reactor too"
    );
    reactor.turn(Duration::ZERO);
    assert!(woken.0.load(Ordering::SeqCst));
    assert!(reads(10) == 10);
}
