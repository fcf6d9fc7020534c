//! The barest loop there is: poll(2), with evcore's descriptor among others.
//!
//!     cargo run -p hosted --features poll --bin poll

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use evcore::{Reactor, Result};
use hosted::Trace;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

fn main() -> Result<()> {
    let reactor = Reactor::current();
    let due = Rc::new(Cell::new(false));
    let told = due.clone();
    reactor.on_wake(move || told.set(true));
    let trace = Trace::start()?;
    let done = trace.done();
    while !done.is_settled() {
        due.set(false);
        let turned = reactor.turn(Duration::ZERO);
        for download in &trace.downloads {
            eprint!("{}: {}  ", download.name, download.line());
        }
        eprint!("\r");
        let wait = match turned.more || due.get() {
            true => Some(Duration::ZERO),
            false => turned.next,
        };
        let wait = wait.and_then(|wait| Timespec::try_from(wait).ok());
        let fd = reactor
            .as_fd()
            .ok_or(io::ErrorKind::Unsupported)
            .map_err(io::Error::from)?;
        // The host's own descriptors would stand beside it.
        poll(&mut [PollFd::new(&fd, PollFlags::IN)], wait.as_ref()).map_err(io::Error::from)?;
    }
    println!("{}", trace.text());
    Ok(())
}
