//! The replies a socket waits for: by id, with what has to come back and for whom.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::rc::{Rc, Weak};
use std::task::Waker;

use super::cookie::{Cookies, Verdict};
use super::{Asker, Carrier, News, Outgoing};
use crate::name::Name;
use crate::query::Trouble;
use crate::random::Random;
use crate::wire::{self, FORMERR, Match, NOTIMP, Reply};

/// What is expected on one socket.
pub(super) struct Expected {
    carrier: Carrier,
    cookies: Rc<Cookies>,
    /// Nobody else chooses the ids, so there is nothing to hash.
    entries: RefCell<BTreeMap<u16, Entry>>,
    /// How many of them have had no reply.
    awaited: Cell<usize>,
    /// Who reads the socket, to be told when nobody waits any more.
    reader: RefCell<Option<Waker>>,
    /// Whether that is news to the reader.
    tells: Cell<bool>,
    /// Nobody reads the socket any more.
    ended: Cell<bool>,
}

struct Entry {
    query: Vec<u8>,
    name: Name,
    question: usize,
    asker: Weak<dyn Asker>,
    /// A reply has come; another one may yet, if that was not to the asker's liking.
    heard: Cell<bool>,
}

/// Of 65,536 ids no socket uses more than a thousand or so: the first is nearly always free.
const ID_TRIES: usize = 100;

/// Keeps a reply expected.
pub(crate) struct Expecting {
    on: Rc<Expected>,
    id: u16,
}

impl Drop for Expecting {
    fn drop(&mut self) {
        let gone = self.on.entries.borrow_mut().remove(&self.id);
        if let Some(entry) = gone {
            self.on.note_heard(&entry);
        }
        self.on.tell_if_empty();
    }
}

impl Expected {
    pub(super) fn new(carrier: Carrier, cookies: Rc<Cookies>) -> Rc<Expected> {
        Rc::new(Expected {
            carrier,
            cookies,
            entries: RefCell::default(),
            awaited: Cell::new(0),
            reader: RefCell::default(),
            tells: Cell::new(false),
            ended: Cell::new(false),
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.borrow().is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.borrow().len()
    }

    /// Whether a question has had no reply at all.
    pub(super) fn awaits_any(&self) -> bool {
        self.awaited.get() > 0
    }

    fn note_heard(&self, entry: &Entry) {
        if !entry.heard.replace(true) {
            self.awaited.set(self.awaited.get() - 1);
        }
    }

    /// Nothing is expected, and nothing more will be.
    pub(super) fn is_over(&self) -> bool {
        self.tells.get() && self.is_empty()
    }

    /// From now on the reader is woken when nothing is expected any more.
    pub(super) fn tell_when_empty(&self) {
        self.tells.set(true);
        self.tell_if_empty();
    }

    fn tell_if_empty(&self) {
        if self.tells.get()
            && self.is_empty()
            && let Some(reader) = &*self.reader.borrow()
        {
            reader.wake_by_ref();
        }
    }

    pub(super) fn read_by(&self, waker: &Waker) {
        let mut reader = self.reader.borrow_mut();
        if reader
            .as_ref()
            .is_none_or(|reader| !reader.will_wake(waker))
        {
            *reader = Some(waker.clone());
        }
    }

    pub(super) fn wake_reader(&self) {
        if let Some(reader) = &*self.reader.borrow() {
            reader.wake_by_ref();
        }
    }

    /// A random id that is not in use here.
    pub(super) fn free_id(&self, random: &Random) -> io::Result<u16> {
        let entries = self.entries.borrow();
        for _ in 0..ID_TRIES {
            let id = u16::from_ne_bytes(random.octets()?);
            if !entries.contains_key(&id) {
                return Ok(id);
            }
        }
        Err(io::Error::other("no id is free"))
    }

    pub(super) fn expect(
        self: &Rc<Self>,
        id: u16,
        query: Vec<u8>,
        outgoing: &Outgoing<'_>,
    ) -> Expecting {
        let entry = Entry {
            query,
            name: outgoing.name.clone(),
            question: outgoing.question,
            asker: outgoing.asker.clone(),
            heard: Cell::new(false),
        };
        self.entries.borrow_mut().insert(id, entry);
        self.awaited.set(self.awaited.get() + 1);
        Expecting {
            on: self.clone(),
            id,
        }
    }

    /// A message has come. What nobody asked for is ignored.
    pub(super) fn hear(&self, message: &mut [u8]) {
        let Some(&[upper, lower]) = message.first_chunk::<2>() else {
            return;
        };
        let told = {
            let entries = self.entries.borrow();
            let Some(entry) = entries.get(&u16::from_be_bytes([upper, lower])) else {
                return;
            };
            let news = news_of(message, &entry.query, &entry.name, self.carrier);
            let Some(news) = news.and_then(|news| self.judge(news, &entry.query)) else {
                return;
            };
            self.note_heard(entry);
            (entry.asker.upgrade(), entry.question, news)
        };
        if let (Some(asker), question, news) = told {
            asker.hear(question, news);
        }
    }

    /// What is left of news once their cookie is looked at.
    fn judge(&self, news: News, query: &[u8]) -> Option<News> {
        let reply = match news {
            News::Reply(reply) if wire::has_edns(query) => reply,
            other => return Some(other),
        };
        match self.cookies.judge(&reply, self.carrier) {
            Verdict::Accepted => Some(News::Reply(reply)),
            Verdict::Doubtful => Some(News::Doubtful),
            Verdict::Foreign => None,
        }
    }

    /// Whether the socket is of no more use.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.get()
    }

    /// The socket is of no more use.
    pub(super) fn end(&self, trouble: Trouble) {
        self.ended.set(true);
        self.lose(trouble);
    }

    /// What is expected will not come: everybody is told.
    pub(super) fn lose(&self, trouble: Trouble) {
        let entries = std::mem::take(&mut *self.entries.borrow_mut());
        self.awaited.set(0);
        for entry in entries.into_values() {
            if let Some(asker) = entry.asker.upgrade() {
                asker.hear(entry.question, News::Lost(trouble));
            }
        }
    }
}

/// What a message tells who asked `query`, a question about `asked`. `None`: it is no reply to that.
pub(crate) fn news_of(
    message: &mut [u8],
    query: &[u8],
    asked: &Name,
    carrier: Carrier,
) -> Option<News> {
    Some(match wire::compare(message, query) {
        Match::Foreign => return None,
        Match::OtherCase => News::Doubtful,
        // RFC 6891 §7: as good as a whole reply, if it is EDNS that it does not understand.
        Match::Bare(code @ (FORMERR | NOTIMP)) if wire::has_edns(query) => {
            News::Reply(Reply::bare(code))
        }
        Match::Bare(code) => News::Refused(code),
        // RFC 2181 §9: the rest may end anywhere, and is not to be used.
        Match::Ours if carrier == Carrier::Datagrams && wire::is_truncated(message) => {
            News::Reply(Reply::truncated())
        }
        Match::Ours => {
            // Names in the answer point into the question: nobody should see the case we gave it.
            wire::restore_case(message, asked);
            wire::read(message, asked).map_or(News::Garbled, News::Reply)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{A, Ask};

    const NAME: &str = "www.example";

    /// A question, and a reply to it with an address, with these flags.
    fn exchange(flags: u16) -> (Vec<u8>, Vec<u8>, Name) {
        let name: Name = NAME.parse().unwrap();
        let query = wire::write(Ask {
            id: 7,
            name: &name,
            coins: &[0x55; 2],
            rtype: A,
            edns: None,
        });
        let mut reply = query.clone();
        reply[2..4].copy_from_slice(&flags.to_be_bytes());
        reply[7] = 1;
        reply.extend_from_slice(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01");
        (query, reply, name)
    }

    #[test]
    fn where_every_id_is_in_use_none_is_given() {
        struct Nobody;
        impl Asker for Nobody {
            fn hear(&self, _: usize, _: News) {}
        }
        let (query, _, name) = exchange(0);
        let outgoing = Outgoing {
            name: &name,
            rtype: A,
            edns: false,
            question: 0,
            asker: Weak::<Nobody>::new(),
        };
        let expected = Expected::new(Carrier::Stream, Cookies::new([0; 8]));
        let expect = |id| expected.expect(id, query.clone(), &outgoing);
        let all: Vec<_> = (0..=u16::MAX).map(expect).collect();
        let random = Random::new();
        assert!(expected.free_id(&random).is_err());
        drop(all);
        assert!(expected.free_id(&random).is_ok());
    }

    /// RFC 2181 §9: of a truncated reply nothing counts but that it is one.
    #[test]
    fn a_truncated_reply_may_end_anywhere_behind_its_question() {
        let (query, reply, name) = exchange(0x8380);
        for length in query.len()..=reply.len() {
            let mut cut = reply[..length].to_vec();
            match news_of(&mut cut, &query, &name, Carrier::Datagrams) {
                Some(News::Reply(read)) => {
                    assert!(read.truncated && read.answers.is_empty(), "{length}");
                }
                other => panic!("{length}: {other:?}"),
            }
        }
        let mut cut = reply[..query.len() + 3].to_vec();
        let news = news_of(&mut cut, &query, &name, Carrier::Stream);
        assert!(
            matches!(news, Some(News::Garbled)),
            "TCP has no more to tell: {news:?}"
        );
    }
}
