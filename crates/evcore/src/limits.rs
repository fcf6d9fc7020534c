//! Every built-in limit of the core, with its reason. No code.

use std::time::Duration;

/// Units of delivery (callbacks, listener calls, hops, polls) in one turn
/// before the outside is looked at again. Large enough that a turn's poll
/// costs little per callback, small enough that a busy queue holds a host's
/// loop for well under a frame.
pub const BUDGET: usize = 1_024;

/// Posts from other threads taken in one turn; more come with the next. As
/// many as a turn delivers: the queue does not grow by them.
pub const POSTS: usize = BUDGET;

/// Bytes moved through a socket that cost one unit of the budget; an operation
/// that could go on at once costs at least one. So a turn moves about 2 MiB,
/// which takes a millisecond or two: whoever reads what never ends leaves the
/// timers, the others and the host their time, without a thought of his own.
pub const BYTES_PER_UNIT: usize = 2_048;

/// What taking in a connection costs, in bytes moved: 64 of them use up a
/// turn, and a flood of clients does not starve those that are served.
pub const ACCEPT_COST: usize = 16 * BYTES_PER_UNIT;

/// Threads that `blocking` may use at once, per reactor. Two, so that one
/// slow name look-up does not hold up a file operation; no more, because
/// blocking work is the exception here and threads are not free.
pub const BLOCKING_THREADS: usize = 2;

/// How long an idle helper thread waits for more work before it ends.
pub const BLOCKING_IDLE: Duration = Duration::from_secs(10);

/// Capacity the delivery queue may keep when it has run empty; a burst's
/// memory beyond it is given back.
pub const QUEUE_KEPT: usize = 16_384;

/// Readiness events taken from the system in one wait. More come with the
/// next one: enough that a thousand busy connections need few waits, small
/// enough to stay in the cache.
pub const EVENTS: usize = 1_024;

/// Connections the system may hold until they are accepted. More than the
/// usual 128, so that a burst of clients is not refused during one turn; the
/// system cuts it to its own limit.
pub const BACKLOG: i32 = 4_096;

/// How long a listener waits when the system is out of descriptors or memory.
/// Connections have to end first; asking at once would only spin.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The smallest step in which memory grows while a promised number of bytes
/// comes in: the number may be a peer's claim, the bytes are a fact.
pub const READ_STEP: usize = 65_536;
