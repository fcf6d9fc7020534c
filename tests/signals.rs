//! Signals, sent by this process to itself. Each test has a signal of its
//! own: they run side by side in one process.
#![cfg(unix)]

use std::cell::Cell;
use std::process::Command;
use std::rc::Rc;

use evcore::signal::{
    SIGCONT, SIGHUP, SIGINT, SIGNAL, SIGUSR1, SIGUSR2, SIGWINCH, ctrl_c, signal, signals,
};
use evcore::{Kind, Reactor, ms, run, secs};

fn send(number: i32) {
    let me = std::process::id().to_string();
    let status = Command::new("kill")
        .args(["-s", &number.to_string(), &me])
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn ctrl_c_settles_once_the_user_asks() {
    let first = ctrl_c();
    let second = ctrl_c();
    assert!(run(first.fork().timeout(ms(5))).is_err());
    send(SIGINT);
    run(first.timeout(secs(20))).unwrap();
    run(second.timeout(secs(20))).unwrap();
}

#[test]
fn it_listens_from_the_call_on() {
    let asked = signal(SIGUSR1);
    send(SIGUSR1); // before the loop turns for the first time
    assert_eq!(run(asked.timeout(secs(20))).unwrap(), SIGUSR1);
}

#[test]
fn every_signal_is_told_until_cancelled() {
    let count = Rc::new(Cell::new(0));
    let hangups = signals(SIGHUP).on(SIGNAL, {
        let count = count.clone();
        move |&number| {
            assert_eq!(number, SIGHUP);
            count.set(count.get() + 1);
        }
    });
    for n in 1..=3 {
        send(SIGHUP);
        while count.get() < n {
            Reactor::current().turn(secs(20));
        }
    }
    hangups.cancel();
    send(SIGHUP); // not told, and not deadly either
    run(evcore::sleep(ms(10))).unwrap();
    assert_eq!(count.get(), 3);
}

#[test]
fn two_reactors_hear_the_same_signal() {
    let (a, b) = (Reactor::new().unwrap(), Reactor::new().unwrap());
    let listen = |reactor: &Reactor| {
        let _current = reactor.enter();
        signal(SIGUSR2).timeout(secs(20))
    };
    let (at_a, at_b) = (listen(&a), listen(&b));
    send(SIGUSR2);
    assert_eq!(b.run(at_b).unwrap(), SIGUSR2);
    assert_eq!(a.run(at_a).unwrap(), SIGUSR2);
}

#[test]
fn a_cancelled_one_leaves_nothing_to_wait_for() {
    let reactor = Reactor::new().unwrap();
    let _current = reactor.enter();
    let asked = signal(SIGWINCH);
    asked.cancel();
    let (never, _resolver) = evcore::Promise::<()>::pending();
    assert_eq!(reactor.run(never).unwrap_err().kind(), Kind::Idle);
}

#[test]
fn waiting_for_a_signal_is_not_idle() {
    let asked = signal(SIGCONT);
    std::thread::spawn(|| {
        std::thread::sleep(ms(20));
        send(SIGCONT);
    });
    assert_eq!(run(asked).unwrap(), SIGCONT);
}

#[test]
fn deadly_signals_are_refused() {
    for number in [9, 11] {
        let error = run(signal(number)).unwrap_err();
        let text = format!("listen for signal {number}: this signal can't be listened for");
        assert_eq!(error.to_string(), text);
    }
    assert!(run(signal(-1)).is_err());
}
