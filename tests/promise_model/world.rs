//! A world in which nothing ever comes from outside, so that a reactor costs
//! no descriptor and a wait no time.

use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::os::fd::BorrowedFd;
#[cfg(unix)]
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use evcore::Token;
use evcore::sys::{Adopted, Datagram, Listener, Notify, Ready, Stream, Wait, World};

pub(crate) struct Void;

struct Nobody;

impl Notify for Nobody {
    fn notify(&self) {}
}

fn nothing<S>() -> io::Result<S> {
    Err(io::ErrorKind::Unsupported.into())
}

impl World for Void {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wait(&self, _: Wait, _: &mut Vec<Ready>) -> io::Result<()> {
        Ok(())
    }

    fn notifier(&self) -> Arc<dyn Notify> {
        Arc::new(Nobody)
    }

    #[cfg(unix)]
    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn connect_tcp(
        &self,
        _: Token,
        _: SocketAddr,
        _: Option<SocketAddr>,
    ) -> io::Result<Box<dyn Stream>> {
        nothing()
    }

    fn listen_tcp(&self, _: Token, _: SocketAddr) -> io::Result<Box<dyn Listener>> {
        nothing()
    }

    fn bind_udp(&self, _: Token, _: SocketAddr) -> io::Result<Box<dyn Datagram>> {
        nothing()
    }

    #[cfg(unix)]
    fn connect_unix(&self, _: Token, _: &Path) -> io::Result<Box<dyn Stream>> {
        nothing()
    }

    #[cfg(unix)]
    fn listen_unix(&self, _: Token, _: &Path) -> io::Result<Box<dyn Listener>> {
        nothing()
    }

    fn adopt(&self, _: Token, _: Adopted) -> io::Result<Box<dyn Stream>> {
        nothing()
    }
}
