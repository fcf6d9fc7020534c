//! Names to addresses: who is asked, and what may be acted on before all of
//! them are known (RFC 8305 §3). Never connects.

use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::net::{IpAddr, ToSocketAddrs};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use evcore::{Await, Promise, Result};

/// Finds the addresses of a name. [`evdns::PARTIAL`] on its promise, if it is
/// told, is acted on.
pub(crate) type Lookup = Rc<dyn Fn(&str) -> Promise<Vec<IpAddr>>>;

/// Who is asked for the addresses of names.
#[derive(Clone, Default)]
pub(crate) enum Names {
    /// evdns if it is built in, else as [`System`](Names::System).
    #[default]
    Usual,
    /// getaddrinfo(3), on a helper thread.
    System,
    /// A function of the user's.
    Own(Lookup),
}

impl Names {
    pub(crate) fn look_up(&self, name: &str) -> LookUp {
        LookUp::of(match self {
            #[cfg(feature = "dns")]
            Names::Usual => evdns::lookup(name),
            #[cfg(not(feature = "dns"))]
            Names::Usual => by_system(name),
            Names::System => by_system(name),
            Names::Own(lookup) => lookup(name),
        })
    }
}

/// A function equals only itself.
impl PartialEq for Names {
    fn eq(&self, other: &Names) -> bool {
        match (self, other) {
            (Names::Own(one), Names::Own(other)) => Rc::ptr_eq(one, other),
            (one, other) => std::mem::discriminant(one) == std::mem::discriminant(other),
        }
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Names::Usual => "Usual",
            Names::System => "System",
            Names::Own(_) => "Own",
        })
    }
}

fn by_system(name: &str) -> Promise<Vec<IpAddr>> {
    let name = name.to_owned();
    let found = evcore::blocking(move || {
        let found = (name.as_str(), 0).to_socket_addrs();
        found.map(|found| found.map(|address| address.ip()).collect())
    });
    found.and_then(|found: &std::io::Result<Vec<IpAddr>>| match found {
        Ok(found) => Ok(found.clone()),
        // Not the error itself: it can't be cloned, and nobody takes it apart.
        Err(error) => Err(error.to_string().into()),
    })
}

/// A look-up under way.
pub(crate) struct LookUp {
    /// One family's addresses, once it is time to act on them.
    early: Option<Await<Vec<IpAddr>>>,
    whole: Option<Await<Vec<IpAddr>>>,
}

impl LookUp {
    #[cfg(feature = "dns")]
    fn of(found: Promise<Vec<IpAddr>>) -> LookUp {
        let (early, heard) = Promise::pending();
        let heard = std::cell::Cell::new(Some(heard));
        let found = found.on(evdns::PARTIAL, move |partial| {
            if let Some(heard) = heard.take() {
                heard.resolve(partial.addresses.clone());
            }
        });
        LookUp {
            whole: Some(found.into_future()),
            early: Some(
                // With the look-up its listener goes, and who resolves this: no
                // error, there is just nothing early.
                early
                    .catch(|_| Vec::new())
                    .and_then(|found: &Vec<IpAddr>| worth_a_wait(found))
                    .into_future(),
            ),
        }
    }

    #[cfg(not(feature = "dns"))]
    fn of(found: Promise<Vec<IpAddr>>) -> LookUp {
        LookUp {
            whole: Some(found.into_future()),
            early: None,
        }
    }

    /// The addresses to begin with: all, or one family's if the other's are
    /// late.
    pub(crate) async fn first(&mut self) -> Result<Vec<IpAddr>> {
        poll_fn(|cx| {
            if let Some(whole) = &mut self.whole
                && let Poll::Ready(found) = Pin::new(whole).poll(cx)
            {
                self.whole = None;
                return Poll::Ready(found);
            }
            match &mut self.early {
                Some(early) => match Pin::new(early).poll(cx) {
                    Poll::Ready(Ok(found)) if !found.is_empty() => Poll::Ready(Ok(found)),
                    Poll::Ready(_) => {
                        self.early = None;
                        Poll::Pending
                    }
                    Poll::Pending => Poll::Pending,
                },
                None => Poll::Pending,
            }
        })
        .await
    }

    /// All addresses, unless they were the first.
    pub(crate) fn rest(self) -> Option<Await<Vec<IpAddr>>> {
        self.whole
    }
}

/// RFC 8305 §3: IPv6 goes ahead at once, IPv4 waits a little for it.
#[cfg(feature = "dns")]
fn worth_a_wait(early: &[IpAddr]) -> Promise<Vec<IpAddr>> {
    let early = early.to_owned();
    match early.iter().any(IpAddr::is_ipv6) {
        true => Promise::ready(early),
        false => evcore::sleep(crate::limits::RESOLUTION_DELAY).then(move |()| early),
    }
}
