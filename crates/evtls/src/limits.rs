//! Every limit of this crate, named, with the reason for its value.

/// Ciphertext that one receive may bring: four full records, so that a fast
/// peer costs one system call for several of them. The memory is lent to a
/// session while it has something unread, and shared by all of a connector.
pub const RECEIVED_AT_ONCE: usize = 64 << 10;

/// Such pieces of memory a connector keeps for the next receive.
pub const KEPT_PIECES: usize = 4;

/// Ciphertext waiting to be sent, at most: what a socket's buffer takes at
/// once. Writing stops there until the peer has taken some.
pub const SENT_AT_ONCE: usize = 64 << 10;

/// Sessions a connector remembers for resumption, as many as rustls does by
/// default.
pub const SESSIONS: usize = 256;
