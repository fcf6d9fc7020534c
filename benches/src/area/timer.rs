//! Timers: most are taken back before they fire. Every timer carries a callback or wakes a task.

use crate::area::{Case, How, Peer, Setting};
use crate::ours::timer as ours;
use crate::peer::c::{LIBEV, LIBEVENT, LIBUV};
use crate::peer::{timer_heap as heap, timer_tokio as tokio};

pub(crate) fn cases() -> Vec<Case> {
    let case = |name, what, tokio, heap, ours| Case {
        area: "timer",
        name,
        what,
        ops: 1_000_000,
        reference: "tokio",
        setting: Setting::Alone,
        counted: 0,
        rounds: 1,
        peers: vec![
            Peer::here("tokio", tokio),
            Peer::new("libev", How::C("-lev", LIBEV)),
            Peer::new("libevent", How::C("-levent", LIBEVENT)),
            Peer::new("libuv", How::C("-luv", LIBUV)),
            Peer::here("BinaryHeap, no cancel (floor)", heap),
            Peer::here("evcore", ours),
        ],
    };
    vec![
        case(
            "cancel",
            "insert and cancel, 1 M live",
            tokio::cancel,
            heap::cancel,
            ours::cancel,
        ),
        case(
            "churn",
            "replace the oldest, 1,000 live",
            tokio::churn,
            heap::churn,
            ours::churn,
        ),
        case(
            "fire",
            "as many due within 100 ms",
            tokio::fire,
            heap::fire,
            ours::fire,
        ),
    ]
}
