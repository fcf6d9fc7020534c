//! A server process to be watched from outside. It says its address. `/` answers a few bytes; `/together/N` answers when N
//! requests are waiting.

use std::cell::RefCell;
use std::rc::Rc;

use evcore::{Promise, Resolver, Result};
use evhttp::Response;
use evhttp::server::Request;

type Waiting = Rc<RefCell<Vec<Resolver<Response>>>>;

fn main() -> Result<()> {
    let waiting = Waiting::default();
    let server = evhttp::serve("127.0.0.1:0", move |request: Request| {
        answer(&waiting, &request)
    })?;
    println!("{}", server.local_addr());
    evcore::run(evcore::sleep(std::time::Duration::from_secs(3_600)))
}

fn answer(waiting: &Waiting, request: &Request) -> Promise<Response> {
    let Some(count) = request.path().strip_prefix("/together/") else {
        return Promise::ready(Response::plain("hello, world"));
    };
    let count: usize = count.parse().unwrap_or(1);
    let (promise, resolver) = Promise::pending();
    let mut all = waiting.borrow_mut();
    all.push(resolver);
    if all.len() == count {
        all.drain(..)
            .for_each(|resolver| resolver.resolve(Response::plain("all are here")));
    }
    promise
}
