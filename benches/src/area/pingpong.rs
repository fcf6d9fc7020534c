//! One loop holds both ends of one TCP connection and sends 64 bytes to and fro: what a turn costs. The least possible is
//! six system calls a round: wait, receive and send, twice.

use crate::area::{Case, Peer};
use crate::ours::pingpong as ours;
use crate::peer::{pingpong_epoll, pingpong_mio, pingpong_tokio};

pub(crate) fn cases() -> Vec<Case> {
    vec![Case {
        area: "pingpong",
        name: "tcp",
        what: "one round of 64 bytes there and back, both ends in one loop",
        ops: 100_000,
        reference: "raw epoll",
        served: false,
        traced: true,
        peers: vec![
            Peer::here("raw epoll", pingpong_epoll::run),
            Peer::here("mio", pingpong_mio::run),
            Peer::here("tokio", pingpong_tokio::run),
            Peer::here("evcore, coroutines", ours::polled),
            Peer::here("evcore, promises", ours::promised),
        ],
    }]
}
