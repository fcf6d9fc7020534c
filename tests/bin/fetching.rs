//! A client process to be watched from outside: `fetching one URL`, `load URL CONNECTIONS REQUESTS`, `open URL COUNT`,
//! `idle`. It says a line when it has got where it was to get.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use evcore::{Promise, Result, run, sleep, spawn};
use evhttp::{Client, fetch};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["one", url] => println!("{} bytes", run(fetch(url))?.bytes()?.len()),
        ["load", url, connections, requests] => {
            run(load(
                url.to_owned(),
                connections.parse()?,
                requests.parse()?,
            ))?;
        }
        ["open", url, count] => run(open(url.to_owned(), count.parse()?))?,
        ["idle"] => run(idle())?,
        _ => return Err("usage: fetching one|load|open|idle ...".into()),
    }
    Ok(())
}

/// Keeps `connections` calls in flight until `requests` are answered.
async fn load(url: String, connections: usize, requests: usize) -> Result<()> {
    let left = Rc::new(Cell::new(requests));
    let workers = (0..connections).map(|_| {
        let (url, left) = (url.clone(), left.clone());
        spawn(async move {
            while left.get() > 0 {
                left.set(left.get() - 1);
                fetch(&url).await?.ok()?;
            }
            Ok(())
        })
    });
    Promise::all(workers).await?;
    println!("{requests} answered");
    Ok(())
}

/// Has `count` calls in flight at once and keeps all their connections.
async fn open(url: String, count: usize) -> Result<()> {
    let client = Client::builder()
        .connections(count)
        .connections_in_all(count)
        .keep_idle(count)
        .build();
    let calls = (0..count).map(|_| {
        client
            .fetch(&url)
            .and_then(|page| page.clone().ok().map(drop))
    });
    println!("started");
    let answered = Promise::all(calls).await?.len();
    println!("{answered} answered");
    sleep(Duration::from_secs(600)).await
}

/// All that may lie about in an idle program: a server, a kept connection on both its ends, a far timer.
async fn idle() -> Result<()> {
    let server = evhttp::serve("127.0.0.1:0", |_| "hello")?;
    fetch(format!("http://{}/", server.local_addr())).await?;
    println!("idle");
    sleep(Duration::from_secs(600)).await
}
