//! A new connection to an origin: its addresses, then the first of them that
//! answers.

use std::cell::Cell;
use std::net::{SocketAddr, ToSocketAddrs};

use evcore::Result;
use evcore::net::{TcpStream, connect_tcp};

use super::origin::{Name, Origin};
use crate::error::{Error, ErrorKind, Phase};

/// Connects to `origin`, trying its addresses in the order the system gave.
/// Notes in `phase` how far it is.
pub(crate) async fn dial(origin: &Origin, phase: &Cell<Phase>) -> Result<(TcpStream, SocketAddr)> {
    phase.set(Phase::Resolve);
    let mut failed: Vec<(SocketAddr, std::io::Error)> = Vec::new();
    let addresses = resolve(origin).await?;
    phase.set(Phase::Connect);
    for peer in addresses {
        match connect_tcp(peer, None).await {
            Ok(stream) => {
                // Small requests must not wait for the ACK of the one before.
                _ = stream.set_nodelay(true);
                return Ok((stream, peer));
            }
            Err(error) => failed.push((peer, error)),
        }
    }
    Err(refused(origin, failed).into())
}

async fn resolve(origin: &Origin) -> Result<Vec<SocketAddr>> {
    let name = match &origin.host {
        Name::Literal(ip) => return Ok(vec![(*ip, origin.port).into()]),
        Name::Domain(name) => name.clone(),
    };
    let port = origin.port;
    let found = evcore::blocking(move || {
        (name.as_str(), port)
            .to_socket_addrs()
            .map(Vec::from_iter)
            .map_err(evcore::Error::from)
    });
    let named = |error: evcore::Error| {
        let why = std::io::Error::other(error);
        Error::io(Phase::Resolve, why).to(origin.to_string())
    };
    let addresses = found.await?.map_err(named)?;
    match addresses.is_empty() {
        true => Err(named("the name has no address".into()).into()),
        false => Ok(addresses),
    }
}

/// One line that names every address tried.
fn refused(origin: &Origin, mut failed: Vec<(SocketAddr, std::io::Error)>) -> Error {
    let Some((peer, last)) = failed.pop() else {
        let why = ErrorKind::BadRequest("no address to connect to".into());
        return Error::new(Phase::Connect, why).to(origin.to_string());
    };
    if failed.is_empty() {
        return Error::io(Phase::Connect, last)
            .to(origin.to_string())
            .at(peer);
    }
    let kind = last.kind();
    failed.push((peer, last));
    let each: Vec<String> = failed
        .iter()
        .map(|(peer, why)| format!("{peer}: {why}"))
        .collect();
    let why = std::io::Error::new(kind, each.join("; "));
    Error::io(Phase::Connect, why).to(origin.to_string())
}
