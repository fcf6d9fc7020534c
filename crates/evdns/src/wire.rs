//! Messages: ours as bytes, theirs as values, by the codec of `simple-dns`. What a reply means is decided in `query`.

pub(crate) mod record;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

use simple_dns::rdata::{OPT, OPTCode, RData};
use simple_dns::{Packet, PacketFlag, ResourceRecord};

use crate::limits::DATAGRAM;
use crate::name::Name;
use record::{Caa, Mx, Naptr, Soa, Srv, Svcb, Txt};

/// A type of record, by its number.
pub(crate) type Type = u16;

pub(crate) const A: Type = 1;
pub(crate) const CNAME: Type = 5;
pub(crate) const AAAA: Type = 28;
pub(crate) const NS: Type = 2;

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
const OPT_TYPE: Type = 41;
/// The least a record takes: a root's name, type, class, TTL, length.
const LEAST_RECORD: usize = 11;

/// A query as it goes out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) id: u16,
    /// The name's wire form, in the very case that is to come back.
    pub(crate) name: &'a [u8],
    pub(crate) rtype: Type,
    /// EDNS (RFC 6891), with a cookie inside; `None` leaves it out.
    pub(crate) edns: Option<&'a [u8]>,
}

/// The header and the question: what a reply has to repeat.
pub(crate) fn write(ask: Ask<'_>) -> Vec<u8> {
    let mut packet = Packet::new_query(ask.id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    if let Some(cookie) = ask.edns {
        let opt_codes = match cookie {
            [] => Vec::new(),
            cookie => vec![OPTCode {
                code: COOKIE,
                data: cookie.into(),
            }],
        };
        *packet.opt_mut() = Some(OPT {
            opt_codes,
            udp_packet_size: DATAGRAM,
            version: 0,
        });
    }
    let mut bytes = Vec::with_capacity(HEADER + ask.name.len() + 4 + 11 + 44);
    // Writing to a `Vec` can't fail, and nothing in it is longer than its length field.
    let written = packet.write_to(&mut bytes);
    debug_assert!(written.is_ok());
    // The codec checks the text of names; ours are in wire form already.
    let mut question = ask.name.to_vec();
    question.extend_from_slice(&ask.rtype.to_be_bytes());
    question.extend_from_slice(&INTERNET.to_be_bytes());
    bytes.splice(HEADER..HEADER, question);
    bytes[5] = 1; // QDCOUNT
    bytes
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
    (ours && matches!(code, SERVFAIL | NOTIMP | REFUSED)).then_some(code)
}

/// Name, type and class of a query's one question.
fn question(query: &[u8]) -> Option<&[u8]> {
    let end = skip_name(query, HEADER)?;
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
    /// The server's cookie with ours in front, if it sent one.
    pub(crate) cookie: Option<Rc<[u8]>>,
}

/// One record of class IN.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) owner: Name,
    pub(crate) rtype: Type,
    pub(crate) ttl: u32,
    pub(crate) body: Body,
}

/// What a record says, of the types we know.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
    /// CNAME, NS, PTR: by the record's type.
    Name(Name),
    Mx(Mx),
    Txt(Txt),
    Srv(Srv),
    Soa(Soa),
    Caa(Caa),
    /// SVCB and HTTPS.
    Svcb(Svcb),
    Naptr(Naptr),
    Other,
}

/// A message that breaks the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Only of the header and a truncated rest: what TCP will tell in full.
pub(crate) fn is_truncated(reply: &[u8]) -> bool {
    reply.get(2).is_some_and(|flags| flags & 2 != 0)
}

/// Reads a whole message with one question, which has to name `asked`: most owners point there.
pub(crate) fn read(bytes: &[u8], asked: &Name) -> Result<Reply, Malformed> {
    let count = |at: usize| {
        let octets = bytes.get(at..at + 2).ok_or(Malformed)?;
        Ok(u16::from_be_bytes([octets[0], octets[1]]))
    };
    let counts = [count(6)?, count(8)?, count(10)?];
    let end = HEADER + asked.wire().len();
    let name = bytes.get(HEADER..end).ok_or(Malformed)?;
    if count(4)? != 1 || !name.eq_ignore_ascii_case(asked.wire()) {
        return Err(Malformed);
    }
    // The codec makes room for what the header claims.
    let claimed: usize = counts.iter().map(|&n| usize::from(n)).sum();
    if claimed * LEAST_RECORD > bytes.len() {
        return Err(Malformed);
    }
    let packet = Packet::parse(bytes).map_err(|_| Malformed)?;
    let speaks = |flag| packet.has_flags(flag);
    let known = speaks(PacketFlag::AUTHORITATIVE_ANSWER) || speaks(PacketFlag::RECURSION_AVAILABLE);
    let mut answers = Vec::with_capacity(packet.answers.len());
    for record in &packet.answers {
        answers.extend(record_of(record, asked)?);
    }
    let soa = packet
        .name_servers
        .iter()
        .find_map(|record| match &record.rdata {
            RData::SOA(soa) => Some(record.ttl.min(soa.minimum)),
            _ => None,
        });
    let cookie = packet.opt().and_then(|opt| {
        let cookie = opt.opt_codes.iter().find(|option| option.code == COOKIE)?;
        (16..=40)
            .contains(&cookie.data.len())
            .then(|| Rc::from(&cookie.data[..]))
    });
    let upper = extended_rcode(bytes, end + 4, claimed).unwrap_or(0);
    let rcode = u16::from(bytes[3] & 15) | upper;
    Ok(Reply {
        rcode,
        truncated: is_truncated(bytes),
        lame: rcode == NOERROR && counts == [0, counts[1], 0] && !known,
        answer_count: counts[0],
        answers,
        negative_ttl: soa,
        cookie,
    })
}

/// The upper bits of the response code (RFC 6891 §6.1.3), which the codec takes from the wrong end of the field.
fn extended_rcode(bytes: &[u8], first: usize, records: usize) -> Option<u16> {
    let mut at = first;
    for _ in 0..records {
        at = skip_name(bytes, at)?;
        let head = bytes.get(at..at + 10)?;
        if head[..2] == OPT_TYPE.to_be_bytes() {
            return Some(u16::from(head[4]) << 4);
        }
        at += 10 + usize::from(u16::from_be_bytes([head[8], head[9]]));
    }
    None
}

fn skip_name(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *bytes.get(at)? {
            0 => return Some(at + 1),
            length if length >= 0xc0 => return Some(at + 2),
            length => at += 1 + usize::from(length),
        }
    }
}

fn record_of(record: &ResourceRecord<'_>, asked: &Name) -> Result<Option<Record>, Malformed> {
    // Unicast DNS knows no cache-flush bit (RFC 6762 §10.2): to us it makes another class.
    if record.class != simple_dns::CLASS::IN || record.cache_flush {
        return Ok(None);
    }
    let owner = match name_of(&record.name)? {
        owner if owner == *asked => asked.clone(),
        owner => owner,
    };
    Ok(Some(Record {
        owner,
        rtype: record.rdata.type_code().into(),
        // RFC 2181 §8: a TTL with its top bit set is zero.
        ttl: if record.ttl >> 31 == 1 { 0 } else { record.ttl },
        body: body_of(&record.rdata)?,
    }))
}

fn body_of(rdata: &RData<'_>) -> Result<Body, Malformed> {
    Ok(match rdata {
        RData::A(a) => Body::A(a.address.into()),
        RData::AAAA(aaaa) => Body::Aaaa(aaaa.address.into()),
        RData::CNAME(name) => Body::Name(name_of(&name.0)?),
        RData::NS(name) => Body::Name(name_of(&name.0)?),
        RData::PTR(name) => Body::Name(name_of(&name.0)?),
        RData::MX(mx) => Body::Mx(Mx::read(mx)?),
        RData::TXT(txt) => Body::Txt(Txt::read(txt)),
        RData::SRV(srv) => Body::Srv(Srv::read(srv)?),
        RData::SOA(soa) => Body::Soa(Soa::read(soa)?),
        RData::CAA(caa) => Body::Caa(Caa::read(caa)),
        RData::SVCB(svcb) => Body::Svcb(Svcb::read(svcb)?),
        RData::HTTPS(https) => Body::Svcb(Svcb::read(&https.0)?),
        RData::NAPTR(naptr) => Body::Naptr(Naptr::read(naptr)?),
        _ => Body::Other,
    })
}

pub(crate) fn name_of(name: &simple_dns::Name<'_>) -> Result<Name, Malformed> {
    Name::from_labels(name.as_bytes()).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests;
