//! What the files' word changes: what is kept, and who is asked.

use std::fs;
use std::net::{SocketAddr, UdpSocket};

use super::*;
use crate::SYSTEM;
use crate::config::nsswitch;
use crate::wire::{A, Body, Record as Raw};

/// Of whatever was learned by the files as they were, nothing counts by the files as they are.
#[test]
fn a_change_of_the_files_drops_answers_and_demotions() {
    let folder = std::env::temp_dir().join(format!("evdns-change-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let write = |text: &str| fs::write(folder.join("resolv.conf"), text).unwrap();
    write("nameserver 192.0.2.1\nnameserver 192.0.2.2\n");
    let files = Files::of(folder.clone());
    let resolver = Resolver::new(From::System(Box::new(RefCell::new(files))));
    let name: Name = "host.example".parse().unwrap();
    let before = resolver.inner.state(&name).unwrap();
    let answer = Answer::of_records(vec![Raw {
        owner: name.clone(),
        rtype: A,
        ttl: 60,
        body: Body::A([192, 0, 2, 9].into()),
    }]);
    before.keep(&name, A, &answer, 0, before.now());
    before.server_failed(0);
    // The files are looked at once a turn.
    let turn = || evcore::run(evcore::sleep(evcore::ms(1))).unwrap();
    turn();
    let same = resolver.inner.state(&name).unwrap();
    assert!(same.at_hand(&name, A, same.now()).is_some());
    assert_eq!(same.first_server(), Some(1));
    write("nameserver 192.0.2.1\nnameserver 192.0.2.2\noptions timeout:1\n");
    turn();
    let after = resolver.inner.state(&name).unwrap();
    assert!(after.at_hand(&name, A, after.now()).is_none());
    assert_eq!(after.first_server(), Some(0));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_source_nobody_knows_is_left_to_the_system_and_told() {
    let mut configuration = Files::of("/nowhere".into()).read();
    configuration.sources = nsswitch::parse("hosts: wins dns");
    configuration.installed = vec![true, true];
    let habits = habits(&configuration);
    let resolver = Resolver::new(From::Caller(Box::new((configuration, habits))));
    let told = Rc::new(RefCell::new(Vec::new()));
    let note = told.clone();
    let tell = move |event: &crate::HandedOver| note.borrow_mut().push(event.to_string());
    let found = resolver.lookup("localhost").on(SYSTEM, tell);
    let found = evcore::run(found).unwrap();
    assert!(found.iter().all(IpAddr::is_loopback), "{found:?}");
    let expected = "localhost by getaddrinfo: wins in nsswitch.conf is not known";
    assert_eq!(told.borrow()[..], [expected]);
}

/// A server that knows one address, of every name.
fn knowing(address: [u8; 4]) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut message = [0; 512];
        while let Ok((length, peer)) = socket.recv_from(&mut message) {
            let name = message[12..length].iter().position(|&octet| octet == 0);
            let end = 12 + name.unwrap() + 5;
            let is_a = message[end - 3] == 1;
            // No EDNS, one answer if it is asked for.
            let mut reply = message[..end].to_vec();
            reply[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(is_a), 0, 0, 0, 0]);
            if is_a {
                reply.extend_from_slice(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04");
                reply.extend_from_slice(&address);
            }
            socket.send_to(&reply, peer).unwrap();
        }
    });
    at
}

/// As systemd sets it up on a machine whose resolv.conf is a file of one's own.
#[test]
fn resolve_asks_systemd_while_it_is_there() {
    let (theirs, resolved) = (knowing([192, 0, 2, 1]), knowing([192, 0, 2, 53]));
    let gone = UdpSocket::bind("127.0.0.1:0").unwrap();
    let closed = gone.local_addr().unwrap();
    drop(gone);
    let found = |door: &str, stub| {
        let mut configuration = Files::of("/nowhere".into()).read();
        configuration.resolv.servers = vec![theirs];
        configuration.sources = nsswitch::parse("hosts: resolve [!UNAVAIL=return] dns");
        configuration.installed = vec![true, true];
        configuration.resolved.door = door.into();
        configuration.resolved.stub = stub;
        let habits = habits(&configuration);
        let resolver = Resolver::new(From::Caller(Box::new((configuration, habits))));
        let found = || {
            evcore::run(resolver.lookup("host.example"))
                .unwrap()
                .to_vec()
        };
        let first = found();
        assert_eq!(found(), first, "what is known is known of the same");
        first
    };
    let address = |last| vec![IpAddr::from([192, 0, 2, last])];
    assert_eq!(found("/", resolved), address(53));
    assert_eq!(found("/", theirs), address(1));
    assert_eq!(found("/nowhere", resolved), address(1));
    assert_eq!(
        found("/", closed),
        address(1),
        "which is as good as not there"
    );
}
