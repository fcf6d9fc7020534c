//! Bodies that go into files: all of it or none, whatever happens on the way.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bed::raw::{Raw, Step, send};
use bed::{TempDir, pattern, wait_until};
use bytes::Bytes;
use evcore::{Kind, Promise, Reactor, run, sleep};
use evhttp::http::StatusCode;
use evhttp::{Body, CHUNK, Error, ErrorKind, PROGRESS, Pieces, Response, fetch, get, serve};

use crate::{LIMIT, OK};

/// For a helper thread on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<String> = entries
        .map(|entry| name(entry).into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Turns until something is so, which the loop and its helpers bring about.
#[track_caller]
fn turn_until(ready: impl Fn() -> bool) {
    let reactor = Reactor::current();
    assert!(wait_until(PATIENCE, || {
        reactor.turn(Duration::ZERO);
        ready()
    }));
}

fn pieces(count: usize, piece: &'static [u8]) -> Body {
    let mut left = count;
    Body::from_fn(None, move || {
        let more = left.checked_sub(1);
        left = more.unwrap_or(0);
        Promise::ready(more.map(|_| Bytes::from_static(piece)))
    })
}

#[test]
fn a_streamed_page_is_saved_and_tells_how_far_it_is() {
    let folder = TempDir::new("save");
    let path = folder.join("big");
    let size = 3_000_000;
    let content = Bytes::from(pattern::bytes(size));
    let sent = content.clone();
    let server = serve("127.0.0.1:0", move |_| sent.clone()).unwrap();
    let url = format!("http://{}/", server.local_addr());
    let (last, chunks) = (Rc::new(Cell::new(None)), Rc::new(Cell::new(0)));
    let (told, count) = (last.clone(), chunks.clone());
    let page = run(get(url).stream()).unwrap();
    let saved = page
        .save(&path)
        .on(PROGRESS, move |p| told.set(Some((p.received, p.total))))
        .on(CHUNK, move |piece| count.set(count.get() + piece.len()));
    assert_eq!(run(saved).unwrap(), size as u64);
    assert!(fs::read(&path).unwrap() == content);
    assert_eq!(names(folder.path()), ["big"]);
    assert_eq!(last.get(), Some((size as u64, Some(size as u64))));
    assert_eq!(chunks.get(), size);
    let again = run(page.save(&path)).unwrap_err();
    let taken = again.downcast_ref::<Error>().unwrap();
    assert!(matches!(taken.kind(), ErrorKind::BodyTaken), "{again}");
    assert!(again.to_string().starts_with("save /"), "{again}");
}

#[test]
fn a_whole_page_is_saved_and_still_readable() {
    let folder = TempDir::new("save");
    let raw = Raw::serve(vec![Step::ReadHead, send(OK)]);
    let page = run(fetch(raw.url("/"))).unwrap();
    let path = folder.join("ok");
    assert_eq!(run(page.save(&path)).unwrap(), 2);
    assert_eq!(run(page.save(folder.join("ok too"))).unwrap(), 2);
    assert_eq!(fs::read_to_string(&path).unwrap(), page.text().unwrap());
    let empty = Response::new(StatusCode::NO_CONTENT);
    assert_eq!(run(empty.save(folder.join("none"))).unwrap(), 0);
    assert_eq!(names(folder.path()), ["none", "ok", "ok too"]);
}

/// Many small pieces are one write, and none is lost where the writes end.
#[test]
fn small_pieces_are_gathered_and_stay_in_order() {
    let folder = TempDir::new("save");
    let path = folder.join("lines");
    let lines: Vec<Bytes> = (0..50_000)
        .map(|n| format!("line {n:06}\n").into())
        .collect();
    let whole = lines.concat();
    // While a write is under way nobody asks for pieces: its end is seen in the length that the next ones find.
    let lengths = Rc::new(RefCell::new(BTreeSet::new()));
    let (seen, inside) = (lengths.clone(), folder.path().to_owned());
    let body = Body::pieces(Ready(lines.into_iter(), move || {
        let part = inside.join(&names(&inside)[0]);
        seen.borrow_mut().insert(fs::metadata(part).unwrap().len());
    }));
    assert_eq!(run(body.save(&path)).unwrap(), whole.len() as u64);
    assert!(fs::read(&path).unwrap() == whole);
    let writes = whole.len().div_ceil(evhttp::limits::FILE_PIECE);
    assert!(lengths.borrow().len() <= writes + 1, "{lengths:?}");
}

/// Each a turn of its own, and a helper: as many as it takes for a wake-up that goes astray to be noticed.
#[test]
fn pieces_that_come_one_by_one_are_each_written() {
    let folder = TempDir::new("save");
    let path = folder.join("lines");
    let mut numbers = 0..20_000;
    let line = |n| Bytes::from(format!("line {n:06}\n"));
    let whole = numbers.clone().map(line).collect::<Vec<_>>().concat();
    let body = Body::from_fn(None, move || Promise::ready(numbers.next().map(line)));
    let saved = run(body.save(&path).timeout(3 * PATIENCE)).unwrap();
    assert_eq!(saved, whole.len() as u64);
    assert!(fs::read(&path).unwrap() == whole);
}

/// Pieces that are all there, and what is done when one is asked for.
struct Ready<F>(std::vec::IntoIter<Bytes>, F);

impl<F: Fn() + 'static> Pieces for Ready<F> {
    fn poll_piece(&mut self, _: &mut Context<'_>) -> Poll<Option<evcore::Result<Bytes>>> {
        self.1();
        Poll::Ready(self.0.next().map(Ok))
    }

    fn length(&self) -> Option<u64> {
        None
    }
}

#[test]
fn what_breaks_off_leaves_what_was_there() {
    let folder = TempDir::new("save");
    let path = folder.join("file");
    fs::write(&path, "before").unwrap();
    let begun = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
    let raw = Raw::serve(vec![Step::ReadHead, send(begun), Step::Finish]);
    let page = run(get(raw.url("/")).stream()).unwrap();
    let error = run(page.save(&path)).unwrap_err();
    let line = error.to_string();
    let begin = format!("save {}: body http://", path.display());
    assert!(line.starts_with(&begin), "{line}");
    assert!(
        line.ends_with("the peer closed the connection after 4 of 10 bytes of the body"),
        "{line}"
    );
    assert!(error.downcast_ref::<Error>().is_some(), "its parts");
    assert_eq!(fs::read_to_string(&path).unwrap(), "before");
    assert!(wait_until(PATIENCE, || names(folder.path()) == ["file"]));
}

#[test]
fn who_gives_it_up_leaves_nothing() {
    let folder = TempDir::new("save");
    let begun = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
    let raw = Raw::serve(vec![Step::ReadHead, send(begun), Step::Pause(LIMIT)]);
    let path = folder.join("file");
    let page = run(get(raw.url("/")).stream()).unwrap();
    let saving = page.save(&path);
    turn_until(|| !names(folder.path()).is_empty());
    let part = names(folder.path()).remove(0);
    assert!(
        part.starts_with(".evhttp-") && part.ends_with(".part"),
        "{part}"
    );
    saving.cancel();
    assert_eq!(run(saving).unwrap_err().kind(), Kind::Cancelled);
    assert!(wait_until(PATIENCE, || names(folder.path()).is_empty()));
}

/// Not even where there is no loop any more that could ask a helper.
#[test]
fn a_closed_reactor_leaves_nothing() {
    let folder = TempDir::new("save");
    let path = folder.join("file");
    let reactor = Reactor::new().unwrap();
    let entered = reactor.enter();
    let never = Body::from_fn(None, || sleep(Duration::from_secs(3_600)).then(|()| None));
    let saving = never.save(&path);
    turn_until(|| !names(folder.path()).is_empty());
    drop((saving, entered, reactor));
    assert!(wait_until(PATIENCE, || names(folder.path()).is_empty()));
}

#[test]
fn errors_name_the_file() {
    let folder = TempDir::new("save");
    fs::write(folder.join("file"), "").unwrap();
    let save = |name: &str| {
        let path = folder.join(name);
        let error = run(Body::from("content").save(&path)).unwrap_err();
        assert!(error.downcast_ref::<std::io::Error>().is_some());
        assert_eq!(error.kind(), Kind::Io);
        let begin = format!("save {}: ", path.display());
        let line = error.to_string();
        line.strip_prefix(&begin).expect(&line).to_owned()
    };
    assert_eq!(save("no/such"), "No such file or directory (os error 2)");
    assert_eq!(save("file/in"), "Not a directory (os error 20)");
    assert_eq!(save(""), "Is a directory (os error 21)");
    assert_eq!(names(folder.path()), ["file"]);
}

/// A pipe of the test's own: were it replaced, as a file is, no device of this machine would go with it.
#[cfg(unix)]
#[test]
fn a_pipe_is_written_as_it_is() {
    use std::os::unix::fs::FileTypeExt;
    let folder = TempDir::new("save");
    let pipe = folder.join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let source = pipe.clone();
    let reader = std::thread::spawn(move || fs::read(source));
    assert_eq!(run(pieces(50, b"content").save(&pipe)).unwrap(), 350);
    // Before the reader, who would wait for ever for what goes to another file.
    assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
    assert_eq!(names(folder.path()), ["pipe"]);
    assert_eq!(reader.join().unwrap().unwrap().len(), 350);
}

/// While a write is under way, nothing is read: what is held is one round of pieces.
#[cfg(unix)]
#[test]
fn a_slow_disk_slows_the_sender_down() {
    const PIECE: usize = 4_096;
    let folder = TempDir::new("save");
    let pipe = folder.join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let (go, gone) = std::sync::mpsc::channel();
    let source = pipe.clone();
    let reader = std::thread::spawn(move || {
        let mut source = fs::File::open(source).unwrap();
        gone.recv().unwrap();
        std::io::copy(&mut source, &mut std::io::sink()).unwrap()
    });
    let asked = Rc::new(Cell::new(0));
    let count = asked.clone();
    let pieces = vec![Bytes::from_static(&[7; PIECE]); 1_000];
    let body = Body::pieces(Ready(pieces.into_iter(), move || {
        count.set(count.get() + 1);
    }));
    let saving = body.save(&pipe);
    turn_until(|| asked.get() > 0);
    run(sleep(Duration::from_millis(100))).unwrap();
    assert!(!saving.is_settled());
    assert!(
        asked.get() * PIECE <= evhttp::limits::FILE_PIECE + PIECE,
        "{}",
        asked.get()
    );
    go.send(()).unwrap();
    assert_eq!(run(saving).unwrap(), 1_000 * PIECE as u64);
    assert_eq!(reader.join().unwrap(), 1_000 * PIECE as u64);
}

#[cfg(unix)]
#[test]
fn permissions_and_links_stay() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    let folder = TempDir::new("save");
    let (file, link) = (folder.join("file"), folder.join("link"));
    fs::write(&file, "before, and longer than after").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o4640)).unwrap();
    symlink("file", &link).unwrap();
    run(Body::from("after").save(&link)).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "after");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o640);
    assert_eq!(names(folder.path()), ["file", "link"]);
}
