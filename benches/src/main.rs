//! Measures us and our peers in one run: `cargo run --release -p evbench -- [AREA[/CASE]] [--runs N] [--json FILE]`.
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
mod report;

use std::process::ExitCode;

const USAGE: &str = "usage: evbench [AREA[/CASE]] [--runs N] [--json FILE]\nareas: promise timer pingpong idle post fetch large serve weight";

/// How often each peer runs, in turn with the others; the median counts.
const RUNS: usize = 5;

struct Options {
    filter: String,
    runs: usize,
    json: Option<String>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["--one", case, peer, ops, port] => measure::one(case, peer, ops, port),
        ["--serve-canned"] => canned::serve(),
        ["--serve-large"] => flood::serve(),
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
    match &options.json {
        Some(path) => {
            std::fs::write(path, report::json(&rows)).map_err(|error| format!("{path}: {error}"))
        }
        None => Ok(()),
    }
}
