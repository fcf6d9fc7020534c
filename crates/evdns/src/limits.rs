//! Every built-in limit of this crate, with its reason. No code.

use std::time::Duration;

/// Servers that are used at most; more in a file are ignored. resolv.conf(5) promises three (`MAXNS`).
pub const SERVERS: usize = 3;

/// The time one server is given at first, in seconds (`RES_TIMEOUT` of resolv.conf(5)).
pub const TIMEOUT: u32 = 5;

/// The longest time a file can ask for, in seconds (`RES_MAXRETRANS`).
pub const MOST_TIMEOUT: u32 = 30;

/// The longest time a program can ask for: what nobody waits for need not fit into clocks.
pub const LONGEST_TIMEOUT: Duration = Duration::from_secs(86_400);

/// Rounds through the servers (`RES_DFLRETRY`).
pub const ATTEMPTS: u32 = 2;

/// The most rounds a file can ask for (`RES_MAXRETRY`).
pub const MOST_ATTEMPTS: u32 = 5;

/// The most dots `ndots` can ask for (`RES_MAXNDOTS`).
pub const MOST_NDOTS: u32 = 15;

/// What we say we can receive in one datagram: DNS Flag Day 2020's number, which fits every path unfragmented.
pub const DATAGRAM: u16 = 1_232;

/// What a socket is ready to receive. A server that sends more than it was told it may loses what exceeds this.
pub const RECEIVED: usize = 4_096;

/// Links of a CNAME chain that are followed. BIND stops at 16; a message of 64 KiB could hold thousands.
pub const CHAIN: usize = 64;

/// Places for connected sockets per server; each query takes one at random. Sixteen kernel-chosen ports of about
/// 28,000, renewed all the time, leave a blind forger as little as one new port a query would.
pub const PORTS: usize = 16;

/// Fewest and most queries a port carries before it is retired, chosen at random for each.
pub const PORT_QUERIES: (u8, u8) = (16, 64);

/// A port is retired after this time, however little it was used: its number may have been learned by then.
pub const PORT_AGE: Duration = Duration::from_secs(10);

/// So many port numbers are not taken again at once: about those of the last 10,000 queries.
pub const PORTS_REMEMBERED: usize = 256;

/// A TCP connection without a query under way is closed after this time (RFC 7766 §6.2.3: a few seconds).
pub const TCP_IDLE: Duration = Duration::from_secs(5);

/// A TCP connection over which nothing has come for so long, though something was asked, gets no further queries: they
/// have another one. A server that takes its time to find out does not mind.
pub const TCP_QUIET: Duration = Duration::from_secs(2);

/// Queries that wait on one TCP connection at most; further ones have another. Ids are 16 bits, and few servers work
/// on more than a hundred at a time (BIND's `tcp-clients` is 150).
pub const TCP_QUERIES: usize = 1_000;

/// Answers kept. One takes about 300 bytes, so this is a few MB; of large ones there are fewer (`CACHED_OCTETS`).
pub const CACHED: usize = 8_192;

/// What the answers kept take together, about: a zone of large answers can't have more.
pub const CACHED_OCTETS: usize = 16 << 20;

/// An answer that takes more than this is not kept: some 400 addresses. A message can hold 4,000 over TCP.
pub const CACHED_ANSWER: usize = 64 << 10;

/// The longest an answer is kept, whatever its TTL says (RFC 8767 §4 suggests days; a day serves as well).
pub const LONGEST_TTL: u32 = 86_400;

/// The longest a negative answer is kept (RFC 2308 §5: one to three hours).
pub const LONGEST_NEGATIVE_TTL: u32 = 3_600;

/// What is left to a stale answer that is served because nothing newer can be had (RFC 8767 §4).
pub const STALE_TTL: u32 = 30;

/// How long a look-up waits for servers before it takes what is stale (RFC 8767 §5).
pub const STALE_AFTER: Duration = Duration::from_millis(1_800);

/// How long the ordered addresses of a name are reused. Their order depends on this machine's own addresses, which may
/// change; a second of that goes unnoticed.
pub const ORDER_KEPT: Duration = Duration::from_secs(1);

/// A server that did not answer is asked again in the background no more often than this.
pub const PROBE_PAUSE: Duration = Duration::from_secs(5);

/// How long a server that can't speak EDNS is spared it (RFC 6891 §6.2.2 wants it to be noticed when it learns).
pub const PLAIN_KEPT: Duration = Duration::from_secs(600);

/// A configuration file larger than this is cut: hosts files of ad blockers have a few MB.
pub const FILE: u64 = 64 << 20;
