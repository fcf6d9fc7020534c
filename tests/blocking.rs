//! Work on helper threads: results, panics, limits, cancelling, and an end
//! that waits for nobody.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use evcore::{Kind, ManualClock, Promise, Reactor, blocking, ms, run, secs};

#[test]
fn a_result_comes_back_to_the_loop() {
    let here = thread::current().id();
    let job = blocking(move || thread::current().id() != here).then(move |&elsewhere| {
        assert_eq!(thread::current().id(), here);
        elsewhere
    });
    assert!(run(job).unwrap());
}

#[test]
fn two_helpers_at_most_and_they_are_used_again() {
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let threads = Arc::new(Mutex::new(HashSet::new()));
    let both = Arc::new(Barrier::new(2));
    let jobs = (0..40).map(|n| {
        let (running, most) = (running.clone(), most.clone());
        let (threads, both) = (threads.clone(), both.clone());
        blocking(move || {
            threads.lock().unwrap().insert(thread::current().id());
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            // The first two run at the same time, or never end.
            if n < 2 {
                both.wait();
            }
            thread::sleep(ms(2));
            running.fetch_sub(1, Ordering::SeqCst);
            n
        })
    });
    assert_eq!(
        run(Promise::all(jobs).timeout(secs(60))).unwrap(),
        (0..40).collect::<Vec<_>>()
    );
    assert_eq!(most.load(Ordering::SeqCst), 2);
    assert_eq!(threads.lock().unwrap().len(), 2, "helpers are used again");
}

#[test]
fn work_begins_in_the_order_of_asking() {
    // One helper is kept busy, so that the other has all the rest.
    let (release, gate) = mpsc::channel::<()>();
    let busy = blocking(move || gate.recv().is_err());
    let begun = Arc::new(Mutex::new(Vec::new()));
    let jobs = (0..40).map(|n| {
        let begun = begun.clone();
        blocking(move || begun.lock().unwrap().push(n))
    });
    run(Promise::all(jobs).timeout(secs(60))).unwrap();
    assert_eq!(*begun.lock().unwrap(), (0..40).collect::<Vec<_>>());
    drop(release);
    assert!(run(busy).unwrap());
}

#[test]
fn a_panic_rejects_and_the_helper_lives_on() {
    let line = line!() + 1;
    let error = run::<_, ()>(blocking(|| panic!("no such luck"))).unwrap_err();
    assert_eq!(error.kind(), Kind::Panicked);
    assert!(error.to_string().contains("no such luck"), "{error}");
    assert_eq!(error.place().unwrap().line(), line);
    for _ in 0..4 {
        assert_eq!(run(blocking(|| 3)).unwrap(), 3);
    }
}

#[test]
fn cancelled_work_that_has_not_begun_is_skipped() {
    let ran = Arc::new(AtomicUsize::new(0));
    let (release, gate) = mpsc::channel::<()>();
    let gate = Arc::new(Mutex::new(gate));
    let stuck: Vec<_> = (0..2)
        .map(|_| {
            let gate = gate.clone();
            blocking(move || gate.lock().unwrap().recv().ok())
        })
        .collect();
    let kept = Arc::new(());
    let waiting: Vec<_> = (0..5)
        .map(|_| {
            let (ran, kept) = (ran.clone(), kept.clone());
            blocking(move || {
                drop(kept);
                ran.fetch_add(1, Ordering::SeqCst)
            })
        })
        .collect();
    run(evcore::sleep(ms(5))).unwrap();
    waiting.iter().skip(1).for_each(Promise::cancel);
    run(evcore::sleep(ms(1))).unwrap();
    assert_eq!(
        Arc::strong_count(&kept),
        2,
        "what they held is let go of at once"
    );
    release.send(()).unwrap();
    release.send(()).unwrap();
    run(Promise::all(stuck)).unwrap();
    run(waiting[0].clone()).unwrap();
    run(blocking(|| ())).unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), 1);
}

#[test]
fn the_result_of_cancelled_work_is_dropped() {
    struct Told(mpsc::Sender<thread::ThreadId>);
    impl Drop for Told {
        fn drop(&mut self) {
            let _ = self.0.send(thread::current().id());
        }
    }
    let (tell, told) = mpsc::channel();
    let (begin, begun) = mpsc::channel();
    let (release, gate) = mpsc::channel::<()>();
    let job = blocking(move || {
        begin.send(()).unwrap();
        gate.recv().unwrap();
        Told(tell)
    });
    begun.recv_timeout(secs(10)).unwrap();
    job.cancel();
    run(evcore::sleep(ms(1))).unwrap();
    release.send(()).unwrap();
    let by = told.recv_timeout(secs(10)).unwrap();
    assert_ne!(by, thread::current().id());
}

#[test]
fn work_under_way_is_not_idle_and_stops_a_leaping_clock() {
    let clock = ManualClock::leaping();
    let reactor = Reactor::builder().clock(&clock).build().unwrap();
    let _current = reactor.enter();
    let began = clock.now();
    let job = blocking(|| thread::sleep(ms(20)));
    let late = evcore::sleep(secs(3_600));
    reactor.run(job).unwrap();
    assert!(
        clock.now() - began < secs(3_600),
        "the clock leapt over real work"
    );
    reactor.run(late).unwrap();
    assert_eq!(clock.now() - began, secs(3_600));
    let (never, _resolver) = Promise::<()>::pending();
    assert_eq!(reactor.run(never).unwrap_err().kind(), Kind::Idle);
}

#[test]
fn a_reactor_that_ends_lets_go_of_what_waits() {
    let reactor = Reactor::new().unwrap();
    let (release, gate) = mpsc::channel::<()>();
    let gate = Arc::new(Mutex::new(gate));
    let (begin, begun) = mpsc::channel();
    let kept = Arc::new(());
    let jobs: Vec<_> = {
        let _current = reactor.enter();
        let job = |_| {
            let (gate, kept, begin) = (gate.clone(), kept.clone(), begin.clone());
            blocking(move || {
                let _kept = kept;
                begin.send(()).unwrap();
                gate.lock().unwrap().recv().ok()
            })
        };
        (0..4).map(job).collect()
    };
    begun.recv_timeout(secs(10)).unwrap();
    begun.recv_timeout(secs(10)).unwrap();
    drop(reactor);
    assert!(jobs.iter().all(|job| job.is_settled()));
    assert_eq!(
        Arc::strong_count(&kept),
        3,
        "only the two under way hold on"
    );
    drop(release);
    let end = Instant::now() + secs(10);
    while Arc::strong_count(&kept) > 1 {
        assert!(Instant::now() < end);
        thread::sleep(ms(1));
    }
}

/// Runs this test binary again as a child that ends with work under way.
#[test]
fn a_process_ends_with_work_under_way() {
    const CHILD: &str = "EVCORE_TEST_BLOCKING_CHILD";
    if std::env::var_os(CHILD).is_some() {
        let _never = blocking(|| thread::sleep(Duration::from_secs(3_600)));
        run(evcore::sleep(ms(20))).unwrap();
        return;
    }
    let began = Instant::now();
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_process_ends_with_work_under_way"])
        .env(CHILD, "1")
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    assert!(began.elapsed() < secs(60));
}
