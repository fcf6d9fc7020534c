//! The pool's key: whatever makes two connections different gets one of its own, and nothing else does.

use std::io::Write;

use bed::tls::TlsServer;
use bed::{Authority, Raw};
use evcore::{Promise, run};
use evhttp::evtls::{Builder, Pin, Version};
use evhttp::{CONNECTED, Client, Proxies, Request};

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

/// What is wanted of a connection by a request alone, beside what its client has.
type Change = Box<dyn Fn(Request) -> Request>;

/// Each change by itself is a connection of its own, which is shared by who wants the same.
fn each_is_its_own(client: &Client, url: &str, changes: Vec<(&str, Change)>) {
    assert!(!reused(client.get(url)));
    for (field, change) in changes {
        assert!(reused(client.get(url)), "nothing changed before {field}");
        assert!(!reused(change(client.get(url))), "{field}");
        assert!(reused(change(client.get(url))), "{field} again");
    }
}

#[test]
fn each_field_of_a_proxy_is_part_of_the_key() {
    let (raw, other) = (Raw::answer(OK), Raw::answer(OK));
    let by = |proxy: String| {
        let proxies = Proxies::all(proxy.parse().unwrap());
        Box::new(move |request: Request| request.proxies(proxies.clone())) as Change
    };
    let (here, there) = (raw.address(), other.address());
    let client = Client::builder()
        .proxies(Proxies::all(
            format!("http://me:secret@{here}").parse().unwrap(),
        ))
        .resolve("a.example", here)
        .build();
    let changes = vec![
        ("password", by(format!("http://me:other@{here}"))),
        ("name", by(format!("http://you:secret@{here}"))),
        ("no password", by(format!("http://{here}"))),
        ("proxy", by(format!("http://me:secret@{there}"))),
        (
            "no proxy",
            Box::new(|request: Request| request.proxies(Proxies::none())),
        ),
    ];
    let url = format!("http://a.example:{}/", here.port());
    each_is_its_own(&client, &url, changes);
    // The same words, put together anew.
    let same = by(format!("http://me:secret@{here}"));
    assert!(reused(same(client.get(&url))));
}

#[cfg(unix)]
#[test]
fn the_path_of_a_socket_is_part_of_the_key() {
    let dir = bed::TempDir::new("reuse");
    let serving = |name: &str| {
        let path = dir.path().join(name);
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                std::thread::spawn(move || {
                    while bed::tls::read_head(&mut stream).is_ok() {
                        stream.write_all(OK.as_bytes()).unwrap();
                    }
                });
            }
        });
        path
    };
    let (one, other) = (serving("one"), serving("other"));
    let raw = Raw::answer(OK);
    let client = Client::builder().unix_socket(&one).build();
    let changes: Vec<(&str, Change)> = vec![(
        "path",
        Box::new(move |request: Request| request.unix_socket(&other)),
    )];
    each_is_its_own(&client, &raw.url("/"), changes);
    assert!(reused(client.get(raw.url("/")).unix_socket(&one)));
    // And none at all.
    let plain = Client::new();
    assert!(!reused(plain.get(raw.url("/"))));
    assert!(!reused(plain.get(raw.url("/")).unix_socket(one)));
}

#[test]
fn each_setting_of_tls_is_part_of_the_key() {
    let authority = Authority::new();
    let identity = authority.issue(&["a.example"]);
    let mut config = identity.server();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let server = TlsServer::answer(config, OK);
    let me = authority.issue_to_client("me");
    let stranger = Authority::new();
    let with = |tls: Builder| {
        let tls = tls.build().unwrap();
        Box::new(move |request: Request| request.tls(tls.clone())) as Change
    };
    let usual = || trusting(&authority);
    let changes = vec![
        ("roots", with(usual().root_certificates(stranger.pem()))),
        (
            "client certificate",
            with(usual().client_certificate(&me.chain, &me.key)),
        ),
        ("pins", with(usual().pin(Pin::sha256(identity.key_hash())))),
        ("ALPN", with(usual().protocols(Vec::<&str>::new()))),
        ("SNI", with(usual().sni(false))),
        ("the name asked for", with(usual().server_name("a.example"))),
        ("oldest version", with(usual().min_version(Version::Tls13))),
        ("newest version", with(usual().max_version(Version::Tls12))),
        ("resumption", with(usual().resumption(false))),
        ("key log", with(usual().key_log(false))),
        ("nothing: another connector all the same", with(usual())),
    ];
    let client = Client::builder()
        .resolve("a.example", server.address())
        .tls(usual().build().unwrap())
        .build();
    each_is_its_own(&client, &server.url("a.example", "/"), changes);
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
