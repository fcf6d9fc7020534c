//! Messages over the network: one server's ports, its TCP connection, its cookie. What to ask and what to make of the
//! replies is decided in `query`.
//!
//! A further transport (DNS over TLS, RFC 7858) would be another carrier beside `ports` and `stream`; `stream` needs
//! only an `evcore::net::ByteStream`.

mod cookie;
mod expected;
mod ports;
mod stream;

use std::io;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};

use crate::name::Name;
use crate::query::Trouble;
use crate::random::Random;
use crate::wire::{self, Ask, Reply, Type};
use cookie::Cookies;
pub(crate) use expected::Expecting;
#[cfg(fuzzing)]
pub(crate) use expected::news_of;

/// What comes back for a question.
#[derive(Debug)]
pub(crate) enum News {
    Reply(Reply),
    /// A reply that somebody may have forged, by its letters or its cookie.
    Doubtful,
    Garbled,
    /// Nothing but a code of failure.
    Refused(u16),
    Lost(Trouble),
}

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    Datagrams,
    Stream,
}

/// Who asked.
pub(crate) trait Asker {
    /// Question number `question` has news. Only takes note: what follows is done in a turn of its own.
    fn hear(&self, question: usize, news: News);
}

/// A question on its way out.
pub(crate) struct Outgoing<'a> {
    pub(crate) name: &'a Name,
    pub(crate) rtype: Type,
    pub(crate) edns: bool,
    pub(crate) question: usize,
    pub(crate) asker: Weak<dyn Asker>,
}

/// What an error of a socket says of its server.
pub(crate) fn trouble_of(error: &io::Error) -> Trouble {
    /// ENFILE and EMFILE everywhere on Unix, WSAEMFILE on Windows: the system or the process has too many files open.
    const TOO_MANY: [i32; 3] = [23, 24, 10_024];
    match error.raw_os_error() {
        Some(number) if TOO_MANY.contains(&number) => Trouble::Unasked,
        _ => Trouble::Refused,
    }
}

/// One server, and the ways to it.
pub(crate) struct Link {
    pub(crate) server: SocketAddr,
    ports: ports::Ports,
    streams: stream::Streams,
    random: Rc<Random>,
    cookies: Rc<Cookies>,
}

impl Link {
    pub(crate) fn new(server: SocketAddr, random: Rc<Random>) -> io::Result<Link> {
        let cookies = Cookies::new(random.octets()?);
        Ok(Link {
            server,
            ports: ports::Ports::new(server, random.clone(), cookies.clone()),
            streams: stream::Streams::new(server, cookies.clone()),
            random,
            cookies,
        })
    }

    /// Sends a question; its news come to the asker for as long as what is returned is kept.
    pub(crate) fn send(&self, outgoing: Outgoing<'_>, over_tcp: bool) -> io::Result<Expecting> {
        // Nobody can forge a reply on a TCP connection, so its case need not be shuffled: that also serves servers
        // which change it.
        let letters = if over_tcp { 0 } else { outgoing.name.letters() };
        let mut coins = [0; 32];
        let coins = &mut coins[..letters.div_ceil(8)];
        self.random.fill(coins)?;
        let cookie = outgoing.edns.then(|| self.cookies.current());
        let write = |id| {
            wire::write(Ask {
                id,
                name: outgoing.name,
                coins,
                rtype: outgoing.rtype,
                edns: cookie.as_deref(),
            })
        };
        match over_tcp {
            true => self.streams.send(&outgoing, write, &self.random),
            false => self.ports.send(&outgoing, write),
        }
    }
}
