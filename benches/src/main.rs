//! Measures us and our peers in one run: `cargo run --release -p evbench -- [AREA[/CASE]] [--runs N] [--json FILE] [--svg DIR]`.
//!
//! Here: the command line. Every measurement happens in a child process of its own (this binary again, or node), so that
//! no peer inherits another's heap and peak memory means something. Never here: what is measured, or how.

mod area;
mod canned;
mod flood;
mod launch;
mod load;
mod measure;
mod ours;
mod peer;
mod plot;
mod report;

use std::process::ExitCode;

const USAGE: &str = "usage: evbench [AREA[/CASE]] [--runs N] [--json FILE] [--svg DIR]\nareas: promise timer pingpong idle post fetch large serve dns weight";

/// How often each peer runs, in turn with the others; the median counts.
const RUNS: usize = 5;

struct Options {
    filter: String,
    runs: usize,
    json: Option<String>,
    svg: Option<String>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["--one", case, peer, ops, port] => measure::one(case, peer, ops, port),
        ["--serve-canned"] => canned::serve(),
        ["--serve-large"] => flood::serve(),
        ["--serve-large-tls"] => flood::tls::serve(),
        _ => parse(&words).and_then(|options| compare(&options)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("evbench: {message}");
            ExitCode::FAILURE
        }
    }
}

fn parse(words: &[&str]) -> Result<Options, String> {
    let mut options = Options {
        filter: String::new(),
        runs: RUNS,
        json: None,
        svg: None,
    };
    let mut words = words.iter();
    while let Some(&word) = words.next() {
        let mut value = || {
            words
                .next()
                .ok_or_else(|| format!("{word} wants a value\n{USAGE}"))
        };
        match word {
            "--runs" => options.runs = value()?.parse().map_err(|_| USAGE.to_owned())?,
            "--json" => options.json = Some(value()?.to_string()),
            "--svg" => options.svg = Some(value()?.to_string()),
            _ if word.starts_with('-') => return Err(USAGE.to_owned()),
            _ => options.filter = word.to_owned(),
        }
    }
    Ok(options)
}

fn compare(options: &Options) -> Result<(), String> {
    let cases = area::cases()
        .into_iter()
        .filter(|case| case.matches(&options.filter));
    let cases: Vec<area::Case> = cases.collect();
    if cases.is_empty() {
        return Err(format!("no case is called {}\n{USAGE}", options.filter));
    }
    let mut rows = Vec::new();
    for case in &cases {
        eprintln!("{} ...", case.id());
        let fresh = measure::alternate(case, options.runs)?;
        report::print(case, &fresh);
        rows.extend(fresh);
    }
    if let Some(path) = &options.json {
        write(path, &report::json(&rows))?;
    }
    match &options.svg {
        Some(folder) => draw(&rows, options, folder),
        None => Ok(()),
    }
}

/// A picture of each area, which says where and how it was made.
fn draw(rows: &[measure::Row], options: &Options, folder: &str) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("{folder}: {error}"))?;
    for rows in rows.chunk_by(|a, b| a.area == b.area) {
        let area = rows[0].area;
        let runs = options.runs;
        let caption = [
            "Processor time per operation, and the ratio to the reference (dashed); shorter is better.".to_owned(),
            format!("cargo run --release -p evbench -- {area} --runs {runs}, medians, on {}", measure::machine()),
        ];
        let rows: Vec<&measure::Row> = rows.iter().collect();
        write(
            &format!("{folder}/{area}.svg"),
            &plot::svg(area, &rows, &caption),
        )?;
    }
    Ok(())
}

fn write(path: &str, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{path}: {error}"))
}
