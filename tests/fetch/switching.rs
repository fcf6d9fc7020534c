//! A change of protocol as a client sees it: what it asks, what it takes for an answer, and whose the connection is then.

use std::cell::RefCell;
use std::rc::Rc;

use bed::raw::{Raw, Step, send};
use evcore::{Kind, Promise, run, sleep};
use evhttp::har::Recorder;
use evhttp::{Client, CookieJar, ErrorKind, HEAD, Response, fetch, get, post};

use crate::{LIMIT, OK, SECOND, listing, soon};

const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: upgrade\r\n";

/// Agrees, says hello in the same breath, and says it once more when it has heard five bytes.
fn agreeing() -> Raw {
    Raw::serve(agree())
}

fn agree() -> Vec<Step> {
    vec![
        Step::ReadHead,
        send(&format!("{AGREED}\r\nhello")),
        Step::Read(5),
        send("again"),
    ]
}

fn asked(raw: &Raw) -> Promise<Response> {
    get(raw.url("/")).upgrade("chat").send()
}

fn kind(error: &evcore::Error) -> &ErrorKind {
    error.downcast_ref::<evhttp::Error>().unwrap().kind()
}

#[test]
fn both_fields_are_sent_and_what_came_with_the_head_is_read_first() {
    let raw = agreeing();
    let page = soon(asked(&raw)).unwrap();
    assert_eq!(page.status(), 101);
    assert_eq!(page.bytes().unwrap(), "", "a 101 has no body");
    let stream = page.upgrade().unwrap();
    assert_eq!(soon(stream.read(2)).unwrap(), b"he");
    assert_eq!(soon(stream.read(100)).unwrap(), b"llo");
    stream.write_all("there");
    assert_eq!(soon(stream.read_exact(5)).unwrap(), b"again");
    assert_eq!(
        format!("{stream:?}"),
        format!("Upgraded({})", raw.address())
    );
    drop((stream, page));
    run(sleep(SECOND / 100)).unwrap();
    assert!(raw.closed_by_client(1, LIMIT));
    let seen = raw.seen()[0].text();
    let head = seen.strip_suffix("there").unwrap();
    assert_eq!(head.matches("\r\nupgrade: chat\r\n").count(), 1, "{head}");
    assert_eq!(
        head.matches("\r\nconnection: upgrade\r\n").count(),
        1,
        "{head}"
    );
}

#[test]
fn fields_set_by_hand_mean_the_same_and_are_not_doubled() {
    let requests: [fn(&str) -> evhttp::Request; 3] = [
        |url| get(url).header("Upgrade", "chat"),
        |url| {
            get(url)
                .header("upgrade", "chat")
                .header("connection", "Upgrade")
        },
        |url| {
            get(url)
                .upgrade("other, CHAT")
                .header("connection", "keep-alive, upgrade")
        },
    ];
    for (n, request) in requests.into_iter().enumerate() {
        let raw = agreeing();
        let stream = soon(request(&raw.url("/")).send())
            .unwrap()
            .upgrade()
            .unwrap();
        assert_eq!(soon(stream.read_exact(5)).unwrap(), b"hello");
        let head = raw.seen()[0].text().to_lowercase();
        let fields = head.lines().filter(|line| line.starts_with("connection: "));
        assert!(
            fields.clone().count() == 1 && fields.clone().all(|field| field.ends_with("upgrade")),
            "{n}: {head}"
        );
    }
    let line = soon(get("http://a.example/").upgrade(" ").send()).unwrap_err();
    assert_eq!(
        line.to_string(),
        "request http://a.example/: an upgrade needs the name of a protocol"
    );
}

#[test]
fn any_other_answer_is_a_response_and_no_stream() {
    let raw = Raw::answer(OK);
    let client = Client::new();
    for _ in 0..2 {
        let page = soon(client.get(raw.url("/?a")).upgrade("chat").send()).unwrap();
        assert_eq!(page.text().unwrap(), "ok");
        let error = page.upgrade().unwrap_err();
        assert!(matches!(kind(&error), ErrorKind::NotSwitched(status) if *status == 200));
        assert_eq!(
            error.to_string(),
            format!(
                "head {}?...: the server answered 200 OK instead of switching protocols",
                raw.url("/")
            )
        );
    }
    assert_eq!(raw.seen().len(), 1, "and its connection is kept");
}

#[test]
fn a_stream_is_taken_once() {
    let raw = agreeing();
    let page = soon(asked(&raw)).unwrap();
    let _stream = page.upgrade().unwrap();
    let error = page.upgrade().unwrap_err();
    assert!(matches!(kind(&error), ErrorKind::StreamTaken));
    assert_eq!(
        error.to_string(),
        format!("head {}: the stream has been taken already", raw.url("/"))
    );
}

#[test]
fn a_response_that_is_dropped_closes_its_connection() {
    let raw = agreeing();
    for streamed in [false, true] {
        let request = get(raw.url("/")).upgrade("chat");
        let call = if streamed {
            request.stream()
        } else {
            request.send()
        };
        let page = soon(call).unwrap();
        let copy = page.clone();
        drop(page);
        run(sleep(SECOND / 20)).unwrap();
        let so_far = usize::from(streamed);
        assert_eq!(
            raw.seen()
                .iter()
                .filter(|seen| seen.ended.is_some())
                .count(),
            so_far
        );
        drop(copy);
        run(sleep(SECOND / 100)).unwrap();
        assert!(raw.closed_by_client(so_far + 1, LIMIT), "{streamed}");
    }
}

#[test]
fn a_call_given_up_while_it_waits_closes_its_connection() {
    let raw = Raw::serve(vec![Step::ReadHead]);
    let call = asked(&raw);
    let ended = run({
        let call = call.clone();
        async move {
            sleep(SECOND / 20).await?;
            call.cancel();
            call.settled(|outcome| outcome.as_ref().unwrap_err().kind())
                .await
        }
    });
    assert_eq!(ended.unwrap(), Kind::Cancelled);
    assert!(raw.closed_by_client(1, LIMIT));
}

#[test]
fn the_place_of_the_connection_is_free_at_once() {
    let raw = Raw::serve_each(vec![agree(), crate::rounds(2)]);
    let client = Client::builder()
        .connections(1)
        .connections_in_all(1)
        .build();
    let url = raw.url("/");
    let stream = soon(client.get(&url).upgrade("chat").send())
        .unwrap()
        .upgrade()
        .unwrap();
    for _ in 0..2 {
        let page = soon(client.get(&url).deadline(20 * SECOND).send()).unwrap();
        assert_eq!(page.text().unwrap(), "ok");
    }
    assert_eq!(
        raw.seen().len(),
        2,
        "an upgraded connection carries no other call"
    );
    // Nor does it need its client.
    drop(client);
    stream.write_all("there");
    assert_eq!(soon(stream.read_exact(10)).unwrap(), b"helloagain");
}

#[test]
fn limits_of_time_end_with_the_head() {
    let raw = agreeing();
    let short = SECOND / 2;
    let page = soon(
        get(raw.url("/"))
            .upgrade("chat")
            .deadline(short)
            .stall_limit(short)
            .stream(),
    );
    let page = page.unwrap();
    let stream = page.upgrade().unwrap();
    run(sleep(short + SECOND / 5)).unwrap();
    stream.write_all("there");
    assert_eq!(soon(stream.read_exact(10)).unwrap(), b"helloagain");
    assert_eq!(raw.seen()[0].ended, None);
    // Until then they hold.
    let silent = Raw::serve(vec![Step::ReadHead]);
    let error = soon(
        get(silent.url("/"))
            .upgrade("chat")
            .deadline(SECOND / 20)
            .send(),
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("head {}: timed out after 50ms", silent.url("/"))
    );
}

#[test]
fn a_challenge_comes_first_and_a_redirect_and_a_second_attempt() {
    let who =
        "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"r\"\r\nContent-Length: 2\r\n\r\nno";
    let gone = "HTTP/1.1 307 Go\r\nLocation: /there\r\nContent-Length: 2\r\n\r\ngo";
    let busy = "HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n";
    let script = [who, gone, busy].map(|answer| [Step::ReadHead, send(answer)]);
    let raw = Raw::serve(script.into_iter().flatten().chain(agree()).collect());
    let (heads, add) = listing();
    let request = get(raw.url("/"))
        .upgrade("chat")
        .credentials("ada", "s3cret")
        .retries(1);
    let call = request
        .send()
        .on(HEAD, move |head| add(&head.status.as_u16()));
    let page = soon(call).unwrap();
    assert_eq!(page.url().unwrap().path(), "/there");
    assert_eq!(page.previous().unwrap().status(), 307);
    let stream = page.upgrade().unwrap();
    assert_eq!(soon(stream.read_exact(5)).unwrap(), b"hello");
    assert_eq!(*heads.borrow(), [101]);
    let seen = raw.seen();
    assert_eq!(seen.len(), 1, "one connection for all of it");
    assert_eq!(seen[0].text().matches("\r\nupgrade: chat\r\n").count(), 4);
}

#[test]
fn cookies_of_a_101_are_kept_and_an_archive_has_it() {
    let head = format!("{AGREED}Set-Cookie: a=1\r\nContent-Encoding: gzip\r\n\r\nhello");
    let raw = Raw::serve(vec![Step::ReadHead, send(&head)]);
    let (jar, recorder) = (CookieJar::new(), Recorder::new());
    let client = Client::builder()
        .cookie_jar(jar.clone())
        .wire_layer(recorder.clone())
        .build();
    let page = soon(client.get(raw.url("/")).upgrade("chat").send()).unwrap();
    // A coding would be that of a body; the stream is as it comes.
    assert_eq!(soon(page.upgrade().unwrap().read(100)).unwrap(), b"hello");
    assert!(jar.to_text().contains("\ta\t1"), "{}", jar.to_text());
    let archive: serde_json::Value = serde_json::from_str(&recorder.to_json()).unwrap();
    let entries = archive["log"]["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["response"]["status"], 101);
    assert_eq!(entries[0]["response"]["content"]["size"], 0);
}

#[test]
fn a_server_that_switches_otherwise_is_an_error() {
    let head = |upgrade: &str| format!("HTTP/1.1 101 Go\r\n{upgrade}\r\nhello");
    let table = [
        (
            head("Upgrade: other\r\n"),
            "the server switched to another protocol than it was asked to",
        ),
        (
            head("Upgrade: chat, other\r\n"),
            "the server switched to another protocol than it was asked to",
        ),
        (
            head(""),
            "the server switched to another protocol than it was asked to",
        ),
    ];
    for (answer, why) in table {
        let raw = Raw::serve(vec![Step::ReadHead, send(&answer)]);
        let error = soon(asked(&raw)).unwrap_err();
        assert_eq!(error.to_string(), format!("head {}: {why}", raw.url("/")));
        assert!(raw.closed_by_client(1, LIMIT), "{answer}");
    }
    // Nobody has asked.
    let raw = agreeing();
    let line = soon(fetch(raw.url("/"))).unwrap_err().to_string();
    assert!(
        line.ends_with("the server switched protocols without being asked to"),
        "{line}"
    );
}

#[test]
fn a_body_goes_out_before_the_protocol_changes() {
    let script = vec![
        Step::ReadHead,
        Step::ReadBody(4),
        send(&format!("{AGREED}\r\nhello")),
    ];
    let raw = Raw::serve(script);
    let page = soon(post(raw.url("/")).upgrade("chat").body("body").send()).unwrap();
    assert_eq!(soon(page.upgrade().unwrap().read(100)).unwrap(), b"hello");

    // A server that does not wait for all of it would read the rest as the other protocol's.
    let flood = Step::SendForEver(vec![0; 1_000]);
    let raw = Raw::serve(vec![Step::ReadHead, send(&format!("{AGREED}\r\n")), flood]);
    let line = soon(
        post(raw.url("/"))
            .upgrade("chat")
            .body(vec![0; 40_000_000])
            .send(),
    )
    .unwrap_err();
    assert_eq!(
        line.to_string(),
        format!(
            "head {}: the server switched protocols before it had the whole request",
            raw.url("/")
        )
    );
    assert!(raw.closed_by_client(1, LIMIT));
}

#[test]
fn promised_operations_keep_their_order() {
    let raw = Raw::serve(vec![
        Step::ReadHead,
        send(&format!("{AGREED}\r\n0123")),
        Step::Read(6),
        send("456789"),
    ]);
    let stream = soon(asked(&raw)).unwrap().upgrade().unwrap();
    let heard = Rc::new(RefCell::new(Vec::new()));
    let reads = [1, 2, 3].map(|length| {
        let heard = heard.clone();
        stream
            .read_exact(length)
            .then(move |bytes| heard.borrow_mut().push(bytes.clone()))
    });
    // The middle one is given up: it takes nothing, and holds nobody up.
    let middle = stream.read_exact(50);
    let last = stream.read_exact(4);
    // They all wait when it comes: nobody could be first by being asked for late.
    run(sleep(SECOND / 100)).unwrap();
    middle.cancel();
    let writes = ["a", "bc", "def"].map(|text| stream.write_all(text));
    soon(Promise::all(writes)).unwrap();
    soon(Promise::all(reads)).unwrap();
    assert_eq!(
        *heard.borrow(),
        [b"0".to_vec(), b"12".to_vec(), b"345".to_vec()]
    );
    assert_eq!(soon(last).unwrap(), b"6789");
    assert_eq!(soon(middle).unwrap_err().kind(), Kind::Cancelled);
    soon(stream.shutdown()).unwrap();
    assert!(raw.closed_by_client(1, LIMIT));
    assert!(raw.seen()[0].text().ends_with("\r\n\r\nabcdef"));
    // Only this side was ended.
    let error = soon(stream.write_all("x")).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("write to {}: ", raw.address())),
        "{error}"
    );
    assert_eq!(
        soon(stream.read(9)).unwrap(),
        b"",
        "the server has closed in turn"
    );
    let error = soon(stream.read_exact(9)).unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "read from {}: the stream ended after 0 of 9 bytes",
            raw.address()
        )
    );
}
