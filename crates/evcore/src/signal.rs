//! Signals as promises (feature `signal`). The operating system's side is in
//! the folder beside this file.
//!
//! Nothing is installed before a function of this module is called. From then
//! on the signal's default action stays off for the rest of the process, also
//! after the promise has settled: a program that waits for Ctrl-C once and
//! then takes its time should wait for it a second time.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::{
    SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGNAL, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, signal,
    signals,
};

use crate::Promise;

/// Promises that the user asks the program to end: Ctrl-C, or `SIGINT`. It
/// listens from this call on.
///
/// ```no_run
/// println!("press Ctrl-C");
/// evcore::run(evcore::ctrl_c())?;
/// # Ok::<(), evcore::Error>(())
/// ```
#[track_caller]
pub fn ctrl_c() -> Promise<()> {
    #[cfg(unix)]
    return unix::first(SIGINT, |_| ());
    #[cfg(windows)]
    return windows::ctrl_c();
}
