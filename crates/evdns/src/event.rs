//! What a look-up tells on its promise besides its outcome: names, payloads and how they print. Emitting is done where
//! things happen.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use evcore::Event;

use crate::name::Name;
use crate::wire::record::name_of_type;

/// A question goes out to a server.
///
/// ```no_run
/// let found = evdns::lookup("example.com").on(evdns::QUERY, |query| println!("{query}"));
/// evcore::run(found)?; // example.com AAAA to 192.0.2.1:53, ...
/// # Ok::<(), evcore::Error>(())
/// ```
pub const QUERY: Event<Query> = Event::new("evdns.query");

/// A server has answered, with records or without.
pub const ANSWER: Event<Answered> = Event::new("evdns.answer");

/// The addresses of one family are there while the other's are still to come, in the order in which they should be
/// tried among themselves. Told too of what is kept, and of what had come when this look-up joined another's query.
pub const PARTIAL: Event<Partial> = Event::new("evdns.partial");

/// A server was of no use: the next one is asked, or the same one in another way.
pub const RETRY: Event<Retry> = Event::new("evdns.retry");

/// The look-up is handed over to the system's getaddrinfo(3), on a helper thread.
pub const SYSTEM: Event<HandedOver> = Event::new("evdns.system");

/// Payload of [`QUERY`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Query {
    /// The name asked for.
    pub name: Name,
    /// The number of the record type.
    pub rtype: u16,
    /// Who is asked.
    pub server: SocketAddr,
    /// Over TCP instead of UDP.
    pub over_tcp: bool,
}

/// Payload of [`ANSWER`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answered {
    /// The name asked for.
    pub name: Name,
    /// The number of the record type.
    pub rtype: u16,
    /// Who answered.
    pub server: SocketAddr,
    /// The response code (RFC 1035 §4.1.1): 0 is no error, 3 no such name.
    pub rcode: u16,
    /// Records in the answer.
    pub records: usize,
    /// Time since the look-up of this name began.
    pub elapsed: Duration,
}

/// Payload of [`PARTIAL`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Partial {
    /// The addresses, all of one family.
    pub addresses: Vec<IpAddr>,
}

impl Partial {
    /// For a look-up of one's own, to be understood by whoever listens to evdns.
    pub fn new(addresses: Vec<IpAddr>) -> Partial {
        Partial { addresses }
    }
}

/// Payload of [`RETRY`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Retry {
    /// The name asked for.
    pub name: Name,
    /// The server that was of no use.
    pub server: SocketAddr,
    /// Why.
    pub why: String,
}

/// Payload of [`SYSTEM`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HandedOver {
    /// The name.
    pub name: String,
    /// What evdns can't do by itself.
    pub why: String,
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let over = if self.over_tcp { " over TCP" } else { "" };
        write!(
            f,
            "{} {} to {}{over}",
            self.name,
            name_of_type(self.rtype),
            self.server
        )
    }
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} from {}: ",
            self.name,
            name_of_type(self.rtype),
            self.server
        )?;
        match (self.rcode, self.records) {
            (0, 1) => f.write_str("1 record")?,
            (0, records) => write!(f, "{records} records")?,
            (3, _) => f.write_str("no such name")?,
            (rcode, _) => write!(f, "response code {rcode}")?,
        }
        write!(f, " after {:.1} ms", self.elapsed.as_secs_f64() * 1e3)
    }
}

impl fmt::Display for Partial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        f.write_str(&texts.join(", "))
    }
}

impl fmt::Display for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {}: {}", self.name, self.server, self.why)
    }
}

impl fmt::Display for HandedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by getaddrinfo: {}", self.name, self.why)
    }
}
