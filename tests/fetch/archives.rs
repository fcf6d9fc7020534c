//! Archives of calls: that they are HAR 1.2, judged by its tables of fields written down here once more, and that they
//! tell what happened.

use std::io::Write;
use std::time::Duration;

use bed::raw::{Raw, Step, send};
use bed::tls::TlsServer;
use evcore::{ms, run, sleep};
use evhttp::evtls::Connector;
use evhttp::har::Recorder;
use evhttp::{Client, Phase, SENT};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::OK;

type Check = fn(&Value) -> bool;

const TEXT: Check = Value::is_string;
const NUMBER: Check = Value::is_number;
const OBJECT: Check = Value::is_object;
const SIZE: Check = |value| value.as_i64().is_some_and(|size| size >= -1);
const TIME: Check = |value| {
    value
        .as_f64()
        .is_some_and(|time| time >= 0.0 || time == -1.0)
};
const PAIRS: Check = |value| {
    let named = |pair: &Value| pair["name"].is_string() && pair["value"].is_string();
    value.as_array().is_some_and(|all| all.iter().all(named))
};
/// `YYYY-MM-DDThh:mm:ss.sTZD`
const DATE: Check = |value| {
    let text = value.as_str().unwrap_or_default().as_bytes();
    let punctuation = [
        (4, b'-'),
        (7, b'-'),
        (10, b'T'),
        (13, b':'),
        (16, b':'),
        (19, b'.'),
        (23, b'Z'),
    ];
    text.len() == 24 && punctuation.iter().all(|(at, mark)| text[*at] == *mark)
};

/// Field, check, and whether it has to be there: the tables of
/// <http://www.softwareishard.com/blog/har-12-spec/>.
type Table = &'static [(&'static str, Check, bool)];

const ENTRY: Table = &[
    ("startedDateTime", DATE, true),
    ("time", TIME, true),
    ("request", OBJECT, true),
    ("response", OBJECT, true),
    ("cache", OBJECT, true),
    ("timings", OBJECT, true),
    ("serverIPAddress", TEXT, false),
    ("connection", TEXT, false),
    ("comment", TEXT, false),
];
const REQUEST: Table = &[
    ("method", TEXT, true),
    ("url", TEXT, true),
    ("httpVersion", TEXT, true),
    ("cookies", PAIRS, true),
    ("headers", PAIRS, true),
    ("queryString", PAIRS, true),
    ("postData", OBJECT, false),
    ("headersSize", SIZE, true),
    ("bodySize", SIZE, true),
];
const POSTED: Table = &[
    ("mimeType", TEXT, true),
    ("params", PAIRS, true),
    ("text", TEXT, true),
    ("encoding", TEXT, false),
];
const RESPONSE: Table = &[
    ("status", NUMBER, true),
    ("statusText", TEXT, true),
    ("httpVersion", TEXT, true),
    ("cookies", PAIRS, true),
    ("headers", PAIRS, true),
    ("content", OBJECT, true),
    ("redirectURL", TEXT, true),
    ("headersSize", SIZE, true),
    ("bodySize", SIZE, true),
    ("_error", TEXT, false),
];
const CONTENT: Table = &[
    ("size", NUMBER, true),
    ("compression", NUMBER, false),
    ("mimeType", TEXT, true),
    ("text", TEXT, false),
    ("encoding", TEXT, false),
];
const TIMINGS: Table = &[
    ("blocked", TIME, false),
    ("dns", TIME, false),
    ("connect", TIME, false),
    ("ssl", TIME, false),
    ("send", |value| TIME(value) && value != -1.0, true),
    ("wait", |value| TIME(value) && value != -1.0, true),
    ("receive", |value| TIME(value) && value != -1.0, true),
];

/// What is wrong with an object, by its table.
fn faults(object: &Value, table: Table) -> Vec<String> {
    let mut faults = Vec::new();
    for (field, check, required) in table {
        match object.get(field) {
            Some(value) if !check(value) => faults.push(format!("{field}: {value}")),
            None if *required => faults.push(format!("{field} is missing")),
            _ => {}
        }
    }
    let known = |name: &String| table.iter().any(|(field, ..)| field == name);
    let unknown = object
        .as_object()
        .into_iter()
        .flat_map(|object| object.keys());
    faults.extend(
        unknown
            .filter(|name| !known(name))
            .map(|name| format!("{name} is unknown")),
    );
    faults
}

/// The entries of an archive that is one.
fn entries(recorder: &Recorder) -> Vec<Value> {
    let archive: Value = serde_json::from_str(&recorder.to_json()).unwrap();
    let log = &archive["log"];
    assert_eq!(log["version"], "1.2");
    assert!(log["creator"]["name"].is_string() && log["creator"]["version"].is_string());
    let entries = log["entries"].as_array().unwrap().clone();
    for entry in &entries {
        let (request, response) = (&entry["request"], &entry["response"]);
        let mut wrong = faults(entry, ENTRY);
        wrong.extend(faults(request, REQUEST));
        wrong.extend(
            request
                .get("postData")
                .map_or(Vec::new(), |posted| faults(posted, POSTED)),
        );
        wrong.extend(faults(response, RESPONSE));
        wrong.extend(faults(&response["content"], CONTENT));
        wrong.extend(faults(&entry["timings"], TIMINGS));
        assert!(wrong.is_empty(), "{wrong:?} in {entry:#}");
        // "time" is the sum of the timings but for "ssl", which "connect" includes.
        let timings = entry["timings"].as_object().unwrap();
        let counted = timings.iter().filter(|(name, _)| *name != "ssl");
        let sum: f64 = counted
            .map(|(_, time)| time.as_f64().unwrap().max(0.0))
            .sum();
        assert!(
            (sum - entry["time"].as_f64().unwrap()).abs() < 0.01,
            "{entry:#}"
        );
    }
    let began = |entry: &Value| entry["startedDateTime"].as_str().unwrap().to_owned();
    assert!(entries.is_sorted_by_key(began));
    entries
}

fn field<'a>(message: &'a Value, name: &str) -> Option<&'a str> {
    let fields = message["headers"].as_array().unwrap();
    let found = fields.iter().find(|field| field["name"] == name)?;
    found["value"].as_str()
}

#[test]
fn the_judge_finds_what_is_missing() {
    let recorder = Recorder::new();
    let client = Client::builder().wire_layer(recorder.clone()).build();
    run(client.fetch(Raw::answer(OK).url("/"))).unwrap();
    let mut entry = entries(&recorder).remove(0);
    entry["startedDateTime"] = "yesterday".into();
    entry["context"] = 1.into();
    entry.as_object_mut().unwrap().remove("cache");
    let expected = [
        "startedDateTime: \"yesterday\"",
        "cache is missing",
        "context is unknown",
    ];
    assert_eq!(faults(&entry, ENTRY), expected);
}

/// gzip, 302, 401 and 200 in one call, with a body that goes along and a cookie.
fn story(recorder: Recorder) -> Vec<Value> {
    let mut coded = GzEncoder::new(Vec::new(), Compression::best());
    coded.write_all("hello, ".repeat(100).as_bytes()).unwrap();
    let coded = coded.finish().unwrap();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        coded.len()
    );
    let steps = vec![
        Step::Read(1),
        Step::ReadHead,
        send(
            "HTTP/1.1 307 Go\r\nLocation: /new?c=d\r\nSet-Cookie: id=s3ssion; Path=/\r\nContent-Length: 0\r\n\r\n",
        ),
        Step::ReadHead,
        send(
            "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"r\"\r\nContent-Length: 2\r\n\r\nno",
        ),
        Step::ReadHead,
        Step::Send([head.as_bytes(), &coded].concat()),
    ];
    let raw = Raw::serve(steps);
    let client = Client::builder()
        .wire_layer(recorder.clone())
        .cookies(true)
        .build();
    let url = raw
        .url("/old?a=b%20c#d")
        .replace("http://", "http://ada:hunter2@");
    let page = run(client
        .put(url)
        .header("content-type", "text/x")
        .body("sent")
        .send())
    .unwrap();
    assert_eq!(page.text().unwrap().len(), 700);
    let entries = entries(&recorder);
    let statuses: Vec<_> = entries
        .iter()
        .map(|e| e["response"]["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [307, 401, 200]);
    assert_eq!(entries[0]["request"]["url"], raw.url("/old?a=b%20c"));
    assert_eq!(
        field(&entries[0]["request"], "host"),
        Some(&*raw.address().to_string())
    );
    assert_eq!(entries[2]["response"]["bodySize"], coded.len());
    entries
}

#[test]
fn every_hop_has_an_entry_and_secrets_are_left_out() {
    let recorder = Recorder::new().bodies(1_000);
    let entries = story(recorder.clone());
    let text = recorder.to_json();
    for secret in ["hunter2", "s3ssion", "YWRhOmh1bnRlcjI"] {
        assert!(!text.contains(secret), "{secret}");
    }
    let [first, refused, last] = &entries[..] else {
        panic!()
    };
    assert_eq!(first["request"]["queryString"][0]["value"], "b c");
    assert_eq!(first["request"]["postData"]["text"], "sent");
    assert_eq!(first["request"]["postData"]["mimeType"], "text/x");
    assert_eq!(first["response"]["redirectURL"], "/new?c=d");
    assert_eq!(first["response"]["statusText"], "Go");
    assert_eq!(field(&first["response"], "set-cookie"), Some("..."));
    assert_eq!(refused["response"]["content"]["text"], "no");
    assert_eq!(field(&last["request"], "authorization"), Some("..."));
    let content = &last["response"]["content"];
    assert_eq!(
        (
            content["size"].as_u64(),
            content["text"].as_str().map(str::len)
        ),
        (Some(700), Some(700))
    );
    assert_eq!(
        content["compression"],
        700 - last["response"]["bodySize"].as_i64().unwrap()
    );
    // One connection for all three: made once.
    let connections: Vec<_> = entries
        .iter()
        .map(|e| e["connection"].as_str().unwrap())
        .collect();
    assert_eq!(connections, ["1", "1", "1"]);
    assert_ne!(first["timings"]["connect"], -1.0);
    assert_eq!(
        (&last["timings"]["connect"], &last["timings"]["dns"]),
        (&(-1.0).into(), &(-1.0).into())
    );
    assert_eq!(first["serverIPAddress"], "127.0.0.1");
}

#[test]
fn secrets_and_bodies_are_a_choice() {
    let entries = story(Recorder::new().secrets(true));
    let [first, _, last] = &entries[..] else {
        panic!()
    };
    assert_eq!(first["response"]["cookies"][0]["value"], "s3ssion");
    assert_eq!(last["request"]["cookies"][0]["name"], "id");
    assert!(
        field(&last["request"], "authorization")
            .unwrap()
            .starts_with("Basic ")
    );
    assert!(first["request"].get("postData").is_none());
    assert_eq!(first["request"]["bodySize"], 4);
    assert!(last["response"]["content"].get("text").is_none());
}

#[test]
fn what_fails_or_is_given_up_has_an_entry_too() {
    let recorder = Recorder::new().bodies(10);
    let client = Client::builder().wire_layer(recorder.clone()).build();
    let closed = Raw::serve(vec![Step::ReadHead, Step::Close]);
    let line = run(client.fetch(closed.url("/?a=b")))
        .unwrap_err()
        .to_string();
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n\xff\xfe".to_vec();
    let cut = Raw::serve(vec![Step::ReadHead, Step::Send(half), Step::Close]);
    run(client.fetch(cut.url("/"))).unwrap_err();
    let mute = Raw::serve(vec![Step::ReadHead, Step::Pause(Duration::from_secs(60))]);
    let given_up = client.get(mute.url("/")).send();
    let stopped = given_up.clone();
    let stop = move |_: &_| {
        let stopped = stopped.clone();
        _ = sleep(ms(1)).then(move |()| stopped.cancel());
    };
    run(given_up.on(SENT, stop)).unwrap_err();
    let entries = entries(&recorder);
    let [nothing, part, given_up] = &entries[..] else {
        panic!("{entries:#?}")
    };
    assert_eq!(
        (&nothing["response"]["status"], &nothing["comment"]),
        (&0.into(), &line.as_str().into())
    );
    assert_eq!(part["response"]["status"], 200);
    let content = &part["response"]["content"];
    assert_eq!(
        (&content["text"], &content["encoding"]),
        (&"//4=".into(), &"base64".into())
    );
    assert!(
        part["comment"]
            .as_str()
            .unwrap()
            .contains("after 2 of 9 bytes"),
        "{part:#}"
    );
    assert_eq!(given_up["response"]["_error"], "given up");
    assert!(
        given_up["timings"]["wait"].as_f64().unwrap() > 0.0,
        "{given_up:#}"
    );
}

#[test]
fn a_session_has_its_time() {
    let authority = bed::Authority::new();
    let body = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\u{ff}";
    let server = TlsServer::answer(authority.issue(&["a.example"]).server(), body);
    let tls = Connector::builder()
        .only_own_roots()
        .root_certificates(authority.pem());
    let recorder = Recorder::new().bodies(10);
    let client = Client::builder()
        .wire_layer(recorder.clone())
        .tls(tls.build().unwrap())
        .resolve("a.example", server.address())
        .time_limit(Phase::Secure, Duration::from_secs(60))
        .build();
    run(client.fetch(server.url("a.example", "/"))).unwrap();
    run(client.fetch(server.url("a.example", "/"))).unwrap();
    let entries = entries(&recorder);
    let ssl = |entry: &Value| entry["timings"]["ssl"].as_f64().unwrap();
    assert!(
        ssl(&entries[0]) > 0.0
            && ssl(&entries[0]) <= entries[0]["timings"]["connect"].as_f64().unwrap()
    );
    assert_eq!(ssl(&entries[1]), -1.0);
}
