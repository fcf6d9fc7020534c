//! rustls on a blocking socket, without HTTP: what TLS alone costs. As others do with `StreamOwned`, which receives a
//! record at a time; and with several records a receive, the fewest system calls that its buffered interface allows.

use super::{AT_ONCE, ask, received};
use crate::area::Job;
use crate::flood::MIB;
use crate::flood::tls::root_pem;
use crate::measure::Sample;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::error::Error;
use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::sync::Arc;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

pub(crate) fn stream(job: &Job) -> Sample {
    received(job, || by_stream(job).expect("the server answers"))
}

pub(crate) fn recv(job: &Job) -> Sample {
    received(job, || by_recv(job).expect("the server answers"))
}

fn connect(job: &Job) -> Result<StreamOwned<ClientConnection, TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&root_pem())?)?;
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let session = ClientConnection::new(Arc::new(config), ServerName::try_from("127.0.0.1")?)?;
    let stream = TcpStream::connect(("127.0.0.1", job.port))?;
    Ok(StreamOwned::new(session, stream))
}

fn by_stream(job: &Job) -> Result<usize> {
    let mut stream = connect(job)?;
    let mut length = ask(&mut stream, job)?;
    let mut piece = vec![0; AT_ONCE];
    while length < job.ops as usize * MIB {
        length += stream.read(&mut piece)?;
    }
    Ok(length)
}

fn by_recv(job: &Job) -> Result<usize> {
    let mut stream = connect(job)?;
    let mut length = ask(&mut stream, job)?;
    let StreamOwned { mut conn, mut sock } = stream;
    let (mut ciphertext, mut piece) = (vec![0; AT_ONCE], vec![0; AT_ONCE]);
    while length < job.ops as usize * MIB {
        let received = sock.read(&mut ciphertext)?;
        let mut rest = &ciphertext[..received];
        while !rest.is_empty() {
            conn.read_tls(&mut rest)?;
            conn.process_new_packets()?;
            length += understood(&mut conn, &mut piece)?;
        }
        if received == 0 {
            break;
        }
    }
    Ok(length)
}

/// All plaintext there is so far.
fn understood(session: &mut ClientConnection, piece: &mut [u8]) -> Result<usize> {
    let mut length = 0;
    loop {
        match session.reader().read(piece) {
            Ok(more) => length += more,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(length),
            Err(error) => return Err(error.into()),
        }
    }
}
