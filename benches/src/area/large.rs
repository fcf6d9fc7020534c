//! One large body, over plain TCP and over TLS. One operation is one MiB.

use crate::area::{Case, Peer, Setting};
use crate::ours::large as ours;
use crate::peer::large::{self, curl, hyper, reqwest, rustls, ureq};

pub(crate) fn cases() -> Vec<Case> {
    let case = |setting, name, what, ops, reference, peers| Case {
        area: "large",
        name,
        what,
        ops,
        reference,
        setting,
        counted: 128,
        rounds: 1,
        peers,
    };
    vec![
        case(
            Setting::Flooded,
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
            Setting::Flooded,
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
        case(
            Setting::FloodedByTls,
            "tls",
            "a MiB of a body of 512 MiB over TLS 1.3 (AES-256-GCM), in pieces dropped at once",
            512,
            "rustls, blocking, recv of 128 KiB (floor)",
            vec![
                Peer::here("rustls, blocking, recv of 128 KiB (floor)", rustls::recv),
                Peer::here("rustls::StreamOwned, blocking", rustls::stream),
                Peer::here("reqwest, rustls", reqwest::tls),
                Peer::here("ureq, rustls", ureq::tls),
                Peer::here("libcurl easy, OpenSSL", curl::tls),
                Peer::here("evhttp, stream()", ours::tls),
            ],
        ),
    ]
}
