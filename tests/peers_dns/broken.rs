//! What a program does when the network fails it: it exits at once with look-ups pending, and it sees a new
//! resolv.conf.

use std::time::{Duration, Instant};

use bed::command;

/// A program with a thousand look-ups pending ends at once.
#[test]
fn a_thousand_look_ups_pending_do_not_hold_the_exit() {
    let server = bed::dns::DnsServer::start(|_| vec![]);
    let program = env!("CARGO_BIN_EXE_leaving");
    let began = Instant::now();
    let finished = command::run(
        program,
        &[&server.address().to_string()],
        Duration::from_secs(30),
    )
    .success();
    let inside: u64 = finished
        .text()
        .trim()
        .parse()
        .expect("milliseconds until the last line of main");
    let exit = began
        .elapsed()
        .saturating_sub(Duration::from_millis(inside));
    println!("main took {inside} ms, starting and ending {exit:?}");
    assert!(exit < Duration::from_secs(2), "{exit:?}");
}
