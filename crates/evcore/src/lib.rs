//! An event library with simple promises.
//!
//! ```
//! let job = evcore::sleep(evcore::ms(1)).then(|_| 3);
//! job.then(|n| println!("{n}")); // 3: every callback gets the same value
//! let plus4 = job.then(|n| n + 4); // a callback's result is a new promise
//! assert_eq!(evcore::run(plus4)?, 7);
//! # Ok::<(), evcore::Error>(())
//! ```
//!
//! One thread turns a [`Reactor`]: it waits, collects what has happened
//! outside, then delivers it to callbacks and coroutines. Asynchronous
//! functions take no callbacks; they return a [`Promise`], on which any
//! [`Event`] can be told besides. The core knows no protocol.
//!
//! Features: `mio` (on by default) and `polling` choose the poller, `signal`
//! adds `ctrl_c` and signals.

mod blocking;
mod clock;
mod current;
mod error;
mod event;
mod host;
mod inbox;
pub mod limits;
pub mod net;
mod promise;
pub mod reactor;
#[cfg(feature = "signal")]
pub mod signal;
mod sleep;
mod source;
pub mod sys;
mod task;
mod timer;
mod token;
mod turn;

pub use blocking::blocking;
pub use clock::ManualClock;
pub use error::{Error, Kind, Result};
pub use event::Event;
pub use inbox::Remote;
pub use promise::follow::{Followable, Next};
pub use promise::join::AllFailed;
pub use promise::listen::Emitter;
pub use promise::resolver::Resolver;
pub use promise::unhandled::Unhandled;
pub use promise::wait::{Await, AwaitShared, Shared};
pub use promise::{Owned, Promise};
pub use reactor::{Reactor, Source, Turned, run};
#[cfg(feature = "signal")]
pub use signal::ctrl_c;
pub use sleep::{TICK, defer, interval, sleep, sleep_until};
pub use source::Direction;
pub use task::{spawn, spawn_with};
pub use token::Token;

use std::time::Duration;

/// So many milliseconds.
///
/// ```
/// assert_eq!(evcore::ms(1_500), std::time::Duration::from_millis(1_500));
/// ```
pub const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// So many seconds.
///
/// ```
/// assert_eq!(evcore::secs(2), evcore::ms(2_000));
/// ```
pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
