//! One query under way, shared by all who want its answer: whoever is polled drives it, and with the last of them it
//! ends.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::{IntoFuture, poll_fn};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use evcore::{Await, Emitter, sleep_until};

use crate::event::{ANSWER, Answered, PARTIAL, Partial, QUERY, RETRY, Retry};
use crate::name::Name;
use crate::query::answer::Answer;
use crate::query::{Manner, Outcome, Query, Step, Trouble, Turn};
use crate::state::State;
use crate::transport::{Asker, Expecting, News, Outgoing, trouble_of};
use crate::wire::{A, AAAA, BADVERS, FORMERR, NOTIMP, Reply, Type};

/// A query and those who wait for it.
pub(crate) struct Flight {
    state: Rc<State>,
    name: Name,
    questions: Vec<Question>,
    began: Duration,
    /// What is answered may be given again.
    keeps: bool,
    query: RefCell<Option<Query>>,
    wakers: RefCell<Vec<(u64, Waker)>>,
    numbers: Cell<u64>,
    alarm: RefCell<Option<(Duration, Await<()>)>>,
    landed: OnceCell<Landed>,
    listeners: RefCell<Vec<Emitter>>,
    this: Weak<Flight>,
}

/// A question as it was sent last.
struct Question {
    rtype: Type,
    /// Whether EDNS went with it.
    edns: Cell<bool>,
    expecting: RefCell<Option<Expecting>>,
}

impl Question {
    fn new(rtype: Type) -> Question {
        Question {
            rtype,
            edns: Cell::new(false),
            expecting: RefCell::default(),
        }
    }
}

/// What came of a query.
#[derive(Debug)]
pub(crate) struct Landed {
    /// For each type, if there was an answer.
    pub(crate) answers: Vec<(Type, Option<Answer>)>,
    /// No server could be reached.
    pub(crate) nobody: bool,
    /// The last server closed its connection.
    pub(crate) closed: bool,
    /// The last word was SERVFAIL.
    pub(crate) servfail: bool,
    /// The last trouble, told to people.
    pub(crate) trouble: Option<String>,
}

/// One who waits.
pub(crate) struct Waiter {
    flight: Rc<Flight>,
    number: u64,
}

impl Flight {
    pub(crate) fn new(
        state: Rc<State>,
        name: Name,
        types: &[Type],
        turns: Vec<Turn>,
        now: Duration,
    ) -> Rc<Flight> {
        let query = Query::new(state.habits.manner, turns, types);
        Flight::of(state, name, types, query, true, now)
    }

    /// One question, sent once, of whose answer nothing is kept.
    pub(crate) fn probe(
        state: Rc<State>,
        name: Name,
        rtype: Type,
        turn: Turn,
        now: Duration,
    ) -> Rc<Flight> {
        let manner = Manner {
            attempts: 1,
            ..state.habits.manner
        };
        let query = Query::new(manner, vec![turn], &[rtype]);
        Flight::of(state, name, &[rtype], query, false, now)
    }

    fn of(
        state: Rc<State>,
        name: Name,
        types: &[Type],
        query: Query,
        keeps: bool,
        now: Duration,
    ) -> Rc<Flight> {
        Rc::new_cyclic(|this| Flight {
            keeps,
            began: now,
            state,
            name,
            questions: types.iter().copied().map(Question::new).collect(),
            query: RefCell::new(Some(query)),
            wakers: RefCell::default(),
            numbers: Cell::new(0),
            alarm: RefCell::default(),
            landed: OnceCell::new(),
            listeners: RefCell::default(),
            this: this.clone(),
        })
    }

    /// Joins those who wait; `emitter` hears of all that happens from now on, and of what it can act on already.
    pub(crate) fn join(self: &Rc<Self>, emitter: Option<&Emitter>) -> Waiter {
        self.numbers.set(self.numbers.get() + 1);
        self.listeners.borrow_mut().extend(emitter.cloned());
        if let Some(emitter) = emitter {
            self.catch_up(emitter);
        }
        Waiter {
            flight: self.clone(),
            number: self.numbers.get(),
        }
    }

    fn types(&self) -> impl Iterator<Item = Type> {
        self.questions.iter().map(|question| question.rtype)
    }

    fn poll(&self, number: u64, cx: &mut Context<'_>) -> Poll<&Landed> {
        loop {
            if let Some(landed) = self.landed.get() {
                return Poll::Ready(landed);
            }
            match self.advance() {
                Some(until) => {
                    if self.poll_alarm(until, cx).is_ready() {
                        continue;
                    }
                    self.remember(number, cx.waker());
                    return Poll::Pending;
                }
                None => self.wake_others(number),
            }
        }
    }

    /// Takes all steps there are to take; until when to wait then, or `None` if it is over.
    fn advance(&self) -> Option<Duration> {
        let now = self.state.now();
        loop {
            let mut query = self.query.borrow_mut();
            let machine = query.as_mut()?;
            let step = machine.next(now);
            let troubles = machine.take_troubles();
            let rtype = |question| machine.rtype(question);
            match step {
                Step::Send {
                    question,
                    server,
                    over_tcp,
                    edns,
                } => {
                    let rtype = rtype(question);
                    drop(query);
                    self.tell_troubles(&troubles);
                    self.send(question, rtype, server, over_tcp, edns);
                }
                Step::Wait(until) => {
                    drop(query);
                    self.tell_troubles(&troubles);
                    return Some(until);
                }
                Step::Done => {
                    let outcome = query.take().map(Query::into_outcome);
                    drop(query);
                    self.tell_troubles(&troubles);
                    if let Some(outcome) = outcome {
                        self.land(outcome, now);
                    }
                    return None;
                }
            }
        }
    }

    fn send(&self, question: usize, rtype: Type, server: usize, over_tcp: bool, edns: bool) {
        let asker: Weak<dyn Asker> = self.this.clone();
        let outgoing = Outgoing {
            name: &self.name,
            rtype,
            edns,
            question,
            asker,
        };
        let link = &self.state.links[server];
        let asked = &self.questions[question];
        asked.edns.set(edns);
        match link.send(outgoing, over_tcp) {
            Ok(expecting) => {
                drop(asked.expecting.replace(Some(expecting)));
                self.emit(QUERY, || crate::event::Query {
                    name: self.name.clone(),
                    rtype,
                    server: link.server,
                    over_tcp,
                });
            }
            Err(error) => {
                if let Some(query) = &mut *self.query.borrow_mut() {
                    query.lost(question, trouble_of(&error));
                }
            }
        }
    }

    fn emit<P: Clone + 'static>(&self, event: evcore::Event<P>, payload: impl Fn() -> P) {
        for emitter in self
            .listeners
            .borrow()
            .iter()
            .filter(|emitter| emitter.wants(event))
        {
            emitter.emit(event, payload());
        }
    }

    fn tell_troubles(&self, troubles: &[(usize, Trouble)]) {
        for (server, trouble) in troubles {
            if matches!(
                trouble,
                Trouble::Silent | Trouble::Refused | Trouble::Closed
            ) {
                self.state.server_failed(*server);
            }
            self.emit(RETRY, || Retry {
                name: self.name.clone(),
                server: self.state.links[*server].server,
                why: trouble.to_string(),
            });
        }
    }

    fn poll_alarm(&self, until: Duration, cx: &mut Context<'_>) -> Poll<()> {
        let mut alarm = self.alarm.borrow_mut();
        if alarm.as_ref().is_none_or(|(at, _)| *at != until) {
            let deadline = sleep_until(self.state.began + until);
            *alarm = Some((until, deadline.into_future()));
        }
        match alarm.as_mut() {
            Some((_, alarm)) => Pin::new(alarm).poll(cx).map(drop),
            None => Poll::Pending,
        }
    }

    fn remember(&self, number: u64, waker: &Waker) {
        let mut wakers = self.wakers.borrow_mut();
        match wakers.iter_mut().find(|(other, _)| *other == number) {
            Some((_, known)) => known.clone_from(waker),
            None => wakers.push((number, waker.clone())),
        }
    }

    fn wake_others(&self, number: u64) {
        for (other, waker) in self.wakers.borrow().iter() {
            if *other != number {
                waker.wake_by_ref();
            }
        }
    }

    fn land(&self, outcome: Outcome, now: Duration) {
        let told = outcome
            .trouble
            .map(|(server, trouble)| format!("{}: {trouble}", self.state.links[server].server));
        let answers = self.types().zip(outcome.replies).map(|(rtype, reply)| {
            let answer = reply.map(|reply| Answer::new(reply, &self.name, rtype));
            if let (Some(answer), Some(server), true) = (&answer, outcome.server, self.keeps) {
                self.state.keep(&self.name, rtype, answer, server, now);
            }
            (rtype, answer)
        });
        let landed = Landed {
            answers: answers.collect(),
            nobody: outcome.nobody,
            closed: outcome.closed,
            servfail: outcome.servfail,
            trouble: told,
        };
        for question in &self.questions {
            drop(question.expecting.take());
        }
        self.alarm.take();
        _ = self.landed.set(landed);
        self.state
            .forget_flight(&self.name, self.types(), &self.this);
    }

    fn take_reply(&self, question: usize, reply: Reply) {
        let Some(server) = self.query.borrow().as_ref().and_then(Query::server) else {
            return;
        };
        let link = &self.state.links[server];
        self.state.server_answered(server);
        let asked = &self.questions[question];
        if matches!(reply.rcode, FORMERR | NOTIMP | BADVERS) && asked.edns.get() {
            self.state.server_is_plain(server);
        }
        let rtype = asked.rtype;
        self.emit(ANSWER, || Answered {
            name: self.name.clone(),
            rtype,
            server: link.server,
            rcode: reply.rcode,
            records: reply.answers.len(),
            elapsed: self.state.now().saturating_sub(self.began),
        });
        self.emit_early(rtype, &reply);
        if let Some(query) = &mut *self.query.borrow_mut() {
            query.heard(question, reply);
        }
    }

    /// What of a reply may be acted on while the other family's is late.
    fn early(&self, rtype: Type, reply: &Reply) -> Option<Partial> {
        if reply.truncated || self.questions.len() < 2 || !matches!(rtype, A | AAAA) {
            return None;
        }
        let answer = Answer::new(reply.clone(), &self.name, rtype);
        self.state.early(&answer)
    }

    fn emit_early(&self, rtype: Type, reply: &Reply) {
        let listens = |emitter: &Emitter| emitter.wants(PARTIAL);
        if self.listeners.borrow().iter().any(listens)
            && let Some(partial) = self.early(rtype, reply)
        {
            self.emit(PARTIAL, || partial.clone());
        }
    }

    /// Tells who comes later what came already: the reply that is still awaited may take as long as servers have.
    fn catch_up(&self, emitter: &Emitter) {
        if !emitter.wants(PARTIAL) {
            return;
        }
        let query = self.query.borrow();
        let replies = query.iter().flat_map(Query::replies);
        let early: Vec<Partial> = replies
            .filter_map(|(rtype, reply)| self.early(rtype, reply))
            .collect();
        drop(query);
        for partial in early {
            emitter.emit(PARTIAL, partial);
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if self.landed.get().is_none() {
            self.state
                .forget_flight(&self.name, self.types(), &self.this);
        }
    }
}

impl Asker for Flight {
    fn hear(&self, question: usize, news: News) {
        match news {
            News::Reply(reply) => self.take_reply(question, reply),
            other => {
                if let Some(query) = &mut *self.query.borrow_mut() {
                    match other {
                        News::Doubtful => query.go_over_tcp(),
                        News::Lost(trouble) => query.lost(question, trouble),
                        News::Refused(code) => query.refused(question, code),
                        _ => query.garbled(question),
                    }
                }
            }
        }
        self.wake_others(0);
    }
}

impl Waiter {
    /// Waits until it is over.
    pub(crate) async fn landed(&self) -> &Landed {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// Takes the query further.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<&Landed> {
        self.flight.poll(self.number, cx)
    }
}

impl Drop for Waiter {
    /// Another one has to go on where this one leaves.
    fn drop(&mut self) {
        self.flight
            .wakers
            .borrow_mut()
            .retain(|(number, _)| *number != self.number);
        self.flight.wake_others(self.number);
    }
}
