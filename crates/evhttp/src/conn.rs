//! Connections: who they go to, how they come about, where they wait, and
//! what goes over them. Knows calls; knows no layer.

mod dial;
mod drive;
mod expect;
mod names;
mod network;
mod origin;
mod patience;
mod pool;
mod proxy;
mod queue;
mod race;
mod room;
mod socks;
mod switch;
mod transport;
mod tunnel;
mod wire;

pub(crate) use names::Names;
pub(crate) use network::Network;
pub(crate) use patience::Time;
pub use proxy::{Proxies, Proxy};
#[cfg(feature = "har")]
pub(crate) use wire::US;
pub(crate) use wire::Wire;
