//! Powers that one file has and no other: catching panics, polling, asking the time, thread-locals, `unsafe`.

use super::source::Source;

fn breaches(
    sources: &[Source],
    owner: &str,
    what: &str,
    lines: impl Fn(&Source) -> Vec<usize>,
) -> Vec<String> {
    let others = sources.iter().filter(|source| !owns(owner, &source.path));
    let place = |source: &Source| {
        lines(source)
            .into_iter()
            .map(|line| source.place(line))
            .collect::<Vec<_>>()
    };
    others
        .flat_map(place)
        .map(|place| format!("{place}: {what} belongs to {owner}"))
        .collect()
}

/// `sys` owns `sys.rs` and all below `sys/`; a name with `.rs` is that file alone.
fn owns(owner: &str, path: &str) -> bool {
    path.strip_prefix("crates/evcore/src/")
        .is_some_and(|path| match owner.ends_with(".rs") {
            true => path == owner,
            false => path == format!("{owner}.rs") || path.starts_with(&format!("{owner}/")),
        })
}

/// Who catches panics calls user code; that is the turn's office.
pub(crate) fn catch_unwind(sources: &[Source]) -> Vec<String> {
    breaches(sources, "turn.rs", "catch_unwind", |source| {
        source.lines_with(&["catch_unwind"])
    })
}

pub(crate) fn pollers(sources: &[Source]) -> Vec<String> {
    let names = |source: &Source| {
        let paths = source.paths().into_iter();
        let foreign = paths.filter(|path| matches!(path.segments[0].as_str(), "mio" | "polling"));
        foreign.map(|path| path.line).collect()
    };
    breaches(sources, "sys", "naming a poller", names)
}

pub(crate) fn time(sources: &[Source]) -> Vec<String> {
    let asks: [&[&str]; 3] = [
        &["Instant", "::", "now"],
        &["SystemTime", "::", "now"],
        &[".", "elapsed", "(", ")"], // it asks as well
    ];
    let lines = |source: &Source| {
        asks.iter()
            .flat_map(|ask| source.lines_with(ask))
            .collect::<Vec<_>>()
    };
    let breaches = breaches(sources, "sys", "asking the time", lines);
    // evhttp's is the calendar: Date fields are not for timers.
    let clocks = ["crates/evcore/src/clock.rs:", "crates/evhttp/src/clock.rs:"];
    breaches
        .into_iter()
        .filter(|breach| !clocks.iter().any(|clock| breach.starts_with(clock)))
        .collect()
}

pub(crate) fn thread_local(sources: &[Source]) -> Vec<String> {
    breaches(sources, "current.rs", "thread_local!", |source| {
        source.lines_with(&["thread_local"])
    })
}

/// Where a foreign interface demands `unsafe`: registering a source of polling's, and GLib's in C.
const UNSAFE: [&str; 2] = [
    "crates/evcore/src/sys/polling.rs",
    "crates/evglib/src/source.rs",
];

pub(crate) fn unsafe_code(sources: &[Source]) -> Vec<String> {
    let mut found = breaches(sources, "sys/polling.rs", "unsafe", |source| {
        if UNSAFE.contains(&source.path.as_str()) {
            return Vec::new(); // but each block has to say why, below
        }
        let allows = source.lines_with(&["unsafe_code"]).into_iter();
        let forbids = source.lines_with(&["forbid", "(", "unsafe_code"]);
        let lifted = allows.filter(|line| !forbids.contains(line));
        lifted.chain(source.lines_with(&["unsafe"])).collect()
    });
    for source in sources {
        let unexplained = source
            .lines_with(&["unsafe"])
            .into_iter()
            .filter(|line| !explained(source, *line));
        found.extend(
            unexplained.map(|line| format!("{}: unsafe without a SAFETY note", source.place(line))),
        );
    }
    found
}

/// The comment that ends right above the line, or the line itself, says SAFETY.
fn explained(source: &Source, line: usize) -> bool {
    let lines: Vec<&str> = source.text.lines().collect();
    let above = lines[..line - 1]
        .iter()
        .rev()
        .take_while(|line| line.trim_start().starts_with("//"));
    above
        .chain([&lines[line - 1]])
        .any(|line| line.contains("SAFETY:"))
}
