//! Looks up each name among the arguments with evdns, and prints a line for each: what `getaddrinfo/caller.c` prints.
//!
//! With `--fresh` first, each look-up has a resolver of its own, which has learned nothing of the servers yet.

use std::net::SocketAddr;

use evcore::Result;
use evdns::Resolver;

fn main() -> Result<()> {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    let fresh = names.first().is_some_and(|name| name == "--fresh");
    if fresh {
        names.remove(0);
    }
    for name in names {
        let resolver = if fresh {
            Resolver::system()
        } else {
            Resolver::current()
        };
        match evcore::run(resolver.lookup_host((&name, 0))) {
            Ok(found) => println!("{name}{}", found.into_iter().map(shown).collect::<String>()),
            Err(error) => {
                let code = error
                    .downcast_ref::<evdns::Error>()
                    .map_or("?", evdns::Error::eai);
                println!("{name} {code}");
            }
        }
    }
    Ok(())
}

fn shown(addr: SocketAddr) -> String {
    match addr {
        SocketAddr::V4(addr) => format!(" {}", addr.ip()),
        SocketAddr::V6(addr) => {
            let groups = addr.ip().segments().map(|group| format!("{group:x}"));
            format!(" {}%{}", groups.join(":"), addr.scope_id())
        }
    }
}
