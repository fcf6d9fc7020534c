//! A server seen from outside: its CPU time and memory while this program loads it.

use super::outside::{cpu_time, peak_kb};
use super::{Measured, per_op};
use crate::area::{Case, How, Load, Peer};
use crate::launch::{Arguments, command};
use crate::load;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to end by itself; counters write what they counted then.
const PATIENCE: Duration = Duration::from_secs(5);

/// A server that is running; it ends when its standard input does.
struct Running {
    child: Child,
    port: u16,
}

impl Running {
    /// Starts it and waits for its port; one given (nginx) is tried until it answers.
    fn start(mut command: Command, port: Option<u16>) -> Result<Running, String> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let told = match port {
            Some(port) => load::answers(port).then_some(port),
            None => child.stdout.take().and_then(|stdout| {
                let mut line = String::new();
                BufReader::new(stdout).read_line(&mut line).ok()?;
                line.trim().parse().ok()
            }),
        };
        let port = told.unwrap_or(0);
        let running = Running { child, port };
        match port {
            0 => Err("it did not start".to_owned()),
            _ => Ok(running),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // It may have ended by itself just now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn measure(case: &Case, peer: &Peer, load: &Load) -> Result<Measured, String> {
    let (ops, port) = (case.ops, 0);
    let known = matches!(peer.how, How::Nginx).then_some(crate::peer::nginx::PORT);
    let mut server = Running::start(command(case, peer, Arguments { ops, port })?, known)?;
    let id = server.child.id();
    let mut clients = load::connect(server.port, load).map_err(|error| error.to_string())?;
    let mut exchange = |ops| clients.exchange(ops).map_err(|error| error.to_string());
    exchange(ops / 10)?;
    let (cpu, wall) = (cpu_time(id), Instant::now());
    exchange(ops)?;
    let (cpu, wall) = (cpu_time(id) - cpu, wall.elapsed());
    let peak = peak_kb(&id.to_string());
    if known.is_some() {
        // It does not listen to its standard input.
        let _ = server.child.kill();
    }
    Ok([per_op(cpu, ops), per_op(wall, ops), peak as f64])
}

/// Starts a server for a load of so many messages only.
pub(super) fn load_once(command: Command, load: &Load, ops: u64) -> Result<(), String> {
    let server = Running::start(command, None)?;
    let mut clients = load::connect(server.port, load).map_err(|error| error.to_string())?;
    clients.exchange(ops).map_err(|error| error.to_string())
}
