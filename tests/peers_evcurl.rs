//! The command lines of `evcurl.rs` by curl and by evcurl: what they print, write and end with, and what the server got, have to be the same.

#[path = "evcurl/origin.rs"]
mod origin;
#[path = "evcurl/play.rs"]
mod play;
#[path = "evcurl/rows.rs"]
mod rows;

use bed::Raw;
use play::Stage;
use rows::ROWS;

#[test]
fn curl_and_evcurl_do_the_same() {
    let stage = Stage::new();
    let mut wrong = Vec::new();
    for row in ROWS {
        // No file of the user's own (-q), which is only heeded in front.
        let words = [&["-q", "-sS", "--noproxy", "*"], row.words].concat();
        let (curl, _) = stage.play("curl", &words);
        let (ours, _) = stage.play(env!("CARGO_BIN_EXE_evcurl"), &words);
        let (curl, ours) = (row.comparable(curl), row.comparable(ours));
        wrong.extend(row.judge(&stage, &curl).map(|why| format!("curl {why}")));
        if curl != ours {
            wrong.push(format!("{words:?}\n  curl   {curl:?}\n  evcurl {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Names in their case and order too, and so all of a request that has no body to be asked for.
#[test]
fn requests_are_the_same_to_the_byte() {
    let stage = Stage::new();
    let fields = [
        "-H",
        "X-ApiKey: 1",
        "-H",
        "SOAPAction: \"a\"",
        "-H",
        "x-lower: 2",
        "-H",
        "X-apikey: 3",
    ];
    let lines: [&[&str]; 7] = [
        &["{raw}/a?b=c"],
        &[
            "-H",
            "Host: b.example",
            "-H",
            "Accept:",
            "-H",
            "User-Agent: you",
            "{raw}/",
        ],
        &["-H", "DNT: 1", "-H", "TE: trailers", "{raw}/"],
        &["-d", "a=b", "-H", "X-ApiKey: 1", "{raw}/"],
        &[
            "--data-binary",
            "abc",
            "-H",
            "Content-Type: text/xml",
            "-H",
            "SOAPAction: \"a\"",
            "{raw}/",
        ],
        &[
            "-u",
            "me:secret",
            "-e",
            "http://c.example/",
            "-r",
            "0-4",
            "-b",
            "a=b",
            "{raw}/",
        ],
        &["-X", "DELETE", "-H", "content-length: 0", "{raw}/"],
    ];
    for line in lines {
        let sent = |program: &str| {
            let raw =
                Raw::answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let line = line.iter().map(|word| word.replace("{raw}", &raw.url("")));
            let words = ["-q", "-sS", "--noproxy", "*", "-A", "me"]
                .into_iter()
                .chain(fields);
            let words: Vec<String> = words.map(str::to_owned).chain(line).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let (done, complaint) = stage.play(program, &words);
            assert_eq!(done.code, Some(0), "{program} {words:?} {complaint}");
            raw.seen()[0]
                .text()
                .replace(&raw.address().to_string(), "SERVER")
        };
        assert_eq!(sent(env!("CARGO_BIN_EXE_evcurl")), sent("curl"), "{line:?}");
    }
}
