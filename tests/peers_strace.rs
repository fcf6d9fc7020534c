//! What the kernel sees of us: one thread, few calls, no wake-ups, many connections. Needs strace.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::ChildStdout;
use std::time::Duration;

use bed::{Raw, Running, Strace};

const FETCHING: &str = env!("CARGO_BIN_EXE_fetching");
const SERVING: &str = env!("CARGO_BIN_EXE_serving");
const LIMIT: Duration = Duration::from_secs(120);

/// A program of ours, and the lines it says.
struct Ours {
    running: Running,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Ours {
    /// Starts it with room for 20,000 descriptors.
    fn start(program: &str, arguments: &str) -> Ours {
        let script = format!("ulimit -n 20000 && exec {program} {arguments}");
        let mut running = Running::start("sh", &["-c", &script]);
        let stdout = running.child_mut().stdout.take().expect("captured");
        let lines = BufReader::new(stdout).lines();
        Ours { running, lines }
    }

    fn line(&mut self) -> String {
        self.lines
            .next()
            .expect("it has more to say")
            .expect("text")
    }

    /// Memory in use, in KiB.
    fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.running.id()))
            .expect("it runs");
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .expect("Linux");
        line.split_whitespace()
            .nth(1)
            .and_then(|kib| kib.parse().ok())
            .expect("a number")
    }
}

fn serving() -> (Ours, String) {
    let mut server = Ours::start(SERVING, "");
    let url = format!("http://{}/", server.line());
    (server, url)
}

#[test]
fn a_fetch_from_an_address_is_one_thread() {
    let raw = Raw::answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    one_thread(&raw.url("/"));
}

#[test]
fn a_fetch_from_a_name_is_one_thread() {
    let raw = Raw::answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    one_thread(&format!("http://localhost:{}/", raw.address().port()));
}

fn one_thread(url: &str) {
    let (finished, trace) = Strace::run(Path::new(FETCHING), &["one", url], LIMIT);
    assert_eq!(finished.success().text(), "5 bytes\n");
    assert_eq!(trace.threads().len(), 1, "{:?}", trace.threads());
    assert_eq!(trace.count("clone") + trace.count("clone3"), 0);
}

#[test]
fn a_request_costs_little_more_than_two_calls() {
    let (_server, url) = serving();
    let requests = 20_000;
    let arguments = ["load", &url, "64", &requests.to_string()];
    let (finished, trace) = Strace::run(Path::new(FETCHING), &arguments, LIMIT);
    assert_eq!(finished.success().text(), format!("{requests} answered\n"));
    // All of it counts: loading the program, connecting 64 times, and leaving.
    let each = trace.calls.len() as f64 / requests as f64;
    println!(
        "{each:.3} system calls per request at 64 connections: {:?}",
        trace.counts()
    );
    assert!(each <= 2.2, "{each}");
}

#[test]
fn an_idle_loop_sleeps() {
    let mut idle = Ours::start(FETCHING, "idle");
    assert_eq!(idle.line(), "idle");
    // It has said so before it waits.
    std::thread::sleep(Duration::from_secs(1));
    let trace = Strace::watch(idle.running.id(), Duration::from_secs(5));
    let woken: Vec<_> = trace.calls.iter().filter(|call| call.returned).collect();
    assert!(woken.is_empty(), "{woken:?}");
    assert!(!trace.calls.is_empty(), "it was seen to sleep");
}

#[test]
fn ten_thousand_connections_fit_into_one_reactor() {
    let count = 10_000;
    let (server, url) = serving();
    let before = server.resident();
    let mut client = Ours::start(FETCHING, &format!("open {url}together/{count} {count}"));
    assert_eq!(client.line(), "started");
    let began = client.resident();
    assert_eq!(client.line(), format!("{count} answered"));
    std::thread::sleep(Duration::from_millis(300));
    let descriptors = |ours: &Ours| {
        let folder = std::fs::read_dir(format!("/proc/{}/fd", ours.running.id()));
        folder.expect("it runs").count()
    };
    assert!(
        descriptors(&server) >= count && descriptors(&client) >= count,
        "all are open"
    );
    // The connections, and what the system has not got back of the memory that 10,000 calls
    // at once needed: a call's coroutine may end, its page stays.
    let (ours, theirs) = (client.resident() - began, server.resident() - before);
    let each = |kib: u64| kib as f64 / count as f64;
    println!(
        "an idle connection takes {:.2} KiB at the client, {:.2} KiB at the server",
        each(ours),
        each(theirs)
    );
    assert!(each(ours) < 12.0 && each(theirs) < 8.0);
}
