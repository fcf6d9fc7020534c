//! One large body, by everybody: in pieces that are dropped at once, or whole.

use crate::area::Job;
use crate::flood::MIB;
use crate::measure::{Sample, sample};
use std::io::{self, Read, Write};
use std::net::TcpStream;

pub(crate) mod curl;
pub(crate) mod hyper;
pub(crate) mod reqwest;
pub(crate) mod rustls;
pub(crate) mod ureq;

/// How much is received at once where one may choose.
pub(crate) const AT_ONCE: usize = 128 * 1024;

/// Measures `receive`, which tells how long the body was.
pub(crate) fn received(job: &Job, receive: impl FnOnce() -> usize) -> Sample {
    let mut length = 0;
    let sample = sample(job.ops, || length = receive());
    assert_eq!(length, job.ops as usize * MIB, "the body is cut short");
    sample
}

/// Asks for the body and reads the head; what came of the body with it is returned.
fn ask(stream: &mut (impl Read + Write), job: &Job) -> io::Result<usize> {
    let request = format!("GET /{} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", job.ops);
    stream.write_all(request.as_bytes())?;
    let mut buffer = vec![0; AT_ONCE];
    let length = stream.read(&mut buffer)?;
    let head = buffer[..length]
        .windows(4)
        .position(|end| end == b"\r\n\r\n");
    // A head comes in one piece from this server.
    head.map(|at| length - at - 4)
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The floor: a blocking socket, and one buffer.
pub(crate) fn recv_streamed(job: &Job) -> Sample {
    received(job, || {
        let receive = || -> io::Result<usize> {
            let mut stream = TcpStream::connect(("127.0.0.1", job.port))?;
            let mut length = ask(&mut stream, job)?;
            let mut buffer = vec![0; AT_ONCE];
            while length < job.ops as usize * MIB {
                match stream.read(&mut buffer)? {
                    0 => break,
                    more => length += more,
                }
            }
            Ok(length)
        };
        receive().expect("the server answers")
    })
}

/// The floor for a whole body: fresh memory of known length, not zeroed.
pub(crate) fn recv_whole(job: &Job) -> Sample {
    received(job, || {
        let receive = || -> io::Result<usize> {
            let mut stream = TcpStream::connect(("127.0.0.1", job.port))?;
            let length = ask(&mut stream, job)?;
            let whole = job.ops as usize * MIB;
            let mut body = Vec::with_capacity(whole);
            body.resize(length, 0);
            while body.len() < whole {
                let room = rustix::buffer::spare_capacity(&mut body);
                if rustix::net::recv(&stream, room, rustix::net::RecvFlags::empty())?.0 == 0 {
                    break;
                }
            }
            Ok(body.len())
        };
        receive().expect("the server answers")
    })
}
