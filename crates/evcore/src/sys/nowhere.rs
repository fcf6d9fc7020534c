//! The world of a reactor that is closed from the start: nothing happens in
//! it, nothing can be opened.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::{Adopted, Datagram, Listener, Notify, Ready, Stream, Wait, World};
use crate::token::Token;

pub(crate) struct Nowhere;

struct Nobody;

impl Notify for Nobody {
    fn notify(&self) {}
}

fn closed<S>() -> io::Result<S> {
    Err(crate::error::closed_for_io())
}

impl World for Nowhere {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wait(&self, _: Wait, _: &mut Vec<Ready>) -> io::Result<()> {
        closed()
    }

    fn notifier(&self) -> Arc<dyn Notify> {
        Arc::new(Nobody)
    }

    #[cfg(unix)]
    fn as_fd(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        None
    }

    fn connect_tcp(
        &self,
        _: Token,
        _: SocketAddr,
        _: Option<SocketAddr>,
    ) -> io::Result<Box<dyn Stream>> {
        closed()
    }

    fn listen_tcp(&self, _: Token, _: SocketAddr) -> io::Result<Box<dyn Listener>> {
        closed()
    }

    fn bind_udp(&self, _: Token, _: SocketAddr) -> io::Result<Box<dyn Datagram>> {
        closed()
    }

    #[cfg(unix)]
    fn connect_unix(&self, _: Token, _: &std::path::Path) -> io::Result<Box<dyn Stream>> {
        closed()
    }

    #[cfg(unix)]
    fn listen_unix(&self, _: Token, _: &std::path::Path) -> io::Result<Box<dyn Listener>> {
        closed()
    }

    fn adopt(&self, _: Token, _: Adopted) -> io::Result<Box<dyn Stream>> {
        closed()
    }
}
