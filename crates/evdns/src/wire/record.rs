//! The records users ask for by type, as plain values. How they are encoded is the codec's business.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use simple_dns::CharacterString;
use simple_dns::rdata::{self, SVCParam};

use super::{Body, Malformed, Record as Raw, Type, name_of};
use crate::name::Name;

/// A type of record that [`resolve`](crate::resolve) can ask for.
///
/// It is implemented by this crate's record types only.
pub trait Record: sealed::Read + Clone + fmt::Debug + 'static {
    /// Its number (RFC 1035 §3.2.2 and IANA's list).
    const TYPE: u16;
    /// Its name, as in zone files.
    const NAME: &'static str;
}

pub(crate) mod sealed {
    /// Taken from a record whose type has been checked.
    pub trait Read: Sized {
        /// `None` if the record says something else.
        fn take(record: Unread<'_>) -> Option<Self>;
    }

    /// What a record says, seen from outside as nothing.
    #[derive(Debug)]
    pub struct Unread<'a>(pub(in crate::wire) &'a crate::wire::Body);
}

macro_rules! records {
    ($($(#[$doc:meta])* $record:ident $number:literal $name:literal = $pattern:pat => $value:expr;)*) => {$(
        impl Record for $record {
            const TYPE: u16 = $number;
            const NAME: &'static str = $name;
        }

        impl sealed::Read for $record {
            fn take(record: sealed::Unread<'_>) -> Option<$record> {
                match record.0 {
                    $pattern => Some($value),
                    _ => None,
                }
            }
        }
    )*};
}

records! {
    A 1 "A" = Body::A(ip) => A(*ip);
    Ns 2 "NS" = Body::Name(name) => Ns(name.clone());
    Cname 5 "CNAME" = Body::Name(name) => Cname(name.clone());
    Soa 6 "SOA" = Body::Soa(soa) => Soa::clone(soa);
    Ptr 12 "PTR" = Body::Name(name) => Ptr(name.clone());
    Mx 15 "MX" = Body::Mx(mx) => mx.clone();
    Txt 16 "TXT" = Body::Txt(txt) => txt.clone();
    Aaaa 28 "AAAA" = Body::Aaaa(ip) => Aaaa(*ip);
    Srv 33 "SRV" = Body::Srv(srv) => srv.clone();
    Naptr 35 "NAPTR" = Body::Naptr(naptr) => Naptr::clone(naptr);
    Svcb 64 "SVCB" = Body::Svcb(svcb) => Svcb::clone(svcb);
    Https 65 "HTTPS" = Body::Svcb(svcb) => Https(Svcb::clone(svcb));
    Caa 257 "CAA" = Body::Caa(caa) => Caa::clone(caa);
}

/// The name of a type, as in zone files; `TYPE65280` for one we don't know (RFC 3597 §5).
pub(crate) fn name_of_type(rtype: Type) -> String {
    let known = [
        (A::TYPE, A::NAME),
        (Ns::TYPE, Ns::NAME),
        (Cname::TYPE, Cname::NAME),
        (Soa::TYPE, Soa::NAME),
        (Ptr::TYPE, Ptr::NAME),
        (Mx::TYPE, Mx::NAME),
        (Txt::TYPE, Txt::NAME),
        (Aaaa::TYPE, Aaaa::NAME),
        (Srv::TYPE, Srv::NAME),
        (Naptr::TYPE, Naptr::NAME),
        (Svcb::TYPE, Svcb::NAME),
        (Https::TYPE, Https::NAME),
        (Caa::TYPE, Caa::NAME),
    ];
    let found = known.into_iter().find(|(number, _)| *number == rtype);
    found.map_or_else(|| format!("TYPE{rtype}"), |(_, name)| name.to_owned())
}

pub(crate) fn take<R: Record>(record: &Raw) -> Option<R> {
    (record.rtype == R::TYPE)
        .then(|| R::take(sealed::Unread(&record.body)))
        .flatten()
}

/// An IPv4 address (RFC 1035 §3.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct A(pub Ipv4Addr);

/// An IPv6 address (RFC 3596 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Aaaa(pub Ipv6Addr);

/// The name this one is an alias of (RFC 1035 §3.3.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cname(pub Name);

/// A name server of a zone (RFC 1035 §3.3.11).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ns(pub Name);

/// The name of an address, or another pointer (RFC 1035 §3.3.12).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ptr(pub Name);

/// A mail server (RFC 1035 §3.3.9).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mx {
    /// Lower ones are tried first.
    pub preference: u16,
    /// The server. The root's name says that there is no mail (RFC 7505).
    pub exchange: Name,
}

/// Text (RFC 1035 §3.3.14): strings of up to 255 octets each, which most users join.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Txt {
    /// The strings, octets as they are.
    pub strings: Vec<Vec<u8>>,
}

/// Where a service is (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Srv {
    /// Lower ones are tried first.
    pub priority: u16,
    /// The share among those of one priority.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The host.
    pub target: Name,
}

/// The start of a zone (RFC 1035 §3.3.13). Times are seconds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Soa {
    /// The primary server.
    pub mname: Name,
    /// The mailbox of who is responsible; the first dot stands for `@`.
    pub rname: Name,
    /// The zone's version.
    pub serial: u32,
    /// How often secondaries ask.
    pub refresh: i32,
    /// How often after a failure.
    pub retry: i32,
    /// When they give the zone up.
    pub expire: i32,
    /// How long a negative answer may be kept (RFC 2308 §4).
    pub minimum: u32,
}

/// Who may issue certificates (RFC 8659 §4.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Caa {
    /// Whether an issuer that does not understand the property must not issue.
    pub critical: bool,
    /// The property: `issue`, `issuewild`, `iodef`.
    pub tag: String,
    /// Its value, octets as they are.
    pub value: Vec<u8>,
}

/// Where and how a service is reached (RFC 9460 §2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Svcb {
    /// Lower ones are tried first; 0 makes it an alias.
    pub priority: u16,
    /// The alias, or the endpoint's host; the root's name stands for the owner.
    pub target: Name,
    /// Keys that must be understood.
    pub mandatory: Vec<u16>,
    /// Protocols, as in TLS's ALPN.
    pub alpn: Vec<String>,
    /// Whether the scheme's own protocol is not among them.
    pub no_default_alpn: bool,
    /// Another port than the scheme's.
    pub port: Option<u16>,
    /// Addresses to try before those of `target` are known.
    pub ipv4_hint: Vec<Ipv4Addr>,
    /// The same, IPv6.
    pub ipv6_hint: Vec<Ipv6Addr>,
    /// An encrypted ClientHello configuration.
    pub ech: Option<Vec<u8>>,
    /// Other keys with their values.
    pub other: Vec<(u16, Vec<u8>)>,
}

impl Svcb {
    /// About the octets it takes.
    pub(super) fn weight(&self) -> usize {
        let numbers = 2 * self.mandatory.len();
        let hints = 4 * self.ipv4_hint.len() + 16 * self.ipv6_hint.len();
        let protocol = |name: &String| size_of::<String>() + name.len();
        let other = |(_, value): &(u16, Vec<u8>)| size_of::<(u16, Vec<u8>)>() + value.len();
        let lists = self.alpn.iter().map(protocol).sum::<usize>()
            + self.other.iter().map(other).sum::<usize>();
        let ech = self.ech.as_ref().map_or(0, Vec::len);
        size_of::<Svcb>() + self.target.wire().len() + numbers + hints + lists + ech
    }
}

/// The same for HTTP (RFC 9460 §9).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Https(pub Svcb);

/// A rewriting rule (RFC 3403 §4.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Naptr {
    /// Rules are applied in this order.
    pub order: u16,
    /// Among equals of `order`, lower ones first.
    pub preference: u16,
    /// What the replacement is.
    pub flags: String,
    /// What is offered.
    pub services: String,
    /// A substitution.
    pub regexp: String,
    /// Or a name to go on with.
    pub replacement: Name,
}

impl Naptr {
    /// About the octets its parts take.
    pub(super) fn weight(&self) -> usize {
        let texts = self.flags.len() + self.services.len() + self.regexp.len();
        texts + self.replacement.wire().len()
    }
}

impl Mx {
    pub(super) fn read(mx: &rdata::MX<'_>) -> Result<Mx, Malformed> {
        Ok(Mx {
            preference: mx.preference,
            exchange: name_of(&mx.exchange)?,
        })
    }
}

impl Txt {
    pub(super) fn read(txt: &rdata::TXT<'_>) -> Txt {
        // The codec splits strings at their first `=`.
        let joined = txt.iter_raw().map(|(key, value)| match value {
            Some(value) => [key, b"=", value].concat(),
            None => key.to_vec(),
        });
        Txt {
            strings: joined.collect(),
        }
    }
}

impl Srv {
    pub(super) fn read(srv: &rdata::SRV<'_>) -> Result<Srv, Malformed> {
        let (priority, weight, port) = (srv.priority, srv.weight, srv.port);
        Ok(Srv {
            priority,
            weight,
            port,
            target: name_of(&srv.target)?,
        })
    }
}

impl Soa {
    pub(super) fn read(soa: &rdata::SOA<'_>) -> Result<Soa, Malformed> {
        Ok(Soa {
            mname: name_of(&soa.mname)?,
            rname: name_of(&soa.rname)?,
            serial: soa.serial,
            refresh: soa.refresh,
            retry: soa.retry,
            expire: soa.expire,
            minimum: soa.minimum,
        })
    }
}

impl Caa {
    pub(super) fn read(caa: &rdata::CAA<'_>) -> Caa {
        Caa {
            critical: caa.flag & 0x80 != 0,
            tag: text(&caa.tag),
            value: caa.value.to_vec(),
        }
    }
}

impl Svcb {
    pub(super) fn read(svcb: &rdata::SVCB<'_>) -> Result<Svcb, Malformed> {
        let mut read = Svcb {
            priority: svcb.priority,
            target: name_of(&svcb.target)?,
            mandatory: Vec::new(),
            alpn: Vec::new(),
            no_default_alpn: false,
            port: None,
            ipv4_hint: Vec::new(),
            ipv6_hint: Vec::new(),
            ech: None,
            other: Vec::new(),
        };
        for param in svcb.iter_params() {
            match param {
                SVCParam::Mandatory(keys) => read.mandatory = keys.iter().copied().collect(),
                SVCParam::Alpn(protocols) => read.alpn = protocols.iter().map(text).collect(),
                SVCParam::NoDefaultAlpn => read.no_default_alpn = true,
                SVCParam::Port(port) => read.port = Some(*port),
                SVCParam::Ipv4Hint(ips) => {
                    read.ipv4_hint = ips.iter().map(|&ip| ip.into()).collect()
                }
                SVCParam::Ipv6Hint(ips) => {
                    read.ipv6_hint = ips.iter().map(|&ip| ip.into()).collect()
                }
                SVCParam::Ech(config) => read.ech = Some(config.to_vec()),
                SVCParam::InvalidKey => return Err(Malformed),
                SVCParam::Unknown(key, value) => read.other.push((*key, value.to_vec())),
            }
        }
        Ok(read)
    }
}

impl Naptr {
    pub(super) fn read(naptr: &rdata::NAPTR<'_>) -> Result<Naptr, Malformed> {
        Ok(Naptr {
            order: naptr.order,
            preference: naptr.preference,
            flags: text(&naptr.flags),
            services: text(&naptr.services),
            regexp: text(&naptr.regexp),
            replacement: name_of(&naptr.replacement)?,
        })
    }
}

fn text(string: &CharacterString<'_>) -> String {
    string.to_string()
}

impl fmt::Display for A {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Aaaa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// As in a zone file: absolute, with its dot at the end.
struct Absolute<'a>(&'a Name);

impl fmt::Display for Absolute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.wire().len() {
            1 => f.write_str("."),
            _ => write!(f, "{}.", self.0),
        }
    }
}

macro_rules! shown_as_its_name {
    ($($record:ident)*) => {$(
        impl fmt::Display for $record {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Absolute(&self.0).fmt(f)
            }
        }
    )*};
}

shown_as_its_name!(Cname Ns Ptr);

impl fmt::Display for Mx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.preference, Absolute(&self.exchange))
    }
}

/// A quoted string of a zone file (RFC 1035 §5.1).
struct Quoted<'a>(&'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for &c in self.0 {
            match c {
                b'"' | b'\\' => write!(f, "\\{}", char::from(c))?,
                b' '..=b'~' => write!(f, "{}", char::from(c))?,
                c => write!(f, "\\{c:03}")?,
            }
        }
        f.write_str("\"")
    }
}

impl fmt::Display for Txt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, string) in self.strings.iter().enumerate() {
            let space = if n == 0 { "" } else { " " };
            write!(f, "{space}{}", Quoted(string))?;
        }
        Ok(())
    }
}

impl fmt::Display for Srv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {} {}",
            self.priority,
            self.weight,
            self.port,
            Absolute(&self.target)
        )
    }
}

impl fmt::Display for Soa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Soa {
            serial,
            refresh,
            retry,
            expire,
            minimum,
            ..
        } = self;
        let (mname, rname) = (Absolute(&self.mname), Absolute(&self.rname));
        write!(
            f,
            "{mname} {rname} {serial} {refresh} {retry} {expire} {minimum}"
        )
    }
}

impl fmt::Display for Caa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = if self.critical { 128 } else { 0 };
        write!(f, "{flags} {} {}", self.tag, Quoted(&self.value))
    }
}

impl fmt::Display for Svcb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.priority, Absolute(&self.target))?;
        if !self.mandatory.is_empty() {
            write!(
                f,
                " mandatory={}",
                list(self.mandatory.iter().map(|&key| key_name(key)))
            )?;
        }
        if !self.alpn.is_empty() {
            write!(f, " alpn=\"{}\"", self.alpn.join(","))?;
        }
        if self.no_default_alpn {
            f.write_str(" no-default-alpn")?;
        }
        if let Some(port) = self.port {
            write!(f, " port={port}")?;
        }
        if !self.ipv4_hint.is_empty() {
            write!(f, " ipv4hint={}", list(&self.ipv4_hint))?;
        }
        if let Some(ech) = &self.ech {
            write!(f, " ech=({} octets)", ech.len())?;
        }
        if !self.ipv6_hint.is_empty() {
            write!(f, " ipv6hint={}", list(&self.ipv6_hint))?;
        }
        for (key, value) in &self.other {
            write!(f, " {}={}", key_name(*key), Quoted(value))?;
        }
        Ok(())
    }
}

fn list(items: impl IntoIterator<Item: fmt::Display>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    items.join(",")
}

/// RFC 9460 §14.3.2.
fn key_name(key: u16) -> String {
    match key {
        0 => "mandatory".to_owned(),
        1 => "alpn".to_owned(),
        2 => "no-default-alpn".to_owned(),
        3 => "port".to_owned(),
        4 => "ipv4hint".to_owned(),
        5 => "ech".to_owned(),
        6 => "ipv6hint".to_owned(),
        key => format!("key{key}"),
    }
}

impl fmt::Display for Https {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Naptr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let strings =
            [&self.flags, &self.services, &self.regexp].map(|text| Quoted(text.as_bytes()));
        let [flags, services, regexp] = strings;
        let replacement = Absolute(&self.replacement);
        write!(
            f,
            "{} {} {flags} {services} {regexp} {replacement}",
            self.order, self.preference
        )
    }
}
