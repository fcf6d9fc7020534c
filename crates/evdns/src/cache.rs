//! Answers that may be given again (RFC 1035 §7.4, RFC 2308), bounded. Pure: times are spans since a beginning of the
//! caller's choice.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::limits::{CACHED_ANSWER, CACHED_OCTETS, PROBE_PAUSE, STALE_TTL};
use crate::name::Name;
use crate::query::answer::Answer;
use crate::wire::Type;

type Key = (Name, Type);

/// The answers.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    entries: HashMap<Key, Entry>,
    /// Keys in the order in which they came; the first goes when there is no room. `number` tells an entry that has
    /// been renewed since.
    order: VecDeque<(Key, u64)>,
    number: u64,
    room: usize,
    /// What all of them take.
    octets: usize,
    /// How long an answer may be given after its time, if there is no newer one.
    stale: Duration,
}

#[derive(Debug)]
struct Entry {
    answer: Answer,
    fresh_until: Duration,
    /// Until when it may be given if there is no newer one.
    stale_until: Duration,
    number: u64,
    /// Octets it takes.
    weight: usize,
    /// Of a server that stood in for another.
    stand_in: bool,
}

impl Cache {
    /// For so many answers; none if `room` is 0.
    pub(crate) fn new(room: usize, stale: Duration) -> Cache {
        Cache {
            room,
            stale,
            ..Cache::default()
        }
    }

    /// The answer, if its time has not run out, and the seconds it may still be given.
    pub(crate) fn get(&self, name: &Name, rtype: Type, now: Duration) -> Option<(&Answer, u32)> {
        let entry = self.entries.get(&(name.clone(), rtype))?;
        let left = entry.fresh_until.saturating_sub(now);
        let seconds = u32::try_from(left.as_secs()).unwrap_or(u32::MAX);
        (!left.is_zero()).then_some((&entry.answer, seconds))
    }

    /// An answer whose time has run out, for when there is no other (RFC 8767).
    pub(crate) fn stale(&self, name: &Name, rtype: Type, now: Duration) -> Option<&Answer> {
        let entry = self.entries.get(&(name.clone(), rtype))?;
        (now < entry.stale_until).then_some(&entry.answer)
    }

    /// Gives a stale answer, which counts as fresh for a moment then: servers that fail are not asked all the time
    /// (RFC 8767 §5, failure recheck timer).
    pub(crate) fn revive(&mut self, name: &Name, rtype: Type, now: Duration) -> Option<Answer> {
        let entry = self.entries.get_mut(&(name.clone(), rtype))?;
        if now >= entry.stale_until {
            return None;
        }
        let moment = now + Duration::from_secs(STALE_TTL.into());
        entry.fresh_until = entry.fresh_until.max(moment.min(entry.stale_until));
        Some(Answer {
            ttl: STALE_TTL,
            ..entry.answer.clone()
        })
    }

    /// Whether answers are given after their time.
    pub(crate) fn serves_stale(&self) -> bool {
        !self.stale.is_zero()
    }

    /// Keeps an answer for as long as it may be kept.
    pub(crate) fn put(&mut self, name: Name, rtype: Type, answer: Answer, now: Duration) {
        self.keep(name, rtype, answer, now, false);
    }

    /// Keeps the answer of a server that stands in for another for a moment, unless it says that there is nothing:
    /// that one may know better.
    pub(crate) fn put_for_now(&mut self, name: Name, rtype: Type, answer: Answer, now: Duration) {
        if !answer.records.is_empty() {
            let moment = u32::try_from(PROBE_PAUSE.as_secs()).unwrap_or(u32::MAX);
            let ttl = answer.ttl.min(moment);
            self.keep(name, rtype, Answer { ttl, ..answer }, now, true);
        }
    }

    /// The server they stood in for is back.
    pub(crate) fn forget_stand_ins(&mut self) {
        let octets = &mut self.octets;
        self.entries.retain(|_, entry| {
            if entry.stand_in {
                *octets -= entry.weight;
            }
            !entry.stand_in
        });
    }

    fn keep(&mut self, name: Name, rtype: Type, answer: Answer, now: Duration, stand_in: bool) {
        let weight = answer.weight();
        if answer.ttl == 0 || self.room == 0 || weight > CACHED_ANSWER {
            return;
        }
        self.number += 1;
        let fresh_until = now + Duration::from_secs(answer.ttl.into());
        let entry = Entry {
            fresh_until,
            stale_until: fresh_until + self.stale,
            answer,
            number: self.number,
            weight,
            stand_in,
        };
        let key = (name, rtype);
        self.order.push_back((key.clone(), self.number));
        self.octets += weight;
        if let Some(before) = self.entries.insert(key, entry) {
            self.octets -= before.weight;
        }
        while self.entries.len() > self.room || self.octets > CACHED_OCTETS {
            self.make_room();
        }
        self.forget_renewed();
    }

    /// Drops the oldest.
    fn make_room(&mut self) {
        while let Some((key, number)) = self.order.pop_front() {
            let current = |entry: &Entry| entry.number == number;
            if self.entries.get(&key).is_some_and(current) {
                let gone = self.entries.remove(&key);
                self.octets -= gone.map_or(0, |entry| entry.weight);
                return;
            }
        }
    }

    /// Keeps the line from growing with names that are asked again and again.
    fn forget_renewed(&mut self) {
        if self.order.len() > 2 * self.room {
            let entries = &self.entries;
            let current = |(key, number): &(Key, u64)| {
                entries
                    .get(key)
                    .is_some_and(|entry| entry.number == *number)
            };
            self.order.retain(current);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::record::Txt;
    use crate::wire::{A, AAAA, Body, Record};

    const TXT: Type = 16;

    const NOW: Duration = Duration::from_secs(1_000);
    const SECOND: Duration = Duration::from_secs(1);

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn answer(ttl: u32) -> Answer {
        Answer {
            rcode: 0,
            count: 0,
            records: Default::default(),
            ttl,
        }
    }

    #[test]
    fn an_answer_is_given_until_its_time_runs_out() {
        let mut cache = Cache::new(8, 10 * SECOND);
        cache.put(name("a"), A, answer(5), NOW);
        assert!(cache.get(&name("A"), A, NOW + 4 * SECOND).is_some());
        let (_, left) = cache.get(&name("a"), A, NOW + 2 * SECOND).unwrap();
        assert_eq!(left, 3);
        assert!(cache.get(&name("a"), AAAA, NOW).is_none());
        assert!(cache.get(&name("a"), A, NOW + 5 * SECOND).is_none());
        assert!(cache.stale(&name("a"), A, NOW + 14 * SECOND).is_some());
        assert!(cache.stale(&name("a"), A, NOW + 15 * SECOND).is_none());
    }

    #[test]
    fn a_ttl_of_zero_is_not_kept() {
        let mut cache = Cache::new(8, SECOND);
        cache.put(name("a"), A, answer(0), NOW);
        assert!(cache.stale(&name("a"), A, NOW).is_none());
    }

    #[test]
    fn the_oldest_goes_when_there_is_no_room() {
        let mut cache = Cache::new(2, SECOND);
        for text in ["a", "b", "a", "c"] {
            cache.put(name(text), A, answer(5), NOW);
        }
        let kept: Vec<bool> = ["a", "b", "c"]
            .map(|text| cache.get(&name(text), A, NOW).is_some())
            .into();
        assert_eq!(kept, [true, false, true]);
    }

    #[test]
    fn large_answers_take_bounded_memory() {
        let text = |octets: usize| {
            let strings = vec![vec![b'x'; octets]];
            Answer::of_records(vec![Record {
                owner: name("a"),
                rtype: TXT,
                ttl: 60,
                body: Body::Txt(Txt { strings }),
            }])
        };
        let mut cache = Cache::new(8_192, SECOND);
        cache.put(name("a"), TXT, text(CACHED_ANSWER), NOW);
        assert!(cache.get(&name("a"), TXT, NOW).is_none());
        let each = CACHED_ANSWER / 4;
        for n in 0..4 * CACHED_OCTETS / each {
            cache.put(name(&format!("n{n}")), TXT, text(each), NOW);
        }
        assert!(cache.entries.len() * each <= CACHED_OCTETS);
        assert!(!cache.entries.is_empty() && cache.octets <= CACHED_OCTETS);
    }

    #[test]
    fn a_stand_in_s_word_counts_for_a_moment() {
        let mut cache = Cache::new(8, SECOND);
        let positive = || {
            Answer::of_records(vec![Record {
                owner: name("a"),
                rtype: A,
                ttl: 60,
                body: Body::A([192, 0, 2, 1].into()),
            }])
        };
        cache.put_for_now(name("a"), A, answer(60), NOW);
        assert!(cache.get(&name("a"), A, NOW).is_none(), "it says nothing");
        cache.put_for_now(name("a"), A, positive(), NOW);
        assert!(cache.get(&name("a"), A, NOW).is_some());
        assert!(cache.get(&name("a"), A, NOW + PROBE_PAUSE).is_none());
        cache.put(name("b"), A, positive(), NOW);
        cache.forget_stand_ins();
        assert!(cache.get(&name("a"), A, NOW).is_none());
        assert!(cache.get(&name("b"), A, NOW).is_some());
    }

    #[test]
    fn a_stale_answer_counts_for_a_moment() {
        let mut cache = Cache::new(8, 100 * SECOND);
        cache.put(name("a"), A, answer(5), NOW);
        let later = NOW + 50 * SECOND;
        assert!(cache.get(&name("a"), A, later).is_none());
        assert_eq!(cache.revive(&name("a"), A, later).unwrap().ttl, STALE_TTL);
        assert!(cache.get(&name("a"), A, later + 29 * SECOND).is_some());
        assert!(cache.get(&name("a"), A, later + 31 * SECOND).is_none());
        // And not for longer than stale answers are wanted.
        cache.revive(&name("a"), A, NOW + 100 * SECOND);
        assert!(cache.get(&name("a"), A, NOW + 106 * SECOND).is_none());
    }

    #[test]
    fn renewing_one_answer_for_ever_takes_no_more_room() {
        let mut cache = Cache::new(2, SECOND);
        for _ in 0..1_000 {
            cache.put(name("a"), A, answer(5), NOW);
        }
        assert!(cache.order.len() <= 4 && cache.entries.len() == 1);
    }
}
