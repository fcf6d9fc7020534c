//! A server that echoes 64 bytes on 100 connections, with 10,000 on which nothing happens: what those cost the loop, and
//! in memory. One operation is one echo; the peak memory is that of 10,101 connections.

use crate::area::{Case, How, Load, Peer, Setting};
use crate::peer::c::{LIBEV, LIBEVENT, LIBUV};
use crate::peer::pair::MESSAGE;
use crate::peer::{echo_epoll, echo_tokio};

pub(crate) fn cases() -> Vec<Case> {
    let load = Load {
        message: &MESSAGE,
        active: 100,
        pipelined: 1,
        idle: 10_000,
    };
    let case = |name, what, load, counted| Case {
        area: "idle",
        name,
        what,
        ops: 200_000,
        reference: "raw epoll (floor)",
        setting: Setting::Loaded(load),
        counted,
        rounds: 1,
        peers: vec![
            Peer::new("raw epoll (floor)", How::Server(echo_epoll::serve)),
            Peer::new("libevent", How::CServer("-levent", LIBEVENT)),
            Peer::new("libuv", How::CServer("-luv", LIBUV)),
            Peer::new("libev", How::CServer("-lev", LIBEV)),
            Peer::new("tokio", How::Server(echo_tokio::serve)),
            Peer::new("evcore", How::Server(crate::ours::echo::serve)),
        ],
    };
    vec![
        case(
            "echo",
            "an echo of 64 bytes, 10,000 idle + 100 active connections",
            load,
            0,
        ),
        // How much of that memory is the connections', and how much the program's.
        case(
            "none",
            "the same without the idle ones",
            Load { idle: 0, ..load },
            20_000,
        ),
    ]
}
