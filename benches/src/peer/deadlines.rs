//! The deadlines all timer peers are given: the same for each, drawn by a fixed seed.

use std::time::{Duration, Instant};

/// How many timers are live in the case "cancel", and in the case "churn".
pub(crate) const LIVE_MANY: u64 = 1_000_000;
pub(crate) const LIVE_FEW: u64 = 1_000;

/// Within what time all timers of the case "fire" are due.
pub(crate) const WINDOW: Duration = Duration::from_millis(100);

/// How long the slowest peer may take to make its timers before the first is due.
const LEAD: Duration = Duration::from_secs(4);

/// An endless row of deadlines.
pub(crate) struct Deadlines {
    start: Instant,
    span: Duration,
    seed: u64,
}

impl Deadlines {
    /// Between one and eleven minutes away: the time limits of a busy server.
    pub(crate) fn far() -> Deadlines {
        Deadlines {
            start: Instant::now() + Duration::from_secs(60),
            span: Duration::from_secs(600),
            seed: 7,
        }
    }

    /// All within [`WINDOW`], which begins when the timers are sure to be made.
    pub(crate) fn soon() -> Deadlines {
        Deadlines {
            start: Instant::now() + LEAD,
            span: WINDOW,
            seed: 7,
        }
    }

    /// The earliest there can be.
    pub(crate) fn start(&self) -> Instant {
        self.start
    }

    /// The next one, by splitmix64.
    pub(crate) fn next(&mut self) -> Instant {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.seed ^ self.seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        self.start + Duration::from_nanos((z ^ z >> 31) % self.span.as_nanos() as u64)
    }
}
