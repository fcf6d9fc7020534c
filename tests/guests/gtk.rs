//! A GTK window beside a busy, an idle and a thousand times abandoned
//! download. Figures are printed; what is asserted is what must hold on a slow
//! machine too, built without optimisation.

use std::time::Duration;

#[expect(dead_code, reason = "nobody looks at these windows")]
#[path = "../../examples/hosted/tests/screen.rs"]
mod screen;

use bed::Strace;
use screen::{Program, Screen, wait_for};

const RESPONSIVE: &str = env!("CARGO_BIN_EXE_responsive");
const REOPENING: &str = env!("CARGO_BIN_EXE_reopening");

/// All a program says until its end.
struct Figures(String);

impl Figures {
    fn of(screen: &Screen, arguments: &[&str]) -> Figures {
        let output = screen.command(RESPONSIVE).args(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        println!("--- {}\n{text}", arguments.join(" "));
        assert!(
            output.status.success(),
            "{text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Figures(text)
    }

    /// The number behind this word.
    #[track_caller]
    fn number(&self, word: &str) -> f64 {
        let line = self.0.lines().find_map(|line| line.strip_prefix(word));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.unwrap_or_else(|| panic!("no {word} in {}", self.0))
    }
}

#[test]
fn a_gibibyte_does_not_hold_up_the_window() {
    let screen = Screen::new();
    let mut server = Program::start(screen.command(RESPONSIVE).arg("serve"));
    let url = server.line("http://");
    let idle = Figures::of(&screen, &["idle", "3"]);
    let plain = Figures::of(&screen, &["plain", &url]);
    let busy = Figures::of(&screen, &["fetch", &url]);
    assert_eq!(busy.number("bytes "), 8.0 * f64::from(1 << 30));
    // The figures of docs/hosting.md want a quiet machine; a quarter of them any.
    assert!(busy.number("ticks ") > idle.number("ticks ") / 4.0);
    assert!(busy.number("rate ") > plain.number("rate ") / 4.0);
    assert!(busy.number("turn ") < 250.0);
}

#[test]
fn a_download_is_one_threads_work() {
    let screen = Screen::new();
    let mut server = Program::start(screen.command(RESPONSIVE).arg("serve"));
    let url = server.line("http://");
    let mut busy = Program::start(screen.command(RESPONSIVE).args(["fetch", &url]));
    busy.line("begun");
    let trace = Strace::watch(busy.child.id(), Duration::from_secs(1));
    // What a socket of ours is read with, and no other library in this program uses.
    let received = trace.calls.iter().filter(|call| call.name == "recvfrom");
    let threads: Vec<u32> = received.map(|call| call.thread).collect();
    println!("{} receives in a second", threads.len());
    assert!(threads.len() > 10);
    assert!(threads.iter().all(|&thread| thread == busy.child.id()));
}

#[test]
fn an_attached_reactor_sleeps_on_one_thread() {
    let screen = Screen::new();
    let mut idle = Program::start(screen.command(RESPONSIVE).args(["sleep", "60"]));
    idle.line("asleep");
    std::thread::sleep(Duration::from_millis(300));
    let trace = Strace::watch(idle.child.id(), Duration::from_secs(10));
    let woken: Vec<_> = trace.calls.iter().filter(|call| call.returned).collect();
    println!(
        "{} calls returned in 10 idle seconds: {woken:?}",
        woken.len()
    );
    assert!(woken.len() <= 2, "{woken:?}");
}

#[test]
fn a_thousand_windows_closed_in_mid_download_leave_nothing() {
    let screen = Screen::new();
    let mut program = Program::start(&mut screen.command(REOPENING));
    let resident = |line: String| {
        line.split_whitespace()
            .nth(2)
            .and_then(|kib| kib.parse::<u64>().ok())
            .unwrap()
    };
    let early = resident(program.line("early resident "));
    let end = resident(program.line("late resident "));
    assert_eq!(program.line("settled "), "settled 1000");
    assert_eq!(
        program.line("called late "),
        "called late 0",
        "nothing was called after a window had closed"
    );
    let slowest = program.line("slowest ");
    println!("{early} KiB after 200 windows, {end} KiB after 1,000; {slowest}");
    let slowest: f64 = slowest.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(
        slowest < 1_000.0,
        "the server saw each leave within a second"
    );
    assert!(end < early + 16 * 1024, "memory stays flat");
    let status = wait_for("its end", || program.child.try_wait().unwrap());
    assert!(status.success());
}
