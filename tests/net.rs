//! Sockets through both doors, on every poller, against each other and
//! against std's.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::thread;

use bed::Refusing;
use evcore::net::{
    Address, ByteStream, ConnectError, Promised, TcpListener, TcpStream, UdpSocket, connect,
    connect_tcp,
};
use evcore::sys::Poller;
use evcore::{Direction, Kind, Promise, Reactor, Result, ms, run, secs, spawn};
use futures_io::{AsyncRead, AsyncWrite};

/// Makes each test run once per poller, on a reactor of its own.
macro_rules! on_every_poller {
    ($($test:ident)*) => {
        mod mio {
            $(#[test] fn $test() { super::on(super::Poller::Mio, super::$test) })*
        }
        mod polling {
            $(#[test] fn $test() { super::on(super::Poller::Polling, super::$test) })*
        }
    };
}

on_every_poller! {
    bytes_go_both_ways
    writes_keep_the_order_they_were_asked_in
    reads_keep_the_order_they_were_asked_in
    what_can_be_done_at_once_is
    a_cancelled_read_lets_the_next_one_go_on
    a_reader_and_a_writer_share_a_stream
    small_reads_of_much_lose_nothing
    the_end_is_read_as_often_as_asked
    the_end_that_came_with_the_last_bytes_is_seen
    a_stream_that_ends_early_says_how_early
    a_connection_reset_says_who
    the_last_clone_closes
    a_cancelled_promise_lets_go_of_its_socket
    errors_name_phase_address_and_cause
    several_addresses_are_tried_in_order
    names_are_looked_up
    a_connection_given_up_leaves_nothing
    a_local_address_is_kept
    incoming_tells_every_connection
    descriptors_used_again_do_not_confuse
    a_listener_stays_with_its_reactor
    a_closed_reactor_refuses
    a_waker_that_is_replaced_may_read_when_it_goes
    nothing_open_is_idle
    futures_io_reads_writes_and_closes
    attempts_do_not_wait
    byte_streams_are_objects
    datagrams_keep_bounds_and_senders
    datagrams_are_received_in_order_of_asking
    a_refusing_peer_fails_a_connected_datagram
    authors_of_sockets_hear_of_readiness
}

#[cfg(unix)]
#[path = "net/unix.rs"]
mod unix;

fn on(poller: Poller, test: fn() -> Result<()>) {
    let reactor = Reactor::builder().poller(poller).build().unwrap();
    let _current = reactor.enter();
    test().unwrap();
}

fn any() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// Two ends of one TCP connection, both ours.
fn pair() -> Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind(any())?;
    let near = connect(listener.local_addr()?);
    let far = run(listener.accept())?;
    Ok((run(near)?, far))
}

/// One end ours, the other a blocking one of std's.
fn half() -> Result<(TcpStream, std::net::TcpStream)> {
    let listener = std::net::TcpListener::bind(any())?;
    let near = run(connect(listener.local_addr()?))?;
    Ok((near, listener.accept()?.0))
}

/// Everything up to the end.
async fn read_all(stream: TcpStream, step: usize) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let bytes = stream.read(step).await?;
        if bytes.is_empty() {
            return Ok(all);
        }
        all.extend(bytes);
    }
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 31 + n / 251) as u8).collect()
}

fn in_time<T: Clone + 'static>(promise: Promise<T>) -> Result<T> {
    run(promise.timeout(secs(20)))
}

fn bytes_go_both_ways() -> Result<()> {
    let listener = TcpListener::bind(any())?;
    let addr = listener.local_addr()?;
    let answer = connect(addr).and_then(|stream| {
        stream.write_all("ping");
        stream.read_exact(4)
    });
    listener.accept().then(|stream| {
        let answering = stream.clone();
        stream
            .read_exact(4)
            .then(move |bytes| answering.write_all(bytes.to_ascii_uppercase()));
    });
    assert_eq!(in_time(answer)?, b"PING");
    Ok(())
}

fn writes_keep_the_order_they_were_asked_in() -> Result<()> {
    let (near, far) = pair()?;
    let all = pattern(3_000_000);
    let mut rest = &all[..];
    let mut size = 1;
    while !rest.is_empty() {
        let (piece, more) = rest.split_at(size.min(rest.len()));
        near.write_all(piece);
        rest = more;
        size = size * 3 % 50_021 + 1;
    }
    near.shutdown();
    assert!(in_time(spawn(read_all(far, 10_000)))? == all);
    Ok(())
}

fn reads_keep_the_order_they_were_asked_in() -> Result<()> {
    let (near, mut far) = half()?;
    let words = Promise::all([near.read_exact(3), near.read_exact(2), near.read_exact(4)]);
    evcore::sleep(ms(5)).then(move |_| far.write_all(b"onetwofour").map(|()| far));
    let words = in_time(words)?;
    assert_eq!(words, [&b"one"[..], b"tw", b"ofou"]);
    Ok(())
}

fn what_can_be_done_at_once_is() -> Result<()> {
    let (a, b) = pair()?;
    // That it is writable, and that something has come, is known from here on.
    in_time(a.write_all("one"))?;
    assert_eq!(in_time(b.read(3))?, b"one");
    let written = a.write_all("two");
    assert!(written.is_settled());
    let mut seen = String::new();
    // A second one waits for the first, which is not done yet.
    let (first, second) = (b.read_exact(2), b.read_exact(1));
    for read in [first, second] {
        seen += std::str::from_utf8(&in_time(read)?)?;
    }
    assert_eq!(seen, "two");
    // Nothing is there: it has to be waited for.
    assert!(!b.read(1).is_settled());
    Ok(())
}

fn a_cancelled_read_lets_the_next_one_go_on() -> Result<()> {
    let (near, mut far) = half()?;
    let reads = [near.read(9), near.read(9), near.read(9)];
    run(evcore::sleep(ms(1)))?;
    reads[1].cancel(); // stands in line
    reads[0].cancel(); // is being served
    far.write_all(b"late")?;
    assert_eq!(in_time(reads[2].clone())?, b"late");
    Ok(())
}

fn a_reader_and_a_writer_share_a_stream() -> Result<()> {
    let (near, far) = pair()?;
    let sent = pattern(4_000_000);
    // More than the buffers hold goes both ways at once: neither end may
    // stop reading while it can't write.
    let echo = spawn(async move {
        loop {
            let bytes = far.read(65_536).await?;
            if bytes.is_empty() {
                return far.shutdown().await;
            }
            far.write_all(bytes).await?;
        }
    });
    near.write_all(sent.clone());
    near.shutdown();
    assert!(in_time(spawn(read_all(near, 70_000)))? == sent);
    in_time(echo)
}

fn small_reads_of_much_lose_nothing() -> Result<()> {
    let (near, mut far) = half()?;
    let sent = pattern(300_000);
    let writer = thread::spawn({
        let sent = sent.clone();
        move || {
            for piece in sent.chunks(1_021) {
                far.write_all(piece).unwrap();
            }
        }
    });
    let got = in_time(spawn(async move {
        let mut got = Vec::<u8>::new();
        let mut buf = [0; 777];
        loop {
            match poll_fn(|cx| near.poll_read(cx, &mut buf)).await? {
                0 => return Ok(got),
                n => got.extend(&buf[..n]),
            }
        }
    }))?;
    assert!(got == sent);
    writer.join().unwrap();
    Ok(())
}

fn the_end_is_read_as_often_as_asked() -> Result<()> {
    let (near, far) = half()?;
    drop(far);
    for _ in 0..3 {
        assert_eq!(in_time(near.read(10))?, b"");
    }
    Ok(())
}

fn the_end_that_came_with_the_last_bytes_is_seen() -> Result<()> {
    for _ in 0..20 {
        let (near, mut far) = half()?;
        far.write_all(b"last words")?;
        drop(far);
        thread::sleep(ms(1));
        assert_eq!(in_time(near.read(100))?, b"last words");
        assert_eq!(in_time(near.read(100))?, b"");
    }
    Ok(())
}

fn a_stream_that_ends_early_says_how_early() -> Result<()> {
    let (near, mut far) = half()?;
    let peer = near.peer_addr()?;
    far.write_all(b"abc")?;
    drop(far);
    let error = in_time(near.read_exact(1 << 40)).unwrap_err();
    assert_eq!(error.kind(), Kind::Io);
    let text = format!("read from {peer}: the stream ended after 3 of 1099511627776 bytes");
    assert_eq!(error.to_string(), text);
    Ok(())
}

fn a_connection_reset_says_who() -> Result<()> {
    let (near, far) = half()?;
    let peer = near.peer_addr()?;
    near.write_all("unread");
    run(evcore::sleep(ms(5)))?;
    drop(far); // unread bytes make it a reset
    let error = in_time(near.read(10)).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(&format!("read from {peer}: "))
    );
    let cause = error.downcast_ref::<io::Error>().unwrap();
    assert_eq!(cause.kind(), io::ErrorKind::ConnectionReset);
    Ok(())
}

fn the_last_clone_closes() -> Result<()> {
    let (near, far) = pair()?;
    let end = far.read(1);
    let clone = near.clone();
    drop(near);
    assert!(run(end.clone().timeout(ms(10))).is_err(), "still open");
    let end = far.read(1);
    drop(clone);
    assert_eq!(in_time(end)?, b"");
    Ok(())
}

fn a_cancelled_promise_lets_go_of_its_socket() -> Result<()> {
    let (near, far) = pair()?;
    let reading = near.read(1);
    drop(near);
    run(evcore::sleep(ms(1)))?;
    reading.cancel();
    assert_eq!(in_time(far.read(1))?, b"");
    Ok(())
}

fn errors_name_phase_address_and_cause() -> Result<()> {
    let refusing = Refusing::tcp();
    let free = refusing.address();
    let error = in_time(connect(free)).unwrap_err();
    assert_eq!(error.kind(), Kind::Io);
    let text = error.to_string();
    assert!(text.starts_with(&format!("connect {free}: ")), "{text}");
    assert!(text.to_lowercase().contains("refused"), "{text}");

    let text = in_time(connect("no-port")).unwrap_err().to_string();
    assert_eq!(text, "connect \"no-port\": no host and port in it");
    let text = in_time(connect(":80")).unwrap_err().to_string();
    assert_eq!(text, "connect \":80\": no host and port in it");

    let text = in_time(connect(("no such name", 80)))
        .unwrap_err()
        .to_string();
    assert!(text.starts_with("look up no such name: "), "{text}");

    let taken = TcpListener::bind(any())?;
    let error = TcpListener::bind(taken.local_addr()?).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    Ok(())
}

fn several_addresses_are_tried_in_order() -> Result<()> {
    let refusing = [Refusing::tcp(), Refusing::tcp()];
    let [one, two] = [0, 1].map(|n: usize| refusing[n].address());
    let error = in_time(connect(vec![one, two])).unwrap_err();
    let text = error.to_string();
    let (at_one, at_two) = (
        text.find(&format!(": {one}: ")),
        text.find(&format!(", {two}: ")),
    );
    assert!(at_one.is_some() && at_one < at_two, "{text}");
    let cause = error.downcast_ref::<io::Error>().unwrap();
    assert_eq!(cause.kind(), io::ErrorKind::ConnectionRefused);
    let inner = cause.get_ref().unwrap().downcast_ref::<ConnectError>();
    let tried: Vec<_> = inner
        .unwrap()
        .tried()
        .iter()
        .map(|(addr, _)| *addr)
        .collect();
    assert_eq!(tried, [one, two]);

    let listener = TcpListener::bind(any())?;
    let good = listener.local_addr()?;
    let stream = in_time(connect(vec![one, good]))?;
    assert_eq!(stream.peer_addr()?, good);
    assert!(in_time(connect(Vec::new())).is_err());
    Ok(())
}

fn names_are_looked_up() -> Result<()> {
    let listener = TcpListener::bind(any())?;
    let addr = listener.local_addr()?;
    let stream = in_time(connect(("localhost", addr.port())))?;
    assert_eq!(stream.peer_addr()?, addr);
    let refusing = Refusing::tcp();
    let free = refusing.address();
    let text = in_time(connect(format!("localhost:{}", free.port())))
        .unwrap_err()
        .to_string();
    let begin = format!("connect localhost:{}: ", free.port());
    assert!(
        text.starts_with(&begin) && text.contains(&free.to_string()),
        "{text}"
    );
    Ok(())
}

fn a_connection_given_up_leaves_nothing() -> Result<()> {
    let listener = TcpListener::bind(any())?;
    let addr = listener.local_addr()?;
    let connecting = connect(addr);
    // The first poll has begun the connect; the end of it is not waited for.
    Reactor::current().turn(ms(0));
    connecting.cancel();
    let stream = in_time(listener.accept())?;
    assert_eq!(in_time(stream.read(1))?, b"");
    Ok(())
}

fn a_local_address_is_kept() -> Result<()> {
    let listener = TcpListener::bind(any())?;
    let addr = listener.local_addr()?;
    let from = std::net::TcpListener::bind(any())?.local_addr()?;
    let connecting = spawn(async move { Ok(connect_tcp(addr, Some(from)).await?) });
    let far = in_time(listener.accept())?;
    assert_eq!(far.peer_addr()?, from);
    assert_eq!(in_time(connecting)?.local_addr()?, from);
    Ok(())
}

fn incoming_tells_every_connection() -> Result<()> {
    const CLIENTS: usize = 300;
    let listener = TcpListener::bind(any())?;
    let addr = listener.local_addr()?;
    let served = Rc::new(Cell::new(0));
    let server = listener.incoming().on(TcpListener::ACCEPTED, {
        let served = served.clone();
        move |stream| {
            served.set(served.get() + 1);
            stream.write_all("hi");
        }
    });
    let clients = (0..CLIENTS).map(|_| connect(addr).and_then(|stream| stream.read_exact(2)));
    let answers = in_time(Promise::all(clients))?;
    assert!(answers.iter().all(|answer| answer == b"hi"));
    assert_eq!(served.get(), CLIENTS);
    server.cancel();
    drop(listener);
    run(evcore::sleep(ms(1)))?;
    assert!(in_time(connect(addr)).is_err(), "it listens on");
    Ok(())
}

fn descriptors_used_again_do_not_confuse() -> Result<()> {
    let listener = TcpListener::bind(any())?;
    let addr = listener.local_addr()?;
    in_time(spawn(async move {
        for n in 0..1_000_u32 {
            let near = connect(addr);
            let far = listener.accept().await?;
            let near = near.await?;
            let waiting = near.read(8); // left behind, with its socket
            if n % 2 == 0 {
                waiting.cancel();
            }
            near.write_all(n.to_be_bytes()).await?;
            assert_eq!(far.read_exact(4).await?, n.to_be_bytes());
        }
        Ok(())
    }))
}

fn a_listener_stays_with_its_reactor() -> Result<()> {
    let listener = TcpListener::bind(any())?;
    let home = Reactor::current();
    let other = Reactor::new()?;
    let (accepting, near) = {
        let _current = other.enter();
        let near = connect(listener.local_addr()?);
        (listener.accept(), other.run(near)?)
    };
    let far = home.run(accepting.timeout(secs(20)))?;
    let (asked, told) = (far.read_exact(5), near.write_all("hello"));
    other.run(told)?;
    assert_eq!(home.run(asked.timeout(secs(20)))?, b"hello");
    Ok(())
}

fn a_closed_reactor_refuses() -> Result<()> {
    let reactor = Reactor::new()?;
    let (near, far) = {
        let _current = reactor.enter();
        pair()?
    };
    let pending = near.read(1);
    drop(reactor);
    assert_eq!(pending.peek().unwrap().unwrap_err().kind(), Kind::Cancelled);
    assert_eq!(
        near.read(1).peek().unwrap().unwrap_err().kind(),
        Kind::Closed
    );
    // The sockets themselves are still there, and still work.
    assert_eq!(near.try_write(b"x")?, 1);
    let came = || far.try_read(&mut [0; 4]).is_ok_and(|count| count == 1);
    assert!(bed::wait_until(secs(20), came));
    Ok(())
}

/// P28: a waker is somebody's, and so is what its Drop does.
fn a_waker_that_is_replaced_may_read_when_it_goes() -> Result<()> {
    use std::sync::Arc;
    use std::task::{Context, Wake, Waker};

    thread_local! {
        static READS: RefCell<Option<Box<dyn Fn()>>> = const { RefCell::new(None) };
    }
    struct Reads;
    impl Wake for Reads {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for Reads {
        fn drop(&mut self) {
            let read = READS.take();
            read.into_iter().for_each(|read| read());
        }
    }

    let (quiet, far) = pair()?;
    let (ready, other) = pair()?;
    in_time(other.write_all("three"))?;
    assert_eq!(in_time(ready.read(1))?, b"t"); // more is there, and that is known
    let lost = Rc::new(Cell::new(0));
    let count = lost.clone();
    Reactor::current().on_unhandled(move |report| {
        count.set(count.get() + 1);
        println!("{report}");
    });
    let seen: Rc<RefCell<Option<Promise<Vec<u8>>>>> = Rc::default();
    let result = seen.clone();
    READS.set(Some(Box::new(move || {
        *result.borrow_mut() = Some(ready.read(1));
    })));
    let waker = Waker::from(Arc::new(Reads));
    let mut cx = Context::from_waker(&waker);
    assert!(quiet.poll_read(&mut cx, &mut [0]).is_pending());
    drop(waker);
    let waiting = quiet.read(3);
    in_time(evcore::sleep(ms(1)))?; // its task replaces the waker
    in_time(far.write_all("end"))?;
    assert_eq!(in_time(waiting)?, b"end");
    let read = seen.take().expect("the waker went");
    assert_eq!(in_time(read)?, b"h");
    assert_eq!(lost.get(), 0);
    Ok(())
}

fn nothing_open_is_idle() -> Result<()> {
    let (near, far) = pair()?;
    let (never, _resolver) = Promise::<()>::pending();
    drop((near, far));
    assert_eq!(run(never).unwrap_err().kind(), Kind::Idle);
    Ok(())
}

async fn write_through(mut to: impl AsyncWrite + Unpin, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let n = poll_fn(|cx| Pin::new(&mut to).poll_write(cx, bytes)).await?;
        bytes = &bytes[n..];
    }
    poll_fn(|cx| Pin::new(&mut to).poll_flush(cx)).await?;
    poll_fn(|cx| Pin::new(&mut to).poll_close(cx)).await
}

async fn read_through(from: impl AsyncRead) -> io::Result<Vec<u8>> {
    let mut from = pin!(from);
    let (mut all, mut buf) = (Vec::new(), vec![0; 9_999]);
    loop {
        match poll_fn(|cx| from.as_mut().poll_read(cx, &mut buf)).await? {
            0 => return Ok(all),
            n => all.extend(&buf[..n]),
        }
    }
}

fn futures_io_reads_writes_and_closes() -> Result<()> {
    let (near, far) = pair()?;
    let sent = pattern(2_000_000);
    let got = spawn(async move { Ok(read_through(&far).await?) });
    let writing = spawn({
        let sent = sent.clone();
        async move { Ok(write_through(near, &sent).await?) }
    });
    assert!(in_time(got)? == sent);
    in_time(writing)
}

fn attempts_do_not_wait() -> Result<()> {
    let (near, mut far) = half()?;
    let blocked = near.try_read(&mut [0; 8]).unwrap_err();
    assert_eq!(blocked.kind(), io::ErrorKind::WouldBlock);
    assert_eq!(near.try_write(b"now")?, 3);
    let mut buf = [0; 3];
    far.read_exact(&mut buf)?;
    assert_eq!(&buf, b"now");
    // A blocked attempt must not have lost the readiness that comes next.
    far.write_all(b"then")?;
    assert_eq!(in_time(near.read(8))?, b"then");
    while near.try_write(&[0; 65_536]).is_ok() {}
    let more = near.write_all("more");
    thread::spawn(move || io::copy(&mut far, &mut io::sink()));
    in_time(more)
}

fn byte_streams_are_objects() -> Result<()> {
    let (near, far) = pair()?;
    let expected = Address::Inet(near.peer_addr()?);
    let stream: Rc<dyn ByteStream> = Rc::new(near);
    assert_eq!(stream.peer(), expected);
    assert_eq!(stream.local()?, Address::Inet(far.peer_addr()?));
    let got = spawn(read_all(far, 100));
    in_time(spawn(async move {
        let pieces = [IoSlice::new(b"two "), IoSlice::new(b"pieces")];
        assert_eq!(
            poll_fn(|cx| stream.poll_write_vectored(cx, &pieces)).await?,
            10
        );
        poll_fn(|cx| stream.poll_flush(cx)).await?;
        poll_fn(|cx| stream.poll_shutdown(cx)).await?;
        Ok(())
    }))?;
    assert_eq!(in_time(got)?, b"two pieces");
    Ok(())
}

fn datagrams_keep_bounds_and_senders() -> Result<()> {
    let (a, b) = (UdpSocket::bind(any())?, UdpSocket::bind(any())?);
    let (at_a, at_b) = (a.local_addr()?, b.local_addr()?);
    for bytes in [&b"one"[..], b"", b"three"] {
        in_time(a.send_to(bytes, at_b))?;
    }
    assert_eq!(in_time(b.recv_from(512))?, (b"one".to_vec(), at_a));
    assert_eq!(in_time(b.recv_from(512))?, (b"".to_vec(), at_a));
    assert_eq!(in_time(b.recv_from(2))?, (b"th".to_vec(), at_a));
    b.connect(at_a)?;
    in_time(b.send("fixed"))?;
    let mut buf = [0; 16];
    let got = in_time(spawn({
        let a = a.clone();
        async move { Ok(poll_fn(|cx| a.poll_recv_from(cx, &mut buf)).await?) }
    }))?;
    assert_eq!(got, (5, at_b));
    let blocked = a.try_recv_from(&mut [0; 16]).unwrap_err();
    assert_eq!(blocked.kind(), io::ErrorKind::WouldBlock);
    assert_eq!(a.try_send_to(b"x", Some(at_b))?, 1);
    assert_eq!(in_time(b.recv_from(16))?.0, b"x");
    Ok(())
}

fn datagrams_are_received_in_order_of_asking() -> Result<()> {
    let (a, b) = (UdpSocket::bind(any())?, UdpSocket::bind(any())?);
    let order = Rc::new(RefCell::new(Vec::new()));
    let receipts: Vec<_> = (0..4)
        .map(|n| {
            let order = order.clone();
            b.recv_from(16)
                .then(move |(bytes, _)| order.borrow_mut().push((n, bytes[0])))
        })
        .collect();
    for n in 0..4 {
        in_time(a.send_to([n], b.local_addr()?))?;
    }
    in_time(Promise::all(receipts))?;
    assert_eq!(*order.borrow(), [(0, 0), (1, 1), (2, 2), (3, 3)]);
    Ok(())
}

fn a_refusing_peer_fails_a_connected_datagram() -> Result<()> {
    let socket = UdpSocket::bind(any())?;
    let nobody = Refusing::udp();
    socket.connect(nobody.address())?;
    let answer = socket.recv_from(16);
    in_time(socket.send("anybody?"))?;
    let error = in_time(answer).unwrap_err();
    let cause = error.downcast_ref::<io::Error>().unwrap();
    assert_eq!(cause.kind(), io::ErrorKind::ConnectionRefused);
    Ok(())
}

/// The same way `net` is built: on `Reactor::open` and `Source`.
fn authors_of_sockets_hear_of_readiness() -> Result<()> {
    let listener = std::net::TcpListener::bind(any())?;
    let socket = std::net::TcpStream::connect(listener.local_addr()?)?;
    let (mut far, _) = listener.accept()?;
    let adopted = evcore::net::Adopted::Tcp(socket);
    let open = |world: &dyn evcore::sys::World, token| world.adopt(token, adopted);
    let (source, socket) = Reactor::current().open(open)?;
    evcore::sleep(ms(5)).then(move |_| far.write_all(b"news").map(|()| far));
    in_time(spawn(async move {
        let mut buf = [0; 8];
        loop {
            poll_fn(|cx| source.poll_ready(Direction::Read, cx)).await?;
            match socket.read(&mut buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    source.clear(Direction::Read)
                }
                outcome => {
                    assert_eq!(outcome?, 4);
                    return Ok(());
                }
            }
        }
    }))
}

/// A stream that claims to have read more than it was given room for.
struct Boastful;

impl ByteStream for Boastful {
    fn poll_read(&self, _: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(into.len() + 1))
    }

    fn poll_write_vectored(
        &self,
        _: &mut Context<'_>,
        _: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Pending
    }

    fn poll_shutdown(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn peer(&self) -> Address {
        Address::Inet((Ipv4Addr::LOCALHOST, 1).into())
    }

    fn local(&self) -> io::Result<Address> {
        Ok(self.peer())
    }
}

/// Beyond the room lie bytes of somebody else's reads: they are no answer.
#[test]
#[should_panic(expected = "out of range")]
fn a_stream_that_claims_too_much_hands_out_nothing() {
    let stream = Promised::new(Boastful);
    _ = run(stream.read(4));
}
