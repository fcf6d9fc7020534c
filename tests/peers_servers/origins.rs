//! apache, lighttpd, nginx inside TLS, caddy and haproxy as origins.

use std::fs;
use std::net::SocketAddr;
use std::thread;

use bed::raw::Raw;
use bed::servers::RunningServer;
use bed::tls::Identity;
use bed::{Authority, Hash, Nginx, TempDir, free_port, pattern};
use bytes::Bytes;
use evcore::{Promise, run, secs};
use evhttp::evtls::Connector;
use evhttp::http::{Method, StatusCode};
use evhttp::server::Request;
use evhttp::{Body, Client, Credentials, Response};

use super::super::{get, send};

const MIB: usize = 1 << 20;

/// Knows the test's own authority and nobody else.
fn trusting(authority: &Authority) -> Client {
    let tls = Connector::builder()
        .only_own_roots()
        .root_certificates(authority.pem());
    Client::builder().tls(tls.build().unwrap()).build()
}

/// A file whole, in part, and beyond its end.
fn a_mib_and_parts_of_it(client: &Client, url: &str) {
    let page = get(client, url).ok().unwrap();
    let expected = Hash::of(&pattern::bytes(MIB));
    assert_eq!(Hash::of(&page.bytes().unwrap()), expected, "{url}");
    let part = send(client.get(url).range(1_000..3_000));
    assert_eq!(
        (part.status().as_u16(), part.bytes().unwrap().len()),
        (206, 2_000),
        "{url}"
    );
    assert_eq!(
        &part.bytes().unwrap()[..],
        &pattern::bytes(MIB)[1_000..3_000],
        "{url}"
    );
    let beyond = send(client.get(url).range(2 * MIB as u64..));
    assert_eq!(beyond.status(), 416, "{url}");
}

fn asks_for_digest(server: &RunningServer, what: &str) {
    let url = server.url("/digest/mib");
    let origin = format!("http://{}", server.address());
    let client = Client::builder()
        .credentials(origin, "me", "secret")
        .build();
    for _ in 0..3 {
        let page = get(&client, &url);
        assert_eq!(
            (page.status().as_u16(), page.bytes().unwrap().len()),
            (200, MIB),
            "{what}"
        );
    }
    for (name, password) in [("me", "wrong"), ("you", "secret")] {
        let page = send(Client::new().get(&url).credentials(name, password));
        assert_eq!(page.status(), 401, "{what} {name} {password}");
    }
    assert_eq!(get(&Client::new(), &url).status(), 401, "{what}");
}

/// RFC 7616 §3.5: a client that wants the server to know the password as well. What comes of asking it.
fn proof_of(server: &RunningServer) -> evcore::Result<StatusCode> {
    let me = Credentials::password("me", "secret").mutual(true);
    let client = Client::builder()
        .credentials_for(format!("http://{}", server.address()), me)
        .build();
    let ask = || evcore::run(client.head(server.url("/digest/mib?a=%22b%22")).send());
    ask().and_then(|_| ask()).map(|page| page.status())
}

#[test]
fn apache() {
    let server = RunningServer::apache();
    let client = Client::new();
    // More requests than a connection may have there.
    for _ in 0..3 {
        a_mib_and_parts_of_it(&client, &server.url("/plain/mib"));
    }
    asks_for_digest(&server, "apache, MD5");
    assert_eq!(proof_of(&server).unwrap(), 200, "apache proves itself");

    let url = server.url("/dav/file");
    let put = |body: &str, name: &str, value: &str| {
        let request = client.put(&url).header(name, value).body(body.to_owned());
        send(request).status().as_u16()
    };
    assert_eq!(put("one", "If-None-Match", "*"), 201);
    assert_eq!(put("two", "If-None-Match", "*"), 412);
    let etag = get(&client, &url).header("etag").unwrap().to_owned();
    assert_eq!(put("two", "If-Match", "\"other\""), 412);
    assert_eq!(put("three", "If-Match", &etag), 204);
    assert_eq!(get(&client, &url).text().unwrap(), "three");
    let find = Method::from_bytes(b"PROPFIND").unwrap();
    let found = send(
        client
            .request(find, server.url("/dav/"))
            .header("Depth", "1"),
    );
    assert!(found.status() == 207 && found.text().unwrap().contains("/dav/file"));
    assert_eq!(send(client.delete(&url)).status(), 204);
    assert_eq!(get(&client, &url).status(), 404);
}

#[test]
fn lighttpd() {
    for (algorithm, userhash) in [
        ("MD5", false),
        ("SHA-256", false),
        ("SHA-256", true),
        ("SHA-512-256", false),
        ("SHA-512-256", true),
    ] {
        let server = RunningServer::lighttpd(algorithm, userhash);
        asks_for_digest(
            &server,
            &format!("lighttpd, {algorithm}, userhash {userhash}"),
        );
        a_mib_and_parts_of_it(&Client::new(), &server.url("/plain/mib"));
        let error = proof_of(&server).expect_err("lighttpd proves nothing");
        assert!(
            error
                .to_string()
                .ends_with("does not prove that it knows the password"),
            "{error}"
        );
    }
}

#[test]
fn nginx_inside_tls() {
    let authority = Authority::new();
    let directives = format!(
        "ssl_protocols TLSv1.2 TLSv1.3; keepalive_requests 3; \
         location = /text {{ gzip on; gzip_types *; gzip_min_length 0; return 200 \"{}\"; }} \
         location = /small {{ client_max_body_size 1000; dav_methods PUT; }} \
         location = /alpn {{ return 200 \"$ssl_protocol $ssl_alpn_protocol $ssl_server_name\"; }}",
        "hello ".repeat(200)
    );
    let (_nginx, _dir, port) = nginx_of(&authority.issue(&["localhost"]), &directives);
    let client = trusting(&authority);
    let url = |path: &str| format!("https://localhost:{port}{path}");
    for _ in 0..3 {
        a_mib_and_parts_of_it(&client, &url("/plain/mib"));
    }
    let spoken = get(&client, &url("/alpn"));
    assert_eq!(spoken.text().unwrap(), "TLSv1.3 http/1.1 localhost");
    assert_eq!(
        get(&client, &url("/text")).text().unwrap(),
        "hello ".repeat(200)
    );
    let raw = send(
        client
            .get(url("/text"))
            .decode(false)
            .header("Accept-Encoding", "gzip"),
    );
    assert_eq!(raw.header("content-encoding"), Some("gzip"));
    // It answers before it has read what it does not want.
    let large = send(client.put(url("/small")).body(pattern::bytes(5 * MIB)));
    assert_eq!(large.status(), 413);
    assert_eq!(get(&client, &url("/alpn")).status(), 200);
    // limit_rate
    let slow = get(&client, &url("/slow/small"));
    assert_eq!(slow.bytes().unwrap().len(), 10_000);
    let stranger = run(Client::new().get(url("/alpn")).deadline(secs(30)).send());
    assert_eq!(
        stranger.unwrap_err().to_string(),
        format!(
            "secure localhost:{port} (127.0.0.1:{port}): the certificate is signed by nobody who is trusted here"
        )
    );
}

/// nginx for `https://localhost` with this certificate, and with these directives.
fn nginx_of(identity: &Identity, directives: &str) -> (Nginx, TempDir, u16) {
    let (dir, port) = (TempDir::new("nginx-tls"), free_port());
    fs::write(dir.join("chain"), &identity.chain).unwrap();
    fs::write(dir.join("key"), &identity.key).unwrap();
    let at = dir.path().display();
    let nginx = Nginx::with(&format!(
        "listen 127.0.0.1:{port} ssl http2; ssl_certificate {at}/chain; ssl_certificate_key {at}/key; {directives}"
    ));
    // It begins to listen on its own port first.
    assert!(bed::listening(([127, 0, 0, 1], port).into(), secs(20)));
    (nginx, dir, port)
}

#[test]
fn each_certificate_of_nginx_has_its_outcome() {
    let (authority, other) = (Authority::new(), Authority::new());
    let old = authority.issue_with(&["localhost"], |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    let table = [
        (authority.issue(&["localhost"]), "200"),
        (
            other.issue(&["localhost"]),
            "the certificate is signed by nobody who is trusted here",
        ),
        (
            authority.issue(&["b.example"]),
            "the certificate is for b.example, not for localhost",
        ),
        (old, "the certificate expired N days ago"),
    ];
    for (identity, expected) in table {
        let (_nginx, _dir, port) = nginx_of(&identity, "");
        let client = trusting(&authority);
        let told = match run(client.fetch(format!("https://localhost:{port}/hello"))) {
            Ok(page) => page.status().as_str().to_owned(),
            Err(error) => {
                let line = error.to_string();
                let place = format!("secure localhost:{port} (127.0.0.1:{port}): ");
                let cause = line.strip_prefix(&place).unwrap_or(&line);
                let word = |word: &str| match word.parse::<u32>() {
                    Ok(_) => "N".to_owned(),
                    Err(_) => word.to_owned(),
                };
                cause.split(' ').map(word).collect::<Vec<_>>().join(" ")
            }
        };
        assert_eq!(told, expected);
    }
}

/// nginx makes the session all the same, and says in HTTP what it thinks of the client's certificate.
#[test]
fn nginx_asks_for_a_certificate() {
    let (authority, other) = (Authority::new(), Authority::new());
    let clients = TempDir::new("nginx-clients");
    fs::write(clients.join("authority"), authority.pem()).unwrap();
    let (_nginx, _dir, port) = nginx_of(
        &authority.issue(&["localhost"]),
        &format!(
            "ssl_verify_client on; ssl_client_certificate {}/authority; location = /who {{ return 200 \"$ssl_client_verify\"; }}",
            clients.path().display()
        ),
    );
    let shows = |identity: Option<Identity>| {
        let tls = Connector::builder()
            .only_own_roots()
            .root_certificates(authority.pem());
        let tls = match identity {
            Some(identity) => tls.client_certificate(identity.chain, identity.key),
            None => tls,
        };
        let client = Client::builder().tls(tls.build().unwrap()).build();
        let page = get(&client, &format!("https://localhost:{port}/who"));
        (page.status().as_u16(), page.text().unwrap().into_owned())
    };
    let ours = authority.issue_to_client("me");
    assert_eq!(shows(Some(ours)), (200, "SUCCESS".to_owned()));
    let (status, text) = shows(None);
    assert!(
        status == 400 && text.contains("No required SSL certificate was sent"),
        "{status} {text}"
    );
    let old = authority.issue_with(&["me"], |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    for wrong in [other.issue_to_client("me"), old] {
        let (status, text) = shows(Some(wrong));
        assert!(
            status == 400 && text.contains("The SSL certificate error"),
            "{status} {text}"
        );
    }
}

/// Ours, in a thread that lives as long as the test's program: says what it was sent.
fn our_server() -> SocketAddr {
    let (tell, told) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let answer = |request: Request| async move {
            let (method, target) = (request.method.clone(), request.target.clone());
            let body = request.body.collect(1 << 30).await?;
            let text = format!("{method} {target} {} {}", body.len(), Hash::of(&body));
            Ok::<Response, evcore::Error>(Response::plain(text))
        };
        let server = evhttp::serve("127.0.0.1:0", answer).unwrap();
        tell.send(server.local_addr()).unwrap();
        evcore::run(evcore::sleep(secs(3_600)))
    });
    told.recv().unwrap()
}

/// Our client, somebody's proxy, our server: with and without a body, of known length and not.
fn hands_on(client: &Client, base: &str) {
    let bytes = pattern::bytes(300_000);
    let expected = format!("POST /back/a?b=c 300000 {}", Hash::of(&bytes));
    for _ in 0..3 {
        let page = get(client, &format!("{base}/back/?q"));
        assert_eq!(
            page.text().unwrap(),
            format!("GET /back/?q 0 {}", Hash::of(b"")),
            "{base}"
        );
        let url = format!("{base}/back/a?b=c");
        let whole = send(client.post(&url).body(bytes.clone()));
        assert_eq!(whole.text().unwrap(), expected, "{base}");
        let pieces: Vec<Bytes> = bytes.chunks(50_000).map(Bytes::copy_from_slice).collect();
        let mut pieces = pieces.into_iter();
        let body = Body::from_fn(None, move || Promise::ready(pieces.next()));
        let chunked = send(client.post(&url).body(body));
        assert_eq!(chunked.text().unwrap(), expected, "{base}");
    }
}

#[test]
fn caddy() {
    let authority = Authority::new();
    let server = RunningServer::caddy(&authority.issue(&["localhost"]), our_server());
    let client = trusting(&authority);
    let page = get(&client, &server.secure_url("/plain/mib")).ok().unwrap();
    assert_eq!(
        Hash::of(&page.bytes().unwrap()),
        Hash::of(&pattern::bytes(MIB))
    );
    let raw = send(
        client
            .get(server.secure_url("/plain/mib"))
            .decode(false)
            .header("Accept-Encoding", "zstd"),
    );
    assert_eq!(raw.header("content-encoding"), Some("zstd"));
    a_mib_and_parts_of_it(&client, &server.secure_url("/plain/mib"));
    assert_eq!(get(&client, &server.secure_url("/none")).status(), 404);
    hands_on(&client, &server.secure_url(""));
    // Go refuses a path with a broken escape, whoever it is for; the connection goes on.
    for target in ["/back/%zz", "/back/%"] {
        let refused = send(client.get(server.secure_url("/")).target(target));
        assert_eq!(refused.status(), 400, "{target}");
    }
    hands_on(&client, &server.secure_url(""));
}

#[test]
fn haproxy() {
    let authority = Authority::new();
    let identity = authority.issue(&["localhost"]);
    let ours = our_server();
    let plain = RunningServer::haproxy(None, ours);
    hands_on(&Client::new(), &plain.url(""));
    let secure = RunningServer::haproxy(Some(&identity), ours);
    hands_on(&trusting(&authority), &secure.secure_url(""));
    // What it finds wrong with a request is a 400 of its own: here a target beyond its buffer, sent as it is given.
    let long = format!("/back/{}", "%2f".repeat(10_000));
    let refused = send(Client::new().get(plain.url("/")).target(&long));
    assert_eq!(refused.status(), 400);
    // Names beside letters, digits and hyphens it refuses because it is told to; none of ours is among them.
    let named = Client::new().get(plain.url("/back/")).header("a_b", "c");
    assert_eq!(send(named).status(), 403);
    // What it finds wrong with an answer is a 502 of its own: so do we, as an error.
    let wrong = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok";
    let raw = Raw::answer(wrong);
    assert!(run(Client::new().fetch(raw.url("/"))).is_err());
    let strict = RunningServer::haproxy(None, raw.address());
    assert_eq!(get(&Client::new(), &strict.url("/")).status(), 502);
}
