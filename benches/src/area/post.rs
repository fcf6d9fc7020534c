//! Another thread posts closures to the loop: boxed, run in order on the loop's thread. Both threads' time counts.

use crate::area::{Case, How, Peer, Setting};
use crate::peer::c::LIBUV;
use crate::peer::{post_calloop, post_eventfd, post_mio, post_smol, post_tokio};

pub(crate) fn cases() -> Vec<Case> {
    vec![Case {
        area: "post",
        name: "thread",
        what: "one closure posted by another thread and run",
        ops: 2_000_000,
        reference: "tokio",
        setting: Setting::Threads,
        counted: 0,
        rounds: 1,
        peers: vec![
            Peer::here("tokio", post_tokio::run),
            Peer::here("raw eventfd (floor)", post_eventfd::run),
            Peer::new("libuv", How::C("-luv", LIBUV)),
            Peer::here("mio", post_mio::run),
            Peer::here("smol", post_smol::run),
            Peer::here("calloop", post_calloop::run),
            Peer::here("evcore", crate::ours::post::run),
        ],
    }]
}
