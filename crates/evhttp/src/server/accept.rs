//! Taking connections in, and the seat each has among the others until it
//! ends, however it ends.

use std::future::poll_fn;
use std::net::ToSocketAddrs;
use std::rc::Rc;

use evcore::limits::ACCEPT_PAUSE;
use evcore::net::{TcpListener, TcpStream};
use evcore::{Reactor, Result, sleep, spawn};

use super::io::Io;
use super::{Connections, State, exchange, switch};

pub(super) fn bind(addr: impl ToSocketAddrs) -> std::io::Result<TcpListener> {
    let mut last = std::io::Error::new(std::io::ErrorKind::InvalidInput, "no address");
    for addr in addr.to_socket_addrs()? {
        match TcpListener::bind(addr) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = std::io::Error::new(error.kind(), format!("{addr}: {error}")),
        }
    }
    Err(last)
}

pub(super) async fn accept(listener: TcpListener, state: Rc<State>) -> Result<()> {
    loop {
        if state.connections.borrow().len() >= state.most {
            sleep(ACCEPT_PAUSE).await?;
            continue;
        }
        match poll_fn(|cx| listener.poll_accept(cx)).await {
            Ok(stream) => welcome(&state, stream),
            Err(error) => {
                log::warn!("accept on {}: {error}", state.local);
                sleep(ACCEPT_PAUSE).await?;
            }
        }
    }
}

fn welcome(state: &Rc<State>, stream: TcpStream) {
    let Some(answer) = state.answer.borrow().clone() else {
        return;
    };
    // A peer that is gone already is found out by the first read.
    let Ok(peer) = stream.peer_addr() else { return };
    _ = stream.set_nodelay(true);
    let id = state.next_id.replace(state.next_id.get() + 1);
    let now = Reactor::current().now();
    let io = Rc::new(Io::new(
        stream,
        peer,
        state.limits,
        state.shared.clone(),
        now,
    ));
    let seat = Seat {
        connections: state.connections.clone(),
        id,
    };
    let work = spawn({
        let io = io.clone();
        async move {
            let outcome = exchange::converse(&*answer, &io).await;
            drop(answer);
            let outcome = match outcome {
                Ok(None) => Ok(()),
                Ok(Some(taker)) => Box::pin(switch::hand_over(io, seat, taker)).await,
                Err(error) => Err(error),
            };
            if let Err(error) = outcome {
                log::debug!("connection from {peer}: {error}");
            }
            Ok(())
        }
    });
    state.connections.borrow_mut().insert(id, (io, work));
}

/// A connection's place among the others; it is free again even if the
/// user's function panics.
pub(super) struct Seat {
    connections: Rc<Connections>,
    id: u64,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let gone = self.connections.borrow_mut().remove(&self.id);
        drop(gone);
    }
}
