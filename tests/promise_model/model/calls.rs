//! The model: calling and dropping what is the user's, and telling what
//! nobody looked at. Follows P9, P10, P11, P28.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;

use super::{Body, Closure, Duty, Ear, Emission, Entry, Grave, Id, Model, Outcome, Text};
use crate::play::{self, Ty, Verdict};
use crate::program::{Last, Script};

impl Model {
    pub(crate) fn new_closure(
        &mut self,
        name: u32,
        script: &Rc<Script>,
        carried: Option<Id>,
    ) -> Rc<Closure> {
        let carried = RefCell::new(carried);
        Rc::new(Closure {
            name,
            script: script.clone(),
            carried,
            spent: Cell::new(false),
        })
    }

    pub(super) fn panicked(&mut self, what: String) -> Text {
        let error = format!("Panicked({what})");
        self.settle_orphans(Some(error.clone()));
        error
    }

    /// P10: a panic becomes an error; what it dropped is abandoned because
    /// of it (P9).
    pub(super) fn call(
        &mut self,
        reactor: usize,
        closure: &Rc<Closure>,
        once: bool,
        arg: &str,
        want: Option<Ty>,
    ) -> Result<Verdict<Id>, Text> {
        play::say(self, format!("c{}({arg})@{}", closure.name, self.current()));
        let carried = closure.carried.take();
        let carried = play::settle_carried(self, &closure.script, carried);
        closure.carried.replace(carried);
        let verdict = play::enact(self, &closure.script.clone(), want, reactor);
        let panics = matches!(verdict, Verdict::Panic);
        if once {
            closure.spent.set(true);
            self.drop_closure(closure, panics);
        }
        match verdict {
            Verdict::Panic => Err(self.panicked(format!("m{}", closure.name))),
            verdict => Ok(verdict),
        }
    }

    /// Runs the destructor; true if it panics.
    pub(super) fn drop_closure(&mut self, closure: &Rc<Closure>, unwinding: bool) -> bool {
        let name = closure.name;
        play::say(self, format!("drop c{name}"));
        let quiet = unwinding || self.tables.muted;
        let panics = match &closure.script.last {
            Last::Ops(ops) if !quiet => {
                play::perform_all(self, ops);
                false
            }
            Last::Panic => !quiet && !closure.spent.get(),
            _ => false,
        };
        if let Some(resolver) = closure.carried.take() {
            if panics || unwinding {
                self.orphans.push(resolver);
            } else {
                self.drop_resolver(resolver);
            }
        }
        panics
    }

    pub(crate) fn drop_resolver(&mut self, p: Id) {
        if !self.is_settled(p) {
            self.abandon(p, self.because.clone());
        }
    }

    /// P9
    pub(super) fn abandon(&mut self, p: Id, because: Option<Text>) {
        let because = because.map_or(String::new(), |error| format!("<{error}>"));
        let error = self.duty(self.promises[p].reactor, format!("Abandoned{because}"));
        self.settle(p, error);
    }

    pub(super) fn settle_orphans(&mut self, because: Option<Text>) {
        for p in std::mem::take(&mut self.orphans) {
            self.abandon(p, because.clone());
        }
    }

    /// P28: destructors never run inside one another.
    pub(super) fn bury(&mut self, reactor: usize, grave: Grave) {
        self.reactors[reactor].graves.push_back(grave);
        if std::mem::replace(&mut self.reactors[reactor].burying, true) {
            return;
        }
        self.fill_graves(reactor);
    }

    pub(super) fn fill_graves(&mut self, reactor: usize) {
        let because = self.because.take();
        while let Some(grave) = self.reactors[reactor].graves.pop_front() {
            match grave {
                Grave::Closure(closure) => self.drop_one(reactor, closure),
                Grave::Coroutine(c) => self.drop_coroutine(reactor, c),
            }
        }
        self.because = because;
        self.reactors[reactor].burying = false;
    }

    pub(super) fn bury_each(&mut self, reactor: usize, closures: Vec<Rc<Closure>>) {
        for closure in closures {
            self.bury(reactor, Grave::Closure(closure));
        }
    }

    /// P9: what `closure` held learns why it went unheard.
    pub(super) fn discard(&mut self, reactor: usize, error: &str, closure: Rc<Closure>) {
        let outer = self.because.replace(error.into());
        self.drop_one(reactor, closure);
        self.because = outer;
    }

    fn drop_one(&mut self, reactor: usize, closure: Rc<Closure>) {
        let last = Rc::strong_count(&closure) == 1;
        if last && self.drop_closure(&closure, false) {
            let error = self.panicked(format!("d{}", closure.name));
            self.reactors[reactor].reports.push(error);
        }
    }

    pub(super) fn drop_coroutine(&mut self, reactor: usize, c: Id) {
        if let Some((a, _)) = self.coroutines[c].awaiting.take() {
            self.drop_await(a);
        }
        if let Some(closure) = self.coroutines[c].closure.take() {
            self.drop_one(reactor, closure);
        }
    }

    pub(super) fn call_and_report(
        &mut self,
        reactor: usize,
        closure: &Rc<Closure>,
        once: bool,
        arg: &str,
    ) -> bool {
        let ended = self.call(reactor, closure, once, arg, None);
        if let Err(error) = &ended {
            self.reactors[reactor].reports.push(error.clone());
        }
        ended.is_ok()
    }

    /// P11, at the end of a turn: once for each error that nobody can look at
    /// any more and nobody has.
    pub(super) fn report(&mut self, reactor: usize) {
        self.settle_orphans(None);
        let mut reports = std::mem::take(&mut self.reactors[reactor].reports);
        let open = |duty: &Duty| duty.reactor == reactor && !duty.looked;
        if self.duties.iter().any(open) {
            let carried = self.carried();
            for (id, duty) in self.duties.iter_mut().enumerate() {
                if open(duty) && !carried.contains(&id) {
                    duty.looked = true;
                    reports.push(duty.error.clone());
                }
            }
        }
        for error in reports {
            play::say(self, format!("unhandled@{reactor} {error}"));
        }
    }

    /// The duties of all errors somebody might still look at.
    pub(super) fn carried(&self) -> HashSet<Id> {
        let mut alive: HashSet<Id> = self.held.iter().copied().collect();
        for (id, promise) in self.promises.iter().enumerate() {
            if promise.handles > 0 {
                alive.insert(id);
            }
            if promise.outcome.is_none() && !promise.gone {
                alive.extend(promise.source.iter().chain(&promise.follows));
                if let Body::Join(_, parts) = &promise.body {
                    alive.extend(parts.iter().map(|part| part.source));
                }
            }
        }
        alive.extend(
            self.awaits
                .iter()
                .filter(|a| a.ear != Ear::Gone)
                .map(|a| a.promise),
        );
        for entry in self.reactors.iter().flat_map(|reactor| &reactor.queue) {
            match entry {
                Entry::Event(Emission { operation, .. }) | Entry::Silence(operation) => {
                    alive.insert(*operation);
                }
                _ => {}
            }
        }
        let duty = |&p: &Id| match self.promises[p].outcome {
            Some(Outcome::Failed(_, duty)) => duty,
            _ => None,
        };
        alive.iter().filter_map(duty).collect()
    }
}
