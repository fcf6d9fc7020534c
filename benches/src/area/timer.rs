//! Timers: most are taken back before they fire. Every timer carries a callback or wakes a task.

use crate::area::{Case, Peer};
use crate::ours::timer as ours;
use crate::peer::{timer_heap as heap, timer_tokio as tokio};

pub(crate) fn cases() -> Vec<Case> {
    let case = |name, what, ops, tokio, heap, ours| Case {
        area: "timer",
        name,
        what,
        ops,
        reference: "tokio",
        served: false,
        traced: false,
        peers: vec![
            Peer::here("tokio", tokio),
            Peer::here("BinaryHeap, no cancel (floor)", heap),
            Peer::here("evcore", ours),
        ],
    };
    let million = 1_000_000;
    vec![
        case(
            "cancel",
            "insert and cancel, 1 M live",
            million,
            tokio::cancel,
            heap::cancel,
            ours::cancel,
        ),
        case(
            "churn",
            "replace the oldest, 1,000 live",
            million,
            tokio::churn,
            heap::churn,
            ours::churn,
        ),
        case(
            "fire",
            "as many due within 100 ms",
            million,
            tokio::fire,
            heap::fire,
            ours::fire,
        ),
    ]
}
