//! GET of 13 bytes on keep-alive connections, each with one request in flight.

use crate::area::{Case, Peer};
use crate::ours::fetch as ours;
use crate::peer::{fetch_epoll, fetch_hyper};

pub(crate) fn cases() -> Vec<Case> {
    let case = |name, what, ops, epoll, hyper, ours| Case {
        area: "fetch",
        name,
        what,
        ops,
        reference: "hyper, bare connection",
        served: true,
        traced: true,
        peers: vec![
            Peer::here("hyper, bare connection", hyper),
            Peer::here("raw epoll, no parser (floor)", epoll),
            Peer::here("evhttp, fetch(url)", ours),
        ],
    };
    vec![
        case(
            "1",
            "GET on 1 connection",
            50_000,
            fetch_epoll::on_1,
            fetch_hyper::on_1,
            ours::on_1,
        ),
        case(
            "64",
            "GET on 64 connections",
            200_000,
            fetch_epoll::on_64,
            fetch_hyper::on_64,
            ours::on_64,
        ),
    ]
}
