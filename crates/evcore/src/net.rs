//! Sockets: TCP, UDP and Unix-domain, over the reactor's public face alone.
//!
//! Two doors lead to each of them. The first is for everybody: operations
//! return promises and are done in the order in which they were asked for.
//! The second is for authors of protocols: `poll_*`, `try_*` and the
//! `futures-io` traits cost no promise. No protocol lives here.
//!
//! ```
//! use evcore::net::{TcpListener, connect};
//!
//! let listener = TcpListener::bind(([127, 0, 0, 1], 0))?;
//! let asked = connect(listener.local_addr()?).and_then(|stream| {
//!     stream.write_all("hello");
//!     stream.shutdown()
//! });
//! let heard = listener.accept().and_then(|stream| stream.read_exact(5));
//! assert_eq!(evcore::run(heard)?, b"hello");
//! # Ok::<(), evcore::Error>(())
//! ```

mod byte_stream;
mod connect;
mod datagram;
mod gate;
mod line;
mod listen;
mod promised;
mod stream;
#[cfg(unix)]
mod unix;

pub use crate::sys::{Address, Adopted};
pub use byte_stream::ByteStream;
pub use connect::{ConnectError, Target, connect, connect_tcp};
pub use datagram::UdpSocket;
pub use listen::{Listener, TcpListener};
pub use promised::Promised;
pub use stream::{Stream, Tcp, TcpStream};
#[cfg(unix)]
pub use unix::{Unix, UnixListener, UnixStream};
