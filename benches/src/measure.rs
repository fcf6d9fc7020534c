//! How it is measured: alternately, each run in a fresh process, medians of CPU time first.
//!
//! Here: clocks, child processes, medians, the count of system calls. Never here: what is measured, or how it is shown.

use crate::area::{Case, How, Job, Peer, cases};
use crate::canned::Canned;
use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The core of everything measured. The canned server has the other one.
const CORE: usize = 1;

/// What one run took.
pub(crate) struct Sample {
    ops: u64,
    cpu: Duration,
    wall: Duration,
}

/// One line of the report.
pub(crate) struct Row {
    pub(crate) area: &'static str,
    pub(crate) case: &'static str,
    pub(crate) peer: &'static str,
    pub(crate) ops: u64,
    /// Or the reason why it was not run.
    pub(crate) figures: Result<Figures, String>,
}

pub(crate) struct Figures {
    pub(crate) cpu_ns_per_op: f64,
    /// The distance of the extremes, as a part of the median: how far to trust it.
    pub(crate) spread: f64,
    pub(crate) wall_ns_per_op: f64,
    pub(crate) peak_kb: f64,
    pub(crate) syscalls_per_op: Option<f64>,
    pub(crate) ratio_to_reference: Option<f64>,
}

/// What a child process prints: CPU and wall nanoseconds per operation, peak KiB.
type Printed = [f64; 3];

/// Times a piece of work: all threads' CPU time, and the clock on the wall.
pub(crate) fn sample(ops: u64, work: impl FnOnce()) -> Sample {
    let (cpu, wall) = (cpu_time(), Instant::now());
    work();
    Sample {
        ops,
        cpu: cpu_time() - cpu,
        wall: wall.elapsed(),
    }
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The child's part: one peer, one case, once; prints its figures.
pub(crate) fn one(case: &str, peer: &str, ops: &str, port: &str) -> Result<(), String> {
    let case = cases()
        .into_iter()
        .find(|known| known.id() == case)
        .ok_or("no such case")?;
    let peer = case
        .peers
        .iter()
        .find(|known| known.name == peer)
        .ok_or("no such peer")?;
    let How::Here(run) = peer.how else {
        return Err("this peer is not in this binary".to_owned());
    };
    let job = Job {
        ops: ops.parse().map_err(|_| "how many operations?")?,
        port: port.parse().map_err(|_| "which port?")?,
    };
    let Sample { ops, cpu, wall } = run(&job);
    println!("{} {} {}", per_op(cpu, ops), per_op(wall, ops), peak_kb());
    Ok(())
}

fn per_op(time: Duration, ops: u64) -> f64 {
    time.as_nanos() as f64 / ops as f64
}

/// The largest resident size so far, in KiB (proc(5), VmHWM); 0 where there is no such file.
fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}

/// Binds this process and its children to one core, so that runs are comparable; without the right to, or with one core,
/// it goes on unbound.
pub(crate) fn pin(core: usize) {
    let mut set = CpuSet::new();
    set.set(core);
    if let Err(error) = sched_setaffinity(None, &set) {
        eprintln!("evbench: not bound to core {core}: {error}");
    }
}

/// The parent's part: all peers of a case by turns (A B A B), `runs` times each.
pub(crate) fn alternate(case: &Case, runs: usize) -> Result<Vec<Row>, String> {
    let server = case.served.then(Canned::start).transpose()?;
    let port = server.as_ref().map_or(0, Canned::port);
    pin(CORE);
    let mut printed: Vec<Result<Vec<Printed>, String>> =
        case.peers.iter().map(|_| Ok(Vec::new())).collect();
    for _ in 0..runs {
        for (peer, runs) in case.peers.iter().zip(&mut printed) {
            if let Ok(list) = runs {
                match run(case, peer, port) {
                    Ok(figures) => list.push(figures),
                    Err(reason) => *runs = Err(reason),
                }
            }
        }
    }
    let figures = case.peers.iter().zip(printed).map(|(peer, printed)| {
        printed.map(|printed| Figures {
            syscalls_per_op: syscalls(case, peer, port),
            ..summary(printed)
        })
    });
    let mut rows: Vec<Row> = case
        .peers
        .iter()
        .zip(figures)
        .map(|(peer, figures)| row(case, peer, figures))
        .collect();
    relate(&mut rows, case.reference);
    Ok(rows)
}

fn row(case: &Case, peer: &Peer, figures: Result<Figures, String>) -> Row {
    Row {
        area: case.area,
        case: case.name,
        peer: peer.name,
        ops: case.ops,
        figures,
    }
}

/// Fills in the ratios; where the reference did not run there are none.
fn relate(rows: &mut [Row], reference: &str) {
    let unit = rows
        .iter()
        .find(|row| row.peer == reference)
        .and_then(|row| row.figures.as_ref().ok());
    let Some(unit) = unit.map(|figures| figures.cpu_ns_per_op) else {
        return;
    };
    for figures in rows.iter_mut().filter_map(|row| row.figures.as_mut().ok()) {
        figures.ratio_to_reference = Some(figures.cpu_ns_per_op / unit);
    }
}

fn summary(runs: Vec<Printed>) -> Figures {
    let median = |column: usize| {
        let mut values: Vec<f64> = runs.iter().map(|run| run[column]).collect();
        values.sort_by(f64::total_cmp);
        (
            values[values.len() / 2],
            values[values.len() - 1] - values[0],
        )
    };
    let (cpu, range) = median(0);
    Figures {
        cpu_ns_per_op: cpu,
        spread: range / cpu,
        wall_ns_per_op: median(1).0,
        peak_kb: median(2).0,
        syscalls_per_op: None,
        ratio_to_reference: None,
    }
}

fn run(case: &Case, peer: &Peer, port: u16) -> Result<Printed, String> {
    let mut command = command(case, peer, case.ops, port)?;
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| {
        let program = command.get_program().to_string_lossy().into_owned();
        format!("{program}: {error}")
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<f64> = text
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    let printed = Printed::try_from(numbers)
        .ok()
        .filter(|_| output.status.success());
    printed.ok_or_else(|| format!("failed: {}", output.status))
}

fn command(case: &Case, peer: &Peer, ops: u64, port: u16) -> Result<Command, String> {
    let mut command = match peer.how {
        How::Here(_) => {
            let mut this =
                Command::new(std::env::current_exe().map_err(|error| error.to_string())?);
            this.args(["--one", &case.id(), peer.name]);
            this
        }
        How::Node(script) => {
            let mut node = Command::new("node");
            node.args(["-e", script, case.name]);
            node
        }
    };
    command.args([ops.to_string(), port.to_string()]);
    Ok(command)
}

/// System calls per operation, exact: from runs of two lengths under strace, so that start and end cancel out.
fn syscalls(case: &Case, peer: &Peer, port: u16) -> Option<f64> {
    const STEP: u64 = 6_400;
    let count = |ops: u64| -> Option<f64> {
        let command = command(case, peer, ops, port).ok()?;
        let mut strace = Command::new("strace");
        strace
            .args(["-f", "-qq", "-o", "|cat"])
            .arg(command.get_program())
            .args(command.get_args());
        let output = strace
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        let trace = String::from_utf8_lossy(&output.stdout);
        let calls = trace
            .lines()
            .filter(|line| line.contains('(') && !line.contains(" resumed>"));
        output.status.success().then(|| calls.count() as f64)
    };
    case.traced
        .then(|| Some((count(2 * STEP)? - count(STEP)?) / STEP as f64))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(peer: &'static str, cpu: f64) -> Row {
        let figures = summary(vec![[cpu, 1.0, 2.0]]);
        Row {
            area: "area",
            case: "case",
            peer,
            ops: 1,
            figures: Ok(figures),
        }
    }

    fn ratio(row: &Row) -> Option<f64> {
        row.figures.as_ref().ok()?.ratio_to_reference
    }

    #[test]
    fn the_median_counts_in_each_column_and_the_spread_is_told() {
        let figures = summary(vec![[9.0, 10.0, 5.0], [10.0, 30.0, 7.0], [12.0, 20.0, 6.0]]);
        assert_eq!(
            (
                figures.cpu_ns_per_op,
                figures.wall_ns_per_op,
                figures.peak_kb
            ),
            (10.0, 20.0, 6.0)
        );
        assert_eq!(figures.spread, 0.3);
    }

    #[test]
    fn all_are_divided_by_the_reference() {
        let mut rows = [ran("us", 30.0), ran("them", 20.0)];
        relate(&mut rows, "them");
        assert_eq!((ratio(&rows[0]), ratio(&rows[1])), (Some(1.5), Some(1.0)));
    }

    #[test]
    fn without_the_reference_there_is_no_ratio() {
        let missing = Row {
            figures: Err("not installed".to_owned()),
            ..ran("them", 0.0)
        };
        let mut rows = [ran("us", 30.0), missing];
        relate(&mut rows, "them");
        assert_eq!(ratio(&rows[0]), None);
    }

    #[test]
    fn every_case_names_a_peer_of_its_own_as_reference() {
        for case in cases() {
            assert!(
                case.peers.iter().any(|peer| peer.name == case.reference),
                "{}",
                case.id()
            );
        }
    }
}
