//! The machine, driven by hand.

use super::*;
use crate::wire::{A, AAAA, NOERROR, NXDOMAIN};

const SECOND: Duration = Duration::from_secs(1);
const START: Duration = Duration::from_secs(100);

const MANNER: Manner = Manner {
    timeout: SECOND,
    attempts: 2,
    use_vc: false,
    single_request: false,
};

fn reply(rcode: u16) -> Reply {
    Reply::bare(rcode)
}

fn query(manner: Manner, servers: usize, types: &[Type]) -> Query {
    let turns = (0..servers).map(|server| Turn { server, edns: true });
    Query::new(manner, turns.collect(), types)
}

/// Takes all steps that can be taken now: (question, server, over TCP, EDNS), and the wait after them.
fn sent(query: &mut Query, now: Duration) -> (Vec<(usize, usize, bool, bool)>, Step) {
    let mut sends = Vec::new();
    loop {
        match query.next(now) {
            Step::Send {
                question,
                server,
                over_tcp,
                edns,
            } => sends.push((question, server, over_tcp, edns)),
            step => return (sends, step),
        }
    }
}

#[test]
fn both_questions_go_to_the_first_server_and_are_answered() {
    let mut query = query(MANNER, 2, &[A, AAAA]);
    let expected = vec![(0, 0, false, true), (1, 0, false, true)];
    assert_eq!(
        sent(&mut query, START),
        (expected, Step::Wait(START + SECOND))
    );
    query.heard(1, reply(NOERROR));
    assert_eq!(query.next(START), Step::Wait(START + SECOND));
    query.heard(0, reply(NXDOMAIN));
    assert_eq!(query.next(START), Step::Done);
    let outcome = query.into_outcome();
    let codes: Vec<_> = outcome
        .replies
        .iter()
        .flatten()
        .map(|reply| reply.rcode)
        .collect();
    assert_eq!(codes, [NXDOMAIN, NOERROR]);
}

#[test]
fn silence_goes_round_the_servers_in_glibcs_times() {
    let mut query = query(
        Manner {
            timeout: 5 * SECOND,
            ..MANNER
        },
        3,
        &[A],
    );
    let (mut now, mut waits) = (START, Vec::new());
    while let (_, Step::Wait(until)) = sent(&mut query, now) {
        waits.push((until - now).as_secs());
        now = until;
    }
    assert_eq!(waits, [5, 3, 6, 5, 3, 6]);
    let outcome = query.into_outcome();
    assert_eq!(outcome.trouble, Some((2, Trouble::Silent)));
    assert!(outcome.replies[0].is_none());
    assert!(!outcome.nobody && !outcome.servfail);
}

/// glibc has three servers at most: those behind the third wait as long as that.
#[test]
fn the_last_of_many_servers_has_no_longer_than_the_third() {
    let manner = Manner {
        timeout: 5 * SECOND,
        attempts: 1,
        ..MANNER
    };
    let mut query = query(manner, 11, &[A]);
    let mut now = START;
    while let (_, Step::Wait(until)) = sent(&mut query, now) {
        assert!(until - now <= 5 * SECOND, "{:?}", until - now);
        now = until;
    }
}

#[test]
fn a_server_that_fails_is_left_for_the_next() {
    let mut query = query(MANNER, 2, &[A, AAAA]);
    sent(&mut query, START);
    query.heard(0, reply(SERVFAIL));
    query.heard(1, reply(REFUSED));
    let again = vec![(0, 1, false, true), (1, 1, false, true)];
    assert_eq!(sent(&mut query, START).0, again);
    query.lost(0, Trouble::Refused);
    assert_eq!(sent(&mut query, START).0[0].1, 0, "the second round");
}

#[test]
fn one_answer_of_two_is_enough() {
    let mut query = query(MANNER, 2, &[A, AAAA]);
    sent(&mut query, START);
    query.heard(1, reply(SERVFAIL));
    query.heard(0, reply(NOERROR));
    assert_eq!(query.next(START), Step::Done);
    assert!(query.into_outcome().replies[1].is_none());
}

#[test]
fn a_server_that_answers_one_of_two_is_asked_singly() {
    let mut query = query(MANNER, 1, &[A, AAAA]);
    sent(&mut query, START);
    query.heard(0, reply(NOERROR));
    let (sends, _) = sent(&mut query, START + SECOND);
    assert_eq!(sends, [(0, 0, false, true)]);
    query.heard(0, reply(NOERROR));
    assert_eq!(sent(&mut query, START + SECOND).0, [(1, 0, false, true)]);
    assert_eq!(sent(&mut query, START + 2 * SECOND), (vec![], Step::Done));
    assert!(query.into_outcome().replies[0].is_some());
}

#[test]
fn single_request_waits_with_the_second_question() {
    let mut query = query(
        Manner {
            single_request: true,
            ..MANNER
        },
        1,
        &[A, AAAA],
    );
    assert_eq!(sent(&mut query, START).0, [(0, 0, false, true)]);
    query.heard(0, reply(NOERROR));
    assert_eq!(sent(&mut query, START).0, [(1, 0, false, true)]);
}

#[test]
fn truncation_repeats_both_questions_over_tcp() {
    let mut query = query(MANNER, 2, &[A, AAAA]);
    sent(&mut query, START);
    query.heard(0, reply(NOERROR));
    query.heard(
        1,
        Reply {
            truncated: true,
            ..reply(NOERROR)
        },
    );
    assert_eq!(
        sent(&mut query, START).0,
        [(0, 0, true, true), (1, 0, true, true)]
    );
    query.heard(
        0,
        Reply {
            truncated: true,
            ..reply(SERVFAIL)
        },
    );
    query.heard(1, reply(NOERROR));
    assert_eq!(query.next(START), Step::Done, "TCP's word is final");
}

#[test]
fn tcp_that_can_t_be_had_goes_on_with_the_next_server_for_one_round() {
    let mut query = query(
        Manner {
            use_vc: true,
            ..MANNER
        },
        2,
        &[A],
    );
    assert_eq!(sent(&mut query, START).0, [(0, 0, true, true)]);
    query.lost(0, Trouble::Refused);
    assert_eq!(sent(&mut query, START).0, [(0, 1, true, true)]);
    query.lost(0, Trouble::Closed);
    assert_eq!(
        sent(&mut query, START).0,
        [(0, 1, true, true)],
        "a connection may end once"
    );
    query.lost(0, Trouble::Closed);
    assert_eq!(query.next(START), Step::Done);
    let outcome = query.into_outcome();
    assert!(!outcome.nobody && outcome.closed);
    assert_eq!(outcome.trouble, Some((1, Trouble::Closed)));
}

#[test]
fn a_server_without_edns_is_asked_without() {
    for code in [FORMERR, NOTIMP] {
        let mut query = query(MANNER, 1, &[A]);
        sent(&mut query, START);
        query.heard(0, reply(code));
        assert_eq!(sent(&mut query, START).0, [(0, 0, false, false)]);
        query.heard(0, reply(NOERROR));
        assert_eq!(query.next(START), Step::Done);
    }
}

#[test]
fn a_cookie_is_renewed_once() {
    let mut query = query(MANNER, 1, &[A]);
    sent(&mut query, START);
    query.heard(0, reply(BADCOOKIE));
    assert_eq!(sent(&mut query, START).0, [(0, 0, false, true)]);
    query.heard(0, reply(BADCOOKIE));
    assert_eq!(sent(&mut query, START).0, [(0, 0, true, true)], "then TCP");
}

#[test]
fn what_is_not_waited_for_is_ignored() {
    let mut query = query(MANNER, 1, &[A]);
    query.heard(0, reply(NOERROR));
    assert_eq!(sent(&mut query, START).0.len(), 1);
    query.heard(0, reply(NOERROR));
    query.lost(0, Trouble::Refused);
    query.garbled(0);
    assert_eq!(query.next(START), Step::Done);
    assert!(query.into_outcome().trouble.is_none());
}

#[test]
fn nobody_there_is_told_from_silence() {
    let mut query = query(
        Manner {
            attempts: 1,
            ..MANNER
        },
        2,
        &[A],
    );
    sent(&mut query, START);
    query.lost(0, Trouble::Refused);
    sent(&mut query, START);
    query.lost(0, Trouble::Refused);
    assert_eq!(query.next(START), Step::Done);
    assert!(query.into_outcome().nobody);
}

#[test]
fn asked_one_by_one_a_failure_of_the_first_leads_to_the_next_server() {
    let mut query = query(
        Manner {
            single_request: true,
            ..MANNER
        },
        2,
        &[A, AAAA],
    );
    assert_eq!(sent(&mut query, START).0, [(0, 0, false, true)]);
    query.refused(0, REFUSED);
    assert_eq!(sent(&mut query, START).0, [(0, 1, false, true)]);
}

/// A server that drops questions for AAAA is there, and is asked first again.
#[test]
fn who_answers_one_of_two_questions_is_not_called_silent() {
    let mut query = query(MANNER, 2, &[A, AAAA]);
    sent(&mut query, START);
    query.heard(0, reply(NOERROR));
    sent(&mut query, START + SECOND);
    query.heard(0, reply(NOERROR));
    sent(&mut query, START + SECOND);
    assert_eq!(sent(&mut query, START + 3 * SECOND), (vec![], Step::Done));
    assert_eq!(query.take_troubles(), [(0, Trouble::HalfSilent)]);
    assert_eq!(query.into_outcome().server, Some(0));
}
