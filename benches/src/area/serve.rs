//! Answering a GET with `Hello, world!`: the server's CPU time, seen from outside. The load is the same raw epoll client for
//! all; nobody's answers are longer than the fields it sends by default.

use crate::area::{Case, How, Load, Peer, Setting};
use crate::peer::{serve_actix, serve_hyper, serve_mio};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

pub(crate) fn cases() -> Vec<Case> {
    let case = |name, what, ops, active, pipelined| Case {
        area: "serve",
        name,
        what,
        ops,
        reference: "hyper",
        setting: Setting::Loaded(Load {
            message: REQUEST,
            active,
            pipelined,
            idle: 0,
        }),
        counted: 16_000,
        rounds: 1,
        peers: vec![
            Peer::new("hyper", How::Server(serve_hyper::serve)),
            Peer::new(
                "raw epoll, no parser (floor)",
                How::Server(crate::canned::serve),
            ),
            Peer::new("mio + httparse", How::Server(serve_mio::serve)),
            Peer::new("actix-web", How::Server(serve_actix::serve)),
            Peer::new("nginx", How::Nginx),
            Peer::new("evhttp, serve()", How::Server(crate::ours::serve::serve)),
        ],
    };
    vec![
        case("64", "a request on 64 connections", 200_000, 64, 1),
        case("256", "a request on 256 connections", 200_000, 256, 1),
        case(
            "pipelined",
            "a request on 64 connections, 16 under way on each",
            800_000,
            64,
            16,
        ),
    ]
}
