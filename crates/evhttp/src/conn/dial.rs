//! A new connection to an origin: its addresses, the first of them that
//! answers, and what is laid over it.

use std::net::{IpAddr, SocketAddr};

use evcore::net::Address;
use evcore::{Emitter, Result};

use super::drive::Connection;
use super::origin::{Name, Origin};
use super::patience::within;
use super::proxy::{Proxy, Speech};
use super::race::{Failed, Found, connect_first};
use super::socks;
use super::transport::Transport;
use super::tunnel::{self, Opened};
use crate::call::Call;
use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind, Phase};
use crate::event::{RESOLVED, Resolved};
use crate::limits::CHALLENGES;

/// What is offered by ALPN (RFC 7301), best first. Servers may take the lack of an offer for whatever they like best.
#[cfg(feature = "tls-without-provider")]
const SPOKEN: &[&[u8]] = &[b"http/1.1"];

/// Connects to `origin` for `call`, on which it is told how far it is.
pub(crate) async fn dial(origin: &Origin, call: &Call) -> Result<Box<Connection>> {
    let host = origin.host_field()?;
    let (transport, peer) = open(origin, call).await?;
    #[cfg(feature = "tls-without-provider")]
    let transport = match origin.secure {
        true => shake_hands(transport, &peer, &origin.host, origin, call).await?,
        false => transport,
    };
    Ok(Connection::new(transport, peer, host))
}

async fn open(origin: &Origin, call: &Call) -> Result<(Transport, Address)> {
    #[cfg(unix)]
    if let Some(path) = &origin.network.unix {
        let target = format!("{origin} through {}", path.display());
        let connected = within(Phase::Connect, call, &target, async {
            Ok(evcore::net::UnixStream::connect(path).await)
        });
        let stream = connected.await?.map_err(|error| {
            // evcore's own line names the path once more.
            let why = match error.downcast_ref::<std::io::Error>() {
                Some(io) => again(io),
                None => std::io::Error::other(error),
            };
            Error::io(Phase::Connect, why).on_the_way(&*target, &call.url)
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
            Speech::Https => secure_proxy(transport, &peer, proxy, origin, call).await?,
            _ => transport,
        };
        if origin.forwarder().is_some() {
            return Ok((transport, peer));
        }
        let opened = within(Phase::Connect, call, &way, async {
            let opened = open_way(transport, proxy, origin, call).await?;
            opened.map_err(|error| error.on_the_way(&*way, &call.url).at_end(&peer).into())
        });
        if let Opened::Through(transport) = opened.await? {
            return Ok((transport, peer));
        }
    }
    let why = ErrorKind::Proxy("the proxy is never content with what it is shown".into());
    Err(Error::new(Phase::Connect, why)
        .on_the_way(way, &call.url)
        .into())
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
            let spelling = call.options.spelling.as_deref();
            return Ok(tunnel::open(transport, &origin.to_string(), proxy, spelling).await);
        }
        Speech::Socks4a => socks::open_4a(&transport, host, port, credentials).await,
        Speech::Socks5h => socks::open_5(&transport, host, port, credentials).await,
        Speech::Socks5 => {
            let found = addresses(host, port, origin, call).await?;
            let first = found
                .first
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
    peer: &Address,
    proxy: &Proxy,
    origin: &Origin,
    call: &Call,
) -> Result<Transport> {
    shake_hands(transport, peer, proxy.host(), origin, call).await
}

#[cfg(not(feature = "tls-without-provider"))]
async fn secure_proxy(
    _: Transport,
    _: &Address,
    proxy: &Proxy,
    origin: &Origin,
    call: &Call,
) -> Result<Transport> {
    let why = ErrorKind::UnknownScheme("https".into());
    let target = format!("{origin} through {proxy}");
    Err(Error::new(Phase::Secure, why)
        .on_the_way(target, &call.url)
        .into())
}

/// Connects to `host`, under what the user wants of `origin`'s connections.
async fn connect(
    host: &Name,
    port: u16,
    origin: &Origin,
    call: &Call,
) -> Result<(Transport, Address)> {
    let target = origin.way();
    let found = addresses(host, port, origin, call).await?;
    let local = origin.network.local;
    let connected = within(Phase::Connect, call, &target, async {
        Ok(connect_first(found, local).await)
    });
    let (stream, peer) = connected
        .await?
        .map_err(|failed| refused(local, failed).on_the_way(&*target, &call.url))?;
    // Small requests must not wait for the ACK of the one before.
    _ = stream.set_nodelay(true);
    Ok((Transport::tcp(stream), Address::Inet(peer)))
}

/// Addresses of `host`: its own, the user's word, or what a look-up finds.
async fn addresses(host: &Name, port: u16, origin: &Origin, call: &Call) -> Result<Found> {
    let name = match host {
        Name::Literal(ip) => return Ok(vec![(*ip, port).into()].into()),
        Name::Domain(name) => name,
    };
    let fixed = origin.network.fixed(name, port);
    let teller = Teller::new(name, call);
    if !fixed.is_empty() {
        teller.tell(&fixed);
        return Ok(fixed.into());
    }
    let target = format!("{host}:{port}");
    // Asked for within the step, whose time it is.
    let (first, asked) = within(Phase::Resolve, call, &target, async {
        let mut asked = origin.network.names.look_up(name);
        Ok((asked.first().await, asked))
    })
    .await?;
    let first = first.map_err(|error| unfound(error).on_the_way(&*target, &call.url))?;
    if first.is_empty() {
        let none = unfound("the name has no address".into());
        return Err(none.on_the_way(target, &call.url).into());
    }
    let first = with_port(first, port);
    teller.tell(&first);
    let Some(rest) = asked.rest() else {
        return Ok(first.into());
    };
    let rest = Box::pin(async move {
        // Without the rest, what was there first is all there is.
        let whole = with_port(rest.await.unwrap_or_default(), port);
        if !whole.is_empty() {
            teller.tell(&whole);
        }
        whole
    });
    let rest = Some(rest as _);
    Ok(Found { first, rest })
}

/// A look-up that failed: evdns's, or that of somebody else.
fn unfound(error: evcore::Error) -> Error {
    #[cfg(feature = "dns")]
    if let Some(ours) = error.downcast_ref::<evdns::Error>() {
        return Error::new(Phase::Resolve, ErrorKind::Lookup(Box::new(ours.clone())));
    }
    Error::io(Phase::Resolve, std::io::Error::other(error))
}

fn with_port(found: Vec<IpAddr>, port: u16) -> Vec<SocketAddr> {
    found.into_iter().map(|ip| (ip, port).into()).collect()
}

/// Tells of a name's addresses, which may come in two parts.
struct Teller {
    name: String,
    emitter: Emitter,
    hop: u32,
    attempt: u32,
}

impl Teller {
    fn new(name: &str, call: &Call) -> Teller {
        Teller {
            name: name.to_owned(),
            emitter: call.emitter.clone(),
            hop: call.hop,
            attempt: call.attempt,
        }
    }

    fn tell(&self, found: &[SocketAddr]) {
        if self.emitter.wants(RESOLVED) {
            let told = Resolved::new(self.name.clone(), found.to_vec(), self.hop, self.attempt);
            self.emitter.emit(RESOLVED, told);
        }
    }
}

#[cfg(feature = "tls-without-provider")]
async fn shake_hands(
    transport: Transport,
    peer: &Address,
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
    let failed = |kind| {
        let error = Error::new(Phase::Secure, kind);
        error.on_the_way(&*target, &call.url).at_end(peer)
    };
    let connector = origin
        .network
        .connector()
        .map_err(|error| failed(ErrorKind::Tls(error)))?;
    let whom = whom(&target, peer);
    let shaken = within(Phase::Secure, call, &whom, async {
        Ok(connector.handshake_for(SPOKEN, &host, transport).await)
    });
    let session = shaken
        .await?
        .map_err(|error| match error.downcast_ref::<evtls::Error>() {
            Some(ours) => failed(ErrorKind::Tls(ours.clone())).into(),
            None => error,
        })?;
    let agreed = session.agreed();
    // A server that chooses nothing means what there was before ALPN.
    let strange = |chosen: &&[u8]| !SPOKEN.contains(chosen);
    if let Some(other) = agreed.protocol.as_deref().filter(strange) {
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

/// Whom a limit of time was for, with the address that was spoken to.
#[cfg(feature = "tls-without-provider")]
fn whom(target: &str, peer: &Address) -> String {
    match peer {
        Address::Inet(peer) if !target.contains(&peer.to_string()) => format!("{target} ({peer})"),
        _ => target.to_owned(),
    }
}

/// The same error once more: the system's number, or else kind and text.
#[cfg(unix)]
fn again(error: &std::io::Error) -> std::io::Error {
    match error.raw_os_error() {
        Some(number) => std::io::Error::from_raw_os_error(number),
        None => std::io::Error::new(error.kind(), error.to_string()),
    }
}

/// One line that names every address tried.
fn refused(local: Option<IpAddr>, mut failed: Vec<Failed>) -> Error {
    let Some((peer, last)) = failed.pop() else {
        let why = match local {
            Some(local) => {
                format!("no address of the family of {local}, which is to be connected from")
            }
            None => "no address to connect to".into(),
        };
        return Error::new(Phase::Connect, ErrorKind::BadRequest(why));
    };
    if failed.is_empty() {
        return Error::io(Phase::Connect, last).at(peer);
    }
    let kind = last.kind();
    failed.push((peer, last));
    let each: Vec<String> = failed
        .iter()
        .map(|(peer, why)| format!("{peer}: {why}"))
        .collect();
    let why = std::io::Error::new(kind, each.join("; "));
    Error::io(Phase::Connect, why)
}
