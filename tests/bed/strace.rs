//! What a program asks the kernel for: calls by name, threads, and how often a wait returned.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::command::{self, Finished, Running};
use crate::temp::TempDir;
use crate::wait::wait_until;

/// One system call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The thread that made it.
    pub thread: u32,
    /// When it began, in seconds of Unix time.
    pub at: f64,
    /// `epoll_wait`, ...
    pub name: String,
    /// Whether it came back while strace was looking.
    pub returned: bool,
    /// Arguments and result as strace prints them.
    pub rest: String,
}

/// A trace of all threads of a program.
#[derive(Clone, Debug, Default)]
pub struct Strace {
    /// In the order they began.
    pub calls: Vec<Call>,
}

impl Strace {
    /// Runs a program to its end under `strace -f`.
    ///
    /// # Panics
    /// If strace or the program is not there, or it is not over within `limit`.
    #[track_caller]
    #[must_use]
    pub fn run(program: &Path, arguments: &[&str], limit: Duration) -> (Finished, Strace) {
        let dir = TempDir::new("strace");
        let out = dir.join("trace").display().to_string();
        let program = program.display().to_string();
        let options = ["-f", "-ttt", "-qq", "-o", &out, "--", &program];
        let finished = command::run("strace", &[&options[..], arguments].concat(), limit);
        (finished, Strace::read(&out))
    }

    /// Watches a running process for a while.
    ///
    /// # Panics
    /// If strace is not there or may not attach.
    #[track_caller]
    #[must_use]
    pub fn watch(process: u32, time: Duration) -> Strace {
        let dir = TempDir::new("strace");
        let out = dir.join("trace").display().to_string();
        let mut strace = Running::start(
            "strace",
            &["-f", "-ttt", "-o", &out, "-p", &process.to_string()],
        );
        let traced = || tracer_of(process) == Some(strace.id());
        assert!(
            wait_until(Duration::from_secs(20), traced),
            "strace cannot attach to {process}"
        );
        std::thread::sleep(time);
        // Only an interrupted strace writes down the calls that are still under way. One that is just attaching to
        // a new child may miss the signal.
        let mut ends_when_interrupted = |_| {
            let interrupted = Command::new("kill")
                .args(["-INT", &strace.id().to_string()])
                .status();
            assert!(
                interrupted.is_ok_and(|status| status.success()),
                "kill is part of every system"
            );
            strace.wait(Duration::from_secs(1)).is_some()
        };
        assert!(
            (0..10).any(&mut ends_when_interrupted),
            "strace does not end"
        );
        Strace::read(&out)
    }

    #[track_caller]
    fn read(out: &str) -> Strace {
        let text =
            fs::read_to_string(out).unwrap_or_else(|error| panic!("strace left no trace: {error}"));
        Strace::parse(&text)
    }

    /// Reads what `strace -f -ttt -o` wrote.
    #[must_use]
    pub fn parse(text: &str) -> Strace {
        let mut calls: Vec<Call> = Vec::new();
        for line in text.lines() {
            if let Some((thread, name)) = resumed(line) {
                let waiting =
                    |call: &&mut Call| call.thread == thread && call.name == name && !call.returned;
                if let Some(call) = calls.iter_mut().rev().find(waiting) {
                    call.returned = !line.ends_with("<detached ...>");
                }
            } else {
                calls.extend(parse_call(line));
            }
        }
        Strace { calls }
    }

    /// How many calls of this name there were.
    #[must_use]
    pub fn count(&self, name: &str) -> usize {
        self.calls.iter().filter(|call| call.name == name).count()
    }

    /// How many calls of any of these names came back.
    #[must_use]
    pub fn returned(&self, names: &[&str]) -> usize {
        self.calls
            .iter()
            .filter(|call| call.returned && names.contains(&call.name.as_str()))
            .count()
    }

    /// Calls by name.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for call in &self.calls {
            *counts.entry(call.name.clone()).or_default() += 1;
        }
        counts
    }

    /// The threads that made a call.
    #[must_use]
    pub fn threads(&self) -> BTreeSet<u32> {
        self.calls.iter().map(|call| call.thread).collect()
    }

    /// The part of the trace from the first call that `starts` on, up to the last that `ends`: leaves out
    /// how a program is loaded and how it exits.
    #[must_use]
    pub fn between(
        &self,
        starts: impl FnMut(&Call) -> bool,
        ends: impl FnMut(&Call) -> bool,
    ) -> Strace {
        let first = self
            .calls
            .iter()
            .position(starts)
            .unwrap_or(self.calls.len());
        let last = self
            .calls
            .iter()
            .rposition(ends)
            .map_or(first, |last| last + 1);
        Strace {
            calls: self.calls[first..last.max(first)].to_vec(),
        }
    }
}

/// Who traces this process, as the kernel tells it.
fn tracer_of(process: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("TracerPid:"))?;
    line.trim().parse().ok()
}

/// `123 1700000000.5 read(3, "x", 1) = 1`; signals and exits are no calls.
fn parse_call(line: &str) -> Option<Call> {
    let (thread, line) = line.trim_start().split_once(' ')?;
    let (at, line) = line.trim_start().split_once(' ')?;
    let (name, rest) = line.split_once('(')?;
    let is_name = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let returned = !rest.ends_with("<unfinished ...>") && !rest.ends_with("<detached ...>");
    is_name(name).then_some(())?;
    Some(Call {
        thread: thread.parse().ok()?,
        at: at.parse().ok()?,
        name: name.into(),
        returned,
        rest: rest.into(),
    })
}

/// `123 1700000000.5 <... read resumed>"x", 1) = 1`
fn resumed(line: &str) -> Option<(u32, &str)> {
    let (thread, line) = line.trim_start().split_once(' ')?;
    let (_, line) = line.split_once("<... ")?;
    let (name, _) = line.split_once(" resumed>")?;
    Some((thread.parse().ok()?, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_understood() {
        let text = "10 1.5 read(3, \"a(b\", 3) = 3\n\
                    10 1.6 epoll_wait(4,  <unfinished ...>\n\
                    11 1.7 futex(0x1, FUTEX_WAIT, 0, NULL <unfinished ...>\n\
                    10 1.8 <... epoll_wait resumed>[], 1024, -1) = 0\n\
                    10 1.9 --- SIGCHLD {si_signo=SIGCHLD} ---\n\
                    10 2.0 epoll_wait(4,  <detached ...>\n\
                    11 2.1 +++ exited with 0 +++\n";
        let trace = Strace::parse(text);
        assert_eq!(trace.count("epoll_wait"), 2);
        assert_eq!(trace.returned(&["epoll_wait", "futex"]), 1);
        assert_eq!(trace.threads().into_iter().collect::<Vec<_>>(), [10, 11]);
        assert_eq!(trace.calls[0].rest, "3, \"a(b\", 3) = 3");
        assert_eq!(trace.counts()["read"], 1);
        let inner = trace.between(
            |call| call.name == "epoll_wait",
            |call| call.name == "futex",
        );
        assert_eq!(inner.calls.len(), 2);
    }
}
