//! What is written can be read; what breaks the format is refused.

use super::*;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn query(edns: Option<&[u8]>) -> Vec<u8> {
    write(Ask {
        id: 0x1234,
        name: &name("Ab.example"),
        coins: &[],
        rtype: A,
        edns,
    })
}

/// A reply to `query(None)` with these flags, counts and rest.
fn reply(flags: u16, counts: [u8; 3], rest: &[u8]) -> Vec<u8> {
    let mut reply = query(None);
    reply[2..4].copy_from_slice(&flags.to_be_bytes());
    for (n, count) in counts.into_iter().enumerate() {
        reply[7 + 2 * n] = count;
    }
    reply.extend_from_slice(rest);
    reply
}

const ADDRESS: [u8; 16] = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1];

#[test]
fn a_query_to_the_octet() {
    let plain = query(None);
    assert_eq!(
        plain,
        b"\x12\x34\x01\x00\x00\x01\0\0\0\0\0\0\x02Ab\x07example\0\0\x01\0\x01"
    );
    let edns = query(Some(b"COOKIES!"));
    assert_eq!(edns[12..28], plain[12..28]);
    assert_eq!(
        edns[28..],
        *b"\0\0\x29\x04\xd0\0\0\0\0\0\x0c\0\x0a\0\x08COOKIES!"
    );
    assert_eq!(edns[10..12], [0, 1]);
}

#[test]
fn only_a_reply_to_the_letter_is_ours() {
    let query = query(None);
    let good = reply(0x8180, [0, 0, 0], b"");
    assert_eq!(compare(&good, &query), Match::Ours);
    let mut changed = good.clone();
    changed[13] ^= 0x20;
    assert_eq!(compare(&changed, &query), Match::OtherCase);
    for (at, value) in [
        (0, 0),
        (2, 0x01),
        (2, 0x89),
        (5, 0),
        (13, b'x'),
        (25, 28),
        (27, 3),
    ] {
        let mut foreign = good.clone();
        foreign[at] = value;
        assert_eq!(compare(&foreign, &query), Match::Foreign, "octet {at}");
    }
    assert_eq!(compare(&good[..20], &query), Match::Foreign);
    assert_eq!(compare(b"", &query), Match::Foreign);
    let mut bare = good[..12].to_vec();
    (bare[3], bare[5]) = (0x85, 0);
    assert_eq!(compare(&bare, &query), Match::Bare(REFUSED));
    bare[3] = 0x81;
    assert_eq!(compare(&bare, &query), Match::Bare(FORMERR));
    bare[3] = 0x83; // no such name: that would be an answer
    assert_eq!(compare(&bare, &query), Match::Foreign);
}

#[test]
fn an_address_and_what_is_around_it() {
    let asked = name("ab.example");
    let read = read(&reply(0x8180, [1, 0, 0], &ADDRESS), &asked).unwrap();
    assert_eq!(
        (read.rcode, read.truncated, read.lame, read.answer_count),
        (NOERROR, false, false, 1)
    );
    let record = &read.answers[0];
    assert_eq!((&record.owner, record.rtype, record.ttl), (&asked, A, 60));
    assert!(matches!(record.body, Body::A(ip) if ip == Ipv4Addr::new(192, 0, 2, 1)));
}

#[test]
fn codes_flags_and_negative_ttls() {
    let asked = name("ab.example");
    let read = |flags, counts, rest: &[u8]| read(&reply(flags, counts, rest), &asked).unwrap();
    assert!(read(0x8300, [0, 0, 0], b"").truncated);
    assert!(read(0x8000, [0, 0, 0], b"").lame);
    assert!(!read(0x8400, [0, 0, 0], b"").lame);
    // What EDNS adds says nothing; any other record does.
    let edns = b"\0\0\x29\x04\xd0\0\0\0\0\0\0";
    assert!(read(0x8000, [0, 0, 1], edns).lame);
    assert!(!read(0x8000, [0, 0, 1], &ADDRESS).lame);
    assert!(!read(0x8000, [0, 0, 2], &[&edns[..], &ADDRESS].concat()).lame);
    let soa =
        b"\0\0\x06\0\x01\0\0\x01\0\0\x16\0\0\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x07";
    let negative = read(0x8183, [0, 1, 0], soa);
    assert_eq!((negative.rcode, negative.negative_ttl), (NXDOMAIN, Some(7)));
    // RFC 2181 §8: of numbers with the top bit set as well.
    for at in [5, 29] {
        let mut soa = soa.to_vec();
        soa[at] |= 0x80;
        assert_eq!(read(0x8183, [0, 1, 0], &soa).negative_ttl, Some(0), "{at}");
    }
    // BADCOOKIE is 1 · 16 + 7.
    let opt = b"\0\0\x29\x04\xd0\x01\0\0\0\0\x14\0\x0a\0\x10clientcksrvrcook";
    let bad = read(0x8187, [0, 0, 1], opt);
    assert_eq!(
        (bad.rcode, bad.cookie.as_deref()),
        (BADCOOKIE, Some(&b"clientcksrvrcook"[..]))
    );
}

#[test]
fn what_breaks_the_format_is_refused() {
    let asked = name("ab.example");
    let refused = |counts, rest: &[u8]| read(&reply(0x8180, counts, rest), &asked).is_err();
    assert!(refused([2, 0, 0], &ADDRESS), "fewer records than announced");
    assert!(refused([255, 255, 255], &ADDRESS));
    assert!(refused([1, 0, 0], &ADDRESS[..15]), "cut");
    let mut forward = ADDRESS;
    forward[1] = 30; // a pointer to itself
    assert!(refused([1, 0, 0], &forward));
    forward[1] = 60;
    assert!(refused([1, 0, 0], &forward), "a pointer past the end");
    let mut long = Vec::new();
    for _ in 0..5 {
        long.push(63);
        long.extend_from_slice(&[b'a'; 63]);
    }
    long.extend_from_slice(&ADDRESS[..]);
    assert!(refused([1, 0, 0], &long), "a name of more than 255 octets");
}

#[test]
fn what_follows_whole_answers_may_be_broken() {
    let asked = name("ab.example");
    let broken = [&ADDRESS[..], b"\xc0\x0c\0"].concat();
    for counts in [[1, 1, 0], [1, 0, 1]] {
        let read = read(&reply(0x8180, counts, &broken), &asked).unwrap();
        assert_eq!(read.answers.len(), 1);
    }
    assert!(read(&reply(0x8180, [0, 1, 0], b"\xc0\x0c\0"), &asked).is_err());
}

/// Reading judges by itself: it may be given what nobody compared with a query.
#[test]
fn bytes_that_are_no_reply_are_refused() {
    let asked = name("ab.example");
    let good = reply(0x8180, [1, 0, 0], &ADDRESS);
    for length in 0..good.len() {
        assert!(read(&good[..length], &asked).is_err(), "{length} octets");
    }
    assert!(read(&[0xff; 600], &asked).is_err());
    let questions = |count: u8| {
        let mut reply = reply(0x8180, [0, 0, 0], b"");
        reply[5] = count;
        read(&reply, &asked).is_err()
    };
    assert!(questions(0) && !questions(1) && questions(2));
    assert!(read(&good, &name("abc.example")).is_err());
    assert!(read(&good, &name("example")).is_err());
    assert!(read(&good, &name("AB.example")).is_ok());
}

#[test]
fn nothing_is_a_reply_to_what_is_no_query() {
    let good = reply(0x8180, [0, 0, 0], b"");
    let query = query(None);
    for length in 0..query.len() {
        assert_eq!(compare(&good, &query[..length]), Match::Foreign);
        assert_eq!(compare(&query[..length], &query[..length]), Match::Foreign);
    }
    assert_eq!(compare(&good, &[0xff; 40]), Match::Foreign);
}

/// An alias, addresses, a name server and a pointer, with owners and targets that point at each other.
const USUAL: &[u8] = b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x06\x03www\xc0\x0f\
    \xc0\x28\0\x01\0\x01\0\0\0\x1e\0\x04\xc0\0\x02\x01\
    \x02aB\xc0\x0f\0\x1c\0\x01\0\0\0\x3c\0\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\
    \xc0\x0f\0\x02\0\x01\0\0\0\x3c\0\x05\x02ns\xc0\x0f\
    \xc0\x0c\0\x0c\0\x01\0\0\0\x3c\0\x02\xc0\x28";

fn as_the_codec_reads_it(record: &simple_dns::ResourceRecord<'_>) -> (Name, u32, String) {
    let body = match &record.rdata {
        RData::A(a) => Body::A(a.address.into()),
        RData::AAAA(aaaa) => Body::Aaaa(aaaa.address.into()),
        RData::CNAME(name) => Body::Name(name_of(&name.0).unwrap()),
        RData::NS(name) => Body::Name(name_of(&name.0).unwrap()),
        RData::PTR(name) => Body::Name(name_of(&name.0).unwrap()),
        other => body_of(other).unwrap(),
    };
    let ttl = if record.ttl >> 31 == 1 { 0 } else { record.ttl };
    (name_of(&record.name).unwrap(), ttl, format!("{body:?}"))
}

/// Whatever octet is changed: where both can read the message, they read the same.
#[test]
fn what_is_read_where_it_lies_is_what_the_codec_reads() {
    let asked = name("ab.example");
    let good = reply(0x8180, [5, 0, 0], USUAL);
    let question = good.len() - USUAL.len();
    let mut both = 0;
    for (at, value) in (question..good.len()).flat_map(|at| (0..=255).map(move |value| (at, value)))
    {
        let mut message = good.clone();
        message[at] = value;
        let (Ok(ours), Ok(theirs)) = (read(&message, &asked), Packet::parse(&message)) else {
            continue;
        };
        let theirs = theirs.answers.iter();
        let theirs =
            theirs.filter(|record| record.class == simple_dns::CLASS::IN && !record.cache_flush);
        let theirs: Vec<_> = theirs.map(as_the_codec_reads_it).collect();
        let ours = ours.answers.iter();
        let ours = ours.map(|record| {
            (
                record.owner.clone(),
                record.ttl,
                format!("{:?}", record.body),
            )
        });
        assert_eq!(ours.collect::<Vec<_>>(), theirs, "octet {at} as {value}");
        both += 1;
    }
    assert!(both > 5_000, "{both} messages could be read");
}
