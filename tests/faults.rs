//! The table of provoked faults: each row makes a real peer on loopback misbehave (or asks for what can't be), and
//! holds the call to the kind and the exact line that `docs/errors.md` prints for it. None may hang.

mod faults {
    pub(crate) mod asking;
    pub(crate) mod bodies;
    pub(crate) mod following;
    pub(crate) mod heads;
    pub(crate) mod late;
    pub(crate) mod proxies;
    pub(crate) mod reaching;
    pub(crate) mod row;
    pub(crate) mod secure;
    pub(crate) mod still;
}

use std::collections::HashSet;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use faults::row::{Row, Told};
use faults::{asking, bodies, following, heads, late, proxies, reaching, secure};

/// No row takes a second; a machine that is busy with other things may be many times slower.
const WATCHDOG: Duration = Duration::from_secs(60);

const PARTS: &[(&str, &[Row])] = &[
    ("What can't be asked for", asking::ROWS),
    ("Names and connections", reaching::ROWS),
    ("TLS", secure::ROWS),
    ("Proxies", proxies::ROWS),
    ("Heads", heads::ROWS),
    ("Bodies", bodies::ROWS),
    ("Redirects, challenges, second sendings", following::ROWS),
    ("Who is late", late::ROWS),
];

/// Plays a row on a thread (and so a reactor) of its own.
fn play(row: &Row) -> Told {
    let (tell, told) = mpsc::channel();
    let provoke = row.provoke;
    thread::spawn(move || tell.send(provoke()));
    match told.recv_timeout(WATCHDOG) {
        Ok(told) => told,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{} hangs", row.fault),
        Err(mpsc::RecvTimeoutError::Disconnected) => panic!("{} panics", row.fault),
    }
}

#[test]
fn every_fault_has_its_line() {
    let wrong: Vec<String> = PARTS
        .iter()
        .flat_map(|(_, rows)| *rows)
        .filter_map(|row| {
            let told = play(row);
            let right = told.kind == row.kind && told.line == row.line;
            (!right).then(|| format!("{}\n\t{}\n\t{}", row.fault, told.kind, told.line))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn the_document_holds_the_same_table() {
    let cell = |text: &str| text.replace('|', "\\|");
    let row = |row: &Row| {
        let (fault, kind, line) = (cell(row.fault), cell(row.kind), cell(row.line));
        format!("| {fault} | `{kind}` | `{line}` |\n")
    };
    let part = |(title, rows): &(&str, &[Row])| {
        let rows: String = rows.iter().map(row).collect();
        format!("## {title}\n\n| fault | kind | line |\n|---|---|---|\n{rows}")
    };
    let table: Vec<String> = PARTS.iter().map(part).collect();
    let table = table.join("\n");
    let document = include_str!("../docs/errors.md");
    assert!(
        document.contains(&table),
        "docs/errors.md has to hold this:\n{table}"
    );
}

#[test]
fn there_are_sixty_and_no_two_alike() {
    let rows: Vec<&Row> = PARTS.iter().flat_map(|(_, rows)| *rows).collect();
    assert!(rows.len() >= 60, "{}", rows.len());
    let names: HashSet<&str> = rows.iter().map(|row| row.fault).collect();
    assert_eq!(names.len(), rows.len());
    for row in rows {
        assert!(!row.line.contains('\n'), "{} takes two lines", row.fault);
    }
}
