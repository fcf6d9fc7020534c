//! Messages: ours as bytes, theirs as values. What nearly every reply is made of is read where it lies; records of rarer
//! types are read by the codec of `simple-dns`. What a reply means is decided in `query`.

mod message;
pub(crate) mod record;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

use simple_dns::Packet;
use simple_dns::rdata::RData;

use crate::limits::DATAGRAM;
use crate::name::{BadName, Name};
use message::{Message, Raw};
use record::{Caa, Mx, Naptr, Soa, Srv, Svcb, Txt};

/// A type of record, by its number.
pub(crate) type Type = u16;

pub(crate) const A: Type = 1;
pub(crate) const CNAME: Type = 5;
pub(crate) const AAAA: Type = 28;
pub(crate) const NS: Type = 2;
const SOA: Type = 6;
const PTR: Type = 12;
const OPT: Type = 41;

/// Response codes (RFC 1035 §4.1.1, RFC 7873 §8).
pub(crate) const NOERROR: u16 = 0;
pub(crate) const FORMERR: u16 = 1;
pub(crate) const SERVFAIL: u16 = 2;
pub(crate) const NXDOMAIN: u16 = 3;
pub(crate) const NOTIMP: u16 = 4;
pub(crate) const REFUSED: u16 = 5;
pub(crate) const BADVERS: u16 = 16;
pub(crate) const BADCOOKIE: u16 = 23;

/// RFC 7873 §4: 8 octets of ours, 8 to 32 of the server's.
const COOKIE: u16 = 10;
pub(crate) const CLIENT_COOKIE: usize = 8;

const HEADER: usize = 12;
const INTERNET: u16 = 1;
/// The least a record takes: a root's name, type, class, TTL, length.
const LEAST_RECORD: usize = 11;

/// A query as it goes out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) id: u16,
    pub(crate) name: &'a Name,
    /// Which letters of the name go out in the other case, to come back so.
    pub(crate) coins: &'a [u8],
    pub(crate) rtype: Type,
    /// EDNS (RFC 6891), with a cookie inside; `None` leaves it out.
    pub(crate) edns: Option<&'a [u8]>,
}

/// The header and the question, which a reply has to repeat, and EDNS.
pub(crate) fn write(ask: Ask<'_>) -> Vec<u8> {
    let edns = ask.edns.map_or(0, |cookie| LEAST_RECORD + 4 + cookie.len());
    let mut bytes = Vec::with_capacity(HEADER + ask.name.wire().len() + 4 + edns);
    bytes.extend_from_slice(&ask.id.to_be_bytes());
    // Recursion is desired. One question, no answer, no authority, and as additional record EDNS.
    bytes.extend_from_slice(b"\x01\0\0\x01\0\0\0\0\0");
    bytes.push(u8::from(ask.edns.is_some()));
    bytes.extend_from_slice(ask.name.wire());
    Name::shuffle(&mut bytes[HEADER..], ask.coins);
    bytes.extend_from_slice(&ask.rtype.to_be_bytes());
    bytes.extend_from_slice(&INTERNET.to_be_bytes());
    if let Some(cookie) = ask.edns {
        write_edns(cookie, &mut bytes);
    }
    bytes
}

/// RFC 6891 §6.1.2: the root's name, and what we can receive where other records have their class.
fn write_edns(cookie: &[u8], bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&[0, 0, OPT as u8]);
    bytes.extend_from_slice(&DATAGRAM.to_be_bytes());
    bytes.extend_from_slice(&[0; 4]);
    // No cookie has more than 40 octets.
    match cookie.len() as u8 {
        0 => bytes.extend_from_slice(&[0, 0]),
        length => {
            bytes.extend_from_slice(&[0, 4 + length, 0, COOKIE as u8, 0, length]);
            bytes.extend_from_slice(cookie);
        }
    }
}

/// Whether some bytes may be the reply to a query of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// Id and question are ours, to the letter.
    Ours,
    /// The question is ours but for the case of its letters: a forgery, or a server that changes the case.
    OtherCase,
    /// A header with our id and this code of failure, and nothing else.
    Bare(u16),
    /// Not ours: to be ignored.
    Foreign,
}

/// Compares header and question of `reply` with those of our `query`.
pub(crate) fn compare(reply: &[u8], query: &[u8]) -> Match {
    let Some((head, rest)) = reply.split_at_checked(HEADER) else {
        return Match::Foreign;
    };
    if let (b"", Some(code)) = (rest, bare_code(head, query)) {
        return Match::Bare(code);
    }
    let Some(question) = question(query) else {
        return Match::Foreign;
    };
    // QR set, OPCODE 0, one question.
    let header = query.starts_with(&head[..2]) && head[2] & 0xf8 == 0x80 && head[4..6] == [0, 1];
    match rest.get(..question.len()) {
        Some(theirs) if header && theirs == question => Match::Ours,
        // Type and class have no letters: 'A' (0x41) is no type we ask for.
        Some(theirs) if header && theirs.eq_ignore_ascii_case(question) => Match::OtherCase,
        _ => Match::Foreign,
    }
}

/// Some resolvers leave the question out when they refuse (glibc takes that too). It is no answer, only a failure.
fn bare_code(head: &[u8], query: &[u8]) -> Option<u16> {
    let ours = query.starts_with(&head[..2]) && head[2] & 0xf8 == 0x80 && head[4..] == [0; 8];
    let code = u16::from(head[3] & 15);
    (ours && matches!(code, FORMERR | SERVFAIL | NOTIMP | REFUSED)).then_some(code)
}

/// Whether EDNS goes with a query of ours: it has no other additional record.
pub(crate) fn has_edns(query: &[u8]) -> bool {
    query.get(10..HEADER).is_some_and(|count| count != [0, 0])
}

/// Name, type and class of a query's one question.
fn question(query: &[u8]) -> Option<&[u8]> {
    let end = Message(query).skip_name(HEADER).ok()?;
    query.get(HEADER..end + 4)
}

/// Puts the name into the question of a reply of ours as it was before its letters were shuffled.
pub(crate) fn restore_case(reply: &mut [u8], asked: &Name) {
    let asked = asked.wire();
    if let Some(question) = reply.get_mut(HEADER..HEADER + asked.len()) {
        question.copy_from_slice(asked);
    }
}

/// A reply that was found to be ours.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) rcode: u16,
    pub(crate) truncated: bool,
    /// No authority speaks, no recursion is offered and nothing else is said: a referral to nowhere.
    pub(crate) lame: bool,
    /// Records in the answer section, whether understood or not.
    pub(crate) answer_count: u16,
    pub(crate) answers: Vec<Record>,
    /// TTL of a negative answer: the SOA's own and its MINIMUM, whichever is less (RFC 2308 §5).
    pub(crate) negative_ttl: Option<u32>,
    /// The server's cookie, with ours in front if it is right.
    pub(crate) cookie: Option<Rc<[u8]>>,
}

impl Reply {
    /// One of which only the header counts.
    pub(crate) fn bare(rcode: u16) -> Reply {
        Reply {
            rcode,
            truncated: false,
            lame: false,
            answer_count: 0,
            answers: Vec::new(),
            negative_ttl: None,
            cookie: None,
        }
    }

    /// One that did not fit: TCP will tell.
    pub(crate) fn truncated() -> Reply {
        Reply {
            truncated: true,
            ..Reply::bare(NOERROR)
        }
    }
}

/// One record of class IN.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) owner: Name,
    pub(crate) rtype: Type,
    pub(crate) ttl: u32,
    pub(crate) body: Body,
}

/// What a record says, of the types we know. Nearly all are addresses: what is large lies elsewhere.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
    /// CNAME, NS, PTR: by the record's type.
    Name(Name),
    Mx(Mx),
    Txt(Txt),
    Srv(Srv),
    Soa(Box<Soa>),
    Caa(Box<Caa>),
    /// SVCB and HTTPS.
    Svcb(Box<Svcb>),
    Naptr(Box<Naptr>),
    Other,
}

impl Record {
    /// About the octets it takes.
    pub(crate) fn weight(&self) -> usize {
        size_of::<Record>() + self.owner.wire().len() + self.body.weight()
    }
}

impl Body {
    /// About the octets it takes elsewhere.
    fn weight(&self) -> usize {
        match self {
            Body::A(_) | Body::Aaaa(_) | Body::Other => 0,
            Body::Name(name) => name.wire().len(),
            Body::Mx(mx) => mx.exchange.wire().len(),
            Body::Srv(srv) => srv.target.wire().len(),
            Body::Soa(soa) => size_of::<Soa>() + soa.mname.wire().len() + soa.rname.wire().len(),
            Body::Txt(txt) => of_lists(&txt.strings),
            Body::Caa(caa) => size_of::<Caa>() + caa.tag.len() + caa.value.len(),
            Body::Svcb(svcb) => svcb.weight(),
            Body::Naptr(naptr) => size_of::<Naptr>() + naptr.weight(),
        }
    }
}

/// What lists take that are in a list.
fn of_lists<T: AsRef<[u8]>>(lists: &[T]) -> usize {
    let each = |list: &T| size_of::<T>() + list.as_ref().len();
    lists.iter().map(each).sum()
}

/// A message that breaks the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl From<BadName> for Malformed {
    fn from(_: BadName) -> Malformed {
        Malformed
    }
}

/// Only of the header and a truncated rest: what TCP will tell in full.
pub(crate) fn is_truncated(reply: &[u8]) -> bool {
    reply.get(2).is_some_and(|flags| flags & 2 != 0)
}

/// Reads a whole message with one question, which has to name `asked`: most owners point there.
pub(crate) fn read(bytes: &[u8], asked: &Name) -> Result<Reply, Malformed> {
    let counts = counts(bytes, asked)?;
    let [answers, authorities, additional] = counts.map(usize::from);
    let message = Message(bytes);
    let mut records = message.records(HEADER + asked.wire().len() + 4);
    let answers = Reader::new(message, asked).read(records.by_ref().take(answers), answers)?;
    let negative_ttl = negative_ttl(message, records.by_ref().take(authorities));
    let (negative_ttl, edns) = match (negative_ttl, edns(records.take(additional))) {
        (Ok(negative_ttl), Ok(edns)) => (negative_ttl, edns),
        // As glibc: answers that are whole count, whatever comes behind them.
        _ if !answers.is_empty() => (None, None),
        _ => return Err(Malformed),
    };
    // RFC 6891 §6.1.3: the upper bits of the response code lie where other records have their TTL.
    let upper = edns
        .as_ref()
        .map_or(0, |opt| (opt.ttl >> 20) as u16 & 0x0ff0);
    let cookie = match &edns {
        Some(opt) => message.cookie(opt)?,
        None => None,
    };
    let rcode = u16::from(bytes[3] & 15) | upper;
    // What EDNS adds to a reply says nothing about the question.
    let nothing = counts[0] == 0 && counts[2] == u16::from(edns.is_some());
    let known = bytes[2] & AUTHORITATIVE != 0 || bytes[3] & RECURSION_AVAILABLE != 0;
    Ok(Reply {
        rcode,
        truncated: is_truncated(bytes),
        lame: rcode == NOERROR && nothing && !known,
        answer_count: counts[0],
        answers,
        negative_ttl,
        cookie,
    })
}

/// Flags of the third and of the fourth octet.
const AUTHORITATIVE: u8 = 0x04;
const RECURSION_AVAILABLE: u8 = 0x80;

/// How many records each section has. No more than there can be: neither we nor the codec make room for others.
fn counts(bytes: &[u8], asked: &Name) -> Result<[u16; 3], Malformed> {
    let (head, rest) = bytes.split_first_chunk::<HEADER>().ok_or(Malformed)?;
    let count = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    let counts = [6, 8, 10].map(count);
    let claimed: usize = counts.iter().map(|&n| usize::from(n)).sum();
    let name = rest.get(..asked.wire().len()).ok_or(Malformed)?;
    let ours = count(4) == 1 && name.eq_ignore_ascii_case(asked.wire());
    match ours && claimed * LEAST_RECORD <= bytes.len() {
        true => Ok(counts),
        false => Err(Malformed),
    }
}

/// Of the first SOA of the authority section, if there is one (RFC 2308 §5).
fn negative_ttl<'a>(
    message: Message<'a>,
    records: impl Iterator<Item = Result<Raw<'a>, Malformed>>,
) -> Result<Option<u32>, Malformed> {
    let mut ttl = None;
    for raw in records {
        let raw = raw?;
        if raw.rtype == SOA && ttl.is_none() {
            ttl = Some(seconds(raw.ttl).min(seconds(message.soa_minimum(&raw)?)));
        }
    }
    Ok(ttl)
}

/// RFC 2181 §8: a TTL with its top bit set is zero.
fn seconds(ttl: u32) -> u32 {
    if ttl >> 31 == 1 { 0 } else { ttl }
}

/// The first OPT record of the additional section.
fn edns<'a>(
    records: impl Iterator<Item = Result<Raw<'a>, Malformed>>,
) -> Result<Option<Raw<'a>>, Malformed> {
    let mut edns = None;
    for raw in records {
        let raw = raw?;
        if raw.rtype == OPT && edns.is_none() {
            edns = Some(raw);
        }
    }
    Ok(edns)
}

/// Reads the records of the answer section.
struct Reader<'a> {
    message: Message<'a>,
    asked: &'a Name,
    /// The whole message as the codec reads it, once there is a record that it is needed for.
    packet: Option<Packet<'a>>,
}

impl<'a> Reader<'a> {
    fn new(message: Message<'a>, asked: &'a Name) -> Reader<'a> {
        Reader {
            message,
            asked,
            packet: None,
        }
    }

    fn read(
        mut self,
        records: impl Iterator<Item = Result<Raw<'a>, Malformed>>,
        count: usize,
    ) -> Result<Vec<Record>, Malformed> {
        let mut read = Vec::with_capacity(count);
        for (raw, number) in records.zip(0..) {
            read.extend(self.record(&raw?, number)?);
        }
        Ok(read)
    }

    /// Record number `number`; none if it is of another class. (Unicast DNS knows no cache-flush bit, RFC 6762 §10.2: to
    /// us it makes another class.)
    fn record(&mut self, raw: &Raw<'_>, number: usize) -> Result<Option<Record>, Malformed> {
        if raw.class != INTERNET {
            return Ok(None);
        }
        Ok(Some(Record {
            owner: self.owner(raw.owner)?,
            rtype: raw.rtype,
            ttl: seconds(raw.ttl),
            body: self.body(raw, number)?,
        }))
    }

    /// Most owners point at the question; they share its name.
    fn owner(&self, at: usize) -> Result<Name, Malformed> {
        const POINTS_AT_QUESTION: [u8; 2] = [0xc0, HEADER as u8];
        if self.message.0[at..].starts_with(&POINTS_AT_QUESTION) {
            return Ok(self.asked.clone());
        }
        let owner = self.message.name(at)?;
        Ok(match owner == *self.asked {
            true => self.asked.clone(),
            false => owner,
        })
    }

    fn body(&mut self, raw: &Raw<'_>, number: usize) -> Result<Body, Malformed> {
        Ok(match (raw.rtype, raw.rdata) {
            (_, []) => Body::Other,
            (A, rdata) => Body::A(<[u8; 4]>::try_from(rdata).map_err(|_| Malformed)?.into()),
            (AAAA, rdata) => Body::Aaaa(<[u8; 16]>::try_from(rdata).map_err(|_| Malformed)?.into()),
            (CNAME | NS | PTR, _) => Body::Name(self.message.only_name(raw)?),
            _ => self.by_codec(number)?,
        })
    }

    fn by_codec(&mut self, number: usize) -> Result<Body, Malformed> {
        if self.packet.is_none() {
            self.packet = Some(Packet::parse(self.message.0).map_err(|_| Malformed)?);
        }
        let answers = self.packet.as_ref().map(|packet| &packet.answers);
        let record = answers.and_then(|answers| answers.get(number));
        body_of(&record.ok_or(Malformed)?.rdata)
    }
}

fn body_of(rdata: &RData<'_>) -> Result<Body, Malformed> {
    Ok(match rdata {
        RData::MX(mx) => Body::Mx(Mx::read(mx)?),
        RData::TXT(txt) => Body::Txt(Txt::read(txt)),
        RData::SRV(srv) => Body::Srv(Srv::read(srv)?),
        RData::SOA(soa) => Body::Soa(Box::new(Soa::read(soa)?)),
        RData::CAA(caa) => Body::Caa(Box::new(Caa::read(caa))),
        RData::SVCB(svcb) => Body::Svcb(Box::new(Svcb::read(svcb)?)),
        RData::HTTPS(https) => Body::Svcb(Box::new(Svcb::read(&https.0)?)),
        RData::NAPTR(naptr) => Body::Naptr(Box::new(Naptr::read(naptr)?)),
        _ => Body::Other,
    })
}

pub(crate) fn name_of(name: &simple_dns::Name<'_>) -> Result<Name, Malformed> {
    Name::from_labels(name.as_bytes().map(Ok))
}

#[cfg(test)]
mod tests;
