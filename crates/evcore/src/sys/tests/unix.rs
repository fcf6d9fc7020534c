//! The same for Unix-domain sockets and adopted streams.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use super::*;

on_every_poller! {
    a_path_connects_two_streams
    an_adopted_end_stops_telling_though_a_duplicate_lives
}

use super::Bed;

fn a_path_connects_two_streams(bed: &Bed) {
    let thread = format!("{:?}", thread::current().id());
    let path = std::env::temp_dir().join(format!("evcore-{}-{thread}", std::process::id()));
    let listener = bed.world.listen_unix(token(1), &path).unwrap();
    let named = Address::Unix(Some(path.clone()));
    assert_eq!(listener.local_addr().unwrap(), named);
    let client = bed.world.connect_unix(token(2), &path).unwrap();
    let (server, from) = bed.insist(|| listener.accept(token(3)));
    assert_eq!(from, Address::Unix(None));
    assert_eq!(client.peer_addr().unwrap(), named);
    client.set_nodelay(true).unwrap();
    assert_eq!(bed.insist(|| write(&*client, b"hello")), 5);
    let mut buf = [0; 16];
    assert_eq!(bed.insist(|| server.read(&mut buf)), 5);
    client.shutdown(Shutdown::Both).unwrap();
    assert_eq!(bed.insist(|| server.read(&mut buf)), 0);
    std::fs::remove_file(&path).unwrap();
}

fn an_adopted_end_stops_telling_though_a_duplicate_lives(bed: &Bed) {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let mut duplicate = ours.try_clone().unwrap();
    let stream = bed.world.adopt(token(1), Adopted::Unix(ours)).unwrap();
    theirs.write_all(b"a").unwrap();
    assert_eq!(bed.insist(|| stream.read(&mut [0; 8])), 1);
    drop(stream);
    theirs.write_all(b"b").unwrap();
    assert_eq!(bed.wait(QUIET), []);
    assert_eq!(duplicate.read(&mut [0; 8]).unwrap(), 1);
}
