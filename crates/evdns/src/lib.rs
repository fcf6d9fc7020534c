//! Names to addresses and records on [`evcore`]: in the thread's own loop, with the answers the system would give.
//!
//! ```no_run
//! let addrs = evcore::run(evdns::lookup("example.com"))?; // hosts file, search list, A + AAAA, RFC 6724 order
//! let mail = evcore::run(evdns::resolve::<evdns::Mx>("example.com"))?;
//! # Ok::<(), evcore::Error>(())
//! ```
//!
//! [`lookup`] and [`lookup_host`] find what getaddrinfo(3) of glibc finds, by the same files, without a thread.
//! [`resolve`] asks for records by type. Their promises tell [`QUERY`], [`ANSWER`], [`PARTIAL`], [`RETRY`] and
//! [`SYSTEM`] on the way. A [`Resolver`] of one's own asks other servers.

mod cache;
mod config;
mod error;
mod event;
mod files;
mod flight;
#[cfg(fuzzing)]
pub mod fuzzing;
mod idn;
mod interfaces;
pub mod limits;
mod literal;
mod lookup;
mod name;
mod order;
mod query;
mod random;
mod records;
mod resolver;
mod search;
mod state;
mod transport;
mod wire;

use std::net::{IpAddr, SocketAddr};

use evcore::Promise;

pub use error::{Error, ErrorKind};
pub use event::{
    ANSWER, Answered, HandedOver, PARTIAL, Partial, QUERY, Query, RETRY, Retry, SYSTEM,
};
pub use name::{BadName, Name};
pub use order::interleave;
pub use records::Records;
pub use resolver::{Builder, Resolver};
pub use wire::record::{
    A, Aaaa, Caa, Cname, Https, Mx, Naptr, Ns, Ptr, Record, Soa, Srv, Svcb, Txt,
};

/// The addresses of a host, the best first, as the system would find and order them (RFC 6724). A literal address is
/// its own, in every form getaddrinfo(3) takes.
///
/// ```
/// let found = evcore::run(evdns::lookup("127.1"))?;
/// assert_eq!(found, [std::net::IpAddr::from([127, 0, 0, 1])]);
/// # Ok::<(), evcore::Error>(())
/// ```
///
/// Rejected with an [`Error`] inside, which says why.
#[track_caller]
pub fn lookup(name: impl AsRef<str>) -> Promise<Vec<IpAddr>> {
    Resolver::current().lookup(name)
}

/// As [`lookup`], with a port, and with the interface of link-local addresses: ready to connect to.
///
/// ```
/// let found = evcore::run(evdns::lookup_host(("127.0.0.1", 80)))?;
/// assert_eq!(found, ["127.0.0.1:80".parse().unwrap()]);
/// # Ok::<(), evcore::Error>(())
/// ```
#[track_caller]
pub fn lookup_host(host: (impl AsRef<str>, u16)) -> Promise<Vec<SocketAddr>> {
    Resolver::current().lookup_host(host)
}

/// The records of one type that a name has, aliases followed. The name is taken as it is: no search list.
///
/// ```no_run
/// let servers = evcore::run(evdns::resolve::<evdns::Mx>("example.com"))?;
/// for mx in &servers {
///     println!("{} {}", mx.preference, mx.exchange);
/// }
/// # Ok::<(), evcore::Error>(())
/// ```
///
/// Rejected with an [`Error`] inside if there are none.
#[track_caller]
pub fn resolve<R: Record>(name: impl AsRef<str>) -> Promise<Records<R>> {
    Resolver::current().resolve(name)
}

/// The name of an address: from hosts(5), else its PTR record.
///
/// ```no_run
/// let name = evcore::run(evdns::reverse([192, 0, 2, 1].into()))?;
/// println!("{name}");
/// # Ok::<(), evcore::Error>(())
/// ```
#[track_caller]
pub fn reverse(ip: IpAddr) -> Promise<Name> {
    Resolver::current().reverse(ip)
}
