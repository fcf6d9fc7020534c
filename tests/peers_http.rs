//! Our client against nginx, and curl and wrk against our server. Needs all three.

mod peers_http {
    mod curl;
    mod nginx;
    mod wrk;
}

use std::io::{BufRead, BufReader};

use bed::Running;

/// Our server in a process of its own, and its URL.
fn serving() -> (Running, String) {
    let mut running = Running::start(env!("CARGO_BIN_EXE_serving"), &[] as &[&str]);
    let stdout = running.child_mut().stdout.take().expect("captured");
    let mut address = String::new();
    BufReader::new(stdout)
        .read_line(&mut address)
        .expect("its address");
    (running, format!("http://{}/", address.trim()))
}
