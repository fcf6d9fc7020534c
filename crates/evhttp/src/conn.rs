//! Connections: who they go to, how they come about, where they wait, and
//! what goes over them. Knows calls; knows no layer.

mod dial;
mod drive;
mod origin;
mod pool;
mod wire;

pub(crate) use wire::Wire;
