//! Promises: made, attached to, settled and delivered. One operation is one callback called.

use crate::area::{Case, How, Peer};
use crate::ours::promise as ours;
use crate::peer::promise_naive as naive;

const V8: &str = include_str!("../peer/promise.js");

pub(crate) fn cases() -> Vec<Case> {
    let case = |name, what, ops, naive, ours| Case {
        area: "promise",
        name,
        what,
        ops,
        reference: "V8",
        served: false,
        traced: false,
        peers: vec![
            Peer {
                name: "V8",
                how: How::Node(V8),
            },
            Peer::here("naive Rc<RefCell<Vec<Box>>>", naive),
            Peer::here("evcore", ours),
        ],
    };
    let million = 1_000_000;
    vec![
        case(
            "ready",
            "attach to settled ones, deliver, in batches of 1,000",
            4 * million,
            naive::ready,
            ours::ready,
        ),
        case(
            "hot",
            "make, attach, resolve, deliver, in batches of 1,000",
            4 * million,
            naive::hot,
            ours::hot,
        ),
        case(
            "pending",
            "make and attach all, then resolve all",
            million,
            naive::pending,
            ours::pending,
        ),
        case(
            "chain",
            "a chain of as many thens",
            million,
            naive::chain,
            ours::chain,
        ),
        case(
            "many",
            "as many callbacks on one promise",
            million,
            naive::many,
            ours::many,
        ),
    ]
}
