//! One loop holds both ends of one TCP connection and sends 64 bytes to and fro: what a turn costs. The least possible is
//! six system calls a round: wait, receive and send, twice.

use crate::area::{Case, How, Peer, Setting};
use crate::ours::pingpong as ours;
use crate::peer::c::{LIBEV, LIBEVENT, LIBUV};
use crate::peer::{pingpong_calloop, pingpong_epoll, pingpong_mio, pingpong_smol, pingpong_tokio};

pub(crate) fn cases() -> Vec<Case> {
    vec![Case {
        area: "pingpong",
        name: "tcp",
        what: "one round of 64 bytes there and back, both ends in one loop",
        ops: 100_000,
        reference: "raw epoll (floor)",
        setting: Setting::Alone,
        counted: 5_000,
        rounds: 1,
        peers: vec![
            Peer::here("raw epoll (floor)", pingpong_epoll::run),
            Peer::new("libevent", How::C("-levent", LIBEVENT)),
            Peer::new("libuv", How::C("-luv", LIBUV)),
            Peer::new("libev", How::C("-lev", LIBEV)),
            Peer::here("mio", pingpong_mio::run),
            Peer::here("tokio", pingpong_tokio::run),
            Peer::here("smol", pingpong_smol::run),
            Peer::here("calloop", pingpong_calloop::run),
            Peer::here("evcore, coroutines", ours::polled),
            Peer::here("evcore, promises", ours::promised),
        ],
    }]
}
