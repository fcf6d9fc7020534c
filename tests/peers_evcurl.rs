//! The command lines of `evcurl.rs` by curl and by evcurl: what they print, write and end with, and what the server got, have to be the same.

#[path = "evcurl/origin.rs"]
mod origin;
#[path = "evcurl/play.rs"]
mod play;
#[path = "evcurl/rows.rs"]
mod rows;

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
