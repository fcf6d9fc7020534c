//! NSD, answering for a zone in which every name has an address: one process, on a core of its own.

use crate::launch::{SERVER_CORE, bound, workshop};
use std::fs;
use std::io;
use std::net::UdpSocket;
use std::process::{Child, Stdio};
use std::time::Duration;

/// The name number `n`: none is asked for twice.
pub(crate) fn name(n: u64) -> String {
    format!("n{n}.bench.test.")
}

const ZONE: &str = "$ORIGIN bench.test.\n$TTL 3600\n@ SOA ns hostmaster 1 3600 900 86400 60\n@ NS ns\nns A 127.0.0.1\n* A 192.0.2.1\n";

/// `ns.bench.test A`, as a query.
const PROBE: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x02ns\x05bench\x04test\0\0\x01\0\x01";

/// How often it is asked whether it is there, and how long each time.
const PROBES: usize = 50;
const PATIENCE: Duration = Duration::from_millis(100);

/// A server in a child process; it ends when this is dropped.
pub(crate) struct Nsd {
    child: Child,
    port: u16,
}

impl Nsd {
    pub(crate) fn start() -> Result<Nsd, String> {
        start().map_err(|error| format!("nsd: {error}"))
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Nsd {
    fn drop(&mut self) {
        // Asked, and not killed: it has children, which end with it.
        let id = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        let _ = self.child.wait();
    }
}

fn start() -> io::Result<Nsd> {
    let place = workshop().map_err(io::Error::other)?;
    let at = place.display();
    // Free now; it can't be asked to choose one and tell.
    let port = UdpSocket::bind(("127.0.0.1", 0))?.local_addr()?.port();
    // Answers to one client are limited by default.
    let configuration = format!(
        "server:\n ip-address: 127.0.0.1@{port}\n username: \"\"\n zonesdir: \"{at}\"\n database: \"\"\n pidfile: \"\"\n \
         xfrdfile: \"{at}/xfrd\"\n zonelistfile: \"{at}/zones\"\n server-count: 1\n rrl-ratelimit: 0\n\
         remote-control:\n control-enable: no\nzone:\n name: bench.test\n zonefile: bench.zone\n"
    );
    fs::write(place.join("bench.zone"), ZONE)?;
    fs::write(place.join("nsd.conf"), configuration)?;
    let words = ["nsd", "-d", "-c", &format!("{at}/nsd.conf")].map(str::to_owned);
    let child = bound(SERVER_CORE, &words)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let mut nsd = Nsd { child, port };
    let probe = UdpSocket::bind(("127.0.0.1", 0))?;
    probe.connect(("127.0.0.1", port))?;
    probe.set_read_timeout(Some(PATIENCE))?;
    for _ in 0..PROBES {
        if probe.send(PROBE).is_ok() && probe.recv(&mut [0; 512]).is_ok() {
            return Ok(nsd);
        }
        if let Some(status) = nsd.child.try_wait()? {
            return Err(io::Error::other(format!("it ended: {status}")));
        }
        std::thread::sleep(PATIENCE / 5);
    }
    Err(io::ErrorKind::TimedOut.into())
}
