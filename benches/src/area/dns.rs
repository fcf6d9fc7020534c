//! Addresses of names from NSD on loopback: each name asked for once, so that nobody's cache helps, with 64 under way and one
//! at a time; and one name again and again, from the cache.
//!
//! Ours is what users write, with all it does for safety: 16 sockets on random ports, each given up after a random 16 to 64
//! queries, random ids, letters in random case. c-ares is given as many queries for a port as ours has on average, hickory
//! takes a new port for each; neither mixes the case unless asked.

use crate::area::{Case, Peer, Setting};
use crate::peer::{dns_cares, dns_hickory, dns_raw};

pub(crate) fn cases() -> Vec<Case> {
    let case = |name, what, ops, counted, peers| Case {
        area: "dns",
        name,
        what,
        ops,
        reference: "c-ares",
        setting: Setting::Named,
        counted,
        rounds: 1,
        peers,
    };
    let asking = || {
        vec![
            Peer::new("c-ares", dns_cares::PROGRAM),
            Peer::here("raw UDP, no parser (floor)", dns_raw::run),
            Peer::here("hickory-resolver", dns_hickory::run),
            Peer::here("evdns, resolve()", crate::ours::dns::run),
        ]
    };
    vec![
        case("64", "a name, 64 under way", 100_000, 6_400, asking()),
        case("1", "a name, one at a time", 20_000, 2_000, asking()),
        case(
            "cached",
            "a name that is in the cache",
            500_000,
            50_000,
            vec![
                Peer::new("c-ares", dns_cares::PROGRAM),
                Peer::here("hickory-resolver", dns_hickory::run_cached),
                Peer::here("evdns, resolve()", crate::ours::dns::run_cached),
            ],
        ),
    ]
}
