//! Who may import whom. The tables are meant to be edited; an edit is an architectural decision.

use super::source::{Named, Source};

/// evcore: a module, and the modules of the crate it may name besides itself and the ground.
/// A row covers the file and its folder; a module without a row is a breach.
#[rustfmt::skip]
const EVCORE: &[(&str, &[&str])] = &[
    // The ground: values and constants.
    ("error",    &[]),
    ("limits",   &[]),
    ("token",    &[]),
    ("event",    &[]),
    // Parts that know nothing of promises.
    ("timer",    &[]),
    ("source",   &[]),
    ("sys",      &[]),
    ("clock",    &["sys"]), // the manual one stands in front of a world
    // The heart. A promise belongs to a reactor (P27) and settling it queues a delivery, so these know one another.
    ("current",  &["reactor", "promise"]),
    ("inbox",    &["current", "sys"]),
    ("promise",  &["reactor", "current", "turn", "task", "sleep"]),
    ("task",     &["reactor", "current", "turn", "promise", "inbox"]),
    ("turn",     &["reactor", "current", "promise", "task"]),
    ("sleep",    &["reactor", "current", "promise", "turn"]),
    ("host",     &["reactor", "turn", "sys"]),
    ("reactor",  &["timer", "sys", "clock", "current", "inbox", "source", "promise", "task", "turn", "sleep", "host"]),
    // On top, through the public face only; `turn` lends `blocking` its panic policy.
    ("blocking", &["reactor", "promise", "inbox", "task", "turn"]),
    ("net",      &["reactor", "promise", "task", "source", "sleep", "sys", "blocking"]),
    ("signal",   &["reactor", "promise", "task", "inbox", "net", "sys"]),
];

/// Everybody may name these; they name nothing of ours, nor each other.
const GROUND: &[&str] = &["error", "limits", "token", "event"];

pub(crate) fn evcore(sources: &[Source]) -> Vec<String> {
    let ours = || {
        sources
            .iter()
            .filter(|source| source.path.starts_with("crates/evcore/src/"))
    };
    let homes: Vec<(String, String)> = ours()
        .filter(|source| source.module().is_empty())
        .flat_map(exports)
        .collect();
    let mut breaches = Vec::new();
    for source in ours() {
        let Some(module) = source.module().first().copied() else {
            continue;
        };
        let Some((_, allowed)) = EVCORE.iter().find(|(name, _)| *name == module) else {
            breaches.push(format!(
                "{}: `{module}` has no row in the table of layers",
                source.path
            ));
            continue;
        };
        for (named, line) in imports(source, &homes) {
            let ground = GROUND.contains(&named.as_str()) && !GROUND.contains(&module);
            let fine = named == module || ground || allowed.contains(&named.as_str());
            if !fine {
                breaches.push(format!(
                    "{}: `{module}` may not name `{named}`",
                    source.place(line)
                ));
            }
        }
    }
    breaches
}

/// Items lib.rs shows under the crate's name, and the module each comes from.
fn exports(lib: &Source) -> Vec<(String, String)> {
    let mut homes = Vec::new();
    for path in lib.paths() {
        let segments = path
            .segments
            .iter()
            .skip_while(|segment| matches!(segment.as_str(), "crate" | "self"));
        let segments: Vec<&String> = segments.collect();
        if let [module, .., item] = segments[..] {
            homes.push((item.clone(), module.clone()));
        }
    }
    homes
}

/// The modules of its own crate that a file names, by `crate::`, by `super::` or through lib.rs.
fn imports(source: &Source, homes: &[(String, String)]) -> Vec<(String, usize)> {
    let mut named = Vec::new();
    for path in source.paths() {
        if let Some(first) = first_module(source, &path) {
            let home = homes.iter().find(|(item, _)| item == first);
            let module = home.map_or(first, |(_, module)| module);
            named.push((module.to_string(), path.line));
        }
    }
    named
}

/// The first segment below the crate's root, if the path starts from there.
fn first_module<'a>(source: &Source, path: &'a Named) -> Option<&'a str> {
    let supers = path
        .segments
        .iter()
        .take_while(|segment| *segment == "super")
        .count();
    let from_root = path.segments[0] == "crate" || (supers > 0 && supers == source.module().len());
    let first = path.segments.get(supers.max(1))?;
    from_root.then_some(first.as_str())
}

/// Modules that decide and never act: no socket, no clock, no promise.
#[rustfmt::skip]
const PURE: &[(&str, &[&str])] = &[
    ("evhttp", &["h1", "policy", "cache/freshness"]),
    ("evdns", &["wire", "config", "query", "cache", "search", "order", "literal", "name", "idn"]),
];

/// An address is a value; a socket is not.
const ADDRESSES: &[&str] = &[
    "IpAddr",
    "Ipv4Addr",
    "Ipv6Addr",
    "SocketAddr",
    "SocketAddrV4",
    "SocketAddrV6",
    "AddrParseError",
];

pub(crate) fn pure(sources: &[Source]) -> Vec<String> {
    let mut breaches = Vec::new();
    for source in sources.iter().filter(|source| {
        PURE.iter()
            .any(|(krate, modules)| is_in(source, krate, modules))
    }) {
        let mut breach = |line, what: &str| {
            breaches.push(format!(
                "{}: a pure module names {what}",
                source.place(line)
            ))
        };
        for word in ["evcore", "Promise", "Instant", "SystemTime"] {
            source
                .lines_with(&[word])
                .into_iter()
                .for_each(|line| breach(line, word));
        }
        for path in source.paths() {
            let segments: Vec<&str> = path.segments.iter().map(String::as_str).collect();
            if let ["std" | "core", "net", rest @ ..] = &segments[..]
                && !rest.first().is_some_and(|item| ADDRESSES.contains(item))
            {
                breach(path.line, &segments.join("::"));
            }
        }
    }
    breaches
}

fn is_in(source: &Source, krate: &str, modules: &[&str]) -> bool {
    let inside = source.path.strip_prefix(&format!("crates/{krate}/src/"));
    inside.is_some_and(|inside| {
        modules.iter().any(|module| {
            inside == format!("{module}.rs") || inside.starts_with(&format!("{module}/"))
        })
    })
}

/// evhttp: pairs that never import each other, either way. `call` stands between the two.
const STRANGERS: &[(&str, &str)] = &[("layer", "conn"), ("h1", "layer"), ("server", "layer")];

pub(crate) fn evhttp(sources: &[Source]) -> Vec<String> {
    let mut breaches = Vec::new();
    for source in sources
        .iter()
        .filter(|source| source.path.starts_with("crates/evhttp/src/"))
    {
        let Some(module) = source.module().first().copied() else {
            continue;
        };
        for (named, line) in imports(source, &[]) {
            let pair = |(a, b): &&(&str, &str)| {
                (*a, *b) == (module, &named) || (*b, *a) == (module, &named)
            };
            if STRANGERS.iter().any(|strangers| pair(&strangers)) {
                breaches.push(format!(
                    "{}: `{module}` may not name `{named}`",
                    source.place(line)
                ));
            }
        }
    }
    breaches
}
