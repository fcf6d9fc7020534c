//! What a program does when the network fails it: it exits at once with look-ups pending, steps around dead servers and
//! black holes, and sees a new resolv.conf.

use std::cell::RefCell;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bed::dns::{DnsServer, Question};
use evcore::run;
use evdns::{A, ErrorKind, lookup, resolve};

use super::namespace::{OWN_V4, OWN_V6, alone, sh};

/// A program with a thousand look-ups pending ends at once, and had no thread to wait for.
#[test]
fn a_thousand_look_ups_pending_do_not_hold_the_exit() {
    let server = DnsServer::start(|_| vec![]);
    let exit = || {
        let leaving = Command::new(env!("CARGO_BIN_EXE_leaving"))
            .arg(server.address().to_string())
            .output()
            .expect("it is built");
        let ended = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("a clock");
        let said = String::from_utf8_lossy(&leaving.stdout).into_owned();
        let (threads, left) = said.trim().split_once(' ').expect("two numbers");
        assert_eq!(threads, "1", "{said}");
        ended.saturating_sub(Duration::from_micros(left.parse().expect("microseconds")))
    };
    // The machine may be busy with something else; not each time. Who waited for a look-up would take minutes.
    let best = (0..5).map(|_| exit()).min().expect("five");
    println!("exit with 1,000 look-ups pending: {best:?}");
    assert!(best < Duration::from_secs(1), "{best:?}");
}

/// Answers any name with this address, and `missing` ones with NXDOMAIN.
fn answering(ip: &'static str) -> impl Fn(&Question) -> Vec<Vec<u8>> {
    move |question| {
        let reply = question.reply();
        vec![
            match (question.name.starts_with("missing"), question.rtype) {
                (true, _) => reply.code(3).negative(0).bytes,
                (false, 1) => reply.address(&question.name, ip).bytes,
                (false, _) => reply.negative(0).bytes,
            },
        ]
    }
}

fn at(ip: &str) -> SocketAddr {
    SocketAddr::new(ip.parse().expect("an address"), 53)
}

#[test]
fn a_new_resolv_conf_is_seen_by_the_next_look_up() {
    alone("a_new_resolv_conf_is_seen_by_the_next_look_up", || {
        let _one = DnsServer::at(at("127.0.0.1"), answering("192.0.2.1"));
        let _two = DnsServer::at(at("127.0.0.2"), answering("192.0.2.2"));
        let found = |name: &str| run(lookup(name)).unwrap()[0].to_string();
        fs::write("/etc/resolv.conf", "nameserver 127.0.0.1\n").unwrap();
        assert_eq!(found("a.example"), "192.0.2.1");
        fs::write("/etc/resolv.conf", "nameserver 127.0.0.2\n").unwrap();
        assert_eq!(found("b.example"), "192.0.2.2", "written anew");
        fs::write("/etc/new", "nameserver 127.0.0.1\n").unwrap();
        fs::rename("/etc/new", "/etc/resolv.conf").unwrap();
        assert_eq!(found("c.example"), "192.0.2.1", "another file");
        fs::write("/etc/target", "nameserver 127.0.0.2\n").unwrap();
        fs::remove_file("/etc/resolv.conf").unwrap();
        std::os::unix::fs::symlink("/etc/target", "/etc/resolv.conf").unwrap();
        assert_eq!(found("d.example"), "192.0.2.2", "a link");
        fs::write("/etc/target", "nameserver 127.0.0.1\n").unwrap();
        assert_eq!(found("e.example"), "192.0.2.1", "where a link leads");
    });
}

/// The first of three servers is dead. Its turn comes again when it is probed, and nobody waits for that.
#[test]
fn a_dead_server_costs_the_first_query_alone() {
    alone("a_dead_server_costs_the_first_query_alone", || {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let _dead = DnsServer::at(at("127.0.0.1"), move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            vec![]
        });
        let _two = DnsServer::at(at("127.0.0.2"), answering("192.0.2.2"));
        let _three = DnsServer::at(at("127.0.0.3"), answering("192.0.2.3"));
        let servers =
            "nameserver 127.0.0.1\nnameserver 127.0.0.2\nnameserver 127.0.0.3\noptions timeout:1\n";
        fs::write("/etc/resolv.conf", servers).unwrap();
        run(resolve::<A>("first.example")).unwrap();
        let (began, before) = (Instant::now(), asked.load(Ordering::Relaxed));
        let mut times = [Vec::new(), Vec::new()];
        for n in 0..400 {
            let began = Instant::now();
            match run(resolve::<A>(format!("n{n}.example"))) {
                Ok(found) => assert_eq!(found[0].to_string(), "192.0.2.2"),
                Err(error) => panic!("{error}"),
            }
            times[0].push(began.elapsed());
            let began = Instant::now();
            let error = run(resolve::<A>(format!("missing{n}.example"))).unwrap_err();
            let error = error.downcast_ref::<evdns::Error>().expect("ours");
            assert_eq!(error.kind(), ErrorKind::NoName);
            times[1].push(began.elapsed());
        }
        let p99 = times.map(|mut times| {
            times.sort();
            times[times.len() * 99 / 100]
        });
        println!(
            "one of three servers dead: p99 {:?} for answers, {:?} for NXDOMAIN",
            p99[0], p99[1]
        );
        let probes = asked.load(Ordering::Relaxed) - before;
        let allowed = 1 + began.elapsed().as_secs() as usize / 5;
        assert!(
            probes <= allowed,
            "{probes} questions went to the dead server"
        );
        assert!(
            p99.iter().all(|p99| *p99 < Duration::from_millis(500)),
            "{p99:?}: they wait for the dead one, whose time is 1 s"
        );
    });
}

/// A name with both kinds of addresses, whose IPv6 packets vanish: evhttp by evdns, as anybody would call it.
#[test]
fn an_ipv6_black_hole_costs_a_quarter_of_a_second() {
    alone("an_ipv6_black_hole_costs_a_quarter_of_a_second", || {
        let _server = DnsServer::at(at("127.0.0.1"), |question| {
            let reply = question.reply();
            vec![match question.rtype {
                1 => reply.address(&question.name, OWN_V4).bytes,
                _ => reply.address(&question.name, OWN_V6).bytes,
            }]
        });
        fs::write("/etc/resolv.conf", "nameserver 127.0.0.1\n").unwrap();
        let ports = [OWN_V4, OWN_V6].map(|ip| {
            let ip: IpAddr = ip.parse().expect("an address");
            evhttp::serve(SocketAddr::new(ip, 80), |_| "here").expect("a free port")
        });
        let reached = |name: &str| {
            let (peer, seen) = (Rc::new(RefCell::new(String::new())), Instant::now());
            let note = peer.clone();
            let page = evhttp::fetch(format!("http://{name}/")).on(evhttp::CONNECTED, move |c| {
                *note.borrow_mut() = c.peer.to_string()
            });
            assert_eq!(run(page).unwrap().text().unwrap(), "here");
            (peer.take(), seen.elapsed())
        };
        let (peer, took) = reached("open.example");
        println!("{peer} after {took:?}");
        assert_eq!(peer, format!("[{OWN_V6}]:80"), "IPv6 is first choice");
        sh(&format!(
            "nft add table inet hole
            nft add chain inet hole out '{{ type filter hook output priority 0; }}'
            nft add rule inet hole out ip6 daddr {OWN_V6} drop"
        ));
        let (peer, took) = reached("closed.example");
        println!("IPv6 black hole: {peer} after {took:?}");
        assert_eq!(peer, format!("{OWN_V4}:80"));
        assert!(
            took >= Duration::from_millis(250),
            "{took:?}: IPv6 had no head start"
        );
        assert!(took < Duration::from_secs(10), "{took:?}");
        drop(ports);
    });
}
