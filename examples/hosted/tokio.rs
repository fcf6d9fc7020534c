//! tokio's loop, on one thread, with evcore in it: a task watches the
//! reactor's descriptor by `AsyncFd`, keeps its deadline, and turns it.
//!
//!     cargo run -p hosted --features tokio --bin tokio

use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

use evcore::Reactor;
use hosted::Trace;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;
use tokio::task::LocalSet;

/// Turns `reactor` for as long as it is polled.
pub(crate) async fn host(reactor: Reactor) -> io::Result<()> {
    let woken = Rc::new(Notify::new());
    let wake = woken.clone();
    reactor.on_wake(move || wake.notify_one());
    let fd = reactor.as_fd().ok_or(io::ErrorKind::Unsupported)?;
    #[expect(
        deprecated,
        reason = "its successor is unsafe for owners that may lie about their descriptor; an OwnedFd doesn't"
    )]
    let fd: AsyncFd<OwnedFd> =
        AsyncFd::with_interest(fd.try_clone_to_owned()?, Interest::READABLE)?;
    loop {
        let turned = reactor.turn(Duration::ZERO);
        if turned.more {
            tokio::task::yield_now().await; // the other tasks' turn
            continue;
        }
        // tokio's timer goes by milliseconds, rounded up.
        let left = turned.next.unwrap_or(Duration::from_secs(3_600));
        tokio::select! {
            ready = fd.readable() => {
                // Cleared before the turn, not after it: tokio is edge-triggered, and what
                // comes during the turn has to make it readable again.
                ready?.clear_ready();
            }
            () = woken.notified() => {}
            () = tokio::time::sleep(left) => {}
        }
    }
}

fn main() -> evcore::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, async {
        let hosting = tokio::task::spawn_local(host(Reactor::current()));
        let trace = Trace::start()?;
        for download in &trace.downloads {
            let told = download.clone();
            download
                .page
                .settled(move |_| eprintln!("{}: {}", told.name, told.line()));
        }
        // A promise is a future like any other; tokio's own waker wakes this task.
        trace.done().await?;
        println!("{}", trace.text());
        hosting.abort();
        Ok(())
    })
}
