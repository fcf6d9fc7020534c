//! Making a reactor: on which world, watched by which poller, by which clock.

use std::io;

use super::Reactor;
use crate::clock::{Clocked, ManualClock};
use crate::sys::{Poller, World};

/// Makes a [`Reactor`] that differs from the usual one.
///
/// ```
/// use evcore::{ManualClock, Reactor};
///
/// let clock = ManualClock::leaping();
/// let reactor = Reactor::builder().clock(&clock).build()?;
/// reactor.run(async { evcore::sleep(evcore::secs(60)).await })?; // at once
/// # Ok::<(), evcore::Error>(())
/// ```
#[derive(Default)]
pub struct Builder {
    poller: Option<Poller>,
    world: Option<Box<dyn World>>,
    clock: Option<ManualClock>,
}

impl Builder {
    /// Waits with this poller instead of [`Poller::chosen`].
    pub fn poller(mut self, poller: Poller) -> Builder {
        self.poller = Some(poller);
        self
    }

    /// Stands on this world instead of the real one.
    ///
    /// `poller` is not looked at then. A [`clock`](Builder::clock) goes in front of it.
    pub fn world(mut self, world: impl World + 'static) -> Builder {
        self.world = Some(Box::new(world));
        self
    }

    /// Goes by this clock instead of the world's.
    pub fn clock(mut self, clock: &ManualClock) -> Builder {
        self.clock = Some(clock.clone());
        self
    }

    /// Makes the reactor.
    ///
    /// # Errors
    /// If the system gives no more descriptors.
    pub fn build(self) -> io::Result<Reactor> {
        let inner = match self.world {
            Some(world) => world,
            None => self.poller.unwrap_or_else(Poller::chosen).open()?,
        };
        let world = match self.clock {
            Some(clock) => Box::new(Clocked { inner, clock }),
            None => inner,
        };
        Ok(Reactor::on(world))
    }
}
