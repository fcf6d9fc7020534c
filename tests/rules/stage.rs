//! What every rule's test needs: a reactor of its own with a clock that only
//! the test moves, a log to compare, values that tell of their drop. Nothing
//! here asserts a rule.

use std::cell::RefCell;
use std::fmt::Display;
use std::rc::Rc;
use std::time::Duration;

use evcore::reactor::Entered;
use evcore::{Error, ManualClock, Promise, Reactor, Resolver, Turned, Unhandled};

/// Lines in the order in which they were written.
#[derive(Clone, Default)]
pub(crate) struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub(crate) fn add(&self, line: impl Display) {
        self.0.borrow_mut().push(line.to_string());
    }

    /// A callback that writes what it is given.
    pub(crate) fn writer<T: Display>(&self) -> impl Fn(&T) + 'static + use<T> {
        let log = self.clone();
        move |value| log.add(value)
    }

    /// As [`writer`](Log::writer), with a word before it.
    pub(crate) fn prefixed<T: Display>(&self, word: &'static str) -> impl Fn(&T) + use<T> {
        let log = self.clone();
        move |value| log.add(format!("{word} {value}"))
    }

    /// Takes what was written so far.
    pub(crate) fn take(&self) -> Vec<String> {
        self.0.take()
    }

    /// Compares with what was written since the last time.
    #[track_caller]
    pub(crate) fn expect(&self, lines: &[&str]) {
        assert_eq!(self.take(), lines);
    }
}

/// One reactor, current for as long as the stage stands.
pub(crate) struct Stage {
    entered: RefCell<Option<Entered>>,
    pub(crate) reactor: Reactor,
    pub(crate) clock: ManualClock,
    pub(crate) log: Log,
    reports: Rc<RefCell<Vec<Unhandled>>>,
}

impl Stage {
    pub(crate) fn new() -> Stage {
        let clock = ManualClock::new();
        let reactor = Reactor::builder().clock(&clock).build().unwrap();
        let reports = Rc::new(RefCell::new(Vec::new()));
        reactor.on_unhandled({
            let reports = reports.clone();
            move |report| reports.borrow_mut().push(report.clone())
        });
        Stage {
            entered: RefCell::new(Some(reactor.enter())),
            reactor,
            clock,
            log: Log::default(),
            reports,
        }
    }

    /// One turn that does not wait.
    pub(crate) fn turn(&self) -> Turned {
        self.reactor.turn(Duration::ZERO)
    }

    /// Turns until nothing is left to deliver.
    pub(crate) fn settle(&self) {
        while self.turn().more {}
    }

    /// Lets time pass, and what is due then happen.
    pub(crate) fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.settle();
    }

    /// The errors reported as unhandled since the last time.
    pub(crate) fn reports(&self) -> Vec<Unhandled> {
        self.reports.take()
    }

    #[track_caller]
    pub(crate) fn expect_reports(&self, lines: &[&str]) {
        let said: Vec<_> = self.reports().iter().map(|r| r.error.to_string()).collect();
        assert_eq!(said, lines);
    }
}

/// Calls `f` when it is dropped.
pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A promise that has been rejected with `text`, by its resolver.
#[track_caller]
pub(crate) fn rejected(text: &'static str) -> Promise<i32> {
    let (promise, resolver) = Promise::pending();
    resolver.reject(text);
    promise
}

#[track_caller]
pub(crate) fn pending() -> (Promise<i32>, Resolver<i32>) {
    Promise::pending()
}

/// Callbacks that write one line, whatever they are given.
impl Stage {
    pub(crate) fn line(&self, line: &'static str) -> impl FnMut() + use<> {
        let log = self.log.clone();
        move || log.add(line)
    }

    pub(crate) fn unit(&self, line: &'static str) -> impl FnOnce(&()) + use<> {
        let log = self.log.clone();
        move |()| log.add(line)
    }

    /// Writes the value or the error after `word`.
    pub(crate) fn outcome<T: Display>(
        &self,
        word: &'static str,
    ) -> impl FnOnce(Result<&T, &Error>) + use<T> {
        let log = self.log.clone();
        move |outcome| match outcome {
            Ok(value) => log.add(format!("{word} {value}")),
            Err(error) => log.add(format!("{word} {error}")),
        }
    }
}

impl Stage {
    /// Stops being the current reactor, and stays for the rest.
    pub(crate) fn leave(&self) -> Option<Entered> {
        self.entered.take()
    }
}

impl Stage {
    /// Drops every handle of the reactor; gives back what it reported.
    pub(crate) fn end(self) -> Rc<RefCell<Vec<Unhandled>>> {
        self.reports.clone()
    }
}
