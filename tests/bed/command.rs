//! Other programs: run to the end, or kept running until the guard is dropped.

use std::ffi::OsStr;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::wait::wait_until;

/// What a program left behind.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output, whole.
    pub stdout: Vec<u8>,
    /// Its standard error as text.
    pub stderr: String,
    /// From start to end.
    pub took: Duration,
}

impl Finished {
    /// Standard output as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Itself, if the program was content.
    ///
    /// # Panics
    /// If it was not, with what it said.
    #[track_caller]
    pub fn success(self) -> Finished {
        assert!(
            self.status.success(),
            "{}: {}{}",
            self.status,
            self.text(),
            self.stderr
        );
        self
    }
}

/// Where a program is. Servers live in folders an ordinary user's PATH lacks.
fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    let path = std::env::var("PATH").unwrap_or_default();
    command
        .env("PATH", format!("{path}:/usr/local/sbin:/usr/sbin:/sbin"))
        .stdin(Stdio::null());
    command
}

/// Runs a program to its end, at most `limit`; captures what it writes.
///
/// # Panics
/// If it is not installed, or not over in time (it is killed then).
#[track_caller]
pub fn run<A: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    arguments: &[A],
    limit: Duration,
) -> Finished {
    let began = Instant::now();
    let mut running = Running::start(program, arguments);
    let stdout = drain(running.child.stdout.take());
    let stderr = drain(running.child.stderr.take());
    let status = running
        .wait(limit)
        .unwrap_or_else(|| panic!("{} took longer than {limit:?}", running.name));
    let stderr = stderr.join().expect("a reader does not panic");
    Finished {
        status,
        stdout: stdout.join().expect("a reader does not panic"),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
        took: began.elapsed(),
    }
}

/// A full pipe would stop the program, so each has its reader.
fn drain(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // A killed program ends its pipes; what came until then is what there is.
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}

/// curl, told to be quiet but for errors. It fails on 4xx and 5xx only if `-f` is among the arguments.
///
/// # Panics
/// If it is not installed or takes longer than a minute.
#[track_caller]
pub fn curl(arguments: &[&str]) -> Finished {
    let quiet = ["-sS", "--noproxy", "*"];
    run(
        "curl",
        &[&quiet[..], arguments].concat(),
        Duration::from_secs(60),
    )
}

/// Builds an example of the workspace with optimisation, and says where it is.
///
/// # Panics
/// If it does not build, or there is none of that name.
#[track_caller]
#[must_use]
pub fn example(name: &str) -> PathBuf {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let arguments = [
        "build",
        "--release",
        "--manifest-path",
        manifest,
        "--message-format=json",
        "--example",
        name,
    ];
    let said = run(env!("CARGO"), &arguments, Duration::from_secs(600))
        .success()
        .text();
    // One JSON object a line; the executable's path is the last that is not null.
    let path = said
        .rsplit("\"executable\":\"")
        .next()
        .and_then(|rest| rest.split('"').next());
    PathBuf::from(path.expect("cargo names what it built"))
}

/// The Python of a judge: one that has what `tests/python/NAME.txt` pins.
///
/// # Panics
/// If it can't be made: the first time it takes a network.
#[track_caller]
#[must_use]
pub fn python(name: &str) -> PathBuf {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../.ci/python");
    let said = run("bash", &[script, name], Duration::from_secs(300)).success();
    PathBuf::from(said.text().trim_end())
}

/// What wrk measured.
#[derive(Debug)]
pub struct Load {
    /// Requests that were answered.
    pub requests: u64,
    /// Answers a second.
    pub rate: f64,
    /// Statuses other than 2xx and 3xx.
    pub refused: u64,
    /// Connect, read, write and timeout errors together.
    pub errors: u64,
    /// All it said.
    pub text: String,
}

/// wrk on one thread: `connections` at once, for `seconds`.
///
/// # Panics
/// If it is not installed, fails, or says what is not understood.
#[track_caller]
pub fn wrk(url: &str, connections: u32, seconds: u32) -> Load {
    let arguments = [
        "-t1".into(),
        format!("-c{connections}"),
        format!("-d{seconds}s"),
        url.into(),
    ];
    let text = run(
        "wrk",
        &arguments,
        Duration::from_secs(u64::from(seconds) + 30),
    )
    .success()
    .text();
    read_load(text)
}

fn read_load(text: String) -> Load {
    let line = |with: &str| text.lines().find(|line| line.contains(with));
    let sum = |line: &str| {
        line.split(|c: char| !c.is_ascii_digit())
            .filter_map(|n| n.parse::<u64>().ok())
            .sum()
    };
    let requests =
        line(" requests in ").and_then(|line| line.split_whitespace().next()?.parse().ok());
    let rate = line("Requests/sec:").and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    Load {
        requests: requests.unwrap_or_else(|| panic!("no count: {text}")),
        rate: rate.unwrap_or_else(|| panic!("no rate: {text}")),
        refused: line("Non-2xx or 3xx")
            .map_or(0, |line| sum(line.split_once(':').map_or("", |(_, n)| n))),
        errors: line("Socket errors").map_or(0, sum),
        text,
    }
}

/// A program that runs until this is dropped.
#[derive(Debug)]
pub struct Running {
    pub(crate) child: Child,
    name: String,
}

impl Running {
    /// Starts it with its output captured: read [`child_mut`](Running::child_mut)'s pipes if it says much.
    ///
    /// # Panics
    /// If it is not installed.
    #[track_caller]
    pub fn start<A: AsRef<OsStr>>(program: impl AsRef<OsStr>, arguments: &[A]) -> Running {
        let name = program.as_ref().to_string_lossy().into_owned();
        let mut command = command(program);
        command
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        Running { child, name }
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The process itself, with its pipes.
    pub fn child_mut(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits at most `limit` for it to end by itself.
    #[must_use]
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let mut status = None;
        let ended = wait_until(limit, || {
            status = self.child.try_wait().expect("ours to wait for");
            status.is_some()
        });
        status.filter(|_| ended)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_run_and_its_output_kept() {
        let finished = run(
            "sh",
            &["-c", "echo out; echo err >&2; exit 3"],
            Duration::from_secs(5),
        );
        assert_eq!(
            (finished.text().as_str(), finished.stderr.as_str()),
            ("out\n", "err\n")
        );
        assert_eq!(finished.status.code(), Some(3));
    }

    #[test]
    #[should_panic(expected = "took longer")]
    fn a_program_that_hangs_is_killed() {
        run("sleep", &["60"], Duration::from_millis(50));
    }

    #[test]
    fn what_wrk_says_is_understood() {
        let text = "Running 1s test @ http://127.0.0.1:1/\n  1 threads and 64 connections\n  100 requests in 1.00s, 2MB read\n  \
                    Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 7\nRequests/sec:  99.50\n";
        let load = read_load(text.into());
        assert_eq!(
            (load.requests, load.rate, load.refused, load.errors),
            (100, 99.5, 7, 10)
        );
    }
}
