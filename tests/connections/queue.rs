//! Limits on the number of connections: who has to wait, for how long, and in which order.

use std::cell::{Cell, RefCell};
use std::future::IntoFuture;
use std::rc::Rc;

use bed::raw::{Raw, Step, send};
use evcore::{Kind, Promise, Result, ms, sleep, spawn};
use evhttp::{CONNECTED, Client, Phase, serve};

use crate::{LIMIT, OK, listing};

/// As `evcore::run`, with a limit: a place that is never granted fails a test, and does not hang it.
fn run<T: Clone + 'static>(calls: impl IntoFuture<Output = Result<T>> + 'static) -> Result<T> {
    evcore::run(spawn(async move { calls.await }).timeout(3 * LIMIT))
}

/// A server that takes its time, and how many calls it ever had at once.
fn slow() -> (evhttp::Server, Rc<Cell<usize>>) {
    let (now, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let seen = most.clone();
    let answer = move |_: evhttp::server::Request| {
        now.set(now.get() + 1);
        seen.set(seen.get().max(now.get()));
        let now = now.clone();
        sleep(ms(2)).then(move |()| {
            now.set(now.get() - 1);
            "done"
        })
    };
    (serve("127.0.0.1:0", answer).unwrap(), most)
}

fn url(server: &evhttp::Server) -> String {
    format!("http://{}/", server.local_addr())
}

/// Starts a call to each, and tells the order in which they were answered.
async fn order(client: &Client, urls: &[String]) -> Result<Vec<usize>> {
    let answered = Rc::new(RefCell::new(Vec::new()));
    let calls = urls.iter().enumerate().map(|(n, url)| {
        let answered = answered.clone();
        client
            .fetch(url)
            .then(move |_| answered.borrow_mut().push(n))
    });
    Promise::all(calls).await?;
    Ok(answered.take())
}

#[test]
fn an_origin_gets_no_more_than_its_share_in_the_order_of_asking() {
    let (server, most) = slow();
    let client = Client::builder().connections(3).build();
    let urls = vec![url(&server); 40];
    let answered = run(async move { order(&client, &urls).await }).unwrap();
    assert_eq!((answered.len(), most.get()), (40, 3));
    // Three are on their way at once; beyond that nobody overtakes.
    for (place, call) in answered.into_iter().enumerate() {
        assert!(
            place.abs_diff(call) < 3,
            "call {call} was answered as number {place}"
        );
    }
}

#[test]
fn a_busy_origin_starves_no_other() {
    let ((busy, _), (other, _)) = (slow(), slow());
    let client = Client::builder().connections_in_all(1).build();
    let mut urls = vec![url(&busy); 20];
    urls[7] = url(&other);
    urls[12] = url(&other);
    let answered = run(async move { order(&client, &urls).await }).unwrap();
    assert_eq!(answered, (0..20).collect::<Vec<_>>());
    assert_eq!((busy.connections(), other.connections()), (1, 0));
}

#[test]
fn the_longest_unused_connection_makes_room() {
    let [one, two, three] = [(); 3].map(|()| Raw::answer(OK));
    let client = Client::builder().connections_in_all(2).build();
    for raw in [&one, &two, &three] {
        run(client.fetch(raw.url("/"))).unwrap();
    }
    assert!(one.closed_by_client(1, LIMIT));
    let (connected, add) = listing();
    run(client.fetch(two.url("/")).on(CONNECTED, add)).unwrap();
    assert!(connected.borrow()[0].reused);
}

/// Answers the first call only when it is given up, and all others at once.
fn stuck_first() -> Raw {
    Raw::serve_each(vec![
        vec![Step::ReadHead, Step::Pause(LIMIT)],
        vec![[Step::ReadHead, send(OK)]; 10].concat(),
    ])
}

#[test]
fn who_is_cancelled_leaves_the_line_at_once() {
    let raw = stuck_first();
    let client = Client::builder().connections(1).build();
    let page = run(async move {
        let stuck = client.fetch(raw.url("/"));
        let gone: Vec<_> = (0..3).map(|_| client.fetch(raw.url("/gone"))).collect();
        let next = client.fetch(raw.url("/next"));
        sleep(ms(20)).await?;
        for call in &gone {
            call.cancel();
            assert_eq!(call.clone().await.unwrap_err().kind(), Kind::Cancelled);
        }
        assert!(!next.is_settled());
        stuck.cancel();
        let page = next.shared().await?;
        let asked = raw.seen()[1].text();
        assert!(asked.starts_with("GET /next "), "{asked}");
        // One that was granted its place and never took it.
        let held = client.get(raw.url("/held")).stream().await?;
        let granted = client.fetch(raw.url("/granted"));
        granted.cancel();
        drop(held);
        client.fetch(raw.url("/last")).await?;
        let text = page.text()?.into_owned();
        Ok(text)
    });
    assert_eq!(page.unwrap(), "ok");
}

#[test]
fn waiting_has_a_phase_a_limit_and_a_line() {
    let raw = stuck_first();
    let client = Client::builder().connections(1).build();
    run(async move {
        let _stuck = client.fetch(raw.url("/")).owned();
        let limited = client.get(raw.url("/")).time_limit(Phase::Queue, ms(50));
        let late = limited.send().await.unwrap_err();
        let line = format!("queue {}: timed out after 50ms", raw.address());
        assert_eq!((late.kind(), late.to_string()), (Kind::TimedOut, line));

        let late = client.get(raw.url("/x")).deadline(ms(50)).send().await;
        let line = format!("queue {}: timed out after 50ms", raw.url("/x"));
        assert_eq!(late.unwrap_err().to_string(), line);
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_failed_connect_gives_its_place_back() {
    let refusing = bed::Refusing::tcp();
    let nobody = format!("http://{}/", refusing.address());
    let raw = Raw::answer(OK);
    let client = Client::builder().connections_in_all(1).build();
    run(async move {
        let failing: Vec<_> = (0..5).map(|_| client.fetch(&nobody)).collect();
        assert_eq!(client.fetch(raw.url("/")).await?.text()?, "ok");
        for call in failing {
            let line = call.await.unwrap_err().to_string();
            assert!(line.starts_with("connect "), "{line}");
        }
        Ok(())
    })
    .unwrap();
}
