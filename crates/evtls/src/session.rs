//! The session without I/O: ciphertext in and out, plaintext out and in, and
//! the memory between. No socket and no waiting here.

use std::cell::RefCell;
use std::io::{self, IoSlice, Read, Write};
use std::rc::Rc;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion, SupportedProtocolVersion,
};

use crate::error::Error;
use crate::limits::{KEPT_PIECES, RECEIVED_AT_ONCE, SENT_AT_ONCE};

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Version {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

impl Version {
    pub(crate) fn between(
        oldest: Version,
        newest: Version,
    ) -> Vec<&'static SupportedProtocolVersion> {
        let all = [(Version::Tls13, &TLS13), (Version::Tls12, &TLS12)];
        all.into_iter()
            .filter(|(version, _)| (oldest..=newest).contains(version))
            .map(|(_, version)| version)
            .collect()
    }
}

/// What the two sides of a session have agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Agreed {
    /// The version.
    pub version: Version,
    /// The cipher suite, by its name in the registry.
    pub cipher: String,
    /// The application protocol (ALPN), if the peer has chosen one.
    pub protocol: Option<Vec<u8>>,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// The peer's certificates in DER, its own first.
    pub certificates: Vec<Vec<u8>>,
}

/// Memory to receive into, lent to sessions while they have something unread.
#[derive(Clone, Default)]
pub(crate) struct Memory(Rc<RefCell<Vec<Vec<u8>>>>);

impl Memory {
    fn lend(&self) -> Vec<u8> {
        let kept = self.0.borrow_mut().pop();
        kept.unwrap_or_else(|| vec![0; RECEIVED_AT_ONCE])
    }

    fn take_back(&self, piece: Vec<u8>) {
        let mut kept = self.0.borrow_mut();
        if kept.len() < KEPT_PIECES {
            kept.push(piece);
        }
    }
}

/// A session with its unread ciphertext.
pub(crate) struct Session {
    tls: ClientConnection,
    memory: Memory,
    /// Lent memory and what of it is unread; none if nothing is.
    unread: Option<(Vec<u8>, std::ops::Range<usize>)>,
    /// What has broken the session; said again to whoever asks again.
    broken: Option<Error>,
    peer_ended: bool,
    said_goodbye: bool,
}

impl Session {
    pub(crate) fn new(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        protocols: Vec<Vec<u8>>,
        memory: Memory,
    ) -> Result<Session, Error> {
        let mut tls = ClientConnection::new_with_alpn(config, name, protocols)?;
        tls.set_buffer_limit(Some(SENT_AT_ONCE));
        Ok(Session {
            tls,
            memory,
            unread: None,
            broken: None,
            peer_ended: false,
            said_goodbye: false,
        })
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    pub(crate) fn broken(&self) -> Option<&Error> {
        self.broken.as_ref()
    }

    /// Has `receive` fill memory with ciphertext, if all that came before is
    /// understood. `Ok(0)` is the end of the connection.
    pub(crate) fn receive(
        &mut self,
        receive: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut memory = self.memory.lend();
        match receive(&mut memory) {
            Ok(0) => {
                self.memory.take_back(memory);
                self.peer_ended = true;
                Ok(0)
            }
            Ok(received) => {
                self.unread = Some((memory, 0..received));
                Ok(received)
            }
            Err(error) => {
                self.memory.take_back(memory);
                Err(error)
            }
        }
    }

    /// Understands some of the unread ciphertext. False if there is none.
    pub(crate) fn digest(&mut self) -> Result<bool, Error> {
        let Some((memory, mut unread)) = self.unread.take() else {
            return Ok(false);
        };
        let mut rest = &memory[unread.clone()];
        let outcome = match self.tls.read_tls(&mut rest) {
            Ok(_) => self.tls.process_new_packets().map_err(Error::from),
            Err(error) => Err(Error::from_io(&error)),
        };
        let left = rest.len();
        let untouched = left == unread.len();
        unread.start = unread.end - left;
        // After the peer's goodbye rustls reads no more: what follows is noise.
        if unread.is_empty() || untouched {
            self.memory.take_back(memory);
        } else {
            self.unread = Some((memory, unread));
        }
        match outcome {
            Ok(_) => Ok(true),
            Err(error) => {
                self.broken = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Plaintext that is understood. `Ok(Some(0))` is the session's orderly
    /// end, `None` means that more ciphertext is needed.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> Result<Option<usize>, Error> {
        match self.tls.reader().read(into) {
            Ok(read) => Ok(Some(read)),
            Err(_) if self.peer_ended => Err(Error::truncated(self.is_handshaking())),
            Err(_) => Ok(None),
        }
    }

    /// Takes plaintext to be sent, as much as there is room for.
    pub(crate) fn write(&mut self, from: &[IoSlice<'_>]) -> io::Result<usize> {
        self.tls.writer().write_vectored(from)
    }

    pub(crate) fn wants_to_send(&self) -> bool {
        self.tls.wants_write()
    }

    /// Has `send` take ciphertext.
    pub(crate) fn send(
        &mut self,
        send: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        self.tls.write_tls(&mut Sender(send))
    }

    /// Ends our side (RFC 8446 §6.1), once.
    pub(crate) fn say_goodbye(&mut self) {
        if !std::mem::replace(&mut self.said_goodbye, true) {
            self.tls.send_close_notify();
        }
    }

    pub(crate) fn agreed(&self) -> Agreed {
        let version = match self.tls.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => Version::Tls12,
            _ => Version::Tls13,
        };
        let cipher = self.tls.negotiated_cipher_suite();
        let cipher = cipher.map(|suite| format!("{:?}", suite.suite()));
        let certificates = self.tls.peer_certificates().unwrap_or_default();
        Agreed {
            version,
            cipher: cipher.unwrap_or_default(),
            protocol: self.tls.alpn_protocol().map(<[u8]>::to_vec),
            resumed: self.tls.handshake_kind() == Some(HandshakeKind::Resumed),
            certificates: certificates
                .iter()
                .map(|c: &CertificateDer<'_>| c.to_vec())
                .collect(),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some((memory, _)) = self.unread.take() {
            self.memory.take_back(memory);
        }
    }
}

/// A place for rustls to write to, in several pieces at once.
struct Sender<F>(F);

impl<F: FnMut(&[IoSlice<'_>]) -> io::Result<usize>> Write for Sender<F> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        (self.0)(&[IoSlice::new(piece)])
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        (self.0)(pieces)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
