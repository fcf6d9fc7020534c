//! Chance, where a protocol asks for it: nonces, jitter, boundaries. Drawn from
//! the standard library's keys, which the system's randomness seeds; no keys
//! for ciphers are made of it.

use std::hash::{BuildHasher, RandomState};

/// Sixty-four bits that nobody can foresee: SipHash under a key of this
/// process, another one at every call.
pub(crate) fn number() -> u64 {
    RandomState::new().hash_one(0)
}

/// As many as RFC 7616 and others want of a nonce, as 32 hexadecimal digits.
#[cfg_attr(not(feature = "digest"), allow(dead_code))]
pub(crate) fn nonce() -> String {
    format!("{:016x}{:016x}", number(), number())
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_two_are_alike() {
        let drawn: std::collections::HashSet<_> = (0..1_000).map(|_| super::nonce()).collect();
        assert_eq!(drawn.len(), 1_000);
        assert!(drawn.iter().all(|nonce| nonce.len() == 32));
    }
}
