//! Asks a silent server for a thousand names, and leaves while all are pending. Says how many threads it has, and when
//! it leaves: microseconds since 1970.

use std::time::{Duration, UNIX_EPOCH};

use evcore::Result;
use evdns::Resolver;

fn main() -> Result<()> {
    let server: std::net::SocketAddr = std::env::args().nth(1).ok_or("no server")?.parse()?;
    let resolver = Resolver::builder()
        .server(server)
        .timeout(Duration::from_secs(600))
        .build();
    let pending: Vec<_> = (0..1_000)
        .map(|n| resolver.lookup(format!("n{n}.example")))
        .collect();
    evcore::run(evcore::sleep(Duration::from_millis(50)))?;
    assert!(
        pending.iter().all(|promise| !promise.is_settled()),
        "the server answers"
    );
    let threads = std::fs::read_dir("/proc/self/task")?.count();
    println!("{threads} {}", UNIX_EPOCH.elapsed()?.as_micros());
    Ok(())
}
