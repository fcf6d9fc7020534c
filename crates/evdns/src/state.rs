//! One configuration, and all that was learned under it: answers, servers that fail, queries under way. A new
//! configuration makes a new one of these; what is under way ends with the old.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::{Future, IntoFuture, poll_fn};
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::Poll;
use std::time::{Duration, Instant};

use evcore::{Await, Emitter, Promise, Reactor, sleep, spawn};

use crate::cache::Cache;
use crate::config::resolv_conf::ResolvConf;
use crate::event::{PARTIAL, Partial};
use crate::files::Configuration;
use crate::flight::{Flight, Landed, Waiter};
use crate::interfaces::Interfaces;
use crate::limits::{ORDER_KEPT, PROBE_PAUSE, STALE_AFTER};
use crate::literal::Scoped;
use crate::name::Name;
use crate::order;
use crate::query::answer::Answer;
use crate::query::servers::Servers;
use crate::query::{Manner, Turn};
use crate::random::Random;
use crate::transport::Link;
use crate::wire::{NOERROR, NS, Type};

/// A configuration at work.
pub(crate) struct State {
    pub(crate) began: Instant,
    pub(crate) configuration: Configuration,
    pub(crate) habits: Habits,
    pub(crate) links: Vec<Link>,
    servers: RefCell<Servers>,
    cache: RefCell<Cache>,
    flights: RefCell<HashMap<(Name, Type), Weak<Flight>>>,
    /// Addresses in their order, and until when that may be told again.
    ordered: RefCell<HashMap<String, (Rc<[Scoped]>, Duration)>>,
    /// The same with systemd-resolved for its server, once that was asked.
    resolved: OnceCell<Rc<State>>,
}

/// What is beside the configuration's files.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    pub(crate) manner: Manner,
    pub(crate) edns: bool,
    /// Answers kept.
    pub(crate) room: usize,
    pub(crate) stale: Duration,
}

/// What was found out about a name.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// In the order of the types asked for.
    pub(crate) answers: Vec<Option<Answer>>,
    pub(crate) nobody: bool,
    pub(crate) closed: bool,
    pub(crate) servfail: bool,
    pub(crate) trouble: Option<String>,
}

/// How many ordered look-ups are remembered for a moment.
const ORDERED: usize = 1_024;

impl State {
    pub(crate) fn new(
        configuration: Configuration,
        servers: &[std::net::SocketAddr],
        habits: Habits,
    ) -> io::Result<Rc<State>> {
        let random = Rc::new(Random::new());
        let offset = usize::from(u16::from_ne_bytes(random.octets()?));
        let links: io::Result<Vec<Link>> = servers
            .iter()
            .map(|&server| Link::new(server, random.clone()))
            .collect();
        Ok(Rc::new(State {
            began: Reactor::current().now(),
            links: links?,
            habits,
            servers: RefCell::new(Servers::new(
                servers.len(),
                configuration.resolv.rotate,
                offset,
            )),
            cache: RefCell::new(Cache::new(habits.room, habits.stale)),
            flights: RefCell::default(),
            ordered: RefCell::default(),
            resolved: OnceCell::new(),
            configuration,
        }))
    }

    /// This configuration with systemd-resolved for its one server, with what is learned of that; `None` while it does
    /// not run.
    pub(crate) fn of_resolved(self: &Rc<Self>) -> Option<Rc<State>> {
        let resolved = &self.configuration.resolved;
        if !resolved.door.exists() {
            return None;
        }
        let servers = &[resolved.stub];
        if self.conf().servers == servers {
            return Some(self.clone());
        }
        if let Some(known) = self.resolved.get() {
            return Some(known.clone());
        }
        let mut configuration = self.configuration.clone();
        configuration.resolv.servers = servers.to_vec();
        let state = State::new(configuration, servers, self.habits).ok()?;
        Some(self.resolved.get_or_init(|| state).clone())
    }

    pub(crate) fn conf(&self) -> &ResolvConf {
        &self.configuration.resolv
    }

    /// Time since this began.
    pub(crate) fn now(&self) -> Duration {
        Reactor::current()
            .now()
            .saturating_duration_since(self.began)
    }

    /// An answer that is at hand, with the seconds it is still good for.
    pub(crate) fn at_hand(&self, name: &Name, rtype: Type, now: Duration) -> Option<(Answer, u32)> {
        let cache = self.cache.borrow();
        let (answer, left) = cache.get(name, rtype, now)?;
        Some((answer.clone(), left))
    }

    /// Answers for these types: those at hand, those somebody else is asking for already, and the rest from the servers.
    pub(crate) async fn answers(
        self: &Rc<Self>,
        name: &Name,
        types: &[Type],
        emitter: &Emitter,
    ) -> Answers {
        let (mut answers, now) = (Answers::default(), self.now());
        let at_hand = |rtype: &Type| self.at_hand(name, *rtype, now).map(|(answer, _)| answer);
        let mut found: Vec<Option<Answer>> = types.iter().map(at_hand).collect();
        let missing = types
            .iter()
            .zip(&found)
            .filter(|(_, found)| found.is_none())
            .map(|(rtype, _)| *rtype);
        let mut patience = self
            .patience(name, missing.clone(), now)
            .map(IntoFuture::into_future);
        let mut waiters = self.waiters(name, missing, emitter, now);
        while !waiters.is_empty() {
            self.tell_early(&found, emitter);
            match next_landed(&mut waiters, &mut patience).await {
                Some(waiter) => merge(&mut answers, &mut found, types, waiter.landed().await),
                None => go_on(waiters.split_off(0)),
            }
        }
        for (rtype, found) in types
            .iter()
            .zip(&mut found)
            .filter(|(_, found)| found.is_none())
        {
            *found = self.cache.borrow_mut().revive(name, *rtype, self.now());
        }
        answers.answers = found;
        answers
    }

    /// When to give what is stale, if all that is missing is there so (RFC 8767 §5, client response timer).
    #[track_caller]
    fn patience(
        &self,
        name: &Name,
        missing: impl Iterator<Item = Type>,
        now: Duration,
    ) -> Option<Promise<()>> {
        let (cache, mut missing) = (self.cache.borrow(), missing.peekable());
        let stale = |rtype: Type| cache.stale(name, rtype, now).is_some();
        let all = cache.serves_stale() && missing.peek().is_some() && missing.all(stale);
        all.then(|| sleep(STALE_AFTER))
    }

    /// Tells of those families that are there while another is awaited.
    fn tell_early(&self, found: &[Option<Answer>], emitter: &Emitter) {
        if emitter.wants(PARTIAL) {
            let early = found
                .iter()
                .flatten()
                .filter_map(|answer| self.early(answer));
            early.for_each(|partial| emitter.emit(PARTIAL, partial));
        }
    }

    /// What of an answer may be acted on before all are there, if there is anything.
    pub(crate) fn early(&self, answer: &Answer) -> Option<Partial> {
        let addresses: Vec<Scoped> = answer.addresses().map(|ip| (ip, 0)).collect();
        if answer.rcode != NOERROR || addresses.is_empty() {
            return None;
        }
        let addresses = self.sort(addresses).into_iter().map(|(ip, _)| ip);
        Some(Partial::new(addresses.collect()))
    }

    /// Joins the queries under way for these types, and starts one for those nobody asks for: the same question is
    /// never out twice (a birthday would let a forger in).
    fn waiters(
        self: &Rc<Self>,
        name: &Name,
        types: impl Iterator<Item = Type>,
        emitter: &Emitter,
        now: Duration,
    ) -> Vec<Waiter> {
        let (mut waiters, mut joined, mut new) = (Vec::new(), Vec::<Rc<Flight>>::new(), Vec::new());
        for rtype in types {
            let flying = self
                .flights
                .borrow()
                .get(&(name.clone(), rtype))
                .and_then(Weak::upgrade);
            match flying {
                Some(flight) if joined.iter().any(|known| Rc::ptr_eq(known, &flight)) => {}
                Some(flight) => {
                    waiters.push(flight.join(Some(emitter)));
                    joined.push(flight);
                }
                None => new.push(rtype),
            }
        }
        if !new.is_empty() {
            let turns = self.turns(now);
            let flight = Flight::new(self.clone(), name.clone(), &new, turns, now);
            let mut flights = self.flights.borrow_mut();
            for rtype in new {
                flights.insert((name.clone(), rtype), Rc::downgrade(&flight));
            }
            waiters.push(flight.join(Some(emitter)));
        }
        waiters
    }

    /// Called by a flight that has landed or was given up.
    pub(crate) fn forget_flight(
        &self,
        name: &Name,
        types: impl Iterator<Item = Type>,
        flight: &Weak<Flight>,
    ) {
        let mut flights = self.flights.borrow_mut();
        for rtype in types {
            if let Entry::Occupied(known) = flights.entry((name.clone(), rtype))
                && known.get().ptr_eq(flight)
            {
                known.remove();
            }
        }
    }

    fn turns(self: &Rc<Self>, now: Duration) -> Vec<Turn> {
        let mut servers = self.servers.borrow_mut();
        for server in servers.due(now) {
            self.probe(server, now);
        }
        servers.turns(self.habits.edns, now)
    }

    /// Asks a server that did not answer for something every server can answer, to see whether it is back.
    /// Once: of what it says nothing is kept.
    fn probe(self: &Rc<Self>, server: usize, now: Duration) {
        let Ok(root) = ".".parse() else { return };
        let turn = Turn {
            server,
            edns: false,
        };
        let mut asked = vec![Flight::probe(self.clone(), root, NS, turn, now).join(None)];
        // It ends when the next one may begin.
        let mut patience = Some(sleep(PROBE_PAUSE).into_future());
        drop(spawn(async move {
            next_landed(&mut asked, &mut patience).await;
            Ok(())
        }));
    }

    pub(crate) fn server_failed(&self, server: usize) {
        self.servers.borrow_mut().failed(server, self.now());
    }

    pub(crate) fn server_answered(&self, server: usize) {
        if self.servers.borrow_mut().succeeded(server) {
            self.cache.borrow_mut().forget_stand_ins();
            self.ordered.borrow_mut().clear();
        }
    }

    /// Who would be asked first now.
    #[cfg(test)]
    pub(crate) fn first_server(&self) -> Option<usize> {
        let turns = self
            .servers
            .borrow_mut()
            .turns(self.habits.edns, self.now());
        turns.first().map(|turn| turn.server)
    }

    pub(crate) fn server_is_plain(&self, server: usize) {
        self.servers.borrow_mut().is_plain(server, self.now());
    }

    /// Keeps a server's answer for as long as it may count.
    pub(crate) fn keep(
        &self,
        name: &Name,
        rtype: Type,
        answer: &Answer,
        server: usize,
        now: Duration,
    ) {
        let stands_in = self.servers.borrow().stands_in(server);
        let (name, answer, mut cache) = (name.clone(), answer.clone(), self.cache.borrow_mut());
        match stands_in {
            true => cache.put_for_now(name, rtype, answer, now),
            false => cache.put(name, rtype, answer, now),
        }
    }

    /// Puts addresses into the order in which they should be tried.
    pub(crate) fn sort(&self, addresses: Vec<Scoped>) -> Vec<Scoped> {
        if addresses.len() < 2 {
            return addresses;
        }
        let interfaces = Interfaces::now();
        let candidate = |(ip, scope): Scoped| interfaces.candidate(ip, scope);
        let mut candidates: Vec<_> = addresses.into_iter().map(candidate).collect();
        order::sort(&mut candidates, &self.configuration.gai);
        candidates
            .into_iter()
            .map(|candidate| (candidate.address, candidate.scope_id))
            .collect()
    }

    /// What was just found out about a whole look-up.
    pub(crate) fn ordered(&self, name: &str) -> Option<Rc<[Scoped]>> {
        let ordered = self.ordered.borrow();
        let (addresses, until) = ordered.get(name)?;
        (self.now() < *until).then(|| addresses.clone())
    }

    /// `ttl`: seconds the records behind it are good for.
    pub(crate) fn keep_ordered(&self, name: &str, addresses: &[Scoped], ttl: u32) {
        let kept = ORDER_KEPT.min(Duration::from_secs(ttl.into()));
        if kept.is_zero() {
            return;
        }
        let mut ordered = self.ordered.borrow_mut();
        if ordered.len() >= ORDERED {
            ordered.clear();
        }
        ordered.insert(name.to_owned(), (addresses.into(), self.now() + kept));
    }

    /// The name hosts(5) has for an address.
    pub(crate) fn host_of(&self, ip: IpAddr) -> Option<Name> {
        self.configuration.hosts.as_ref()?.name_of(ip)?.parse().ok()
    }
}

/// Takes the queries to their ends though nobody waits: what they find out is kept.
fn go_on(mut waiters: Vec<Waiter>) {
    drop(spawn(async move {
        while !waiters.is_empty() {
            next_landed(&mut waiters, &mut None).await;
        }
        Ok(())
    }));
}

/// Takes out the first that has landed; none once `patience` is over. All are polled, since each drives its own query:
/// none waits for another to end.
async fn next_landed(
    waiters: &mut Vec<Waiter>,
    patience: &mut Option<Await<()>>,
) -> Option<Waiter> {
    let landed = poll_fn(|cx| {
        let mut first = None;
        for (n, waiter) in waiters.iter().enumerate() {
            let landed = waiter.poll(cx).is_ready();
            first = first.or(landed.then_some(n));
        }
        match first {
            Some(first) => Poll::Ready(Some(first)),
            None => match patience {
                Some(patience) => Pin::new(patience).poll(cx).map(|_| None),
                None => Poll::Pending,
            },
        }
    });
    let landed = landed.await;
    landed.map(|landed| waiters.swap_remove(landed))
}

/// Adds what one query found out to `found`, which is in the order of `types`.
fn merge(answers: &mut Answers, found: &mut [Option<Answer>], types: &[Type], landed: &Landed) {
    answers.nobody |= landed.nobody;
    answers.closed |= landed.closed;
    answers.servfail |= landed.servfail;
    answers.trouble = landed.trouble.clone().or(answers.trouble.take());
    for (wanted, found) in types.iter().zip(found) {
        let answer = landed.answers.iter().find(|(rtype, _)| rtype == wanted);
        if let (None, Some((_, answer))) = (&found, answer) {
            found.clone_from(answer);
        }
    }
}
