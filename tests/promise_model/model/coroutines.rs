//! The model: coroutines and their awaits. Follows P4, P10, P13, P14.

use std::collections::VecDeque;
use std::rc::Rc;

use super::{Await, Body, Closure, Coroutine, Ear, Entry, Grave, Id, Model, Outcome, Text, Waiter};
use crate::play::{self, Ty, Verdict};
use crate::program::Awaiting;

impl Model {
    pub(crate) fn spawn(&mut self, awaits: &[Awaiting], closure: Rc<Closure>) -> Id {
        let here = self.current();
        self.start(here, awaits.iter().copied().collect(), Some(closure))
    }

    pub(super) fn start(
        &mut self,
        reactor: usize,
        steps: VecDeque<Awaiting>,
        closure: Option<Rc<Closure>>,
    ) -> Id {
        let c = self.coroutines.len();
        let promise = self.promise(reactor, Ty::Item, Body::Coroutine(c));
        self.coroutines.push(Coroutine {
            promise,
            closure,
            steps,
            awaiting: None,
            queued: true,
            running: false,
            answer: None,
        });
        self.enqueue(reactor, Entry::Poll(c));
        promise
    }

    pub(super) fn begin_await(&mut self, promise: Id, coroutine: Option<Id>) -> Id {
        let a = self.awaits.len();
        self.awaits.push(Await {
            promise,
            coroutine,
            ear: Ear::Waiting,
        });
        self.wait_for(promise, Waiter::Await(a));
        self.drop_handle(promise);
        a
    }

    pub(super) fn drop_await(&mut self, a: Id) {
        let promise = self.awaits[a].promise;
        self.awaits[a].ear = Ear::Gone;
        if !self.is_settled(promise) && self.take_back(promise) {
            self.cancel(promise);
        }
    }

    pub(super) fn schedule(&mut self, c: Id) {
        let promise = self.coroutines[c].promise;
        if !self.is_settled(promise) && !std::mem::replace(&mut self.coroutines[c].queued, true) {
            self.enqueue(self.promises[promise].reactor, Entry::Poll(c));
        }
    }

    pub(super) fn poll(&mut self, c: Id) {
        let promise = self.coroutines[c].promise;
        let reactor = self.promises[promise].reactor;
        self.coroutines[c].queued = false;
        self.coroutines[c].running = true;
        let ended = self.resume(c);
        self.coroutines[c].running = false;
        match ended {
            None if self.is_settled(promise) => self.bury(reactor, Grave::Coroutine(c)),
            None => {}
            Some(Ok(value)) => self.settle(promise, Outcome::Value(value)),
            Some(Err(error)) => {
                let error = self.duty(reactor, error);
                self.settle(promise, error);
            }
        }
    }

    /// Goes on from await to await; `None` while it has to wait.
    pub(super) fn resume(&mut self, c: Id) -> Option<Result<Text, Text>> {
        let reactor = self.promises[self.coroutines[c].promise].reactor;
        loop {
            if let Some((a, bail)) = self.coroutines[c].awaiting {
                if self.awaits[a].ear != Ear::Fired {
                    return None;
                }
                self.coroutines[c].awaiting = None;
                let promise = self.awaits[a].promise;
                self.look(promise);
                self.awaits[a].ear = Ear::Gone;
                let (text, failed) = match self.outcome(promise) {
                    Outcome::Value(value) => (value, false),
                    Outcome::Failed(error, _) => (format!("!{error}"), true),
                };
                let Some(closure) = &self.coroutines[c].closure else {
                    self.coroutines[c].answer = Some(text);
                    return Some(Ok("()".into()));
                };
                let name = closure.name;
                play::say(self, format!("c{name} awaited {text}"));
                if bail && failed {
                    self.end_coroutine(c, false);
                    return Some(Err(text[1..].into()));
                }
            }
            let Some(step) = self.coroutines[c].steps.pop_front() else {
                break;
            };
            if let Some(handle) = play::awaited(self, &step, reactor) {
                let a = self.begin_await(handle, Some(c));
                self.coroutines[c].awaiting = Some((a, step.bail));
            }
        }
        Some(self.conclude(c, reactor))
    }

    /// The end of a coroutine: its script.
    pub(super) fn conclude(&mut self, c: Id, reactor: usize) -> Result<Text, Text> {
        let closure = self.coroutines[c]
            .closure
            .clone()
            .expect("only `run` has none");
        play::say(self, format!("c{}(end)@{}", closure.name, self.current()));
        let carried = play::settle_carried(self, &closure.script, closure.carried.take());
        closure.carried.replace(carried);
        let verdict = play::enact(self, &closure.script, None, reactor);
        let panics = matches!(verdict, Verdict::Panic);
        self.end_coroutine(c, panics);
        match verdict {
            Verdict::Panic => Err(self.panicked(format!("m{}", closure.name))),
            Verdict::Fail(n) => Err(format!("e{n}")),
            Verdict::Value(n) => Ok(Ty::Item.show(n)),
            Verdict::Same | Verdict::Follow(_) => Ok(Ty::Item.show(0)),
        }
    }

    pub(super) fn end_coroutine(&mut self, c: Id, unwinding: bool) {
        if let Some(closure) = self.coroutines[c].closure.take() {
            closure.spent.set(true);
            self.drop_closure(&closure, unwinding);
        }
    }
}
