//! GET of 13 bytes on keep-alive connections, each with one request in flight. A case is called by its connections.
//!
//! Ours is what users write: the default client with the layers it has by default (named in the table), a text for a URL,
//! parsed each time; its promises with all their rules.

use crate::area::{Case, How, Peer, Setting};
use crate::ours::fetch as ours;
use crate::peer::{fetch_curl, fetch_epoll, fetch_hyper, fetch_pool, fetch_reqwest, fetch_ureq};

pub(crate) fn cases() -> Vec<Case> {
    let case = |name, what, ops, wrk| Case {
        area: "fetch",
        name,
        what,
        ops,
        reference: "hyper, bare connection",
        setting: Setting::Served,
        counted: 6_400,
        rounds: 1,
        peers: vec![
            Peer::here("hyper, bare connection", fetch_hyper::run),
            Peer::here("raw epoll, no parser (floor)", fetch_epoll::run),
            Peer::new("wrk", How::Wrk(wrk)),
            Peer::here("hyper-util, pooled", fetch_pool::run),
            Peer::here("reqwest", fetch_reqwest::run),
            Peer::here("ureq, a thread each", fetch_ureq::run),
            Peer::here("libcurl multi", fetch_curl::run),
            Peer::here(ours::NAME, ours::run),
        ],
    };
    let layers = Case {
        area: "fetch",
        name: "64/layers",
        what: "GET on 64 connections, with the default layers and with none",
        ops: 100_000,
        reference: ours::BARE,
        setting: Setting::Served,
        counted: 6_400,
        rounds: 1,
        peers: vec![
            Peer::here(ours::BARE, ours::run_bare),
            Peer::here(ours::NAME, ours::run),
        ],
    };
    vec![
        case("1", "GET on 1 connection", 20_000, 1),
        case("64", "GET on 64 connections", 100_000, 64),
        case("256", "GET on 256 connections", 100_000, 256),
        layers,
    ]
}
