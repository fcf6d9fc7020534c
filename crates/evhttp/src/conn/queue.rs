//! Who may open a connection, and who waits for one: so many to one origin,
//! so many in all. Pure: opaque waiters, nobody is woken here.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Connections counted, and waiters `W` for more of them, by origin `K`.
///
/// Between two calls nobody waits who could go: whoever frees a place asks
/// [`admit`](Queue::admit) at once. So a newcomer who finds room overtakes
/// nobody.
pub(crate) struct Queue<K, W> {
    lines: HashMap<K, Line<W>>,
    open: usize,
    waiting: usize,
    /// The next waiter's number; who came first has the lowest.
    ticket: u64,
    /// Connections to one origin, and in all.
    most: (usize, usize),
}

struct Line<W> {
    open: usize,
    waiting: VecDeque<(u64, W)>,
}

/// Why there is no room.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// This origin has all it may have.
    Origin,
    /// There are as many as may be: another origin's unused one could go.
    InAll,
}

/// What becomes of a connection that is free again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heir<W> {
    /// Nobody waits for it.
    Nobody,
    /// The one who has waited longest wants just this.
    Takes(W),
    /// The one who has waited longest wants its place, for another origin.
    WantsRoom,
}

impl<K: Hash + Eq + Clone, W> Queue<K, W> {
    pub(crate) fn new(per_origin: usize, in_all: usize) -> Queue<K, W> {
        Queue {
            lines: HashMap::new(),
            open: 0,
            waiting: 0,
            ticket: 0,
            most: (per_origin.max(1), in_all.max(1)),
        }
    }

    /// Counts one more connection to `origin`, if it may be.
    pub(crate) fn open(&mut self, origin: &K) -> Result<(), Full> {
        let open = self.lines.get(origin).map_or(0, |line| line.open);
        if open >= self.most.0 {
            return Err(Full::Origin);
        }
        if self.open >= self.most.1 {
            return Err(Full::InAll);
        }
        self.open += 1;
        self.line(origin).open += 1;
        Ok(())
    }

    /// A connection to `origin` is no more.
    pub(crate) fn close(&mut self, origin: &K) {
        self.open -= 1;
        self.line(origin).open -= 1;
        self.tidy(origin);
    }

    /// Joins the line for `origin`, with a number to leave it by.
    pub(crate) fn join(&mut self, origin: &K, waiter: W) -> u64 {
        let ticket = self.ticket;
        self.ticket += 1;
        self.waiting += 1;
        self.line(origin).waiting.push_back((ticket, waiter));
        ticket
    }

    /// Leaves the line; nothing happens if the turn has come already.
    pub(crate) fn leave(&mut self, origin: &K, ticket: u64) -> Option<W> {
        let waiting = &mut self.lines.get_mut(origin)?.waiting;
        let place = waiting.binary_search_by_key(&ticket, |(ticket, _)| *ticket);
        let (_, waiter) = waiting.remove(place.ok()?)?;
        self.waiting -= 1;
        self.tidy(origin);
        Some(waiter)
    }

    pub(crate) fn is_waited_for(&self) -> bool {
        self.waiting > 0
    }

    /// The one who has waited longest of those there is room for now; the
    /// connection is counted.
    pub(crate) fn admit(&mut self) -> Option<(K, W)> {
        if self.waiting == 0 || self.open >= self.most.1 {
            return None;
        }
        let origin = self.oldest(|_, line| line.open < self.most.0)?.clone();
        let waiter = self.first(&origin)?;
        self.open += 1;
        self.line(&origin).open += 1;
        Some((origin, waiter))
    }

    /// Who has a claim to a connection to `origin` that is free again.
    pub(crate) fn heir(&mut self, origin: &K) -> Heir<W> {
        let here = |waits: &K, line: &Line<W>| waits == origin || line.open < self.most.0;
        match self.oldest(here) {
            None => Heir::Nobody,
            Some(oldest) if oldest == origin => {
                self.first(origin).map_or(Heir::Nobody, Heir::Takes)
            }
            Some(_) => Heir::WantsRoom,
        }
    }

    /// Whose first waiter has waited longest, of those lines.
    fn oldest(&self, counts: impl Fn(&K, &Line<W>) -> bool) -> Option<&K> {
        let heads = self.lines.iter().filter_map(|(origin, line)| {
            let (ticket, _) = line.waiting.front()?;
            counts(origin, line).then_some((ticket, origin))
        });
        let (_, origin) = heads.min_by_key(|(ticket, _)| **ticket)?;
        Some(origin)
    }

    fn first(&mut self, origin: &K) -> Option<W> {
        let (_, waiter) = self.lines.get_mut(origin)?.waiting.pop_front()?;
        self.waiting -= 1;
        Some(waiter)
    }

    fn line(&mut self, origin: &K) -> &mut Line<W> {
        self.lines.entry(origin.clone()).or_insert_with(|| Line {
            open: 0,
            waiting: VecDeque::new(),
        })
    }

    /// Forgets an origin that nobody has anything to do with.
    fn tidy(&mut self, origin: &K) {
        let line = self.lines.get(origin);
        if line.is_some_and(|line| line.open == 0 && line.waiting.is_empty()) {
            self.lines.remove(origin);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_came_first_goes_first_if_there_is_room_for_him() {
        let mut queue = Queue::new(1, 2);
        assert_eq!(queue.open(&'a'), Ok(()));
        assert_eq!(queue.open(&'a'), Err(Full::Origin));
        queue.join(&'a', "a1");
        assert_eq!(queue.open(&'b'), Ok(()));
        assert_eq!(queue.open(&'c'), Err(Full::InAll));
        queue.join(&'c', "c1");
        queue.join(&'a', "a2");
        assert_eq!(queue.admit(), None);
        queue.close(&'b');
        assert_eq!(queue.admit(), Some(('c', "c1")), "a1 has to wait for an a");
        queue.close(&'a');
        assert_eq!(queue.admit(), Some(('a', "a1")));
        assert_eq!(queue.admit(), None);
    }

    #[test]
    fn a_busy_origin_starves_nobody() {
        let mut queue = Queue::new(2, 1);
        queue.open(&'a').unwrap();
        assert_eq!(queue.heir(&'a'), Heir::Nobody);
        queue.join(&'a', "a1");
        queue.join(&'b', "b1");
        queue.join(&'a', "a2");
        assert_eq!(queue.heir(&'a'), Heir::Takes("a1"));
        assert_eq!(queue.heir(&'a'), Heir::WantsRoom, "b1 came before a2");
        queue.close(&'a');
        assert_eq!(queue.admit(), Some(('b', "b1")));
    }

    #[test]
    fn who_leaves_is_not_waited_for() {
        let mut queue = Queue::new(1, 1);
        queue.open(&'a').unwrap();
        let [first, second] = ["first", "second"].map(|waiter| queue.join(&'a', waiter));
        assert_eq!(queue.leave(&'a', first), Some("first"));
        assert_eq!(queue.leave(&'a', first), None);
        assert_eq!(queue.heir(&'a'), Heir::Takes("second"));
        assert_eq!(queue.leave(&'a', second), None);
        queue.close(&'a');
        assert!(queue.lines.is_empty() && !queue.is_waited_for());
    }

    /// Any order of events: the limits hold, nobody waits in vain, each line is first come, first served.
    #[test]
    fn whatever_happens_the_limits_hold_and_nobody_waits_in_vain() {
        let mut seed = 7_u64;
        let mut roll = move |most: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % most
        };
        let mut queue = Queue::new(3, 5);
        let (mut open, mut served) = (Vec::new(), HashMap::<u64, u64>::new());
        for number in 0..100_000_u64 {
            let origin = roll(4);
            let mut serve = |origin, number| {
                let before = served.insert(origin, number);
                assert!(before.is_none_or(|before| before < number), "overtaken");
            };
            match roll(3) {
                0 => match queue.open(&origin) {
                    Ok(()) => open.push(origin),
                    Err(_) => _ = queue.join(&origin, number),
                },
                1 if !open.is_empty() => {
                    let origin = open.swap_remove(roll(open.len() as u64) as usize);
                    queue.close(&origin);
                    if let Some((origin, waiter)) = queue.admit() {
                        open.push(origin);
                        serve(origin, waiter);
                    }
                }
                _ if !open.is_empty() => {
                    let at = roll(open.len() as u64) as usize;
                    match queue.heir(&open[at]) {
                        Heir::Takes(waiter) => serve(open[at], waiter),
                        Heir::Nobody => {}
                        Heir::WantsRoom => {
                            queue.close(&open.swap_remove(at));
                            let (origin, waiter) = queue.admit().expect("it wanted room");
                            open.push(origin);
                            serve(origin, waiter);
                        }
                    }
                }
                _ => {}
            }
            assert_eq!(queue.admit(), None, "somebody waits in vain");
            assert!(open.len() == queue.open && open.len() <= 5);
            assert!((0..4).all(|origin| open.iter().filter(|at| **at == origin).count() <= 3));
        }
        assert!(served.len() == 4);
    }
}
