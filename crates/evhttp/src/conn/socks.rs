//! SOCKS 4a and 5 (RFC 1928, RFC 1929): a way through a proxy that knows no
//! HTTP. What is said is pure; only saying and hearing it waits.

use std::io;
use std::net::IpAddr;

use super::origin::Name;
use super::transport::Transport;
use crate::error::{Error, ErrorKind, Phase};

/// What stops a way from being opened.
pub(crate) enum Stopped {
    Lost(io::Error),
    /// The proxy's refusal, as a sentence.
    Refused(String),
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Stopped {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                Stopped::Refused("the proxy closed the connection without an answer".into())
            }
            _ => Stopped::Lost(error),
        }
    }
}

impl From<Stopped> for Error {
    fn from(stopped: Stopped) -> Error {
        match stopped {
            Stopped::Lost(error) => Error::io(Phase::Connect, error),
            Stopped::Refused(why) => Error::new(Phase::Connect, ErrorKind::Proxy(why)),
        }
    }
}

fn refused<T>(why: impl Into<String>) -> Result<T, Stopped> {
    Err(Stopped::Refused(why.into()))
}

type Pair<'a> = Option<(&'a str, &'a str)>;

/// Asks a SOCKS 5 proxy for a way to `host`.
pub(crate) async fn open_5(
    transport: &Transport,
    host: &Name,
    port: u16,
    credentials: Pair<'_>,
) -> Result<(), Stopped> {
    // RFC 1928 §3: nothing to show, or a name and password.
    let greeting: &[u8] = match credentials {
        None => &[5, 1, 0],
        Some(_) => &[5, 2, 0, 2],
    };
    transport.write_all(greeting).await?;
    let [version, method] = transport.read_exact().await?;
    match (version, method, credentials) {
        (5, 0, _) => {}
        (5, 2, Some(pair)) => show(transport, pair).await?,
        (5, _, None) => return refused("the proxy wants a user name and password"),
        (5, _, Some(_)) => return refused("the proxy takes no user name and password"),
        _ => return refused("the proxy does not speak SOCKS 5"),
    }
    transport.write_all(&request_5(host, port)?).await?;
    let [version, reply, _, kind] = transport.read_exact().await?;
    if version != 5 {
        return refused("the proxy does not speak SOCKS 5");
    }
    if reply != 0 {
        return refused(format!("the proxy refused: {}", meaning_5(reply)));
    }
    // Its own address and port, of use to nobody.
    let length = match kind {
        1 => 4,
        4 => 16,
        3 => usize::from(transport.read_exact::<1>().await?[0]),
        _ => return refused("the proxy's answer makes no sense"),
    };
    for _ in 0..length + 2 {
        transport.read_exact::<1>().await?;
    }
    Ok(())
}

/// RFC 1929.
async fn show(transport: &Transport, (name, password): (&str, &str)) -> Result<(), Stopped> {
    let mut message = vec![1];
    for part in [name, password] {
        let Ok(length) = u8::try_from(part.len()) else {
            return refused("SOCKS 5 has no room for so long a user name or password");
        };
        message.push(length);
        message.extend_from_slice(part.as_bytes());
    }
    transport.write_all(&message).await?;
    match transport.read_exact().await? {
        [_, 0] => Ok(()),
        _ => refused("the proxy refused the user name and password"),
    }
}

/// RFC 1928 §4: CONNECT.
fn request_5(host: &Name, port: u16) -> Result<Vec<u8>, Stopped> {
    let mut message = vec![5, 1, 0];
    match host {
        Name::Literal(IpAddr::V4(ip)) => {
            message.push(1);
            message.extend(ip.octets());
        }
        Name::Literal(IpAddr::V6(ip)) => {
            message.push(4);
            message.extend(ip.octets());
        }
        Name::Domain(name) => {
            let Ok(length) = u8::try_from(name.len()) else {
                return refused("SOCKS 5 has no room for so long a name");
            };
            message.extend([3, length]);
            message.extend_from_slice(name.as_bytes());
        }
    }
    message.extend(port.to_be_bytes());
    Ok(message)
}

/// RFC 1928 §6.
fn meaning_5(reply: u8) -> &'static str {
    match reply {
        1 => "general failure",
        2 => "not allowed",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "time to live expired",
        7 => "command not supported",
        8 => "kind of address not supported",
        _ => "for an unknown reason",
    }
}

/// Asks a SOCKS 4a proxy for a way to `host`.
pub(crate) async fn open_4a(
    transport: &Transport,
    host: &Name,
    port: u16,
    credentials: Pair<'_>,
) -> Result<(), Stopped> {
    let user = credentials.map_or("", |(user, _)| user);
    transport.write_all(&request_4a(host, port, user)?).await?;
    match transport.read_exact().await? {
        [0, 90, _, _, _, _, _, _] => Ok(()),
        [0, 91, ..] => refused("the proxy refused, or could not connect"),
        [0, 92 | 93, ..] => refused("the proxy wants to know the user by identd"),
        _ => refused("the proxy does not speak SOCKS 4"),
    }
}

/// An impossible address announces a name (SOCKS 4a).
fn request_4a(host: &Name, port: u16, user: &str) -> Result<Vec<u8>, Stopped> {
    let (address, name) = match host {
        Name::Literal(IpAddr::V4(ip)) => (ip.octets(), None),
        Name::Literal(IpAddr::V6(_)) => return refused("SOCKS 4 knows no IPv6 addresses"),
        Name::Domain(name) => ([0, 0, 0, 1], Some(name)),
    };
    let mut message = vec![4, 1];
    message.extend(port.to_be_bytes());
    message.extend(address);
    for text in [Some(user), name.map(String::as_str)].into_iter().flatten() {
        if text.contains('\0') {
            return refused("SOCKS 4 has no room for a zero in a name");
        }
        message.extend_from_slice(text.as_bytes());
        message.push(0);
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_as_the_papers_say() {
        let name = Name::Domain("a.example".into());
        let v4 = Name::Literal([127, 0, 0, 1].into());
        let v6 = Name::Literal(IpAddr::from([1_u8; 16]));
        let five = |host| request_5(host, 443).ok().unwrap();
        assert_eq!(five(&name), b"\x05\x01\x00\x03\x09a.example\x01\xbb");
        assert_eq!(five(&v4), b"\x05\x01\x00\x01\x7f\x00\x00\x01\x01\xbb");
        assert_eq!(
            five(&v6),
            [&b"\x05\x01\x00\x04"[..], &[1; 16], b"\x01\xbb"].concat()
        );
        let four = |host| request_4a(host, 443, "me").ok();
        assert_eq!(
            four(&name).unwrap(),
            b"\x04\x01\x01\xbb\x00\x00\x00\x01me\x00a.example\x00"
        );
        assert_eq!(
            four(&v4).unwrap(),
            b"\x04\x01\x01\xbb\x7f\x00\x00\x01me\x00"
        );
        assert!(four(&v6).is_none());
        assert!(request_5(&Name::Domain("x".repeat(256)), 1).is_err());
    }
}
