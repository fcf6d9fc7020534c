//! The samples of the essay this project began with ("Asynchronous
//! Programming in Python", 2009), in its order. Prints what each one logs.
//! What they log is asserted in `tests/essay.rs`, which takes the samples
//! from here.

use evcore::{Error, Promise, defer, ms, sleep, spawn};

/// Supplies 3, after a while.
pub(crate) fn background_job() -> Promise<i32> {
    sleep(ms(10)).then(|_| 3)
}

/// Fails, after a while.
pub(crate) fn broken_job() -> Promise<i32> {
    sleep(ms(10)).and_then(|_| Err("the job has failed".into()))
}

/// "Each callback here will get the exact same value": logs 3, twice.
pub(crate) fn log_twice(log: fn(&i32)) {
    let promise = background_job();
    promise.then(log);
    promise.then(log);
}

/// "You can still chain callbacks, but you must do it explicitly": logs 7.
pub(crate) fn explicit_chain(log: fn(&i32)) {
    let add4 = |n: &i32| n + 4;

    let promise = background_job();
    let promise2 = promise.then(add4);
    promise2.then(log);
}

/// "You just want some basic logging to check what's going on": no
/// `safe_identity_log` is needed, whatever `log` does.
pub(crate) fn logging_disturbs_nobody(
    job: Promise<i32>,
    log: fn(&i32),
    show: fn(&i32),
    complain: fn(&Error),
) {
    job.then(log);
    job.then_or(show, complain);
}

/// The addendum's coroutine: logs 3, then 7. (With implicit chaining: `None`,
/// then 7.)
pub(crate) fn right_side_out(log: fn(&i32)) {
    let background = background_job();
    let total = spawn({
        let background = background.clone();
        async move { Ok(background.await? + 4) }
    });
    background.then(log);
    total.then(log);
}

fn log(n: &i32) {
    println!("  log {n}");
}

fn broken_log(_: &i32) {
    panic!("the log's disk is full");
}

fn show(n: &i32) {
    println!("  show {n}");
}

fn complain(error: &Error) {
    println!("  complain: {error}");
}

/// Prints a title and runs one sample until nothing is left of it.
fn sample(title: &'static str, run: impl FnOnce() + 'static) -> evcore::Result<()> {
    println!("{title}");
    defer(run);
    evcore::run(sleep(ms(30)))
}

fn main() -> evcore::Result<()> {
    sample(
        "simple promises: every callback gets the same value",
        || log_twice(log),
    )?;
    sample("chained explicitly", || explicit_chain(log))?;
    sample("logging that disturbs nobody", || {
        logging_disturbs_nobody(background_job(), log, show, complain);
    })?;
    sample("nor when the job fails", || {
        logging_disturbs_nobody(broken_job(), log, show, complain);
    })?;
    sample(
        "nor when the log itself is broken (that is reported)",
        || {
            logging_disturbs_nobody(background_job(), broken_log, show, complain);
        },
    )?;
    sample(
        "right side out: a coroutine and callbacks share a promise",
        || right_side_out(log),
    )
}
