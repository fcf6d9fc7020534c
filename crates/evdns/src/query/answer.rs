//! What replies mean: the records that answer a question, through its aliases, and what it is called if there are
//! none. Pure.

use std::any::Any;
use std::cell::OnceCell;
use std::net::IpAddr;
use std::ops::Deref;
use std::rc::Rc;

use crate::limits::{CHAIN, LONGEST_NEGATIVE_TTL, LONGEST_TTL};
use crate::name::Name;
use crate::wire::record::{self, take};
use crate::wire::{Body, CNAME, FORMERR, NOERROR, NOTIMP, NXDOMAIN, Record, Reply, SERVFAIL, Type};

/// What one question was answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) rcode: u16,
    /// Records in the answer section, of use or not.
    pub(crate) count: u16,
    /// Those that answer the question.
    pub(crate) records: Rc<Matching>,
    /// Seconds it may be kept: 0 is not at all.
    pub(crate) ttl: u32,
}

/// Records of one type, and the list of them that users get, made once for all who ask.
#[derive(Debug, Default)]
pub(crate) struct Matching {
    records: Vec<Record>,
    list: OnceCell<Rc<dyn Any>>,
}

impl Matching {
    pub(crate) fn list<R: record::Record>(&self) -> Rc<Vec<R>> {
        let make = || Rc::new(self.records.iter().filter_map(take).collect::<Vec<R>>());
        let list = self.list.get_or_init(|| make() as Rc<dyn Any>).clone();
        // Nobody asks for them by another type than the question's.
        list.downcast().unwrap_or_else(|_| make())
    }
}

impl Deref for Matching {
    type Target = [Record];

    fn deref(&self) -> &[Record] {
        &self.records
    }
}

impl Answer {
    /// Sorts out `reply` to a question for records of `rtype` of `asked`.
    pub(crate) fn new(reply: Reply, asked: &Name, rtype: Type) -> Answer {
        let (last, mut ttl) = chain(&reply.answers, asked, rtype);
        let mut records = reply.answers;
        // What comes along with a failure answers nothing, and is not kept.
        let answers = |record: &Record| record.rtype == rtype && record.owner == last;
        records.retain(|record| reply.rcode == NOERROR && answers(record));
        // What was dropped is not kept as room either.
        records.shrink_to_fit();
        ttl = records
            .iter()
            .map(|record| record.ttl)
            .fold(ttl, u32::min)
            .min(LONGEST_TTL);
        if records.is_empty() {
            // RFC 2308 §5: without an SOA a negative answer is not kept. Failures never are.
            let known = matches!(reply.rcode, NOERROR | NXDOMAIN)
                .then_some(reply.negative_ttl)
                .flatten();
            ttl = ttl.min(known.unwrap_or(0)).min(LONGEST_NEGATIVE_TTL);
        }
        Answer {
            rcode: reply.rcode,
            count: reply.answer_count,
            records: Rc::new(Matching {
                records,
                list: OnceCell::new(),
            }),
            ttl,
        }
    }

    /// About the octets it takes as long as it is kept, the users' list included.
    pub(crate) fn weight(&self) -> usize {
        let records = self.records.iter().map(Record::weight).sum::<usize>();
        size_of::<Answer>() + size_of::<Matching>() + 2 * records
    }

    /// Leaves nothing but the code.
    pub(crate) fn empty(&mut self) {
        (self.count, self.records) = (0, Rc::default());
    }

    pub(crate) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.records.iter().filter_map(|record| match record.body {
            Body::A(ip) => Some(ip.into()),
            Body::Aaaa(ip) => Some(ip.into()),
            _ => None,
        })
    }

    /// It says something: no error, and records.
    fn speaks(&self) -> bool {
        self.rcode == NOERROR && self.count > 0
    }
}

/// What the name is an alias of, what that is one of, and so on: the last of them, with the least TTL of those links. A
/// chain that comes back to itself or does not end ends where that shows.
fn chain(records: &[Record], asked: &Name, rtype: Type) -> (Name, u32) {
    let (mut last, mut before, mut ttl) = (asked, Vec::new(), u32::MAX);
    while rtype != CNAME && before.len() < CHAIN {
        let link = records.iter().find_map(|record| match &record.body {
            Body::Name(target) if record.rtype == CNAME && record.owner == *last => {
                Some((target, record.ttl))
            }
            _ => None,
        });
        match link {
            Some((target, link_ttl)) if target != last && !before.contains(&target) => {
                ttl = ttl.min(link_ttl);
                before.push(last);
                last = target;
            }
            _ => break,
        }
    }
    (last.clone(), ttl)
}

/// Why there are no records: the resolver's `h_errno`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// `HOST_NOT_FOUND`: there is no such name.
    NoName,
    /// `NO_DATA`: the name has none of these.
    NoRecords,
    /// `TRY_AGAIN`: nobody could tell.
    TryAgain,
    /// `NO_RECOVERY`: the servers won't tell.
    Fail,
    /// `NETDB_INTERNAL`: what they said is of no use.
    Internal,
}

/// What some answers lack together: `None` if one of them says something. As glibc's `res_query`.
pub(crate) fn lack(answers: &[Option<Answer>]) -> Option<Lack> {
    let answers: Vec<&Answer> = answers.iter().flatten().collect();
    if answers.iter().any(|answer| answer.speaks()) {
        return None;
    }
    let code = answers
        .iter()
        .map(|answer| answer.rcode)
        .find(|&rcode| rcode != NOERROR);
    Some(match code {
        Some(NXDOMAIN) => Lack::NoName,
        Some(SERVFAIL) => Lack::TryAgain,
        None => Lack::NoRecords,
        Some(FORMERR | NOTIMP) | Some(_) => Lack::Fail,
    })
}

#[cfg(test)]
impl Answer {
    /// For tests of what is done with answers.
    pub(crate) fn of_records(records: Vec<Record>) -> Answer {
        Answer {
            rcode: NOERROR,
            count: 1,
            ttl: records.iter().map(|record| record.ttl).min().unwrap_or(0),
            records: Rc::new(Matching {
                records,
                list: OnceCell::new(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::A;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn alias(owner: &str, target: &str, ttl: u32) -> Record {
        Record {
            owner: name(owner),
            rtype: CNAME,
            ttl,
            body: Body::Name(name(target)),
        }
    }

    fn address(owner: &str, last: u8) -> Record {
        Record {
            owner: name(owner),
            rtype: A,
            ttl: 60,
            body: Body::A([192, 0, 2, last].into()),
        }
    }

    fn answer(rcode: u16, answers: Vec<Record>, negative_ttl: Option<u32>) -> Answer {
        let answer_count = u16::try_from(answers.len()).unwrap();
        let reply = Reply {
            rcode,
            truncated: false,
            lame: false,
            answer_count,
            answers,
            negative_ttl,
            cookie: None,
        };
        Answer::new(reply, &name("a.example"), A)
    }

    fn found(answer: &Answer) -> Vec<String> {
        answer.addresses().map(|ip| ip.to_string()).collect()
    }

    #[test]
    fn aliases_are_followed_in_whatever_order_they_stand() {
        let chain = answer(
            0,
            vec![
                address("c.example", 1),
                alias("B.example", "c.example", 9),
                alias("a.example", "b.EXAMPLE", 30),
            ],
            None,
        );
        assert_eq!(
            (found(&chain), chain.ttl),
            (vec!["192.0.2.1".to_owned()], 9)
        );
    }

    #[test]
    fn records_of_other_names_are_not_taken() {
        let other = answer(
            0,
            vec![address("x.example", 1), address("a.example", 2)],
            None,
        );
        assert_eq!(found(&other), ["192.0.2.2"]);
    }

    #[test]
    fn loops_and_endless_chains_end() {
        let two = answer(
            0,
            vec![
                alias("a.example", "b.example", 9),
                alias("b.example", "a.example", 9),
            ],
            None,
        );
        assert!(found(&two).is_empty());
        let own = answer(0, vec![alias("a.example", "a.example", 9)], None);
        assert!(found(&own).is_empty());
        let long = |links: usize| {
            let mut records = vec![alias("a.example", "n0.example", 9)];
            records.extend(
                (0..links)
                    .map(|n| alias(&format!("n{n}.example"), &format!("n{}.example", n + 1), 9)),
            );
            records.push(address(&format!("n{links}.example"), 7));
            answer(0, records, None)
        };
        assert_eq!(found(&long(40)), ["192.0.2.7"]);
        assert!(found(&long(100)).is_empty());
    }

    #[test]
    fn what_may_be_kept_and_for_how_long() {
        assert_eq!(answer(NXDOMAIN, vec![], Some(7)).ttl, 7);
        assert_eq!(answer(NOERROR, vec![], None).ttl, 0);
        assert_eq!(answer(SERVFAIL, vec![], Some(7)).ttl, 0);
        assert_eq!(
            answer(NXDOMAIN, vec![], Some(u32::MAX)).ttl,
            LONGEST_NEGATIVE_TTL
        );
        assert_eq!(answer(NOERROR, vec![address("a.example", 1)], None).ttl, 60);
    }

    #[test]
    fn a_failure_with_records_is_a_failure() {
        let with = |rcode, negative_ttl| {
            let records = vec![alias("a.example", "b.example", 50), address("b.example", 1)];
            let answer = answer(rcode, records, negative_ttl);
            (answer.records.len(), answer.ttl)
        };
        assert_eq!(with(NOERROR, None), (1, 50));
        assert_eq!(with(NXDOMAIN, None), (0, 0));
        assert_eq!(with(NXDOMAIN, Some(7)), (0, 7));
        for rcode in [SERVFAIL, NOTIMP, FORMERR, crate::wire::REFUSED] {
            assert_eq!(with(rcode, Some(7)), (0, 0), "{rcode}");
        }
    }

    #[test]
    fn what_a_pair_of_answers_lacks() {
        let of = |codes: [Option<(u16, usize)>; 2]| {
            let answers = codes.map(|code| {
                code.map(|(rcode, count)| answer(rcode, vec![address("a.example", 1); count], None))
            });
            lack(&answers)
        };
        assert_eq!(of([Some((NOERROR, 1)), Some((NXDOMAIN, 0))]), None);
        assert_eq!(
            of([Some((NOERROR, 0)), Some((NOERROR, 0))]),
            Some(Lack::NoRecords)
        );
        assert_eq!(
            of([Some((NOERROR, 0)), Some((NXDOMAIN, 0))]),
            Some(Lack::NoName)
        );
        assert_eq!(of([Some((SERVFAIL, 0)), None]), Some(Lack::TryAgain));
        assert_eq!(
            of([Some((FORMERR, 0)), Some((NXDOMAIN, 0))]),
            Some(Lack::Fail)
        );
    }
}
