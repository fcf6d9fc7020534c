//! Names of fields as servers see them: in lower case unless told, in title case, or as the user has spelled them and in
//! his order. The bytes are what counts, so the server is a scripted one.

use std::rc::Rc;

use bed::raw::{Raw, Step, send};
use evhttp::har::Recorder;
use evhttp::http::HeaderValue;
use evhttp::http::header::ACCEPT;
use evhttp::{Answer, Call, Client, ClientBuilder, Layer, Next, Proxies, Request};

use crate::{OK, soon};

const US: &str = concat!("evhttp/", env!("CARGO_PKG_VERSION"));

/// The heads of all requests so far, line by line, with `SERVER` and `US` in the place of what differs.
fn heads(raw: &Raw) -> Vec<String> {
    let all: String = raw.seen().iter().map(|seen| seen.text()).collect();
    let all = all.replace(&raw.address().to_string(), "SERVER");
    let heads = all.replace(US, "US");
    let heads = heads
        .split("\r\n\r\n")
        .filter(|head| head.contains("HTTP/1.1"));
    heads.map(|head| head.replace("\r\n", "|")).collect()
}

/// One round of asking and answering for each of these.
fn answers(these: &[&str]) -> Vec<Step> {
    let round = |answer: &&str| [Step::ReadHead, send(answer)];
    these.iter().flat_map(round).collect()
}

/// A client that adds Host and User-Agent, and no codings.
fn plain() -> ClientBuilder {
    Client::builder().decode(false)
}

fn head(ask: impl FnOnce(&Client, &str) -> Request, client: ClientBuilder) -> String {
    let raw = Raw::answer(OK);
    soon(ask(&client.build(), &raw.url("/")).send()).unwrap();
    heads(&raw).remove(0)
}

#[test]
fn fields_go_as_they_are_spelled_and_in_their_order() {
    let table: [(fn(&Client, &str) -> Request, &str); 6] = [
        (
            |client, url| {
                client
                    .get(url)
                    .header_as("SOAPAction", "a")
                    .header_as("X-ApiKey", "b")
            },
            "GET / HTTP/1.1|host: SERVER|SOAPAction: a|X-ApiKey: b|user-agent: US|accept-encoding: CODINGS",
        ),
        // Interleaved, and twice spelled; with those that are not spelled in between.
        (
            |client, url| {
                let call = client
                    .get(url)
                    .header("B", "1")
                    .header_as("X-a", "2")
                    .header("b", "3");
                call.header_as("x-A", "4")
                    .header("c", "5")
                    .header_as("X-a", "6")
            },
            "GET / HTTP/1.1|host: SERVER|b: 1|X-a: 2|b: 3|x-A: 4|c: 5|X-a: 6|user-agent: US|accept-encoding: CODINGS",
        ),
        // Host too has its place, and what evhttp would add.
        (
            |client, url| {
                let call = client
                    .get(url)
                    .header_as("User-Agent", "me")
                    .header_as("Accept-Encoding", "identity");
                call.header_as("HOST", "a.example")
                    .header_as("Accept", "*/*")
            },
            "GET / HTTP/1.1|User-Agent: me|Accept-Encoding: identity|HOST: a.example|Accept: */*",
        ),
        (
            |client, url| {
                let call = client
                    .post(url)
                    .header_as("Content-Length", "4")
                    .header_as("Content-Type", "a/b");
                call.body("body")
            },
            "POST / HTTP/1.1|host: SERVER|Content-Length: 4|Content-Type: a/b|user-agent: US|accept-encoding: CODINGS",
        ),
        (
            |client, url| {
                client
                    .post(url)
                    .header_as("X-B", "1")
                    .form([("a", "b")])
                    .header_as("Content-MD5", "x")
            },
            "POST / HTTP/1.1|host: SERVER|X-B: 1|content-type: application/x-www-form-urlencoded|Content-MD5: x|\
             user-agent: US|accept-encoding: CODINGS|content-length: 3",
        ),
        // Lower case is what nobody has asked to change.
        (
            |client, url| {
                client
                    .get(url)
                    .header("X-ApiKey", "a")
                    .header("Accept", "*/*")
            },
            "GET / HTTP/1.1|host: SERVER|user-agent: US|x-apikey: a|accept: */*|accept-encoding: CODINGS",
        ),
    ];
    for (ask, expected) in table {
        let head = head(ask, Client::builder());
        let (before, after) = expected.split_once("CODINGS").unwrap_or((expected, ""));
        assert!(
            head.starts_with(before) && head.ends_with(after),
            "{head}\n{expected}"
        );
    }
}

#[test]
fn title_case_is_for_all_that_is_not_spelled() {
    let raw = Raw::serve(vec![
        Step::ReadHead,
        Step::ReadBody(4),
        send(
            "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"r\"\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n",
        ),
        Step::ReadHead,
        send(OK),
    ]);
    let client = plain().title_case(true).cookies(true);
    let client = client
        .header_as("x-usual", "1")
        .credentials(raw.url("/"), "ada", "s3cret")
        .build();
    let call = client
        .post(raw.url("/"))
        .header("x-own", "2")
        .header_as("sPELLED", "3");
    soon(call.body("body").send()).unwrap();
    let first = "POST / HTTP/1.1|Host: SERVER|X-Own: 2|sPELLED: 3|x-usual: 1|User-Agent: US";
    let heads = heads(&raw);
    assert_eq!(heads[0], format!("{first}|Content-Length: 4"));
    let again = heads[1].strip_prefix("body").unwrap();
    let rest = again.strip_prefix(&format!("{first}|")).unwrap();
    let mut rest: Vec<&str> = rest.split('|').collect();
    rest.sort();
    let shown = [
        "Authorization: Basic YWRhOnMzY3JldA==",
        "Content-Length: 4",
        "Cookie: a=b",
    ];
    assert_eq!(rest, shown, "an answer to a challenge is spelled alike");
}

#[test]
fn a_redirect_keeps_the_spelling_of_what_goes_along() {
    let there = Raw::serve(answers(&[OK]));
    let moved = |to: &str| format!("HTTP/1.1 307 T\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
    let here = Raw::serve(answers(&[&moved("/b"), &moved(&there.url("/c"))]));
    let call = plain().build().get(here.url("/a"));
    let call = call
        .header_as("AUTHORIZATION", "x")
        .header_as("X-Mine", "1")
        .header_as("Host", "b.example");
    soon(
        call.header_as("COOKIE", "c=d")
            .header_as("X-Mine", "2")
            .send(),
    )
    .unwrap();
    let rest = "|AUTHORIZATION: x|X-Mine: 1|Host: b.example|COOKIE: c=d|X-Mine: 2|user-agent: US";
    assert_eq!(
        heads(&here),
        [
            format!("GET /a HTTP/1.1{rest}"),
            format!("GET /b HTTP/1.1{rest}")
        ]
    );
    // To another origin go neither secrets nor the old Host; the new one stands where the old one stood.
    let there = heads(&there);
    assert_eq!(
        there,
        ["GET /c HTTP/1.1|X-Mine: 1|Host: SERVER|X-Mine: 2|user-agent: US"]
    );
}

#[test]
fn a_second_attempt_is_spelled_alike() {
    let busy = "HTTP/1.1 503 No\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n";
    let ending = [answers(&[busy]), vec![Step::ReadHead, Step::Close]].concat();
    let raw = Raw::serve_each(vec![ending, answers(&[OK])]);
    let client = plain().retries(1).build();
    soon(client.get(raw.url("/")).header_as("X-Mine", "1").send()).unwrap();
    // By a policy, and once more because the kept connection ended.
    let each = "GET / HTTP/1.1|host: SERVER|X-Mine: 1|user-agent: US";
    assert_eq!(heads(&raw), [each; 3]);
}

/// Takes one field out, changes another, adds to a third.
struct Meddler;

impl Layer for Meddler {
    fn send(self: Rc<Self>, mut call: Call, next: Next) -> Answer {
        let fields = &mut call.headers;
        fields.remove("x-out");
        fields.insert("x-changed", HeaderValue::from_static("by me"));
        fields.append("x-more", HeaderValue::from_static("2"));
        fields.insert(ACCEPT, HeaderValue::from_static("*/*"));
        next.send(call)
    }
}

#[test]
fn what_a_layer_does_to_fields_counts() {
    let client = plain().layer(Meddler);
    let ask = |client: &Client, url: &str| {
        let call = client
            .get(url)
            .header_as("X-More", "1")
            .header_as("X-Out", "s3cret");
        call.header_as("X-Changed", "by you")
            .header_as("X-Changed", "twice")
    };
    let expected = "GET / HTTP/1.1|host: SERVER|X-More: 1|X-Changed: by me|user-agent: US|X-More: 2|accept: */*";
    assert_eq!(head(ask, client), expected);
}

#[test]
fn names_and_values_are_checked_as_ever() {
    for (name, value) in [
        ("X\r\nA", "b"),
        ("X", "a\r\nB: c"),
        ("", "b"),
        ("X Y", "b"),
        ("X:", "b"),
        ("X", "\0"),
    ] {
        let raw = Raw::answer(OK);
        let spelled = soon(
            Client::new()
                .get(raw.url("/"))
                .header_as(name, value)
                .send(),
        );
        let unspelled = soon(Client::new().get(raw.url("/")).header(name, value).send());
        let usual = soon(
            Client::builder()
                .header_as(name, value)
                .build()
                .fetch(raw.url("/")),
        );
        let line = unspelled.unwrap_err().to_string();
        assert!(line.ends_with("can't be sent: bad name or value"), "{line}");
        assert_eq!(spelled.unwrap_err().to_string(), line);
        assert_eq!(
            usual.unwrap_err().to_string(),
            line.replace(&format!(" {}", raw.url("/")), "")
        );
        assert!(raw.seen().is_empty());
    }
    // What contradicts the body does so in any spelling.
    let raw = Raw::answer(OK);
    let call = Client::new()
        .post(raw.url("/"))
        .header_as("Content-LENGTH", "5");
    assert!(soon(call.body("body").send()).is_err());
}

#[test]
fn a_proxy_sees_the_same_letters() {
    let raw = Raw::serve_each(vec![answers(&[OK]), vec![Step::ReadHead, Step::Close]]);
    let proxies = || Proxies::all(format!("http://{}", raw.address()).parse().unwrap());
    let client = plain().title_case(true).proxies(proxies()).build();
    soon(
        client
            .get("http://a.example/x")
            .header_as("X-a", "1")
            .send(),
    )
    .unwrap();
    soon(
        client
            .get("https://a.example/x")
            .header_as("X-a", "1")
            .send(),
    )
    .unwrap_err();
    let heads = heads(&raw);
    assert_eq!(
        heads[0],
        "GET http://a.example/x HTTP/1.1|Host: a.example|X-a: 1|User-Agent: US"
    );
    assert_eq!(
        heads[1],
        "CONNECT a.example:443 HTTP/1.1|Host: a.example:443"
    );
}

#[test]
fn an_archive_has_names_as_they_were_sent() {
    let raw = Raw::answer(OK);
    let recorder = Recorder::new().bodies(100);
    let client = Client::builder()
        .title_case(true)
        .wire_layer(recorder.clone())
        .build();
    let call = client
        .post(raw.url("/"))
        .header_as("X-bA", "1")
        .header_as("content-TYPE", "a/b");
    soon(call.body("body").send()).unwrap();
    let archive: serde_json::Value = serde_json::from_str(&recorder.to_json()).unwrap();
    let request = &archive["log"]["entries"][0]["request"];
    let names = request["headers"].as_array().unwrap().iter();
    let names: Vec<&str> = names.map(|pair| pair["name"].as_str().unwrap()).collect();
    assert_eq!(names[..4], ["Host", "X-bA", "content-TYPE", "User-Agent"]);
    assert_eq!(request["postData"]["mimeType"], "a/b");
}
