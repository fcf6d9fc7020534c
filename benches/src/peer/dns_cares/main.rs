//! c-ares as a program of its own, built when it is needed (with cmake): the version its crate brings, because the system's
//! may be too old to change ports, through the crate's thin wrapper. mio watches its sockets; it reads each until nothing is
//! left. Queries are made outside its callbacks, which only count. Arguments: case, operations, port.

use c_ares::{Channel, DnsCls, DnsRecord, DnsRecordType, DnsSection, Flags, Options};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use rustix::time::{ClockId, clock_gettime};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// As many as ours are given up after, on average (16 to 64).
const QUERIES_PER_PORT: u32 = 40;

/// For how long answers are kept, in seconds, where they are to be.
const KEPT: u32 = 3_600;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [case, ops, port] = &arguments[..] else {
        return Err("usage: CASE OPS PORT".into());
    };
    let (ops, port) = (ops.parse()?, port.parse()?);
    let case = case.rsplit('/').next().unwrap_or(case);
    let cached = case == "cached";
    let mut asking = Asking::new(port, if cached { KEPT } else { 0 })?;
    // The first socket, and what is to be in the cache.
    asking.drive(1, 1, |_| name(if cached { 0 } else { ops }))?;
    let (cpu, wall) = (cpu_nanos(), Instant::now());
    asking.drive(ops, case.parse().unwrap_or(1), |n| name(if cached { 0 } else { n }))?;
    let (cpu, wall) = (cpu_nanos() - cpu, wall.elapsed().as_nanos() as f64);
    let peak = status("VmHWM:")? - status("RssFile:")?;
    println!("{} {} {peak}", cpu / ops as f64, wall / ops as f64);
    Ok(())
}

fn name(n: u64) -> String {
    format!("n{n}.bench.test.")
}

fn cpu_nanos() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// A size of this program, in KiB.
fn status(field: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let line = line.ok_or("no such field")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

struct Asking {
    channel: Channel,
    poll: Poll,
    answered: Arc<AtomicU64>,
}

impl Asking {
    fn new(port: u16, kept: u32) -> Result<Asking> {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let mut options = Options::new();
        options
            // Else a socket is closed when nothing is under way on it.
            .set_flags(Flags::STAYOPEN | Flags::EDNS)
            .set_udp_max_queries(Some(QUERIES_PER_PORT))
            .set_query_cache_max_ttl(kept)
            .set_lookups("b")?
            .set_socket_state_callback(move |socket, readable, _| {
                let token = Token(socket as usize);
                // It tells the same more than once, and of sockets that are gone.
                let _ = match readable {
                    true => registry.register(&mut SourceFd(&socket), token, Interest::READABLE),
                    false => registry.deregister(&mut SourceFd(&socket)),
                };
            });
        let mut channel = Channel::with_options(options)?;
        channel.set_servers([format!("127.0.0.1:{port}")])?;
        let answered = Arc::default();
        Ok(Asking { channel, poll, answered })
    }

    fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    fn drive(&mut self, ops: u64, under_way: u64, name: impl Fn(u64) -> String) -> Result<()> {
        self.answered.store(0, Ordering::Relaxed);
        let mut events = Events::with_capacity(64);
        let mut sent = 0;
        while self.answered() < ops {
            while sent < ops && sent - self.answered() < under_way {
                let answered = self.answered.clone();
                let count = move |answer: c_ares::Result<&DnsRecord>| {
                    let addresses = answer.expect("an address").rr_count(DnsSection::Answer);
                    assert_eq!(addresses, 1);
                    answered.store(answered.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                };
                self.channel.query_dnsrec(&name(sent), DnsCls::IN, DnsRecordType::A, count)?;
                sent += 1;
            }
            if self.answered() < sent {
                self.poll.poll(&mut events, None)?;
                for event in &events {
                    self.channel.process_fd(Some(event.token().0 as i32), None);
                }
            }
        }
        Ok(())
    }
}
