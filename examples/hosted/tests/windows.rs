//! The two downloaders as people use them: a screen, a mouse, a keyboard.
//! Pictures are left in `target/screens` for whoever wants to see them.

use std::path::{Path, PathBuf};

#[path = "screen.rs"]
mod screen;

use screen::{Picture, Program, Screen, wait_for};

/// Of the bars, and of what is wrong or ends something.
const BLUE: [u8; 3] = [0x35, 0x84, 0xe4];
const RED: [u8; 3] = [0xc0, 0x1c, 0x28];

/// Where one types is the one thing that differs: below the title, or in its stead.
fn drive(name: &str, program: &str, entry: (usize, usize)) {
    let screen = Screen::new();
    let mut program = Program::start(&mut screen.command(program));
    let serving = program.line("serving ");
    let home = serving.trim_start_matches("serving ");

    let bar = |picture: &Picture| {
        picture
            .places(BLUE)
            .into_iter()
            .filter(|(_, y)| *y > entry.1 + 20)
            .count()
    };
    let first = wait_for("a bar", || {
        Some(bar(&screen.look())).filter(|blue| *blue > 200)
    });
    wait_for("the bar moves", || {
        (bar(&screen.look()) > first + 200).then_some(())
    });

    screen.hand(&[
        "search",
        "--onlyvisible",
        "--name",
        "Downloads",
        "windowfocus",
    ]);
    let enter = |url: &str| {
        screen.click(entry);
        screen.hand(&["type", url]);
        screen.hand(&["key", "Return"]);
    };
    enter(&format!("{home}welcome.txt"));
    assert_eq!(
        program.line("welcome.txt: "),
        "welcome.txt: Hello from a server in the same thread."
    );
    screen.keep(&picture_path(name, "midway"));

    let wrong = |picture: Picture| {
        picture
            .places(RED)
            .into_iter()
            .filter(|(x, _)| *x < 600)
            .count()
    };
    assert_eq!(wrong(screen.look()), 0);
    enter("http://127.0.0.1:1/nobody");
    assert!(
        program
            .line("nobody: ")
            .starts_with("nobody: connect 127.0.0.1:1: Connection refused")
    );
    wait_for("what is wrong, in red", || {
        (wrong(screen.look()) > 20).then_some(())
    });

    program.line("disk.iso: done, 50.3 MB");
    // The one button left that ends something is that of the second row, once
    // the first has been painted grey.
    wait_for("a button to cancel with", || {
        let places = screen.look().places(RED);
        let buttons = places.into_iter().filter(|(x, _)| *x > 600);
        screen.click(buttons.min_by_key(|(_, y)| *y)?);
        program.says("photos.tar: cancelled").then_some(())
    });
    let stopped = wait_for("the other bars are full", || {
        let blue = bar(&screen.look());
        (blue > first).then_some(blue)
    });
    let before = screen.look();
    wait_for("the clock goes on", || {
        (screen.look().bytes != before.bytes).then_some(())
    });
    assert_eq!(
        bar(&screen.look()),
        stopped,
        "what is cancelled does not move"
    );
    screen.keep(&picture_path(name, "end"));
    assert!(
        program.child.try_wait().unwrap().is_none(),
        "it is still there"
    );
}

fn picture_path(name: &str, when: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../screens");
    std::fs::create_dir_all(&folder).expect("a folder");
    folder.join(format!("{name}-{when}.png"))
}

#[test]
fn gtk() {
    drive("gtk", env!("CARGO_BIN_EXE_gtk"), (300, 86));
}

#[test]
fn egui() {
    drive("egui", env!("CARGO_BIN_EXE_egui"), (300, 24));
}
