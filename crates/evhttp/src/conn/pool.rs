//! Connections that wait for their next call: which to use, which to let go.
//! Pure: opaque connections, and `now` is an argument.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::Instant;

use crate::limits::IDLE_FOR;

/// Idle connections `C` by origin `K`.
pub(crate) struct Pool<K, C> {
    idle: HashMap<K, VecDeque<Idle<C>>>,
    count: usize,
    /// How many are kept of one origin, and in all.
    most: (usize, usize),
}

struct Idle<C> {
    connection: C,
    since: Instant,
}

impl<K: Hash + Eq + Clone, C> Pool<K, C> {
    /// Keeps so many connections of one origin, and so many in all.
    pub(crate) fn new(per_origin: usize, in_all: usize) -> Pool<K, C> {
        Pool {
            most: (per_origin, in_all),
            idle: HashMap::new(),
            count: 0,
        }
    }

    /// The connection used last, which is the likeliest to be alive.
    pub(crate) fn take(&mut self, origin: &K) -> Option<C> {
        let idle = self.idle.get_mut(origin)?.pop_back()?;
        self.count -= 1;
        Some(idle.connection)
    }

    /// Keeps a connection, and hands out one that is kept no longer for it.
    pub(crate) fn put(&mut self, origin: &K, connection: C, now: Instant) -> Option<C> {
        let full = self.count >= self.most.1;
        let kept = match self.idle.get_mut(origin) {
            Some(kept) => kept,
            None => self.idle.entry(origin.clone()).or_default(),
        };
        if full && kept.is_empty() {
            return Some(connection);
        }
        kept.push_back(Idle {
            connection,
            since: now,
        });
        if !full && kept.len() <= self.most.0 {
            self.count += 1;
            return None;
        }
        kept.pop_front().map(|oldest| oldest.connection)
    }

    /// Takes out the one that has been idle for longest, whoever's it is.
    pub(crate) fn evict(&mut self) -> Option<C> {
        let fronts = self.idle.values_mut().filter(|kept| !kept.is_empty());
        let oldest = fronts.min_by_key(|kept| kept.front().map(|idle| idle.since))?;
        let idle = oldest.pop_front()?;
        self.count -= 1;
        Some(idle.connection)
    }

    /// Takes out what has been idle for too long, and what `is_dead` says.
    pub(crate) fn cull(&mut self, now: Instant, mut is_dead: impl FnMut(&C) -> bool) -> Vec<C> {
        let mut culled = Vec::new();
        for kept in self.idle.values_mut() {
            for idle in std::mem::take(kept) {
                let old = now.saturating_duration_since(idle.since) >= IDLE_FOR;
                match old || is_dead(&idle.connection) {
                    true => culled.push(idle.connection),
                    false => kept.push_back(idle),
                }
            }
        }
        self.idle.retain(|_, kept| !kept.is_empty());
        self.count -= culled.len();
        culled
    }

    /// Takes out all.
    pub(crate) fn clear(&mut self) -> Vec<C> {
        self.count = 0;
        let all = std::mem::take(&mut self.idle).into_values().flatten();
        all.map(|idle| idle.connection).collect()
    }

    /// When the oldest connection has been idle for too long.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        let oldest = self
            .idle
            .values()
            .filter_map(VecDeque::front)
            .map(|idle| idle.since)
            .min();
        oldest.map(|since| since + IDLE_FOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{IDLE_IN_ALL, IDLE_PER_ORIGIN};
    use std::time::Duration;

    #[test]
    fn gives_the_newest_and_drops_the_oldest() {
        let (mut pool, now) = (Pool::new(IDLE_PER_ORIGIN, IDLE_IN_ALL), Instant::now());
        for connection in 0..IDLE_PER_ORIGIN {
            assert_eq!(pool.put(&"a", connection, now), None);
        }
        assert_eq!(pool.put(&"a", 999, now), Some(0));
        assert_eq!(pool.take(&"a"), Some(999));
        assert_eq!(pool.take(&"b"), None);
    }

    #[test]
    fn keeps_no_more_than_the_limit_in_all() {
        let (mut pool, now) = (Pool::new(IDLE_PER_ORIGIN, IDLE_IN_ALL), Instant::now());
        for origin in 0..IDLE_IN_ALL {
            assert_eq!(pool.put(&origin, 'x', now), None);
        }
        assert_eq!(pool.put(&IDLE_IN_ALL, 'y', now), Some('y'));
        assert_eq!(pool.put(&0, 'z', now), Some('x'));
        assert_eq!(pool.cull(now, |_| true).len(), IDLE_IN_ALL);
    }

    #[test]
    fn the_longest_idle_makes_room() {
        let (mut pool, now) = (Pool::new(2, 3), Instant::now());
        for (after, origin, connection) in
            [(2, 'a', "third"), (0, 'b', "first"), (1, 'b', "second")]
        {
            pool.put(&origin, connection, now + Duration::from_secs(after));
        }
        let evicted: Vec<_> = std::iter::from_fn(|| pool.evict()).collect();
        assert_eq!(evicted, ["first", "second", "third"]);
        assert_eq!(pool.put(&'a', "next", now), None);
    }

    #[test]
    fn culls_the_old_and_the_dead() {
        let (mut pool, now) = (Pool::new(IDLE_PER_ORIGIN, IDLE_IN_ALL), Instant::now());
        let later = now + Duration::from_secs(10);
        pool.put(&'a', "old", now);
        pool.put(&'a', "dead", later);
        pool.put(&'a', "good", later);
        assert_eq!(pool.next_expiry(), Some(now + IDLE_FOR));
        let culled = pool.cull(now + IDLE_FOR, |&connection| connection == "dead");
        assert_eq!(culled, ["old", "dead"]);
        assert_eq!(pool.take(&'a'), Some("good"));
    }
}
