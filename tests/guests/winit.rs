//! evwinit in winit's loop on a screen nobody sees: whatever begins outside a
//! turn is done although nothing else wakes winit, and the thread goes when the
//! loop does.

#[expect(dead_code, reason = "there is no window")]
#[path = "../../examples/hosted/tests/screen.rs"]
mod screen;

use screen::{Program, Screen, wait_for};

/// All that the program says, to its end.
fn said(how: &str) -> Vec<String> {
    let screen = Screen::new();
    let mut command = screen.command(env!("CARGO_BIN_EXE_in_winit"));
    let mut program = Program::start(command.arg(how));
    let status = wait_for("its end", || program.child.try_wait().unwrap());
    assert!(!program.says("nothing of this kind"));
    assert!(status.success(), "{how}: {status}, {:?}", program.said);
    program.said.clone()
}

/// The threads before and after, of a line.
fn before_and_after(line: &str) -> (&str, &str) {
    let counts = line.strip_prefix("threads ").unwrap();
    counts.split_once(" then ").unwrap()
}

#[test]
fn run_sees_every_beginning_and_has_no_thread() {
    let said = said("run");
    assert_eq!(said[0], "begun 5");
    let (before, after) = before_and_after(&said[1]);
    assert_eq!(before, after);
}

#[test]
fn hosted_sees_every_beginning_and_its_thread_ends_with_the_loop() {
    let said = said("threaded");
    for round in said[..9].chunks(3) {
        assert_eq!(round[..2], ["hosted by 1 more", "begun 5"]);
        let (before, after) = before_and_after(&round[2]);
        assert_eq!(before, after);
    }
    assert_eq!(said[9], "page hello", "let go of inside a callback");
    let (before, after) = before_and_after(&said[10]);
    assert_eq!(before, after);
}
