//! What is kept: answers, twins, demotions, stale answers; and what ends with a look-up that is given up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bed::dns::DnsServer;
use evcore::{Promise, run};
use evdns::limits::{PROBE_PAUSE, STALE_AFTER};
use evdns::{A, ErrorKind, QUERY};

use crate::still::Still;
use crate::{LIMIT, asking, kind};

/// A server that counts, and its count.
fn counting(ttl: u32) -> (DnsServer, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    let server = DnsServer::start(move |question| {
        counter.fetch_add(1, Ordering::Relaxed);
        let reply = question.reply();
        vec![match question.name.starts_with("missing") {
            true => reply.code(3).negative(ttl).bytes,
            false => reply.record(&question.name, 1, ttl, &[192, 0, 2, 1]).bytes,
        }]
    });
    (server, count)
}

#[test]
fn an_answer_is_kept_for_its_time() {
    let (server, count) = counting(60);
    let resolver = asking(&[&server]).build();
    for _ in 0..3 {
        run(resolver.resolve::<A>("host.example")).unwrap();
        assert_eq!(
            kind(&run(resolver.resolve::<A>("missing.example")).unwrap_err()),
            ErrorKind::NoName
        );
    }
    assert_eq!(count.load(Ordering::Relaxed), 2);
    let known = resolver.resolve::<A>("host.example");
    assert!(known.is_settled(), "what is at hand needs no turn");
}

#[test]
fn a_ttl_of_zero_is_not_kept() {
    let (server, count) = counting(0);
    let resolver = asking(&[&server]).build();
    for _ in 0..3 {
        run(resolver.resolve::<A>("host.example")).unwrap();
    }
    assert_eq!(count.load(Ordering::Relaxed), 3);
}

#[test]
fn twins_share_one_query() {
    let (server, count) = counting(0);
    let resolver = asking(&[&server]).build();
    let twins: Vec<_> = (0..20)
        .map(|_| resolver.resolve::<A>("host.example"))
        .collect();
    twins[0].cancel(); // the others go on
    let rest = run(Promise::all(twins[1..].to_vec())).unwrap();
    assert_eq!(rest.len(), 19);
    assert_eq!(count.load(Ordering::Relaxed), 1);
}

#[test]
fn a_dead_server_is_stepped_around_and_comes_back() {
    let dead = Arc::new(AtomicBool::new(true));
    let silent = dead.clone();
    let first = DnsServer::start(move |question| match silent.load(Ordering::Relaxed) {
        true => vec![],
        false => vec![question.reply().address(&question.name, "192.0.2.2").bytes],
    });
    let (server, _) = counting(60);
    let still = Still::new();
    let resolver = asking(&[&first, &server]).timeout(evcore::ms(700)).build();
    let found = resolver.resolve::<A>("n.example");
    still.late_after(QUERY, evcore::ms(700), found).unwrap();
    // From now on no time goes by: who waited for the dead one would wait for ever.
    for n in 0..200 {
        let name = if n % 2 == 0 { "missing" } else { "n" };
        let found = resolver.resolve::<A>(format!("{name}{n}.example"));
        let settled = || {
            still.reactor.turn(evcore::ms(1));
            found.is_settled()
        };
        assert!(bed::wait_until(LIMIT, settled), "it waits for the dead one");
        drop(run(found));
    }
    dead.store(false, Ordering::Relaxed);
    // Probed in the background after 5 s, at the next look-up; then it is the first again.
    still.clock.advance(PROBE_PAUSE);
    let mut n = 0;
    let back = || {
        n += 1;
        let found = still
            .reactor
            .run(resolver.resolve::<A>(format!("back{n}.example")));
        found.unwrap()[0].to_string() == "192.0.2.2"
    };
    assert!(bed::wait_until(LIMIT, back), "it never comes back");
}

/// A server of a private network, silent until told otherwise, and one that knows the world alone.
fn split() -> (DnsServer, DnsServer, Arc<AtomicBool>) {
    let back = Arc::new(AtomicBool::new(false));
    let speaks = back.clone();
    let private = DnsServer::start(move |question| match speaks.load(Ordering::Relaxed) {
        false => vec![],
        true => vec![question.reply().address(&question.name, "192.0.2.2").bytes],
    });
    (private, counting(3_600).0, back)
}

/// What a server said in place of another counts only while that one is away.
#[test]
fn the_word_of_a_stand_in_goes_when_the_server_is_back() {
    let (private, public, back) = split();
    let still = Still::new();
    let resolver = asking(&[&private, &public])
        .timeout(evcore::ms(700))
        .build();
    let ask = |name: &str| {
        let found = still.reactor.run(resolver.resolve::<A>(name));
        found.map(|found| found[0].to_string())
    };
    let first = resolver.resolve::<A>("missing.corp");
    let first = still.late_after(QUERY, evcore::ms(700), first);
    assert_eq!(kind(&first.unwrap_err()), ErrorKind::NoName);
    still.clock.advance(PROBE_PAUSE - evcore::secs(1));
    assert_eq!(ask("wiki.corp").unwrap(), "192.0.2.1");
    back.store(true, Ordering::Relaxed);
    still.clock.advance(evcore::secs(1));
    let mut n = 0;
    let is_back = || {
        n += 1;
        ask(&format!("n{n}.example")).unwrap() == "192.0.2.2"
    };
    assert!(bed::wait_until(LIMIT, is_back), "it never comes back");
    assert_eq!(ask("missing.corp").unwrap(), "192.0.2.2");
    assert_eq!(ask("wiki.corp").unwrap(), "192.0.2.2");
}

/// One question, not repeated until the pause is over.
#[test]
fn a_dead_server_is_probed_no_more_than_once_in_a_while() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let dead = DnsServer::start(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        vec![]
    });
    let (server, _) = counting(60);
    let (still, patience) = (Still::new(), PROBE_PAUSE * 3 / 10);
    let resolver = asking(&[&dead, &server])
        .timeout(patience)
        .attempts(3)
        .build();
    let found = resolver.resolve::<A>("n.example");
    still.late_after(QUERY, patience, found).unwrap();
    let reaches = |wanted: usize| {
        let reached = || {
            still.reactor.turn(evcore::ms(1));
            asked.load(Ordering::Relaxed) >= wanted
        };
        assert!(bed::wait_until(LIMIT, reached), "it is not asked");
        assert_eq!(asked.load(Ordering::Relaxed), wanted);
    };
    for n in 1..=3 {
        still.clock.advance(PROBE_PAUSE);
        let found = resolver.resolve::<A>(format!("n{n}.example"));
        still.reactor.run(found).unwrap();
        reaches(1 + n);
        // It would be asked again by now, were it not a probe.
        for _ in 0..3 {
            still.clock.advance(patience);
            while still.reactor.turn(evcore::ms(20)).more {}
        }
        reaches(1 + n);
    }
}

/// Somebody who has a stale answer does not wait until every server has had its time, and the next one not at all.
#[test]
fn a_stale_answer_does_not_wait_for_silence() {
    let gone = Arc::new(AtomicBool::new(false));
    let silent = gone.clone();
    let server = DnsServer::start(move |question| match silent.load(Ordering::Relaxed) {
        true => vec![],
        false => {
            let address = [192, 0, 2, 1];
            let reply = question.reply();
            vec![reply.record(&question.name, 1, 1, &address).bytes]
        }
    });
    let still = Still::new();
    let resolver = asking(&[&server]).serve_stale(evcore::secs(3_600)).build();
    let found = || resolver.resolve::<A>("host.example");
    still.reactor.run(found()).unwrap();
    gone.store(true, Ordering::Relaxed);
    still.clock.advance(evcore::ms(1_100));
    still.late_after(QUERY, STALE_AFTER, found()).unwrap();
    assert!(found().is_settled(), "it counts as fresh for a moment");
}

#[test]
fn a_stale_answer_is_better_than_none() {
    let gone = Arc::new(AtomicBool::new(false));
    let silent = gone.clone();
    let server = DnsServer::start(move |question| match silent.load(Ordering::Relaxed) {
        true => vec![question.reply().code(2).bytes],
        false => vec![
            question
                .reply()
                .record(&question.name, 1, 1, &[192, 0, 2, 1])
                .bytes,
        ],
    });
    let Still { clock, reactor, .. } = &Still::new();
    let resolver = asking(&[&server])
        .serve_stale(Duration::from_secs(3_600))
        .build();
    reactor.run(resolver.resolve::<A>("host.example")).unwrap();
    gone.store(true, Ordering::Relaxed);
    clock.advance(Duration::from_millis(1_100));
    let stale = reactor.run(resolver.resolve::<A>("host.example")).unwrap();
    assert_eq!(stale.ttl(), Duration::from_secs(30));
    assert!(reactor.run(resolver.resolve::<A>("other.example")).is_err());
}

#[test]
fn a_look_up_that_is_given_up_leaves_nothing() {
    let server = DnsServer::start(|_| vec![]);
    let resolver = asking(&[&server]).timeout(Duration::from_secs(60)).build();
    let pending: Vec<_> = (0..1_000)
        .map(|n| resolver.resolve::<A>(format!("n{n}.example")))
        .collect();
    run(evcore::sleep(Duration::from_millis(20))).unwrap();
    for promise in &pending {
        promise.cancel();
    }
    run(evcore::sleep(Duration::from_millis(1))).unwrap();
    let dump = evcore::Reactor::current().dump();
    // One coroutine a port, and who retires them.
    assert!(dump.lines().count() < 60, "{dump}");
}
