//! Promises: made, attached to, settled and delivered. One operation is one callback called.

use crate::area::{Case, How, Peer, Setting};
use crate::ours::promise as ours;
use crate::peer::{promise_naive as naive, promise_tokio as tokio};

const V8: &str = include_str!("../peer/promise.js");
const TWISTED: &str = include_str!("../peer/promise.py");

pub(crate) fn cases() -> Vec<Case> {
    let case = |name, what, ops, naive, tokio, ours| Case {
        area: "promise",
        name,
        what,
        ops,
        reference: "V8",
        setting: Setting::Alone,
        counted: 10_000,
        rounds: 2,
        peers: vec![
            Peer::new("V8", How::Script("node", "-e", V8)),
            Peer::here("naive Rc<RefCell<Vec<Box>>>", naive),
            Peer::here("tokio oneshot, Shared", tokio),
            Peer::new("Twisted", How::Script("python3", "-c", TWISTED)),
            Peer::here("evcore", ours),
        ],
    };
    let million = 1_000_000;
    vec![
        case(
            "ready",
            "attach to settled ones, deliver, in batches of 1,000",
            2 * million,
            naive::ready,
            tokio::ready,
            ours::ready,
        ),
        case(
            "hot",
            "make, attach, resolve, deliver, in batches of 1,000",
            2 * million,
            naive::hot,
            tokio::hot,
            ours::hot,
        ),
        case(
            "pending",
            "make and attach all, then resolve all",
            million,
            naive::pending,
            tokio::pending,
            ours::pending,
        ),
        case(
            "chain",
            "a chain of as many thens",
            million,
            naive::chain,
            tokio::chain,
            ours::chain,
        ),
        case(
            "many",
            "as many callbacks on one promise",
            million,
            naive::many,
            tokio::many,
            ours::many,
        ),
    ]
}
