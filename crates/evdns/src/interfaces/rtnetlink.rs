//! The addresses of all interfaces, by rtnetlink(7): one request, answered by the kernel itself, so nothing waits.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use socket2::{Domain, Protocol, Socket, Type};

use super::Own;

// linux/netlink.h, linux/rtnetlink.h, linux/if_addr.h, linux/socket.h.
const AF_NETLINK: i32 = 16;
const NETLINK_ROUTE: i32 = 0;
const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_DUMP: u16 = 0x300;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_F_HOMEADDRESS: u8 = 0x10;
const IFA_F_DEPRECATED: u8 = 0x20;
const IFA_F_OPTIMISTIC: u8 = 0x04;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// Length, type, flags, number, sender.
const HEADER: usize = 16;
/// Family, prefix, flags, scope, interface.
const IFADDRMSG: usize = 8;
/// The kernel sends a dump in pieces of at most this size.
const PIECE: usize = 32_768;

pub(super) fn addresses() -> io::Result<Vec<Own>> {
    let mut socket = Socket::new(
        Domain::from(AF_NETLINK),
        Type::RAW,
        Some(Protocol::from(NETLINK_ROUTE)),
    )?;
    let mut request = Vec::with_capacity(HEADER + IFADDRMSG);
    request.extend_from_slice(&((HEADER + IFADDRMSG) as u32).to_ne_bytes());
    request.extend_from_slice(&RTM_GETADDR.to_ne_bytes());
    request.extend_from_slice(&(NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
    request.extend_from_slice(&[0; 8 + IFADDRMSG]);
    socket.write_all(&request)?;
    let (mut found, mut piece) = (Vec::new(), vec![0; PIECE]);
    loop {
        let length = socket.read(&mut piece)?;
        let mut rest = &piece[..length];
        while let Some((kind, message, after)) = split(rest, 4) {
            match kind {
                NLMSG_DONE => return Ok(found),
                NLMSG_ERROR => return Err(io::ErrorKind::Other.into()),
                RTM_NEWADDR => found.extend(message.get(HEADER..).and_then(read)),
                _ => {}
            }
            rest = after;
        }
        if length == 0 {
            return Ok(found);
        }
    }
}

/// The first of several things that begin with their length, of `width` octets, and their type; and what follows it,
/// aligned to 4.
fn split(bytes: &[u8], width: usize) -> Option<(u16, &[u8], &[u8])> {
    let length = match width {
        4 => u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?) as usize,
        _ => usize::from(u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?)),
    };
    let kind = u16::from_ne_bytes(bytes.get(width..width + 2)?.try_into().ok()?);
    let this = bytes.get(..length).filter(|this| this.len() >= 4)?;
    let after = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((kind, this, after))
}

/// One address. IPv4's is IFA_LOCAL on a point-to-point link, but glibc takes whichever comes first as IFA_ADDRESS.
fn read(message: &[u8]) -> Option<Own> {
    let (head, mut rest) = message.split_at_checked(IFADDRMSG)?;
    let (family, prefix, flags) = (head[0], head[1], head[2]);
    let (mut address, mut local) = (None, None);
    while let Some((kind, attribute, after)) = split(rest, 2) {
        match kind {
            IFA_ADDRESS => address = address.or(attribute.get(4..)),
            IFA_LOCAL => local = local.or(attribute.get(4..)),
            _ => {}
        }
        rest = after;
    }
    let octets = address.or(local)?;
    let address = match family {
        AF_INET => IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?)),
        AF_INET6 => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?)),
        _ => return None,
    };
    let has = |flag| flags & flag != 0;
    Some(Own {
        address,
        prefix,
        deprecated: has(IFA_F_DEPRECATED) || has(IFA_F_OPTIMISTIC),
        home: has(IFA_F_HOMEADDRESS),
    })
}
