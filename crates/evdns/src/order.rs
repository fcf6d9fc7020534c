//! The order in which addresses should be tried: RFC 6724 §6 as glibc 2.36 applies it, and the interleaving of RFC
//! 8305 §4 on top. Pure: source addresses and their flags come as arguments.

use std::cmp::Ordering;
use std::net::IpAddr;

use crate::config::gai_conf::GaiConf;

/// A destination, and how this machine would reach it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) address: IpAddr,
    pub(crate) scope_id: u32,
    /// `None` if there is no way to it.
    pub(crate) source: Option<Origin>,
}

/// The address packets to a destination would come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) address: IpAddr,
    pub(crate) deprecated: bool,
    /// Mobile IPv6.
    pub(crate) home: bool,
    /// Length of the network's prefix; 0 if unknown.
    pub(crate) prefix: u8,
}

/// Sorts, best first; equals stay in their order.
pub(crate) fn sort(candidates: &mut [Candidate], conf: &GaiConf) {
    candidates.sort_by(|a, b| compare(a, b, conf));
}

fn compare(a: &Candidate, b: &Candidate, conf: &GaiConf) -> Ordering {
    // Rule 1: avoid unusable destinations.
    let usable = b.source.is_some().cmp(&a.source.is_some());
    usable
        .then_with(|| match (a.source, b.source) {
            (Some(from_a), Some(from_b)) => by_source((a, from_a), (b, from_b), conf),
            _ => Ordering::Equal,
        })
        // Rule 6: prefer higher precedence.
        .then_with(|| conf.precedence(b.address).cmp(&conf.precedence(a.address)))
        // Rule 7, native transport, is on the list of differences (docs/dns.md).
        // Rule 8: prefer smaller scope.
        .then_with(|| conf.scope(a.address).cmp(&conf.scope(b.address)))
        // Rule 9: use longest matching prefix.
        .then_with(|| match (a.source, b.source) {
            (Some(from_a), Some(from_b)) => by_prefix((a, from_a), (b, from_b)),
            _ => Ordering::Equal,
        })
}

/// Rules 2 to 5: what fits its source better.
fn by_source(a: (&Candidate, Origin), b: (&Candidate, Origin), conf: &GaiConf) -> Ordering {
    let misfits = |(to, from): (&Candidate, Origin)| {
        let other_scope = conf.scope(to.address) != conf.scope(from.address);
        let other_label = conf.label(to.address) != conf.label(from.address);
        (other_scope, from.deprecated, !from.home, other_label)
    };
    misfits(a).cmp(&misfits(b))
}

fn by_prefix(a: (&Candidate, Origin), b: (&Candidate, Origin)) -> Ordering {
    match (a.0.address, b.0.address) {
        (IpAddr::V4(_), IpAddr::V4(_)) => shared_v4(b).cmp(&shared_v4(a)),
        (IpAddr::V6(_), IpAddr::V6(_)) => compare_v6(a, b),
        _ => Ordering::Equal,
    }
}

/// Bits shared by source and destination, if both are on one network: outside of it they mean nothing.
fn shared_v4((to, from): (&Candidate, Origin)) -> u32 {
    let (IpAddr::V4(to), IpAddr::V4(source)) = (to.address, from.address) else {
        return 0;
    };
    let differs = u32::from(to) ^ u32::from(source);
    // glibc shifts by 32 where the prefix is unknown, which x86 takes for 0: then only equals are on one network.
    let mask = u32::MAX.wrapping_shl(32 - u32::from(from.prefix));
    match differs & mask {
        0 => differs.leading_zeros(),
        _ => 0,
    }
}

/// glibc compares the first word of 32 bits in which either pair differs, not the whole prefix.
fn compare_v6(a: (&Candidate, Origin), b: (&Candidate, Origin)) -> Ordering {
    let differs = |(to, from): (&Candidate, Origin)| match (to.address, from.address) {
        (IpAddr::V6(to), IpAddr::V6(from)) => u128::from(to) ^ u128::from(from),
        _ => 0,
    };
    let (a, b) = (differs(a), differs(b));
    let word = (a | b).leading_zeros() / 32;
    let bits = |differs: u128| ((differs << (32 * word.min(3)) >> 96) as u32).leading_zeros();
    bits(b).cmp(&bits(a))
}

/// RFC 8305 §4: families take turns, the first one's address first, so that one broken family costs one attempt.
pub fn interleave<T>(addresses: Vec<T>, is_v6: impl Fn(&T) -> bool) -> Vec<T> {
    let Some(first) = addresses.first().map(&is_v6) else {
        return addresses;
    };
    let all = addresses.len();
    let (mut one, mut other) = (Vec::new(), Vec::new());
    for address in addresses {
        match is_v6(&address) == first {
            true => one.push(address),
            false => other.push(address),
        }
    }
    let (mut one, mut other) = (one.into_iter(), other.into_iter());
    let mut mixed = Vec::with_capacity(all);
    while mixed.len() < all {
        mixed.extend(one.next());
        mixed.extend(other.next());
    }
    mixed
}

#[cfg(test)]
mod tests;
