//! Servers that answer wrongly, late, too much or not at all: the right answer or a clear error, and nothing accepted
//! that should not be.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bed::dns::{DnsServer, Question, Reply};
use evcore::{Promise, run};
use evdns::ErrorKind;
use evdns::limits::{PORT_AGE, PORT_QUERIES, PORTS, TCP_QUERIES, TCP_QUIET};

use crate::dns::network::Faults;
use crate::still::Still;
use crate::{LIMIT, asking, kind};

const NAME: &str = "host.example";

fn good(question: &Question) -> Reply {
    question.reply().address(&question.name, "192.0.2.1")
}

/// What a forger would have us believe.
fn forged(question: &Question) -> Reply {
    question.reply().address(&question.name, "203.0.113.66")
}

/// Sends what `spoil` makes of a forged reply first, then the right one: only that may be believed.
#[track_caller]
fn is_ignored(spoil: impl Fn(&mut Vec<u8>) + Send + Sync + 'static) {
    let server = DnsServer::start(move |question| {
        let mut bytes = forged(question).bytes;
        spoil(&mut bytes);
        vec![bytes, good(question).bytes]
    });
    let found = run(asking(&[&server]).build().resolve::<evdns::A>(NAME)).unwrap();
    assert_eq!(found[0].to_string(), "192.0.2.1");
}

#[test]
fn what_does_not_repeat_the_question_is_ignored() {
    is_ignored(|bytes| bytes[0] ^= 1); // another id
    is_ignored(|bytes| bytes[2] &= 0x7f); // a query
    is_ignored(|bytes| bytes[2] |= 0x10); // another opcode
    is_ignored(|bytes| bytes[13] = b'x'); // another name
    is_ignored(|bytes| bytes[5] = 0); // no question
    is_ignored(|bytes| bytes[26] = 28); // another type
    is_ignored(|bytes| bytes.truncate(20));
    is_ignored(Vec::clear);
}

/// The letters' case is part of what a forger has to guess: a wrong one sends us to TCP.
#[test]
fn letters_in_another_case_are_not_believed() {
    let server = DnsServer::start(|question| {
        let mut reply = if question.over_tcp {
            good(question)
        } else {
            forged(question)
        };
        let letters = if question.over_tcp { 12..12 } else { 12..26 };
        for letter in &mut reply.bytes[letters] {
            *letter = if letter.is_ascii_alphabetic() {
                *letter ^ 0x20
            } else {
                *letter
            };
        }
        vec![reply.bytes]
    });
    let found = run(asking(&[&server]).build().resolve::<evdns::A>(NAME)).unwrap();
    assert_eq!(found[0].to_string(), "192.0.2.1");
}

/// Names in an answer point into the question, where our random letters are: nobody is to see them.
#[test]
fn the_case_we_asked_in_does_not_show() {
    let server = DnsServer::start(|question| {
        let target = [&[4][..], b"mail", &[0xc0, 17]].concat(); // mail.example, by a pointer to the question's "example"
        vec![
            question
                .reply()
                .record(&question.name, 5, 60, &target)
                .bytes,
        ]
    });
    let resolver = asking(&[&server]).cache(0).build();
    for _ in 0..20 {
        let found = run(resolver.resolve::<evdns::Cname>(NAME)).unwrap();
        assert_eq!(found[0].to_string(), "mail.example.");
    }
}

/// The right answer with the cookie it should have, or no cookie.
fn with_cookie(question: &Question) -> Vec<u8> {
    let ours = question.cookie().map(|cookie| &cookie[..8]);
    let cookie = |ours: &[u8]| good(question).cookie(&[ours, b"servers!"].concat());
    ours.map_or_else(|| good(question), cookie).bytes
}

#[test]
fn a_server_s_cookie_is_sent_back() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = seen.clone();
    let server = DnsServer::start(move |question| {
        let cookie = question.cookie().map(<[u8]>::to_vec);
        note.lock().unwrap().push(cookie.unwrap_or_default());
        vec![with_cookie(question)]
    });
    let resolver = asking(&[&server]).cache(0).build();
    for _ in 0..2 {
        run(resolver.resolve::<evdns::A>(NAME)).unwrap();
    }
    let seen = seen.lock().unwrap();
    assert_eq!(seen[1], [&seen[0][..8], b"servers!"].concat());
}

#[test]
fn a_reply_with_another_cookie_is_ignored() {
    for wrong in [&[0; 16][..], &[0; 8], &[], &[0; 41]] {
        let server = DnsServer::start(move |question| {
            let forged = forged(question).cookie(wrong);
            vec![forged.bytes, with_cookie(question)]
        });
        let found = run(asking(&[&server]).build().resolve::<evdns::A>(NAME)).unwrap();
        assert_eq!(found[0].to_string(), "192.0.2.1", "{wrong:?}");
    }
}

/// Who has sent cookies is believed without one over TCP alone. (It may have lost the habit.)
#[test]
fn a_reply_that_lacks_the_cookie_is_not_believed() {
    let habit = Arc::new(AtomicBool::new(true));
    let (has, tcp) = (habit.clone(), Arc::new(AtomicUsize::new(0)));
    let count = tcp.clone();
    let server = DnsServer::start(move |question| {
        let known = question.cookie().is_some_and(|cookie| cookie.len() > 8);
        count.fetch_add(question.over_tcp.into(), Ordering::Relaxed);
        vec![match has.load(Ordering::Relaxed) {
            true if known && !question.over_tcp => forged(question).bytes,
            true => with_cookie(question),
            false => good(question).bytes,
        }]
    });
    let resolver = asking(&[&server]).cache(0).build();
    let ask = || {
        let found = run(resolver.resolve::<evdns::A>(NAME)).unwrap();
        assert_eq!(found[0].to_string(), "192.0.2.1");
        tcp.load(Ordering::Relaxed)
    };
    assert_eq!([ask(), ask(), ask()], [0, 1, 2]);
    habit.store(false, Ordering::Relaxed);
    assert_eq!([ask(), ask(), ask()], [3, 3, 3]);
}

#[test]
fn what_is_cut_is_fetched_over_tcp() {
    let server = DnsServer::start(|question| {
        if !question.over_tcp {
            return vec![forged(question).truncated().bytes];
        }
        // 64 KiB, all of it.
        let mut reply = question.reply();
        while reply.bytes.len() < 65_000 {
            reply = reply.record(&question.name, 16, 60, &[&[255][..], &[b'x'; 255]].concat());
        }
        vec![reply.bytes]
    });
    let found = run(asking(&[&server]).build().resolve::<evdns::Txt>(NAME)).unwrap();
    assert!(found.len() > 200, "{}", found.len());
}

/// Some cut where the datagram ends, in the middle of a record.
#[test]
fn what_is_cut_anywhere_is_fetched_over_tcp() {
    let server = DnsServer::start(|question| {
        let reply = good(question);
        vec![match question.over_tcp {
            true => reply.bytes,
            false => {
                let mut cut = reply.truncated().bytes;
                cut.truncate(cut.len() - 6);
                cut
            }
        }]
    });
    let found = run(asking(&[&server]).build().resolve::<evdns::A>(NAME)).unwrap();
    assert_eq!(found[0].to_string(), "192.0.2.1");
}

#[test]
fn records_of_other_names_are_not_taken() {
    let server = DnsServer::start(|question| {
        vec![
            question
                .reply()
                .address("other.example", "203.0.113.66")
                .address(NAME, "192.0.2.1")
                .bytes,
        ]
    });
    let found = run(asking(&[&server]).build().resolve::<evdns::A>(NAME)).unwrap();
    assert_eq!(found.len(), 1);
}

#[test]
fn no_such_name_with_addresses_is_no_such_name() {
    let server = DnsServer::start(|question| vec![forged(question).code(3).bytes]);
    let error = run(asking(&[&server]).build().lookup(NAME)).unwrap_err();
    assert_eq!(kind(&error), ErrorKind::NoName);
}

#[test]
fn aliases_that_lead_nowhere_end() {
    for links in [1, 2, 40] {
        let server = DnsServer::start(move |question| {
            let link = |n: usize| {
                if n.is_multiple_of(links) {
                    NAME.to_owned()
                } else {
                    format!("n{n}.example")
                }
            };
            let reply = (0..links).fold(question.reply(), |reply, n| {
                reply.alias(&link(n), &link(n + 1))
            });
            vec![reply.bytes]
        });
        let error = run(asking(&[&server]).build().lookup(NAME)).unwrap_err();
        assert!(
            matches!(kind(&error), ErrorKind::NoName | ErrorKind::NoRecords),
            "{links}: {error}"
        );
    }
}

#[test]
fn broken_messages_are_an_error_that_says_so() {
    let spoils: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes.truncate(bytes.len() - 2),
        |bytes| bytes[7] = 200, // records that are not there
        |bytes| bytes.splice(30..44, [0xc0, 30]).for_each(drop), // a name that points at itself
        |bytes| bytes[30] = 0x7f, // a label type that does not exist
    ];
    for (n, spoil) in spoils.into_iter().enumerate() {
        let server = DnsServer::start(move |question| {
            let mut bytes = good(question).bytes;
            spoil(&mut bytes);
            vec![bytes]
        });
        let error = run(asking(&[&server]).build().resolve::<evdns::A>(NAME)).unwrap_err();
        let expected = format!(
            "look up host.example: no server could tell ({}: its message is malformed)",
            server.address()
        );
        assert_eq!(error.to_string(), expected, "{n}");
    }
}

#[test]
fn codes_of_failure_lead_to_the_next_server() {
    for code in [2, 4, 5] {
        let bad = DnsServer::start(move |question| vec![question.reply().code(code).bytes]);
        let server = DnsServer::start(|question| vec![good(question).bytes]);
        let found = run(asking(&[&bad, &server]).build().resolve::<evdns::A>(NAME)).unwrap();
        assert_eq!(found[0].to_string(), "192.0.2.1");
        let error = run(asking(&[&bad]).build().lookup(NAME)).unwrap_err();
        assert_eq!(kind(&error), ErrorKind::TryAgain);
    }
}

#[test]
fn a_server_that_does_not_know_edns_is_asked_without() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let note = asked.clone();
    let server = DnsServer::start(move |question| {
        note.lock().unwrap().push(question.edns);
        let reply = if question.edns {
            question.reply().code(1)
        } else {
            good(question)
        };
        vec![reply.bytes]
    });
    let resolver = asking(&[&server]).cache(0).build();
    for _ in 0..2 {
        run(resolver.resolve::<evdns::A>(NAME)).unwrap();
    }
    assert_eq!(
        *asked.lock().unwrap(),
        [true, false, false],
        "it is remembered"
    );
}

/// Many that do not know EDNS send back a header alone, without the question (RFC 6891 §7).
#[test]
fn a_bare_header_says_that_edns_is_not_known_as_well() {
    for code in [1, 4] {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let note = asked.clone();
        let server = DnsServer::start(move |question| {
            note.lock().unwrap().push(question.edns);
            let mut reply = good(question);
            if question.edns {
                reply = question.reply().code(code);
                reply.bytes.truncate(12);
                reply.bytes[5] = 0;
            }
            vec![reply.bytes]
        });
        let resolver = asking(&[&server]).cache(0).build();
        for _ in 0..2 {
            run(resolver.resolve::<evdns::A>(NAME)).unwrap();
        }
        assert_eq!(*asked.lock().unwrap(), [true, false, false], "{code}");
    }
}

#[test]
fn a_closed_port_is_noticed_at_once() {
    let refusing = bed::Refusing::udp();
    let began = Instant::now();
    let resolver = evdns::Resolver::builder()
        .server(refusing.address())
        .timeout(Duration::from_secs(30))
        .build();
    let error = run(resolver.lookup(NAME)).unwrap_err();
    assert!(error.to_string().contains("can't be reached"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(10));
}

/// A router's word that there is no way, a firewall's that it is forbidden: the sockets that heard it are not used again.
#[test]
fn a_network_that_was_gone_for_a_moment_is_used_again() {
    let (reactor, faults) = Faults::reactor();
    let server = DnsServer::start(|question| vec![good(question).bytes]);
    let resolver = asking(&[&server]).cache(0).build();
    let _entered = reactor.enter();
    for kind in [
        io::ErrorKind::HostUnreachable,
        io::ErrorKind::PermissionDenied,
    ] {
        faults.receiving.set(Some(kind));
        for _ in 0..50 {
            let error = reactor.run(resolver.resolve::<evdns::A>(NAME)).unwrap_err();
            assert!(error.to_string().contains("can't be reached"), "{error}");
        }
        faults.receiving.set(None);
        for _ in 0..50 {
            reactor.run(resolver.resolve::<evdns::A>(NAME)).unwrap();
        }
    }
}

/// Want of descriptors is our own trouble: no server is asked later for it.
#[test]
fn a_program_without_descriptors_blames_no_server() {
    const EMFILE: i32 = 24;
    let (reactor, faults) = Faults::reactor();
    let first = DnsServer::start(|question| vec![good(question).bytes]);
    let second = DnsServer::start(|question| vec![forged(question).bytes]);
    let resolver = asking(&[&first, &second]).cache(0).build();
    let _entered = reactor.enter();
    faults.opening.set(Some(EMFILE));
    let error = reactor.run(resolver.resolve::<evdns::A>(NAME)).unwrap_err();
    assert!(
        error.to_string().contains("too many files are open here"),
        "{error}"
    );
    faults.opening.set(None);
    let found = reactor.run(resolver.resolve::<evdns::A>(NAME)).unwrap();
    assert_eq!(found[0].to_string(), "192.0.2.1");
}

#[test]
fn patience_may_be_endless() {
    let server = DnsServer::start(|question| vec![good(question).bytes]);
    let resolver = asking(&[&server]).timeout(Duration::MAX).build();
    run(resolver.resolve::<evdns::A>(NAME)).unwrap();
}

#[test]
fn silence_ends_in_time() {
    let server = DnsServer::start(|_| vec![]);
    let error = run(asking(&[&server])
        .timeout(evcore::ms(50))
        .build()
        .lookup(NAME))
    .unwrap_err();
    assert_eq!(kind(&error), ErrorKind::TryAgain);
    assert!(
        error.to_string().ends_with(": no answer in time)"),
        "{error}"
    );
}

#[test]
fn tcp_that_is_closed_under_us_is_an_error() {
    let server = DnsServer::start(|question| match question.over_tcp {
        true => vec![],
        false => vec![forged(question).truncated().bytes],
    });
    let error = run(asking(&[&server]).build().resolve::<evdns::A>(NAME)).unwrap_err();
    assert!(
        error.to_string().contains("closed the connection"),
        "{error}"
    );
}

/// An octet now and then is no answer, however many there are.
#[test]
fn a_drip_over_tcp_ends_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // 64 KiB announced, and never sent; for longer than anybody has patience, but not for ever.
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        for _ in 0..500 {
            drop(stream.write_all(&[0xff]));
            std::thread::sleep(evcore::ms(20));
        }
    });
    let resolver = evdns::Resolver::builder()
        .server(address)
        .use_vc(true)
        .timeout(evcore::ms(500))
        .attempts(1)
        .build();
    let error = run(resolver.resolve::<evdns::A>(NAME)).unwrap_err();
    assert_eq!(kind(&error), ErrorKind::TryAgain);
    assert!(error.to_string().contains("no answer in time"), "{error}");
}

#[test]
fn many_queries_share_a_connection() {
    let peers = Arc::new(Mutex::new(HashMap::new()));
    let note = peers.clone();
    let server = DnsServer::start(move |question| {
        *note.lock().unwrap().entry(question.peer).or_insert(0) += 1;
        vec![good(question).bytes]
    });
    let resolver = asking(&[&server]).use_vc(true).build();
    let all = (0..50).map(|n| resolver.resolve::<evdns::A>(format!("n{n}.example")));
    run(Promise::all(all)).unwrap();
    assert_eq!(*peers.lock().unwrap().values().collect::<Vec<_>>(), [&50]);
}

/// A router forgets connections, a server restarts: nobody says so, and what is sent is lost.
#[test]
fn a_connection_that_has_died_is_left_for_another() {
    let first = Arc::new(Mutex::new(None));
    let met = first.clone();
    let over = Arc::new(AtomicBool::new(false));
    let ended = over.clone();
    let server = DnsServer::start(move |question| {
        let dead = *first.lock().unwrap().get_or_insert(question.peer) == question.peer;
        let answers = || !dead || ended.load(Ordering::Relaxed);
        match bed::wait_until(5 * LIMIT, answers) {
            true => vec![good(question).bytes],
            false => vec![],
        }
    });
    let still = Still::new();
    let patience = evcore::ms(700);
    let resolver = asking(&[&server]).use_vc(true).timeout(patience).build();
    let lost = resolver.resolve::<evdns::A>(NAME);
    let arrived = || {
        still.reactor.turn(evcore::ms(1));
        met.lock().unwrap().is_some()
    };
    assert!(bed::wait_until(LIMIT, arrived));
    still.clock.advance(patience);
    still.reactor.run(lost).unwrap_err();
    still.clock.advance(TCP_QUIET);
    // From now on no time goes by: who waited for the dead one would wait for ever.
    let found = resolver.resolve::<evdns::A>(NAME);
    let settled = || {
        still.reactor.turn(evcore::ms(1));
        found.is_settled()
    };
    let found_out = bed::wait_until(LIMIT, settled);
    over.store(true, Ordering::Relaxed);
    assert!(found_out, "it waits for the dead one");
    still.reactor.run(found).unwrap();
}

#[test]
fn no_connection_has_more_queries_than_it_may() {
    let peers = Mutex::new(HashSet::new());
    let alone = Arc::new(AtomicBool::new(false));
    let tell = alone.clone();
    let server = DnsServer::start(move |question| {
        let many = || {
            let mut peers = peers.lock().unwrap();
            peers.insert(question.peer);
            peers.len() > 1
        };
        // Nobody is answered before there is another connection.
        tell.fetch_or(!bed::wait_until(LIMIT, many), Ordering::Relaxed);
        vec![good(question).bytes]
    });
    let resolver = asking(&[&server]).timeout(3 * LIMIT).use_vc(true).build();
    let ask = |n| resolver.resolve::<evdns::A>(format!("n{n}.example"));
    run(Promise::all((0..=TCP_QUERIES).map(ask))).unwrap();
    assert!(!alone.load(Ordering::Relaxed), "all are on one connection");
}

/// 10,000 queries: ids, ports and letters are all that stands between us and a forger.
#[test]
fn ports_and_ids_can_t_be_guessed() {
    const QUERIES: usize = 10_000;
    let seen = Arc::new(Mutex::new((
        HashMap::<u16, usize>::new(),
        [vec![0_usize; 256], vec![0; 256]],
    )));
    let note = seen.clone();
    let server = DnsServer::start(move |question| {
        let mut seen = note.lock().unwrap();
        *seen.0.entry(question.peer.port()).or_default() += 1;
        for (half, octet) in seen.1.iter_mut().zip(question.id.to_be_bytes()) {
            half[usize::from(octet)] += 1;
        }
        vec![good(question).bytes]
    });
    let resolver = asking(&[&server])
        .timeout(Duration::from_secs(5))
        .attempts(3)
        .cache(0)
        .build();
    for batch in 0..QUERIES / 50 {
        let all = (0..50).map(|n| resolver.resolve::<evdns::A>(format!("n{batch}-{n}.example")));
        run(Promise::all(all)).unwrap();
    }
    let seen = seen.lock().unwrap();
    assert!(seen.0.len() >= 200, "{} ports", seen.0.len());
    let most = seen.0.values().max().copied().unwrap_or(0);
    assert!(most <= QUERIES / 100, "one port had {most} queries");
    // Chi-square of each half of the ids: 255 degrees of freedom, so 390 is passed once in ten million.
    for half in &seen.1 {
        let expected = half.iter().sum::<usize>() as f64 / 256.0;
        let chi: f64 = half
            .iter()
            .map(|&n| (n as f64 - expected).powi(2) / expected)
            .sum();
        println!(
            "{} ports, one with {most} queries, chi-square {chi:.0}",
            seen.0.len()
        );
        assert!(chi < 390.0, "chi-square {chi}");
    }
}

/// Nobody answers, so that every socket stays: there are 16, each carries 64 queries at most, and after 10 s others do.
#[test]
fn ports_are_many_and_retired_in_time() {
    let seen = Arc::new(Mutex::new(HashMap::<u16, usize>::new()));
    let note = seen.clone();
    let server = DnsServer::start(move |question| {
        *note
            .lock()
            .unwrap()
            .entry(question.peer.port())
            .or_default() += 1;
        vec![]
    });
    let still = Still::new();
    let resolver = asking(&[&server]).timeout(PORT_AGE * 6).build();
    // Some at a time: the server's buffer holds no more.
    let ask = |round: &str, queries: usize| -> Vec<_> {
        let sent = |wanted: usize| {
            still.reactor.turn(evcore::ms(1));
            seen.lock().unwrap().values().sum::<usize>() >= wanted
        };
        let ask = |n: usize| {
            let asked = resolver.resolve::<evdns::A>(format!("{round}{n}.example"));
            if n % 50 == 49 {
                let all = bed::wait_until(evcore::secs(20), || sent(n + 1));
                assert!(all, "some are not sent");
            }
            asked
        };
        (0..queries).map(ask).collect()
    };
    let _first = ask("a", 300);
    let before = std::mem::take(&mut *seen.lock().unwrap());
    assert!(before.len() >= PORTS, "{before:?}");
    assert!(
        before.values().all(|&n| n <= usize::from(PORT_QUERIES.1)),
        "{before:?}"
    );
    still.clock.advance(PORT_AGE);
    while still.reactor.turn(evcore::ms(1)).more {}
    let _second = ask("b", 100);
    let after = seen.lock().unwrap();
    let again = after
        .keys()
        .filter(|port| before.contains_key(port))
        .count();
    assert_eq!(again, 0, "{before:?} {after:?}");
}
