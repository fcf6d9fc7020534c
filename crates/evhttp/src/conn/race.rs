//! Several addresses of one host, and the first of them that answers (RFC
//! 8305). Where the addresses come from is decided elsewhere.

use std::future::{Future, IntoFuture, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use evcore::net::{TcpStream, connect_tcp};
use evcore::{Await, sleep};

use crate::limits::CONNECT_STAGGER;

/// An address, and why it could not be connected to.
pub(crate) type Failed = (SocketAddr, io::Error);

/// RFC 8305 §4: families by turns, beginning with that of the first address;
/// within a family the order stays.
pub(crate) fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = addresses.first().map(SocketAddr::is_ipv6) else {
        return addresses;
    };
    let (one, other): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|a| a.is_ipv6() == first);
    let (mut one, mut other) = (one.into_iter(), other.into_iter());
    std::iter::from_fn(|| Some([one.next(), other.next()]))
        .take_while(|pair| pair.iter().any(Option::is_some))
        .flat_map(|pair| pair.into_iter().flatten())
        .collect()
}

/// Addresses to connect to, and more of them to come.
pub(crate) struct Found {
    pub(crate) first: Vec<SocketAddr>,
    /// All of them in their order, once it is known.
    pub(crate) rest: Option<Pin<Box<dyn Future<Output = Vec<SocketAddr>>>>>,
}

impl From<Vec<SocketAddr>> for Found {
    fn from(first: Vec<SocketAddr>) -> Found {
        Found { first, rest: None }
    }
}

/// Connects to the first address that answers: each gets a head start of
/// [`CONNECT_STAGGER`] before the next one is tried too, or as long as it
/// takes to fail. A socket bound to `local` reaches its own family only.
///
/// # Errors
/// All addresses with their failures, in the order they failed; none if there
/// is no address.
pub(crate) async fn connect_first(
    found: Found,
    local: Option<IpAddr>,
) -> Result<(TcpStream, SocketAddr), Vec<Failed>> {
    let local = local.map(|ip| SocketAddr::new(ip, 0));
    // Usually there is one, and nothing to race.
    if let ([only], None, None) = (&found.first[..], &found.rest, local) {
        let only = *only;
        let connected = connect_tcp(only, None).await;
        return connected
            .map(|stream| (stream, only))
            .map_err(|why| vec![(only, why)]);
    }
    let mut race = Race {
        waiting: Vec::new().into_iter(),
        rest: found.rest,
        running: Vec::new(),
        stagger: None,
        failed: Vec::new(),
        local,
    };
    race.enter(found.first);
    poll_fn(|cx| race.poll(cx)).await
}

type Attempt = Pin<Box<dyn Future<Output = io::Result<TcpStream>>>>;

struct Race {
    waiting: std::vec::IntoIter<SocketAddr>,
    /// What is still looked for.
    rest: Option<Pin<Box<dyn Future<Output = Vec<SocketAddr>>>>>,
    running: Vec<(SocketAddr, Attempt)>,
    /// When the next address is tried, whatever the others do.
    stagger: Option<Await<()>>,
    failed: Vec<Failed>,
    local: Option<SocketAddr>,
}

impl Race {
    /// Has `addresses` wait, but for those that were tried.
    fn enter(&mut self, mut addresses: Vec<SocketAddr>) {
        let fits = |a: &SocketAddr| self.local.is_none_or(|own| own.is_ipv4() == a.is_ipv4());
        addresses.retain(fits);
        let mut addresses = interleave(addresses);
        let tried = |a: &SocketAddr| {
            let running = self.running.iter().any(|(other, _)| other == a);
            running || self.failed.iter().any(|(other, _)| other == a)
        };
        addresses.retain(|a| !tried(a));
        self.waiting = addresses.into_iter();
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(TcpStream, SocketAddr), Vec<Failed>>> {
        if let Some(rest) = &mut self.rest
            && let Poll::Ready(all) = rest.as_mut().poll(cx)
        {
            self.rest = None;
            if !all.is_empty() {
                self.enter(all);
            }
        }
        loop {
            if let Some(first) = self.poll_running(cx) {
                return Poll::Ready(Ok(first));
            }
            // A reactor that ends settles everything; the race as well.
            if let Some(stagger) = &mut self.stagger
                && Pin::new(stagger).poll(cx).is_pending()
            {
                return Poll::Pending;
            }
            self.stagger = None;
            match self.waiting.next() {
                Some(next) => {
                    let attempt = Box::pin(connect_tcp(next, self.local));
                    self.running.push((next, attempt));
                    self.stagger = Some(sleep(CONNECT_STAGGER).into_future());
                }
                None if self.running.is_empty() && self.rest.is_none() => {
                    return Poll::Ready(Err(std::mem::take(&mut self.failed)));
                }
                None => return Poll::Pending,
            }
        }
    }

    /// The one that stands, if any; those that failed make room for the next.
    fn poll_running(&mut self, cx: &mut Context<'_>) -> Option<(TcpStream, SocketAddr)> {
        let mut at = 0;
        while let Some((address, attempt)) = self.running.get_mut(at) {
            match attempt.as_mut().poll(cx) {
                Poll::Ready(Ok(stream)) => return Some((stream, *address)),
                Poll::Ready(Err(why)) => {
                    let (address, _) = self.running.remove(at);
                    self.failed.push((address, why));
                    self.stagger = None;
                }
                Poll::Pending => at += 1,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_beginning_with_the_first() {
        let addresses = |list: &[&str]| -> Vec<SocketAddr> {
            list.iter().map(|a| a.parse().unwrap()).collect()
        };
        let mixed = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"]);
        let expected = addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]);
        assert_eq!(interleave(mixed), expected);
        let one = addresses(&["1.1.1.1:1", "2.2.2.2:1"]);
        assert_eq!(interleave(one.clone()), one);
        assert_eq!(interleave(Vec::new()), []);
    }
}
