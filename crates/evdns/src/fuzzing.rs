//! What the fuzz target of messages reaches beside the public face, by the functions that are used for real. It is
//! there with `--cfg fuzzing` alone, which fuzz/ sets as cargo-fuzz does; it decides nothing.

use std::fmt::Display;
use std::net::IpAddr;

use crate::name::Name;
use crate::query::answer::Answer;
use crate::transport::{Carrier, News, news_of};
use crate::wire::record::{
    Caa, Cname, Https, Mx, Naptr, Ns, Ptr, Record, Soa, Srv, Svcb, Txt, take,
};
use crate::wire::{self, Ask, Body, Reply};

/// A question on its way.
#[derive(Debug)]
pub struct Question {
    name: Name,
    rtype: u16,
    query: Vec<u8>,
}

/// What a message was to a question.
#[derive(Debug)]
pub enum Heard {
    /// No reply to it.
    Nothing,
    /// A reply in letters of another case.
    OtherCase,
    /// A reply that breaks the format.
    Garbled,
    /// A header with a code of failure.
    Refused(u16),
    /// A reply.
    Reply(Read),
}

/// A reply, read.
#[derive(Debug)]
pub struct Read {
    /// The response code, its upper bits included.
    pub rcode: u16,
    /// Records announced in the answer section.
    pub announced: usize,
    /// Every name in the answer section, in wire form: owners and what records say.
    pub names: Vec<(Name, Vec<u8>)>,
    /// Records of class IN in the answer section.
    pub records: usize,
    /// The addresses that answer the question.
    pub addresses: Vec<IpAddr>,
    /// Seconds the answer may be kept.
    pub ttl: u32,
    /// The server's cookie with ours in front.
    pub cookie: Option<Vec<u8>>,
    /// Its records as in a zone file.
    pub shown: Vec<String>,
}

impl Question {
    /// A question with the letters of `name` in another case wherever `coins` says so.
    pub fn new(name: &Name, rtype: u16, id: u16, coins: &[u8], cookie: Option<&[u8]>) -> Question {
        let query = wire::write(Ask {
            id,
            name,
            coins,
            rtype,
            edns: cookie,
        });
        let name = name.clone();
        Question { name, rtype, query }
    }

    /// As it goes out.
    pub fn query(&self) -> &[u8] {
        &self.query
    }

    /// As a socket's reader hears a message, and the look-up after it.
    pub fn hear(&self, message: &[u8]) -> Heard {
        let carrier = Carrier::Datagrams;
        match news_of(&mut message.to_vec(), &self.query, &self.name, carrier) {
            None => Heard::Nothing,
            Some(News::Doubtful) => Heard::OtherCase,
            Some(News::Garbled | News::Lost(_)) => Heard::Garbled,
            Some(News::Refused(code)) => Heard::Refused(code),
            Some(News::Reply(reply)) => Heard::Reply(self.take(reply)),
        }
    }

    /// Reads a message that nobody has compared with the query.
    pub fn read(&self, message: &[u8]) -> Option<Read> {
        let reply = wire::read(message, &self.name).ok()?;
        Some(self.take(reply))
    }

    fn take(&self, reply: Reply) -> Read {
        let mut names = Vec::new();
        for record in &reply.answers {
            names.push(&record.owner);
            match &record.body {
                Body::Name(name) => names.push(name),
                Body::Mx(mx) => names.push(&mx.exchange),
                Body::Srv(srv) => names.push(&srv.target),
                Body::Soa(soa) => names.extend([&soa.mname, &soa.rname]),
                Body::Svcb(svcb) => names.push(&svcb.target),
                Body::Naptr(naptr) => names.push(&naptr.replacement),
                Body::A(_) | Body::Aaaa(_) | Body::Txt(_) | Body::Caa(_) | Body::Other => {}
            }
        }
        let wire = |name: &Name| (name.clone(), name.wire().to_vec());
        let (names, cookie) = (names.into_iter().map(wire).collect(), reply.cookie.clone());
        let (rcode, records) = (reply.rcode, reply.answers.len());
        let announced = reply.answer_count.into();
        let shown = shown(&reply.answers);
        let answer = Answer::new(reply, &self.name, self.rtype);
        Read {
            rcode,
            announced,
            names,
            records,
            addresses: answer.addresses().collect(),
            ttl: answer.ttl,
            cookie: cookie.map(|cookie| cookie.to_vec()),
            shown,
        }
    }
}

/// All records as text: what `dig` would print.
fn shown(records: &[wire::Record]) -> Vec<String> {
    fn of<R: Record + Display>(record: &wire::Record) -> Option<String> {
        take::<R>(record).map(|record| record.to_string())
    }
    let kinds = [
        of::<Ns>,
        of::<Cname>,
        of::<Soa>,
        of::<Ptr>,
        of::<Mx>,
        of::<Txt>,
        of::<Srv>,
        of::<Naptr>,
        of::<Svcb>,
        of::<Https>,
        of::<Caa>,
    ];
    let all = records
        .iter()
        .flat_map(|record| kinds.map(|kind| kind(record)));
    all.flatten().collect()
}
