//! The model: timers, the turn, and closing. Follows P22 to P24, P27, P29,
//! P31.

use std::collections::VecDeque;
use std::rc::Rc;

use super::events::closures;
use super::{Body, Closure, Entry, Grave, Id, Model, Outcome, Stopped, Timer, Waiter};
use crate::play::Ty;
use crate::program::TICK;

/// Callbacks, listener calls, hops and polls in one turn (P23).
const BUDGET: usize = 1_024;

impl Model {
    pub(super) fn arm(&mut self, reactor: usize, promise: Id, deadline: u64) {
        if !self.reactors[reactor].closed && !self.is_settled(promise) {
            let number = self.number();
            self.reactors[reactor].timers.push(Timer {
                deadline,
                number,
                promise,
            });
        }
    }

    pub(crate) fn sleep(&mut self, ms: u64) -> Id {
        let p = self.pending(Ty::Unit);
        self.arm(self.promises[p].reactor, p, self.now + ms);
        p
    }

    pub(crate) fn interval(&mut self, ms: u64) -> Id {
        let (here, began) = (self.current(), self.now);
        let p = self.promise(here, Ty::Unit, Body::Ticking { began, period: ms });
        self.arm(here, p, self.now + ms);
        p
    }

    pub(crate) fn defer(&mut self, closure: Rc<Closure>) {
        let here = self.current();
        self.enqueue(here, Entry::Call(closure));
    }

    /// P22: wait, collect, deliver, report.
    pub(crate) fn turn(&mut self, r: usize, may_wait: bool) {
        if self.reactors[r].closed {
            return;
        }
        self.reactors[r].depth += 1;
        self.entered.push(r);
        self.clean_up(r);
        let young = self.number();
        if may_wait && self.reactors[r].queue.is_empty() {
            let next = self.reactors[r]
                .timers
                .iter()
                .map(|timer| timer.deadline)
                .min();
            self.now = self.now.max(next.unwrap_or(0));
        }
        self.collect(r, young);
        self.deliver(r);
        self.clean_up(r);
        self.report(r);
        self.entered.pop();
        self.reactors[r].depth -= 1;
    }

    /// P24: by deadline, then by creation; none made since the turn began.
    pub(super) fn collect(&mut self, r: usize, young: u64) {
        loop {
            let timers = &mut self.reactors[r].timers;
            let due = timers
                .iter()
                .enumerate()
                .filter(|(_, timer)| timer.deadline <= self.now && timer.number < young);
            let Some((at, _)) = due.min_by_key(|(_, timer)| (timer.deadline, timer.number)) else {
                return;
            };
            let p = timers.remove(at).promise;
            match self.promises[p].body {
                Body::Limited(_) => self.enqueue(r, Entry::Expire(p)),
                Body::Ticking { began, period } => {
                    let count = (self.now - began) / period;
                    self.arm(r, p, began + (count + 1) * period);
                    self.emit(p, TICK, count as i64);
                }
                _ => self.settle(p, Outcome::Value("()".into())),
            }
        }
    }

    /// P23: first in, first out, with a budget.
    pub(super) fn deliver(&mut self, r: usize) {
        let mut budget = BUDGET;
        while budget > 0 {
            self.clean_up(r);
            let Some(entry) = self.reactors[r].queue.pop_front() else {
                return;
            };
            budget -= usize::from(self.deliver_one(r, entry));
        }
    }

    /// False if nothing was left to do for the entry.
    pub(super) fn deliver_one(&mut self, r: usize, entry: Entry) -> bool {
        match entry {
            Entry::Waiters(mut waiters) => {
                let waiter = waiters.pop_front().expect("none is queued empty");
                if !waiters.is_empty() {
                    self.reactors[r].queue.push_front(Entry::Waiters(waiters));
                }
                let live = self.is_live(waiter);
                if live {
                    self.fire(waiter);
                }
                live
            }
            Entry::Event(emission) => self.tell(r, emission),
            Entry::Silence(p) => {
                self.promises[p].latest = None;
                let listeners = std::mem::take(&mut self.promises[p].listeners);
                self.bury_each(r, closures(listeners));
                false
            }
            Entry::Poll(c) => {
                let live = !self.is_settled(self.coroutines[c].promise);
                if live {
                    self.poll(c);
                }
                live
            }
            Entry::Call(closure) => {
                self.call_and_report(r, &closure, true, "");
                true
            }
            Entry::Expire(p) => {
                let live = !self.is_settled(p);
                if live {
                    self.expire(p);
                }
                live
            }
        }
    }

    pub(super) fn clean_up(&mut self, r: usize) {
        while let Some(stopped) = self.reactors[r].stopped.pop_front() {
            match stopped {
                Stopped::Hook(hook) => _ = self.call_and_report(r, &hook, true, "hook"),
                Stopped::Coroutine(c) => self.bury(r, Grave::Coroutine(c)),
            }
        }
    }

    /// `run`; gives up the handle.
    pub(crate) fn run(&mut self, p: Id) -> String {
        let r = self.promises[p].reactor;
        if self.reactors[r].depth > 0 {
            self.drop_handle(p);
            return "!Nested".into();
        }
        self.entered.push(r);
        let c = self.coroutines.len();
        let a = self.begin_await(p, Some(c));
        let main = self.start(r, VecDeque::new(), None);
        self.coroutines[c].awaiting = Some((a, false));
        while !self.is_settled(main) {
            let idle = self.reactors[r].timers.is_empty() && self.reactors[r].queue.is_empty();
            assert!(!idle, "a time limit ends it at the latest");
            self.turn(r, true);
        }
        self.clean_up(r);
        self.report(r);
        self.entered.pop();
        let answer = self.coroutines[c].answer.take();
        self.drop_handle(main);
        answer.expect("it has ended")
    }

    pub(crate) fn hold_reactor(&mut self, r: usize) {
        self.reactors[r].handles += 1;
    }

    pub(crate) fn enter(&mut self, r: usize) {
        self.entered.push(r);
    }

    pub(crate) fn leave(&mut self) {
        self.entered.pop();
    }

    /// P29: everything pending is cancelled and dropped; nothing is called.
    pub(crate) fn drop_reactor(&mut self, r: usize) {
        self.reactors[r].handles -= 1;
        if self.reactors[r].handles > 0 {
            return;
        }
        self.reactors[r].closed = true;
        self.tables.muted = true;
        self.reactors[r].burying = true;
        for p in 0..self.promises.len() {
            if self.promises[p].reactor == r {
                self.cancel_closing(p);
            }
        }
        self.reactors[r].burying = false;
        self.fill_graves(r);
        for stopped in std::mem::take(&mut self.reactors[r].stopped) {
            match stopped {
                Stopped::Hook(hook) => self.bury(r, Grave::Closure(hook)),
                Stopped::Coroutine(c) => self.bury(r, Grave::Coroutine(c)),
            }
        }
        for entry in std::mem::take(&mut self.reactors[r].queue) {
            match entry {
                Entry::Call(closure) => self.bury(r, Grave::Closure(closure)),
                Entry::Silence(p) => _ = self.deliver_one(r, Entry::Silence(p)),
                Entry::Waiters(waiters) => {
                    for waiter in waiters {
                        self.fire_elsewhere(r, waiter);
                    }
                }
                _ => {}
            }
        }
        self.report(r);
        self.tables.muted = false;
    }

    pub(super) fn cancel_closing(&mut self, p: Id) {
        if self.is_settled(p) || self.promises[p].gone {
            return;
        }
        let r = self.promises[p].reactor;
        let waiters = self.promises[p].waiters.clone();
        self.cancel(p);
        for waiter in waiters {
            self.fire_elsewhere(r, waiter);
        }
    }

    /// Who waits in another reactor hears of it; the closing one's own are
    /// cancelled themselves.
    pub(super) fn fire_elsewhere(&mut self, r: usize, waiter: Waiter) {
        let home = match waiter {
            Waiter::Promise(p) | Waiter::Part(p, _) => self.promises[p].reactor,
            Waiter::Await(a) => match self.awaits[a].coroutine {
                Some(c) => self.promises[self.coroutines[c].promise].reactor,
                None => r,
            },
        };
        if home != r && self.is_live(waiter) {
            self.fire(waiter);
        }
    }
}
