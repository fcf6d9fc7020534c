//! Which timer is due next.
//!
//! Here: a queue of deadlines with opaque payloads, in exact order: by deadline, then by creation, never early. Never here:
//! a clock (`now` is an argument), a reactor, a payload's Drop (each goes back to the caller).
//!
//! Most timers are time limits: far away when made, taken back before they come near. So the queue sorts no more than the
//! next few dozen. All others lie in *runs*, unsorted inside but in order among themselves; when the near run is used up,
//! the one behind it is dealt out until it is small (a radix sort by the highest bits, made only as far as needed). Adding to a run is a push, taking back only
//! forgets the payload, and memory is walked from end to end, where a heap of a million jumps about in it. The price: a
//! deal or a sweep touches a whole run at once, a few milliseconds at a million timers, paid for by as many calls.

use crate::token::{Slab, Token};
use std::cmp::Reverse;
use std::time::{Duration, Instant};

/// The longest run that is sorted. Up to twice as many are kept sorted by insertion: 3 KiB, cheaper to move than to search.
const SORTED: usize = 64;

/// Into how many runs one is dealt out at most: a power of two; the ends of as many fit into the first-level cache.
const WAYS: usize = 64;

/// Timers waiting for their deadlines.
#[derive(Debug)]
pub(crate) struct TimerQueue<P> {
    base: Instant,
    /// The next creation number.
    sequence: u64,
    timers: Slab<Timer<P>>,
    /// From far to near: an entry fires after all entries of the runs behind its own.
    runs: Vec<Run>,
    /// Whether the last run is in order, the next to fire at its end.
    sorted: bool,
    /// How many entries have lost their timer.
    stale: usize,
}

#[derive(Debug)]
struct Timer<P> {
    sequence: u64,
    payload: P,
}

#[derive(Debug)]
struct Run {
    /// No key below belongs here, unless this is the last run.
    floor: u128,
    entries: Vec<Entry>,
}

/// Stands for a timer while the slot holds one of that number.
#[derive(Clone, Copy, Debug)]
struct Entry {
    deadline: Nanos,
    sequence: u64,
    slot: u32,
}

/// Nanoseconds since 2⁶³ before the queue's base: 292 years both ways, one integer to compare.
type Nanos = u64;
const BASE: Nanos = 1 << 63;

impl Entry {
    /// The order of firing as one number: compared without a jump, which a tuple is not.
    fn key(&self) -> u128 {
        u128::from(self.deadline) << 64 | u128::from(self.sequence)
    }
}

impl Run {
    /// The same entries in several runs, far to near; where keys are spread evenly, each half as long as may be sorted.
    fn deal(self) -> impl Iterator<Item = Run> {
        let (mut low, mut high) = (u128::MAX, 0);
        for entry in &self.entries {
            low = low.min(entry.key());
            high = high.max(entry.key());
        }
        let ways = (self.entries.len() * 2 / SORTED).clamp(2, WAYS);
        let differing = u128::BITS - (low ^ high).leading_zeros();
        let shift = differing.saturating_sub(ways.ilog2());
        let way = |entry: &Entry| ((entry.key() >> shift) - (low >> shift)) as usize;
        let mut counts = [0; WAYS];
        for entry in &self.entries {
            counts[way(entry)] += 1;
        }
        let mut hands = counts.map(Vec::with_capacity);
        for entry in self.entries {
            hands[way(&entry)].push(entry);
        }
        let floor = move |way| ((low >> shift) + way as u128) << shift;
        let runs = hands
            .into_iter()
            .enumerate()
            .rev()
            .map(move |(way, entries)| Run {
                floor: floor(way),
                entries,
            });
        runs.filter(|run| !run.entries.is_empty())
    }
}

impl<P> TimerQueue<P> {
    /// An empty queue, which owns no memory yet. `base` is any instant near those to come, e.g. now.
    pub(crate) const fn new(base: Instant) -> TimerQueue<P> {
        TimerQueue {
            base,
            sequence: 0,
            timers: Slab::new(),
            runs: Vec::new(),
            sorted: false,
            stale: 0,
        }
    }

    /// Adds a timer. Its deadline may lie in the past; one more than 292 years away never comes.
    pub(crate) fn insert(&mut self, deadline: Instant, payload: P) -> Token {
        let sequence = self.number();
        let token = self.timers.insert(Timer { sequence, payload });
        self.file(Entry {
            deadline: self.nanos(deadline),
            sequence,
            slot: token.index(),
        });
        token
    }

    /// Takes a timer back, unless it has fired or was taken back before.
    pub(crate) fn cancel(&mut self, token: Token) -> Option<P> {
        let timer = self.timers.remove(token)?;
        self.forget_one();
        Some(timer.payload)
    }

    /// The earliest deadline. (Mutable, for it may have to sort.)
    pub(crate) fn next_deadline(&mut self) -> Option<Instant> {
        let head = self.head()?;
        Some(self.instant(head.deadline))
    }

    /// Takes out the first timer whose deadline is not after `now`, of those whose creation number is below `before`: with
    /// [`TimerQueue::sequence`] as read when a turn began, what the turn itself creates waits for the next one (P24).
    pub(crate) fn pop_due(&mut self, now: Instant, before: u64) -> Option<P> {
        let now = self.nanos(now);
        let mut young = Vec::new();
        let mut due = None;
        while due.is_none()
            && let Some(head) = self.head().filter(|head| head.deadline <= now)
        {
            self.runs.last_mut()?.entries.pop();
            if head.sequence < before {
                due = Some(head.slot);
            } else {
                young.push(head);
            }
        }
        young.into_iter().for_each(|entry| self.file(entry));
        self.timers.take(due?).map(|timer| timer.payload)
    }

    /// The number the next timer created will bear.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// How many timers wait.
    pub(crate) fn len(&self) -> usize {
        self.timers.len()
    }

    /// Whether none waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.timers.is_empty()
    }

    /// Takes out all timers, in the order they would have fired.
    pub(crate) fn drain(&mut self) -> Vec<P> {
        let mut entries: Vec<Entry> = self.runs.drain(..).flat_map(|run| run.entries).collect();
        entries.retain(|entry| names(&self.timers, entry));
        entries.sort_unstable_by_key(Entry::key);
        self.stale = 0;
        entries
            .iter()
            .filter_map(|entry| self.timers.take(entry.slot))
            .map(|timer| timer.payload)
            .collect()
    }

    fn number(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence - 1
    }

    /// Saturates at both ends, so that no deadline overflows and all nearer ones keep their order.
    fn nanos(&self, instant: Instant) -> Nanos {
        let distance = |duration: Duration| {
            let seconds = duration.as_secs().saturating_mul(1_000_000_000);
            seconds.saturating_add(u64::from(duration.subsec_nanos()))
        };
        match instant.checked_duration_since(self.base) {
            Some(after) => BASE.saturating_add(distance(after)),
            None => BASE.saturating_sub(distance(self.base - instant)),
        }
    }

    /// Cannot overflow: somebody gave an instant at least as far from the base.
    fn instant(&self, nanos: Nanos) -> Instant {
        match nanos.checked_sub(BASE) {
            Some(after) => self.base + Duration::from_nanos(after),
            None => self.base - Duration::from_nanos(BASE - nanos),
        }
    }

    /// Puts an entry into its run.
    fn file(&mut self, entry: Entry) {
        let key = entry.key();
        let Some(last) = self.runs.len().checked_sub(1) else {
            self.runs.push(Run {
                floor: 0,
                entries: vec![entry],
            });
            self.sorted = true;
            return;
        };
        let at = self.runs.partition_point(|run| key < run.floor).min(last);
        let entries = &mut self.runs[at].entries;
        if at == last && self.sorted && entries.len() < 2 * SORTED {
            let behind = entries.partition_point(|other| key < other.key());
            entries.insert(behind, entry);
        } else {
            entries.push(entry);
            self.sorted &= at != last;
        }
    }

    /// The entry that fires next; it stands at the end of the last run, which is sorted.
    fn head(&mut self) -> Option<Entry> {
        loop {
            let lone = self.runs.len() == 1;
            let run = self.runs.last_mut()?;
            match run.entries.last() {
                None if lone => {
                    // Kept for its memory: a lone timer that comes and goes allocates nothing.
                    self.sorted = true;
                    return None;
                }
                None => {
                    self.runs.pop();
                    self.sorted = false;
                }
                Some(_) if !self.sorted => self.sort_near(),
                Some(entry) if names(&self.timers, entry) => return Some(*entry),
                Some(_) => {
                    run.entries.pop();
                    self.stale -= 1;
                }
            }
        }
    }

    /// One step towards a sorted last run: sorts it, or deals it out by the highest bits in which its keys differ.
    fn sort_near(&mut self) {
        let Some(run) = self.runs.last_mut() else {
            return;
        };
        if run.entries.len() <= SORTED {
            run.entries
                .sort_unstable_by_key(|entry| Reverse(entry.key()));
            self.sorted = true;
        } else if let Some(run) = self.runs.pop() {
            self.runs.extend(run.deal());
        }
    }

    /// Counts an entry that lost its timer; sweeps before such outnumber the others.
    fn forget_one(&mut self) {
        self.stale += 1;
        if self.stale > self.timers.len() + SORTED {
            for run in &mut self.runs {
                run.entries.retain(|entry| names(&self.timers, entry));
            }
            self.runs.retain(|run| !run.entries.is_empty());
            self.sorted = false;
            self.stale = 0;
        }
    }
}

/// Whether the entry's timer still waits, under the same number.
fn names<P>(timers: &Slab<Timer<P>>, entry: &Entry) -> bool {
    timers
        .at(entry.slot)
        .is_some_and(|timer| timer.sequence == entry.sequence)
}

#[cfg(test)]
mod tests;
