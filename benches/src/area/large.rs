//! One large body over plain TCP. One operation is one MiB.

use crate::area::{Case, Peer, Setting};
use crate::ours::large as ours;
use crate::peer::large::{self, curl, hyper, reqwest, ureq};

pub(crate) fn cases() -> Vec<Case> {
    let case = |name, what, ops, reference, peers| Case {
        area: "large",
        name,
        what,
        ops,
        reference,
        setting: Setting::Flooded,
        counted: 128,
        rounds: 1,
        peers,
    };
    vec![
        case(
            "streamed",
            "a MiB of a body of 1 GiB, in pieces dropped at once",
            1_024,
            "recv loop, 128 KiB (floor)",
            vec![
                Peer::here("recv loop, 128 KiB (floor)", large::recv_streamed),
                Peer::here("hyper, bare connection", hyper::streamed),
                Peer::here("reqwest", reqwest::streamed),
                Peer::here("ureq", ureq::streamed),
                Peer::here("libcurl easy", curl::streamed),
                Peer::here("evhttp, stream()", ours::streamed),
            ],
        ),
        case(
            "whole",
            "a MiB of a body of 512 MiB, kept in memory",
            512,
            "recv loop into fresh memory (floor)",
            vec![
                Peer::here("recv loop into fresh memory (floor)", large::recv_whole),
                Peer::here("reqwest", reqwest::whole),
                Peer::here("ureq", ureq::whole),
                Peer::here("evhttp, fetch(url)", ours::whole),
            ],
        ),
    ]
}
