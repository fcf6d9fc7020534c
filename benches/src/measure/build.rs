//! Building a small program from nothing, and running what was built.

use super::alternate::children_cpu;
use super::{Measured, per_op};
use crate::area::Case;
use crate::launch::{BOTH, CORE, bound, workshop};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// A program that has been built, and what that took.
#[derive(Clone)]
struct Built {
    binary: PathBuf,
    took: Measured,
}

/// The path of the program, built if it has not been.
pub(crate) fn built(
    name: &'static str,
    dependencies: &str,
    source: &str,
) -> Result<String, String> {
    let Built { binary, .. } = once(name, dependencies, source)?;
    Ok(binary.to_string_lossy().into_owned())
}

pub(super) fn measure(
    case: &Case,
    name: &'static str,
    dependencies: &str,
    source: &str,
    port: u16,
) -> Result<Measured, String> {
    let built = once(name, dependencies, source)?;
    match case.name {
        "start" => start(&built.binary, case.ops, port),
        _ => Ok(built.took),
    }
}

fn once(name: &'static str, dependencies: &str, source: &str) -> Result<Built, String> {
    // Once for all runs and cases: a build takes a minute, and its time is nearly the same each time.
    static BUILT: Mutex<Option<HashMap<Key, Result<Built, String>>>> = Mutex::new(None);
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let built = built.get_or_insert_default();
    let number = built.len();
    built
        .entry((name, dependencies.to_owned()))
        .or_insert_with(|| build(name, number, dependencies, source))
        .clone()
}

/// A peer and what it depends on: one may be built in several ways.
type Key = (&'static str, String);

fn build(name: &str, number: usize, dependencies: &str, source: &str) -> Result<Built, String> {
    let place = workshop()?.join(format!("weight-{number}"));
    let failed = |error: std::io::Error| format!("{}: {error}", place.display());
    // Of a run before, or not there.
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(place.join("src")).map_err(failed)?;
    let manifest = format!(
        "[package]\nname = \"weight\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n{dependencies}\n\n\
         [profile.release]\nstrip = true\n\n[workspace]\n"
    );
    fs::write(place.join("Cargo.toml"), manifest).map_err(failed)?;
    fs::write(place.join("src/main.rs"), source).map_err(failed)?;
    let cargo = |words: &[&str]| -> Result<Output, String> {
        let words: Vec<String> = ["cargo"]
            .iter()
            .chain(words)
            .map(|word| word.to_string())
            .collect();
        let mut command: Command = bound(BOTH, &words);
        command
            .current_dir(&place)
            .env("CARGO_TARGET_DIR", place.join("target"));
        let output = command.output().map_err(failed)?;
        match output.status.success() {
            true => Ok(output),
            false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        }
    };
    cargo(&["fetch"])?;
    let tree = cargo(&["tree", "--prefix", "none", "-e", "normal", "--no-dedupe"])?.stdout;
    let (cpu, wall) = (children_cpu(), Instant::now());
    cargo(&["build", "--release"])?;
    let (cpu, wall) = (children_cpu() - cpu, wall.elapsed());
    let binary = place.join("target/release/weight");
    let size = fs::metadata(&binary).map_err(failed)?.len();
    eprintln!(
        "  {name}: {} crates",
        crates(&String::from_utf8_lossy(&tree))
    );
    Ok(Built {
        binary,
        took: [per_op(cpu, 1), per_op(wall, 1), size as f64 / 1024.0],
    })
}

/// How many crates a tree names, the program itself apart.
fn crates(tree: &str) -> usize {
    let names: std::collections::BTreeSet<String> = tree
        .lines()
        .map(|line| line.split(" (").next().unwrap_or(line).to_owned())
        .filter(|line| !line.is_empty())
        .collect();
    names.len().saturating_sub(1)
}

fn start(binary: &std::path::Path, times: u64, port: u16) -> Result<Measured, String> {
    // Children stay on their parent's core, so that nothing but the program itself is started.
    let everywhere = sched_getaffinity(None).map_err(|error| error.to_string())?;
    let mut core = CpuSet::new();
    core.set(CORE.parse().map_err(|_| "a core is a number")?);
    sched_setaffinity(None, &core).map_err(|error| error.to_string())?;
    let outcome = start_here(binary, times, port);
    sched_setaffinity(None, &everywhere).map_err(|error| error.to_string())?;
    outcome
}

fn start_here(binary: &std::path::Path, times: u64, port: u16) -> Result<Measured, String> {
    let (cpu, wall) = (children_cpu(), Instant::now());
    for _ in 0..times {
        let output = Command::new(binary)
            .arg(format!("http://127.0.0.1:{port}/"))
            .output()
            .map_err(|error| error.to_string())?;
        if output.stdout != b"13\n" {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
    }
    let (cpu, wall) = (children_cpu() - cpu, wall.elapsed());
    Ok([per_op(cpu, times), per_op(wall, times), f64::NAN])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_counts_once_whoever_wants_it() {
        let tree = "weight v0.0.0 (/tmp/x)\na v1.0.0\nb v2.0.0\na v1.0.0\n";
        assert_eq!(crates(tree), 2);
    }
}
