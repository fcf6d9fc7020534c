//! What exists, and what nothing may be called. Contents are the business of other rules.

use std::path::Path;

/// What every checkout has. A module of a crate that is not here is no breach (`layers` wants a row for it).
const LAYOUT: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "Cargo.toml",
            "README.md",
            "LICENSE",
            "CHANGELOG.md",
            "CONTRIBUTING.md",
            "deny.toml",
            "rustfmt.toml",
            "justfile",
        ],
    ),
    (
        "",
        &[
            ".ci/run",
            "examples/Cargo.toml",
            "tests/Cargo.toml",
            "benches/Cargo.toml",
        ],
    ),
    ("docs", &["ARCHITECTURE.md", "promises.md"]),
    (
        "crates/evcore/src",
        &[
            "lib.rs",
            "promise.rs",
            "event.rs",
            "turn.rs",
            "timer.rs",
            "token.rs",
            "source.rs",
            "clock.rs",
        ],
    ),
    (
        "crates/evcore/src",
        &[
            "limits.rs",
            "sys.rs",
            "sys/mio.rs",
            "sys/polling.rs",
            "inbox.rs",
            "task.rs",
            "reactor.rs",
        ],
    ),
    (
        "crates/evcore/src",
        &[
            "host.rs",
            "current.rs",
            "signal.rs",
            "blocking.rs",
            "error.rs",
        ],
    ),
    (
        "crates/evcore/src/promise",
        &[
            "resolver.rs",
            "state.rs",
            "follow.rs",
            "join.rs",
            "unhandled.rs",
            "wait.rs",
        ],
    ),
    (
        "crates/evcore/src/net",
        &[
            "stream.rs",
            "listen.rs",
            "datagram.rs",
            "unix.rs",
            "connect.rs",
        ],
    ),
    (
        "crates/evdns/src",
        &[
            "lib.rs",
            "limits.rs",
            "wire.rs",
            "config.rs",
            "query.rs",
            "cache.rs",
            "order.rs",
            "transport.rs",
            "resolver.rs",
        ],
    ),
    (
        "crates/evhttp/src",
        &[
            "lib.rs",
            "fetch.rs",
            "client.rs",
            "request.rs",
            "response.rs",
            "body.rs",
            "event.rs",
        ],
    ),
    (
        "crates/evhttp/src",
        &[
            "error.rs",
            "limits.rs",
            "call.rs",
            "h1",
            "layer",
            "conn",
            "server",
        ],
    ),
];

/// Names that say nothing about what is inside, and the index file Rust no longer needs.
const BANNED: &[&str] = &[
    "mod.rs", "util", "utils", "common", "helper", "helpers", "manager", "managers", "misc",
    "handler", "handlers",
];

pub(crate) fn missing(root: &Path) -> Vec<String> {
    let wanted = LAYOUT
        .iter()
        .flat_map(|(folder, names)| names.iter().map(move |name| Path::new(folder).join(name)));
    wanted
        .filter(|path| !root.join(path).exists())
        .map(|path| path.display().to_string())
        .collect()
}

pub(crate) fn banned_names(paths: &[String]) -> Vec<String> {
    let banned =
        |part: &str| BANNED.contains(&part) || BANNED.contains(&part.trim_end_matches(".rs"));
    paths
        .iter()
        .filter(|path| path.split('/').any(banned))
        .map(|path| format!("{path}: a banned name"))
        .collect()
}
