//! evdns against a server of our own, which answers as each test wants. The real servers are in `peers_dns.rs`, glibc
//! in `getaddrinfo.rs`.

mod dns {
    mod asking;
    mod families;
    mod hostile;
    mod learning;
    mod network;
}
#[path = "faults/still.rs"]
mod still;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bed::dns::DnsServer;
use evdns::{Builder, Resolver};

/// The patience of a test with what has to come.
const LIMIT: Duration = Duration::from_secs(20);

/// A resolver that asks these servers once, with the patience a busy machine needs.
fn asking(servers: &[&DnsServer]) -> Builder {
    let builder = Resolver::builder()
        .timeout(Duration::from_secs(20))
        .attempts(1);
    servers
        .iter()
        .fold(builder, |builder, server| builder.server(server.address()))
}

/// The kind of a failed look-up.
#[track_caller]
fn kind(error: &evcore::Error) -> evdns::ErrorKind {
    let error = error.downcast_ref::<evdns::Error>();
    error.expect("an error of evdns").kind()
}

/// Something to write down what was told.
fn notes() -> (Rc<RefCell<Vec<String>>>, impl Fn(String) + Clone) {
    let notes = Rc::new(RefCell::new(Vec::new()));
    let note = notes.clone();
    (notes, move |text| note.borrow_mut().push(text))
}
