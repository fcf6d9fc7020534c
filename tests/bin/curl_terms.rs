//! Values as curl's options write them: a place, a trusted file. Pure but for reading what a file name stands for; no option is known here.

use std::net::{IpAddr, SocketAddr};

use evcore::Result;
use evhttp::evtls::{Builder, Connector};

/// `HOST:PORT:ADDR` of `--resolve`; but evhttp's addresses are for a host, and so hold on every port.
pub(crate) fn place(text: &str) -> Option<(&str, SocketAddr)> {
    let (host, rest) = text.split_once(':')?;
    let (port, addr) = rest.split_once(':')?;
    let addr = addr.trim_start_matches('[').trim_end_matches(']');
    let _: u16 = port.parse().ok()?;
    let addr: IpAddr = addr.parse().ok()?;
    (!host.is_empty()).then(|| (host, SocketAddr::new(addr, 0)))
}

/// A file that an option names, or one line about it.
pub(crate) fn file(option: &str, path: &str) -> Result<Vec<u8>> {
    Ok(std::fs::read(path).map_err(|error| format!("option {option}: {path}: {error}"))?)
}

/// As with curl, the file of `--cacert` replaces the system's authorities.
pub(crate) fn trusting(tls: Builder, path: &str) -> Result<Builder> {
    let pem = file("--cacert", path)?;
    Ok(tls.root_certificates(pem).only_own_roots())
}

/// Sessions that are made so, with one line about what is wrong.
pub(crate) fn connector(tls: Builder) -> Result<Connector> {
    Ok(tls.build()?)
}
