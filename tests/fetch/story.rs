//! All that one call tells, from its first redirect to where its time went.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;

use bed::raw::{Raw, Step, send};
use bytes::Bytes;
use evcore::{ManualClock, Promise, Reactor, ms, run, secs, sleep};
use evhttp::http::StatusCode;
use evhttp::server::Request;
use evhttp::{
    AUTH, Body, CHUNK, CONNECTED, Client, DONE, Done, HEAD, INFORMATIONAL, PROGRESS, Phase,
    REDIRECT, RETRY, Response, SENT, get, serve,
};

use crate::{OK, listing};

const REDIRECTED: &str = "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 5\r\n\r\nmoved";
const ASKED: &str = "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"here\"\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nwho";
const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n";

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A redirect, a challenge, two hints and a compressed page in small pieces.
fn winding(content: &[u8]) -> Raw {
    let coded = gzip(content);
    let head = format!(
        "{HINTS}HTTP/1.1 102 Wait\r\n\r\nHTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        coded.len()
    );
    Raw::serve(vec![
        Step::ReadHead,
        send(REDIRECTED),
        Step::ReadHead,
        send(ASKED),
        Step::ReadHead,
        send(&head),
        Step::Trickle(coded, 400, ms(1)),
    ])
}

#[test]
fn a_winding_call_is_told_once_and_in_order() {
    let content: Vec<u8> = (0..60_000_u32)
        .flat_map(|n| (n * n).to_le_bytes())
        .collect();
    let raw = winding(&content);
    let story = Rc::new(RefCell::new(Vec::<String>::new()));
    let tell = |story: &Rc<RefCell<Vec<String>>>| {
        let story = story.clone();
        move |line: String| story.borrow_mut().push(line)
    };
    let [connected, sent, hinted, led, asked, head, done] = [(); 7].map(|()| tell(&story));
    let (pieces, keep) = listing::<Bytes>();
    let (progress, add) = listing();
    let client = Client::builder()
        .credentials(raw.url(""), "ada", "s3cret")
        .build();
    let call = client
        .fetch(raw.url("/"))
        .on(CONNECTED, move |c| {
            connected(format!("connected {} {}", c.hop, c.reused))
        })
        .on(SENT, move |s| sent(format!("sent {}", s.hop)))
        .on(INFORMATIONAL, move |i| {
            hinted(format!("{} {}", i.status.as_u16(), i.hop))
        })
        .on(REDIRECT, move |r| led(format!("to {}", r.to.path())))
        .on(AUTH, move |a| asked(format!("by {}", a.scheme)))
        .on(HEAD, move |h| head(format!("head {}", h.status.as_u16())))
        .on(DONE, move |d| {
            done(format!("done {}", d.status.unwrap().as_u16()))
        })
        .on(CHUNK, keep)
        .on(PROGRESS, add);
    let page = run(call).unwrap();
    assert_eq!(page.bytes().unwrap(), content);
    assert_eq!(pieces.borrow().concat(), content, "the chunks are the body");
    assert_eq!(
        story.take(),
        [
            "connected 0 false",
            "sent 0",
            "to /there",
            "connected 1 true",
            "sent 1",
            "by Basic",
            "connected 2 true",
            "sent 2",
            "103 2",
            "102 2",
            "head 200",
            "done 200",
        ]
    );
    let progress = progress.take();
    assert!(progress.len() > 2, "{}", progress.len());
    for pair in progress.windows(2) {
        assert!(pair[0].received <= pair[1].received && pair[0].decoded <= pair[1].decoded);
    }
    assert_eq!(progress.last().unwrap().decoded, content.len() as u64);
}

/// Where the time of a call went that ended in some way.
fn timed(call: Promise<evhttp::Response>) -> Done {
    let (done, add) = listing();
    _ = run(call.on(DONE, add));
    let [done] = done.take()[..] else {
        panic!("told once")
    };
    done
}

#[test]
fn the_time_of_each_step_is_told_and_adds_up() {
    let raw = Raw::serve(vec![
        Step::ReadHead,
        Step::Pause(ms(60)),
        send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlo"),
        Step::Pause(ms(40)),
        send("ng"),
    ]);
    let url = format!("http://a.example:{}/", raw.address().port());
    let began = std::time::Instant::now();
    let slow = |_: &str| sleep(ms(50)).then(|()| vec![[127, 0, 0, 1].into()]);
    let client = Client::builder().connections(1).build();
    let done = timed(client.get(&url).resolver(slow).send());
    let took = began.elapsed();
    let t = done.timings;
    assert_eq!(done.status.unwrap(), 200);
    // The server's pauses begin before we notice that they have: what of each
    // a busy machine books as the step before is in the sums all the same.
    assert!(
        t.resolve >= ms(50) && t.send + t.wait >= ms(60) && t.wait + t.receive >= ms(40),
        "{t:?}"
    );
    assert!(t.send + t.wait + t.receive >= ms(100), "{t:?}");
    assert!(t.queue.is_zero() && t.secure.is_zero(), "{t:?}");
    assert!(
        t.total() >= ms(150) && t.total() <= took,
        "{t:?} of {took:?}"
    );
}

/// By a clock that leaps, each step has its time to the millisecond: what this machine needs takes none.
#[test]
fn no_step_is_booked_as_another() {
    let clock = ManualClock::leaping();
    let reactor = Reactor::builder().clock(&clock).build().unwrap();
    let entered = reactor.enter();
    let answer = |_: Request| async {
        sleep(secs(6)).await?;
        let mut rest = vec!["ng", "lo"];
        let body = Body::from_fn(Some(4), move || match rest.pop() {
            Some("lo") => Promise::ready(Some("lo".into())),
            last => sleep(secs(4)).then(move |()| last.map(Bytes::from)),
        });
        Ok::<_, evcore::Error>(Response::new(StatusCode::OK).with_body(body))
    };
    let server = serve("127.0.0.1:0", answer).unwrap();
    let url = format!("http://a.example:{}/", server.local_addr().port());
    let slow = |_: &str| sleep(secs(5)).then(|()| vec![[127, 0, 0, 1].into()]);
    let (done, add) = listing();
    let call = get(&url).resolver(slow).send().on(DONE, add);
    drop(entered);
    reactor.run(call).unwrap();
    let t = done.borrow()[0].timings;
    assert_eq!(
        (t.resolve, t.wait, t.receive, t.total()),
        (secs(5), secs(6), secs(4), secs(15)),
        "{t:?}"
    );
}

#[test]
fn a_failed_call_tells_where_its_time_went_too() {
    let mute = Raw::serve(vec![Step::ReadHead, Step::Pause(crate::LIMIT)]);
    let done = timed(get(mute.url("/")).time_limit(Phase::Head, ms(50)).send());
    assert_eq!(done.status, None);
    assert!(done.timings.wait >= ms(50), "{done:?}");
}

#[test]
fn a_pause_between_attempts_is_no_step() {
    let busy = "HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";
    let raw = Raw::serve(vec![Step::ReadHead, send(busy), Step::ReadHead, send(OK)]);
    let (retries, add) = listing();
    let done = timed(get(raw.url("/")).retries(1).send().on(RETRY, add));
    assert_eq!(
        (retries.borrow().len(), done.status.unwrap().as_u16()),
        (1, 200)
    );
    let t = done.timings;
    assert!(t.between >= retries.borrow()[0].wait, "{t:?}");
    assert!(!retries.borrow()[0].wait.is_zero());
}
