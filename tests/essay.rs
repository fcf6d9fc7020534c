//! The samples of the founding essay log exactly what it says they log. The
//! samples themselves are those of the example program, not copies.

use std::cell::RefCell;
use std::rc::Rc;

use evcore::{Error, Promise, ms, sleep};

#[expect(dead_code, reason = "its `main` prints what is asserted here")]
#[path = "../examples/essay.rs"]
mod essay;

thread_local! {
    static LOG: RefCell<Vec<String>> = RefCell::default();
}

fn write(line: String) {
    LOG.with(|log| log.borrow_mut().push(line));
}

fn log(n: &i32) {
    write(n.to_string());
}

fn broken_log(n: &i32) {
    write(format!("broken {n}"));
    panic!("the log's disk is full");
}

fn show(n: &i32) {
    write(format!("show {n}"));
}

fn complain(error: &Error) {
    write(format!("complain: {error}"));
}

/// What a sample logs, and what is reported as unhandled.
fn logged(sample: impl FnOnce()) -> (Vec<String>, Vec<String>) {
    let clock = evcore::ManualClock::leaping();
    let reactor = evcore::Reactor::builder().clock(&clock).build().unwrap();
    let reports = Rc::new(RefCell::new(Vec::new()));
    let told = reports.clone();
    reactor.on_unhandled(move |report| told.borrow_mut().push(report.error.to_string()));
    let _entered = reactor.enter();
    sample();
    reactor.run(sleep(ms(100))).unwrap();
    (LOG.take(), reports.take())
}

#[test]
fn logs_3_twice() {
    assert_eq!(
        logged(|| essay::log_twice(log)),
        (lines(&["3", "3"]), vec![])
    );
}

#[test]
fn logs_7_by_an_explicit_chain() {
    assert_eq!(
        logged(|| essay::explicit_chain(log)),
        (lines(&["7"]), vec![])
    );
}

#[test]
fn the_chain_may_be_logged_at_both_ends() {
    let both = || {
        let promise = essay::background_job();
        let plus4 = promise.then(|n| n + 4);
        plus4.then(log);
        promise.then(log);
    };
    assert_eq!(logged(both), (lines(&["3", "7"]), vec![]));
}

#[test]
fn logging_disturbs_nobody() {
    let sample = |job: fn() -> Promise<i32>, log: fn(&i32)| {
        logged(move || essay::logging_disturbs_nobody(job(), log, show, complain))
    };
    let fine = sample(essay::background_job, log);
    assert_eq!(fine, (lines(&["3", "show 3"]), vec![]));
    // The error is looked at once, so the other callback's promise is silent.
    let broken_job = sample(essay::broken_job, log);
    assert_eq!(
        broken_job,
        (lines(&["complain: the job has failed"]), vec![])
    );
    let (log, reports) = sample(essay::background_job, broken_log);
    assert_eq!(log, ["broken 3", "show 3"]);
    assert_eq!(reports.len(), 1);
    assert!(reports[0].contains("the log's disk is full"), "{reports:?}");
}

#[test]
fn logs_3_then_7_with_a_coroutine() {
    assert_eq!(
        logged(|| essay::right_side_out(log)),
        (lines(&["3", "7"]), vec![])
    );
}

fn lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}
