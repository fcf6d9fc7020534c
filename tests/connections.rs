//! How evhttp's connections come about: TLS, addresses, limits of time, what may be shared. Real proxies
//! are met in `peers_proxies.rs`.

mod connections {
    mod addresses;
    mod names;
    mod proxies;
    mod queue;
    mod reuse;
    mod secure;
    mod time;
}
#[path = "faults/still.rs"]
mod still;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use evhttp::evtls::{Builder, Connector};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const LIMIT: Duration = Duration::from_secs(20);

/// A list, and a listener that adds to it.
fn listing<T: Clone + 'static>() -> (Rc<RefCell<Vec<T>>>, impl Fn(&T) + Clone + 'static) {
    let list = Rc::new(RefCell::new(Vec::new()));
    let add = list.clone();
    (list, move |item: &T| add.borrow_mut().push(item.clone()))
}

/// Trusts one authority and nobody else.
fn trusting(authority: &bed::Authority) -> Builder {
    Connector::builder()
        .only_own_roots()
        .root_certificates(authority.pem())
}
