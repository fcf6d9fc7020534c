//! What a fetch does on the wire and tells its caller, against scripted servers and against `serve`. No peer needed.
//! Errors' texts are in errors.rs, the server's own conduct in serve.rs.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use evcore::Promise;

mod fetch {
    mod archives;
    mod asking_first;
    mod bodies;
    mod challenges;
    mod comforts;
    mod cookies;
    mod decoding;
    mod events;
    mod keeping;
    mod layers;
    mod redirects;
    mod retrying;
    mod saving;
    mod secrets;
    mod spelling;
    mod stopping;
    mod story;
    mod switching;
    mod targets;
    mod twice;
}

/// A response that keeps its connection.
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

const SECOND: Duration = Duration::from_secs(1);

/// The patience of a test with what has to come: a busy machine may need much of it.
const LIMIT: Duration = Duration::from_secs(20);

/// What a promise comes to, if that is within [`LIMIT`]: where nothing comes a test fails, and does not hang. By the
/// reactor's clock, so for those that have a real one.
fn soon<T: Clone + 'static>(promise: Promise<T>) -> evcore::Result<T> {
    evcore::run(promise.timeout(LIMIT))
}

/// Two rounds of asking and answering on one connection, and so on.
fn rounds(count: usize) -> Vec<bed::raw::Step> {
    let round = [bed::raw::Step::ReadHead, bed::raw::send(OK)];
    round.iter().cycle().take(2 * count).cloned().collect()
}

/// A list to be filled by a callback, and the callback.
fn listing<P: Clone + 'static>() -> (Rc<RefCell<Vec<P>>>, impl Fn(&P) + 'static) {
    let list = Rc::new(RefCell::new(Vec::new()));
    let add = {
        let list = list.clone();
        move |payload: &P| list.borrow_mut().push(payload.clone())
    };
    (list, add)
}
