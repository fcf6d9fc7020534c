//! The pool's key: whatever makes two connections different gets one of its own, and nothing else does.

use bed::tls::TlsServer;
use bed::{Authority, Raw};
use evcore::{Promise, run};
use evhttp::{CONNECTED, Client, Request};

use crate::{OK, listing, trusting};

/// Whether the request was sent on a kept connection.
fn reused(request: Request) -> bool {
    let (connected, add) = listing();
    run(request.send().on(CONNECTED, add)).unwrap();
    connected.take().pop().unwrap().reused
}

#[test]
fn each_field_of_the_key_changed_is_a_new_connection() {
    let raw = Raw::answer(OK);
    let other = Raw::answer(OK);
    let (here, there) = (raw.address(), other.address());
    let client = Client::builder()
        .resolve("a.example", here)
        .resolve("b.example", here)
        .build();
    let url = format!("http://a.example:{}/", here.port());
    let changes: [(&str, Box<dyn Fn() -> Request>); 6] = [
        (
            "host",
            Box::new(|| client.get(format!("http://b.example:{}/", here.port()))),
        ),
        ("port", Box::new(|| client.get("http://a.example:1/"))),
        (
            "override",
            Box::new(|| client.get(&url).resolve("c.example", there)),
        ),
        ("resolver", {
            let lookup = std::rc::Rc::new(|_: &str| Promise::ready(vec![[127, 0, 0, 1].into()]));
            let (client, url) = (client.clone(), url.clone());
            Box::new(move || {
                let lookup = lookup.clone();
                client.get(&url).resolver(move |name| lookup(name))
            })
        }),
        (
            "system resolver",
            Box::new(|| client.get(&url).system_resolver()),
        ),
        (
            "local address",
            Box::new(|| client.get(&url).bind([127, 0, 0, 9].into())),
        ),
    ];
    assert!(!reused(client.get(&url)));
    for (field, changed) in changes {
        assert!(reused(client.get(&url)), "nothing changed before {field}");
        assert!(!reused(changed()), "{field}");
        // Wanted alike, shared; but for functions, of which nobody can tell.
        assert_eq!(reused(changed()), field != "resolver", "{field} again");
    }
    assert!(reused(client.get(&url)), "the first one is still there");
}

#[test]
fn sessions_are_shared_by_their_connector_alone() {
    let authority = Authority::new();
    let server = TlsServer::answer(authority.issue(&["a.example"]).server(), OK);
    let (one, other) = (
        trusting(&authority).build().unwrap(),
        trusting(&authority).build().unwrap(),
    );
    let client = Client::builder()
        .resolve("a.example", server.address())
        .tls(one.clone())
        .build();
    let url = server.url("a.example", "/");
    assert!(!reused(client.get(&url)));
    assert!(reused(client.get(&url)));
    assert!(reused(client.get(&url).tls(one)));
    assert!(
        !reused(client.get(&url).tls(other.clone())),
        "roots, certificate, pins, versions: the connector"
    );
    assert!(reused(client.get(&url).tls(other)));
}

#[test]
fn the_scheme_is_part_of_the_key() {
    // One port that speaks both would be asked for https on a kept plain connection.
    let raw = Raw::answer(OK);
    let client = Client::builder()
        .resolve("a.example", raw.address())
        .build();
    assert!(!reused(client.get("http://a.example:443/")));
    let secure = run(client
        .get("https://a.example/")
        .time_limit(evhttp::Phase::Secure, evcore::secs(2)) // it waits for a head's end, we for its hello
        .send());
    assert!(
        secure
            .unwrap_err()
            .to_string()
            .starts_with("secure a.example:443 (")
    );
}

#[test]
fn a_changed_network_keeps_nothing() {
    let raw = Raw::answer(OK);
    let client = Client::new();
    assert!(!reused(client.get(raw.url("/"))));
    client.network_changed();
    assert!(raw.closed_by_client(1, crate::LIMIT));
    assert!(!reused(client.get(raw.url("/"))));
    // One in use goes on, and is not kept.
    let page = run(client.get(raw.url("/")).stream());
    client.network_changed();
    assert_eq!(
        run(async move { page?.take_body()?.collect(10).await }).unwrap(),
        "ok"
    );
    assert!(!reused(client.get(raw.url("/"))));
}
