//! What is particular to Unix-domain sockets.

use evcore::net::{UnixListener, UnixStream};

use super::*;

on_every_poller! {
    a_path_is_connected_to
    a_missing_path_says_so
    a_pair_talks
}

struct TempPath(std::path::PathBuf);

impl TempPath {
    fn new() -> TempPath {
        let thread = format!("{:?}", thread::current().id());
        let name = format!("evcore-net-{}-{thread}", std::process::id());
        TempPath(std::env::temp_dir().join(name))
    }
}

impl Drop for TempPath {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn a_path_is_connected_to() -> Result<()> {
    let path = TempPath::new();
    let listener = UnixListener::bind(&path.0)?;
    let server = listener.incoming().on(UnixListener::ACCEPTED, |stream| {
        let answering = stream.clone();
        stream
            .read_exact(4)
            .then(move |bytes| answering.write_all(&bytes[..2]));
    });
    let stream = in_time(UnixStream::connect(&path.0))?;
    assert_eq!(stream.peer(), Address::Unix(Some(path.0.clone())));
    stream.write_all("ping");
    assert_eq!(in_time(stream.read_exact(2))?, b"pi");
    assert_eq!(in_time(stream.read(2))?, b"");
    server.cancel();
    assert!(UnixListener::bind(&path.0).is_err(), "the file stays");
    Ok(())
}

fn a_missing_path_says_so() -> Result<()> {
    let path = TempPath::new();
    let error = in_time(UnixStream::connect(&path.0)).unwrap_err();
    let begin = format!("connect {}: ", path.0.display());
    assert!(error.to_string().starts_with(&begin), "{error}");
    let cause = error.downcast_ref::<io::Error>().unwrap();
    assert_eq!(cause.kind(), io::ErrorKind::NotFound);
    Ok(())
}

fn a_pair_talks() -> Result<()> {
    let (a, b) = UnixStream::pair()?;
    let sent = pattern(1_000_000);
    a.write_all(sent.clone());
    a.shutdown();
    let got = in_time(b.read_exact(sent.len()))?;
    assert!(got == sent);
    assert_eq!(in_time(b.read(1))?, b"");
    Ok(())
}

/// Runs this test again as a child that may have few descriptors.
#[test]
fn a_listener_waits_while_descriptors_are_short() {
    const CHILD: &str = "EVCORE_TEST_DESCRIPTORS_CHILD";
    if std::env::var_os(CHILD).is_some() {
        return short_of_descriptors().unwrap();
    }
    let status = std::process::Command::new("sh")
        .args(["-c", "ulimit -n 64; exec \"$0\" --exact \"$1\""])
        .arg(std::env::current_exe().unwrap())
        .arg("unix::a_listener_waits_while_descriptors_are_short")
        .env(CHILD, "1")
        .stdout(std::process::Stdio::null())
        .status();
    assert!(status.unwrap().success());
}

fn short_of_descriptors() -> Result<()> {
    let listener = TcpListener::bind(any())?;
    let accepted = Rc::new(Cell::new(0));
    let server = listener.incoming().on(TcpListener::ACCEPTED, {
        let accepted = accepted.clone();
        move |_| accepted.set(accepted.get() + 1)
    });
    let client = std::net::TcpStream::connect(listener.local_addr()?)?;
    let mut hoard = Vec::new();
    while let Ok(more) = client.try_clone() {
        hoard.push(more);
    }
    assert!(hoard.len() < 64, "the limit is not in force");
    let turns = Cell::new(0);
    let end = std::time::Instant::now() + ms(200);
    while std::time::Instant::now() < end {
        Reactor::current().turn(ms(20));
        turns.set(turns.get() + 1);
    }
    assert_eq!(accepted.get(), 0);
    assert!(turns.get() < 40, "it spins: {} turns", turns.get());
    assert!(!server.is_settled(), "it gave up");
    drop(hoard);
    while accepted.get() == 0 {
        Reactor::current().turn(secs(20));
    }
    Ok(())
}
