//! Exact counts: system calls by strace, allocations by a preloaded counter. From runs of two lengths, so that start and
//! end cancel out; none of them is timed.

use super::served;
use crate::area::{Case, How, Peer, Setting};
use crate::launch::{Arguments, command, compiled, workshop};
use std::path::Path;
use std::process::{Command, Stdio};

const COUNTER: &str = include_str!("../peer/c/count.c");

/// How often per operation; `None` where it could not be counted.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) calls: Option<f64>,
    pub(super) allocations: Option<f64>,
}

pub(super) fn per_op(case: &Case, peer: &Peer, port: u16) -> Counts {
    let step = case.counted;
    let short = total(case, peer, Arguments { ops: step, port });
    let long = total(
        case,
        peer,
        Arguments {
            ops: 2 * step,
            port,
        },
    );
    let each = |short: Option<u64>, long: Option<u64>| {
        Some((long? as f64 - short? as f64) / (step * case.rounds) as f64)
    };
    Counts {
        calls: each(short.0, long.0),
        allocations: each(short.1, long.1),
    }
}

/// System calls and allocations of a whole run.
fn total(case: &Case, peer: &Peer, arguments: Arguments) -> (Option<u64>, Option<u64>) {
    if matches!(peer.how, How::Nginx | How::Wrk(_)) {
        return (None, None);
    }
    let Ok(workshop) = workshop() else {
        return (None, None);
    };
    let (trace, count) = (workshop.join("trace"), workshop.join("allocations"));
    for path in [&trace, &count] {
        // Of the run before, or not there.
        let _ = std::fs::remove_file(path);
    }
    let Ok(command) = command(case, peer, arguments) else {
        return (None, None);
    };
    let traced = traced(&command, &trace, &count);
    let ran = match case.setting {
        Setting::Loaded(load) => served::load_once(traced, &load, arguments.ops).is_ok(),
        _ => succeeds(traced),
    };
    if !ran {
        return (None, None);
    }
    let calls = std::fs::read_to_string(trace).ok().map(|text| calls(&text));
    // Interpreters have allocators of their own.
    let allocations = match peer.how {
        How::Script(..) => None,
        _ => std::fs::read_to_string(count).ok(),
    };
    (calls, allocations.and_then(|text| text.trim().parse().ok()))
}

/// The same command under strace, with the counter preloaded.
fn traced(command: &Command, trace: &Path, count: &Path) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o"]).arg(trace);
    if let Ok(counter) = compiled("-shared", COUNTER) {
        strace
            .args(["-E", &format!("LD_PRELOAD={counter}")])
            .args(["-E", &format!("EVBENCH_COUNT={}", count.display())]);
    }
    strace.arg(command.get_program()).args(command.get_args());
    strace
}

fn succeeds(mut command: Command) -> bool {
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// How many calls a trace tells of; one that was interrupted by another thread's stands there twice.
fn calls(trace: &str) -> u64 {
    let lines = trace.lines();
    lines
        .filter(|line| line.contains('(') && !line.contains(" resumed>"))
        .count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_counted_once() {
        let trace = "7 epoll_wait(3, [], 8, 0) = 0\n7 read(4,  <unfinished ...>\n8 close(5) = 0\n7 <... read resumed>\"\", 9) = 0\n8 +++ exited with 0 +++\n";
        assert_eq!(calls(trace), 3);
    }
}
