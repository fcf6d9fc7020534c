//! The server of large bodies: sends as many MiB as the path says, from one piece of memory, over and over. It blocks, a
//! thread for each connection: nothing is faster, and its time is nobody's.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::spawn;

pub(crate) mod tls;

/// What one operation of the area `large` is.
pub(crate) const MIB: usize = 1 << 20;

/// Prints its port, then serves until standard input ends.
pub(crate) fn serve() -> Result<(), String> {
    serve_by(answer)
}

/// As that; the bytes on the wire are the callback's business.
fn serve_by(
    answer: impl Fn(TcpStream) -> io::Result<()> + Clone + Send + 'static,
) -> Result<(), String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    println!("{}", address.port());
    spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            // A client may go in the middle.
            spawn(move || drop(stream.set_nodelay(true).and_then(|()| answer(stream))));
        }
    });
    let ended = io::copy(&mut io::stdin(), &mut io::sink());
    ended.map(drop).map_err(|error| error.to_string())
}

fn answer(stream: impl Read + Write) -> io::Result<()> {
    let piece = vec![b'x'; MIB];
    let mut requests = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if requests.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let pieces = wanted(&head);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nContent-Type: application/octet-stream\r\n\r\n",
            pieces * MIB
        );
        let stream = requests.get_mut();
        stream.write_all(head.as_bytes())?;
        for _ in 0..pieces {
            stream.write_all(&piece)?;
        }
    }
}

/// `GET /17 HTTP/1.1` wants 17.
fn wanted(head: &str) -> usize {
    let path = head.split(' ').nth(1).unwrap_or_default();
    path.trim_start_matches('/').parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_says_how_much() {
        assert_eq!(wanted("GET /17 HTTP/1.1\r\n\r\n"), 17);
        assert_eq!(wanted("GET / HTTP/1.1\r\n\r\n"), 0);
    }
}
