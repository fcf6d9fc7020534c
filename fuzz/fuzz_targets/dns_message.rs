//! Replies to a known question: no panic; what is not to the letter is no reply; names, addresses, records and TTLs
//! are such as can have been in the message; names as text are the same names; every question can be answered.

#![no_main]

use std::net::IpAddr;

use evdns::Name;
use evdns::fuzzing::{Heard, Question, Read};
use evdns::limits::LONGEST_TTL;
use libfuzzer_sys::fuzz_target;

const ID: u16 = 0x1234;
const HEADER: usize = 12;
/// A root's name, type, class, TTL and length: no record is shorter.
const LEAST_RECORD: usize = 11;

/// A, AAAA and whatever else is asked for.
const TYPES: &[u16] = &[1, 28, 5, 2, 6, 12, 15, 16, 33, 35, 64, 65, 257];

fuzz_target!(|input: &[u8]| {
    let Some((&choice, message)) = input.split_first() else {
        return;
    };
    let rtype = TYPES[usize::from(choice & 0x0f) % TYPES.len()];
    let name: Name = ["www.example", "a", "."][usize::from(choice >> 4) % 3]
        .parse()
        .unwrap();
    // Some letters in another case, as questions over UDP have.
    let question = Question::new(&name, rtype, ID, &[choice >> 6; 4], None);
    let heard = question.hear(message);
    let to_the_letter = is_reply(message, &question);
    match &heard {
        Heard::Reply(read) => plausible(read, message, &name),
        Heard::Refused(_) => assert_eq!(message.len(), HEADER),
        Heard::OtherCase => assert!(!to_the_letter),
        Heard::Garbled | Heard::Nothing => {}
    }
    assert_eq!(
        to_the_letter,
        matches!(heard, Heard::Reply(_) | Heard::Garbled)
    );
    if let Some(read) = question.read(message) {
        plausible(&read, message, &name);
    }
    any_question(message, rtype);
});

/// RFC 5452 §9.1: id, flags, one question, and that to the letter.
fn is_reply(message: &[u8], question: &Question) -> bool {
    let end = HEADER + question.query().len() - HEADER;
    message.len() >= end
        && message[..2] == ID.to_be_bytes()
        && message[2] & 0x80 != 0
        && message[2] & 0x78 == 0
        && message[4..6] == [0, 1]
        && message[HEADER..end] == question.query()[HEADER..]
}

fn plausible(read: &Read, message: &[u8], asked: &Name) {
    let room = message.len() - HEADER;
    assert!(read.records <= read.announced && read.announced * LEAST_RECORD <= room);
    assert!(read.addresses.len() <= read.records && read.ttl <= LONGEST_TTL);
    assert!(read.rcode <= 0x0fff);
    for (name, wire) in &read.names {
        well_formed(wire);
        assert_eq!(&name.to_string().parse::<Name>().unwrap(), name);
    }
    assert!(read.addresses.is_empty() || read.names.iter().any(|(name, _)| name == asked));
    for address in &read.addresses {
        let there = match address {
            IpAddr::V4(ip) => message.windows(4).any(|octets| octets == ip.octets()),
            IpAddr::V6(ip) => message.windows(16).any(|octets| octets == ip.octets()),
        };
        assert!(there, "{address} was never said");
    }
    // A record takes more octets than it has of anything to show, escaped at four to one.
    assert!(
        read.shown
            .iter()
            .all(|text| text.len() <= 64 + 4 * 255 * message.len())
    );
}

/// RFC 1035 §2.3.4.
fn well_formed(wire: &[u8]) {
    assert!(wire.len() <= 255);
    let mut rest = wire;
    while let Some((&length, after)) = rest.split_first() {
        assert!(length <= 63);
        assert_eq!(length == 0, after.is_empty(), "{wire:?}");
        rest = &after[usize::from(length)..];
    }
}

/// The bytes as a name: what is asked about it is answered by its own question sent back, and by nothing shorter.
fn any_question(bytes: &[u8], rtype: u16) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(name) = text.parse::<Name>() else {
        return;
    };
    assert_eq!(name.to_string().parse::<Name>().as_ref(), Ok(&name));
    let question = Question::new(&name, rtype, ID, bytes, Some(b"8 octets"));
    let mut reply = question.query().to_vec();
    assert!(
        matches!(question.hear(&reply), Heard::Nothing),
        "our own query is no reply"
    );
    reply[2] |= 0x80;
    let Heard::Reply(read) = question.hear(&reply) else {
        panic!("{name}: {reply:?}");
    };
    assert_eq!((read.records, read.cookie), (0, Some(b"8 octets".to_vec())));
    for length in 0..reply.len() {
        assert!(!matches!(question.hear(&reply[..length]), Heard::Reply(_)));
    }
}
