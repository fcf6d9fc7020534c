//! What must not happen twice does not: a server that closes kept connections at every byte of the next exchange.
//! `EVHTTP_POSTS` says how many are tried: 10,000 unless told.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use evcore::{Promise, Result, run, spawn};
use evhttp::Client;

use crate::OK;

/// How often each payment was seen by the server.
type Seen = Arc<Mutex<HashMap<String, u32>>>;

/// Answers the first request of a connection, and gives up in the middle of the second: each connection one byte later
/// than the one before.
fn fickle() -> (SocketAddr, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Seen::default();
    let (ledger, place) = (seen.clone(), AtomicUsize::new(0));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (ledger, place) = (ledger.clone(), place.fetch_add(1, Ordering::Relaxed));
            let Ok(stream) = stream else { return };
            thread::spawn(move || {
                // Whatever goes wrong on the way, this connection is over.
                _ = two_rounds(stream, place, &ledger);
            });
        }
    });
    (address, seen)
}

fn two_rounds(mut stream: TcpStream, place: usize, ledger: &Seen) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let request = read(&mut stream, usize::MAX)?;
    note(ledger, &request);
    stream.write_all(OK.as_bytes())?;
    // The length of a request is about what the first one had.
    let place = place % (request.len() + OK.len() + 1);
    let taken = read(&mut stream, place.min(request.len()))?;
    let mut rest = Vec::new();
    if place.is_multiple_of(2) && place < request.len() {
        // What has come counts as seen, and the close is an orderly one; else it is a reset.
        stream.set_nonblocking(true)?;
        _ = stream.read_to_end(&mut rest);
        stream.set_nonblocking(false)?;
    }
    note(ledger, &[taken, rest].concat());
    if let Some(answered) = place.checked_sub(request.len()) {
        stream.write_all(&OK.as_bytes()[..answered])?;
    }
    Ok(())
}

/// A request to its body's end, but no more than `most` bytes of it.
fn read(stream: &mut TcpStream, most: usize) -> std::io::Result<Vec<u8>> {
    let (mut bytes, mut byte) = (Vec::new(), [0]);
    while bytes.len() < most && !bytes.ends_with(b"\r\n\r\npay") {
        if stream.read(&mut byte)? == 0 {
            break;
        }
        bytes.push(byte[0]);
    }
    Ok(bytes)
}

/// Enters a payment whose number has come.
fn note(ledger: &Seen, request: &[u8]) {
    let text = String::from_utf8_lossy(request);
    let number = text
        .strip_prefix("POST /")
        .and_then(|rest| rest.split_once(' '));
    if let Some((number, _)) = number {
        *ledger.lock().unwrap().entry(number.to_owned()).or_default() += 1;
    }
}

/// Pays `count` times, four at once; tells which were answered.
async fn pay(address: SocketAddr, count: usize) -> Result<Vec<bool>> {
    let client = Client::new();
    let next = Rc::new(std::cell::Cell::new(0));
    let workers = (0..4).map(|_| {
        let (client, next) = (client.clone(), next.clone());
        spawn(async move {
            let mut outcomes = Vec::new();
            while next.get() < count {
                let number = next.replace(next.get() + 1);
                let call = client
                    .post(format!("http://{address}/{number:06}"))
                    .body("pay");
                outcomes.push((number, call.send().await.is_ok()));
            }
            Ok(outcomes)
        })
    });
    let mut all = Promise::all(workers).await?.concat();
    all.sort_unstable();
    Ok(all.into_iter().map(|(_, paid)| paid).collect())
}

#[test]
fn a_payment_is_never_made_twice_wherever_the_server_closes() {
    let count = std::env::var("EVHTTP_POSTS").map_or(10_000, |count| count.parse().unwrap());
    let (address, seen) = fickle();
    let answered = run(pay(address, count)).unwrap();
    let paid = answered.iter().filter(|paid| **paid).count();
    println!("{count} payments, {paid} answered");
    assert!(paid > count / 2 && paid < count, "{paid}: both ends happen");
    let seen = seen.lock().unwrap();
    let twice: Vec<_> = seen.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    for (number, paid) in answered.iter().enumerate() {
        let known = seen.contains_key(&format!("{number:06}"));
        assert!(known || !paid, "{number} was answered by nobody");
    }
}
