//! A server that says exactly the bytes of a script, at the pace of the script, and remembers what each
//! client sent and when it hung up. It understands no protocol beyond the blank line that ends a head.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::wait::wait_until;

/// One act of a script. A script that is over waits for the client to close.
#[derive(Clone, Debug)]
pub enum Step {
    /// Reads until a blank line has come since the last such step.
    ReadHead,
    /// Reads this many bytes more.
    Read(usize),
    /// Reads so many bytes behind the head, some of which may have come with it.
    ReadBody(usize),
    /// Writes these.
    Send(Vec<u8>),
    /// Writes these in pieces of so many bytes, pausing between two.
    Trickle(Vec<u8>, usize, Duration),
    /// Writes the same piece until the client does not take it any more.
    SendForEver(Vec<u8>),
    /// Does nothing for a while, but notices if the client closes.
    Pause(Duration),
    /// Ends its own side: the client sees end of file and may still send.
    Finish,
    /// Closes the connection.
    Close,
    /// Closes with unread bytes in the buffer, which the kernel tells the client as a reset.
    /// Waits for the first of them; so no `ReadHead` before it.
    Reset,
}

/// A step that sends text.
#[must_use]
pub fn send(text: &str) -> Step {
    Step::Send(text.as_bytes().to_vec())
}

/// Refuses a request in the middle of its body, ends that side, and reads on.
#[must_use]
pub fn early_refusal() -> Vec<Step> {
    let refuse = "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 4\r\n\r\nmuch";
    vec![
        Step::ReadHead,
        send(refuse),
        Step::Finish,
        Step::Read(40_000_000),
    ]
}

/// How the client's end of a connection came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// An orderly end of file.
    Closed,
    /// A reset or another error.
    Broken,
}

/// What is known of one connection.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// All the client sent so far.
    pub received: Vec<u8>,
    /// How the client ended it; `None` while it has not, or if the script closed first.
    pub ended: Option<Ended>,
    /// When that was noticed.
    pub when: Option<Instant>,
    /// The server's own end is closed.
    pub over: bool,
}

impl Seen {
    /// What the client sent, as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.received).into_owned()
    }
}

#[derive(Default)]
struct Shared {
    seen: Mutex<Vec<Seen>>,
    /// By number: a connection that was reset has no peer's address any more.
    streams: Mutex<Vec<(usize, TcpStream)>>,
    stopped: AtomicBool,
}

/// The server; dropping it closes all its connections.
pub struct Raw {
    address: SocketAddr,
    shared: Arc<Shared>,
    accept: Option<thread::JoinHandle<()>>,
}

impl Raw {
    /// Every connection gets this script.
    #[must_use]
    pub fn serve(script: Vec<Step>) -> Raw {
        Raw::serve_each(vec![script])
    }

    /// The first connection gets the first script, and so on; those after the last get the last.
    ///
    /// # Panics
    /// If there is no script or no port.
    #[must_use]
    pub fn serve_each(scripts: Vec<Vec<Step>>) -> Raw {
        assert!(!scripts.is_empty(), "a server needs a script");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("bound");
        let shared = Arc::new(Shared::default());
        let accept = thread::spawn({
            let shared = shared.clone();
            move || accept(&listener, &scripts, &shared)
        });
        Raw {
            address,
            shared,
            accept: Some(accept),
        }
    }

    /// A server that answers each request of a connection with the same bytes, for ever.
    #[must_use]
    pub fn answer(response: &str) -> Raw {
        let rounds = [Step::ReadHead, send(response)];
        Raw::serve(rounds.iter().cycle().take(2 * 10_000).cloned().collect())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A URL on it; `path` begins with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All connections so far, in the order they were accepted.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.shared.seen).clone()
    }

    /// Waits until `count` connections were ended by their clients.
    #[must_use]
    pub fn closed_by_client(&self, count: usize, limit: Duration) -> bool {
        wait_until(limit, || self.count(|seen| seen.ended.is_some()) >= count)
    }

    /// Waits until the server's own ends of `count` connections are closed.
    #[must_use]
    pub fn closed_by_server(&self, count: usize, limit: Duration) -> bool {
        wait_until(limit, || self.count(|seen| seen.over) >= count)
    }

    fn count(&self, which: impl Fn(&Seen) -> bool) -> usize {
        let seen = lock(&self.shared.seen);
        seen.iter().filter(|seen| which(seen)).count()
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the accept; every other wait ends with its stream.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
        if let Some(accept) = self.accept.take() {
            let _ = accept.join();
        }
        for (_, stream) in lock(&self.shared.streams).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// A panic elsewhere has failed the test already; the records are still good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(listener: &TcpListener, scripts: &[Vec<Step>], shared: &Arc<Shared>) {
    for (index, stream) in listener.incoming().enumerate() {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        lock(&shared.seen).push(Seen::default());
        lock(&shared.streams).extend(stream.try_clone().map(|stream| (index, stream)));
        let script = scripts[index.min(scripts.len() - 1)].clone();
        let connection = Connection {
            stream,
            index,
            shared: shared.clone(),
            head_from: 0,
        };
        let shared = shared.clone();
        thread::spawn(move || {
            connection.play(script); // and is closed with that
            lock(&shared.seen)[index].over = true;
        });
    }
}

/// The client is gone, or has to be let go: no more steps.
struct Over;

struct Connection {
    stream: TcpStream,
    index: usize,
    shared: Arc<Shared>,
    /// Where the head that `ReadHead` looks for begins in what was received.
    head_from: usize,
}

impl Connection {
    fn play(mut self, script: Vec<Step>) {
        let _ = self.stream.set_nodelay(true);
        let mut closes = false;
        for step in script {
            closes = matches!(step, Step::Close | Step::Reset);
            if self.act(step).is_err() {
                closes = true;
                break;
            }
        }
        if !closes {
            while self.receive(None).is_ok() {}
        }
        // The clone kept for dropping the server would keep the socket open, and a shut down
        // socket sends no reset: only the last descriptor's close does.
        lock(&self.shared.streams).retain(|(index, _)| *index != self.index);
    }

    fn act(&mut self, step: Step) -> Result<(), Over> {
        match step {
            Step::ReadHead => self.read_head(),
            Step::Read(count) => {
                let until = self.received() + count;
                while self.received() < until {
                    self.receive(None)?;
                }
                Ok(())
            }
            Step::ReadBody(count) => {
                self.head_from += count;
                while self.received() < self.head_from {
                    self.receive(None)?;
                }
                Ok(())
            }
            Step::Send(bytes) => self.send(&bytes),
            Step::Trickle(bytes, size, pause) => bytes.chunks(size).try_for_each(|piece| {
                self.send(piece)?;
                self.pause(pause)
            }),
            Step::SendForEver(piece) => loop {
                self.send(&piece)?;
            },
            Step::Pause(pause) => self.pause(pause),
            Step::Finish => self.stream.shutdown(Shutdown::Write).map_err(|_| Over),
            Step::Close => Ok(()),
            Step::Reset => self.stream.peek(&mut [0]).map(drop).map_err(|_| Over),
        }
    }

    fn received(&self) -> usize {
        lock(&self.shared.seen)[self.index].received.len()
    }

    fn read_head(&mut self) -> Result<(), Over> {
        loop {
            let blank = {
                let seen = lock(&self.shared.seen);
                let received = &seen[self.index].received[self.head_from..];
                received.windows(4).position(|end| end == b"\r\n\r\n")
            };
            if let Some(at) = blank {
                self.head_from += at + 4;
                return Ok(());
            }
            self.receive(None)?;
        }
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), Over> {
        self.stream
            .write_all(bytes)
            .map_err(|_| self.end(Ended::Broken))
    }

    fn pause(&mut self, pause: Duration) -> Result<(), Over> {
        let end = Instant::now() + pause;
        while let Some(left) = end
            .checked_duration_since(Instant::now())
            .filter(|left| !left.is_zero())
        {
            self.receive(Some(left))?;
        }
        Ok(())
    }

    /// One read, at most `limit` long; remembers what came.
    fn receive(&mut self, limit: Option<Duration>) -> Result<(), Over> {
        let mut buffer = [0; 16 * 1024];
        let _ = self.stream.set_read_timeout(limit);
        match self.stream.read(&mut buffer) {
            Ok(0) => Err(self.end(Ended::Closed)),
            Ok(count) => {
                lock(&self.shared.seen)[self.index]
                    .received
                    .extend_from_slice(&buffer[..count]);
                Ok(())
            }
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) =>
            {
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(_) => Err(self.end(Ended::Broken)),
        }
    }

    fn end(&self, how: Ended) -> Over {
        // The server's own end is no news of the client.
        if !self.shared.stopped.load(Ordering::SeqCst) {
            let seen = &mut lock(&self.shared.seen)[self.index];
            (seen.ended, seen.when) = (Some(how), Some(Instant::now()));
        }
        Over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    fn ask(raw: &Raw) -> TcpStream {
        let mut stream = TcpStream::connect(raw.address()).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        stream
    }

    #[test]
    fn a_script_is_played_and_the_client_heard() {
        let raw = Raw::serve(vec![
            Step::ReadHead,
            send("abc"),
            Step::Trickle(b"defg".to_vec(), 2, Duration::ZERO),
        ]);
        let mut stream = ask(&raw);
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"abcdefg");
        assert_eq!(raw.seen()[0].text(), "GET / HTTP/1.1\r\n\r\n");
        assert_eq!(raw.seen()[0].ended, None);
        assert!(!raw.seen()[0].over);
        drop(stream);
        assert!(raw.closed_by_client(1, LIMIT));
        assert_eq!(raw.seen()[0].ended, Some(Ended::Closed));
    }

    #[test]
    fn it_dies_midway_in_two_ways() {
        let close = Raw::serve(vec![Step::ReadHead, send("half"), Step::Close]);
        let mut bytes = Vec::new();
        ask(&close).read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"half");
        assert_eq!(close.seen()[0].ended, None, "the server was first");
        assert!(close.closed_by_server(1, LIMIT));

        let reset = Raw::serve(vec![send("half"), Step::Reset]);
        let error = ask(&reset).read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[test]
    fn each_connection_has_its_own_script() {
        let raw = Raw::serve_each(vec![
            vec![send("1"), Step::Close],
            vec![send("2"), Step::Close],
        ]);
        let answers = [(); 3].map(|()| {
            let mut text = String::new();
            TcpStream::connect(raw.address())
                .unwrap()
                .read_to_string(&mut text)
                .unwrap();
            text
        });
        assert_eq!(answers, ["1", "2", "2"]);
    }

    #[test]
    fn a_client_that_leaves_is_noticed_in_a_pause_and_in_a_flood() {
        for step in [
            Step::Pause(Duration::from_secs(60)),
            Step::SendForEver(vec![0; 65_536]),
        ] {
            let raw = Raw::serve(vec![step]);
            drop(TcpStream::connect(raw.address()).unwrap());
            assert!(raw.closed_by_client(1, LIMIT));
        }
    }

    #[test]
    fn a_dropped_server_lets_its_clients_go() {
        let raw = Raw::serve(vec![Step::ReadHead]);
        let mut stream = ask(&raw);
        assert!(wait_until(LIMIT, || raw.seen().len() == 1));
        drop(raw);
        // End of file or a reset, as long as it does not hang.
        let _ = stream.read(&mut [0]);
    }

    #[test]
    fn the_same_answer_for_ever() {
        let raw = Raw::answer("HTTP/1.1 204 No Content\r\n\r\n");
        let mut stream = ask(&raw);
        for _ in 0..3 {
            stream.read_exact(&mut [0; 27]).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        }
    }
}
