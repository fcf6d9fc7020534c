//! The resolver: look-ups as promises, by the system's configuration or by one of the caller's.

mod builder;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::rc::Rc;
use std::time::Duration;

use evcore::{Emitter, Promise, Reactor, Result, defer, spawn_with};

pub use builder::Builder;

use crate::error::{Error, ErrorKind};
use crate::files::{Configuration, Files};
use crate::interfaces::Interfaces;
use crate::limits::CACHED;
use crate::literal::Scoped;
use crate::lookup::{Found, LookUp, by_system};
use crate::name::Name;
use crate::query::Manner;
use crate::query::answer::{Answer, Lack, lack};
use crate::records::Records;
use crate::state::{Habits, State};
use crate::wire::record::{Ptr, Record};

/// Looks names up. Cheap to clone; keeps answers, and what it learned of the servers, for all its clones.
///
/// It belongs to one thread. Most programs need none of their own: [`lookup`](crate::lookup) and its kin use the
/// thread's.
///
/// ```no_run
/// let resolver = evdns::Resolver::builder()
///     .server(([192, 0, 2, 1], 5353))
///     .timeout(std::time::Duration::from_millis(500))
///     .build();
/// let found = evcore::run(resolver.lookup("example.com"))?;
/// # Ok::<(), evcore::Error>(())
/// ```
#[derive(Clone)]
pub struct Resolver {
    inner: Rc<Inner>,
}

struct Inner {
    from: From,
    /// `None` before the first look-up.
    state: RefCell<Option<Rc<State>>>,
    /// The files have been looked at in this turn.
    looked: Rc<Cell<bool>>,
}

/// Where the configuration comes from.
enum From {
    System(Box<RefCell<Files>>),
    Caller(Box<(Configuration, Habits)>),
}

/// On macOS and Windows the files do not tell how names are looked up (docs/dns.md).
const FILES_RULE: bool = cfg!(all(unix, not(target_vendor = "apple")));

impl Resolver {
    /// One that does as the system does: by `/etc/resolv.conf`, `hosts`, `nsswitch.conf`, `gai.conf` and
    /// `host.conf`, which are followed when they change.
    pub fn system() -> Resolver {
        Resolver::new(From::System(Box::new(RefCell::new(Files::of_system()))))
    }

    /// Chooses servers and manners, apart from the system's.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// The current reactor's own, which is [`system`](Resolver::system)'s. It is made when first asked for and goes
    /// with the reactor.
    pub fn current() -> Resolver {
        Resolver::clone(&Reactor::current().local(Resolver::system))
    }

    fn new(from: From) -> Resolver {
        let inner = Inner {
            from,
            state: RefCell::default(),
            looked: Rc::default(),
        };
        Resolver {
            inner: Rc::new(inner),
        }
    }

    /// The addresses of a host; see [`lookup`](crate::lookup).
    #[track_caller]
    pub fn lookup(&self, name: impl AsRef<str>) -> Promise<Vec<IpAddr>> {
        let only_ip = |(ip, _): &Scoped| *ip;
        self.look_up(name.as_ref(), move |addresses| {
            addresses.iter().map(only_ip).collect()
        })
    }

    /// The addresses of a host, with a port; see [`lookup_host`](crate::lookup_host).
    #[track_caller]
    pub fn lookup_host(&self, (name, port): (impl AsRef<str>, u16)) -> Promise<Vec<SocketAddr>> {
        let with_port = move |&(ip, scope): &Scoped| match ip {
            IpAddr::V4(ip) => (ip, port).into(),
            IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, scope).into(),
        };
        self.look_up(name.as_ref(), move |addresses| {
            addresses.iter().map(with_port).collect()
        })
    }

    #[track_caller]
    fn look_up<T: 'static>(
        &self,
        name: &str,
        shape: impl FnOnce(&[Scoped]) -> Vec<T> + 'static,
    ) -> Promise<Vec<T>> {
        if let Some(addresses) = self.known().and_then(|state| state.ordered(name)) {
            return Promise::ready(shape(&addresses));
        }
        let (inner, name) = (self.inner.clone(), name.to_owned());
        spawn_with(|emitter| async move {
            let found = inner.look_up(&name, emitter).await?;
            Ok(shape(&found.addresses))
        })
    }

    /// The records of one type; see [`resolve`](crate::resolve).
    #[track_caller]
    pub fn resolve<R: Record>(&self, name: impl AsRef<str>) -> Promise<Records<R>> {
        let name: Name = match name.as_ref().parse() {
            Ok(name) => name,
            Err(bad) => {
                let error = Error::new(name.as_ref(), ErrorKind::NoName).because(bad);
                return Promise::failed(error);
            }
        };
        let at_hand = |state: Rc<State>| state.at_hand(&name, R::TYPE, state.now());
        if let Some((answer, left)) = self.known().and_then(at_hand) {
            return records::<R>(&name, &answer, left)
                .map_err(evcore::Error::from)
                .into();
        }
        let inner = self.inner.clone();
        spawn_with(|emitter| async move { Ok(inner.resolve::<R>(&name, &emitter).await?) })
    }

    /// The name of an address; see [`reverse`](crate::reverse).
    #[track_caller]
    pub fn reverse(&self, ip: IpAddr) -> Promise<Name> {
        let inner = self.inner.clone();
        spawn_with(|emitter| async move {
            let state = inner.state(&ip)?;
            if let Some(name) = state.host_of(ip) {
                return Ok(name);
            }
            let found: Records<Ptr> = inner.resolve(&Name::of_address(ip), &emitter).await?;
            let first = found.iter().next().map(|ptr| ptr.0.clone());
            first.ok_or_else(|| Error::new(ip, ErrorKind::NoRecords).into())
        })
    }

    /// What is known already, whatever the files say by now: an answer at hand costs no system call.
    fn known(&self) -> Option<Rc<State>> {
        self.inner.state.borrow().clone()
    }
}

impl Inner {
    /// The configuration as it is now.
    fn state(&self, name: &dyn fmt::Display) -> std::result::Result<Rc<State>, Error> {
        let known = self.state.borrow().clone();
        if let Some(state) = known
            && !self.is_outdated(&state)
        {
            return Ok(state);
        }
        let (configuration, habits) = match &self.from {
            From::Caller(chosen) => (chosen.0.clone(), chosen.1),
            From::System(files) => {
                let configuration = files.borrow_mut().read();
                let habits = habits(&configuration);
                (configuration, habits)
            }
        };
        let servers = configuration.resolv.servers.clone();
        let state = State::new(configuration, &servers, habits);
        let state = state.map_err(|error| Error::new(name, ErrorKind::System).because(error))?;
        self.state.replace(Some(state.clone()));
        Ok(state)
    }

    /// Asks the files, at most once a turn.
    fn is_outdated(&self, state: &State) -> bool {
        let From::System(files) = &self.from else {
            return false;
        };
        if state.conf().no_reload || self.looked.replace(true) {
            return false;
        }
        let looked = self.looked.clone();
        defer(move || looked.set(false));
        files.borrow().have_changed()
    }

    async fn look_up(&self, name: &str, emitter: Emitter) -> Result<Found> {
        if !FILES_RULE && matches!(self.from, From::System(_)) {
            return Ok(by_system(name, Interfaces::now().families()).await?);
        }
        let state = self.state(&name)?;
        let found = LookUp::new(state.clone(), name, emitter).run().await?;
        state.keep_ordered(name, &found.addresses, found.ttl);
        Ok(found)
    }

    async fn resolve<R: Record>(
        &self,
        name: &Name,
        emitter: &Emitter,
    ) -> std::result::Result<Records<R>, Error> {
        let state = self.state(name)?;
        let answers = state.answers(name, &[R::TYPE], emitter).await;
        match answers.answers.first().and_then(Option::as_ref) {
            Some(answer) => records(name, answer, answer.ttl),
            None => {
                let error = Error::new(name, ErrorKind::TryAgain);
                Err(match answers.trouble {
                    Some(why) => error.because(why),
                    None => error,
                })
            }
        }
    }
}

/// How the system's files want it done; EDNS is used whether they ask for it or not.
fn habits(configuration: &Configuration) -> Habits {
    let conf = &configuration.resolv;
    let manner = Manner {
        timeout: Duration::from_secs(conf.timeout.into()),
        attempts: conf.attempts,
        use_vc: conf.use_vc,
        single_request: conf.single_request,
    };
    Habits {
        manner,
        edns: true,
        room: CACHED,
        stale: Duration::ZERO,
    }
}

fn records<R: Record>(
    name: &Name,
    answer: &Answer,
    ttl: u32,
) -> std::result::Result<Records<R>, Error> {
    let found = Records::new(answer.records.list(), ttl);
    if !found.is_empty() && answer.rcode == crate::wire::NOERROR {
        return Ok(found);
    }
    let kind = match lack(&[Some(answer.clone())]) {
        Some(Lack::NoName) => ErrorKind::NoName,
        Some(Lack::TryAgain) => ErrorKind::TryAgain,
        Some(Lack::Fail | Lack::Internal) => ErrorKind::Fail,
        Some(Lack::NoRecords) | None => ErrorKind::NoRecords,
    };
    Err(Error::new(format!("{name} {}", R::NAME), kind))
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers = self.known().map(|state| state.conf().servers.clone());
        f.debug_struct("Resolver")
            .field("servers", &servers)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
