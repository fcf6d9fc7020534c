//! Everyday tasks by evhttp and by reqwest, run against one server: `cargo run -p tasks` demands that both come to the
//! same result (or both fail), and that docs/tasks.md is what they are and say; `-- --write` writes that page.
//!
//! Here: the list. Never here: how a task is done (`ours`, `theirs`), or what is counted (`page`).

mod ours;
mod page;
mod server;
mod theirs;

use server::Site;
use std::error::Error;
use std::process::ExitCode;

/// A task, and both ways to do it.
struct Task {
    name: &'static str,
    what: &'static str,
    ours: fn(&Site) -> evcore::Result<String>,
    theirs: fn(&Site) -> Result<String, Box<dyn Error>>,
}

macro_rules! tasks {
    ($($name:ident $what:literal)*) => {
        &[$(Task { name: stringify!($name), what: $what, ours: ours::$name, theirs: theirs::$name }),*]
    };
}

const TASKS: &[Task] = tasks! {
    text "get a page as text"
    status "its status"
    field "a field of its head"
    bytes "its bytes"
    send_field "send a field of one's own"
    agent "a field with every request of a client"
    query "put a query together"
    form "post a form"
    post_json "post JSON"
    read_json "read JSON"
    put_it "put bytes"
    delete_it "delete"
    head_of "ask for the head alone"
    options "any other method"
    basic "name and password"
    bearer "a token"
    final_url "where redirects have led"
    no_redirects "follow no redirect"
    cookies "keep cookies between requests"
    range "a part of a document"
    gzip "compressed content"
    save "save a page to a file"
    upload "put a file"
    multipart "a form with a file"
    several "two pages at once"
    progress "tell how far it has come"
    proxy "go through a proxy"
    resolve "say what address a name has"
    deadline "give it a second (it fails)"
    refused "nobody listens (it fails)"
    bad_url "a URL that is none (it fails)"
    not_found "404 is an error (it fails)"
};

fn main() -> ExitCode {
    let writes = std::env::args().nth(1).as_deref() == Some("--write");
    match run(writes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tasks: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(writes: bool) -> Result<(), Box<dyn Error>> {
    let site = Site::open()?;
    let mut rows = Vec::new();
    for task in TASKS {
        let (ours, theirs) = ((task.ours)(&site), (task.theirs)(&site));
        let said = match (ours, theirs) {
            (Ok(ours), Ok(theirs)) if ours == theirs => None,
            (Err(ours), Err(theirs)) => Some([
                site.anonymous(&ours.to_string()),
                site.anonymous(&theirs.to_string()),
            ]),
            (ours, theirs) => return Err(format!("{}: {ours:?} and {theirs:?}", task.name).into()),
        };
        rows.push(page::Row::new(task.name, task.what, said)?);
    }
    page::keep(&rows, writes)
}
