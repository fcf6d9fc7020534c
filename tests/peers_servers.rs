//! Our client against servers that others wrote, and our server's Digest against curl. Needs apache2, lighttpd, caddy,
//! haproxy, nginx, curl, and the httpbin of `.ci/peers`.

mod peers_servers {
    mod coded;
    mod digest;
    mod httpbin;
    mod origins;
}

use evcore::{run, secs};
use evhttp::{Client, Request, Response};

/// All of it, in a time that no loaded machine needs.
fn send(request: Request) -> Response {
    run(request.deadline(secs(30)).send()).unwrap()
}

fn get(client: &Client, url: &str) -> Response {
    send(client.get(url))
}
