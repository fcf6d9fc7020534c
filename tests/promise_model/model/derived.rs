//! The model: promises made from promises, and what they do when those have
//! settled. Follows P3, P5, P6, P9, P11, P15, P16, P30.

use std::rc::Rc;

use super::{Body, Closure, Ear, Grave, Id, Model, Outcome, Part, Text, Waiter};
use crate::play::{Ty, Verdict};
use crate::program::{Attach, Join};

impl Model {
    pub(crate) fn attach(&mut self, kind: Attach, source: Id, closures: Vec<Rc<Closure>>) -> Id {
        let ty = match kind {
            Attach::Catch | Attach::OrElse => self.promises[source].ty,
            _ => Ty::Item,
        };
        self.derive(source, ty, Body::Attached(kind, closures))
    }

    pub(crate) fn fork(&mut self, source: Id) -> Id {
        self.derive(source, self.promises[source].ty, Body::Fork)
    }

    pub(crate) fn timeout(&mut self, source: Id, ms: u64) -> Id {
        let reactor = self.promises[source].reactor;
        let limited = self.derive(source, self.promises[source].ty, Body::Limited(ms));
        self.arm(reactor, limited, self.now + ms);
        self.drop_handle(source);
        limited
    }

    pub(super) fn derive(&mut self, source: Id, ty: Ty, body: Body) -> Id {
        let reactor = self.promises[source].reactor;
        let p = self.promise(reactor, ty, body);
        if self.is_settled(p) {
            if let Body::Attached(_, closures) = &mut self.promises[p].body {
                let closures = std::mem::take(closures);
                self.bury_each(reactor, closures);
            }
        } else {
            self.promises[p].source = Some(source);
            self.wait_for(source, Waiter::Promise(p));
        }
        p
    }

    pub(crate) fn join(&mut self, kind: Join, parts: Vec<Id>) -> Id {
        let here = self.current();
        let ty = match kind {
            Join::All => Ty::Many,
            Join::AllSettled => Ty::Outcomes,
            Join::Any | Join::Race => Ty::Item,
        };
        match (kind, parts.is_empty()) {
            (Join::All | Join::AllSettled, true) => return self.settled(ty, Ok("[]".into())),
            (Join::Any, true) => return self.settled(ty, Err("any of no promises".into())),
            (Join::Race, true) => return self.settled(ty, Err("a race of no promises".into())),
            _ => {}
        }
        let part = |&source| Part {
            source,
            fired: false,
        };
        let join = self.promise(here, ty, Body::Join(kind, parts.iter().map(part).collect()));
        for (at, &source) in parts.iter().enumerate() {
            self.wait_for(source, Waiter::Part(join, at));
        }
        parts
            .into_iter()
            .for_each(|source| self.drop_handle(source));
        join
    }

    pub(crate) fn settled(&mut self, ty: Ty, outcome: Result<Text, Text>) -> Id {
        let here = self.current();
        let p = self.promise(here, ty, Body::Root);
        let outcome = match outcome {
            Ok(value) => Outcome::Value(value),
            Err(error) => self.duty(here, error),
        };
        self.settle(p, outcome);
        p
    }

    pub(crate) fn pending(&mut self, ty: Ty) -> Id {
        let here = self.current();
        self.promise(here, ty, Body::Root)
    }

    pub(super) fn outcome(&self, p: Id) -> Outcome {
        self.promises[p]
            .outcome
            .clone()
            .expect("a waiter fires when its source has settled")
    }

    pub(super) fn fire(&mut self, waiter: Waiter) {
        match waiter {
            Waiter::Promise(p) => {
                if let Some(source) = self.promises[p].source.take() {
                    self.held.push(source);
                    self.fire_derived(p, source);
                    self.held.pop();
                } else if let Some(leader) = self.promises[p].follows.take() {
                    self.settle(p, self.outcome(leader));
                }
            }
            Waiter::Part(join, at) => self.fire_part(join, at),
            Waiter::Await(a) => {
                self.awaits[a].ear = Ear::Fired;
                if let Some(c) = self.awaits[a].coroutine {
                    self.schedule(c);
                }
            }
        }
    }

    pub(super) fn fire_derived(&mut self, p: Id, source: Id) {
        let outcome = self.outcome(source);
        let Body::Attached(kind, closures) = &mut self.promises[p].body else {
            return self.settle(p, outcome);
        };
        let (kind, mut closures) = (*kind, std::mem::take(closures));
        let reactor = self.promises[p].reactor;
        let failed = matches!(outcome, Outcome::Failed(..));
        let (text, is_error) = match &outcome {
            Outcome::Value(value) => (value.clone(), false),
            Outcome::Failed(error, _) => (error.clone(), true),
        };
        // Looking anywhere ends the duty (P11): all but these look.
        if failed && !matches!(kind, Attach::Then | Attach::AndThen) {
            self.look(source);
        }
        let called = match (kind, failed) {
            (Attach::Then | Attach::AndThen, true) => {
                // P6: an error passes by; P9: and stops what it passes.
                let closure = closures.remove(0);
                self.discard(reactor, &text, closure);
                return self.settle(p, outcome);
            }
            (Attach::Catch | Attach::OrElse, false) => {
                self.bury_each(reactor, closures);
                return self.settle(p, outcome);
            }
            (Attach::ThenOr, false) => {
                let other = closures.remove(1);
                self.bury(reactor, Grave::Closure(other));
                closures.remove(0)
            }
            (Attach::ThenOr, true) => {
                let other = closures.remove(0);
                self.discard(reactor, &text, other);
                closures.remove(0)
            }
            _ => closures.remove(0),
        };
        let follows = matches!(kind, Attach::AndThen | Attach::OrElse);
        let want = follows.then_some(self.promises[p].ty);
        let ty = self.promises[p].ty;
        let arg = if is_error {
            format!("!{text}")
        } else {
            text.clone()
        };
        let outcome = match self.call(reactor, &called, true, &arg, want) {
            Err(panic) => self.duty(reactor, panic),
            Ok(Verdict::Follow(leader)) => return self.follow(p, leader),
            Ok(Verdict::Fail(n)) if follows => self.duty(reactor, format!("e{n}")),
            Ok(Verdict::Same) if follows && is_error => self.duty(reactor, text),
            Ok(Verdict::Value(n) | Verdict::Fail(n)) => Outcome::Value(ty.show(n)),
            Ok(_) => Outcome::Value(ty.show(0)),
        };
        self.settle(p, outcome);
    }

    /// P6, P30: `p` will settle as `leader` does. Gives up the handle.
    pub(crate) fn follow(&mut self, p: Id, leader: Id) {
        if self.is_settled(p) {
            // Cancelled meanwhile: its interest in the leader is taken back.
            self.promises[leader].taken_back = true;
        } else if leader == p {
            let cycle = self.duty(self.promises[p].reactor, "Cycle".into());
            self.settle(p, cycle);
        } else if let Some(follower) = self.sole_follower(p, leader) {
            self.promises[p].gone = true;
            self.promises[p].waiters.clear();
            self.promises[follower].follows = Some(leader);
            self.wait_for(leader, Waiter::Promise(follower));
        } else {
            self.promises[p].follows = Some(leader);
            self.wait_for(leader, Waiter::Promise(p));
        }
        self.drop_handle(leader);
    }

    /// The only one who knows `p`, if all it does is to follow it.
    pub(super) fn sole_follower(&self, p: Id, leader: Id) -> Option<Id> {
        let promise = &self.promises[p];
        match promise.waiters[..] {
            [Waiter::Promise(follower)] if promise.handles == 0 && !promise.rare => {
                let follows = self.promises[follower].follows == Some(p);
                (follows && follower != leader && !self.is_settled(follower)).then_some(follower)
            }
            _ => None,
        }
    }

    /// P15: the joins.
    pub(super) fn fire_part(&mut self, join: Id, at: usize) {
        let Body::Join(kind, parts) = &mut self.promises[join].body else {
            unreachable!("only joins have parts")
        };
        parts[at].fired = true;
        let (kind, source) = (*kind, parts[at].source);
        let all_in = parts.iter().all(|part| part.fired);
        let sources: Vec<Id> = parts.iter().map(|part| part.source).collect();
        let outcome = self.outcome(source);
        let decides = matches!(
            (kind, &outcome),
            (Join::All, Outcome::Failed(..)) | (Join::Any, Outcome::Value(_)) | (Join::Race, _)
        );
        if decides {
            self.finish(join, outcome, Some(source));
        } else if all_in {
            let whole = self.gather(join, kind, &sources);
            self.finish(join, whole, None);
        }
    }

    pub(super) fn gather(&mut self, join: Id, kind: Join, sources: &[Id]) -> Outcome {
        let texts = sources.iter().map(|&source| match self.outcome(source) {
            Outcome::Value(value) if kind == Join::AllSettled => format!("ok {value}"),
            Outcome::Value(text) => text,
            Outcome::Failed(error, _) if kind == Join::AllSettled => format!("!{error}"),
            Outcome::Failed(error, _) => error,
        });
        let texts = texts.collect::<Vec<_>>().join(",");
        match kind {
            Join::Any => self.duty(self.promises[join].reactor, format!("AllFailed[{texts}]")),
            _ => Outcome::Value(format!("[{texts}]")),
        }
    }

    pub(super) fn finish(&mut self, join: Id, outcome: Outcome, winner: Option<Id>) {
        let Body::Join(_, parts) = &mut self.promises[join].body else {
            unreachable!("only joins are joined")
        };
        let parts: Vec<(Id, bool)> = parts.iter().map(|part| (part.source, part.fired)).collect();
        self.settle(join, outcome);
        let mut forsaken = vec![];
        for (source, fired) in parts {
            if Some(source) != winner {
                // P11: an error of a loser is no news, now or later.
                self.promises[source].looked = true;
                self.look(source);
            }
            if !fired && !self.is_settled(source) && self.take_back(source) {
                forsaken.push(source);
            }
        }
        forsaken.into_iter().for_each(|source| self.cancel(source));
    }

    pub(super) fn expire(&mut self, p: Id) {
        let Body::Limited(ms) = self.promises[p].body else {
            unreachable!("only a time limit expires")
        };
        let operation = self.operation(p);
        let source = self.promises[p].source.take().expect("it is still waiting");
        let late = self.duty(
            self.promises[p].reactor,
            format!("TimedOut({:?})", evcore::ms(ms)),
        );
        self.settle(p, late);
        // P18: nothing emitted from now on is for the listeners of `p`.
        let now = self.number();
        let listeners = self.promises[operation].listeners.iter_mut();
        listeners
            .filter(|listener| listener.owner == p)
            .for_each(|listener| listener.until = Some(now));
        if self.take_back(source) {
            self.cancel(source);
        }
    }
}
