//! P12 to P16: interest, cancelling, time limits, the losers of joins, forks.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use evcore::{Event, Kind, Promise, defer, ms, sleep, spawn};

use crate::stage::{OnDrop, Stage, pending, rejected};

const NEWS: Event<i32> = Event::new("news");

fn is_cancelled<T>(promise: &Promise<T>) -> bool {
    matches!(promise.peek(), Some(Err(error)) if error.is_cancelled())
}

#[test]
fn p12_dropping_a_handle_cancels_nothing() {
    let stage = Stage::new();
    sleep(ms(5)).then(stage.unit("slept"));
    _ = spawn({
        let log = stage.log.clone();
        async move {
            sleep(ms(5)).await?;
            log.add("task");
            Ok(())
        }
    });
    let (promise, resolver) = pending();
    drop(promise);
    stage.settle();
    assert!(resolver.is_wanted(), "nobody has taken interest back");
    stage.pass(ms(5));
    stage.log.expect(&["slept", "task"]);
    resolver.resolve(3);
}

#[test]
fn p13_cancel_settles_at_once_for_all_holders() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let other = promise.clone();
    promise.then(|_| unreachable!());
    promise.settled(stage.outcome("settled"));
    promise.cancel();
    assert!(other.is_settled() && is_cancelled(&other));
    assert!(!resolver.is_wanted());
    resolver.emit(NEWS, 1);
    resolver.resolve(3);
    promise.cancel();
    stage.settle();
    stage.log.expect(&["settled cancelled"]);
    stage.expect_reports(&[]);
}

#[test]
fn p13_hooks_run_once_from_the_turn_before_the_next_poll() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    resolver.on_cancel(stage.line("first hook"));
    resolver.on_cancel(stage.line("second hook"));
    promise.cancel();
    stage.log.add("cancelled");
    resolver.on_cancel(stage.line("late hook"));
    assert!(!stage.turn().more);
    stage
        .log
        .expect(&["cancelled", "first hook", "second hook", "late hook"]);
    drop(resolver);
    stage.settle();
    stage.log.expect(&[]);
}

#[test]
fn p13_a_settled_promise_drops_its_hooks_unused() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let dropped = OnDrop(stage.line("dropped"));
    resolver.on_cancel(move || drop(dropped));
    resolver.resolve(3);
    promise.cancel();
    stage.settle();
    stage.log.expect(&["dropped"]);
    assert_eq!(*promise.peek().unwrap().unwrap(), 3);
}

#[test]
fn p13_cleaning_up_is_outside_the_budget() {
    let stage = Stage::new();
    let count = Rc::new(Cell::new(0));
    let cancels = 3 * evcore::limits::BUDGET;
    defer({
        let count = count.clone();
        move || {
            for _ in 0..cancels {
                let (promise, resolver) = pending();
                let count = count.clone();
                resolver.on_cancel(move || count.set(count.get() + 1));
                promise.cancel();
            }
        }
    });
    stage.turn();
    assert_eq!(count.get(), cancels);
}

#[test]
fn p13_run_delivers_hooks_before_it_returns() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    resolver.on_cancel(stage.line("hook"));
    let guard = OnDrop(stage.line("coroutine dropped"));
    let task = spawn(async move {
        let _guard = guard;
        std::future::pending::<evcore::Result<()>>().await
    });
    let main = async move {
        // Polled once, so that it has something to stop.
        sleep(ms(0)).await?;
        task.cancel();
        promise.cancel();
        Ok(3)
    };
    assert_eq!(stage.reactor.run(main).unwrap(), 3);
    stage.log.expect(&["coroutine dropped", "hook"]);
}

#[test]
fn p13_no_listener_is_called_after_cancel_has_returned() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let promise = promise.on(NEWS, stage.log.prefixed("news"));
    let fork = promise.fork().on(NEWS, stage.log.prefixed("fork"));
    resolver.emit(NEWS, 1);
    promise.cancel();
    stage.settle();
    stage.log.expect(&[]);
    assert!(is_cancelled(&fork));
}

#[test]
fn p13_a_listener_that_cancels_is_the_last_to_be_called() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let promise = promise.on(NEWS, stage.log.prefixed("first"));
    let own = promise.clone();
    let promise = promise.on(NEWS, move |_| own.cancel());
    let promise = promise.on(NEWS, stage.log.prefixed("third"));
    resolver.emit(NEWS, 1);
    resolver.emit(NEWS, 2);
    stage.settle();
    stage.log.expect(&["first 1"]);
    assert!(is_cancelled(&promise));
}

#[test]
fn p13_a_callback_is_not_called_after_its_promise_was_cancelled() {
    let stage = Stage::new();
    let source = Promise::ready(3);
    let each: Vec<Promise<()>> = vec![
        source.then(|_| unreachable!()),
        source.and_then(|_| -> Promise<()> { unreachable!() }),
        source.then_or(|_| unreachable!(), |_| unreachable!()),
        source.settled(|_| unreachable!()),
    ];
    let caught = rejected("no").catch(|_| unreachable!());
    each.iter().for_each(Promise::cancel);
    caught.cancel();
    stage.settle();
    assert!(each.iter().all(is_cancelled));
    assert_eq!(*source.peek().unwrap().unwrap(), 3);
}

#[test]
fn p13_one_callback_may_cancel_the_next() {
    let stage = Stage::new();
    let (source, resolver) = pending();
    let victim: Rc<RefCell<Option<Promise<()>>>> = Rc::default();
    source.then({
        let victim = victim.clone();
        move |_| victim.take().unwrap().cancel()
    });
    victim.replace(Some(source.then(|_| unreachable!("its widgets are gone"))));
    resolver.resolve(3);
    stage.settle();
    stage.expect_reports(&[]);
}

#[test]
fn p13_a_coroutine_that_cancels_itself_is_dropped_when_its_poll_returns() {
    let stage = Stage::new();
    let own: Rc<RefCell<Option<Promise<()>>>> = Rc::default();
    let guard = OnDrop(stage.line("dropped"));
    let (log, itself) = (stage.log.clone(), own.clone());
    let task = spawn(async move {
        let _guard = guard;
        itself.take().unwrap().cancel();
        log.add("goes on until it waits");
        sleep(ms(1)).await?;
        unreachable!("never polled again")
    });
    own.replace(Some(task.clone()));
    stage.settle();
    stage.log.expect(&["goes on until it waits", "dropped"]);
    assert!(is_cancelled(&task));
    stage.pass(ms(5));
}

#[test]
fn p14_cancelling_the_last_callback_takes_interest_back() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let (one, two) = (promise.then(|_| ()), promise.then(|_| ()));
    drop(promise);
    one.cancel();
    assert!(resolver.is_wanted(), "two still waits");
    two.cancel();
    assert!(!resolver.is_wanted());
    stage.settle();
}

#[test]
fn p14_a_handle_keeps_the_work_until_it_goes() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    promise.then(|_| ()).cancel();
    assert!(resolver.is_wanted(), "there is a handle");
    drop(promise);
    assert!(
        !resolver.is_wanted(),
        "taken back before, and now the handle"
    );
    stage.settle();
}

#[test]
fn p14_a_handle_dropped_first_comes_to_the_same() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let one = promise.then(|_| ());
    drop(promise);
    assert!(resolver.is_wanted());
    one.cancel();
    assert!(!resolver.is_wanted());
    stage.settle();
}

#[test]
fn p14_a_whole_chain_is_cancelled_from_its_far_end() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let middle = promise.then(|n| n + 1);
    let end = middle
        .and_then(|n| Ok(*n))
        .catch(|_| 0)
        .timeout(ms(100))
        .fork();
    drop((promise, middle));
    end.cancel();
    assert!(!resolver.is_wanted());
    stage.settle();
}

#[test]
fn p14_a_follower_takes_its_interest_back_from_its_leader() {
    let stage = Stage::new();
    let (leader, leading) = pending();
    let (promise, resolver) = pending();
    resolver.follow(leader);
    promise.cancel();
    assert!(!leading.is_wanted());
    let (inner, inside) = pending();
    let outer = Promise::ready(3).and_then(move |_| inner);
    stage.settle();
    outer.cancel();
    assert!(!inside.is_wanted());
    stage.settle();
}

#[test]
fn p14_listeners_are_no_interest() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let promise = promise.on(NEWS, stage.log.writer());
    let one = promise.then(|_| ());
    drop(promise);
    one.cancel();
    assert!(!resolver.is_wanted());
    stage.settle();
}

#[test]
fn p14_into_future_is_interest_from_the_moment_it_is_made() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let awaiting = promise.into_future();
    stage.settle();
    assert!(resolver.is_wanted());
    drop(awaiting);
    assert!(!resolver.is_wanted(), "dropped unfinished, never polled");
    let (promise, resolver) = pending();
    let derived = promise.then(|_| ());
    let awaiting = promise.shared();
    derived.cancel();
    assert!(resolver.is_wanted(), "an await waits");
    drop(awaiting);
    assert!(!resolver.is_wanted());
    stage.settle();
}

#[test]
fn p14_what_a_coroutine_merely_holds_is_a_handle() {
    let stage = Stage::new();
    let (held, holding) = pending();
    let (awaited, awaiting) = pending();
    let task = spawn(async move {
        let _held = held.clone();
        awaited.await
    });
    stage.settle();
    task.cancel();
    assert!(is_cancelled(&task));
    stage.settle();
    assert!(holding.is_wanted(), "a handle dropped cancels nothing");
    assert!(!awaiting.is_wanted(), "an await dropped unfinished does");
}

#[test]
fn p14_owned_cancels_when_it_is_dropped() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let other = promise.clone();
    let owned = promise.owned();
    assert!(!owned.is_settled());
    drop(owned);
    assert!(is_cancelled(&other) && !resolver.is_wanted());
    let settled = Promise::ready(3);
    let value = settled.clone();
    drop(settled.owned());
    assert_eq!(*value.peek().unwrap().unwrap(), 3);
    stage.settle();
}

#[test]
fn p15_timeout_takes_the_handle_and_stops_the_work() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let limited = promise.timeout(ms(10));
    stage.pass(ms(9));
    assert!(!limited.is_settled() && resolver.is_wanted());
    stage.pass(ms(1));
    assert_eq!(limited.peek().unwrap().unwrap_err().kind(), Kind::TimedOut);
    assert!(!resolver.is_wanted());
    limited.cancel();
    stage.settle();
    stage.expect_reports(&[]);
}

#[test]
fn p15_timeout_leaves_alone_what_others_hold() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let limited = promise.clone().timeout(ms(10));
    stage.pass(ms(10));
    assert_eq!(limited.peek().unwrap().unwrap_err().kind(), Kind::TimedOut);
    assert!(resolver.is_wanted(), "a handle is left");
    resolver.resolve(3);
    assert_eq!(*promise.peek().unwrap().unwrap(), 3);
}

#[test]
fn p15_a_value_in_time_stops_the_timer() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let limited = promise.timeout(ms(10));
    resolver.resolve(3);
    stage.settle();
    assert_eq!(*limited.peek().unwrap().unwrap(), 3);
    assert_eq!(stage.turn().next, None, "no timer is left");
}

#[test]
fn p15_all_gathers_in_order_and_rejects_with_the_first_error() {
    let stage = Stage::new();
    let (promises, mut resolvers): (Vec<_>, Vec<_>) = (0..3).map(|_| pending()).unzip();
    let all = Promise::all(promises);
    while let Some(resolver) = resolvers.pop() {
        resolver.resolve(resolvers.len() as i32);
    }
    stage.settle();
    assert_eq!(*all.peek().unwrap().unwrap(), [0, 1, 2], "input order");

    let (promises, mut resolvers): (Vec<_>, Vec<_>) = (0..3).map(|_| pending()).unzip();
    let all = Promise::all(promises);
    resolvers.remove(1).reject("the second");
    stage.settle();
    assert_eq!(all.peek().unwrap().unwrap_err().to_string(), "the second");
    assert!(resolvers.iter().all(|resolver| !resolver.is_wanted()));
}

#[test]
fn p15_any_resolves_with_the_first_value() {
    let stage = Stage::new();
    let (promises, mut resolvers): (Vec<_>, Vec<_>) = (0..3).map(|_| pending()).unzip();
    let any = Promise::any(promises);
    resolvers.remove(0).reject("passed over");
    stage.settle();
    assert!(!any.is_settled());
    resolvers.remove(0).resolve(3);
    stage.settle();
    assert_eq!(*any.peek().unwrap().unwrap(), 3);
    assert!(!resolvers[0].is_wanted());
}

#[test]
fn p15_race_takes_the_first_outcome_ties_go_by_settlement() {
    let stage = Stage::new();
    let (first, one) = pending();
    let (second, two) = pending();
    let race = Promise::race([first.clone(), second.clone()]);
    let all = Promise::all([first, second]);
    two.reject("settled first");
    one.resolve(3);
    stage.settle();
    assert_eq!(
        race.peek().unwrap().unwrap_err().to_string(),
        "settled first"
    );
    assert_eq!(
        all.peek().unwrap().unwrap_err().to_string(),
        "settled first"
    );
    let ready = Promise::race([Promise::ready(1), Promise::ready(2)]);
    stage.settle();
    assert_eq!(*ready.peek().unwrap().unwrap(), 1);
}

#[test]
fn p15_losers_that_others_hold_go_on() {
    let stage = Stage::new();
    let (held, holding) = pending();
    let race = Promise::race([Promise::ready(3), held.clone()]);
    stage.settle();
    assert!(race.is_settled() && holding.is_wanted());
    drop(held);
    assert!(
        !holding.is_wanted(),
        "the race's interest was taken back before"
    );
    stage.settle();
}

#[test]
fn p15_cancelling_a_join_stops_its_parts() {
    let stage = Stage::new();
    let (promises, resolvers): (Vec<_>, Vec<_>) = (0..4).map(|_| pending()).unzip();
    let mut promises = promises.into_iter();
    let mut next = || promises.next().unwrap();
    Promise::all([next()]).cancel();
    Promise::any([next()]).cancel();
    Promise::race([next()]).cancel();
    Promise::all_settled([next()]).cancel();
    assert!(resolvers.iter().all(|resolver| !resolver.is_wanted()));
    stage.settle();
}

#[test]
fn p15_joins_of_nothing() {
    let stage = Stage::new();
    let all = Promise::<i32>::all([]);
    let all_settled = Promise::<i32>::all_settled([]);
    let (any, race) = (Promise::<i32>::any([]), Promise::<i32>::race([]));
    stage.settle();
    assert!(all.peek().unwrap().unwrap().is_empty());
    assert!(all_settled.peek().unwrap().unwrap().is_empty());
    assert!(any.peek().unwrap().is_err() && race.peek().unwrap().is_err());
}

#[test]
fn p15_one_promise_may_take_part_twice() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let all = Promise::all([promise.clone(), promise.clone()]);
    let race = Promise::race([promise.clone(), promise]);
    resolver.resolve(3);
    stage.settle();
    assert_eq!(*all.peek().unwrap().unwrap(), [3, 3]);
    assert_eq!(*race.peek().unwrap().unwrap(), 3);
}

#[test]
fn p16_a_fork_is_a_promise_of_ones_own() {
    let stage = Stage::new();
    let (promise, resolver) = Promise::<NotClone>::pending();
    let (mine, yours) = (promise.fork(), promise.fork());
    let mine = mine.on(NEWS, stage.log.prefixed("mine"));
    let yours = yours.on(NEWS, stage.log.prefixed("yours"));
    resolver.emit(NEWS, 1);
    stage.settle();
    yours.cancel();
    assert!(!promise.is_settled() && !mine.is_settled());
    resolver.emit(NEWS, 2);
    resolver.resolve(NotClone(3));
    stage.settle();
    stage.log.expect(&["mine 1", "yours 1", "mine 2"]);
    assert_eq!(mine.peek().unwrap().unwrap().0, 3);
    assert!(std::ptr::eq(
        mine.peek().unwrap().unwrap(),
        promise.peek().unwrap().unwrap()
    ));
    assert!(is_cancelled(&yours));
}

struct NotClone(i32);

#[test]
fn p16_when_the_last_fork_is_cancelled_so_is_the_work() {
    let stage = Stage::new();
    let (promise, resolver) = pending();
    let forks: Vec<_> = (0..3).map(|_| promise.fork()).collect();
    drop(promise);
    for fork in &forks {
        assert!(resolver.is_wanted());
        fork.cancel();
    }
    assert!(!resolver.is_wanted());
    stage.settle();
}
