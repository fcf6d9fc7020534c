//! Answers: of every type, short and long names, several servers, events.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bed::dns::{DnsServer, Question, name};
use evcore::run;
use evdns::{ANSWER, ErrorKind, PARTIAL, QUERY, RETRY, resolve};

use crate::still::Still;
use crate::{asking, kind, notes};

/// `host.example` has two addresses, anything else none.
fn zone(question: &Question) -> Vec<Vec<u8>> {
    let reply = question.reply();
    vec![match (question.name.as_str(), question.rtype) {
        ("host.example", 1) => reply.address("host.example", "192.0.2.1").bytes,
        ("host.example", 28) => reply.address("host.example", "2001:db8::1").bytes,
        ("host.example", _) | ("nothing.example", _) => reply.negative(60).bytes,
        ("alias.example", 1) => {
            reply
                .alias("alias.example", "host.example")
                .address("host.example", "192.0.2.1")
                .bytes
        }
        _ => reply.code(3).negative(60).bytes,
    }]
}

#[test]
fn addresses_of_a_host() {
    let server = DnsServer::start(zone);
    let resolver = asking(&[&server]).build();
    let found = run(resolver.lookup("host.example")).unwrap();
    assert!(found.contains(&IpAddr::from([192, 0, 2, 1])), "{found:?}");
    let found = run(resolver.lookup_host(("host.example", 80))).unwrap();
    assert!(found.contains(&([192, 0, 2, 1], 80).into()), "{found:?}");
    let records = run(resolver.resolve::<evdns::A>("alias.example")).unwrap();
    assert_eq!(&records[..], [evdns::A([192, 0, 2, 1].into())]);
    assert!(records.ttl() <= evcore::secs(60));
}

#[test]
fn failures_say_what_and_why() {
    let server = DnsServer::start(zone);
    let resolver = asking(&[&server]).build();
    let error = run(resolver.lookup("missing.example")).unwrap_err();
    assert_eq!(kind(&error), ErrorKind::NoName);
    assert_eq!(error.to_string(), "look up missing.example: no such name");
    let error = run(resolver.lookup("nothing.example")).unwrap_err();
    assert_eq!(kind(&error), ErrorKind::NoRecords);
    let error = run(resolver.resolve::<evdns::Mx>("host.example")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "look up host.example MX: the name has no such record"
    );
    let error = run(resolve::<evdns::Mx>("a..b")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "look up a..b: no such name (an empty label)"
    );
}

#[test]
fn records_of_every_type() {
    let server = DnsServer::start(|question| {
        let owner = &question.name;
        let record = |body: &[u8]| {
            question
                .reply()
                .record(owner, question.rtype, 60, body)
                .bytes
        };
        let host = name("host.example");
        vec![match question.rtype {
            2 | 5 | 12 => record(&host),
            15 => record(&[&[0, 10][..], &host].concat()),
            16 => record(b"\x03a=b\x02\"\xff"),
            33 => record(&[&[0, 1, 0, 2, 0x1f, 0x90][..], &host].concat()),
            35 => record(&[&[0, 1, 0, 2, 1, b's', 3, b'S', b'I', b'P', 0][..], &host].concat()),
            6 => {
                let numbers = [1_u32, 2, 3, 4, 5].map(u32::to_be_bytes).concat();
                record(&[&host[..], &host, &numbers].concat())
            }
            257 => record(b"\x80\x05issueca.example"),
            64 | 65 => {
                record(b"\0\x01\0\0\x01\0\x03\x02h2\0\x03\0\x02\x20\xfb\0\x04\0\x04\xc0\0\x02\x01")
            }
            _ => question.reply().code(3).bytes,
        }]
    });
    let resolver = asking(&[&server]).build();
    macro_rules! texts {
        ($($record:ident => $text:expr;)*) => {$(
            let found = run(resolver.resolve::<evdns::$record>("x.example")).unwrap();
            let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
            assert_eq!(texts, [$text], stringify!($record));
        )*};
    }
    texts! {
        Ns => "host.example.";
        Cname => "host.example.";
        Ptr => "host.example.";
        Mx => "10 host.example.";
        Txt => r#""a=b" "\"\255""#;
        Srv => "1 2 8080 host.example.";
        Naptr => r#"1 2 "s" "SIP" "" host.example."#;
        Soa => "host.example. host.example. 1 2 3 4 5";
        Caa => r#"128 issue "ca.example""#;
        Svcb => r#"1 . alpn="h2" port=8443 ipv4hint=192.0.2.1"#;
        Https => r#"1 . alpn="h2" port=8443 ipv4hint=192.0.2.1"#;
    }
}

#[test]
fn the_name_of_an_address() {
    let server = DnsServer::start(|question| {
        let found = question.name == "1.2.0.192.in-addr.arpa" && question.rtype == 12;
        let reply = question.reply();
        vec![match found {
            true => {
                reply
                    .record(&question.name, 12, 60, &name("host.example"))
                    .bytes
            }
            false => reply.code(3).bytes,
        }]
    });
    let resolver = asking(&[&server]).build();
    let found = run(resolver.reverse([192, 0, 2, 1].into())).unwrap();
    assert_eq!(found.to_string(), "host.example");
    assert!(run(resolver.reverse([192, 0, 2, 2].into())).is_err());
}

#[test]
fn short_names_go_through_the_domains() {
    let server = DnsServer::start(zone);
    let resolver = asking(&[&server])
        .search("nowhere")
        .search("example")
        .build();
    let (told, note) = notes();
    let found = resolver
        .lookup("host")
        .on(QUERY, move |query| note(query.name.to_string()));
    run(found).unwrap();
    let mut names = told.borrow().clone();
    names.dedup();
    assert_eq!(names, ["host.nowhere", "host.example"]);
}

#[test]
fn events_tell_what_happens() {
    let silent = DnsServer::start(|_| vec![]);
    let server = DnsServer::start(zone);
    let still = Still::new();
    let resolver = asking(&[&silent, &server]).timeout(evcore::ms(100)).build();
    let (told, note) = notes();
    let (retry, query, answer) = (note.clone(), note.clone(), note);
    let found = resolver.resolve::<evdns::A>("host.example");
    let found = found
        .on(RETRY, move |event| retry(format!("retry: {event}")))
        .on(QUERY, move |event| query(format!("query: {event}")))
        .on(ANSWER, move |event| {
            answer(format!(
                "answer: {} records, {}",
                event.records, event.server
            ))
        });
    still.late_after(QUERY, evcore::ms(100), found).unwrap();
    let (silent, server) = (silent.address(), server.address());
    let expected = [
        format!("query: host.example A to {silent}"),
        format!("retry: host.example from {silent}: no answer in time"),
        format!("query: host.example A to {server}"),
        format!("answer: 1 records, {server}"),
    ];
    assert_eq!(told.borrow()[..], expected);
}

/// The server keeps one family's answer back until the other's has been told.
#[test]
fn one_family_is_told_while_the_other_is_awaited() {
    let release = Arc::new(AtomicBool::new(false));
    let released = release.clone();
    let server = DnsServer::start(move |question| match question.rtype {
        28 if !released.load(Ordering::Relaxed) => vec![],
        _ => zone(question),
    });
    // The question that got no answer is put again, alone.
    let still = Still::new();
    let resolver = asking(&[&server]).timeout(evcore::ms(300)).build();
    let (told, note) = notes();
    let found = resolver.lookup("host.example").on(PARTIAL, move |partial| {
        note(partial.to_string());
        release.store(true, Ordering::Relaxed);
    });
    let found = still.late_after(PARTIAL, evcore::ms(300), found).unwrap();
    match found.len() {
        // This machine has one family only: the other is not even asked for.
        1 => {}
        _ => assert_eq!(told.borrow()[0], "192.0.2.1"),
    }
}
