//! The rules of promises, held against the library by random programs: the
//! model in `promise_model/model.rs` says what is to be seen of each, the
//! library has to show exactly that.
//!
//! `EVCORE_MODEL_PROGRAMS` is how many (CI: 100,000), `EVCORE_MODEL_SEED`
//! where they begin; a failure names the seed of its own program, and shows
//! the smallest that still fails. `EVCORE_MODEL_TRACE` has each seed printed
//! first, for a program that ends the process.

mod promise_model {
    pub(crate) mod model;
    pub(crate) mod modelled;
    pub(crate) mod play;
    pub(crate) mod program;
    pub(crate) mod real;
    pub(crate) mod world;
}
use promise_model::{model, modelled, play, program, real, world};

use std::panic::{AssertUnwindSafe, catch_unwind};

use program::Program;

/// In a debug build these end in some seconds.
const PROGRAMS: u64 = 5_000;

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}")),
        Err(_) => default,
    }
}

/// Where no rule gives an order: among the errors reported together, and
/// among all that goes when a reactor closes. Whether a promise of another
/// reactor that then loses both its resolver and its last interest was
/// abandoned first (and reported) or cancelled first is such an order too.
fn normalize(log: Vec<String>) -> Vec<String> {
    let mut lines: Vec<String> = vec![];
    let mut run: Vec<String> = vec![];
    let mut closing = false;
    for line in log.into_iter().chain(["".into()]) {
        let free = line.starts_with("unhandled") || (closing && line.starts_with("drop"));
        if !free {
            run.sort();
            lines.append(&mut run);
        }
        if line.starts_with("- ") {
            closing = line.to_lowercase().starts_with("- close");
        }
        match free {
            true if closing && line.contains(" Abandoned") => {}
            true => run.push(line),
            false => lines.push(line),
        }
    }
    lines
}

fn traces(program: &Program) -> (Vec<String>, Vec<String>) {
    let tie = program::may_tie(program);
    let expected = normalize(modelled::play(program, tie));
    let seen = catch_unwind(AssertUnwindSafe(|| normalize(real::play(program, tie))));
    let seen = seen.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()));
        vec![format!("PANIC {}", text.unwrap_or_default())]
    });
    (expected, seen)
}

fn differs(program: &Program) -> bool {
    let (expected, seen) = traces(program);
    expected != seen
}

fn explain(seed: u64, program: Program) -> String {
    let small = program::shrink(program, differs);
    let (expected, seen) = traces(&small);
    let same = expected
        .iter()
        .zip(&seen)
        .take_while(|(a, b)| a == b)
        .count();
    let mut text = format!("EVCORE_MODEL_SEED={seed} EVCORE_MODEL_PROGRAMS=1\n");
    for op in &small.ops {
        text += &format!("{op:?}\n");
    }
    for line in &expected[same.saturating_sub(40)..same] {
        text += &format!("  {line}\n");
    }
    for (sign, lines) in [("by the rules:", &expected), ("was seen:", &seen)] {
        text += &format!("{sign}\n");
        for line in lines.iter().skip(same).take(12) {
            text += &format!("    {line}\n");
        }
    }
    text
}

/// Turns inside turns inside turns, in a debug build.
const STACK: usize = 64 << 20;

#[test]
fn random_programs_do_what_the_rules_say() {
    let player = std::thread::Builder::new().stack_size(STACK);
    let played = player.spawn(play_all).expect("a thread").join();
    if let Err(failure) = played.expect("panics are caught") {
        panic!("{failure}");
    }
}

fn play_all() -> Result<(), String> {
    std::panic::set_hook(Box::new(|_| {}));
    let first = number("EVCORE_MODEL_SEED", 1);
    let programs = number("EVCORE_MODEL_PROGRAMS", PROGRAMS);
    let mut lines = 0;
    let mut failed = None;
    for seed in first..first + programs {
        let program = program::make(seed);
        if std::env::var_os("EVCORE_MODEL_TRACE").is_some() {
            eprintln!("seed {seed}");
        }
        let (expected, seen) = traces(&program);
        lines += expected.len();
        if expected != seen {
            failed = Some((seed, program));
            break;
        }
    }
    let failure = failed.map(|(seed, program)| explain(seed, program));
    _ = std::panic::take_hook();
    println!("{programs} programs from seed {first}, {lines} lines of trace");
    failure.map_or(Ok(()), Err)
}
