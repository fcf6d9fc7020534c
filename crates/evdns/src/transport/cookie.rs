//! One server's cookies (RFC 7873): what is sent along, and whether a reply may be believed by its own.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::Carrier;
use crate::wire::{CLIENT_COOKIE, Reply};

/// With 8 to 32 octets of the server's (RFC 7873 §4).
const WHOLE: std::ops::RangeInclusive<usize> = CLIENT_COOKIE + 8..=40;

pub(super) struct Cookies {
    /// Ours, and the server's after it once it has told (RFC 7873 §5.1).
    current: RefCell<Rc<[u8]>>,
    /// Over TCP, where nobody forges, it left them out: as some do which answer from a cache or are several.
    unreliable: Cell<bool>,
}

/// What a reply's cookie makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    /// The server has sent cookies before, and there is none: TCP settles it.
    Doubtful,
    /// Somebody else's.
    Foreign,
}

impl Cookies {
    pub(super) fn new(ours: [u8; CLIENT_COOKIE]) -> Rc<Cookies> {
        Rc::new(Cookies {
            current: RefCell::new(Rc::from(ours)),
            unreliable: Cell::new(false),
        })
    }

    pub(super) fn current(&self) -> Rc<[u8]> {
        self.current.borrow().clone()
    }

    /// Judges the reply to a query that had a cookie, and keeps the server's (RFC 7873 §5.3).
    pub(super) fn judge(&self, reply: &Reply, carrier: Carrier) -> Verdict {
        match (&reply.cookie, carrier) {
            (Some(theirs), _) if self.repeats_ours(theirs) => {
                if WHOLE.contains(&theirs.len()) {
                    self.current.replace(theirs.clone());
                }
                Verdict::Accepted
            }
            (_, Carrier::Stream) => {
                self.unreliable
                    .set(self.unreliable.get() || self.is_awaited());
                Verdict::Accepted
            }
            (Some(_), Carrier::Datagrams) => Verdict::Foreign,
            // What is truncated goes to TCP as it is.
            (None, Carrier::Datagrams) if self.is_awaited() && !reply.truncated => {
                Verdict::Doubtful
            }
            (None, Carrier::Datagrams) => Verdict::Accepted,
        }
    }

    fn is_awaited(&self) -> bool {
        self.current.borrow().len() > CLIENT_COOKIE && !self.unreliable.get()
    }

    /// Ours alone is that of a server which sends back every option: whoever sent it has seen the query.
    fn repeats_ours(&self, theirs: &[u8]) -> bool {
        let long = theirs.len() == CLIENT_COOKIE || WHOLE.contains(&theirs.len());
        long && theirs[..CLIENT_COOKIE] == self.current.borrow()[..CLIENT_COOKIE]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Carrier::{Datagrams, Stream};

    fn with(cookie: &[u8]) -> Reply {
        Reply {
            cookie: Some(cookie.into()),
            ..Reply::bare(0)
        }
    }

    #[test]
    fn a_reply_has_to_repeat_our_cookie() {
        let cookies = Cookies::new(*b"ourclien");
        let judge = |cookie: &[u8]| cookies.judge(&with(cookie), Datagrams);
        assert_eq!(judge(b"ourclien"), Verdict::Accepted);
        assert_eq!(*cookies.current(), *b"ourclien");
        assert_eq!(judge(b"ourclientheirser"), Verdict::Accepted);
        assert_eq!(*cookies.current(), *b"ourclientheirser");
        for foreign in [&b""[..], b"ourclie", b"ourclienshort", &[b'o'; 16]] {
            assert_eq!(judge(foreign), Verdict::Foreign, "{foreign:?}");
        }
        let long = [&b"ourclien"[..], &[0; 33]].concat();
        assert_eq!(judge(&long), Verdict::Foreign);
        assert_eq!(*cookies.current(), *b"ourclientheirser");
    }

    #[test]
    fn who_has_sent_cookies_goes_on_or_is_asked_by_tcp() {
        let (cookies, without) = (Cookies::new(*b"ourclien"), Reply::bare(0));
        assert_eq!(cookies.judge(&without, Datagrams), Verdict::Accepted);
        assert_eq!(cookies.judge(&without, Stream), Verdict::Accepted);
        cookies.judge(&with(b"ourclientheirser"), Datagrams);
        assert_eq!(cookies.judge(&without, Datagrams), Verdict::Doubtful);
        cookies.judge(&with(b"ourclientheirser"), Stream);
        assert_eq!(cookies.judge(&without, Datagrams), Verdict::Doubtful);
        assert_eq!(cookies.judge(&without, Stream), Verdict::Accepted);
        assert_eq!(cookies.judge(&without, Datagrams), Verdict::Accepted);
    }
}
