//! The parent's part: all peers of a case by turns (A B A B), each run in a fresh process.

use super::summary::{Row, relate, row, summary};
use super::{Measured, build, count, served};
use crate::area::{Case, How, Peer, Setting};
use crate::canned::Canned;
use crate::launch::{Arguments, CORE, bound, command};
use crate::peer::nsd::Nsd;
use nix::sys::resource::{UsageWho, getrusage};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long wrk runs; it knows times, not numbers of requests.
const WRK_SECONDS: u64 = 2;

pub(crate) fn alternate(case: &Case, runs: usize) -> Result<Vec<Row>, String> {
    let server = match case.setting {
        Setting::Served => Some(Canned::start("--serve-canned")?),
        Setting::Flooded => Some(Canned::start("--serve-large")?),
        Setting::FloodedByTls => Some(Canned::start("--serve-large-tls")?),
        _ => None,
    };
    let (names, unnamed) = match case.setting {
        Setting::Named => {
            Nsd::start().map_or_else(|why| (None, Some(why)), |nsd| (Some(nsd), None))
        }
        _ => (None, None),
    };
    let port = server.as_ref().map(Canned::port);
    let port = port.or(names.as_ref().map(Nsd::port)).unwrap_or(0);
    let mut measured: Vec<Result<Vec<Measured>, String>> = case
        .peers
        .iter()
        .map(|_| unnamed.clone().map_or(Ok(Vec::new()), Err))
        .collect();
    for _ in 0..runs {
        for (peer, runs) in case.peers.iter().zip(&mut measured) {
            if let Ok(list) = runs {
                match run(case, peer, port) {
                    Ok(figures) => list.push(figures),
                    Err(reason) => *runs = Err(reason),
                }
            }
        }
    }
    let mut rows: Vec<Row> = Vec::new();
    for (peer, measured) in case.peers.iter().zip(measured) {
        let figures = measured.map(|runs| {
            let mut figures = summary(&runs);
            if case.counted > 0 {
                let counts = count::per_op(case, peer, port);
                figures.syscalls_per_op = counts.calls;
                figures.allocations_per_op = counts.allocations;
            }
            figures
        });
        rows.push(row(case, peer, figures));
    }
    relate(&mut rows, case.reference);
    Ok(rows)
}

fn run(case: &Case, peer: &Peer, port: u16) -> Result<Measured, String> {
    match (case.setting, peer.how) {
        (Setting::Loaded(load), _) => served::measure(case, peer, &load),
        (
            Setting::Alone | Setting::Served,
            How::Build {
                dependencies,
                source,
            },
        ) => build::measure(case, peer.name, dependencies, source, port),
        (_, How::Wrk(connections)) => wrk(connections, port),
        _ => {
            let ops = case.ops;
            printed(command(case, peer, Arguments { ops, port })?)
        }
    }
}

/// Runs a command that prints its figures.
fn printed(mut command: Command) -> Result<Measured, String> {
    let output = command
        .env("RUST_BACKTRACE", "0")
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| format!("{}: {error}", command.get_program().to_string_lossy()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<f64> = text
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    let measured = Measured::try_from(numbers)
        .ok()
        .filter(|_| output.status.success());
    measured.ok_or_else(|| last_words(&output.stderr, output.status))
}

fn last_words(stderr: &[u8], status: std::process::ExitStatus) -> String {
    let text = String::from_utf8_lossy(stderr);
    // After its message a panic says how to learn more.
    let tells = |line: &&str| !line.trim().is_empty() && !line.starts_with("note: ");
    let last = text.lines().rfind(tells);
    last.map_or_else(
        || format!("failed: {status}"),
        |line| line.trim().to_owned(),
    )
}

fn wrk(connections: usize, port: u16) -> Result<Measured, String> {
    let words = [
        "wrk".to_owned(),
        "-t1".to_owned(),
        format!("-c{connections}"),
        format!("-d{WRK_SECONDS}s"),
        format!("http://127.0.0.1:{port}/"),
    ];
    let (cpu, wall) = (children_cpu(), Instant::now());
    let output = bound(CORE, &words)
        .output()
        .map_err(|error| error.to_string())?;
    let (cpu, wall) = (children_cpu() - cpu, wall.elapsed());
    let text = String::from_utf8_lossy(&output.stdout);
    let requests = text.lines().find_map(|line| {
        let (count, _) = line.trim().split_once(" requests in ")?;
        count.parse().ok()
    });
    let requests: f64 = requests.ok_or_else(|| last_words(&output.stderr, output.status))?;
    let each = |time: Duration| time.as_nanos() as f64 / requests;
    // Its memory is not known any more when it has ended.
    Ok([each(cpu), each(wall), f64::NAN])
}

/// The CPU time of all children that have ended.
pub(super) fn children_cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN);
    usage.map_or(Duration::ZERO, |usage| {
        let of = |time: nix::sys::time::TimeVal| {
            Duration::new(time.tv_sec() as u64, time.tv_usec() as u32 * 1_000)
        };
        of(usage.user_time()) + of(usage.system_time())
    })
}
