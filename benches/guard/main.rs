//! Fixed small runs whose instructions CI counts (`.ci/instructions`): `instructions RUN OPS`.
//!
//! Here: what a user's program does over and over, with nothing of the system in it, so that two counts of one build are
//! the same number. Never here: a clock, a real socket, a comparison (that is evbench's), a ceiling (`ceilings.txt`).

mod memory;

use evcore::{Promise, Reactor, Result, sleep};
use evhttp::Client;
use memory::{Memory, Peer};
use std::cell::Cell;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

/// How many operations a turn of the loop sees where the run decides it.
const PER_TURN: u64 = 1_000;

/// How many connections are kept busy; a turn carries as many exchanges.
const CONNECTIONS: u64 = 16;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        [run, ops] => ops
            .parse()
            .map_err(|_| "how many operations?".into())
            .and_then(|ops| perform(run, ops)),
        _ => Err("usage: instructions promise|timer|fetch|layers|bare|serve|pipelined OPS".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("instructions: {error}");
            ExitCode::FAILURE
        }
    }
}

fn perform(run: &str, ops: u64) -> Result<()> {
    let peer = match run {
        "serve" => Peer::Client { asks: ops },
        "pipelined" => Peer::Pipeline { asks: ops },
        _ => Peer::Server,
    };
    let reactor = Reactor::builder().world(Memory::new(peer)).build()?;
    let _inside = reactor.enter();
    match run {
        "promise" => promise(&reactor, ops),
        "timer" => timer(&reactor, ops),
        "fetch" => reactor
            .run(fetch(Client::builder().decode(false).build(), ops))
            .map(drop),
        "layers" => reactor.run(fetch(Client::current(), ops)).map(drop),
        "bare" => reactor
            .run(fetch(Client::builder().bare().build(), ops))
            .map(drop),
        "serve" | "pipelined" => serve(&reactor, ops),
        _ => Err(format!("there is no run called {run}").into()),
    }
}

/// `then` and settle: a promise made, attached to, resolved, and its callback called.
fn promise(reactor: &Reactor, ops: u64) -> Result<()> {
    let called = Rc::new(Cell::new(0));
    for n in 1..=ops {
        let (promise, resolver) = Promise::pending();
        let count = called.clone();
        promise.then(move |n: &u64| count.set(count.get() + n));
        resolver.resolve(1);
        if n.is_multiple_of(PER_TURN) || n == ops {
            while reactor.turn(Duration::ZERO).more {}
        }
    }
    expect(called.get(), ops)
}

/// A time limit among others, taken back before it is due.
fn timer(reactor: &Reactor, ops: u64) -> Result<()> {
    // Spread evenly over ten seconds by a step that has no factor in common with it.
    let limit = |n: u64| Duration::from_millis(1_000 + n * 7_919 % 10_000);
    let mut live: Vec<Promise<()>> = (0..PER_TURN).map(|n| sleep(limit(n))).collect();
    for n in 0..ops {
        let oldest = &mut live[(n % PER_TURN) as usize];
        oldest.cancel();
        *oldest = sleep(limit(n));
        if n.is_multiple_of(PER_TURN) {
            reactor.turn(Duration::ZERO);
        }
    }
    expect(
        live.iter().filter(|sleep| !sleep.is_settled()).count() as u64,
        PER_TURN,
    )
}

/// Fetches as everybody writes them: a text for a URL, parsed each time. The run `layers` has the default client with all
/// its layers, `bare` one without any: the difference is what layers cost. `fetch` is the default without decoding, as
/// it is for who has no coding built in.
fn fetch(client: Client, ops: u64) -> Promise<Vec<()>> {
    let left = Rc::new(Cell::new(ops));
    let one = |client: Client, left: Rc<Cell<u64>>| async move {
        while let Some(fewer) = left.get().checked_sub(1) {
            left.set(fewer);
            let page = client.fetch("http://127.0.0.1:8080/hello").await?;
            expect(page.bytes()?.len() as u64, memory::BODY)?;
        }
        Ok(())
    };
    Promise::all((0..CONNECTIONS).map(|_| evcore::spawn(one(client.clone(), left.clone()))))
}

/// The server as everybody has it, answering text.
fn serve(reactor: &Reactor, ops: u64) -> Result<()> {
    let served = Rc::new(Cell::new(0));
    let count = served.clone();
    let _server = evhttp::serve("127.0.0.1:8080", move |_| {
        count.set(count.get() + 1);
        "Hello, world!"
    })?;
    while served.get() < ops {
        reactor.turn(Duration::ZERO);
    }
    // The last answers are on their way.
    reactor.turn(Duration::ZERO);
    expect(served.get(), ops)
}

/// A run that did something else than it says is no measurement.
fn expect(found: u64, wanted: u64) -> Result<()> {
    match found == wanted {
        true => Ok(()),
        false => Err(format!("{found} instead of {wanted}").into()),
    }
}
