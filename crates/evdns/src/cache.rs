//! Answers that may be given again (RFC 1035 §7.4, RFC 2308), bounded. Pure: times are spans since a beginning of the
//! caller's choice.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

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
    /// How long an answer may be given after its time, if there is no newer one.
    stale: Duration,
}

#[derive(Debug)]
struct Entry {
    answer: Answer,
    fresh_until: Duration,
    number: u64,
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
        (now < entry.fresh_until + self.stale).then_some(&entry.answer)
    }

    /// Keeps an answer for as long as it may be kept.
    pub(crate) fn put(&mut self, name: Name, rtype: Type, answer: Answer, now: Duration) {
        if answer.ttl == 0 || self.room == 0 {
            return;
        }
        self.number += 1;
        let entry = Entry {
            fresh_until: now + Duration::from_secs(answer.ttl.into()),
            answer,
            number: self.number,
        };
        let key = (name, rtype);
        self.order.push_back((key.clone(), self.number));
        self.entries.insert(key, entry);
        if self.entries.len() > self.room {
            self.make_room();
        }
        self.forget_renewed();
    }

    fn make_room(&mut self) {
        while let Some((key, number)) = self.order.pop_front() {
            if self
                .entries
                .get(&key)
                .is_some_and(|entry| entry.number == number)
            {
                self.entries.remove(&key);
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
    use crate::wire::{A, AAAA};

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
    fn renewing_one_answer_for_ever_takes_no_more_room() {
        let mut cache = Cache::new(2, SECOND);
        for _ in 0..1_000 {
            cache.put(name("a"), A, answer(5), NOW);
        }
        assert!(cache.order.len() <= 4 && cache.entries.len() == 1);
    }
}
