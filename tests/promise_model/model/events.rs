//! The model: events and their listeners. Follows P13 and P17 to P21.

use std::rc::Rc;

use super::{Act, Body, Closure, Emission, Entry, Grave, Id, Listener, Model, Stopped};
use crate::program::{Attach, Ev, LATEST};

pub(super) fn closures(listeners: Vec<Listener>) -> Vec<Rc<Closure>> {
    let closure = |listener: Listener| match listener.act {
        Act::Call(closure) => Some(closure),
        Act::Forward(_) => None,
    };
    listeners.into_iter().filter_map(closure).collect()
}

impl Model {
    /// P19: the promise whose events `p`'s listeners hear.
    pub(super) fn operation(&self, p: Id) -> Id {
        let promise = &self.promises[p];
        let same = match promise.body {
            Body::Attached(kind, _) => matches!(kind, Attach::Catch | Attach::OrElse),
            Body::Fork | Body::Limited(_) => true,
            _ => false,
        };
        promise
            .source
            .filter(|_| same)
            .map_or(p, |source| self.operation(source))
    }

    pub(crate) fn on(&mut self, p: Id, event: Ev, closure: Rc<Closure>) {
        if let Some(Act::Call(closure)) = self.listen(p, event, Act::Call(closure)) {
            let operation = self.operation(p);
            self.bury(self.promises[operation].reactor, Grave::Closure(closure));
        }
    }

    pub(crate) fn forward(&mut self, to: Id, event: Ev, from: Id) {
        self.listen(from, event, Act::Forward(to));
    }

    /// Gives the listener back if it is too late for it.
    pub(super) fn listen(&mut self, p: Id, event: Ev, act: Act) -> Option<Act> {
        let operation = self.operation(p);
        if self.is_settled(p) || self.is_settled(operation) {
            return Some(act);
        }
        let id = self.number();
        self.promises[operation].rare = true;
        let told = event == LATEST && self.promises[operation].latest.is_some();
        let listener = Listener {
            event,
            id,
            since: id,
            until: None,
            owner: p,
            act,
        };
        self.promises[operation].listeners.push(listener);
        if told {
            self.enqueue_emission(operation, event, u64::MAX, None, Some(id));
        }
        None
    }

    pub(super) fn enqueue_emission(
        &mut self,
        operation: Id,
        event: Ev,
        number: u64,
        payload: Option<i64>,
        newcomer: Option<u64>,
    ) {
        let emission = Emission {
            operation,
            event,
            number,
            payload,
            heard: 0,
            newcomer,
        };
        self.enqueue(self.promises[operation].reactor, Entry::Event(emission));
    }

    pub(super) fn is_heard(&self, p: Id, event: Ev) -> bool {
        let mut listeners = self.promises[p].listeners.iter();
        listeners.any(|listener| listener.event == event && listener.until.is_none())
    }

    pub(crate) fn wants(&self, p: Id, event: Ev) -> bool {
        !self.is_settled(p)
            && !self.promises[p].gone
            && (event == LATEST || self.is_heard(p, event))
    }

    pub(crate) fn emit(&mut self, p: Id, event: Ev, n: i64) {
        if self.is_settled(p) || self.promises[p].gone {
            return;
        }
        let heard = self.is_heard(p, event);
        let mut payload = Some(n);
        if event == LATEST {
            // P21: coalesced until delivered; one store if unobserved.
            self.promises[p].rare = true;
            let queued = self.promises[p].latest.is_some_and(|slot| slot.1);
            self.promises[p].latest = Some((n, queued || heard));
            if queued {
                return;
            }
            payload = None;
        }
        if heard {
            let number = self.number();
            self.enqueue_emission(p, event, number, payload, None);
        }
    }

    /// One listener call; false if nobody is left to hear it.
    pub(super) fn tell(&mut self, reactor: usize, mut emission: Emission) -> bool {
        let operation = emission.operation;
        if self.promises[operation].cancelled {
            return false;
        }
        if emission.payload.is_none() {
            let newcomer = emission.newcomer.is_some();
            let Some((value, queued)) = &mut self.promises[operation].latest else {
                return false;
            };
            *queued &= newcomer;
            emission.payload = Some(*value);
        }
        let reaches = |listener: &Listener| match emission.newcomer {
            Some(id) => listener.id == id && listener.id > emission.heard,
            None => {
                listener.event == emission.event
                    && listener.id > emission.heard
                    && listener.since < emission.number
                    && listener.until.is_none_or(|until| emission.number < until)
            }
        };
        let listeners = &self.promises[operation].listeners;
        let due: Vec<usize> = (0..listeners.len())
            .filter(|&at| reaches(&listeners[at]))
            .collect();
        let Some(&first) = due.first() else {
            return false;
        };
        let listener = &listeners[first];
        let (id, act) = (listener.id, listener.act.clone());
        let (event, payload) = (emission.event, emission.payload.expect("set above"));
        emission.heard = id;
        if emission.newcomer.is_some() {
            let now = self.number();
            self.promises[operation].listeners[first].since = now;
        }
        if due.len() > 1 {
            self.reactors[reactor]
                .queue
                .push_front(Entry::Event(emission));
        }
        match act {
            Act::Forward(to) => self.emit(to, event, payload),
            Act::Call(closure) => {
                self.held.push(operation);
                if !self.call_and_report(reactor, &closure, false, &format!("ev{event}={payload}"))
                {
                    let listeners = std::mem::take(&mut self.promises[operation].listeners);
                    let (gone, kept) = listeners
                        .into_iter()
                        .partition(|listener| listener.id == id);
                    self.promises[operation].listeners = kept;
                    self.bury_each(reactor, closures(gone));
                }
                self.bury(reactor, Grave::Closure(closure));
                self.held.pop();
            }
        }
        true
    }

    pub(crate) fn on_cancel(&mut self, p: Id, hook: Rc<Closure>) {
        let reactor = self.promises[p].reactor;
        if !self.is_settled(p) {
            self.promises[p].rare = true;
            self.promises[p].hooks.push(hook);
        } else if !self.promises[p].cancelled {
            self.bury(reactor, Grave::Closure(hook));
        } else if self.reactors[reactor].closed {
            // P29: what its destructor makes is made by a closed reactor.
            self.enter(reactor);
            self.bury(reactor, Grave::Closure(hook));
            self.leave();
        } else {
            let hook = Stopped::Hook(hook);
            self.reactors[reactor].stopped.push_back(hook);
        }
    }
}
