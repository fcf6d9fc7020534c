//! The same three downloads tell the same in every loop.

#[expect(dead_code, reason = "nobody looks at these windows")]
#[path = "screen.rs"]
mod screen;

use screen::{Program, Screen, wait_for};

const HOSTS: [(&str, &str); 7] = [
    ("poll", env!("CARGO_BIN_EXE_poll")),
    ("tokio", env!("CARGO_BIN_EXE_tokio")),
    ("calloop", env!("CARGO_BIN_EXE_calloop")),
    ("sdl", env!("CARGO_BIN_EXE_sdl")),
    ("gtk", env!("CARGO_BIN_EXE_gtk")),
    ("egui", env!("CARGO_BIN_EXE_egui")),
    ("egui --threaded", env!("CARGO_BIN_EXE_egui")),
];

const EXPECTED: [&str; 15] = [
    "0 connected",
    "0 head 200 OK",
    "0 progress",
    "0 chunk",
    "0 Some(4194304) bytes",
    "1 connected",
    "1 head 200 OK",
    "1 progress",
    "1 chunk",
    "1 Some(4194304) bytes",
    "2 connected",
    "2 head 200 OK",
    "2 progress",
    "2 chunk",
    "2 Cancelled",
];

#[test]
fn every_host_sees_the_same() {
    let screen = Screen::new();
    for (name, path) in HOSTS {
        let mut command = screen.command(path);
        command.arg("--trace");
        if name.ends_with("--threaded") {
            command.arg("--threaded");
        }
        let mut program = Program::start(&mut command);
        program.line("2 Cancelled");
        let status = wait_for("its end", || program.child.try_wait().unwrap());
        assert!(status.success(), "{name}: {status}");
        let is_trace =
            |line: &&String| line.as_bytes()[1] == b' ' && line.as_bytes()[0].is_ascii_digit();
        let trace: Vec<&String> = program.said.iter().filter(is_trace).collect();
        assert_eq!(trace, EXPECTED, "{name}");
    }
}
