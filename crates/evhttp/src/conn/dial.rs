//! A new connection to an origin: its addresses, the first of them that
//! answers, and what is laid over it.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use evcore::net::Address;
use evcore::{Promise, Result};

use super::drive::Connection;
use super::origin::{Name, Origin};
use super::patience::within;
use super::proxy::{Proxy, Speech};
use super::race::{Failed, connect_first};
use super::socks;
use super::transport::Transport;
use super::tunnel::{self, Opened};
use crate::call::Call;
use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind, Phase};
use crate::event::{RESOLVED, Resolved};
use crate::limits::CHALLENGES;

/// Connects to `origin` for `call`, on which it is told how far it is.
pub(crate) async fn dial(origin: &Origin, call: &Call) -> Result<Connection> {
    let host = origin.host_field()?;
    let (transport, peer) = open(origin, call).await?;
    #[cfg(feature = "tls-without-provider")]
    let transport = match origin.secure {
        true => shake_hands(transport, &origin.host, origin, call).await?,
        false => transport,
    };
    Ok(Connection::new(transport, peer, host))
}

async fn open(origin: &Origin, call: &Call) -> Result<(Transport, Address)> {
    #[cfg(unix)]
    if let Some(path) = &origin.network.unix {
        let target = path.display().to_string();
        let connected = within(Phase::Connect, call, &target, async {
            Ok(evcore::net::UnixStream::connect(path).await)
        });
        let stream = connected.await?.map_err(|error| {
            let why = std::io::Error::other(error);
            Error::io(Phase::Connect, why).to(origin.to_string())
        })?;
        let peer = Address::Unix(Some(path.clone()));
        return Ok((Transport::unix(stream), peer));
    }
    match &origin.proxy {
        Some(proxy) => through(proxy, origin, call).await,
        None => connect(&origin.host, origin.port, origin, call).await,
    }
}

/// A way through `proxy`, or to it, if it is asked for documents.
async fn through(proxy: &Proxy, origin: &Origin, call: &Call) -> Result<(Transport, Address)> {
    let way = origin.way();
    // A proxy that has asked for credentials is asked once more with them,
    // and with a fresh nonce if they were stale.
    for _ in 0..=CHALLENGES {
        let (transport, peer) = connect(proxy.host(), proxy.port(), origin, call).await?;
        let transport = match proxy.speech() {
            Speech::Https => secure_proxy(transport, proxy, origin, call).await?,
            _ => transport,
        };
        if origin.forwarder().is_some() {
            return Ok((transport, peer));
        }
        let opened = within(Phase::Connect, call, &way, async {
            let opened = open_way(transport, proxy, origin, call).await?;
            opened.map_err(|error| error.to(&*way).into())
        });
        if let Opened::Through(transport) = opened.await? {
            return Ok((transport, peer));
        }
    }
    let why = ErrorKind::Proxy("the proxy is never content with what it is shown".into());
    Err(Error::new(Phase::Connect, why).to(way).into())
}

async fn open_way(
    transport: Transport,
    proxy: &Proxy,
    origin: &Origin,
    call: &Call,
) -> Result<std::result::Result<Opened, Error>> {
    let (host, port) = (&origin.host, origin.port);
    let credentials = proxy.credentials().and_then(Credentials::pair);
    let opened = match proxy.speech() {
        Speech::Http | Speech::Https => {
            return Ok(tunnel::open(transport, &origin.to_string(), proxy).await);
        }
        Speech::Socks4a => socks::open_4a(&transport, host, port, credentials).await,
        Speech::Socks5h => socks::open_5(&transport, host, port, credentials).await,
        Speech::Socks5 => {
            let found = addresses(host, port, origin, call).await?;
            let first = found
                .first()
                .map_or(host.clone(), |first| Name::Literal(first.ip()));
            socks::open_5(&transport, &first, port, credentials).await
        }
    };
    Ok(opened
        .map(|()| Opened::Through(transport))
        .map_err(Error::from))
}

#[cfg(feature = "tls-without-provider")]
async fn secure_proxy(
    transport: Transport,
    proxy: &Proxy,
    origin: &Origin,
    call: &Call,
) -> Result<Transport> {
    shake_hands(transport, proxy.host(), origin, call).await
}

#[cfg(not(feature = "tls-without-provider"))]
async fn secure_proxy(_: Transport, proxy: &Proxy, origin: &Origin, _: &Call) -> Result<Transport> {
    let why = ErrorKind::UnknownScheme("https".into());
    let target = format!("{origin} through {proxy}");
    Err(Error::new(Phase::Secure, why).to(target).into())
}

/// Connects to `host`, under what the user wants of `origin`'s connections.
async fn connect(
    host: &Name,
    port: u16,
    origin: &Origin,
    call: &Call,
) -> Result<(Transport, Address)> {
    let target = origin.way();
    let addresses = addresses(host, port, origin, call).await?;
    let local = origin.network.local;
    let addresses = of_family(addresses, local).map_err(|error| error.to(&*target))?;
    let connected = within(Phase::Connect, call, &target, async {
        Ok(connect_first(addresses, local).await)
    });
    let (stream, peer) = connected
        .await?
        .map_err(|failed| refused(&target, failed))?;
    // Small requests must not wait for the ACK of the one before.
    _ = stream.set_nodelay(true);
    Ok((Transport::tcp(stream), Address::Inet(peer)))
}

/// A socket bound to an address of one family reaches no address of the other.
fn of_family(
    mut addresses: Vec<SocketAddr>,
    local: Option<IpAddr>,
) -> std::result::Result<Vec<SocketAddr>, Error> {
    let Some(local) = local else {
        return Ok(addresses);
    };
    addresses.retain(|address| address.is_ipv4() == local.is_ipv4());
    match addresses.is_empty() {
        true => {
            let why = format!("no address of the family of {local}, which is to be connected from");
            Err(Error::new(Phase::Connect, ErrorKind::BadRequest(why)))
        }
        false => Ok(addresses),
    }
}

/// Addresses of `host`: its own, the user's word, or what a look-up finds.
async fn addresses(
    host: &Name,
    port: u16,
    origin: &Origin,
    call: &Call,
) -> Result<Vec<SocketAddr>> {
    let name = match host {
        Name::Literal(ip) => return Ok(vec![(*ip, port).into()]),
        Name::Domain(name) => name,
    };
    let fixed = origin.network.fixed(name, port);
    let found = match fixed.is_empty() {
        false => fixed,
        true => {
            let target = format!("{host}:{port}");
            let named = |why: std::io::Error| Error::io(Phase::Resolve, why).to(&*target);
            let asked = match &origin.network.lookup {
                Some(own) => own(name),
                None => look_up(name),
            };
            let found = within(Phase::Resolve, call, &target, async { Ok(asked.await) }).await?;
            let found = found.map_err(|error| named(std::io::Error::other(error)))?;
            if found.is_empty() {
                return Err(named(std::io::Error::other("the name has no address")).into());
            }
            found.into_iter().map(|ip| (ip, port).into()).collect()
        }
    };
    if call.emitter.wants(RESOLVED) {
        let told = Resolved::new(name.clone(), found.clone(), call.hop, call.attempt);
        call.emitter.emit(RESOLVED, told);
    }
    Ok(found)
}

/// The system's look-up, on a helper thread.
fn look_up(name: &str) -> Promise<Vec<IpAddr>> {
    let name = name.to_owned();
    let found = evcore::blocking(move || {
        let found = (name.as_str(), 0).to_socket_addrs();
        found.map(|found| found.map(|address| address.ip()).collect())
    });
    found.and_then(|found: &std::io::Result<Vec<IpAddr>>| match found {
        Ok(found) => Ok(found.clone()),
        // Not the error itself: it can't be cloned, and nobody takes it apart.
        Err(error) => Err(error.to_string().into()),
    })
}

#[cfg(feature = "tls-without-provider")]
async fn shake_hands(
    transport: Transport,
    host: &Name,
    origin: &Origin,
    call: &Call,
) -> Result<Transport> {
    use crate::event::{SECURED, Secured};

    let host = match host {
        Name::Literal(ip) => ip.to_string(),
        Name::Domain(name) => name.clone(),
    };
    let target = origin.way();
    let failed = |kind| Error::new(Phase::Secure, kind).to(&*target);
    let connector = origin
        .network
        .connector()
        .map_err(|error| failed(ErrorKind::Tls(error)))?;
    let shaken = within(Phase::Secure, call, &target, async {
        Ok(connector.handshake(&host, transport).await)
    });
    let session = shaken
        .await?
        .map_err(|error| match error.downcast_ref::<evtls::Error>() {
            Some(ours) => failed(ErrorKind::Tls(ours.clone())).into(),
            None => error,
        })?;
    let agreed = session.agreed();
    if let Some(other) = agreed.protocol.as_deref().filter(|p| *p != b"http/1.1") {
        let why = format!(
            "the server wants to speak {:?}, which was offered to it and is not spoken here",
            String::from_utf8_lossy(other)
        );
        return Err(failed(ErrorKind::BadRequest(why)).into());
    }
    if call.emitter.wants(SECURED) {
        call.emitter
            .emit(SECURED, Secured::new(agreed, call.hop, call.attempt));
    }
    Ok(Transport::Tls(session))
}

/// One line that names every address tried.
fn refused(target: &str, mut failed: Vec<Failed>) -> Error {
    let Some((peer, last)) = failed.pop() else {
        let why = ErrorKind::BadRequest("no address to connect to".into());
        return Error::new(Phase::Connect, why).to(target);
    };
    if failed.is_empty() {
        return Error::io(Phase::Connect, last).to(target).at(peer);
    }
    let kind = last.kind();
    failed.push((peer, last));
    let each: Vec<String> = failed
        .iter()
        .map(|(peer, why)| format!("{peer}: {why}"))
        .collect();
    let why = std::io::Error::new(kind, each.join("; "));
    Error::io(Phase::Connect, why).to(target)
}
