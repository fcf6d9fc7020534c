//! A server's nonces: which are ours, for how long, and that no count is used
//! twice (RFC 7616 §3.3, §5.5). What was given out is not remembered, only
//! what was used by somebody who knew a password: asking fills no memory.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Hash;
use crate::limits::{NONCE_FOR, NONCES};

/// When it was made, in milliseconds since 1970, and a number drawn.
type Name = (u64, u64);

/// Both as digits, and a seal that nobody else can make.
const DIGITS: usize = 16;

pub(crate) struct Nonces {
    key: String,
    used: BTreeMap<Name, Uses>,
    /// This one and all before it are forgotten.
    forgotten: Name,
}

impl Nonces {
    /// `key` is a secret of this server.
    pub(crate) fn new(key: String) -> Nonces {
        Nonces {
            key,
            used: BTreeMap::new(),
            forgotten: (0, 0),
        }
    }

    pub(crate) fn make(&self, now: Duration, chance: u64) -> String {
        self.sealed((millis(now), chance))
    }

    /// The lengths are fixed, so the hash can't be continued to another nonce's.
    fn sealed(&self, (made, chance): Name) -> String {
        let text = format!("{made:016x}{chance:016x}");
        let seal = Hash::Sha256.hex(&[self.key.as_bytes(), text.as_bytes()]);
        text + &seal[..2 * DIGITS]
    }

    /// Whether this count of this nonce may be used, once.
    pub(crate) fn take(&mut self, nonce: &str, count: u32, now: Duration) -> bool {
        let Some(name) = self.name(nonce) else {
            return false;
        };
        self.forget(now);
        let age = millis(now).saturating_sub(name.0);
        if name <= self.forgotten || u128::from(age) > NONCE_FOR.as_millis() {
            return false;
        }
        let fresh = self.used.entry(name).or_default().take(count);
        if self.used.len() > NONCES {
            self.forget_first();
        }
        fresh
    }

    /// Whether more than half its time is over.
    pub(crate) fn is_old(&self, nonce: &str, now: Duration) -> bool {
        let made = self.name(nonce).map_or(0, |name| name.0);
        u128::from(millis(now).saturating_sub(made)) > NONCE_FOR.as_millis() / 2
    }

    fn name(&self, nonce: &str) -> Option<Name> {
        let number = |at| u64::from_str_radix(nonce.get(at..at + DIGITS)?, 16).ok();
        let name = (number(0)?, number(DIGITS)?);
        same(nonce, &self.sealed(name)).then_some(name)
    }

    fn forget(&mut self, now: Duration) {
        let limit = NONCE_FOR.as_millis();
        let old = |name: &Name| u128::from(millis(now).saturating_sub(name.0)) > limit;
        while self.used.keys().next().is_some_and(old) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((name, _)) = self.used.pop_first() {
            self.forgotten = self.forgotten.max(name);
        }
    }
}

/// Counts that were used. Requests on several connections overtake each other,
/// so the newest 64 are told apart; what is older counts as used.
#[derive(Default)]
struct Uses {
    newest: u32,
    /// Bit n: `newest` - n was used.
    seen: u64,
}

impl Uses {
    fn take(&mut self, count: u32) -> bool {
        if count > self.newest {
            self.seen = self.seen.checked_shl(count - self.newest).unwrap_or(0) | 1;
            self.newest = count;
            return true;
        }
        let bit = 1_u64.checked_shl(self.newest - count).unwrap_or(u64::MAX);
        let fresh = count > 0 && self.seen & bit == 0 && bit != u64::MAX;
        self.seen |= if fresh { bit } else { 0 };
        fresh
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// In a time that does not tell where they differ.
pub(crate) fn same(a: &str, b: &str) -> bool {
    let differing = a
        .bytes()
        .zip(b.bytes())
        .fold(0, |all, (a, b)| all | (a ^ b));
    a.len() == b.len() && std::hint::black_box(differing) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Duration = Duration::from_secs(1_000_000_000);

    #[test]
    fn a_count_is_used_once_in_any_order() {
        let mut nonces = Nonces::new("key".into());
        let nonce = nonces.make(AT, 7);
        let counts = [
            1,
            3,
            2,
            3,
            2,
            0,
            100,
            37,
            36,
            37,
            36,
            1,
            u32::MAX,
            u32::MAX,
            100,
        ];
        let fresh = counts.map(|count| nonces.take(&nonce, count, AT));
        let expected = [1, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0].map(|n| n == 1);
        assert_eq!(fresh, expected);
    }

    #[test]
    fn a_nonce_is_ours_and_does_not_live_for_ever() {
        let mut nonces = Nonces::new("key".into());
        let nonce = nonces.make(AT, 7);
        let other = Nonces::new("another".into()).make(AT, 7);
        let mut changed = nonce.clone();
        changed.replace_range(15..16, "f");
        for wrong in [
            &other,
            &changed,
            "",
            "é",
            &nonce[..63],
            &format!("{nonce}0"),
        ] {
            assert!(!nonces.take(wrong, 1, AT), "{wrong}");
        }
        assert!(nonces.take(&nonce, 1, AT + NONCE_FOR));
        assert!(!nonces.take(&nonce, 2, AT + NONCE_FOR + Duration::from_millis(1)));
        // Nor does it come back with a clock that is set back.
        assert!(!nonces.take(&nonce, 3, AT));
    }

    #[test]
    fn what_is_remembered_of_nonces_has_a_limit_and_nothing_is_taken_twice() {
        let mut nonces = Nonces::new("key".into());
        let all: Vec<String> = (0..NONCES as u64 + 1).map(|n| nonces.make(AT, n)).collect();
        assert!(all.iter().all(|nonce| nonces.take(nonce, 1, AT)));
        assert_eq!(nonces.used.len(), NONCES);
        assert!(!all.iter().any(|nonce| nonces.take(nonce, 1, AT)));
        assert!(!nonces.take(&all[0], 2, AT), "forgotten");
        assert!(nonces.take(&all[1], 2, AT));
    }
}
