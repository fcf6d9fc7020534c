//! DNS servers of every temper on port 53 of several loopback addresses, until standard input ends. What is asked
//! decides what is answered: the first label of the name, below `example` or `corp.test`.

use std::io::Read;

use bed::dns::{DnsServer, Question, Reactions, name};

fn main() {
    let at = |address: &str, react: fn(&Question) -> Reactions| {
        DnsServer::at(format!("{address}:53").parse().expect("an address"), react)
    };
    let _servers = [
        at("127.0.0.1", zone),
        at("[::1]", zone),
        at("127.0.0.2", |question| vec![question.reply().code(2).bytes]),
        at("127.0.0.3", |_| vec![]),
        // Nobody is at 127.0.0.4.
        at("127.0.0.5", |question| vec![question.reply().code(5).bytes]),
        at("127.0.0.6", |question| {
            let mut lame = question.reply().bytes;
            (lame[2], lame[3]) = (0x80, 0);
            vec![lame]
        }),
        at("127.0.0.7", zone),
    ];
    println!("ready");
    drop(std::io::stdin().read_to_end(&mut Vec::new()));
}

const FOUR: &[&str] = &[
    "192.0.2.10",
    "10.77.0.9",
    "169.254.3.4",
    "10.77.0.200",
    "127.0.0.9",
    "198.51.100.3",
];
const SIX: &[&str] = &[
    "2001:db8:77::9",
    "fd00:77::5",
    "2002:c000:201::1",
    "2001:db8:1::1",
    "fec0::9",
    "2001:0:1::1",
    "::1",
];

fn zone(question: &Question) -> Reactions {
    let (owner, rtype) = (question.name.as_str(), question.rtype);
    let reply = question.reply();
    let known = owner.ends_with(".example") || owner.ends_with(".corp.test");
    let (is_a, label) = (rtype == 1, owner.split('.').next().unwrap_or_default());
    let negative = |code| question.reply().code(code).negative(60);
    if !known {
        return vec![negative(3).bytes];
    }
    let both = |reply: bed::dns::Reply, owner: &str| match is_a {
        true => reply
            .address(owner, "192.0.2.1")
            .address(owner, "192.0.2.2"),
        false => reply
            .address(owner, "2001:db8::1")
            .address(owner, "2001:db8:77::2"),
    };
    let all = |reply: bed::dns::Reply, addresses: &[&str]| {
        addresses
            .iter()
            .fold(reply, |reply, ip| reply.address(owner, ip))
    };
    let answer = match label {
        "both" => both(reply, owner),
        "v4" if is_a => reply.address(owner, "192.0.2.4"),
        "v6" if !is_a => reply.address(owner, "2001:db8::6"),
        "v4" | "v6" | "none" => negative(0),
        "servfail" => reply.code(2),
        "refused" => reply.code(5),
        "notimp" => reply.code(4),
        "formerr" => reply.code(1),
        "silent" => return vec![],
        "cut" if !question.over_tcp => reply.truncated(),
        "cut" => both(reply, owner),
        "cutoff" if !question.over_tcp => reply.truncated(),
        "cutoff" => return vec![],
        "alias" => both(reply.alias(owner, "target.example"), "target.example"),
        "aliasonly" => reply.alias(owner, "target.example"),
        "aliasnx" => reply.alias(owner, "target.example").code(3),
        "aliasodd" => both(reply.alias(owner, "-odd.example"), "-odd.example"),
        "chain" => {
            let link = |n: usize| {
                if n == 0 {
                    owner.to_owned()
                } else {
                    format!("n{n}.example")
                }
            };
            let reply = (0..9).fold(reply, |reply, n| reply.alias(&link(n), &link(n + 1)));
            both(reply, &link(9))
        }
        "circle" => reply
            .alias(owner, "other.example")
            .alias("other.example", owner),
        "halffail" if is_a => reply.address(owner, "192.0.2.5"),
        "halffail" => reply.code(2),
        "halfnx" if is_a => reply.address(owner, "192.0.2.6"),
        "halfnx" => negative(3),
        "nxnone" if is_a => negative(3),
        "nxnone" => negative(0),
        "halfsilent" if !is_a => reply.address(owner, "2001:db8::8"),
        "halfsilent" => return vec![],
        "junk" => reply.record(owner, 16, 60, b"\x04junk"),
        "halfjunk" if is_a => reply.record(owner, 16, 60, b"\x04junk"),
        "halfjunk" => reply.address(owner, "2001:db8::7"),
        "many" => all(reply, if is_a { FOUR } else { SIX }),
        "yam" => all(
            reply,
            &if is_a { FOUR } else { SIX }
                .iter()
                .rev()
                .copied()
                .collect::<Vec<_>>(),
        ),
        "mapped" if !is_a => reply.address(owner, "::ffff:192.0.2.7"),
        "mapped" => negative(0),
        "twice" => both(both(reply, owner), owner),
        "a_b" => both(reply, owner),
        "dname" => both(
            reply
                .record("example", 39, 60, &name("corp.test"))
                .alias(owner, "x.corp.test"),
            "x.corp.test",
        ),
        _ => negative(3),
    };
    vec![answer.bytes]
}
