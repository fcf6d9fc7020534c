//! Calls through a proxy, TLS, a redirect, a challenge and a second attempt, given up at each event and at random moments:
//! nothing stays behind. One test alone in its program. `EVHTTP_WINDING` says how many calls: 1,000 unless told.
#![cfg(target_os = "linux")]

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use bed::Authority;
use bed::tls::{Secured, TlsServer, read_head};
use evcore::{Event, Promise, Reactor, Result, ms, run, sleep};
use evhttp::{
    AUTH, CHUNK, CONNECTED, Client, ClientBuilder, HEAD, Proxies, REDIRECT, RESOLVED, RETRY,
    Response, SECURED, SENT,
};

const HOST: &str = "a.example";
const LIMIT: Duration = Duration::from_secs(60);
/// Calls in flight at once.
const BATCH: usize = 20;

/// Redirects, then asks who that is, then has no time, then answers in pieces.
fn play(stream: &mut Secured, tired: &AtomicUsize) -> io::Result<()> {
    loop {
        let head = read_head(stream)?;
        let known = head.contains("\r\nauthorization: Basic ");
        let answer = match head.starts_with("GET / ") {
            true => "302 Found\r\nLocation: /there\r\nContent-Length: 5\r\n\r\nmoved",
            false if !known => {
                "401 No\r\nWWW-Authenticate: Basic realm=\"r\"\r\nContent-Length: 3\r\n\r\nwho"
            }
            false if tired.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) => {
                "503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"
            }
            false => "200 OK\r\nContent-Length: 6\r\n\r\n",
        };
        stream.write_all(format!("HTTP/1.1 {answer}").as_bytes())?;
        stream.flush()?;
        if answer.starts_with("200") {
            for piece in ["on", "ce", "!!"] {
                thread::sleep(ms(1));
                stream.write_all(piece.as_bytes())?;
                stream.flush()?;
            }
        }
    }
}

/// A proxy that wants credentials and leads to `target`, whatever is asked for.
fn proxy(target: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // The client tells how it ended.
            thread::spawn(move || _ = lead(stream, target));
        }
    });
    address
}

fn lead(mut client: TcpStream, target: SocketAddr) -> io::Result<()> {
    if !read_head(&mut client)?.contains("\r\nproxy-authorization: Basic ") {
        let refusal = "407 No\r\nProxy-Authenticate: Basic realm=\"p\"\r\nContent-Length: 0";
        return write!(client, "HTTP/1.1 {refusal}\r\n\r\n");
    }
    let mut server = TcpStream::connect(target)?;
    client.write_all(b"HTTP/1.1 200 Go on\r\n\r\n")?;
    let (mut from, mut to) = (server.try_clone()?, client.try_clone()?);
    let back = thread::spawn(move || {
        _ = io::copy(&mut from, &mut to);
        to.shutdown(std::net::Shutdown::Both)
    });
    _ = io::copy(&mut client, &mut server);
    _ = server.shutdown(std::net::Shutdown::Both);
    _ = back.join();
    Ok(())
}

/// What this program holds: memory in KiB, descriptors, lines of the reactor's dump.
fn held() -> (u64, usize, usize) {
    let mut status = String::new();
    let mut file = std::fs::File::open("/proc/self/status").unwrap();
    file.read_to_string(&mut status).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let resident = line.unwrap().split_whitespace().nth(1).unwrap();
    let dump = Reactor::current().dump().lines().count();
    (resident.parse().unwrap(), descriptors(), dump)
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn stop_at<T: 'static>(call: Promise<Response>, event: Event<T>) -> Promise<Response> {
    let stopped = call.clone();
    call.on(event, move |_| stopped.cancel())
}

/// Gives a call up at one of nine events, or at a random moment; or not, then it ends well.
fn give_up(call: Promise<Response>, way: u64, moment: Duration) -> Promise<bool> {
    let call = match way {
        0 => stop_at(call, RESOLVED),
        1 => stop_at(call, SECURED),
        2 => stop_at(call, CONNECTED),
        3 => stop_at(call, SENT),
        4 => stop_at(call, REDIRECT),
        5 => stop_at(call, AUTH),
        6 => stop_at(call, RETRY),
        7 => stop_at(call, HEAD),
        8 => stop_at(call, CHUNK),
        9 => call,
        _ => {
            let stopped = call.clone();
            _ = sleep(moment).then(move |()| stopped.cancel());
            call
        }
    };
    call.settled(|outcome| outcome.is_ok())
}

/// Gives up `count` calls and tells how many ended well all the same.
async fn rounds(clients: [Rc<dyn Fn() -> Client>; 2], url: String, count: usize) -> Result<usize> {
    let (mut seed, mut well) = (count as u64, 0);
    let mut roll = move |most: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % most
    };
    for batch in 0..count / BATCH {
        // A client's connections and memory go with it.
        let client = clients[batch % 2]();
        let calls = (0..BATCH).map(|_| {
            let moment = Duration::from_micros(roll(60_000));
            give_up(client.get(&url).retries(2).send(), roll(20), moment)
        });
        let ended = Promise::all(calls.collect::<Vec<_>>()).await?;
        well += ended.iter().filter(|well| **well).count();
    }
    Ok(well)
}

#[test]
fn winding_calls_given_up_anywhere_leave_nothing_behind() {
    let count =
        std::env::var("EVHTTP_WINDING").map_or(1_000, |count| count.parse().expect("a number"));
    let authority = Authority::new();
    let tired = AtomicUsize::new(0);
    let server = TlsServer::start(authority.issue(&[HOST]).server(), move |stream, _| {
        play(stream, &tired)
    });
    let url = server.url(HOST, "/");
    let tls = evhttp::evtls::Connector::builder()
        .only_own_roots()
        .root_certificates(authority.pem())
        .protocols(["http/1.1"])
        .build()
        .unwrap();
    let origin = url.trim_end_matches('/').to_owned();
    let usual = move || -> ClientBuilder {
        Client::builder()
            .tls(tls.clone())
            .credentials(&origin, "ada", "s3cret")
    };
    let through = format!("http://me:secret@{}", proxy(server.address()));
    let (direct, led) = (usual.clone(), usual);
    let clients: [Rc<dyn Fn() -> Client>; 2] = [
        Rc::new(move || {
            let slow = |_: &str| sleep(ms(1)).then(|()| vec![[127, 0, 0, 1].into()]);
            direct().proxies(Proxies::none()).resolver(slow).build()
        }),
        Rc::new(move || {
            let proxies = Proxies::all(through.parse().unwrap());
            led().proxies(proxies).build()
        }),
    ];
    run(rounds(clients.clone(), url.clone(), count / 4)).unwrap();
    // The servers' threads hear of the last ones; if they are late, `before` is too many and nothing is proved by less.
    thread::sleep(ms(500));
    let before = held();
    let well = run(rounds(clients, url, count)).unwrap();
    assert!(
        bed::wait_until(LIMIT, || descriptors() <= before.1),
        "{before:?} {}",
        descriptors()
    );
    // What was given up is no timer's and no task's business.
    let turned = Reactor::current().turn(Duration::ZERO);
    let after = held();
    println!(
        "{count} calls, {well} ended well: {before:?} before, {after:?} after (KiB, descriptors, waiting)"
    );
    assert!(
        well > count / 50 && well < count / 2,
        "{well}: both ends happen"
    );
    assert_eq!((turned.more, turned.next), (false, None), "a timer is left");
    assert!(
        after.1 <= before.1 && after.2 == before.2,
        "{before:?} {after:?}"
    );
    assert!(
        after.0 <= before.0 + 2_048 + count as u64 * 100 / 1_024,
        "{before:?} {after:?}"
    );
}
