//! Numbers nobody can guess, from the system: ids, coins, choices. One system call serves many of them.

use std::cell::{Cell, RefCell};
use std::io;

/// Bytes fetched at a time: for about 150 queries.
const POOL: usize = 1_024;

/// A pool of random octets, each given out once.
pub(crate) struct Random {
    pool: RefCell<[u8; POOL]>,
    used: Cell<usize>,
}

impl Random {
    pub(crate) fn new() -> Random {
        Random {
            pool: RefCell::new([0; POOL]),
            used: Cell::new(POOL),
        }
    }

    /// `N` octets that were given to nobody else.
    ///
    /// # Errors
    /// If the system has no randomness to give.
    pub(crate) fn octets<const N: usize>(&self) -> io::Result<[u8; N]> {
        let mut octets = [0; N];
        self.fill(&mut octets)?;
        Ok(octets)
    }

    /// As [`octets`](Random::octets), as many as `into` has room for.
    pub(crate) fn fill(&self, into: &mut [u8]) -> io::Result<()> {
        let mut pool = self.pool.borrow_mut();
        let length = into.len();
        if self.used.get() + length > POOL {
            getrandom::fill(&mut *pool).map_err(|error| io::Error::other(error.to_string()))?;
            self.used.set(0);
        }
        let from = self.used.get();
        let given = &mut pool[from..from + length];
        self.used.set(from + length);
        into.copy_from_slice(given);
        // What was given out is not to be found in memory later.
        given.fill(0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_is_given_out_once() {
        let random = Random::new();
        let mut seen = std::collections::HashSet::new();
        for _ in 0..1_000 {
            assert!(seen.insert(random.octets::<16>().unwrap()));
        }
        assert!(
            random.pool.borrow()[..random.used.get()]
                .iter()
                .all(|octet| *octet == 0)
        );
    }
}
