//! A screen nobody sees, and a hand on it: Xvfb, xdotool, ImageMagick. What a
//! program ought to show lives in the tests.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// Long enough for the slowest of machines.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A screen of 720 by 520; it goes when this is dropped.
pub(crate) struct Screen {
    server: Child,
    display: String,
}

impl Screen {
    pub(crate) fn new() -> Screen {
        let mut command = Command::new("Xvfb");
        // It picks a free number, and says which on its standard output.
        command.args([
            "-displayfd",
            "1",
            "-screen",
            "0",
            "720x520x24",
            "-nolisten",
            "tcp",
        ]);
        let mut server = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb is installed");
        let mut number = String::new();
        let stdout = server.stdout.take().expect("captured");
        BufReader::new(stdout)
            .read_line(&mut number)
            .expect("a number");
        let display = format!(":{}", number.trim());
        Screen { server, display }
    }

    /// A command that shows its windows here, painted by the processor.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env("DISPLAY", &self.display)
            .env_remove("WAYLAND_DISPLAY")
            .stdin(Stdio::null());
        command.envs([
            ("GSK_RENDERER", "cairo"),
            ("GDK_BACKEND", "x11"),
            ("GTK_A11Y", "none"),
        ]);
        command.envs([("LIBGL_ALWAYS_SOFTWARE", "1"), ("NO_AT_BRIDGE", "1")]);
        command
    }

    /// Lets xdotool do something.
    #[track_caller]
    pub(crate) fn hand(&self, arguments: &[&str]) {
        let status = self
            .command("xdotool")
            .args(arguments)
            .stdout(Stdio::null())
            .status();
        assert!(
            status.expect("xdotool is installed").success(),
            "xdotool {arguments:?}"
        );
    }

    pub(crate) fn click(&self, (x, y): (usize, usize)) {
        self.hand(&["mousemove", &x.to_string(), &y.to_string(), "click", "1"]);
    }

    /// What is to be seen now.
    pub(crate) fn look(&self) -> Picture {
        let output = self
            .command("import")
            .args(["-window", "root", "-depth", "8", "ppm:-"])
            .output();
        Picture::read(output.expect("ImageMagick is installed").stdout)
    }

    /// What is to be seen, for people.
    pub(crate) fn keep(&self, path: &Path) {
        let status = self
            .command("import")
            .args(["-window", "root"])
            .arg(path)
            .status();
        assert!(status.expect("ImageMagick is installed").success());
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Red, green, blue, row by row.
pub(crate) struct Picture {
    width: usize,
    pub(crate) bytes: Vec<u8>,
}

impl Picture {
    /// `P6 width height 255` and the bytes.
    fn read(ppm: Vec<u8>) -> Picture {
        let mut words = ppm.split(|byte| byte.is_ascii_whitespace());
        let header: Vec<&[u8]> = words.by_ref().take(4).collect();
        let width = std::str::from_utf8(header[1])
            .ok()
            .and_then(|width| width.parse().ok());
        let start = header.iter().map(|word| word.len() + 1).sum();
        Picture {
            width: width.expect("a picture"),
            bytes: ppm[start..].to_vec(),
        }
    }

    /// Where a colour is, or nearly: letters have soft edges.
    pub(crate) fn places(&self, colour: [u8; 3]) -> Vec<(usize, usize)> {
        let pixels = self.bytes.chunks_exact(3).enumerate();
        let near = |pixel: &[u8]| {
            pixel
                .iter()
                .zip(colour)
                .all(|(is, wanted)| is.abs_diff(wanted) < 40)
        };
        let found = pixels.filter(|(_, pixel)| near(pixel));
        found
            .map(|(n, _)| (n % self.width, n / self.width))
            .collect()
    }
}

/// A program that is under way, and what it says.
pub(crate) struct Program {
    pub(crate) child: Child,
    lines: Receiver<String>,
    pub(crate) said: Vec<String>,
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> Program {
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("it was built");
        let stdout = BufReader::new(child.stdout.take().expect("captured"));
        let (told, lines) = mpsc::channel();
        std::thread::spawn(move || {
            stdout
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| told.send(line))
        });
        Program {
            child,
            lines,
            said: Vec::new(),
        }
    }

    /// The first line that begins like this, after waiting for it if need be.
    #[track_caller]
    pub(crate) fn line(&mut self, start: &str) -> String {
        let began = Instant::now();
        loop {
            if let Some(line) = self.said.iter().find(|line| line.starts_with(start)) {
                return line.clone();
            }
            let left = PATIENCE.saturating_sub(began.elapsed());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("it never said {start:?}, only {:?}", self.said);
            };
            self.said.push(line);
        }
    }
}

impl Program {
    /// Whether it says so about now.
    pub(crate) fn says(&mut self, start: &str) -> bool {
        while let Ok(line) = self.lines.recv_timeout(Duration::from_millis(300)) {
            self.said.push(line);
        }
        self.said.iter().any(|line| line.starts_with(start))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks until something is seen.
#[track_caller]
pub(crate) fn wait_for<R>(what: &str, mut look: impl FnMut() -> Option<R>) -> R {
    let began = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(began.elapsed() < PATIENCE, "never seen: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
