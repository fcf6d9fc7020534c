//! IPv4 and IPv6 beside each other: who has one family hears of it while the other is late (RFC 8305 §3), however it
//! came by the first. The clock stands still, so that who waits for the late one waits for ever.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use bed::dns::DnsServer;
use evcore::Promise;
use evdns::{A, PARTIAL, Resolver};

use crate::asking;
use crate::still::Still;

const NAME: &str = "host.example";
/// The patience of a test with what has to come.
const LIMIT: Duration = Duration::from_secs(20);

/// Answers for one type of record, and is silent to the others.
fn only(rtype: u16) -> DnsServer {
    DnsServer::start(move |question| {
        let reply = question.reply();
        match question.rtype {
            1 if rtype == 1 => vec![reply.address(&question.name, "192.0.2.1").bytes],
            28 if rtype == 28 => vec![reply.address(&question.name, "2001:db8::1").bytes],
            _ => vec![],
        }
    })
}

/// A look-up, and what it tells early.
type Early = (Promise<Vec<IpAddr>>, Rc<RefCell<Vec<IpAddr>>>);

fn look_up(resolver: &Resolver) -> Early {
    let early = Rc::new(RefCell::new(Vec::new()));
    let note = early.clone();
    let told = move |partial: &evdns::Partial| note.borrow_mut().clone_from(&partial.addresses);
    (resolver.lookup(NAME).on(PARTIAL, told), early)
}

#[track_caller]
fn hears(still: &Still, (found, early): &Early, wanted: &str) {
    let told = || {
        still.reactor.turn(evcore::ms(1));
        found.is_settled() || !early.borrow().is_empty()
    };
    assert!(bed::wait_until(LIMIT, told), "nothing is told early");
    // A machine with addresses of one family only asks for that alone.
    if !found.is_settled() {
        assert_eq!(early.borrow()[..], [wanted.parse::<IpAddr>().unwrap()]);
    }
}

#[test]
fn who_comes_later_hears_of_what_came_before() {
    let (server, still) = (only(1), Still::new());
    let resolver = asking(&[&server]).build();
    let first = look_up(&resolver);
    hears(&still, &first, "192.0.2.1");
    hears(&still, &look_up(&resolver), "192.0.2.1");
}

#[test]
fn who_has_one_family_at_hand_hears_of_it() {
    let (server, still) = (only(1), Still::new());
    let resolver = asking(&[&server]).build();
    let asked = resolver.resolve::<A>(NAME);
    still.reactor.run(asked).unwrap();
    hears(&still, &look_up(&resolver), "192.0.2.1");
}

#[test]
fn a_question_under_way_does_not_hold_the_other_family_up() {
    let (server, still) = (only(28), Still::new());
    let resolver = asking(&[&server]).build();
    let _under_way = resolver.resolve::<A>(NAME);
    hears(&still, &look_up(&resolver), "2001:db8::1");
}
