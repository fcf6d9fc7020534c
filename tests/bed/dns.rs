//! A DNS server that does what it is told, well or badly: messages are put together octet by octet, by no codec of ours.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// A question as it came in.
#[derive(Clone, Debug)]
pub struct Question {
    /// The message.
    pub message: Vec<u8>,
    /// Its id.
    pub id: u16,
    /// The name, in lower case, without a dot at its end.
    pub name: String,
    /// The number of the record type.
    pub rtype: u16,
    /// Whether it came over TCP.
    pub over_tcp: bool,
    /// Whether it carries EDNS.
    pub edns: bool,
    /// Who asks.
    pub peer: SocketAddr,
    /// Where the question ends in the message.
    end: usize,
}

impl Question {
    fn read(message: &[u8], over_tcp: bool, peer: SocketAddr) -> Option<Question> {
        let (mut at, mut labels) = (12, Vec::new());
        loop {
            let length = usize::from(*message.get(at)?);
            at += 1;
            if length == 0 {
                break;
            }
            labels.push(String::from_utf8_lossy(message.get(at..at + length)?).to_lowercase());
            at += length;
        }
        let number = |at: usize| {
            Some(u16::from_be_bytes([
                *message.get(at)?,
                *message.get(at + 1)?,
            ]))
        };
        Some(Question {
            id: number(0)?,
            name: labels.join("."),
            rtype: number(at)?,
            over_tcp,
            edns: number(10)? > 0,
            peer,
            end: at + 4,
            message: message.to_vec(),
        })
    }

    /// The cookie of its EDNS record, the only one behind the question (RFC 7873 §4).
    #[must_use]
    pub fn cookie(&self) -> Option<&[u8]> {
        let cookie = self.message.get(self.end + 15..)?;
        (!cookie.is_empty()).then_some(cookie)
    }

    /// A reply with nothing in it, to be filled.
    #[must_use]
    pub fn reply(&self) -> Reply {
        let mut bytes = self.message[..self.end].to_vec();
        bytes[2..4].copy_from_slice(&[0x81, 0x80]); // QR, RD, RA
        bytes[6..12].fill(0);
        Reply { bytes }
    }
}

/// A reply under construction.
#[derive(Clone, Debug)]
pub struct Reply {
    /// What is sent; to be spoiled at will.
    pub bytes: Vec<u8>,
}

impl Reply {
    /// With this response code.
    #[must_use]
    pub fn code(mut self, code: u8) -> Reply {
        self.bytes[3] = self.bytes[3] & 0xf0 | code;
        self
    }

    /// With the TC bit.
    #[must_use]
    pub fn truncated(mut self) -> Reply {
        self.bytes[2] |= 2;
        self
    }

    /// With a record in the answer section.
    #[must_use]
    pub fn record(mut self, owner: &str, rtype: u16, ttl: u32, body: &[u8]) -> Reply {
        self.count(7);
        self.bytes.extend(name(owner));
        self.push(rtype, ttl, body);
        self
    }

    /// With an address of `owner`, for 60 s.
    #[must_use]
    pub fn address(self, owner: &str, ip: &str) -> Reply {
        match ip.parse().expect("an address") {
            IpAddr::V4(ip) => self.record(owner, 1, 60, &ip.octets()),
            IpAddr::V6(ip) => self.record(owner, 28, 60, &ip.octets()),
        }
    }

    /// With an alias, for 60 s.
    #[must_use]
    pub fn alias(self, owner: &str, target: &str) -> Reply {
        self.record(owner, 5, 60, &name(target))
    }

    /// With the SOA that lets a negative answer be kept for so many seconds.
    #[must_use]
    pub fn negative(mut self, seconds: u32) -> Reply {
        self.count(9);
        self.bytes.push(0);
        let mut body = vec![0, 0];
        for number in [1, 2, 3, 4, seconds] {
            body.extend(number.to_be_bytes());
        }
        self.push(6, seconds, &body);
        self
    }

    /// With an EDNS record that has this cookie; it comes last.
    ///
    /// # Panics
    /// If it is too long to be one.
    #[must_use]
    pub fn cookie(mut self, cookie: &[u8]) -> Reply {
        self.count(11);
        let length = u8::try_from(cookie.len()).expect("a short cookie");
        self.bytes
            .extend([0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 4 + length]);
        self.bytes.extend([0, 10, 0, length]);
        self.bytes.extend(cookie);
        self
    }

    fn count(&mut self, at: usize) {
        let count = u16::from_be_bytes([self.bytes[at - 1], self.bytes[at]]) + 1;
        self.bytes[at - 1..=at].copy_from_slice(&count.to_be_bytes());
    }

    fn push(&mut self, rtype: u16, ttl: u32, body: &[u8]) {
        self.bytes.extend(rtype.to_be_bytes());
        self.bytes.extend([0, 1]);
        self.bytes.extend(ttl.to_be_bytes());
        self.bytes
            .extend(u16::try_from(body.len()).expect("short").to_be_bytes());
        self.bytes.extend(body);
    }
}

/// The wire form of a name.
///
/// # Panics
/// If a label is too long.
#[must_use]
pub fn name(text: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        wire.push(u8::try_from(label.len()).expect("a short label"));
        wire.extend(label.as_bytes());
    }
    wire.push(0);
    wire
}

/// What the server does about a question: messages it sends, in this order. None at all is silence.
pub type Reactions = Vec<Vec<u8>>;

/// A server on a thread of its own, over UDP and TCP, until it is dropped.
pub struct DnsServer {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl DnsServer {
    /// On a free port of the loopback.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn start(react: impl Fn(&Question) -> Reactions + Send + Sync + 'static) -> DnsServer {
        // UDP and TCP have their own ports: both have to be free.
        let sockets = (0..100).find_map(|_| {
            let udp = UdpSocket::bind("127.0.0.1:0").ok()?;
            let tcp = TcpListener::bind(udp.local_addr().ok()?).ok()?;
            Some((udp, tcp))
        });
        let (udp, tcp) = sockets.expect("a port that is free for UDP and TCP");
        DnsServer::on(udp, tcp, react)
    }

    /// On an address of the caller's.
    ///
    /// # Panics
    /// If it is taken.
    #[must_use]
    pub fn at(
        address: SocketAddr,
        react: impl Fn(&Question) -> Reactions + Send + Sync + 'static,
    ) -> DnsServer {
        let udp = UdpSocket::bind(address).expect("the port is free for UDP");
        let tcp = TcpListener::bind(address).expect("the port is free for TCP");
        DnsServer::on(udp, tcp, react)
    }

    fn on(
        udp: UdpSocket,
        tcp: TcpListener,
        react: impl Fn(&Question) -> Reactions + Send + Sync + 'static,
    ) -> DnsServer {
        let address = udp.local_addr().expect("bound");
        let ended = Arc::new(AtomicBool::new(false));
        let react = Arc::new(react);
        udp.set_read_timeout(Some(Duration::from_millis(50)))
            .expect("a time limit");
        let datagrams = {
            let (react, ended) = (react.clone(), ended.clone());
            std::thread::spawn(move || serve_datagrams(&udp, &*react, &ended))
        };
        let streams = {
            let ended = ended.clone();
            std::thread::spawn(move || serve_streams(&tcp, &react, &ended))
        };
        DnsServer {
            address,
            ended,
            threads: vec![datagrams, streams],
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // The listener waits for somebody to come.
        drop(TcpStream::connect(self.address));
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

fn serve_datagrams(udp: &UdpSocket, react: &dyn Fn(&Question) -> Reactions, ended: &AtomicBool) {
    let mut buffer = [0; 4_096];
    while !ended.load(Ordering::Relaxed) {
        let Ok((length, peer)) = udp.recv_from(&mut buffer) else {
            continue;
        };
        for message in Question::read(&buffer[..length], false, peer)
            .map(|question| react(&question))
            .unwrap_or_default()
        {
            drop(udp.send_to(&message, peer));
        }
    }
}

fn serve_streams<R>(tcp: &TcpListener, react: &Arc<R>, ended: &AtomicBool)
where
    R: Fn(&Question) -> Reactions + Send + Sync + 'static,
{
    while let Ok((stream, peer)) = tcp.accept() {
        if ended.load(Ordering::Relaxed) {
            return;
        }
        let react = react.clone();
        std::thread::spawn(move || serve_stream(stream, peer, &*react));
    }
}

/// Ends with the connection. No message at all closes it.
fn serve_stream(mut stream: TcpStream, peer: SocketAddr, react: &dyn Fn(&Question) -> Reactions) {
    let mut length = [0; 2];
    while stream.read_exact(&mut length).is_ok() {
        let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
        if stream.read_exact(&mut message).is_err() {
            return;
        }
        let reactions = Question::read(&message, true, peer)
            .map(|question| react(&question))
            .unwrap_or_default();
        if reactions.is_empty() {
            return;
        }
        for message in reactions {
            let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
            if stream
                .write_all(&[&length.to_be_bytes()[..], &message].concat())
                .is_err()
            {
                return;
            }
        }
    }
}
