//! Challenges as a caller sees them: answered with the right credentials, in the strongest way, and never to strangers.

use std::cell::RefCell;
use std::rc::Rc;

use bed::raw::{Raw, Step, send};
use evcore::{Promise, run};
use evhttp::http::StatusCode;
use evhttp::server::{self, Digest};
use evhttp::{
    AUTH, Body, CHUNK, Client, ClientBuilder, Credentials, Error, ErrorKind, HEAD, Proxies,
    Response, fetch, get, serve,
};

use crate::listing;

/// A server that answers in this order, each with a body.
fn answers(heads: &[&str]) -> Raw {
    let answer = |head: &&str| {
        let (status, fields) = head.split_once('|').unwrap_or((head, ""));
        let text = format!("HTTP/1.1 {status}\r\n{fields}Content-Length: 2\r\n\r\nok");
        [Step::ReadHead, send(&text)]
    };
    Raw::serve(heads.iter().flat_map(answer).collect())
}

/// The same, each on a connection of its own.
fn one_by_one(heads: &[&str]) -> Raw {
    let script = |head: &&str| {
        let (status, fields) = head.split_once('|').unwrap_or((head, ""));
        let text = format!("HTTP/1.1 {status}\r\n{fields}\r\n");
        vec![Step::ReadHead, send(&text), Step::Close]
    };
    Raw::serve_each(heads.iter().map(script).collect())
}

const BASIC: &str = "401 No|WWW-Authenticate: Basic realm=\"here\"\r\n";
const DIGEST: &str = "401 No|WWW-Authenticate: Digest realm=\"here\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256, Basic realm=\"b\"\r\n";
const ADA: &str = "authorization: Basic YWRhOnMzY3JldA==\r\n";

fn heads(raw: &Raw) -> Vec<String> {
    let all = raw
        .seen()
        .iter()
        .map(|seen| seen.text())
        .collect::<String>();
    all.split("\r\n\r\n")
        .filter(|head| !head.is_empty())
        .map(|head| format!("{head}\r\n"))
        .collect()
}

fn ada(raw: &Raw) -> ClientBuilder {
    Client::builder().credentials(raw.url("/"), "ada", "s3cret")
}

#[test]
fn a_challenge_is_answered_and_the_next_one_forestalled() {
    let raw = answers(&[BASIC, "200 OK", "200 OK"]);
    let client = ada(&raw).build();
    let ((auths, add), (bodies, keep), (told, on_head)) = (listing(), listing(), listing());
    let call = client
        .fetch(raw.url("/a"))
        .on(AUTH, move |auth| {
            add(&format!("{} {:?}", auth.scheme, auth.realm))
        })
        .on(CHUNK, keep)
        .on(HEAD, move |head| on_head(&head.status));
    assert_eq!(run(call).unwrap().status(), StatusCode::OK);
    assert_eq!(*auths.borrow(), ["Basic Some(\"here\")"]);
    assert_eq!(*bodies.borrow(), ["ok"], "the body of the 401 is not heard");
    assert_eq!(*told.borrow(), [StatusCode::OK]);
    run(client.fetch(raw.url("/b"))).unwrap();
    let heads = heads(&raw);
    assert!(!heads[0].contains("authorization"), "{}", heads[0]);
    assert!(
        heads[1].contains(ADA) && heads[2].contains(ADA),
        "{heads:?}"
    );
    assert_eq!(raw.seen().len(), 1, "on one connection");
}

#[test]
fn a_url_a_call_and_a_token() {
    let raw = answers(&[BASIC, "200 OK"]);
    run(fetch(raw.url("/").replace("//", "//ada:s3cret@"))).unwrap();
    assert!(heads(&raw)[1].contains(ADA));
    let raw = answers(&[BASIC, "200 OK"]);
    run(get(raw.url("/")).credentials("ada", "s3cret").send()).unwrap();
    assert!(heads(&raw)[1].contains(ADA));
    let raw = answers(&["200 OK"]);
    run(get(raw.url("/")).bearer("t0ken").send()).unwrap();
    assert!(heads(&raw)[0].contains("authorization: Bearer t0ken\r\n"));
}

#[test]
fn credentials_belong_to_their_origin() {
    let there = answers(&[BASIC]);
    let place = there.url("/");
    let here = answers(&[&format!("302 Go|Location: {place}\r\n")]);
    let page = run(get(here.url("/")).credentials("ada", "s3cret").send()).unwrap();
    assert_eq!(page.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(heads(&there).len(), 1);
    // Another call's own credentials are not borrowed.
    let raw = answers(&[BASIC, "200 OK", BASIC]);
    let client = Client::new();
    run(client.get(raw.url("/")).credentials("ada", "s3cret").send()).unwrap();
    assert_eq!(
        run(client.fetch(raw.url("/"))).unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
    // A bare host is https.
    let raw = answers(&[BASIC]);
    let client = Client::builder()
        .credentials("127.0.0.1", "ada", "s3cret")
        .build();
    assert_eq!(
        run(client.fetch(raw.url("/"))).unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
    let client = Client::builder()
        .credentials("ftp://a", "ada", "s3cret")
        .build();
    let error = run(client.fetch(raw.url("/"))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "request: credentials for \"ftp://a\": that is no origin"
    );
}

#[test]
fn digest_is_chosen_counted_renewed_and_never_left_for_basic() {
    let stale = "401 Old|WWW-Authenticate: Digest realm=\"here\", nonce=\"m\", qop=\"auth\", stale=true\r\n";
    let next = "200 OK|Authentication-Info: nextnonce=\"o\"\r\n";
    let raw = answers(&[DIGEST, "200 OK", stale, next, "200 OK", BASIC]);
    let client = ada(&raw).build();
    for path in ["/a?b=c", "/b", "/c"] {
        assert_eq!(
            run(client.fetch(raw.url(path))).unwrap().status(),
            StatusCode::OK
        );
    }
    let page = run(client.fetch(raw.url("/d"))).unwrap();
    assert_eq!(
        page.status(),
        StatusCode::UNAUTHORIZED,
        "Basic is not answered any more"
    );
    let heads = heads(&raw);
    let has = |at: usize, what: &[&str]| {
        assert!(
            what.iter().all(|what| heads[at].contains(what)),
            "{at}: {}",
            heads[at]
        );
        assert!(
            !heads[at].contains("s3cret") && !heads[at].contains("Basic"),
            "{}",
            heads[at]
        );
    };
    has(
        1,
        &[
            "Digest username=\"ada\"",
            "uri=\"/a?b=c\"",
            "nonce=\"n\"",
            "algorithm=SHA-256",
            "nc=00000001",
        ],
    );
    has(2, &["nonce=\"n\"", "nc=00000002"]);
    has(3, &["nonce=\"m\"", "nc=00000001"]);
    has(4, &["nonce=\"o\"", "nc=00000001"]);
    assert_eq!(heads.len(), 6);
}

/// RFC 7616 §3.5. Who could forge a proof could leave it out: a wrong one spoils nothing but what it says.
#[test]
fn a_nonce_that_comes_with_a_wrong_proof_is_not_taken_up() {
    let wrong = "200 OK|Authentication-Info: rspauth=\"0\", nextnonce=\"m\"\r\n";
    let other = "200 OK|Authentication-Info: nc=00000001, nextnonce=\"m\"\r\n";
    let raw = answers(&[DIGEST, wrong, other, "200 OK"]);
    let client = ada(&raw).build();
    for path in ["/a", "/b", "/c"] {
        let page = run(client.fetch(raw.url(path))).unwrap();
        assert_eq!(page.status(), StatusCode::OK);
    }
    let last = heads(&raw).pop().unwrap();
    assert!(
        last.contains("nonce=\"n\"") && last.contains("nc=00000003"),
        "{last}"
    );
}

/// Our server, which knows the password; one that only says so is a row of faults.rs.
#[test]
fn a_server_proves_that_it_knows_the_password() {
    let digest = Digest::new("here").user("ada", "s3cret");
    let server = serve("127.0.0.1:0", move |request: server::Request| match digest
        .verify(&request, b"")
    {
        Ok(user) if request.path() == "/" => user.vouch(Response::plain(user.name())),
        Ok(user) => Response::plain(user.name()),
        Err(challenge) => challenge,
    })
    .unwrap();
    let url = format!("http://{}/", server.local_addr());
    let ada = Credentials::password("ada", "s3cret").mutual(true);
    let client = Client::builder().credentials_for(&url, ada).build();
    for _ in 0..3 {
        let page = run(client.fetch(&url)).unwrap();
        assert_eq!(page.text().unwrap(), "ada");
        let info = page.header("authentication-info").unwrap();
        assert!(!info.contains("nextnonce"), "a young one is kept: {info}");
    }
    let error = run(client.fetch(format!("{url}other"))).unwrap_err();
    let kind = error.downcast_ref::<Error>().unwrap().kind();
    assert!(matches!(kind, ErrorKind::Unproven(_)), "{error}");
    // Who does not ask proves nothing either, and a wrong password is an answer as ever.
    let raw = answers(&["200 OK"]);
    let ada = Credentials::password("ada", "s3cret").mutual(true);
    let client = Client::builder().credentials_for(raw.url("/"), ada).build();
    assert!(run(client.fetch(raw.url("/"))).is_err());
    let eve = Credentials::password("ada", "guess").mutual(true);
    let client = Client::builder().credentials_for(&url, eve).build();
    assert_eq!(
        run(client.fetch(&url)).unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
}

/// Both where the proxy is asked for the document and where it opens a tunnel.
#[test]
fn a_proxy_names_the_next_nonce() {
    let ask = "407 No|Proxy-Authenticate: Digest realm=\"here\", nonce=\"n\", qop=\"auth\"\r\n";
    let next = |nonce| format!("200 OK|Proxy-Authentication-Info: nextnonce=\"{nonce}\"\r\n");
    let (first, second) = (next("m"), next("o"));
    let all = [ask, &first, &second, "200 OK"];
    for scheme in ["http", "https"] {
        let raw = one_by_one(&all);
        let proxy = raw.url("").replace("//", "//ada:s3cret@").parse().unwrap();
        let client = Client::builder().proxies(Proxies::all(proxy)).build();
        for _ in 0..3 {
            let call = client.fetch(format!("{scheme}://a.example/"));
            assert_eq!(run(call).is_ok(), scheme == "http");
        }
        let heads = heads(&raw);
        for (at, nonce) in [(1, "n"), (2, "m"), (3, "o")] {
            let shown = format!("nonce=\"{nonce}\"");
            let head = &heads[at];
            assert!(
                head.contains(&shown) && head.contains("nc=00000001"),
                "{head}"
            );
        }
    }
}

#[test]
fn a_dialog_is_asked_until_it_gives_up() {
    let raw = answers(&[BASIC, BASIC, "200 OK", "200 OK"]);
    let asked = Rc::new(RefCell::new(Vec::new()));
    let note = asked.clone();
    let dialog = move |about: &evhttp::Challenged| {
        note.borrow_mut()
            .push((about.realm.clone().unwrap(), about.refused));
        let password = if about.refused { "s3cret" } else { "wrong" };
        evcore::sleep(evcore::ms(1)).then(move |_| Some(Credentials::password("ada", password)))
    };
    let client = Client::builder().on_challenge(dialog).build();
    assert_eq!(
        run(client.fetch(raw.url("/"))).unwrap().status(),
        StatusCode::OK
    );
    assert_eq!(
        *asked.borrow(),
        [("here".to_owned(), false), ("here".to_owned(), true)]
    );
    run(client.fetch(raw.url("/"))).unwrap();
    assert!(heads(&raw)[3].contains(ADA), "what was found is remembered");

    let raw = answers(&[BASIC]);
    let client = Client::builder()
        .on_challenge(|_| Promise::ready(None))
        .build();
    let page = run(client.fetch(raw.url("/"))).unwrap();
    assert_eq!(
        (page.status(), &*page.text().unwrap()),
        (StatusCode::UNAUTHORIZED, "ok")
    );

    let raw = answers(&[BASIC; 10]);
    let client = Client::builder()
        .on_challenge(|_| Promise::ready(Some(Credentials::password("ada", "wrong"))))
        .build();
    assert_eq!(
        run(client.fetch(raw.url("/"))).unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(heads(&raw).len(), 6, "there is a limit");
}

#[test]
fn a_netrc_file_is_looked_into() {
    let folder = bed::TempDir::new("netrc");
    std::fs::write(
        folder.join("netrc"),
        "machine 127.0.0.1 login ada password s3cret\n",
    )
    .unwrap();
    let raw = answers(&[BASIC, "200 OK"]);
    let client = Client::builder().netrc(folder.join("netrc")).build();
    assert_eq!(
        run(client.fetch(raw.url("/"))).unwrap().status(),
        StatusCode::OK
    );
    assert!(heads(&raw)[1].contains(ADA));
}

#[test]
fn a_refusal_is_an_answer_and_a_field_by_hand_is_left_alone() {
    let raw = answers(&[BASIC, BASIC]);
    let page = run(ada(&raw).build().fetch(raw.url("/"))).unwrap();
    assert_eq!(
        (page.status(), heads(&raw).len()),
        (StatusCode::UNAUTHORIZED, 2)
    );
    let raw = answers(&[BASIC]);
    let call = ada(&raw)
        .build()
        .get(raw.url("/"))
        .header("authorization", "mine");
    assert_eq!(run(call.send()).unwrap().status(), StatusCode::UNAUTHORIZED);
    assert!(heads(&raw)[0].contains("authorization: mine\r\n"));
    let raw = answers(&["401 No|WWW-Authenticate: Negotiate\r\n"]);
    assert_eq!(
        run(ada(&raw).build().fetch(raw.url("/"))).unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
}

#[test]
fn a_stream_that_was_sent_cannot_answer_a_challenge() {
    let raw = Raw::serve(vec![
        Step::ReadHead,
        send("HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n"),
    ]);
    let mut once = Some("abc".into());
    let body = Body::from_fn(Some(3), move || Promise::ready(once.take()));
    let call = ada(&raw).build().post(raw.url("/")).expect_continue(false);
    let error = run(call.body(body).send()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "head {}: the answer to a 401 needs the body a second time, but it is a stream that can be read once",
            raw.url("/")
        )
    );
}

#[test]
fn one_call_through_redirect_challenge_and_coding() {
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;
    let text = "hello ".repeat(10_000);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    let content = encoder.finish().unwrap();
    let length = content.len();
    let coded = |status: &str| {
        format!("HTTP/1.1 {status}Content-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n")
    };
    let pause = std::time::Duration::from_millis(1);
    let body = || Step::Trickle(content.clone(), 50, pause);
    let raw = Raw::serve(vec![
        Step::ReadHead,
        send(&coded("302 Go\r\nLocation: /private\r\n")),
        body(),
        Step::ReadHead,
        send(&coded("401 No\r\nWWW-Authenticate: Basic realm=x\r\n")),
        body(),
        Step::ReadHead,
        send(&coded("200 OK\r\n")),
        body(),
    ]);
    let ((chunks, keep), (told, on_head), (progress, add)) = (listing(), listing(), listing());
    let call = ada(&raw)
        .build()
        .fetch(raw.url("/"))
        .on(CHUNK, keep)
        .on(HEAD, move |head| on_head(&head.status))
        .on(evhttp::PROGRESS, add);
    let page = run(call).unwrap();
    assert_eq!(page.text().unwrap(), text);
    assert_eq!(
        chunks.borrow().concat(),
        page.bytes().unwrap(),
        "CHUNK bytes are the body's"
    );
    assert_eq!(*told.borrow(), [StatusCode::OK], "one HEAD");
    for pair in progress.borrow().windows(2) {
        assert!(
            pair[0].received <= pair[1].received && pair[0].decoded <= pair[1].decoded,
            "{pair:?}"
        );
    }
    let last = *progress.borrow().last().unwrap();
    assert_eq!(
        (last.received, last.decoded),
        (length as u64, text.len() as u64)
    );
    assert_eq!(page.previous().unwrap().status(), StatusCode::FOUND);
    assert_eq!(raw.seen().len(), 1, "all on one connection");
}
