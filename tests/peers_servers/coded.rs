//! Content as gzip, zstd and pzstd pack it, joined and spoiled: what it unpacks to, or the line; and what curl makes of the same.

use std::time::Duration;

use bed::Raw;
use bed::command::{curl, run as command};
use bed::raw::{Step, send};
use evcore::run;
use evhttp::Client;

/// One content: its coding, the commands that write it, what we make of it, and what curl 7.88 does (its text or exit code).
/// curl takes what follows a first gzip member for a fault, though RFC 1952 §2.2 allows it, and content that is cut
/// off for whole. We do as gzip itself.
struct Row {
    coding: &'static str,
    made_by: &'static str,
    ours: &'static str,
    curls: &'static str,
}

const fn row(
    coding: &'static str,
    made_by: &'static str,
    ours: &'static str,
    curls: &'static str,
) -> Row {
    Row {
        coding,
        made_by,
        ours,
        curls,
    }
}

/// Eight bytes that say that four more are to be passed over, and those.
const SKIPPABLE: &str = r"printf '\120\052\115\030\004\000\000\000abcd'";

const ROWS: &[Row] = &[
    row("gzip", "printf one | gzip", "one", "one"),
    row(
        "gzip",
        "printf one >/tmp/$$.txt; gzip -N -c /tmp/$$.txt; rm /tmp/$$.txt",
        "one",
        "one",
    ),
    row(
        "gzip",
        "printf 'one ' | gzip; printf two | gzip",
        "one two",
        "23",
    ),
    row("gzip", r"printf one | gzip; printf '\0\0\0\0'", "one", "23"),
    row("gzip", "printf one | gzip; printf garbage", "one", "23"),
    row("gzip", "printf one | gzip | head -c 20", CUT, "one"),
    row("zstd", "printf one | zstd -c", "one", "one"),
    row(
        "zstd",
        "printf 'one ' | zstd -c; printf two | zstd -c",
        "one two",
        "one two",
    ),
    row("zstd", "SKIP; printf one | zstd -c; SKIP", "one", "one"),
    row("zstd", "printf one | zstd -c | head -c 9", CUT, ""),
    row(
        "zstd",
        "printf one | zstd -c; printf 'garbage, and more of it'",
        "it is broken: no zstd frame begins like this",
        "61",
    ),
];

const CUT: &str = "it ends in the middle";

/// A server that sends this content in this coding, whoever asks.
fn serving(coding: &str, content: &[u8]) -> Raw {
    let length = content.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    Raw::serve(vec![
        Step::ReadHead,
        send(&head),
        Step::Send(content.to_vec()),
        Step::Finish,
    ])
}

fn made_by(script: &str) -> Vec<u8> {
    let script = script.replace("SKIP", SKIPPABLE);
    let made = command("sh", &["-c", &script], Duration::from_secs(60));
    made.success().stdout
}

/// The text, or what is said to be wrong with it.
fn ours(url: &str) -> String {
    match run(Client::new().fetch(url)) {
        Ok(page) => page.text().unwrap().into(),
        Err(error) => {
            let line = error.to_string();
            let cause = line.split_once("the content can't be decoded: ");
            cause.unwrap_or_else(|| panic!("{line}")).1.to_owned()
        }
    }
}

#[test]
fn what_tools_pack_and_join_is_unpacked_or_said_to_be_broken() {
    let wrong: Vec<String> = ROWS
        .iter()
        .filter_map(|row| {
            let raw = serving(row.coding, &made_by(row.made_by));
            let ours = ours(&raw.url("/"));
            let curl = curl(&["--compressed", &raw.url("/")]);
            let curls = match curl.status.code() {
                Some(0) => curl.text(),
                code => code.unwrap_or(-1).to_string(),
            };
            let right = ours == row.ours && curls == row.curls;
            (!right).then(|| format!("{}\n\tours {ours:?}, curl's {curls:?}", row.made_by))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// pzstd writes many frames, and before each a skippable one with its length.
#[test]
fn pzstd() {
    let numbers = made_by("seq 1 2000000");
    let packed = made_by("seq 1 2000000 | pzstd -q -c -p 4 -1");
    assert_eq!(
        packed[..4],
        [0x50, 0x2a, 0x4d, 0x18],
        "a skippable frame first"
    );
    let raw = serving("zstd", &packed);
    let page = run(Client::new().fetch(raw.url("/"))).unwrap();
    assert!(page.bytes().unwrap() == numbers);
    let curl = curl(&["--compressed", &raw.url("/")]).success();
    assert!(curl.stdout == numbers);
}
