//! docs/tasks.md: both ways side by side, their lines counted, and what is said where a task fails.

use std::error::Error;
use std::fmt::Write;

const OURS: &str = include_str!("ours.rs");
const THEIRS: &str = include_str!("theirs.rs");
const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/tasks.md");

const OPENING: &str = "# Everyday tasks, beside reqwest

Written by `cargo run -p tasks -- --write` from `benches/tasks`, where both sides are run against the same server and have to come to the same result;
without `--write`, as in CI, that program fails if this page is not what it would write, or if one of ours is longer. Both sides are formatted by rustfmt
and hand errors on with `?`. A line is one between the braces of the task's function. reqwest is used in the shorter of its two ways: blocking, which
starts a runtime on a thread behind the scenes, or on tokio, whose attribute is not counted. Where reqwest needs a client for what evhttp has a function for,
it makes one. Where a page is saved both stream; ours\nwrites on a helper thread and gives the file its name when all of it is there.

";

/// A task on the page.
pub(crate) struct Row {
    what: &'static str,
    ours: String,
    theirs: String,
    said: Option<[String; 2]>,
}

impl Row {
    pub(crate) fn new(
        name: &str,
        what: &'static str,
        said: Option<[String; 2]>,
    ) -> Result<Row, Box<dyn Error>> {
        let (ours, theirs) = (body(OURS, name)?, body(THEIRS, name)?);
        if lines(&ours) > lines(&theirs) {
            return Err(format!("{name}: ours is longer").into());
        }
        Ok(Row {
            what,
            ours,
            theirs,
            said,
        })
    }
}

/// What stands between the braces of a function that rustfmt has formatted.
fn body(source: &str, name: &str) -> Result<String, String> {
    let (_, from) = source
        .split_once(&format!("fn {name}("))
        .ok_or_else(|| format!("no function is called {name}"))?;
    let (_, from) = from.split_once("{\n").ok_or("a function without a body")?;
    let (body, _) = from.split_once("\n}").ok_or("a function without an end")?;
    let body = body
        .lines()
        .map(|line| line.strip_prefix("    ").unwrap_or(line));
    Ok(body.collect::<Vec<_>>().join("\n"))
}

fn lines(body: &str) -> usize {
    body.lines().count()
}

/// Writes the page, or demands that it is there as it would be written.
pub(crate) fn keep(rows: &[Row], writes: bool) -> Result<(), Box<dyn Error>> {
    let page = page(rows)?;
    if writes {
        return Ok(std::fs::write(PATH, page)?);
    }
    match std::fs::read_to_string(PATH)? == page {
        true => Ok(()),
        false => {
            Err("docs/tasks.md is not what the tasks are: `cargo run -p tasks -- --write`".into())
        }
    }
}

fn page(rows: &[Row]) -> Result<String, std::fmt::Error> {
    let mut page = OPENING.to_owned();
    let sum = |of: fn(&Row) -> &str| rows.iter().map(|row| lines(of(row))).sum::<usize>();
    let (ours, theirs) = (sum(|row| &row.ours), sum(|row| &row.theirs));
    writeln!(
        page,
        "| task | lines, evhttp | lines, reqwest |\n|---|---|---|"
    )?;
    for row in rows {
        let (what, ours, theirs) = (row.what, lines(&row.ours), lines(&row.theirs));
        writeln!(page, "| {what} | {ours} | {theirs} |")?;
    }
    writeln!(page, "| all {} | {ours} | {theirs} |", rows.len())?;
    writeln!(
        page,
        "\n## What they say when it fails\n\n| task | evhttp | reqwest |\n|---|---|---|"
    )?;
    for row in rows {
        if let Some([ours, theirs]) = &row.said {
            writeln!(page, "| {} | `{ours}` | `{theirs}` |", row.what)?;
        }
    }
    writeln!(
        page,
        "\nreqwest keeps the cause in `source()`; this is its `Display`, one line as ours.\n\nNot in the list, because it would be longer here: reading a body piece by piece into a `Write` is one call of reqwest's blocking client (`copy_to`)."
    )?;
    writeln!(page, "\n## Side by side")?;
    for Row {
        what, ours, theirs, ..
    } in rows
    {
        writeln!(
            page,
            "\n**{what}**\n\n```rust,ignore\n{ours}\n```\n```rust,ignore\n{theirs}\n```"
        )?;
    }
    Ok(page)
}
